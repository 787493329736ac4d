package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/checks/facts"
)

func TestText(t *testing.T) {
	noChange := change()
	noChange.Touched, noChange.Judged, noChange.Analysed, noChange.Matrix, noChange.Databases = 0, 0, 0, facts.Matrix{OldCodeNewSchema: facts.Cell{Verdict: "not-applicable"}}, nil
	noMigrations := change()
	*noMigrations = *noChange
	noChange.Databases = change().Databases
	contained := change()
	*contained = *noChange
	contained.Contained, contained.BaseName, contained.HeadName = true, "origin/main", "HEAD"

	deleted := change() // and the rule against it is off
	deleted.Judged, deleted.Analysed, deleted.Matrix.OldCodeNewSchema.Verdict = 0, 0, "not-applicable"

	safe := change()
	safe.Matrix.Coverage.Files = 0
	safe.Judged, safe.Analysed = 2, 3
	dirty := change(dropsData())
	dirty.Change.Dirty, dirty.HeadName = true, "HEAD"

	alone := change(missingLockTimeout())
	alone.Alone, alone.Matrix = true, facts.Matrix{}
	alone.Change, alone.BaseName, alone.HeadName = facts.Change{Stage: "local"}, "", ""

	undone := change(dropsData())
	undone.Verdict, undone.Problems = Undone, []string{"rule my-rule: it was stopped after 5s: make it cheaper", "rule other: .pmcheck/policies/other/rule.rego:12: division by zero"}
	undoneAndFailing := incident()
	undoneAndFailing.Verdict, undoneAndFailing.Problems = Undone, undone.Problems[:1]

	unread := change(Finding{
		Rule: "not-parsed", Severity: "error", Message: "This Django migration is seen, not read yet", Location: facts.Place{Path: "app/migrations/0002_x.py", Line: 1},
	})
	unread.Judged, unread.Analysed = 0, 0
	unread.Matrix.OldCodeNewSchema.Verdict, unread.Matrix.Coverage.Files = "unknown", 0
	missed := change(Finding{
		Rule: "not-parsed", Severity: "error", Message: `syntax error at or near "SELEC"`, Location: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 1, Column: 4},
	})
	missed.Missed = []facts.Problem{{Place: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 1, Column: 4}, Kind: "syntax", Reason: `syntax error at or near "SELEC"`}}
	missed.Matrix.Coverage.NotUnderstood = []facts.Unclear{
		{Place: facts.Place{Path: "web/app.js", Line: 12, Side: "base"}, Name: "search", Reason: "a piece of the query is made at run time: cond"},
		{Place: facts.Place{Path: "data.js", Line: 1, Side: "base"}, Reason: "50 MiB large, of which only the names were searched"},
	}

	many := oldCodeBreaks()
	for range 7 {
		many.Related = append(many.Related, many.Related[0])
	}
	// The drop of the same line on either side, and a cause that is the place itself.
	edited := Finding{
		Rule: "merged-migration-edited", Severity: "error", Message: "This migration is merged, and here it is edited",
		Location: facts.Place{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23},
		CausedBy: []facts.Place{{Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23}, {Path: "migrations/0003_drop.up.sql", Line: 2, Column: 23, Side: "base"}},
	}
	sides := change(edited)
	sides.Findings = append(sides.Findings, Finding{Rule: "guardrail-removed", Category: "postmortem", Severity: "error", Message: "The post-mortem is deleted",
		Location: facts.Place{Path: "docs/postmortems/1.md", Line: 2, Side: "base"}})
	sides.Sources.Put("base", "docs/postmortems/1.md", []byte("---\nid: PM-1\n"))
	sides.Sources.Put("base", "migrations/0003_drop.up.sql", []byte("\nALTER TABLE customers DROP COLUMN other_name;\n"))

	tests := []struct {
		name string
		r    *Result
		o    Options
	}{
		{"incident.txt", incident(), Options{}},
		{"incident-color.txt", incident(), Options{Color: true}},
		{"incident-quiet.txt", incident(), Options{Quiet: true}},
		{"incident-verbose.txt", incident(), Options{Verbose: true}},
		{"incident-narrow.txt", incident(), Options{Width: 60}},
		{"incident-wide.txt", incident(), Options{Width: 140}},
		{"warnings.txt", change(dropsData(), missingLockTimeout()), Options{}},
		{"warnings-quiet.txt", change(dropsData(), missingLockTimeout()), Options{Quiet: true}},
		{"warnings-dirty.txt", dirty, Options{}},
		{"pass.txt", safe, Options{}},
		{"pass-color.txt", safe, Options{Color: true}},
		{"no-schema-change.txt", noChange, Options{}},
		{"no-schema-change-quiet.txt", noChange, Options{Quiet: true}},
		{"no-migrations.txt", noMigrations, Options{}},
		{"deleted.txt", deleted, Options{}},
		{"contained.txt", contained, Options{}},
		{"alone.txt", alone, Options{}},
		{"suppressed.txt", change(suppressed(oldCodeBreaks(), "that name is the shipping service's own column; its owner was asked on 2026-11-30 and agreed to it"), dropsData()), Options{}},
		{"suppressed-verbose.txt", change(suppressed(oldCodeBreaks(), "that name is the shipping service's"), dropsData()), Options{Verbose: true}},
		{"undone.txt", undone, Options{}},
		{"undone-and-failing.txt", undoneAndFailing, Options{Quiet: true}},
		{"unread.txt", unread, Options{}},
		{"missed.txt", missed, Options{Verbose: true}},
		{"related.txt", change(many), Options{}},
		{"sides.txt", sides, Options{}},
		{"carets.txt", carets(), Options{Width: 80}},
		{"deploy.txt", deploy(), Options{}},
		{"hostile.txt", hostile(), Options{}},
		{"hostile-verbose.txt", hostile(), Options{Verbose: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { golden(t, tt.name, text1(t, tt.r, tt.o)) })
	}
}

func text1(t *testing.T, r *Result, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a repository holds must neither move the cursor nor pass for a line of the report.
func TestTextIsInert(t *testing.T) {
	for _, o := range []Options{{}, {Quiet: true}, {Verbose: true}, {Color: true}, {Width: 20}} {
		got := text1(t, hostile(), o)
		if !utf8.ValidString(got) {
			t.Errorf("%+v: the report is not UTF-8", o)
		}
		for _, line := range strings.Split(got, "\n") {
			if strings.HasPrefix(line, "PASS") || strings.HasPrefix(line, "pmcheck: PASS") {
				t.Errorf("%+v: a forged line: %q", o, line)
			}
		}
		if o.Color {
			got = strings.NewReplacer("\x1b[0m", "", "\x1b[1m", "", "\x1b[2m", "", "\x1b[31m", "", "\x1b[36m", "", "\x1b[31;1m", "", "\x1b[33;1m", "", "\x1b[32m", "").Replace(got)
		}
		for _, r := range got {
			if r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || directional(r) {
				t.Errorf("%+v: the report holds %U", o, r)
			}
		}
	}
}

// A runner of GitHub Actions reads what a job prints: no line of a repository's is a command to it.
func TestTextIsNoCommand(t *testing.T) {
	f := missingLockTimeout()
	f.Message = strings.Repeat("::error::x ::stop-commands::y ##[add-path]/tmp ", 40)
	f.Remedy = "::set-output name=verdict::pass\n  ::add-mask::x\n##[add-path]/tmp"
	f.Location.Path = "::warning::p"
	f.Related = []Related{{facts.Place{Path: "::notice::q", Line: 1}, "##[error]z"}}
	r := change(f, suppressed(f, f.Message))
	r.Problems, r.BaseName, r.HeadName = []string{f.Message, f.Remedy}, "::b", "::h"
	for _, got := range []string{text1(t, r, Options{}), text1(t, r, Options{Verbose: true}), Printable(f.Remedy)} {
		for _, line := range strings.Split(got, "\n") {
			if strings.HasPrefix(strings.TrimLeft(line, " "), "::") || strings.Contains(line, "##[") {
				t.Errorf("a command: %q", line)
			}
		}
	}
}

func TestTextOfAThousandFindings(t *testing.T) {
	got := text1(t, thousand(), Options{})
	if n := strings.Count(got, "missing-lock-timeout\n"); n != 1000 {
		t.Errorf("%d findings are printed, want all 1000", n)
	}
	if n := strings.Count(got, "SET lock_timeout"); n != 1 {
		t.Errorf("the same remedy is printed %d times, want once", n)
	}
	if n := strings.Count(got, "due 2026-12-05"); n != 1 {
		t.Errorf("the same action item's terms are printed %d times, want once", n)
	}
	if !strings.HasSuffix(got, "100 errors, 900 warnings; 10 migrations with 1000 statements judged, all of it understood\n"+
		"FAIL  100 findings to fix before this is merged; see `pmcheck explain missing-lock-timeout`\n") {
		t.Errorf("the report ends in %q", got[len(got)-300:])
	}
}

// No line of prose or of an excerpt is wider than the terminal; code to paste and names of files are never broken.
func TestTextKeepsToTheWidth(t *testing.T) {
	for _, width := range []int{60, 80, 140} {
		for _, line := range strings.Split(text1(t, carets(), Options{Width: width}), "\n") {
			if wide(line) > width {
				t.Errorf("width %d: a line takes %d columns: %s", width, wide(line), line)
			}
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\tb\x1b[31m", "m/1.sql", 3, 40, true)
	f.Add("注文\n\xff\u202e", "x\ny", 9, 20, false)
	f.Fuzz(func(t *testing.T, source, path string, column, width int, color bool) {
		finding := missingLockTimeout()
		finding.Location = facts.Place{Path: path, Line: 1, Column: column}
		finding.Message, finding.Remedy = source, source
		r := change(finding)
		r.Sources.Put("head", path, []byte(source))
		got := text1(t, r, Options{Width: width, Color: color})
		if !utf8.ValidString(got) {
			t.Error("the report is not UTF-8")
		}
		for _, c := range got {
			if c < 0x20 && c != '\n' && (c != 0x1b || !color) || directional(c) {
				t.Errorf("the report holds %U", c)
			}
		}
	})
}
