package githubapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

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
