package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// deployEvent says that a run of a deploy ended.
func deployEvent(key, run, state string, at time.Time) []job.DeployEvent {
	return []job.DeployEvent{{Decides: true, Deploy: job.Deploy{Key: key, Repository: "acme/orders", Run: run, State: state, Happened: at}}}
}

func TestDeploys(t *testing.T) {
	onEngines(t, func(t *testing.T, url string) {
		ctx := context.Background()
		var mu sync.Mutex
		now := time.Date(2026, 3, 3, 14, 5, 0, 0, time.UTC)
		o := Options{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }}
		pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
		s := open(t, url, o)
		accept := func(id string, events []job.DeployEvent, wantFresh, wantNotice bool) {
			t.Helper()
			fresh, notice, err := s.AcceptDeploys(ctx, job.Delivery{ID: id, Event: "workflow-completed", Received: now}, events)
			if err != nil || fresh != wantFresh || notice != wantNotice {
				t.Fatalf("delivery %s: fresh %v, notice %v, %v; want %v, %v", id, fresh, notice, err, wantFresh, wantNotice)
			}
		}
		take := func() *Following {
			t.Helper()
			f, err := s.FollowDeploy(ctx, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		none := func(when string) {
			t.Helper()
			if f := take(); f != nil {
				t.Fatalf("%s: %+v is to be followed", when, f)
			}
		}

		accept("circleci/1", deployEvent("p1/deploy", "w1", job.DeploySucceeded, now), true, false)
		none("a success")
		accept("circleci/2", deployEvent("p2/deploy", "w2", job.DeployFailed, now), true, true)
		accept("circleci/2", deployEvent("p2/deploy", "w2", job.DeployFailed, now), false, false)
		first := take()
		if first == nil || first.Deploy.Key != "p2/deploy" || first.Deploy.Failures != 1 || first.Begun != "" || first.Attempt != 1 || !first.Waits.Equal(now) {
			t.Fatalf("to be followed is %+v", first)
		}
		none("while it is leased")
		if err := s.BegunDeploy(ctx, first, `{"channel":"C1"}`); err != nil {
			t.Fatal(err)
		}

		// The process dies here: another one takes over when the lease ends, and knows what was begun.
		s.Close()
		s = open(t, url, o)
		none("while the lease of a process that died lasts")
		pass(61 * time.Second)
		second := take()
		if second == nil || second.Begun != `{"channel":"C1"}` || second.Attempt != 2 {
			t.Fatalf("to be followed is %+v", second)
		}
		for _, err := range []error{s.BegunDeploy(ctx, first, "mine"), s.FollowedDeploy(ctx, first), s.PostponeDeploy(ctx, first, errors.New("no"), 0)} {
			if !errors.Is(err, ErrLost) {
				t.Errorf("who lost the lease is told %v", err)
			}
		}
		if err := s.PostponeDeploy(ctx, second, errors.New("Slack is down"), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		none("before it is due")
		pass(11 * time.Second)

		// A rerun succeeds while the failure is being told: that is told next.
		third := take()
		accept("circleci/3", deployEvent("p2/deploy", "w3", job.DeploySucceeded, now), true, true)
		if err := s.FollowedDeploy(ctx, third); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Unfollowed(ctx); err != nil || n != 1 {
			t.Errorf("%d deploys wait, %v", n, err)
		}
		fourth := take()
		if fourth == nil || fourth.Deploy.State != job.DeployRecovered || fourth.Begun != `{"channel":"C1"}` {
			t.Fatalf("to be followed is %+v", fourth)
		}
		if err := s.FollowedDeploy(ctx, fourth); err != nil {
			t.Fatal(err)
		}
		none("after all was told")

		// Many events at once, of the same deploy: none is lost, and all is one row.
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, _, err := s.AcceptDeploys(ctx, job.Delivery{ID: fmt.Sprintf("circleci/many-%d", i), Received: now}, deployEvent("p3/deploy", fmt.Sprintf("w%d", i), job.DeployFailed, now)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if f := take(); f == nil || f.Deploy.Failures != 20 {
			t.Errorf("to be followed is %+v", f)
		}

		// What is old is forgotten, but not what somebody is still to be told of.
		pass(keepFor + time.Hour)
		s.prune(ctx)
		var rows, deliveries int
		if err := s.engine.reader().row(ctx, `SELECT count(*) FROM deploys`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if err := s.engine.reader().row(ctx, `SELECT count(*) FROM deliveries`).Scan(&deliveries); err != nil {
			t.Fatal(err)
		}
		if rows != 1 || deliveries != 0 {
			t.Errorf("%d deploys and %d deliveries are kept, want 1 and 0", rows, deliveries)
		}
	})
}
