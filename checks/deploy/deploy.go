// Package deploy watches a deploy after the merge: endpoints that have to be
// healthy and to remain so, and metrics that have to stay within their limits.
//
// What could not be measured is never taken for success.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Verdict is how a watch ended.
type Verdict string

const (
	Passed     Verdict = "passed"
	Failed     Verdict = "failed"     // measured, and bad
	Unmeasured Verdict = "unmeasured" // neither good nor bad is known
)

// maxBody bounds what is read of an answer, in bytes.
const maxBody = 1 << 20

// Header is sent with each request. Its value is never printed.
type Header struct{ Key, Value string }

func setHeaders(r *http.Request, headers []Header) {
	for _, h := range headers {
		if http.CanonicalHeaderKey(h.Key) == "Host" {
			r.Host = h.Value // net/http sends Request.Host, and ignores the header
			continue
		}
		r.Header.Set(h.Key, h.Value)
	}
}

// shown gives a URL as it may be printed: without user, password and query.
func shown(u *url.URL) string {
	out := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.RawQuery != "" {
		return out.String() + "?..."
	}
	return out.String()
}

// parseURL reads an address of a server.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	// The text is not repeated: it may hold a password.
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("not a URL such as https://shop.example.com/healthz")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// reason says why there is no answer, without the URL that net/http puts in front.
func reason(ctx context.Context, err error, timeout time.Duration) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("no whole answer within %s", timeout)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the answer broke off"
	}
	return err.Error()
}

// wait returns false when the context ends first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
