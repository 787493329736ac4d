// Package webhook takes GitHub's deliveries: a signed request in, wants out. GitHub is
// answered only after they are kept, so what it was told is accepted is not lost. It takes
// CircleCI's in the same way (circleci.go).
//
// Sources of the facts: docs.github.com, "Validating webhook deliveries", "Best practices
// for using webhooks", "Webhook events and payloads".
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const (
	// MaxBody is how large a payload may be. GitHub does not send larger ones at all.
	MaxBody = 25 << 20

	// inFlight bounds the memory of all requests together: a body has to be read whole before it is known who sent it.
	inFlight = 8 * MaxBody

	// patience is how long Accept may take. GitHub counts a delivery as failed that is not answered within 10 seconds.
	patience = 8 * time.Second
)

// What became of a delivery, as Observe is told.
const (
	Accepted  = "accepted"  // 202: something is wanted, and kept
	Duplicate = "duplicate" // 202: this delivery was accepted before
	Ignored   = "ignored"   // 202: nothing follows from it
	Refused   = "refused"   // 4xx: not a webhook request of GitHub, or too large
	Unsigned  = "unsigned"  // 401
	Malformed = "malformed" // 422: signed, but without what is needed; it would be so again
	Failed    = "failed"    // 503: it could not be kept; it is worth a redelivery
)

// Handler answers POST /webhook. It is safe for concurrent use once its fields are set.
type Handler struct {
	Secrets [][]byte // the App's webhook secret; while it is changed, the old and the new one
	AppID   int64    // GitHub's id of the App: re-runs of other Apps' checks are not ours

	// Accept keeps what is wanted and returns once it is on disk. fresh is false where the delivery was accepted before.
	// An error is answered by 503.
	Accept func(ctx context.Context, d job.Delivery, wants []job.Want) (fresh bool, err error)

	Log     *slog.Logger                                            // nil: slog.Default
	Now     func() time.Time                                        // nil: time.Now
	Observe func(event, action, outcome string, took time.Duration) // for metrics; event and action are "" or "other" unless the package knows them; may be nil

	reading atomic.Int64 // bytes of bodies that are being read or worked on
}

// reply is an answer, and what to count it as.
type reply struct {
	status  int
	outcome string
	text    string // for the person who looks at the delivery in GitHub's settings
}

// ServeHTTP takes one delivery: 202 once it is kept or nothing follows from it, 4xx where
// the same request would fail again, 503 where it is worth a redelivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := clock(h.Now)
	d := job.Delivery{ID: r.Header.Get("X-GitHub-Delivery"), Event: r.Header.Get("X-GitHub-Event"), Received: began}
	signed := false
	answer := h.take(w, r, &d, &signed)
	took := clock(h.Now).Sub(began)

	level := slog.LevelInfo
	if answer.status >= 500 {
		level = slog.LevelError
	} else if answer.status >= 400 {
		level = slog.LevelWarn
	}
	attributes := []slog.Attr{slog.String("outcome", answer.outcome), slog.Int("status", answer.status), slog.String("detail", answer.text), slog.Duration("took", took)}
	event, action := "", ""
	if signed { // what a stranger wrote into headers is not repeated
		event, action = known(d.Event, d.Action)
		attributes = append(attributes, slog.String("trace", d.ID), slog.String("event", d.Event), slog.String("action", d.Action), slog.Int64("installation", d.Installation))
	}
	orDefault(h.Log).LogAttrs(r.Context(), level, "webhook delivery", attributes...)
	if h.Observe != nil {
		h.Observe(event, action, answer.outcome, took)
	}

	answer.write(w)
}

func (a reply) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if a.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "60")
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.text+"\n")
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request, d *job.Delivery, signed *bool) reply {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return reply{http.StatusMethodNotAllowed, Refused, "webhooks are sent by POST"}
	}
	form, signature, refused := examine(r)
	if refused != nil {
		return *refused
	}
	body, done, refused := receive(w, r, MaxBody, &h.reading)
	if refused != nil {
		return *refused
	}
	defer done()
	if !valid(h.Secrets, body, signature) {
		return reply{http.StatusUnauthorized, Unsigned, "X-Hub-Signature-256 does not fit the webhook secret"}
	}
	*signed = true

	payload := body
	if form {
		values, err := url.ParseQuery(string(body))
		if err != nil || len(values["payload"]) != 1 {
			return reply{http.StatusBadRequest, Refused, "a form needs exactly one field payload"}
		}
		payload = []byte(values.Get("payload"))
	}
	outcome, err := Parse(d.Event, payload, h.AppID)
	d.Action, d.Installation = outcome.Action, outcome.Installation
	if err != nil {
		return reply{http.StatusUnprocessableEntity, Malformed, err.Error()}
	}
	if len(outcome.Wants) == 0 {
		return reply{http.StatusAccepted, Ignored, "ignored: " + outcome.Ignored}
	}
	for i, want := range outcome.Wants {
		if want.Command != nil && want.Command.At.IsZero() {
			outcome.Wants[i].Command.At = d.Received
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	fresh, err := h.Accept(ctx, *d, outcome.Wants)
	switch {
	case err != nil:
		// The reason is for the log alone: it may name paths and servers.
		orDefault(h.Log).ErrorContext(ctx, "a delivery could not be kept", "trace", d.ID, "error", err)
		return reply{http.StatusServiceUnavailable, Failed, "the delivery could not be kept; redeliver it"}
	case !fresh:
		return reply{http.StatusAccepted, Duplicate, "accepted before"}
	}
	return reply{http.StatusAccepted, Accepted, fmt.Sprintf("accepted: %d wanted", len(outcome.Wants))}
}

// receive reads a body of up to limit bytes, while all that are read together, counted by reading, are not too many. done is
// to be called when the body is not needed any more.
func receive(w http.ResponseWriter, r *http.Request, limit int64, reading *atomic.Int64) (body []byte, done func(), refused *reply) {
	tooLarge := &reply{http.StatusRequestEntityTooLarge, Refused, fmt.Sprintf("the body is larger than %d MB", limit>>20)}
	room := r.ContentLength
	if room < 0 {
		room = limit
	}
	if room > limit {
		return nil, nil, tooLarge
	}
	done = func() { reading.Add(-room) }
	if reading.Add(room) > inFlight {
		done()
		return nil, nil, &reply{http.StatusServiceUnavailable, Failed, "too many deliveries at once"}
	}
	body, err := read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refused = tooLarge
	case err != nil:
		refused = &reply{http.StatusBadRequest, Refused, "the body could not be read"}
	default:
		return body, done, nil
	}
	done()
	return nil, nil, refused
}

var (
	deliveryForm = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	eventForm    = regexp.MustCompile(`^[a-z][a-z_]{0,63}$`)
)

// examine looks at the headers alone, so that a request that cannot be GitHub's costs nothing.
func examine(r *http.Request) (form bool, signature []byte, refused *reply) {
	refuse := func(status int, outcome, text string) (bool, []byte, *reply) {
		return false, nil, &reply{status, outcome, text}
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil || media != "application/json" && media != "application/x-www-form-urlencoded":
		return refuse(http.StatusUnsupportedMediaType, Refused, "Content-Type has to be application/json or application/x-www-form-urlencoded")
	case r.Header.Get("Content-Encoding") != "":
		return refuse(http.StatusUnsupportedMediaType, Refused, "Content-Encoding is not taken")
	case !eventForm.MatchString(r.Header.Get("X-GitHub-Event")):
		return refuse(http.StatusBadRequest, Refused, "X-GitHub-Event is missing or not the name of an event")
	case !deliveryForm.MatchString(r.Header.Get("X-GitHub-Delivery")):
		return refuse(http.StatusBadRequest, Refused, "X-GitHub-Delivery is missing or not an id")
	}
	given := r.Header.Get("X-Hub-Signature-256")
	if given == "" {
		if r.Header.Get("X-Hub-Signature") != "" {
			return refuse(http.StatusUnauthorized, Unsigned, "X-Hub-Signature is SHA-1, which is not taken: X-Hub-Signature-256 is needed")
		}
		return refuse(http.StatusUnauthorized, Unsigned, "X-Hub-Signature-256 is missing: give the webhook a secret")
	}
	digits, ok := strings.CutPrefix(given, "sha256=")
	signature, err = hex.DecodeString(digits)
	if !ok || err != nil || len(signature) != sha256.Size {
		return refuse(http.StatusUnauthorized, Unsigned, "X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits")
	}
	return media != "application/json", signature, nil
}

// valid tries every secret, whichever fits, and takes as long whether one does or not.
func valid(secrets [][]byte, body, signature []byte) bool {
	fits := false
	for _, secret := range secrets {
		if len(secret) == 0 { // anybody can sign with that
			continue
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), signature) {
			fits = true
		}
	}
	return fits
}

func read(r io.Reader, length int64) ([]byte, error) {
	var body bytes.Buffer
	if length > 0 {
		// A length that is only claimed does not take the memory at once.
		body.Grow(int(min(length, 1<<20)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(r)
	return body.Bytes(), err
}

func orDefault(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.Default()
	}
	return log
}

func clock(now func() time.Time) time.Time {
	if now == nil {
		return time.Now()
	}
	return now()
}
