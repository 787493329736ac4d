package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

const (
	tries      = 5
	perRequest = 20 * time.Second
	longest    = 2 * time.Minute // a wait that is asked for and still waited
	maxBody    = 16 << 20
)

// Error is a call that Slack refused or did not answer.
type Error struct {
	Method  string // as in "chat.postMessage"; "webhook"
	Code    string // Slack's word, as "missing_scope"; "" where there was no answer
	Needed  string // the scope that is missing, where Slack says so
	Unsure  bool   // the answer was lost: it may have been done all the same
	Message string
}

func (e *Error) Error() string { return e.Message }

// Code is Slack's word for what is wrong; "" for other errors.
func Code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// once are the calls that do something new each time: they are not made again when the answer was lost.
var once = []string{"chat.postMessage", "chat.scheduleMessage", "conversations.create", "webhook"}

// transport makes HTTP requests for slack-go, which hands it each call. An answer that it gives is whole and says ok.
type transport struct {
	method string // of all requests; "" = the last part of the path
	http   *http.Client
	wait   func(context.Context, time.Duration) error
}

func newTransport(method string) *transport {
	return &transport{method: method, http: &http.Client{
		Timeout: perRequest, CheckRedirect: outgoing.NoRedirect,
	}, wait: outgoing.Sleep}
}

// failure is one try that failed.
type failure struct {
	*Error
	again bool          // another try may help, and cannot do the thing twice
	after time.Duration // asked for by Slack; 0 = it does not say
}

// Do makes a call, and makes it again where that may help: after a limit of the rate always, after a lost answer where
// twice is the same as once.
func (t *transport) Do(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	method := cmp.Or(t.method, path.Base(request.URL.Path))
	for try := 1; ; try++ {
		answer, failed := t.try(request, method)
		switch {
		case failed == nil:
			return answer, nil
		case ctx.Err() != nil:
			failed.Message = fmt.Sprintf("Slack did not answer %s in time: %v", method, context.Cause(ctx))
			return nil, failed.Error
		case !failed.again:
			return nil, failed.Error
		case failed.after > longest:
			failed.Message += fmt.Sprintf("; it asks to wait %s: try again then", failed.after)
			return nil, failed.Error
		case try == tries:
			failed.Message += fmt.Sprintf(", after %d tries", tries)
			return nil, failed.Error
		}
		wait := failed.after
		if wait == 0 {
			wait = time.Duration(float64(500*time.Millisecond) * float64(int(1)<<(try-1)) * (0.75 + rand.Float64()/2))
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			failed.Message += "; there is no time left to try again"
			return nil, failed.Error
		}
		if err := t.wait(ctx, wait); err != nil {
			failed.Message += fmt.Sprintf("; stopped while waiting to try again: %v", err)
			return nil, failed.Error
		}
		if request.GetBody == nil {
			return nil, failed.Error
		}
		body, err := request.GetBody()
		if err != nil {
			return nil, failed.Error
		}
		request = request.Clone(ctx)
		request.Body = body
	}
}

func (t *transport) try(request *http.Request, method string) (*http.Response, *failure) {
	repeatable := !slices.Contains(once, method)
	lost := func(format string, args ...any) *failure {
		return &failure{Error: &Error{Method: method, Unsure: !repeatable, Message: fmt.Sprintf(format, args...) + unsure(repeatable)}, again: repeatable}
	}
	answer, err := t.http.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // it repeats the address, and a webhook's address is a secret
			err = failed.Err
		}
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" { // nothing was sent
			return nil, &failure{Error: &Error{Method: method, Message: fmt.Sprintf("Slack cannot be reached for %s: %v", method, err)}, again: true}
		}
		return nil, lost("Slack did not answer %s: %v", method, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	after := retryAfter(answer.Header.Get("Retry-After"))
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests:
		return nil, &failure{Error: &Error{Method: method, Code: "ratelimited", Message: "Slack limits the rate of calls, at " + method}, again: true, after: after}
	case status >= 500:
		failed := lost("Slack failed to answer %s (%d): https://slack-status.com may say why", method, status)
		failed.after = after
		return nil, failed
	case err != nil:
		return nil, lost("Slack's answer to %s broke off: %v", method, err)
	case len(body) > maxBody:
		return nil, &failure{Error: &Error{Method: method, Message: fmt.Sprintf("Slack's answer to %s is longer than %d MiB", method, maxBody>>20)}}
	}
	if method == "webhook" {
		// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: 200 and the word ok, or a word that says what is wrong.
		if word := strings.TrimSpace(string(body)); answer.StatusCode != http.StatusOK || word != "ok" {
			return nil, &failure{Error: refused(method, cut(word, 60), "")}
		}
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer, nil
	}
	var said struct {
		OK                      *bool
		Error, Needed, Provided string
	}
	switch err := json.Unmarshal(body, &said); {
	case answer.StatusCode != http.StatusOK:
		return nil, &failure{Error: &Error{Method: method, Message: fmt.Sprintf("%s answered %s with %d instead of JSON: is %s wrong, or a proxy in between?", request.URL.Host, method, answer.StatusCode, AddressVariable)}}
	case err != nil || said.OK == nil || !*said.OK && said.Error == "":
		return nil, lost("Slack's answer to %s is not the JSON that its API describes", method)
	case *said.OK:
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer, nil
	}
	failed := &failure{Error: refused(method, said.Error, said.Needed)}
	switch said.Error {
	case "ratelimited", "rate_limited":
		failed.again, failed.after = true, after
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout": // "some aspect of the operation" may have succeeded
		failed.again, failed.Unsure = repeatable, !repeatable
		failed.Message += unsure(repeatable)
	}
	return nil, failed
}

func unsure(repeatable bool) string {
	if repeatable {
		return ""
	}
	return "; it may have been done all the same, and is not tried again"
}

// retryAfter reads the header of that name, which Slack gives in seconds; 0 when it says nothing.
func retryAfter(value string) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 1<<20)) * time.Second
}

// advice says what to do about what Slack refuses.
var advice = map[string]string{
	"account_inactive":       "the app was removed from the workspace: install it again, and take its new token",
	"channel_is_archived":    "the webhook's channel is archived: make a webhook for another one",
	"channel_not_found":      "there is no such channel, or the bot may not see it: look at the name, and invite the bot where it is private",
	"invalid_auth":           "the token in " + TokenVariable + " is not accepted: take the app's Bot User OAuth Token",
	"invalid_token":          "the webhook was removed: make another one",
	"is_archived":            "the channel is archived",
	"no_service":             "the webhook was removed or switched off: make another one",
	"not_allowed_token_type": "the token in " + TokenVariable + " is of another kind: take the app's Bot User OAuth Token (xoxb-...)",
	"not_in_channel":         "the bot is not in the channel: /invite it there",
	"restricted_action":      "the workspace does not allow the bot to do this: an administrator may",
	"token_revoked":          "the token in " + TokenVariable + " was revoked: take the app's new one",
}

// refused is Slack's refusal as a sentence.
func refused(method, code, needed string) *Error {
	code = Escape(code, 60)
	e := &Error{Method: method, Code: code, Needed: Escape(needed, 200), Message: fmt.Sprintf("Slack refused %s (%s)", method, code)}
	switch what := advice[code]; {
	case code == "missing_scope" && e.Needed != "":
		e.Message += ": the app lacks the scope " + e.Needed + ": add it (OAuth & Permissions), and install the app again"
	case what != "":
		e.Message += ": " + what
	}
	return e
}
