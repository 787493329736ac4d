# METADATA
# title: A suppression suppresses nothing
# description: |
#   A pmcheck:ignore comment names a rule that finds nothing there. It would hide the next finding of that rule, which nobody has
#   looked at yet.
# custom:
#   severity: warning
#   remedy: Delete the comment.
#   on: [suppressions]
#   after: true
#   since: "0.1"
#   sources:
#     - pmcheck, inline suppression
#   bad: |
#     -- pmcheck:ignore drops-data: never written to
#     CREATE TABLE orders (id bigint PRIMARY KEY);
#   good: |
#     CREATE TABLE orders (id bigint PRIMARY KEY);
# schemas:
#   - input: schema.facts
package pmcheck.rules["unused-suppression"]

import data.pmcheck.lib.finding

# Comments of the wrong form and unknown rules have findings of their own.
findings contains finding.advised(finding.at(suppression.place, message), "Delete the comment, or the rule's id in it.") if {
	some suppression in input.suppressions
	not is_malformed(suppression)
	some rule in suppression.rules
	rule in input.settings.known_rules
	not rule in suppression.used
	message := sprintf("%s finds nothing here, so this comment suppresses nothing", [rule])
}

is_malformed(suppression) if suppression.problem != ""

is_malformed(suppression) if suppression.reason == ""
