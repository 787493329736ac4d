package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// minute is a time of an afternoon.
func minute(m int) time.Time { return time.Date(2026, 3, 3, 14, m, 0, 0, time.UTC) }

func TestEventsOfAWorkflow(t *testing.T) {
	type job = circleci.JobRun
	test := job{ID: "t", Name: "test", Status: "success", StartedAt: minute(0), StoppedAt: minute(2)}
	deploy := job{ID: "d", Name: "deploy", Status: "success", StartedAt: minute(5), StoppedAt: minute(9), Requires: []string{"h"}}
	hold := job{ID: "h", Name: "hold", Status: "success", Approval: true, StartedAt: minute(2), ApprovedBy: "u"}
	with := func(j job, change func(*job)) job { change(&j); return j }
	for _, c := range []struct {
		name    string
		options TimelineOptions
		trigger string
		run     circleci.WorkflowRun
		want    []string // minute, event, by
	}{
		{"jobs that succeed and do not deploy are left out, and counted in the end", TimelineOptions{}, "webhook", circleci.WorkflowRun{Status: "success", StoppedAt: minute(9), Jobs: []job{test, deploy}}, []string{
			"0 Workflow release of pipeline 7 started | author of the change", "9 Workflow release of pipeline 7 succeeded after 9 min: test 2 min, deploy 4 min | CircleCI"}},
		{"or listed", TimelineOptions{AllJobs: true}, "api", circleci.WorkflowRun{Status: "success", StoppedAt: minute(9), Jobs: []job{test}}, []string{
			"0 Workflow release of pipeline 7 started | caller of the API", "0 Job test (workflow release of pipeline 7) started | CircleCI",
			"2 Job test (workflow release of pipeline 7) succeeded after 2 min | CircleCI", "9 Workflow release of pipeline 7 succeeded after 9 min: test 2 min | CircleCI"}},
		{"a job deploys; an approval that does not say when", TimelineOptions{Job: "deploy"}, "schedule", circleci.WorkflowRun{Status: "success", StoppedAt: minute(9), Jobs: []job{deploy, hold}}, []string{
			"0 Workflow release of pipeline 7 started | schedule", "5 Deploy: job deploy (workflow release of pipeline 7) started | CircleCI",
			"9 Deploy: job deploy (workflow release of pipeline 7) succeeded after 4 min | CircleCI", "5 Approved: hold (workflow release of pipeline 7), which had waited for 3 min | approver",
			"9 Workflow release of pipeline 7 succeeded after 9 min: deploy 4 min | CircleCI"}},
		{"of another workflow it does not", TimelineOptions{Job: "deploy", Workflow: "other"}, "", circleci.WorkflowRun{Status: "success", StoppedAt: minute(9), Jobs: []job{deploy}}, []string{
			"0 Workflow release of pipeline 7 started | CircleCI", "9 Workflow release of pipeline 7 succeeded after 9 min: deploy 4 min | CircleCI"}},
		{"the workflow deploys", TimelineOptions{Workflow: "release"}, "explicit", circleci.WorkflowRun{Status: "success", StoppedAt: minute(9), Jobs: []job{deploy}}, []string{
			"0 Deploy: Workflow release of pipeline 7 started | operator", "9 Deploy: Workflow release of pipeline 7 succeeded after 9 min: deploy 4 min | CircleCI"}},
		{"it waits", TimelineOptions{}, "new-kind", circleci.WorkflowRun{Status: "on_hold", Jobs: []job{with(hold, func(j *job) { j.Status = "on_hold" }), with(deploy, func(j *job) { j.Status, j.StoppedAt = "blocked", time.Time{} })}}, []string{
			"0 Workflow release of pipeline 7 started; it waits for an approval | new-kind", "2 Approval asked for: hold (workflow release of pipeline 7) | CircleCI"}},
		{"underway, by itself", TimelineOptions{Job: "deploy"}, "webhook", circleci.WorkflowRun{Status: "running", Rerun: true, FromFailed: true, AutoRerun: 2, Jobs: []job{with(deploy, func(j *job) { j.Status, j.StoppedAt = "running", time.Time{} })}}, []string{
			"0 Workflow release of pipeline 7 run again from what had failed, by itself for the second time; it is not over yet | CircleCI", "5 Deploy: job deploy (workflow release of pipeline 7) started; it is not over yet | CircleCI"}},
		{"a job fails, another is not allowed", TimelineOptions{}, "webhook", circleci.WorkflowRun{Status: "failed", Rerun: true, StartedBy: "u", StoppedAt: minute(3), Jobs: []job{with(test, func(j *job) { j.Status = "timedout" }), with(deploy, func(j *job) { j.Status = "unauthorized" })}}, []string{
			"0 Workflow release of pipeline 7 run again | operator", "2 Job test (workflow release of pipeline 7) ran out of time after 2 min | CircleCI", "3 Workflow release of pipeline 7 failed after 3 min: test 2 min | CircleCI"}},
		{"somebody stops it", TimelineOptions{Actors: true}, "webhook", circleci.WorkflowRun{Status: "canceled", CanceledBy: "u", StoppedAt: minute(3)}, []string{
			"0 Workflow release of pipeline 7 started | author of the change (mia)", "3 Workflow release of pipeline 7 was cancelled after 3 min | operator (anna)"}},
		{"somebody who is not known any more", TimelineOptions{Actors: true}, "webhook", circleci.WorkflowRun{Status: "canceled", CanceledBy: "gone", StoppedAt: minute(3)}, []string{
			"0 Workflow release of pipeline 7 started | author of the change (mia)", "3 Workflow release of pipeline 7 was cancelled after 3 min | operator"}},
		{"a name that is none", TimelineOptions{}, "web\x1b[31mhook", circleci.WorkflowRun{Name: "a\nb\x1b[2J", Status: "error", StoppedAt: minute(1)}, []string{
			`0 Workflow a b\x1b[2J of pipeline 7 started | web\x1b[31mhook`, `1 Workflow a b\x1b[2J of pipeline 7 ended with an error after 1 min | CircleCI`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fakecircleci.New("gh/acme/orders")
			defer server.Close()
			server.Users = map[string]string{"u": "anna"}
			client, err := circleci.New(server.Address(), fakecircleci.Token, "CIRCLE_TOKEN")
			if err != nil {
				t.Fatal(err)
			}
			c.options.Client = client
			if c.run.Name == "" {
				c.run.Name = "release"
			}
			c.run.ID, c.run.CreatedAt = "w", minute(0)
			p := circleci.Pipeline{Number: 7}
			p.Trigger.Type, p.Trigger.Actor.Login = c.trigger, "mia"
			line := &timeline{TimelineOptions: c.options, out: &Timeline{}, users: map[string]string{}}
			line.workflow(t.Context(), p, c.run)
			var got []string
			keys := map[string]bool{}
			for _, e := range line.out.Events {
				got = append(got, fmt.Sprintf("%d %s | %s", e.At.Minute(), e.Event, e.By))
				if keys[e.Key] {
					t.Errorf("two events have the key %s", e.Key)
				}
				keys[e.Key] = true
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if len(line.out.Problems) > 0 {
				t.Error(line.out.Problems)
			}
		})
	}
}

func TestSayOfARange(t *testing.T) {
	many := func(n int) (list []Brought) {
		for i := range n {
			list = append(list, Brought{Label: fmt.Sprintf("#%d", i+1), Title: "T"})
		}
		return list
	}
	ten := many(10)
	ten[9].Migrations = []string{"db/1.sql", "db/2.sql"}
	for want, r := range map[string]DeployRange{
		"; the same commit as before": {From: "a", To: "a"},
		"; brings #1 T, #2 T":         {From: "a", To: "b", Brings: many(2)},
		"; brings #1 T; takes back #1 T, #2 T; and more that is not listed":                                        {From: "a", To: "b", Brings: many(1), TakesBack: many(2), More: true},
		"; brings #10 T (2 migrations, db/1.sql and others), #1 T, #2 T, #3 T, #4 T, #5 T, #6 T, #7 T, and 2 more": {From: "a", To: "b", Brings: ten},
	} {
		if got := r.say(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0 s", -time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 61*time.Second + 400*time.Millisecond: "1 min 1 s", 3*time.Hour + 59*time.Second: "3 h 0 min"} {
		if got := took(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
