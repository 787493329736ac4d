package githubapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
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
func TestLimits(t *testing.T) {
	in := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }
	for name, c := range map[string]struct {
		answer func() *http.Response
		wait   time.Duration
	}{
		"primary, 403": {func() *http.Response {
			return answer(403, `{"message": "API rate limit exceeded"}`, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: "+in(40*time.Minute))
		}, 40 * time.Minute},
		"primary, 429": {func() *http.Response {
			return answer(429, `{"message": "API rate limit exceeded"}`, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: "+in(40*time.Minute))
		}, 40 * time.Minute},
		"primary, our clock an hour behind": {func() *http.Response {
			return answer(403, "", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: "+in(100*time.Minute),
				"Date: "+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		}, 40 * time.Minute},
		"primary, reset long ago": {func() *http.Response {
			return answer(403, "", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 5")
		}, time.Second},
		"secondary, 403, Retry-After": {func() *http.Response {
			return answer(403, "", "Retry-After: 90", "X-RateLimit-Remaining: 4000")
		}, 90 * time.Second},
		"secondary, 429, Retry-After": {func() *http.Response { return answer(429, "", "Retry-After: 90") }, 90 * time.Second},
		"Retry-After as a date": {func() *http.Response {
			return answer(429, "", "Retry-After: "+time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))
		}, 90 * time.Second},
		"Retry-After of a year": {func() *http.Response { return answer(429, "", "Retry-After: 31536000") }, 2 * time.Hour},
		"secondary, only in words": {func() *http.Response {
			return answer(403, `{"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`)
		}, time.Minute},
		"429 and nothing else": {func() *http.Response { return answer(429, "") }, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				s.answer = func(n int, r request) (*http.Response, error) {
					if n == 1 {
						return c.answer(), nil
					}
					return answer(200, pullJSON, "X-RateLimit-Remaining: 4000"), nil
				}
				g, _ := newGitHub(t, s)
				pull := func(installation int64) error {
					_, err := g.Installation(installation).Pull(t.Context(), "acme", "orders", 7)
					return err
				}
				for i := range 3 { // the first is refused, the others are not sent
					var later *job.RetryAfter
					if err := pull(1); !errors.As(err, &later) {
						t.Fatalf("error %v", err)
					} else if wait := time.Until(later.At); wait < c.wait-time.Second || wait > c.wait+6*time.Second {
						t.Errorf("%d: again in %v, want %v", i, wait, c.wait)
					}
				}
				if s.count() != 1 {
					t.Errorf("sent %d times, want once", s.count())
				}
				if err := pull(2); err != nil {
					t.Errorf("another installation: %v", err)
				}
				g.drop(1) // a limit outlives the client
				if err := pull(1); err == nil {
					t.Error("sent although it is limited, by a new client")
				}
				time.Sleep(c.wait + 2*time.Second)
				if err := pull(1); err != nil {
					t.Errorf("later: %v", err)
				}
			})
		})
	}
}

// TestLongerLimitStays: of two answers to requests that were under way, the longer wait counts.
func TestLongerLimitStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: func(n int, r request) (*http.Response, error) {
			time.Sleep(time.Duration(n) * time.Second)
			return answer(429, "", fmt.Sprint("Retry-After: ", 600/n)), nil
		}}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { c.Pull(t.Context(), "acme", "orders", 7) })
		}
		wg.Wait()
		_, err := c.Pull(t.Context(), "acme", "orders", 7)
		var later *job.RetryAfter
		if !errors.As(err, &later) || time.Until(later.At) < 9*time.Minute {
			t.Errorf("error %v", err)
		}
	})
}

// TestSecondaryGrows: GitHub that does not say how long gets more time each time.
func TestSecondaryGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := true
		s := &script{answer: func(int, request) (*http.Response, error) {
			if limited {
				return answer(429, ""), nil
			}
			return answer(200, pullJSON), nil
		}}
		g, _ := newGitHub(t, s)
		wait := func() time.Duration {
			_, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7)
			var later *job.RetryAfter
			if !errors.As(err, &later) {
				t.Fatal(err)
			}
			d := time.Until(later.At)
			time.Sleep(d)
			return d.Truncate(10 * time.Second)
		}
		for i, want := range []time.Duration{1, 2, 4, 8, 15, 15} {
			if got := wait(); got != want*time.Minute {
				t.Errorf("%d: %v, want %v", i, got, want*time.Minute)
			}
		}
		limited = false
		if _, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7); err != nil {
			t.Fatal(err)
		}
		limited = true
		if got := wait(); got != time.Minute {
			t.Errorf("after a good answer: %v", got)
		}
	})
}

// TestLastRequestOfTheHour: an answer may say that it was the last.
func TestLastRequestOfTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reset := time.Now().Add(10 * time.Minute)
		s := &script{answer: func(int, request) (*http.Response, error) {
			return answer(200, pullJSON, "X-RateLimit-Remaining: 0", fmt.Sprint("X-RateLimit-Reset: ", reset.Unix())), nil
		}}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		if _, err := c.Pull(t.Context(), "acme", "orders", 7); err != nil {
			t.Fatal(err)
		}
		_, err := c.Pull(t.Context(), "acme", "orders", 7)
		var later *job.RetryAfter
		if !errors.As(err, &later) || later.At.Before(reset) || s.count() != 1 {
			t.Errorf("%v; sent %d times", err, s.count())
		}
	})
}

// TestForbidden: a permission that lacks is no limit.
func TestForbidden(t *testing.T) {
	g, _ := newGitHub(t, &script{answer: always(403, `{"message": "Resource not accessible by integration"}`,
		"X-Accepted-GitHub-Permissions: pull_requests=read", "X-RateLimit-Remaining: 4999", "X-RateLimit-Reset: 9999999999")})
	_, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7)
	var e *Error
	var later *job.RetryAfter
	if !errors.As(err, &e) || e.Status != 403 || errors.As(err, &later) || !strings.Contains(err.Error(), "pull_requests=read") {
		t.Errorf("error %v", err)
	}
}

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
func TestWritesAreSpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: always(200, `{"id": 5}`)}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		var put, told int
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range 30 { // thirty workers that write for three minutes
			wg.Go(func() {
				for began := time.Now(); time.Since(began) < 3*time.Minute; {
					_, err := c.UpdateCheckRun(t.Context(), "acme", "orders", 5, checkrun.Request{Status: "in_progress"})
					var later *job.RetryAfter
					mu.Lock()
					if errors.As(err, &later) {
						told++
					} else if put++; err != nil {
						t.Error(err)
					}
					mu.Unlock()
					if later != nil {
						time.Sleep(time.Until(later.At))
					}
				}
			})
		}
		wg.Wait()
		for i := 0; i+80 < len(s.requests); i++ {
			if d := s.requests[i+80].at.Sub(s.requests[i].at); d < time.Minute {
				t.Fatalf("81 writes within %v", d)
			}
		}
		if put < 190 || told == 0 {
			t.Errorf("%d writes in three minutes; %d told to come again", put, told)
		}
	})
}

// TestEnterpriseServer: its limits are off unless it says otherwise.
func TestEnterpriseServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: always(200, `{"id": 5}`)}
		g, err := New(Options{BaseURL: "https://github.example.com", AppID: 7, PrivateKey: testKey(), Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 500 {
			if _, err := g.Installation(1).UpdateCheckRun(t.Context(), "acme", "orders", 5, checkrun.Request{Status: "in_progress"}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("500 writes took %v", took)
		}
		s.answer = always(429, "", "Retry-After: 60")
		for range 2 {
			var later *job.RetryAfter
			if _, err := g.Installation(1).CheckRun(t.Context(), "acme", "orders", 5); !errors.As(err, &later) || s.count() != 501 {
				t.Errorf("%v; %d requests", err, s.count())
			}
		}
	})
}

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
func TestClockSetBack(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	l := newLimits(now, true)
	for range writeBurst {
		if wait, _, err := l.reserve(now, true, true, patience); wait != 0 || err != nil {
			t.Fatal(wait, err)
		}
	}
	back := now.Add(-time.Hour)
	if wait, _, _ := l.reserve(back, true, true, patience); wait != time.Second {
		t.Errorf("waits %v", wait)
	}
	if wait, _, _ := l.reserve(back.Add(10*time.Second), true, true, patience); wait != 0 {
		t.Errorf("ten seconds later: waits %v", wait)
	}
}
