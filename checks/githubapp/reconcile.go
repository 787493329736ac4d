package githubapp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/githubapi"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
)

const (
	// reconcileCalls is how many of an installation's calls in an hour the look at its open pull requests may take, on
	// average: a fifth of the fewest that GitHub gives. Where one look takes more, looks are rarer.
	reconcileCalls = 1000

	// Processes that share a database agree by this lease which of them looks. It is short, so that a process that
	// was killed does not keep its successor from looking; two that look at once only ask GitHub twice.
	leaseName = "reconcile"
	leaseTime = 30 * time.Second

	// lookedName is when a look ended last.
	lookedName = "reconciled"
)

// reconcileUntil looks at GitHub for what was missed: at once, every so often, and when asked.
func (a *App) reconcileUntil(ctx context.Context) {
	r := &reconciler{App: a, tries: map[string]int{}, due: map[int64]time.Time{}}
	for asked := true; ; {
		next := a.config.Reconcile
		if !r.reconcile(ctx, asked) {
			next = min(next, 30*time.Second)
		} else {
			asked = false
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-a.look:
			timer.Stop()
			asked = true
			clear(r.due)
		}
	}
}

// recently tells whether some process has looked not long ago.
func (a *App) recently(ctx context.Context) bool {
	text, err := a.store.Cursor(ctx, lookedName)
	if err != nil {
		return false
	}
	last, err := time.Parse(time.RFC3339, text)
	age := a.now().Sub(last)
	return err == nil && age >= 0 && age < a.config.Reconcile/2
}

// A reconciler compares what GitHub has with what the store has, and wants what is missing.
// It keeps nothing that a new process has to know.
type reconciler struct {
	*App
	tries map[string]int      // guid of a delivery -> how often it was asked for again
	due   map[int64]time.Time // installation -> when its pull requests are looked at again
}

// reconcile is one look, unless another process has just looked and nobody asked. What fails is logged and left to the
// next look. It returns false when another process is looking.
func (a *reconciler) reconcile(ctx context.Context, asked bool) bool {
	if !asked && a.recently(ctx) {
		return true
	}
	trace := "reconcile-" + rand.Text()[:10]
	log := a.log.With("trace", trace)
	leased, release, err := a.store.Lease(ctx, leaseName, leaseTime)
	if err != nil || !leased {
		log.DebugContext(ctx, "another process looks at GitHub", "error", err)
		return false
	}
	defer release()
	began := a.now()
	if err := a.redeliver(ctx, log); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "no look at failed deliveries", "error", err)
	}
	wanted, err := a.installations(ctx, trace, log)
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "the look at open pull requests was not complete", "error", err)
	}
	if err := a.store.SetCursor(ctx, lookedName, a.now().UTC().Format(time.RFC3339)); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "when GitHub was looked at was not kept", "error", err)
	}
	log.InfoContext(ctx, "reconciled", "wanted", wanted, "took", a.now().Sub(began))
	return true
}

// installations brings the store's installations up to date, and looks at each.
func (a *reconciler) installations(ctx context.Context, trace string, log *slog.Logger) (wanted int, err error) {
	now, err := a.github.Installations(ctx)
	if err != nil {
		return 0, err
	}
	before, err := a.store.Installations(ctx)
	if err != nil {
		return 0, err
	}
	there := map[int64]bool{}
	for _, i := range now {
		there[i.ID] = true
		if err := a.store.SetInstallation(ctx, store.Installation{ID: i.ID, Account: i.Account.Login, Suspended: i.SuspendedAt != nil}); err != nil {
			return wanted, err
		}
	}
	for _, i := range before {
		if !there[i.ID] {
			log.InfoContext(ctx, "the App was uninstalled", "installation", i.ID, "account", i.Account)
			if err := a.store.SetInstallation(ctx, store.Installation{ID: i.ID, Account: i.Account, Deleted: true}); err != nil {
				return wanted, err
			}
		}
	}
	var problems []error
	for _, i := range now {
		if i.SuspendedAt != nil || a.now().Before(a.due[i.ID]) {
			continue
		}
		one := &look{App: a.App, id: i.ID, github: a.github.Installation(i.ID), trace: trace, log: log.With("installation", i.ID)}
		err := one.run(ctx)
		wanted += one.wanted
		a.due[i.ID] = a.now().Add(time.Duration(one.calls) * time.Hour / reconcileCalls)
		if later := (*job.RetryAfter)(nil); errors.As(err, &later) {
			a.due[i.ID] = later.At
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("installation %d: %w", i.ID, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return wanted, errors.Join(problems...)
}

// A look is at the open pull requests of one installation.
type look struct {
	*App
	id     int64
	github *githubapi.Client
	trace  string
	log    *slog.Logger
	calls  int // of the API
	wanted int
}

// run looks at every repository. An error of one repository does not end it; a limit does.
func (l *look) run(ctx context.Context) error {
	var repositories []job.Repository
	if err := l.github.Repositories(ctx, func(page []job.Repository) error {
		l.calls++
		repositories = append(repositories, page...)
		return nil
	}); err != nil {
		return err
	}
	watched := map[int64]bool{}
	for _, r := range repositories {
		watched[r.ID] = true
	}
	known, err := l.store.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range known {
		if r.Installation == l.id && !watched[r.ID] && r.Open > 0 {
			if err := l.abandon(ctx, r.Repository); err != nil {
				return err
			}
		}
	}
	if err := l.store.SetRepositories(ctx, l.id, repositories); err != nil {
		return err
	}
	var problems []error
	for _, r := range repositories {
		err := l.repository(ctx, r)
		if later := (*job.RetryAfter)(nil); ctx.Err() != nil || errors.As(err, &later) || errors.Is(err, githubapi.ErrNoInstallation) {
			return err
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// abandon cancels what is wanted of a repository that the App does not see any more, or that was archived.
func (l *look) abandon(ctx context.Context, r job.Repository) error {
	states, err := l.store.Wanted(ctx, r.ID)
	if err != nil {
		return err
	}
	var wants []job.Want
	for _, s := range states {
		wants = append(wants, job.Want{Subject: s.Subject, Cancel: true, Reason: "reconciled: the App does not watch the repository any more"})
	}
	l.log.InfoContext(ctx, "a repository is not watched any more", "repository", r.FullName(), "open", len(wants))
	return l.store.Want(ctx, l.trace, wants)
}

// repository compares one repository's open pull requests with the store.
func (l *look) repository(ctx context.Context, r job.Repository) error {
	states, err := l.store.Wanted(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := l.github.OpenPulls(ctx, r.Owner, r.Name, func(page []githubapi.Pull) error {
		l.calls++
		var wants []job.Want
		for _, p := range page {
			s, known := states[p.Subject.Key()]
			delete(states, p.Subject.Key())
			missing, err := l.missing(ctx, p, s, known)
			if err != nil {
				return err
			}
			if missing == "" {
				continue
			}
			wants = append(wants, job.Want{Subject: p.Subject, Revision: p.Revision, Reason: "reconciled: " + missing, Again: missing == notCompleted})
			if missing != newerState {
				l.wanted++
				l.metrics.Reconciled(missing)
				l.log.InfoContext(ctx, "wanted", "repository", r.FullName(), "number", p.Subject.Number, "head", p.Revision.Head, "reason", missing)
			}
		}
		return l.store.Want(ctx, l.trace, wants)
	}); err != nil {
		return err
	}
	// What is left was closed, most likely. A pull request can hide behind the end of a page, so the turn asks.
	var wants []job.Want
	for _, s := range states {
		if s.Subject.Number > 0 {
			wants = append(wants, job.Want{Subject: s.Subject, Refresh: true, Reason: "reconciled: it seems to be closed"})
		}
	}
	return l.store.Want(ctx, l.trace, wants)
}

// What an open pull request can lack, as metrics name it.
const (
	neverSeen    = "never seen"
	newerHead    = "newer head"
	notCompleted = "check run not completed"
	newerState   = "newer state" // of title or labels: judged only if its base branch is another one now
)

// missing says what an open pull request lacks, "" when nothing.
func (l *look) missing(ctx context.Context, p githubapi.Pull, s store.State, known bool) (string, error) {
	switch {
	case !known:
		return neverSeen, nil
	case s.Wanted != p.Revision.Head && !p.Revision.Updated.Before(s.Updated):
		return newerHead, nil
	case s.Pending:
		return "", nil // it is on its way
	case p.Revision.Updated.After(s.Updated):
		return newerState, nil
	case s.CheckRun != 0:
		return "", nil // the verdict was kept after GitHub had it
	}
	r := p.Subject.Repository
	l.calls++
	runs, err := l.github.CheckRuns(ctx, r.Owner, r.Name, p.Revision.Head, l.config.CheckName)
	if err != nil {
		return "", err
	}
	for _, run := range runs {
		if run.Status == "completed" {
			return "", nil
		}
	}
	return notCompleted, nil
}
