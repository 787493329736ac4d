# METADATA
# title: A guardrail is taken away
# description: |
#   The change deletes a post-mortem or one of its action items, unlinks an item from the rule that enforces it, switches such a rule off
#   or lowers its severity, deletes a rule of the project, lets more severe findings pass, or leaves a configuration that cannot be
#   read, so that no check runs any more. It lets more people override findings, or lets rules be overridden that nobody may override. Or
#   the change behind an incident (introduced_by), judged anew by the rules and the configuration of this change, no longer fails: what was
#   learned is not guarded any more. It takes pmcheck out of a workflow of CircleCI or GitHub, lets a deploy go ahead without it, or
#   lets its failure pass. What it takes away still holds for this change, and no longer for the next.
#   Without a post-mortem behind it, a rule's change warns.
# custom:
#   severity: error
#   remedy: Put it back, or have those who own the action item agree in the review.
#   on: [removed, config]
#   since: "0.1"
#   sources:
#     - Google, Site Reliability Engineering, chapter 15, Postmortem Culture
# schemas:
#   - input: schema.facts
package pmcheck.rules["guardrail-removed"]

import data.pmcheck.lib.finding

findings contains found(removed) if {
	some removed in input.postmortems.removed
	removed.what != "replay"
	not only_configures(removed)
}

findings contains finding.because(found(removed), caused_by(removed)) if {
	some removed in input.postmortems.removed
	removed.what == "replay"
}

findings contains finding.lowered(found(removed), "warning") if {
	some removed in input.postmortems.removed
	only_configures(removed)
}

findings contains finding.advised(finding.at(problem.place, message), "Correct it; it decides about the next change.") if {
	some problem in input.config.problems
	message := sprintf("With this configuration no check can run: %s", [problem.reason])
}

of_a_rule := {"rule-off", "severity-lowered", "policy", "override-never"}

only_configures(removed) if {
	removed.what in of_a_rule
	count(enforced(removed)) == 0
}

# enforced is the action items that stand on a rule.
enforced(removed) := {item |
	some document in input.postmortems.documents
	some action in document.action_items
	removed.rule in action.enforced_by
	item := sprintf("%s/%s (%s)", [document.id, action.id, action.action])
}

found(removed) := finding.about(
	finding.at(removed.place, sprintf("%s%s", [message(removed), reasons(removed)])),
	concat(" ", [word | some key in ["what", "postmortem", "item", "rule", "workflow", "job"]; word := removed[key]]),
)

message(removed) := sprintf("The post-mortem %s is deleted", [removed.postmortem]) if {
	removed.what == "document"
} else := sprintf("The post-mortem %s is no longer read: no glob of postmortems selects it", [removed.postmortem]) if {
	removed.what == "unselected"
} else := sprintf("The action item %s/%s is deleted", [removed.postmortem, removed.item]) if {
	removed.what == "item"
} else := sprintf("The action item %s/%s is no longer enforced by the rule %s", [removed.postmortem, removed.item, removed.rule]) if {
	removed.what == "link"
} else := sprintf("The post-mortem %s no longer says which commit introduced what it is about (introduced_by: %s), so its lesson is not replayed any more", [
	removed.postmortem, removed.from,
]) if {
	removed.what == "introduced-by"
} else := sprintf("The lesson of %s is not guarded any more: the change behind it (%s) was caught by %s%s%s", [
	removed.postmortem, removed.from, concat(" and ", [lost(each) | some each in removed.lost]), moved(removed), still(removed),
]) if {
	removed.what == "replay"
} else := sprintf("Findings may be overridden with the permission %s, and only with %s before", [removed.to, removed.from]) if {
	removed.what == "override-permission"
} else := sprintf("The rule %s may be overridden", [removed.rule]) if {
	removed.what == "override-never"
} else := sprintf("The rule %s is switched off", [removed.rule]) if {
	removed.what == "rule-off"
} else := sprintf("The rule %s is lowered from %s to %s", [removed.rule, removed.from, removed.to]) if {
	removed.what == "severity-lowered"
} else := sprintf("The project's rule %s is deleted", [removed.rule]) if {
	removed.what == "policy"
} else := sprintf("The workflow %s no longer runs pmcheck", [removed.workflow]) if {
	removed.what == "check"
} else := sprintf("The job %s of workflow %s no longer waits for pmcheck before it deploys", [removed.job, removed.workflow]) if {
	removed.what == "check-before"
} else := sprintf("The workflow %s goes on when pmcheck fails", [removed.workflow]) if {
	removed.what == "check-advisory"
} else := sprintf("The check would fail on %s only, and fails on %s now", [removed.to, removed.from])

reasons(removed) := sprintf(", which enforces %s", [concat(", ", enforced(removed))]) if {
	removed.what in of_a_rule
	count(enforced(removed)) > 0
} else := ""

caused_by(removed) := object.get(removed, "caused_by", [])

lost(each) := sprintf("%s, which %s", [each.rule, became[each.now]])

became := {
	"deleted": "is deleted now",
	"off": "is switched off now",
	"lowered": "does not fail the check now",
	"silent": "finds nothing there now",
	"unjudged": "cannot be asked about it now",
}

moved(removed) := sprintf("; introduced_by names %s now, and that cannot be replayed", [removed.to]) if {
	removed.to
} else := ""

still(removed) := sprintf("; %s still catches it, and no action item names that rule", [concat(", ", removed.still)]) if {
	count(removed.still) > 0
} else := ""
