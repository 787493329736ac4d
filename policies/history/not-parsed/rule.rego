# METADATA
# title: SQL was not understood
# description: |
#   A statement, or a whole migration, could not be analysed: no other rule says anything about it, and a green check would promise too
#   much. Of a statement that is put together while it runs (EXECUTE) nobody can know what it does; that warns.
#   So does a new file that the tool passes over, such as one that Drizzle's journal does not name: it never runs.
# custom:
#   severity: error
#   remedy: Correct the SQL, or let a person review it and say so above the statement.
#   on: [not_analysed, unread]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, appendix C, SQL Key Words
#   bad: |
#     ALTER TABLE orders ADD COLUMN;
#   good: |
#     SELECT 1;
# schemas:
#   - input: schema.facts
package pmcheck.rules["not-parsed"]

import data.pmcheck.lib.finding

findings contains finding.advised(finding.at(problem.place, message), reviewed) if {
	some problem in problems
	problem.kind != "dynamic"
	message := sprintf("%s: %s", [object.get(what, problem.kind, "This is not judged"), problem.reason])
}

findings contains finding.lowered(finding.advised(finding.at(problem.place, message), written_out), "warning") if {
	some problem in problems
	problem.kind == "dynamic"
	message := sprintf("What this statement runs is put together while it runs, and is not judged: %s", [problem.reason])
}

findings contains finding.advised(finding.at(unread.place, message), reviewed_file) if {
	some database in input.databases
	some unread in database.unread
	unread.status in {"added", "edited"}
	not unread.not_run
	message := sprintf("This %s migration is not judged: %s", [unread.layout, unread.reason])
}

# A file that the tool passes over harms nothing, but whoever adds it may think that it runs.
findings contains finding.lowered(finding.advised(finding.at(unread.place, unread.reason), noted), "warning") if {
	some database in input.databases
	some unread in database.unread
	unread.status == "added"
	unread.not_run
}

problems contains problem if {
	some migration in input.migrations
	migration.status in {"added", "edited"}
	some problem in migration.not_analysed
}

what := {
	"syntax": "This is not SQL that can be read, and it is not judged",
	"unsupported": "This cannot be analysed, and it is not judged",
	"refused": "PostgreSQL would refuse this on the schema that the migrations before it make",
	"too-large": "This is too large to be read, and it is not judged",
	"encoding": "This is not text that can be read for certain",
}

reviewed := "Correct it; or have it reviewed and say so above it: `-- pmcheck:ignore not-parsed: reviewed by Kim, adds a partition`."

written_out := "Write the statements out; or have it reviewed and say so above it: `-- pmcheck:ignore not-parsed: reviewed by Kim, grants only`."

reviewed_file := "Have it reviewed by a person: pmcheck says nothing about it."

noted := concat(" ", [
	"If it is to run, make it with `drizzle-kit generate --custom`, which notes it in the journal, and move the SQL there.",
	"If a person runs it by hand, keep it in another folder.",
])
