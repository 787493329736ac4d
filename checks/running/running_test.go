package running

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// project is a repository with four commits, of which v1 and v2 are tags of the first two, and its CircleCI.
type project struct {
	repo    *change.Repo
	commits []string
	ci      *fakecircleci.Server
	env     map[string]string
}

func newProject(t *testing.T) *project {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
			"GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:00:00Z")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("remote", "add", "origin", "git@github.com:acme/orders.git")
	p := &project{ci: fakecircleci.New("gh/acme/orders")}
	t.Cleanup(p.ci.Close)
	for n := 1; n <= 4; n++ {
		if n == 4 {
			if err := os.WriteFile(filepath.Join(dir, ".pmcheck.yml"), []byte("version: 1\ndeploy: {job: deploy, branch: main, ref: v*}\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			git("add", "-A")
		}
		git("commit", "-q", "--allow-empty", "-m", fmt.Sprint("commit ", n))
		p.commits = append(p.commits, git("rev-parse", "HEAD"))
		if n < 3 {
			git("tag", fmt.Sprint("v", n))
		}
	}
	git("branch", "deploy/production", "HEAD~1")
	var err error
	if p.repo, err = change.OpenRepo(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	p.env = map[string]string{"CIRCLE_TOKEN": fakecircleci.Token, "CIRCLE_BRANCH": "main"}
	for n := 3; n > 0; n-- {
		stop := fmt.Sprintf("2026-11-30T14:%d0:00Z", n)
		status := "success"
		if n == 3 {
			status = "failed"
		}
		p.ci.Pipelines = append(p.ci.Pipelines, fakecircleci.Pipeline{Number: n, Commit: p.commits[n-1], Branch: "main", App: n == 2, Workflows: []fakecircleci.Workflow{
			{Name: "release", Status: status, Stop: stop, Jobs: []fakecircleci.Job{{Name: "deploy", Status: status, Stop: stop}}},
		}})
	}
	return p
}

func (p *project) find(t *testing.T, s Sources) (Base, error) {
	s.URL = p.ci.Address()
	return Find(t.Context(), p.repo, "HEAD", s, func(name string) string { return p.env[name] })
}

func TestFind(t *testing.T) {
	p := newProject(t)
	p.ci.Deploys = []fakecircleci.Deploy{
		{Component: "orders", Environment: "production", Version: "v1", Live: true, Pipeline: 3},
		{Component: "orders", Environment: "staging", Version: "build-77", Live: true, Pipeline: 2},
		{Component: "orders", Environment: "by-commit", Version: p.commits[2][:9], Live: true, Pipeline: 1},
		{Component: "orders", Environment: "new", Version: "v1", Live: false, Pipeline: 1},
	}
	for _, test := range []struct {
		name   string
		s      config.Deploy
		commit int
		source string
		reason string
	}{
		{"a marker that is a tag: a rollback", config.Deploy{Environment: "production", Job: "deploy", Ref: "v*"}, 1, "circleci-deploy", "version v1 of orders is live in production by CircleCI's deploy markers (pipeline 3)"},
		{"a marker that is no revision", config.Deploy{Environment: "staging"}, 2, "circleci-deploy", "version build-77 of orders is live in staging by CircleCI's deploy markers (pipeline 2)"},
		{"a marker that is a commit", config.Deploy{Environment: "by-commit"}, 3, "circleci-deploy", "(pipeline 1)"},
		{"a marker that knows nothing yet", config.Deploy{Environment: "new", Job: "deploy"}, 2, "circleci-job", "job deploy"},
		{"a job", config.Deploy{Job: "deploy", Ref: "v1"}, 2, "circleci-job", "the last successful run of job deploy on main, pipeline 2 of 2026-11-30 14:20 UTC, https://app.circleci.com/pipelines/github/acme/orders/2/workflows/"},
		{"a workflow", config.Deploy{Workflow: "release", Project: "gh/acme/orders"}, 2, "circleci-workflow", "the last successful run of workflow release on main, pipeline 2"},
		{"a job that never ran, then a tag", config.Deploy{Job: "ship", Ref: "v*"}, 2, "ref", "v2 of 2026-11-20 is the newest tag v* that this commit contains"},
		{"a branch", config.Deploy{Ref: "deploy/production"}, 3, "ref", "deploy/production stands there"},
		{"a tag", config.Deploy{Ref: "v1"}, 1, "ref", "v1 stands there"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := p.find(t, Sources{Deploy: test.s})
			if err != nil {
				t.Fatal(err)
			}
			if got.Revision != p.commits[test.commit-1] || got.Source != test.source || !strings.Contains(got.Reason, test.reason) {
				t.Errorf("got %+v, want commit %d (%s), %s: %s", got, test.commit, p.commits[test.commit-1], test.source, test.reason)
			}
			if test.source == "circleci-job" {
				want := fmt.Sprintf("a run of it with %.9s (pipeline 3) ended later as failed: if a part of that is out, compare with it too, by --base %.9s", p.commits[2], p.commits[2])
				if len(got.Notes) != 1 || got.Notes[0] != want {
					t.Errorf("notes %q, want %q", got.Notes, want)
				}
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	p := newProject(t)
	for _, test := range []struct {
		name    string
		s       config.Deploy
		env     map[string]string
		unknown bool
		want    []string
	}{
		{"nothing is named", config.Deploy{}, nil, true, []string{
			"what is running is not known, so nothing was judged:\n  CircleCI's deploy markers: not asked; name it with --deploy-environment and --deploy-component\n",
			"  the last successful deploy in CircleCI: not asked; name it with --deploy-job or --deploy-workflow\n",
			"  a git tag or branch: not asked; name it with --deployed-ref, as 'v*' or deploy/production\nName it with --base COMMIT",
		}},
		{"nobody knows", config.Deploy{Environment: "production", Job: "ship", Ref: "release-*"}, nil, true, []string{
			"CircleCI's deploy markers: there is no deploy component yet",
			"the last successful deploy in CircleCI: no successful run of job ship on main in the last 3 pipelines of gh/acme/orders; the jobs there are deploy",
			"a git tag or branch: no tag release-* before this commit is in the clone",
		}},
		{"no token", config.Deploy{Job: "deploy", Ref: "v*"}, map[string]string{"CIRCLE_TOKEN": ""}, false, []string{"there is no token for CircleCI in CIRCLE_TOKEN", "--base COMMIT"}},
		{"a wrong token", config.Deploy{Job: "deploy", Ref: "v*"}, map[string]string{"CIRCLE_TOKEN": "old"}, false, []string{"does not accept the token in CIRCLE_TOKEN (401", "--base COMMIT"}},
		{"another project", config.Deploy{Job: "deploy", Project: "gh/acme/other", Ref: "v*"}, nil, false, []string{"does not know the pipelines of gh/acme/other on main", "404"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := *p
			q.env = map[string]string{"CIRCLE_TOKEN": fakecircleci.Token}
			for name, value := range test.env {
				q.env[name] = value
			}
			got, err := q.find(t, Sources{Deploy: test.s})
			if err == nil || got.Revision != "" || errors.Is(err, ErrUnknown) != test.unknown {
				t.Fatalf("got %+v, %v", got, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
		})
	}
	// A source that fails is not passed over, whatever the next ones know.
	p.ci.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(403); return true }
	if got, err := p.find(t, Sources{Deploy: config.Deploy{Job: "deploy", Ref: "v*"}}); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestProject(t *testing.T) {
	p := newProject(t)
	for _, test := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "gh/acme/orders"},
		{map[string]string{"CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "x", "CIRCLE_REPOSITORY_URL": "git@github.com:acme/x.git"}, "gh/acme/x"},
		{map[string]string{"CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "x", "CIRCLE_REPOSITORY_URL": "git@bitbucket.org:acme/x.git"}, "bb/acme/x"},
		{map[string]string{"CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "x", "CIRCLE_ORGANIZATION_ID": "o", "CIRCLE_PROJECT_ID": "p"}, "circleci/o/p"},
	} {
		f := &finder{repo: p.repo, getenv: func(name string) string { return test.env[name] }}
		if got, err := f.project(); got != test.want || err != nil {
			t.Errorf("%v: %q, %v, want %q", test.env, got, err, test.want)
		}
	}
}

func TestConfigured(t *testing.T) {
	p := newProject(t)
	got, err := Configured(t.Context(), p.repo, "HEAD", ".pmcheck.yml", Sources{})
	if want := (config.Deploy{Job: "deploy", Branch: "main", Ref: "v*"}); err != nil || got.Deploy != want {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = Configured(t.Context(), p.repo, "HEAD", ".pmcheck.yml", Sources{Deploy: config.Deploy{Workflow: "release"}})
	if want := (config.Deploy{Workflow: "release", Branch: "main"}); err != nil || got.Deploy != want {
		t.Errorf("a flag beside the file: %+v, %v", got, err)
	}
	if got, err = Configured(t.Context(), p.repo, "HEAD~1", ".pmcheck.yml", Sources{}); err != nil || got.Deploy != (config.Deploy{}) {
		t.Errorf("without a file: %+v, %v", got, err)
	}
}
