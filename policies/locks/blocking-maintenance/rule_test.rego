package pmcheck.rules["blocking-maintenance_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["blocking-maintenance"] as rule

refresh := fixtures.on_orders({
	"kind": "refresh_materialized_view", "relation": "sales", "object": "materialized view", "rewrites": true,
})

test_refresh if {
	some found in rule.findings with input as fixtures.running([refresh])
	startswith(found.message, "REFRESH MATERIALIZED VIEW sales takes an ACCESS EXCLUSIVE lock on sales: every read and write of sales waits")
	endswith(found.remedy, "\n  REFRESH MATERIALIZED VIEW CONCURRENTLY sales;")
}

test_vacuum_full_and_cluster if {
	every kind in ["vacuum_full", "cluster"] {
		some found in rule.findings with input as fixtures.running([fixtures.on_orders({"kind": kind, "rewrites": true})])
		contains(found.remedy, "pg_repack")
	}
}

test_vacuum_full_of_everything if {
	some found in rule.findings with input as fixtures.running([fixtures.statement({"kind": "vacuum_full"})])
	startswith(found.message, "VACUUM FULL takes an ACCESS EXCLUSIVE lock on one table after the other")
}

test_lock_table_warns if {
	some found in rule.findings with input as fixtures.running([fixtures.on_orders({"kind": "lock_table"})])
	found.severity == "warning"
	found.message == concat(" ", [
		"LOCK TABLE takes an ACCESS EXCLUSIVE lock on orders:",
		"every read and write of orders waits until the transaction ends",
	])
}

test_silent_on_a_refresh_that_lets_others_read if {
	concurrently := {"concurrently": true, "lock": "EXCLUSIVE", "blocks": ["writes", "ddl"], "rewrites": false}
	count(rule.findings) == 0 with input as fixtures.running([object.union(refresh, concurrently)])
}

test_silent_on_a_weak_lock if {
	weak := fixtures.statement({"kind": "lock_table", "relation": "orders", "lock": "ROW EXCLUSIVE", "blocks": ["ddl"]})
	count(rule.findings) == 0 with input as fixtures.running([weak])
}

test_silent_on_a_new_view if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(refresh, {"on_new_relation": true})])
}
