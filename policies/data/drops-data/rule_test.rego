package pmcheck.rules["drops-data_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["drops-data"] as rule

column := fixtures.on_orders({
	"kind": "drop_column", "column": "legacy_name", "loses_data": true,
	"lost": "column orders.legacy_name",
})

added := fixtures.on_orders({"kind": "add_column", "column": "legacy_name"})

test_a_column_is_dropped if {
	some found in rule.findings with input as fixtures.running([column])
	found.message == "ALTER TABLE orders DROP COLUMN legacy_name deletes the data of column orders.legacy_name for good"
	found.subject == "drop_column orders legacy_name"
}

test_a_table_is_dropped if {
	some found in rule.findings with input as fixtures.running([fixtures.on_orders({"kind": "drop_table", "loses_data": true, "lost": "table orders"})])
	found.message == "DROP TABLE orders deletes the data of table orders for good"
}

test_a_column_dropped_and_added_again_is_dropped if {
	count(rule.findings) == 1 with input as fixtures.running([column, object.union(added, {"place": {"path": "migrations/2.sql", "line": 2}})])
}

test_silent_on_a_column_of_this_change if {
	dropped := object.union(column, {"place": {"path": "migrations/3.sql", "line": 1}})
	count(rule.findings) == 0 with input as fixtures.facts([
		fixtures.migration({}, [added]),
		fixtures.migration({"path": "migrations/3.sql"}, [dropped]),
	])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(column, {"on_new_relation": true})])
}

test_silent_on_what_holds_no_data if {
	index := fixtures.on_orders({"kind": "drop_index", "name": "orders_user_id_idx"})
	count(rule.findings) == 0 with input as fixtures.running([index])
}

test_silent_on_a_down_migration if {
	count(rule.findings) == 0 with input as fixtures.facts([fixtures.migration({"direction": "down"}, [column])])
}
