# METADATA
# title: A time has no time zone
# description: |
#   timestamp stores what the clock showed and not where: sessions with different time zones read different moments, and now() is
#   cut to the session's zone. timestamptz stores the moment, in the same eight bytes.
# custom:
#   severity: info
#   remedy: Use timestamptz.
#   on: [create_table, add_column]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 8.5.1.3 Time Stamps
#   bad: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, created_at timestamp NOT NULL);
#   good: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, created_at timestamptz NOT NULL);
# schemas:
#   - input: schema.facts
package pmcheck.rules["timestamp-without-time-zone"]

import data.pmcheck.lib.columns
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

# One finding says it of all columns of a statement.
findings contains columns.finding(statement, without[0], message, remedy) if {
	some [_, statement] in statements.forward
	without := [column |
		some column in statement.defines
		regex.match(`^timestamp(\([0-9]\))?( without time zone)?$`, column.type)
	]
	count(without) > 0
	names := [sql.name(column.name) | some column in without]
	message := sprintf("%s.%s %s no time zone: what moment it means depends on the session that reads it", [
		statement.relation,
		columns.listed(names),
		has(count(names)),
	])
	remedy := sprintf("Make it a timestamptz: %s", [concat(", ", [sprintf("%s timestamptz", [name]) | some name in names])])
}

has(1) := "has"

has(n) := "have" if n > 1
