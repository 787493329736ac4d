package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A clock that tests put forward and back.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func claim(t testing.TB, r *run, lane string) *turn {
	t.Helper()
	turn, err := r.claim(t.Context(), lane)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// announced brings all that waits to the lane of judging.
func announced(t testing.TB, s *Store) {
	t.Helper()
	r := newRun(t.Context(), s, judges(nil))
	for turn := claim(t, r, laneAnnounce); turn != nil; turn = claim(t, r, laneAnnounce) {
		if err := r.announce(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLease(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		clock := newClock()
		o := Options{Now: clock.now, Lease: 30 * time.Second}
		one, two := open(t, url, o), open(t, url, o)
		accept(t, one, "d1", pull(7, "aaa", 1))
		announced(t, one)
		works := make(chan job.Work, 2)
		a, b := newRun(t.Context(), one, judges(works)), newRun(t.Context(), two, judges(works))

		mine := claim(t, a, laneJudge)
		if mine == nil {
			t.Fatal("nothing to judge")
		}
		ctx := mine.ctx
		clock.add(20 * time.Second)
		a.renew(t.Context())
		clock.add(20 * time.Second)
		if claim(t, b, laneJudge) != nil {
			t.Fatal("a renewed lease is taken over")
		}
		clock.add(20 * time.Second)
		if claim(t, a, laneJudge) != nil {
			t.Fatal("a process takes over from itself")
		}
		theirs := claim(t, b, laneJudge)
		if theirs == nil || theirs.work.Attempt != 2 {
			t.Fatalf("an old lease is not taken over: %+v", theirs)
		}
		a.renew(t.Context())
		if !errors.Is(context.Cause(ctx), ErrLost) {
			t.Errorf("the turn goes on: %v", context.Cause(ctx))
		}
		if err := one.SetCheckRun(t.Context(), mine.work, 5); !errors.Is(err, ErrLost) {
			t.Errorf("SetCheckRun: %v", err)
		}
		if err := a.judge(t.Context(), mine); !errors.Is(err, ErrLost) {
			t.Errorf("judge: %v", err)
		}
		if all, err := one.Verdicts(t.Context(), 0, 9); err != nil || len(all) != 0 {
			t.Errorf("a process without the lease wrote %+v, %v", all, err)
		}
		if err := b.judge(t.Context(), theirs); err != nil {
			t.Error(err)
		}
		if all, err := one.Verdicts(t.Context(), 0, 9); err != nil || len(all) != 1 {
			t.Errorf("verdicts: %+v, %v", all, err)
		}
	})
}

// A database that does not answer for as long as a lease lasts ends the turns.
func TestRenewWithoutDatabase(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{Lease: time.Minute})
		accept(t, s, "d1", pull(7, "aaa", 1))
		announced(t, s)
		r := newRun(t.Context(), s, judges(nil))
		mine := claim(t, r, laneJudge)
		ctx := mine.ctx
		s.engine.close()
		r.renew(t.Context())
		if ctx.Err() != nil {
			t.Fatalf("ended at once: %v", context.Cause(ctx))
		}
		long := time.Now().Add(-2 * time.Minute)
		r.renewed.Store(&long)
		r.renew(t.Context())
		if !errors.Is(context.Cause(ctx), ErrLost) {
			t.Errorf("the turn goes on: %v", context.Cause(ctx))
		}
	})
}

func TestClockJumps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, jump := range map[string]time.Duration{"back": -year, "forward": year} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, url string) {
				clock := newClock()
				s := open(t, url, Options{Now: clock.now, Backoff: func(int) time.Duration { return 10 * time.Minute }})
				accept(t, s, "d1", pull(7, "aaa", 1), pull(8, "bbb", 1))
				announced(t, s)
				dead := newRun(t.Context(), s, Handler{Judge: func(context.Context, job.Work) (job.Verdict, error) { return job.Verdict{}, errors.New("x") }})
				failed := claim(t, dead, laneJudge)
				if err := dead.judge(t.Context(), failed); err != nil { // due in ten minutes
					t.Fatal(err)
				}
				if left := claim(t, dead, laneJudge); left == nil || left.work.Subject.Number == failed.work.Subject.Number {
					t.Fatalf("then: %+v", left)
				}
				if r := newRun(t.Context(), s, Handler{}); claim(t, r, laneJudge) != nil {
					t.Fatal("something is due already")
				}
				clock.add(jump)
				start(t, s, judges(nil))
				settled(t, s, 7)
				settled(t, s, 8)
				accept(t, s, "d2", pull(9, "ccc", 1))
				settled(t, s, 9)
			})
		})
	}
}

// order judges everything with one worker, and returns the installations in order.
func order(t testing.TB, s *Store, n int) []int64 {
	t.Helper()
	r := newRun(t.Context(), s, judges(nil))
	var all []int64
	for range n {
		turn := claim(t, r, laneJudge)
		if turn == nil {
			break
		}
		all = append(all, turn.work.Subject.Installation)
		if err := r.judge(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestInstallationsTakeTurns(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		of := func(installation int64, number int) job.Want {
			w := pull(number, "aaa", 1)
			w.Subject.Installation, w.Subject.Repository.ID = installation, 100+installation
			return w
		}
		var many []job.Want
		for n := 1; n <= 50; n++ {
			many = append(many, of(1, n))
		}
		accept(t, s, "many", many...)
		for n := 1; n <= 3; n++ {
			accept(t, s, "few"+string(rune('0'+n)), of(2, n), of(3, n))
		}
		if _, err := s.write(t.Context(), `UPDATE subjects SET announced = sequence`); err != nil {
			t.Fatal(err)
		}
		count := map[int64]int{}
		for _, installation := range order(t, s, 9) {
			count[installation]++
		}
		if count[1] != 3 || count[2] != 3 || count[3] != 3 {
			t.Errorf("of nine turns: %v", count)
		}
	})
}

func TestLimitOfOneInstallation(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{Workers: 4})
		other := pull(1, "aaa", 1)
		other.Subject.Installation, other.Subject.Repository.ID = 2, 200
		accept(t, s, "d1", pull(1, "a", 1), pull(2, "b", 1), pull(3, "c", 1), pull(4, "d", 1), other)
		announced(t, s)
		r := newRun(t.Context(), s, judges(nil))
		count := map[int64]int{}
		var turns []*turn
		for turn := claim(t, r, laneJudge); turn != nil; turn = claim(t, r, laneJudge) {
			count[turn.work.Subject.Installation]++
			turns = append(turns, turn)
		}
		if count[1] != 2 || count[2] != 1 {
			t.Errorf("at once, with four workers: %v", count)
		}
		for _, turn := range turns {
			if err := r.judge(t.Context(), turn); err != nil {
				t.Fatal(err)
			}
		}
		if rest := order(t, s, 9); len(rest) != 2 {
			t.Errorf("then: %v", rest)
		}
	})
}

// The end of a turn that could not be kept does not hold the subject for ever.
func TestTurnWhoseEndCouldNotBeKept(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		accept(t, s, "d1", pull(7, "aaa", 1), pull(8, "bbb", 1))
		announced(t, s)
		r := newRun(t.Context(), s, judges(nil))
		lost, other := claim(t, r, laneJudge), claim(t, r, laneJudge)
		if other != nil {
			t.Fatal("one installation has more than its share")
		}
		s.running.remove(lost.work.Subject.Key(), lost)
		r.renew(t.Context())
		if rest := order(t, s, 9); len(rest) != 2 {
			t.Errorf("then %d turns", len(rest))
		}
	})
}

// A second process that is started on the same file, as an update does it, waits for the
// first one to end, and goes on with what that one had at once.
func TestSecondProcessOnOneFile(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "pmcheck.db")
	one, two := open(t, url, Options{Grace: time.Millisecond}), open(t, url, Options{})
	h, turns := holds()
	stop := start(t, one, h)
	accept(t, one, "d1", pull(7, "aaa", 1))
	first := receive(t, turns)
	works := make(chan job.Work, 2)
	start(t, two, judges(works))
	accept(t, two, "d2", pull(7, "bbb", 2)) // it accepts from the beginning
	receive(t, first.cause)                 // and the other one notices
	next := receive(t, turns)
	if next.work.Revision.Head != "bbb" || len(works) != 0 {
		t.Errorf("then: %+v", next.work)
	}
	stop()
	if w := receive(t, works); w.Revision.Head != "bbb" || w.Attempt != 1 {
		t.Errorf("taken over: %+v", w)
	}
	settled(t, two, 7)
}
