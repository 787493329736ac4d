package githubapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// skipping is a clock that waits in no time.
type skipping struct {
	mu      sync.Mutex
	skipped time.Duration
}

func (c *skipping) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skipped)
}

func (c *skipping) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped += max(d, 0)
	return context.Cause(ctx)
}

// against is the App on a fake GitHub.
type against struct {
	*fakegithub.Server
	clock        *skipping
	github       *GitHub
	client       *Client
	repo         *fakegithub.Repo
	installation int64
}

func newAgainst(t *testing.T) *against {
	t.Helper()
	a := &against{Server: fakegithub.New(t), clock: &skipping{}}
	a.repo = a.Repo("acme", "orders", map[string]string{"README.md": "orders\n"})
	a.installation = a.Install("acme", a.repo)
	id, _, key, _ := a.App()
	g, err := New(Options{BaseURL: a.URL, AppID: id, PrivateKey: key, Now: a.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	g.sleep = a.clock.sleep
	a.github, a.client = g, g.Installation(a.installation)
	return a
}

// pulls opens so many pull requests, each with a head of its own.
func (a *against) pulls(n int) []*fakegithub.Pull {
	return a.repo.OpenPulls(n, func(i int) map[string]string {
		return map[string]string{fmt.Sprintf("db/%d.sql", i): fmt.Sprintf("select %d;\n", i)}
	})
}

// calls counts requests but for tokens.
func (a *against) calls() int {
	n := 0
	for _, c := range a.Calls() {
		if !strings.HasSuffix(c.Route, "/access_tokens") {
			n++
		}
	}
	return n
}

func verdict(annotations int) checkrun.Report {
	r := checkrun.Report{Conclusion: "failure", Title: "2 findings", Summary: "**all** of it", Text: "more", MaxAnnotations: annotations,
		DetailsURL: "https://pmcheck.example.com/r/acme/orders/1", Actions: []checkrun.Action{checkrun.Rerun}}
	for i := range annotations {
		r.Annotations = append(r.Annotations, checkrun.Annotation{Path: "db/1.sql", StartLine: i + 1, Level: "failure", Title: "old-code-breaks", Message: fmt.Sprint("finding ", i)})
	}
	return r
}

// check does a turn as the App does: with what is kept of earlier attempts in work.
func (a *against) check(ctx context.Context, work *job.Work, r checkrun.Report) error {
	if work.CheckRun == 0 {
		id, err := checkrun.Queued(ctx, a.client, *work, "pmcheck", r.DetailsURL)
		if err != nil {
			return err
		}
		work.CheckRun = id
	}
	if err := checkrun.Start(ctx, a.client, work, "pmcheck", r.DetailsURL); err != nil {
		return err
	}
	return checkrun.Publish(ctx, a.client, *work, "pmcheck", r, func(n int) error { work.Annotated = n; return nil })
}

func (a *against) work(p *fakegithub.Pull) job.Work {
	return job.Work{
		Subject:  job.Subject{Installation: a.installation, Repository: job.Repository{ID: a.repo.ID(), Owner: "acme", Name: "orders"}, Number: p.Number},
		Revision: job.Revision{Head: p.Head()}, Attempt: 1,
	}
}

// TestBudget: at most four requests for a check, and one for each 50 annotations.
func TestBudget(t *testing.T) {
	a := newAgainst(t)
	pulls := a.pulls(4)
	for i, annotations := range []int{0, 50, 120, 250} {
		p, most := pulls[i], 4+(annotations+49)/50
		work := a.work(p)
		a.ResetCalls()
		if err := a.check(t.Context(), &work, verdict(annotations)); err != nil {
			t.Fatal(err)
		}
		runs := a.repo.CheckRuns(p.Head())
		if n := a.calls(); n > most || len(runs) != 1 || len(runs[0].Annotations) != annotations {
			t.Errorf("%d annotations: %d requests of %d; %d runs", annotations, n, most, len(runs))
		}
		run := runs[0]
		if run.Conclusion != "failure" || run.Title != "2 findings" || run.Summary != "**all** of it" || run.Text != "more" || len(run.Actions) != 1 ||
			run.ExternalID != work.Subject.Key()+"@"+p.Head() || !slices.Equal(run.History, []string{"queued", "in_progress", "completed: failure"}) {
			t.Errorf("%.500s", fmt.Sprintf("%+v", run))
		}
	}
}

// TestFaults lets each request of a check go wrong in each way, and has the check done
// again when it is told to: one run, completed, no annotation twice or missing.
func TestFaults(t *testing.T) {
	const route = "/repos/{owner}/{repo}/check-runs"
	a := newAgainst(t)
	for name, fault := range map[string]func() *fakegithub.Fault{
		"502":                      func() *fakegithub.Fault { return &fakegithub.Fault{Status: 502} },
		"502, but done":            func() *fakegithub.Fault { return &fakegithub.Fault{Status: 502, Carried: true} },
		"connection lost":          func() *fakegithub.Fault { return &fakegithub.Fault{Drop: true} },
		"connection lost, done":    func() *fakegithub.Fault { return &fakegithub.Fault{Drop: true, Carried: true} },
		"half an answer":           func() *fakegithub.Fault { return &fakegithub.Fault{Truncate: 50} },
		"secondary limit":          func() *fakegithub.Fault { return fakegithub.SecondaryLimit(90 * time.Second) },
		"secondary limit, unsaid":  func() *fakegithub.Fault { return fakegithub.SecondaryLimit(0) },
		"primary limit":            func() *fakegithub.Fault { return fakegithub.PrimaryLimit(time.Now().Add(20 * time.Minute)) },
		"429":                      func() *fakegithub.Fault { return fakegithub.TooMany(time.Minute) },
		"token taken back":         func() *fakegithub.Fault { return &fakegithub.Fault{Status: 401} },
		"not found yet":            func() *fakegithub.Fault { return (&fakegithub.Fault{Status: 404}).On("PATCH", route+"/{check_run_id}") },
		"down for a while":         func() *fakegithub.Fault { return (&fakegithub.Fault{Status: 503}).For(12) },
		"down for a while, unseen": func() *fakegithub.Fault { return (&fakegithub.Fault{Drop: true, Carried: true}).For(6) },
	} {
		t.Run(name, func(t *testing.T) {
			for at, p := range a.pulls(7) {
				f := fault()
				if f.Times == 0 {
					f.Times = 1
				}
				if f.Skip = at; f.Route == "" {
					f.Route = "/repos/{owner}/{repo}/*"
				}
				a.Fault(f)
				work := a.work(p)
				var err error
				for tries := range 12 {
					err = a.check(t.Context(), &work, verdict(120))
					var later *job.RetryAfter
					if err == nil || !errors.As(err, &later) {
						break
					}
					if tries == 0 && later.At.Before(a.clock.now()) {
						t.Error("to be done again in the past")
					}
					a.clock.sleep(t.Context(), later.At.Sub(a.clock.now()))
				}
				f.Remove()
				runs := a.repo.CheckRuns(p.Head())
				if err != nil || len(runs) != 1 || runs[0].Conclusion != "failure" {
					t.Fatalf("request %d: %v; %d runs", at, err, len(runs))
				}
				seen := map[string]bool{}
				for _, annotation := range runs[0].Annotations {
					seen[annotation.Message] = true
				}
				if len(seen) != 120 || len(runs[0].Annotations) != 120 {
					t.Errorf("request %d: %d annotations, %d different ones; %v", at, len(runs[0].Annotations), len(seen), runs[0].History)
				}
				if f.Count() == 0 && f.Method == "" && at < 4 {
					t.Errorf("request %d: nothing went wrong", at)
				}
			}
		})
	}
}

// TestReportAtTheLimits: what is cut is taken.
func TestReportAtTheLimits(t *testing.T) {
	a := newAgainst(t)
	p := a.pulls(1)[0]
	work := a.work(p)
	wide := strings.Repeat("wörld 🙂 ", 8_500) + "\n"
	r := checkrun.Report{Conclusion: "neutral", Title: wide, Summary: wide, Text: wide, DetailsURL: "https://pmcheck.example.com/",
		Actions: []checkrun.Action{{Label: wide, Description: wide, Identifier: "a-name-that-is-much-too-long"}, checkrun.Rerun, checkrun.Rerun, checkrun.Rerun}}
	for i := range 130 {
		r.Annotations = append(r.Annotations, checkrun.Annotation{Path: "a/../b", StartLine: -i, EndLine: i % 3, StartColumn: i, EndColumn: 3, Level: "error", Title: wide, Message: wide, RawDetails: wide})
	}
	if err := a.check(t.Context(), &work, r); err != nil {
		t.Fatal(err)
	}
	run := a.repo.CheckRuns(p.Head())[0]
	if run.Conclusion != "neutral" || len(run.Annotations) != 100 || len(run.Actions) != 3 || !strings.Contains(run.Summary, "30 more annotations") || !strings.Contains(run.Text, "This is cut here") {
		t.Errorf("%s, %d annotations, %d buttons, %q", run.Conclusion, len(run.Annotations), len(run.Actions), run.Summary[len(run.Summary)-400:])
	}
}

// TestAgain: a re-run makes a run of its own when annotations stand in the old one.
func TestAgain(t *testing.T) {
	a := newAgainst(t)
	p := a.pulls(1)[0]
	work := a.work(p)
	for i, annotations := range []int{0, 60, 60} {
		again := work
		again.Refresh, again.Wanted, again.Annotated = i > 0, a.Now(), 0
		a.Advance(time.Second)
		if err := a.check(t.Context(), &again, verdict(annotations)); err != nil {
			t.Fatal(err)
		}
		work.CheckRun = again.CheckRun
		a.Advance(time.Second)
	}
	runs := a.repo.CheckRuns(p.Head())
	if len(runs) != 2 || len(runs[0].Annotations) != 60 || len(runs[1].Annotations) != 60 || runs[1].Conclusion != "failure" {
		t.Errorf("%d runs", len(runs))
	}
	if err := checkrun.Cancel(t.Context(), a.client, a.work(a.pulls(1)[0]), "pmcheck", "closed"); err != nil {
		t.Error(err)
	}
}

// TestReads asks the fake for what the App asks.
func TestReads(t *testing.T) {
	a := newAgainst(t)
	ctx, c := t.Context(), a.client
	a.repo.Protect("main")
	a.User("ann")
	a.repo.SetPermission("ann", "maintain")
	a.pulls(101)
	fork := a.repo.Fork("zoe")
	fork.Commit("main", map[string]string{"z": "z\n"})
	p := a.repo.OpenPullFromFork(fork, "main", "main", "From a fork")
	p.Label("urgent", "database")

	got, err := c.Pull(Fresh(ctx), "acme", "orders", p.Number)
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Revision; got.State != "open" || got.Subject.Number != p.Number || got.Subject.Repository.ID != a.repo.ID() || r.Head != p.Head() || r.Base != p.Base() ||
		!r.Fork || r.BaseRef != "main" || r.Title != "From a fork" || len(r.Labels) != 2 || r.Updated.IsZero() || got.Subject.Repository.DefaultBranch != "main" {
		t.Errorf("%+v", got)
	}
	if _, err := c.Pull(ctx, "acme", "orders", 99_999); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such pull request: %v", err)
	}
	open := map[int]bool{}
	if err := c.OpenPulls(ctx, "acme", "orders", func(page []Pull) error {
		for _, p := range page {
			open[p.Subject.Number] = true
		}
		return nil
	}); err != nil || len(open) != 102 {
		t.Errorf("%d are open: %v", len(open), err)
	}
	if pulls, err := c.PullsOfCommit(ctx, "acme", "orders", p.Head()); err != nil || len(pulls) != 1 || pulls[0].Subject.Number != p.Number {
		t.Errorf("of a commit: %+v, %v", pulls, err)
	}
	var repos []job.Repository
	if err := c.Repositories(ctx, func(page []job.Repository) error { repos = append(repos, page...); return nil }); err != nil || len(repos) != 1 || repos[0].FullName() != "acme/orders" {
		t.Errorf("repositories: %+v, %v", repos, err)
	}
	for branch, want := range map[string]bool{"main": true, "gone": false} {
		if got, err := c.BranchProtected(ctx, "acme", "orders", branch); got != want || err != nil {
			t.Errorf("%s is protected: %v, %v", branch, got, err)
		}
	}
	for user, want := range map[string]string{"ann": "maintain", "acme": "admin", "nobody-of-that-name": "none"} {
		if got, err := c.Permission(ctx, "acme", "orders", user); got != want || err != nil {
			t.Errorf("%s may %q, %v; want %s", user, got, err, want)
		}
	}
	comment, err := c.Comment(ctx, "acme", "orders", p.Number, "Noted.")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.React(ctx, "acme", "orders", comment, "+1"); err != nil {
			t.Error(err)
		}
	}

	app, err := a.github.App(ctx)
	if err != nil || app.Permissions["checks"] != "write" || !slices.Contains(app.Events, "pull_request") {
		t.Errorf("%+v, %v", app, err)
	}
	if all, err := a.github.Installations(ctx); err != nil || len(all) != 1 || all[0].ID != a.installation || all[0].Account.Login != "acme" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := a.github.HookConfig(ctx); err != nil {
		t.Error(err)
	}
}

// TestDeliveriesOfTheFake: what was not delivered is found and asked for again.
func TestDeliveriesOfTheFake(t *testing.T) {
	a := newAgainst(t)
	a.WebhookTo("http://127.0.0.1:1/webhook") // nobody listens
	since := a.Now().Add(-time.Minute)
	a.pulls(1)[0].Send("opened")
	a.Wait()
	var all []Delivery
	if err := a.github.Deliveries(t.Context(), since, func(page []Delivery) error { all = append(all, page...); return nil }); err != nil || len(all) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	i := slices.IndexFunc(all, func(d Delivery) bool { return d.Event == "pull_request" })
	if i < 0 || all[i].Status == "OK" || all[i].GUID == "" || all[i].Action != "opened" || all[i].Installation != a.installation || all[i].Repository != a.repo.ID() {
		t.Fatalf("%+v", all)
	}
	if err := a.github.Redeliver(t.Context(), all[i].ID); err != nil {
		t.Fatal(err)
	}
	a.Wait()
	attempts := 0
	if err := a.github.Deliveries(t.Context(), since, func(page []Delivery) error {
		for _, d := range page {
			if d.GUID == all[i].GUID {
				attempts++
			}
		}
		return nil
	}); err != nil || attempts != 2 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

// TestSuspended: GitHub refuses the token, then gives one again.
func TestSuspended(t *testing.T) {
	a := newAgainst(t)
	p := a.pulls(1)[0]
	if _, err := a.client.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.Suspend(a.installation, true)
	if _, err := a.client.Pull(t.Context(), "acme", "orders", p.Number); !errors.Is(err, ErrNoInstallation) {
		t.Errorf("suspended, with a token: %v", err)
	}
	if _, err := a.client.Pull(t.Context(), "acme", "orders", p.Number); !errors.Is(err, ErrNoInstallation) {
		t.Errorf("suspended: %v", err)
	}
	a.Suspend(a.installation, false)
	if _, err := a.github.Installation(a.installation).Pull(t.Context(), "acme", "orders", p.Number); err != nil {
		t.Errorf("and back: %v", err)
	}
	a.Uninstall(a.installation)
	if _, err := a.github.Installation(a.installation).Pull(t.Context(), "acme", "orders", p.Number); !errors.Is(err, ErrNoInstallation) {
		t.Errorf("removed, with a token of before: %v", err)
	}
}
