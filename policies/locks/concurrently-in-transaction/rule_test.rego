package pmcheck.rules["concurrently-in-transaction_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["concurrently-in-transaction"] as rule

index := fixtures.statement({
	"kind": "create_index", "relation": "orders", "name": "orders_user_id_idx", "concurrently": true,
	"lock": "SHARE UPDATE EXCLUSIVE", "blocks": ["ddl"], "scans": true, "builds_index": true,
	"not_in_transaction": true, "in_transaction": true,
})

of(is) := fixtures.facts([fixtures.migration(is, [index])])

test_the_framework_opens_a_transaction if {
	some found in rule.findings with input as of({})
	found.message == concat(" ", [
		"CREATE INDEX CONCURRENTLY orders_user_id_idx cannot run in a transaction,",
		"and here it does (goose's default): the migration fails",
	])
	found.remedy == concat(" ", [
		"Put it in a migration of its own.",
		"Switch off its transaction: put `-- +goose NO TRANSACTION` at the top of the file.",
	])
}

test_the_script_opens_a_transaction if {
	some found in rule.findings with input as of({"transaction": "none"})
	endswith(found.message, "and here it does: the migration fails")
	found.remedy == "Take it out of the BEGIN and COMMIT around it."
}

test_each_framework_says_how if {
	how := {
		"file": {
			"atlas": "-- atlas:txmode none", "bun": ".tx", "dbmate": "transaction:false", "diesel": "run_in_transaction = false",
			"flyway": "holds nothing else", "hasura": "by hand", "liquibase": "runInTransaction:false",
			"morph": "-- morph:nontransactional", "pop": "by hand", "refinery": "by hand", "sql-migrate": "notransaction",
			"sqlx": "-- no-transaction", "tern": "---- tern: disable-tx ----", "something": "the one that your migration tool opens",
		},
		"all": {"drizzle": "by hand", "node-pg-migrate": "by hand"},
		"implicit": {
			"golang-migrate": "only statement of its file", "prisma": "only statement of its file", "sqlx": "only statement of its file",
			"plain": "only statement of its file", "supabase": "2.109",
		},
	}
	every transaction, layouts in how {
		every layout, words in layouts {
			some found in rule.findings with input as of({"transaction": transaction, "layout": layout})
			contains(found.remedy, words)
		}
	}
}

test_a_new_table_does_not_help if {
	count(rule.findings) == 1 with input as fixtures.running([object.union(index, {"on_new_relation": true})])
}

test_silent_outside_of_a_transaction if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(index, {"in_transaction": false})])
}

test_silent_on_what_may_run_there if {
	count(rule.findings) == 0 with input as fixtures.running([object.union(index, {"not_in_transaction": false})])
}
