package pmcheck.rules["old-code-breaks_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["old-code-breaks"] as rule

of(breaks) := fixtures.breaking("old_code_new_schema", breaks)

get := fixtures.query("GetUser", 42, {})

test_a_query_that_fails if {
	some found in rule.findings with input as of([fixtures.broken(get, {})])
	found.message == `GetUser fails once this migration has run: column "legacy_name" does not exist`
	found.place == get.place
	found.caused_by == [{"path": "migrations/2.sql", "line": 1}]
	found.related == []
	found.subject == "column users.legacy_name"
	endswith(found.remedy, "\n  ALTER TABLE users DROP COLUMN legacy_name;")
	not found.severity
}

test_one_finding_for_all_that_a_difference_breaks if {
	others := [fixtures.broken(fixtures.query("ListUsers", line, {}), {}) | some line in numbers.range(50, 60)]
	found := rule.findings with input as of(array.concat(others, [fixtures.broken(get, {})]))
	count(found) == 1
	some each in found
	each.message == `GetUser and 11 more queries of the running release fail once this migration has run: column "legacy_name" does not exist`
	each.place.line == 42
	count(each.related) == 11
	each.related[0] == {
		"place": fixtures.query("", 50, {}).place,
		"text": "ListUsers: SELECT legacy_name FROM users",
	}
}

test_what_it_fails_on_next_is_told_once if {
	nick := fixtures.delta({"name": "nick"})
	some found in rule.findings with input as of([fixtures.broken(get, {"also": [nick]})])
	endswith(found.message, `: column "legacy_name" does not exist; after that it fails on column users.nick`)
	endswith(found.remedy, "\n  ALTER TABLE users DROP COLUMN legacy_name, DROP COLUMN nick;")
	both := [fixtures.broken(get, {"also": [nick]}), fixtures.broken(fixtures.query("ByNick", 60, {}), {"delta": nick})]
	all := rule.findings with input as of(both)
	count(all) == 2
	every each in all {
		not contains(each.message, "after that")
	}
}

test_two_differences_are_two_findings if {
	table := {"delta": fixtures.delta({"object": "table", "name": "audit"}), "reason": `relation "audit" does not exist`}
	found := rule.findings with input as of([fixtures.broken(get, {}), fixtures.broken(get, table)])
	count(found) == 2
}

test_a_model if {
	model := fixtures.query("User", 7, {"implied": true, "source": "django", "sql": "SELECT id, legacy_name FROM users"})
	some found in rule.findings with input as of([fixtures.broken(model, {})])
	found.message == concat(" ", [
		"The model User (django) fails once this migration has run:",
		`column "legacy_name" does not exist; its ORM sends every column`,
	])
}

test_code_first_warns if {
	code_first := object.union(of([fixtures.broken(get, {})]), {"settings": {"deploy_order": "code-first"}})
	found := rule.findings with input as code_first
	{each.severity | some each in found} == {"warning"}
	count(found) == 1
}

test_silent_when_nothing_breaks if {
	count(rule.findings) == 0 with input as of([])
}

test_silent_on_the_other_cells if {
	every cell in ["new_code_old_schema", "new_code_new_schema"] {
		count(rule.findings) == 0 with input as fixtures.breaking(cell, [fixtures.broken(get, {})])
	}
}

test_an_edited_migration_breaks_new_databases_alone if {
	every status in ["edited", "deleted"] {
		edited := object.union(of([fixtures.broken(get, {})]), {"migrations": [fixtures.migration({"status": status}, [])]})
		some found in rule.findings with input as edited
		found.severity == "warning"
		startswith(found.message, "GetUser fails on a database that the edited migrations make anew:")
	}
	both := [fixtures.migration({"status": "added"}, []), fixtures.migration({"status": "edited", "path": "migrations/1.sql"}, [])]
	some found in rule.findings with input as object.union(of([fixtures.broken(get, {})]), {"migrations": both})
	not found.severity
}
