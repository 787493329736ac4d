# METADATA
# title: Differences between the schemas
# description: What the change takes away from the schema, and where the running release's code names it.
# schemas:
#   - input: schema.facts
package pmcheck.lib.deltas

import data.pmcheck.lib.sql

# gone holds every difference after which something no longer has its name.
gone contains delta if {
	some database in input.databases
	some delta in database.delta
	delta.kind in {"removed", "renamed"}
}

# old_name is the name that running code knows.
old_name(delta) := delta.from if {
	delta.kind == "renamed"
} else := delta.name

# named is the object as a sentence names it: "column orders.legacy_name".
named(delta) := sprintf("%s %s.%s", [words(delta), delta.relation, old_name(delta)]) if {
	delta.relation != ""
} else := sprintf("%s %s", [words(delta), old_name(delta)])

words(delta) := replace(delta.object, "_", " ")

# done is what happens to it: "is dropped", "is renamed to full_name".
done(delta) := sprintf("is renamed to %s", [delta.name]) if {
	delta.kind == "renamed"
} else := "is dropped"

# cause is where it happens: of all that the change does to the object, the last. What a
# deleted migration causes stands nowhere; then it is the first migration that the change touches.
cause(delta) := delta.caused_by[count(delta.caused_by) - 1] if {
	count(delta.caused_by) > 0
} else := {"path": touched[0], "line": 1} if {
	touched := [migration.path | some migration in input.migrations; migration.database == delta.database]
}

# is_broken tells that a query of the running release is known to fail for want of it.
is_broken(delta) if key(delta) in broken

broken contains key(found.delta) if some found in input.matrix.old_code_new_schema.breaks

broken contains key(delta) if {
	some found in input.matrix.old_code_new_schema.breaks
	some delta in found.also
}

# key tells one difference from the others. An object that changes in two ways is one.
key(delta) := [
	object.get(delta, "database", ""),
	delta.kind,
	delta.object,
	object.get(delta, "relation", ""),
	delta.name,
]

# uses is where the code of a side, base or head, uses it or names it.
uses(delta, side) := [use |
	some use in all_by_name[[side, sql.bare(side_name(delta, side))]]
	use.object == delta.object
	object.get(use, "relation", "") == object.get(delta, "relation", "")
]

side_name(delta, "base") := old_name(delta)

side_name(delta, "head") := delta.name

# all_by_name is one value, which is made once.
all_by_name := by_name

by_name[[use.side, sql.bare(use.name)]] contains use if some use in input.uses

# relation is a delta's relation as SQL writes it.
relation(name) := name if {
	regex.match(`[".]`, name)
} else := sql.name(name)
