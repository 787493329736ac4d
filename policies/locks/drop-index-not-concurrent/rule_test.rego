package pmcheck.rules["drop-index-not-concurrent_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["drop-index-not-concurrent"] as rule

strong := {"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]}

index := fixtures.on_orders({
	"kind": "drop_index", "object": "index", "name": "orders_user_id_idx",
	"also_locks": [fixtures.also(object.union(strong, {"relation": "orders"}))],
})

test_readers_wait if {
	some found in rule.findings with input as fixtures.running([index])
	found.message == concat(" ", [
		"DROP INDEX needs an ACCESS EXCLUSIVE lock on orders; while it waits for that behind a long query,",
		"every read and write of orders waits too, and nothing limits it",
	])
	endswith(found.remedy, "\n  DROP INDEX CONCURRENTLY orders_user_id_idx;")
}

test_the_index_stands_in_its_tables_schema if {
	some found in rule.findings with input as fixtures.running([object.union(index, {"relation": "app.orders", "name": "byUser"})])
	endswith(found.remedy, "\n  DROP INDEX CONCURRENTLY app.\"byUser\";")
}

test_an_index_that_cannot_be_dropped_concurrently if {
	part := fixtures.also(object.union(strong, {"relation": "orders_2026"}))
	every is in [{"cascade": true}, {"also_locks": array.concat(index.also_locks, [part])}] {
		some found in rule.findings with input as fixtures.running([object.union(index, is)])
		contains(found.remedy, "SET lock_timeout")
		not contains(found.remedy, "DROP INDEX")
	}
}

test_silent_with_a_lock_timeout if {
	every timeout in ["5s", "'500ms'", "1000"] {
		count(rule.findings) == 0 with input as fixtures.running([object.union(index, {"lock_timeout": timeout})])
	}
}

test_a_lock_timeout_of_zero_is_none if {
	every timeout in ["0", "'0'", "0ms", "DEFAULT", ""] {
		count(rule.findings) == 1 with input as fixtures.running([object.union(index, {"lock_timeout": timeout})])
	}
}

test_silent_on_concurrently if {
	concurrently := {"concurrently": true, "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "also_locks": []}
	count(rule.findings) == 0 with input as fixtures.running([object.union(index, concurrently)])
}

test_silent_on_a_new_table if {
	new := fixtures.also(object.union(strong, {"relation": "orders", "on_new_relation": true}))
	count(rule.findings) == 0 with input as fixtures.running([object.union(index, {"on_new_relation": true, "also_locks": [new]})])
}
