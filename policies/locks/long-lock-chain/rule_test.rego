package pmcheck.rules["long-lock-chain_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["long-lock-chain"] as rule

held(relation) := {"relation": relation, "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "line": 3}

validate := fixtures.statement({
	"kind": "validate_constraint", "relation": "items", "name": "items_price_check", "in_transaction": true,
	"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "scans": true, "held_locks": [held("orders")],
})

column(relations) := fixtures.on_orders({
	"kind": "add_column", "column": "note", "in_transaction": true, "lock_timeout": "5s",
	"held_locks": [object.union(held(relation), {"line": i + 1}) | some i, relation in relations],
})

test_a_scan_while_another_table_is_locked if {
	some found in rule.findings with input as fixtures.running([validate])
	found.message == concat(" ", [
		"ALTER TABLE items VALIDATE CONSTRAINT items_price_check works through a whole table while this transaction still holds",
		"an ACCESS EXCLUSIVE lock on orders from line 3: every read and write of orders waits until it is done",
	])
	not found.severity
}

test_a_new_table_filled_while_another_is_locked if {
	copy := fixtures.statement({
		"kind": "create_table", "relation": "archive", "reads": ["orders"], "on_new_relation": true,
		"held_locks": [held("orders")],
	})
	count(rule.findings) == 1 with input as fixtures.running([copy])
}

test_more_tables_than_allowed_warn if {
	some found in rule.findings with input as fixtures.running([column(["users", "items"])])
	found.message == concat(" ", [
		"With this statement the transaction holds locks on items, orders and users at once:",
		"their users wait until all of it is done",
	])
	found.severity == "warning"
}

test_said_once_when_the_limit_is_passed if {
	count(rule.findings) == 0 with input as fixtures.running([column(["users", "items", "carts"])])
}

test_the_limit_is_an_option if {
	two := fixtures.running([column(["users"])])
	count(rule.findings) == 0 with input as two
	count(rule.findings) == 1 with input as fixtures.with_option(two, "long-lock-chain", "max_tables", 1)
}

test_indexes_are_not_tables if {
	locked := object.union(column(["users"]), {"held_locks": [held("users"), object.union(held("users_pkey"), {"object": "index"})]})
	count(rule.findings) == 0 with input as fixtures.running([locked])
}

test_views_do_not_count if {
	held_view := object.union(held("order_totals"), {"object": "view", "line": 1})
	locked := object.union(column(["users"]), {"held_locks": [held_view, object.union(held("users"), {"line": 2})]})
	count(rule.findings) == 0 with input as fixtures.running([locked])
}

test_partitions_count_once if {
	locked := object.union(column(["users", "events"]), {"held_locks": [held("events"), held("events_2025"), held("events_2026")]})
	count(rule.findings) == 0 with input as fixtures.running([locked])
}

test_silent_when_the_same_table_is_altered_again if {
	count(rule.findings) == 0 with input as fixtures.running([column(["orders", "users"])])
}

test_silent_without_held_locks if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(validate, {"held_locks": []})])
}

test_silent_on_a_new_table if {
	new := object.union(validate, {"on_new_relation": true})
	count(rule.findings) == 0 with input as fixtures.running([new])
}
