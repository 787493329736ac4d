package pmcheck.rules["replica-lags_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["replica-lags"] as rule

behind(is) := fixtures.asked(
	fixtures.running([fixtures.on_orders({"kind": "add_column", "column": "note"})]),
	{"replicas": [object.union(
		{"name": "eu-1", "state": "streaming", "sync": false, "seconds": 0, "bytes": 0, "text": "2 minutes and 1.2 GB"},
		is,
	)]},
)

test_a_replica_that_is_behind if {
	every is in [{"seconds": 30}, {"bytes": 1073741824}] {
		some found in rule.findings with input as behind(is)
		startswith(found.message, "Replica eu-1 is 2 minutes and 1.2 GB behind: what reads from it meets the schema from before")
		found.place.path == "migrations/2.sql"
	}
	some waited in rule.findings with input as behind({"seconds": 30, "sync": true})
	endswith(waited.message, "and commits wait for it (it is synchronous)")
}

test_silent_on_one_that_keeps_up if {
	count(rule.findings) == 0 with input as behind({"seconds": 29, "bytes": 1000})
	strict := fixtures.with_option(behind({"seconds": 29}), "replica-lags", "max_seconds", 5)
	count(rule.findings) == 1 with input as strict
}
