package clone

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for _, setting := range []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=c", "GIT_COMMITTER_EMAIL=c@example.com"} {
		name, value, _ := strings.Cut(setting, "=")
		os.Setenv(name, value)
	}
	status := m.Run()
	if made.dir != "" {
		os.RemoveAll(made.dir)
	}
	os.Exit(status)
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// server is a repository whose branch main has 400 commits, and whose branch work left it behind of them: 40 commits ago, with
// five of its own. The branch merge is GitHub's merge of work into main.
func server(t *testing.T) (dir string, id func(revision string) string) {
	t.Helper()
	made.Do(func() { made.dir = makeServer(t) })
	return made.dir, func(revision string) string { return git(t, made.dir, "rev-parse", revision+"^{commit}") }
}

var made struct {
	sync.Once
	dir string
}

func makeServer(t *testing.T) string {
	dir, err := os.MkdirTemp("", "clone-test-server")
	if err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	var commits strings.Builder
	mark := 0
	commit := func(branch, from string) {
		mark++
		fmt.Fprintf(&commits, "commit refs/heads/%s\nmark :%d\ncommitter c <c@example.com> %d +0000\ndata 1\nx\n%s", branch, mark, 1700000000+mark, from)
		fmt.Fprintf(&commits, "M 100644 inline file\ndata 3\n%03d\n\n", mark)
	}
	for range 400 {
		commit("main", "")
	}
	for i := range 5 {
		from := ""
		if i == 0 {
			from = "from :360\n"
		}
		commit("work", from)
	}
	commit("merge", "from refs/heads/main\nmerge refs/heads/work\n")
	fmt.Fprintf(&commits, "reset refs/tags/v1\nfrom :390\n\n")
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(commits.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return dir
}

// checkout is a clone as actions/checkout makes it: detached, one commit.
func checkout(t *testing.T, server, commit string, fetch ...string) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "remote", "add", "origin", "file://"+filepath.ToSlash(server))
	git(t, dir, append(append([]string{"fetch", "-q", "--no-tags"}, fetch...), "origin", commit)...)
	git(t, dir, "checkout", "-q", "--detach", commit)
	return dir
}

func TestReach(t *testing.T) {
	server, id := server(t)
	for _, test := range []struct {
		name      string
		checkout  string
		fetch     []string
		base      string
		want      string // the base commit
		common    string // what base and head have in common
		fetches   int
		atMost    int // commits that are there afterwards
		separated bool
	}{
		{name: "merge of a pull request", checkout: "merge", fetch: []string{"--depth=1"}, base: id("main"), want: "main", common: "main", fetches: 1, atMost: 3},
		{name: "merge, depth 2", checkout: "merge", fetch: []string{"--depth=2"}, base: id("main"), want: "main", common: "main", fetches: 0, atMost: 3},
		{name: "head of a pull request", checkout: "work", fetch: []string{"--depth=1"}, base: id("main"), want: "main", common: "work~5", fetches: 3, atMost: 330},
		{name: "branch", checkout: "work", fetch: []string{"--depth=1"}, base: "origin/main", want: "main", common: "work~5", fetches: 3, atMost: 330},
		{name: "branch by its bare name", checkout: "work", fetch: []string{"--depth=1"}, base: "main", want: "main", common: "work~5", fetches: 3, atMost: 330},
		{name: "push", checkout: "main", fetch: []string{"--depth=1"}, base: id("main~3"), want: "main~3", common: "main~3", fetches: 2, atMost: 70},
		{name: "parent", checkout: "main", fetch: []string{"--depth=1"}, base: id("main~1"), want: "main~1", common: "main~1", fetches: 1, atMost: 2},
		{name: "relative", checkout: "main", fetch: []string{"--depth=1"}, base: "HEAD~40", want: "main~40", common: "main~40", fetches: 2, atMost: 160},
		{name: "tag", checkout: "main", fetch: []string{"--depth=1"}, base: "v1", want: "v1", common: "v1", fetches: 3, atMost: 70},
		{name: "whole clone of one branch", checkout: "work", base: id("main"), want: "main", common: "work~5", fetches: 1, atMost: 405},
		{name: "all is there", checkout: "work", base: "HEAD~1", want: "work~1", common: "work~1", fetches: 0, atMost: 365},
		{name: "before a deploy", checkout: "work", fetch: []string{"--depth=1"}, base: id("main"), want: "main", fetches: 1, atMost: 2, separated: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := checkout(t, server, id(test.checkout), test.fetch...)
			c := At(dir, nil)
			log := countFetches(t)
			base, head, err := c.Reach(context.Background(), test.base, "HEAD", !test.separated)
			if err != nil {
				t.Fatal(err)
			}
			if base != id(test.want) || head != id(test.checkout) {
				t.Errorf("got %s and %s, want %s and %s", base, head, id(test.want), id(test.checkout))
			}
			if n := log(); n != test.fetches {
				t.Errorf("%d fetches, want %d", n, test.fetches)
			}
			if test.common != "" {
				if got := git(t, dir, "merge-base", base, head); got != id(test.common) {
					t.Errorf("in common %s, want %s", got, id(test.common))
				}
			}
			if n := len(strings.Fields(git(t, dir, "rev-list", base, head))); n > test.atMost {
				t.Errorf("%d commits are there, want at most %d", n, test.atMost)
			}
		})
	}
}

// countFetches puts a program before git that counts calls of git fetch from now on.
func countFetches(t *testing.T) func() int {
	t.Helper()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *' fetch '*) echo fetch >>'%s';; esac\nexec '%s' \"$@\"\n", log, real)
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() int {
		calls, _ := os.ReadFile(log)
		return strings.Count(string(calls), "fetch")
	}
}

func TestReachRefuses(t *testing.T) {
	server, id := server(t)
	dir := checkout(t, server, id("work"), "--depth=1")
	c := At(dir, nil)
	for _, test := range []struct{ base, want string }{
		{strings.Repeat("1", 40), "git fetch: "},
		{"no-such-branch", "no-such-branch"},
		{"origin/no-such-branch", "no-such-branch"},
		{"-x", "names no commit"},
		{"a b", "names no commit"},
		{":/text", "names no commit"},
		{"HEAD~1000", "names no commit"},
	} {
		if _, _, err := c.Reach(context.Background(), test.base, "HEAD", true); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("base %q: got %v, want %q", test.base, err, test.want)
		}
	}
	git(t, dir, "remote", "remove", "origin")
	if _, _, err := c.Reach(context.Background(), "absent", "HEAD", true); err == nil || !strings.Contains(err.Error(), "origin") {
		t.Errorf("without a remote: %v", err)
	}
}

// A hook of the clone is not run.
func TestReachRunsNoHook(t *testing.T) {
	server, id := server(t)
	dir := checkout(t, server, id("work"), "--depth=1")
	if err := os.WriteFile(filepath.Join(dir, ".git", "hooks", "reference-transaction"), []byte("#!/bin/sh\ntouch '"+dir+"/ran'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := At(dir, nil).Reach(context.Background(), "main", "HEAD", true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a hook was run")
	}
}

func TestCommit(t *testing.T) {
	server, id := server(t)
	dir := checkout(t, server, id("merge"), "--depth=1")
	got, parents, err := At(dir, nil).Commit(context.Background(), "HEAD")
	if err != nil || got != id("merge") || len(parents) != 2 || parents[0] != id("main") || parents[1] != id("work") {
		t.Errorf("got %s with parents %v, %v", got, parents, err)
	}
}
