// Package circleci asks CircleCI which commit is running: a project's pipelines, workflows, jobs and deploys, through API v2
// (https://circleci.com/docs/api/v2/); and it starts what brings an earlier one back, and follows that to its end. It knows the
// few calls that this takes, and nothing of git.
package circleci

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
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// DefaultURL is where CircleCI's cloud answers API v2.
const DefaultURL = "https://circleci.com/api/v2"

const (
	tries      = 4
	perRequest = 20 * time.Second
	longest    = time.Minute // a wait that is asked for and still waited
	maxBody    = 4 << 20
	maxMessage = 200 // as much of the server's own message as an error repeats
)

// Client makes calls as the owner of a token. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	token  string
	source string // where the token was found, for messages
	http   *http.Client
	wait   func(context.Context, time.Duration) error
}

// New makes a client. The token is a personal API token (project tokens do not work with API v2), source says where it was
// found, as "CIRCLE_TOKEN". An empty address is CircleCI's cloud; one without https is taken for this machine alone.
func New(address, token, source string) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(cmp.Or(address, DefaultURL), "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the address of CircleCI's API: %w", err)
	case !outgoing.MayCarryToken(base):
		return nil, fmt.Errorf("the address of CircleCI's API %q: expected one like %s, since a token is sent there", address, DefaultURL)
	case token == "":
		return nil, fmt.Errorf("there is no token for CircleCI in %s: make a personal API token (User Settings > Personal API Tokens) and put it into a context of the job as %s", source, source)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("the token in %s holds a blank or another character that no token has: look at how it was pasted", source)
	}
	return &Client{base: base, token: token, source: source, http: &http.Client{
		Timeout: perRequest, CheckRedirect: outgoing.NoRedirect,
	}, wait: outgoing.Sleep}, nil
}

// Error is a call that CircleCI did not answer.
type Error struct {
	Status     int // of HTTP; 0 when there was no answer
	Message    string
	RetryAfter time.Duration // that the server asked to wait; 0 = it did not say
}

func (e *Error) Error() string { return e.Message }

// retry is an answer after which the call is made again.
type retry struct {
	error
	after time.Duration // asked for by the server; 0 = it does not say
	done  bool          // the server may have done what it was asked for
}

func (r retry) Unwrap() error { return r.error }

// call is one call, in the words that its errors need.
type call struct {
	verb  string // "read", "start a pipeline of"
	about string // "the pipelines of gh/acme/orders"
	path  string // escaped, below the API's address
	query url.Values
	body  []byte // JSON; nil = GET, else POST
}

func (r call) method() string {
	if r.body != nil {
		return http.MethodPost
	}
	return http.MethodGet
}

// get makes one call and decodes its answer. What may pass by itself is tried again: a limited rate, a failing server,
// a connection that breaks, half an answer.
func (c *Client) get(ctx context.Context, about, path string, query url.Values, into any) error {
	return c.do(ctx, call{verb: "read", about: about, path: path, query: query}, into)
}

// ErrMaybeDone says that CircleCI did not answer, or not in whole, and may have done all the same what it was asked to do.
var ErrMaybeDone = errors.New("it may have been done all the same")

// do makes a call, and tries again what may pass by itself. What CircleCI may have done already is not asked for twice.
func (c *Client) do(ctx context.Context, r call, into any) error {
	address := c.address(r)
	for try := 1; ; try++ {
		err := c.once(ctx, r, address, into)
		var again retry
		switch {
		case err == nil:
			return nil
		case r.body != nil && ctx.Err() != nil:
			return fmt.Errorf("CircleCI did not answer about %s in time: %w: %w", r.about, context.Cause(ctx), ErrMaybeDone)
		case r.body != nil && errors.As(err, &again) && again.done:
			return fmt.Errorf("%w: %w", again.error, ErrMaybeDone)
		case ctx.Err() != nil:
			return fmt.Errorf("CircleCI did not answer about %s in time: %w", r.about, context.Cause(ctx))
		case !errors.As(err, &again):
			return err
		case again.after > longest:
			return fmt.Errorf("%w; it asks to wait %s: run the job again then", again.error, again.after)
		case try == tries:
			return fmt.Errorf("%w, after %d tries", again.error, tries)
		}
		wait := again.after
		if wait == 0 {
			wait = time.Duration(float64(500*time.Millisecond) * float64(int(1)<<(try-1)) * (0.75 + rand.Float64()/2))
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return fmt.Errorf("%w; there is no time left to try again", again.error)
		}
		if err := c.wait(ctx, wait); err != nil {
			return fmt.Errorf("%w; stopped while waiting to try again: %w", again.error, err)
		}
	}
}

func (c *Client) address(r call) string {
	address := *c.base
	address.Path = c.base.Path + r.path // an escaped slash is decoded here and kept below
	address.RawPath = c.base.EscapedPath() + r.path
	if unescaped, err := url.PathUnescape(r.path); err == nil {
		address.Path = c.base.Path + unescaped
	}
	address.RawQuery = r.query.Encode()
	return address.String()
}

func (c *Client) once(ctx context.Context, r call, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, r.method(), address, bytes.NewReader(r.body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "pmcheck")
	if r.body != nil {
		request.Header.Set("Content-Type", "application/json")
		request.GetBody = nil // else the transport itself sends it again over a connection that broke
	}
	answer, err := c.http.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // it repeats the address, which may be long
			err = failed.Err
		}
		var dial *net.OpError
		unsent := errors.As(err, &dial) && dial.Op == "dial"
		return retry{error: &Error{Message: fmt.Sprintf("CircleCI (%s) cannot be reached about %s: %v", c.base.Host, r.about, err)}, done: !unsent}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return c.refused(r, answer, body)
	}
	switch {
	case err != nil:
		return retry{error: &Error{Status: answer.StatusCode, Message: fmt.Sprintf("CircleCI's answer about %s broke off: %v", r.about, err)}, done: true}
	case len(body) > maxBody:
		return c.notUnderstood(r, &Error{Status: answer.StatusCode, Message: fmt.Sprintf("CircleCI's answer about %s is longer than %d MiB", r.about, maxBody>>20)})
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		broken := &Error{Status: answer.StatusCode, Message: fmt.Sprintf("CircleCI's answer about %s is not the JSON that its API describes: %v", r.about, err)}
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return retry{error: broken, done: true}
		}
		if start := bytes.TrimSpace(body); len(start) > 0 && start[0] == '<' {
			broken.Message = fmt.Sprintf("%s answered about %s with a web page instead of JSON: is a proxy in between, or --circleci-url wrong?", c.base.Host, r.about)
		}
		return c.notUnderstood(r, broken)
	}
	return nil
}

// notUnderstood is an answer to a call that was accepted: asking again changes nothing.
func (c *Client) notUnderstood(r call, e *Error) error {
	if r.body != nil {
		return retry{error: e, done: true}
	}
	return e
}

// refused is an answer other than 2xx as a sentence that says what to do.
func (c *Client) refused(r call, answer *http.Response, body []byte) error {
	e := &Error{Status: answer.StatusCode}
	about := r.about
	said := ""
	var message struct{ Message string }
	if json.Unmarshal(body, &message) == nil && message.Message != "" {
		said = fmt.Sprintf(", %q", message.Message[:min(len(message.Message), maxMessage)])
	}
	code := fmt.Sprintf("(%d%s)", answer.StatusCode, said)
	switch status := answer.StatusCode; {
	case status == http.StatusUnauthorized:
		e.Message = fmt.Sprintf("CircleCI does not accept the token in %s %s: it takes a personal API token (User Settings > Personal API Tokens); a project token does not work with API v2", c.source, code)
	case status == http.StatusForbidden:
		e.Message = fmt.Sprintf("the owner of the token in %s may not %s %s %s: let one who can see the project make the token", c.source, r.verb, about, code)
	case status == http.StatusNotFound:
		e.Message = fmt.Sprintf("CircleCI does not know %s, or the owner of the token in %s may not see it %s: look at --circleci-project; "+
			"the slug is in Project Settings > Overview, gh/OWNER/NAME or circleci/ORGANIZATION-ID/PROJECT-ID", about, c.source, code)
	case status == http.StatusTooManyRequests:
		e.Message = fmt.Sprintf("CircleCI limits the rate of calls, asked about %s %s", about, code)
		e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), time.Now())
		return retry{error: e, after: e.RetryAfter}
	case status >= 500:
		e.Message = fmt.Sprintf("CircleCI failed to answer about %s %s: https://status.circleci.com may say why", about, code)
		e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), time.Now())
		return retry{error: e, after: e.RetryAfter, done: true}
	case status >= 300 && status < 400:
		e.Message = fmt.Sprintf("%s sends calls about %s elsewhere %s: set --circleci-url to the address of the API itself", c.base.Host, about, code)
	case r.body != nil:
		e.Message = fmt.Sprintf("CircleCI refused to %s %s %s", r.verb, about, code)
	default:
		e.Message = fmt.Sprintf("CircleCI refused to answer about %s %s", about, code)
	}
	return e
}

// retryAfter reads the header of that name, seconds or a date (RFC 9110, 10.2.3); 0 when it says nothing.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now).Round(time.Second)
	}
	return 0
}
