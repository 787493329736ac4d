# METADATA
# title: Plans
# description: How to make a difference between two schemas so that no running code breaks - expand, deploy, contract.
# schemas:
#   - input: schema.facts
package pmcheck.lib.plans

import data.pmcheck.lib.deltas
import data.pmcheck.lib.sql

# for is the plan for what breaks a group of queries; also are the other differences on which they fail next.
for(group, also) := ignored_column(group[0]) if {
	group[0].query.source == "rails"
	group[0].query.implied
	group[0].delta.object == "column"
	group[0].delta.kind == "removed"
} else := removed_columns(group[0].delta, also) if {
	count(also) > 0
	every delta in array.concat([group[0].delta], also) {
		delta.object == "column"
		delta.kind == "removed"
		delta.relation == group[0].delta.relation
		not is_view(delta)
		not is_made_anew(delta)
	}
} else := sql.remedy([of(group[0].delta), others(also)]) if {
	group[0].delta.kind != ""
} else := "Expand first, deploy code that needs neither shape, contract in a later pull request."

others([]) := ""

others(also) := sprintf("Go the same way with %s.", [concat(", ", [deltas.named(delta) | some delta in also])]) if count(also) > 0

# steps numbers what is to be done one after the other: each is a list of a sentence and lines of SQL.
steps(list) := sql.remedy([line |
	some i, step in list
	some j, text in step
	line := numbered(i, j, text)
])

numbered(i, 0, text) := sprintf("%d. %s", [i + 1, text])

numbered(_, j, text) := text if j > 0

# contract is the last step.
contract(lines) := array.concat(["Contract, when that code runs everywhere, in a later pull request:"], lines)

# of is the plan for one difference, with its own names.
of(delta) := enum_value(delta) if {
	delta.object == "enum_value"
	delta.kind in {"removed", "renamed"}
} else := view_column(delta) if {
	delta.object == "column"
	delta.kind != "added"
	is_view(delta)
} else := made_anew(delta) if {
	is_made_anew(delta)
} else := renamed_column(delta) if {
	delta.object == "column"
	delta.kind == "renamed"
} else := renamed_relation(delta) if {
	delta.object in {"table", "view"}
	delta.kind == "renamed"
} else := required(delta) if {
	delta.required
} else := removed_columns(delta, []) if {
	delta.object == "column"
	delta.kind == "removed"
} else := changed_type(delta) if {
	delta.object == "column"
	delta.attribute == "type"
} else := unique(delta) if {
	delta.object in {"index", "constraint"}
	delta.kind != "added"
} else := old_function(delta) if {
	delta.object == "function"
	delta.kind != "added"
} else := steps([
	["Deploy code that works with and without it: in a query of more than one table, each column named with its table."],
	["When that code runs everywhere, add it in a later pull request."],
]) if {
	delta.kind == "added"
} else := changed_view(delta) if {
	delta.object == "view"
	delta.kind == "changed"
} else := steps([
	[sprintf("Deploy code that works before and after %s changes.", [deltas.named(delta)])],
	["When that code runs everywhere, change it in a later pull request."],
]) if {
	delta.kind == "changed"
} else := steps([
	[sprintf("Deploy code that no longer uses %s.", [deltas.named(delta)])],
	contract([sql.code("DROP %s %s;", [upper(delta.object), deltas.relation(delta.name)])]),
]) if {
	delta.object == "table"
	delta.kind == "removed"
} else := steps([
	[sprintf("Deploy code that no longer uses %s.", [deltas.named(delta)])],
	["When that code runs everywhere, take it away in a later pull request."],
])

# A Rails process inserts the columns that it learned when it started, but those that its model ignores.
ignored_column(broken) := steps([
	[
		sprintf("Deploy code whose model %s ignores it, and that no longer uses it:", [broken.query.name]),
		sql.code("self.ignored_columns += [\"%s\"]", [broken.delta.name]),
	],
	contract([drop_column(broken.delta, sql.name(broken.delta.name))]),
])

enum_value(delta) := steps([
	["Expand: leave the old value, and add the new one beside it:", sql.code("ALTER TYPE %s ADD VALUE %s;", [deltas.relation(delta.relation), sql.text(delta.name)])],
	[sprintf("Deploy code that reads both %s and %s, and writes neither of them new.", [sql.text(delta.from), sql.text(delta.name)])],
	[sprintf("Switch: deploy code that writes %s, and change the old rows in batches.", [sql.text(delta.name)])],
	[sprintf("PostgreSQL cannot take a value out of an enum: let %s stay in it.", [sql.text(delta.from)])],
]) if {
	delta.kind == "renamed"
} else := "Leave the value in the type, and let nothing write it any more; a CHECK on the column can keep it out."

view_column(delta) := steps([
	[sprintf("Expand: keep the column %s in the view %s beside what replaces it.", [sql.name(deltas.old_name(delta)), delta.relation])],
	["Deploy code that does not use it."],
	["Contract, when that code runs everywhere: take it out of the view in a later pull request."],
])

# is_view tells that a column is a view's, which no ALTER TABLE changes.
is_view(delta) if deltas.relation(delta.relation) in views

views contains statement.relation if {
	some migration in input.migrations
	some statement in migration.statements
	contains(statement.object, "view")
}

renamed_column(delta) := steps([
	["Expand: instead of the rename, add the new column:", sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [table(delta), new, column_type(delta)])],
	[sprintf("Deploy code that writes both %s and %s, and still reads %s.", [old, new, old])],
	[
		"Backfill in batches, outside of the migration, until no row is updated:",
		copy(delta, sprintf("%s = %s", [new, old]), sprintf("%s IS DISTINCT FROM %s", [new, old])),
	],
	array.concat([sprintf("Switch: deploy code that reads and writes %s alone.", [new])], no_longer_required(delta, old)),
	contract([drop_column(delta, old)]),
]) if {
	old := sql.name(delta.from)
	new := sql.name(delta.name)
}

# Code that no longer writes a column cannot insert while the column is required.
no_longer_required(delta, old) := [
	sprintf("Before that, %s must not be required any more, and %s is to be:", [old, sql.name(delta.name)]),
	sql.code("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;", [table(delta), old]),
	sql.not_null(table(delta), delta.name, "")[0],
	sql.code("ALTER TABLE %s VALIDATE CONSTRAINT %s;", [table(delta), sql.made_up([sql.bare(table(delta)), delta.name, "not_null"])]),
] if {
	delta.not_null
} else := []

column_type(delta) := delta.type if {
	delta.type != ""
} else := "..."

renamed_relation(delta) := steps([
	[
		"Expand: keep the old name as a view, in the same transaction as the new name:",
		sql.code("CREATE VIEW %s AS SELECT * FROM %s;", [was, deltas.relation(delta.name)]),
	],
	[sprintf("Deploy code that uses %s alone.", [deltas.relation(delta.name)])],
	contract([sql.code("DROP VIEW %s;", [was])]),
]) if {
	was := old_relation(delta)
}

# A rename leaves a relation in its schema; where it is moved, both names tell their schemas.
old_relation(delta) := delta.from if {
	contains(delta.from, ".")
	contains(delta.to, ".")
} else := sql.beside(deltas.relation(delta.name), sql.name(delta.from))

required(delta) := steps([
	["Expand: keep its default:", sql.code("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;", [table(delta), sql.name(delta.name), delta.from])],
	[sprintf("Deploy code that gives %s a value in every INSERT.", [sql.name(delta.name)])],
	contract([sql.code("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT;", [table(delta), sql.name(delta.name)])]),
]) if {
	delta.attribute == "default"
	delta.from != ""
} else := steps([
	[sprintf("Expand: leave out the DROP DEFAULT of line %d for now.", [dropped_default(delta).place.line])],
	[sprintf("Deploy code that gives %s a value in every INSERT.", [sql.name(delta.name)])],
	contract([sql.code("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT;", [table(delta), sql.name(delta.name)])]),
]) if {
	delta.kind == "added"
	dropped_default(delta)
} else := steps([
	["Expand: give it a default, or let it be NULL until code that gives a value runs everywhere:", nullable(delta)],
	[sprintf("Deploy code that gives %s a value in every INSERT.", [sql.name(delta.name)])],
	[
		"Backfill in batches, outside of the migration, until no row is updated; the old rows' value stands for $1:",
		copy(delta, sprintf("%s = $1", [sql.name(delta.name)]), sprintf("%s IS NULL", [sql.name(delta.name)])),
	],
	contract(sql.not_null(table(delta), delta.name, "in another migration")),
])

# A migration may give a column a default for the rows that are there, and take it away again.
dropped_default(delta) := [statement |
	some migration in input.migrations
	some statement in migration.statements
	statement.kind == "drop_default"
	statement.column == delta.name
	statement.relation == delta.relation
	statement.place in delta.caused_by
][0]

nullable(delta) := sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [table(delta), sql.name(delta.name), delta.type]) if {
	delta.kind == "added"
	delta.type != ""
} else := sql.code("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;", [table(delta), sql.name(delta.name)])

removed_columns(delta, also) := steps([
	[sprintf("Deploy code that no longer uses %s.", [concat(", ", array.concat([deltas.named(delta)], [sql.name(other.name) | some other in also]))])],
	contract(drop_columns(delta, also)),
])

drop_columns(delta, []) := [drop_column(delta, sql.name(delta.name))]

drop_columns(delta, also) := [sql.code("ALTER TABLE %s %s;", [
	table(delta),
	concat(", ", [sprintf("DROP COLUMN %s", [sql.name(each.name)]) | some each in array.concat([delta], also)]),
])] if {
	count(also) > 0
}

changed_type(delta) := steps([
	["Expand: leave it, and add a column of the new type:", sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [table(delta), new, delta.to])],
	[sprintf("Deploy code that writes both %s and %s, and still reads %s.", [old, new, old])],
	[
		"Backfill in batches, outside of the migration, until no row is updated:",
		copy(delta, sprintf("%s = %s::%s", [new, old, delta.to]), sprintf("%s IS NULL AND %s IS NOT NULL", [new, old])),
	],
	[sprintf("Switch: deploy code that reads and writes %s alone.", [new])],
	contract([drop_column(delta, old)]),
]) if {
	old := sql.name(delta.name)
	new := sql.made_up([delta.name, "new"])
}

unique(delta) := steps([
	[sprintf("Expand: keep %s, and make the new unique index or constraint beside it.", [deltas.named(delta)])],
	["Deploy code whose ON CONFLICT names the new one."],
	contract([dropped(delta)]),
])

dropped(delta) := sql.code("DROP INDEX CONCURRENTLY %s;", [sql.beside(table(delta), sql.name(deltas.old_name(delta)))]) if {
	delta.object == "index"
} else := sql.code("ALTER TABLE %s DROP CONSTRAINT %s;", [table(delta), sql.name(deltas.old_name(delta))])

# made_anew is the plan for a table that is dropped and created with another shape.
made_anew(delta) := steps([
	[sprintf("Expand: leave table %s as it is, and create the new one beside it, as %s.", [relation, new])],
	["Deploy code that writes both, and copy the rows that are to be kept in batches."],
	[sprintf("Switch: deploy code that uses %s alone.", [new])],
	contract([sql.code("DROP TABLE %s;", [relation])]),
]) if {
	relation := deltas.relation(delta.relation)
	new := sql.beside(relation, sql.made_up([sql.bare(relation), "new"]))
}

is_made_anew(delta) if {
	delta.relation != ""
	relation := deltas.relation(delta.relation)
	relation in remade
}

remade contains statement.relation if {
	some migration in input.migrations
	migration.direction == "up"
	some i, statement in migration.statements
	statement.kind == "drop_table"
	some later in array.slice(migration.statements, i + 1, count(migration.statements))
	later.kind == "create_table"
	later.relation == statement.relation
}

old_function(delta) := steps([
	[sprintf("Expand: keep function %s beside the new one.", [delta.from])],
	["Deploy code that no longer calls it."],
	contract([sql.code("DROP FUNCTION %s;", [sql.beside(deltas.relation(delta.name), delta.from)])]),
]) if {
	delta.kind == "removed"
} else := steps([
	[sprintf("Expand: keep %s as it is, and make the new one beside it, with another name or other arguments.", [deltas.named(delta)])],
	["Deploy code that calls the new one."],
	["Contract, when that code runs everywhere: take the old one away in a later pull request."],
])

changed_view(delta) := steps([
	[sprintf("Expand: make the new view under another name, or leave the columns of %s as they are and add new ones at its end.", [delta.name])],
	["Deploy code that uses the new shape."],
	["Contract, when that code runs everywhere: take the old shape away in a later pull request."],
])

table(delta) := deltas.relation(delta.relation)

drop_column(delta, column) := sql.code("ALTER TABLE %s DROP COLUMN %s;", [table(delta), column])

copy(delta, set, todo) := sql.update_batch({"relation": table(delta)}, set, todo)
