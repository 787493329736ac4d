package pmcheck.lib.statements_test

import data.pmcheck.lib.fixtures
import data.pmcheck.lib.statements

test_statements_are_named_as_sql_names_them if {
	cases := {
		"ALTER TABLE orders ADD COLUMN note": {"kind": "add_column", "column": "note"},
		"ALTER TABLE orders ALTER COLUMN \"order\" TYPE bigint": {"kind": "alter_column_type", "column": "order", "type": "bigint"},
		"ALTER TABLE orders ALTER COLUMN note DROP NOT NULL": {"kind": "drop_not_null", "column": "note"},
		"ALTER TABLE orders ALTER COLUMN id ADD GENERATED AS IDENTITY": {"kind": "add_identity", "column": "id"},
		"ALTER TABLE orders RENAME COLUMN note TO remark": {"kind": "rename_column", "column": "note", "to": "remark"},
		"ALTER TABLE orders RENAME TO purchases": {"kind": "rename_table", "to": "purchases"},
		"ALTER TABLE orders ADD CHECK": {"kind": "add_constraint", "constraint": "CHECK", "name": ""},
		"ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY": {"kind": "add_constraint", "constraint": "FOREIGN KEY", "name": "c"},
		"ALTER TABLE orders ENABLE ROW LEVEL SECURITY": {"kind": "enable_row_level_security"},
		"ALTER TABLE orders SET LOGGED": {"kind": "set_logged", "object": "partitioned table"},
		"CREATE TRIGGER t ON orders": {"kind": "create_trigger", "name": "t"},
		"DROP INDEX CONCURRENTLY i": {"kind": "drop_index", "object": "index", "name": "i", "concurrently": true},
		"DROP TABLE orders": {"kind": "drop_table"},
		"INSERT INTO orders": {"kind": "insert"},
		"REINDEX orders": {"kind": "reindex"},
	}
	every words, is in cases {
		statements.in_words(fixtures.on_orders(is)) == words
	}
	statements.in_words(fixtures.statement({"kind": "vacuum_full"})) == "VACUUM FULL"
}

test_only_what_a_deploy_runs_is_judged if {
	statement := fixtures.on_orders({"kind": "drop_table"})
	count(statements.forward) == 1 with input as fixtures.running([statement])
	every is in [{"direction": "down"}, {"status": "renamed"}, {"status": "deleted"}, {"status": "edited"}] {
		count(statements.forward) == 0 with input as fixtures.facts([fixtures.migration(is, [statement])])
	}
	every is in [{"direction": "repeatable"}, {"direction": "repeatable", "status": "edited"}] {
		count(statements.forward) == 1 with input as fixtures.facts([fixtures.migration(is, [statement])])
	}
}

test_the_server_that_a_migration_runs_on if {
	document := fixtures.running([])
	statements.server(document.migrations[0]) == 17 with input as document
	statements.server({"database": "other"}) == 0 with input as document
}
