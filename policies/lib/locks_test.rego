package pmcheck.lib.locks_test

import data.pmcheck.lib.fixtures
import data.pmcheck.lib.locks

lock_rules := {
	"index-not-concurrent", "drop-index-not-concurrent", "reindex-not-concurrent", "table-rewrite",
	"validates-under-lock", "unique-constraint-builds-index", "missing-lock-timeout", "long-lock-chain",
	"concurrently-in-transaction", "blocking-maintenance", "locks-referenced-table", "partition-locks-parent",
}

strong := {"lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"]}

held := [{"relation": name, "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "line": 1} | some name in ["orders", "carts", "users"]]

# Statements that more than one rule could have something to say about.
statements := [
	{"rule": "table-rewrite", "statement": fixtures.on_orders({
		"kind": "add_column", "column": "token", "type": "uuid", "constraint": "UNIQUE", "rewrites": true, "scans": true,
		"builds_index": true, "held_locks": held, "in_transaction": true,
		"defines": [{"name": "token", "type": "uuid", "serial": false, "default": "gen_random_uuid()"}],
	})},
	{"rule": "unique-constraint-builds-index", "statement": fixtures.on_orders({
		"kind": "add_constraint", "constraint": "PRIMARY KEY", "columns": ["id"], "scans": true, "builds_index": true,
		"held_locks": held,
	})},
	{"rule": "validates-under-lock", "statement": fixtures.on_orders({
		"kind": "add_constraint", "constraint": "FOREIGN KEY", "columns": ["user_id"], "references": "users",
		"define": "FOREIGN KEY (user_id) REFERENCES users(id)", "scans": true, "also_locks": [fixtures.also({})],
	})},
	{"rule": "validates-under-lock", "statement": fixtures.statement({
		"kind": "validate_constraint", "relation": "orders", "name": "c", "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"],
		"scans": true, "held_locks": held,
	})},
	{"rule": "long-lock-chain", "statement": fixtures.statement({
		"kind": "validate_constraint", "relation": "items", "name": "c", "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"],
		"scans": true, "held_locks": held,
	})},
	{"rule": "index-not-concurrent", "statement": fixtures.statement({
		"kind": "create_index", "relation": "orders", "name": "i", "columns": ["id"], "lock": "SHARE", "blocks": ["writes", "ddl"],
		"scans": true, "builds_index": true, "held_locks": held,
	})},
	{"rule": "blocking-maintenance", "statement": fixtures.on_orders({
		"kind": "vacuum_full", "rewrites": true, "in_transaction": true, "not_in_transaction": true,
	})},
	{"rule": "concurrently-in-transaction", "statement": fixtures.statement({
		"kind": "create_index", "relation": "orders", "name": "i", "concurrently": true, "lock": "SHARE UPDATE EXCLUSIVE",
		"blocks": ["ddl"], "scans": true, "builds_index": true, "in_transaction": true, "not_in_transaction": true,
		"held_locks": held,
	})},
	{"rule": "reindex-not-concurrent", "statement": fixtures.statement({
		"kind": "reindex", "relation": "orders", "lock": "SHARE", "blocks": ["writes", "ddl"], "scans": true,
		"builds_index": true,
	})},
	{"rule": "drop-index-not-concurrent", "statement": fixtures.on_orders({
		"kind": "drop_index", "name": "i", "held_locks": held,
		"also_locks": [fixtures.also(object.union(strong, {"relation": "orders"}))],
	})},
	{"rule": "blocking-maintenance", "statement": fixtures.on_orders({"kind": "cluster", "rewrites": true, "held_locks": held})},
	{"rule": "partition-locks-parent", "statement": fixtures.statement({
		"kind": "create_table", "relation": "events_2026", "references": "events", "on_new_relation": true,
		"define": "DEFAULT", "also_locks": [fixtures.also(object.union(strong, {"relation": "events"}))],
	})},
	{"rule": "locks-referenced-table", "statement": fixtures.on_orders({
		"kind": "drop_table", "also_locks": [fixtures.also(strong)],
	})},
	{"rule": "missing-lock-timeout", "statement": fixtures.on_orders({"kind": "drop_constraint", "name": "c"})},
]

test_one_statement_has_one_lock_finding if {
	every example in statements {
		found := {rule: findings |
			some rule in lock_rules
			findings := data.pmcheck.rules[rule].findings with input as fixtures.running([example.statement])
			count(findings) > 0
		}
		object.keys(found) == {example.rule}
		count(found[example.rule]) == 1
	}
}

# What a statement leaves open must not lose its finding.
test_a_finding_needs_no_detail if {
	details := ["name", "columns", "define", "defines", "why"]
	lost := {example.rule |
		some example in statements
		example.statement.kind != "drop_index" # always has a name
		bare := fixtures.running([object.remove(example.statement, details)])
		not has_finding(example.rule, bare)
	}
	lost == set()
}

has_finding(rule, document) if {
	count(data.pmcheck.rules[rule].findings) == 1 with input as document
}

test_every_lock_rule_has_an_example if {
	{example.rule | some example in statements} == lock_rules
}

# What the server refuses in a transaction it refuses on a new table too.
test_nothing_else_is_found_on_new_tables if {
	old := [example | some example in statements; not example.statement.not_in_transaction]
	every example in old {
		also := [object.union(lock, {"on_new_relation": true}) | some lock in example.statement.also_locks]
		new := object.union(example.statement, {"on_new_relation": true, "also_locks": also, "held_locks": []})
		every rule in lock_rules {
			count(data.pmcheck.rules[rule].findings) == 0 with input as fixtures.running([new])
		}
	}
}

test_names_are_listed_as_a_sentence_lists_them if {
	locks.sentence({"b"}) == "b"
	locks.sentence({"b", "a"}) == "a and b"
	locks.sentence({"c", "b", "a"}) == "a, b and c"
}

test_only_locks_of_one_mode_are_named_together if {
	locks.take_together([
		{"relation": "a", "lock": "SHARE", "blocks": ["writes"]},
		{"relation": "b", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes"]},
	]) == "a SHARE lock on a: every INSERT, UPDATE and DELETE on a waits"
}
