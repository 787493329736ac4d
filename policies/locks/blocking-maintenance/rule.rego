# METADATA
# title: Maintenance stops the service
# description: |
#   VACUUM FULL and CLUSTER write the whole table again under an ACCESS EXCLUSIVE lock, REFRESH MATERIALIZED VIEW does so with the view,
#   and LOCK TABLE holds what it says until the transaction ends (it warns only).
# custom:
#   severity: error
#   remedy: Use the form that lets others work, such as CONCURRENTLY or pg_repack.
#   on: [vacuum_full, cluster, refresh_materialized_view, lock_table]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, VACUUM
#     - PostgreSQL manual, CLUSTER
#     - PostgreSQL manual, REFRESH MATERIALIZED VIEW
#     - PostgreSQL manual, LOCK
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, total integer);
#     CREATE MATERIALIZED VIEW sales AS SELECT id, total FROM orders;
#     CREATE UNIQUE INDEX sales_id_idx ON sales (id);
#   bad: |
#     REFRESH MATERIALIZED VIEW sales;
#   good: |
#     REFRESH MATERIALIZED VIEW CONCURRENTLY sales;
# schemas:
#   - input: schema.facts
package pmcheck.rules["blocking-maintenance"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains sizes.judged(finding.on(statement, message(statement), remedy(statement)), statement) if {
	some [_, statement, "blocking-maintenance"] in locks.judged
	statement.kind != "lock_table"
}

findings contains finding.lowered(finding.on(statement, text, advice), "warning") if {
	some [_, statement, "blocking-maintenance"] in locks.judged
	statement.kind == "lock_table"
	text := sprintf("LOCK TABLE takes %s until the transaction ends", [locks.takes(locks.blocking(statement)[0])])
	advice := "Leave it out if the next statement takes the lock it needs by itself; else keep the transaction short, with a lock_timeout."
}

message(statement) := sprintf("%s takes %s until it is done", [
	statements.in_words(statement),
	locks.takes(locks.blocking(statement)[0]),
]) if {
	count(locks.blocking(statement)) > 0
} else := sprintf(
	"%s takes an ACCESS EXCLUSIVE lock on one table after the other: every read and write of it waits until it is done",
	[statements.in_words(statement)],
)

remedy(statement) := sql.remedy([
	"Refresh it CONCURRENTLY: readers see the old rows until the new ones are there. That needs a unique index on the view.",
	sql.code("REFRESH MATERIALIZED VIEW CONCURRENTLY %s;", [statement.relation]),
]) if {
	statement.kind == "refresh_materialized_view"
} else := concat(" ", [
	"Rewrite it with pg_repack, which lets others work, or in a maintenance window.",
	"To make dead rows' space usable again a plain VACUUM is enough; it locks nobody out.",
])
