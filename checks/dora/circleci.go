package dora

import (
	"context"
	"fmt"
	"time"

	"github.com/pmcheck/pmcheck/checks/circleci"
)

// CircleCI takes each successful run of a job or workflow as a deployment of its pipeline's commit, at the time when it ended.
type CircleCI struct {
	Client *circleci.Client
	Query  circleci.Query
}

// Runs asks CircleCI. Of a workflow that is run again from where it failed, a job that is not run again counts once.
func (s CircleCI) Runs(ctx context.Context, from, to time.Time) (*Found, error) {
	runs, problems, err := s.Client.Deploys(ctx, s.Query, from, to)
	if err != nil {
		return nil, err
	}
	found := &Found{What: fmt.Sprintf("successful runs of %s at CircleCI (%s)", s.Query, s.Query.Project), Gaps: problems}
	type same struct {
		pipeline         int64
		job              string
		started, stopped time.Time
	}
	seen := map[same]bool{}
	for _, r := range runs {
		key := same{r.Pipeline, r.Job, r.Started.UTC(), r.Stopped.UTC()}
		if seen[key] {
			continue
		}
		seen[key] = true
		run := Run{Name: fmt.Sprintf("pipeline %d", r.Pipeline), Number: r.Pipeline, Commit: r.Commit, Started: r.Started, Ended: r.Stopped, URL: r.URL, Outcome: Failed}
		switch {
		case r.Stopped.IsZero():
			run.Outcome = Underway
		case r.Status == "success":
			run.Outcome = Succeeded
		}
		found.Runs = append(found.Runs, run)
	}
	return found, nil
}
