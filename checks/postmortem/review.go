package postmortem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Span is how long a part of an incident took, from its beginning.
type Span struct {
	Name  string        // detect, acknowledge, mitigate, resolve
	Took  time.Duration // 0 where Known is false
	At    string        // the moment as written
	Known bool
}

// Spans are the times to detect, acknowledge, mitigate and resolve that people compare
// incidents by. One is known where its moment and the beginning are, in that order.
func (d *Document) Spans() []Span {
	began, err := time.Parse(time.RFC3339, d.StartedAt)
	spans := []Span{{Name: "detect", At: d.DetectedAt}, {Name: "acknowledge", At: d.AcknowledgedAt}, {Name: "mitigate", At: d.MitigatedAt}, {Name: "resolve", At: d.ResolvedAt}}
	for i := range spans {
		s := &spans[i]
		at, atErr := time.Parse(time.RFC3339, s.At)
		if err == nil && atErr == nil && !at.Before(began) {
			s.Took, s.Known = at.Sub(began), true
		}
	}
	return spans
}

// Open tells that something remains to be done.
func (i ActionItem) Open() bool { return i.Status != "done" && i.Status != "cancelled" }

// Overdue tells that an item should have been done before a day, YYYY-MM-DD.
func (i ActionItem) Overdue(today string) bool { return i.Open() && i.Due != "" && i.Due < today }

// statuses of a document, in the order in which it takes them.
var statuses = []string{"draft", "in_review", "reviewed", "closed"}

func (d *Document) hasReached(status string) bool {
	return slices.Index(statuses, d.Status) >= slices.Index(statuses, status)
}

// Review says what a document still lacks for its status, and what in it cannot be: the
// parts that the field's templates ask for (Google's Site Reliability Engineering, appendix
// D; PagerDuty's post-mortem template), times that run backwards, items that nobody can do.
func Review(d *Document) []Problem {
	v := review{d: d}
	v.parts()
	v.times()
	v.items()
	slices.SortStableFunc(v.problems, func(a, b Problem) int { return a.Line - b.Line })
	return v.problems
}

type review struct {
	d        *Document
	problems []Problem
}

func (v *review) problem(line int, format string, args ...any) {
	v.problems = append(v.problems, Problem{Path: v.d.Path, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (v *review) parts() {
	d := v.d
	need := func(status, key string, there bool) {
		if there || !d.hasReached(status) {
			return
		}
		v.problem(d.Line, "%s is missing: a post-mortem that is %s says it", key, strings.ReplaceAll(cmp.Or(d.Status, "draft"), "_", " "))
	}
	if d.Status == "" {
		v.problem(d.Line, "status is missing: draft, in_review, reviewed or closed")
	}
	need("draft", "title", d.Title != "")
	need("draft", "date", d.Date != "")
	need("in_review", "severity", d.Severity != "")
	need("in_review", "services", len(d.Services) > 0)
	need("in_review", "impact", d.Impact != "")
	need("in_review", "started_at", d.StartedAt != "")
	need("in_review", "detected_at", d.DetectedAt != "")
	need("in_review", "root_causes", len(d.RootCauses) > 0)
	need("reviewed", "mitigated_at", d.MitigatedAt != "" || d.ResolvedAt != "")
	need("reviewed", "resolved_at", d.ResolvedAt != "")
	need("reviewed", "action_items", len(d.ActionItems) > 0)
}

// times must follow on each other: an incident is detected after it began.
func (v *review) times() {
	moments := []struct{ key, text string }{
		{"started_at", v.d.StartedAt}, {"detected_at", v.d.DetectedAt}, {"acknowledged_at", v.d.AcknowledgedAt},
		{"mitigated_at", v.d.MitigatedAt}, {"resolved_at", v.d.ResolvedAt},
	}
	lastKey, last := "", time.Time{}
	for _, m := range moments {
		at, err := time.Parse(time.RFC3339, m.text)
		if err != nil {
			continue
		}
		if lastKey != "" && at.Before(last) {
			v.problem(v.d.Line, "%s %s lies before %s: correct one of them", m.key, m.text, lastKey)
		}
		lastKey, last = m.key, at
	}
	day, dayErr := time.Parse(time.DateOnly, v.d.Date)
	began, err := time.Parse(time.RFC3339, v.d.StartedAt)
	if away := began.Sub(day); dayErr == nil && err == nil && (away < -24*time.Hour || away > 48*time.Hour) { // whatever the zones
		v.problem(v.d.Line, "date %s is not the day of started_at %s", v.d.Date, v.d.StartedAt)
	}
}

func (v *review) items() {
	d := v.d
	if !d.hasReached("reviewed") {
		return
	}
	prevents := false
	for _, item := range d.ActionItems {
		cited := Cite(d, item)
		prevents = prevents || item.Type == "prevent" || len(item.EnforcedBy) > 0
		if item.Action == "" {
			v.problem(item.Line, "%s does not say what is to be done: give it an action", cited)
		}
		if item.Type == "" {
			v.problem(item.Line, "%s has no type: mitigate, prevent, detect, process or other", cited)
		}
		if item.Status == "" {
			v.problem(item.Line, "%s has no status: open, in_progress, done or cancelled", cited)
		}
		if !item.Open() {
			continue
		}
		if item.Owner == "" {
			v.problem(item.Line, "%s has no owner: what nobody owns is not done", cited)
		}
		if item.Due == "" {
			v.problem(item.Line, "%s has no due date: write one as YYYY-MM-DD", cited)
		}
		if d.Status == "closed" {
			v.problem(item.Line, "%s is %s, and the post-mortem is closed: finish or cancel it, or leave the post-mortem reviewed", cited, strings.ReplaceAll(cmp.Or(item.Status, "open"), "_", " "))
		}
	}
	if len(d.ActionItems) > 0 && !prevents {
		v.problem(d.Line, "no action item prevents that it happens again: give one the type prevent, or name the rule that enforces it")
	}
}
