package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// shownLanded is how many pull requests and commits a report lists before it says how many are left.
const shownLanded = 15

// deploy says what goes out with the deploy, over what, and how that is known.
func (t *text) deploy() {
	c := t.r.Change
	if c.BaseReason != "" {
		t.hang("", "  base: ", "        ", c.BaseReason)
	}
	for _, note := range t.r.notes() {
		t.hang("33", "  note: ", "        ", note)
	}
	if c.Stage != "pre-deploy" || len(c.Landed) == 0 {
		return
	}
	t.gap()
	more := ""
	if c.MoreLanded {
		more = ", and more that is not listed here"
	}
	t.line("%s%s", t.bold("Goes out: "+landedCount(c.Landed)), more)
	shown := c.Landed
	if len(shown) > shownLanded && !t.o.Verbose {
		shown = worthShowing(c.Landed)
	}
	label, kinds := 0, 0
	for _, l := range shown {
		label, kinds = max(label, wide(l.Label)), max(kinds, wide(bringing(l)))
	}
	for _, l := range shown {
		title := cut(clean(l.Title), t.o.Width-label-kinds-6)
		t.line("  %s  %s  %s", pad(clean(l.Label), label), t.dim(pad(bringing(l), kinds)), title)
	}
	if n := len(c.Landed) - len(shown); n > 0 {
		t.line("  %s", t.dim(fmt.Sprintf("and %d more; --verbose lists them", n)))
	}
}

// worthShowing are the first of those that bring a migration, and then of the others, in their order.
func worthShowing(landed []facts.Landed) []facts.Landed {
	var chosen []int
	for _, migrates := range []bool{true, false} {
		for i, l := range landed {
			if (len(schemaOf(l)) > 0) == migrates && len(chosen) < shownLanded {
				chosen = append(chosen, i)
			}
		}
	}
	slices.Sort(chosen)
	var out []facts.Landed
	for _, i := range chosen {
		out = append(out, landed[i])
	}
	return out
}

func landedCount(landed []facts.Landed) string {
	requests := 0
	for _, l := range landed {
		if l.PullRequest > 0 {
			requests++
		}
	}
	var parts []string
	if requests > 0 {
		parts = append(parts, count(requests, "pull request"))
	}
	if n := len(landed) - requests; n > 0 {
		parts = append(parts, count(n, "commit"))
	}
	return strings.Join(parts, ", ")
}

func schemaOf(l facts.Landed) []string {
	var out []string
	for _, kind := range []string{"migration", "schema-dump"} {
		if slices.Contains(l.Brings, kind) {
			out = append(out, strings.ReplaceAll(kind, "-", " "))
		}
	}
	return out
}

// bringing says what of interest a pull request brings.
func bringing(l facts.Landed) string {
	kinds := schemaOf(l)
	if slices.Contains(l.Brings, "code") {
		kinds = append(kinds, "code")
	}
	return strings.Join(kinds, ", ")
}

// landed says which pull requests bring what a finding is about, each with the file of it.
func (t *text) landed(f Finding) {
	for i, l := range f.Landed {
		if i == shownRelated {
			t.line("  %s %s", t.dim("brought by"), fmt.Sprintf("%d more", len(f.Landed)-i))
			return
		}
		t.hang("2", "  "+landedVerb(l, f)+" ", "             ", landedName(l))
	}
}

// landedVerb says what a pull request does to what a finding is about.
func landedVerb(l facts.Landed, f Finding) string {
	if brings(l, f) {
		return "brought by"
	}
	return "changed by" // the code, which as it runs still is what the finding says
}

// brings tells that a pull request brings what a finding is about, and does not merely change the code that the running
// release has.
func brings(l facts.Landed, f Finding) bool {
	has := func(p facts.Place) bool { return slices.Contains(l.Files, p.Path) }
	return slices.ContainsFunc(f.CausedBy, has) || f.Location.Side != "base" && has(f.Location)
}

// landedName is a pull request by its number, its title and its commit.
func landedName(l facts.Landed) string {
	if l.PullRequest == 0 {
		return fmt.Sprintf("%s %q", short(l.Commit), l.Title)
	}
	return fmt.Sprintf("%s %q, %s", l.Label, l.Title, short(l.Commit))
}
