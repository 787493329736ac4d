# METADATA
# title: The schema is not what the migrations make
# description: |
#   The committed schema dump and the migrations differ in something in which they did not differ before this change: the dump was
#   not written anew, or it was edited by hand. A database that is made from it is then not the one that production has.
#   A project that keeps schema files instead of migrations has the like: sqldef drops what the files no longer hold with
#   --enable-drop only. Without it the database keeps the table or column, and new ones do not have it.
#   Where a live database was asked, or a snapshot of it is there: it differs from what the migrations that it has run make, in a table
#   that this change touches, or before a deploy in any. What is beside the migrations' own tables, views and types is not compared.
# custom:
#   severity: warning
#   remedy: Run the migrations on an empty database and commit the dump that it gives.
#   on: [drift, left_out]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, pg_dump
# schemas:
#   - input: schema.facts
package pmcheck.rules["schema-drift"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.statements

# One finding for each file: what differs is one mistake.
findings contains finding.about(finding.at(place, message), place.path) if {
	some database in input.databases
	count(database.drift) > 0
	place := object.get(database.drift[0], ["caused_by", 0], {"path": database.root, "line": 1})
	message := sprintf("The migrations and this dump make different schemas: %s", [concat("; ", shown(database.drift, "the dump"))])
}

findings contains finding.about(finding.advised(finding.at(left.place, message), left_behind), left.sql) if {
	some migration in input.migrations
	some left in migration.left_out
	message := sprintf("The database keeps what this file no longer has: %s. Left out: %s", [left.reason, left.sql])
}

left_behind := concat(" ", [
	"Drop it by hand, or run sqldef with --enable-drop, once no running release uses it;",
	"or have it stay on purpose and say so above its table: `-- pmcheck:ignore schema-drift: dropped by hand after the next release`.",
])

findings contains finding.about(finding.advised(finding.at(place, message), remedy), "live") if {
	some database in input.databases
	drift := [delta | some delta in database.live_drift; matters(delta)]
	count(drift) > 0
	place := object.get(drift[0], ["caused_by", 0], {"path": database.root, "line": 1})
	message := sprintf("The live database is not what its migrations make: %s", [concat("; ", shown(drift, "the live database"))])
	remedy := concat(" ", [
		"Somebody has changed it by hand, or a migration did not do all of its work.",
		"Find out which is right: write a migration that makes the other one follow, with IF EXISTS or IF NOT EXISTS.",
	])
}

# Whatever differs matters before a deploy; a pull request is told of what it is about.
matters(_) if input.change.stage == "pre-deploy"

matters(delta) if {
	some [_, statement] in statements.forward
	some relation in {object.get(delta, "relation", ""), delta.name}
	statement.relation == relation
}

shown(drift, whose) := array.concat(
	[difference(delta, whose) | some delta in array.slice(drift, 0, 5)],
	[sprintf("and %d more", [count(drift) - 5]) | count(drift) > 5],
)

difference(delta, whose) := sprintf("%s %s is only in %s", [kind(delta), named(delta), whose]) if {
	delta.kind == "added"
} else := sprintf("%s %s is not in %s", [kind(delta), named(delta), whose]) if {
	delta.kind == "removed"
} else := sprintf("%s %s has another name in %s", [kind(delta), named(delta), whose]) if {
	delta.kind == "renamed"
} else := sprintf("%s %s has another %s in %s (%s, not %s)", [
	kind(delta),
	named(delta),
	replace(delta.attribute, "_", " "),
	whose,
	object.get(delta, "to", "none"),
	object.get(delta, "from", "none"),
])

kind(delta) := replace(delta.object, "_", " ")

named(delta) := sprintf("%s.%s", [delta.relation, delta.name]) if {
	delta.relation != ""
} else := delta.name
