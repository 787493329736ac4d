package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childDatabase); url != "" {
		childMain(url)
	}
	os.Exit(pgtest.Main(m))
}

// onEngines runs a test on an empty SQLite file, and on an empty PostgreSQL database.
func onEngines(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db")) })
	t.Run("postgres", func(t *testing.T) {
		servers := pgtest.Servers(t)
		config := servers[len(servers)-1].NewDatabase(t).Config()
		query := url.Values{"host": {config.Host}, "port": {fmt.Sprint(config.Port)}, "pool_max_conns": {"6"}}
		f(t, (&url.URL{Scheme: "postgres", User: url.User(config.User), Path: "/" + config.Database, RawQuery: query.Encode()}).String())
	})
}

func open(t testing.TB, url string, o Options) *Store {
	t.Helper()
	if o.Poll == 0 {
		o.Poll = 30 * time.Millisecond
	}
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return time.Millisecond }
	}
	s, err := Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// start runs h until the test ends, or the function that it returns is called.
func start(t testing.TB, s *Store, h Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	g := &guard{}
	go func() { done <- s.Run(ctx, g.handler(t, h)) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// within fails the test when nothing comes for a very long time: no test waits that long otherwise.
const within = 5 * time.Minute

func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(within):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); time.Now().Before(end); <-tick.C {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

var epoch = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// pull is that a pull request of installation 1 be judged at a head, as of a second.
func pull(number int, head string, second int) job.Want {
	return job.Want{
		Subject:  job.Subject{Installation: 1, Repository: job.Repository{ID: 100, Owner: "acme", Name: "shop"}, Number: number},
		Revision: job.Revision{Head: head, Base: "base", BaseRef: "main", Title: "t", Updated: epoch.Add(time.Duration(second) * time.Second)},
		Reason:   "test",
	}
}

func accept(t testing.TB, s *Store, id string, wants ...job.Want) bool {
	t.Helper()
	fresh, err := s.Accept(context.Background(), job.Delivery{ID: id, Event: "pull_request", Installation: 1, Received: s.o.Now()}, wants)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// judges is a handler that does its work at once. Verdicts come out of c.
func judges(c chan<- job.Work) Handler {
	return Handler{
		Announce: func(_ context.Context, w job.Work) (int64, error) {
			return w.Sequence*1000 + int64(w.Subject.Number), nil
		},
		Judge: func(_ context.Context, w job.Work) (job.Verdict, error) {
			if c != nil {
				c <- w
			}
			return verdict(w), nil
		},
		GiveUp: func(_ context.Context, w job.Work, err error) (job.Verdict, error) {
			v := verdict(w)
			v.Conclusion, v.Problem = "failure", err.Error()
			return v, nil
		},
		Cancelled: func(context.Context, job.Work) error { return nil },
	}
}

func verdict(w job.Work) job.Verdict {
	return job.Verdict{Subject: w.Subject, Revision: w.Revision, CheckRun: w.CheckRun, Conclusion: "success", JSON: []byte(`{"head":"` + w.Revision.Head + `"}`), HTML: []byte("<p>" + w.Revision.Head), Trace: w.Trace}
}

// settled waits until nothing is pending, and returns the newest verdict on a pull request.
func settled(t testing.TB, s *Store, number int) job.Verdict {
	t.Helper()
	var v job.Verdict
	eventually(t, fmt.Sprintf("pull request %d is settled", number), func() bool {
		for _, state := range wanted(t, s) {
			if state.Subject.Number == number && (state.Pending || state.Running) {
				return false
			}
		}
		found := false
		var err error
		if v, found, err = s.Verdict(context.Background(), "Acme", "SHOP", number); err != nil {
			t.Fatal(err)
		}
		return found
	})
	return v
}

func wanted(t testing.TB, s *Store) map[string]State {
	t.Helper()
	states, err := s.Wanted(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

func TestFromDeliveryToVerdict(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		if !accept(t, s, "d1", pull(7, "aaa", 1)) {
			t.Error("the first delivery is not fresh")
		}
		works := make(chan job.Work, 10)
		start(t, s, judges(works))
		w := receive(t, works)
		if w.Revision.Head != "aaa" || w.Attempt != 1 || w.Last || w.Trace != "d1" || w.Sequence != 1 || w.Reason != "test" {
			t.Errorf("work: %+v", w)
		}
		if w.CheckRun != 1007 {
			t.Errorf("Judge got check run %d, Announce made 1007", w.CheckRun)
		}
		v := settled(t, s, 7)
		if v.Conclusion != "success" || v.Revision.Head != "aaa" || v.CheckRun != 1007 || string(v.JSON) != `{"head":"aaa"}` || string(v.HTML) != "<p>aaa" || v.Trace != "d1" {
			t.Errorf("verdict: %+v", v)
		}
		if v.Began.IsZero() || v.Ended.Before(v.Began) {
			t.Errorf("times: %v to %v", v.Began, v.Ended)
		}
		// The same delivery once more, and another that says the same, are no new work.
		if accept(t, s, "d1", pull(7, "aaa", 1)) {
			t.Error("a redelivery is fresh")
		}
		accept(t, s, "d2", pull(7, "aaa", 1))
		accept(t, s, "d3", pull(8, "bbb", 1))
		if w := receive(t, works); w.Subject.Number != 8 {
			t.Errorf("judged again: %+v", w)
		}
		settled(t, s, 8)
		all, err := s.Verdicts(t.Context(), 100, 10)
		if err != nil || len(all) != 2 || all[0].Subject.Number != 8 || all[1].Subject.Number != 7 || all[0].JSON != nil {
			t.Errorf("verdicts: %+v, %v", all, err)
		}
		counts, err := s.Counts(t.Context())
		if err != nil || counts.Accepted != 4 || counts.Duplicates != 1 || counts.Queued != 0 || counts.Open != 2 {
			t.Errorf("counts: %+v, %v", counts, err)
		}
	})
}

func TestOpenAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		accept(t, s, "d1", pull(7, "aaa", 1))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Accept(t.Context(), job.Delivery{ID: "d2"}, nil); err == nil {
			t.Error("a closed store accepts")
		}
		s = open(t, url, Options{})
		start(t, s, judges(nil))
		if v := settled(t, s, 7); v.Revision.Head != "aaa" {
			t.Errorf("verdict: %+v", v)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, url := range []string{"", "sqlite:", "mysql://x", "sqlite:/nowhere/at/all.db", "postgres://user:secret@127.0.0.1:1/x"} {
		s, err := Open(t.Context(), url, Options{})
		if err == nil {
			s.Close()
			t.Errorf("%q opens", url)
		} else if msg := err.Error(); len(msg) < 20 || strings.Contains(msg, "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
