# METADATA
# title: A deploy without a health check after it
# description: |
#   A job deploys a service, and nothing after that looks whether it works: no request to a health endpoint, no smoke test, no
#   `kubectl rollout status`, no tool that waits for its own health checks (`helm upgrade --wait`, `fly deploy`, `gcloud run deploy`).
#   A deploy whose steps lie in an orb or a workflow of another repository, which may look itself, is left alone.
#   It speaks up when the change touches the pipeline or adds a migration, once for each provider; previews and staging do not count.
# custom:
#   severity: warning
#   remedy: Let the deploy fail when what it brought does not answer.
#   on: [pipeline]
#   since: "0.2"
#   sources:
#     - Google, Site Reliability Engineering, chapter 8, Release Engineering
# schemas:
#   - input: schema.facts
package pmcheck.rules["pipeline-without-health-check"]

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
	lacking := [each |
		some each in pipeline.deploys(provider)
		not each.doing.opaque
		not pipeline.succeeds(each, "health-check")
	]
	count(lacking) > 0
	deploy := pipeline.first(lacking)
	message := sprintf("%s, and nothing looks afterwards whether it works", [pipeline.subject(lacking)])
}

request := `curl --fail --silent --show-error --max-time 30 --retry 3 --retry-all-errors "$HEALTH_CHECK_URL"`

remedy(deploy) := sprintf("Let the deploy fail when what it brought does not answer:\n%s", [pipeline.after(deploy, lines)]) if {
	deploy.provider == "circleci"
	lines := ["- run:", "    name: Health check", sprintf("    command: %s", [request])]
} else := sprintf("Let the deploy fail when what it brought does not answer:\n%s", [pipeline.after(deploy, lines)]) if {
	lines := ["- name: Health check", sprintf("  run: %s", [request])]
}
