package change

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultBranch(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(f fixture) // on a clone of a repository with main, whose HEAD is at feature
		branch  string
		ref     string
	}{
		{"origin/main", func(f fixture) {}, "main", "origin/main"},
		{"origin/HEAD first", func(f fixture) {
			f.git("update-ref", "refs/remotes/origin/trunk", "origin/main")
			f.git("remote", "set-head", "origin", "trunk")
		}, "trunk", "origin/trunk"},
		{"name with a slash", func(f fixture) {
			f.git("update-ref", "refs/remotes/origin/release/1.x", "origin/main")
			f.git("remote", "set-head", "origin", "release/1.x")
		}, "release/1.x", "origin/release/1.x"},
		{"origin/HEAD of a deleted branch", func(f fixture) {
			f.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
		}, "main", "origin/main"},
		{"origin/HEAD never fetched", func(f fixture) { f.git("remote", "set-head", "origin", "-d") }, "main", "origin/main"},
		{"origin/master", func(f fixture) {
			f.git("remote", "set-head", "origin", "-d")
			f.git("update-ref", "refs/remotes/origin/master", "origin/main")
			f.git("update-ref", "-d", "refs/remotes/origin/main")
		}, "master", "origin/master"},
		{"local main", func(f fixture) {
			f.git("branch", "main", "origin/main")
			f.git("remote", "rm", "origin")
		}, "main", "main"},
		{"local master", func(f fixture) {
			f.git("branch", "master", "origin/main")
			f.git("remote", "rm", "origin")
		}, "master", "master"},
		{"init.defaultBranch", func(f fixture) {
			f.git("branch", "trunk", "origin/main")
			f.git("remote", "rm", "origin")
			f.git("config", "init.defaultBranch", "trunk")
		}, "trunk", "trunk"},
		{"a tag named main is not a branch", func(f fixture) {
			f.git("tag", "main", "HEAD")
			f.git("tag", "origin/main", "HEAD")
		}, "main", "origin/main"},
	}
	origin := newFixture(t)
	base := origin.commit("base")
	origin.git("branch", "feature")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := origin.clone()
			f.t = t
			f.git("switch", "-q", "feature")
			f.git("branch", "-D", "main")
			f.write("new", "new")
			f.commit("head")
			tt.prepare(f)
			c := f.open(Options{})
			if c.DefaultBranch != tt.branch || c.BaseRef != tt.ref || c.Base != base || c.MergeBase != base || c.HeadRef != "feature" {
				t.Errorf("default branch %q, base %q %s, head %q; want %q, %q, %s", c.DefaultBranch, c.BaseRef, c.Base, c.HeadRef, tt.branch, tt.ref, base)
			}
			wantSummary(t, c, "added new")
			c = f.open(Options{Base: "HEAD~1"})
			if c.DefaultBranch != tt.branch || c.BaseRef != "HEAD~1" {
				t.Errorf("with a named base: default branch %q, base %q", c.DefaultBranch, c.BaseRef)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		f := origin.clone()
		f.t = t
		f.git("switch", "-q", "feature")
		f.git("branch", "-D", "main")
		f.git("remote", "rm", "origin")
		if err := f.refuse(Options{}, "--base"); !errors.Is(err, ErrNoDefaultBranch) {
			t.Errorf("%v is not ErrNoDefaultBranch", err)
		}
		if c := f.open(Options{Base: "HEAD"}); c.DefaultBranch != "" {
			t.Errorf("default branch %q, want none", c.DefaultBranch)
		}
	})
	t.Run("bare", func(t *testing.T) {
		origin.git("branch", "-f", "trunk", base)
		f := origin.clone("--bare")
		f.t = t
		f.git("symbolic-ref", "HEAD", "refs/heads/trunk")
		if c := f.open(Options{Head: "feature"}); c.DefaultBranch != "trunk" {
			t.Errorf("default branch %q, want the one that HEAD of a bare repository is on", c.DefaultBranch)
		}
		f.git("symbolic-ref", "HEAD", "refs/heads/nowhere")
		if c := f.open(Options{Head: "feature"}); c.DefaultBranch != "main" {
			t.Errorf("default branch %q, want main where HEAD names no commit", c.DefaultBranch)
		}
		f.refuse(Options{}, "HEAD names no commit", "--head")
	})
}

func TestMergeBase(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	root := f.commit("root")
	f.git("switch", "-q", "-c", "feature")
	f.write("feature", "x")
	f.commit("feature")
	f.git("switch", "-q", "main")
	f.write("main", "y")
	main := f.commit("main")
	f.git("switch", "-q", "feature")

	c := f.open(Options{})
	wantSummary(t, c, "added feature")
	if c.Base != root || c.MergeBase != root {
		t.Errorf("base %s, merge base %s, want %s", c.Base, c.MergeBase, root)
	}

	c = f.open(Options{Base: "main"})
	wantSummary(t, c, "added feature", "deleted main")
	if c.Base != main || c.MergeBase != root || len(c.Commits) != 1 {
		t.Errorf("base %s, merge base %s, %d commits; want %s, %s, 1", c.Base, c.MergeBase, len(c.Commits), main, root)
	}

	c = f.open(Options{Base: "main", FromMergeBase: true})
	wantSummary(t, c, "added feature")
	if c.Base != root || c.MergeBase != root || c.BaseRef != "main" || c.NothingAhead {
		t.Errorf("from the merge base: %+v", c)
	}
	c = f.open(Options{Base: "feature", Head: "main~1", FromMergeBase: true})
	if !c.NothingAhead || len(c.Files) != 0 {
		t.Errorf("a head that the base contains: %+v", c)
	}

	// Each branch merges the other: two best common ancestors, and git's choice is taken.
	f.git("branch", "old-main", "main")
	f.git("switch", "-q", "main")
	f.git("merge", "-q", "--no-edit", "feature")
	f.git("switch", "-q", "feature")
	f.git("merge", "-q", "--no-edit", "old-main")
	c = f.open(Options{})
	want := f.git("merge-base", "feature", "main")
	if all := strings.Fields(f.git("merge-base", "--all", "feature", "main")); len(all) != 2 {
		t.Fatalf("the test wants two merge bases, got %v", all)
	}
	if c.Base != want {
		t.Errorf("base %s, want %s", c.Base, want)
	}
}

func TestUnrelatedHistories(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	f.commit("main")
	f.git("switch", "-q", "--orphan", "island")
	f.write("b", "b")
	f.commit("island")
	f.refuse(Options{}, "island", "main", "unrelated", "--base")
	f.refuse(Options{Base: "main", FromMergeBase: true}, "island", "main", "unrelated")

	// Two trees can be compared whatever their histories, as after a rewrite of the history of what runs.
	c := f.open(Options{Base: "main"})
	wantSummary(t, c, "deleted a", "added b")
	if c.MergeBase != "" {
		t.Errorf("merge base %s, want none", c.MergeBase)
	}
}

func TestRevisions(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	base := f.commit("base of all")
	f.git("tag", "-a", "v1", "-m", "annotated")
	f.git("tag", "light")
	f.write("a", "b")
	f.commit("head")
	f.git("update-ref", "refs/heads/-dash", base)
	f.git("update-ref", "refs/heads/--output=x", base)

	for _, revision := range []string{base, base[:10], "v1", "light", "HEAD~1", "HEAD^", "refs/tags/v1", "v1^{commit}", ":/base of", "HEAD@{1}", "-dash", "--output=x"} {
		c := f.open(Options{Base: revision})
		if c.Base != base || c.BaseRef != revision {
			t.Errorf("revision %q is %s, want %s", revision, c.Base, base)
		}
	}
	if _, err := os.Stat(f.path("x")); err == nil {
		t.Error("a revision was taken as an option")
	}

	for revision, wants := range map[string][]string{
		"nowhere":                       {"unknown revision", `"nowhere"`, "spelling"},
		"--all":                         {`"--all"`},
		"--upload-pack=touch x":         {"upload-pack"},
		"HEAD~9":                        {`"HEAD~9"`},
		"HEAD:a":                        {"is a blob, not a commit"},
		"HEAD^{tree}":                   {"is a tree, not a commit"},
		"HEAD\nHEAD":                    {"unknown revision"},
		"HEAD\x00":                      {"unknown revision"},
		" ":                             {"unknown revision"},
		strings.Repeat("x", 100_000):    {"unknown revision"},
		strings.Repeat("f", 40):         {"unknown revision"},
		base + " commit 12":             {"unknown revision"},
		"HEAD..main":                    {"unknown revision"},
		"\xff\xfe":                      {"unknown revision"},
		"refs/remotes/origin/elsewhere": {"unknown revision"},
	} {
		for _, o := range []Options{{Base: revision}, {Base: base, Head: revision}} {
			if err := f.refuse(o, wants...); !errors.Is(err, ErrUnknownRevision) {
				t.Errorf("%.60q: %v is not ErrUnknownRevision", revision, err)
			}
		}
	}
}

func TestAmbiguousRevision(t *testing.T) {
	f := newFixture(t)
	f.commit("head")
	head := f.git("cat-file", "commit", "HEAD")
	made := map[string]string{}
	for i := 0; ; i++ { // until two ids have their first digits in common
		commit := fmt.Sprintf("%s, %d\n", head, i)
		id := fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(commit), commit)))
		other, ok := made[id[:5]]
		if !ok {
			made[id[:5]] = commit
			continue
		}
		f.gitInput(commit, "hash-object", "-t", "commit", "-w", "--stdin")
		f.gitInput(other, "hash-object", "-t", "commit", "-w", "--stdin")
		f.refuse(Options{Base: id[:5]}, id[:5], "several objects", "digits")
		return
	}
}

func TestHowToFetch(t *testing.T) {
	origin := newFixture(t)
	origin.commit("one")
	origin.commit("two")
	f := origin.clone("--no-tags") // else a fetched commit brings its tags, in whatever order the commands are tried
	origin.git("tag", "v2")
	origin.git("branch", "release/2")
	origin.git("commit", "-q", "--allow-empty", "-m", "three")
	id := origin.git("rev-parse", "HEAD")

	for revision, wants := range map[string][]string{
		"v2":               {`"v2"`, "`git fetch origin tag v2`"},
		"origin/release/2": {"`git fetch origin +refs/heads/release/2:refs/remotes/origin/release/2`"},
		id:                 {"`git fetch origin " + id + "`"},
		"HEAD~7":           {"spelling"},
		"v2;rm":            {"spelling"},
		"-v2":              {"spelling"},
	} {
		err := f.refuse(Options{Base: revision}, wants...)
		// What the message says in backquotes is what a person types.
		if _, rest, ok := strings.Cut(err.Error(), "`git "); ok {
			command, _, _ := strings.Cut(rest, "`")
			f.git(strings.Fields(command)...)
			f.open(Options{Base: revision})
		} else if strings.Contains(wants[len(wants)-1], "git fetch") {
			t.Errorf("%q: no command in %v", revision, err)
		}
	}
}

func TestShallowClone(t *testing.T) {
	origin := newFixture(t)
	for i := range 8 {
		origin.write("a", fmt.Sprint(i))
		origin.commit(fmt.Sprint("main ", i))
	}
	origin.git("switch", "-q", "-c", "feature", "main~3")
	origin.write("b.sql", "b")
	origin.commit("feature 1")
	origin.commit("feature 2")
	origin.git("switch", "-q", "main")

	f := origin.clone("--depth=1", "--no-single-branch", "--branch=feature")
	message := f.refuse(Options{}, "shallow", "feature", "origin/main", "`git fetch --unshallow origin`", "`git fetch --deepen=50 origin main`").Error()
	f.refuse(Options{Worktree: true}, "shallow")
	f.refuse(Options{Base: "origin/main", FromMergeBase: true}, "shallow", "`git fetch --unshallow origin`")
	f.refuse(Options{Base: "HEAD~1"}, `"HEAD~1"`, "shallow", "`git fetch --unshallow origin`")
	f.refuse(Options{Base: strings.Repeat("0", 39) + "1"}, "shallow", "git fetch origin 0000")

	c := f.open(Options{Base: "origin/main"})
	wantSummary(t, c, "modified a", "added b.sql")
	if c.MergeBase != "" || !c.MoreCommits || len(c.Commits) != 1 {
		t.Errorf("merge base %q, %d commits, more %v", c.MergeBase, len(c.Commits), c.MoreCommits)
	}

	// Both pieces of advice lead out, and the first one alone.
	advice := strings.Split(message, "`")
	deepened := fixture{t, f.dir + "-copy"}
	if err := os.CopyFS(deepened.dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	for i, g := range []fixture{f, deepened} {
		g.git(strings.Fields(advice[1+2*i])[1:]...)
		c := g.open(Options{})
		wantSummary(t, c, "added b.sql")
		if c.MoreCommits || len(c.Commits) != 2 {
			t.Errorf("after %q: %d commits, more %v", advice[1+2*i], len(c.Commits), c.MoreCommits)
		}
	}

	single := origin.clone("--depth=1", "--branch=feature") // as continuous integration does it: no default branch at all
	single.git("remote", "set-head", "origin", "-d")
	single.git("update-ref", "refs/remotes/origin/HEAD", "HEAD")
	err := single.refuse(Options{}, "--base", "git fetch --unshallow origin")
	if !errors.Is(err, ErrNoDefaultBranch) {
		t.Errorf("%v is not ErrNoDefaultBranch", err)
	}
	advice = strings.Split(strings.ReplaceAll(err.Error(), "'", ""), "`")
	single.git(strings.Fields(advice[1])[1:]...)
	single.git(strings.Fields(advice[3])[1:]...)
	wantSummary(t, single.open(Options{}), "added b.sql")
}

func TestNotARepository(t *testing.T) {
	f := newFixture(t)
	f.write("file", "")
	f.refuse(Options{Repo: t.TempDir()}, "not in a git repository", "--repo")
	f.refuse(Options{Repo: f.path("missing")}, "missing", "no such directory")
	f.refuse(Options{Repo: f.path("file")}, "file", "not a directory")
	f.refuse(Options{}, "HEAD names no commit")
	f.refuse(Options{Worktree: true}, "HEAD names no commit")
	f.refuse(Options{Worktree: true, Head: "main"}, `"main"`, "one of the two")
	f.commit("one")
	bare := f.clone("--bare")
	bare.refuse(Options{Worktree: true}, "no files checked out")
	f.refuse(Options{Repo: f.path(".git"), Worktree: true}, "no files checked out")

	f.write(".git/config", "[core\n")
	f.refuse(Options{}, "bad config line 1")
	t.Run("no git", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		fixture{t, f.dir}.refuse(Options{}, "git program", "install git")
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, Options{Repo: bare.dir}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}

// git refuses repositories of other users. Its message, with what to do, is passed on, and a user's exception is obeyed.
func TestDubiousOwnership(t *testing.T) {
	f := newFixture(t)
	f.commit("one")
	wrapGit(t, "GIT_TEST_ASSUME_DIFFERENT_OWNER=1; export GIT_TEST_ASSUME_DIFFERENT_OWNER")
	f.refuse(Options{}, "dubious ownership", "safe.directory")
	f.refuse(Options{Worktree: true}, "dubious ownership")

	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
	t.Setenv("GIT_CONFIG_VALUE_0", "*")
	f.open(Options{})
}

func TestDamagedRepository(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "first")
	base := f.commit("base")
	f.write("a.sql", "second")
	f.write("dir/b.sql", "b")
	f.commit("head")
	lose := func(revision string) {
		id := f.git("rev-parse", revision)
		if err := os.Remove(f.path(filepath.Join(".git/objects", id[:2], id[2:]))); err != nil {
			t.Fatal(err)
		}
	}
	lose(base + ":a.sql")
	c := f.open(Options{Base: base})
	wantSummary(t, c, "modified a.sql", "added dir/b.sql")
	if _, err := c.BaseTree().Read("a.sql"); err == nil || !strings.Contains(err.Error(), "damaged") || errors.Is(err, ErrNotFetched) {
		t.Errorf("a lost blob: %v", err)
	}
	wantContent(t, c.HeadTree(), "a.sql", "second")
	lose("HEAD:dir")
	f.refuse(Options{Base: base}, "git ")
}
