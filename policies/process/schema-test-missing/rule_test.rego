package pmcheck.rules["schema-test-missing_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["schema-test-missing"] as rule

delta(is) := object.union(
	{
		"kind": "added", "object": "column", "relation": "orders", "name": "note", "database": "main", "tested": false,
		"named": true, "caused_by": [{"path": "migrations/2.sql", "line": 3}],
	},
	is,
)

of(deltas) := object.union(fixtures.facts([fixtures.migration({}, [])]), {"databases": [{
	"name": "main", "delta": deltas, "drift": [], "unread": [],
}]})

test_no_test_names_it if {
	found := rule.findings with input as of([delta({}), delta({"name": "total"})])
	{[each.place.line, each.message] | some each in found} == {[
		1, "No test of this change names what this migration changes: column orders.note, column orders.total",
	]}
}

test_silent_when_a_test_names_one_of_them if {
	count(rule.findings) == 0 with input as of([delta({}), delta({"name": "total", "tested": true})])
}

test_silent_about_indexes if {
	count(rule.findings) == 0 with input as of([delta({"object": "index"})])
}
