package githubapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const pullJSON = `{"number": 7, "state": "open", "base": {"sha": "b", "ref": "main", "repo": {"id": 12, "name": "orders", "owner": {"login": "acme"}}}, "head": {"sha": "h", "ref": "x"}}`

func dialError() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

// TestRepeat: reads are sent again while that may help, and the queue waits then.
func TestRepeat(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	for name, c := range map[string]struct {
		answer func(int, request) (*http.Response, error)
		sent   int // 0: more than 3
		later  bool
	}{
		"at once":            {always(200, pullJSON), 1, false},
		"502 twice":          {inTurn(always(502, ""), always(502, "<html>"), always(200, pullJSON)), 3, false},
		"connection reset":   {inTurn(failing(reset), always(200, pullJSON)), 2, false},
		"half an answer":     {inTurn(halfAnswer, always(200, pullJSON)), 2, false},
		"no connection":      {failing(dialError()), 0, true},
		"500 for ever":       {always(500, `{"message": "Server Error"}`), 0, true},
		"503, says how long": {always(503, "", "Retry-After: 120"), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: c.answer}
				g, _ := newGitHub(t, s)
				began := time.Now()
				_, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7)
				took := time.Since(began)
				var later *job.RetryAfter
				if errors.As(err, &later) != c.later || err != nil && !c.later {
					t.Fatalf("error %v", err)
				}
				if n := s.count(); c.sent != 0 && n != c.sent || c.sent == 0 && n < 4 {
					t.Errorf("sent %d times, want %d", n, c.sent)
				}
				if took > repeatFor {
					t.Errorf("took %v", took)
				}
				if c.later {
					least := 10 * time.Second
					if strings.Contains(name, "how long") {
						least = 120 * time.Second
					}
					if wait := time.Until(later.At); wait < least || wait > 4*least {
						t.Errorf("again in %v", wait)
					}
				}
			})
		})
	}
}

func halfAnswer(int, request) (*http.Response, error) {
	r := answer(200, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(pullJSON[:20]), broken{}))
	return r, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestOutage: the waits between outages grow, up to five minutes, and end with the first answer.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		s := &script{answer: func(n int, r request) (*http.Response, error) {
			if up {
				return answer(200, pullJSON), nil
			}
			return answer(502, ""), nil
		}}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		outage := func() time.Duration {
			_, err := c.Pull(t.Context(), "acme", "orders", 7)
			var later *job.RetryAfter
			if !errors.As(err, &later) {
				t.Fatal(err)
			}
			return time.Until(later.At).Round(5 * time.Second)
		}
		first := outage()
		for range 8 {
			outage()
		}
		if last := outage(); first > 20*time.Second || last < 5*time.Minute || last > 5*time.Minute+5*time.Second {
			t.Errorf("first %v, last %v", first, last)
		}
		up = true
		if _, err := c.Pull(t.Context(), "acme", "orders", 7); err != nil {
			t.Fatal(err)
		}
		up = false
		if again := outage(); again > 20*time.Second {
			t.Errorf("after an answer: %v", again)
		}
	})
}

// TestWriteIsNotRepeated: what may have happened is not done again.
func TestWriteIsNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(int, request) (*http.Response, error)
		sent   int
		ok     bool
	}{
		"502":             {always(502, ""), 1, false},
		"connection lost": {failing(io.EOF), 1, false},
		"never connected": {inTurn(failing(dialError()), failing(dialError()), always(201, `{"id": 5}`)), 3, true},
		"never answered":  {func(int, request) (*http.Response, error) { time.Sleep(time.Hour); return nil, errors.New("late") }, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: c.answer}
				g, _ := newGitHub(t, s)
				_, err := g.Installation(1).Comment(t.Context(), "acme", "orders", 7, "hello")
				var later *job.RetryAfter
				if c.ok != (err == nil) || err != nil && (!errors.As(err, &later) || !errors.Is(err, errUnanswered)) {
					t.Errorf("error %v", err)
				}
				if s.count() != c.sent {
					t.Errorf("sent %d times, want %d", s.count(), c.sent)
				}
			})
		})
	}
}

// TestTimeout: an answer that does not come is given up after half a minute, and a
// caller's context ends all waiting.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGitHub(t, &script{})
		g.options.Transport = hanging{}
		began := time.Now()
		_, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7)
		var later *job.RetryAfter
		if !errors.As(err, &later) || time.Since(began) > requestTimeout+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(job.ErrSuperseded) })
		if _, err := g.Installation(2).Pull(ctx, "acme", "orders", 7); !errors.Is(err, job.ErrSuperseded) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// hanging answers when the request's context ends.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestLimits: each way in which GitHub says "not so fast" becomes a job.RetryAfter, and
// nothing is sent until then.
// TestLongerLimitStays: of two answers to requests that were under way, the longer wait counts.
// TestSecondaryGrows: GitHub that does not say how long gets more time each time.
// TestLastRequestOfTheHour: an answer may say that it was the last.
// TestForbidden: a permission that lacks is no limit.
// TestFresh: what was just made may not be found yet, where the caller says so.
func TestFresh(t *testing.T) {
	for _, c := range []struct {
		fresh bool
		after int // requests that find nothing
		sent  int
		found bool
	}{{false, 1, 1, false}, {true, 2, 3, true}, {true, 100, 4, false}} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{answer: func(n int, r request) (*http.Response, error) {
				if n <= c.after {
					return answer(404, `{"message": "Not Found"}`), nil
				}
				return answer(200, pullJSON), nil
			}}
			g, _ := newGitHub(t, s)
			ctx := t.Context()
			if c.fresh {
				ctx = Fresh(ctx)
			}
			_, err := g.Installation(1).Pull(ctx, "acme", "orders", 7)
			if (err == nil) != c.found || err != nil && !errors.Is(err, ErrNotFound) || s.count() != c.sent {
				t.Errorf("%+v: sent %d times; %v", c, s.count(), err)
			}
		})
	}
}

// TestConcurrency: no more than a hundred requests at a time, of all installations.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		s := &script{answer: func(int, request) (*http.Response, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return answer(200, pullJSON), nil
		}}
		g, _ := newGitHub(t, s)
		var wg sync.WaitGroup
		for i := range 250 {
			wg.Go(func() {
				if _, err := g.Installation(int64(i%10)).Pull(t.Context(), "acme", "orders", 7); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if most != maxConcurrent {
			t.Errorf("%d at a time, want %d", most, maxConcurrent)
		}
	})
}

// TestWritesAreSpaced: never more than 80 writes in a minute; who would wait too long
// is told when to come again.
// TestEnterpriseServer: its limits are off unless it says otherwise.
func TestBodyIsBounded(t *testing.T) {
	s := &script{answer: func(int, request) (*http.Response, error) {
		r := answer(200, "")
		r.Body = io.NopCloser(endless{})
		return r, nil
	}}
	g, _ := newGitHub(t, s)
	g.maxBody = 1 << 20
	if _, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7); !errors.Is(err, errTooLarge) || s.count() != 1 {
		t.Errorf("sent %d times: %v", s.count(), err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestObserve(t *testing.T) {
	var calls []Call
	g, _ := newGitHub(t, &script{answer: always(200, pullJSON, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4998", "X-RateLimit-Reset: 1000")})
	g.options.Observe = func(c Call) { calls = append(calls, c) }
	if _, err := g.Installation(3).Pull(t.Context(), "acme", "orders", 7); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[0].Route != "/app/installations/{installation_id}/access_tokens" || calls[0].Installation != 0 {
		t.Fatalf("%+v", calls)
	}
	c := calls[1]
	if c.Installation != 3 || c.Method != "GET" || c.Route != "/repos/{owner}/{repo}/pulls/{pull_number}" || c.Status != 200 ||
		c.Limit != 5000 || c.Remaining != 4998 || c.Reset.Unix() != 1000 || c.Duration <= 0 {
		t.Errorf("%+v", c)
	}
}

// TestClockSetBack: a bucket does not fill because of it, nor stay empty.
