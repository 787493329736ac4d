# METADATA
# title: Settings
# description: A rule's options, as the configuration sets them.
# schemas:
#   - input: schema.facts
package pmcheck.lib.settings

# option is what the configuration sets a rule's option to, or else its default,
# the one that the rule's METADATA documents.
option(rule, name, fallback) := object.get(input.settings.rules, [rule, name], fallback)

# small tells that a live database knows the statement's table and that it has no more
# rows and bytes than the rule's options max_rows and max_bytes allow: no scan of it takes long.
# What else the statement works on must be as small, as far as it is known.
small(statement, rule) if {
	is_small(statement.table_stats, rule)
	large := [also | some also in statement.also_locks; also.table_stats; is_long(also); not is_small(also.table_stats, rule)]
	count(large) == 0
}

is_small(stats, rule) if {
	stats.rows <= option(rule, "max_rows", 10000)
	stats.bytes <= option(rule, "max_bytes", 10485760)
}

is_long(lock) if lock.rewrites

is_long(lock) if lock.scans

is_long(lock) if lock.builds_index
