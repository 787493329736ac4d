package pmcheck.rules["waits-for-transaction_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["waits-for-transaction"] as rule

add := fixtures.on_orders({"kind": "add_column", "column": "note"})

open(is) := object.union(
	{
		"pid": 4242, "role": "reports", "state": "idle in transaction", "seconds": 2520, "open": "42 minutes", "snapshot": false,
		"locks": [{"relation": "orders", "lock": "ACCESS SHARE"}],
	},
	is,
)

during(statement, transaction) := fixtures.asked(fixtures.running([statement]), {"transactions": [transaction]})

test_a_reader_that_does_not_end_stops_the_migration if {
	some found in rule.findings with input as during(add, open({}))
	found.message == concat(" ", [
		"ALTER TABLE orders ADD COLUMN note must wait: a transaction of role reports (pid 4242) has been idle in transaction for 42 minutes",
		"and holds an ACCESS SHARE lock on orders. Meanwhile every read and write of orders waits behind it, and nothing limits it",
	])
	contains(found.remedy, "SELECT pg_terminate_backend(4242);")
}

test_a_lock_timeout_is_said if {
	some found in rule.findings with input as during(object.union(add, {"lock_timeout": "'5s'"}), open({}))
	endswith(found.message, "until lock_timeout (5s) ends the migration")
}

test_a_prepared_transaction_has_no_session if {
	some found in rule.findings with input as during(add, open({"pid": 0, "state": "prepared"}))
	contains(found.message, "a prepared transaction of role reports is prepared since 42 minutes")
	contains(found.remedy, "ROLLBACK PREPARED")
}

test_an_index_build_waits_for_old_snapshots if {
	build := fixtures.statement({
		"kind": "create_index", "relation": "orders", "name": "i", "concurrently": true,
		"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"],
	})
	some found in rule.findings with input as during(build, open({"snapshot": true, "locks": []}))
	found.message == "CREATE INDEX CONCURRENTLY i does not end before a transaction of role reports (pid 4242) does"
	count(rule.findings) == 0 with input as during(build, open({"locks": []}))
}

test_silent_where_nothing_is_in_the_way if {
	every is in [{"seconds": 59}, {"locks": [{"relation": "users", "lock": "ACCESS SHARE"}]}] {
		count(rule.findings) == 0 with input as during(add, open(is))
	}
	trigger := fixtures.on_orders({"kind": "create_trigger", "name": "t", "lock": "SHARE ROW EXCLUSIVE", "blocks": ["writes", "ddl"]})
	count(rule.findings) == 0 with input as during(trigger, open({}))
	count(rule.findings) == 0 with input as fixtures.running([add])
}
