package circleci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PipelineState is how far a pipeline is.
type PipelineState struct {
	Number    int64           `json:"number"`
	State     string          `json:"state"`            // of its creation: created | errored | setup-pending | setup | pending
	Errors    []string        `json:"errors,omitempty"` // why it was not created
	Workflows []WorkflowState `json:"workflows"`
}

// WorkflowState is how far a workflow is.
type WorkflowState struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Status string     `json:"status"` // success | running | not_run | failed | error | failing | on_hold | canceled | unauthorized
	URL    string     `json:"url"`
	Jobs   []JobState `json:"jobs"`
}

// JobState is how far a job is.
type JobState struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Number  int64  `json:"number,omitempty"`  // 0 for one that has none, as an approval
	Type    string `json:"type"`              // build | approval ...
	Stopped string `json:"stopped,omitempty"` // RFC 3339; "" while it is underway
}

// over tells that a workflow has come to its end.
func over(status string) bool {
	switch status {
	case "success", "failed", "error", "canceled", "unauthorized", "not_run":
		return true
	}
	return false
}

// Ended tells that nothing more comes of the pipeline, and Succeeded that all that ran ended well, and something did.
func (p PipelineState) Ended() bool {
	if p.State == "errored" {
		return true
	}
	if len(p.Workflows) == 0 || slices.ContainsFunc(p.Workflows, func(w WorkflowState) bool { return !over(w.Status) }) {
		return false
	}
	// A setup workflow that succeeded is followed by others; one that failed is not.
	return p.State == "created" || slices.ContainsFunc(p.Workflows, bad)
}

func bad(w WorkflowState) bool {
	return over(w.Status) && w.Status != "success" && w.Status != "not_run"
}

// Succeeded tells that all that ran ended well, and something did.
func (p PipelineState) Succeeded() bool {
	return p.Ended() && p.State != "errored" && !slices.ContainsFunc(p.Workflows, bad) &&
		slices.ContainsFunc(p.Workflows, func(w WorkflowState) bool { return w.Status == "success" })
}

// ErrNothingRan says that a pipeline was made and none of its workflows began.
var ErrNothingRan = errors.New("none of its workflows began")

// Follow says what is followed, and how often CircleCI is asked.
type Follow struct {
	Pipeline string               // its id
	Only     func(id string) bool // of its workflows, those that are followed; nil = all
	First    time.Duration        // until the first question; each wait is half as long again, up to Longest
	Longest  time.Duration
	Observe  func(PipelineState) // called after each answer; may be nil
}

const (
	failures = 5  // questions in a row that CircleCI may leave unanswered
	idle     = 12 // answers in a row that know of no workflow
)

// Follow asks how far a pipeline is until it ends or ctx does. A limited rate and a failing server are waited for; the state is
// the last that is known. The error is ErrNothingRan, or says why the end is not known.
func (c *Client) Follow(ctx context.Context, f Follow) (PipelineState, error) {
	var last PipelineState
	wait := f.First
	failed, without := 0, 0
	for {
		if err := c.wait(ctx, wait); err != nil {
			return last, err
		}
		wait = min(wait+wait/2, f.Longest)
		now, err := c.state(ctx, f)
		var refused *Error
		switch {
		case err != nil && ctx.Err() != nil:
			return last, context.Cause(ctx)
		case errors.As(err, &refused) && (refused.Status == 0 || refused.Status == 429 || refused.Status >= 500 || refused.Status == 200):
			if failed++; failed == failures {
				return last, fmt.Errorf("%w, %d times in a row", err, failed)
			}
			wait = max(wait, refused.RetryAfter)
			continue
		case err != nil:
			return last, err
		}
		failed, last = 0, now
		if f.Observe != nil {
			f.Observe(now)
		}
		if now.Ended() {
			return now, nil
		}
		if without++; len(now.Workflows) > 0 {
			without = 0
		}
		if now.State == "created" && without >= idle {
			return now, ErrNothingRan
		}
	}
}

// state asks once.
func (c *Client) state(ctx context.Context, f Follow) (PipelineState, error) {
	p, err := c.pipeline(ctx, f.Pipeline)
	if err != nil {
		return PipelineState{}, err
	}
	s := PipelineState{Number: p.Number, State: cmp.Or(p.State, "created"), Workflows: []WorkflowState{}}
	for _, e := range p.Errors {
		s.Errors = append(s.Errors, strings.TrimSpace(e.Message))
	}
	workflows, err := c.workflows(ctx, p)
	if err != nil {
		return PipelineState{}, err
	}
	for _, w := range workflows {
		if f.Only != nil && !f.Only(w.ID) {
			continue
		}
		state := WorkflowState{ID: w.ID, Name: w.Name, Status: w.Status, URL: pageOf(p, w), Jobs: []JobState{}}
		jobs, err := c.jobs(ctx, w)
		if err != nil {
			return PipelineState{}, err
		}
		for _, j := range jobs {
			job := JobState{Name: j.Name, Status: j.Status, Number: j.Number, Type: j.Type}
			if j.StoppedAt != nil {
				job.Stopped = j.StoppedAt.UTC().Format(time.RFC3339)
			}
			state.Jobs = append(state.Jobs, job)
		}
		s.Workflows = append(s.Workflows, state)
	}
	// CircleCI lists the newest first.
	slices.Reverse(s.Workflows)
	return s, nil
}

// WorkflowIDs are the ids of a pipeline's workflows, by which one that is run again is told from those that were there before.
func (c *Client) WorkflowIDs(ctx context.Context, pipeline string) ([]string, error) {
	workflows, err := c.workflows(ctx, Pipeline{ID: pipeline})
	var ids []string
	for _, w := range workflows {
		ids = append(ids, w.ID)
	}
	return ids, err
}
