# METADATA
# title: A dangerous migration without a runbook
# description: |
#   A finding that fails the check was let pass with a reason (`pmcheck:ignore`), so that the migration goes out as it is; and nothing
#   says how it is carried out: when, who watches what, and how it is stopped. A runbook is a document of `runbooks` in the
#   configuration (default `docs/runbooks/**/*.md`) that names the migration's file or its version, or a link to one in the text of a commit
#   of the change, or in the pull request's description where it is known, which is in GitHub Actions (`Runbook: https://...`).
#   Findings about compatibility, locks and data count. With the option mode always, those that were not let pass count too.
# custom:
#   severity: info
#   remedy: Write down when it runs, who watches what, how it is stopped and taken back; and name the migration there.
#   on: [findings]
#   after: true
#   since: "0.2"
#   options:
#     mode: accepted
#   sources:
#     - Google, Site Reliability Engineering, chapter 11, Being On-Call (playbooks)
# schemas:
#   - input: schema.facts
package pmcheck.rules["runbook-missing"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.settings

findings contains finding.about(
	finding.because(finding.advised(finding.at(place, message), remedy(migration)), [found.place | some found in dangers]),
	migration.path,
) if {
	count(accepted) > 0
	some migration in input.migrations
	migration.direction != "down"
	migration.status in {"added", "edited"}
	dangers := [accepted[index] | some index in about[migration.path]]
	count(dangers) > 0
	not has_runbook(migration)
	place := {"path": migration.path, "line": 1}
	message := sprintf("This migration goes out in spite of %s, and no runbook says how", [concat(", ", {found.rule | some found in dangers})])
}

counts(found) if {
	found.fails
	found.category in {"compat", "locks", "data"}
	is_accepted(found)
}

is_accepted(found) if found.suppressed

is_accepted(_) if settings.option("runbook-missing", "mode", "accepted") == "always"

# accepted is the findings that count, in order.
accepted := [found | some found in input.findings; counts(found)]

# about holds by path which of them are about a file.
about[found.place.path] contains index if some index, found in accepted

about[place.path] contains index if {
	some index, found in accepted
	some place in found.caused_by
}

has_runbook(migration) if {
	some runbook in input.runbooks
	migration.path in runbook.names
	object.get(runbook, "status", "") != "deleted"
}

has_runbook(_) if {
	some text in texts
	regex.match(`(?i)run-?book\S*[^\n]{0,40}https?://\S+|https?://\S*run-?book|\S*run-?books?/\S+`, text)
}

texts contains input.change.title

texts contains input.change.body

texts contains commit.title if some commit in input.change.commits

texts contains commit.body if some commit in input.change.commits

remedy(migration) := sprintf(
	`Write down when it runs, who watches what, how it is stopped and taken back: in docs/runbooks/%s.md, with the name of this file in it. Or link to where that stands in a commit's message or the pull request:
  Runbook: https://...`,
	[slug],
) if {
	parts := split(migration.path, "/")
	slug := replace(split(parts[count(parts) - 1], ".")[0], "_", "-")
}
