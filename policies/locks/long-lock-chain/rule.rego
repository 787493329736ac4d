# METADATA
# title: A lock is held while other work goes on
# description: |
#   A lock is held until its transaction ends. A statement that works through a whole table makes everybody wait for the locks of the
#   statements before it. Locks on more tables than max_tables at once stop all of their users, and can deadlock with a
#   transaction that takes them in another order; that warns only.
#   Writes of rows in such a transaction are reported by backfill-with-ddl.
# custom:
#   severity: error
#   remedy: Give each step a migration, and so a transaction, of its own.
#   on: [migrations]
#   since: "0.1"
#   options:
#     max_rows: 10000
#     max_bytes: 10485760
#     max_tables: 2
#   sources:
#     - PostgreSQL manual, 13.3.4 Deadlocks
#     - PostgreSQL manual, 13.3.1 Table-Level Locks
#   given: |
#     CREATE TABLE orders (id bigint PRIMARY KEY, total integer);
#     CREATE TABLE items (id bigint PRIMARY KEY, price integer);
#     ALTER TABLE items ADD CONSTRAINT items_price_check CHECK (price > 0) NOT VALID;
#   bad: |
#     BEGIN;
#     SET LOCAL lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN note text;
#     ALTER TABLE items VALIDATE CONSTRAINT items_price_check;
#     COMMIT;
#   good: |
#     BEGIN;
#     SET LOCAL lock_timeout = '5s';
#     ALTER TABLE orders ADD COLUMN note text;
#     COMMIT;
#     ALTER TABLE items VALIDATE CONSTRAINT items_price_check;
# schemas:
#   - input: schema.facts
package pmcheck.rules["long-lock-chain"]

import data.pmcheck.lib.finding
import data.pmcheck.lib.locks
import data.pmcheck.lib.sizes
import data.pmcheck.lib.statements

findings contains sizes.judged(finding.on(statement, message, remedy), statement) if {
	some [_, statement, "long-lock-chain"] in locks.judged
	locks.works_while_holding(statement)
	held := locks.held(statement)[0]
	message := sprintf(
		"%s works through a whole table while this transaction still holds %s lock on %s from line %d: %s waits until it is done",
		[
			statements.in_words(statement),
			concat(" ", [locks.article(held.lock), held.lock]),
			held.relation,
			held.line,
			locks.who_waits(held, held.relation),
		],
	)
	remedy := "Move it to a migration of its own, so that the lock is gone before it begins."
}

findings contains finding.lowered(finding.on(statement, message, remedy), "warning") if {
	some [_, statement, "long-lock-chain"] in locks.judged
	not locks.works_while_holding(statement)
	relations := {lock.relation | some lock in locks.tables(array.concat(locks.held(statement), locks.blocking(statement)))}
	message := sprintf("With this statement the transaction holds locks on %s at once: their users wait until all of it is done", [
		locks.sentence(relations),
	])
	remedy := "Give each table a migration of its own; each then holds its lock for a moment only."
}
