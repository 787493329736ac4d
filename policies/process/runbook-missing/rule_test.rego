package pmcheck.rules["runbook-missing_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["runbook-missing"] as rule

accepted := {
	"rule": "index-not-concurrent", "category": "locks", "severity": "error", "place": {"path": "migrations/2.sql", "line": 4},
	"caused_by": [], "suppressed": true, "fails": true,
}

of(found, is) := object.union(
	object.union(fixtures.facts([fixtures.migration({}, [])]), {
		"findings": [object.union(accepted, found)],
		"runbooks": [],
		"change": {"commits": [{"id": "1", "title": "Add an index", "body": ""}]},
	}),
	is,
)

test_an_accepted_danger_without_a_runbook if {
	some found in rule.findings with input as of({}, {})
	found.place == {"path": "migrations/2.sql", "line": 1}
	found.message == "This migration goes out in spite of index-not-concurrent, and no runbook says how"
	found.caused_by == [{"path": "migrations/2.sql", "line": 4}]
	contains(found.remedy, "docs/runbooks/2.md")
}

test_a_danger_in_the_code_that_the_migration_causes if {
	count(rule.findings) == 1 with input as of(
		{
			"rule": "old-code-breaks", "category": "compat",
			"place": {"path": "a.go", "line": 1}, "caused_by": [{"path": "migrations/2.sql", "line": 1}],
		},
		{},
	)
}

test_what_was_not_let_pass_counts_with_the_mode_always if {
	count(rule.findings) == 0 with input as of({"suppressed": false}, {})
	count(rule.findings) == 1 with input as of({"suppressed": false}, {"settings": {"rules": {"runbook-missing": {"mode": "always"}}}})
}

test_silent_about_what_does_not_fail_or_is_no_danger if {
	every is in [{"fails": false}, {"category": "history"}, {"place": {"path": "migrations/1.sql", "line": 1}}] {
		count(rule.findings) == 0 with input as of(is, {})
	}
}

test_silent_with_a_runbook if {
	count(rule.findings) == 0 with input as of({}, {"runbooks": [{"path": "docs/runbooks/x.md", "names": ["migrations/2.sql"], "status": "added"}]})
	count(rule.findings) == 1 with input as of({}, {"runbooks": [{"path": "docs/runbooks/x.md", "names": ["migrations/1.sql"], "status": ""}]})
}

test_silent_with_a_link_in_the_pull_request if {
	count(rule.findings) == 0 with input as of({}, {"change": {"title": "Add an index", "body": "Runbook: https://wiki.example.com/42", "commits": []}})
	count(rule.findings) == 1 with input as of({}, {"change": {"title": "Add an index", "body": "See https://wiki.example.com/42", "commits": []}})
}

test_silent_with_a_link_in_a_commit if {
	every text in [
		"Runbook: https://wiki.example.com/42", "see https://example.com/runbooks/42", "as in docs/runbooks/orders.md",
		"Why.\n\nRun-book https://wiki.example.com/42",
	] {
		count(rule.findings) == 0 with input as of({}, {"change": {"commits": [{"id": "1", "title": "Add an index", "body": text}]}})
	}
	count(rule.findings) == 1 with input as of({}, {"change": {"commits": [{"id": "1", "title": "There is no runbook yet", "body": "https://x.org/1"}]}})
}
