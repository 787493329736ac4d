# METADATA
# title: A post-mortem ends in a person
# description: |
#   A cause that is somebody's mistake ends the search too early: the next person makes it too. Why did the process let it
#   happen, and why did nothing notice? Only documents that the change adds or edits are looked at.
# custom:
#   severity: warning
#   remedy: Ask once more why, until the answer is something that can be changed.
#   on: [postmortems]
#   since: "0.1"
#   sources:
#     - Google, Site Reliability Engineering, chapter 15, Postmortem Culture
#   bad: |
#     root_causes:
#       - human error: the engineer forgot to run the migration
#   good: |
#     root_causes:
#       - the deploy does not run the migrations, and nothing says that they are missing
# schemas:
#   - input: schema.facts
package pmcheck.rules["names-a-person"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.advised(finding.at(place, message), remedy), cause) if {
	some document in input.postmortems.changed
	some cause in document.causes
	words := regex.find_n(blaming, cause, 1)
	place := {"path": document.path, "line": document.line}
	message := sprintf("The cause %q ends in a person (%q)", [cause, trim_space(words[0])])
}

blaming := concat("|", [
	`(?i)\b(human|operator|pilot) error\b`,
	`\b(forgot|forgetful|careless(ly|ness)?|negligen(t|tly|ce)|incompeten(t|ce)|inattenti(on|ve)|sloppy)\b`,
	`\bshould have (known|checked|tested|noticed|been more careful)\b`,
	`\b(somebody|someone|developer|engineer|operator|admin|intern)'s (mistake|fault|oversight)\b`,
	`(^|\s)@[a-z0-9][a-z0-9-]*([\s,.;:]|$)`,
])

remedy := "Ask once more: what let it through, and what would have noticed? Write that as the cause; names belong into the timeline as roles."
