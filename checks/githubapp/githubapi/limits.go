package githubapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// GitHub's limits (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api):
// 100 requests at a time; 900 points in a minute, where a read is one and a write five;
// 80 writes of content in a minute, about a second apart. An Enterprise Server has no
// limits unless its owner sets some: requests there are not spaced, but what it refuses counts.
const (
	maxConcurrent = 100

	writeBurst  = 20
	writeRate   = 1.0 // in a second: with the burst 80 in the first minute
	pointBurst  = 300
	pointRate   = 10.0 // in a second: with the burst 900 in the first minute
	writePoints = 5
)

// The waits after a secondary limit that does not say how long.
const (
	firstPause = time.Minute
	lastPause  = 15 * time.Minute
)

// limits is what one installation may do now.
type limits struct {
	mu      sync.Mutex
	until   time.Time // nothing is sent before
	reason  string
	pause   time.Duration // the last wait that was chosen without GitHub's advice; 0 after a good answer
	spaced  bool
	writes  bucket
	points  bucket
	outages int // requests in a row that GitHub did not answer
}

func newLimits(now time.Time, spaced bool) *limits {
	return &limits{
		spaced: spaced,
		writes: bucket{burst: writeBurst, rate: writeRate, level: writeBurst, at: now},
		points: bucket{burst: pointBurst, rate: pointRate, level: pointBurst, at: now},
	}
}

// A bucket holds tokens. It may owe some: who takes them waits until they are there.
type bucket struct {
	burst, rate float64
	level       float64
	at          time.Time
}

// fill adds what has dripped in. A clock that was set back adds nothing.
func (b *bucket) fill(now time.Time) {
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.level = min(b.burst, b.level+d*b.rate)
	}
	b.at = now
}

// wait is how long until n tokens are there.
func (b *bucket) wait(n float64) time.Duration {
	if b.level >= n {
		return 0
	}
	return time.Duration((n - b.level) / b.rate * float64(time.Second))
}

func (l *limits) limited(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until)
}

// errLimited is what GitHub's limits are wrapped in.
type errLimited string

func (e errLimited) Error() string { return "GitHub's limit: " + string(e) }

// reserve says how long to wait before a request may be sent, or until when none may:
// that is when the limit was met, or the wait would be longer than patience.
// What the App itself writes (tokens, redeliveries) is not content, and counts in points only.
func (l *limits) reserve(now time.Time, write, content bool, patience time.Duration) (wait time.Duration, until time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		return 0, l.until, errLimited(l.reason)
	}
	if !l.spaced {
		return 0, time.Time{}, nil
	}
	l.writes.fill(now)
	l.points.fill(now)
	points := 1.0
	if write {
		points = writePoints
	}
	if content {
		wait = l.writes.wait(1)
	}
	wait = max(wait, l.points.wait(points))
	if wait > patience {
		return 0, now.Add(wait), errLimited("requests of this installation are spaced")
	}
	if content {
		l.writes.level--
	}
	l.points.level -= points
	return wait, time.Time{}, nil
}

// answered takes in what an answer says of the limits, and returns until when nothing
// may be sent, zero when that is not so.
func (l *limits) answered(now time.Time, resp *http.Response, body []byte) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	exhausted := resp.Header.Get("X-RateLimit-Remaining") == "0"
	refused := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusForbidden
	wait, advised := retryAfter(resp.Header, now)
	switch {
	case refused && advised:
		l.stop(now.Add(wait), "GitHub asks to wait (Retry-After)")
	case refused && exhausted:
		l.stop(now.Add(untilReset(resp.Header, now)), "the hour's requests are used up")
	case resp.StatusCode == http.StatusTooManyRequests || refused && secondary(body):
		l.pause = min(max(2*l.pause, firstPause), lastPause)
		l.stop(now.Add(l.pause), "too many requests at once (secondary limit)")
	case exhausted && !refused && resp.Header.Get("X-RateLimit-Reset") != "":
		// This one was the last that is answered.
		l.stop(now.Add(untilReset(resp.Header, now)), "the hour's requests are used up")
		return time.Time{}, nil
	default:
		if resp.StatusCode < 400 {
			l.pause = 0
		}
		if resp.StatusCode < 500 {
			l.outages = 0
		}
		return time.Time{}, nil
	}
	return l.until, fmt.Errorf("%w; GitHub answered %d", errLimited(l.reason), resp.StatusCode)
}

// stop lets nothing be sent until then; a later time that is known already stays.
func (l *limits) stop(until time.Time, reason string) {
	if until.After(l.until) {
		l.until, l.reason = until, reason
	}
}

// outage counts an unanswered request, and says how long to leave GitHub alone.
func (l *limits) outage() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outages++
	return min(15*time.Second<<min(l.outages-1, 5), 5*time.Minute)
}

// retryAfter reads the header of that name: seconds, or a date. At least a second is
// waited, and never more than two hours.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.Atoi(v); err == nil {
		return bounded(time.Duration(min(max(s, 0), 7200))*time.Second + time.Second), true
	}
	if t, err := http.ParseTime(v); err == nil {
		return bounded(t.Sub(theirClock(h, now)) + time.Second), true
	}
	return 0, false
}

// untilReset is how long until the hour's requests are new. It is measured on GitHub's
// clock, since ours may be wrong.
func untilReset(h http.Header, now time.Time) time.Duration {
	s, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return firstPause
	}
	return bounded(time.Unix(s, 0).Sub(theirClock(h, now)) + time.Second)
}

func theirClock(h http.Header, now time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return now
}

func bounded(d time.Duration) time.Duration {
	return min(max(d, time.Second), 2*time.Hour)
}

// secondary says whether a 403 is GitHub's secondary limit and not a missing permission.
func secondary(body []byte) bool {
	body = bytes.ToLower(body)
	for _, sign := range []string{"secondary rate limit", "secondary-rate-limits", "abuse detection", "abuse-rate-limits"} {
		if bytes.Contains(body, []byte(sign)) {
			return true
		}
	}
	return false
}

// errUnanswered is in errors of requests that may have been carried out, or not.
var errUnanswered = errors.New("it is not known whether GitHub did it")
