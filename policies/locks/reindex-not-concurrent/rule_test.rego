package pmcheck.rules["reindex-not-concurrent_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["reindex-not-concurrent"] as rule

table := fixtures.statement({
	"kind": "reindex", "relation": "orders", "lock": "SHARE", "blocks": ["writes", "ddl"],
	"scans": true, "builds_index": true,
})

test_reindex_table if {
	some found in rule.findings with input as fixtures.running([table])
	startswith(found.message, "REINDEX takes a SHARE lock on orders: every INSERT, UPDATE and DELETE on orders waits until the index is built")
	endswith(found.remedy, "\n  REINDEX TABLE CONCURRENTLY orders;")
}

test_reindex_index if {
	index := object.union(table, {
		"name": "orders_pkey", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"],
		"also_locks": [fixtures.also({"relation": "orders", "lock": "SHARE", "scans": true})],
	})
	some found in rule.findings with input as fixtures.running([index])
	contains(found.message, "a SHARE lock on orders")
	endswith(found.remedy, "\n  REINDEX INDEX CONCURRENTLY orders_pkey;")
}

test_reindex_of_a_database if {
	database := object.remove(object.union(table, {"object": "database", "lock": "", "blocks": []}), ["relation"])
	some found in rule.findings with input as fixtures.running([database])
	startswith(found.message, "REINDEX of the whole database")
}

test_silent_on_concurrently if {
	concurrently := {"concurrently": true, "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"]}
	count(rule.findings) == 0 with input as fixtures.running([object.union(table, concurrently)])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(table, {"on_new_relation": true})])
}

test_silent_on_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(table, {"table_stats": {"rows": 12, "bytes": 8192}})])
}
