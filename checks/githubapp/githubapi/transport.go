package githubapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const (
	requestTimeout = 30 * time.Second // GitHub gives up after ten; an Enterprise Server may be slower
	repeatFor      = 15 * time.Second // after that the queue waits, not a worker
	firstBackoff   = 500 * time.Millisecond
	patience       = 10 * time.Second // to wait for a token of the buckets
	maxBody        = 64 << 20         // a page of 100 pull requests with 65,536 characters each, all escaped, is 40 MB
)

// freshWaits are before the repetitions of a request that found nothing yet.
var freshWaits = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// transport is below authentication: it sends a request once, again where that is safe,
// or not at all when GitHub has said so.
type transport struct {
	g            *GitHub
	installation int64
}

// RoundTrip answers with a body that is in memory. Its errors are *job.RetryAfter where
// GitHub's limits or an outage are the reason; errUnanswered is in them when the
// request may have been carried out.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	what, _ := ctx.Value(callKey{}).(call)
	if what.route == "" {
		what.route = "other"
	}
	write := req.Method != http.MethodGet && req.Method != http.MethodHead
	repeat := !write || what.repeat
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	limits := t.g.limitsOf(t.installation)
	began := t.g.options.Now()
	for backoff, missing := firstBackoff, 0; ; {
		if err := t.admit(ctx, limits, write); err != nil {
			return nil, err
		}
		resp, text, sent, err := t.once(withBody(req, body), what)
		now := t.g.options.Now()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var wait time.Duration
		switch {
		case err == nil && resp.StatusCode < 500:
			until, limited := limits.answered(now, resp, text)
			if limited != nil {
				t.g.options.Log.WarnContext(ctx, "GitHub's limit", "installation", t.installation, "route", what.route, "until", until, "error", limited)
				return nil, &job.RetryAfter{At: spread(until), Err: fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, limited)}
			}
			if resp.StatusCode != http.StatusNotFound || !what.fresh || missing == len(freshWaits) {
				// The library would keep limits of its own, by the machine's clock.
				for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
					resp.Header.Del(name)
				}
				return resp, nil
			}
			wait = freshWaits[missing]
			missing++
		default:
			if err == nil {
				err = newError(resp)
			}
			if errors.Is(err, errTooLarge) {
				return nil, err
			}
			wait = backoff/2 + rand.N(backoff)
			backoff *= 2
			if sent && !repeat || now.Add(wait).Sub(began) > repeatFor {
				return nil, t.givenUp(req, limits, resp, now, sent && !repeat, err)
			}
			t.g.options.Log.DebugContext(ctx, "GitHub did not answer; again", "installation", t.installation, "route", what.route, "wait", wait, "error", err)
		}
		if err := t.g.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// admit waits until a request may be sent, or says when it may be tried again.
func (t *transport) admit(ctx context.Context, l *limits, write bool) error {
	wait, until, err := l.reserve(t.g.options.Now(), write, write && t.installation != 0, patience)
	if err != nil {
		return &job.RetryAfter{At: spread(until), Err: err}
	}
	return t.g.sleep(ctx, wait)
}

// givenUp is the error after the last try: the queue does the work again later.
func (t *transport) givenUp(req *http.Request, l *limits, resp *http.Response, now time.Time, unanswered bool, err error) error {
	wait := l.outage()
	if resp != nil {
		if advised, ok := retryAfter(resp.Header, now); ok {
			wait = advised
		}
	}
	err = fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	if unanswered {
		err = fmt.Errorf("%w: %w", errUnanswered, err)
	}
	return &job.RetryAfter{At: spread(now.Add(wait)), Err: err}
}

// once sends the request and reads the whole answer. sent is false when GitHub cannot
// have seen it.
func (t *transport) once(req *http.Request, what call) (resp *http.Response, text []byte, sent bool, err error) {
	ctx, cancel := context.WithTimeout(req.Context(), requestTimeout)
	defer cancel()
	select {
	case t.g.slots <- struct{}{}:
		defer func() { <-t.g.slots }()
	case <-ctx.Done():
		return nil, nil, false, errors.New("too many requests to GitHub at a time")
	}
	began := t.g.options.Now()
	seen := Call{Installation: t.installation, Method: req.Method, Route: what.route}
	defer func() {
		seen.Duration = t.g.options.Now().Sub(began)
		t.g.options.Observe(seen)
	}()
	resp, err = t.g.options.Transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		var op *net.OpError
		return nil, nil, !(errors.As(err, &op) && op.Op == "dial"), err
	}
	defer resp.Body.Close()
	seen.Status = resp.StatusCode
	seen.Limit, _ = strconv.Atoi(resp.Header.Get("X-RateLimit-Limit"))
	seen.Remaining, _ = strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining"))
	if s, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		seen.Reset = time.Unix(s, 0)
	}
	text, err = io.ReadAll(io.LimitReader(resp.Body, t.g.maxBody+1))
	if err != nil {
		return nil, nil, true, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(text)) > t.g.maxBody {
		return nil, nil, true, fmt.Errorf("%s %s: %w: more than %d bytes", req.Method, req.URL.Path, errTooLarge, t.g.maxBody)
	}
	in := *resp
	in.Body = io.NopCloser(bytes.NewReader(text))
	in.Header = resp.Header.Clone()
	in.Request = req.Clone(req.Context())
	in.Request.Header.Del("Authorization") // errors keep the request
	return &in, text, true, nil
}

var errTooLarge = errors.New("GitHub's answer is too large")

// spread keeps those who wait for the same moment from coming all at once.
func spread(at time.Time) time.Time { return at.Add(rand.N(3 * time.Second)) }

// readBody takes the request's body, so that it can be sent again.
func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// withBody is the request with that body, unread.
func withBody(req *http.Request, body []byte) *http.Request {
	r := req.Clone(req.Context())
	if body == nil {
		r.Body, r.ContentLength = nil, 0
		return r
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return r
}
