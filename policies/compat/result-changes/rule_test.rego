package pmcheck.rules["result-changes_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["result-changes"] as rule

other(name, line, how) := {
	"query": fixtures.query(name, line, {"sql": "SELECT total / 2 FROM orders"}), "how": how,
	"caused_by": [{"path": "migrations/2.sql", "line": 1}],
}

test_a_whole_number_gets_decimals if {
	every type in ["numeric", "numeric(10,2)", "double precision", "real"] {
		how := sprintf("column total is %s and was integer", [type])
		some found in rule.findings with input as fixtures.returning([other("GetTotal", 3, how)])
		found.message == sprintf("GetTotal returns something else once this migration has run: %s", [how])
		found.subject == how
		contains(found.remedy, "\n  SELECT total::integer\n")
	}
}

test_a_natural_join if {
	how := "NATURAL JOIN of orders and users also joins by region"
	some found in rule.findings with input as fixtures.returning([other("ListOrders", 3, how)])
	startswith(found.remedy, "Write the columns that it joins by")
}

test_one_finding_for_what_changes_alike if {
	how := "column total is numeric and was bigint"
	found := rule.findings with input as fixtures.returning([
		other("B", 2, how), other("A", 1, how), other("C", 3, "column sum is numeric and was bigint"),
	])
	{each.message | some each in found} == {
		"A and one more query of the running release return something else once this migration has run: column total is numeric and was bigint",
		"C returns something else once this migration has run: column sum is numeric and was bigint",
	}
}

test_silent_on_what_means_the_same if {
	every how in [
		"column nickname is added", "column total is bigint and was integer", "column total is integer and was numeric",
		"column name is text and was character varying(20)", "its columns have another order",
	] {
		count(rule.findings) == 0 with input as fixtures.returning([other("GetTotal", 3, how)])
	}
}
