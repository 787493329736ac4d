package mirror

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestGitHub: the commits of pull requests as the App asks for them, and a check that reads them.
func TestGitHub(t *testing.T) {
	github := fakegithub.New(t)
	repo := github.Repo("acme", "orders", map[string]string{
		"db/migrations/0001_users.up.sql":   "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n",
		"db/migrations/0001_users.down.sql": "DROP TABLE users;\n",
	})
	installation := github.Install("acme", repo)
	remote := Remote{URL: repo.CloneURL(), RepositoryID: repo.ID(), Token: func(context.Context) (string, error) { return github.Token(installation), nil }}
	m, _ := mirrors(t, Options{})
	judge := func(base, head string) string {
		t.Helper()
		dir, release, err := m.Fetch(t.Context(), remote, base, head)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		calls := len(github.Calls())
		result, err := checks.Check(t.Context(), checks.Options{Repo: dir, Base: base, Head: head, Stage: checks.PullRequest, Now: github.Now()})
		if err != nil {
			t.Fatal(err)
		}
		if len(github.Calls()) != calls {
			t.Error("the check asked the server")
		}
		if len(result.Findings) == 0 {
			return "nothing"
		}
		return fmt.Sprint(result.Findings[0].Rule)
	}
	repo.Branch("index", "main")
	repo.Commit("index", map[string]string{"db/migrations/0002_index.up.sql": "CREATE INDEX users_name ON users (name);\n", "db/migrations/0002_index.down.sql": "DROP INDEX users_name;\n"})
	pull := repo.OpenPull("index", "main", "An index")
	first := pull.Head()
	if got := judge(repo.Head("main"), first); got == "nothing" {
		t.Errorf("an index that locks a table: %s", got)
	}
	// A force-push: the commit before it can be had all the same, as at GitHub.
	repo.Branch("rewritten", "main")
	pull.ForcePush(repo.Commit("rewritten", map[string]string{"README": "x"}))
	if got := judge(repo.Head("main"), pull.Head()); got != "nothing" {
		t.Errorf("a README: %s", got)
	}
	judge(repo.Head("main"), first)

	// A fork's commit comes from the repository that the pull request is in.
	github.User("bob")
	fork := repo.Fork("bob")
	fork.Commit("main", map[string]string{"db/migrations/0003_drop.up.sql": "DROP TABLE users;\n", "db/migrations/0003_drop.down.sql": "SELECT 1;\n"})
	foreign := repo.OpenPullFromFork(fork, "main", "main", "From a fork")
	if got := judge(repo.Head("main"), foreign.Head()); got == "nothing" {
		t.Errorf("a table that is dropped: %s", got)
	}
	group := repo.MergeGroup("main", pull)
	judge(group.Base, group.HeadSHA)

	// Renamed: the same mirror goes on, at the new address.
	repo.Rename("acme", "sales")
	remote.URL = repo.CloneURL()
	pull.Push(map[string]string{"README": "y"})
	judge(repo.Head("main"), pull.Head())

	for name, fault := range map[string]*fakegithub.Fault{
		"down":      {Route: "git", Status: 502},
		"cut":       {Route: "git", Drop: true},
		"breaks":    {Route: "git", Skip: 1, Truncate: 100},
		"throttled": {Route: "git", Status: 429},
	} {
		pull.Push(map[string]string{"README": name})
		f := github.Fault(fault)
		_, _, err := m.Fetch(t.Context(), remote, repo.Head("main"), pull.Head())
		var again *job.RetryAfter
		if !errors.As(err, &again) {
			t.Errorf("%s: %v, want it to be tried again", name, err)
		}
		f.Remove()
		judge(repo.Head("main"), pull.Head())
	}
	stale := github.Token(installation)
	github.Uninstall(installation)
	pull.Push(map[string]string{"README": "z"})
	remote.Token = func(context.Context) (string, error) { return stale, nil }
	if _, _, err := m.Fetch(t.Context(), remote, pull.Head()); !errors.Is(err, ErrAuth) && !errors.Is(err, ErrNotFound) {
		t.Errorf("without an installation: %v", err)
	}
}
