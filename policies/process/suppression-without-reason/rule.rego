# METADATA
# title: A suppression says no reason
# description: |
#   A pmcheck:ignore comment that names no rule, gives no reason or is misspelt suppresses nothing. The next reader has to know why the
#   rule does not apply here.
# custom:
#   severity: warning
#   remedy: "Write it as `-- pmcheck:ignore RULE: why it is safe here`."
#   on: [suppressions]
#   since: "0.1"
#   sources:
#     - pmcheck, inline suppression
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, legacy_name text);
#   bad: |
#     -- pmcheck:ignore drops-data
#     ALTER TABLE orders DROP COLUMN legacy_name;
#   good: |
#     SET lock_timeout = '5s';
#     -- pmcheck:ignore drops-data: never written to
#     ALTER TABLE orders DROP COLUMN legacy_name;
# schemas:
#   - input: schema.facts
package pmcheck.rules["suppression-without-reason"]

import data.pmcheck.lib.finding

findings contains finding.at(suppression.place, message) if {
	some suppression in input.suppressions
	message := wrong(suppression)
}

wrong(suppression) := sprintf("This comment suppresses nothing: %s", [suppression.problem]) if {
	suppression.problem != ""
} else := "This comment suppresses nothing: it says no reason" if {
	suppression.reason == ""
}
