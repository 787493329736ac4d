package pmcheck.rules["cached-plan-breaks_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["cached-plan-breaks"] as rule

other(name, line) := {
	"query": fixtures.query(name, line, {"sql": "SELECT * FROM users"}), "how": "column nickname is added",
	"caused_by": [{"path": "migrations/2.sql", "line": 1}],
}

test_one_finding_for_the_change if {
	found := rule.findings with input as fixtures.returning([other("D", 4), other("C", 3), other("A", 1), other("B", 2)])
	count(found) == 1
	some each in found
	each.message == concat(" ", [
		"4 queries return other columns once this migration has run (A, B, C and more): a connection that prepared one before",
		"fails once with: cached plan must not change result type",
	])
	each.place.line == 1
	[related.text | some related in each.related] == ["B: SELECT * FROM users", "C: SELECT * FROM users", "D: SELECT * FROM users"]
	each.caused_by == [{"path": "migrations/2.sql", "line": 1}]
}

test_one_query if {
	some found in rule.findings with input as fixtures.returning([other("A", 1)])
	startswith(found.message, "1 query returns other columns once this migration has run (A): a connection")
}

test_silent_on_a_natural_join if {
	joined := object.union(other("A", 1), {"how": "its NATURAL JOIN also joins by name"})
	count(rule.findings) == 0 with input as fixtures.returning([joined])
}

test_silent_when_results_stay if {
	count(rule.findings) == 0 with input as fixtures.returning([])
}
