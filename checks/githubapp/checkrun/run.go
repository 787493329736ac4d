// Package checkrun makes GitHub check runs of verdicts: within GitHub's limits, in
// batches, and such that a crash between two requests is made good by the next attempt.
package checkrun

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A Run is a check run as GitHub has it. Its JSON is a part of GitHub's.
type Run struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	HeadSHA    string `json:"head_sha"`
	ExternalID string `json:"external_id"`
	Status     string `json:"status"`     // queued, in_progress, completed
	Conclusion string `json:"conclusion"` // "" until it is completed
	HTMLURL    string `json:"html_url"`
	DetailsURL string `json:"details_url"`

	CompletedAt time.Time `json:"completed_at"` // on GitHub's clock; zero until then
	Output      struct {
		Title            string `json:"title"`
		Summary          string `json:"summary"`
		AnnotationsCount int    `json:"annotations_count"`
	} `json:"output"`
}

// A Request creates a check run, or changes the fields that it has. Its JSON is GitHub's.
type Request struct {
	Name       string   `json:"name,omitempty"`
	HeadSHA    string   `json:"head_sha,omitempty"` // only when it is created
	DetailsURL string   `json:"details_url,omitempty"`
	ExternalID string   `json:"external_id,omitempty"`
	Status     string   `json:"status,omitempty"`
	Conclusion string   `json:"conclusion,omitempty"` // only with the status completed
	Output     *Output  `json:"output,omitempty"`
	Actions    []Action `json:"actions,omitempty"`

	// AnnotatedBefore is how many annotations the run has before this request. When the
	// answer to the request is lost, it tells whether the request was carried out.
	AnnotatedBefore int `json:"-"`
}

// An Output is what people see of a check run. Annotations are added to those that the
// run has; all else is replaced.
type Output struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Text        string       `json:"text,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
}

// An Annotation is a remark at lines of a file. Levels: notice, warning, failure.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
	Level       string `json:"annotation_level"`
	Title       string `json:"title,omitempty"`
	Message     string `json:"message"`
	RawDetails  string `json:"raw_details,omitempty"`
}

// An Action is a button below a completed check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// API is what a check run needs of GitHub; githubapi.Client has it.
type API interface {
	// CheckRuns lists the App's check runs of that name at a commit, newest first.
	CheckRuns(ctx context.Context, owner, name, sha, checkName string) ([]Run, error)
	CheckRun(ctx context.Context, owner, name string, id int64) (Run, error)
	// CreateCheckRun is not repeated when its answer is lost: the error is a *job.RetryAfter then.
	CreateCheckRun(ctx context.Context, owner, name string, r Request) (Run, error)
	// UpdateCheckRun, too: annotations are added, so doing it again would double them.
	UpdateCheckRun(ctx context.Context, owner, name string, id int64, r Request) (Run, error)
}

// ErrRefused is in the errors of requests that GitHub found wrong (422): the same again will not help.
var ErrRefused = errors.New("GitHub refused it")

// ExternalID is the check run's external_id for a subject at a head: "1234/pull/7@COMMIT".
// It finds the run again after a crash, and the subject when somebody asks for a re-run:
// events of forks' check runs do not name a pull request.
func ExternalID(s job.Subject, head string) string { return s.Key() + "@" + head }

// ParseExternalID takes an external_id apart; ok is false for one that is not ours.
func ParseExternalID(id string) (subjectKey, head string, ok bool) {
	at := strings.LastIndexByte(id, '@')
	if at <= 0 || at == len(id)-1 {
		return "", "", false
	}
	return id[:at], id[at+1:], true
}
