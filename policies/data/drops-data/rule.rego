# METADATA
# title: Data is dropped
# description: |
#   A dropped table or column takes its data with it. No down migration brings it back.
#   Tables and columns that the same change creates are left alone.
# custom:
#   severity: warning
#   remedy: Drop it when no release reads it any more and a copy of what may be needed exists.
#   on: [drop_table, drop_column, drop_schema, drop_extension, drop_type, add_column]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, ALTER TABLE, DROP COLUMN
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, legacy_name text);
#   bad: |
#     ALTER TABLE orders DROP COLUMN legacy_name;
#   good: |
#     COMMENT ON COLUMN orders.legacy_name IS 'unused since 1.4, to be dropped in 1.6';
# schemas:
#   - input: schema.facts
package pmcheck.rules["drops-data"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.sizes
import data.pmcheck.lib.statements

findings contains sizes.told(finding.on(statement, message, remedy), statement) if {
	some index, [_, statement] in statements.forward
	startswith(statement.kind, "drop_")
	statement.lost != ""
	not statement.on_new_relation
	not statements.made_here(index, statement)
	message := sprintf("%s deletes the data of %s for good", [statements.in_words(statement), statement.lost])
}

remedy := concat(" ", [
	"Drop it in a pull request of its own, once no running release uses it, and keep a copy of what may be needed.",
	"When that is done, say so above the statement: `-- pmcheck:ignore drops-data: unused since 1.4, copied to the archive`.",
])
