# METADATA
# title: A deploy without a canary
# description: |
#   A job deploys a service to everybody at once: no canary, no blue-green switch, no traffic that is moved step by step. Canaries
#   that a controller in the cluster carries out (Argo Rollouts, Flagger) are not seen: `pipeline.canary_jobs` in the configuration
#   says which jobs those are.
#   It speaks up when the change touches the pipeline or adds a migration, once for each provider; previews and staging do not count.
# custom:
#   severity: info
#   remedy: Give it to a small part of the traffic first, compare its errors with the old release's, then go on.
#   on: [pipeline]
#   since: "0.2"
#   sources:
#     - Google, The Site Reliability Workbook, chapter 16, Canarying Releases
# schemas:
#   - input: schema.facts
package pmcheck.rules["pipeline-without-canary"]

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
	lacking := [each | some each in pipeline.deploys(provider); not pipeline.within(each.workflow, "canary")]
	count(lacking) > 0
	deploy := pipeline.first(lacking)
	message := sprintf("%s to everybody at once: no canary is seen", [pipeline.subject(lacking)])
}

remedy(deploy) := sprintf("%s %s%s", [
	"Give it to a tenth of the traffic first, wait some minutes, compare its error rate with the old release's, then go on.",
	way(deploy),
	"Where that is done elsewhere, name the job in .pmcheck.yml:\n  pipeline: {canary_jobs: [...]}",
])

way(deploy) := sprintf("Here that is %s. ", [ways[tool]]) if {
	some tool, _ in ways
	startswith(deploy.doing.why, tool)
} else := ""

ways := {
	"kubectl": "a Rollout of Argo Rollouts with setWeight steps in the place of the Deployment",
	"helm": "a Rollout of Argo Rollouts with setWeight steps in the place of the chart's Deployment",
	"flyctl": "flyctl deploy --strategy canary",
	"fly ": "fly deploy --strategy canary",
	"gcloud run deploy": "gcloud run deploy --no-traffic, then gcloud run services update-traffic --to-revisions=LATEST=10",
	"aws ecs": "CodeDeploy with CodeDeployDefault.ECSCanary10Percent5Minutes",
	"aws-actions/amazon-ecs": "the input codedeploy-appspec, with CodeDeployDefault.ECSCanary10Percent5Minutes",
	"circleci/aws-ecs": "deployment_controller: CODE_DEPLOY, with CodeDeployDefault.ECSCanary10Percent5Minutes",
	"cf push": "cf push --strategy canary",
	"azure/webapps": "a deployment slot with part of the traffic",
}
