# METADATA
# title: Indexes
# description: Writing an index or a unique constraint again, as a statement defines it.
package pmcheck.lib.indexes

import data.pmcheck.lib.sql

# keyword is what stands behind CREATE.
keyword(statement) := "UNIQUE INDEX" if {
	statement.unique
} else := "INDEX"

# name is the index's name, or the one that PostgreSQL would choose.
name(statement) := sql.name(statement.name) if {
	statement.name != ""
} else := sql.made_up(array.concat([sql.bare(statement.relation)], array.concat(columns(statement), ["idx"])))

# columns is the columns that a statement names.
columns(statement) := [column | some column in object.get(statement, "columns", [])] if {
	count(object.get(statement, "columns", [])) > 0
} else := [statement.column] if {
	statement.column != ""
} else := []

# definition is what stands behind an index's name.
definition(statement) := sprintf("ON %s %s", [statement.relation, body(statement)])

# body is what stands behind an index's table.
body(statement) := regex.replace(statement.define, `^ON (?:ONLY )?(?:"(?:[^"]|"")*"|[^" (])+ `, "") if {
	statement.define != ""
} else := sprintf("(%s)", [sql.names(columns(statement))])
