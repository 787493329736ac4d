package postmortem_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// whole is a reviewed document that lacks nothing.
const whole = `---
id: PM-1
title: Orders failed
date: 2026-03-03
status: reviewed
severity: SEV-2
services: [orders]
started_at: 2026-03-03T14:05:00Z
detected_at: 2026-03-03T14:12:00Z
acknowledged_at: 2026-03-03T15:15:00+01:00
mitigated_at: 2026-03-03T14:30:00Z
resolved_at: 2026-03-03T16:45:00Z
impact: a quarter of the requests failed
root_causes: [nothing compared code and schema]
action_items:
  - {id: AI-1, action: Compare them, type: prevent, owner: platform, due: 2026-03-17, status: open}
---
`

func TestReview(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // what of the whole document is replaced, and by what
		want     []string
	}{
		{"nothing", "", "", nil},
		{"no title", "title: Orders failed\n", "", []string{"title is missing: a post-mortem that is reviewed says it"}},
		{"no status", "status: reviewed\n", "", []string{"status is missing"}},
		{"no end", "resolved_at: 2026-03-03T16:45:00Z\n", "", []string{"resolved_at is missing"}},
		{"no cause", "root_causes: [nothing compared code and schema]\n", "", []string{"root_causes is missing"}},
		{"detected before it began", "14:12:00Z", "14:02:00Z", []string{"detected_at 2026-03-03T14:02:00Z lies before started_at"}},
		{"in another zone", "15:15:00+01:00", "15:11:00+01:00", []string{"acknowledged_at 2026-03-03T15:11:00+01:00 lies before detected_at"}},
		{"another day", "date: 2026-03-03", "date: 2026-03-13", []string{"date 2026-03-13 is not the day of started_at"}},
		{"the day elsewhere", "date: 2026-03-03", "date: 2026-03-04", nil},
		{"nobody", "owner: platform, ", "", []string{"PM-1/AI-1 has no owner"}},
		{"never", "due: 2026-03-17, ", "", []string{"PM-1/AI-1 has no due date"}},
		{"only mended", "type: prevent", "type: mitigate", []string{"no action item prevents"}},
		{"a rule prevents", "type: prevent", "type: process, enforced_by: [old-code-breaks]", nil},
		{"of no type", "type: prevent, ", "enforced_by: [old-code-breaks], ", []string{"PM-1/AI-1 has no type"}},
		{"closed too early", "status: reviewed", "status: closed", []string{"PM-1/AI-1 is open, and the post-mortem is closed"}},
		{"closed", "status: open}\n---", "status: done}\n---", nil},
		{"no items", "  - {id: AI-1, action: Compare them, type: prevent, owner: platform, due: 2026-03-17, status: open}\n", "", []string{"action_items is missing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(whole, tt.old) {
				t.Fatalf("the document does not hold %q", tt.old)
			}
			d, problems := postmortem.Parse("docs/postmortems/1.md", []byte(strings.Replace(whole, tt.old, tt.new, 1)))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got := postmortem.Review(d)
			if len(got) != len(tt.want) {
				t.Fatalf("got %v\nwant %q", got, tt.want)
			}
			for i, p := range got {
				if !strings.Contains(p.Message, tt.want[i]) || p.Line == 0 || p.Path != d.Path {
					t.Errorf("got %+v\nwant %q", p, tt.want[i])
				}
			}
		})
	}
}

// A draft needs little, so that it can be begun while the incident runs.
func TestReviewOfADraft(t *testing.T) {
	d, _ := postmortem.Parse("a.md", []byte("---\nid: PM-2\ntitle: Orders fail\ndate: 2026-03-03\nstatus: draft\n---\n"))
	if got := postmortem.Review(d); len(got) > 0 {
		t.Error(got)
	}
}

func TestSpans(t *testing.T) {
	d, _ := postmortem.Parse("a.md", []byte(whole))
	var got []time.Duration
	for _, s := range d.Spans() {
		if !s.Known {
			t.Errorf("the time to %s is not known", s.Name)
		}
		got = append(got, s.Took)
	}
	for i, want := range []time.Duration{7 * time.Minute, 10 * time.Minute, 25 * time.Minute, 160 * time.Minute} {
		if got[i] != want {
			t.Errorf("%s: got %s, want %s", d.Spans()[i].Name, got[i], want)
		}
	}
	d.DetectedAt, d.ResolvedAt = "2026-03-03T13:00:00Z", ""
	if s := d.Spans(); s[0].Known || s[3].Known {
		t.Errorf("known although it lies before the beginning, or nobody wrote it: %+v", s)
	}
}
