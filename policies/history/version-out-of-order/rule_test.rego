package pmcheck.rules["version-out-of-order_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["version-out-of-order"] as rule

of(is) := fixtures.facts([fixtures.migration(is, [])])

late := {"out_of_order_with": "migrations/3.sql"}

test_a_version_that_has_passed if {
	some found in rule.findings with input as of(late)
	found.place == {"path": "migrations/2.sql", "line": 1}
	startswith(found.message, "Version 2 comes before migrations/3.sql, which is merged")
}

test_silent_on_a_version_that_is_taken if {
	count(rule.findings) == 0 with input as of(object.union(late, {"duplicate_of": "migrations/2_a.sql"}))
}

test_each_tool_does_something_else if {
	words := {"goose": "refuse this one", "golang-migrate": "skip this one", "diesel": "run this one after it, and new databases before it"}
	every layout, consequence in words {
		some found in rule.findings with input as of(object.union(late, {"layout": layout}))
		endswith(found.message, sprintf("databases that ran that one %s", [consequence]))
	}
}

test_silent_in_order if {
	count(rule.findings) == 0 with input as of({})
}

test_silent_on_merged_migrations if {
	count(rule.findings) == 0 with input as of(object.union(late, {"status": "edited"}))
}

test_silent_on_the_down_half if {
	count(rule.findings) == 0 with input as of(object.union(late, {"direction": "down"}))
}

test_what_the_live_database_has_run_counts if {
	unknown := fixtures.facts([fixtures.migration({"live": "pending", "live_newest": "20261120"}, [])])
	some found in rule.findings with input as unknown
	found.message == "Version 2 comes before 20261120, which the live database has run and no file here has: it will refuse this one"
	late := fixtures.asked(fixtures.facts([fixtures.migration({"live": "pending", "out_of_order_with": "migrations/3.sql"}, [])]), {})
	some second in rule.findings with input as late
	startswith(second.message, "Version 2 comes before migrations/3.sql, which the live database has run:")
}
