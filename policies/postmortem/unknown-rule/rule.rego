# METADATA
# title: A rule does not exist
# description: |
#   An action item is enforced by a rule, or a comment suppresses one, and there is no rule of that id: nothing is enforced or
#   suppressed. In documents that the change leaves alone it informs only.
# custom:
#   severity: warning
#   remedy: Correct the id; `pmcheck rules` lists them.
#   on: [postmortems, suppressions]
#   since: "0.1"
#   sources:
#     - pmcheck rules
# schemas:
#   - input: schema.facts
package pmcheck.rules["unknown-rule"]

import data.pmcheck.lib.finding

findings contains found({"path": document.path, "line": item.line}, rule, message) if {
	some document in input.postmortems.changed
	some item in document.action_items
	some rule in item.enforced_by
	not exists(rule)
	message := sprintf("%s/%s is enforced by %s, and there is no such rule: nothing enforces it", [document.id, item.id, rule])
}

findings contains finding.lowered(found({"path": document.path, "line": item.line}, rule, message), "info") if {
	some document in input.postmortems.documents
	not is_touched(document.path)
	some item in document.action_items
	some rule in item.enforced_by
	not exists(rule)
	message := sprintf("%s/%s is enforced by %s, and there is no such rule: nothing enforces it", [document.id, item.id, rule])
}

findings contains found(suppression.place, rule, message) if {
	some suppression in input.suppressions
	some rule in suppression.rules
	not exists(rule)
	message := sprintf("This comment ignores %s, and there is no such rule", [rule])
}

found(place, rule, message) := finding.about(
	finding.advised(finding.at(place, message), "Correct the id; `pmcheck rules` lists all of them."),
	rule,
)

exists(rule) if rule in input.settings.known_rules

is_touched(path) if {
	some file in input.change.files
	path in {file.path, object.get(file, "old_path", "")}
}
