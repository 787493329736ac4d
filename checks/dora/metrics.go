package dora

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/config"
)

// Metric is one of the five figures.
type Metric struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Definition string   `json:"definition"`
	Value      *float64 `json:"value"` // null = no data
	Unit       string   `json:"unit"`  // deployments per day | deployments per week | deployments per month | seconds | share of 1
	Basis      string   `json:"basis"` // what it was computed from, as a sentence's part
	Target     *float64 `json:"target"`
	AtLeast    bool     `json:"at_least"` // the target is; else at most
	Verdict    string   `json:"verdict"`  // met | missed | unknown | no data | none, where there is no target
	Gaps       []string `json:"gaps"`     // why it is not of the whole
}

// Week is the trend: a week from Monday on, as far as the window has it.
type Week struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	Whole       bool      `json:"whole"`
	Deployments int       `json:"deployments"`
	LeadTime    *float64  `json:"lead_time_seconds"` // this and the next three: null = no data
	FailureRate *float64  `json:"change_failure_rate"`
	Recovery    *float64  `json:"recovery_time_seconds"`
	ReworkRate  *float64  `json:"rework_rate"`
}

// The verdicts.
const (
	Met     = "met"
	Missed  = "missed"
	Unknown = "unknown"
	NoData  = "no data"
	None    = "none"
)

// median is the middle of some values, or the middle between the middle two; nil of none.
func median(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	middle := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return &middle
}

// share is a part of a whole; nil where the whole is nothing.
func share(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	of := float64(part) / float64(whole)
	return &of
}

// sample are the figures of some deployments.
type sample struct {
	deployments, rollbacks, failed, rework  int
	changes, negative, squashed, unknown    int
	recovered                               int
	lead, recovery, failureRate, reworkRate *float64
	days                                    map[string]bool
}

func sampleOf(deployments []Deployment) sample {
	s := sample{days: map[string]bool{}}
	var leads, recoveries []float64
	for _, d := range deployments {
		s.deployments++
		s.days[d.Ended.Format(time.DateOnly)] = true
		if d.Rollback {
			s.rollbacks++
		}
		if d.Rework != "" {
			s.rework++
		}
		if d.Failed {
			s.failed++
		}
		if d.Recovery != nil {
			recoveries = append(recoveries, float64(*d.Recovery))
		}
		if d.Unknown {
			s.unknown++
		}
		for _, c := range d.Changes {
			s.changes++
			if c.Squashed {
				s.squashed++
			}
			if c.Lead == nil {
				s.negative++
				continue
			}
			leads = append(leads, float64(*c.Lead))
		}
	}
	s.recovered = len(recoveries)
	s.lead, s.recovery = median(leads), median(recoveries)
	s.failureRate, s.reworkRate = share(s.failed, s.deployments), share(s.rework, s.deployments)
	return s
}

// span is a day, a week or a month of the calendar.
type span struct{ from, to time.Time }

// calendar cuts a window at the midnights of its zone. A day has 23 or 25 hours where the clock is changed.
func calendar(from, to time.Time, per string) []span {
	start := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, from.Location())
	next := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	switch per {
	case "week":
		start = start.AddDate(0, 0, -(int(start.Weekday())+6)%7)
		next = func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	case "month":
		start = start.AddDate(0, 0, 1-start.Day())
		next = func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
	}
	var spans []span
	for t := start; t.Before(to); t = next(t) {
		spans = append(spans, span{t, next(t)})
	}
	return spans
}

func (r *Report) during(s span) []Deployment {
	var out []Deployment
	for _, d := range r.Deployments {
		if !d.Ended.Before(s.from) && d.Ended.Before(s.to) {
			out = append(out, d)
		}
	}
	return out
}

// measure computes the metrics from the deployments. asked tells that the source knows of at least one run.
func (r *Report) measure(o Options, known bool) {
	s := sampleOf(r.Deployments)
	r.Weeks = []Week{}
	for _, week := range calendar(r.From, r.To, "week") {
		of := sampleOf(r.during(week))
		w := Week{From: week.from, To: week.to, Whole: !week.from.Before(r.From) && !week.to.After(r.To), Deployments: of.deployments,
			LeadTime: of.lead, FailureRate: of.failureRate, Recovery: of.recovery, ReworkRate: of.reworkRate}
		if w.From.Before(r.From) {
			w.From = r.From
		}
		if w.To.After(r.To) {
			w.To = r.To
		}
		r.Weeks = append(r.Weeks, w)
	}
	r.Metrics = []Metric{r.frequency(s, o.Targets.DeploymentFrequency, known), r.leadTime(s), r.failureRate(s), r.recoveryTime(s), r.reworkRate(s)}
	if len(o.Documents) == 0 && s.deployments > 0 { // nothing says what failed, and 0 would say that nothing did
		if m := &r.Metrics[2]; r.tags {
			m.Value, m.Basis = nil, "there are no post-mortems, and tags tell of no rollback"
			for i := range r.Weeks {
				r.Weeks[i].FailureRate = nil
			}
			r.gap("There are no post-mortems, and tags tell of no rollback: nobody knows what failed", FailureRate, Recovery)
		} else {
			r.note("There are no post-mortems here: of failures only rollbacks are seen.")
		}
	}
	seconds := func(d time.Duration) *float64 {
		if d == 0 {
			return nil
		}
		n := d.Seconds()
		return &n
	}
	targets := []*float64{r.Metrics[0].Target, seconds(o.Targets.LeadTime), o.Targets.ChangeFailureRate, seconds(o.Targets.RecoveryTime), o.Targets.ReworkRate}
	r.Verdict = None
	for i := range r.Metrics {
		m := &r.Metrics[i]
		m.Target, m.Gaps = targets[i], []string{}
		for _, gap := range r.Gaps {
			if slices.Contains(gap.Affects, m.ID) {
				m.Gaps = append(m.Gaps, gap.Text)
			}
		}
		m.judge(known)
		if rank := []string{None, NoData, Met, Unknown, Missed}; slices.Index(rank, m.Verdict) > slices.Index(rank, r.Verdict) {
			r.Verdict = m.Verdict
		}
	}
	if r.Verdict == NoData { // there are targets, and nothing happened that could miss one
		r.Verdict = Met
	}
}

// judge compares a figure with its target. Of what is not whole nobody knows.
func (m *Metric) judge(known bool) {
	switch {
	case m.Target == nil:
		m.Verdict = None
	case len(m.Gaps) > 0, !known:
		m.Verdict = Unknown
	case m.Value == nil && m.ID == Frequency: // the window has no whole week, or whatever the target is per
		m.Verdict = Unknown
	case m.Value == nil:
		m.Verdict = NoData
	case m.AtLeast && *m.Value >= *m.Target, !m.AtLeast && *m.Value <= *m.Target:
		m.Verdict = Met
	default:
		m.Verdict = Missed
	}
}

func (r *Report) frequency(s sample, target *config.Rate, known bool) Metric {
	m := Metric{ID: Frequency, Name: "deployment frequency", AtLeast: true,
		Definition: "The median number of deployments in a whole week of the window. A rollback is a deployment, since it changes production; a run that deploys what is there already is not, nor is one that failed, unless a post-mortem is about it."}
	per := "week"
	if target != nil {
		per, m.Target = target.Per, &target.Times
	}
	var whole int
	m.Value, whole = r.perSpan(per)
	if target == nil && s.deployments > 0 && (m.Value == nil || *m.Value == 0) { // 0 a week would hide them
		if monthly, months := r.perSpan("month"); monthly != nil {
			per, m.Value, whole = "month", monthly, months
		}
	}
	m.Unit = "deployments per " + per
	m.Definition = strings.Replace(m.Definition, "whole week", "whole "+per, 1)
	if !known {
		m.Value, m.Basis = nil, "no deployment is known, in the window or before it"
		return m
	}
	parts := []string{counted(s.deployments, "deployment", "deployments")}
	if s.rollbacks > 0 {
		parts = append(parts, counted(s.rollbacks, "of them a rollback", "of them rollbacks"))
	}
	days := calendar(r.From, r.To, "day")
	parts = append(parts, fmt.Sprintf("on %d of %s", len(s.days), counted(len(days), "day", "days")), counted(whole, "whole "+per, "whole "+per+"s"))
	if apart := r.apart(); apart != nil {
		parts = append(parts, "a median of "+duration(*apart)+" apart")
	}
	m.Basis = strings.Join(parts, ", ")
	return m
}

// apart is the median time between a deployment and the next, in seconds: of who deploys seldom it says more than a rate.
func (r *Report) apart() *float64 {
	var times []float64
	for i := 1; i < len(r.Deployments); i++ {
		times = append(times, r.Deployments[i].Ended.Sub(r.Deployments[i-1].Ended).Seconds())
	}
	return median(times)
}

// perSpan is the median number of deployments in the whole days, weeks or months of the window, and how many these are.
func (r *Report) perSpan(per string) (*float64, int) {
	var numbers []float64
	for _, s := range calendar(r.From, r.To, per) {
		if !s.from.Before(r.From) && !s.to.After(r.To) {
			numbers = append(numbers, float64(len(r.during(s))))
		}
	}
	return median(numbers), len(numbers)
}

func (r *Report) leadTime(s sample) Metric {
	m := Metric{ID: LeadTime, Name: "lead time for changes", Unit: "seconds", Value: s.lead,
		Definition: "The median time from a change's first commit to the end of the first deployment that brought it. A change is a merged pull request, or a commit made on the deployed branch itself; a commit's time is its author date."}
	m.Basis = counted(s.changes-s.negative, "change", "changes")
	if s.changes == 0 {
		m.Basis = "no change was deployed"
	}
	if s.squashed > 0 {
		m.Basis += fmt.Sprintf(", %d of them squashed", s.squashed)
		r.note("Of %s the pull request was squashed: git no longer knows the first commit, and the lead time begins when it was merged, which is too late; `--github-pulls` asks GitHub.",
			counted(s.squashed, "change", "changes"))
	}
	if s.negative > 0 {
		r.note("%s a commit that is dated after the deployment, and no lead time.", counted(s.negative, "change has", "changes have"))
	}
	if s.unknown > 0 {
		m.Basis += fmt.Sprintf("; what %s brought is not known", counted(s.unknown, "deployment", "deployments"))
	}
	return m
}

func (r *Report) failureRate(s sample) Metric {
	return Metric{ID: FailureRate, Name: "change failure rate", Unit: "share of 1", Value: s.failureRate,
		Basis:      fmt.Sprintf("%d of %s", s.failed, counted(s.deployments, "deployment", "deployments")),
		Definition: "The share of deployments that a post-mortem names as the cause (introduced_by, else its trigger), or that a rollback took back. Two incidents of one deployment count once; an incident that names no deployment counts not at all."}
}

func (r *Report) recoveryTime(s sample) Metric {
	m := Metric{ID: Recovery, Name: "failed deployment recovery time", Unit: "seconds", Value: s.recovery,
		Basis:      fmt.Sprintf("%d of %s", s.recovered, counted(s.failed, "failed deployment", "failed deployments")),
		Definition: "The median time from when users were hit (started_at, else the end of the deployment) until it was resolved (resolved_at, else mitigated_at; without a post-mortem the end of the rollback), over failed deployments. Two incidents of one deployment are one time, from the first beginning to the last end."}
	if s.failed == 0 {
		m.Basis = "no deployment is known to have failed"
	}
	for _, d := range r.Deployments {
		if d.NoRecovery != "" {
			r.gap(d.Name+": "+d.NoRecovery, Recovery)
		}
	}
	return m
}

func (r *Report) reworkRate(s sample) Metric {
	return Metric{ID: ReworkRate, Name: "deployment rework rate", Unit: "share of 1", Value: s.reworkRate,
		Basis:      fmt.Sprintf("%d of %s", s.rework, counted(s.deployments, "deployment", "deployments")),
		Definition: "The share of deployments that were not planned and mend an incident: rollbacks, those that revert what was deployed (\"This reverts commit\", \"Reverts #12\"), those with a change that says that it fixes a post-mortem (\"Fixes PM-2026-001\"; an action item is planned work), and those that dora.deploys.rework names."}
}
