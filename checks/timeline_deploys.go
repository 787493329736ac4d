package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// ranges finds what each deploy brings: it is compared with the one of the same job that succeeded last before it began.
func (t *timeline) ranges(ctx context.Context) {
	runs := slices.Clone(t.runs)
	slices.SortStableFunc(runs, func(a, b deployRun) int { return a.started.Compare(b.started) })
	for i, d := range runs {
		if d.started.Before(t.From) || d.started.After(t.To) {
			continue
		}
		r := t.rangeOf(ctx, runs[:i], d)
		for j := range t.out.Events {
			e := &t.out.Events[j]
			if e.Kind != DeployStarted || e.Pipeline != d.pipeline.Number || e.Workflow != d.workflow || e.Job != d.job || !e.At.Equal(d.started) {
				continue
			}
			if e.Deploy = r; r == nil {
				e.Partial = true
			} else {
				e.Event += r.say()
			}
		}
	}
}

// rangeOf is what a run brings; nil where that is not known, which is said.
func (t *timeline) rangeOf(ctx context.Context, earlier []deployRun, d deployRun) *DeployRange {
	if !t.clone {
		return nil
	}
	if d.pipeline.Commit() == "" {
		t.problem("pipeline %d does not say which commit it checked out, so what its deploy brings is not known", d.pipeline.Number)
		return nil
	}
	base := t.before(ctx, earlier, d)
	if base == "" {
		return nil
	}
	t.Progress("comparing deploys")
	r, err := t.compare(ctx, base, d.pipeline.Commit())
	if err != nil {
		t.problem("what the deploy of pipeline %d brings is not known: %s", d.pipeline.Number, err)
		return nil
	}
	return r
}

// before is the commit that was deployed last before a run began; "" where that is not known, which is said.
func (t *timeline) before(ctx context.Context, earlier []deployRun, d deployRun) string {
	commit := ""
	last := d.started
	for _, e := range earlier {
		if e.of() == d.of() && e.status == "success" && !e.ended.IsZero() && !e.ended.After(d.started) && (commit == "" || e.ended.After(last)) {
			commit, last = e.pipeline.Commit(), e.ended
		}
	}
	if commit != "" {
		return commit
	}
	if known, asked := t.last[d.of()]; asked {
		return known
	}
	q := circleci.Query{Project: t.Project, Job: d.job, Workflow: d.workflow, Before: d.started}
	if d.pipeline.Tag() == "" {
		q.Branch = d.pipeline.Branch()
	}
	t.Progress("asking CircleCI what was deployed before")
	run, _, err := t.Client.LastSuccess(ctx, q)
	switch {
	case errors.Is(err, circleci.ErrNotKnown):
		t.note("what the deploy of pipeline %d brings is not known, since no successful one before it was found", d.pipeline.Number)
	case err != nil:
		t.problem("what was deployed before pipeline %d is not known: %s", d.pipeline.Number, err)
	}
	t.last[d.of()] = run.Commit
	return run.Commit
}

// compare lists what landed between two commits, and what the second takes back of the first.
func (t *timeline) compare(ctx context.Context, from, to string) (*DeployRange, error) {
	out := &DeployRange{From: from, To: to}
	apart, err := t.landed(ctx, from, to, &out.Brings, &out.More)
	if err == nil && apart {
		_, err = t.landed(ctx, to, from, &out.TakesBack, &out.More)
	}
	if errors.Is(err, change.ErrUnknownRevision) {
		return nil, fmt.Errorf("this clone lacks %.9s or %.9s; `git fetch origin` brings what is newer, `git fetch --unshallow` what is older", from, to)
	}
	return out, err
}

// landed lists the pull requests and commits of one commit that another lacks. apart tells that the other has some too.
func (t *timeline) landed(ctx context.Context, from, to string, into *[]Brought, more *bool) (apart bool, err error) {
	r, err := open(ctx, Options{Repo: t.Repo, Base: from, Head: to, Trusted: "HEAD", Stage: PreDeploy})
	if err != nil {
		return false, err
	}
	defer r.close()
	if err := r.detect(); err != nil {
		return false, err
	}
	downs := r.downs()
	for _, l := range r.landed() {
		b := Brought{Commit: l.Commit, Label: l.Label, PullRequest: l.PullRequest, Title: l.Title}
		for _, path := range l.Files {
			if r.fileKind(path) == "migration" && !downs[path] {
				b.Migrations = append(b.Migrations, path)
			}
		}
		*into = append(*into, b)
	}
	*more = *more || r.change.MoreLanded
	return r.change.MergeBase != r.change.Base, nil
}

// downs are the files that hold a way back and nothing else: a deploy does not run them.
func (r *run) downs() map[string]bool {
	only := map[string]bool{}
	for _, d := range r.databases {
		for _, side := range []*layout.Database{d.base, d.head} {
			if side == nil {
				continue
			}
			for _, m := range side.Migrations {
				down, known := only[m.Path]
				only[m.Path] = m.Direction == layout.Down && (down || !known)
			}
		}
	}
	return only
}

// maxBrought is how many pull requests and commits a row names.
const maxBrought = 8

// say is the range as the end of a sentence.
func (d *DeployRange) say() string {
	if d.From == d.To {
		return "; the same commit as before"
	}
	text := ""
	for _, part := range []struct {
		verb string
		list []Brought
	}{{"brings", d.Brings}, {"takes back", d.TakesBack}} {
		if len(part.list) == 0 {
			continue
		}
		list := slices.Clone(part.list)
		slices.SortStableFunc(list, func(a, b Brought) int { return min(len(b.Migrations), 1) - min(len(a.Migrations), 1) })
		var texts []string
		for i, b := range list {
			if i == maxBrought {
				texts = append(texts, fmt.Sprintf("and %d more", len(list)-i))
				break
			}
			texts = append(texts, b.say())
		}
		text += "; " + part.verb + " " + strings.Join(texts, ", ")
	}
	if d.More {
		text += "; and more that is not listed"
	}
	return text
}

func (b Brought) say() string {
	text := fmt.Sprintf("%s %s", b.Label, report.OneLine(b.Title, 80))
	switch n := len(b.Migrations); {
	case n == 1:
		text += " (migration " + report.OneLine(b.Migrations[0], 120) + ")"
	case n > 1:
		text += fmt.Sprintf(" (%d migrations, %s and others)", n, report.OneLine(b.Migrations[0], 120))
	}
	return text
}
