# METADATA
# title: A migration failed on the live database
# description: |
#   Before a deploy: the live database's table of migrations says of one that it began and did not end (golang-migrate calls the database
#   dirty). Most tools refuse to go on until somebody has put that right; the deploy then fails.
# custom:
#   severity: warning
#   remedy: Look what the failed migration has done, finish it or take it back, and correct the table of migrations.
#   on: [live]
#   since: "0.1"
#   sources:
#     - golang-migrate documentation, Getting started, Forcing your database version
#     - Prisma documentation, Patching and hotfixing, Failed migration
#     - Flyway documentation, Repair
# schemas:
#   - input: schema.facts
package pmcheck.rules["failed-migration"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.statements

findings contains finding.about(finding.advised(finding.at(place(failed), text), remedy), sprintf("failed %s", [failed.version])) if {
	input.change.stage == "pre-deploy"
	some failed in input.live.failed
	text := sprintf("Migration %s has begun on the live database and did not end, says %s: %s refuses to run any other", [
		failed.version,
		input.live.state_table,
		tool,
	])
}

place(failed) := {"path": failed.path, "line": 1} if {
	failed.path != ""
} else := {"path": migration.path, "line": 1} if {
	[migration, _] := statements.forward[0]
}

tool := layout if {
	some database in input.databases
	database.name == input.live.database
	layout := database.layout
	layout != "plain"
} else := "the migration tool"

remedy := concat(" ", [
	"Look what it has done, finish it or take it back by hand, and correct the table:",
	object.get(repairs, tool, "the tool's documentation says how."),
])

repairs := {
	"atlas": "`atlas migrate set`.",
	"flyway": "`flyway repair`.",
	"golang-migrate": "`migrate force VERSION`.",
	"prisma": "`prisma migrate resolve --applied NAME`, or --rolled-back.",
	"sqlx": "delete its row from _sqlx_migrations once it is taken back.",
}
