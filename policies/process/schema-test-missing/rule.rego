# METADATA
# title: A schema change without a test
# description: |
#   The change alters tables, columns, views, constraints, types, functions or triggers, and no test that it adds or edits has the name of
#   one of them, or of its table, in any usual spelling. A test that was there before may well cover it: so this is off until a project
#   switches it on.
# custom:
#   severity: "off"
#   remedy: Add a test that runs against the migrated schema, or extend one.
#   on: [delta]
#   since: "0.2"
#   sources:
#     - Martin Fowler and Pramod Sadalage, Evolutionary Database Design
# schemas:
#   - input: schema.facts
package pmcheck.rules["schema-test-missing"]

import data.pmcheck.lib.deltas
import data.pmcheck.lib.finding

findings contains finding.about(
	finding.advised(finding.at(place, message), remedy),
	path,
) if {
	some path
	some delta in by_migration[path]
	not is_tested(path)
	place := {"path": path, "line": 1}
	message := sprintf("No test of this change names what this migration changes: %s", [concat(", ", {deltas.named(each) | some each in by_migration[path]})])
	delta
}

remedy := "Add a test that runs against the migrated schema and uses what it changes, or extend one."

is_tested(path) if {
	some delta in by_migration[path]
	delta.tested
}

# by_migration holds what the change's migrations do to the schema, by path.
by_migration[place.path] contains delta if {
	some database in input.databases
	some delta in database.delta
	delta.object in {"table", "column", "view", "enum", "enum_value", "type", "domain", "function", "trigger", "constraint"}
	some place in delta.caused_by
	some migration in input.migrations
	migration.path == place.path
	migration.direction != "down"
}
