package pmcheck.rules["partition-locks-parent_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["partition-locks-parent"] as rule

strong := {"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]}

parent := fixtures.also(object.union(strong, {"relation": "events"}))

fallback(is) := fixtures.also(object.union(strong, object.union({"relation": "events_default"}, is)))

create := fixtures.statement({
	"kind": "create_table", "relation": "events_2026", "references": "events", "on_new_relation": true,
	"define": "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')", "also_locks": [parent],
})

attach(also) := fixtures.statement({
	"kind": "attach_partition", "relation": "events", "references": "events_2026", "relation_partitioned": true,
	"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "also_locks": also,
})

detach(also) := fixtures.statement(object.union(strong, {
	"kind": "detach_partition", "relation": "events", "references": "events_2025", "relation_partitioned": true,
	"also_locks": also,
}))

test_a_new_partition_warns if {
	some found in rule.findings with input as fixtures.running([create])
	startswith(found.message, "CREATE TABLE events_2026 needs an ACCESS EXCLUSIVE lock on events; while it waits")
	found.severity == "warning"
	contains(found.remedy, concat("\n", [
		"  CREATE TABLE events_2026 (LIKE events INCLUDING ALL);",
		"  ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
	]))
}

test_a_default_partition_is_read if {
	read := object.union(create, {"also_locks": [parent, fallback({"scans": true})]})
	some found in rule.findings with input as fixtures.running([read])
	not found.severity
	contains(found.message, "lock on events and events_default")
	endswith(found.message, "while the rows of events_default are read")
	contains(found.remedy, "The default partition is read")
}

test_an_attached_table_is_read if {
	old := fixtures.also(object.union(strong, {"relation": "events_2026", "scans": true}))
	some found in rule.findings with input as fixtures.running([attach([old])])
	startswith(found.message, "ALTER TABLE events ATTACH PARTITION events_2026 takes an ACCESS EXCLUSIVE lock on events_2026")
	startswith(found.remedy, "Prove the bounds first: give events_2026 a CHECK")
	not contains(found.remedy, "default partition")
}

test_a_detached_partition if {
	some found in rule.findings with input as fixtures.running([detach([fixtures.also(object.union(strong, {"relation": "events_2025"}))])])
	found.severity == "warning"
	endswith(found.remedy, "\n  ALTER TABLE events DETACH PARTITION events_2025 CONCURRENTLY;")
}

test_detach_concurrently_is_refused_with_a_default_partition if {
	also := [fixtures.also(object.union(strong, {"relation": "events_2025"})), fallback({})]
	some found in rule.findings with input as fixtures.running([detach(also)])
	not contains(found.remedy, "CONCURRENTLY")
}

test_silent_with_a_lock_timeout_when_nothing_is_read if {
	patient := {"lock_timeout": "5s"}
	count(rule.findings) == 0 with input as fixtures.running([object.union(create, patient), object.union(detach([]), patient)])
}

test_silent_on_a_new_parent if {
	new := object.union(create, {"also_locks": [object.union(parent, {"on_new_relation": true})]})
	count(rule.findings) == 0 with input as fixtures.running([new])
}

test_silent_on_attaching_a_new_table if {
	new := fixtures.also(object.union(strong, {"relation": "events_2026", "scans": true, "on_new_relation": true}))
	count(rule.findings) == 0 with input as fixtures.running([attach([new])])

	# Its foreign key is known to hold: it has no rows.
	referenced := fixtures.also({"scans": true})
	limited := object.union(attach([new, referenced]), {"lock_timeout": "5s"})
	count(rule.findings) == 0 with input as fixtures.running([limited])
}

test_a_dropped_partition if {
	drop := fixtures.on_orders({"kind": "drop_table", "relation": "events_2025", "relation_is_partition": true, "also_locks": [parent]})
	some found in rule.findings with input as fixtures.running([drop])
	contains(found.message, "lock on events and events_2025;")
	contains(found.remedy, "SET lock_timeout = '5s';")
}
