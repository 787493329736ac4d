package pmcheck.rules["missing-lock-timeout_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["missing-lock-timeout"] as rule

column := fixtures.on_orders({"kind": "add_column", "column": "note", "type": "text"})

again := object.union(column, {"column": "remark", "place": {"path": "migrations/2.sql", "line": 2}})

test_an_unlimited_wait if {
	some found in rule.findings with input as fixtures.running([object.union(column, {"in_transaction": true})])
	found.message == concat(" ", [
		"ALTER TABLE orders ADD COLUMN note needs an ACCESS EXCLUSIVE lock on orders; while it waits for that behind a long query,",
		"every read and write of orders waits too, and nothing limits it",
	])
	endswith(found.remedy, "\n  SET LOCAL lock_timeout = '5s';")
}

test_once_per_migration_at_the_first_statement if {
	found := rule.findings with input as fixtures.running([column, again])
	{each.place.line | some each in found} == {1}
}

test_silent_after_a_statement_that_asks_for_the_same if {
	create := fixtures.statement({
		"kind": "create_table", "relation": "invoices", "on_new_relation": true, "also_locks": [fixtures.also({})],
	})
	count(rule.findings) == 0 with input as fixtures.running([create, again])
	count(rule.findings) == 1 with input as fixtures.running([again, create])
}

test_once_for_each_migration if {
	other := object.union(column, {"place": {"path": "migrations/3.sql", "line": 1}})
	count(rule.findings) == 2 with input as fixtures.facts([
		fixtures.migration({}, [column, again]),
		fixtures.migration({"path": "migrations/3.sql"}, [other]),
	])
}

test_not_where_a_safer_form_is_asked_for if {
	index := fixtures.statement({
		"kind": "create_index", "relation": "orders", "lock": "SHARE", "blocks": ["writes", "ddl"],
		"scans": true, "builds_index": true,
	})
	count(rule.findings) == 0 with input as fixtures.running([index])
}

test_a_small_table_is_locked_all_the_same if {
	small := fixtures.on_orders({"kind": "set_not_null", "column": "id", "scans": true, "table_stats": {"rows": 3, "bytes": 8192}})
	count(rule.findings) == 1 with input as fixtures.running([small])
}

test_silent_with_a_timeout if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(column, {"lock_timeout": "2s"})])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(column, {"on_new_relation": true})])
}

test_silent_on_locks_that_stop_nobody if {
	weak := object.union(column, {"kind": "comment", "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"]})
	count(rule.findings) == 0 with input as fixtures.running([weak])
}
