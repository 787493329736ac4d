package report

import (
	"fmt"
	"time"
)

// An Override is that somebody let the findings of a rule pass, for one head.
type Override struct {
	Rule    string
	Because string
	By      string // login
	At      time.Time
	URL     string // where it was said; "" when that is not known

	Findings int    // how many it let pass
	Problem  string // why it let none pass; "" when it did
}

// Overriding says who may override rules, and which ones nobody may.
type Overriding struct {
	Permission string // that one needs on the repository: write | maintain | admin
	Never      []string
}

// Reason is what stands with a finding that an override lets pass.
func (o Override) Reason() string {
	return fmt.Sprintf("overridden by @%s because %s, %s", o.By, onOneLine(o.Because), o.At.UTC().Format("2006-01-02 15:04 UTC"))
}

// vain are the overrides that let nothing pass, each in a sentence.
func (r *Result) vain() []string {
	var out []string
	for _, o := range r.Overrides {
		if o.Problem != "" {
			out = append(out, fmt.Sprintf("the override of %s by @%s has no effect: %s", onOneLine(o.Rule), o.By, o.Problem))
		}
	}
	return out
}

// notes are what is to be said before the findings, in every form that a person reads.
func (r *Result) notes() []string {
	var out []string
	if r.Trusted != "" {
		out = append(out, fmt.Sprintf("configuration, own rules and post-mortems are those of %s, not of the base", named(r.TrustedName, "", r.Trusted)))
	}
	return append(append(out, r.BaseNotes...), r.vain()...)
}
