# METADATA
# title: A drop's safety is not proved
# description: |
#   A table, view, column or function is dropped or renamed. The running release names it in a query that is not understood as a whole,
#   or outside of any query, and no query is known to fail: it may or may not be in use.
# custom:
#   severity: error
#   remedy: Look at the places; if none of them uses it, say so above the statement.
#   on: [delta]
#   since: "0.1"
#   sources:
#     - Martin Fowler, ParallelChange
# schemas:
#   - input: schema.facts
package pmcheck.rules["drop-without-evidence"]

import data.pmcheck.lib.deltas
import data.pmcheck.lib.finding

findings contains finding.also(
	finding.about(finding.advised(finding.at(deltas.cause(delta), message), remedy(delta)), deltas.named(delta)),
	uses,
) if {
	some delta in deltas.gone
	delta.object in {"table", "view", "column", "function"}
	not deltas.is_broken(delta)
	uses := by_place([use | some use in deltas.uses(delta, "base"); use.how in {"unclear", "mention"}])
	count(uses) > 0
	message := sprintf("%s %s, and it is not clear whether the running release uses it: %s", [
		deltas.named(delta),
		deltas.done(delta),
		places(uses),
	])
}

# by_place is each place once, with what stands there.
by_place(uses) := [row[1] | some row in sort({[[use.place.path, use.place.line], shown(use)] | some use in uses})]

shown(use) := {"place": use.place, "text": use.text}

# places lists where uses are: "a.go:12, b.go:7 and 3 more".
places(uses) := text if {
	count(uses) <= 3
	text := concat(", ", [place(use) | some use in uses])
} else := sprintf("%s and %d more", [
	concat(", ", [place(use) | some use in array.slice(uses, 0, 2)]),
	count(uses) - 2,
])

place(use) := sprintf("%s:%d", [use.place.path, use.place.line])

remedy(delta) := concat(" ", [
	"Look at these places. If one of them uses it, deploy code without it first.",
	"If none does, say so above the statement:",
	sprintf("`-- pmcheck:ignore drop-without-evidence: %s in the code is something else`.", [deltas.old_name(delta)]),
])
