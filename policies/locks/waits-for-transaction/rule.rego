# METADATA
# title: An open transaction stands in the way
# description: |
#   Before a deploy that was given the live database's URL: a transaction that is open there holds a lock that the migration must wait
#   for. While it waits, every later query on the table waits behind it. Building or dropping an index CONCURRENTLY makes nobody wait, but does not end before every
#   older transaction has. Transactions younger than max_seconds are left alone.
# custom:
#   severity: warning
#   remedy: Let the transaction end before the deploy, and limit the migration's wait with lock_timeout.
#   on: [live]
#   since: "0.1"
#   options:
#     max_seconds: 60
#   sources:
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#     - PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently
# schemas:
#   - input: schema.facts
package pmcheck.rules["waits-for-transaction"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.settings
import data.pmcheck.lib.sql
import data.pmcheck.lib.statements

# One finding for each transaction: at the first statement that must wait for it.
findings contains finding.about(finding.on(statement, text, remedy(open)), subject(open)) if {
	some open in old
	first := min({index | some index, [_, each] in statements.forward; count(meets(each, open)) > 0})
	[_, statement] := statements.forward[first]
	held := meets(statement, open)[0]
	text := sprintf("%s must wait: %s and holds %s %s lock on %s. Meanwhile %s waits behind it%s", [
		statements.in_words(statement),
		is_open(open),
		locks.article(held.lock),
		held.lock,
		held.relation,
		locks.who_waits(held.wanted, held.relation),
		limit(statement),
	])
}

findings contains finding.about(finding.on(statement, text, remedy(open)), subject(open)) if {
	some open in old
	open.snapshot
	count({index | some index, [_, each] in statements.forward; count(meets(each, open)) > 0}) == 0
	first := min({index | some index, [_, each] in statements.forward; waits_for_snapshots(each)})
	[_, statement] := statements.forward[first]
	text := sprintf("%s does not end before %s does", [statements.in_words(statement), who(open)])
}

old := [open | some open in input.live.transactions; open.seconds >= settings.option("waits-for-transaction", "max_seconds", 60)]

# meets is the locks of a transaction that conflict with what a statement needs.
meets(statement, open) := [object.union(held, {"wanted": wanted}) |
	some wanted in locks.blocking(statement)
	some held in open.locks
	held.relation == wanted.relation
	wanted.lock in conflicts[held.lock]
]

waits_for_snapshots(statement) if {
	statement.concurrently
	statement.kind in {"create_index", "reindex", "drop_index"}
}

is_open(open) := sprintf("%s is prepared since %s", [who(open), open.open]) if {
	open.pid == 0
} else := sprintf("%s has been %s for %s", [who(open), state(open), open.open])

state(open) := "active" if {
	open.state in {"", "active"}
} else := open.state

who(open) := sprintf("a prepared transaction of role %s", [open.role]) if {
	open.pid == 0
} else := sprintf("a transaction of role %s (pid %d)", [open.role, open.pid])

limit(statement) := ", and nothing limits it" if {
	locks.waits_for_ever(statement)
} else := sprintf(", until lock_timeout (%s) ends the migration", [trim(statement.lock_timeout, "'")])

remedy(open) := sql.remedy([
	"Find it, and end it or wait for its end before the deploy:",
	sql.code("SELECT gid, owner, prepared FROM pg_prepared_xacts;", []),
	"COMMIT PREPARED or ROLLBACK PREPARED ends it.",
]) if {
	open.pid == 0
} else := sql.remedy([
	"Wait for its end before the deploy, or look what it does, and end it:",
	sql.code("SELECT state, xact_start, query FROM pg_stat_activity WHERE pid = %d;", [open.pid]),
	sql.code("SELECT pg_terminate_backend(%d);", [open.pid]),
])

subject(open) := sprintf("%s %s", [open.role, open.state])

# conflicts are the modes that must wait for a held one (manual, table 13.2).
conflicts := {
	"ACCESS SHARE": {"ACCESS EXCLUSIVE"},
	"ROW SHARE": {"EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"ROW EXCLUSIVE": {"SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"SHARE UPDATE EXCLUSIVE": {"SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"SHARE": {"ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"SHARE ROW EXCLUSIVE": {"ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"EXCLUSIVE": {"ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"},
	"ACCESS EXCLUSIVE": {
		"ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE",
	},
}
