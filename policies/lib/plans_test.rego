package pmcheck.lib.plans_test

import data.pmcheck.lib.fixtures
import data.pmcheck.lib.plans

# sql is the SQL of a plan: its indented lines.
sql(plan) := [trim_space(line) | some line in split(plan, "\n"); startswith(line, "  ")]

plan(is) := text if {
	text := plans.of(fixtures.delta(is)) with input as fixtures.facts([])
}

test_a_dropped_column if {
	text := plan({"relation": "app.users"})
	text == concat("\n", [
		"1. Deploy code that no longer uses column app.users.legacy_name.",
		"2. Contract, when that code runs everywhere, in a later pull request:",
		"  ALTER TABLE app.users DROP COLUMN legacy_name;",
	])
}

test_columns_that_go_together if {
	group := [fixtures.broken(fixtures.query("User", 1, {}), {})]
	text := plans.for(group, [fixtures.delta({"name": "nick"}), fixtures.delta({"name": "Name"})]) with input as fixtures.facts([])
	startswith(text, `1. Deploy code that no longer uses column users.legacy_name, nick, "Name".`)
	sql(text) == [`ALTER TABLE users DROP COLUMN legacy_name, DROP COLUMN nick, DROP COLUMN "Name";`]
}

test_what_else_goes if {
	group := [fixtures.broken(fixtures.query("User", 1, {}), {})]
	text := plans.for(group, [fixtures.delta({"relation": "orders", "name": "nick"})]) with input as fixtures.facts([])
	endswith(text, "\nGo the same way with column orders.nick.")
}

test_a_table_that_is_made_anew if {
	document := fixtures.running([
		fixtures.statement({"kind": "drop_table", "relation": "app.totals"}),
		fixtures.statement({"kind": "create_table", "relation": "app.totals"}),
	])
	text := plans.of(fixtures.delta({"object": "constraint", "relation": "app.totals", "name": "totals_pkey"})) with input as document
	startswith(text, "1. Expand: leave table app.totals as it is, and create the new one beside it, as app.totals_new.")
	sql(text) == ["DROP TABLE app.totals;"]
}

test_a_dropped_column_of_a_rails_model if {
	broken := fixtures.broken(
		fixtures.query("User", 1, {"source": "rails", "implied": true}),
		{"delta": fixtures.delta({"relation": "users", "name": "nickname"})},
	)
	text := plans.for([broken], []) with input as fixtures.facts([])
	startswith(text, "1. Deploy code whose model User ignores it")
	sql(text) == [`self.ignored_columns += ["nickname"]`, "ALTER TABLE users DROP COLUMN nickname;"]
}

test_a_renamed_column if {
	text := plan({"kind": "renamed", "from": "order", "to": "position", "name": "position", "type": "integer"})
	text == concat("\n", [
		"1. Expand: instead of the rename, add the new column:",
		"  ALTER TABLE users ADD COLUMN position integer;",
		`2. Deploy code that writes both "order" and position, and still reads "order".`,
		"3. Backfill in batches, outside of the migration, until no row is updated:",
		concat(" ", [
			`  UPDATE users SET position = "order" WHERE ctid = ANY`,
			`(ARRAY(SELECT ctid FROM users WHERE position IS DISTINCT FROM "order" LIMIT 1000));`,
		]),
		"4. Switch: deploy code that reads and writes position alone.",
		"5. Contract, when that code runs everywhere, in a later pull request:",
		`  ALTER TABLE users DROP COLUMN "order";`,
	])
}

test_a_renamed_column_that_is_required if {
	text := plan({"kind": "renamed", "from": "nick", "to": "name", "name": "name", "type": "text", "not_null": true})
	array.slice(sql(text), 2, 5) == [
		"ALTER TABLE users ALTER COLUMN nick DROP NOT NULL;",
		"ALTER TABLE users ADD CONSTRAINT users_name_not_null CHECK (name IS NOT NULL) NOT VALID;",
		"ALTER TABLE users VALIDATE CONSTRAINT users_name_not_null;",
	]
}

test_a_changed_type if {
	sql(plan({"kind": "changed", "attribute": "type", "name": "total", "from": "integer", "to": "numeric(10,2)"})) == [
		"ALTER TABLE users ADD COLUMN total_new numeric(10,2);",
		concat(" ", [
			"UPDATE users SET total_new = total::numeric(10,2) WHERE ctid = ANY",
			"(ARRAY(SELECT ctid FROM users WHERE total_new IS NULL AND total IS NOT NULL LIMIT 1000));",
		]),
		"ALTER TABLE users DROP COLUMN total;",
	]
}

test_a_required_column if {
	text := plan({"kind": "added", "name": "region", "required": true, "type": "text"})
	array.slice(sql(text), 0, 3) == [
		"ALTER TABLE users ADD COLUMN region text;",
		"UPDATE users SET region = $1 WHERE ctid = ANY (ARRAY(SELECT ctid FROM users WHERE region IS NULL LIMIT 1000));",
		"ALTER TABLE users ADD CONSTRAINT users_region_not_null CHECK (region IS NOT NULL) NOT VALID;",
	]
	sql(plan({"kind": "changed", "attribute": "not_null", "name": "region", "required": true}))[0] == "ALTER TABLE users ALTER COLUMN region DROP NOT NULL;"
}

test_a_default_that_is_given_and_taken_away if {
	at := {"path": "migrations/2.sql", "line": 3}
	document := fixtures.running([fixtures.statement({"kind": "drop_default", "relation": "users", "column": "region", "place": at})])
	text := plans.of(fixtures.delta({"kind": "added", "name": "region", "required": true, "caused_by": [at]})) with input as document
	startswith(text, "1. Expand: leave out the DROP DEFAULT of line 3 for now.")
	sql(text) == ["ALTER TABLE users ALTER COLUMN region DROP DEFAULT;"]
}

test_a_default_that_is_dropped if {
	is := {"kind": "changed", "relation": "Users", "name": "region", "required": true, "attribute": "default", "from": "'eu'::text"}
	sql(plan(is)) == [
		`ALTER TABLE "Users" ALTER COLUMN region SET DEFAULT 'eu'::text;`,
		`ALTER TABLE "Users" ALTER COLUMN region DROP DEFAULT;`,
	]
}

test_a_renamed_table_keeps_a_view if {
	renamed := {"kind": "renamed", "object": "table", "relation": "", "name": "app.customers", "from": "users", "to": "customers"}
	sql(plan(renamed)) == ["CREATE VIEW app.users AS SELECT * FROM app.customers;", "DROP VIEW app.users;"]
}

test_a_table_that_is_moved_keeps_a_view_where_it_was if {
	moved := {"kind": "renamed", "object": "table", "relation": "", "name": "crm.users", "from": "public.users", "to": "crm.users"}
	sql(plan(moved)) == ["CREATE VIEW public.users AS SELECT * FROM crm.users;", "DROP VIEW public.users;"]
}

test_what_an_on_conflict_stands_on if {
	index := {"object": "index", "relation": "app.users", "name": "users_email_idx"}
	text := plan(index)
	startswith(text, "1. Expand: keep index app.users.users_email_idx, and make the new unique index or constraint beside it.")
	sql(text) == ["DROP INDEX CONCURRENTLY app.users_email_idx;"]

	constraint := {"kind": "renamed", "object": "constraint", "name": "users_key", "from": "users_email_key", "to": "users_key"}
	sql(plan(constraint)) == ["ALTER TABLE users DROP CONSTRAINT users_email_key;"]
}

test_a_function if {
	removed := {"object": "function", "relation": "", "name": "app.area", "from": "area(integer, text)"}
	sql(plan(removed)) == ["DROP FUNCTION app.area(integer, text);"]
	changed := {"kind": "changed", "object": "function", "relation": "", "name": "area", "attribute": "return_type"}
	startswith(plan(changed), "1. Expand: keep function area as it is, and make the new one beside it")
}

test_a_dropped_table if {
	sql(plan({"object": "table", "relation": "", "name": "Audit"})) == [`DROP TABLE "Audit";`]
}

test_a_column_of_a_view if {
	view := fixtures.statement({"kind": "create_view", "object": "view", "relation": "active_users"})
	text := plans.of(fixtures.delta({"relation": "active_users"})) with input as fixtures.running([view])
	startswith(text, "1. Expand: keep the column legacy_name in the view active_users")
	sql(text) == []
}

test_views_and_others if {
	startswith(plan({"object": "view", "relation": "", "name": "totals"}), "1. Deploy code that no longer uses view totals.")
	startswith(plan({"kind": "changed", "object": "view", "relation": "", "name": "totals"}), "1. Expand: make the new view under another name")
	startswith(plan({"kind": "changed", "attribute": "generated"}), "1. Deploy code that works before and after column users.legacy_name changes.")
	startswith(plan({"kind": "added"}), "1. Deploy code that works with and without it")
}

test_enum_values if {
	renamed := {"kind": "renamed", "object": "enum_value", "relation": "status", "name": "cancelled", "from": "canceled"}
	sql(plan(renamed)) == ["ALTER TYPE status ADD VALUE 'cancelled';"]
	startswith(plan({"object": "enum_value", "relation": "status", "name": "void"}), "Leave the value in the type")
}

test_no_difference_is_behind_it if {
	startswith(plans.for([{"delta": {"kind": "", "object": "", "name": ""}}], []), "Expand first")
	startswith(plans.for([fixtures.broken({}, {})], []), "1. Deploy code")
}
