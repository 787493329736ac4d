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

told_whys(answers) := found if {
	found := rule.findings with input as {"postmortems": {"changed": [{
		"path": "docs/postmortems/1.md", "line": 2, "causes": [],
		"whys": [{"answer": answer, "line": 10 + i} | some i, answer in answers],
	}]}}
}

test_the_last_why if {
	some found in told_whys(["queries failed", "because Anna forgot to run it"])
	found.message == `The last why, "because Anna forgot to run it", ends in a person ("forgot")`
	found.place == {"path": "docs/postmortems/1.md", "line": 11}
}

test_an_earlier_why if count(told_whys(["Anna forgot to run it", "nothing runs migrations by itself"])) == 0

test_no_whys if count(told_whys([])) == 0

blamed := [
	"operator error",
	"We should have been more careful",
	"They were not careful enough",
	"The reviewer did not check the lock",
	"an engineer made a mistake",
	"lack of attention during the deploy",
	"The on-call did not pay attention",
]

test_blamed if {
	every cause in blamed {
		count(told(cause)) == 1
	}
}

processes := [
	"the engineer forgot to run the migration, and nothing noticed",
	"human error was possible since the switch is flipped by hand",
	"the runbook did not cover the order of migrations",
	"the reviewer did not notice, because no check compares code and schema",
	"the staging environment should have been checked by the pipeline",
	"the cache forgets entries after an hour",
	"we rely on somebody to remember; Anna forgot",
	"a missing index",
	"user errors were logged at debug level",
]

test_processes if {
	every cause in processes {
		count(told(cause)) == 0
	}
}
