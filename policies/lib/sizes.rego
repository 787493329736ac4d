# METADATA
# title: Sizes
# description: How large the tables are that a statement works on, where a live database has told it.
# schemas:
#   - input: schema.facts
package pmcheck.lib.sizes

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks

# judged is a finding about work under a lock: it says how large the tables are, and warns
# only where all of them are known and none is large (thresholds in the configuration).
judged(found, statement) := finding.lowered(told(found, statement), "warning") if {
	all_known(statement)
	not has_large(statement)
} else := told(found, statement)

# told is a finding that says how large the tables are.
told(found, statement) := object.union(found, {"message": sprintf("%s; %s", [found.message, text(statement)])}) if {
	count(tables(statement)) > 0
} else := found

# text is a sentence about them: "orders has about 12 million rows (9.4 GB)".
text(statement) := concat(", ", [words |
	some relation in sort([relation | some relation, _ in tables(statement)])
	words := sprintf("%s has %s", [relation, tables(statement)[relation].text])
])

# tables gives the known sizes by the names of the tables.
tables(statement) := {relation: stats |
	some [relation, stats] in worked(statement)
	stats.text != ""
}

worked(statement) := {[lock.relation, lock.table_stats] |
	some lock in array.concat([statement], [also | some also in statement.also_locks; locks.is_long(also)])
	lock.table_stats
	not lock.on_new_relation
}

all_known(statement) if {
	count(tables(statement)) > 0
	unknown := [lock.relation |
		some lock in locks.on_old(statement)
		locks.is_long(lock)
		not lock.table_stats
		not statement.relation_partitioned # its size is that of its partitions
	]
	count(unknown) == 0
}

has_large(statement) if {
	some [_, stats] in worked(statement)
	large(stats)
}

large(stats) if stats.rows >= input.settings.thresholds.large_table_rows

large(stats) if stats.bytes >= input.settings.thresholds.large_table_bytes
