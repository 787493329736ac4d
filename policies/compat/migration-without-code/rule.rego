# METADATA
# title: A migration and the code do not fit
# description: |
#   The change takes something away that its own code still uses; or it adds a table, column, view or enum value that none of its
#   code names, in any usual spelling. Indexes, constraints, triggers, functions and backfills need no code, nor does a drop,
#   nor a table that the migration itself fills from others.
#   With the option mode same-pull-request, code of this change itself must name what is added: to have been there before is not enough.
# custom:
#   severity: error
#   remedy: Let the migration and the code that needs it go together.
#   on: [matrix, delta]
#   since: "0.1"
#   options:
#     mode: anywhere
#   sources:
#     - Martin Fowler, ParallelChange
# schemas:
#   - input: schema.facts
package pmcheck.rules["migration-without-code"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.deltas
import data.pmcheck.lib.finding
import data.pmcheck.lib.plans
import data.pmcheck.lib.settings
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains breaks.finding(group, message, plans.for(group, breaks.also(group))) if {
	some group in breaks.groups([broken |
		some broken in input.matrix.new_code_new_schema.breaks
		broken.worked_before
	])
	message := sprintf("%s still %s the old schema: %s%s", [
		breaks.subject(group, "of the new code"),
		breaks.verb(group, "expects", "expect"),
		breaks.told(group),
		breaks.then(group),
	])
}

findings contains finding.about(finding.advised(finding.at(deltas.cause(delta), message), remedy), deltas.named(delta)) if {
	input.matrix.coverage.files > 0
	some database in input.databases
	some delta in database.delta
	needs_code(delta)
	lacking := lacks(delta)
	message := sprintf("%s is added, and %s", [deltas.named(delta), lacking])
}

lacks(delta) := "no code names it" if {
	not delta.named
} else := "no code of this change names it" if {
	settings.option("migration-without-code", "mode", "anywhere") == "same-pull-request"
	not is_in_changed_code(delta)
}

remedy := concat(" ", [
	"Add the code that uses it to this pull request, or move this to the pull request with that code.",
	"When the code is to follow, say so above the statement: `-- pmcheck:ignore migration-without-code: the code follows`.",
])

needs_code(delta) if {
	delta.kind == "added"
	delta.object in {"table", "view", "column", "enum_value"}
	not is_partition(delta)
	not is_inherited(delta)
	not is_copy(delta)
}

# The migration itself fills the table from others: a backup, or rows that are moved.
is_copy(delta) if {
	delta.object == "table"
	sql.bare(delta.name) in copies
}

copies contains sql.bare(statement.relation) if {
	some [_, statement] in statements.forward
	statement.kind in {"create_table", "insert"}
	count(statement.reads) > 0
}

# Code reaches a partition through its table.
is_partition(delta) if {
	delta.object == "table"
	sql.bare(delta.name) in partitions
}

partitions contains sql.bare(statement.relation) if {
	some [_, statement] in statements.forward
	statement.kind == "create_table"
	statement.references != ""
}

partitions contains sql.bare(statement.references) if {
	some [_, statement] in statements.forward
	statement.kind == "attach_partition"
}

# A column that its table hands on to partitions and children is found there too; the table's own is enough.
is_inherited(delta) if {
	delta.object == "column"
	some parent in all_adds[deltas.cause(delta)]
	parent != sql.bare(delta.relation)
	parent in all_tables_with[delta.name]
}

# all_adds and all_tables_with are one value each, which is made once.
all_adds := adds

all_tables_with := tables_with

# adds holds the tables to which a statement adds a column, by its place.
adds[statement.place] contains sql.bare(statement.relation) if {
	some [_, statement] in statements.forward
	statement.kind == "add_column"
}

# tables_with holds the tables that get a column of a name.
tables_with[delta.name] contains sql.bare(delta.relation) if {
	some database in input.databases
	some delta in database.delta
	delta.object == "column"
	delta.kind == "added"
}

# Code that spells the name in its own way is no use that is known: where code changes and no use is known, that may be it.
is_in_changed_code(delta) if {
	some use in deltas.uses(delta, "head")
	use.place.path in changed_code
}

is_in_changed_code(delta) if {
	count(changed_code) > 0
	count(deltas.uses(delta, "head")) == 0
}

changed_code contains file.path if {
	some file in input.change.files
	file.kind == "code"
	file.status != "deleted"
}
