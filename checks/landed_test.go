package checks

import (
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/report"
)

func TestLandedBy(t *testing.T) {
	step := func(label string, files ...string) facts.Landed { return facts.Landed{Label: label, Files: files} }
	code, drop, again, more := step("#14", "a.go"), step("#12", "m/2.sql", "b.go"), step("#11", "m/2.sql"), step("#10", "m/2.sql")
	broken := report.Finding{Category: "compat", Location: facts.Place{Path: "a.go", Line: 3, Side: "base"}, CausedBy: []facts.Place{{Path: "m/2.sql", Line: 1}, {Path: "m/2.sql", Line: 4}}}
	for _, test := range []struct {
		name   string
		f      report.Finding
		landed []facts.Landed
		labels string
		told   string
	}{
		{"code and migration apart", broken, []facts.Landed{code, step("x"), drop}, "#12 #14", ". #12 brings the migration; the running release (012345678) still has this code"},
		{"two migrations", broken, []facts.Landed{drop, again}, "#12 #11", ". #12 and #11 bring the migration; the running release (012345678) still has this code"},
		{"many", broken, []facts.Landed{drop, again, more}, "#12 #11 #10", ". #12, #11 and 1 more bring the migration; the running release (012345678) still has this code"},
		{"nothing is known", broken, nil, "", ""},
		{"the code alone", broken, []facts.Landed{code}, "#14", ""},
		{"a finding about the migration itself", report.Finding{Category: "locks", Location: facts.Place{Path: "m/2.sql", Line: 1}}, []facts.Landed{code, drop}, "#12", ""},
	} {
		f := test.f
		f.Landed = landedBy(f, test.landed)
		labels := ""
		for i, l := range f.Landed {
			if i > 0 {
				labels += " "
			}
			labels += l.Label
		}
		if told := bringing(f, facts.Change{Base: "0123456789abcdef"}); labels != test.labels || told != test.told {
			t.Errorf("%s: %q, %q\nwant %q, %q", test.name, labels, told, test.labels, test.told)
		}
	}
}
