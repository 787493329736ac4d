# METADATA
# title: An action item is overdue
# description: |
#   An item of a post-mortem that the change adds or edits should have been done before today, and is neither done nor cancelled.
#   Documents that the change leaves alone are not looked at: `pmcheck postmortem items --overdue` lists theirs.
# custom:
#   severity: warning
#   remedy: Do it, give it a new date and say why in the document, or cancel it.
#   on: [postmortems]
#   since: "0.1"
#   sources:
#     - Google, Site Reliability Engineering, chapter 15, Postmortem Culture
#   bad: |
#     action_items:
#       - {id: AI-1, action: Add a health check, owner: platform, due: 2026-01-10, status: open}
#   good: |
#     action_items:
#       - {id: AI-1, action: Add a health check, owner: platform, due: 2026-01-10, status: done}
# schemas:
#   - input: schema.facts
package pmcheck.rules["item-overdue"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.advised(finding.at(place, message), remedy), cited) if {
	some document in input.postmortems.changed
	some item in document.action_items
	not item.status in {"done", "cancelled"}
	item.due != ""
	item.due < today
	cited := sprintf("%s/%s", [document.id, item.id])
	place := {"path": document.path, "line": item.line}
	message := sprintf("%s %q was due on %s%s", [cited, item.action, item.due, owned(item)])
}

today := substring(input.now, 0, 10)

owned(item) := sprintf(", by %s", [item.owner]) if {
	item.owner != ""
} else := ", and nobody owns it"

remedy := "Do it, give it a new date and say why in the document, or cancel it: an item that nobody expects any more hides those that matter."
