# METADATA
# title: An index is rebuilt under a lock
# description: |
#   REINDEX takes a SHARE lock on the table and an ACCESS EXCLUSIVE lock on each index it builds: writes wait until it is done, and so
#   do most reads, since planning a query opens the table's indexes. REINDEX CONCURRENTLY (PostgreSQL 12 and later) does not.
# custom:
#   severity: error
#   remedy: Use REINDEX CONCURRENTLY, outside of a transaction.
#   on: [reindex, truncate]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, REINDEX, Rebuilding Indexes Concurrently
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY);
#   bad: |
#     REINDEX TABLE orders;
#   good: |
#     REINDEX TABLE CONCURRENTLY orders;
# schemas:
#   - input: schema.facts
package pmcheck.rules["reindex-not-concurrent"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains sizes.judged(finding.on(statement, message(statement), remedy(migration, statement)), statement) if {
	some [migration, statement, "reindex-not-concurrent"] in locks.judged
}

message(statement) := sprintf(
	"REINDEX takes %s until the index is built, and so do most reads, which cannot be planned meanwhile",
	[locks.takes(locks.blocking(statement)[0])],
) if {
	count(locks.blocking(statement)) > 0
} else := "REINDEX of the whole database takes a SHARE lock on one table after the other: every write of it waits until its indexes are built"

remedy(migration, statement) := sql.remedy([
	concat(" ", ["Rebuild it CONCURRENTLY.", transaction.own_migration(migration)]),
	again(statement),
]) if {
	statement.relation != ""
} else := "Rebuild the indexes that need it, one by one, with REINDEX INDEX CONCURRENTLY."

again(statement) := sql.code("REINDEX INDEX CONCURRENTLY %s;", [statements.index_name(statement)]) if {
	locks.about_index(statement)
} else := sql.code("REINDEX TABLE CONCURRENTLY %s;", [statement.relation])
