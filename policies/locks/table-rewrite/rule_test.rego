package pmcheck.rules["table-rewrite_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["table-rewrite"] as rule

token(defined) := fixtures.on_orders({
	"kind": "add_column", "column": "token", "type": "uuid", "rewrites": true, "scans": true, "has_default": true,
	"defines": [object.union(
		{"name": "token", "type": "uuid", "serial": false, "not_null": false, "primary_key": false},
		defined,
	)],
})

volatile := object.union(token({"default": "gen_random_uuid()"}), {"why": "the default is volatile"})

wider := fixtures.on_orders({
	"kind": "alter_column_type", "column": "total", "from_type": "integer", "type": "bigint",
	"rewrites": true, "scans": true, "builds_index": true,
})

test_a_volatile_default_rewrites if {
	some found in rule.findings with input as fixtures.running([volatile])
	found.message == concat(" ", [
		"ALTER TABLE orders ADD COLUMN token writes the whole table again under an ACCESS EXCLUSIVE lock on orders:",
		"every read and write of orders waits until it is done (the default is volatile)",
	])
	contains(found.remedy, concat("\n", [
		"  SET lock_timeout = '5s';",
		"  ALTER TABLE orders ADD COLUMN token uuid;",
		"  ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();",
	]))
	contains(found.remedy, concat("", [
		"  UPDATE orders SET token = DEFAULT",
		" WHERE ctid = ANY (ARRAY(SELECT ctid FROM orders WHERE token IS NULL LIMIT 1000));",
	]))
	not contains(found.remedy, "NOT NULL")
}

test_what_the_column_must_be_comes_last if {
	required := object.union(volatile, {"not_null": true, "constraint": "UNIQUE", "builds_index": true, "in_transaction": true})
	some found in rule.findings with input as fixtures.running([required])
	contains(found.remedy, "  SET LOCAL lock_timeout = '5s';")
	contains(found.remedy, "  ALTER TABLE orders ADD CONSTRAINT orders_token_not_null CHECK (token IS NOT NULL) NOT VALID;")
	endswith(found.remedy, "make it unique, from an index that is built CONCURRENTLY.")
}

test_a_serial_column_gets_its_sequence_afterwards if {
	serial := object.union(token({"serial": true}), {"relation": "app.orders", "type": "bigint"})
	some found in rule.findings with input as fixtures.running([serial])
	contains(found.remedy, concat("\n", [
		"  ALTER TABLE app.orders ADD COLUMN token bigint;",
		"  CREATE SEQUENCE app.orders_token_seq OWNED BY app.orders.token;",
		"  ALTER TABLE app.orders ALTER COLUMN token SET DEFAULT nextval('app.orders_token_seq');",
	]))
}

test_an_identity_column_is_numbered_too if {
	some found in rule.findings with input as fixtures.running([token({"identity": "always"})])
	contains(found.remedy, "CREATE SEQUENCE orders_token_seq")
}

test_a_stored_generated_column if {
	some found in rule.findings with input as fixtures.running([token({"generated": "price * 2"})])
	contains(found.remedy, "  UPDATE orders SET token = (price * 2) WHERE")
}

test_a_type_change_becomes_a_new_column if {
	some found in rule.findings with input as fixtures.running([wider])
	startswith(found.message, "ALTER TABLE orders ALTER COLUMN total TYPE bigint writes the whole table again")
	contains(found.remedy, "  ALTER TABLE orders ADD COLUMN total_new bigint;")
	contains(found.remedy, "SET total_new = total::bigint WHERE")
	contains(found.remedy, "WHERE total_new IS NULL AND total IS NOT NULL LIMIT 1000")
}

test_batches_of_a_partitioned_table_name_the_partition if {
	some found in rule.findings with input as fixtures.running([object.union(wider, {"relation_partitioned": true})])
	contains(found.remedy, "WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM orders WHERE total_new IS NULL")
}

test_values_are_not_cut if {
	shorter := object.union(wider, {"type": "character varying(10)"})
	some found in rule.findings with input as fixtures.running([shorter])
	contains(found.remedy, "SET total_new = total WHERE")
}

test_the_using_expression_fills_the_new_column if {
	some found in rule.findings with input as fixtures.running([object.union(wider, {"using": "round(total)"})])
	contains(found.remedy, "SET total_new = round(total) WHERE")
}

test_a_type_change_that_only_rebuilds_an_index if {
	some found in rule.findings with input as fixtures.running([object.union(wider, {"rewrites": false, "scans": false})])
	contains(found.message, "builds the column's indexes again under an ACCESS EXCLUSIVE lock on orders")
}

test_other_rewrites_have_a_general_remedy if {
	every kind in ["set_logged", "set_unlogged", "set_tablespace", "set_access_method"] {
		some found in rule.findings with input as fixtures.running([fixtures.on_orders({"kind": kind, "rewrites": true})])
		startswith(found.remedy, "Copy the rows in batches")
	}
}

test_the_table_that_is_rewritten_is_named if {
	parent := fixtures.on_orders({
		"kind": "alter_column_type", "column": "total", "type": "bigint", "relation_partitioned": true,
		"also_locks": [fixtures.also({"relation": "orders_2026", "lock": "ACCESS EXCLUSIVE", "blocks": ["reads", "writes", "ddl"], "rewrites": true})],
	})
	some found in rule.findings with input as fixtures.running([parent])
	contains(found.message, "lock on orders_2026")
}

test_silent_on_a_constant_default if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(volatile, {"rewrites": false, "scans": false})])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(volatile, {"on_new_relation": true})])
}

test_silent_on_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(wider, {"table_stats": {"rows": 9, "bytes": 8192}})])
}
