# METADATA
# title: A statement cannot run in its transaction
# description: |
#   PostgreSQL refuses some statements inside a transaction block: CREATE, DROP and REINDEX INDEX CONCURRENTLY, DETACH PARTITION
#   CONCURRENTLY, VACUUM, CREATE DATABASE and others. Most migration tools open a transaction around each migration, and a tool that
#   sends a whole file as one query gets one from the server. The migration fails when it is deployed.
# custom:
#   severity: error
#   remedy: Give the statement a migration of its own, and switch off that migration's transaction.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently
#     - PostgreSQL manual, 55.2.2.1 Multiple Statements in a Simple Query
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);
#   bad: |
#     BEGIN;
#     CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders (user_id);
#     COMMIT;
#   good: |
#     CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders (user_id);
# schemas:
#   - input: schema.facts
package pmcheck.rules["concurrently-in-transaction"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains finding.on(statement, message, remedy(migration)) if {
	some [migration, statement, "concurrently-in-transaction"] in locks.judged
	message := sprintf("%s cannot run in a transaction, and here it does%s: the migration fails", [
		statements.in_words(statement),
		why(migration),
	])
}

why(migration) := sprintf(" (%s)", [migration.transaction_why]) if {
	migration.transaction != "none"
	migration.transaction_why != ""
} else := ""

remedy(migration) := "Take it out of the BEGIN and COMMIT around it." if {
	migration.transaction == "none"
} else := transaction.own_migration(migration)
