# METADATA
# title: The running release breaks
# description: |
#   A query of the release that is running works today and fails once this migration has run. Until the new release runs everywhere,
#   and after every rollback of it, that query fails. There is one finding for each difference between the schemas, with all the
#   queries that it breaks. With deploy order code-first it warns, since only a rollback then meets the new schema. It warns as well
#   where no migration is behind it but a merged one that is edited or deleted: databases that ran that stay as they are.
# custom:
#   severity: error
#   remedy: Expand first, deploy code that needs neither shape, contract in a later pull request.
#   on: [matrix]
#   since: "0.1"
#   sources:
#     - Martin Fowler, ParallelChange
#     - PostgreSQL manual, Appendix A. PostgreSQL Error Codes
# schemas:
#   - input: schema.facts
package pmcheck.rules["old-code-breaks"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.finding
import data.pmcheck.lib.plans

findings contains found(group) if {
	some group in breaks.groups(input.matrix.old_code_new_schema.breaks)
	input.settings.deploy_order != "code-first"
	not is_made_anew_only(group)
}

findings contains finding.lowered(found(group), "warning") if {
	some group in breaks.groups(input.matrix.old_code_new_schema.breaks)
	input.settings.deploy_order == "code-first"
	not is_made_anew_only(group)
}

# What an edited or deleted migration does to a database that ran it is nothing: it is only a new one that differs.
findings contains finding.lowered(breaks.finding(group, message, back), "warning") if {
	some group in breaks.groups(input.matrix.old_code_new_schema.breaks)
	is_made_anew_only(group)
	message := sprintf("%s %s on a database that the edited migrations make anew: %s", [
		breaks.subject(group, "of the running release"),
		breaks.verb(group, "fails", "fail"),
		breaks.told(group),
	])
}

back := "Put the merged migration back as it was, and make the change in a new one."

is_made_anew_only(group) if {
	some migration in input.migrations
	migration.status in {"edited", "renamed", "deleted"}
	migration.direction == "up"
	every place in breaks.causes(group) {
		not place.path in added
	}
}

added contains migration.path if {
	some migration in input.migrations
	migration.status == "added"
}

found(group) := breaks.finding(group, message, plans.for(group, breaks.also(group))) if {
	message := sprintf("%s %s once this migration has run: %s%s", [
		breaks.subject(group, "of the running release"),
		breaks.verb(group, "fails", "fail"),
		breaks.told(group),
		breaks.then(group),
	])
}
