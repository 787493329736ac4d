# METADATA
# title: A deploy without pmcheck before it
# description: |
#   A job deploys a service, and pmcheck is neither a step before that nor a job that must have passed. What was merged since the last
#   deploy goes out together: only a check before the deploy compares the release that is running with all of it. A step whose failure
#   is let pass (`|| true`, `continue-on-error`) stops nothing and does not count.
#   It speaks up when the change touches the pipeline or adds a migration, once for each provider. Previews and staging do not count,
#   nor does the publishing of packages or documentation. Where pull requests are checked already, it informs.
# custom:
#   severity: warning
#   remedy: Run pmcheck before the deploy, and let the deploy wait for it.
#   on: [pipeline]
#   since: "0.2"
#   sources:
#     - CircleCI, Configuration Reference, requires
#     - GitHub, Workflow syntax for GitHub Actions, jobs.<job_id>.needs
# schemas:
#   - input: schema.facts
package pmcheck.rules["pipeline-without-check"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.pipeline

findings contains found(provider, lacking) if {
	some provider in input.pipeline.providers
	lacking := unchecked(provider)
	count(lacking) > 0
	not pipeline.anywhere("check")
}

findings contains finding.lowered(found(provider, lacking), "info") if {
	some provider in input.pipeline.providers
	lacking := unchecked(provider)
	count(lacking) > 0
	pipeline.anywhere("check")
}

# What cannot be read is not judged, and whoever edits it can mend it.
findings contains finding.lowered(finding.advised(finding.at(problem.place, message), "Correct it."), "info") if {
	input.pipeline.touched
	some provider in input.pipeline.providers
	some problem in provider.problems
	message := sprintf("A piece of the pipeline is not understood, and so not judged: %s", [problem.reason])
}

unchecked(provider) := [deploy |
	some deploy in pipeline.deploys(provider)
	not pipeline.precedes(deploy, "check")
]

found(provider, lacking) := finding.also(
	finding.about(
		finding.advised(pipeline.at(deploy, message), remedy(deploy)),
		provider.name,
	),
	pipeline.others(lacking),
) if {
	deploy := pipeline.first(lacking)
	message := sprintf("%s, and pmcheck does not run before it: nobody compares the release that is running with all that goes out", [
		pipeline.subject(lacking),
	])
}

remedy(deploy) := sprintf(
	`Let it wait for pmcheck:
  orbs:
    pmcheck: pmcheck/pmcheck@1
  workflows:
    %s:
      jobs:
        - pmcheck/pre_deploy
        - %s:
            requires: [%s]`,
	[deploy.workflow.name, pipeline.job(deploy), pipeline.requires(deploy, "pmcheck/pre_deploy")],
) if {
	deploy.provider == "circleci"
} else := sprintf(
	`Let it wait for pmcheck:
  jobs:
    pmcheck:
      runs-on: ubuntu-latest
      steps:
        - uses: actions/checkout@v4
          with: {fetch-depth: 0}
        - uses: pmcheck/pmcheck@v1
    %s:
      needs: [%s]`,
	[pipeline.job(deploy), pipeline.requires(deploy, "pmcheck")],
)
