# METADATA
# title: Queries that break
# description: |
#   How findings put together and name the queries that fail on one of the schemas, or that return something else. All that is asked
#   of them here is a member query, as the breaks of the deploy matrix have it.
package pmcheck.lib.breaks

import data.pmcheck.lib.deltas
import data.pmcheck.lib.finding as findings

# groups are the breaks of a cell: for every difference between the schemas what it
# breaks, sorted by place. What no difference is behind goes by its reason.
groups(breaks) := grouped({[behind(broken), broken] | some broken in breaks})

behind(broken) := deltas.key(broken.delta) if {
	broken.delta.kind != ""
} else := [broken.reason]

# grouped are the lists of what has an equal key in a set of [key, item], each sorted by place.
grouped(keyed) := [[row[2] | some row in array.slice(rows, start, ends[n])] |
	rows := sort({[key, position(item), item] | some [key, item] in keyed})
	starts := [i | some i, row in rows; begins(rows, i)]
	ends := array.concat(array.slice(starts, 1, count(starts)), [count(rows)])
	some n, start in starts
]

begins(_, 0)

begins(rows, i) if rows[i][0] != rows[i - 1][0]

# by_place are the items of a set or list, sorted by where their queries stand.
by_place(items) := [row[1] | some row in sort({[position(item), item] | some item in items})]

position(item) := [place.path, place.line, object.get(place, "column", 0)] if place := item.query.place

# finding is a finding about a group: it stands where the first query stands, and has the others beside it.
finding(group, message, remedy) := findings.also(
	findings.because(
		findings.about(findings.advised(findings.at(group[0].query.place, message), remedy), about(group)),
		group[0].caused_by,
	),
	related(group),
)

# causes are the places that cause what some queries meet, each once.
causes(items) := [place | some place in {place | some item in items; some place in item.caused_by}]

# about is what a group is about, for a fingerprint.
about(group) := deltas.named(group[0].delta) if {
	group[0].delta.kind != ""
} else := group[0].reason

# subject begins a sentence about queries: "GetUser", "GetUser and 3 more queries of the running release".
subject(items, whose) := named(items[0].query) if {
	count(items) == 1
} else := sprintf("%s and one more query %s", [named(items[0].query), whose]) if {
	count(items) == 2
} else := sprintf("%s and %d more queries %s", [named(items[0].query), count(items) - 1, whose])

# verb is the one of two words that fits the number of queries: "fails", "fail".
verb(items, one, many) := one if {
	count(items) == 1
} else := many

# also are the other differences on which a group of queries would fail next, without those that have a finding of their own.
also(group) := [row[1] | some row in sort({[deltas.named(delta), delta] |
	some broken in group
	some delta in broken.also
	not deltas.key(delta) in decisive
})]

decisive contains deltas.key(broken.delta) if {
	some cell in ["old_code_new_schema", "new_code_new_schema"]
	some broken in input.matrix[cell].breaks
}

# then tells on what else they fail: "; after that it fails on column users.name".
then(group) := "" if {
	count(also(group)) == 0
} else := sprintf("; after that %s on %s", [verb(group, "it fails", "they fail"), some_of([deltas.named(delta) | some delta in also(group)])])

some_of(names) := concat(", ", names) if {
	count(names) <= 3
} else := sprintf("%s and %d more", [concat(", ", array.slice(names, 0, 2)), count(names) - 2])

# told is why the first of a group fails.
told(group) := sprintf("%s; its ORM sends every column", [group[0].reason]) if {
	group[0].query.implied
	count(group) == 1
} else := sprintf("%s (the live database was sent it %d times%s)", [group[0].reason, group[0].query.calls, senders(group[0].query)]) if {
	group[0].query.calls > 1
} else := group[0].reason

senders(query) := sprintf(", by %s", [concat(", ", array.slice(query.users, 0, 3))]) if {
	count(query.users) > 0
} else := ""

# named is a query at the beginning of a sentence.
named(query) := sprintf("The model %s (%s)", [query.name, query.source]) if {
	query.implied
} else := "A query" if {
	is_unnamed(query)
} else := query.name

# A query without a name goes by its place.
is_unnamed(query) if startswith(query.name, sprintf("%s:", [query.place.path]))

is_unnamed(query) if query.name == ""

# names lists up to three queries: "GetUser, ListUsers and more".
names(items) := concat("", [concat(", ", listed), ending(items, listed)]) if {
	first := [short(item.query) | some item in array.slice(items, 0, 50)]
	listed := array.slice([name | some i, name in first; not name in array.slice(first, 0, i)], 0, 3)
}

ending(items, listed) := " and more" if {
	some item in items
	not short(item.query) in listed
} else := ""

short(query) := sprintf("model %s", [query.name]) if {
	query.implied
} else := query.name

# related are the places of all but the first, each with its query.
related(items) := array.slice(places(items), 1, count(items))

# places are the places of queries, each with its query, and the reason why it fails where the first one's is another.
places(items) := [{"place": item.query.place, "text": text(items, item)} | some item in items]

text(items, item) := sprintf("%s (%s): %s", [short(item.query), item.reason, sql(item.query)]) if {
	item.reason != items[0].reason
} else := sql(item.query) if {
	is_unnamed(item.query)
} else := sprintf("%s: %s", [short(item.query), sql(item.query)])

sql(query) := query.sql if {
	count(query.sql) <= 200
} else := sprintf("%s...", [substring(query.sql, 0, 197)])
