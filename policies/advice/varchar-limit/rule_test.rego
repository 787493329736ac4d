package pmcheck.rules["varchar-limit_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["varchar-limit"] as rule

of(type) := fixtures.running([fixtures.on_orders({
	"kind": "add_column", "column": "note",
	"defines": [{"name": "note", "type": type, "place": {"path": "migrations/2.sql", "line": 1}}],
})])

test_a_limit if {
	every type in ["character varying(40)", "varchar(40)"] {
		some found in rule.findings with input as of(type)
		found.message == "orders.note holds no more than 40 characters: a longer value fails"
		endswith(found.remedy, ": note text CHECK (length(note) <= 40)")
	}
}

test_silent_without_a_limit if {
	every type in ["text", "character varying", "character(2)", "numeric(10,2)"] {
		count(rule.findings) == 0 with input as of(type)
	}
}
