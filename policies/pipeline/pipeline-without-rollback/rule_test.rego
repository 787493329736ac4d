package pmcheck.rules["pipeline-without-rollback_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["pipeline-without-rollback"] as rule

deploy := fixtures.doing("deploy", {})

of(jobs) := fixtures.pipeline("circleci", [fixtures.workflow("main", jobs)])

test_nothing_takes_it_back if {
	some found in rule.findings with input as of([fixtures.job("release", {}, [deploy])])
	contains(found.message, "no job takes it back")
	contains(found.remedy, "        - release: [failed]\nIts step is `kubectl rollout undo deployment/NAME`.")
}

test_on_github if {
	some found in rule.findings with input as fixtures.pipeline("github-actions", [fixtures.workflow("cd", [
		fixtures.job("release", {}, [object.union(deploy, {"why": "./deploy.sh"})]),
	])])
	contains(found.remedy, "    needs: [release]\n    if: failure()\nIts step is what brings the version before back")
}

test_silent_with_one_anywhere if {
	count(rule.findings) == 0 with input as fixtures.pipeline("circleci", [
		fixtures.workflow("main", [fixtures.job("release", {}, [deploy])]),
		fixtures.workflow("back", [fixtures.job("rollback", {}, [fixtures.doing("rollback", {})])]),
	])
}
