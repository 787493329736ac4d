# METADATA
# title: An index is dropped under a lock
# description: |
#   DROP INDEX takes an ACCESS EXCLUSIVE lock on the index's table. It is held for a moment only, but while it waits behind a long
#   query, every later query on the table waits behind it. CONCURRENTLY, or a lock_timeout, keeps that from happening.
# custom:
#   severity: warning
#   remedy: Drop it with DROP INDEX CONCURRENTLY, outside of a transaction.
#   on: [drop_index]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, DROP INDEX
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);
#     CREATE INDEX orders_user_id_idx ON orders (user_id);
#   bad: |
#     DROP INDEX orders_user_id_idx;
#   good: |
#     DROP INDEX CONCURRENTLY orders_user_id_idx;
# schemas:
#   - input: schema.facts
package pmcheck.rules["drop-index-not-concurrent"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains finding.on(statement, message, remedy(migration, statement)) if {
	some [migration, statement, "drop-index-not-concurrent"] in locks.judged
	message := sprintf("DROP INDEX %s", [locks.needs(locks.blocking(statement))])
}

# CONCURRENTLY knows no CASCADE and no partitioned index.
remedy(migration, statement) := sql.remedy([
	"PostgreSQL cannot drop this one CONCURRENTLY. Limit the wait:",
	sql.code("SET lock_timeout = '5s';", []),
]) if {
	only_under_lock(statement)
} else := sql.remedy([
	concat(" ", ["Drop it CONCURRENTLY.", transaction.own_migration(migration)]),
	sql.code("DROP INDEX CONCURRENTLY %s;", [statements.index_name(statement)]),
])

only_under_lock(statement) if statement.cascade

# Only a partitioned table's index takes locks on several tables.
only_under_lock(statement) if count({lock.relation | some lock in locks.blocking(statement)}) > 1
