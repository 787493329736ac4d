package pmcheck.rules["down-does-not-reverse_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["down-does-not-reverse"] as rule

of(is) := fixtures.facts([fixtures.migration(is, [])])

test_something_stays if {
	some found in rule.findings with input as of({"down_differs": ["column orders.note is added"]})
	endswith(found.message, "is not what it was before: column orders.note is added")
}

test_a_long_list_is_cut if {
	many := [sprintf("column orders.c%d is added", [i]) | some i in numbers.range(1, 9)]
	some found in rule.findings with input as of({"down_differs": many})
	contains(found.message, "column orders.c5 is added; and 4 more")
	not contains(found.message, "orders.c6")
}

test_silent_when_all_is_put_back if {
	every is in [{}, {"down_differs": []}] {
		count(rule.findings) == 0 with input as of(is)
	}
}
