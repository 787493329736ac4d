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

// Known tells that it is said which subject this is. An event about a check run of a fork names only repository and head.
func (s Subject) Known() bool { return s.Number > 0 || s.Ref != "" }

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

// A Want is that a subject be judged, or no longer be. One with a Command or a Change takes the same durable road: it is on
// disk before GitHub is answered.
//
// Without Again it brings the state of the subject (title, labels) up to date, and a head that has a verdict keeps it.
type Want struct {
	Subject  Subject
	Revision Revision
	Reason   string // for the log: "pull_request.synchronize", "reconciled: no check run", ...
	Cancel   bool   // the pull request was closed, the merge group destroyed: nothing is to be judged any more
	Again    bool   // judge although this head has a verdict: a person asked, or something that decides has changed

	// Refresh: the event did not carry the whole state, GitHub has to be asked for it. Revision then has at most the Head
	// that the event named, which may be an old one: it never replaces a head that is known. When the Subject is not Known
	// either, it is the one of Subject.Repository.ID whose newest head is Revision.Head: by the store, else by GET
	// /repos/OWNER/NAME/commits/HEAD/pulls, the open ones whose base.repo.id is that id; none means that there is nothing to do.
	Refresh bool

	// Command is what a person asked for in a comment, nil for most. Whoever takes the Work asks GitHub for the person's
	// permission, carries it out, and judges again where one is allowed.
	Command *Command

	// Change is of the installation, not of a subject: Subject has no more than Installation, and Key means nothing. It is
	// carried out where wants are accepted. Nil for most.
	Change *InstallationChange
}

// A Command is a line of a comment on a pull request: "/pmcheck override RULE because REASON" or "/pmcheck rerun". Anybody
// can write one.
type Command struct {
	Name    string // CommandOverride, CommandRerun or CommandMalformed
	Rule    string // of an override
	Because string // of an override; one line. Of a malformed one: the line
	By      string // login
	Comment int64  // its id: the same command twice is one
	Line    int    // of the comment, from 1: a comment may have several
	URL     string // of the comment, for people
	At      time.Time
	Head    string // the head that an override is for: the newest when the comment was written; "" when that is not known
}

// The names of commands.
const (
	CommandOverride = "override" // for the head that the pull request had at the time of At, never for a later one
	CommandRerun    = "rerun"

	CommandMalformed = "malformed" // a line that begins as one, and is none: who may command is told the right form
)

// An InstallationChange is that the App was installed or removed somewhere, or for some repositories.
type InstallationChange struct {
	Installation int64
	Account      string       // login of the organization or the person
	Gone         bool         // deleted or suspended: nothing of the installation is judged any more
	Added        []Repository // their open pull requests want a verdict: the reconciler looks
	All          bool         // every repository of the installation is to be looked at, not only Added: created, unsuspended, permissions accepted
	Removed      []Repository // nothing of them is judged any more
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
	Sequence   int64     // grows with every want of the subject
	Attempt    int       // from 1
	Last       bool      // no attempt follows: an error must become a verdict that people see
	Wanted     time.Time // since when a verdict is wanted; zero where that is not known
	Trace      string    // the delivery that asked, or the reconciler's id: one id from delivery to verdict
	Reason     string
	Refresh    bool
	Judged     bool      // Revision has its verdict, and nobody asked for another: with Refresh, GitHub may have nothing newer
	Commands   []Command // not carried out yet, in the order of their comments
	CheckRun   int64     // the check run that stands for this head already; 0 when none is known
	Annotated  int       // annotations that an earlier attempt has put into that check run
	LastError  string    // of the attempt before
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

	// Postmortems is the JSON list of the base's documents, []facts.Postmortem; nil where
	// the check could not be done. The enforced_by of an item names too the rules whose
	// METADATA names the item.
	Postmortems []byte

	Problem    string // why the check could not be done; "" when it could
	Overridden []Override
	Trace      string
	Began      time.Time
	Ended      time.Time
}

// A Standing is where one revision of a subject stands.
type Standing struct {
	Subject   Subject
	Revision  Revision
	Phase     string    // Queued, Running, Done, Superseded or Dropped
	Wanted    time.Time // when it was asked for
	Began     time.Time // of the newest attempt; zero while Queued
	Attempt   int
	LastError string   // why the attempt before did not end in a verdict
	Verdict   *Verdict // of Done; lists leave its JSON, HTML and Postmortems out
}

// The phases of a revision.
const (
	Queued     = "queued"
	Running    = "running"
	Done       = "done"       // it has a verdict
	Superseded = "superseded" // a newer revision came before its verdict
	Dropped    = "dropped"    // closed or destroyed before its verdict
)

// ErrSuperseded is the cause of a Work's context being cancelled: a newer revision is wanted, or none.
var ErrSuperseded = errors.New("superseded")

// ErrClosed is returned by a judge who asked GitHub and found the pull request closed, or the
// merge group gone: there is nothing to judge.
var ErrClosed = errors.New("closed")

// ErrJudged is returned by a judge who asked GitHub and found what has its verdict already.
var ErrJudged = errors.New("judged already")

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
