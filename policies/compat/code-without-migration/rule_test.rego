package pmcheck.rules["code-without-migration_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["code-without-migration"] as rule

missing := {
	"delta": {"kind": "", "object": "", "name": "", "named": false, "database": "", "caused_by": []}, "caused_by": [],
	"reason": `column "nickname" does not exist`, "worked_before": false,
}

of(breaks) := fixtures.breaking("new_code_new_schema", breaks)

test_a_column_that_no_migration_adds if {
	some found in rule.findings with input as of([fixtures.broken(fixtures.query("GetNickname", 10, {}), missing)])
	found.message == `GetNickname asks for what no migration makes: column "nickname" does not exist`
	found.subject == `column "nickname" does not exist`
	startswith(found.remedy, "Add the migration that makes it")
}

test_one_finding_for_one_reason if {
	queries := [fixtures.broken(fixtures.query("GetNickname", line, {}), missing) | some line in [3, 1, 2]]
	found := rule.findings with input as of(queries)
	{[each.message, each.place.line, count(each.related)] | some each in found} == {[
		`GetNickname and 2 more queries of the new code ask for what no migration makes: column "nickname" does not exist`,
		1,
		2,
	]}
}

test_silent_on_what_worked_before if {
	count(rule.findings) == 0 with input as of([fixtures.broken(fixtures.query("GetUser", 10, {}), {})])
}

test_silent_when_nothing_breaks if {
	count(rule.findings) == 0 with input as of([])
}
