# METADATA
# title: A table is emptied
# description: |
#   TRUNCATE deletes every row, fires no row trigger and no down migration brings them back; with CASCADE it empties every table
#   that references this one as well. It takes an ACCESS EXCLUSIVE lock on all of them.
#   Tables that the same change creates are left alone.
# custom:
#   severity: error
#   remedy: Delete the rows that must go, by a condition and in batches.
#   on: [truncate]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, TRUNCATE
#   given: |
#     CREATE TABLE sessions (id bigint PRIMARY KEY, expires_at timestamptz NOT NULL);
#   bad: |
#     TRUNCATE sessions;
#   good: |
#     DELETE FROM sessions WHERE ctid = ANY (ARRAY(SELECT ctid FROM sessions WHERE expires_at < now() LIMIT 1000));
# schemas:
#   - input: schema.facts
package pmcheck.rules.truncates

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains sizes.told(finding.on(statement, message, remedy), statement) if {
	some [_, statement] in statements.forward
	statement.kind == "truncate"
	emptied := locks.sentence({lock.relation | some lock in locks.blocking(statement)})
	emptied != ""
	message := sprintf("TRUNCATE deletes every row of %s for good", [emptied])
	remedy := sql.remedy([
		"Delete the rows that must go, in batches, outside of the migration, until none is deleted; add the condition that they meet:",
		sql.delete_batch(statement),
		"If all of them must go, say why above the statement: `-- pmcheck:ignore truncates: a cache, filled again by the next run`.",
	])
}
