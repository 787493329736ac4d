# METADATA
# title: Pipelines
# description: The deploys of a pipeline, and what stands before and after them.
# schemas:
#   - input: schema.facts
package pmcheck.lib.pipeline

# deploys are the jobs of a provider that deploy a service to those who use it, each
# with its workflow, those beside it and its first deploying step. Previews and staging serve nobody,
# unless the configuration names their job. Where the change adds no migration, only
# the workflows that it touches count.
deploys(provider) := [{"provider": provider.name, "workflows": provider.workflows, "workflow": workflow, "job": job, "doing": doing} |
	some workflow in provider.workflows
	is_judged(workflow)
	some job in workflow.jobs
	doing := [each | some each in job.does; each.kind == "deploy"; each.runs != "failure"][0]
	serves(job, doing)
]

is_judged(workflow) if workflow.touched

is_judged(_) if {
	some migration in input.migrations
	migration.direction != "down"
	migration.status in {"added", "edited"}
}

is_judged(_) if {
	some database in input.databases
	some unread in database.unread
	unread.status in {"added", "edited"}
	not unread.not_run
}

serves(job, _) if not object.get(job, "environment", "") in {"preview", "staging"}

serves(_, doing) if doing.chosen

# precedes tells that something of a kind must have succeeded before a deploy.
precedes(deploy, kind) if {
	some doing in deploy.job.does
	doing.kind == kind
	not doing.advisory
	doing.runs != "failure"
	doing.step < deploy.doing.step
}

precedes(deploy, kind) if {
	some job in deploy.workflow.jobs
	job.name in deploy.job.needs
	does(job, kind)
}

precedes(deploy, kind) if {
	some workflow in deploy.workflows
	workflow.name in deploy.workflow.after
	some job in workflow.jobs
	does(job, kind)
}

# succeeds tells that something of a kind runs after a deploy that went well.
succeeds(deploy, kind) if {
	some doing in deploy.job.does
	doing.kind == kind
	doing.runs != "failure"
	doing.step >= deploy.doing.step
}

succeeds(deploy, kind) if {
	some job in deploy.workflow.jobs
	deploy.job.name in array.concat(job.needs, job.follows)
	some doing in job.does
	doing.kind == kind
	doing.runs != "failure"
}

succeeds(deploy, kind) if {
	some workflow in deploy.workflows
	deploy.workflow.name in workflow.after
	some job in workflow.jobs
	some doing in job.does
	doing.kind == kind
	doing.runs != "failure"
}

# answers tells that something of a kind runs when a deploy fails.
answers(deploy, kind) if {
	some doing in deploy.job.does
	doing.kind == kind
	doing.runs != "success"
}

answers(deploy, kind) if {
	some job in deploy.workflow.jobs
	deploy.job.name in job.follows
	some doing in job.does
	doing.kind == kind
	doing.runs != "success"
}

answers(deploy, kind) if {
	some workflow in deploy.workflows
	deploy.workflow.name in workflow.after
	some job in workflow.jobs
	some doing in job.does
	doing.kind == kind
}

# within tells that a workflow has something of a kind anywhere.
within(workflow, kind) if {
	some job in workflow.jobs
	some doing in job.does
	doing.kind == kind
}

# anywhere tells that a workflow of any provider has something of a kind.
anywhere(kind) if {
	some provider in input.pipeline.providers
	some workflow in provider.workflows
	within(workflow, kind)
}

does(job, kind) if {
	some doing in job.does
	doing.kind == kind
	not doing.advisory
	doing.runs != "failure"
}

# first is the deploy that a finding stands at: one of a workflow that the change touches, where there is one.
first(lacking) := ordered[0] if {
	ordered := array.concat([deploy | some deploy in lacking; deploy.workflow.touched], lacking)
}

# at is a finding at a deploy's job, whose step is elsewhere as a rule.
at(deploy, message) := {"place": deploy.job.place, "message": message} if {
	deploy.job.place == deploy.doing.place
} else := {"place": deploy.job.place, "message": message, "caused_by": [deploy.doing.place]}

# others are the places of the other deploys that a finding is about.
others(lacking) := [{"place": deploy.job.place, "text": told} |
	some deploy in lacking
	deploy != first(lacking)
	told := sprintf("%s of workflow %s", [deploy.job.name, deploy.workflow.name])
]

# subject says which jobs deploy: "Job deploy of workflow main deploys".
subject(lacking) := sprintf("Job %s of workflow %s deploys (%s)", [
	first(lacking).job.name, first(lacking).workflow.name, first(lacking).doing.why,
]) if {
	count(lacking) == 1
} else := sprintf("Job %s of workflow %s (%s) and %d more deploy", [
	first(lacking).job.name, first(lacking).workflow.name, first(lacking).doing.why, count(lacking) - 1,
])

# job is the name of a deploy's job as its file has it: of a called workflow, that of the job which calls it.
job(deploy) := split(deploy.job.name, "/")[0] if {
	deploy.provider == "github-actions"
} else := deploy.job.name

# requires is what the job names that it needs, and one more.
requires(deploy, more) := concat(", ", array.concat(named, [more])) if {
	named := [name |
		some each in deploy.workflow.jobs
		each.name == job(deploy)
		some name in each.requires
	]
}

# after is steps that are put behind those of a deploy, ready to paste: lines that
# begin at the left margin become YAML in the job's own name.
after(deploy, lines) := concat("\n", array.concat(
	[sprintf("  - %s:", [job(deploy)]), "      post-steps:"],
	[sprintf("        %s", [line]) | some line in lines],
)) if {
	deploy.provider == "circleci"
} else := concat("\n", array.concat(
	[sprintf("  %s:", [job(deploy)]), "    steps:", "      # ... the deploy, then"],
	[sprintf("      %s", [line]) | some line in lines],
))
