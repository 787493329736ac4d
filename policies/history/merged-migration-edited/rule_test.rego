package pmcheck.rules["merged-migration-edited_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["merged-migration-edited"] as rule

of(is) := fixtures.facts([fixtures.migration(is, [])])

test_an_edited_migration if {
	some found in rule.findings with input as of({"status": "edited"})
	found.place == {"path": "migrations/2.sql", "line": 1}
	startswith(found.message, "migrations/2.sql is already merged, and this change has it edited: databases that ran it stay")
	contains(found.remedy, "git checkout 0123456789ab -- migrations/2.sql")
	not found.severity
}

test_a_checksum_stops_everything if {
	some found in rule.findings with input as of({"status": "edited", "layout": "sqlx"})
	contains(found.message, "refuses every later migration")
}

test_a_renamed_migration if {
	some found in rule.findings with input as of({"status": "renamed", "old_path": "migrations/1.sql"})
	startswith(found.message, "migrations/1.sql is already merged, and this change has it renamed to migrations/2.sql")
	contains(found.remedy, "-- migrations/1.sql")
}

test_a_deleted_migration if {
	some found in rule.findings with input as of({"status": "deleted"})
	found.place == {"path": "migrations/2.sql", "line": 1, "side": "base"}
}

test_a_file_with_both_halves_is_reported_once if {
	halves := [fixtures.migration({"status": "edited", "direction": way}, []) | some way in ["up", "down"]]
	count(rule.findings) == 1 with input as fixtures.facts(halves)
}

test_a_down_file_warns if {
	some found in rule.findings with input as of({"status": "edited", "direction": "down", "path": "migrations/2.down.sql"})
	found.severity == "warning"
}

test_silent_on_an_added_migration if {
	count(rule.findings) == 0 with input as of({"status": "added"})
}

test_silent_on_a_repeatable_migration if {
	count(rule.findings) == 0 with input as of({"status": "edited", "direction": "repeatable"})
}

test_silent_under_the_label_that_allows_it if {
	labelled := object.union(of({"status": "edited"}), {"change": {"labels": ["reviewed-edit"]}})
	count(rule.findings) == 1 with input as labelled
	count(rule.findings) == 0 with input as fixtures.with_option(labelled, "merged-migration-edited", "allow_label", "reviewed-edit")
}

test_silent_on_the_down_half_that_goes_with_its_up_half if {
	halves := [fixtures.migration({"status": "deleted", "direction": way, "path": sprintf("migrations/2.%s.sql", [way])}, []) | some way in ["up", "down"]]
	every found in rule.findings {
		found.place.path == "migrations/2.up.sql"
	} with input as fixtures.facts(halves)
	count(rule.findings) == 1 with input as fixtures.facts(halves)
}

test_a_migration_that_is_not_read_and_moves_or_goes_warns if {
	place := {"path": "shop/migrations/0001_initial.py", "line": 1}
	some status in ["renamed", "deleted"]
	unread := [{"place": place, "layout": "django", "reason": "written in Python", "status": status}]
	some found in rule.findings with input as {"databases": [{"unread": unread}], "migrations": [], "change": {"labels": []}}
	found.place == place
	found.severity == "warning"
}

test_silent_on_a_migration_that_is_not_read_and_edited if {
	unread := [{"place": {"path": "db/changelog.xml", "line": 1}, "layout": "liquibase", "reason": "XML", "status": "edited"}]
	count(rule.findings) == 0 with input as {"databases": [{"unread": unread}], "migrations": [], "change": {"labels": []}}
}

test_silent_on_a_migration_that_only_its_folder_moves if {
	plain := {"status": "renamed", "path": "backend/migrations/1_a.sql", "old_path": "db/migrations/1_a.sql"}
	count(rule.findings) == 0 with input as of(plain)
	count(rule.findings) == 1 with input as of(object.union(plain, {"layout": "liquibase"}))
	nested := {"status": "renamed", "path": "new/2024_a/migration.sql", "old_path": "old/2024_a/migration.sql"}
	count(rule.findings) == 0 with input as of(nested)
	count(rule.findings) == 1 with input as of(object.union(nested, {"old_path": "old/2023_a/migration.sql"}))
}
