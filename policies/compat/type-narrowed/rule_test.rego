package pmcheck.rules["type-narrowed_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["type-narrowed"] as rule

narrower := fixtures.on_orders({
	"kind": "alter_column_type", "column": "code", "from_type": "text", "type": "character varying(20)", "narrows": true,
})

test_text_gets_a_limit if {
	some found in rule.findings with input as fixtures.running([narrower])
	found.message == "orders.code becomes character varying(20): some values of text do not fit, and fail the migration or are cut"
	contains(found.remedy, concat("\n", [
		"  SELECT count(*) FROM orders WHERE length(code) > 20;",
		"  ALTER TABLE orders ADD CONSTRAINT orders_code_length CHECK (length(code) <= 20) NOT VALID;",
	]))
}

test_a_smaller_number if {
	some found in rule.findings with input as fixtures.running([object.union(narrower, {"from_type": "bigint", "type": "integer"})])
	startswith(found.remedy, "Look for values that do not fit first")
}

test_silent_on_a_wider_type if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(narrower, {"narrows": false})])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(narrower, {"on_new_relation": true})])
}
