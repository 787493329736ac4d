package pmcheck.rules["backfill-with-ddl_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["backfill-with-ddl"] as rule

write(is) := fixtures.statement(object.union(
	{
		"kind": "update", "relation": "orders", "columns": ["region"], "has_where": true, "in_transaction": true,
		"lock": "ROW EXCLUSIVE", "blocks": ["ddl"],
		"held_locks": [{"relation": "orders", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "line": 2}],
	},
	is,
))

test_a_backfill_under_a_lock if {
	some found in rule.findings with input as fixtures.running([write({})])
	found.message == concat(" ", [
		"UPDATE orders runs while this transaction still holds an ACCESS EXCLUSIVE lock on orders from line 2:",
		"every read and write of orders waits until the last row is written",
	])
	contains(found.remedy, "\n  UPDATE orders SET region = $1 WHERE")
}

test_a_whole_table_too if {
	count(rule.findings) == 1 with input as fixtures.running([write({"has_where": false})])
}

test_rows_copied_into_a_new_table if {
	copy := write({"kind": "insert", "relation": "archive", "reads": ["orders"], "on_new_relation": true})
	some found in rule.findings with input as fixtures.running([copy])
	startswith(found.message, "INSERT INTO archive runs while")
	startswith(found.remedy, "Move it to a later migration")
}

test_merge if {
	count(rule.findings) == 1 with input as fixtures.running([write({"kind": "merge", "reads": ["users"]})])
}

test_silent_on_one_row_or_a_batch if {
	count(rule.findings) == 0 with input as fixtures.running([write({"batched": true})])
}

test_silent_on_literal_rows if {
	count(rule.findings) == 0 with input as fixtures.running([write({"kind": "insert"})])
}

test_silent_without_a_held_lock if {
	count(rule.findings) == 0 with input as fixtures.running([write({"held_locks": []})])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([write({"on_new_relation": true})])
}

test_silent_on_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([write({"table_stats": {"rows": 40, "bytes": 8192}})])
}

test_delete_of_every_row_is_another_rules if {
	count(rule.findings) == 0 with input as fixtures.running([write({"kind": "delete", "has_where": false})])
}
