package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

var _ scs.CtxStore = (*SessionStore)(nil)

func TestSessions(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		clock := newClock()
		s := open(t, url, Options{Now: clock.now})
		sessions := s.Sessions()
		if _, found, err := sessions.Find("token"); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		for _, data := range []string{"one", "two"} {
			if err := sessions.Commit("token", []byte(data), clock.now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got, found, err := sessions.Find("token"); string(got) != data || !found || err != nil {
				t.Errorf("%q, %v, %v", got, found, err)
			}
		}
		var kept int
		if err := s.engine.reader().row(t.Context(), "SELECT count(*) FROM sessions WHERE token LIKE '%token%'").Scan(&kept); err != nil || kept != 0 {
			t.Errorf("the token itself is kept: %d, %v", kept, err)
		}
		clock.add(2 * time.Hour)
		if _, found, err := sessions.Find("token"); found || err != nil {
			t.Errorf("an expired session is found: %v, %v", found, err)
		}
		s.prune(t.Context())
		clock.add(-2 * time.Hour)
		if _, found, _ := sessions.Find("token"); found {
			t.Error("an expired session is kept")
		}
		if err := sessions.Commit("other", []byte("x"), clock.now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := sessions.Delete("other"); err != nil {
			t.Fatal(err)
		}
		if _, found, err := sessions.Find("other"); found || err != nil {
			t.Errorf("deleted: %v, %v", found, err)
		}
	})
}

func TestInstallations(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s := open(t, url, Options{})
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		names := func() string {
			all, err := s.Repositories(ctx)
			check(err)
			text := ""
			for _, r := range all {
				text += fmt.Sprintf("%s@%d:%d/%d ", r.FullName(), r.Installation, r.Pending, r.Open)
			}
			return strings.TrimSpace(text)
		}
		check(s.SetInstallation(ctx, Installation{ID: 1, Account: "acme"}))
		check(s.SetInstallation(ctx, Installation{ID: 2, Account: "beta"}))
		check(s.SetInstallation(ctx, Installation{ID: 2, Suspended: true})) // the account stays
		all, err := s.Installations(ctx)
		check(err)
		if len(all) != 2 || all[0] != (Installation{ID: 1, Account: "acme"}) || all[1] != (Installation{ID: 2, Account: "beta", Suspended: true}) {
			t.Errorf("installations: %+v", all)
		}
		check(s.SetRepositories(ctx, 1, []job.Repository{{ID: 100, Owner: "acme", Name: "shop"}, {ID: 101, Owner: "acme", Name: "old"}}))
		check(s.ChangeRepositories(ctx, 1, []job.Repository{{ID: 102, Owner: "acme", Name: "new"}}, []int64{101, 999}))
		accept(t, s, "d1", pull(7, "aaa", 1))
		if got, want := names(), "acme/new@1:0/0 acme/shop@1:1/1"; got != want {
			t.Errorf("%s, not %s", got, want)
		}

		// A suspended installation waits.
		check(s.SetInstallation(ctx, Installation{ID: 1, Suspended: true}))
		r := newRun(ctx, s, judges(nil))
		if claim(t, r, laneAnnounce) != nil {
			t.Error("a suspended installation has a turn")
		}
		check(s.SetInstallation(ctx, Installation{ID: 1}))
		announced(t, s)
		turn := claim(t, r, laneJudge)
		if turn == nil {
			t.Fatal("an installation that is not suspended any more has no turn")
		}
		check(r.judge(ctx, turn))
		// After a rename the verdict is found by the new name, and not by the old one.
		check(s.SetRepositories(ctx, 1, []job.Repository{{ID: 100, Owner: "acme", Name: "store"}}))
		if _, found, err := s.Verdict(ctx, "acme", "store", 7); !found || err != nil {
			t.Errorf("after the rename: %v, %v", found, err)
		}
		if _, found, _ := s.Verdict(ctx, "acme", "shop", 7); found {
			t.Error("found by the old name")
		}
		if found, err := s.FindSubject(ctx, 100, "aaa"); err != nil || len(found) != 1 || found[0].Number != 7 {
			t.Errorf("by head: %+v, %v", found, err)
		}

		// A deleted installation drops all.
		accept(t, s, "d2", pull(7, "bbb", 2))
		check(s.SetInstallation(ctx, Installation{ID: 1, Deleted: true}))
		if names() != "" || len(wanted(t, s)) != 0 {
			t.Errorf("after the end: %s, %v", names(), wanted(t, s))
		}
		if c, err := s.Counts(ctx); err != nil || c.Queued != 0 || c.Announcing != 0 || c.Stale != 0 {
			t.Errorf("counts: %+v, %v", c, err)
		}
	})
}

func TestCursor(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		s := open(t, url, Options{})
		for _, value := range []string{"", "one", "two"} {
			if value != "" {
				if err := s.SetCursor(t.Context(), "deliveries", value); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Cursor(t.Context(), "deliveries"); got != value || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestPrune(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		clock := newClock()
		s := open(t, url, Options{Now: clock.now})
		group := pull(0, "ggg", 1)
		group.Subject.Ref = "refs/heads/gh-readonly-queue/main/pr-7-aaa"
		judgeAll := func() {
			announced(t, s)
			order(t, s, 9)
		}
		accept(t, s, "old", pull(7, "aaa", 1), group)
		judgeAll()
		accept(t, s, "old2", pull(7, "bbb", 2))
		judgeAll()
		clock.add(keepFor + time.Hour)
		accept(t, s, "new", pull(8, "ccc", 3))
		judgeAll()
		s.prune(t.Context())
		count := func(table string) (n int) {
			if err := s.engine.reader().row(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if d, v, sub := count("deliveries"), count("verdicts"), count("subjects"); d != 1 || v != 2 || sub != 2 {
			t.Errorf("kept: %d deliveries, %d verdicts, %d subjects; want 1, 2, 2", d, v, sub)
		}
		if v, found, err := s.Verdict(t.Context(), "acme", "shop", 7); err != nil || !found || v.Revision.Head != "bbb" {
			t.Errorf("the newest verdict: %+v, %v, %v", v, found, err)
		}
	})
}

// A copy that was made while the store works is whole, and a store goes on from it.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "sqlite:"+filepath.Join(dir, "pmcheck.db"), Options{})
	for n := 1; n <= 20; n++ {
		accept(t, s, fmt.Sprint("d", n), pull(n, "aaa", 1))
	}
	stop := start(t, s, judges(nil))
	settled(t, s, 3)
	accept(t, s, "last", pull(99, "bbb", 1))
	to := filepath.Join(dir, "copy.db")
	if err := s.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), to); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("a backup overwrites: %v", err)
	}
	stop()
	copied := open(t, "sqlite:"+to, Options{})
	start(t, copied, judges(nil))
	for n := 1; n <= 20; n++ {
		settled(t, copied, n)
	}
	if v := settled(t, copied, 99); v.Revision.Head != "bbb" {
		t.Errorf("verdict: %+v", v)
	}
	if accept(t, copied, "last", pull(99, "bbb", 1)) {
		t.Error("the copy forgot a delivery")
	}
}

func BenchmarkAccept(b *testing.B) {
	for _, parallel := range []bool{false, true} {
		b.Run(fmt.Sprintf("parallel=%v", parallel), func(b *testing.B) {
			s := open(b, "sqlite:"+filepath.Join(b.TempDir(), "pmcheck.db"), Options{})
			n := 0
			if !parallel {
				for b.Loop() {
					n++
					accept(b, s, fmt.Sprint(n), pull(n%1000+1, fmt.Sprint(n), n))
				}
				return
			}
			ids := make(chan int, 64)
			go func() {
				for n := range b.N {
					ids <- n
				}
				close(ids)
			}()
			b.SetParallelism(32)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					n := <-ids
					accept(b, s, fmt.Sprint(n), pull(n%1000+1, fmt.Sprint(n), n))
				}
			})
		})
	}
}
