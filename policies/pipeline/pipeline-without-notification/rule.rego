# METADATA
# title: A failed deploy tells nobody
# description: |
#   A job deploys a service, and when it fails nobody is told: no step that runs on failure, and no job after it that does, asks
#   Slack, Teams, Discord, PagerDuty or the like. What is sent on success alone does not count.
#   It speaks up when the change touches the pipeline or adds a migration, once for each provider; previews and staging do not count.
# custom:
#   severity: info
#   remedy: Tell the team when a deploy fails.
#   on: [pipeline]
#   since: "0.2"
#   sources:
#     - CircleCI, Configuration Reference, run, when
#     - GitHub, Evaluate expressions, Status check functions
# schemas:
#   - input: schema.facts
package pmcheck.rules["pipeline-without-notification"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.pipeline

findings contains finding.also(
	finding.about(
		finding.advised(pipeline.at(deploy, message), remedy(deploy)),
		provider.name,
	),
	pipeline.others(lacking),
) if {
	some provider in input.pipeline.providers
	lacking := [each | some each in pipeline.deploys(provider); not pipeline.answers(each, "notification")]
	count(lacking) > 0
	deploy := pipeline.first(lacking)
	message := sprintf("%s, and when that fails nobody is told", [pipeline.subject(lacking)])
}

remedy(deploy) := sprintf("Tell the team when it fails:\n%s", [pipeline.after(deploy, [
	"- run:",
	"    name: Tell the team",
	"    when: on_fail",
	"    command: |",
	sprintf(
		`      curl --fail -H "Content-Type: application/json" --data "{\"text\": \"%s failed: $CIRCLE_BUILD_URL\"}" "$SLACK_WEBHOOK_URL"`,
		[pipeline.job(deploy)],
	),
])]) if {
	deploy.provider == "circleci"
} else := sprintf("Tell the team when it fails:\n%s", [pipeline.after(deploy, [
	"- name: Tell the team",
	"  if: failure()",
	"  env: {SLACK_WEBHOOK_URL: '${{ secrets.SLACK_WEBHOOK_URL }}'}",
	"  run: |",
	sprintf(
		`    curl --fail -H "Content-Type: application/json" --data "{\"text\": \"%s failed: $GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID\"}" "$SLACK_WEBHOOK_URL"`,
		[pipeline.job(deploy)],
	),
])])
