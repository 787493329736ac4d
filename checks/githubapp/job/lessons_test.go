package job

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCaught(t *testing.T) {
	const report = `{"findings": [
		{"rule": "old-code-breaks", "action_items": [{"postmortem": "PM-2", "id": "AI-1"}, {"postmortem": "PM-1", "id": "AI-2"}]},
		{"rule": "old-code-breaks", "action_items": [{"postmortem": "PM-1", "id": "AI-2"}]},
		{"rule": "table-rewrite", "suppressed": true, "action_items": [{"postmortem": "PM-3", "id": "AI-1"}]},
		{"rule": "missing-lock-timeout", "action_items": []}]}`
	for _, tt := range []struct {
		name, report string
		want         []Catch
		wrong        bool
	}{
		{"items in order, suppressed ones not", report, []Catch{{Postmortem: "PM-1", Item: "AI-2", Findings: 2}, {Postmortem: "PM-2", Item: "AI-1", Findings: 1}}, false},
		{"no findings", `{"findings": []}`, nil, false},
		{"cut off", report[:80], nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Caught([]byte(tt.report))
			if (err != nil) != tt.wrong {
				t.Fatalf("error: %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := Caught(nil); got != nil || err != nil {
		t.Errorf("no report: %v, %v", got, err)
	}
}
