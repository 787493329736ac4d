// Package job has the words that the rooms of the App share: what is to be judged, and
// what became of it. It does nothing.
package job

import (
	"errors"
	"fmt"
	"time"
)

// A Subject is what one verdict after the other is about: a pull request, or a group of
// the merge queue.
type Subject struct {
	Installation int64 // GitHub's id of the App's installation; it changes when the App is installed anew
	Repository   Repository
	Number       int    // of the pull request; 0 for a merge group
	Ref          string // of a merge group: refs/heads/gh-readonly-queue/...; "" for a pull request
}

// A Repository is one at GitHub. Its id stays when it is renamed or moved, its names do not.
type Repository struct {
	ID            int64
	Owner, Name   string
	DefaultBranch string // "" when the event did not say
	Private       bool
}

// FullName is OWNER/NAME.
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

// Key tells a subject from all others: "1234/pull/7", "1234/group/refs/heads/...".
func (s Subject) Key() string {
	if s.Number > 0 {
		return fmt.Sprintf("%d/pull/%d", s.Repository.ID, s.Number)
	}
	return fmt.Sprintf("%d/group/%s", s.Repository.ID, s.Ref)
}

// A Revision is the state of a subject that is to be judged.
type Revision struct {
	Head    string // commit
	Base    string // commit: the tip of the base branch, or what a merge group stands on
	BaseRef string // the base branch, without refs/heads/
	HeadRef string // the head's branch, for people
	Title   string
	Body    string
	Author  string
	Labels  []string
	Draft   bool
	Fork    bool      // the head is in another repository
	Updated time.Time // GitHub's updated_at: it orders the events of one pull request
}

// A Want is that a subject be judged, or no longer be.
type Want struct {
	Subject  Subject
	Revision Revision
	Reason   string // for the log: "pull_request.synchronize", "reconciled: no check run", ...
	Cancel   bool   // the pull request was closed, the merge group destroyed: nothing is to be judged any more
	Again    bool   // judge although this head has a verdict: a person asked, or something that decides has changed
	Refresh  bool   // the event did not carry the whole state: ask GitHub for it
}

// A Delivery is one webhook delivery. A redelivery has the id of the first.
type Delivery struct {
	ID           string // X-GitHub-Delivery
	Event        string // X-GitHub-Event
	Action       string
	Installation int64
	Received     time.Time
}

// Work is one turn of judging a subject at its newest revision.
type Work struct {
	Subject    Subject
	Revision   Revision
	Sequence   int64  // grows with every want of the subject
	Attempt    int    // from 1
	Last       bool   // no attempt follows: an error must become a verdict that people see
	Trace      string // the delivery that asked, or the reconciler's id: one id from delivery to verdict
	Reason     string
	Refresh    bool
	CheckRun   int64  // the check run that stands for this head already; 0 when none is known
	Annotated  int    // annotations that an earlier attempt has put into that check run
	LastError  string // of the attempt before
	Overridden []Override
}

// An Override lets one rule's findings pass for one head.
type Override struct {
	Rule    string
	Because string
	By      string // login
	At      time.Time
	URL     string // of the comment
}

// A Verdict is what became of a revision.
type Verdict struct {
	Subject    Subject
	Revision   Revision
	CheckRun   int64
	Conclusion string // GitHub's: success, failure, neutral, cancelled, ...
	Title      string // one line
	JSON       []byte // the report as --format json has it; nil where the check could not be done
	HTML       []byte // the report as a page
	Problem    string // why the check could not be done; "" when it could
	Overridden []Override
	Trace      string
	Began      time.Time
	Ended      time.Time
}

// ErrSuperseded is the cause of a Work's context being cancelled: a newer revision is wanted, or none.
var ErrSuperseded = errors.New("superseded")

// A RetryAfter error is not the work's fault: it is done again at that time, and does
// not count as an attempt. GitHub's rate limits and outages are such.
type RetryAfter struct {
	At  time.Time
	Err error
}

func (e *RetryAfter) Error() string {
	return fmt.Sprintf("%v (again at %s)", e.Err, e.At.UTC().Format(time.RFC3339))
}

func (e *RetryAfter) Unwrap() error { return e.Err }
