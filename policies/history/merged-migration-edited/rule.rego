# METADATA
# title: A merged migration is edited
# description: |
#   A migration that the base already has is edited, renamed or deleted. Databases that ran it do not run it again: tools that keep
#   a checksum refuse every later migration, even after a changed comment, the others skip it without a word, and a new database
#   is no longer the same as an old one. CI migrates an empty database and does not see it.
#   Repeatable migrations may be edited. An edited down half warns only: no database has run it.
#   A folder of migrations may move as long as its files keep their names, by which the tool knows them; Liquibase notes the whole path.
#
#   A migration that pmcheck cannot read warns when it is renamed or deleted.
#   What an edited migration does to tables is not judged: where it matters it has run.
# custom:
#   severity: error
#   remedy: Put the merged file back as it was and make the change in a new migration.
#   on: [migrations, unread]
#   since: "0.1"
#   options:
#     allow_label: ""
#   sources:
#     - Flyway documentation, Validate
#     - sqlx documentation, MigrateError::VersionMismatch
# schemas:
#   - input: schema.facts
package pmcheck.rules["merged-migration-edited"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.settings
import data.pmcheck.lib.sql

findings contains found if {
	some migration in input.migrations
	migration.status in {"edited", "renamed", "deleted"}
	migration.direction == "up"
	not moved(migration)
	not allowed
	found := finding.about(finding.advised(finding.at(place(migration), message(migration)), remedy(migration)), migration.path)
}

findings contains finding.lowered(found, "warning") if {
	some migration in input.migrations
	migration.status in {"edited", "renamed", "deleted"}
	migration.direction == "down"
	not said_of_up(migration)
	not moved(migration)
	not allowed
	text := sprintf("%s is already merged, and this change has it %s: check that it still reverses its up half", [
		origin(migration),
		done(migration),
	])
	found := finding.about(finding.at(place(migration), text), migration.path)
}

# Of a migration that is not read only what moves or goes is said: the changelogs of some tools are edited with every change.
findings contains finding.lowered(found, "warning") if {
	some database in input.databases
	some unread in database.unread
	unread.status in {"renamed", "deleted"}
	not unread.not_run
	not allowed
	text := sprintf("This %s migration is already merged, and this change has it %s: %s", [
		unread.layout,
		unread.status,
		consequence(unread),
	])
	found := finding.about(finding.at(unread.place, text), unread.place.path)
}

# A migration in another folder is the same to a tool that knows it by its file's name, or by its folder's where all files are
# called alike. Liquibase notes the whole path.
moved(migration) if {
	migration.status == "renamed"
	migration.layout != "liquibase"
	named(migration.path) == named(migration.old_path)
}

named(path) := array.slice(parts, count(parts) - 2, count(parts)) if {
	parts := split(path, "/")
	parts[count(parts) - 1] in {"up.sql", "down.sql", "migration.sql"}
} else := parts[count(parts) - 1] if {
	parts := split(path, "/")
}

# The up half stands in the same file, or goes the same way.
said_of_up(down) if {
	some up in input.migrations
	up.direction == "up"
	up.path == down.path
}

said_of_up(down) if {
	some up in input.migrations
	up.direction == "up"
	up.database == down.database
	up.version == down.version
	up.status == down.status
	down.status in {"renamed", "deleted"}
}

# A team that lets a label stand for "reviewed by hand" names it in its configuration.
allowed if {
	label := settings.option("merged-migration-edited", "allow_label", "")
	label in input.change.labels
}

place(migration) := {"path": migration.path, "line": 1, "side": "base"} if {
	migration.status == "deleted"
} else := {"path": migration.path, "line": 1}

message(migration) := sprintf("%s is already merged, and this change has it %s: %s", [
	origin(migration),
	done(migration),
	consequence(migration),
])

origin(migration) := migration.old_path if {
	migration.old_path != ""
} else := migration.path

done(migration) := sprintf("renamed to %s", [migration.path]) if {
	migration.status == "renamed"
} else := migration.status

consequence(migration) := concat(" ", [
	"databases that ran it no longer match its checksum,",
	"and the tool refuses every later migration",
]) if {
	migration.layout in {"flyway", "sqlx", "refinery"}
} else := "databases that ran it stay as they are, and new databases never get it" if {
	migration.status == "deleted"
} else := "the tool may take it for a new migration, and run it again or refuse to go on" if {
	migration.status == "renamed"
} else := "databases that ran it stay as they are, and only new databases get the new text"

remedy(migration) := sql.remedy([
	"Put it back, and make the change in a new migration:",
	sprintf("git checkout %s -- %s", [substring(input.change.base, 0, 12), origin(migration)]),
])
