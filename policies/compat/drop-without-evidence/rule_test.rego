package pmcheck.rules["drop-without-evidence_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["drop-without-evidence"] as rule

delta := fixtures.delta({"caused_by": [{"path": "migrations/1.sql", "line": 1}, {"path": "migrations/2.sql", "line": 4}]})

of(is, uses) := fixtures.differing([object.union(delta, is)], uses)

test_a_place_that_is_not_understood if {
	some found in rule.findings with input as of({}, [fixtures.use({})])
	found.place == {"path": "migrations/2.sql", "line": 4}
	found.message == "column users.legacy_name is dropped, and it is not clear whether the running release uses it: web/form.ts:9"
	found.related == [{"place": {"path": "web/form.ts", "line": 9, "side": "base"}, "text": "field('users.legacy_name')"}]
	found.subject == "column users.legacy_name"
	contains(found.remedy, "-- pmcheck:ignore drop-without-evidence: legacy_name in the code is something else")
}

test_a_query_that_is_not_understood if {
	count(rule.findings) == 1 with input as of({}, [fixtures.use({"how": "unclear", "query": "FindUsers"})])
}

test_many_places if {
	uses := [fixtures.use({"place": {"path": "a.go", "line": line}}) | some line in [12, 3, 9, 7]]
	some found in rule.findings with input as of({}, uses)
	endswith(found.message, "uses it: a.go:3, a.go:7 and 2 more")
	[related.place.line | some related in found.related] == [3, 7, 9, 12]
}

test_a_renamed_column if {
	some found in rule.findings with input as of({"kind": "renamed", "from": "legacy_name", "name": "full_name"}, [fixtures.use({})])
	startswith(found.message, "column users.legacy_name is renamed to full_name, and")
}

test_tables_views_and_functions if {
	every kind in ["table", "view", "function"] {
		is := {"object": kind, "name": "app.audit_log", "relation": ""}
		some found in rule.findings with input as of(is, [object.remove(fixtures.use({"object": kind, "name": "audit_log"}), ["relation"])])
		startswith(found.message, sprintf("%s app.audit_log is dropped, and", [kind]))
	}
}

test_a_drop_whose_statement_is_not_known if {
	deleted := {"migrations": [fixtures.migration({"path": "migrations/1.sql", "status": "deleted"}, [])]}
	some found in rule.findings with input as object.union(of({"caused_by": []}, [fixtures.use({})]), deleted)
	found.place.path == "migrations/1.sql"
}

test_silent_on_queries_that_are_understood if {
	count(rule.findings) == 0 with input as of({}, [fixtures.use({"how": "query"})])
}

test_silent_on_other_uses if {
	every is in [{"side": "head"}, {"relation": "orders"}, {"name": "name"}, {"object": "index"}] {
		count(rule.findings) == 0 with input as of({}, [fixtures.use(is)])
	}
}

test_silent_where_a_query_is_known_to_fail if {
	broken := {"matrix": {"old_code_new_schema": {"breaks": [fixtures.broken(fixtures.query("GetUser", 1, {}), {"delta": delta})]}}}
	count(rule.findings) == 0 with input as object.union(of({}, [fixtures.use({})]), broken)
}

test_silent_on_what_stays if {
	every kind in ["added", "changed"] {
		count(rule.findings) == 0 with input as of({"kind": kind}, [fixtures.use({})])
	}
}

test_silent_on_other_objects if {
	every object in ["index", "constraint", "trigger", "enum_value", "sequence"] {
		count(rule.findings) == 0 with input as of({"object": object}, [fixtures.use({"object": object})])
	}
}
