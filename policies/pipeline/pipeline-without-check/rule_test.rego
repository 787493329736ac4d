package pmcheck.rules["pipeline-without-check_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["pipeline-without-check"] as rule

deploy := fixtures.doing("deploy", {})

check := fixtures.doing("check", {"step": 0, "why": "pmcheck/pmcheck"})

of(jobs) := fixtures.pipeline("circleci", [fixtures.workflow("main", jobs)])

build := fixtures.job("build", {}, [])

test_a_deploy_without_it if {
	some found in rule.findings with input as of([build, fixtures.job("release", {"requires": ["build"], "needs": ["build"]}, [deploy])])
	found.place.line == 10
	found.caused_by == [{"path": ".circleci/config.yml", "line": 12}]
	startswith(found.message, "Job release of workflow main deploys (kubectl apply -f k8s), and pmcheck does not run before it")
	contains(found.remedy, "        - release:\n            requires: [build, pmcheck/pre_deploy]")
	not found.severity
}

test_on_github_it_is_pasted_there if {
	jobs := [build, fixtures.job("release/run", {}, [deploy]), fixtures.job("release", {"requires": ["build"]}, [])]
	some found in rule.findings with input as fixtures.pipeline("github-actions", [fixtures.workflow("cd", jobs)])
	contains(found.remedy, "    release:\n      needs: [build, pmcheck]")
}

test_one_finding_for_all_jobs_of_a_provider if {
	jobs := [fixtures.job("eu", {}, [deploy]), fixtures.job("us", {}, [deploy])]
	found := rule.findings with input as fixtures.pipeline("circleci", [fixtures.workflow("a", jobs), fixtures.workflow("b", jobs)])
	count(found) == 1
	some each in found
	contains(each.message, "Job eu of workflow a (kubectl apply -f k8s) and 3 more deploy")
	{other.text | some other in each.related} == {"us of workflow a", "eu of workflow b", "us of workflow b"}
}

test_a_check_that_may_fail_does_not_count if {
	advisory := object.union(check, {"advisory": true})
	some found in rule.findings with input as of([fixtures.job("release", {}, [advisory, deploy])])
	found.severity == "info"
}

test_a_check_after_the_deploy_does_not_count if {
	late := object.union(check, {"step": 2})
	count(rule.findings) == 1 with input as of([fixtures.job("release", {}, [deploy, late])])
}

test_pull_requests_that_are_checked_inform if {
	other := fixtures.workflow("pull-request", [fixtures.job("check", {}, [check])])
	main := fixtures.workflow("main", [fixtures.job("release", {}, [deploy])])
	found := rule.findings with input as fixtures.pipeline("circleci", [other, main])
	{each.severity | some each in found} == {"info"}
}

test_a_piece_that_is_not_understood if {
	broken := json_with_problem(of([]))
	found := rule.findings with input as broken
	{[each.place.line, each.severity, each.message] | some each in found} == {[
		3, "info", "A piece of the pipeline is not understood, and so not judged: not YAML",
	]}
	untouched := object.union(broken, {"pipeline": {"touched": false}})
	count(rule.findings) == 0 with input as untouched
}

json_with_problem(document) := object.union(document, {"pipeline": {"touched": true, "providers": [{
	"name": "circleci", "workflows": [],
	"problems": [{"place": {"path": ".circleci/config.yml", "line": 3}, "kind": "syntax", "reason": "not YAML"}],
}]}})

test_silent_with_it_before if {
	jobs := [
		[fixtures.job("release", {}, [check, deploy])],
		[fixtures.job("check", {}, [check]), fixtures.job("release", {"needs": ["build", "check"]}, [deploy])],
	]
	every each in jobs {
		count(rule.findings) == 0 with input as of(each)
	}
}

test_silent_after_a_workflow_that_checks if {
	checks := fixtures.workflow("CI", [fixtures.job("check", {}, [check])])
	main := object.union(fixtures.workflow("CD", [fixtures.job("release", {}, [deploy])]), {"after": ["CI"]})
	count(rule.findings) == 0 with input as fixtures.pipeline("github-actions", [checks, main])
}

test_silent_about_staging_and_previews_unless_chosen if {
	every environment in ["staging", "preview"] {
		count(rule.findings) == 0 with input as of([fixtures.job("release", {"environment": environment}, [deploy])])
	}
	chosen := object.union(deploy, {"chosen": true})
	count(rule.findings) == 1 with input as of([fixtures.job("release", {"environment": "staging"}, [chosen])])
}

untouched := object.union(fixtures.workflow("main", [fixtures.job("release", {}, [deploy])]), {"touched": false})

test_silent_about_a_workflow_that_the_change_does_not_touch if {
	count(rule.findings) == 0 with input as fixtures.pipeline("circleci", [untouched])
}

test_a_migration_concerns_every_workflow if {
	pipeline := fixtures.pipeline("circleci", [untouched]).pipeline
	with_migration := object.union(fixtures.facts([fixtures.migration({}, [])]), {"pipeline": pipeline})
	count(rule.findings) == 1 with input as with_migration
	with_down := object.union(fixtures.facts([fixtures.migration({"direction": "down"}, [])]), {"pipeline": pipeline})
	count(rule.findings) == 0 with input as with_down
}
