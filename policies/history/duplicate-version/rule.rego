# METADATA
# title: Two migrations have one version
# description: |
#   A migration of this change has the version of another one. The tool refuses both, or runs one of them and believes that it ran
#   the other. It happens when two branches take the same next number. Pairs that are merged already are left alone.
# custom:
#   severity: error
#   remedy: Give the new migration the next free version.
#   on: [migrations]
#   since: "0.1"
#   sources:
#     - golang-migrate, migrations' versions
#     - Flyway documentation, versioned migrations
# schemas:
#   - input: schema.facts
package pmcheck.rules["duplicate-version"]

import data.pmcheck.lib.finding

findings contains finding.about(finding.advised(finding.at(place, message), remedy), migration.path) if {
	some migration in input.migrations
	migration.direction == "up"
	migration.status in {"added", "renamed"}
	migration.duplicate_of != ""
	not is_said_of_the_other(migration)
	place := {"path": migration.path, "line": 1}
	message := sprintf("Version %s is that of %s too: only one of them will run, or neither", [
		migration.version,
		migration.duplicate_of,
	])
	remedy := "Rename it, with the next free version."
}

# Of two new ones the later name gives way.
is_said_of_the_other(migration) if {
	some other in input.migrations
	other.path == migration.duplicate_of
	other.status in {"added", "renamed"}
	other.duplicate_of == migration.path
	other.path > migration.path
}
