package job

import (
	"reflect"
	"testing"
	"time"
)

func TestDeployApply(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 3, 3, 14, minute, 0, 0, time.UTC) }
	ended := func(state, run string, minute int) DeployEvent {
		return DeployEvent{Deploy: Deploy{Key: "p/deploy", State: state, Run: run, Happened: at(minute)}, Decides: true}
	}
	failedJob := func(run, name string, minute int, decides bool) DeployEvent {
		return DeployEvent{Deploy: Deploy{Key: "p/deploy", State: DeployFailed, Run: run, Happened: at(minute), Jobs: []FailedJob{{run, name}}}, Decides: decides}
	}
	for name, test := range map[string]struct {
		events   []DeployEvent
		notices  []bool
		state    string
		failures int
		jobs     []string
		failed   int // minute of the first failure; -1 for none
	}{
		"it goes well":                      {[]DeployEvent{ended(DeploySucceeded, "1", 5)}, []bool{false}, DeploySucceeded, 0, nil, -1},
		"it fails":                          {[]DeployEvent{ended(DeployFailed, "1", 5)}, []bool{true}, DeployFailed, 1, nil, 5},
		"one event for each of two hooks":   {[]DeployEvent{ended(DeployFailed, "1", 5), ended(DeployFailed, "1", 5)}, []bool{true, false}, DeployFailed, 1, nil, 5},
		"the job is told before":            {[]DeployEvent{failedJob("1", "ship", 4, false), ended(DeployFailed, "1", 5)}, []bool{false, true}, DeployFailed, 1, []string{"ship"}, 5},
		"the job is told after":             {[]DeployEvent{ended(DeployFailed, "1", 5), failedJob("1", "ship", 4, false)}, []bool{true, false}, DeployFailed, 1, []string{"ship"}, 5},
		"a rerun fails":                     {[]DeployEvent{ended(DeployFailed, "1", 5), ended(DeployFailed, "2", 9)}, []bool{true, true}, DeployFailed, 2, nil, 5},
		"a rerun succeeds":                  {[]DeployEvent{ended(DeployFailed, "1", 5), ended(DeploySucceeded, "2", 9)}, []bool{true, true}, DeployRecovered, 1, nil, 5},
		"it recovers, and fails again":      {[]DeployEvent{ended(DeployFailed, "1", 5), ended(DeploySucceeded, "2", 9), ended(DeployFailed, "3", 12)}, []bool{true, true, true}, DeployFailed, 2, nil, 5},
		"success is told twice":             {[]DeployEvent{ended(DeployFailed, "1", 5), ended(DeploySucceeded, "2", 9), ended(DeploySucceeded, "2", 9)}, []bool{true, true, false}, DeployRecovered, 1, nil, 5},
		"the failure comes after its rerun": {[]DeployEvent{ended(DeploySucceeded, "2", 9), ended(DeployFailed, "1", 5)}, []bool{false, false}, DeploySucceeded, 0, nil, -1},
		"a job decides":                     {[]DeployEvent{failedJob("1", "ship", 4, true), failedJob("1", "ship", 4, true), failedJob("1", "migrate", 5, true)}, []bool{true, false, true}, DeployFailed, 1, []string{"ship", "migrate"}, 4},
		"only the newest run's jobs":        {[]DeployEvent{failedJob("1", "ship", 4, true), failedJob("2", "migrate", 8, true)}, []bool{true, true}, DeployFailed, 2, []string{"migrate"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			var d Deploy
			for i, e := range test.events {
				if notice := d.Apply(e); notice != test.notices[i] {
					t.Errorf("event %d: notice %v, want %v", i, notice, test.notices[i])
				}
			}
			if d.State != test.state || d.Failures != test.failures || !reflect.DeepEqual(d.FailedJobs(), test.jobs) {
				t.Errorf("it is %s with %d failures and the failed jobs %v, want %s, %d, %v", d.State, d.Failures, d.FailedJobs(), test.state, test.failures, test.jobs)
			}
			if (test.failed < 0) != d.Failed.IsZero() || test.failed >= 0 && !d.Failed.Equal(at(test.failed)) {
				t.Errorf("it failed first at %v, want minute %d", d.Failed, test.failed)
			}
		})
	}
}

// A deploy that always fails does not grow without bounds.
func TestDeployIsBounded(t *testing.T) {
	var d Deploy
	for i := range 300 {
		run := time.Unix(int64(i), 0).UTC().Format(time.RFC3339)
		d.Apply(DeployEvent{Deploy: Deploy{State: DeployFailed, Run: run, Happened: time.Unix(int64(i), 0), Jobs: []FailedJob{{run, "ship"}}}, Decides: true})
	}
	if len(d.Jobs) != maxFailedJobs || d.Failures != 300 || len(d.FailedJobs()) != 1 {
		t.Errorf("%d jobs, %d failures, failed in the newest run: %v", len(d.Jobs), d.Failures, d.FailedJobs())
	}
}
