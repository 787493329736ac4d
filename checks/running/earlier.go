package running

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
)

// Version is a version that was deployed before.
type Version struct {
	Name   string // a tag, a deploy marker's version, or the commit
	Commit string
	Source string // as Base.Source
	Reason string // a sentence's part: "the successful run of job deploy on main, pipeline 2 of ..."

	PipelineID string // of the pipeline and workflow that deployed it; "" when they are not known
	WorkflowID string
	Workflow   string            // its name
	Marker     *circleci.Version // nil where it is not known by deploy markers
}

// Earlier are the versions that were deployed before the current one, the newest first.
type Earlier struct {
	Versions []Version
	Live     *circleci.Version // what is live by deploy markers; nil where those were not asked
	Notes    []string
}

// wantedCommits is how many deployed commits are looked for.
const wantedCommits = 8

// Before finds the versions that were deployed before a revision, where Find would look. What is that revision, or contains it,
// is left out: the newest that remains is the last good one as far as the source knows. The error is ErrUnknown when no source
// knows of any.
func Before(ctx context.Context, repo *change.Repo, current string, s Sources, getenv func(string) string) (Earlier, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("all calls together may take %s", patience))
	defer cancel()
	commit, err := repo.Commit(ctx, current)
	if err != nil {
		return Earlier{}, err
	}
	f := &finder{repo: repo, head: commit, Sources: s, getenv: getenv}
	var tried []string
	for _, source := range []struct {
		name, ask string
		asked     bool
		find      func(context.Context) (Earlier, error)
	}{
		{"CircleCI's deploy markers", "--deploy-environment and --deploy-component", s.Environment != "" || s.Component != "", f.earlierMarkers},
		{"the successful deploys in CircleCI", "--deploy-job or --deploy-workflow", s.Job != "" || s.Workflow != "", f.earlierRuns},
		{"git tags", "--deployed-ref, as 'v*'", s.Ref != "", f.earlierRefs},
	} {
		if !source.asked {
			tried = append(tried, fmt.Sprintf("%s: not asked; name it with %s", source.name, source.ask))
			continue
		}
		found, err := source.find(ctx)
		if err == nil {
			known := len(found.Versions)
			if err = f.older(ctx, &found); err == nil && len(found.Versions) > 0 {
				return found, nil
			}
			if err == nil {
				err = fmt.Errorf("%w: none of the %d that it knows is older than %.9s", circleci.ErrNotKnown, known, commit)
			}
		}
		if !errors.Is(err, circleci.ErrNotKnown) {
			return Earlier{}, fmt.Errorf("which versions were deployed before could not be found out: %w", err)
		}
		tried = append(tried, fmt.Sprintf("%s: %s", source.name, strings.TrimPrefix(err.Error(), circleci.ErrNotKnown.Error()+": ")))
	}
	return Earlier{}, fmt.Errorf("%w:\n  %s", ErrNoneEarlier, strings.Join(tried, "\n  "))
}

// ErrNoneEarlier says that no source knows a version that was deployed before.
var ErrNoneEarlier = errors.New("no earlier version is known")

// older leaves out the current version and what contains it: a version that was rolled back once is no way back from the one before it.
func (f *finder) older(ctx context.Context, e *Earlier) error {
	var kept []Version
	for _, v := range e.Versions {
		if v.Commit == f.head {
			continue
		}
		if _, err := f.repo.Commit(ctx, v.Commit); err == nil { // else the clone is shallow, and what it ends before is older
			common, err := f.repo.MergeBase(ctx, f.head, v.Commit)
			if err != nil {
				return err
			}
			if common == f.head {
				e.Notes = append(e.Notes, fmt.Sprintf("%s is newer, and is left out", v.Short()))
				continue
			}
		}
		kept = append(kept, v)
	}
	e.Versions = kept
	return nil
}

// Short is the version's name, a commit's cut.
func (v Version) Short() string {
	if v.Name == v.Commit {
		return fmt.Sprintf("%.9s", v.Commit)
	}
	return v.Name
}

func (f *finder) earlierMarkers(ctx context.Context) (Earlier, error) {
	client, err := f.client()
	if err != nil {
		return Earlier{}, err
	}
	slug, err := f.project()
	if err != nil {
		return Earlier{}, err
	}
	versions, err := client.Versions(ctx, f.deploys(slug))
	if err != nil {
		return Earlier{}, err
	}
	var e Earlier
	for _, m := range versions {
		if m.Live && e.Live == nil {
			e.Live = &m
		}
		v := Version{Name: m.Version, Commit: m.Commit, Source: "circleci-deploy", PipelineID: m.PipelineID, WorkflowID: m.WorkflowID, Workflow: "that deployed " + m.Version, Marker: &m,
			Reason: fmt.Sprintf("version %s of %s was deployed to %s, %s, by CircleCI's deploy markers", m.Version, m.Component, m.Environment, m.At)}
		if named := f.version(ctx, m.Version, m.Commit); named != "" {
			v.Commit = named
		}
		switch {
		case v.Commit == "":
			e.Notes = append(e.Notes, fmt.Sprintf("version %s names no commit, and neither does its pipeline: it is left out", m.Version))
		case m.Status != "" && m.Status != "success":
			e.Notes = append(e.Notes, fmt.Sprintf("version %s is left out: the job that deployed it ended as %s", m.Version, m.Status))
		default:
			e.Versions = append(e.Versions, v)
		}
	}
	return e, nil
}

func (f *finder) earlierRuns(ctx context.Context) (Earlier, error) {
	client, err := f.client()
	if err != nil {
		return Earlier{}, err
	}
	slug, err := f.project()
	if err != nil {
		return Earlier{}, err
	}
	q, err := f.runs(ctx, slug)
	if err != nil {
		return Earlier{}, err
	}
	runs, underway, err := client.Successes(ctx, q, wantedCommits)
	if err != nil {
		return Earlier{}, err
	}
	var e Earlier
	source := "circleci-workflow"
	if q.Job != "" {
		source = "circleci-job"
	}
	for _, r := range runs {
		e.Versions = append(e.Versions, Version{Name: r.Commit, Commit: r.Commit, Source: source, PipelineID: r.PipelineID, WorkflowID: r.WorkflowID, Workflow: r.Workflow,
			Reason: fmt.Sprintf("the successful run of %s, pipeline %d of %s, %s", q, r.Pipeline, r.Stopped.UTC().Format("2006-01-02 15:04 UTC"), r.URL)})
	}
	for _, r := range underway {
		if r.Commit != f.head {
			e.Notes = append(e.Notes, fmt.Sprintf("a run of %s with %.9s (pipeline %d) is underway: it may replace what comes back", q, r.Commit, r.Pipeline))
		}
	}
	return e, nil
}

func (f *finder) earlierRefs(ctx context.Context) (Earlier, error) {
	refs, err := f.repo.Refs(ctx, f.Ref, f.head)
	if err != nil {
		return Earlier{}, err
	}
	if len(refs) == 0 {
		return Earlier{}, fmt.Errorf("%w: no tag or branch %s before this commit is in the clone; `git fetch --tags origin` brings those of origin", circleci.ErrNotKnown, f.Ref)
	}
	if !change.IsGlob(f.Ref) {
		refs = refs[:1]
	}
	var e Earlier
	for _, r := range refs[:min(len(refs), 50)] {
		e.Versions = append(e.Versions, Version{Name: r.Name, Commit: r.Commit, Source: "ref", Reason: fmt.Sprintf("%s of %s", r.Name, r.Time.Format(time.DateOnly))})
	}
	return e, nil
}
