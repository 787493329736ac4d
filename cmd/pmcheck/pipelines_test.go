package main

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// pipelines is the command of that name of TestScript.
func pipelines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pipelines DIR FILE")
	}
	var said struct {
		Slug      string
		Users     map[string]string
		Pipelines []fakecircleci.Pipeline
		Fail      map[string]int
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &said))
	for i := range said.Pipelines {
		cmd := exec.Command("git", "rev-parse", "--verify", said.Pipelines[i].Commit)
		cmd.Dir = ts.MkAbs(args[0])
		commit, err := cmd.Output()
		ts.Check(err)
		said.Pipelines[i].Commit = strings.TrimSpace(string(commit))
	}
	server := fakecircleci.New(said.Slug)
	ts.Defer(server.Close)
	ts.Setenv("CIRCLECI_URL", server.Address())
	ts.Setenv("CIRCLE_TOKEN", fakecircleci.Token)
	server.Set(func(s *fakecircleci.Server) {
		s.Pipelines, s.Users, s.PageSize = said.Pipelines, said.Users, 2
		s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			for part, status := range said.Fail {
				if strings.Contains(r.URL.Path, part) {
					w.WriteHeader(status)
					return true
				}
			}
			return false
		}
	})
}
