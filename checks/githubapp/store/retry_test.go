package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

func TestRetriesAndGivesUp(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{MaxAttempts: 3})
		h := judges(nil)
		works := make(chan job.Work, 20)
		given := make(chan error, 20)
		h.Judge = func(_ context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			return job.Verdict{}, fmt.Errorf("attempt %d failed", w.Attempt)
		}
		give := h.GiveUp
		h.GiveUp = func(ctx context.Context, w job.Work, err error) (job.Verdict, error) {
			given <- err
			if len(given) < 3 {
				return job.Verdict{}, errors.New("GitHub is down")
			}
			if !w.Last {
				t.Error("gives up, and it is not the last attempt")
			}
			return give(ctx, w, err)
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		for n := 1; n <= 3; n++ {
			w := receive(t, works)
			if w.Attempt != n || w.Last != (n == 3) || (n > 1 && w.LastError != fmt.Sprintf("attempt %d failed", n-1)) {
				t.Errorf("attempt %d: %+v", n, w)
			}
		}
		v := settled(t, s, 7)
		if v.Conclusion != "failure" || v.Problem != "attempt 3 failed" {
			t.Errorf("verdict: %+v", v)
		}
		if len(works) != 0 || len(given) != 3 {
			t.Errorf("judged %d times more, gave up %d times", len(works), len(given))
		}
	})
}

func TestRetryAfterIsNoAttempt(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{MaxAttempts: 2})
		h := judges(nil)
		n := 0
		h.Judge = func(_ context.Context, w job.Work) (job.Verdict, error) {
			if n++; n <= 2 {
				return job.Verdict{}, fmt.Errorf("ask: %w", &job.RetryAfter{At: time.Now().Add(-time.Hour), Err: errors.New("rate limit")})
			}
			if w.Attempt != 1 || w.Last {
				t.Errorf("after rate limits: %+v", w)
			}
			return verdict(w), nil
		}
		announced := 0
		h.Announce = func(context.Context, job.Work) (int64, error) {
			if announced++; announced == 1 {
				return 0, &job.RetryAfter{Err: errors.New("rate limit")}
			}
			return 42, nil
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		if v := settled(t, s, 7); v.Problem != "" || v.CheckRun != 42 || n != 3 || announced != 2 {
			t.Errorf("after %d turns and %d announcements: %+v", n, announced, v)
		}
	})
}

// A rate limit that lasts is kept to; a time that is out of all bounds is not.
func TestRetryAfterIsWhenItSays(t *testing.T) {
	r := &run{store: &Store{o: Options{Now: func() time.Time { return epoch }}.withDefaults()}}
	for in, want := range map[time.Duration]time.Duration{-time.Hour: time.Second, 20 * time.Minute: 20 * time.Minute, 900 * time.Hour: latest} {
		server := epoch.Add(3 * time.Hour) // whose clock is another
		at, counts := r.again(&job.RetryAfter{At: epoch.Add(in)}, 1, server)
		if counts || at.Sub(server) != want {
			t.Errorf("in %v: after %v", in, at.Sub(server))
		}
	}
	for attempt, want := range map[int]time.Duration{1: 5 * time.Second, 2: 15 * time.Second, 3: 45 * time.Second, 50: 10 * time.Minute} {
		if at, counts := r.again(errors.New("x"), attempt, epoch); !counts || at.Sub(epoch) != want {
			t.Errorf("attempt %d: after %v", attempt, at.Sub(epoch))
		}
	}
}

func TestPanicAndTimeoutAreErrors(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{MaxAttempts: 2, Timeout: 20 * time.Millisecond})
		h := judges(nil)
		h.Announce = func(context.Context, job.Work) (int64, error) { panic("announce") }
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			if w.Subject.Number == 7 {
				panic("head is nil")
			}
			<-ctx.Done()
			return job.Verdict{}, ctx.Err()
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1), pull(8, "bbb", 1))
		if v := settled(t, s, 7); !strings.Contains(v.Problem, "panic: head is nil") {
			t.Errorf("panic: %q", v.Problem)
		}
		if v := settled(t, s, 8); !strings.Contains(v.Problem, context.DeadlineExceeded.Error()) {
			t.Errorf("time: %q", v.Problem)
		}
	})
}

// Work that takes the whole process down ends in a verdict too.
func TestWorkThatKillsTheProcess(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		clock := newClock()
		s := open(t, url, Options{MaxAttempts: 2, Now: clock.now})
		accept(t, s, "d1", pull(7, "aaa", 1))
		for range 2 {
			r := newRun(t.Context(), s, judges(nil)) // a process that dies
			if turn := claim(t, r, laneAnnounce); turn != nil {
				if err := r.announce(t.Context(), turn); err != nil {
					t.Fatal(err)
				}
			}
			if claim(t, r, laneJudge) == nil {
				t.Fatal("nothing to judge")
			}
			clock.add(time.Hour)
		}
		h := judges(nil)
		h.Judge = func(context.Context, job.Work) (job.Verdict, error) {
			t.Error("judged once more")
			return job.Verdict{}, nil
		}
		start(t, s, h)
		if v := settled(t, s, 7); !strings.Contains(v.Problem, "during each of 2 attempts") {
			t.Errorf("verdict: %+v", v)
		}
	})
}

// A turn that does not end in time is handed back, and the next process begins it anew.
func TestStopHandsBack(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{Grace: time.Millisecond})
		h, turns := holds()
		stop := start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		stop()
		if cause := receive(t, first.cause); !errors.Is(cause, errStopping) {
			t.Errorf("its context ended: %v", cause)
		}
		works := make(chan job.Work, 1)
		start(t, s, judges(works))
		if w := receive(t, works); w.Attempt != 1 || w.CheckRun != first.work.CheckRun {
			t.Errorf("then: %+v", w)
		}
		settled(t, s, 7)
	})
}

// A turn that ends within the grace time is kept.
func TestStopWaits(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{Grace: within})
		h, turns := holds()
		stop := start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		stopped := make(chan bool)
		go func() { stop(); close(stopped) }()
		first.end <- verdict(first.work)
		receive(t, stopped)
		if v := settled(t, s, 7); v.Revision.Head != "aaa" {
			t.Errorf("verdict: %+v", v)
		}
	})
}
