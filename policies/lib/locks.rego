# METADATA
# title: Locks
# description: Which locks make others wait, for how long, and which rule reports a statement.
# schemas:
#   - input: schema.facts
package pmcheck.lib.locks

import data.pmcheck.lib.settings
import data.pmcheck.lib.statements

# judged holds [migration, statement, rule] for every statement that a lock rule
# reports. A statement has one lock finding: that of the first rule in reported_by.
judged := [[migration, statement, reported_by(statement)] |
	some [migration, statement] in statements.forward
	concerns(statement)
]

# concerns tells that a statement may make somebody wait, or fail: the others, which
# are most, are not looked at further.
concerns(statement) if {
	stops(statement)
	not statement.on_new_relation
}

concerns(statement) if {
	some also in statement.also_locks
	stops(also)
	not also.on_new_relation
}

concerns(statement) if statement.not_in_transaction

concerns(statement) if statement.held_locks[0]

# These may lock more than their own relation.
concerns(statement) if statement.kind in {"vacuum_full", "cluster", "refresh_materialized_view", "lock_table", "reindex"}

# reported_by asks first what most statements answer with no: their kind, whether they
# work at all, whether an earlier lock is held, whether they wait.
reported_by(statement) := rule if {
	rule := of_its_kind(statement)
} else := rule if {
	works(statement)
	blocking(statement) != []
	rule := of_its_work(statement)
} else := "validates-under-lock" if {
	statement.kind == "validate_constraint"
	works(statement)
	held_on(statement) != []
	not small(statement, "validates-under-lock")
} else := "long-lock-chain" if {
	works_while_holding(statement)
} else := "long-lock-chain" if {
	passes_limit(statement)
} else := rule if {
	waits_for_ever(statement)
	blocking(statement) != []
	rule := of_its_wait(statement)
}

of_its_kind(statement) := "concurrently-in-transaction" if {
	statement.not_in_transaction
	statement.in_transaction
	not maintains(statement)
} else := rule if {
	statement.kind in with_own_rules
	rule := of_that_kind(statement)
}

with_own_rules := {
	"vacuum_full", "cluster", "refresh_materialized_view", "lock_table", "attach_partition", "detach_partition",
	"create_table", "drop_table", "create_index", "drop_index", "reindex",
}

maintains(statement) if {
	statement.kind in {"vacuum_full", "cluster", "refresh_materialized_view", "lock_table"}
	everywhere_or_blocking(statement)
}

of_that_kind(statement) := "blocking-maintenance" if {
	maintains(statement)
} else := "partition-locks-parent" if {
	is_partitioning(statement)
	blocking(statement) != []
	holds_long_or_waits(statement)
} else := "index-not-concurrent" if {
	statement.kind == "create_index"
	holds_long(statement, "index-not-concurrent")
} else := "drop-index-not-concurrent" if {
	statement.kind == "drop_index"
	blocking(statement) != []
	waits_for_ever(statement)
} else := "reindex-not-concurrent" if {
	statement.kind == "reindex"
	not statement.concurrently
	everywhere_or_blocking(statement)
	not small(statement, "reindex-not-concurrent")
}

of_its_work(statement) := "table-rewrite" if {
	rewrites(statement)
	not small(statement, "table-rewrite")
} else := "unique-constraint-builds-index" if {
	has_index(statement)
	not small(statement, "unique-constraint-builds-index")
} else := "validates-under-lock" if {
	not small(statement, "validates-under-lock")
}

of_its_wait(statement) := "locks-referenced-table" if {
	referenced(statement) != []
} else := "missing-lock-timeout" if {
	statement.kind != "truncate" # truncates says more
}

# first_wait gives, by a migration's path, the place in judged of its first statement
# that waits for ever: one line at the top of the migration helps all of them.
first_wait := {path: min(indices) | some path, indices in waits}

waits[migration.path] contains index if {
	some index, [migration, _, rule] in judged
	rule in {"locks-referenced-table", "missing-lock-timeout"}
}

# on_old is every lock of a statement on a table or view that is not new. A statement
# reads as the lock on its own relation, unless that lock is one on an index.
on_old(statement) := [lock |
	some lock in array.concat(own(statement), statement.also_locks)
	not lock.on_new_relation
	not beside_table(lock)
]

# beside_table tells that a lock is on what has no readers and writers but its table's.
beside_table(lock) if lock.object in {"index", "sequence"}

own(statement) := [] if {
	about_index(statement)
} else := [statement]

# about_index tells that a statement names an index; what it does to the table stands in also_locks.
about_index(statement) if {
	statement.kind in {"drop_index", "reindex"}
	statement.name != ""
}

# blocking is those of them that make readers or writers wait, its own first.
blocking(statement) := [lock | some lock in on_old(statement); stops(lock)]

stops(lock) if "reads" in lock.blocks

# Nobody writes a materialized view but REFRESH.
stops(lock) if {
	"writes" in lock.blocks
	object.get(lock, "object", "") != "materialized view"
}

# is_long tells that the work under a lock takes longer the more rows there are.
is_long(lock) if lock.rewrites

is_long(lock) if lock.scans

is_long(lock) if lock.builds_index

# works tells it of a statement.
works(statement) if {
	some lock in on_old(statement)
	is_long(lock)
	not looks_nothing_up(statement, lock)
}

# small tells that there is not much to work on: few rows, or none since an earlier TRUNCATE of the migration.
small(statement, rule) if settings.small(statement, rule)

small(statement, _) if emptied[sprintf("%s %s", [statement.place.path, statement.relation])] < statement.index

# emptied gives where a migration first empties a table, by path and table.
emptied := {table: min(indices) | some table, indices in truncated}

truncated[sprintf("%s %s", [statement.place.path, lock.relation])] contains statement.index if {
	some [_, statement] in statements.forward
	statement.kind == "truncate"
	some lock in on_old(statement)
}

# A foreign key of a table without rows looks nothing up in the table that it references.
looks_nothing_up(statement, lock) if {
	lock.lock == "SHARE ROW EXCLUSIVE"
	not lock.kind
	has_no_rows(statement)
}

has_no_rows(statement) if statement.on_new_relation

has_no_rows(statement) if {
	statement.kind == "attach_partition"
	some lock in statement.also_locks
	lock.relation == statement.references
	lock.on_new_relation
}

# holds_long tells that others wait for as long as a table is scanned, built or rewritten.
holds_long(statement, rule) if {
	works(statement)
	blocking(statement) != []
	not small(statement, rule)
}

rewrites(statement) if {
	some lock in on_old(statement)
	lock.rewrites
}

# A type change that leaves the heap alone can build the column's indexes again.
rewrites(statement) if {
	statement.kind == "alter_column_type"
	some lock in on_old(statement)
	lock.builds_index
}

has_index(statement) if {
	statement.constraint in {"UNIQUE", "PRIMARY KEY", "EXCLUDE"}
	not statement.using_index
}

everywhere_or_blocking(statement) if blocking(statement) != []

everywhere_or_blocking(statement) if not statement.relation

is_partitioning(statement) if statement.kind in {"attach_partition", "detach_partition"}

# CREATE TABLE ... PARTITION OF is the one that says of which table.
is_partitioning(statement) if {
	statement.kind == "create_table"
	statement.references != ""
}

is_partitioning(statement) if {
	statement.kind == "drop_table"
	statement.relation_is_partition
}

holds_long_or_waits(statement) if holds_long(statement, "partition-locks-parent")

holds_long_or_waits(statement) if waits_for_ever(statement)

# waits_for_ever tells that no lock_timeout ends the statement's wait for its locks.
waits_for_ever(statement) if never_ends(object.get(statement, "lock_timeout", ""))

never_ends(timeout) if regex.match(`^'?0*[a-z ]*'?$`, lower(timeout))

# referenced is the locks on tables that a foreign key ties to the statement's own.
referenced(statement) := [lock |
	some lock in blocking(statement)
	lock.relation != object.get(statement, "relation", "")
	ties(statement, lock)
]

ties(statement, lock) if statement.references == lock.relation

# The statement may leave out the schema of the table that it references.
ties(statement, lock) if {
	statement.constraint == "FOREIGN KEY"
	lock.lock == "SHARE ROW EXCLUSIVE"
	not statement.relation_partitioned
}

ties(statement, _) if statement.kind == "create_table"

ties(statement, _) if {
	statement.kind in {"drop_table", "drop_column", "drop_constraint"}
	not statement.relation_partitioned
}

# held is the locks of earlier statements, still held, that make others wait.
held(statement) := [lock |
	some lock in statement.held_locks
	stops(lock)
	not beside_table(lock)
]

# held_on is those of them on the statement's own relation.
held_on(statement) := [lock | some lock in held(statement); lock.relation == statement.relation]

# works_while_holding tells that others wait behind an earlier statement's lock while this one works.
works_while_holding(statement) if {
	works(statement)
	held(statement) != []
	not small(statement, "long-lock-chain")
}

works_while_holding(statement) if {
	statement.kind in {"create_materialized_view", "create_table"}
	count(statement.reads) > 0
	count(held(statement)) > 0
}

# passes_limit tells that with this statement the transaction holds the locks of more
# tables than the rule allows. Partitions, and a foreign key's two tables, count once; views
# do not count, since their tables' locks are what stops their readers.
passes_limit(statement) if {
	limit := settings.option("long-lock-chain", "max_tables", 2)
	count(statement.held_locks) >= limit
	more := {lock.relation | some lock in tables(blocking(statement))}
	count(more) > 0
	held_before := held(statement)
	count({lock.line | some lock in tables(held_before)}) == limit
	count(more - {lock.relation | some lock in held_before}) > 0
}

tables(locks) := [lock | some lock in locks; not is_view(lock)]

is_view(lock) if endswith(lock.object, "view")

# takes says which lock it is and who waits: "an ACCESS EXCLUSIVE lock on orders: every read and write of orders waits".
takes(lock) := take_together([lock])

# take_together says it of several locks. Only those of the first one's mode are named.
take_together(locks) := sprintf("%s %s lock on %s: %s waits", [
	article(mode),
	mode,
	relations,
	who_waits(locks[0], relations),
]) if {
	mode := locks[0].lock
	relations := sentence({lock.relation | some lock in locks; lock.lock == mode})
}

# needs says what waiting for locks does to others.
needs(locks) := sprintf("needs %s %s lock on %s; while it waits for that behind a long query, %s waits too, and nothing limits it", [
	article(mode),
	mode,
	relations,
	who_waits(locks[0], relations),
]) if {
	mode := locks[0].lock
	relations := sentence({lock.relation | some lock in locks; lock.lock == mode})
}

# who_waits names those who must wait for a lock.
who_waits(lock, relations) := sprintf("every read and write of %s", [relations]) if {
	"reads" in lock.blocks
} else := sprintf("every INSERT, UPDATE and DELETE on %s", [relations])

# sentence is names as a sentence lists them: "a, b and c".
sentence(names) := text if {
	sorted := sort(names)
	last := count(sorted) - 1
	last > 0
	text := sprintf("%s and %s", [concat(", ", array.slice(sorted, 0, last)), sorted[last]])
} else := concat("", names)

article(lock) := "an" if {
	regex.match("^[AEIOU]", lock)
} else := "a"
