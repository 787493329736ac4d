package pmcheck.rules["schema-drift_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["schema-drift"] as rule

of(drift) := object.union(fixtures.facts([]), {"databases": [{"root": "migrations", "drift": drift}]})

delta(is) := object.union(
	{
		"kind": "removed", "object": "column", "relation": "orders", "name": "note",
		"caused_by": [{"path": "db/schema.sql", "line": 1}],
	},
	is,
)

test_the_dump_was_not_written_anew if {
	some found in rule.findings with input as of([delta({})])
	found.place.path == "db/schema.sql"
	found.message == "The migrations and this dump make different schemas: column orders.note is not in the dump"
}

test_what_sqldef_does_not_drop if {
	left := {
		"place": {"path": "db/schema.sql", "line": 3, "side": "base"},
		"sql": "ALTER TABLE orders DROP COLUMN note",
		"reason": "sqldef drops with --enable-drop only, and Makefile runs psqldef without --enable-drop",
	}
	given := object.union(of([]), {"migrations": [{"left_out": [left]}]})
	some found in rule.findings with input as given
	found.place == left.place
	found.message == concat(" ", [
		"The database keeps what this file no longer has: sqldef drops with --enable-drop only, and Makefile runs psqldef",
		"without --enable-drop. Left out: ALTER TABLE orders DROP COLUMN note",
	])
}

test_each_kind_of_difference if {
	cases := {
		"table items is only in the dump": {"kind": "added", "object": "table", "relation": "", "name": "items"},
		"column orders.note has another name in the dump": {"kind": "renamed"},
		"column orders.note has another not null in the dump (true, not none)": {"kind": "changed", "attribute": "not_null", "to": "true"},
	}
	every words, is in cases {
		some found in rule.findings with input as of([delta(is)])
		endswith(found.message, words)
	}
}

test_a_long_list_is_cut if {
	some found in rule.findings with input as of([delta({"name": sprintf("c%d", [i])}) | some i in numbers.range(1, 8)])
	endswith(found.message, "column orders.c5 is not in the dump; and 3 more")
}

test_silent_without_drift if {
	count(rule.findings) == 0 with input as of([])
}

test_a_live_database_that_differs if {
	drift := [fixtures.delta({"kind": "added", "object": "index", "relation": "orders", "name": "by_hand", "caused_by": [{"path": ".pmcheck/snapshot.json", "line": 1}]})]
	document := object.union(
		fixtures.running([fixtures.on_orders({"kind": "add_column"})]),
		{"databases": [{"name": "main", "root": "migrations", "drift": [], "live_drift": drift}]},
	)
	some found in rule.findings with input as document
	found.message == "The live database is not what its migrations make: index orders.by_hand is only in the live database"

	elsewhere := object.union(document, {"migrations": [fixtures.migration({}, [fixtures.statement({"relation": "users"})])]})
	count(rule.findings) == 0 with input as elsewhere
	count(rule.findings) == 1 with input as fixtures.asked(elsewhere, {})
}
