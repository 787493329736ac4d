package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// MaxCircleCI is how large a payload of CircleCI may be, in bytes. It cuts what people wrote off, so one has a few kilobytes.
const MaxCircleCI = 1 << 20

// CircleCI answers POST /circleci: the deliveries of CircleCI's outbound webhooks. It is safe for concurrent use once its
// fields are set.
//
// Source of the facts: circleci.com/docs, "Outbound webhooks" and "Outbound webhooks reference". A delivery that is not
// answered by 2xx within 10 seconds is sent again, with the same id.
type CircleCI struct {
	Secrets [][]byte // the webhooks' secret; while it is changed, the old and the new one

	// Accept keeps what an event says and returns once it is on disk. fresh is false where the delivery was accepted before;
	// ignored says why nothing follows from the event, "" where something does. An error is answered by 503.
	Accept func(ctx context.Context, d job.Delivery, e Event) (fresh bool, ignored string, err error)

	Log     *slog.Logger                                            // nil: slog.Default
	Now     func() time.Time                                        // nil: time.Now
	Observe func(event, action, outcome string, took time.Duration) // for metrics: event is "circleci" once the signature fits, action "workflow-completed", "job-completed" or "other"; may be nil

	reading atomic.Int64
}

// ServeHTTP takes one delivery: 202 once it is kept or nothing follows from it, 4xx where the same request would fail
// again, 503 where it is worth another try.
func (h *CircleCI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := clock(h.Now)
	var e Event
	signed := false
	answer := h.take(w, r, began, &e, &signed)
	took := clock(h.Now).Sub(began)
	level := slog.LevelInfo
	if answer.status >= 500 {
		level = slog.LevelError
	} else if answer.status >= 400 {
		level = slog.LevelWarn
	}
	attributes := []slog.Attr{slog.String("outcome", answer.outcome), slog.Int("status", answer.status), slog.String("detail", answer.text), slog.Duration("took", took)}
	event, action := "", ""
	if signed {
		event, action = "circleci", "other"
		if e.Type == WorkflowCompleted || e.Type == JobCompleted {
			action = e.Type
		}
		attributes = append(attributes, slog.String("trace", e.ID), slog.String("event", e.Type), slog.String("project", e.Slug))
	}
	orDefault(h.Log).LogAttrs(r.Context(), level, "CircleCI delivery", attributes...)
	if h.Observe != nil {
		h.Observe(event, action, answer.outcome, took)
	}
	answer.write(w)
}

func (h *CircleCI) take(w http.ResponseWriter, r *http.Request, now time.Time, e *Event, signed *bool) reply {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return reply{http.StatusMethodNotAllowed, Refused, "webhooks are sent by POST"}
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || media != "application/json":
		return reply{http.StatusUnsupportedMediaType, Refused, "Content-Type has to be application/json"}
	case r.Header.Get("Content-Encoding") != "":
		return reply{http.StatusUnsupportedMediaType, Refused, "Content-Encoding is not taken"}
	}
	signature, err := readSignature(r.Header.Values(signatureHeader))
	if err != nil {
		return reply{http.StatusUnauthorized, Unsigned, err.Error()}
	}
	body, done, refused := receive(w, r, MaxCircleCI, &h.reading)
	if refused != nil {
		return *refused
	}
	defer done()
	if !valid(h.Secrets, body, signature) {
		return reply{http.StatusUnauthorized, Unsigned, signatureHeader + " does not fit the webhook's secret"}
	}
	*signed = true
	// What the header circleci-event-type says is not signed: the body alone counts.
	if *e, err = ParseCircleCI(body); err != nil {
		return reply{http.StatusUnprocessableEntity, Malformed, err.Error()}
	}
	if e.Type != WorkflowCompleted && e.Type != JobCompleted {
		return reply{http.StatusAccepted, Ignored, "ignored: nothing is done at this event"}
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	// GitHub's ids have no slash.
	fresh, ignored, err := h.Accept(ctx, job.Delivery{ID: "circleci/" + e.ID, Event: "circleci", Action: e.Type, Received: now}, *e)
	switch {
	case err != nil:
		orDefault(h.Log).ErrorContext(ctx, "a delivery of CircleCI could not be kept", "trace", e.ID, "error", err)
		return reply{http.StatusServiceUnavailable, Failed, "the delivery could not be kept; send it again"}
	case ignored != "":
		return reply{http.StatusAccepted, Ignored, "ignored: " + ignored}
	case !fresh:
		return reply{http.StatusAccepted, Duplicate, "accepted before"}
	}
	return reply{http.StatusAccepted, Accepted, "accepted"}
}

const signatureHeader = "circleci-signature"

// readSignature reads the header that CircleCI signs with: v1=HEX, and perhaps other versions, with commas between them.
// v1 is the only one that there is; a second v1 would be somebody's try.
func readSignature(given []string) ([]byte, error) {
	if len(given) == 0 {
		return nil, errors.New(signatureHeader + " is missing: give the webhook a secret token")
	}
	var found []byte
	for _, one := range strings.Split(strings.Join(given, ","), ",") {
		version, digits, _ := strings.Cut(strings.TrimSpace(one), "=")
		if version != "v1" {
			continue
		}
		signature, err := hex.DecodeString(digits)
		if err != nil || len(signature) != sha256.Size || found != nil {
			return nil, errors.New(signatureHeader + " has no single v1= with 64 hexadecimal digits")
		}
		found = signature
	}
	if found == nil {
		return nil, errors.New(signatureHeader + " has no version that pmcheck knows: v1=")
	}
	return found, nil
}

// The events of CircleCI that something follows from.
const (
	WorkflowCompleted = "workflow-completed"
	JobCompleted      = "job-completed"
)

// Event is one event of CircleCI, of either family of payloads: with vcs, of projects through GitHub OAuth and Bitbucket
// Cloud, or with trigger_parameters, of the GitHub App, GitLab and Bitbucket Data Center.
type Event struct {
	ID       string
	Type     string // WorkflowCompleted, JobCompleted, or one of which no more is read
	Happened time.Time
	Slug     string // of the project, in the form of [Slug]

	PipelineID string
	Number     int64  // of the pipeline
	Branch     string // "" for a tag
	Tag        string
	Commit     string // "" where the event does not say
	Foreign    bool   // the code comes from a fork

	WorkflowID, Workflow string // id and name; "" where a job's event does not say
	URL                  string // of the workflow, https; "" where the event does not say

	JobID, Job string // of JobCompleted

	// Status of what has completed: "success", "failed", "error", "canceled", "unauthorized", or a word that came later.
	Status string
}

type circlePayload struct {
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Happened time.Time `json:"happened_at"`
	Project  struct {
		Slug string `json:"slug"`
	} `json:"project"`
	Pipeline *circleci.Pipeline `json:"pipeline"`
	Workflow *struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		URL    string `json:"url"`
		Status string `json:"status"`
	} `json:"workflow"`
	Job *struct {
		ID     string `json:"id"`
		Name   string `json:"name"`
		Status string `json:"status"`
	} `json:"job"`
}

var (
	circleID   = deliveryForm
	circleType = regexp.MustCompile(`^[a-z][a-z-]{0,63}$`)
	slugForm   = regexp.MustCompile(`^(github|bitbucket|circleci)/[\w.~-]{1,200}/[\w.~-]{1,200}$`)
)

// Slug brings a project's slug into one form: CircleCI writes gh/acme/orders in its API, github/acme/orders in its webhooks.
// ok is false for what is no slug.
func Slug(slug string) (long string, ok bool) {
	long = slug
	for short, name := range map[string]string{"gh/": "github/", "bb/": "bitbucket/"} {
		if rest, found := strings.CutPrefix(slug, short); found {
			long = name + rest
		}
	}
	return long, slugForm.MatchString(long)
}

const maxName = 200 // bytes of a workflow's, job's, branch's name

// ParseCircleCI reads a payload. Unknown fields and events are no errors; what is needed and missing, or has a form that
// CircleCI does not give it, is one, and names the field. The payload's signature was checked before.
func ParseCircleCI(data []byte) (Event, error) {
	var p circlePayload
	if err := json.Unmarshal(data, &p); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Event{}, fmt.Errorf("payload: %s is not a %s but a %s", wrong.Field, wrong.Type, wrong.Value)
		}
		return Event{}, fmt.Errorf("payload: %w", err)
	}
	if !circleType.MatchString(p.Type) {
		return Event{}, errors.New("payload: type is not the name of an event")
	}
	e := Event{Type: p.Type}
	if circleID.MatchString(p.ID) {
		e.ID = p.ID
	}
	if e.Type != WorkflowCompleted && e.Type != JobCompleted {
		return e, nil
	}
	if p.Job != nil { // CircleCI's own sample of a job's event calls itself workflow-completed
		e.Type = JobCompleted
	}
	slug, known := Slug(p.Project.Slug)
	switch {
	case e.ID == "":
		return Event{}, errors.New("payload: id is missing or not an id")
	case p.Happened.IsZero():
		return Event{}, errors.New("payload: happened_at is missing")
	case !known:
		return Event{}, errors.New("payload: project.slug is not a slug")
	case p.Pipeline == nil || !circleID.MatchString(p.Pipeline.ID):
		return Event{}, errors.New("payload: pipeline.id is missing or not an id")
	case e.Type == WorkflowCompleted && p.Workflow == nil:
		return Event{}, errors.New("payload: workflow is missing")
	case e.Type == JobCompleted && (p.Job == nil || !circleID.MatchString(p.Job.ID)):
		return Event{}, errors.New("payload: job.id is missing or not an id")
	case p.Workflow != nil && !circleID.MatchString(p.Workflow.ID):
		return Event{}, errors.New("payload: workflow.id is missing or not an id")
	}
	e.Slug, e.Happened = slug, p.Happened
	e.PipelineID, e.Number, e.Commit, e.Foreign = p.Pipeline.ID, p.Pipeline.Number, p.Pipeline.Commit(), p.Pipeline.Foreign()
	e.Branch = clip(p.Pipeline.Branch(), maxName)
	if p.Pipeline.VCS != nil {
		e.Tag = clip(p.Pipeline.VCS.Tag, maxName)
	} else if t := p.Pipeline.TriggerParameters; t != nil && t.Git != nil {
		e.Tag = clip(t.Git.Tag, maxName)
	}
	if p.Workflow != nil {
		e.WorkflowID, e.Workflow, e.URL = p.Workflow.ID, clip(p.Workflow.Name, maxName), page(p.Workflow.URL)
		e.Status = clip(p.Workflow.Status, 64)
	}
	if p.Job != nil {
		e.JobID, e.Job, e.Status = p.Job.ID, clip(p.Job.Name, maxName), clip(p.Job.Status, 64)
	}
	if e.Status == "" {
		return Event{}, errors.New("payload: status of what has completed is missing")
	}
	return e, nil
}

// page is an address for people, "" where it is none that a browser should follow.
func page(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(address) > 2000 {
		return ""
	}
	return u.String()
}
