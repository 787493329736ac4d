package pmcheck.rules["validates-under-lock_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["validates-under-lock"] as rule

not_null := fixtures.on_orders({"kind": "set_not_null", "column": "user_id", "scans": true})

check := fixtures.on_orders({
	"kind": "add_constraint", "name": "orders_total_check", "constraint": "CHECK", "columns": ["total"],
	"define": "CHECK ((total > 0))", "scans": true,
})

foreign_key := fixtures.on_orders({
	"kind": "add_constraint", "name": "", "constraint": "FOREIGN KEY", "columns": ["user_id"], "references": "users",
	"define": "FOREIGN KEY (user_id) REFERENCES users(id)", "lock": "SHARE ROW EXCLUSIVE", "blocks": ["writes", "ddl"],
	"scans": true, "also_locks": [fixtures.also({})],
})

validate(held) := fixtures.statement({
	"kind": "validate_constraint", "relation": "orders", "name": "orders_total_check", "in_transaction": true,
	"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "scans": true, "held_locks": held,
})

on_version(version, statement) := object.union(fixtures.running([statement]), {"databases": [{"name": "main", "version": version}]})

test_set_not_null if {
	some found in rule.findings with input as fixtures.running([not_null])
	found.message == concat(" ", [
		"ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL takes an ACCESS EXCLUSIVE lock on orders:",
		"every read and write of orders waits while the whole table is searched for a NULL in user_id",
	])
	contains(found.remedy, concat("\n", [
		"  ALTER TABLE orders ADD CONSTRAINT orders_user_id_not_null CHECK (user_id IS NOT NULL) NOT VALID;",
		"Then, in a later migration (nobody waits for this scan):",
		"  ALTER TABLE orders VALIDATE CONSTRAINT orders_user_id_not_null;",
		"  ALTER TABLE orders ALTER COLUMN user_id SET NOT NULL;",
		"  ALTER TABLE orders DROP CONSTRAINT orders_user_id_not_null;",
	]))
	not contains(found.remedy, "PostgreSQL 18")
}

test_set_not_null_on_18_has_a_shorter_way if {
	some found in rule.findings with input as on_version("18", not_null)
	contains(found.remedy, "\nPostgreSQL 18 has a shorter way: ADD CONSTRAINT orders_user_id_not_null NOT NULL user_id NOT VALID,")
}

test_names_are_quoted_and_cut if {
	odd := object.union(not_null, {"relation": `app."Order Items"`, "column": "user"})
	some found in rule.findings with input as fixtures.running([odd])
	contains(found.remedy, `  ALTER TABLE app."Order Items" ADD CONSTRAINT "Order Items_user_not_null" CHECK ("user" IS NOT NULL) NOT VALID;`)
}

test_a_check if {
	some found in rule.findings with input as fixtures.running([check])
	contains(found.message, "every read and write of orders waits while every row is checked")
	contains(found.remedy, concat("\n", [
		"  ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK ((total > 0)) NOT VALID;",
		"Then, in a later migration (nobody waits for this scan):",
		"  ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check;",
	]))
}

test_a_foreign_key_locks_two_tables if {
	some found in rule.findings with input as fixtures.running([foreign_key])
	found.message == concat(" ", [
		"ALTER TABLE orders ADD FOREIGN KEY",
		"takes a SHARE ROW EXCLUSIVE lock on orders and users: every INSERT, UPDATE and DELETE on orders and users waits",
		"while every row of orders is looked up in users",
	])
	contains(found.remedy, "ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) NOT VALID;")
}

test_a_foreign_key_on_a_partitioned_table if {
	partitioned := object.union(foreign_key, {"relation_partitioned": true})
	some found in rule.findings with input as fixtures.running([partitioned])
	startswith(found.remedy, "PostgreSQL refuses a foreign key with NOT VALID on a partitioned table before version 18.")
	some later in rule.findings with input as on_version("18", partitioned)
	contains(later.remedy, "NOT VALID;")
}

test_a_column_with_a_check if {
	column := fixtures.on_orders({
		"kind": "add_column", "column": "total", "type": "integer", "scans": true, "constraint": "CHECK",
		"define": "CHECK ((total > 0))", "defines": [{"name": "total", "type": "integer", "serial": false}],
	})
	some found in rule.findings with input as fixtures.running([column])
	contains(found.remedy, concat("\n", [
		"  ALTER TABLE orders ADD COLUMN total integer;",
		"  ALTER TABLE orders ADD CONSTRAINT orders_total_check CHECK ((total > 0)) NOT VALID;",
	]))
}

test_a_required_column_without_a_default_fails if {
	column := fixtures.on_orders({
		"kind": "add_column", "column": "region", "type": "text", "scans": true, "not_null": true,
		"defines": [{"name": "region", "type": "text", "serial": false, "not_null": true}],
	})
	some found in rule.findings with input as fixtures.running([column])
	found.message == "ALTER TABLE orders ADD COLUMN region fails if orders holds a single row: the new column would be NULL in it"
	contains(found.remedy, "  ALTER TABLE orders ADD COLUMN region text;")
}

test_a_not_null_constraint_of_18 if {
	some found in rule.findings with input as fixtures.running([object.union(check, {"constraint": "NOT NULL", "define": "NOT NULL total"})])
	startswith(found.remedy, "Add it with NOT VALID at its end")
}

test_a_primary_key_on_columns_that_may_be_null if {
	key := object.union(check, {"constraint": "PRIMARY KEY", "using_index": true, "define": ""})
	some found in rule.findings with input as fixtures.running([key])
	startswith(found.remedy, "Make the columns NOT NULL first")
}

test_validate_in_the_transaction_that_holds_the_lock if {
	held := [{"relation": "orders", "lock": "SHARE ROW EXCLUSIVE", "blocks": ["writes", "ddl"], "line": 3}]
	some found in rule.findings with input as fixtures.running([validate(held)])
	found.message == concat(" ", [
		"ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check reads the whole table while this transaction still holds",
		"a SHARE ROW EXCLUSIVE lock from line 3: every INSERT, UPDATE and DELETE on orders waits until it is done",
	])
	endswith(found.remedy, "\n  ALTER TABLE orders VALIDATE CONSTRAINT orders_total_check;")
}

test_a_domain_reads_every_table_that_uses_it if {
	domain := fixtures.statement({
		"kind": "alter_domain", "relation": "email", "object": "domain",
		"also_locks": [fixtures.also({"lock": "SHARE", "scans": true})],
	})
	some found in rule.findings with input as fixtures.running([domain])
	startswith(found.message, "ALTER DOMAIN email takes a SHARE lock on users:")
	startswith(found.remedy, "Put the CHECK on each table")
}

test_all_pending_migrations_in_one_transaction if {
	migration := fixtures.migration({"transaction": "all", "layout": "drizzle"}, [check])
	some found in rule.findings with input as fixtures.facts([migration])
	contains(found.remedy, "Then, in a later deploy (all pending migrations share one transaction)")
}

test_silent_on_the_safe_steps if {
	not_valid := object.union(check, {"scans": false, "not_valid": true, "lock_timeout": "5s"})
	proved := object.union(not_null, {"scans": false})
	count(rule.findings) == 0 with input as fixtures.running([not_valid, validate([]), proved])
}

test_silent_on_a_new_table if {
	new := object.union(check, {"on_new_relation": true})
	count(rule.findings) == 0 with input as fixtures.running([new])
}

# It has no rows whose keys could be looked up in the old table.
test_silent_on_a_new_tables_foreign_key if {
	new := object.union(foreign_key, {"on_new_relation": true, "also_locks": [fixtures.also({"scans": true})]})
	count(rule.findings) == 0 with input as fixtures.running([new])
}

test_silent_on_a_table_that_the_migration_empties_first if {
	truncate := fixtures.on_orders({"kind": "truncate", "index": 1, "lock_timeout": "5s"})
	after := object.union(not_null, {"index": 2, "lock_timeout": "5s"})
	count(rule.findings) == 0 with input as fixtures.running([truncate, after])

	before := object.union(not_null, {"index": 0})
	count(rule.findings) == 1 with input as fixtures.running([before, truncate])

	other := object.union(after, {"relation": "items"})
	count(rule.findings) == 1 with input as fixtures.running([truncate, other])
}

test_silent_on_a_table_known_to_be_small if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(not_null, {"table_stats": {"rows": 0, "bytes": 0}})])
}
