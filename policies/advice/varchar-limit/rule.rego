# METADATA
# title: A text column has a length limit
# description: |
#   varchar(n) saves nothing over text, and a limit that is too small is found by a failing INSERT. To make it smaller later reads the
#   table under a lock. A CHECK says the same, can be added NOT VALID, and can be replaced.
# custom:
#   severity: info
#   remedy: Use text, with a CHECK where a limit is meant.
#   on: [create_table, add_column]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 8.3 Character Types
#   bad: |
#     CREATE TABLE users (id bigint PRIMARY KEY, email varchar(255) NOT NULL);
#   good: |
#     CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL CHECK (length(email) <= 255));
# schemas:
#   - input: schema.facts
package pmcheck.rules["varchar-limit"]

import data.pmcheck.lib.columns
import data.pmcheck.lib.sql

findings contains columns.finding(statement, column, message, remedy) if {
	some [statement, column] in columns.defined
	limit := regex.find_all_string_submatch_n(`^(?:varchar|character varying)\(([0-9]+)\)$`, column.type, 1)[0][1]
	message := sprintf("%s.%s holds no more than %s characters: a longer value fails", [statement.relation, column.name, limit])
	remedy := sprintf("Make it a text, and if the limit is meant a CHECK: %s text CHECK (length(%s) <= %s)", [
		sql.name(column.name),
		sql.name(column.name),
		limit,
	])
}
