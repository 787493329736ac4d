package pmcheck.lib.transaction_test

import data.pmcheck.lib.fixtures
import data.pmcheck.lib.transaction

test_nothing_to_switch_off if {
	transaction.own_migration({"layout": "plain", "transaction": "none"}) == "Put it in a migration of its own."
	transaction.switch_off({"layout": "sqitch", "transaction": "none"}) == "Leave BEGIN and COMMIT out of its script."
}

test_the_limit_fits_the_transaction if {
	transaction.lock_timeout(fixtures.statement({"in_transaction": true})) == "  SET LOCAL lock_timeout = '5s';"
	transaction.lock_timeout(fixtures.statement({})) == "  SET lock_timeout = '5s';"
	transaction.lock_timeout(fixtures.statement({"lock_timeout": "2s"})) == ""
}
