# METADATA
# title: A column's new type holds less
# description: |
#   Some value of the column's old type does not fit into the new one: the migration fails on the first row that has one, or the value
#   is cut or rounded; and running code that writes such a value fails from then on.
# custom:
#   severity: warning
#   remedy: Look for values that do not fit first, and keep new ones out with a CHECK.
#   on: [alter_column_type, add_column]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, ALTER TABLE, SET DATA TYPE
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, code text);
#   bad: |
#     ALTER TABLE orders ALTER COLUMN code TYPE varchar(20);
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE orders ADD CONSTRAINT orders_code_length CHECK (length(code) <= 20) NOT VALID;
# schemas:
#   - input: schema.facts
package pmcheck.rules["type-narrowed"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains finding.on(statement, message, remedy(statement)) if {
	some index, [_, statement] in statements.forward
	statement.kind == "alter_column_type"
	statement.narrows
	not statement.on_new_relation
	not statements.made_here(index, statement)
	message := sprintf("%s.%s becomes %s: some values of %s do not fit, and fail the migration or are cut", [
		statement.relation,
		sql.name(statement.column),
		statement.type,
		statement.from_type,
	])
}

remedy(statement) := sql.remedy([
	"Look for values that are too long first, and keep new ones out:",
	sql.code("SELECT count(*) FROM %s WHERE length(%s) > %s;", [statement.relation, name, limit]),
	sql.code("ALTER TABLE %s ADD CONSTRAINT %s CHECK (length(%s) <= %s) NOT VALID;", [
		statement.relation,
		sql.made_up([sql.bare(statement.relation), statement.column, "length"]),
		name,
		limit,
	]),
	"That CHECK, once validated, does the limit's work; the type can stay.",
]) if {
	name := sql.name(statement.column)
	regex.match(`^(text|character varying(\([0-9]+\))?)$`, statement.from_type)
	limit := regex.find_all_string_submatch_n(`^(?:varchar|character varying)\(([0-9]+)\)$`, statement.type, 1)[0][1]
} else := "Look for values that do not fit first, and let the code stop writing them; or add a column of the new type and move over."
