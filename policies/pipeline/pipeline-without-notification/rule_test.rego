package pmcheck.rules["pipeline-without-notification_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["pipeline-without-notification"] as rule

deploy := fixtures.doing("deploy", {})

of(jobs) := fixtures.pipeline("circleci", [fixtures.workflow("main", jobs)])

tell(runs) := fixtures.doing("notification", {"step": 2, "runs": runs})

test_nobody_is_told if {
	some found in rule.findings with input as of([fixtures.job("release", {}, [deploy])])
	contains(found.message, "when that fails nobody is told")
	contains(found.remedy, "            when: on_fail")
}

test_on_github if {
	some found in rule.findings with input as fixtures.pipeline("github-actions", [fixtures.workflow("cd", [fixtures.job("release", {}, [deploy])])])
	contains(found.remedy, "        if: failure()")
}

test_what_is_sent_on_success_does_not_count if {
	count(rule.findings) == 1 with input as of([fixtures.job("release", {}, [deploy, tell("success")])])
	count(rule.findings) == 1 with input as of([
		fixtures.job("release", {}, [deploy]),
		fixtures.job("notify", {"needs": ["release"]}, [tell("success")]),
	])
}

test_silent_when_a_failure_is_told if {
	every jobs in [
		[fixtures.job("release", {}, [deploy, tell("failure")])],
		[fixtures.job("release", {}, [deploy, tell("always")])],
		[fixtures.job("release", {}, [deploy]), fixtures.job("notify", {"follows": ["release"]}, [tell("failure")])],
	] {
		count(rule.findings) == 0 with input as of(jobs)
	}
}

test_silent_when_a_workflow_after_it_tells if {
	main := fixtures.workflow("CD", [fixtures.job("release", {}, [deploy])])
	tells := object.union(fixtures.workflow("tell", [fixtures.job("notify", {}, [tell("failure")])]), {"after": ["CD"]})
	count(rule.findings) == 0 with input as fixtures.pipeline("github-actions", [main, tells])
}
