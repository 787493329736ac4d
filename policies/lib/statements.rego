# METADATA
# title: Statements
# description: Which statements rules judge, and how a message names them.
# schemas:
#   - input: schema.facts
package pmcheck.lib.statements

import data.pmcheck.lib.sql

# forward holds every [migration, statement] that deploying this change runs, in order.
forward := [[migration, statement] |
	some migration in input.migrations
	runs(migration)
	some statement in migration.statements
]

# runs tells that a deploy runs the migration. A merged one that is edited has run where
# it matters; merged-migration-edited is what there is to say.
runs(migration) if {
	migration.direction == "up"
	migration.status == "added"
}

runs(migration) if {
	migration.direction == "repeatable"
	migration.status in {"added", "edited"}
}

# made_here tells that the column of the statement at this index of forward comes from
# an earlier statement of this change: nobody's data is in it, and no running code knows it.
made_here(index, statement) if first_added[sprintf("%s %s", [statement.relation, statement.column])] < index

# first_added is one value, which is made once; a look-up in a rule such as added is made anew each time.
first_added := {column: min(indices) | some column, indices in added}

# added holds where forward adds a column, by table and column.
added[sprintf("%s %s", [statement.relation, statement.column])] contains index if {
	some index, [_, statement] in forward
	statement.kind == "add_column"
}

# server is the PostgreSQL major version that a migration runs on, 0 when unknown.
server(migration) := to_number(version) if {
	some database in input.databases
	database.name == migration.database
	version := database.version
	regex.match(`^[0-9]+$`, version)
} else := 0

# index_name is the index that a statement about one index names, as SQL names it: it
# stands in its table's schema.
index_name(statement) := sql.beside(statement.relation, sql.name(statement.name)) if {
	statement.name != ""
}

# in_words is a statement as a sentence's subject: "ALTER TABLE orders DROP COLUMN token".
in_words(statement) := words if {
	form := alter_table[statement.kind]
	named := [as_written(key, statement[key]) | some key in form.names]
	types := [statement.type | form.type]
	how := [" CONCURRENTLY" | statement.concurrently]
	words := sprintf(
		concat("", array.concat(["ALTER TABLE %s ", form.text], how)),
		array.concat([statement.relation], array.concat(named, types)),
	)
} else := words if {
	statement.kind == "add_constraint"
	named := [sprintf(" CONSTRAINT %s", [sql.name(name)]) | name := statement.name; name != ""]
	words := sprintf("ALTER TABLE %s ADD%s %s", [statement.relation, concat("", named), statement.constraint])
} else := sprintf("ALTER TABLE %s ALTER COLUMN %s %s", [statement.relation, sql.name(statement.column), verb(statement)]) if {
	statement.column != ""
} else := sprintf("ALTER TABLE %s %s", [statement.relation, verb(statement)]) if {
	regex.match(`^((re)?set|enable|disable|force|no_force|inherit|no_inherit|rename)_|^(replica_identity|cluster_on|change_owner)$`, statement.kind)
	statement.object in {"table", "partitioned table"}
} else := sprintf("%s %s ON %s", [verb(statement), sql.name(statement.name), statement.relation]) if {
	regex.match(`_(trigger|policy|rule)$`, statement.kind)
	statement.name != ""
} else := sprintf("%s %s", [verb(statement), sql.name(statement.name)]) if {
	regex.match(`index$`, statement.kind)
	statement.name != ""
} else := trim_space(sprintf("%s %s", [verb(statement), object.get(statement, "relation", "")]))

# Relations are written as SQL already; other names are not.
as_written(key, value) := value if {
	key == "references"
} else := sql.name(value)

verb(statement) := sprintf("%s CONCURRENTLY", [text]) if {
	statement.concurrently
	text := spelled(statement.kind)
} else := spelled(statement.kind)

spelled(kind) := object.get(verbs, kind, upper(replace(kind, "_", " ")))

verbs := {
	"add_identity": "ADD GENERATED AS IDENTITY",
	"change_owner": "OWNER TO",
	"delete": "DELETE FROM",
	"insert": "INSERT INTO",
	"merge": "MERGE INTO",
	"set_storage_parameters": "SET (...)",
}

# alter_table is the sub-commands of ALTER TABLE that messages name in full.
alter_table := {
	"add_column": {"text": "ADD COLUMN %s", "names": ["column"]},
	"drop_column": {"text": "DROP COLUMN %s", "names": ["column"]},
	"rename_column": {"text": "RENAME COLUMN %s TO %s", "names": ["column", "to"]},
	"alter_column_type": {"text": "ALTER COLUMN %s TYPE %s", "names": ["column"], "type": true},
	"validate_constraint": {"text": "VALIDATE CONSTRAINT %s", "names": ["name"]},
	"drop_constraint": {"text": "DROP CONSTRAINT %s", "names": ["name"]},
	"rename_constraint": {"text": "RENAME CONSTRAINT %s", "names": ["name"]},
	"rename_table": {"text": "RENAME TO %s", "names": ["to"]},
	"attach_partition": {"text": "ATTACH PARTITION %s", "names": ["references"]},
	"detach_partition": {"text": "DETACH PARTITION %s", "names": ["references"]},
}
