package pmcheck.rules["names-a-person_test"]

import data.pmcheck.rules["names-a-person"] as rule

told(cause) := found if {
	found := rule.findings with input as {"postmortems": {"changed": [{"path": "docs/postmortems/1.md", "line": 2, "causes": [cause]}]}}
}

test_human_error if {
	some found in told("Human error during the deploy")
	found.message == `The cause "Human error during the deploy" ends in a person ("Human error")`
	found.place == {"path": "docs/postmortems/1.md", "line": 2}
}

test_somebody_forgot if count(told("the on-call forgot to run the migration")) == 1

test_a_mention if count(told("merged by @octocat, without review")) == 1

test_hindsight if count(told("they should have checked the lock")) == 1

test_somebodys_mistake if count(told("an engineer's mistake")) == 1

test_a_process if count(told("nothing compares the code that is serving with the schema")) == 0

test_a_package if count(told("@types/node was upgraded")) == 0

test_an_address if count(told("mails from noreply@example.com were refused")) == 0

test_an_error_rate if count(told("the error rate of 25% was not measured")) == 0
