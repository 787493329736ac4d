package pmcheck.rules["incomplete-document_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["incomplete-document"] as rule

of(files) := object.union(fixtures.facts([]), {
	"change": {"files": files},
	"postmortems": {"problems": [{"place": {"path": "docs/postmortems/1.md", "line": 2}, "message": "there is no title"}]},
})

test_a_document_of_this_change if {
	some found in rule.findings with input as of([{"path": "docs/postmortems/1.md", "status": "added"}])
	found == {"place": {"path": "docs/postmortems/1.md", "line": 2}, "message": "there is no title"}
}

test_other_documents_inform if {
	found := rule.findings with input as of([{"path": "README.md", "status": "modified"}])
	{each.severity | some each in found} == {"info"}
}

test_silent_when_all_is_well if {
	count(rule.findings) == 0 with input as fixtures.facts([])
}
