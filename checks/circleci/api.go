package circleci

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Pipeline is one run of a project's configuration. Of its two forms the older (projects through GitHub OAuth and Bitbucket
// Cloud) has vcs, the newer (GitHub App, GitLab, Bitbucket Data Center) trigger_parameters.
type Pipeline struct {
	ID     string `json:"id"`
	Number int64  `json:"number"`
	Slug   string `json:"project_slug"`
	State  string `json:"state"` // of its creation: created | errored | setup-pending | setup | pending
	Errors []struct {
		Message string `json:"message"`
	} `json:"errors"`
	CreatedAt time.Time `json:"created_at"`
	Trigger   struct {
		Type  string `json:"type"` // webhook | api | schedule | explicit ...
		Actor struct {
			Login string `json:"login"`
		} `json:"actor"`
	} `json:"trigger"`
	VCS *struct {
		Revision string `json:"revision"`
		Branch   string `json:"branch"`
		Tag      string `json:"tag"`
		Origin   string `json:"origin_repository_url"`
		Target   string `json:"target_repository_url"`
	} `json:"vcs"`
	TriggerParameters *struct {
		Git *struct {
			CheckoutSHA string `json:"checkout_sha"`
			Branch      string `json:"branch"`
			Tag         string `json:"tag"`
		} `json:"git"`
	} `json:"trigger_parameters"`
}

// Commit is the id of the commit that the pipeline checks out; "" when the pipeline does not say.
func (p Pipeline) Commit() string {
	if p.VCS != nil && commitID.MatchString(p.VCS.Revision) {
		return p.VCS.Revision
	}
	if p.TriggerParameters != nil && p.TriggerParameters.Git != nil && commitID.MatchString(p.TriggerParameters.Git.CheckoutSHA) {
		return p.TriggerParameters.Git.CheckoutSHA
	}
	return ""
}

var commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Branch is the branch that the pipeline is for; "" for a tag's.
func (p Pipeline) Branch() string {
	switch {
	case p.VCS != nil:
		return p.VCS.Branch
	case p.TriggerParameters != nil && p.TriggerParameters.Git != nil:
		return p.TriggerParameters.Git.Branch
	}
	return ""
}

// Tag is the tag that the pipeline is for; "" for a branch's.
func (p Pipeline) Tag() string {
	switch {
	case p.VCS != nil:
		return p.VCS.Tag
	case p.TriggerParameters != nil && p.TriggerParameters.Git != nil:
		return p.TriggerParameters.Git.Tag
	}
	return ""
}

// Foreign tells that the code comes from another repository: a pull request of a fork.
func (p Pipeline) Foreign() bool {
	return p.VCS != nil && p.VCS.Origin != "" && p.VCS.Target != "" && p.VCS.Origin != p.VCS.Target
}

// workflow is a workflow of a pipeline; a rerun is a workflow of its own.
type workflow struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Status    string     `json:"status"` // success | running | not_run | failed | error | failing | on_hold | canceled | unauthorized
	CreatedAt time.Time  `json:"created_at"`
	StoppedAt *time.Time `json:"stopped_at"`

	StartedBy  string `json:"started_by"` // a user's id
	CanceledBy string `json:"canceled_by"`
	Tag        string `json:"tag"`               // setup | rerun-workflow-from-failed | rerun-workflow-from-start | rerun-single-job
	AutoRerun  int    `json:"auto_rerun_number"` // 0 = it is no automatic rerun
}

// job is a job of a workflow. In a rerun of what failed the jobs that had succeeded stand with their old times.
type job struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Number    int64      `json:"job_number"`
	Status    string     `json:"status"`
	Type      string     `json:"type"` // build | approval ...
	StoppedAt *time.Time `json:"stopped_at"`

	StartedAt  *time.Time `json:"started_at"`
	Requires   []string   `json:"dependencies"` // ids of jobs
	ApprovedBy string     `json:"approved_by"`  // a user's id
	CanceledBy string     `json:"canceled_by"`
}

// project is a project's ids.
type project struct {
	ID             string `json:"id"`
	Slug           string `json:"slug"`
	OrganizationID string `json:"organization_id"`
}

type component struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type environment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// version is a version of a component in an environment.
type version struct {
	Name           string `json:"name"`
	Namespace      string `json:"namespace"`
	IsLive         bool   `json:"is_live"`
	PipelineID     string `json:"pipeline_id"`
	WorkflowID     string `json:"workflow_id"`
	JobID          string `json:"job_id"`
	LastDeployedAt string `json:"last_deployed_at"`
}

// page is one page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_page_token"` // null on the last
}

// maxPages bounds every list, were it to lead in a circle.
const maxPages = 50

// pages gives a list page by page, until take wants no more.
func pages[T any](ctx context.Context, c *Client, about, path string, query url.Values, take func([]T) (more bool, err error)) error {
	if query == nil {
		query = url.Values{}
	}
	for range maxPages {
		var p page[T]
		if err := c.get(ctx, about, path, query, &p); err != nil {
			return err
		}
		more, err := take(p.Items)
		if err != nil || !more || p.Next == "" {
			return err
		}
		if p.Next == query.Get("page-token") {
			return &Error{Status: 200, Message: fmt.Sprintf("CircleCI's list of %s has no end: a page names itself as the next", about)}
		}
		query.Set("page-token", p.Next)
	}
	return nil
}

func all[T any](ctx context.Context, c *Client, about, path string, query url.Values) ([]T, error) {
	var list []T
	err := pages(ctx, c, about, path, query, func(items []T) (bool, error) {
		list = append(list, items...)
		return true, nil
	})
	return list, err
}

// slugPath is a project's slug as a path. Its parts are names or ids, three of them.
func slugPath(slug string) (string, error) {
	parts := strings.Split(slug, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" || parts[1] == ".." || parts[2] == ".." {
		return "", fmt.Errorf("the CircleCI project %q: expected gh/OWNER/NAME, bb/OWNER/NAME or circleci/ORGANIZATION-ID/PROJECT-ID", slug)
	}
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/"), nil
}

// pipelines gives the pipelines of a project, newest first. An empty branch means all.
func (c *Client) pipelines(ctx context.Context, slug, branch string, take func([]Pipeline) (bool, error)) error {
	path, err := slugPath(slug)
	if err != nil {
		return err
	}
	query := url.Values{}
	about := "the pipelines of " + slug
	if branch != "" {
		query.Set("branch", branch)
		about += " on " + branch
	}
	return pages(ctx, c, about, "/project/"+path+"/pipeline", query, take)
}

func (c *Client) pipeline(ctx context.Context, id string) (Pipeline, error) {
	var p Pipeline
	err := c.get(ctx, "pipeline "+id, "/pipeline/"+url.PathEscape(id), nil, &p)
	return p, err
}

func (c *Client) workflows(ctx context.Context, p Pipeline) ([]workflow, error) {
	return all[workflow](ctx, c, fmt.Sprintf("the workflows of pipeline %d", p.Number), "/pipeline/"+url.PathEscape(p.ID)+"/workflow", nil)
}

func (c *Client) jobs(ctx context.Context, w workflow) ([]job, error) {
	return all[job](ctx, c, "the jobs of workflow "+w.Name, "/workflow/"+url.PathEscape(w.ID)+"/job", nil)
}

func (c *Client) project(ctx context.Context, slug string) (project, error) {
	path, err := slugPath(slug)
	if err != nil {
		return project{}, err
	}
	var p project
	err = c.get(ctx, "the project "+slug, "/project/"+path, nil, &p)
	return p, err
}

func (c *Client) components(ctx context.Context, p project) ([]component, error) {
	return all[component](ctx, c, "the deploy components of "+p.Slug, "/deploy/components", url.Values{"org-id": {p.OrganizationID}, "project-id": {p.ID}})
}

func (c *Client) environments(ctx context.Context, p project) ([]environment, error) {
	return all[environment](ctx, c, "the deploy environments of the organization of "+p.Slug, "/deploy/environments", url.Values{"org-id": {p.OrganizationID}})
}

func (c *Client) versions(ctx context.Context, of component, in environment) ([]version, error) {
	return all[version](ctx, c, fmt.Sprintf("the versions of %s in %s", of.Name, in.Name),
		"/deploy/components/"+url.PathEscape(of.ID)+"/versions", url.Values{"environment-id": {in.ID}})
}
