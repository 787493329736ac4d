package dora

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// story is twelve weeks of a service: the page of docs/dora.png.
func story(t testing.TB) *Report {
	berlin, _ := config.TimeZone("Europe/Berlin")
	s := newScene(t, "2026-09-07T00:00:00+02:00", "2026-11-27T00:00:00+01:00")
	failures, rework := 0.05, 0.15
	s.options.Zone, s.options.Repository = berlin, "acme/orders"
	s.options.Targets = config.Targets{DeploymentFrequency: &config.Rate{Times: 3, Per: "week"}, LeadTime: 24 * time.Hour, ChangeFailureRate: &failures,
		RecoveryTime: time.Hour, ReworkRate: &rework}
	s.found.What = "successful runs of job deploy on main at CircleCI (gh/acme/orders)"

	number := int64(1200)
	live := s.commit("2026-09-03T08:00:00Z", "Start")
	s.deployed(number, fmt.Sprintf("pipeline %d", number), live, "2026-09-04T08:00:00Z")
	leads := []time.Duration{5, 2, 30, 9, 52, 3, 21, 6}
	for week, deployments := range []int{3, 4, 2, 5, 4, 6, 3, 5, 4, 0, 5, 4} {
		for i := range deployments {
			ended := s.at("2026-09-07T09:30:00Z").AddDate(0, 0, 7*week+min(i, 4)).Add(time.Duration(i) * 50 * time.Minute)
			before, k := live, int(number)
			for n := range 1 + k%3 {
				begun := ended.Add(-leads[(k+n)%len(leads)] * time.Hour)
				live = s.commit(begun.Format(time.RFC3339), fmt.Sprintf("Change %d of pipeline %d", n+1, number+1))
			}
			number++
			name := fmt.Sprintf("pipeline %d", number)
			s.deployed(number, name, live, ended.Format(time.RFC3339))
			at := func(minutes int) string { return ended.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339) }
			switch {
			case week == 2 && i == 1:
				s.incident(postmortem.Document{ID: "PM-2026-006", Title: "Orders API answers with 500 after a column was dropped", StartedAt: at(7), ResolvedAt: at(40), IntroducedBy: live})
				s.deployed(number-1, fmt.Sprintf("pipeline %d again", number-1), before, at(25))
				live = s.commit(at(60), "Keep the column until nothing reads it\n\nFixes PM-2026-006")
			case week == 5 && i == 3:
				s.deployed(number-1, fmt.Sprintf("pipeline %d again", number-1), before, at(12))
			case week == 7 && i == 2:
				s.incident(postmortem.Document{ID: "PM-2026-007", Title: "Checkout waits for a lock", StartedAt: at(3), MitigatedAt: at(80), Trigger: "deploy " + fmt.Sprint(number)})
			case week == 8 && i == 0:
				s.incident(postmortem.Document{ID: "PM-2026-008", Title: "A disk of the replica was full", StartedAt: at(300), ResolvedAt: at(420), Trigger: "a disk of db2"})
			}
			if k%9 == 4 {
				s.run(number, name, live, ended.Add(-15*time.Minute).Format(time.RFC3339), Failed)
			}
		}
	}
	for i := range s.found.Runs {
		s.found.Runs[i].URL = "https://app.circleci.com/pipelines/github/acme/orders"
	}
	return s.measure()
}

// shared is what a page has in common with those of other packages, which may change it without this one.
var shared = regexp.MustCompile(`(?s)<style>.*</style>|'sha256-[^']*'`)

// golden holds a text against a file; the commit ids in it are the same on every machine.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shared.ReplaceAllString(string(want), ""), shared.ReplaceAllString(got, "")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it, and cmd/pmcheck's -run Picture -update takes the picture):\n%s", file, diff)
	}
}

func TestStory(t *testing.T) {
	r := story(t)
	golden(t, "testdata/story.txt", r.Text())
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/story.html", page.String())
	if strings.Contains(page.String(), " style=") || strings.Contains(page.String(), "<script") {
		t.Error("the page has a style attribute or a script, which its policy forbids")
	}
}

// Text from elsewhere is shown and nothing more.
func TestHostileTexts(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	const bad = "<script>alert(1)</script>\x1b[31m\u202e\n::error::x"
	head := s.commit("2026-11-02T09:00:00Z", bad)
	s.deployed(2, bad, head, "2026-11-02T10:00:00Z")
	s.found.Runs[1].URL = "javascript:alert(1)"
	s.found.What, s.options.Repository = bad, bad
	s.incident(postmortem.Document{ID: "PM-1", Title: bad, Date: "2026-11-02", IntroducedBy: head})
	s.options.Unread = []string{bad}
	r := s.measure()
	var page bytes.Buffer
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{page.String(), r.Text()} {
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\n::error") {
			t.Errorf("a control character or a command is in\n%s", text)
		}
	}
	if strings.Contains(page.String(), "<script>") || strings.Contains(page.String(), "javascript:") {
		t.Error("a text became a part of the page")
	}
}

// JSON says null where there is nothing.
func TestJSON(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	text, err := json.MarshalIndent(s.measure(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"value": null`, `"lead_time_seconds": null`, `"change_failure_rate": null`, `"deployments": []`, `"incidents": []`, `"gaps": []`, `"verdict": "none"`, `"deployments": 0`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}
