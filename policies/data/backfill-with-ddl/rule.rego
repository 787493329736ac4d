# METADATA
# title: Rows are written while a table is locked
# description: |
#   An UPDATE, DELETE, MERGE or INSERT ... SELECT after a schema change in the same transaction makes everybody wait for the schema
#   change's lock until the last row is written. Writes of one row by its key, of batches and of literal rows are left alone.
# custom:
#   severity: warning
#   remedy: Write the rows outside of the migration that changes the schema, in batches.
#   on: [update, delete, insert, merge]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY);
#   bad: |
#     BEGIN;
#     SET LOCAL lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN region text;
#     UPDATE orders SET region = 'eu' WHERE region IS NULL;
#     COMMIT;
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN region text;
# schemas:
#   - input: schema.facts
package pmcheck.rules["backfill-with-ddl"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.statements
import data.pmcheck.lib.writes

findings contains sizes.told(finding.on(statement, message, remedy(statement)), statement) if {
	some [_, statement, "backfill-with-ddl"] in writes.judged
	held := locks.held(statement)[0]
	message := sprintf(
		"%s runs while this transaction still holds %s lock on %s from line %d: %s waits until the last row is written",
		[
			statements.in_words(statement),
			concat(" ", [locks.article(held.lock), held.lock]),
			held.relation,
			held.line,
			locks.who_waits(held, held.relation),
		],
	)
}

remedy(statement) := writes.in_batches(statement) if {
	statement.kind == "update"
} else := "Move it to a later migration, or better to a job that writes in batches, so that the lock is gone before it begins."
