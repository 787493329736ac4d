# METADATA
# title: A constraint builds its index under a lock
# description: |
#   UNIQUE, PRIMARY KEY and EXCLUDE build an index while the table has an ACCESS EXCLUSIVE lock: nobody reads or writes it.
#   Build a unique index CONCURRENTLY first; ADD CONSTRAINT ... USING INDEX then takes the lock for a moment only.
#   PostgreSQL has no such way for EXCLUDE.
# custom:
#   severity: error
#   remedy: Build a unique index CONCURRENTLY, and make it the constraint with ADD CONSTRAINT ... USING INDEX.
#   on: [add_constraint, add_column, truncate]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#   sources:
#     - PostgreSQL manual, ALTER TABLE, ADD table_constraint_using_index
#   given: |
#     CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);
#     CREATE UNIQUE INDEX users_email_unique ON users (email);
#   bad: |
#     ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);
#   good: |
#     SET lock_timeout = '5s';
#     ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_unique;
# schemas:
#   - input: schema.facts
package pmcheck.rules["unique-constraint-builds-index"]

import data.pmcheck.lib.columns
import data.pmcheck.lib.finding
import data.pmcheck.lib.indexes
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements
import data.pmcheck.lib.transaction

findings contains sizes.judged(finding.on(statement, message, remedy(migration, statement)), statement) if {
	some [migration, statement, "unique-constraint-builds-index"] in locks.judged
	message := sprintf("%s takes %s until its index is built", [
		concat(" ", array.concat([statements.in_words(statement)], column_constraint(statement))),
		locks.takes(locks.blocking(statement)[0]),
	])
}

# What a column's constraint is stands behind the column, as in SQL.
column_constraint(statement) := [statement.constraint] if {
	statement.kind == "add_column"
} else := []

remedy(migration, statement) := concat(" ", [
	"PostgreSQL cannot build an exclusion constraint while the table is in use. Put it on a new table and move the rows over,",
	"or take a maintenance window, with a lock_timeout.",
]) if {
	statement.constraint == "EXCLUDE"
} else := concat(" ", [
	"PostgreSQL builds no index of a partitioned table CONCURRENTLY and takes none over for a constraint.",
	"Build a unique index on the partitioned table with ON ONLY, one on each partition CONCURRENTLY, and attach those:",
	"the unique index then does the constraint's work.",
]) if {
	statement.relation_partitioned
} else := sql.remedy([
	added(statement),
	concat(" ", ["Build the index CONCURRENTLY.", transaction.own_migration(migration)]),
	sql.code("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s %s;", [name(statement), statement.relation, keys(statement)]),
	"In the next migration make it the constraint, which takes the lock for a moment only:",
	sql.code("SET lock_timeout = '5s';", []),
	sql.code("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s;", [
		statement.relation,
		name(statement),
		statement.constraint,
		name(statement),
	]),
	"If the build fails it leaves an invalid index behind: drop that one before the next try.",
	nullable(statement),
])

added(statement) := sql.remedy([
	"Add the column alone:",
	sql.code("ALTER TABLE %s ADD COLUMN %s;", [statement.relation, columns.definition(statement)]),
]) if {
	statement.kind == "add_column"
} else := ""

# A primary key's columns become NOT NULL, which reads the table under the lock.
nullable(statement) := "A column that may be NULL must be made NOT NULL first, or that step reads the whole table under its lock." if {
	statement.constraint == "PRIMARY KEY"
	statement.scans
} else := ""

name(statement) := sql.name(statement.name) if {
	statement.name != ""
} else := sql.made_up([sql.bare(statement.relation), "pkey"]) if {
	statement.constraint == "PRIMARY KEY"
} else := sql.made_up(array.concat(
	[sql.bare(statement.relation)],
	array.concat(indexes.columns(statement), ["key"]),
))

# keys is the index's own part of the constraint's definition.
keys(statement) := body if {
	body := trim_prefix(statement.define, sprintf("%s ", [statement.constraint]))
	startswith(body, "(")
	not contains(body, "DEFERRABLE")
} else := sprintf("(%s)", [sql.names(indexes.columns(statement))])
