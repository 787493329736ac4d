package pmcheck.rules["duplicate-version_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["duplicate-version"] as rule

twin(path, other) := fixtures.migration({"path": path, "duplicate_of": other}, [])

test_a_version_that_is_taken if {
	some found in rule.findings with input as fixtures.facts([twin("migrations/2_b.sql", "migrations/2_a.sql")])
	found.place.path == "migrations/2_b.sql"
	startswith(found.message, "Version 2 is that of migrations/2_a.sql too")
}

test_two_new_ones_are_one_finding if {
	found := rule.findings with input as fixtures.facts([
		twin("migrations/2_a.sql", "migrations/2_b.sql"),
		twin("migrations/2_b.sql", "migrations/2_a.sql"),
	])
	{each.place.path | some each in found} == {"migrations/2_b.sql"}
}

test_silent_on_a_version_of_its_own if {
	count(rule.findings) == 0 with input as fixtures.facts([fixtures.migration({}, [])])
}

test_silent_on_merged_pairs if {
	edited := object.union(twin("migrations/2_b.sql", "migrations/2_a.sql"), {"status": "edited"})
	count(rule.findings) == 0 with input as fixtures.facts([edited])
}
