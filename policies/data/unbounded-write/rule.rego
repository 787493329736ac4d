# METADATA
# title: Every row is written
# description: |
#   DELETE without WHERE deletes every row; that is an error. UPDATE without WHERE writes every row again in one transaction: it locks
#   all of them until it ends, doubles the table until a VACUUM, and makes replicas lag; that is a warning.
#   Tables that the same change creates are left alone, and for UPDATE tables known to be small.
# custom:
#   severity: error
#   remedy: Say which rows, and write them in batches outside of the migration.
#   on: [update, delete]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, 13.3.2 Row-Level Locks
#     - PostgreSQL manual, 24.1.2 Recovering Disk Space
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, status text);
#   bad: |
#     DELETE FROM orders;
#   good: |
#     DELETE FROM orders WHERE id = 42;
# schemas:
#   - input: schema.facts
package pmcheck.rules["unbounded-write"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.writes

findings contains sizes.told(finding.on(statement, message, remedy), statement) if {
	some [_, statement, "unbounded-write"] in writes.judged
	statement.kind == "delete"
	message := sprintf("DELETE without WHERE deletes every row of %s for good", [statement.relation])
	remedy := sql.remedy([
		"Say in a WHERE which rows must go. If all of them must, delete them in batches, outside of the migration, until none is left:",
		sql.delete_batch(statement),
	])
}

findings contains finding.lowered(sizes.told(finding.on(statement, message, writes.in_batches(statement)), statement), "warning") if {
	some [_, statement, "unbounded-write"] in writes.judged
	statement.kind == "update"
	message := sprintf(
		"UPDATE without WHERE writes every row of %s in one transaction: whoever else updates one of them waits until it ends",
		[statement.relation],
	)
}
