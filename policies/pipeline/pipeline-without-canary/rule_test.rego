package pmcheck.rules["pipeline-without-canary_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["pipeline-without-canary"] as rule

deploy := fixtures.doing("deploy", {})

of(jobs) := fixtures.pipeline("circleci", [fixtures.workflow("main", jobs)])

test_everybody_at_once if {
	some found in rule.findings with input as of([fixtures.job("release", {}, [deploy])])
	contains(found.message, "to everybody at once")
	contains(found.remedy, "Argo Rollouts")
}

test_a_tool_that_has_no_known_way if {
	some found in rule.findings with input as of([fixtures.job("release", {}, [object.union(deploy, {"why": "./deploy.sh"})])])
	contains(found.remedy, "then go on. Where that is done elsewhere")
}

test_silent_with_one if {
	count(rule.findings) == 0 with input as of([fixtures.job("release", {}, [deploy, fixtures.doing("canary", {})])])
}
