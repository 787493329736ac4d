# METADATA
# title: A migration comes before one that has run already
# description: |
#   A new migration's version sorts before that of a merged one. Databases that ran the merged one skip the new one, refuse it, or run
#   the two in another order than a new database does. It happens when a branch is older than the last merge.
#   Where a live database was asked, what it has run counts, whether merged or not.
# custom:
#   severity: warning
#   remedy: Give the new migration a version later than that of every merged one.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - golang-migrate, migrations' versions
#     - Flyway documentation, Out Of Order
# schemas:
#   - input: schema.facts
package pmcheck.rules["version-out-of-order"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.advised(finding.at(place, message), remedy), migration.path) if {
	some migration in input.migrations
	migration.direction == "up"
	migration.status == "added"
	migration.out_of_order_with != ""
	not is_taken(migration)
	place := {"path": migration.path, "line": 1}
	message := sprintf("Version %s comes before %s, which %s: databases that ran that one %s", [
		migration.version,
		migration.out_of_order_with,
		has_run(migration),
		object.get(consequences, migration.layout, "run this one after it, and new databases before it"),
	])
	remedy := "Rename it, with a version later than that of every merged migration."
}

# The live database may have run what no file here has: another branch was deployed.
findings contains finding.about(finding.advised(finding.at(place, message), remedy), migration.path) if {
	some migration in input.migrations
	migration.live_newest != ""
	not is_out_of_order(migration)
	place := {"path": migration.path, "line": 1}
	message := sprintf("Version %s comes before %s, which the live database has run and no file here has: it will %s", [
		migration.version,
		migration.live_newest,
		object.get(consequences, migration.layout, "run this one after it"),
	])
	remedy := "Find out which branch that version came from, merge it, and give this migration a later version."
}

is_out_of_order(migration) if migration.out_of_order_with != ""

has_run(migration) := "the live database has run" if {
	input.change.stage == "pre-deploy"
	migration.live == "pending"
} else := "is merged"

consequences := {
	"atlas": "refuse this one",
	"drizzle": "skip this one",
	"flyway": "refuse this one",
	"golang-migrate": "skip this one",
	"goose": "refuse this one",
	"supabase": "refuse this one",
	"tern": "skip this one",
}

# Of a version that is taken duplicate-version speaks.
is_taken(migration) if migration.duplicate_of != ""
