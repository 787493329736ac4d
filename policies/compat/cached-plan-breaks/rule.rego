# METADATA
# title: A prepared query returns other columns
# description: |
#   A query of the running release works on the new schema and returns other columns than before: SELECT * of a table that gets a
#   column, or a column whose type changes. A connection that prepared the query before the migration gets an error the next time
#   that it runs it. Most drivers and pools prepare it anew then; inside of a transaction the transaction is lost.
# custom:
#   severity: info
#   remedy: Name the columns instead of selecting *, and let the code try again.
#   on: [matrix]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, PREPARE, Notes
# schemas:
#   - input: schema.facts
package pmcheck.rules["cached-plan-breaks"]

import data.pmcheck.lib.breaks
import data.pmcheck.lib.finding

findings contains finding.because(
	finding.about(
		finding.also(finding.advised(finding.at(items[0].query.place, message), remedy), breaks.related(items)),
		"cached plan",
	),
	breaks.causes(items),
) if {
	# A NATURAL JOIN that joins by another column can keep its result's columns.
	items := breaks.by_place([changed |
		some changed in input.matrix.old_code_new_schema.changed
		not contains(changed.how, "NATURAL JOIN")
	])
	count(items) > 0
	message := sprintf("%s (%s): %s %s", [
		sprintf("%d %s other columns once this migration has run", [count(items), breaks.verb(items, "query returns", "queries return")]),
		breaks.names(items),
		"a connection that prepared one before fails once with:",
		"cached plan must not change result type",
	])
}

remedy := concat(" ", [
	"Where one such error matters, name the columns that the code needs instead of *, and deploy that first;",
	"or let the code try again, on a new transaction.",
])
