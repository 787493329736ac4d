package pmcheck.lib.sizes_test

import data.pmcheck.lib.fixtures
import data.pmcheck.lib.sizes

sized(rows, bytes) := {"table_stats": {"rows": rows, "bytes": bytes, "text": sprintf("about %d rows", [rows])}}

found := {"message": "It stops the service", "remedy": "Do not"}

rewrite(is) := fixtures.on_orders(object.union({"kind": "alter_column_type", "rewrites": true}, is))

test_nothing_is_said_of_what_is_not_known if {
	document := fixtures.running([])
	sizes.judged(found, rewrite({})) == found with input as document
	sizes.told(found, rewrite({})) == found with input as document
}

test_a_large_table_is_named if {
	told := object.union(found, {"message": "It stops the service; orders has about 12000000 rows"})
	sizes.judged(found, rewrite(sized(12000000, 1))) == told with input as fixtures.running([])
	many_bytes := {"table_stats": {"rows": -1, "bytes": 104857600, "text": "100 MB"}}
	not sizes.judged(found, rewrite(many_bytes)).severity with input as fixtures.running([])
}

test_a_table_below_the_thresholds_warns if {
	warned := sizes.judged(found, rewrite(sized(999999, 104857599))) with input as fixtures.running([])
	warned.severity == "warning"
	warned.message == "It stops the service; orders has about 999999 rows"
	strict := object.union(fixtures.running([]), {"settings": {"thresholds": {"large_table_rows": 10}}})
	not sizes.judged(found, rewrite(sized(999999, 104857599))).severity with input as strict
}

test_every_table_counts if {
	users := fixtures.also(object.union({"scans": true}, sized(5000000, 1)))
	both := rewrite(object.union(sized(50000, 1), {"also_locks": [users]}))
	judged := sizes.judged(found, both) with input as fixtures.running([])
	judged.message == "It stops the service; orders has about 50000 rows, users has about 5000000 rows"
	not judged.severity
	unknown := rewrite(object.union(sized(50000, 1), {"also_locks": [fixtures.also({"scans": true})]}))
	not sizes.judged(found, unknown).severity with input as fixtures.running([])
}
