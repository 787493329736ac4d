# METADATA
# title: Transactions
# description: How each migration framework runs a migration outside of a transaction.
package pmcheck.lib.transaction

import data.pmcheck.lib.locks
import data.pmcheck.lib.sql

# own_migration says how to run a statement outside of a transaction, for a message.
own_migration(migration) := by_sqldef if {
	migration.layout == "sqldef"
} else := trim_space(concat(" ", ["Put it in a migration of its own.", switch_off(migration)]))

by_sqldef := concat(" ", [
	"sqldef runs a statement with CONCURRENTLY outside of its transaction:",
	"write the word into the schema file, or set `create_index_concurrently: true` in sqldef's own configuration.",
])

# limit_wait says where the line of lock_timeout goes.
limit_wait(statement) := "Limit the wait where the deploy runs sqldef, and let it run again when it gives up:" if {
	statement.planned_by == "sqldef"
} else := "Limit the wait at the top of the migration, and let the deploy run it again when it gives up:"

# switch_off says how to keep the framework from opening a transaction, "" where it opens none.
switch_off(migration) := told if {
	not migration.transaction in {"implicit", "none"}
	told := how[migration.layout]
} else := told if {
	migration.layout in {"sqitch", "supabase"}
	told := how[migration.layout]
} else := "" if {
	migration.transaction == "none"
} else := "Let it be the only statement of its file, which is sent as one query: the server runs all of one query in one transaction." if {
	migration.transaction == "implicit"
} else := "It must run outside of a transaction: switch off the one that your migration tool opens."

# later says when the step may run that must not share this migration's transaction.
later(migration) := "in a later deploy (all pending migrations share one transaction)" if {
	migration.transaction == "all"
} else := "in a later migration"

# lock_timeout is the line that limits the wait for a lock, "" where the migration has one.
lock_timeout(statement) := "" if {
	not locks.waits_for_ever(statement)
} else := sql.code(`psqldef --before-apply "SET lock_timeout = '5s'" ...`, []) if {
	statement.planned_by == "sqldef"
} else := sql.code("SET LOCAL lock_timeout = '5s';", []) if {
	statement.in_transaction
} else := sql.code("SET lock_timeout = '5s';", [])

how := {
	"atlas": "Switch off its transaction: make `-- atlas:txmode none` the first line of the file, with an empty line below it.",
	"bun": "Switch off its transaction: leave `.tx` out of the file's name.",
	"dbmate": "Switch off its transaction: write `-- migrate:up transaction:false`.",
	"diesel": "Switch off its transaction: put `run_in_transaction = false` in a metadata.toml beside up.sql.",
	"drizzle": by_hand("Drizzle runs all pending migrations in one transaction"),
	"flyway": "Flyway runs a migration that holds nothing else without a transaction.",
	"goose": "Switch off its transaction: put `-- +goose NO TRANSACTION` at the top of the file.",
	"hasura": by_hand("Hasura runs every migration in a transaction"),
	"liquibase": "Switch off its transaction: put `runInTransaction:false` on the changeset's line.",
	"morph": "Switch off its transaction: make `-- morph:nontransactional` the first line of the file.",
	"node-pg-migrate": by_hand("node-pg-migrate runs all pending SQL migrations in one transaction"),
	"pop": by_hand("pop runs every migration in a transaction"),
	"refinery": by_hand("refinery runs every migration in a transaction"),
	"sqitch": "Leave BEGIN and COMMIT out of its script.",
	"sql-migrate": "Switch off its transaction: write `-- +migrate Up notransaction`.",
	"sqlx": "Switch off its transaction: make `-- no-transaction` the first line of the file.",
	"supabase": "The Supabase CLI runs it outside of the migration's transaction from version 2.109 on.",
	"tern": "Switch off its transaction: put `---- tern: disable-tx ----` at the top of the file.",
}

by_hand(because) := concat(" ", [
	sprintf("%s: run the statement by hand before the deploy,", [because]),
	"and let the migration say IF EXISTS or IF NOT EXISTS.",
])
