package checks

import (
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/policy"
)

// What a rule is about decides where a report has its case: with each migration, or with the change as a whole.
func TestActiveRules(t *testing.T) {
	engine, err := policy.Load(policy.Options{Severities: map[string]string{"drops-data": "off", "truncates": "info"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range activeRules(engine) {
		seen[r.ID] = true
		switch r.Category {
		case "compat", "locks", "data", "history", "advice":
			if !r.OfMigration {
				t.Errorf("%s is about migrations", r.ID)
			}
		case "pipeline":
			if r.OfMigration {
				t.Errorf("%s is about the change", r.ID)
			}
		}
		if r.Title == "" || r.Description == "" || !strings.HasSuffix(r.Help, "/docs/rules/"+r.ID+".md") {
			t.Errorf("%+v", r)
		}
		if r.ID == "truncates" && r.Severity != "info" {
			t.Errorf("the configured severity of truncates is %s", r.Severity)
		}
	}
	if seen["drops-data"] || !seen["guardrail-removed"] {
		t.Error("a rule that is switched off is active, or one that is not is missing")
	}
}
