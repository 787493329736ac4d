package pmcheck.rules["guardrail-removed_test"]

import data.pmcheck.lib.fixtures
import data.pmcheck.rules["guardrail-removed"] as rule

place := {"path": ".pmcheck.yml", "line": 1}

documents := [{"id": "PM-2026-001", "action_items": [{
	"id": "AI-1", "action": "Check migrations in CI", "enforced_by": ["table-rewrite", "own-rule"],
}]}]

of(removed) := object.union(fixtures.facts([]), {"postmortems": {
	"documents": documents, "problems": [],
	"removed": [object.union({"place": place}, removed)],
}})

test_what_is_taken_away if {
	cases := {
		"The post-mortem PM-2026-001 is deleted": {"what": "document", "postmortem": "PM-2026-001"},
		"The action item PM-2026-001/AI-1 is deleted": {"what": "item", "postmortem": "PM-2026-001", "item": "AI-1"},
		"The action item PM-2026-001/AI-1 is no longer enforced by the rule table-rewrite": {
			"what": "link", "postmortem": "PM-2026-001", "item": "AI-1", "rule": "table-rewrite",
		},
		"The rule table-rewrite is switched off, which enforces PM-2026-001/AI-1 (Check migrations in CI)": {
			"what": "rule-off", "rule": "table-rewrite",
		},
		"The rule table-rewrite is lowered from error to info, which enforces PM-2026-001/AI-1 (Check migrations in CI)": {
			"what": "severity-lowered", "rule": "table-rewrite", "from": "error", "to": "info",
		},
		"The project's rule own-rule is deleted, which enforces PM-2026-001/AI-1 (Check migrations in CI)": {
			"what": "policy", "rule": "own-rule",
		},
		"The workflow main no longer runs pmcheck": {"what": "check", "workflow": "main"},
		"The job deploy of workflow main no longer waits for pmcheck before it deploys": {
			"what": "check-before", "workflow": "main", "job": "deploy",
		},
		"The workflow main goes on when pmcheck fails": {"what": "check-advisory", "workflow": "main"},
		"The post-mortem PM-2026-001 no longer says which commit introduced what it is about (introduced_by: 4f2c1e0), so its lesson is not replayed any more": {
			"what": "introduced-by", "postmortem": "PM-2026-001", "from": "4f2c1e0",
		},
		"Findings may be overridden with the permission write, and only with admin before": {
			"what": "override-permission", "from": "admin", "to": "write",
		},
		"The rule table-rewrite may be overridden, which enforces PM-2026-001/AI-1 (Check migrations in CI)": {
			"what": "override-never", "rule": "table-rewrite",
		},
		"The check would fail on error only, and fails on warning now": {"what": "fail-on", "from": "warning", "to": "error"},
	}
	every message, removed in cases {
		found := rule.findings with input as of(removed)
		{each.message | some each in found} == {message}
		every each in found {
			each.place == place
			not each.severity
		}
	}
}

test_a_rule_that_no_postmortem_stands_on_warns if {
	every what in ["rule-off", "severity-lowered", "policy", "override-never"] {
		found := rule.findings with input as of({"what": what, "rule": "varchar-limit", "from": "warning", "to": "info"})
		{each.severity | some each in found} == {"warning"}
	}
}

test_a_configuration_that_cannot_be_read if {
	broken := object.union(fixtures.facts([]), {"config": {"path": ".pmcheck.yml", "problems": [{"place": place, "reason": "line 3: no such key"}]}})
	some found in rule.findings with input as broken
	found.message == "With this configuration no check can run: line 3: no such key"
	not found.severity
}

test_silent_when_nothing_is_taken_away if {
	count(rule.findings) == 0 with input as fixtures.facts([])
}

replayed(more) := object.union({"what": "replay", "postmortem": "PM-2026-001", "from": "4f2c1e0", "caused_by": [place]}, more)

test_a_replay_that_stops_catching if {
	cases := {
		"The lesson of PM-2026-001 is not guarded any more: the change behind it (4f2c1e0) was caught by table-rewrite, which is switched off now and own-rule, which is deleted now": {"lost": [
			{"rule": "table-rewrite", "now": "off"}, {"rule": "own-rule", "now": "deleted"},
		]},
		"The lesson of PM-2026-001 is not guarded any more: the change behind it (4f2c1e0) was caught by own-rule, which finds nothing there now; drops-data still catches it, and no action item names that rule": {
			"lost": [{"rule": "own-rule", "now": "silent"}], "still": ["drops-data"],
		},
		"The lesson of PM-2026-001 is not guarded any more: the change behind it (4f2c1e0) was caught by own-rule, which cannot be asked about it now; introduced_by names nothing now, and that cannot be replayed": {
			"lost": [{"rule": "own-rule", "now": "unjudged"}], "to": "nothing",
		},
	}
	every message, more in cases {
		found := rule.findings with input as of(replayed(more))
		{each.message | some each in found} == {message}
		every each in found {
			each.caused_by == [place]
			not each.severity
		}
	}
}
