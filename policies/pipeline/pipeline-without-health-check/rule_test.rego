package pmcheck.rules["pipeline-without-health-check_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["pipeline-without-health-check"] as rule

deploy := fixtures.doing("deploy", {})

of(jobs) := fixtures.pipeline("circleci", [fixtures.workflow("main", jobs)])

watch(step) := fixtures.doing("health-check", {"step": step})

test_nothing_looks_afterwards if {
	some found in rule.findings with input as of([fixtures.job("release", {}, [deploy])])
	contains(found.message, "nothing looks afterwards whether it works")
	contains(found.remedy, "  - release:\n      post-steps:\n        - run:\n            name: Health check\n            command: curl")
}

test_on_github_it_is_a_step if {
	some found in rule.findings with input as fixtures.pipeline("github-actions", [fixtures.workflow("cd", [fixtures.job("release", {}, [deploy])])])
	contains(found.remedy, "  release:\n    steps:\n      # ... the deploy, then\n      - name: Health check\n        run: curl")
}

test_one_before_the_deploy_does_not_count if {
	count(rule.findings) == 1 with input as of([fixtures.job("release", {}, [watch(0), deploy])])
	count(rule.findings) == 1 with input as of([
		fixtures.job("smoke", {}, [watch(0)]),
		fixtures.job("release", {"needs": ["smoke"]}, [deploy]),
	])
}

test_one_after_a_failure_does_not_count if {
	late := object.union(watch(2), {"runs": "failure"})
	count(rule.findings) == 1 with input as of([fixtures.job("release", {}, [deploy, late])])
}

test_silent_with_one_after_it if {
	every jobs in [
		[fixtures.job("release", {}, [deploy, watch(2)])],
		[fixtures.job("release", {}, [deploy, watch(1)])], # helm upgrade --wait
		[fixtures.job("release", {}, [deploy]), fixtures.job("smoke", {"needs": ["release"]}, [watch(0)])],
	] {
		count(rule.findings) == 0 with input as of(jobs)
	}
}

test_silent_about_what_is_not_seen if {
	count(rule.findings) == 0 with input as of([fixtures.job("release", {}, [object.union(deploy, {"opaque": true})])])
}

test_silent_when_a_workflow_after_it_looks if {
	main := fixtures.workflow("CD", [fixtures.job("release", {}, [deploy])])
	smoke := object.union(fixtures.workflow("smoke", [fixtures.job("smoke", {}, [watch(0)])]), {"after": ["CD"]})
	count(rule.findings) == 0 with input as fixtures.pipeline("github-actions", [main, smoke])
}
