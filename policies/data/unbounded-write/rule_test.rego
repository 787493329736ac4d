package pmcheck.rules["unbounded-write_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["unbounded-write"] as rule

write(is) := fixtures.statement(object.union({"relation": "orders", "lock": "ROW EXCLUSIVE", "blocks": ["ddl"]}, is))

update := write({"kind": "update", "columns": ["status", "changed_at"]})

test_delete_without_where_is_an_error if {
	some found in rule.findings with input as fixtures.running([write({"kind": "delete"})])
	found.message == "DELETE without WHERE deletes every row of orders for good"
	not found.severity
}

test_it_is_one_on_a_small_table_too if {
	small := write({"kind": "delete", "table_stats": {"rows": 1, "bytes": 8192}})
	count(rule.findings) == 1 with input as fixtures.running([small])
}

test_update_without_where_warns if {
	some found in rule.findings with input as fixtures.running([update])
	found.severity == "warning"
	endswith(found.remedy, concat("", [
		"\n  UPDATE orders SET status = $1, changed_at = $2",
		" WHERE ctid = ANY (ARRAY(SELECT ctid FROM orders WHERE status IS DISTINCT FROM $1 LIMIT 1000));",
	]))
}

test_update_of_columns_nobody_knows if {
	some found in rule.findings with input as fixtures.running([object.union(update, {"columns": []})])
	found.remedy == "Do it in batches, outside of the migration, each in a transaction of its own."
}

test_silent_with_where if {
	every kind in ["update", "delete"] {
		count(rule.findings) == 0 with input as fixtures.running([write({"kind": kind, "has_where": true})])
	}
}

test_silent_on_a_new_table if {
	every kind in ["update", "delete"] {
		count(rule.findings) == 0 with input as fixtures.running([write({"kind": kind, "on_new_relation": true})])
	}
}

test_silent_on_an_update_of_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(update, {"table_stats": {"rows": 40, "bytes": 8192}})])
}

test_silent_where_the_update_holds_up_a_lock if {
	held := [{"relation": "orders", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "line": 1}]
	count(rule.findings) == 0 with input as fixtures.running([object.union(update, {"held_locks": held})])
}
