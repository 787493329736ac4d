# METADATA
# title: A post-mortem ends in a person
# description: |
#   A cause that is somebody's mistake ends the search too early: the next person makes it too. Why did the process let it
#   happen, and why did nothing notice? Root causes, contributing factors and the last of the five whys are looked at,
#   of documents that the change adds or edits; `pmcheck postmortem lint` looks at all documents. A text that also says
#   what of the process let it through is left alone.
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
	words := blaming_words(cause)
	place := {"path": document.path, "line": document.line}
	message := sprintf("The cause %q ends in a person (%q)", [cause, words])
}

# Whys before the last one may well be about a person: the next asks why that could happen.
findings contains finding.about(finding.advised(finding.at(place, message), remedy), why.answer) if {
	some document in input.postmortems.changed
	why := document.whys[count(document.whys) - 1]
	words := blaming_words(why.answer)
	place := {"path": document.path, "line": why.line}
	message := sprintf("The last why, %q, ends in a person (%q)", [why.answer, words])
}

blaming_words(text) := trim_space(found[0]) if {
	not regex.match(process, text)
	found := regex.find_n(blaming, text, 1)
}

blaming := concat("|", [
	`(?i)\b(human|operator|pilot|user) (error|mistake)\b`,
	`\b(forgot|forgetful|careless(ly|ness)?|negligen(t|tly|ce)|incompeten(t|ce)|inattenti(on|ve)|sloppy)\b`,
	`\bshould have (known|checked|tested|noticed|asked|double-checked|been more careful|paid (more )?attention)\b`,
	`\b(not|more) careful\b`,
	`\b(not pay|n't pay|not paying|lack of) (any |enough )?attention\b`,
	`\b(somebody|someone|developer|engineer|operator|admin|administrator|intern|reviewer)'s (mistake|fault|oversight|error)\b`,
	`\b(somebody|someone|developer|engineer|operator|admin|administrator|intern|reviewer|author) (overlooked|missed|misread|mistyped|made an? (mistake|error)|did(n't| not) (check|notice|know|read|test|run))\b`,
	`(^|\s)@[a-z0-9][a-z0-9-]*([\s,.;:]|$)`,
])

# A text that also says what of the process let it through has gone on asking.
process := concat("|", [
	`(?i)\bno (automatic |automated )?(check|test|rule|alert|alarm|guard|guardrail|review|lint|linter|gate|step|list|checklist|runbook|warning|monitoring|process|procedure|policy|documentation)s?\b`,
	`\b(nothing|checklist|runbook|by hand|manual|manually)\b`,
	`\bnot (required|enforced|checked|automated|documented|covered|visible|tested|part of)\b`,
	`\b(does|did|do)(n't| not) (require|enforce|cover|warn|stop|fail|say|ask)\b`,
	`\b((lack|lacks|lacked|missing)( an?)?|without an?) (check|test|rule|alert|alarm|guard|review|gate|step|warning|process|procedure)`,
	`\b(rely|relies|relied|depend|depends|depended) on\b`,
])

remedy := "Ask once more: what let it through, and what would have noticed? Write that as the cause; names belong into the timeline as roles."
