package pmcheck.rules["migration-without-code_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["migration-without-code"] as rule

added(is) := fixtures.delta(object.union({"kind": "added", "name": "nickname"}, is))

of(deltas) := fixtures.differing(deltas, [])

test_code_that_still_uses_what_is_dropped if {
	still := fixtures.breaking("new_code_new_schema", [fixtures.broken(fixtures.query("GetUser", 42, {}), {})])
	some found in rule.findings with input as still
	found.message == `GetUser still expects the old schema: column "legacy_name" does not exist`
	found.place.line == 42
	found.caused_by == [{"path": "migrations/2.sql", "line": 1}]
	startswith(found.remedy, "1. Deploy code that no longer uses column users.legacy_name.")
}

test_silent_on_code_that_never_worked if {
	never := fixtures.broken(fixtures.query("GetUser", 42, {}), {"worked_before": false})
	count(rule.findings) == 0 with input as fixtures.breaking("new_code_new_schema", [never])
}

test_nothing_names_what_is_added if {
	some found in rule.findings with input as of([added({})])
	found.message == "column users.nickname is added, and no code names it"
	found.place == {"path": "migrations/2.sql", "line": 1}
	found.subject == "column users.nickname"
	contains(found.remedy, "-- pmcheck:ignore migration-without-code: the code follows")
}

test_tables_views_and_enum_values if {
	every kind in ["table", "view"] {
		count(rule.findings) == 1 with input as of([object.remove(added({"object": kind}), ["relation"])])
	}
	count(rule.findings) == 1 with input as of([added({"object": "enum_value", "relation": "status"})])
}

test_silent_on_what_code_names if {
	count(rule.findings) == 0 with input as of([added({"named": true})])
}

test_silent_on_what_needs_no_code if {
	every object in ["index", "constraint", "trigger", "function", "sequence", "extension", "schema", "enum", "domain", "type"] {
		count(rule.findings) == 0 with input as of([added({"object": object})])
	}
}

test_silent_on_a_drop if {
	every kind in ["removed", "renamed", "changed"] {
		count(rule.findings) == 0 with input as of([added({"kind": kind, "from": "nick"})])
	}
}

test_silent_where_there_is_no_code if {
	count(rule.findings) == 0 with input as object.union(of([added({})]), {"matrix": {"coverage": {"files": 0}}})
}

test_silent_on_partitions if {
	table := object.remove(added({"object": "table", "name": "app.orders_2026"}), ["relation"])
	every statement in [
		{"kind": "create_table", "relation": "app.orders_2026", "references": "app.orders"},
		{"kind": "attach_partition", "relation": "app.orders", "references": "app.orders_2026"},
	] {
		migrations := [fixtures.migration({}, [fixtures.statement(statement)])]
		count(rule.findings) == 0 with input as object.union(of([table]), {"migrations": migrations})
	}
}

test_a_column_that_partitions_get_too_is_one_finding if {
	statement := fixtures.on_orders({"kind": "add_column", "column": "nickname"})
	deltas := [added({"relation": relation}) | some relation in ["orders", "orders_2025", "orders_2026"]]
	document := object.union(of(deltas), {"migrations": [fixtures.migration({}, [statement])]})
	found := rule.findings with input as document
	{each.message | some each in found} == {"column orders.nickname is added, and no code names it"}
}

# strict is a change of these files that adds a column which code uses at these places.
strict(files, places) := object.union(
	fixtures.with_option(
		fixtures.differing(
			[added({"named": true})],
			[fixtures.use({"side": "head", "name": "nickname", "how": "query", "place": {"path": path, "line": 1}}) | some path in places],
		),
		"migration-without-code", "mode", "same-pull-request",
	),
	{"change": {"files": files}},
)

test_the_same_pull_request_must_hold_the_code if {
	code := {"path": "store/users.go", "status": "modified", "kind": "code"}
	message := "column users.nickname is added, and no code of this change names it"
	every document in [
		strict([], ["store/users.go"]),
		strict([object.union(code, {"kind": "migration"})], ["store/users.go"]),
		strict([object.union(code, {"status": "deleted"})], []),
		strict([code], ["store/other.go"]),
	] {
		found := rule.findings with input as document
		{each.message | some each in found} == {message}
	}
}

test_silent_when_the_same_pull_request_holds_the_code if {
	code := {"path": "store/users.go", "status": "modified", "kind": "code"}
	every places in [["store/users.go"], ["other.go", "store/users.go"], []] {
		count(rule.findings) == 0 with input as strict([code], places)
	}
}

test_silent_on_a_table_that_is_a_copy if {
	table := fixtures.delta({"kind": "added", "object": "table", "relation": "", "name": "users_backup"})
	every statement in [
		{"kind": "create_table", "relation": "users_backup", "reads": ["users"]},
		{"kind": "insert", "relation": "users_backup", "reads": ["users"]},
	] {
		copied := object.union(fixtures.differing([table], []), {"migrations": [fixtures.migration({}, [fixtures.statement(statement)])]})
		count(rule.findings) == 0 with input as copied
	}
	filled := fixtures.statement({"kind": "insert", "relation": "users_backup"})
	count(rule.findings) == 1 with input as object.union(fixtures.differing([table], []), {"migrations": [fixtures.migration({}, [filled])]})
}
