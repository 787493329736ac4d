package pmcheck.rules.truncates_test

import data.pmcheck.lib.fixtures
import data.pmcheck.rules.truncates as rule

truncate := fixtures.on_orders({"kind": "truncate", "loses_data": true})

test_truncate if {
	some found in rule.findings with input as fixtures.running([truncate])
	found.message == "TRUNCATE deletes every row of orders for good"
	contains(found.remedy, "\n  DELETE FROM orders WHERE ctid = ANY (ARRAY(SELECT ctid FROM orders LIMIT 1000));\n")
}

test_cascade_names_the_other_tables if {
	strong := {"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]}
	cascade := object.union(truncate, {"cascade": true, "also_locks": [
		fixtures.also(object.union(strong, {"relation": "items"})),
		fixtures.also(object.union(strong, {"relation": "orders_id_seq", "object": "sequence"})),
	]})
	some found in rule.findings with input as fixtures.running([cascade])
	found.message == "TRUNCATE deletes every row of items and orders for good"
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(truncate, {"on_new_relation": true})])
}

test_silent_on_a_down_migration if {
	count(rule.findings) == 0 with input as fixtures.facts([fixtures.migration({"direction": "down"}, [truncate])])
}
