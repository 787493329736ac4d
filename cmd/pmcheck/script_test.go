package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){"pmcheck": main, "measured-pmcheck": measured})
}

// withServers stops the PostgreSQL servers that tests started when they have run.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return pgtest.Main(m.M) }

// TestScript runs the program as a user does. Beside testscript's own commands
// there are
//
//	ends STATUS PROGRAM ARG...  run a program that must end with this exit status
//	repo DIR                    make a repository in DIR from base/, head/ and deleted/, as package example does
//	valid FILE                  the file is facts that obey their schema
//	nocolor FILE                the file, or stdout, holds no escape sequence
//	github OWNER/NAME ISSUE...  start a GitHub ($GITHUB_API_URL, $GITHUB_SERVER_URL, $GITHUB_TOKEN) with a repository and its issues 1, 2 ...,
//	                            each open, completed or not_planned; again with the same repository it sets them anew
//	circleci DIR RUN...         start a CircleCI ($CIRCLECI_URL) whose job deploy had these runs, the newest first: STATUS=REVISION of
//	                            DIR; a RUN that is a number instead is the status that every call is answered with. What is started there
//	                            ends as $CIRCLECI_ENDS says, "success" when it is not set, and takes the parameter rollback_to
//	pipelines DIR FILE          start a CircleCI ($CIRCLECI_URL) that is as FILE says: JSON with a slug, users by id, pipelines as package
//	                            fakecircleci has them, whose commits are revisions of DIR, and the status of calls by a part of their address
//	slack [SCOPE...]            start a Slack workspace ($SLACK_API_URL, $SLACK_HOOK), whose bot has these scopes, else all that it needs
//	said CHANNEL [USER TEXT]    somebody says something in a channel of it; what stands there is written to the file said, a line "topic" before it
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Values[workspaceKey{}] = &workspace{}
			program, err := exec.LookPath("pmcheck")
			env.Vars = append(env.Vars, "PMCHECK="+program, // for a script that takes PATH away
				"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+filepath.Dir(env.WorkDir),
				"GIT_AUTHOR_NAME=pmcheck", "GIT_AUTHOR_EMAIL=pmcheck@example.com", "GIT_AUTHOR_DATE=2026-11-20T09:00:00Z",
				"GIT_COMMITTER_NAME=pmcheck", "GIT_COMMITTER_EMAIL=pmcheck@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:00:00Z")
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ends": ends, "repo": makeRepo, "valid": valid, "nocolor": noColor, "circleci": circleCI, "github": gitHub(), "slack": slackWorkspace, "said": said,
			"pipelines": pipelines,
		},
	})
}

func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends STATUS PROGRAM ARG...")
	}
	status := 0
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &exit):
		status = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got := fmt.Sprint(status); got != args[0] {
		ts.Fatalf("%s ended with %s, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

func makeRepo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: repo DIR")
	}
	archive := &txtar.Archive{}
	for _, side := range []string{"base", "head", "deleted"} {
		root := ts.MkAbs(side)
		ts.Check(filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			archive.Files = append(archive.Files, txtar.File{Name: side + "/" + filepath.ToSlash(name), Data: content})
			return err
		}))
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	_, err := example.Write(context.Background(), archive, dir)
	ts.Check(err)
}

func valid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: valid FILE")
	}
	results, err := rego.New(
		rego.Query("json.match_schema(input.document, input.schema)"),
		rego.Input(map[string]any{"document": ts.ReadFile(args[0]), "schema": string(facts.Schema())}),
	).Eval(context.Background())
	ts.Check(err)
	answer := results[0].Expressions[0].Value.([]any)
	if answer[0] != true {
		ts.Fatalf("%s does not obey the schema: %v", args[0], answer[1])
	}
}

func circleCI(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: circleci DIR RUN...")
	}
	server := fakecircleci.New("gh/acme/orders")
	ts.Defer(server.Close)
	ts.Setenv("CIRCLECI_URL", server.Address())
	ts.Setenv("CIRCLE_TOKEN", fakecircleci.Token)
	runs := args[1:]
	if status, err := strconv.Atoi(runs[0]); err == nil {
		server.Set(func(s *fakecircleci.Server) {
			s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { w.WriteHeader(status); return true }
		})
		return
	}
	var pipelines []fakecircleci.Pipeline
	for i, run := range runs {
		status, revision, _ := strings.Cut(run, "=")
		number := len(runs) - i
		stop := fmt.Sprintf("2026-11-30T14:%02d:00Z", number)
		cmd := exec.Command("git", "rev-parse", "--verify", revision)
		cmd.Dir = ts.MkAbs(args[0])
		commit, err := cmd.Output()
		ts.Check(err)
		pipelines = append(pipelines, fakecircleci.Pipeline{
			Number: number, Commit: strings.TrimSpace(string(commit)), Branch: "main", App: number%2 == 0,
			Workflows: []fakecircleci.Workflow{{Name: "release", Status: status, Stop: stop, Jobs: []fakecircleci.Job{{Name: "deploy", Status: status, Stop: stop}}}},
		})
	}
	ends := cmp.Or(ts.Getenv("CIRCLECI_ENDS"), "success")
	server.Set(func(s *fakecircleci.Server) {
		s.Pipelines = pipelines
		s.Starts = fakecircleci.Starts{Parameters: []string{"rollback_to"}}
		for _, status := range []string{"running", ends} {
			s.Starts.Stages = append(s.Starts.Stages, []fakecircleci.Workflow{{Name: "rollback", Status: status, Jobs: []fakecircleci.Job{{Name: "bring-back", Status: status}}}})
		}
	})
}

// gitHub is the command github: one server for each script.
func gitHub() func(*testscript.TestScript, bool, []string) {
	var repos sync.Map // of *fakegithub.Repo by the script's folder
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 1 {
			ts.Fatalf("usage: github OWNER/NAME ISSUE...")
		}
		kept, started := repos.Load(ts.MkAbs("."))
		if !started {
			server, err := fakegithub.Start(fakegithub.Options{})
			ts.Check(err)
			ts.Defer(server.Close)
			owner, name, _ := strings.Cut(args[0], "/")
			repo := server.Repo(owner, name, map[string]string{"README.md": "x\n"})
			server.Install(owner, repo)
			kept, _ = repos.LoadOrStore(ts.MkAbs("."), repo)
			ts.Setenv("GITHUB_API_URL", server.APIURL())
			ts.Setenv("GITHUB_SERVER_URL", server.URL)
			ts.Setenv("GITHUB_TOKEN", server.UserToken(owner))
			for range args[1:] {
				repo.Issue("An issue")
			}
		}
		for i, state := range args[1:] {
			if state == "open" {
				kept.(*fakegithub.Repo).SetIssue(i+1, "open", "")
			} else {
				kept.(*fakegithub.Repo).SetIssue(i+1, "closed", state)
			}
		}
	}
}

func noColor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: nocolor FILE")
	}
	if strings.Contains(ts.ReadFile(args[0]), "\x1b") != neg {
		ts.Fatalf("%s: escape sequences are not as expected", args[0])
	}
}
