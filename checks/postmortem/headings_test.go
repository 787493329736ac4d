package postmortem

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

const sreBook = "# Search failed (incident #12)\n\n**Date:** October 21, 2025\n\n**Authors:** one, two\n\n**Status:** Complete, action items in progress\n\n" +
	"**Impact:** A third of the\nqueries [failed](https://example.com).\n\n**Root Causes:** The index was empty.\n\n" +
	"```\n# no heading\n- [ ] no item\n```\n\n## Action Items\n\n| Action Item | Type | Owner | Bug |\n|---|:---:|---|---|\n" +
	"| Test a load \\| of it | prevent | web | n/a **DONE** |\n| Write a runbook | paperwork | ops | Bug 55 **TODO** |\n\n## Timeline\n\n- 14:51 began\n"

const kehoe = "---\nlayout: post # theirs\ntitle: \"Orders: slow\"\ndate: 2025-02-03 10:00:00 +0100\n---\n" +
	"Severity: 2\nStart Time: 2025-02-02 14:05 UTC\nResolution time: noon\n\nRoot cause\n----------\n\n1. No limit\n   on it\n2. No alert\n\n" +
	"## Follow-ups\n\n- [x] Limit it, see [the card](https://example.com/card?a=1)\n  - a detail\n- [ ] Alert, [as here](https://example.com/wiki/Alert)\n* Third ✅\n\n" +
	"Action | Who | Priority | Due Date\n---|---|---|---\nCheck | team | P1 | 3/8/2025\nLook | team | prio 2 | 8 March 2025\n"

func TestReadHeadings(t *testing.T) {
	tests := []struct {
		name, path, in string
		want           Document
		authors        []string
		missing        []string // each is part of one
	}{
		{"the SRE book's", "a.md", sreBook, Document{Title: "Search failed (incident #12)", Date: "2025-10-21", Status: "reviewed",
			Impact: "A third of the queries failed.", RootCauses: []string{"The index was empty."}, ActionItems: []ActionItem{
				{Action: "Test a load | of it", Type: "prevent", Owner: "web", Status: "done", Line: 23},
				{Action: "Write a runbook", Owner: "ops", Status: "open", Issue: "Bug 55", Line: 24}}},
			[]string{"one, two"}, []string{`type "paperwork" is none of`, "severity was not found", "AI-2 has no type, due"}},
		{"lists, and a table of dates", "2025-02-09-a.md", kehoe, Document{Title: "Orders: slow", Date: "2025-02-03", Severity: "SEV-2", StartedAt: "2025-02-02T14:05:00Z",
			RootCauses: []string{"No limit on it", "No alert"}, ActionItems: []ActionItem{
				{Action: "Check", Owner: "team", Priority: "P1", Line: 26},
				{Action: "Look", Owner: "team", Priority: "P2", Due: "2025-03-08", Line: 27},
				{Action: "Limit it, see the card", Status: "done", Issue: "https://example.com/card?a=1", Line: 19},
				{Action: "Alert, as here", Status: "open", Line: 21}, {Action: "Third", Status: "done", Line: 22}}},
			nil, []string{"date 2025-02-03 is the day of the file's name or of its site", `due "3/8/2025" is not a date`, `resolved_at "noon" is not a day and a time`}},
		{"only a name", "2025-02-09-a.md", "<h2>Actions</h2>\nSomebody should.\n", Document{Date: "2025-02-09"}, nil,
			[]string{"title was not found", `"Actions" holds text and no list`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := ReadHeadings(tt.path, []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Path, tt.want.Line = tt.path, 1
			if !reflect.DeepEqual(*r.Document, tt.want) || !reflect.DeepEqual(r.Authors, tt.authors) {
				t.Errorf("got  %+v %q\nwant %+v %q", *r.Document, r.Authors, tt.want, tt.authors)
			}
			var all strings.Builder
			for _, p := range r.Missing {
				all.WriteString(p.Message + "\n")
			}
			for _, want := range tt.missing {
				if !strings.Contains(all.String(), want) {
					t.Errorf("nothing says %q:\n%s", want, all.String())
				}
			}
		})
	}
}

func TestAdopt(t *testing.T) {
	r, err := ReadHeadings("a.md", []byte("\xef\xbb\xbf"+strings.ReplaceAll(kehoe, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Adopt("PM-2025-001")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.ReplaceAll(kehoe[strings.Index(kehoe, "Severity:"):], "\n", "\r\n")
	if !bytes.HasSuffix(got, []byte("---\r\n"+body)) || !bytes.HasPrefix(got, []byte("\xef\xbb\xbf---\r\nid: PM-2025-001\r\ntitle: 'Orders: slow'\r\ndate: 2025-02-03\r\n")) ||
		!bytes.Contains(got, []byte("\nlayout: post # theirs\r\n---\r\n")) {
		t.Errorf("got %q", got)
	}
	d, problems := Parse("a.md", got)
	if d == nil || len(problems) > 0 || len(d.ActionItems) != 5 || d.ActionItems[4].ID != "AI-5" {
		t.Errorf("got %+v, %v", d, problems)
	}
	if _, err := ReadHeadings("a.md", got); err == nil || !strings.Contains(err.Error(), "PM-2025-001 already") {
		t.Errorf("adopted twice: %v", err)
	}
	if _, err := ReadHeadings("a.md", make([]byte, maxDocument+1)); err == nil {
		t.Error("a megabyte and more was read")
	}
}

func TestNextID(t *testing.T) {
	for _, tt := range []struct {
		taken []string
		want  string
	}{
		{nil, "PM-2026-001"},
		{[]string{"PM-2026-002", "pm-2026-010-a.md", "PM-2025-044", "2026-03-04-a.md"}, "PM-2026-011"},
		{[]string{"2026-007-orders.md", "PM-2026-x"}, "PM-2026-008"},
	} {
		if got := NextID(2026, tt.taken); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.taken, got, tt.want)
		}
	}
}

// Whatever a document holds, it is read without a panic, and what is adopted parses with
// its body untouched.
func FuzzReadHeadings(f *testing.F) {
	for _, seed := range []string{sreBook, kehoe, "---\n---\n# a\n", "---\n&a b: *a\n---\n|a|\n|-|", "\xff\n===\n", "**Date**: 31.02.2025\n\x00|Action|Owner\n-|-\n\ufeff|b|c"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ReadHeadings("f.md", in)
		if err != nil {
			return
		}
		for _, found := range r.Found {
			if found.Line < 1 || found.Line > bytes.Count(in, []byte("\n"))+1 {
				t.Errorf("%+v is no line of the document", found)
			}
		}
		out, err := r.Adopt("PM-1")
		if err != nil {
			return // other keys that make no front matter
		}
		if !bytes.HasSuffix(out, r.body) || !bytes.HasSuffix(in, r.body) {
			t.Error("the body was touched")
		}
		if d, _ := Parse("f.md", out); d == nil || d.ID != "PM-1" || d.Title != oneLine(r.Document.Title) {
			t.Errorf("got %+v, want the title %q", d, r.Document.Title)
		}
	})
}
