package githubapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/child"
	"github.com/pmcheck/pmcheck/checks/githubapp/githubapi"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/mirror"
	"github.com/pmcheck/pmcheck/checks/githubapp/pages"
	"github.com/pmcheck/pmcheck/checks/report"
)

// A turn is one attempt to judge a subject.
type turn struct {
	*App
	work    job.Work
	github  *githubapi.Client
	log     *slog.Logger
	began   time.Time
	trusted string // commit whose configuration decides
	code    string // folder of a bare repository with the commits
	release func() // gives code back
	answer  child.Answer
	orders  []order // what people have commanded in comments
	stands  bool    // GitHub has nothing newer than what has its verdict
}

// judge is one turn: from what is wanted to a completed check run.
func (a *App) judge(ctx context.Context, work job.Work) (job.Verdict, error) {
	t := a.turn(work)
	defer t.end()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"ask GitHub for the state", t.refresh},
		{"ask who may command", t.examine},
		{"answer those who may not", t.refuse},
		{"show that the check has begun", t.start},
		{"find what decides", t.trust},
		{"fetch the code", t.fetch},
		{"check", t.check},
		{"carry out commands", t.override},
		{"publish the verdict", t.publish},
		{"answer commands", func(ctx context.Context) error { return t.reply(ctx, true) }},
	} {
		began := t.now()
		if err := step.do(ctx); err != nil {
			return t.failed(ctx, step.name, err)
		}
		t.log.DebugContext(ctx, "step done", "step", step.name, "took", t.now().Sub(began))
	}
	return t.verdict(t.conclusion(), ""), nil
}

func (a *App) turn(work job.Work) *turn {
	return &turn{
		App: a, work: work, github: a.github.Installation(work.Subject.Installation), began: a.now(), release: func() {},
		log: a.log.With("trace", work.Trace, "repository", work.Subject.Repository.FullName(), "number", work.Subject.Number, "attempt", work.Attempt),
	}
}

func (t *turn) end() { t.release() }

// refresh asks GitHub for the pull request as it is now, when the event did not say.
func (t *turn) refresh(ctx context.Context) error {
	s := t.work.Subject
	if !t.work.Refresh && s.Repository.DefaultBranch != "" || s.Number == 0 {
		return nil
	}
	pull, err := t.github.Pull(githubapi.Fresh(ctx), s.Repository.Owner, s.Repository.Name, s.Number)
	if err != nil {
		return err
	}
	if pull.State != "open" {
		return job.ErrClosed
	}
	t.stands = t.work.Judged && pull.Revision.Head == t.work.Revision.Head && pull.Revision.BaseRef == t.work.Revision.BaseRef
	if t.stands && len(t.work.Commands) == 0 {
		return job.ErrJudged
	}
	if pull.Revision.Head != t.work.Revision.Head {
		t.work.CheckRun, t.work.Annotated = 0, 0
		if t.work.Overridden, err = t.store.Overrides(ctx, s.Key(), pull.Revision.Head); err != nil {
			return err
		}
	}
	t.work.Revision, t.work.Subject.Repository = pull.Revision, pull.Subject.Repository
	return nil
}

// start shows the check run as in progress, and makes it when there is none.
func (t *turn) start(ctx context.Context) error {
	known := t.work.CheckRun
	if err := checkrun.Start(ctx, t.github, &t.work, t.config.CheckName, t.details()); err != nil {
		return err
	}
	if t.work.CheckRun == known {
		return nil
	}
	return t.store.SetCheckRun(ctx, t.work, t.work.CheckRun)
}

// trust finds the commit whose configuration decides: the tip of the base, and not where the head left it, since the
// head's author chose that. A base that anybody may push to decides nothing.
func (t *turn) trust(ctx context.Context) error {
	r, base := t.work.Subject.Repository, t.work.Revision.BaseRef
	t.trusted = t.work.Revision.Base
	if base == r.DefaultBranch {
		return nil
	}
	protected, err := t.github.BranchProtected(ctx, r.Owner, r.Name, base)
	if err != nil || protected {
		return err
	}
	if r.DefaultBranch == "" {
		return errors.New("GitHub did not say which branch is the default branch")
	}
	t.trusted, err = t.github.BranchTip(ctx, r.Owner, r.Name, r.DefaultBranch)
	return err
}

// fetch brings the commits to disk.
func (t *turn) fetch(ctx context.Context) error { return t.bring(ctx) }

// bring brings the commits to disk, and others beside them.
func (t *turn) bring(ctx context.Context, others ...string) error {
	s, r := t.work.Subject, t.work.Revision
	refs := []string{s.Ref}
	if s.Number > 0 {
		refs = []string{fmt.Sprintf("refs/pull/%d/head", s.Number)}
	}
	commits := []string{r.Base}
	refs = append(refs, "refs/heads/"+r.BaseRef)
	if t.trusted != r.Base {
		commits = append(commits, t.trusted)
		refs = append(refs, "refs/heads/"+s.Repository.DefaultBranch)
	}
	commits = append(append(commits, others...), r.Head)
	dir, release, err := t.mirrors.Fetch(ctx, mirror.Remote{
		URL: t.site(s.Repository) + ".git", RepositoryID: s.Repository.ID, Token: t.github.Token, Refs: refs,
	}, commits...)
	if err != nil {
		return err
	}
	t.release() // what was read before
	t.code, t.release = dir, release
	return nil
}

// check judges the code. Where a post-mortem is about a commit that the mirror is too shallow for, it judges once more with that.
func (t *turn) check(ctx context.Context) error {
	if err := t.ask(ctx); err != nil || len(t.answer.Missing) == 0 {
		return err
	}
	var there []string
	for _, commit := range t.answer.Missing[:min(len(t.answer.Missing), maxLessons)] {
		if err := t.bring(ctx, append(there, commit)...); err != nil { // the report says that it was not replayed
			t.log.WarnContext(ctx, "the change behind a post-mortem is not there", "commit", commit, "error", err)
			continue
		}
		there = append(there, commit)
	}
	if len(there) == 0 {
		return nil
	}
	return t.ask(ctx)
}

// maxLessons is how many commits are fetched for post-mortems to be replayed.
const maxLessons = 10

// ask has a child process judge the code.
func (t *turn) ask(ctx context.Context) (err error) {
	s, r := t.work.Subject, t.work.Revision
	t.answer, err = child.Run(ctx, t.program, t.limits(), child.Request{
		Repo: t.code, Base: r.Base, Head: r.Head, Trusted: t.trusted,
		Number: s.Number, Title: r.Title, Body: r.Body, Labels: r.Labels, Overrides: t.work.Overridden, Now: t.now(),
		Repository: s.Repository.FullName(), Address: t.site(s.Repository), DetailsURL: t.details(),
	})
	for reason, limit := range map[string]error{"memory": child.ErrMemory, "time": child.ErrTime, "output": child.ErrOutput, "crash": child.ErrCrash} {
		if errors.Is(err, limit) {
			t.metrics.Kill(reason)
		}
	}
	if t.work.Attempt > 1 && (errors.Is(err, child.ErrUndone) || errors.Is(err, child.ErrCrash)) {
		// Perhaps git could not read the mirror: the next attempt gets another one.
		err = errors.Join(err, t.mirrors.Discard(ctx, s.Repository.ID))
	}
	return err
}

// publish completes the check run.
func (t *turn) publish(ctx context.Context) error {
	return t.show(ctx, checkrun.Report{
		Conclusion: t.conclusion(), Title: t.answer.Title, Summary: t.answer.Summary, Text: t.answer.Text,
		Annotations: t.answer.Annotations, DetailsURL: t.details(), Actions: []checkrun.Action{checkrun.Rerun},
	})
}

func (t *turn) show(ctx context.Context, r checkrun.Report) error {
	return checkrun.Publish(ctx, t.github, t.work, t.config.CheckName, r, func(annotated int) error {
		return t.store.SetAnnotated(ctx, t.work, annotated)
	})
}

// conclusion is what the answer means for the pull request.
func (t *turn) conclusion() string {
	blocks := t.answer.Verdict != report.Pass && t.answer.Verdict != child.NoSchemaChange
	return checkrun.Conclusion(blocks, t.config.Mode == Advisory)
}

// verdict is what is kept of the turn.
func (t *turn) verdict(conclusion, problem string) job.Verdict {
	v := job.Verdict{
		Subject: t.work.Subject, Revision: t.work.Revision, CheckRun: t.work.CheckRun, Conclusion: conclusion,
		Title: t.answer.Title, JSON: t.answer.JSON, HTML: t.answer.HTML, Postmortems: t.answer.Postmortems, Problem: problem,
		Overridden: t.work.Overridden, Trace: t.work.Trace, Began: t.began, Ended: t.now(),
	}
	if problem == "" {
		v.Problem = t.answer.Problem
	} else {
		v.Title, v.JSON, v.HTML, v.Postmortems = "could not check: "+problem, nil, nil, nil
	}
	since := time.Duration(0)
	if !t.work.Wanted.IsZero() {
		since = v.Ended.Sub(t.work.Wanted)
	}
	t.metrics.Verdict(conclusion, v.Ended.Sub(t.began), since)
	for rule, n := range t.answer.Findings {
		if !t.rules[rule] {
			rule = "own" // a project can have any number of rules, with any names
		}
		t.metrics.Findings(rule, n)
	}
	waited := time.Duration(0)
	if !t.work.Wanted.IsZero() {
		waited = t.began.Sub(t.work.Wanted)
	}
	t.log.Info("verdict", "conclusion", conclusion, "title", v.Title, "head", v.Revision.Head, "check_run", v.CheckRun,
		"reason", t.work.Reason, "took", v.Ended.Sub(t.began), "waited", waited)
	return v
}

// A shown error is one whose words may be read by everybody who sees the pull request.
type shown struct {
	public string
	err    error
}

func (e *shown) Error() string { return e.public }
func (e *shown) Unwrap() error { return e.err }

// failed decides what an error of a step means: nothing, another try, or a verdict.
func (t *turn) failed(ctx context.Context, step string, err error) (job.Verdict, error) {
	var later *job.RetryAfter
	switch {
	case ctx.Err() != nil:
		return job.Verdict{}, context.Cause(ctx)
	case errors.Is(err, job.ErrClosed), errors.Is(err, job.ErrJudged):
		return job.Verdict{}, err
	case errors.Is(err, githubapi.ErrNoInstallation):
		// Nobody can be told. The reconciler finds out whether it comes back.
		t.lookNow()
		return job.Verdict{}, &job.RetryAfter{At: t.now().Add(10 * time.Minute), Err: err}
	case errors.As(err, &later):
		t.metrics.Retry("later")
		t.log.WarnContext(ctx, "later", "step", step, "error", err)
		return job.Verdict{}, &job.RetryAfter{At: later.At, Err: &shown{explain(step, err), err}}
	}
	t.log.ErrorContext(ctx, "step failed", "step", step, "error", err, "last", t.work.Last)
	if !final(err) {
		t.metrics.Retry(step)
		return job.Verdict{}, &shown{explain(step, err), err}
	}
	return t.couldNotCheck(ctx, explain(step, err))
}

// final tells errors that another try would meet again.
func final(err error) bool {
	for _, limit := range []error{child.ErrMemory, child.ErrTime, child.ErrOutput, mirror.ErrTooLarge} {
		if errors.Is(err, limit) {
			return true
		}
	}
	return false
}

// explain says in public what went wrong. Errors that could tell of the machine are named by their step only.
func explain(step string, err error) string {
	var answer *githubapi.Error
	for _, known := range []error{child.ErrMemory, child.ErrTime, child.ErrOutput, child.ErrCrash, child.ErrUndone, mirror.ErrTooLarge} {
		if errors.Is(err, known) {
			return report.OneLine(err.Error(), 500)
		}
	}
	switch {
	case errors.As(err, &answer):
		return report.OneLine(answer.Error(), 500)
	case errors.Is(err, mirror.ErrNotFound):
		return "the commits were not found at GitHub: was the branch deleted, or pushed anew?"
	case errors.Is(err, mirror.ErrAuth):
		return "GitHub does not let the App read the code: does it still have the permission Contents: read?"
	case errors.Is(err, mirror.ErrDiskFull):
		return "the disk of the machine that runs pmcheck is full"
	}
	return "could not " + strings.TrimPrefix(step, "could not ") + "; the log of pmcheck serve says why"
}

// couldNotCheck makes a verdict of an error.
func (t *turn) couldNotCheck(ctx context.Context, reason string) (job.Verdict, error) {
	r := checkrun.CouldNotCheck(reason, t.config.Mode == Advisory, t.details())
	if err := t.show(ctx, r); err != nil {
		return job.Verdict{}, err
	}
	t.unanswered(reason)
	if err := t.reply(ctx, true); err != nil {
		return job.Verdict{}, err
	}
	return t.verdict(r.Conclusion, reason), nil
}

// giveUp makes the verdict that people see of the error that the last attempt ended in.
func (a *App) giveUp(ctx context.Context, work job.Work, reason error) (job.Verdict, error) {
	t := a.turn(work)
	if err := t.refresh(ctx); err != nil {
		return job.Verdict{}, err
	}
	return t.couldNotCheck(ctx, reason.Error())
}

// announce shows at once that a check is to come. Without a head that is sure it waits for the turn to ask.
func (a *App) announce(ctx context.Context, work job.Work) (checkRun int64, err error) {
	if work.Refresh || work.Revision.Head == "" {
		return 0, nil
	}
	t := a.turn(work)
	id, err := checkrun.Queued(githubapi.Fresh(ctx), t.github, work, a.config.CheckName, t.details())
	if err != nil {
		t.log.WarnContext(ctx, "not announced", "error", err)
	}
	return id, err
}

// cancelled ends the check run of a head that nobody judges any more.
func (a *App) cancelled(ctx context.Context, work job.Work) error {
	t := a.turn(work)
	err := checkrun.Cancel(ctx, t.github, work, a.config.CheckName, "Nobody needs this verdict any more: there is a newer commit, or the pull request was closed.")
	if errors.Is(err, githubapi.ErrNotFound) || errors.Is(err, githubapi.ErrNoInstallation) {
		return nil // with its repository, or the App
	}
	return err
}

// details is the address of the verdict's page, "" without pages.
func (t *turn) details() string {
	if t.pages == nil {
		return ""
	}
	return strings.TrimSuffix(t.config.URL.String(), "/") + pages.Path(t.work.Subject, t.work.Revision.Head)
}

// site is a repository's address for a browser; with .git behind it, for git.
func (a *App) site(r job.Repository) string {
	return strings.TrimSuffix(a.config.GitHub.String(), "/") + "/" + r.Owner + "/" + r.Name
}

// lookNow asks the reconciler to look at GitHub.
func (a *App) lookNow() {
	select {
	case a.look <- struct{}{}:
	default: // it is asked already
	}
}
