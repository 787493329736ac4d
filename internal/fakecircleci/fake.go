// Package fakecircleci answers the calls of CircleCI's API v2 that pmcheck makes, in the form of its reference: with every
// member that is documented, in the forms of both kinds of projects.
package fakecircleci

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is the one that the server accepts.
const Token = "CCIPAT_fake"

// The ids of the one project.
const (
	Organization = "28fac8ae-f5ef-4cd1-8cf6-5d9b1c6f2f3e"
	Project      = "5034460f-c7c4-4c43-9457-de07e2029e7b"
)

// Server is a CircleCI with one project.
type Server struct {
	*httptest.Server
	Slug      string // gh/acme/orders
	PageSize  int
	Pipelines []Pipeline // newest first
	Deploys   []Deploy
	Users     map[string]string // logins by id
	Starts    Starts            // what becomes of what is started

	// Fault answers a call instead of the server when it returns true. It is asked before everything else.
	Fault func(w http.ResponseWriter, r *http.Request, call int) bool

	mu    sync.Mutex
	calls []string
	posts []Post
}

// Pipeline is a pipeline. App gives it the form of projects through the GitHub App.
type Pipeline struct {
	Number    int
	Commit    string
	Branch    string
	Tag       string
	App       bool
	Fork      bool
	Created   string // RFC 3339; "" = a second for each number
	Trigger   string // webhook | api | schedule ...; "" = webhook
	Actor     string // a login; "" = dev
	Workflows []Workflow

	started *started
}

// Workflow is a workflow of a pipeline.
type Workflow struct {
	Name   string
	Status string
	Stop   string // RFC 3339; "" = underway
	Jobs   []Job

	Created    string // RFC 3339; "" = the pipeline's
	Tag        string // setup | rerun-workflow-from-failed | rerun-workflow-from-start | rerun-single-job; "" = null
	AutoRerun  int    // the number of an automatic rerun; 0 = it is none
	StartedBy  string // a user's id; "" = Organization
	CanceledBy string
}

// Job is a job of a workflow.
type Job struct {
	Name, Status, Stop string

	ID         string   // "" = one of its own; a rerun has those of the jobs that it does not run again
	Start      string   // RFC 3339; "" = when the pipeline was made
	Type       string   // "" = build
	Requires   []string // names of jobs
	ApprovedBy string   // a user's id
	CanceledBy string
}

// Deploy is a version of a component that was deployed.
type Deploy struct {
	Component, Environment, Version, Namespace string
	Live                                       bool
	Pipeline                                   int
}

// New starts a server; the caller closes it.
func New(slug string) *Server {
	s := &Server{Slug: slug, PageSize: 20}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	return s
}

// Address is the address of API v2.
func (s *Server) Address() string { return s.Server.URL + "/api/v2" }

// Calls are the paths and queries that were asked for.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Set changes the server, for calls of other processes too.
func (s *Server) Set(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls = append(s.calls, r.URL.RequestURI())
	call := len(s.calls)
	s.mu.Unlock()
	if s.Fault != nil && s.Fault(w, r, call) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+Token {
		refuse(w, http.StatusUnauthorized, "You must log in first.")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v2")
	if ok && r.Method == http.MethodPost {
		s.post(w, r, path)
		return
	}
	if !ok || r.Method != http.MethodGet {
		refuse(w, http.StatusNotFound, "Not found.")
		return
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/project/"+s.Slug:
		write(w, s.project())
	case path == "/project/"+s.Slug+"/pipeline":
		s.list(w, r, s.pipelines(r.URL.Query().Get("branch")))
	case len(parts) == 2 && parts[0] == "pipeline":
		if p, ok := s.find(parts[1]); ok {
			write(w, s.pipeline(p))
			return
		}
		refuse(w, http.StatusNotFound, "Pipeline not found")
	case len(parts) == 3 && parts[0] == "pipeline" && parts[2] == "workflow":
		p, ok := s.find(parts[1])
		if !ok {
			refuse(w, http.StatusNotFound, "Pipeline not found")
			return
		}
		var items []any
		s.advance(p)
		for i, workflow := range p.current() {
			items = append(items, s.workflow(p, i, workflow))
		}
		s.list(w, r, items)
	case len(parts) == 3 && parts[0] == "workflow" && parts[2] == "job":
		s.list(w, r, s.jobs(parts[1]))
	case path == "/deploy/components" && r.URL.Query().Get("org-id") == Organization && r.URL.Query().Get("project-id") == Project:
		s.list(w, r, s.named("component", func(d Deploy) string { return d.Component }))
	case path == "/deploy/environments" && r.URL.Query().Get("org-id") == Organization:
		s.list(w, r, s.named("environment", func(d Deploy) string { return d.Environment }))
	case len(parts) == 2 && parts[0] == "user":
		login, ok := s.Users[parts[1]]
		if !ok {
			refuse(w, http.StatusNotFound, "Not found")
			return
		}
		write(w, map[string]any{"id": parts[1], "login": login, "name": login})
	case len(parts) == 4 && parts[1] == "components" && parts[3] == "versions":
		s.list(w, r, s.versions(parts[2], r.URL.Query().Get("environment-id")))
	default:
		refuse(w, http.StatusNotFound, "Project not found")
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message": %q}`, message)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

// list answers with one page; a page's token is where it begins.
func (s *Server) list(w http.ResponseWriter, r *http.Request, items []any) {
	from, _ := strconv.Atoi(r.URL.Query().Get("page-token"))
	from = min(max(from, 0), len(items))
	to := min(from+s.PageSize, len(items))
	var next any
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	write(w, map[string]any{"items": append([]any{}, items[from:to]...), "next_page_token": next})
}

func id(kind byte, n, m int) string {
	return fmt.Sprintf("%c0000000-0000-4000-8000-%06d%06d", kind, n, m)
}

func (s *Server) find(pipeline string) (Pipeline, bool) {
	at := slices.IndexFunc(s.Pipelines, func(p Pipeline) bool { return id('a', p.Number, 0) == pipeline })
	if at < 0 {
		return Pipeline{}, false
	}
	return s.Pipelines[at], true
}

func (s *Server) project() map[string]any {
	parts := strings.Split(s.Slug, "/")
	return map[string]any{
		"slug": s.Slug, "name": parts[2], "id": Project, "organization_name": parts[1], "organization_slug": parts[0] + "/" + parts[1],
		"organization_id": Organization,
		"vcs_info":        map[string]any{"vcs_url": "https://github.com/" + parts[1] + "/" + parts[2], "provider": "GitHub", "default_branch": "main"},
	}
}

func (s *Server) pipelines(branch string) []any {
	var items []any
	for _, p := range s.Pipelines {
		if branch == "" || p.Branch == branch {
			items = append(items, s.pipeline(p))
		}
	}
	return items
}

// created is when a pipeline was made.
func created(p Pipeline) string {
	if p.Created != "" {
		return p.Created
	}
	return time.Date(2026, 11, 1, 12, 0, p.Number, 0, time.UTC).Format(time.RFC3339)
}

func (s *Server) pipeline(p Pipeline) map[string]any {
	out := map[string]any{
		"id": id('a', p.Number, 0), "errors": []any{}, "project_slug": s.Slug, "updated_at": created(p), "number": p.Number, "state": "created",
		"created_at": created(p),
		"trigger": map[string]any{
			"type": cmp.Or(p.Trigger, "webhook"), "received_at": created(p), "actor": map[string]any{"login": cmp.Or(p.Actor, "dev"), "avatar_url": nil},
		},
	}
	if p.started != nil && len(p.Workflows) == 0 {
		if out["state"] = p.started.State; p.started.State == "" {
			out["state"] = "created"
		}
		errors := []any{}
		for _, message := range p.started.Errors {
			errors = append(errors, map[string]any{"type": "config", "message": message})
		}
		out["errors"] = errors
	}
	if p.App {
		git := map[string]any{"checkout_sha": p.Commit, "checkout_url": "https://github.com/acme/orders.git", "ref": "refs/heads/" + p.Branch, "branch": p.Branch}
		if p.Tag != "" {
			git["ref"], git["tag"] = "refs/tags/"+p.Tag, p.Tag
			delete(git, "branch")
		}
		out["trigger_parameters"] = map[string]any{
			"circleci": map[string]any{"event_time": created(p), "event_type": "push", "trigger_type": "github_app", "actor_id": Organization}, "git": git,
		}
		return out
	}
	target := "https://github.com/acme/orders"
	origin := target
	if p.Fork {
		origin = "https://github.com/stranger/orders"
	}
	vcs := map[string]any{
		"provider_name": "GitHub", "target_repository_url": target, "origin_repository_url": origin, "revision": p.Commit,
		"commit": map[string]any{"subject": "a commit", "body": nil},
	}
	if p.Tag != "" {
		vcs["tag"] = p.Tag
	} else {
		vcs["branch"] = p.Branch
	}
	out["vcs"] = vcs
	return out
}

func orNull(time string) any {
	if time == "" {
		return nil
	}
	return time
}

func (s *Server) workflow(p Pipeline, i int, w Workflow) map[string]any {
	out := map[string]any{
		"pipeline_id": id('a', p.Number, 0), "id": id('b', p.Number, i), "name": w.Name, "project_slug": s.Slug, "status": w.Status,
		"started_by": cmp.Or(w.StartedBy, Organization), "pipeline_number": p.Number, "created_at": cmp.Or(w.Created, created(p)), "stopped_at": orNull(w.Stop), "tag": orNull(w.Tag),
	}
	if w.AutoRerun > 0 {
		out["auto_rerun_number"], out["max_auto_reruns"] = w.AutoRerun, 5
	}
	if w.CanceledBy != "" {
		out["canceled_by"] = w.CanceledBy
	}
	return out
}

func (s *Server) jobs(workflow string) []any {
	var items []any
	for _, p := range s.Pipelines {
		for i, w := range p.current() {
			if id('b', p.Number, i) != workflow {
				continue
			}
			ids := map[string]string{}
			for n, j := range w.Jobs {
				ids[j.Name] = cmp.Or(j.ID, id('c', p.Number, 1000*i+n))
			}
			for n, j := range w.Jobs {
				needs := []any{}
				for _, name := range j.Requires {
					needs = append(needs, ids[name])
				}
				job := map[string]any{
					"dependencies": needs, "id": ids[j.Name], "started_at": cmp.Or(j.Start, cmp.Or(w.Created, created(p))), "name": j.Name,
					"project_slug": s.Slug, "status": j.Status, "type": cmp.Or(j.Type, "build"), "stopped_at": orNull(j.Stop),
				}
				if j.Type == "approval" {
					job["approval_request_id"] = ids[j.Name]
				} else {
					job["job_number"] = 1000*p.Number + 100*i + n
				}
				for member, user := range map[string]string{"approved_by": j.ApprovedBy, "canceled_by": j.CanceledBy} {
					if user != "" {
						job[member] = user
					}
				}
				items = append(items, job)
			}
		}
	}
	return items
}

// names are the distinct names of what was deployed, in order.
func (s *Server) names(of func(Deploy) string) []string {
	var names []string
	for _, d := range s.Deploys {
		if !slices.Contains(names, of(d)) {
			names = append(names, of(d))
		}
	}
	return names
}

func (s *Server) named(kind string, of func(Deploy) string) []any {
	var items []any
	for i, name := range s.names(of) {
		items = append(items, map[string]any{
			"id": id(kind[0], i, 0), "project_id": Project, "name": name, "release_count": 1, "labels": []any{},
			"created_at": "2026-11-01T12:00:00Z", "updated_at": "2026-11-01T12:00:00Z",
		})
	}
	return items
}

func (s *Server) versions(component, environment string) []any {
	var items []any
	components, environments := s.names(func(d Deploy) string { return d.Component }), s.names(func(d Deploy) string { return d.Environment })
	for _, d := range s.Deploys {
		if id('c', slices.Index(components, d.Component), 0) != component || id('e', slices.Index(environments, d.Environment), 0) != environment {
			continue
		}
		items = append(items, map[string]any{
			"name": d.Version, "namespace": d.Namespace, "environment_id": environment, "is_live": d.Live, "pipeline_id": id('a', d.Pipeline, 0),
			"workflow_id": id('b', d.Pipeline, 0), "job_id": id('c', d.Pipeline, 0), "job_number": 100 * d.Pipeline, "last_deployed_at": "2026-11-01T12:00:00Z",
		})
	}
	return items
}
