package job

import (
	"slices"
	"time"
)

// A Deploy is one deploy by CircleCI: a workflow of a pipeline, together with its reruns.
type Deploy struct {
	Key        string // tells it from all others, and its reruns not from it
	Repository string // OWNER/NAME
	Project    string // CircleCI's slug, as the configuration has it
	Pipeline   int64  // its number
	Workflow   string // its name; "" where CircleCI does not say
	Branch     string // "" for a tag
	Tag        string
	Commit     string
	URL        string // of the newest run, for people; "" where CircleCI does not say

	State    string    // DeployRuns, DeployFailed, DeploySucceeded or DeployRecovered
	Happened time.Time // when the newest run came to this state
	Failed   time.Time // when a run failed for the first time
	Failures int       // runs that failed
	Run      string    // the newest run that State is of
	Jobs     []FailedJob

	// What its failure starts, as the configuration had it at the newest event.
	Notify   string // Slack channel to tell; "" for none
	Incident string // severity of the incident to open; "" for none
}

// The states of a deploy.
const (
	DeployRuns      = "runs" // a job has failed, and the run has not ended
	DeployFailed    = "failed"
	DeploySucceeded = "succeeded"
	DeployRecovered = "recovered" // a rerun of what had failed succeeded
)

// A FailedJob is a job that failed in one run of a deploy.
type FailedJob struct{ Run, Name string }

// maxFailedJobs bounds what is kept of a deploy: the newest.
const maxFailedJobs = 50

// FailedJobs are the names of the jobs that failed in the newest run.
func (d Deploy) FailedJobs() []string {
	var names []string
	for _, j := range d.Jobs {
		if j.Run == d.Run && !slices.Contains(names, j.Name) {
			names = append(names, j.Name)
		}
	}
	return names
}

// A DeployEvent is what one event of CircleCI says of a deploy.
type DeployEvent struct {
	Deploy Deploy // its State is what the event says; Jobs are those that the event says have failed
	// Decides tells that the event says whether the deploy went well. An event about one of its jobs, else, is kept for those who read of it.
	Decides bool
}

// Apply brings a deploy up to an event, which may come late or twice. notice is true when somebody is to be told: a run
// has failed, or another job of it, or a rerun has succeeded. The zero Deploy is one of which nothing is known.
func (d *Deploy) Apply(e DeployEvent) (notice bool) {
	newJob := false
	for _, j := range e.Deploy.Jobs {
		if !slices.Contains(d.Jobs, j) {
			d.Jobs = append(d.Jobs, j)
			newJob = true
		}
	}
	if over := len(d.Jobs) - maxFailedJobs; over > 0 {
		d.Jobs = slices.Delete(d.Jobs, 0, over)
	}
	if d.State == "" {
		known := d.Jobs
		*d = e.Deploy
		d.Jobs, d.State, d.Happened, d.Run, d.Failed, d.Failures = known, DeployRuns, time.Time{}, "", time.Time{}, 0
	}
	if !e.Decides || e.Deploy.Happened.Before(d.Happened) {
		return false
	}
	before := *d
	*d = e.Deploy
	d.Jobs, d.Failed, d.Failures = before.Jobs, before.Failed, before.Failures
	if e.Deploy.State == DeploySucceeded {
		if before.Failures > 0 {
			d.State = DeployRecovered
		}
		return before.State == DeployFailed
	}
	if before.State == DeployFailed && before.Run == d.Run && d.Failures > 0 {
		return newJob
	}
	d.Failures++
	if d.Failed.IsZero() {
		d.Failed = d.Happened
	}
	return true
}
