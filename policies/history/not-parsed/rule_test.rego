package pmcheck.rules["not-parsed_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["not-parsed"] as rule

place := {"path": "migrations/2.sql", "line": 7, "column": 3}

problem(kind) := {"place": place, "kind": kind, "reason": "the reason"}

of(is, problems) := fixtures.facts([fixtures.migration(object.union({"not_analysed": problems}, is), [])])

unread(status) := object.union(fixtures.facts([]), {"databases": [{"unread": [{
	"place": {"path": "migrations/2.go", "line": 1}, "layout": "goose", "reason": "it is written in Go", "status": status,
}]}]})

test_each_kind_is_an_error_but_dynamic if {
	every kind in ["syntax", "unsupported", "refused", "too-large", "encoding", "unread"] {
		some found in rule.findings with input as of({}, [problem(kind)])
		found.place == place
		endswith(found.message, ": the reason")
		not found.severity
	}
}

test_dynamic_sql_warns if {
	some found in rule.findings with input as of({}, [problem("dynamic")])
	found.severity == "warning"
}

test_the_down_half_counts if {
	count(rule.findings) == 1 with input as of({"direction": "down"}, [problem("syntax")])
}

test_every_problem_is_said if {
	other := object.union(problem("syntax"), {"place": {"path": "migrations/2.sql", "line": 9}})
	count(rule.findings) == 2 with input as of({}, [problem("syntax"), other])
}

test_a_migration_that_cannot_be_read if {
	some found in rule.findings with input as unread("added")
	found.message == "This goose migration is not judged: it is written in Go"
}

test_silent_on_what_is_only_moved_or_deleted if {
	every status in ["renamed", "deleted"] {
		count(rule.findings) == 0 with input as unread(status)
		count(rule.findings) == 0 with input as of({"status": status}, [problem("syntax")])
	}
}

test_silent_when_all_was_read if {
	count(rule.findings) == 0 with input as of({}, [])
}

passed_over(status) := object.union(fixtures.facts([]), {"databases": [{"unread": [{
	"place": {"path": "drizzle/0004_x.sql", "line": 1}, "layout": "drizzle", "reason": "Drizzle does not run it", "status": status, "not_run": true,
}]}]})

test_a_file_that_the_tool_passes_over_warns_when_it_comes if {
	some found in rule.findings with input as passed_over("added")
	found.message == "Drizzle does not run it"
	found.severity == "warning"
	every status in ["edited", "renamed", "deleted"] {
		count(rule.findings) == 0 with input as passed_over(status)
	}
}
