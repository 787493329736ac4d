package change

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWorktree(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"same", "unstaged", "staged", "staged then edited", "deleted", "rm --cached", "staged then deleted", "becomes dir", "dir/becomes file", "undone", "assumed"} {
		f.write(name, "base of "+name)
	}
	f.write("moved", numbered(0, 30))
	f.write("old/moved and edited", numbered(50, 80))
	f.write("real/in linked dir", "x")
	f.symlink("same", "link")
	f.write(".gitignore", "ignored\n*.log\n")
	f.write("tracked.log", "ignored, yet tracked")
	f.git("add", "-f", "tracked.log")
	base := f.commit("base")
	f.write("committed", "committed since")
	head := f.commit("head")

	f.write("unstaged", "edited")
	f.write("staged", "edited")
	f.git("add", "staged")
	f.write("staged then edited", "staged")
	f.git("add", "staged then edited")
	f.write("staged then edited", "edited again")
	f.write("undone", "staged and undone")
	f.git("add", "undone")
	f.write("undone", "base of undone")
	f.remove("deleted")
	f.git("rm", "-q", "--cached", "rm --cached")
	f.write("new and staged", "n")
	f.git("add", "new and staged")
	f.remove("new and staged")
	f.remove("staged then deleted")
	f.remove("becomes dir")
	f.write("becomes dir/below", "x")
	f.remove("dir")
	f.write("dir", "now a file")
	f.write("untracked/new", "untracked")
	f.write("ignored", "x")
	f.write("more.log", "x")
	f.write("tracked.log", "edited")
	f.git("update-index", "--assume-unchanged", "assumed")
	f.write("assumed", "edited")
	f.write("renamed", numbered(0, 30))
	f.remove("moved")
	f.write("new/moved and edited", numbered(50, 79)+"edit\n")
	f.remove("old")
	f.git("add", "-N", "new/moved and edited")
	f.remove("link")
	f.symlink("../outside", "link")
	f.remove("real")
	f.write("elsewhere/in linked dir", "x")
	f.symlink("elsewhere", "real")
	if err := os.Chmod(f.path("same"), 0o755); err != nil {
		t.Fatal(err)
	}
	nested := f.path("nested")
	f.git("init", "-q", nested)
	fixture{t, nested}.write("inner", "x")
	fixture{t, nested}.commit("inner")

	index, err := os.ReadFile(f.path(".git/index"))
	if err != nil {
		t.Fatal(err)
	}
	c := f.open(Options{Base: base, Worktree: true})
	want := []string{
		"modified assumed",
		"deleted becomes dir",
		"added becomes dir/below",
		"added committed",
		"deleted deleted",
		"added dir",
		"deleted dir/becomes file",
		"renamed elsewhere/in linked dir from real/in linked dir",
		"modified link (symlink)",
		"renamed new/moved and edited from old/moved and edited",
		"added real (symlink)",
		"renamed renamed from moved",
		"modified same",
		"modified staged",
		"deleted staged then deleted",
		"modified staged then edited",
		"modified tracked.log",
		"modified unstaged",
		"added untracked/new",
	}
	if runtime.GOOS == "windows" {
		t.Skip("files have no executable bit there")
	}
	wantSummary(t, c, want...)
	if !c.Dirty || c.Head != head || len(c.Commits) != 1 {
		t.Errorf("dirty %v, head %s, %d commits", c.Dirty, c.Head, len(c.Commits))
	}
	tree := c.HeadTree()
	wantContent(t, tree, "staged then edited", "edited again")
	wantContent(t, tree, "undone", "base of undone")
	wantContent(t, tree, "rm --cached", "base of rm --cached")
	wantContent(t, tree, "untracked/new", "untracked")
	wantContent(t, tree, "same", "base of same")
	wantContent(t, c.BaseTree(), "unstaged", "base of unstaged")
	for _, path := range []string{"ignored", "more.log", "deleted", "nested", "nested/", "nested/inner", "real/in linked dir", "new and staged"} {
		if _, err := tree.Read(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", path, err)
		}
	}
	for _, path := range []string{"link", "real"} {
		if _, err := tree.Read(path); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v, want ErrNotRegular", path, err)
		}
	}
	for _, file := range c.Files {
		if file.Status == Deleted {
			continue
		}
		if id, ok := tree.BlobID(file.Path); !ok || id != file.BlobID || id == "" {
			t.Errorf("%s has id %q and %q", file.Path, file.BlobID, id)
		}
		if file.Kind == Regular {
			if want := f.git("hash-object", "--no-filters", file.Path); file.BlobID != want {
				t.Errorf("%s has id %s, want %s", file.Path, file.BlobID, want)
			}
		}
	}
	if after, err := os.ReadFile(f.path(".git/index")); err != nil || string(after) != string(index) {
		t.Errorf("the index was written: %v", err)
	}
}

// What is found on disk is what is found once it has been committed.
func TestWorktreeAgreesWithCommit(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for seed := range rounds {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		f := newFixture(t)
		for i := range 40 {
			f.write(fmt.Sprintf("d%d/f%d.sql", i%5, i), numbered(i*1000, i*1000+20+random.IntN(30)))
		}
		f.write("crlf", strings.Repeat("a\r\n", 30))
		base := f.commit("base")
		for i := range 40 {
			path := fmt.Sprintf("d%d/f%d.sql", i%5, i)
			content, err := os.ReadFile(f.path(path))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(content), "\n")
			cut := random.IntN(len(lines))
			switch random.IntN(8) {
			case 0:
				f.write(path, strings.Join(lines[:cut], ""))
			case 1:
				f.remove(path)
			case 2:
				f.remove(path)
				f.write(fmt.Sprintf("moved/f%d.sql", i), string(content))
			case 3: // far enough from half, where the two measures need not agree
				f.remove(path)
				f.write(fmt.Sprintf("edited/g%d.sql", i), strings.Join(lines[:len(lines)*4/5], "")+"-- edited\n")
			case 4:
				f.remove(path)
				f.write(fmt.Sprintf("other/h%d.sql", i), strings.Join(lines[:len(lines)/4], "")+strings.Repeat("-- something else\n", 40))
			case 5:
				f.write(fmt.Sprintf("new/n%d.sql", i), numbered(i*500_000, i*500_000+10))
			}
		}
		f.remove("crlf")
		f.write("lf", strings.Repeat("a\n", 30))
		onDisk := f.open(Options{Base: base, Worktree: true})
		before := summary(onDisk.Files)
		f.commit("head")
		committed := f.open(Options{Base: base})
		if after := summary(committed.Files); before != after {
			t.Errorf("seed %d: on disk\n%s\ncommitted\n%s", seed, before, after)
		}
		if got, want := fmt.Sprint(onDisk.HeadTree().Entries()), fmt.Sprint(committed.HeadTree().Entries()); got != want {
			t.Errorf("seed %d: on disk\n%s\ncommitted\n%s", seed, got, want)
		}
		clean := f.open(Options{Base: base, Worktree: true})
		if got := summary(clean.Files); got != before {
			t.Errorf("seed %d: with a clean worktree\n%s\nwant\n%s", seed, got, before)
		}
		if n := len(clean.HeadTree().disk.ids); n != 0 {
			t.Errorf("seed %d: %d files of a clean worktree are read from disk", seed, n)
		}
	}
}

// An edit that keeps a file's size and its modification time is seen.
func TestUnseenEdit(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "SELECT 1;")
	f.commit("base")
	info, err := os.Stat(f.path("a.sql"))
	if err != nil {
		t.Fatal(err)
	}
	f.write("a.sql", "SELECT 2;")
	if err := os.Chtimes(f.path("a.sql"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	c := f.open(Options{Base: "HEAD", Worktree: true})
	wantSummary(t, c, "modified a.sql")
	wantContent(t, c.HeadTree(), "a.sql", "SELECT 2;")
}

// A file whose times changed and whose contents did not is no change and is read from git.
func TestTouchedFile(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "SELECT 1;")
	f.commit("base")
	if err := os.Chtimes(f.path("a.sql"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	c := f.open(Options{Base: "HEAD", Worktree: true})
	wantSummary(t, c)
	f.remove("a.sql")
	wantContent(t, c.HeadTree(), "a.sql", "SELECT 1;")
}

func TestFileChangesDuringTheCheck(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "a")
	f.commit("base")
	f.write("a.sql", "edited")
	f.write("b.sql", "b")
	f.write("c.sql", "c")
	c := f.open(Options{Base: "HEAD", Worktree: true})
	f.write("a.sql", "edited again")
	f.remove("b.sql")
	f.remove("c.sql")
	f.symlink("/etc/hosts", "c.sql")
	for path, want := range map[string]string{"a.sql": "changed on disk", "b.sql": "no such file", "c.sql": "escapes"} {
		if content, err := c.HeadTree().Read(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %q, %v, want an error with %q", path, content, err, want)
		}
	}
}

func TestWorktreeOddities(t *testing.T) {
	t.Run("large files", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a")
		f.write("grows.sql", "small")
		f.commit("base")
		for _, name := range []string{"grows.sql", "new.sql"} {
			f.write(name, "")
			if err := os.Truncate(f.path(name), MaxFileBytes+1); err != nil {
				t.Fatal(err)
			}
		}
		c := f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c, "modified grows.sql", "added new.sql")
		for _, name := range []string{"grows.sql", "new.sql"} {
			if _, err := c.HeadTree().Read(name); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: %v, want ErrTooLarge", name, err)
			}
		}
		wantContent(t, c.BaseTree(), "grows.sql", "small")
	})
	t.Run("unfinished merge", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a\n")
		f.write("b.sql", "b\n")
		base := f.commit("base")
		f.git("switch", "-q", "-c", "other")
		f.write("a.sql", "other\n")
		f.remove("b.sql")
		f.commit("other")
		f.git("switch", "-q", "main")
		f.write("a.sql", "main\n")
		f.write("b.sql", "main\n")
		f.commit("main")
		merge := exec.Command("git", "merge", "other")
		merge.Dir = f.dir
		if merge.Run() == nil {
			t.Fatal("the merge was to fail")
		}
		c := f.open(Options{Base: base, Worktree: true})
		wantSummary(t, c, "modified a.sql", "modified b.sql")
		content, err := c.HeadTree().Read("a.sql")
		if err != nil || !strings.Contains(string(content), "<<<<<<<") {
			t.Errorf("a.sql: %q, %v, want the conflict as it is on disk", content, err)
		}
	})
	t.Run("sparse checkout", func(t *testing.T) {
		f := newFixture(t)
		f.write("in/a.sql", "a")
		f.write("out/b.sql", "b")
		f.write("out/c.sql", "c")
		f.commit("base")
		f.git("sparse-checkout", "set", "--cone", "in")
		f.write("out/c.sql", "written all the same")
		c := f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c, "modified out/c.sql")
		wantContent(t, c.HeadTree(), "out/b.sql", "b")
		f.git("config", "index.sparse", "true")
		f.remove("out")
		f.git("sparse-checkout", "reapply")
		c = f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c)
	})
	t.Run("submodule", func(t *testing.T) {
		f, lib := newFixture(t), newFixture(t)
		lib.write("a", "a")
		first := lib.commit("one")
		lib.write("a", "b")
		lib.commit("two")
		f.git("submodule", "add", "-q", lib.dir, "lib")
		base := f.commit("base")
		f.write("lib/loose", "x")
		wantSummary(t, f.open(Options{Base: base, Worktree: true}))
		f.git("-C", "lib", "checkout", "-q", first)
		f.git("add", "lib")
		c := f.open(Options{Base: base, Worktree: true})
		wantSummary(t, c, "modified lib (submodule)")
		plain := f.clone() // without the submodule's files
		wantSummary(t, plain.open(Options{Base: base, Worktree: true}))
		f.remove("lib")
		wantSummary(t, f.open(Options{Base: base, Worktree: true}), "deleted lib (submodule)")
	})
	t.Run("split index", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a")
		f.commit("base")
		f.git("update-index", "--split-index")
		f.write("b.sql", "b")
		f.git("add", "b.sql")
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}), "added b.sql")
	})
	t.Run("no index", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a")
		f.commit("base")
		f.remove(".git/index")
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}))
	})
	t.Run("no executable bit", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sh", "a")
		f.write("b.sh", "b")
		f.commit("base")
		f.git("update-index", "--chmod=+x", "b.sh")
		f.git("config", "core.fileMode", "false")
		if err := os.Chmod(f.path("a.sh"), 0o755); err != nil {
			t.Fatal(err)
		}
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}), "modified b.sh")
	})
	t.Run("no symbolic links", func(t *testing.T) {
		f := newFixture(t)
		f.symlink("target", "link")
		f.commit("base")
		f.git("config", "core.symlinks", "false")
		f.remove("link")
		f.write("link", "target")
		c := f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c)
		f.write("link", "elsewhere")
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}), "modified link (symlink)")
	})
	t.Run("autocrlf", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a\nb\n")
		f.write("c.sql", "a\nb\n")
		f.commit("base")
		f.write("a.sql", "a\r\nb\r\n")
		f.write("c.sql", "a\r\nc\r\n")
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}), "modified a.sql", "modified c.sql")
		f.git("config", "core.autocrlf", "true")
		c := f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c, "modified c.sql")
		wantContent(t, c.HeadTree(), "a.sql", "a\nb\n")
	})
	t.Run("unreadable file", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a")
		f.commit("base")
		f.write("secret.sql", "x")
		if err := os.Chmod(f.path("secret.sql"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile(f.path("secret.sql")); err == nil {
			t.Skip("this user may read every file")
		}
		c := f.open(Options{Base: "HEAD", Worktree: true})
		wantSummary(t, c, "added secret.sql")
		if _, err := c.HeadTree().Read("secret.sql"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%v, want fs.ErrPermission", err)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		f := newFixture(t)
		f.write("a.sql", "a")
		f.commit("base")
		f.remove("a.sql")
		if err := exec.Command("mkfifo", f.path("a.sql"), f.path("b.sql")).Run(); err != nil {
			t.Skipf("this system makes no pipes: %v", err)
		}
		wantSummary(t, f.open(Options{Base: "HEAD", Worktree: true}), "deleted a.sql")
	})
}

// A configuration that puts the worktree somewhere else brings in no files of that place, nor of a repository there.
func TestWorktreeElsewhere(t *testing.T) {
	f, elsewhere := newFixture(t), newFixture(t)
	f.write("a.sql", "a")
	f.commit("base")
	elsewhere.write("private", "x")
	elsewhere.commit("private")
	f.git("config", "core.worktree", elsewhere.dir)
	f.refuse(Options{Base: "HEAD", Worktree: true}, "no files checked out")

	// Around the repository it is a worktree like any other.
	inner := fixture{t, filepath.Join(elsewhere.dir, "inner")}
	if err := os.Rename(f.dir, inner.dir); err != nil {
		t.Fatal(err)
	}
	elsewhere.write("a.sql", "edited")
	c := inner.open(Options{Base: "HEAD", Worktree: true})
	wantSummary(t, c, "modified a.sql", "added inner/a.sql", "added private")
}

// Times tell only so much: a file written at the moment the index was, or later, is read.
func TestUnchanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("four"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	changed, _ := changeTime(info)
	same := fileState{changed: changed, modified: info.ModTime(), size: 4}
	after := info.ModTime().Add(time.Nanosecond)
	for name, tt := range map[string]struct {
		indexed time.Time
		seen    fileState
		want    bool
	}{
		"as remembered":             {after, same, true},
		"written with the index":    {info.ModTime(), same, false},
		"written after the index":   {info.ModTime().Add(-time.Second), same, false},
		"other size":                {after, fileState{changed, info.ModTime(), 5}, false},
		"other time":                {after, fileState{changed, info.ModTime().Add(-1), 4}, false},
		"nothing remembered":        {after, fileState{}, false},
		"time of the index unknown": {time.Time{}, same, false},
	} {
		if got := (&disk{indexed: tt.indexed}).unchanged(tt.seen, info); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
