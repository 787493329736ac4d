package pmcheck.rules["unknown-rule_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["unknown-rule"] as rule

document(rules) := {"id": "PM-2026-001", "path": "docs/postmortems/1.md", "action_items": [{
	"id": "AI-1", "enforced_by": rules, "line": 14,
}]}

of(is) := object.union(object.union(fixtures.facts([]), {"settings": {"known_rules": ["drops-data"]}}), is)

postmortems(is) := {"postmortems": object.union({"documents": [], "changed": [], "problems": [], "removed": []}, is)}

test_a_document_of_this_change if {
	some found in rule.findings with input as of(postmortems({"changed": [document(["drops-data", "no-such-rule"])]}))
	found.place == {"path": "docs/postmortems/1.md", "line": 14}
	found.message == "PM-2026-001/AI-1 is enforced by no-such-rule, and there is no such rule: nothing enforces it"
	not found.severity
}

test_a_document_that_the_change_leaves_alone_informs if {
	some found in rule.findings with input as of(postmortems({"documents": [document(["no-such-rule"])]}))
	found.severity == "info"
}

test_the_base_of_an_edited_document_is_left_alone if {
	edited := object.union(
		of(postmortems({"documents": [document(["no-such-rule"])], "changed": [document(["drops-data"])]})),
		{"change": {"files": [{"path": "docs/postmortems/1.md", "status": "modified"}]}},
	)
	count(rule.findings) == 0 with input as edited
}

test_a_suppression if {
	suppression := {"place": {"path": "migrations/2.sql", "line": 3}, "rules": ["drop-data", "drops-data"], "reason": "x"}
	found := rule.findings with input as of({"suppressions": [suppression]})
	{each.message | some each in found} == {"This comment ignores drop-data, and there is no such rule"}
}

test_silent_on_known_rules if {
	count(rule.findings) == 0 with input as of(postmortems({"changed": [document(["drops-data"])]}))
}
