// Package running finds the commit that is running, with which a check before a deploy compares: by CircleCI's deploy
// markers, by the last successful run of a job or workflow, or by a git ref.
package running

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/config"
)

// Base is a commit to compare with, and how it was found.
type Base struct {
	Revision string // a commit, or a revision of the repository
	Source   string // circleci-deploy | circleci-job | circleci-workflow | ref
	Reason   string // a sentence's part: "the last successful run of job deploy on main, ..."
	Notes    []string
}

// Sources say where to look. What is empty is not looked at.
type Sources struct {
	config.Deploy        // Order is not used
	URL           string // of CircleCI's API v2; "" is CircleCI's cloud
	TokenEnv      string // the environment variable that holds the token; "" is CIRCLE_TOKEN
}

// ErrUnknown says that what is running is not known.
var ErrUnknown = errors.New("what is running is not known, so nothing was judged")

// patience is how long CircleCI may be asked, all calls together.
const patience = 2 * time.Minute

// Configured fills what the sources leave open with what the configuration at a revision says. It is the revision that goes
// out: before a deploy all of it is merged, and the job that runs the check is of that revision too.
func Configured(ctx context.Context, repo *change.Repo, revision, path string, s Sources) (Sources, error) {
	content, err := repo.ReadFile(ctx, revision, path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	c, err := config.Parse(path, content, config.Known{})
	if err != nil {
		return s, err
	}
	if s.Ref == "" && s.Job == "" && s.Workflow == "" && s.Environment == "" && s.Component == "" { // flags name one way: the file's others are not mixed in
		s.Ref, s.Job, s.Workflow, s.Environment, s.Component = c.Deploy.Ref, c.Deploy.Job, c.Deploy.Workflow, c.Deploy.Environment, c.Deploy.Component
	}
	s.Project, s.Branch = cmp.Or(s.Project, c.Deploy.Project), cmp.Or(s.Branch, c.Deploy.Branch)
	return s, nil
}

// Find finds what is running before head is deployed: by the deploy markers when an environment or component is named, else by
// the job or workflow that is named, else by the ref. A source that knows nothing is passed over; one that fails ends the
// search, since another might name a commit that no longer runs. The error is ErrUnknown when no source knows.
func Find(ctx context.Context, repo *change.Repo, head string, s Sources, getenv func(string) string) (Base, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("all calls together may take %s", patience))
	defer cancel()
	commit, err := repo.Commit(ctx, head)
	if err != nil {
		return Base{}, err
	}
	f := &finder{repo: repo, head: commit, Sources: s, getenv: getenv}
	var tried []string
	for _, source := range []struct {
		name, ask string
		asked     bool
		find      func(context.Context) (Base, error)
	}{
		{"CircleCI's deploy markers", "--deploy-environment and --deploy-component", s.Environment != "" || s.Component != "", f.marker},
		{"the last successful deploy in CircleCI", "--deploy-job or --deploy-workflow", s.Job != "" || s.Workflow != "", f.run},
		{"a git tag or branch", "--deployed-ref, as 'v*' or deploy/production", s.Ref != "", f.ref},
	} {
		if !source.asked {
			tried = append(tried, fmt.Sprintf("%s: not asked; name it with %s", source.name, source.ask))
			continue
		}
		base, err := source.find(ctx)
		if err == nil {
			return base, nil
		}
		if !errors.Is(err, circleci.ErrNotKnown) {
			return Base{}, fmt.Errorf("what is running could not be found out, so nothing was judged: %w; --base COMMIT names it without asking", err)
		}
		tried = append(tried, fmt.Sprintf("%s: %s", source.name, strings.TrimPrefix(err.Error(), circleci.ErrNotKnown.Error()+": ")))
	}
	return Base{}, fmt.Errorf("%w:\n  %s\nName it with --base COMMIT, with one of these flags, or under deploy: in .pmcheck.yml", ErrUnknown, strings.Join(tried, "\n  "))
}

type finder struct {
	repo *change.Repo
	head string
	Sources
	getenv func(string) string
}

func (f *finder) client() (*circleci.Client, error) { return f.Client(f.getenv) }

// Client makes calls to CircleCI with the token that the sources name.
func (s Sources) Client(getenv func(string) string) (*circleci.Client, error) {
	name := cmp.Or(s.TokenEnv, "CIRCLE_TOKEN")
	return circleci.New(s.URL, getenv(name), name)
}

func (f *finder) project() (string, error) { return Project(f.repo, f.Sources, f.getenv) }

// Project is the slug at CircleCI: as the sources name it, as the environment of a CircleCI job has it, or as a project of the
// remote is called that came through GitHub OAuth.
func Project(repo *change.Repo, s Sources, getenv func(string) string) (string, error) {
	if s.Project != "" {
		return s.Project, nil
	}
	owner, name := getenv("CIRCLE_PROJECT_USERNAME"), getenv("CIRCLE_PROJECT_REPONAME")
	switch url := getenv("CIRCLE_REPOSITORY_URL"); { // set for GitHub OAuth and Bitbucket Cloud alone
	case owner != "" && name != "" && strings.Contains(url, "bitbucket.org"):
		return "bb/" + owner + "/" + name, nil
	case owner != "" && name != "" && url != "":
		return "gh/" + owner + "/" + name, nil
	}
	if organization, project := getenv("CIRCLE_ORGANIZATION_ID"), getenv("CIRCLE_PROJECT_ID"); organization != "" && project != "" {
		return "circleci/" + organization + "/" + project, nil
	}
	if of := repo.Repository(); strings.Count(of, "/") == 1 {
		return "gh/" + of, nil
	}
	return "", errors.New("which CircleCI project this is cannot be told: name it with --circleci-project gh/OWNER/NAME")
}

func (f *finder) marker(ctx context.Context) (Base, error) {
	client, err := f.client()
	if err != nil {
		return Base{}, err
	}
	slug, err := f.project()
	if err != nil {
		return Base{}, err
	}
	live, err := client.Live(ctx, f.deploys(slug))
	if err != nil {
		return Base{}, err
	}
	base := Base{Revision: live.Commit, Source: "circleci-deploy",
		Reason: fmt.Sprintf("version %s of %s is live in %s by CircleCI's deploy markers", live.Version, live.Component, live.Environment)}
	// A rollback's pipeline may check out another commit than the one that it brings back: the version's own name is surer.
	if named := f.version(ctx, live.Version, live.Commit); named != "" {
		base.Revision = named
	}
	if base.Revision == "" {
		return Base{}, fmt.Errorf("%s, and neither names a commit: the version is no tag of this clone and no commit, pipeline %d does not say which it checked out", base.Reason, live.Pipeline)
	}
	if live.Pipeline > 0 {
		base.Reason += fmt.Sprintf(" (pipeline %d)", live.Pipeline)
	}
	return base, nil
}

func (f *finder) deploys(slug string) circleci.DeployQuery {
	q := circleci.DeployQuery{Project: slug, Environment: f.Environment, Component: f.Component}
	if f.Project == "" {
		q.ProjectID, q.OrganizationID = f.getenv("CIRCLE_PROJECT_ID"), f.getenv("CIRCLE_ORGANIZATION_ID")
	}
	return q
}

var shortID = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// version is the commit that a version's name means: a tag, or a commit's id; "" when it is neither.
func (f *finder) version(ctx context.Context, name, deployed string) string {
	if ref, ok, err := f.repo.FindRef(ctx, "refs/tags/"+name, f.head); err == nil && ok && !change.IsGlob(name) {
		return ref.Commit
	}
	if !shortID.MatchString(name) || deployed != "" && strings.HasPrefix(deployed, name) {
		return ""
	}
	if id, err := f.repo.Commit(ctx, name); err == nil {
		return id
	}
	if len(name) == 40 || len(name) == 64 {
		return name
	}
	return ""
}

func (f *finder) run(ctx context.Context) (Base, error) {
	client, err := f.client()
	if err != nil {
		return Base{}, err
	}
	slug, err := f.project()
	if err != nil {
		return Base{}, err
	}
	q, err := f.runs(ctx, slug)
	if err != nil {
		return Base{}, err
	}
	last, later, err := client.LastSuccess(ctx, q)
	if err != nil {
		return Base{}, err
	}
	base := Base{Revision: last.Commit, Source: "circleci-workflow",
		Reason: fmt.Sprintf("the last successful run of %s, pipeline %d of %s, %s", q, last.Pipeline, last.Stopped.UTC().Format("2006-01-02 15:04 UTC"), last.URL)}
	if q.Job != "" {
		base.Source = "circleci-job"
	}
	for i, r := range later {
		if i == 3 {
			base.Notes = append(base.Notes, fmt.Sprintf("and %d more runs after it did not succeed", len(later)-i))
			break
		}
		if r.Commit == f.head { // this deploy's own earlier try
			continue
		}
		state := "is underway"
		if !r.Stopped.IsZero() {
			state = "ended later as " + r.Status
		}
		base.Notes = append(base.Notes, fmt.Sprintf("a run of it with %.9s (pipeline %d) %s: if a part of that is out, compare with it too, by --base %.9s", r.Commit, r.Pipeline, state, r.Commit))
	}
	return base, nil
}

func (f *finder) runs(ctx context.Context, slug string) (q circleci.Query, err error) {
	q = circleci.Query{Project: slug, Branch: cmp.Or(f.Branch, f.getenv("CIRCLE_BRANCH")), Job: f.Job, Workflow: f.Workflow}
	if q.Branch == "" && f.getenv("CIRCLE_TAG") == "" { // a tag's pipelines are on no branch
		_, q.Branch, err = f.repo.DefaultBranch(ctx)
	}
	return q, err
}

func (f *finder) ref(ctx context.Context) (Base, error) {
	ref, ok, err := f.repo.FindRef(ctx, f.Ref, f.head)
	if err != nil {
		return Base{}, err
	}
	glob := change.IsGlob(f.Ref)
	switch {
	case !ok && glob:
		return Base{}, fmt.Errorf("%w: no tag %s before this commit is in the clone; `git fetch --tags` brings those of origin", circleci.ErrNotKnown, f.Ref)
	case !ok:
		return Base{}, fmt.Errorf("%w: no tag or branch %s is in the clone; `git fetch --tags origin` brings those of origin", circleci.ErrNotKnown, f.Ref)
	case glob:
		return Base{Revision: ref.Commit, Source: "ref", Reason: fmt.Sprintf("%s of %s is the newest tag %s that this commit contains", ref.Name, ref.Time.Format(time.DateOnly), f.Ref)}, nil
	}
	return Base{Revision: ref.Commit, Source: "ref", Reason: ref.Name + " stands there"}, nil
}
