package dora

import (
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

const hour = 3600.0

// Lead time is the median, from the first commit of what was merged.
func TestLeadTime(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	base := s.commit("2026-10-30T12:00:00Z", "base")
	s.deployed(1, "p1", base, "2026-10-30T13:00:00Z")

	// A merged branch of two commits: the first of Monday 09:00.
	side := s.off("2026-11-02T09:00:00Z", "one", base)
	side = s.off("2026-11-02T15:00:00Z", "two", side)
	s.commit("2026-11-03T09:00:00Z", "Merge pull request #7 from acme/side\n\nTwo commits", side)
	// A squashed one: git knows the merge alone, Tuesday 10:00.
	s.commit("2026-11-03T10:00:00Z", "Squashed (#8)")
	// A commit on the branch itself, Tuesday 11:00.
	head := s.commit("2026-11-03T11:00:00Z", "Straight")
	s.deployed(2, "p2", head, "2026-11-03T12:00:00Z")
	// Wednesday's deploy brings one commit more, made half an hour before.
	head = s.commit("2026-11-04T09:30:00Z", "Late")
	s.deployed(3, "p3", head, "2026-11-04T10:00:00Z")

	r := s.measure()
	// Until p2 ended on Tuesday 12:00: #7 27 h, #8 2 h, "Straight" 1 h; until p3: "Late" 0.5 h.
	// In order 0.5, 1, 2, 27: the median is (1 + 2) / 2 = 1.5 h; the mean would be 7.625 h.
	wantValues(t, r, map[string]float64{LeadTime: 1.5 * hour, FailureRate: 0, Recovery: -1, ReworkRate: 0})
	if got := names(r); got != "p2; p3" {
		t.Errorf("deployments: %s", got)
	}
	if m := r.Metrics[1]; m.Basis != "4 changes, 1 of them squashed" {
		t.Errorf("basis: %s", m.Basis)
	}
	if len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "squashed") {
		t.Errorf("notes: %q", r.Notes)
	}
	c := r.Deployments[0].Changes
	if len(c) != 3 || c[0].PullRequest != 7 || c[0].Squashed || !c[1].Squashed || c[2].PullRequest != 0 || *c[0].Lead != 27*3600 {
		t.Errorf("changes: %+v", c)
	}
}

// A commit that is dated after its deployment has no lead time: it would be negative, and 0 would be a lie.
func TestLeadTimeNegative(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	s.commit("2026-11-03T10:00:00Z", "on time")
	s.deployed(2, "p2", s.commit("2026-11-05T10:00:00Z", "a clock that is ahead"), "2026-11-03T12:00:00Z")
	r := s.measure()
	wantValues(t, r, map[string]float64{LeadTime: 2 * hour}) // 10:00 to 12:00, the other is left out
	if m := r.Metrics[1]; m.Basis != "1 change" || len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "dated after") {
		t.Errorf("%s; %q", m.Basis, r.Notes)
	}
}

// Weeks are those of the zone: from a Monday's midnight there to the next, which is 169 hours when summer time ends.
func TestFrequencyAcrossDaylightSaving(t *testing.T) {
	berlin, _ := config.TimeZone("Europe/Berlin")
	s := newScene(t, "2026-10-11T22:00:00Z", "2026-11-01T23:00:00Z") // Monday 12 October 00:00 CEST to Monday 2 November 00:00 CET
	s.options.Zone = berlin
	for i, at := range []string{
		"2026-10-18T21:59:59Z",                                                 // Sunday 18 October 23:59:59 CEST: week 1
		"2026-10-18T22:00:00Z",                                                 // Monday 19 October 00:00 CEST: week 2, in UTC still Sunday
		"2026-10-25T22:30:00Z",                                                 // Sunday 25 October 23:30 CET: week 2; an hour of it was there twice
		"2026-10-25T23:30:00Z",                                                 // Monday 26 October 00:30 CET: week 3
		"2026-10-28T12:00:00Z", "2026-10-29T12:00:00Z", "2026-11-01T22:59:59Z", // week 3
		"2026-11-01T23:00:00Z", // Monday 2 November 00:00 CET: after the window
	} {
		s.deployed(int64(i+1), "p", s.commit("2026-10-01T00:00:00Z", "c"), at)
	}
	r := s.measure()
	// 1, 2 and 4 in three whole weeks: the median is 2, the mean would be 2.33.
	wantValues(t, r, map[string]float64{Frequency: 2})
	if len(r.Weeks) != 3 {
		t.Fatalf("%d weeks", len(r.Weeks))
	}
	for i, want := range []struct {
		from, to string
		hours    float64
		n        int
	}{{"2026-10-12T00:00:00+02:00", "2026-10-19T00:00:00+02:00", 168, 1}, {"2026-10-19T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 169, 2}, {"2026-10-26T00:00:00+01:00", "2026-11-02T00:00:00+01:00", 168, 4}} {
		w := r.Weeks[i]
		if w.From.Format(time.RFC3339) != want.from || w.To.Format(time.RFC3339) != want.to || w.To.Sub(w.From).Hours() != want.hours || w.Deployments != want.n || !w.Whole {
			t.Errorf("week %d: %+v", i+1, w)
		}
	}
}

// Weeks that the window cuts are no whole weeks, and days and months are counted in their own right.
func TestFrequencyPer(t *testing.T) {
	s := newScene(t, "2026-10-28T00:00:00Z", "2026-12-04T00:00:00Z") // Wednesday to Friday
	for _, at := range []string{"2026-10-30T12:00:00Z", "2026-11-03T09:00:00Z", "2026-11-03T12:00:00Z", "2026-11-17T12:00:00Z", "2026-12-01T12:00:00Z"} {
		s.deployed(1, "p", s.commit("2026-10-01T00:00:00Z", "c"), at)
	}
	// Whole weeks from 2, 9, 16 and 23 November: 2, 0, 1, 0; in order 0, 0, 1, 2: the median is 0.5.
	wantValues(t, s.measure(), map[string]float64{Frequency: 0.5})
	// The one whole month is November: 3.
	s.options.Targets.DeploymentFrequency = &config.Rate{Times: 3, Per: "month"}
	r := s.measure()
	wantValues(t, r, map[string]float64{Frequency: 3})
	if r.Verdict != Met || r.Metrics[0].Unit != "deployments per month" {
		t.Errorf("%s %+v", r.Verdict, r.Metrics[0])
	}
	// From one to the next 3 d 21 h, 3 h, 14 d, 14 d: the median is (93 h + 336 h) / 2 = 214.5 h, 8 d 22.5 h, shown as 8 d 23 h.
	// Of 37 days 4 have deployments, so that the median day has 0.
	s.options.Targets.DeploymentFrequency = &config.Rate{Times: 1, Per: "day"}
	r = s.measure()
	wantValues(t, r, map[string]float64{Frequency: 0})
	if r.Verdict != Missed || r.Metrics[0].Basis != "5 deployments, on 4 of 37 days, 37 whole days, a median of 8 d 23 h apart" {
		t.Errorf("%s %+v", r.Verdict, r.Metrics[0])
	}
}

// What is deployed again counts once: the rerun of a workflow, a second pipeline of the same commit. What failed, was canceled
// or is underway is no deployment.
func TestReruns(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	a := s.commit("2026-11-02T08:00:00Z", "a")
	s.run(2, "p2", a, "2026-11-02T09:00:00Z", Failed)
	s.deployed(2, "p2", a, "2026-11-02T10:00:00Z") // the rerun that succeeded
	s.deployed(2, "p2", a, "2026-11-02T11:00:00Z") // one more
	s.deployed(3, "p3", a, "2026-11-03T11:00:00Z") // a nightly pipeline of the same commit
	b := s.commit("2026-11-04T08:00:00Z", "b")
	s.run(4, "p4", b, "", Underway)
	r := s.measure()
	if got := names(r); got != "p2" || r.NotCounted != (NotCounted{Failed: 1, Reruns: 2, Underway: 1}) {
		t.Errorf("%s; %+v", got, r.NotCounted)
	}
	// a went out at 10:00, two hours after it was made; b did not.
	wantValues(t, r, map[string]float64{Frequency: 1, LeadTime: 2 * hour, FailureRate: 0, ReworkRate: 0})
}

// A rollback is a deployment; it fails what it takes back, and is rework. What goes out again after it is no new change.
func TestRollback(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	a := s.commit("2026-10-30T12:00:00Z", "a")
	s.deployed(1, "p1", a, "2026-10-30T13:00:00Z")
	b := s.commit("2026-11-02T09:00:00Z", "b")
	s.deployed(2, "p2", b, "2026-11-02T10:00:00Z") // b: 1 h
	s.deployed(1, "p1 again", a, "2026-11-02T10:20:00Z")
	c := s.commit("2026-11-03T09:00:00Z", "c, with b mended")
	s.deployed(3, "p3", c, "2026-11-03T12:00:00Z") // c: 3 h; b went out before
	r := s.measure()
	if got := names(r); got != "p2 failed; p1 again rollback rework; p3" {
		t.Errorf("%s", got)
	}
	// Leads of 1 h and 3 h: 2 h. One of three failed, and took 20 minutes, from its end to that of the rollback.
	wantValues(t, r, map[string]float64{Frequency: 3, LeadTime: 2 * hour, FailureRate: 1.0 / 3, Recovery: 1200, ReworkRate: 1.0 / 3})
	if why := r.Deployments[0].Why; why != "p1 again took it back" {
		t.Errorf("failed because %s", why)
	}
}

// A slow deployment that ends after a newer one is no rollback, and the newer one did not fail.
func TestOvertaken(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	a := s.commit("2026-11-02T09:00:00Z", "a")
	b := s.commit("2026-11-02T09:30:00Z", "b")
	s.deployed(3, "p3", b, "2026-11-02T10:00:00Z")
	s.deployed(2, "p2", a, "2026-11-02T10:02:00Z") // began at 9:57
	r := s.measure()
	if got := names(r); got != "p3; p2" || !strings.Contains(r.Notes[0], "p2 ended after p3") {
		t.Errorf("%s; %q", got, r.Notes)
	}
	// Both changes went out with p3: 1 h and half an hour.
	wantValues(t, r, map[string]float64{Frequency: 2, LeadTime: 0.75 * hour, FailureRate: 0, ReworkRate: 0})
}

// Tags do not say that something was taken back: one that is set late on an old commit is no rollback.
func TestTagsAreNoRollbacks(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.found.Tags = true
	a := s.commit("2026-10-29T12:00:00Z", "a")
	b := s.commit("2026-10-30T12:00:00Z", "b")
	s.deployed(0, "v2", b, "2026-11-01T13:00:00Z")
	s.deployed(0, "v1.late", a, "2026-11-03T13:00:00Z")
	r := s.measure()
	if got := names(r); got != "v1.late" {
		t.Errorf("%s", got)
	}
	// Nor is there a post-mortem: 0 would say that nothing failed, and nobody knows.
	wantValues(t, r, map[string]float64{LeadTime: -1, FailureRate: -1, Recovery: -1, ReworkRate: 0})
	if r.Weeks[0].FailureRate != nil || len(r.Gaps) != 1 {
		t.Errorf("%+v %q", r.Weeks[0], r.Gaps)
	}
	s.incident(postmortem.Document{ID: "PM-1", Date: "2026-01-01", Trigger: "a disk"})
	wantValues(t, s.measure(), map[string]float64{FailureRate: 0})
}

// The incident of a post-mortem fails the deployment that brought its commit. The rollback that mended it fails nothing more.
func TestIncident(t *testing.T) {
	s := newScene(t, "2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z")
	a := s.commit("2026-02-27T12:00:00Z", "a")
	s.deployed(1233, "pipeline 1233", a, "2026-02-27T13:00:00Z")
	drop := s.commit("2026-03-03T11:00:00Z", "Drop a column")
	s.deployed(1234, "pipeline 1234", s.commit("2026-03-03T13:00:00Z", "more"), "2026-03-03T14:05:00Z")
	s.deployed(1233, "pipeline 1233 again", a, "2026-03-03T14:30:00Z")
	s.incident(postmortem.Document{ID: "PM-2026-001", Date: "2026-03-03", StartedAt: "2026-03-03T15:12:00+01:00", MitigatedAt: "2026-03-03T14:30:00Z",
		ResolvedAt: "2026-03-03T14:45:00Z", IntroducedBy: drop[:10], Trigger: "deploy 1"})
	r := s.measure()
	if got := names(r); got != "pipeline 1234 failed; pipeline 1233 again rollback rework" {
		t.Errorf("%s", got)
	}
	// 15:12+01:00 is 14:12 UTC; resolved at 14:45: 33 minutes. Leads: 3 h 5 min and 1 h 5 min, the median 2 h 5 min.
	wantValues(t, r, map[string]float64{FailureRate: 0.5, Recovery: 33 * 60, ReworkRate: 0.5, LeadTime: 2*hour + 300})
	if len(r.Incidents) != 1 || r.Incidents[0].Deployment != "pipeline 1234" || r.Incidents[0].Because != "it brought "+drop[:9] {
		t.Errorf("%+v", r.Incidents)
	}
}

// Two incidents of one deployment are one failed deployment, and one time of recovery.
func TestTwoIncidentsOfOneDeployment(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	one := s.commit("2026-11-02T09:00:00Z", "one")
	two := s.commit("2026-11-02T09:10:00Z", "two")
	s.deployed(2, "p2", two, "2026-11-02T10:00:00Z")
	s.deployed(3, "p3", s.commit("2026-11-03T09:00:00Z", "three"), "2026-11-03T10:00:00Z")
	s.incident(postmortem.Document{ID: "A", StartedAt: "2026-11-02T10:30:00Z", ResolvedAt: "2026-11-02T11:00:00Z", IntroducedBy: one})
	s.incident(postmortem.Document{ID: "B", StartedAt: "2026-11-02T10:10:00Z", ResolvedAt: "2026-11-02T10:50:00Z", IntroducedBy: two})
	r := s.measure()
	// One of two failed; from B's beginning at 10:10 to A's end at 11:00 it took 50 minutes.
	wantValues(t, r, map[string]float64{FailureRate: 0.5, Recovery: 3000})
	if got := r.Deployments[0].Incidents; len(got) != 2 || len(r.Incidents) != 2 {
		t.Errorf("%q, %+v", got, r.Incidents)
	}
}

// What no deployment caused counts not at all; what nobody can tell is a gap.
func TestIncidentsWithoutADeployment(t *testing.T) {
	tests := []struct {
		name    string
		doc     postmortem.Document
		because string
		gap     bool
	}{
		{"a disk", postmortem.Document{Trigger: "a disk of db1 failed", Date: "2026-11-03"}, "its trigger names no deployment that is known, and it has no introduced_by", false},
		{"nothing said", postmortem.Document{Date: "2026-11-03"}, "it says neither introduced_by nor trigger, so that nobody knows whether a deployment caused it", true},
		{"no such commit", postmortem.Document{Date: "2026-11-03", IntroducedBy: "feedfacefeed"}, "introduced_by names feedfacefeed, which is no commit of this clone", true},
		{"before the window", postmortem.Document{Date: "2026-11-03", IntroducedBy: "main~2"}, "a deployment before the window brought ", false},
		{"after the incident", postmortem.Document{StartedAt: "2026-11-02T09:30:00Z", IntroducedBy: "main~1"}, "p2 brought ", true},
		{"on a branch", postmortem.Document{Date: "2026-11-03", IntroducedBy: "side"}, "no deployment that is known has ", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
			old := s.commit("2026-10-30T12:00:00Z", "base")
			s.deployed(1, "p1", old, "2026-10-30T13:00:00Z")
			s.deployed(2, "p2", s.commit("2026-11-02T09:00:00Z", "one"), "2026-11-02T10:00:00Z")
			s.commit("2026-11-05T09:00:00Z", "not deployed")
			s.write("refs/heads/side", s.off("2026-11-02T09:00:00Z", "one, not yet squashed", old)+"\n")
			tt.doc.ID = "PM-1"
			s.incident(tt.doc)
			s.options.Targets.ChangeFailureRate = new(float64)
			r := s.measure()
			wantValues(t, r, map[string]float64{FailureRate: 0, Recovery: -1})
			if len(r.Incidents) != 1 || r.Incidents[0].Deployment != "" || !strings.HasPrefix(r.Incidents[0].Because, tt.because) {
				t.Fatalf("%+v", r.Incidents)
			}
			verdict := Met // none of one deployment, with a target of 0%
			if tt.gap {
				verdict = Unknown
			}
			if (len(r.Gaps) == 1) != tt.gap || r.Metrics[2].Verdict != verdict || r.Verdict != verdict {
				t.Errorf("%+v, %s", r.Gaps, r.Verdict)
			}
		})
	}
}

// A run that failed counts when an incident was its own; and what went out twice belongs to the incident's second time.
func TestWhichDeployment(t *testing.T) {
	for _, tt := range []struct{ began, want string }{
		{"2026-11-02T09:02:00Z", "p2 failed; p3; p1 rollback rework; p4"},    // during the run that failed
		{"2026-11-02T10:30:00Z", "p3 failed; p1 rollback rework; p4"},        // after its rerun; the rollback is explained
		{"2026-11-04T12:00:00Z", "p3 failed; p1 rollback rework; p4 failed"}, // when it was back: p3 is what the rollback took back
	} {
		s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
		a := s.commit("2026-10-30T12:00:00Z", "a")
		s.deployed(1, "p0", a, "2026-10-30T13:00:00Z")
		b := s.commit("2026-11-02T08:00:00Z", "b")
		s.run(2, "p2", b, "2026-11-02T09:05:00Z", Failed) // began at 9:00
		s.deployed(3, "p3", b, "2026-11-02T10:00:00Z")
		s.deployed(1, "p1", a, "2026-11-02T11:00:00Z")
		s.deployed(4, "p4", s.commit("2026-11-03T08:00:00Z", "c"), "2026-11-04T10:00:00Z")
		s.incident(postmortem.Document{ID: "PM-1", StartedAt: tt.began, ResolvedAt: "2026-11-05T00:00:00Z", IntroducedBy: b})
		if got := names(s.measure()); got != tt.want {
			t.Errorf("began %s: %s, want %s", tt.began, got, tt.want)
		}
	}
}

// Without introduced_by the trigger may name a deployment: by number, name or commit.
func TestTrigger(t *testing.T) {
	for trigger, want := range map[string]string{
		"deploy 41": "v1.4", "Pipeline #41 of orders": "v1.4", "deploy 4": "", "release of v1.4, by hand": "v1.4", "v1.40": "", "41 users": "", "commit %.8s": "v1.4",
	} {
		s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
		s.deployed(1, "v1.3", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
		head := s.commit("2026-11-02T09:00:00Z", "one")
		s.deployed(41, "v1.4", head, "2026-11-02T10:00:00Z")
		s.incident(postmortem.Document{ID: "PM-1", Date: "2026-11-02", Trigger: strings.ReplaceAll(trigger, "%.8s", head[:8])})
		if got := s.measure().Incidents[0]; got.Deployment != want {
			t.Errorf("%q: %+v, want %q", trigger, got, want)
		}
	}
}

// A failed deployment whose end nobody wrote down is left out of the median, and makes it partial.
func TestRecoveryNotKnown(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	one := s.commit("2026-11-02T09:00:00Z", "one")
	s.deployed(2, "p2", one, "2026-11-02T10:00:00Z")
	two := s.commit("2026-11-03T09:00:00Z", "two")
	s.deployed(3, "p3", two, "2026-11-03T10:00:00Z")
	s.incident(postmortem.Document{ID: "A", StartedAt: "2026-11-02T10:30:00Z", IntroducedBy: one})
	s.incident(postmortem.Document{ID: "B", Date: "2026-11-03", MitigatedAt: "2026-11-03T10:12:00Z", IntroducedBy: two}) // from p3's end: 12 minutes
	s.options.Targets.RecoveryTime = time.Hour
	r := s.measure()
	wantValues(t, r, map[string]float64{FailureRate: 1, Recovery: 720})
	if m := r.Metrics[3]; m.Verdict != Unknown || len(m.Gaps) != 1 || m.Gaps[0] != "p2: A says neither resolved_at nor mitigated_at" || m.Basis != "1 of 2 failed deployments" {
		t.Errorf("%+v", m)
	}
}

func TestRework(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.commit("2026-10-29T12:00:00Z", "Long ago (#5)")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	base := s.main
	one := s.commit("2026-11-02T09:00:00Z", "one (#6)")
	s.deployed(2, "p2", one, "2026-11-02T10:00:00Z")
	never := s.commit("2026-11-02T11:00:00Z", "never deployed alone")
	for i, message := range []string{
		"Revert \"never\"\n\nThis reverts commit " + never + ".", // in the same deployment: it never ran
		"Revert \"one\"\n\nThis reverts commit " + one + ".",
		"Revert \"one\" (#9)\n\nReverts acme/orders#6",
		"Revert what is older (#10)\n\nReverts #5",
		"Revert of another repository\n\nReverts acme/cart#6",
		"Take the column back\n\nFixes PM-2026-001.",
		"Index it\n\nFixes PM-2026-001/AI-2",
		"Fixes #4, PM-2026-001 has more",
		"HOTFIX: again",
		"Revert base\n\nThis reverts commit " + base + ".",
	} {
		s.deployed(int64(10+i), "p"+string(rune('a'+i)), s.commit("2026-11-04T09:00:00Z", message), s.at("2026-11-04T10:00:00Z").Add(time.Duration(i)*time.Hour).Format(time.RFC3339))
	}
	s.incident(postmortem.Document{ID: "PM-2026-001", Date: "2026-01-03"})
	s.options.Rework, s.options.Repository = []string{"hotfix*"}, "acme/orders"
	r := s.measure()
	if got := names(r); got != "p2; pa; pb rework; pc rework; pd rework; pe; pf rework; pg; ph; pi rework; pj rework" {
		t.Errorf("%s", got)
	}
	wantValues(t, r, map[string]float64{ReworkRate: 6.0 / 11})
}

// Where there is nothing there is no figure, and no target is called met for it.
func TestNothing(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.commit("2026-11-03T00:00:00Z", "a")
	limit := 0.15
	s.options.Targets = config.Targets{DeploymentFrequency: &config.Rate{Times: 1, Per: "week"}, LeadTime: time.Hour, ChangeFailureRate: &limit, RecoveryTime: time.Hour, ReworkRate: &limit}
	r := s.measure()
	wantValues(t, r, map[string]float64{Frequency: -1, LeadTime: -1, FailureRate: -1, Recovery: -1, ReworkRate: -1})
	for _, m := range r.Metrics {
		if m.Verdict != Unknown {
			t.Errorf("%s: %s", m.ID, m.Verdict)
		}
	}
	// A project that deployed before the window and not in it did deploy: 0 a week.
	s.deployed(1, "p1", s.main, "2026-10-01T00:00:00Z")
	r = s.measure()
	wantValues(t, r, map[string]float64{Frequency: 0, LeadTime: -1, FailureRate: -1, Recovery: -1, ReworkRate: -1})
	if r.Metrics[0].Verdict != Missed || r.Metrics[1].Verdict != NoData || r.Verdict != Missed {
		t.Errorf("%s, %+v", r.Verdict, r.Metrics)
	}
}

// What ran before the first deployment that is known is not known, so nobody can tell what it brought.
func TestFirstDeployment(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	old := s.commit("2025-10-30T12:00:00Z", "old")
	s.deployed(1, "p1", s.commit("2026-11-02T09:00:00Z", "new"), "2026-11-02T10:00:00Z")
	s.deployed(2, "p2", s.commit("2026-11-03T09:00:00Z", "newer"), "2026-11-03T13:00:00Z")
	s.incident(postmortem.Document{ID: "PM-1", StartedAt: "2026-11-04T10:30:00Z", IntroducedBy: old})
	r := s.measure()
	// Of p2's "newer" alone: 4 h. p1 may have brought a year's work.
	wantValues(t, r, map[string]float64{LeadTime: 4 * hour, FailureRate: 0})
	if got := names(r); got != "p1 unknown; p2" || !strings.Contains(r.Incidents[0].Because, "first deployment that is known, or before it") || len(r.Notes) != 1 {
		t.Errorf("%s; %+v; %q", got, r.Incidents, r.Notes)
	}
}

// A commit that the clone lacks, and a source that was cut off, make figures partial: no target is met or missed by them.
func TestGaps(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	s.deployed(2, "p2", strings.Repeat("ab", 20), "2026-11-02T10:00:00Z")
	s.deployed(3, "p3", s.commit("2026-11-03T09:00:00Z", "one"), "2026-11-03T10:00:00Z") // what p2 had of it is not known
	s.deployed(4, "p4", s.commit("2026-11-04T09:00:00Z", "two"), "2026-11-04T12:00:00Z")
	s.options.Targets.LeadTime = 4 * time.Hour
	s.options.Targets.DeploymentFrequency = &config.Rate{Times: 3, Per: "week"}
	r := s.measure()
	wantValues(t, r, map[string]float64{Frequency: 3, LeadTime: 3 * hour})
	if names(r) != "p2 unknown; p3 unknown; p4" || r.Metrics[0].Verdict != Met || r.Metrics[1].Verdict != Unknown || r.Verdict != Unknown {
		t.Errorf("%s; %+v", names(r), r.Metrics)
	}
	s.found.Gaps = []string{"the list was cut off"}
	if r = s.measure(); r.Metrics[0].Verdict != Unknown {
		t.Errorf("%+v", r.Metrics[0])
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		of   []float64
		want float64
	}{{[]float64{5}, 5}, {[]float64{9, 1}, 5}, {[]float64{100, 1, 2}, 2}, {[]float64{4, 1, 3, 100}, 3.5}} {
		if got := median(tt.of); got == nil || *got != tt.want {
			t.Errorf("%v: %v, want %v", tt.of, got, tt.want)
		}
	}
	if median(nil) != nil || share(0, 0) != nil {
		t.Error("of nothing there is a figure")
	}
}
