package pmcheck.lib.sql_test

import data.pmcheck.lib.sql

test_identifiers_are_quoted_where_they_must_be if {
	cases := {
		"user_id": "user_id",
		"order": `"order"`,
		"userId": `"userId"`,
		`a"b`: `"a""b"`,
		"größe": `"größe"`,
		"2fa": `"2fa"`,
		"name": "name",
	}
	every identifier, want in cases {
		sql.name(identifier) == want
	}
}

test_the_bare_name_of_a_relation if {
	cases := {
		"orders": "orders",
		"app.orders": "orders",
		`app."Order.Items"`: "Order.Items",
		`"a""b"`: `a"b`,
	}
	every relation, want in cases {
		sql.bare(relation) == want
	}
}

test_a_new_object_stands_beside_its_relation if {
	cases := {
		"orders": "orders_id_seq",
		"app.orders": "app.orders_id_seq",
		`"My App"."Order Items"`: `"My App".orders_id_seq`,
	}
	every relation, want in cases {
		sql.beside(relation, "orders_id_seq") == want
	}
}

test_made_up_names_fit if {
	sql.made_up(["orders", "user", "fkey"]) == "orders_user_fkey"
	count(sql.made_up([concat("", [letter | some _ in numbers.range(1, 70); letter := "x"]), "fkey"])) == 63
}

test_sql_is_indented_on_every_line if {
	sql.code("SELECT %d,\n%d;", [1, 2]) == "  SELECT 1,\n  2;"
	sql.remedy(["Do this:", "", "  SELECT 1;"]) == "Do this:\n  SELECT 1;"
}

test_text_is_quoted if {
	sql.text("it's") == "'it''s'"
}
