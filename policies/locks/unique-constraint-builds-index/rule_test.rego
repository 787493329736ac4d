package pmcheck.rules["unique-constraint-builds-index_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["unique-constraint-builds-index"] as rule

unique := fixtures.on_orders({
	"kind": "add_constraint", "name": "orders_number_key", "constraint": "UNIQUE", "columns": ["number"],
	"define": "UNIQUE (number)", "scans": true, "builds_index": true,
})

test_a_unique_constraint if {
	some found in rule.findings with input as fixtures.running([unique])
	found.message == concat(" ", [
		"ALTER TABLE orders ADD CONSTRAINT orders_number_key UNIQUE takes an ACCESS EXCLUSIVE lock on orders:",
		"every read and write of orders waits until its index is built",
	])
	contains(found.remedy, "\n  CREATE UNIQUE INDEX CONCURRENTLY orders_number_key ON orders (number);\n")
	contains(found.remedy, "\n  ALTER TABLE orders ADD CONSTRAINT orders_number_key UNIQUE USING INDEX orders_number_key;\n")
}

test_a_primary_key_without_a_name if {
	key := object.union(unique, {"name": "", "constraint": "PRIMARY KEY", "columns": ["id", "day"], "define": ""})
	some found in rule.findings with input as fixtures.running([key])
	contains(found.remedy, "  CREATE UNIQUE INDEX CONCURRENTLY orders_pkey ON orders (id, day);")
	contains(found.remedy, "ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey;")
	contains(found.remedy, "must be made NOT NULL first")
}

test_what_the_index_includes_is_kept if {
	some found in rule.findings with input as fixtures.running([object.union(unique, {"define": "UNIQUE (number) INCLUDE (total)"})])
	contains(found.remedy, "ON orders (number) INCLUDE (total);")
}

test_a_unique_column if {
	column := object.union(unique, {
		"kind": "add_column", "name": "", "column": "number", "columns": [], "type": "text", "define": "UNIQUE",
	})
	some found in rule.findings with input as fixtures.running([column])
	startswith(found.message, "ALTER TABLE orders ADD COLUMN number UNIQUE takes")
	startswith(found.remedy, "Add the column alone:\n  ALTER TABLE orders ADD COLUMN number text;\n")
	contains(found.remedy, "  CREATE UNIQUE INDEX CONCURRENTLY orders_number_key ON orders (number);")
}

test_exclude_has_no_other_way if {
	exclude := object.union(unique, {"constraint": "EXCLUDE"})
	some found in rule.findings with input as fixtures.running([exclude])
	startswith(found.remedy, "PostgreSQL cannot build an exclusion constraint while the table is in use.")
}

test_a_partitioned_table if {
	some found in rule.findings with input as fixtures.running([object.union(unique, {"relation_partitioned": true})])
	contains(found.remedy, "ON ONLY")
	not contains(found.remedy, "USING INDEX")
}

test_silent_when_the_index_is_there if {
	using := object.union(unique, {"using_index": true, "builds_index": false, "scans": false, "lock_timeout": "5s"})
	count(rule.findings) == 0 with input as fixtures.running([using])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(unique, {"on_new_relation": true})])
}

test_silent_on_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(unique, {"table_stats": {"rows": 10000, "bytes": 1}})])
}
