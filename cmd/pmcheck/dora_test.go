package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// The exit statuses of `pmcheck dora` with CircleCI as it answers, refuses and is named wrongly.
func TestDORAAtCircleCI(t *testing.T) {
	dir := t.TempDir()
	git := func(at string, args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
			"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(at, title string) string {
		t.Helper()
		git(at, "add", "-A")
		git(at, "commit", "-q", "--allow-empty", "-m", title)
		return git(at, "rev-parse", "HEAD")
	}
	git("", "init", "-q", "-b", "main")
	git("", "remote", "add", "origin", "https://github.com/acme/orders.git")
	settings := "version: 1\ndeploy: {job: deploy}\ndora: {targets: {deployment_frequency: 1/week, lead_time: 2h}}\n"
	if err := os.WriteFile(filepath.Join(dir, ".pmcheck.yml"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	base := commit("2024-01-01T09:00:00Z", "base")
	head := commit("2024-01-09T09:00:00Z", "change")
	server := fakecircleci.New("gh/acme/orders")
	defer server.Close()
	pipeline := func(number int, commit, at string) fakecircleci.Pipeline {
		return fakecircleci.Pipeline{Number: number, Commit: commit, Branch: "main", Created: at, App: number == 1,
			Workflows: []fakecircleci.Workflow{{Name: "release", Status: "success", Stop: at, Jobs: []fakecircleci.Job{{Name: "deploy", Status: "success", Stop: at}}}}}
	}
	server.Pipelines = []fakecircleci.Pipeline{pipeline(2, head, "2024-01-09T12:00:00Z"), pipeline(1, base, "2024-01-02T09:00:00Z")}
	t.Setenv("CIRCLE_TOKEN", fakecircleci.Token)
	for _, name := range []string{"CIRCLE_PROJECT_USERNAME", "CIRCLE_ORGANIZATION_ID"} {
		t.Setenv(name, "")
	}
	for _, test := range []struct {
		name   string
		args   string
		token  string
		fault  int
		status int
		says   []string
	}{
		// "change" took from 9:00 to 12:00: 3 h.
		{"a target is missed", "", fakecircleci.Token, 0, exitFail, []string{"lead time for changes            3 h              at most 2 h          missed", "successful runs of job deploy on main at CircleCI (gh/acme/orders)", "MISSED  lead time for changes"}},
		{"CircleCI refuses", "", fakecircleci.Token, 403, exitUndone, []string{"nothing was measured: the owner of the token in CIRCLE_TOKEN may not read"}},
		{"another job", "--deploy-job ship", fakecircleci.Token, 0, exitUndone, []string{"no run of job ship on main", "the jobs there are deploy"}},
		{"another branch", "--deploy-branch trunk", fakecircleci.Token, 0, exitUndone, []string{"no run of job deploy on trunk in 0 pipelines"}},
		{"all branches", "--deploy-branch *", fakecircleci.Token, 0, exitFail, []string{"successful runs of job deploy at CircleCI"}},
		{"no token", "", "", 0, exitUse, []string{"there is no token for CircleCI in CIRCLE_TOKEN"}},
		{"a token as a name", "--circleci-token-env a.b", fakecircleci.Token, 0, exitUse, []string{"expected the name of an environment variable"}},
		{"GitHub elsewhere", "--github-environment production --github-repository x", fakecircleci.Token, 0, exitUse, []string{"name it with --github-repository OWNER/NAME"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("CIRCLE_TOKEN", test.token)
			server.Set(func(s *fakecircleci.Server) {
				s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
					if test.fault != 0 {
						w.WriteHeader(test.fault)
					}
					return test.fault != 0
				}
			})
			var out, errs bytes.Buffer
			args := append([]string{"dora", "--repo", dir, "--circleci-url", server.Address(), "--from", "2024-01-08", "--to", "2024-01-14"}, strings.Fields(test.args)...)
			if status := run(args, &out, &errs); status != test.status {
				t.Errorf("status %d, want %d\n%s%s", status, test.status, out.String(), errs.String())
			}
			for _, says := range test.says {
				if !strings.Contains(out.String()+errs.String(), says) {
					t.Errorf("%q is not in\n%s%s", says, out.String(), errs.String())
				}
			}
			if test.token != "" && strings.Contains(out.String()+errs.String(), test.token) {
				t.Error("the token is printed")
			}
		})
	}
}
