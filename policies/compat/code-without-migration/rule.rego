# METADATA
# title: New code asks for what no migration makes
# description: |
#   A query that the change brings names a table or a column that is on neither schema, the old or the new one: it fails wherever it runs.
#   Usually a migration was left out of the pull request, or a name is misspelt.
# custom:
#   severity: error
#   remedy: Add the migration that makes it to this pull request, or correct the name.
#   on: [matrix]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, Appendix A. PostgreSQL Error Codes
# schemas:
#   - input: schema.facts
package pmcheck.rules["code-without-migration"]

import data.pmcheck.lib.breaks

findings contains breaks.finding(group, message, remedy) if {
	some group in breaks.groups([broken |
		some broken in input.matrix.new_code_new_schema.breaks
		not broken.worked_before
	])
	message := sprintf("%s %s for what no migration makes: %s", [
		breaks.subject(group, "of the new code"),
		breaks.verb(group, "asks", "ask"),
		breaks.told(group),
	])
}

remedy := concat(" ", [
	"Add the migration that makes it to this pull request, or correct the name in the query.",
	"If another repository migrates it, name the code of this database in .pmcheck.yml: `databases: [{code: [...]}]`.",
])
