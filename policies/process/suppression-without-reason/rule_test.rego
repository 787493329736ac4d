package pmcheck.rules["suppression-without-reason_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["suppression-without-reason"] as rule

of(is) := object.union(fixtures.facts([]), {"suppressions": [object.union(
	{"place": {"path": "migrations/2.sql", "line": 3}, "rules": ["drops-data"], "reason": "never written to", "used": []},
	is,
)]})

test_no_reason if {
	some found in rule.findings with input as of({"reason": ""})
	found.place.line == 3
	found.message == "This comment suppresses nothing: it says no reason"
}

test_a_comment_of_the_wrong_form if {
	some found in rule.findings with input as of({"rules": [], "reason": "", "problem": "it names no rule"})
	found.message == "This comment suppresses nothing: it names no rule"
}

test_silent_with_a_reason if {
	count(rule.findings) == 0 with input as of({})
}
