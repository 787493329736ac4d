package pmcheck.rules["new-code-breaks-on-rollback_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["new-code-breaks-on-rollback"] as rule

added := {
	"delta": fixtures.delta({"kind": "added", "name": "nickname"}),
	"reason": `column "nickname" does not exist`,
}

breaks := [
	fixtures.broken(fixtures.query("ListNicknames", 20, {}), added),
	fixtures.broken(fixtures.query("GetNickname", 10, {}), added),
	fixtures.broken(fixtures.query("GetAudit", 30, {}), {"delta": fixtures.delta({"kind": "added", "object": "table", "relation": "", "name": "audit"})}),
	fixtures.broken(fixtures.query("AddAudit", 40, {}), {"caused_by": [{"path": "migrations/3.sql", "line": 2}]}),
]

of(breaks, order) := object.union(fixtures.breaking("new_code_old_schema", breaks), {"settings": {"deploy_order": order}})

test_one_finding_that_informs_when_migrations_go_first if {
	found := rule.findings with input as of(breaks, "migrations-first")
	count(found) == 1
	some each in found
	each.severity == "info"
	each.message == concat(" ", [
		"4 queries of the new code need this migration (GetNickname, ListNicknames, GetAudit and more):",
		"roll the code back before the migration",
	])
	each.place.line == 10
	not each.related
	not each.caused_by
}

test_one_query if {
	some found in rule.findings with input as of(array.slice(breaks, 1, 2), "migrations-first")
	found.message == "1 query of the new code needs this migration (GetNickname): roll the code back before the migration"
}

test_an_error_when_code_meets_the_old_schema if {
	every order in ["code-first", "unordered"] {
		found := rule.findings with input as of(array.slice(breaks, 0, 2), order)
		count(found) == 1
		some each in found
		each.message == `GetNickname and one more query of the new code fail until this migration has run: column "nickname" does not exist`
		startswith(each.remedy, "Let the migration go first, in a pull request of its own")
		not each.severity
	}
}

test_a_renamed_column_has_a_plan if {
	renamed := {"delta": fixtures.delta({"kind": "renamed", "from": "nick", "name": "nickname"})}
	some found in rule.findings with input as of([fixtures.broken(fixtures.query("GetNickname", 10, {}), renamed)], "code-first")
	contains(found.remedy, "2. Deploy code that writes both nick and nickname")
}

test_silent_when_nothing_breaks if {
	every order in ["migrations-first", "code-first", "unordered"] {
		count(rule.findings) == 0 with input as of([], order)
	}
}
