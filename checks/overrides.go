package checks

import (
	"slices"

	"github.com/pmcheck/pmcheck/checks/report"
)

// override lets the findings of overridden rules pass. What a comment silences already
// stays as it is. An override that lets nothing pass says why.
func override(r *report.Result, overrides []report.Override, known []string) {
	for _, o := range overrides {
		o.Findings, o.Problem = 0, ""
		switch {
		case !slices.Contains(known, o.Rule):
			o.Problem = "there is no such rule"
		case slices.Contains(r.Overriding.Never, o.Rule):
			o.Problem = "the configuration lets nobody override this rule (overrides: never)"
		default:
			for i := range r.Findings {
				if f := &r.Findings[i]; f.Rule == o.Rule && !f.Suppressed {
					f.Suppressed, f.Reason, f.Overridden = true, o.Reason(), true
					o.Findings++
				}
			}
			if o.Findings == 0 {
				o.Problem = "the rule has found nothing that an override is needed for"
			}
		}
		r.Overrides = append(r.Overrides, o)
	}
	r.Verdict = verdict(r)
}
