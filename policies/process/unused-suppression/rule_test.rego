package pmcheck.rules["unused-suppression_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["unused-suppression"] as rule

of(is) := object.union(fixtures.facts([]), {
	"settings": {"known_rules": ["drops-data", "truncates"]},
	"suppressions": [object.union(
		{
			"place": {"path": "migrations/2.sql", "line": 3}, "rules": ["drops-data", "truncates"],
			"reason": "never written to", "used": ["drops-data"],
		},
		is,
	)],
})

test_a_rule_that_finds_nothing if {
	found := rule.findings with input as of({})
	{each.message | some each in found} == {"truncates finds nothing here, so this comment suppresses nothing"}
}

test_silent_when_all_are_used if {
	count(rule.findings) == 0 with input as of({"used": ["drops-data", "truncates"]})
}

test_silent_on_what_has_findings_of_its_own if {
	every is in [{"problem": "it names no rule"}, {"reason": ""}, {"rules": ["no-such-rule"]}] {
		count(rule.findings) == 0 with input as of(is)
	}
}
