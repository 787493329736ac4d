package pmcheck.rules["timestamp-without-time-zone_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["timestamp-without-time-zone"] as rule

of(type) := fixtures.running([fixtures.on_orders({
	"kind": "add_column", "column": "at",
	"defines": [{"name": "at", "type": type, "place": {"path": "migrations/2.sql", "line": 1}}],
})])

test_a_timestamp if {
	every type in ["timestamp without time zone", "timestamp", "timestamp(3) without time zone", "timestamp(3)"] {
		some found in rule.findings with input as of(type)
		startswith(found.message, "orders.at has no time zone")
		found.remedy == "Make it a timestamptz: at timestamptz"
	}
}

test_silent_on_other_types if {
	every type in ["timestamp with time zone", "timestamptz", "timestamp(3) with time zone", "date", "text", "timestamp[]"] {
		count(rule.findings) == 0 with input as of(type)
	}
}

test_several_columns_are_one_finding if {
	place := {"path": "migrations/2.sql", "line": 1}
	found := rule.findings with input as fixtures.running([fixtures.on_orders({"kind": "create_table", "defines": [
		{"name": "created_at", "type": "timestamp", "place": place},
		{"name": "id", "type": "bigint", "place": place},
		{"name": "sentAt", "type": "timestamp(3)", "place": place},
		{"name": "read_at", "type": "timestamp", "place": place},
	]})])
	count(found) == 1
	some each in found
	startswith(each.message, `orders.created_at, "sentAt" and read_at have no time zone`)
	each.remedy == `Make it a timestamptz: created_at timestamptz, "sentAt" timestamptz, read_at timestamptz`
}
