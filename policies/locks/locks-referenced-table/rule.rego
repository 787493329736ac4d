# METADATA
# title: A statement locks another table too
# description: |
#   A foreign key takes a SHARE ROW EXCLUSIVE lock on the table that it references, even when its own table is new and even with
#   NOT VALID: writes to that table wait. Dropping a table or a foreign key takes an ACCESS EXCLUSIVE lock there.
#   The lock is held for a moment only, but while it waits behind a long transaction everybody waits behind it. With a lock_timeout it
#   is safe. Reported once per migration, and not beside missing-lock-timeout, which asks for the same.
# custom:
#   severity: warning
#   remedy: Set lock_timeout at the top of the migration, and let the deploy retry.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, ALTER TABLE, ADD table_constraint
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#   given: |
#     CREATE TABLE users (id bigint PRIMARY KEY);
#   bad: |
#     CREATE TABLE invoices (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
#   good: |
#     SET lock_timeout = '5s';
#     CREATE TABLE invoices (id bigint PRIMARY KEY, user_id bigint REFERENCES users);
# schemas:
#   - input: schema.facts
package pmcheck.rules["locks-referenced-table"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains finding.about(finding.on(statement, message, remedy), path) if {
	some path, first in locks.first_wait
	[_, statement, "locks-referenced-table"] = locks.judged[first]
	message := sprintf("%s %s", [statements.in_words(statement), locks.needs(locks.blocking(statement))])
	remedy := sql.remedy([
		transaction.limit_wait(statement),
		transaction.lock_timeout(statement),
	])
}
