package pmcheck.rules["item-overdue_test"]

import data.pmcheck.rules["item-overdue"] as rule

item := {"id": "AI-1", "action": "Add a health check", "owner": "platform", "due": "2026-03-02", "status": "open", "line": 9}

told(change) := found if {
	found := rule.findings with input as {
		"now": "2026-03-03T12:00:00Z",
		"postmortems": {"changed": [{"id": "PM-1", "path": "docs/postmortems/1.md", "action_items": [object.union(item, change)]}]},
	}
}

test_overdue if {
	some found in told({})
	found.message == `PM-1/AI-1 "Add a health check" was due on 2026-03-02, by platform`
	found.place == {"path": "docs/postmortems/1.md", "line": 9}
}

test_nobodys if {
	some found in told({"owner": "", "status": "in_progress"})
	endswith(found.message, ", and nobody owns it")
}

test_due_today if count(told({"due": "2026-03-03"})) == 0

test_done if count(told({"status": "done"})) == 0

test_cancelled if count(told({"status": "cancelled"})) == 0

test_no_date if count(told({"due": ""})) == 0
