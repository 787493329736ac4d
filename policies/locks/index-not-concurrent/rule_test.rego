package pmcheck.rules["index-not-concurrent_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["index-not-concurrent"] as rule

index := fixtures.statement({
	"kind": "create_index", "relation": "orders", "name": "orders_user_id_idx", "columns": ["user_id"],
	"define": "ON orders USING btree (user_id)", "lock": "SHARE", "blocks": ["writes", "ddl"],
	"scans": true, "builds_index": true,
})

test_a_build_blocks_writes if {
	some found in rule.findings with input as fixtures.running([index])
	found.message == concat(" ", [
		"CREATE INDEX takes a SHARE lock on orders:",
		"every INSERT, UPDATE and DELETE on orders waits until the index is built",
	])
	contains(found.remedy, "\n  CREATE INDEX CONCURRENTLY orders_user_id_idx ON orders USING btree (user_id);\n")
	contains(found.remedy, "-- +goose NO TRANSACTION")
	found.subject == "create_index orders orders_user_id_idx"
}

test_an_index_without_a_name_gets_one if {
	unnamed := object.union(index, {"name": "", "define": "", "columns": ["user_id", "Created"]})
	some found in rule.findings with input as fixtures.running([unnamed])
	contains(found.remedy, `  CREATE INDEX CONCURRENTLY "orders_user_id_Created_idx" ON orders (user_id, "Created");`)
}

test_each_partition_gets_its_own_build if {
	partitioned := object.union(index, {
		"relation_partitioned": true,
		"unique": true,
		"also_locks": [fixtures.also({"relation": "app.orders_2026", "lock": "SHARE", "scans": true})],
	})
	some found in rule.findings with input as fixtures.running([partitioned])
	contains(found.remedy, "\n  CREATE UNIQUE INDEX orders_user_id_idx ON ONLY orders USING btree (user_id);\n")
	contains(found.remedy, concat("\n", [
		"  CREATE UNIQUE INDEX CONCURRENTLY orders_2026_orders_user_id_idx ON app.orders_2026 USING btree (user_id);",
		"  ALTER INDEX orders_user_id_idx ATTACH PARTITION orders_2026_orders_user_id_idx;",
	]))
}

test_silent_on_concurrently if {
	concurrently := object.union(index, {
		"concurrently": true, "lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "not_in_transaction": true,
	})
	count(rule.findings) == 0 with input as fixtures.running([concurrently])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(index, {"on_new_relation": true})])
}

test_silent_on_a_table_known_to_be_small if {
	small := object.union(index, {"table_stats": {"rows": 200, "bytes": 16384}})
	count(rule.findings) == 0 with input as fixtures.running([small])

	strict := fixtures.with_option(fixtures.running([small]), "index-not-concurrent", "max_rows", 100)
	count(rule.findings) == 1 with input as strict
}

test_silent_on_an_index_that_exists if {
	exists := object.union(index, {"scans": false, "builds_index": false})
	count(rule.findings) == 0 with input as fixtures.running([exists])
}

test_silent_on_a_down_migration_and_on_a_moved_one if {
	every is in [{"direction": "down"}, {"status": "renamed"}, {"status": "deleted"}] {
		count(rule.findings) == 0 with input as fixtures.facts([fixtures.migration(is, [index])])
	}
}
