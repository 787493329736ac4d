# METADATA
# title: A deploy without a rollback
# description: |
#   A job deploys a service, and no job of any workflow takes a deploy back: neither by itself after a failure (`helm upgrade
#   --atomic`, a circuit breaker, a job that requires the deploy to have failed) nor by hand (a workflow called rollback).
#   It speaks up when the change touches the pipeline or adds a migration, once for each provider; previews and staging do not count.
# custom:
#   severity: info
#   remedy: Write down as a job how a deploy is taken back, and let it run when the deploy fails.
#   on: [pipeline]
#   since: "0.2"
#   sources:
#     - CircleCI, Set up rollbacks
#     - Google, The Site Reliability Workbook, chapter 16, Canarying Releases
# schemas:
#   - input: schema.facts
package pmcheck.rules["pipeline-without-rollback"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.pipeline

findings contains finding.also(
	finding.about(
		finding.advised(pipeline.at(deploy, message), remedy(deploy)),
		provider.name,
	),
	pipeline.others(lacking),
) if {
	not pipeline.anywhere("rollback")
	some provider in input.pipeline.providers
	lacking := pipeline.deploys(provider)
	count(lacking) > 0
	deploy := pipeline.first(lacking)
	message := sprintf("%s, and no job takes it back when it goes wrong", [pipeline.subject(lacking)])
}

remedy(deploy) := sprintf(
	`Add a job that takes it back when it fails:
  - rollback:
      requires:
        - %s: [failed]
Its step is %s.`,
	[pipeline.job(deploy), command(deploy)],
) if {
	deploy.provider == "circleci"
} else := sprintf(
	`Add a job that takes it back when it fails:
  rollback:
    needs: [%s]
    if: failure()
Its step is %s.`,
	[pipeline.job(deploy), command(deploy)],
)

command(deploy) := commands[tool] if {
	some tool, _ in commands
	startswith(deploy.doing.why, tool)
} else := "what brings the version before back, without building it anew"

commands := {
	"kubectl": "`kubectl rollout undo deployment/NAME`",
	"helm": "`helm rollback RELEASE`; or let `helm upgrade --atomic` do it",
	"flyctl": "`flyctl deploy --image` with the image of the release before",
	"heroku": "`heroku rollback`",
	"aws ecs": "the service's deployment circuit breaker with rollback, or `aws ecs update-service` with the task definition before",
	"aws-actions/amazon-ecs": "the service's deployment circuit breaker with rollback, or `aws ecs update-service` with the task definition before",
	"circleci/aws-ecs": "enable_circuit_breaker of the orb, or `aws ecs update-service` with the task definition before",
	"cf push": "`cf rollback APP --version N`; or let `cf push --strategy rolling` keep the old one until the new one is healthy",
	"gcloud run": "`gcloud run services update-traffic SERVICE --to-revisions=BEFORE=100`",
}
