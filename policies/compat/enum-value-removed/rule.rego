# METADATA
# title: An enum loses a value
# description: |
#   A value of an enum is removed or renamed. Running code that writes the old one, or compares with it, fails:
#   invalid input value for enum. PostgreSQL cannot remove a value, so this means a new type and every row written again.
# custom:
#   severity: warning
#   remedy: Add the new value, let the code move over, and leave the old one unused.
#   on: [delta]
#   since: "0.1"
#   sources:
#     - PostgreSQL manual, 8.7.4 Implementation Details of enums
#     - PostgreSQL manual, ALTER TYPE
#   given: |
#     CREATE TYPE order_status AS ENUM ('open', 'canceled');
#   bad: |
#     ALTER TYPE order_status RENAME VALUE 'canceled' TO 'cancelled';
#   good: |
#     ALTER TYPE order_status ADD VALUE 'cancelled';
# schemas:
#   - input: schema.facts
package pmcheck.rules["enum-value-removed"]

import data.pmcheck.lib.deltas
import data.pmcheck.lib.finding
import data.pmcheck.lib.plans
import data.pmcheck.lib.sql

findings contains finding.about(finding.advised(finding.at(place, message), plans.of(delta)), deltas.named(delta)) if {
	some delta in deltas.gone
	delta.object == "enum_value"
	place := deltas.cause(delta)
	message := sprintf("Value %s of enum %s %s: running code that still uses it fails", [
		sql.text(deltas.old_name(delta)),
		delta.relation,
		done(delta),
	])
}

done(delta) := sprintf("is renamed to %s", [sql.text(delta.name)]) if {
	delta.kind == "renamed"
} else := "is removed"
