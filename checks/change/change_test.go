package change

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWhatDiffers(t *testing.T) {
	f := newFixture(t)
	other := newFixture(t)
	other.write("a", "a")
	first := other.commit("one")
	other.write("a", "b")
	second := other.commit("two")

	f.write("same.sql", "same\n")
	f.write("modified.sql", "old\n")
	f.write("deleted.sql", "gone\n")
	f.write("moved.sql", numbered(0, 20))
	f.write("dir/edited.sql", numbered(100, 120))
	f.write("tool.sh", "#!/bin/sh\n")
	f.write("becomes-link", "text")
	f.write("picture.png", "\x89PNG\x00\x01")
	f.write("dir.sql", "sorts between dir and dir/edited.sql in a listing\n")
	f.symlink("same.sql", "link")
	f.symlink("same.sql", "becomes-file")
	f.git("submodule", "add", "-q", other.dir, "lib")
	f.git("-C", "lib", "checkout", "-q", first)
	base := f.commit("base")

	f.write("modified.sql", "new\n")
	f.write("added.sql", "added\n")
	f.remove("deleted.sql")
	f.git("mv", "moved.sql", "dir/moved.sql")
	f.git("mv", "dir/edited.sql", "elsewhere.sql")
	f.write("elsewhere.sql", numbered(100, 118)+"something else\n")
	f.write("picture.png", "\x89PNG\x00\x02")
	f.remove("becomes-link")
	f.symlink("modified.sql", "becomes-link")
	f.remove("becomes-file")
	f.write("becomes-file", "now text")
	f.remove("link")
	f.symlink("modified.sql", "link")
	f.git("-C", "lib", "checkout", "-q", second)
	f.git("add", "-A")
	f.git("update-index", "--chmod=+x", "tool.sh")
	f.git("commit", "-q", "-m", "head")
	head := f.git("rev-parse", "HEAD")

	c := f.open(Options{Base: base})
	wantSummary(t, c,
		"added added.sql",
		"type-changed becomes-file",
		"type-changed becomes-link (symlink)",
		"deleted deleted.sql",
		"renamed dir/moved.sql from moved.sql",
		"renamed elsewhere.sql from dir/edited.sql",
		"modified lib (submodule)",
		"modified link (symlink)",
		"modified modified.sql",
		"modified picture.png",
		"modified tool.sh",
	)
	wantListing(t, f, c.BaseTree(), base)
	wantListing(t, f, c.HeadTree(), head)
	if c.Base != base || c.Head != head || c.MergeBase != base || c.BaseRef != base || c.HeadRef != "main" || c.DefaultBranch != "main" || c.Dirty || c.NothingAhead {
		t.Errorf("unexpected description: %+v", c)
	}

	byPath := map[string]File{}
	for _, file := range c.Files {
		byPath[file.Path] = file
	}
	if tool := byPath["tool.sh"]; tool.BlobID != tool.OldBlobID || tool.BlobID == "" {
		t.Errorf("only the executable bit of tool.sh changed, got ids %q and %q", tool.OldBlobID, tool.BlobID)
	}
	if moved := byPath["dir/moved.sql"]; moved.Similarity != 100 || moved.BlobID != moved.OldBlobID {
		t.Errorf("moved as it was: %+v", moved)
	}
	if edited := byPath["elsewhere.sql"]; edited.Similarity < 70 || edited.Similarity > 99 {
		t.Errorf("moved with an edit: similarity %d", edited.Similarity)
	}
	if lib := byPath["lib"]; lib.OldBlobID != first || lib.BlobID != second {
		t.Errorf("submodule: %+v", lib)
	}
	if link := byPath["becomes-link"]; link.OldKind != Regular || link.Kind != Symlink {
		t.Errorf("becomes-link: %+v", link)
	}
	if added := byPath["added.sql"]; added.OldBlobID != "" || added.OldKind != "" || added.BlobID == "" {
		t.Errorf("added: %+v", added)
	}
	if deleted := byPath["deleted.sql"]; deleted.BlobID != "" || deleted.Kind != Regular || deleted.OldBlobID == "" {
		t.Errorf("deleted: %+v", deleted)
	}
	wantContent(t, c.BaseTree(), "modified.sql", "old\n")
	wantContent(t, c.HeadTree(), "modified.sql", "new\n")
	wantContent(t, c.BaseTree(), "deleted.sql", "gone\n")
	wantContent(t, c.HeadTree(), "picture.png", "\x89PNG\x00\x02")

	back := f.open(Options{Base: head, Head: base})
	wantListing(t, f, back.BaseTree(), head)
	wantListing(t, f, back.HeadTree(), base)
	if back.MergeBase != base {
		t.Errorf("a head behind its base: merge base %s, want the head %s", back.MergeBase, base)
	}
}

func TestContentsAreAsStored(t *testing.T) {
	f := newFixture(t)
	contents := map[string]string{
		"crlf.sql":    "SELECT 1;\r\nSELECT 2;\r\n",
		"nul.sql":     "a\x00b",
		"latin1.sql":  "caf\xe9\n",
		"empty.sql":   "",
		"no-newline":  "x",
		"newlines":    "\n\n\n",
		"answer.sql":  strings.Repeat("a", 40) + " blob 3\nabc\n",
		"-dash.sql":   "dash",
		"a b\tc.sql":  "space and tab",
		":(glob)**":   "pathspec magic",
		"ünïcödé.sql": "utf-8",
	}
	if runtime.GOOS != "windows" {
		contents["line\nbreak.sql"] = "line break in the path"
		contents["quo\"te\\.sql"] = "quote in the path"
		contents["\r"] = "carriage return as path"
	}
	if runtime.GOOS == "linux" {
		contents["latin\xe9.sql"] = "path that is not UTF-8"
	}
	f.write("unrelated", "")
	f.git("config", "core.autocrlf", "true")
	f.write(".gitattributes", "*.sql text eol=crlf\n")
	base := f.commit("base")
	f.git("config", "core.autocrlf", "false")
	f.remove(".gitattributes")
	for name, content := range contents {
		f.write(name, content)
	}
	f.commit("head")
	f.write(".gitattributes", "*.sql text eol=crlf\n") // on disk only, and of no effect

	for _, o := range []Options{{Base: base}, {Base: base, Worktree: true}} {
		c := f.open(o)
		for name, content := range contents {
			wantContent(t, c.HeadTree(), name, content)
			id, ok := c.HeadTree().BlobID(name)
			if want := f.gitInput(content, "hash-object", "--stdin"); !ok || id != want {
				t.Errorf("BlobID(%q) = %q, %v, want %s", name, id, ok, want)
			}
		}
		found := map[string]bool{}
		for _, file := range c.Files {
			found[file.Path] = file.Status == Added
		}
		for name := range contents {
			if !found[name] {
				t.Errorf("%q is not listed as added (worktree %v)", name, o.Worktree)
			}
		}
	}
}

func TestCommits(t *testing.T) {
	f := newFixture(t)
	base := f.commit("base")
	f.git("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-m", "caf\xe9")
	f.git("commit", "-q", "--allow-empty", "-m", "two\nlines\n\nand a body")
	f.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
	f.git("commit", "-q", "--allow-empty", "-m", "commit 0123456789012345678901234567890123456789")
	f.git("commit", "-q", "--allow-empty", "-m", strings.Repeat("é", 600))
	f.git("config", "log.showSignature", "true")
	f.git("config", "format.pretty", "oneline")
	c := f.open(Options{Base: base})
	want := []string{strings.Repeat("é", 500), "commit 0123456789012345678901234567890123456789", "", "two lines", "café"}
	if len(c.Commits) != len(want) {
		t.Fatalf("%d commits, want %d: %+v", len(c.Commits), len(want), c.Commits)
	}
	for i, commit := range c.Commits {
		if body := map[int]string{3: "and a body"}[i]; commit.Body != body {
			t.Errorf("commit %d: body %q, want %q", i, commit.Body, body)
		}
		if commit.Title != want[i] || !commit.Time.Equal(time.Unix(1700000000, 0)) || commit.ID != f.git("rev-parse", fmt.Sprintf("HEAD~%d", i)) {
			t.Errorf("commit %d: %+v, want title %q", i, commit, want[i])
		}
	}
	if c.MoreCommits {
		t.Error("all commits are listed, MoreCommits is set")
	}
}

func TestCommitsAreBounded(t *testing.T) {
	f := newFixture(t)
	base := f.commit("base")
	var stream strings.Builder
	for i := 1; i <= MaxCommits+1; i++ {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter c <c@example.com> %d +0000\ndata <<E\nnumber %d\nE\n", 1700000000+i, i)
		if i == 1 {
			fmt.Fprintf(&stream, "from %s\n", base)
		}
	}
	f.gitInput(stream.String(), "fast-import", "--quiet")
	c := f.open(Options{Base: base})
	if len(c.Commits) != MaxCommits || !c.MoreCommits {
		t.Errorf("%d commits, more: %v", len(c.Commits), c.MoreCommits)
	}
	if got, want := c.Commits[0].Title, fmt.Sprintf("number %d", MaxCommits+1); got != want {
		t.Errorf("the newest commit is %q, want %q", got, want)
	}
	if c := f.open(Options{Base: "HEAD~" + fmt.Sprint(MaxCommits)}); len(c.Commits) != MaxCommits || c.MoreCommits {
		t.Errorf("exactly as many as are listed: %d commits, more: %v", len(c.Commits), c.MoreCommits)
	}
}

func TestNothingDiffers(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	f.commit("only")
	c := f.open(Options{})
	if len(c.Files) != 0 || len(c.Commits) != 0 || c.Base != c.Head || !c.NothingAhead || c.BaseRef != "main" || c.HeadRef != "main" {
		t.Errorf("on the default branch: %+v", c)
	}
	wantContent(t, c.BaseTree(), "a", "a")
	wantContent(t, c.HeadTree(), "a", "a")

	c = f.open(Options{Base: "HEAD", Head: "main"})
	if len(c.Files) != 0 || c.Base != c.Head || c.NothingAhead {
		t.Errorf("base equal to head, as asked for: %+v", c)
	}

	f.git("switch", "-q", "-c", "feature")
	f.write("b", "b")
	f.commit("feature")
	c = f.open(Options{})
	if c.NothingAhead || c.HeadRef != "feature" {
		t.Errorf("ahead of the default branch: %+v", c)
	}
	wantSummary(t, c, "added b")
}

// A commit that only says what another tree says is a change without files.
func TestCommitsWithoutFiles(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	base := f.commit("base")
	f.git("commit", "-q", "--allow-empty", "-m", "empty")
	c := f.open(Options{Base: base})
	if len(c.Files) != 0 || len(c.Commits) != 1 {
		t.Errorf("%d files and %d commits, want 0 and 1", len(c.Files), len(c.Commits))
	}
}

func TestFromEveryPlace(t *testing.T) {
	f := newFixture(t)
	f.write("sub/dir/a.sql", "a")
	f.write("b.sql", "b")
	f.commit("base")
	f.git("switch", "-q", "-c", "feature")
	f.write("sub/dir/new.sql", "new")
	f.write("top.sql", "top")
	head := f.commit("head")

	linked := filepath.Join(t.TempDir(), "linked")
	f.git("worktree", "add", "-q", "--detach", linked, "feature")
	bare := filepath.Join(t.TempDir(), "bare.git")
	f.git("clone", "-q", "--bare", "--single-branch", "--branch", "main", f.dir, bare)
	f.git("--git-dir", bare, "fetch", "-q", f.dir, "feature:refs/heads/feature")
	spaced := filepath.Join(t.TempDir(), "with 'quote' and space")
	f.git("clone", "-q", "-b", "feature", f.dir, spaced)
	f.git("-C", spaced, "remote", "set-head", "origin", "main")

	want := []string{"added sub/dir/new.sql", "added top.sql"}
	for name, o := range map[string]Options{
		"clone":           {Repo: f.dir},
		"sub-directory":   {Repo: f.path("sub/dir")},
		".git":            {Repo: f.path(".git")},
		"linked worktree": {Repo: linked},
		"linked, below":   {Repo: filepath.Join(linked, "sub")},
		"bare":            {Repo: bare, Head: "feature"},
		"odd path":        {Repo: spaced},
	} {
		t.Run(name, func(t *testing.T) {
			c := fixture{t, o.Repo}.open(o)
			wantSummary(t, c, want...)
			if c.Head != head || c.DefaultBranch != "main" {
				t.Errorf("head %s, want %s; default branch %q", c.Head, head, c.DefaultBranch)
			}
			wantContent(t, c.HeadTree(), "sub/dir/new.sql", "new")
		})
	}
	t.Run("current directory", func(t *testing.T) {
		t.Chdir(f.path("sub"))
		c, err := Open(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		wantSummary(t, c, want...)
	})
	t.Run("detached", func(t *testing.T) {
		c := fixture{t, linked}.open(Options{})
		if c.HeadRef != "HEAD" {
			t.Errorf("HeadRef %q, want HEAD", c.HeadRef)
		}
	})
	t.Run("worktree below", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(linked, "loose.sql"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		c := fixture{t, linked}.open(Options{Repo: filepath.Join(linked, "sub"), Worktree: true})
		wantSummary(t, c, "added loose.sql", want[0], want[1])
	})
}

func TestSHA256(t *testing.T) {
	if err := exec.Command("git", "init", "-q", "--object-format=sha256", t.TempDir()).Run(); err != nil {
		t.Skip("this git has no SHA-256 repositories")
	}
	f := newFixture(t, "--object-format=sha256")
	f.write("a", numbered(0, 10))
	base := f.commit("base")
	f.git("mv", "a", "b")
	f.write("b", numbered(0, 11))
	for _, o := range []Options{{Base: base, Worktree: true}, {Base: base}} {
		if !o.Worktree {
			f.commit("head")
		}
		c := f.open(o)
		wantSummary(t, c, "renamed b from a")
		wantContent(t, c.HeadTree(), "b", numbered(0, 11))
		if len(c.Base) != 64 || len(c.Files[0].BlobID) != 64 {
			t.Errorf("ids %q and %q, want 64 digits", c.Base, c.Files[0].BlobID)
		}
	}
}

// What a repository says about other histories and objects in place of its own is for its own commands: a check sees what
// was committed.
func TestReplacedHistoryIsNotSeen(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "harmless\n")
	base := f.commit("base")
	f.write("a.sql", "the change\n")
	head := f.commit("head")
	f.write("a.sql", "harmless\n")
	harmless := f.commit("harmless")
	f.git("reset", "-q", "--hard", head)
	f.git("replace", head, harmless)
	f.git("replace", f.git("hash-object", "-t", "blob", "a.sql"), f.git("rev-parse", base+":a.sql"))
	f.write(".git/info/grafts", head+"\n")

	c := f.open(Options{Base: base})
	wantSummary(t, c, "modified a.sql")
	if c.MergeBase != base || len(c.Commits) != 1 {
		t.Errorf("merge base %q and %d commits, want %s and 1", c.MergeBase, len(c.Commits), base)
	}
}

// Programs started by a git hook inherit variables that name a repository.
func TestInheritedEnvironment(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	other.write("other", "x")
	other.commit("other")
	f.write("a", "a")
	base := f.commit("base")
	f.write("b", "b")
	f.commit("head")
	t.Setenv("GIT_DIR", other.path(".git"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	t.Setenv("GIT_INDEX_FILE", other.path(".git/index"))
	t.Setenv("GIT_OBJECT_DIRECTORY", other.path(".git/objects"))
	t.Setenv("GIT_TRACE", "1")
	t.Setenv("GIT_EXTERNAL_DIFF", "false")
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	for _, worktree := range []bool{false, true} {
		c := f.open(Options{Base: base, Worktree: worktree})
		wantSummary(t, c, "added b")
	}
	f.refuse(Options{Base: "nowhere"}, "unknown revision")
}

func TestCostDoesNotGrow(t *testing.T) {
	log := filepath.Join(t.TempDir(), "calls")
	f := newFixture(t)
	f.write("a", "a")
	base := f.commit("base")
	for i := range 120 {
		f.write(fmt.Sprintf("dir%d/file%d.sql", i%7, i), numbered(i, i+5))
		if i%40 == 0 {
			f.commit("more")
		}
	}
	f.commit("head")
	wrapGit(t, "printf 'call\\n' >>'"+log+"'")
	for _, o := range []Options{{Base: base}, {Base: base, Worktree: true}, {}} {
		if err := os.WriteFile(log, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c := f.open(o)
		for _, e := range c.HeadTree().Entries() {
			if _, err := c.HeadTree().Read(e.Path); err != nil {
				t.Error(err)
			}
		}
		for _, e := range c.BaseTree().Entries() {
			if _, err := c.BaseTree().Read(e.Path); err != nil {
				t.Error(err)
			}
		}
		calls, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(calls), "call"); n > 8 {
			t.Errorf("%+v: %d git processes, want at most 8", o, n)
		}
	}
}
