# METADATA
# title: Columns
# description: The columns that this change defines.
# schemas:
#   - input: schema.facts
package pmcheck.lib.columns

import data.pmcheck.lib.finding as make
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

# defined holds [statement, column] for every column that a new or altered table gets.
defined := [[statement, column] |
	some [_, statement] in statements.forward
	some column in statement.defines
]

# listed is names as a sentence lists them.
listed(names) := concat(" and ", array.concat([concat(", ", array.slice(names, 0, last))], [names[last]])) if {
	last := count(names) - 1
	last > 0
} else := names[0]

# definition is how ADD COLUMN defines a statement's column, without its constraint. Its
# default costs nothing, or the statement would rewrite the table.
definition(statement) := concat("", [
	sql.name(statement.column),
	concat("", [sprintf(" %s", [statement.type]) | statement.type != ""]),
	concat("", [sprintf(" DEFAULT %s", [value]) | value := statement["default"]; value != ""]),
	concat("", [" NOT NULL" | statement.not_null; statement.has_default]),
])

# finding is a finding about a column of a statement.
finding(statement, column, message, remedy) := make.about(
	make.advised(make.at(column.place, message), remedy),
	sprintf("column %s.%s", [statement.relation, column.name]),
)
