package pmcheck.rules["missing-down_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["missing-down"] as rule

of(is) := fixtures.facts([fixtures.migration(is, [])])

test_a_down_half_is_missing if {
	some found in rule.findings with input as of({"has_down": false, "down_missing": true})
	found.place == {"path": "migrations/2.sql", "line": 1}
}

test_silent_with_a_down_half if {
	count(rule.findings) == 0 with input as of({})
}

test_silent_where_nobody_writes_them if {
	count(rule.findings) == 0 with input as of({"has_down": false})
}

test_silent_on_merged_migrations if {
	count(rule.findings) == 0 with input as of({"status": "edited", "down_missing": true})
}
