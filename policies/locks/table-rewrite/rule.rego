# METADATA
# title: A table is rewritten under a lock
# description: |
#   Some changes make PostgreSQL write every row again: a column with a volatile default, a serial, identity or stored generated
#   column, most type changes, another tablespace or access method. The table has an ACCESS EXCLUSIVE lock for all of that time:
#   nobody reads or writes it. Type changes that leave the rows alone but rebuild an index are reported as well.
#   What costs no rewrite is left alone: a constant default, now(), varchar made longer or made text.
# custom:
#   severity: error
#   remedy: Add a new column that costs nothing, fill it in batches, and let the code move over to it.
#   on:
#     - add_column
#     - alter_column_type
#     - set_expression
#     - drop_expression
#     - set_logged
#     - set_unlogged
#     - set_access_method
#     - set_tablespace
#     - alter_composite_type
#     - alter_domain
#     - truncate
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, ALTER TABLE, Notes
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY);
#   bad: |
#     ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN token uuid;
#     ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();
# schemas:
#   - input: schema.facts
package pmcheck.rules["table-rewrite"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains sizes.judged(finding.on(statement, message, remedy(migration, statement)), statement) if {
	some [migration, statement, "table-rewrite"] in locks.judged
	lock := rewritten(statement)[0]
	message := sprintf("%s %s under %s until it is done%s", [
		statements.in_words(statement),
		does(lock),
		locks.takes(lock),
		why(lock),
	])
}

# The lock that a message speaks of is the one on the table that is rewritten.
rewritten(statement) := array.concat(
	[lock | some lock in locks.blocking(statement); lock.rewrites],
	locks.blocking(statement),
)

does(lock) := "writes the whole table again" if {
	lock.rewrites
} else := "builds the column's indexes again"

why(lock) := sprintf(" (%s)", [lock.why]) if {
	lock.why != ""
} else := ""

# Of the other changes none has a form that costs less.
default remedy(_, _) := "Copy the rows in batches to a new table that is as it should be, and move the code over; or take a maintenance window."

remedy(migration, statement) := sql.remedy(array.concat(
	new_column(statement),
	afterwards(migration, statement),
)) if {
	statement.kind == "add_column"
}

new_column(statement) := [
	"Add a plain column and let a trigger fill it in new rows; this costs no rewrite:",
	add(statement),
	"Then fill the old rows in batches, outside of the migration, until none is updated:",
	sql.update_batch(statement, sprintf("%s = (%s)", [name, column.generated]), sprintf("%s IS NULL", [name])),
] if {
	some column in statement.defines
	column.generated != ""
	name := sql.name(column.name)
}

new_column(statement) := [
	"Add the column without a default, and give it its sequence afterwards; this costs no rewrite:",
	transaction.lock_timeout(statement),
	add(statement),
	sql.code("CREATE SEQUENCE %s OWNED BY %s.%s;", [sequence, statement.relation, name]),
	sql.code("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT nextval(%s);", [statement.relation, name, sql.text(sequence)]),
	"Then fill the old rows in batches, outside of the migration, until none is updated:",
	sql.update_batch(statement, sprintf("%s = DEFAULT", [name]), sprintf("%s IS NULL", [name])),
] if {
	some column in statement.defines
	numbered(column)
	name := sql.name(column.name)
	sequence := sql.beside(statement.relation, sql.made_up([sql.bare(statement.relation), column.name, "seq"]))
}

new_column(statement) := [
	"Add the column without its default, and set the default afterwards; this costs no rewrite:",
	transaction.lock_timeout(statement),
	add(statement),
	sql.code("ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;", [statement.relation, name, column["default"]]),
	"Then fill the old rows in batches, outside of the migration, until none is updated:",
	sql.update_batch(statement, sprintf("%s = DEFAULT", [name]), sprintf("%s IS NULL", [name])),
] if {
	some column in statement.defines
	not numbered(column)
	column["default"] != ""
	name := sql.name(column.name)
}

# A cast to a type with a length cuts what does not fit; an assignment refuses it.
cast(statement, old) := old if {
	regex.match(`^(character|bit)`, statement.type)
} else := sprintf("%s::%s", [old, statement.type])

numbered(column) if column.serial

numbered(column) if column.identity != ""

add(statement) := sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [
	statement.relation,
	sql.name(statement.column),
	statement.type,
])

# What the column is beside its values comes last.
afterwards(migration, statement) := array.concat(
	[line |
		statement.not_null
		some line in array.concat(
			["When no NULL is left, make it NOT NULL without a scan under the lock:"],
			sql.not_null(statement.relation, statement.column, transaction.later(migration)),
		)
	],
	[line |
		statement.constraint in {"UNIQUE", "PRIMARY KEY"}
		line := "At last make it unique, from an index that is built CONCURRENTLY."
	],
)

remedy(_, statement) := sql.remedy([
	"Add a column of the new type, and let the code (or a trigger) write both:",
	transaction.lock_timeout(statement),
	sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [statement.relation, new, statement.type]),
	"Fill the old rows in batches, outside of the migration, until none is updated:",
	sql.update_batch(
		statement,
		sprintf("%s = %s", [new, converted]),
		sprintf("%s IS NULL AND %s IS NOT NULL", [new, old]),
	),
	"Then let the code read the new column, and drop the old one in a later pull request.",
]) if {
	statement.kind == "alter_column_type"
	old := sql.name(statement.column)
	new := sql.made_up([statement.column, "new"])
	converted := object.get(statement, "using", cast(statement, old))
}
