# METADATA
# title: An index is built under a lock
# description: |
#   CREATE INDEX takes a SHARE lock on the table for as long as it builds: every INSERT, UPDATE and DELETE waits.
#   CREATE INDEX CONCURRENTLY builds the same index while the table is in use; it takes longer and cannot run in a transaction.
#   A table that the same change creates has no rows to wait for, and is left alone.
# custom:
#   severity: error
#   remedy: Build it with CREATE INDEX CONCURRENTLY, in a migration of its own and outside of a transaction.
#   on: [create_index, truncate]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#     - PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL);
#   bad: |
#     CREATE INDEX orders_user_id_idx ON orders (user_id);
#   good: |
#     CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders (user_id);
# schemas:
#   - input: schema.facts
package pmcheck.rules["index-not-concurrent"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.indexes
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.transaction

findings contains sizes.judged(finding.on(statement, message, remedy(migration, statement)), statement) if {
	some [migration, statement, "index-not-concurrent"] in locks.judged
	message := sprintf(
		"CREATE INDEX takes %s until the index is built",
		[locks.takes(locks.blocking(statement)[0])],
	)
}

remedy(migration, statement) := sql.remedy([
	concat(" ", ["Build it CONCURRENTLY.", transaction.own_migration(migration)]),
	sql.code("CREATE %s CONCURRENTLY %s %s;", [
		indexes.keyword(statement),
		indexes.name(statement),
		indexes.definition(statement),
	]),
	"If the build fails it leaves an invalid index behind: drop that one before the next try.",
]) if {
	not statement.relation_partitioned
}

# CREATE INDEX CONCURRENTLY is refused on a partitioned table.
remedy(migration, statement) := sql.remedy(array.concat(
	[
		concat(" ", [
			"PostgreSQL has no CONCURRENTLY for a partitioned table. Create the index on the table alone,",
			"build it on each partition CONCURRENTLY, and attach those; the last one makes the index valid.",
		]),
		sql.code("CREATE %s %s ON ONLY %s %s;", [
			indexes.keyword(statement),
			indexes.name(statement),
			statement.relation,
			indexes.body(statement),
		]),
		transaction.own_migration(migration),
	],
	[line |
		some also in statement.also_locks
		own := sql.made_up([sql.bare(also.relation), sql.bare(indexes.name(statement))])
		some line in [
			sql.code("CREATE %s CONCURRENTLY %s ON %s %s;", [
				indexes.keyword(statement),
				own,
				also.relation,
				indexes.body(statement),
			]),
			sql.code("ALTER INDEX %s ATTACH PARTITION %s;", [indexes.name(statement), own]),
		]
	],
)) if {
	statement.relation_partitioned
}
