package pmcheck.lib.breaks_test

import data.pmcheck.lib.breaks
import data.pmcheck.lib.fixtures

get := fixtures.query("GetUser", 9, {})

list := fixtures.query("ListUsers", 42, {})

model := fixtures.query("User", 3, {"implied": true, "source": "django", "place": {"path": "app/models.py"}})

unnamed := fixtures.query("store/users.go:12", 12, {})

test_one_group_for_each_difference if {
	table := {"delta": fixtures.delta({"object": "table", "relation": "", "name": "audit"}), "reason": `relation "audit" does not exist`}
	none := {"delta": {"kind": "", "object": "", "name": "", "database": "", "caused_by": []}, "reason": "it is odd"}
	groups := breaks.groups([
		fixtures.broken(list, {}),
		fixtures.broken(get, none),
		fixtures.broken(get, {"reason": "another reason for the same difference"}),
		fixtures.broken(list, table),
		fixtures.broken(model, {}),
		fixtures.broken(model, none),
	])
	{[breaks.about(group), names(group)] | some group in groups} == {
		["column users.legacy_name", ["User", "GetUser", "ListUsers"]],
		["table audit", ["ListUsers"]],
		["it is odd", ["User", "GetUser"]],
	}
	breaks.groups([]) == []
}

test_the_same_name_in_two_databases if {
	count(breaks.groups([
		fixtures.broken(get, {}),
		fixtures.broken(get, {"delta": fixtures.delta({"database": "other"})}),
	])) == 2
}

names(group) := [broken.query.name | some broken in group]

of(queries) := [fixtures.broken(query, {}) | some query in queries]

test_subjects if {
	cases := {
		"GetUser": [get],
		"The model User (django)": [model],
		"A query": [unnamed],
		"A query and one more query at head": [fixtures.query("", 1, {}), get],
		"GetUser and one more query at head": [get, list],
		"GetUser and 2 more queries at head": [get, list, unnamed],
		"The model User (django) and one more query at head": [model, get],
	}
	every want, queries in cases {
		breaks.subject(of(queries), "at head") == want
	}
}

test_an_orm_sends_every_column if {
	breaks.told(of([model])) == `column "legacy_name" does not exist; its ORM sends every column`
	breaks.told(of([model, get])) == `column "legacy_name" does not exist`
	breaks.told(of([get])) == `column "legacy_name" does not exist`
}

test_up_to_three_names if {
	breaks.names(of([get])) == "GetUser"
	breaks.names(of([get, list, get, model])) == "GetUser, ListUsers, model User"
	breaks.names(of([get, list, unnamed, get, model])) == "GetUser, ListUsers, store/users.go:12 and more"
}

test_the_other_places if {
	long := concat("", [letter | some _ in numbers.range(1, 300); letter := "x"])
	related := breaks.related([
		fixtures.broken(get, {}),
		fixtures.broken(list, {}),
		fixtures.broken(unnamed, {}),
		fixtures.broken(object.union(model, {"sql": long}), {"reason": "it is odd"}),
	])
	[at.place.line | some at in related] == [42, 12, 3]
	related[0].text == "ListUsers: SELECT legacy_name FROM users"
	related[1].text == "SELECT legacy_name FROM users"
	related[2].text == sprintf("model User (it is odd): %s...", [substring(long, 0, 197)])
}
