# METADATA
# title: A down migration is missing
# description: |
#   The other migrations here can be rolled back, and this one cannot: there is no down half.
#   Tools without down migrations, and repositories that write none, are left alone.
# custom:
#   severity: warning
#   remedy: Write the down half; where nothing can be put back, let it say so.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - golang-migrate, MIGRATIONS.md, Reversibility of Migrations
# schemas:
#   - input: schema.facts
package pmcheck.rules["missing-down"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.advised(finding.at(place, message), remedy), migration.path) if {
	some migration in input.migrations
	migration.status == "added"
	migration.down_missing
	place := {"path": migration.path, "line": 1}
	message := "This migration has no down half, and others here have one: it cannot be rolled back"
	remedy := "Write one that undoes each step, the last one first; where nothing can be put back, leave a comment there that says so."
}
