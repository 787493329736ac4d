package checks

import (
	"fmt"
	"slices"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/report"
)

// maxLandedFiles is how many files of one pull request the facts list.
const maxLandedFiles = 2000

// landed states what goes out with a deploy, and what each pull request brings.
func (r *run) landed() []facts.Landed {
	out := []facts.Landed{}
	for _, l := range r.change.Landed {
		step := facts.Landed{Commit: l.ID, Label: l.ID[:9], PullRequest: l.PullRequest, Title: valid(l.Title), Brings: []string{}, Files: []string{}}
		if l.PullRequest > 0 {
			step.Label = fmt.Sprintf("%s%d", l.Mark, l.PullRequest)
		}
		for _, path := range l.Files {
			kind := r.fileKind(path)
			if !slices.Contains(step.Brings, kind) {
				step.Brings = append(step.Brings, kind)
			}
			// A long list keeps what findings can be about.
			if len(step.Files) < maxLandedFiles && (len(l.Files) <= maxLandedFiles || kind != "other" && kind != "document" && kind != "test") {
				step.Files = append(step.Files, path)
			}
		}
		slices.Sort(step.Brings)
		out = append(out, step)
	}
	return out
}

// landedBy are the pull requests and commits that bring the places of a finding, those with its migrations first.
func landedBy(f report.Finding, landed []facts.Landed) []facts.Landed {
	var causes, others []facts.Landed
	for _, l := range landed {
		has := func(p facts.Place) bool { return slices.Contains(l.Files, p.Path) }
		switch {
		case slices.ContainsFunc(f.CausedBy, has), f.Location.Side != "base" && has(f.Location):
			causes = append(causes, l)
		case has(f.Location):
			others = append(others, l)
		}
	}
	return append(causes, others...)
}

// bringing is the end of a message about a query that the running release sends: which of what goes out brings the migration
// behind it. It is "" where that is not known.
func bringing(f report.Finding, c facts.Change) string {
	if f.Category != "compat" || f.Location.Side != "base" {
		return ""
	}
	var labels []string
	for _, l := range f.Landed {
		if slices.ContainsFunc(f.CausedBy, func(p facts.Place) bool { return slices.Contains(l.Files, p.Path) }) {
			labels = append(labels, l.Label)
		}
	}
	verb := "brings"
	switch n := len(labels); {
	case n == 0:
		return ""
	case n == 2:
		labels, verb = []string{labels[0] + " and " + labels[1]}, "bring"
	case n > 2:
		labels, verb = []string{fmt.Sprintf("%s, %s and %d more", labels[0], labels[1], n-2)}, "bring"
	}
	return fmt.Sprintf(". %s %s the migration; the running release (%.9s) still has this code", labels[0], verb, c.Base)
}

// baseNotes are what is to be said about the base: what its source told, which of its lessons were not replayed, and when
// the deploy takes commits back.
func (r *run) baseNotes() []string {
	notes := append(slices.Clone(r.BaseNotes), r.unplayed...)
	if c := r.change; r.Stage == PreDeploy && c.MergeBase != c.Base {
		note := "what is running has commits that this release lacks: the deploy takes them back"
		if c.MergeBase == "" {
			note = "what is running and this release have no commit in common here: the clone may be shallow"
		}
		notes = append(notes, note)
	}
	return notes
}
