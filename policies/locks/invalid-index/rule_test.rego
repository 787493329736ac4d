package pmcheck.rules["invalid-index_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["invalid-index"] as rule

add := fixtures.on_orders({"kind": "add_column", "column": "note"})

build := fixtures.statement({
	"kind": "create_index", "relation": "orders", "name": "orders_a_idx", "if_exists": true, "concurrently": true,
	"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"],
})

left(statement, relation) := fixtures.asked(
	fixtures.running([statement]),
	{"invalid_indexes": [{"relation": relation, "name": "orders_a_idx"}]},
)

test_a_build_that_is_skipped if {
	some found in rule.findings with input as left(build, "orders")
	startswith(found.message, "CREATE INDEX CONCURRENTLY orders_a_idx is skipped on the live database")
	contains(found.remedy, "\n  DROP INDEX CONCURRENTLY orders_a_idx;")
}

test_on_a_table_that_the_change_touches if {
	some found in rule.findings with input as left(add, "orders")
	startswith(found.message, "orders has an invalid index orders_a_idx")
	not found.severity
}

test_elsewhere_it_is_for_information_before_a_deploy if {
	some found in rule.findings with input as left(add, "users")
	found.severity == "info"
	earlier := object.union(left(add, "users"), {"change": {"stage": "local"}})
	count(rule.findings) == 0 with input as earlier
}

test_silent_where_the_change_drops_it if {
	drop := fixtures.statement({"kind": "drop_index", "relation": "orders", "name": "orders_a_idx"})
	document := fixtures.asked(fixtures.running([drop, build]), {"invalid_indexes": [{"relation": "orders", "name": "orders_a_idx"}]})
	count([found | some found in rule.findings; not found.severity]) == 0 with input as document
}
