# METADATA
# title: A post-mortem cannot be read in full
# description: |
#   A post-mortem document lacks something or has a mistake, so that what it says cannot be shown, or enforces nothing.
#   In documents that the change leaves alone it informs only.
# custom:
#   severity: warning
#   remedy: Correct the front matter at the line that is named.
#   on: [postmortems]
#   since: "0.1"
#   sources:
#     - Google, Site Reliability Engineering, appendix D, Example Postmortem
# schemas:
#   - input: schema.facts
package pmcheck.rules["incomplete-document"]

import data.pmcheck.lib.finding

findings contains finding.at(problem.place, problem.message) if {
	some problem in input.postmortems.problems
	is_touched(problem.place.path)
}

findings contains finding.lowered(finding.at(problem.place, problem.message), "info") if {
	some problem in input.postmortems.problems
	not is_touched(problem.place.path)
}

is_touched(path) if {
	some file in input.change.files
	file.path == path
}
