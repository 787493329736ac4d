package ghissues

import (
	"context"
	"errors"
	"fmt"
)

// What an issue means for the action item that points to it. An issue that is open says nothing of how far the work is.
const (
	Open      = "open"
	Done      = "done"      // closed as completed, or merged
	Cancelled = "cancelled" // closed as not planned or as a duplicate, or closed and not merged
)

// State is what GitHub says of an issue.
type State struct {
	Means string `json:"means"`          // Open, Done or Cancelled
	ETag  string `json:"etag,omitempty"` // of the answer: with it the next call costs nothing where nothing changed
}

// Errors that Asker's wrap. Any other says that GitHub could not be asked.
var (
	ErrNotFound  = errors.New("there is no such issue, or the token may not see it")
	ErrForbidden = errors.New("the token may not read it")
	ErrLimit     = errors.New("GitHub's limit of calls is reached")
)

// An Asker asks what became of an issue. known is what it answered before; where nothing changed since it is the answer.
type Asker interface {
	State(ctx context.Context, r Ref, known State) (State, error)
}

// An Issue is what GitHub answers of an issue or a pull request.
type Issue struct {
	State       string
	Reason      string `json:"state_reason"`
	PullRequest *struct {
		MergedAt string `json:"merged_at"`
	} `json:"pull_request"`
}

// Means is Open, Done or Cancelled. An issue that was closed before there were reasons has none and counts as completed, as
// GitHub shows it. A pull request has none either: it is done when it was merged.
func (i Issue) Means() (string, error) {
	pull := i.PullRequest != nil
	switch {
	case i.State == "open":
		return Open, nil
	case i.State != "closed":
		return "", fmt.Errorf("GitHub says that it is %q, which is neither open nor closed", i.State)
	case pull && i.PullRequest.MergedAt != "", !pull && (i.Reason == "" || i.Reason == "completed"):
		return Done, nil
	case pull, i.Reason == "not_planned", i.Reason == "duplicate":
		return Cancelled, nil
	}
	return "", fmt.Errorf("GitHub says that it was closed as %q, which is neither completed nor not planned", i.Reason)
}

// MaxIssues is how many issues one Ask asks about.
const MaxIssues = 200

// ErrTooMany is the error of issues beyond MaxIssues.
var ErrTooMany = fmt.Errorf("not asked: only %d issues are asked about at once", MaxIssues)

// An Answer is what is known of one issue.
type Answer struct {
	State
	Err error // why nothing is; State is then empty
}

// Ask asks about each issue once, one call after the other as GitHub wants it. known are earlier answers; nil has none. After a
// limit, or when the context ends, it asks no more.
func Ask(ctx context.Context, asker Asker, refs []Ref, known map[Ref]State) map[Ref]Answer {
	out := map[Ref]Answer{}
	var stop error
	for _, r := range refs {
		if _, asked := out[r]; asked {
			continue
		}
		switch {
		case stop != nil:
		case ctx.Err() != nil:
			stop = context.Cause(ctx)
		case len(out) == MaxIssues:
			stop = ErrTooMany
		}
		if stop != nil {
			out[r] = Answer{Err: stop}
			continue
		}
		s, err := asker.State(ctx, r, known[r])
		if errors.Is(err, ErrLimit) {
			stop = err
		}
		if err != nil {
			s = State{}
		}
		out[r] = Answer{s, err}
	}
	return out
}

// Status is what an item's status is, given what its document says and what its issue means: a closed issue decides.
func Status(written, means string) string {
	if means == Done || means == Cancelled {
		return means
	}
	return written
}
