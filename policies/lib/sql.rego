# METADATA
# title: SQL
# description: Writing SQL that a reader can paste. In a remedy an indented line is SQL, any other is prose.
package pmcheck.lib.sql

# name is an identifier as SQL writes it: quoted only where it must be.
name(identifier) := identifier if {
	regex.match(`^[a-z_][a-z0-9_$]*$`, identifier)
	not identifier in reserved
} else := sprintf(`"%s"`, [replace(identifier, `"`, `""`)])

# names are identifiers as a list in SQL.
names(identifiers) := concat(", ", [name(identifier) | some identifier in identifiers])

# bare is the last part of a relation's name, without schema and quotes.
bare(relation) := replace(trim(last, `"`), `""`, `"`) if {
	parts := regex.find_n(`"(?:[^"]|"")*"$|[^."]+$`, relation, 1)
	last := parts[0]
}

# beside is a new object's name in the schema of a relation.
beside(relation, made) := concat("", [schema, made]) if {
	schema := trim_suffix(relation, regex.find_n(`(?:"(?:[^"]|"")*"|[^."]+)$`, relation, 1)[0])
}

# text is a string literal.
text(value) := sprintf("'%s'", [replace(value, "'", "''")])

# made_up is a name for a new object, from the words that say what it is. PostgreSQL
# cuts names at 63 bytes.
made_up(words) := name(substring(concat("_", words), 0, 63))

# remedy puts lines one below the other and leaves out the empty ones.
remedy(lines) := concat("\n", [line | some line in lines; line != ""])

# code is a line of SQL in a remedy.
code(format, values) := sprintf("  %s", [replace(trim_space(sprintf(format, values)), "\n", "\n  ")])

# not_null is the way to NOT NULL on which nobody waits for a scan; later says when its second half may run.
not_null(relation, column, later) := [
	code("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;", [relation, check, name(column)]),
	sprintf("Then, %s (nobody waits for this scan):", [later]),
	code("ALTER TABLE %s VALIDATE CONSTRAINT %s;", [relation, check]),
	code("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;", [relation, name(column)]),
	code("ALTER TABLE %s DROP CONSTRAINT %s;", [relation, check]),
] if {
	check := made_up([bare(relation), column, "not_null"])
}

# update_batch is an UPDATE of at most a thousand rows of the statement's table, to be repeated until it updates none.
update_batch(statement, set, todo) := code("UPDATE %s SET %s WHERE %s;", [
	statement.relation,
	set,
	batch(statement, sprintf(" WHERE %s", [todo])),
])

# delete_batch is a DELETE of at most a thousand rows.
delete_batch(statement) := code("DELETE FROM %s WHERE %s;", [statement.relation, batch(statement, "")])

# A ctid is unique within one partition only.
batch(statement, todo) := sprintf("(tableoid, ctid) IN (SELECT tableoid, ctid FROM %s%s LIMIT 1000)", [statement.relation, todo]) if {
	statement.relation_partitioned
} else := sprintf("ctid = ANY (ARRAY(SELECT ctid FROM %s%s LIMIT 1000))", [statement.relation, todo])

# reserved holds the key words that cannot name a column or a table without quotes
# (PostgreSQL manual, appendix C).
reserved := {
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary", "both",
	"case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create", "cross",
	"current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
	"current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
	"foreign", "freeze", "from", "full", "grant", "group", "having", "ilike", "in", "initially", "inner", "intersect",
	"into", "is", "isnull", "join", "lateral", "leading", "left", "like", "limit", "localtime", "localtimestamp",
	"natural", "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer", "overlaps", "placing",
	"primary", "references", "returning", "right", "select", "session_user", "similar", "some", "symmetric",
	"system_user", "table", "tablesample", "then", "to", "trailing", "true", "union", "unique", "user", "using",
	"variadic", "verbose", "when", "where", "window", "with",
}
