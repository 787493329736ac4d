package pmcheck.rules["failed-migration_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["failed-migration"] as rule

dirty(is) := fixtures.asked(
	fixtures.running([fixtures.on_orders({"kind": "add_column", "column": "note"})]),
	{"state_table": "schema_migrations", "failed": [object.union({"version": "41", "path": "migrations/41.sql"}, is)]},
)

test_a_dirty_database_stops_the_deploy if {
	some found in rule.findings with input as dirty({})
	found.message == "Migration 41 has begun on the live database and did not end, says schema_migrations: goose refuses to run any other"
	found.place.path == "migrations/41.sql"
	some elsewhere in rule.findings with input as dirty({"path": ""})
	elsewhere.place.path == "migrations/2.sql"
}

test_silent_where_none_failed_and_before if {
	count(rule.findings) == 0 with input as fixtures.asked(fixtures.running([]), {})
	count(rule.findings) == 0 with input as object.union(dirty({}), {"change": {"stage": "pull-request"}})
}
