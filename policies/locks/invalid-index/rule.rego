# METADATA
# title: The live database has an invalid index
# description: |
#   A build with CONCURRENTLY that fails leaves an invalid index behind: every write maintains it and no query uses it. CREATE INDEX IF NOT
#   EXISTS then skips the index that is needed, without a word. Reported where the change touches the index's table; for information where it only
#   exists, before a deploy. An index that is being built right now is invalid, too.
# custom:
#   severity: warning
#   remedy: Drop the invalid index with DROP INDEX CONCURRENTLY, and build it again.
#   on: [live]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently
# schemas:
#   - input: schema.facts
package pmcheck.rules["invalid-index"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

findings contains finding.about(finding.on(statement, text, remedy(index)), subject(index)) if {
	some index in input.live.invalid_indexes
	first := min(touching(index))
	[_, statement] := statements.forward[first]
	text := message(index, statement)
}

findings contains finding.lowered(finding.about(finding.on(statement, text, remedy(index)), subject(index)), "info") if {
	input.change.stage == "pre-deploy"
	some index in input.live.invalid_indexes
	count(touching(index)) == 0
	[_, statement] := statements.forward[0]
	text := sprintf("The live database has an invalid index %s on %s, which this change does not touch: every write maintains it, no query uses it", [
		sql.name(index.name),
		index.relation,
	])
}

touching(index) := {i | some i, [_, statement] in statements.forward; statement.relation == index.relation; not ends(index)}

# ends tells that the change drops the index, or builds it again.
ends(index) if {
	some [_, statement] in statements.forward
	statement.kind in {"drop_index", "reindex"}
	statement.name == index.name
}

ends(index) if {
	some [_, statement] in statements.forward
	statement.kind == "drop_table"
	statement.relation == index.relation
}

message(index, statement) := sprintf(
	"%s is skipped on the live database: IF NOT EXISTS finds an index of that name there, which is invalid, so that no query uses it",
	[statements.in_words(statement)],
) if {
	statement.kind == "create_index"
	statement.name == index.name
	statement.if_exists
} else := sprintf("%s has an invalid index %s in the live database: every write maintains it, no query uses it", [
	index.relation,
	sql.name(index.name),
])

remedy(index) := sql.remedy([
	"If nobody is building it right now, drop it before the deploy, outside of a transaction:",
	sql.code("DROP INDEX CONCURRENTLY %s;", [sql.beside(index.relation, sql.name(index.name))]),
])

subject(index) := sprintf("invalid index %s %s", [index.relation, index.name])
