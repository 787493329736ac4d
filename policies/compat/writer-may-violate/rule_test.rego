package pmcheck.rules["writer-may-violate_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["writer-may-violate"] as rule

check := fixtures.on_orders({
	"kind": "add_constraint", "name": "orders_total_check", "constraint": "CHECK", "expression": "total > 0",
})

writer := fixtures.use({
	"object": "table", "relation": "", "name": "orders", "how": "query", "query": "CreateOrder", "writes": true,
	"text": "INSERT INTO orders (total) VALUES ($1)",
})

of_all(statements, uses) := object.union(fixtures.running(statements), {
	"databases": [{"name": "main", "version": "17", "delta": [fixtures.delta({
		"kind": "added", "object": "constraint", "relation": "orders", "name": "orders_total_check",
	})]}],
	"uses": uses,
})

of(is, uses) := of_all([object.union(check, is)], uses)

test_a_writer_of_a_table_that_gets_a_check if {
	some found in rule.findings with input as of({}, [writer])
	found.message == "CreateOrder writes orders, and may violate the new CHECK orders_total_check"
	found.place == check.place
	found.related == [{"place": writer.place, "text": "CreateOrder: INSERT INTO orders (total) VALUES ($1)"}]
	contains(found.remedy, "\n  SELECT count(*) FROM orders WHERE NOT (total > 0);\n")
}

test_a_foreign_key if {
	key := {"constraint": "FOREIGN KEY", "name": "", "expression": "", "columns": ["user"], "references": "app.users", "ref_columns": ["id"]}
	some found in rule.findings with input as of(key, [writer])
	endswith(found.message, "may violate the new FOREIGN KEY")
	contains(found.remedy, concat(" ", [
		`SELECT count(*) FROM orders AS w WHERE w."user" IS NOT NULL`,
		`AND NOT EXISTS (SELECT FROM app.users AS r WHERE r.id = w."user");`,
	]))
}

test_unique if {
	constraint := {"constraint": "UNIQUE", "name": "orders_key", "expression": "", "columns": ["shop", "number"]}
	some found in rule.findings with input as of(constraint, [writer])
	contains(found.remedy, concat(" ", [
		"SELECT shop, number, count(*) FROM orders WHERE (shop, number) IS NOT NULL",
		"GROUP BY shop, number HAVING count(*) > 1 LIMIT 10;",
	]))

	index := {"kind": "create_index", "constraint": "", "name": "orders_idx", "unique": true, "columns": ["number"]}
	some unique in rule.findings with input as of(index, [writer])
	endswith(unique.message, "may violate the new unique index orders_idx")
	startswith(unique.remedy, "See that what these queries write")
}

test_several_writers_each_once if {
	update := object.union(writer, {"query": "SetTotal", "place": {"path": "web/form.ts", "line": 30}, "text": "UPDATE orders SET total = $1"})
	column := object.union(writer, {"object": "column", "relation": "orders", "name": "total"})
	some found in rule.findings with input as of({}, [update, writer, column])
	found.message == "CreateOrder and one more query of the running release write orders, and may violate the new CHECK orders_total_check"
}

test_silent_without_a_writer if {
	every is in [{"writes": false}, {"side": "head"}, {"name": "users"}, {"object": "function"}] {
		count(rule.findings) == 0 with input as of({}, [object.union(writer, is)])
	}
	count(rule.findings) == 0 with input as of({}, [])
}

test_silent_on_a_new_table if {
	count(rule.findings) == 0 with input as of({"on_new_relation": true}, [writer])
}

test_silent_on_what_restricts_nothing_new if {
	every is in [
		{"kind": "create_index", "unique": false}, {"kind": "validate_constraint"},
		{"constraint": "UNIQUE", "using_index": true}, {"constraint": "NOT NULL"},
	] {
		count(rule.findings) == 0 with input as of(is, [writer])
	}
}

test_silent_on_a_new_column if {
	column := fixtures.on_orders({"kind": "add_column", "column": "total"})
	count(rule.findings) == 0 with input as of_all([column, check], [writer])

	key := object.union(check, {"constraint": "UNIQUE", "expression": "", "columns": ["shop", "total"]})
	count(rule.findings) == 0 with input as of_all([column, key], [writer])

	other := fixtures.on_orders({"kind": "add_column", "column": "tot"})
	count(rule.findings) == 1 with input as of_all([other, check], [writer])
}

test_silent_on_what_was_there_before_or_is_gone_after if {
	none := object.union(of({}, [writer]), {"databases": [{"delta": []}]})
	count(rule.findings) == 0 with input as none
}
