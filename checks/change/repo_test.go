package change

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
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
