# METADATA
# title: Writes
# description: Which rule reports a statement that writes rows.
# schemas:
#   - input: schema.facts
package pmcheck.lib.writes

import data.pmcheck.lib.locks
import data.pmcheck.lib.settings
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

# judged holds [migration, statement, rule] for every write that a rule reports.
# A statement has one such finding: the loss of all rows comes first.
judged := [[migration, statement, reported_by(statement)] |
	some [migration, statement] in statements.forward
	writes(statement)
]

writes(statement) if statement.kind in {"update", "delete"}

# Rows that stand in the statement itself are few.
writes(statement) if {
	statement.kind in {"insert", "merge"}
	count(statement.reads) > 0
}

reported_by(statement) := "unbounded-write" if {
	statement.kind == "delete"
	not statement.has_where
	not statement.on_new_relation
} else := "backfill-with-ddl" if {
	writes_many(statement)
	count(locks.held(statement)) > 0
	not settings.small(statement, "backfill-with-ddl")
} else := "unbounded-write" if {
	statement.kind == "update"
	not statement.has_where
	not statement.batched
	not statement.on_new_relation
	not settings.small(statement, "unbounded-write")
}

# writes_many tells that a write may touch as many rows as there are.
writes_many(statement) if {
	statement.kind in {"update", "delete"}
	not statement.batched
	not statement.on_new_relation
}

writes_many(statement) if statement.kind in {"insert", "merge"}

# in_batches is the remedy for an UPDATE of many rows.
in_batches(statement) := sql.remedy([
	"Do it in batches, outside of the migration, until no row is updated; the new value stands for $1:",
	sql.update_batch(
		statement,
		concat(", ", [sprintf("%s = $%d", [sql.name(column), number + 1]) | some number, column in statement.columns]),
		sprintf("%s IS DISTINCT FROM $1", [sql.name(statement.columns[0])]),
	),
]) if {
	count(statement.columns) > 0
} else := "Do it in batches, outside of the migration, each in a transaction of its own."
