package change

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func (f fixture) openRepo() *Repo {
	f.t.Helper()
	c, err := OpenRepo(f.t.Context(), f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func TestFindRef(t *testing.T) {
	f := newFixture(t)
	at := func(name string, day int, args ...string) string {
		t.Setenv("GIT_COMMITTER_DATE", fmt.Sprintf("2026-11-%02dT12:00:00Z", day))
		id := f.commit(name)
		if len(args) > 0 {
			f.git(args...)
		}
		return id
	}
	v1 := at("one", 1, "tag", "v1.0")
	v2 := at("two", 2, "tag", "-a", "v1.1", "-m", "annotated")
	f.git("tag", "other-9")
	f.git("switch", "-q", "-c", "hotfix")
	at("hotfix", 3, "tag", "v1.1.1")
	f.git("switch", "-q", "main")
	f.git("branch", "deploy/production", v1)
	f.git("branch", "deploy/production-eu", v2)
	at("three", 4, "tag", "v1.2")
	clone := f.clone()
	c := clone.openRepo()
	head, err := c.Commit(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, want := range map[string]string{
		"v*":                                    "v1.1 " + v2, // not the head's own, not the hotfix that it does not have
		"v1.0":                                  "v1.0 " + v1,
		"v1.[0-9]":                              "v1.1 " + v2,
		"deploy/production":                     "origin/deploy/production " + v1,
		"refs/remotes/origin/deploy/production": "origin/deploy/production " + v1,
		"deploy":                                "",
		"release-*":                             "",
		"--format=x":                            "",
		"../heads/main":                         "",
		"v1.0\nx":                               "",
	} {
		r, ok, err := c.FindRef(t.Context(), pattern, head)
		if got := strings.TrimSpace(r.Name + " " + r.Commit); err != nil || got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", pattern, got, err, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	f := newFixture(t)
	f.write("a/b.yml", "text")
	f.symlink("b.yml", "a/link")
	f.commit("one")
	c := f.openRepo()
	if content, err := c.ReadFile(t.Context(), "HEAD", "a/b.yml", 4); string(content) != "text" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if _, err := c.ReadFile(t.Context(), "HEAD", "a/b.yml", 3); err == nil {
		t.Error("a file beyond the limit is read")
	}
	for _, path := range []string{"a", "b.yml", "a/link", ":(glob)**", ""} {
		if _, err := c.ReadFile(t.Context(), "HEAD", path, 100); err == nil {
			t.Errorf("%q is read", path)
		} else if path != "" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := c.ReadFile(t.Context(), "nowhere", "a/b.yml", 100); !errors.Is(err, ErrUnknownRevision) {
		t.Errorf("a revision that is not there: %v", err)
	}
	if revision, name, err := c.DefaultBranch(t.Context()); revision != "main" || name != "main" || err != nil {
		t.Errorf("default branch %q, %q, %v", revision, name, err)
	}
	head, _ := c.Commit(t.Context(), "HEAD")
	if parent, err := c.FirstParent(t.Context(), head); parent != "" || err != nil {
		t.Errorf("a root's parent: %q, %v", parent, err)
	}
}

func TestLastChange(t *testing.T) {
	dir := t.TempDir()
	at := func(stamp, name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"add", "--", ":(literal)" + name}, {"-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "x"}} {
			cmd := exec.CommandContext(t.Context(), "git", args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_DATE="+stamp, "GIT_COMMITTER_DATE="+stamp)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %s: %v\n%s", args, err, out)
			}
		}
	}
	if out, err := exec.CommandContext(t.Context(), "git", "-c", "init.defaultBranch=main", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	at("2026-03-01T10:00:00Z", "*.md", "one")
	at("2026-03-02T10:00:00Z", "other.md", "one")
	at("2026-03-03T10:00:00Z", "other.md", "two")
	repo, err := OpenRepo(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"*.md": "2026-03-01T10:00:00Z", "other.md": "2026-03-03T10:00:00Z", "never.md": "", "--all": ""} {
		got, found, err := repo.LastChange(t.Context(), "HEAD", path)
		if err != nil || found != (want != "") || found && got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %t, %v; want %s", path, got, found, err, want)
		}
	}
	if _, _, err := repo.LastChange(t.Context(), "no-such-revision", "other.md"); err == nil {
		t.Error("a revision that is not there has a last change")
	}
}
