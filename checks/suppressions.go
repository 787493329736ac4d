package checks

import (
	"slices"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
)

// silence marks the findings that a comment with a reason silences, and notes
// which comments did so.
func silence(document *facts.Facts, findings []policy.Finding) {
	for i := range document.Suppressions {
		s := &document.Suppressions[i]
		if s.Problem != "" {
			continue
		}
		for j := range findings {
			f := &findings[j]
			if !slices.Contains(s.Rules, f.Rule) || !covers(*s, f) {
				continue
			}
			f.Suppressed, f.Reason = true, s.Reason
			if !slices.Contains(s.Used, f.Rule) {
				s.Used = append(s.Used, f.Rule)
			}
		}
	}
}

// covers tells that a finding is about the statement under a comment: it stands
// there, or is caused there.
func covers(s facts.Suppression, f *policy.Finding) bool {
	within := func(p facts.Place) bool {
		if p.Side == "base" {
			// What a schema file no longer holds: the comment stands above what is left of its table.
			return p.Path == s.Before.Path && p.Line >= s.Before.Line && p.Line <= s.Before.EndLine
		}
		return p.Path == s.Place.Path && p.Line >= s.From && p.Line <= s.To
	}
	if within(f.Location) {
		return true
	}
	// All its causes must be excused, not only one of them.
	return len(f.CausedBy) > 0 && !slices.ContainsFunc(f.CausedBy, func(p facts.Place) bool { return !within(p) })
}
