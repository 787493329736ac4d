# METADATA
# title: A writer may violate a new constraint
# description: |
#   A table that is in use gets a CHECK, a foreign key or a unique index or constraint, and queries of the running release insert into
#   the table or update it. Whether they write what is now refused depends on their values: this is a possibility, no certainty.
#   What is about a column that the same change adds is left alone: the running release does not write that column.
# custom:
#   severity: info
#   remedy: See that what these queries write passes, or deploy code first whose values do.
#   on: [add_constraint, create_index]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 5.5 Constraints
# schemas:
#   - input: schema.facts
package pmcheck.rules["writer-may-violate"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.finding
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains finding.also(finding.on(statement, message, remedy(statement)), breaks.places(queries)) if {
	some [_, statement] in statements.forward
	restricts(statement)
	not statement.on_new_relation
	not is_about_a_new_column(statement)
	statement.place in added_at
	queries := breaks.by_place(all_writers[sql.bare(statement.relation)])
	message := sprintf("%s %s %s, and may violate the new %s", [
		breaks.subject(queries, "of the running release"),
		breaks.verb(queries, "writes", "write"),
		statement.relation,
		restriction(statement),
	])
}

restricts(statement) if {
	statement.kind == "add_constraint"
	statement.constraint in {"CHECK", "FOREIGN KEY", "UNIQUE", "PRIMARY KEY", "EXCLUDE"}
	not statement.using_index
}

restricts(statement) if {
	statement.kind == "create_index"
	statement.unique
}

restriction(statement) := trim_space(sprintf("%s %s", [kind(statement), sql.name(statement.name)])) if {
	statement.name != ""
} else := kind(statement)

kind(statement) := "unique index" if {
	statement.kind == "create_index"
} else := statement.constraint

# An old writer leaves a new column NULL, or at its default.
is_about_a_new_column(statement) if {
	some column in array.concat(object.get(statement, "columns", []), words(statement))
	statements.first_added[sprintf("%s %s", [statement.relation, column])]
}

words(statement) := regex.find_n(`[A-Za-z_][A-Za-z0-9_$]*`, object.get(statement, "expression", ""), -1)

# added_at holds where the change makes a constraint or index that the schema has in the end and had not before.
added_at contains place if {
	some database in input.databases
	some delta in database.delta
	delta.kind == "added"
	delta.object in {"constraint", "index"}
	some place in delta.caused_by
}

# all_writers is one value, which is made once.
all_writers := writers

# writers holds the running release's queries that write a table, as breaks are.
writers[table] contains item if {
	some use in input.uses
	use.side == "base"
	use.writes
	table := written(use)
	item := {"query": {"name": use.query, "sql": use.text, "source": "", "implied": false, "place": use.place}}
}

written(use) := sql.bare(use.relation) if {
	use.relation != ""
} else := sql.bare(use.name) if {
	use.object == "table"
}

remedy(statement) := sql.remedy([
	"If today's rows violate it, these queries probably do:",
	violations,
	"Deploy code whose values pass first, and add it in a later pull request.",
]) if {
	violations := violating(statement)
} else := "See that what these queries write always passes. If not, deploy code whose values do first, and add it in a later pull request."

violating(statement) := sql.code("SELECT count(*) FROM %s WHERE NOT (%s);", [statement.relation, statement.expression]) if {
	statement.constraint == "CHECK"
	statement.expression != ""
} else := sql.code("SELECT %s, count(*) FROM %s WHERE (%s) IS NOT NULL GROUP BY %s HAVING count(*) > 1 LIMIT 10;", [
	columns,
	statement.relation,
	columns,
	columns,
]) if {
	statement.constraint in {"UNIQUE", "PRIMARY KEY"}
	count(statement.columns) > 0
	columns := sql.names(statement.columns)
} else := sql.code("SELECT count(*) FROM %s AS w WHERE w.%s IS NOT NULL AND NOT EXISTS (SELECT FROM %s AS r WHERE r.%s = w.%s);", [
	statement.relation,
	column,
	statement.references,
	referenced,
	column,
]) if {
	statement.constraint == "FOREIGN KEY"
	count(statement.columns) == 1
	count(statement.ref_columns) == 1
	column := sql.name(statement.columns[0])
	referenced := sql.name(statement.ref_columns[0])
}
