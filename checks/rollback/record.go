package rollback

import (
	"encoding/json"
	"fmt"

	"github.com/pmcheck/pmcheck/checks/circleci"
)

// recordVersion is the version of the record's form.
const recordVersion = 1

// The outcomes of a rollback.
const (
	RolledBack = "rolled-back"
	WouldRoll  = "would-roll-back" // a dry run that found nothing against it
	Refused    = "refused"
	Failed     = "failed"  // the rollback began, and did not end well
	Unknown    = "unknown" // it could not be asked, or its end is not known
)

// Record says what was asked, what the answer was, and what was done.
type Record struct {
	Version int    `json:"version"`
	At      string `json:"at"` // RFC 3339, UTC
	Outcome string `json:"outcome"`
	Why     string `json:"why"` // of the outcome, in a sentence's part

	From   Revision `json:"from"`
	To     Revision `json:"to"`
	Answer *Answer  `json:"answer"` // null = it was not asked

	Others          []Other   `json:"others"` // versions that were asked about after the answer was no, newest first
	NewestThatWorks *Revision `json:"newest_that_works"`
	Reason          string    `json:"reason"` // why the rollback was asked for
	Forced          bool      `json:"forced"` // it was carried out although the answer was not yes
	DryRun          bool      `json:"dry_run"`

	By       string                  `json:"by"`
	Order    *SentOrder              `json:"order,omitempty"`   // to CircleCI
	Command  []string                `json:"command,omitempty"` // program and arguments
	Exit     *int                    `json:"exit,omitempty"`    // the command's status
	Pipeline *circleci.PipelineState `json:"pipeline,omitempty"`
	Notes    []string                `json:"notes"`
}

// Revision is a commit, and how it is called and was found.
type Revision struct {
	Name   string `json:"name"`
	Commit string `json:"commit"`
	Source string `json:"source,omitempty"`
	Why    string `json:"why,omitempty"`
}

func (r Revision) short() string {
	if r.Name == r.Commit {
		return fmt.Sprintf("%.9s", r.Commit)
	}
	return r.Name
}

// Other is another version that was asked about.
type Other struct {
	Revision
	Verdict string `json:"verdict"` // works | breaks | unknown
	Reason  string `json:"reason"`
}

// SentOrder is a call to CircleCI, without what it needs to be allowed.
type SentOrder struct {
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
	Sent   bool            `json:"sent"`
}

func (r *Record) end(outcome, format string, args ...any) {
	r.Outcome, r.Why = outcome, fmt.Sprintf(format, args...)
}
