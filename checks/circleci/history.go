package circleci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// HistoryQuery asks what a project's pipelines did in a time.
type HistoryQuery struct {
	Project  string    // the slug, gh/OWNER/NAME
	From, To time.Time // both belong to it
	Branches []string  // none = all; tags always belong to it

	// Before is how long before From a pipeline may have been made of which something ran again within the time, as a
	// rollback does. Each such pipeline costs a call.
	Before time.Duration
}

// PipelineRun is a pipeline and those of its workflows that ran within the time.
type PipelineRun struct {
	Pipeline
	Workflows []WorkflowRun // in order of their beginning
}

// WorkflowRun is a run of a workflow; one that is run again is a WorkflowRun of its own.
type WorkflowRun struct {
	ID, Name   string
	Status     string // success | running | not_run | failed | error | failing | on_hold | canceled | unauthorized
	CreatedAt  time.Time
	StoppedAt  time.Time // zero while it is underway
	StartedBy  string    // a user's id
	CanceledBy string    // a user's id, "" when nobody did
	Rerun      bool      // of a workflow that ran before
	FromFailed bool      // only what had failed, and what waits for that, is run again
	AutoRerun  int       // 1 for the first automatic rerun; 0 = it is none
	URL        string    // its page
	Jobs       []JobRun  // that ran in it: a rerun's do not have those of the run before
}

// JobRun is a job of a workflow.
type JobRun struct {
	ID, Name   string
	Status     string // success | running | failed | canceled | on_hold | blocked | not_run | timedout | infrastructure_fail | unauthorized ...
	Approval   bool   // a person has to agree
	StartedAt  time.Time
	StoppedAt  time.Time // zero while it is underway, and of approvals that do not say
	Requires   []string  // ids of jobs
	ApprovedBy string    // a user's id
	CanceledBy string
}

// failedPipelines is after how many pipelines that cannot be read no more are asked for.
const failedPipelines = 3

var errNotAsked = errors.New("not asked for")

// History is what ran in a time, the oldest pipeline first. Pipelines of forks are left out. problems says what could not be
// read while the rest could; the error is for when nothing could.
func (c *Client) History(ctx context.Context, q HistoryQuery) (runs []PipelineRun, problems []string, err error) {
	horizon := q.From.Add(-q.Before)
	var of []Pipeline
	fetched, reached := 0, false
	err = c.pipelines(ctx, q.Project, "", func(list []Pipeline) (bool, error) {
		fetched++
		for _, p := range list {
			reached = reached || p.CreatedAt.Before(horizon)
			if p.CreatedAt.Before(horizon) || p.CreatedAt.After(q.To) || p.Foreign() ||
				len(q.Branches) > 0 && p.Tag() == "" && !slices.Contains(q.Branches, p.Branch()) {
				continue
			}
			of = append(of, p)
		}
		return !reached, nil
	})
	switch {
	case err != nil && len(of) == 0:
		return nil, nil, err
	case err != nil:
		problems = append(problems, fmt.Sprintf("%s; pipelines before number %d are missing", err, of[len(of)-1].Number))
	case fetched == maxPages && !reached:
		problems = append(problems, fmt.Sprintf("%s has more pipelines than are read, %d pages, since %s: those before are missing; take a shorter time",
			q.Project, maxPages, horizon.UTC().Format("2006-01-02 15:04 UTC")))
	}
	found := make([]PipelineRun, len(of))
	failed := make([]error, len(of))
	var unread counter
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, p := range of {
		group.Go(func() error {
			if unread.add(0) {
				failed[i] = errNotAsked
				return nil
			}
			if found[i], failed[i] = c.ran(ctx, p, q); failed[i] != nil {
				unread.add(1)
			}
			return nil
		})
	}
	_ = group.Wait()
	skipped := 0
	for i := len(of) - 1; i >= 0; i-- {
		switch {
		case errors.Is(failed[i], errNotAsked):
			skipped++
		case failed[i] != nil:
			problems = append(problems, fmt.Sprintf("pipeline %d is not whole: %s", of[i].Number, failed[i]))
		}
		if len(found[i].Workflows) > 0 {
			runs = append(runs, found[i])
		}
	}
	if skipped > 0 {
		problems = append(problems, fmt.Sprintf("%d more pipelines were not asked for, since those did not answer", skipped))
	}
	return runs, problems, nil
}

// counter counts pipelines that could not be read.
type counter struct {
	mu    sync.Mutex
	count int
}

func (f *counter) add(n int) (enough bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count += n
	return f.count >= failedPipelines
}

// ran gives those of a pipeline's workflows that ran within the time. Beside an error stands what was read before it.
func (c *Client) ran(ctx context.Context, p Pipeline, q HistoryQuery) (PipelineRun, error) {
	out := PipelineRun{Pipeline: p}
	workflows, err := c.workflows(ctx, p)
	slices.SortStableFunc(workflows, func(a, b workflow) int { return a.CreatedAt.Compare(b.CreatedAt) })
	before := map[string]bool{}
	for _, w := range workflows {
		setup := w.Tag == "setup"
		rerun := w.AutoRerun > 0 || strings.HasPrefix(w.Tag, "rerun") || before[w.Name] && !setup
		before[w.Name] = before[w.Name] || !setup
		if w.CreatedAt.After(q.To) || w.StoppedAt != nil && w.StoppedAt.Before(q.From) {
			continue
		}
		run := WorkflowRun{
			ID: w.ID, Name: w.Name, Status: w.Status, CreatedAt: w.CreatedAt, StoppedAt: at(w.StoppedAt), StartedBy: w.StartedBy, CanceledBy: w.CanceledBy,
			Rerun: rerun, FromFailed: strings.HasSuffix(w.Tag, "-from-failed"), AutoRerun: w.AutoRerun, URL: pageOf(p, w),
		}
		jobs, jobsErr := c.jobs(ctx, w)
		err = errors.Join(err, jobsErr)
		for _, j := range jobs {
			if began := at(j.StartedAt); !began.IsZero() && began.Before(w.CreatedAt) { // it ran in the run before
				continue
			}
			run.Jobs = append(run.Jobs, JobRun{
				ID: j.ID, Name: j.Name, Status: j.Status, Approval: j.Type == "approval", StartedAt: at(j.StartedAt), StoppedAt: at(j.StoppedAt),
				Requires: j.Requires, ApprovedBy: j.ApprovedBy, CanceledBy: j.CanceledBy,
			})
		}
		out.Workflows = append(out.Workflows, run)
	}
	return out, err
}

// User is the login of a user, by id.
func (c *Client) User(ctx context.Context, id string) (string, error) {
	var user struct {
		Login string `json:"login"`
	}
	err := c.get(ctx, "user "+id, "/user/"+url.PathEscape(id), nil, &user)
	var refused *Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return "", fmt.Errorf("%w: user %s", ErrNotKnown, id)
	}
	return user.Login, err
}
