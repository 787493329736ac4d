package pmcheck.rules["enum-value-removed_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["enum-value-removed"] as rule

of(is) := object.union(fixtures.facts([]), {"databases": [{"delta": [object.union(
	{
		"kind": "removed", "object": "enum_value", "relation": "order_status", "name": "it's void",
		"caused_by": [{"path": "migrations/2.sql", "line": 1}],
	},
	is,
)]}]})

test_a_removed_value if {
	some found in rule.findings with input as of({})
	found.message == "Value 'it''s void' of enum order_status is removed: running code that still uses it fails"
	startswith(found.remedy, "Leave the value in the type")
}

test_a_renamed_value if {
	some found in rule.findings with input as of({"kind": "renamed", "from": "canceled", "name": "cancelled"})
	startswith(found.message, "Value 'canceled' of enum order_status is renamed to 'cancelled':")
	contains(found.remedy, "\n  ALTER TYPE order_status ADD VALUE 'cancelled';")
}

test_silent_on_an_added_value if {
	count(rule.findings) == 0 with input as of({"kind": "added"})
}

test_silent_on_other_objects if {
	count(rule.findings) == 0 with input as of({"object": "column"})
}
