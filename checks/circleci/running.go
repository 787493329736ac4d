package circleci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrNotKnown says that CircleCI answered, and has nothing of the kind that was asked for.
var ErrNotKnown = errors.New("not known to CircleCI")

const (
	// maxPipelines is how far back a successful deploy is looked for.
	maxPipelines = 250
	// alsoLookedAt is how many pipelines before the newest successful one are asked too: a deploy of an older one that was run
	// again later is a rollback, and what it deployed is what runs.
	alsoLookedAt = 20
	atOnce       = 6 // calls
)

// Query names the runs that deploy.
type Query struct {
	Project  string // the slug, gh/OWNER/NAME
	Branch   string // "" = of all branches and tags
	Job      string // the job that deploys; "" = the whole workflow
	Workflow string // "" = of any workflow; one of the two is needed

	Before time.Time // only runs that ended before; zero = all
}

func (q Query) String() string {
	what := "workflow " + q.Workflow
	if q.Job != "" {
		if what = "job " + q.Job; q.Workflow != "" {
			what += " of workflow " + q.Workflow
		}
	}
	if q.Branch != "" {
		what += " on " + q.Branch
	}
	return what
}

// Run is a run of the job or workflow that deploys.
type Run struct {
	Commit     string
	Pipeline   int64
	PipelineID string
	WorkflowID string
	Workflow   string
	Job        string // "" for a workflow as a whole
	Status     string
	URL        string
	Started    time.Time
	Stopped    time.Time // zero while it is underway
}

// LastSuccess is the successful run that ended last, and those after it that did not succeed or are underway, newest first:
// what they deployed, in part or whole, is not known. It is ErrNotKnown that nothing succeeded.
func (c *Client) LastSuccess(ctx context.Context, q Query) (last Run, later []Run, err error) {
	runs, err := c.lookBack(ctx, q, func(_ []Run, before int) bool { return before >= alsoLookedAt })
	if err != nil {
		return Run{}, nil, err
	}
	for _, r := range runs {
		if succeeded(r) && r.Stopped.After(last.Stopped) {
			last = r
		}
	}
	if last.Commit == "" {
		return Run{}, nil, fmt.Errorf("the last successful run of %s, in pipeline %d, does not say which commit it deployed", q, last.Pipeline)
	}
	for _, r := range runs {
		if !succeeded(r) && r.Commit != "" && r.Commit != last.Commit && (r.Stopped.IsZero() || r.Stopped.After(last.Stopped)) {
			later = append(later, r)
		}
	}
	return last, later, nil
}

// Successes are the successful runs of as many commits, if there are so many, the one that ended last first, of a commit that
// was deployed several times the last; and those that are underway. It is ErrNotKnown that nothing succeeded.
func (c *Client) Successes(ctx context.Context, q Query, commits int) (runs, underway []Run, err error) {
	all, err := c.lookBack(ctx, q, func(runs []Run, before int) bool {
		return before >= alsoLookedAt && len(newestOfEach(runs)) >= commits
	})
	for _, r := range all {
		if r.Stopped.IsZero() {
			underway = append(underway, r)
		}
	}
	return newestOfEach(all), underway, err
}

// newestOfEach are the successful runs, one for each commit, the one that ended last first.
func newestOfEach(runs []Run) []Run {
	var out []Run
	for _, r := range runs {
		if succeeded(r) && r.Commit != "" {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Run) int { return b.Stopped.Compare(a.Stopped) })
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(r Run) bool {
		had := seen[r.Commit]
		seen[r.Commit] = true
		return had
	})
}

// lookBack gives the runs of pipelines, newest pipelines first, until there are enough: of those that were found, and with how
// many pipelines before that of the newest success were looked at, -1 for no success yet. It is ErrNotKnown that nothing succeeded.
func (c *Client) lookBack(ctx context.Context, q Query, enough func(runs []Run, before int) bool) ([]Run, error) {
	if q.Job == "" && q.Workflow == "" {
		return nil, errors.New("name the job or the workflow that deploys")
	}
	var runs []Run
	names := map[string]bool{} // of what was seen, for who misspelt one
	seen, before := 0, -1      // pipelines, and those before the newest success
	err := c.pipelines(ctx, q.Project, q.Branch, func(pipelines []Pipeline) (bool, error) {
		pipelines = slices.DeleteFunc(pipelines, func(p Pipeline) bool {
			return p.Foreign() || q.Branch != "" && p.Branch() != "" && p.Branch() != q.Branch || !q.Before.IsZero() && !p.CreatedAt.Before(q.Before)
		})
		found := make([]found, len(pipelines))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for i, p := range pipelines {
			group.Go(func() (err error) {
				found[i], err = c.runs(ctx, p, q)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return false, err
		}
		for _, f := range found {
			seen++
			if !q.Before.IsZero() {
				f.runs = slices.DeleteFunc(f.runs, func(r Run) bool { return r.Stopped.IsZero() || !r.Stopped.Before(q.Before) })
			}
			runs = append(runs, f.runs...)
			for _, name := range f.names {
				names[name] = true
			}
			if before >= 0 {
				before++
			} else if slices.ContainsFunc(f.runs, succeeded) {
				before = 0
			}
		}
		return seen < maxPipelines && !enough(runs, before), nil
	})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(runs, succeeded) {
		return nil, fmt.Errorf("%w: no successful run of %s in the last %d pipelines of %s%s", ErrNotKnown, q, seen, q.Project, others(q, names))
	}
	return runs, nil
}

// others names what was seen when what was asked for was not.
func others(q Query, names map[string]bool) string {
	what, asked := "jobs", q.Job
	if asked == "" {
		what, asked = "workflows", q.Workflow
	}
	if len(names) == 0 || names[asked] {
		return ""
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	rest := ""
	if len(list) > 10 {
		list, rest = list[:10], " ..."
	}
	return fmt.Sprintf("; the %s there are %s%s", what, strings.Join(list, ", "), rest)
}

func succeeded(r Run) bool { return r.Status == "success" && !r.Stopped.IsZero() }

// found is what one pipeline has.
type found struct {
	runs  []Run
	names []string
}

// runs are the runs of a pipeline that began: one that waits, was skipped or may not run deployed nothing.
func (c *Client) runs(ctx context.Context, p Pipeline, q Query) (found, error) {
	var out found
	workflows, err := c.workflows(ctx, p)
	if err != nil {
		return out, err
	}
	for _, w := range workflows {
		run := Run{Commit: p.Commit(), Pipeline: p.Number, PipelineID: p.ID, WorkflowID: w.ID, Workflow: w.Name, URL: pageOf(p, w)}
		if q.Job == "" {
			out.names = append(out.names, w.Name)
			if w.Name == q.Workflow && began(w.Status) {
				run.Status, run.Started, run.Stopped = w.Status, w.CreatedAt, at(w.StoppedAt)
				out.runs = append(out.runs, run)
			}
			continue
		}
		if q.Workflow != "" && w.Name != q.Workflow {
			continue
		}
		jobs, err := c.jobs(ctx, w)
		if err != nil {
			return out, err
		}
		for _, j := range jobs {
			out.names = append(out.names, j.Name)
			if j.Name == q.Job && began(j.Status) {
				run.Job, run.Status, run.Started, run.Stopped = j.Name, j.Status, at(j.StartedAt), at(j.StoppedAt)
				out.runs = append(out.runs, run)
			}
		}
	}
	return out, nil
}

func began(status string) bool {
	switch status {
	case "success", "running", "failed", "failing", "error", "canceled", "timedout", "infrastructure_fail", "terminated-unknown":
		return true
	}
	return false
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// pageOf is a workflow's page in CircleCI's web application.
func pageOf(p Pipeline, w workflow) string {
	host, rest, _ := strings.Cut(p.Slug, "/")
	switch host {
	case "gh":
		host = "github"
	case "bb":
		host = "bitbucket"
	}
	return fmt.Sprintf("https://app.circleci.com/pipelines/%s/%s/%d/workflows/%s", url.PathEscape(host), rest, p.Number, url.PathEscape(w.ID))
}

// DeployQuery names a component in an environment, as deploy markers do (`circleci run release plan --component-name
// --environment-name`).
type DeployQuery struct {
	Project        string // the slug
	ProjectID      string // found by the slug when one of the ids is ""
	OrganizationID string
	Environment    string // "" = the only one
	Component      string // "" = the project's only one
}

// Deployment is the version of a component that is live.
type Deployment struct {
	Version     string // the marker's target version: often a tag or a commit
	Commit      string // of the pipeline that deployed it; "" when it does not say
	Pipeline    int64
	Component   string
	Environment string
	At          string // when, as CircleCI gives it
}

// Live is what runs by CircleCI's deploy markers. It is ErrNotKnown that no version is live. The calls are those that
// CircleCI's own MCP server makes (mcp-server-circleci, src/clients/circleci/deploys.ts); API v2's reference does not list them.
func (c *Client) Live(ctx context.Context, q DeployQuery) (Deployment, error) {
	in, err := c.markers(ctx, q)
	if err != nil {
		return Deployment{}, err
	}
	versions := slices.DeleteFunc(in.versions, func(v version) bool { return !v.IsLive })
	if len(versions) == 0 {
		return Deployment{}, fmt.Errorf("%w: no version of %s is live in %s by the deploy markers", ErrNotKnown, in.component, in.environment)
	}
	for _, v := range versions[1:] {
		if v.Name != versions[0].Name {
			return Deployment{}, fmt.Errorf("two versions of %s are live in %s, %s (namespace %s) and %s (namespace %s): name the older one's commit with --base",
				in.component, in.environment, versions[0].Name, versions[0].Namespace, v.Name, v.Namespace)
		}
	}
	live := Deployment{Version: versions[0].Name, Component: in.component, Environment: in.environment, At: versions[0].LastDeployedAt}
	if versions[0].PipelineID != "" {
		p, err := c.pipeline(ctx, versions[0].PipelineID)
		if err != nil {
			return Deployment{}, err
		}
		live.Commit, live.Pipeline = p.Commit(), p.Number
	}
	return live, nil
}

// deployMarkers are the versions of a component in an environment.
type deployMarkers struct {
	project, component, environment string // the project's id, and the others' names
	versions                        []version
}

func (c *Client) markers(ctx context.Context, q DeployQuery) (deployMarkers, error) {
	in := project{ID: q.ProjectID, OrganizationID: q.OrganizationID, Slug: cmp.Or(q.Project, "project "+q.ProjectID)}
	if in.ID == "" || in.OrganizationID == "" {
		var err error
		if in, err = c.project(ctx, q.Project); err != nil {
			return deployMarkers{}, err
		}
	}
	var components []component
	var environments []environment
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { components, err = c.components(groupCtx, in); return err })
	group.Go(func() (err error) { environments, err = c.environments(groupCtx, in); return err })
	if err := group.Wait(); err != nil {
		return deployMarkers{}, err
	}
	of, err := choose("component", "--deploy-component", q.Component, components, func(c component) string { return c.Name })
	if err != nil {
		return deployMarkers{}, err
	}
	there, err := choose("environment", "--deploy-environment", q.Environment, environments, func(e environment) string { return e.Name })
	if err != nil {
		return deployMarkers{}, err
	}
	versions, err := c.versions(ctx, of, there)
	return deployMarkers{project: in.ID, component: of.Name, environment: there.Name, versions: versions}, err
}

// choose finds the one of a name, or the only one.
func choose[T any](what, flag, name string, list []T, nameOf func(T) string) (T, error) {
	var none T
	var names []string
	for _, item := range list {
		if nameOf(item) == name {
			return item, nil
		}
		names = append(names, nameOf(item))
	}
	switch {
	case len(list) == 0:
		return none, fmt.Errorf("%w: there is no deploy %s yet; a job makes them with `circleci run release plan`", ErrNotKnown, what)
	case name != "":
		return none, fmt.Errorf("there is no deploy %s %q; there are %s", what, name, strings.Join(names, ", "))
	case len(list) > 1:
		return none, fmt.Errorf("there are several deploy %ss, %s: choose one with %s", what, strings.Join(names, ", "), flag)
	}
	return list[0], nil
}
