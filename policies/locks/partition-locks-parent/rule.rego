# METADATA
# title: A partition's change locks its parent
# description: |
#   CREATE TABLE ... PARTITION OF and DETACH PARTITION take an ACCESS EXCLUSIVE lock on the partitioned table, so that nobody reads or
#   writes any partition; ATTACH PARTITION reads the attached table, and all of these read the default partition under such a lock.
#   An error where rows are read under the lock. Otherwise it is held for a moment, and a warning unless a lock_timeout limits the wait.
# custom:
#   severity: error
#   remedy: Create the partition as a table of its own, prove its bounds with a validated CHECK, and ATTACH it; detach CONCURRENTLY.
#   on: [create_table, drop_table, attach_partition, detach_partition, truncate]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, 5.12.2.2 Partition Maintenance
#     - PostgreSQL manual, ALTER TABLE, ATTACH PARTITION
#   given: |
#     CREATE TABLE events (at timestamptz NOT NULL) PARTITION BY RANGE (at);
#   bad: |
#     CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
#   good: |
#     CREATE TABLE events_2026 (LIKE events INCLUDING ALL);
#     ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
# schemas:
#   - input: schema.facts
package pmcheck.rules["partition-locks-parent"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains found if {
	some [migration, statement, "partition-locks-parent"] in locks.judged
	locks.holds_long(statement, "partition-locks-parent")
	text := sprintf("%s takes %s while the rows of %s are read", [
		statements.in_words(statement),
		locks.take_together(locks.blocking(statement)),
		locks.sentence({lock.relation | some lock in locks.on_old(statement); locks.is_long(lock)}),
	])
	found := sizes.judged(finding.on(statement, text, remedy(migration, statement)), statement)
}

findings contains finding.lowered(found, "warning") if {
	some [migration, statement, "partition-locks-parent"] in locks.judged
	not locks.holds_long(statement, "partition-locks-parent")
	text := sprintf("%s %s", [statements.in_words(statement), locks.needs(locks.blocking(statement))])
	found := finding.on(statement, text, remedy(migration, statement))
}

remedy(migration, statement) := sql.remedy([
	"Create it as a table of its own, and attach it; that lets others read and write the partitioned table:",
	sql.code("CREATE TABLE %s (LIKE %s INCLUDING ALL);", [statement.relation, statement.references]),
	sql.code("ALTER TABLE %s ATTACH PARTITION %s %s;", [statement.references, statement.relation, statement.define]),
	default_partition(statement),
]) if {
	statement.kind == "create_table"
} else := sql.remedy([
	concat(" ", [
		sprintf("Prove the bounds first: give %s a CHECK that says what its bounds say, NOT VALID,", [statement.references]),
		"and validate it in an earlier migration. ATTACH PARTITION then reads no row of it; drop the CHECK afterwards.",
	]),
	default_partition(statement),
]) if {
	statement.kind == "attach_partition"
} else := sql.remedy([
	concat(" ", ["Detach it CONCURRENTLY; PostgreSQL allows that when there is no default partition.", transaction.own_migration(migration)]),
	sql.code("ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;", [statement.relation, statement.references]),
]) if {
	statement.kind == "detach_partition"
	not has_default_partition(statement)
} else := sql.remedy([
	"Limit the wait at the top of the migration, and let the deploy run it again when it gives up:",
	transaction.lock_timeout(statement),
])

default_partition(statement) := concat(" ", [
	"The default partition is read for rows that belong to the new one: give it a CHECK that rules them out, NOT VALID,",
	"and validate it in an earlier migration.",
]) if {
	some lock in locks.on_old(statement)
	lock.scans
	lock.lock == "ACCESS EXCLUSIVE"
	lock.relation != statement.references
} else := ""

# DETACH locks the partitioned table, the partition, and a default partition.
has_default_partition(statement) if {
	some lock in statement.also_locks
	lock.lock == "ACCESS EXCLUSIVE"
	not locks.beside_table(lock)
	not lock.scans
	lock.relation != statement.references
}
