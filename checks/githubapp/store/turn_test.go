package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// A guard notices when two functions of handlers run for one subject at once.
type guard struct {
	mu   sync.Mutex
	busy map[string]string
}

func (g *guard) during(t testing.TB, w job.Work, what string) func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := w.Subject.Key()
	if g.busy == nil {
		g.busy = map[string]string{}
	}
	if other := g.busy[key]; other != "" {
		t.Errorf("%s of %s while %s runs", what, key, other)
	}
	g.busy[key] = what
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.busy, key)
	}
}

func (g *guard) handler(t testing.TB, h Handler) Handler {
	return Handler{
		Announce: func(ctx context.Context, w job.Work) (int64, error) {
			defer g.during(t, w, "announce")()
			return h.Announce(ctx, w)
		},
		Judge: func(ctx context.Context, w job.Work) (job.Verdict, error) {
			defer g.during(t, w, "judge")()
			return h.Judge(ctx, w)
		},
		GiveUp: func(ctx context.Context, w job.Work, err error) (job.Verdict, error) {
			defer g.during(t, w, "give up")()
			return h.GiveUp(ctx, w, err)
		},
		Cancelled: func(ctx context.Context, w job.Work) error {
			defer g.during(t, w, "cancelled")()
			return h.Cancelled(ctx, w)
		},
	}
}

// A held turn of Judge waits for the test to let it go.
type held struct {
	work  job.Work
	cause chan error         // of the end of its context
	end   chan<- job.Verdict // lets it end
}

// holds is a handler whose turns of Judge come out of a channel and wait there.
func holds() (Handler, <-chan held) {
	turns := make(chan held)
	h := judges(nil)
	h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
		end, cause := make(chan job.Verdict, 1), make(chan error, 1)
		select {
		case turns <- held{w, cause, end}:
		case <-ctx.Done():
			return job.Verdict{}, ctx.Err()
		}
		select {
		case v := <-end:
			return v, nil
		case <-ctx.Done():
			cause <- context.Cause(ctx)
			return job.Verdict{}, ctx.Err()
		}
	}
	return h, turns
}

func TestSubjectsInParallelAndOneInOrder(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{PerInstallation: 2})
		h, turns := holds()
		told := make(chan job.Work, 10)
		h.Cancelled = func(_ context.Context, w job.Work) error { told <- w; return nil }
		start(t, s, h)

		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		accept(t, s, "d2", pull(8, "bbb", 1))
		other := receive(t, turns) // while the first one runs
		if first.work.Subject.Number != 7 || other.work.Subject.Number != 8 {
			t.Fatalf("turns of %d and %d", first.work.Subject.Number, other.work.Subject.Number)
		}
		accept(t, s, "d3", pull(7, "ccc", 2))
		if cause := receive(t, first.cause); !errors.Is(cause, job.ErrSuperseded) {
			t.Errorf("the turn of the old head ended: %v", cause)
		}
		if w := receive(t, told); w.Revision.Head != "aaa" || w.CheckRun != first.work.CheckRun || w.CheckRun == 0 {
			t.Errorf("GitHub is told that %s with check run %d is not judged", w.Revision.Head, w.CheckRun)
		}
		newest := receive(t, turns)
		if newest.work.Revision.Head != "ccc" || newest.work.CheckRun == first.work.CheckRun || newest.work.Attempt != 1 {
			t.Errorf("then: %+v", newest.work)
		}
		newest.end <- verdict(newest.work)
		other.end <- verdict(other.work)
		if v := settled(t, s, 7); v.Revision.Head != "ccc" {
			t.Errorf("verdict on %s", v.Revision.Head)
		}
		settled(t, s, 8)
	})
}

func TestVerdictOnHeadThatIsNotWantedAnyMore(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		h, turns := holds()
		hold := h.Judge
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) { return hold(context.WithoutCancel(ctx), w) }
		h.Cancelled = func(_ context.Context, w job.Work) error {
			t.Errorf("%s has its verdict, and GitHub is told that it is not judged", w.Revision.Head)
			return nil
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		accept(t, s, "d2", pull(7, "bbb", 2))
		first.end <- verdict(first.work) // it does not care for its context
		next := receive(t, turns)
		if next.work.Revision.Head != "bbb" {
			t.Errorf("then: %+v", next.work)
		}
		next.end <- verdict(next.work)
		settled(t, s, 7)
		if all, err := s.Verdicts(t.Context(), 100, 9); err != nil || len(all) != 2 || all[0].Revision.Head != "bbb" || all[1].Revision.Head != "aaa" {
			t.Errorf("verdicts: %+v, %v", all, err)
		}
	})
}

func TestClosedWhileItRuns(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		h, turns := holds()
		told := make(chan job.Work, 10)
		h.Cancelled = func(_ context.Context, w job.Work) error { told <- w; return nil }
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, turns)
		shut := pull(7, "aaa", 2)
		shut.Cancel = true
		accept(t, s, "d2", shut)
		if cause := receive(t, first.cause); !errors.Is(cause, job.ErrSuperseded) {
			t.Errorf("its turn ended: %v", cause)
		}
		if w := receive(t, told); w.CheckRun != first.work.CheckRun {
			t.Errorf("told of check run %d", w.CheckRun)
		}
		eventually(t, "nothing is pending", func() bool {
			c, err := s.Counts(t.Context())
			return err == nil && c == Counts{Accepted: 2}
		})
		accept(t, s, "d3", pull(7, "aaa", 3))
		again := receive(t, turns)
		again.end <- verdict(again.work)
		settled(t, s, 7)
	})
}

// A check run that is made in the moment in which the head is superseded is told of too.
func TestCheckRunThatComesTooLate(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		h := judges(nil)
		h.Announce = func(context.Context, job.Work) (int64, error) { return 0, errors.New("not now") }
		begun, told := make(chan bool, 1), make(chan job.Work, 10)
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			if w.Revision.Head == "bbb" {
				return verdict(w), nil
			}
			begun <- true
			<-ctx.Done()
			if err := s.SetCheckRun(ctx, w, 555); err != nil {
				t.Errorf("SetCheckRun: %v", err)
			}
			return job.Verdict{}, ctx.Err()
		}
		h.Cancelled = func(_ context.Context, w job.Work) error { told <- w; return nil }
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		receive(t, begun)
		accept(t, s, "d2", pull(7, "bbb", 2))
		if w := receive(t, told); w.CheckRun != 555 || w.Revision.Head != "aaa" {
			t.Errorf("told of %d at %s", w.CheckRun, w.Revision.Head)
		}
		settled(t, s, 7)
	})
}

func TestAnnounceHasItsOwnLane(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{Workers: 1})
		h, turns := holds()
		announced := make(chan int, 10)
		h.Announce = func(_ context.Context, w job.Work) (int64, error) { announced <- w.Subject.Number; return 0, nil }
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		busy := receive(t, turns)
		receive(t, announced)
		for n := 8; n < 12; n++ { // the only worker is busy
			accept(t, s, "d"+string(rune('0'+n)), pull(n, "bbb", 1))
		}
		seen := map[int]bool{}
		for range 4 {
			seen[receive(t, announced)] = true
		}
		if len(seen) != 4 {
			t.Errorf("announced: %v", seen)
		}
		busy.end <- verdict(busy.work)
	})
}

func TestWorkKeepsWhatAnEarlierAttemptDid(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		key := pull(7, "", 0).Subject.Key()
		override := job.Override{Rule: "old-code-breaks", Because: "no rows", By: "maria", At: time.Now().UTC().Truncate(time.Second), URL: "https://example.test/1"}
		if err := s.Override(t.Context(), key, "aaa", override); err != nil {
			t.Fatal(err)
		}
		if err := s.Override(t.Context(), key, "other", job.Override{Rule: "x", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		h := judges(nil)
		h.Announce = func(context.Context, job.Work) (int64, error) { return 0, nil }
		works := make(chan job.Work, 10)
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			if w.Attempt == 1 {
				return job.Verdict{}, errors.Join(s.SetCheckRun(ctx, w, 77), s.SetAnnotated(ctx, w, 50), errors.New("the network"))
			}
			return job.Verdict{Conclusion: "success"}, nil // all else is filled in
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		if w := receive(t, works); w.CheckRun != 0 || w.Annotated != 0 || len(w.Overridden) != 1 || w.Overridden[0] != override {
			t.Errorf("first attempt: %+v", w)
		}
		if w := receive(t, works); w.CheckRun != 77 || w.Annotated != 50 || w.LastError != "the network" || w.Attempt != 2 {
			t.Errorf("second attempt: %+v", w)
		}
		v := settled(t, s, 7)
		if v.CheckRun != 77 || v.Revision.Title != "t" || v.Subject.Number != 7 || v.Trace != "d1" {
			t.Errorf("verdict: %+v", v)
		}
		if found, err := s.Overrides(t.Context(), key, "other"); err != nil || len(found) != 1 || found[0].Rule != "x" {
			t.Errorf("overrides: %v, %v", found, err)
		}
		// Asked again, the same check run stands for the same head.
		again := pull(7, "aaa", 1)
		again.Again = true
		if err := s.Want(t.Context(), "person-1", []job.Want{again}); err != nil {
			t.Fatal(err)
		}
		if w := receive(t, works); w.CheckRun != 77 || w.Trace != "person-1" || w.Attempt != 1 || w.LastError != "" {
			t.Errorf("asked again: %+v", w)
		}
	})
}

// An event that does not carry the state makes a turn that asks GitHub for it.
func TestRefresh(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		h := judges(nil)
		h.Announce = func(_ context.Context, w job.Work) (int64, error) { return w.CheckRun, nil }
		closed := false
		works := make(chan job.Work, 10)
		told := make(chan job.Work, 10)
		h.Cancelled = func(_ context.Context, w job.Work) error { told <- w; return nil }
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			if closed {
				return job.Verdict{}, job.ErrClosed
			}
			if w.Refresh {
				w.Revision, w.CheckRun = pull(7, "fresh", 50).Revision, 99
				return verdict(w), s.SetCheckRun(ctx, w, 99)
			}
			return verdict(w), nil
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		receive(t, works)
		settled(t, s, 7)
		accept(t, s, "d2", pull(7, "bbb", 1)) // in the same second
		if w := receive(t, works); !w.Refresh {
			t.Errorf("not refreshed: %+v", w)
		}
		settled(t, s, 7)
		state := wanted(t, s)[pull(7, "", 0).Subject.Key()]
		if state.Wanted != "fresh" || state.Judged != "fresh" || state.CheckRun != 99 {
			t.Errorf("state: %+v", state)
		}
		accept(t, s, "d3", pull(7, "late", 40)) // older than what GitHub said
		closed = true
		if err := s.Want(t.Context(), "reconciled", []job.Want{{Subject: pull(7, "", 0).Subject, Refresh: true}}); err != nil {
			t.Fatal(err)
		}
		if w := receive(t, works); !w.Refresh || w.Revision.Head != "fresh" {
			t.Errorf("not refreshed: %+v", w)
		}
		if w := receive(t, told); w.CheckRun != 99 {
			t.Errorf("told of %+v", w)
		}
		eventually(t, "it is closed", func() bool { return len(wanted(t, s)) == 0 })
	})
}

// An event that may be older makes a turn that asks GitHub, and finds what it has judged: its verdict stands.
func TestJudgedAlready(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		h := judges(nil)
		works := make(chan job.Work, 10)
		h.Cancelled = func(_ context.Context, w job.Work) error { t.Errorf("cancelled: %+v", w); return nil }
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			if w.Refresh && w.Judged {
				return job.Verdict{}, job.ErrJudged
			}
			return verdict(w), nil
		}
		start(t, s, h)
		key := pull(7, "", 0).Subject.Key()
		rests := func() bool { return !wanted(t, s)[key].Pending }
		accept(t, s, "d1", pull(7, "aaa", 1))
		receive(t, works)
		eventually(t, "it is judged", rests)
		accept(t, s, "d2", pull(7, "bbb", 1)) // in the same second
		if w := receive(t, works); !w.Refresh || !w.Judged || w.Revision.Head != "aaa" {
			t.Errorf("%+v", w)
		}
		eventually(t, "its verdict stands", rests)
		if state := wanted(t, s)[key]; state.Wanted != "aaa" || state.Judged != "aaa" || state.CheckRun == 0 {
			t.Errorf("state: %+v", state)
		}
		// Whoever asks for another verdict gets one, whatever else comes before it.
		for _, more := range []job.Want{{Again: true}, {Again: true, Refresh: true}} {
			again := pull(7, "aaa", 1)
			again.Again, again.Refresh = more.Again, more.Refresh
			if err := s.Want(t.Context(), "person", []job.Want{again, pull(7, "bbb", 1)}); err != nil {
				t.Fatal(err)
			}
			if w := receive(t, works); !w.Refresh || w.Judged {
				t.Errorf("asked for again: %+v", w)
			}
			eventually(t, "it is judged again", rests)
		}
		accept(t, s, "d3", pull(7, "ccc", 2))
		if w := receive(t, works); w.Refresh || w.Judged || w.Revision.Head != "ccc" {
			t.Errorf("%+v", w)
		}
		eventually(t, "it is judged", rests)
	})
}

// What a person asks for in a comment reaches every attempt until one has ended in a verdict.
func TestCommands(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		works := make(chan job.Work, 10)
		h := judges(nil)
		h.Judge = func(_ context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			if w.Trace == "comment" && w.Attempt == 1 {
				return job.Verdict{}, errors.New("the network")
			}
			return verdict(w), nil
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		if w := receive(t, works); len(w.Commands) != 0 {
			t.Errorf("commands: %v", w.Commands)
		}
		settled(t, s, 7)
		order := func(comment int64, line int) job.Want {
			return job.Want{Subject: pull(7, "", 0).Subject, Again: true, Refresh: true, Command: &job.Command{Name: job.CommandRerun, By: "maria", Comment: comment, Line: line, At: epoch.Add(time.Minute)}}
		}
		accept(t, s, "comment", order(5, 1), order(5, 2))
		for range 2 {
			if w := receive(t, works); len(w.Commands) != 2 || w.Commands[0].Line != 1 || w.Commands[1].Line != 2 || w.Commands[0].Head != "aaa" || w.Commands[0].By != "maria" {
				t.Errorf("commands: %+v", w.Commands)
			}
		}
		settled(t, s, 7)
		accept(t, s, "comment again", order(5, 1)) // another delivery of the same comment
		accept(t, s, "d3", pull(7, "bbb", 2))
		if w := receive(t, works); len(w.Commands) != 0 || w.Revision.Head != "bbb" {
			t.Errorf("the next head: %+v", w)
		}
		settled(t, s, 7)
		accept(t, s, "d4", pull(7, "pushed", 61)) // after a comment that is delivered later
		receive(t, works)
		settled(t, s, 7)
		accept(t, s, "late comment", order(6, 1))
		if w := receive(t, works); len(w.Commands) != 1 || w.Commands[0].Head != "" {
			t.Errorf("a command for a head that its author has not seen: %+v", w.Commands)
		}
	})
}

// A command that comes while its subject is judged does not break that off, and has a turn after it.
func TestACommandDuringATurn(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		works, end := make(chan job.Work, 10), make(chan error)
		h := judges(nil)
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			works <- w
			select {
			case err := <-end:
				if err == nil && len(w.Commands) > 0 {
					err = s.CarriedOut(ctx, w, true)
				}
				return verdict(w), err
			case <-ctx.Done():
				return job.Verdict{}, context.Cause(ctx)
			}
		}
		start(t, s, h)
		accept(t, s, "d1", pull(7, "aaa", 1))
		first := receive(t, works)
		order := func(comment int64) job.Want {
			return job.Want{Subject: pull(7, "", 0).Subject, Again: true, Refresh: true, Command: &job.Command{Name: job.CommandRerun, By: "maria", Comment: comment, Line: 1, At: epoch.Add(time.Minute)}}
		}
		accept(t, s, "comment", order(5))
		accept(t, s, "another", order(6))
		end <- nil
		second := receive(t, works)
		if len(first.Commands) != 0 || first.Sequence == second.Sequence || len(second.Commands) != 2 || !second.Judged || !second.Refresh {
			t.Errorf("the turn that ran: %+v\nthe next: %+v", first, second)
		}
		accept(t, s, "a third", order(7))
		end <- job.ErrJudged
		third := receive(t, works)
		if len(third.Commands) != 3 || !third.Judged {
			t.Errorf("after a turn that has carried out none: %+v", third)
		}
		end <- nil
		settled(t, s, 7)
		if len(works) > 0 {
			t.Errorf("another turn: %+v", <-works)
		}
		// A turn that has judged for a command, and is broken off before its verdict is kept, is taken again.
		accept(t, s, "a fourth", order(8))
		receive(t, works)
		fourth := errors.New("broken off")
		go func() { end <- fourth }()
		if again := receive(t, works); len(again.Commands) != 1 || again.Attempt != 2 {
			t.Errorf("the second attempt: %+v", again)
		}
		end <- nil
		settled(t, s, 7)
	})
}

// Who makes a check run may be killed before its id is kept: when its head is not judged any
// more, GitHub is asked whether there is one.
func TestACheckRunThatWasNotKept(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		accept(t, s, "1", pull(7, "aaa", 1))
		shut := pull(7, "aaa", 2)
		shut.Cancel = true
		accept(t, s, "2", shut)
		accept(t, s, "3", pull(8, "aaa", 1))
		accept(t, s, "4", pull(8, "bbb", 2))
		// In one second: which of both is the newer one GitHub has to say, in the turn.
		accept(t, s, "5", pull(9, "aaa", 1))
		shut = pull(9, "aaa", 1)
		shut.Cancel = true
		accept(t, s, "6", shut)
		accept(t, s, "7", pull(10, "aaa", 1))
		accept(t, s, "8", pull(10, "bbb", 1))
		told := make(chan job.Work, 10)
		h := judges(nil)
		announce := h.Announce
		h.Announce = func(ctx context.Context, w job.Work) (int64, error) {
			if w.Refresh {
				return 0, nil
			}
			return announce(ctx, w)
		}
		h.Judge = func(ctx context.Context, w job.Work) (job.Verdict, error) {
			switch {
			case w.Subject.Number == 9:
				return job.Verdict{}, job.ErrClosed
			case w.Refresh:
				w.Revision, w.CheckRun = pull(10, "bbb", 1).Revision, 99
				return verdict(w), s.SetCheckRun(ctx, w, 99)
			}
			return verdict(w), nil
		}
		h.Cancelled = func(_ context.Context, w job.Work) error { told <- w; return nil }
		stop := start(t, s, h)
		of := map[int]int{}
		for range 4 {
			w := receive(t, told)
			if of[w.Subject.Number]++; w.Revision.Head != "aaa" || w.CheckRun != 0 || of[w.Subject.Number] > 1 {
				t.Errorf("told of %d's %s with check run %d", w.Subject.Number, w.Revision.Head, w.CheckRun)
			}
		}
		settled(t, s, 8)
		settled(t, s, 10)
		stop()
		if len(told) > 0 {
			t.Errorf("told again of %+v", <-told)
		}
	})
}
