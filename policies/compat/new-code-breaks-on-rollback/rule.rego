# METADATA
# title: New code fails on the old schema
# description: |
#   A query of the new code works on the new schema and fails on the old one. With deploy order code-first or unordered the new code
#   meets the old schema in every deploy. With migrations-first, the default, it meets it only when the migration is rolled back and
#   the code is not: then one finding for the whole change informs which queries need the migration.
# custom:
#   severity: error
#   remedy: Let the migration that new code needs run first, and roll the code back before the migration.
#   on: [matrix]
#   since: "0.1"
#   sources:
#     - Martin Fowler, ParallelChange
# schemas:
#   - input: schema.facts
package pmcheck.rules["new-code-breaks-on-rollback"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.finding
import data.pmcheck.lib.plans

findings contains breaks.finding(group, message, remedy(group)) if {
	input.settings.deploy_order != "migrations-first"
	some group in breaks.groups(input.matrix.new_code_old_schema.breaks)
	message := sprintf("%s %s until this migration has run: %s", [
		breaks.subject(group, "of the new code"),
		breaks.verb(group, "fails", "fail"),
		breaks.told(group),
	])
}

remedy(group) := plans.for(group, breaks.also(group)) if {
	group[0].delta.kind == "renamed"
} else := concat(" ", [
	"Let the migration go first, in a pull request of its own that says above the statement",
	"`-- pmcheck:ignore migration-without-code: the code follows`, and this code when it has run everywhere.",
	"Or let this code work on both schemas.",
])

# The migration comes first: new code meets the old schema only after a rollback of the migration alone.
findings contains finding.lowered(
	finding.about(finding.advised(finding.at(items[0].query.place, message), back), "rollback"),
	"info",
) if {
	input.settings.deploy_order == "migrations-first"
	items := breaks.by_place(input.matrix.new_code_old_schema.breaks)
	count(items) > 0
	message := sprintf("%d %s of the new code %s this migration (%s): roll the code back before the migration", [
		count(items),
		breaks.verb(items, "query", "queries"),
		breaks.verb(items, "needs", "need"),
		breaks.names(items),
	])
}

back := "Nothing is to be done before the merge; `pmcheck matrix` lists them."
