package pmcheck.rules["locks-referenced-table_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["locks-referenced-table"] as rule

create := fixtures.statement({
	"kind": "create_table", "relation": "invoices", "on_new_relation": true,
	"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "also_locks": [fixtures.also({})],
})

strong := {"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]}

test_a_new_table_locks_the_one_it_references if {
	some found in rule.findings with input as fixtures.running([create])
	found.message == concat(" ", [
		"CREATE TABLE invoices needs a SHARE ROW EXCLUSIVE lock on users; while it waits for that behind a long query,",
		"every INSERT, UPDATE and DELETE on users waits too, and nothing limits it",
	])
	endswith(found.remedy, "\n  SET lock_timeout = '5s';")
}

test_not_valid_locks_it_too if {
	not_valid := fixtures.on_orders({
		"kind": "add_constraint", "constraint": "FOREIGN KEY", "references": "users", "not_valid": true,
		"lock": "SHARE ROW EXCLUSIVE", "blocks": ["writes", "ddl"], "also_locks": [fixtures.also({})],
	})
	count(rule.findings) == 1 with input as fixtures.running([not_valid])
}

test_a_table_in_another_schema if {
	qualified := fixtures.on_orders({
		"kind": "add_constraint", "constraint": "FOREIGN KEY", "references": "users", "not_valid": true, "on_new_relation": true,
		"also_locks": [fixtures.also({"relation": "app.users", "scans": true})],
	})
	some found in rule.findings with input as fixtures.running([qualified])
	contains(found.message, "lock on app.users;")
}

test_a_dropped_table_locks_it_too if {
	drop := fixtures.on_orders({"kind": "drop_table", "also_locks": [fixtures.also(strong)]})
	some found in rule.findings with input as fixtures.running([drop])
	contains(found.message, "needs an ACCESS EXCLUSIVE lock on orders and users; while it waits")
}

test_once_per_migration if {
	second := object.union(create, {"relation": "receipts", "place": {"path": "migrations/2.sql", "line": 5}})
	found := rule.findings with input as fixtures.running([create, second])
	{each.place.line | some each in found} == {1}
}

test_silent_with_a_lock_timeout if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(create, {"lock_timeout": "5s"})])
}

test_silent_when_both_tables_are_new if {
	new := object.union(create, {"also_locks": [fixtures.also({"on_new_relation": true})]})
	count(rule.findings) == 0 with input as fixtures.running([new])
}

test_silent_on_partitions_of_the_same_table if {
	drop := fixtures.on_orders({
		"kind": "drop_column", "relation_partitioned": true,
		"also_locks": [fixtures.also(object.union(strong, {"relation": "orders_2026"}))],
	})
	count(rule.findings) == 0 with input as fixtures.running([drop])
}
