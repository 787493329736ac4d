// Package githubapp is the GitHub App: webhooks in, check runs out. It puts its rooms
// together, and does what needs several of them: one turn of judging (turn.go), commands
// in comments (command.go), and the look at GitHub for what was missed (reconcile.go).
package githubapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"

	"github.com/pmcheck/pmcheck/checks/githubapp/child"
	"github.com/pmcheck/pmcheck/checks/githubapp/githubapi"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/metrics"
	"github.com/pmcheck/pmcheck/checks/githubapp/mirror"
	"github.com/pmcheck/pmcheck/checks/githubapp/pages"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// App is a running GitHub App. Its state is in its store; processes that share one share the work.
type App struct {
	config  Config
	log     *slog.Logger
	now     func() time.Time
	program string // that judges in a child process

	metrics *metrics.Metrics
	store   *store.Store
	github  *githubapi.GitHub
	mirrors *mirror.Mirrors
	webhook http.Handler
	circle  http.Handler // nil without CircleCI
	starter Starter
	pages   http.Handler // nil without a login

	rules    map[string]bool // that are built in: what metrics name
	stopping atomic.Bool
	look     chan struct{} // asks the reconciler to look now
	deployed chan struct{} // asks for a look at failed deploys now
}

// New opens the database and the mirrors. It sends nothing to GitHub. An error that is
// [ErrConfig] is the configuration's.
func New(ctx context.Context, c Config) (*App, error) {
	a := &App{config: c, log: c.Log, now: c.Now, program: c.Program, rules: map[string]bool{}, look: make(chan struct{}, 1), deployed: make(chan struct{}, 1)}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.program == "" {
		var err error
		if a.program, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("the program's own file, which judges in a child process: %w", err)
		}
	}
	a.metrics = metrics.New(cmp.Or(c.Version, "unknown"))
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, &ConfigError{[]string{fmt.Sprintf("data: %v", err)}}
	}
	var err error
	if a.github, err = githubapi.New(githubapi.Options{
		BaseURL: c.GitHub.String(), AppID: c.AppID, PrivateKey: c.PrivateKey, Now: a.now, Log: a.log, Observe: a.called,
	}); err != nil {
		return nil, &ConfigError{[]string{err.Error()}}
	}
	if a.mirrors, err = mirror.New(mirror.Options{
		Dir: filepath.Join(c.Data, "mirrors"), MaxBytes: c.MirrorSpace, MaxRepository: c.MirrorLimit, Log: a.log, Now: a.now, Observe: a.metrics.Fetch,
	}); err != nil {
		return nil, err
	}
	o := c.Store
	o.PerInstallation = cmp.Or(o.PerInstallation, max(1, c.Workers-1)) // one is left for the others
	o.Now, o.Log, o.Workers, o.Grace, o.Timeout = c.Now, a.log, c.Workers, c.Grace, c.CheckTime+turnSlack
	if a.store, err = store.Open(ctx, c.Database, o); err != nil {
		return nil, err
	}
	a.webhook = &webhook.Handler{Secrets: raw(c.WebhookSecrets), AppID: c.AppID, Accept: a.accept, Log: a.log, Now: a.now, Observe: a.metrics.Delivery}
	if a.starter = c.Starter; a.starter == nil && len(c.SlackToken) > 0 {
		client, err := slack.New(c.SlackURL, string(c.SlackToken))
		if err != nil {
			a.store.Close()
			return nil, &ConfigError{[]string{"slack_token_file and slack_url: Slack's address or token is not in the form that they have"}}
		}
		a.starter = &slackStarter{client: client, folder: filepath.Join(c.Data, "incidents"), site: c.GitHub.String(), now: a.now, log: a.log}
	}
	if len(c.CircleCISecrets) > 0 && a.starter != nil {
		a.circle = &webhook.CircleCI{Secrets: raw(c.CircleCISecrets), Accept: a.acceptCircleCI, Log: a.log, Now: a.now, Observe: a.metrics.Delivery}
	}
	if c.ClientID != "" {
		if a.pages, err = a.newPages(); err != nil {
			a.store.Close()
			return nil, &ConfigError{[]string{err.Error()}}
		}
	}
	engine, err := policy.Load(policy.Options{})
	if err != nil {
		return nil, err
	}
	for _, r := range engine.Rules() {
		a.rules[r.ID] = true
	}
	a.observe()
	return a, nil
}

func raw(secrets []Secret) (all [][]byte) {
	for _, s := range secrets {
		all = append(all, s)
	}
	return all
}

// turnSlack is what a turn may take beside the check itself: the fetch, and GitHub's answers.
const turnSlack = 10 * time.Minute

// newPages makes what people see in a browser.
func (a *App) newPages() (http.Handler, error) {
	site := strings.TrimSuffix(a.config.GitHub.String(), "/")
	return pages.New(pages.Options{
		PublicURL: a.config.URL.String(),
		OAuth: oauth2.Config{
			ClientID: a.config.ClientID, ClientSecret: string(a.config.ClientSecret),
			Endpoint: oauth2.Endpoint{AuthURL: site + "/login/oauth/authorize", TokenURL: site + "/login/oauth/access_token"},
		},
		API:   strings.TrimSuffix(a.github.APIURL(), "/"),
		Store: a.store.Pages(), Sessions: a.store.Sessions(), Now: a.now, Log: a.log,
	})
}

// Run serves and works until ctx ends. Then deliveries are still taken while the checks
// that run are finished, or after the grace time handed back. The store is closed at the end.
func (a *App) Run(ctx context.Context) error {
	defer a.store.Close()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	group, failed := errgroup.WithContext(serving)
	working, stopWorking := context.WithCancel(ctx)
	defer stopWorking()
	context.AfterFunc(failed, stopWorking)
	context.AfterFunc(ctx, func() {
		a.stopping.Store(true)
		a.log.InfoContext(ctx, "stopping", "grace", a.config.Grace)
	})
	group.Go(func() error {
		return a.serve(failed, a.config.Listen, a.Handler(), a.config.TLSCertificate, a.config.TLSKey, "listening")
	})
	if a.config.MetricsListen != "" {
		group.Go(func() error {
			return a.serve(failed, a.config.MetricsListen, a.metrics.Handler(), "", "", "metrics are listening")
		})
	}
	group.Go(func() error {
		defer stopServing()
		var work errgroup.Group
		work.Go(func() error {
			return a.store.Run(working, store.Handler{Announce: a.announce, Judge: a.judge, GiveUp: a.giveUp, Cancelled: a.cancelled})
		})
		work.Go(func() error { a.reconcileUntil(working); return nil })
		if a.circle != nil {
			work.Go(func() error { a.followDeploys(working); return nil })
		}
		return work.Wait()
	})
	err := group.Wait()
	a.log.InfoContext(ctx, "stopped", "error", err)
	return err
}

// accept keeps what a delivery wants. Changes of an installation are carried out here; what
// follows for its pull requests, the reconciler finds.
func (a *App) accept(ctx context.Context, d job.Delivery, wants []job.Want) (fresh bool, err error) {
	var kept []job.Want
	changed := false
	for _, w := range wants {
		switch {
		case w.Change != nil:
			if err := a.change(ctx, *w.Change); err != nil {
				return false, err
			}
			changed = true
		case !w.Subject.Known():
			found, err := a.find(ctx, w)
			if err != nil {
				return false, err
			}
			kept = append(kept, found...)
		default:
			kept = append(kept, w)
		}
	}
	fresh, err = a.store.Accept(ctx, d, kept)
	if err == nil && changed {
		select {
		case a.look <- struct{}{}:
		default: // it is asked already
		}
	}
	return fresh, err
}

// change keeps the new state of an installation. It may be done twice.
func (a *App) change(ctx context.Context, c job.InstallationChange) error {
	if c.Gone { // suspended, or deleted: the reconciler, who looks next, knows which
		return a.store.SetInstallation(ctx, store.Installation{ID: c.Installation, Account: c.Account, Suspended: true})
	}
	var removed []int64
	for _, r := range c.Removed {
		removed = append(removed, r.ID)
	}
	if err := a.store.SetInstallation(ctx, store.Installation{ID: c.Installation, Account: c.Account}); err != nil {
		return err
	}
	return a.store.ChangeRepositories(ctx, c.Installation, c.Added, removed)
}

// find says which pull requests an event is about that named only a commit.
func (a *App) find(ctx context.Context, w job.Want) ([]job.Want, error) {
	subjects, err := a.store.FindSubject(ctx, w.Subject.Repository.ID, w.Revision.Head)
	if err != nil {
		return nil, err
	}
	if len(subjects) == 0 {
		r := w.Subject.Repository
		pulls, err := a.github.Installation(w.Subject.Installation).PullsOfCommit(ctx, r.Owner, r.Name, w.Revision.Head)
		if err != nil && !errors.Is(err, githubapi.ErrNotFound) {
			return nil, err
		}
		for _, p := range pulls {
			if p.State == "open" && p.Subject.Repository.ID == r.ID && p.Revision.Head == w.Revision.Head {
				subjects = append(subjects, p.Subject)
			}
		}
	}
	var wants []job.Want
	for _, s := range subjects {
		one := w
		one.Subject = s
		wants = append(wants, one)
	}
	return wants, nil
}

// observe gives the metrics what is asked for when Prometheus asks.
func (a *App) observe() {
	a.metrics.ObserveTogether([]metrics.Gauge{
		{Name: "pmcheck_queue_depth", Help: "Subjects that wait for their turn; -1 when the database does not answer."},
		{Name: "pmcheck_queue_oldest_seconds", Help: "How long the oldest of them waits."},
		{Name: "pmcheck_running", Help: "Checks that run, in all processes."},
		{Name: "pmcheck_announcing", Help: "Check runs that GitHub was not told of yet."},
		{Name: "pmcheck_stale_check_runs", Help: "Check runs of heads that nobody judges any more, which GitHub was not told of yet."},
		{Name: "pmcheck_giving_up", Help: "Checks whose failure GitHub was not told of yet."},
	}, func() []float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c, err := a.store.Counts(ctx)
		if err != nil {
			return []float64{-1, -1, -1, -1, -1, -1}
		}
		oldest := 0.0
		if !c.Oldest.IsZero() {
			oldest = a.now().Sub(c.Oldest).Seconds()
		}
		return []float64{float64(c.Queued), oldest, float64(c.Running), float64(c.Announcing), float64(c.Stale), float64(c.GivingUp)}
	})
	a.metrics.Observe("pmcheck_deploys_waiting", "Deploys at CircleCI of whose failure, or recovery, nobody was told yet; -1 when the database does not answer.", func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		n, err := a.store.Unfollowed(ctx)
		if err != nil {
			return -1
		}
		return float64(n)
	})
	a.metrics.Observe("pmcheck_mirror_bytes", "What the mirrors take on disk.", func() float64 { return float64(a.mirrors.Bytes()) })
}

// called counts a call of GitHub's API.
func (a *App) called(c githubapi.Call) {
	a.metrics.Call(c.Method+" "+c.Route, c.Status)
	if c.Installation != 0 && c.Limit > 0 {
		a.metrics.Remaining(c.Installation, c.Remaining)
	}
}

func (a *App) limits() child.Limits {
	return child.Limits{Memory: a.config.CheckMemory, Time: a.config.CheckTime}
}
