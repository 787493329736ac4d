# METADATA
# title: A wait for a lock has no limit
# description: |
#   Even a change that is done in a moment must first get its lock. While it waits behind one long query or transaction, every later
#   query on the table waits behind it, and the service stops. A lock_timeout gives up instead, and the deploy tries again.
#   Reported once per migration, at the first statement that needs it, and not where another rule asks for a safer form.
#   Switch the rule off if the migrations' role or connection sets lock_timeout.
# custom:
#   severity: warning
#   remedy: Set lock_timeout at the top of the migration, and let the deploy retry.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 20.11.1 Statement Behavior, lock_timeout
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY);
#   bad: |
#     ALTER TABLE orders ADD COLUMN note text;
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN note text;
# schemas:
#   - input: schema.facts
package pmcheck.rules["missing-lock-timeout"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains finding.about(finding.on(statement, message, remedy), path) if {
	some path, first in locks.first_wait
	[_, statement, "missing-lock-timeout"] = locks.judged[first]
	message := sprintf("%s %s", [statements.in_words(statement), locks.needs(locks.blocking(statement))])
	remedy := sql.remedy([
		transaction.limit_wait(statement),
		transaction.lock_timeout(statement),
	])
}
