# METADATA
# title: A down migration does not put everything back
# description: |
#   After the up half and then the down half the schema is not what it was before. A rollback then leaves something behind,
#   or the next migration meets another schema than it was written for. Lost data is not meant: nothing brings it back.
# custom:
#   severity: warning
#   remedy: Let the down half undo every step of the up half, the last one first.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - golang-migrate, MIGRATIONS.md, Reversibility of Migrations
# schemas:
#   - input: schema.facts
package pmcheck.rules["down-does-not-reverse"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.at(place, message), migration.path) if {
	some migration in input.migrations
	migration.status in {"added", "edited"}
	count(migration.down_differs) > 0
	place := {"path": migration.path, "line": 1}
	message := sprintf("After this migration and its down half the schema is not what it was before: %s", [
		concat("; ", shown(migration.down_differs)),
	])
}

# A few differences say enough.
shown(differs) := differs if {
	count(differs) <= 5
} else := array.concat(array.slice(differs, 0, 5), [sprintf("and %d more", [count(differs) - 5])])
