# METADATA
# title: A query means something else
# description: |
#   A query of the running release works on the new schema and returns something else there: a whole number becomes one with
#   decimals, so that a division no longer rounds and a value no longer fits where the code puts it; or a NATURAL JOIN joins by a
#   column that is new.
# custom:
#   severity: warning
#   remedy: Say in the query what the code expects, and deploy that before the migration.
#   on: [matrix]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 9.3 Mathematical Functions and Operators
#     - PostgreSQL manual, 7.2.1.1 Joined Tables
# schemas:
#   - input: schema.facts
package pmcheck.rules["result-changes"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.finding
import data.pmcheck.lib.sql

findings contains finding.because(
	finding.about(
		finding.also(finding.advised(finding.at(group[0].query.place, message), remedy(how)), breaks.related(group)),
		how,
	),
	breaks.causes(group),
) if {
	some group in breaks.grouped({[[changed.how, changed.caused_by], changed] |
		some changed in input.matrix.old_code_new_schema.changed
		means_something_else(changed.how)
	})
	how := group[0].how
	message := sprintf("%s %s something else once this migration has run: %s", [
		breaks.subject(group, "of the running release"),
		breaks.verb(group, "returns", "return"),
		how,
	])
}

means_something_else(how) if contains(how, "NATURAL JOIN")

means_something_else(how) if regex.match(decimals, how)

decimals := `^column (.+) is (?:numeric(?:\([0-9, -]+\))?|double precision|real) and was (smallint|integer|bigint)$`

remedy(how) := "Write the columns that it joins by, as JOIN ... USING (...), and deploy that before the migration." if {
	contains(how, "NATURAL JOIN")
} else := sql.remedy([
	"If the code counts on a whole number, let the query return one, and deploy that before the migration:",
	sql.code("SELECT %s::%s", [sql.name(found[1]), found[2]]),
	"See that divisions by it may have decimals.",
]) if {
	found := regex.find_all_string_submatch_n(decimals, how, 1)[0]
}
