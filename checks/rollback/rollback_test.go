package rollback

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/running"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

func TestMain(m *testing.M) {
	status := pgtest.Main(m)
	os.RemoveAll(made.dir)
	os.Exit(status)
}

// made is a service whose repository is made once, for all tests that only read it.
var made struct {
	sync.Once
	service
}

// service is a repository of a service whose queries stand in a file, as sqlc has them. Its releases:
//
//	v1  reads customers.legacy_name
//	v2  reads full_name, which it adds; nothing reads legacy_name any more
//	v3  drops legacy_name
//	v4  has a bug
type service struct {
	dir     string
	commits map[string]string
	ci      *fakecircleci.Server
	said    []string
}

var releases = []struct{ tag, title, queries, migration string }{
	{"v1", "Customers (#1)", "-- name: ByID :one\nSELECT id, legacy_name FROM customers WHERE id = $1;\n\n-- name: Rename :exec\nUPDATE customers SET legacy_name = 'x' WHERE id = $1;\n",
		"CREATE TABLE customers (id bigint PRIMARY KEY, legacy_name text);\nINSERT INTO customers VALUES (1, 'a');\n"},
	{"v2", "Full names (#2)", "-- name: ByID :one\nSELECT id, full_name FROM customers WHERE id = $1;\n\n-- name: Rename :exec\nUPDATE customers SET full_name = 'x' WHERE id = $1;\n",
		"ALTER TABLE customers ADD COLUMN full_name text;\n"},
	{"v3", "Drop the legacy name (#3)", "", "-- nobody reads it\nALTER TABLE customers DROP COLUMN legacy_name;\n"},
	{"v4", "Be quick (#4)", "", ""},
}

func newService(t *testing.T) *service {
	t.Helper()
	made.Do(func() {
		var err error
		if made.dir, err = os.MkdirTemp("", "rollback-"); err != nil {
			t.Fatal(err)
		}
		made.commits = map[string]string{}
		made.releases(t)
	})
	s := &service{dir: made.dir, commits: made.commits}
	s.ci = fakecircleci.New("gh/acme/orders")
	t.Cleanup(s.ci.Close)
	for i, r := range slices.Backward(releases) {
		stop := fmt.Sprintf("2026-11-30T14:%d0:00Z", i+1)
		s.ci.Pipelines = append(s.ci.Pipelines, fakecircleci.Pipeline{Number: i + 1, Commit: s.commits[r.tag], Branch: "main", App: i%2 == 0, Workflows: []fakecircleci.Workflow{
			{Name: "release", Status: "success", Stop: stop, Jobs: []fakecircleci.Job{{Name: "deploy", Status: "success", Stop: stop}}},
		}})
		s.ci.Deploys = append(s.ci.Deploys, fakecircleci.Deploy{Component: "orders", Environment: "production", Version: r.tag, Namespace: "default", Live: r.tag == "v4", Pipeline: i + 1})
	}
	s.ci.Starts.Stages = [][]fakecircleci.Workflow{nil, s.workflow("running"), s.workflow("success")}
	s.ci.Starts.Parameters = []string{"to", "rollback"}
	return s
}

// copied has the service's repository for itself, to change it.
func (s *service) copied(t *testing.T) *service {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	s.dir = dir
	return s
}

// releases makes the commits and their tags.
func (s *service) releases(t *testing.T) {
	t.Helper()
	s.git(t, "init", "-q", "-b", "main")
	s.git(t, "remote", "add", "origin", "git@github.com:acme/orders.git")
	s.write(t, "sqlc.yaml", "version: \"2\"\nsql:\n  - engine: postgresql\n    queries: queries\n    schema: migrations\n")
	for i, r := range releases {
		if r.queries != "" {
			s.write(t, "queries/customers.sql", r.queries)
		}
		if r.migration != "" {
			s.write(t, fmt.Sprintf("migrations/%04d_m.up.sql", i+1), r.migration)
			s.write(t, fmt.Sprintf("migrations/%04d_m.down.sql", i+1), "SELECT 1;\n")
		}
		s.git(t, "add", "-A")
		s.git(t, "commit", "-q", "--allow-empty", "-m", r.title)
		s.git(t, "tag", r.tag)
		s.commits[r.tag] = s.git(t, "rev-parse", "HEAD")
	}
}

func (s *service) workflow(status string) []fakecircleci.Workflow {
	w := fakecircleci.Workflow{Name: "bring-back", Status: status, Jobs: []fakecircleci.Job{{Name: "deploy", Status: status}}}
	if status != "running" {
		w.Stop, w.Jobs[0].Stop = "2026-11-30T15:00:00Z", "2026-11-30T15:00:00Z"
	}
	return []fakecircleci.Workflow{w}
}

func (s *service) write(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (s *service) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2026-11-20T09:00:00Z",
		"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:00:00Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// options find versions by the job that deploys, and bring them back by a pipeline.
func (s *service) options() Options {
	s.said = nil
	return Options{
		Repo: s.dir, Sources: running.Sources{Deploy: config.Deploy{Job: "deploy"}, URL: s.ci.Address()},
		Getenv: func(name string) string {
			return map[string]string{"CIRCLE_TOKEN": fakecircleci.Token, "CIRCLE_BRANCH": "main"}[name]
		},
		By: ByPipeline, Parameters: map[string]any{"to": "{commit}", "rollback": true}, Timeout: time.Minute, Poll: time.Millisecond,
		Say: func(line string) { s.said = append(s.said, line) },
		Now: func() time.Time { return time.Date(2026, 11, 30, 14, 25, 0, 0, time.UTC) },
	}
}

func (s *service) run(t *testing.T, o Options) (*Record, error) {
	t.Helper()
	r, err := Run(t.Context(), o)
	if t.Failed() {
		t.Logf("said:\n%s", strings.Join(s.said, "\n"))
	}
	if strings.Contains(fmt.Sprint(s.said, err), fakecircleci.Token) {
		t.Errorf("the token is told: %v, %v", s.said, err)
	}
	return r, err
}

// TestWays brings the newest version before the current one back, in every way that CircleCI has.
func TestWays(t *testing.T) {
	s := newService(t)
	for _, test := range []struct {
		name   string
		change func(*Options)
		path   string
		body   string
	}{
		{"a pipeline", func(*Options) {}, "/project/gh/acme/orders/pipeline", `{"branch":"main","parameters":{"rollback":true,"to":"` + s.commits["v3"] + `"}}`},
		{"a pipeline of a definition", func(o *Options) {
			o.Definition, o.Tag = fakecircleci.Definition, "{version}"
			o.Sources.Job = ""
			o.Sources.Ref = "v*"
		},
			"/project/gh/acme/orders/pipeline/run", `{"checkout":{"tag":"v3"},"config":{"branch":"main"},"definition_id":"` + fakecircleci.Definition + `","parameters":{"rollback":true,"to":"` + s.commits["v3"] + `"}}`},
		{"a rerun", func(o *Options) { o.By, o.Parameters = ByRerun, nil }, "/workflow/b0000000-0000-4000-8000-000003000000/rerun", `{"from_failed":false}`},
		{"the Deploys", func(o *Options) {
			o.By, o.Parameters, o.Reason, o.To = ByDeploys, nil, "errors", "v3"
			o.Sources.Job, o.Sources.Environment = "", "production"
		}, "/projects/" + fakecircleci.Project + "/rollback", `{"component_name":"orders","current_version":"v4","environment_name":"production","namespace":"default","reason":"errors","target_version":"v3"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			o := s.options()
			test.change(&o)
			o.DryRun = true
			r, err := s.run(t, o)
			if err != nil || r.Outcome != WouldRoll || len(s.ci.Posts()) != 0 || r.Order.Sent {
				t.Fatalf("a dry run: %+v, %v, sent %v", r, err, s.ci.Posts())
			}
			if want := s.ci.Address() + test.path; r.Order.Method != "POST" || r.Order.URL != want || string(r.Order.Body) != test.body {
				t.Errorf("it would send %+v, want %s %s", r.Order, want, test.body)
			}
			o.DryRun = false
			r, err = s.run(t, o)
			if err != nil || r.Outcome != RolledBack || r.To.Commit != s.commits["v3"] || r.Answer.Verdict != Works || !r.Order.Sent {
				t.Fatalf("got %+v, %v", r, err)
			}
			if posts := s.ci.Posts(); len(posts) != 1 || posts[0] != (fakecircleci.Post{Path: test.path, Body: test.body}) {
				t.Errorf("sent %v", posts)
			}
			if n := len(r.Pipeline.Workflows); n != 1 || r.Pipeline.Workflows[0].Name != "bring-back" || r.Pipeline.Workflows[0].Jobs[0].Status != "success" {
				t.Errorf("followed %+v", r.Pipeline)
			}
			if !slices.Contains(s.said, "  bring-back / deploy  success") {
				t.Errorf("said %s", strings.Join(s.said, "\n"))
			}
		})
	}
}

// TestOutcomes: what CircleCI makes of it, and what it does not answer.
func TestOutcomes(t *testing.T) {
	status := func(code int) func(http.ResponseWriter) { return func(w http.ResponseWriter) { w.WriteHeader(code) } }
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"id": "a`)
	}
	for _, test := range []struct {
		name    string
		fault   func(http.ResponseWriter)
		where   string // of the calls that fail: a method, with the end of a path
		stages  [][]string
		outcome string
		why     string
	}{
		{"it fails", nil, "", [][]string{{"running"}, {"failed"}}, Failed, "pipeline 5: workflow bring-back ended as failed (deploy failed)"},
		{"it is canceled", nil, "", [][]string{{"canceled"}}, Failed, "ended as canceled"},
		{"nothing runs", nil, "", nil, Failed, "none of its workflows began: does the configuration have one for these parameters?"},
		{"401 while versions are looked for", status(401), "GET", nil, Unknown, "which versions were deployed before could not be found out: CircleCI does not accept the token"},
		{"404", status(404), "GET", nil, Unknown, "CircleCI does not know the pipelines of gh/acme/orders on main"},
		{"401 when it is asked for", status(401), "POST", nil, Unknown, "CircleCI does not accept the token in CIRCLE_TOKEN"},
		{"400 when it is asked for", status(400), "POST", nil, Unknown, "CircleCI refused to start a pipeline of the project gh/acme/orders"},
		{"500 when it is asked for", status(500), "POST", nil, Unknown, "it may have been done all the same: look at the project's pipelines"},
		{"half an answer when it is asked for", half, "POST", nil, Unknown, "broke off: unexpected EOF: it may have been done all the same"},
		{"401 while it runs", status(401), "GET /pipeline/a0000000-0000-4000-8000-000005000000", [][]string{{"running"}}, Unknown, "the rollback was started, and how it ends is not known: CircleCI does not accept"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			s.ci.Starts.Stages = nil
			for _, stage := range test.stages {
				s.ci.Starts.Stages = append(s.ci.Starts.Stages, s.workflow(stage[0]))
			}
			s.ci.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if test.fault == nil || !strings.HasPrefix(r.Method+" "+strings.TrimPrefix(r.URL.Path, "/api/v2"), test.where) {
					return false
				}
				test.fault(w)
				return true
			}
			r, err := s.run(t, s.options())
			if r == nil || r.Outcome != test.outcome || !strings.Contains(r.Why, test.why) || (err != nil) != (test.outcome == Unknown) {
				t.Errorf("got %+v, %v", r, err)
			}
			want := 1
			if strings.HasPrefix(test.where, "POST") || test.where == "GET" {
				want = 0 // the server did not take it
			}
			if n := len(s.ci.Posts()); n != want {
				t.Errorf("%d calls were taken, want %d", n, want)
			}
		})
	}
	t.Run("it is stopped while it runs", func(t *testing.T) {
		s := newService(t)
		s.ci.Starts.Stages = [][]fakecircleci.Workflow{s.workflow("running")}
		o := s.options()
		ctx, cancel := context.WithCancelCause(t.Context())
		o.Say = func(line string) {
			if line == "  bring-back  running" {
				cancel(errors.New("enough"))
			}
		}
		r, err := Run(ctx, o)
		if err == nil || r.Outcome != Unknown || r.Why != "the rollback was started, and how it ends is not known: enough" || r.Pipeline.Workflows[0].Status != "running" {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("there is no time", func(t *testing.T) {
		s := newService(t)
		o := s.options()
		o.Timeout = time.Nanosecond
		r, err := s.run(t, o)
		if err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, "it has not ended within 1ns (--timeout)") {
			t.Errorf("got %+v, %v", r, err)
		}
	})
	t.Run("an agent carries it out", func(t *testing.T) {
		s := newService(t)
		s.ci.Starts.By = "AGENT"
		o := s.options()
		o.By, o.Parameters, o.Sources.Job, o.Sources.Environment, o.To = ByDeploys, nil, "", "production", "v3"
		r, err := s.run(t, o)
		if err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, `a "agent" carries it out`) || len(s.ci.Posts()) != 1 {
			t.Errorf("got %+v, %v", r, err)
		}
	})
}

// TestRefused: the version that was to come back does not work, and the newest that does is named.
func TestRefused(t *testing.T) {
	s := newService(t)
	o := s.options()
	o.To = "v1"
	r, err := s.run(t, o)
	if err != nil || r.Outcome != Refused || len(s.ci.Posts()) != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	b := r.Answer.Breaks[0]
	if b.Query != "ByID" || b.Place.Path != "queries/customers.sql" || b.Place.Line != 2 || b.SQLState != "42703" {
		t.Errorf("the query is %+v", b)
	}
	if m := b.Migrations[0]; m.Place.Path != "migrations/0003_m.up.sql" || m.Place.Line != 2 || m.Brought != `#3 "Drop the legacy name"` {
		t.Errorf("the migration is %+v", m)
	}
	if len(r.Answer.Breaks) != 2 || r.NewestThatWorks == nil || r.NewestThatWorks.Commit != s.commits["v3"] {
		t.Errorf("got %+v", r)
	}
	for _, want := range []string{
		`  queries/customers.sql:2  ByID fails: column "legacy_name" does not exist`,
		`    since migrations/0003_m.up.sql:2, brought by #3 "Drop the legacy name"`,
		fmt.Sprintf("the newest version that works on this schema is %.9s: --to %.9s", s.commits["v3"], s.commits["v3"]),
	} {
		if !slices.Contains(s.said, want) {
			t.Errorf("%q is not said:\n%s", want, strings.Join(s.said, "\n"))
		}
	}
	// Where v3 and v2 are no good versions either, none is left that works.
	o = s.options()
	o.Skip = []string{"v3", "v2"}
	if r, err = s.run(t, o); err != nil || r.Outcome != Refused || r.To.Commit != s.commits["v1"] || r.NewestThatWorks != nil {
		t.Errorf("with --skip: %+v, %v", r, err)
	}
	o = s.options()
	o.To, o.Force, o.Reason = "v1", true, "legacy_name comes back by hand"
	if r, err = s.run(t, o); err != nil || r.Outcome != RolledBack || !r.Forced || r.Reason == "" || len(s.ci.Posts()) != 1 || !slices.Contains(s.said, "forced: legacy_name comes back by hand") {
		t.Errorf("forced: %+v, %v", r, err)
	}
}

// TestNotKnown: what cannot be asked is no go.
func TestNotKnown(t *testing.T) {
	s := newService(t).copied(t)
	s.write(t, "migrations/0005_m.up.sql", "DO $$ BEGIN EXECUTE 'ALTER TABLE customers DROP COLUMN full_' || 'name'; END $$;\n")
	s.git(t, "add", "-A")
	s.git(t, "commit", "-q", "-m", "What nobody can read (#5)")
	o := s.options()
	r, err := s.run(t, o)
	if err == nil || r.Outcome != Unknown || r.Answer.Verdict != NotKnown || len(s.ci.Posts()) != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	if !strings.Contains(r.Why, "migrations/0005_m.up.sql:1 is not understood") {
		t.Errorf("why: %s", r.Why)
	}
	bare := newService(t).copied(t)
	bare.git(t, "checkout", "-q", "--orphan", "other")
	bare.git(t, "rm", "-q", "-r", "-f", "migrations")
	bare.git(t, "commit", "-q", "-m", "no migrations")
	bare.git(t, "commit", "-q", "--allow-empty", "-m", "none still")
	o = bare.options()
	o.To = "HEAD~1"
	if r, err = bare.run(t, o); err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, "no migrations and no schema files were found") {
		t.Errorf("without migrations: %+v, %v", r, err)
	}
}

func TestUse(t *testing.T) {
	s := newService(t)
	for _, test := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no way", func(o *Options) { o.By = "" }, "Say --by pipeline, deploys, rerun or command"},
		{"another way", func(o *Options) { o.By = "hand" }, `--by "hand": expected pipeline, deploys, rerun, command`},
		{"no command", func(o *Options) { o.By, o.Parameters = ByCommand, nil }, "--by command takes the command behind --"},
		{"a command for a pipeline", func(o *Options) { o.Command = []string{"x"} }, "--by command takes the command behind --"},
		{"no reason", func(o *Options) { o.Force = true }, "--force needs a --reason"},
		{"parameters of a rerun", func(o *Options) { o.By = ByRerun }, "--parameter is for --by pipeline and --by deploys"},
		{"a definition of a rerun", func(o *Options) { o.By, o.Parameters, o.Definition = ByRerun, nil, "x" }, "are for --by pipeline"},
		{"an unknown placeholder", func(o *Options) { o.Parameters = map[string]any{"to": "{comit}"} }, `{comit} in "{comit}": expected {commit}, {version}, {from} or {reason}`},
		{"a pipeline that is told nothing", func(o *Options) { o.Parameters = map[string]any{"to": "v1"} }, "is not told what to roll back to"},
		{"no such revision", func(o *Options) { o.To = "v9" }, `--to: unknown revision: "v9"`},
		{"no such revision to leave", func(o *Options) { o.From = "v9" }, `--from: unknown revision: "v9"`},
		{"itself", func(o *Options) { o.To = "v4" }, "--to v4 is what is to be left"},
		{"a rerun of what no workflow deployed", func(o *Options) { o.By, o.Parameters, o.Sources.Job, o.Sources.Ref = ByRerun, nil, "", "v*" }, "which workflow deployed v3 is not known"},
		{"Deploys without markers", func(o *Options) { o.By, o.Parameters = ByDeploys, nil }, "is no version that CircleCI's deploy markers know"},
		{"no such file", func(o *Options) { o.Snapshot = "none.json" }, "read the snapshot"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := s.options()
			test.change(&o)
			r, err := s.run(t, o)
			if err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v, want %s", r, err, test.want)
			}
		})
	}
	if len(s.ci.Posts()) > 0 {
		t.Errorf("sent %v", s.ci.Posts())
	}
}

// TestFinding: the newest version that is older than the current one, whatever was deployed in which order.
func TestFinding(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*service, *Options)
		want   string
		note   string
	}{
		{"the newest", func(*service, *Options) {}, "v3", ""},
		{"the current deploy failed", func(s *service, _ *Options) { s.ci.Pipelines[0].Workflows[0].Jobs[0].Status = "failed" }, "v3", ""},
		{"the one before failed", func(s *service, _ *Options) { s.ci.Pipelines[1].Workflows[0].Jobs[0].Status = "failed" }, "v2", ""},
		{"after a rollback to v3", func(s *service, o *Options) { o.From = "v3" }, "v2", "is newer, and is left out"},
		{"by markers", func(_ *service, o *Options) { o.Sources.Job, o.Sources.Environment = "", "production" }, "v3", ""},
		{"by markers of a job that failed", func(s *service, o *Options) {
			o.Sources.Job, o.Sources.Environment = "", "production"
			s.ci.Pipelines[1].Workflows[0].Jobs[0].Status = "failed"
		}, "v2", "version v3 is left out: the job that deployed it ended as failed"},
		{"by tags", func(_ *service, o *Options) { o.Sources.Job, o.Sources.Ref = "", "v*" }, "v3", ""},
		{"one that is no good", func(_ *service, o *Options) { o.Skip = []string{"v3"} }, "v2", ""},
		{"another deploy is underway", func(s *service, _ *Options) {
			s.ci.Pipelines = append([]fakecircleci.Pipeline{{Number: 9, Commit: strings.Repeat("9", 40), Branch: "main", Workflows: []fakecircleci.Workflow{
				{Name: "release", Status: "running", Jobs: []fakecircleci.Job{{Name: "deploy", Status: "running"}}},
			}}}, s.ci.Pipelines...)
		}, "v3", "with 999999999 (pipeline 9) is underway: it may replace what comes back"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newService(t)
			o := s.options()
			o.DryRun = true
			test.change(s, &o)
			r, err := s.run(t, o)
			if err != nil || r.To.Commit != s.commits[test.want] {
				t.Fatalf("got %+v, %v, want %s", r, err, test.want)
			}
			if (test.note == "") != (len(r.Notes) == 0) || !strings.Contains(strings.Join(r.Notes, "\n"), test.note) {
				t.Errorf("notes %q, want %q", r.Notes, test.note)
			}
		})
	}
	s := newService(t)
	o := s.options()
	o.To, o.By, o.Parameters = "v3", ByRerun, nil
	s.ci.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(403); return true }
	if r, err := s.run(t, o); err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, "may not read the pipelines") {
		t.Errorf("a rerun when CircleCI does not say what ran: %+v, %v", r, err)
	}
	s = newService(t)
	o = s.options()
	o.From = "v1"
	if r, err := s.run(t, o); err == nil || r.Outcome != Unknown || !strings.Contains(r.Why, "no earlier version is known:\n  CircleCI's deploy markers: not asked") {
		t.Errorf("nothing is older: %+v, %v", r, err)
	}
}
