# METADATA
# title: Rows are checked under a lock
# description: |
#   Adding a CHECK or a foreign key, SET NOT NULL, and adding a column with a CHECK read the whole table while nobody can write it,
#   most of them while nobody can read it. With NOT VALID the constraint counts for new rows at once; VALIDATE CONSTRAINT then
#   checks the old rows in another transaction, and nobody waits for that. VALIDATE in the same transaction helps nothing:
#   the first statement's lock is still held.
#   SET NOT NULL needs no scan where a valid CHECK says that the column is not null (PostgreSQL 12 and later); that is left alone.
# custom:
#   severity: error
#   remedy: Add the constraint NOT VALID, and validate it in a later migration.
#   on:
#     - add_constraint
#     - set_not_null
#     - add_column
#     - validate_constraint
#     - alter_column_type
#     - alter_constraint
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
#     CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);
#   bad: |
#     ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL;
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE orders ADD CONSTRAINT orders_user_id_not_null CHECK (user_id IS NOT NULL) NOT VALID;
# schemas:
#   - input: schema.facts
package pmcheck.rules["validates-under-lock"]

import data.pmcheck.lib.columns
import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains sizes.judged(found(migration, statement), statement) if {
	some [migration, statement, "validates-under-lock"] in locks.judged
	not impossible(statement)
}

# That the migration fails does not depend on how many rows there are.
findings contains sizes.told(found(migration, statement), statement) if {
	some [migration, statement, "validates-under-lock"] in locks.judged
	impossible(statement)
}

found(migration, statement) := finding.on(statement, message(migration, statement), remedy(migration, statement))

# A column that every old row would break is refused, not slow.
message(_, statement) := sprintf("%s fails if %s holds a single row: the new column would be NULL in it", [
	statements.in_words(statement),
	statement.relation,
]) if {
	impossible(statement)
} else := sprintf(
	"%s reads the whole table while this transaction still holds %s lock from line %d: %s waits until it is done",
	[
		statements.in_words(statement),
		concat(" ", [locks.article(lock.lock), lock.lock]),
		lock.line,
		locks.who_waits(lock, lock.relation),
	],
) if {
	statement.kind == "validate_constraint"
	lock := locks.held_on(statement)[0]
} else := sprintf("%s takes %s %s", [
	statements.in_words(statement),
	locks.take_together(locks.blocking(statement)),
	until(statement),
])

until(statement) := sprintf("while the whole table is searched for a NULL in %s", [sql.name(statement.column)]) if {
	statement.kind == "set_not_null"
} else := sprintf("while every row of %s is looked up in %s", [statement.relation, statement.references]) if {
	statement.references != ""
} else := "while every row is checked"

impossible(statement) if {
	statement.kind == "add_column"
	statement.not_null
	not statement.has_default
}

default remedy(_, _) := "Make the change on a new column; or drop the constraint first and add it again afterwards, NOT VALID, and validate it later."

remedy(migration, statement) := sql.remedy(array.concat(
	[
		"Let a CHECK that is NOT VALID take its place first; new rows must obey it at once:",
		transaction.lock_timeout(statement),
	],
	array.concat(
		sql.not_null(statement.relation, statement.column, transaction.later(migration)),
		[short |
			statements.server(migration) >= 18
			short := sprintf(
				"PostgreSQL 18 has a shorter way: ADD CONSTRAINT %s NOT NULL %s NOT VALID, then VALIDATE CONSTRAINT in a later migration.",
				[sql.made_up([sql.bare(statement.relation), statement.column, "not_null"]), sql.name(statement.column)],
			)
		],
	),
)) if {
	statement.kind == "set_not_null"
}

remedy(migration, statement) := sql.remedy([
	"Add it NOT VALID: new rows must obey it at once, and old ones are not read.",
	transaction.lock_timeout(statement),
	sql.code("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;", [statement.relation, name(statement), statement.define]),
	sprintf("Then, %s (nobody waits for this scan):", [transaction.later(migration)]),
	sql.code("ALTER TABLE %s VALIDATE CONSTRAINT %s;", [statement.relation, name(statement)]),
]) if {
	statement.kind == "add_constraint"
	can_be_not_valid(migration, statement)
}

remedy(migration, statement) := concat(" ", [
	"PostgreSQL refuses a foreign key with NOT VALID on a partitioned table before version 18. Add it to each partition with",
	"NOT VALID, validate it there in a later migration, and add it to the partitioned table at last: it takes over the valid ones.",
]) if {
	statement.kind == "add_constraint"
	statement.constraint == "FOREIGN KEY"
	not can_be_not_valid(migration, statement)
}

# PostgreSQL 18's syntax is prose here: older parsers do not know it.
remedy(_, statement) := concat(" ", [
	"Add it with NOT VALID at its end: new rows must obey it at once. VALIDATE CONSTRAINT in a later migration then reads",
	"the old ones, and nobody waits for that.",
]) if {
	statement.kind == "add_constraint"
	statement.constraint == "NOT NULL"
}

remedy(_, statement) := concat(" ", [
	"Make the columns NOT NULL first: each with a CHECK (... IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT in a later migration,",
	"and SET NOT NULL after that. Then the primary key needs no scan.",
]) if {
	statement.kind == "add_constraint"
	statement.using_index
}

can_be_not_valid(_, statement) if {
	statement.constraint == "CHECK"
}

can_be_not_valid(_, statement) if {
	statement.constraint == "FOREIGN KEY"
	not statement.relation_partitioned
}

can_be_not_valid(migration, statement) if {
	statement.constraint == "FOREIGN KEY"
	statement.relation_partitioned
	statements.server(migration) >= 18
}

remedy(migration, statement) := sql.remedy([
	"Add the column alone, and its constraint NOT VALID:",
	transaction.lock_timeout(statement),
	sql.code("ALTER TABLE %s ADD COLUMN %s;", [statement.relation, columns.definition(statement)]),
	sql.code("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;", [statement.relation, name(statement), statement.define]),
	sprintf("Then, %s (nobody waits for this scan):", [transaction.later(migration)]),
	sql.code("ALTER TABLE %s VALIDATE CONSTRAINT %s;", [statement.relation, name(statement)]),
]) if {
	statement.kind == "add_column"
	not impossible(statement)
	statement.define != ""
}

remedy(_, statement) := sql.remedy([
	"Give it a default (a constant costs nothing), or let it be NULL until the code writes it everywhere:",
	transaction.lock_timeout(statement),
	sql.code("ALTER TABLE %s ADD COLUMN %s %s;", [statement.relation, sql.name(statement.column), statement.type]),
]) if {
	impossible(statement)
}

remedy(migration, statement) := sql.remedy([
	sprintf("Run it %s, so that the lock is gone before the scan begins:", [transaction.later(migration)]),
	sql.code("ALTER TABLE %s VALIDATE CONSTRAINT %s;", [statement.relation, sql.name(statement.name)]),
]) if {
	statement.kind == "validate_constraint"
}

remedy(_, statement) := concat(" ", [
	"Put the CHECK on each table that uses the domain, NOT VALID, and validate it there in a later migration:",
	"a domain's constraint is always checked under a SHARE lock.",
]) if {
	statement.kind == "alter_domain"
}

name(statement) := sql.name(statement.name) if {
	statement.name != ""
} else := sql.made_up(array.concat([sql.bare(statement.relation)], array.concat(named(statement), [suffix]))) if {
	suffix := {"CHECK": "check", "FOREIGN KEY": "fkey"}[statement.constraint]
}

named(statement) := statement.columns if {
	count(statement.columns) > 0
} else := [statement.column] if {
	statement.column != ""
} else := []
