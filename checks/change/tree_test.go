package change

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tooLarge writes a blob of one byte more than is read, and returns its id.
func (f fixture) tooLarge() string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "large")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Truncate(file, MaxFileBytes+1); err != nil {
		f.t.Fatal(err)
	}
	return f.git("-c", "core.compression=1", "hash-object", "-w", "--no-filters", file)
}

func TestWhatIsNotRead(t *testing.T) {
	f := newFixture(t)
	f.write("a.sql", "a")
	f.symlink("/etc/passwd", "link")
	f.git("add", "-A")
	f.git("update-index", "--add", "--cacheinfo", "100644,"+f.tooLarge()+",large.sql")
	f.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	f.git("commit", "-q", "-m", "base")
	tree := f.open(Options{Base: "HEAD"}).HeadTree()
	for path, want := range map[string]error{
		"missing.sql": fs.ErrNotExist,
		"":            fs.ErrNotExist,
		"a.sql/":      fs.ErrNotExist,
		"../a.sql":    fs.ErrNotExist,
		"link":        ErrNotRegular,
		"module":      ErrNotRegular,
		"large.sql":   ErrTooLarge,
	} {
		content, err := tree.Read(path)
		if !errors.Is(err, want) || content != nil {
			t.Errorf("Read(%q) = %q, %v, want %v", path, content, err, want)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("Read(%q): %v does not name the path", path, err)
		}
		if id, ok := tree.BlobID(path); ok == errors.Is(want, fs.ErrNotExist) || (id != "") != ok {
			t.Errorf("BlobID(%q) = %q, %v", path, id, ok)
		}
	}
	wantContent(t, tree, "a.sql", "a")
}

// rawTree writes a tree, unchecked, in which a path stands once for every id.
func (f fixture) rawTree(path string, ids ...string) string {
	f.t.Helper()
	var raw []byte
	for _, id := range ids {
		binary, err := hex.DecodeString(id)
		if err != nil {
			f.t.Fatal(err)
		}
		raw = append(fmt.Appendf(raw, "100644 %s\x00", path), binary...)
	}
	return f.gitInput(string(raw), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

// A tree may call a blob what is another tree.
func TestTreeThatLies(t *testing.T) {
	f := newFixture(t)
	f.write("dir/a.sql", "a")
	base := f.commit("base")
	dir := f.git("rev-parse", "HEAD:dir")
	lie := f.rawTree("lie.sql", dir)
	c, err := Open(t.Context(), Options{Repo: f.dir, Base: base, Head: f.git("commit-tree", "-m", "lie", lie)})
	if err != nil {
		return // a git that looks at types refuses the tree
	}
	defer c.Close()
	if _, err := c.HeadTree().Read("lie.sql"); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a tree read as a file: %v", err)
	}
}

func TestTreeWithAPathTwice(t *testing.T) {
	f := newFixture(t)
	base := f.commit("base")
	one := f.gitInput("one", "hash-object", "-w", "--stdin")
	two := f.gitInput("two", "hash-object", "-w", "--stdin")
	tree := f.rawTree("a.sql", one, two)
	head := f.git("commit-tree", "-m", "twice", tree)
	f.refuse(Options{Base: base, Head: head}, `"a.sql" twice`)
	f.refuse(Options{Base: head, Head: base}, `"a.sql" twice`)
}

// Eight trees, each of which names the next one thirty times, are 30^8 paths.
func TestTreeBomb(t *testing.T) {
	f := newFixture(t)
	base := f.commit("base")
	id, mode, kind := f.gitInput("x", "hash-object", "-w", "--stdin"), "100644", "blob"
	for range 8 {
		var list strings.Builder
		for i := range 30 {
			fmt.Fprintf(&list, "%s %s %s\t%s%02d\n", mode, kind, id, strings.Repeat("n", 100), i)
		}
		id, mode, kind = f.gitInput(list.String(), "mktree"), "040000", "tree"
	}
	head := f.git("commit-tree", "-m", "bomb", id)
	f.refuse(Options{Base: base, Head: head}, "git ls-tree", "bytes of answer")
}

func TestReadMany(t *testing.T) {
	f := newFixture(t)
	var paths []string
	contents := map[string]string{}
	for i := range 900 {
		path := fmt.Sprintf("dir%d/%d.sql", i%13, i)
		contents[path] = strings.Repeat(fmt.Sprintln(i), i%50)
		f.write(path, contents[path])
		paths = append(paths, path)
	}
	f.write("huge.sql", strings.Repeat("x", bytesAhead+1))
	f.git("add", "-A")
	f.git("update-index", "--add", "--cacheinfo", "100644,"+f.tooLarge()+",large.sql")
	f.git("commit", "-q", "-m", "base")
	c := f.open(Options{Base: "HEAD"})

	paths = append(paths, "missing.sql", "large.sql", "huge.sql", paths[0], "huge.sql")
	paths = append(paths, paths[:100]...)
	check := func(visited int, path string, content []byte, err error) error {
		switch {
		case path != paths[visited]:
			return fmt.Errorf("visit %d is of %s, want %s", visited, path, paths[visited])
		case path == "missing.sql" && !errors.Is(err, fs.ErrNotExist), path == "large.sql" && !errors.Is(err, ErrTooLarge):
			return fmt.Errorf("%s: unexpected error %v", path, err)
		case path == "huge.sql" && len(content) != bytesAhead+1:
			return fmt.Errorf("huge.sql has %d bytes: %v", len(content), err)
		case contents[path] != "" && string(content) != contents[path]:
			return fmt.Errorf("%s is %.40q, %v; want %.40q", path, content, err, contents[path])
		}
		return nil
	}

	t.Run("several goroutines", func(t *testing.T) {
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				tree := []*Tree{c.BaseTree(), c.HeadTree()}[i%2]
				if i >= 4 {
					for path, want := range contents {
						if got, err := tree.Read(path); err != nil || string(got) != want {
							t.Errorf("Read(%q): %v", path, err)
						}
					}
					return
				}
				visited := 0
				err := tree.ReadMany(t.Context(), paths, func(path string, content []byte, err error) error {
					wrong := check(visited, path, content, err)
					visited++
					return wrong
				})
				if err != nil || visited != len(paths) {
					t.Errorf("%d of %d visited: %v", visited, len(paths), err)
				}
			})
		}
		group.Wait()
	})
	t.Run("reading while reading", func(t *testing.T) {
		err := c.HeadTree().ReadMany(t.Context(), paths[:600], func(path string, content []byte, _ error) error {
			again, err := c.BaseTree().Read(path)
			if string(again) != string(content) {
				return fmt.Errorf("%s differs on the second reading: %w", path, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("the visitor stops", func(t *testing.T) {
		stop := errors.New("enough")
		visited := 0
		err := c.HeadTree().ReadMany(t.Context(), paths, func(string, []byte, error) error {
			visited++
			if visited == 7 {
				return stop
			}
			return nil
		})
		if err != stop || visited != 7 {
			t.Errorf("%d visited, %v", visited, err)
		}
		wantContent(t, c.HeadTree(), paths[20], contents[paths[20]])
	})
	t.Run("the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		visited := 0
		err := c.HeadTree().ReadMany(ctx, paths, func(string, []byte, error) error {
			visited++
			if visited == 3 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || visited != 3 {
			t.Errorf("%d visited, %v", visited, err)
		}
		wantContent(t, c.HeadTree(), paths[20], contents[paths[20]])
	})
	t.Run("nothing to read", func(t *testing.T) {
		if err := c.HeadTree().ReadMany(t.Context(), nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestAfterTheEnd(t *testing.T) {
	f := newFixture(t)
	f.write("a", "a")
	f.commit("base")
	for _, read := range []bool{false, true} {
		c := f.open(Options{Base: "HEAD"})
		if read {
			wantContent(t, c.HeadTree(), "a", "a")
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		if content, err := c.HeadTree().Read("a"); err == nil {
			t.Errorf("read %q after Close", content)
		}
		if len(c.HeadTree().Entries()) != 1 {
			t.Error("the listing is gone after Close")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, err := Open(ctx, Options{Repo: f.dir, Base: "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if _, err := c.HeadTree().Read("a"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// A git that ends in the middle is an error for what waits and for what comes, and no hang.
func TestGitDies(t *testing.T) {
	f := newFixture(t)
	var paths []string
	for i := range 300 {
		path := fmt.Sprint("f", i)
		f.write(path, numbered(i, i+50))
		paths = append(paths, path)
	}
	f.commit("base")
	for name, lines := range map[string]string{
		"while reading":      `case "$*" in *"cat-file --batch") read id; printf '%s blob 3\nabc\n' "$id"; read id; printf '%s blob 10\nabc' "$id"; echo "fatal: out of luck" >&2; exit 9;; esac`,
		"instead of reading": `case "$*" in *"cat-file --batch") echo "fatal: out of luck" >&2; exit 9;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			wrapGit(t, lines)
			c := fixture{t, f.dir}.open(Options{Base: "HEAD"})
			failed := 0
			err := c.HeadTree().ReadMany(t.Context(), paths, func(path string, _ []byte, err error) error {
				if err != nil {
					if failed++; !strings.Contains(err.Error(), "out of luck") {
						return fmt.Errorf("%s: %w", path, err)
					}
				}
				return nil
			})
			if err != nil || failed < 100 {
				t.Errorf("%d of %d files failed: %v", failed, len(paths), err)
			}
			if _, err := c.HeadTree().Read(paths[0]); err == nil {
				t.Error("read from a git that is gone")
			}
		})
	}
}

func TestPartialClone(t *testing.T) {
	origin := newFixture(t)
	origin.git("config", "uploadpack.allowFilter", "true")
	origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
	for i := range 30 {
		origin.write(fmt.Sprintf("%d.sql", i), numbered(i*100, i*100+20))
	}
	base := origin.commit("base")
	origin.git("switch", "-q", "-c", "feature")
	origin.write("1.sql", "changed\n")
	origin.git("mv", "2.sql", "two.sql")
	origin.git("mv", "3.sql", "three.sql")
	origin.write("three.sql", numbered(300, 320)+"and an edit\n")
	origin.commit("feature")
	origin.git("switch", "-q", "main")

	f := origin.clone("--filter=blob:none", "--branch=feature")
	absent := func() int {
		return strings.Count(f.git("rev-list", "--objects", "--all", "--missing=print"), "?")
	}
	before := absent()
	if before == 0 {
		t.Fatal("the clone is not partial")
	}
	for _, o := range []Options{{}, {Worktree: true}, {}, {Worktree: true}} {
		c := f.open(o)
		if c.Base != base {
			t.Errorf("base %s, want %s", c.Base, base)
		}
		// Renames without edits are known by their ids; the others are not, for want of the old contents.
		wantSummary(t, c, "modified 1.sql", "deleted 3.sql", "added three.sql", "renamed two.sql from 2.sql")
		_, err := c.BaseTree().Read("1.sql")
		if !errors.Is(err, ErrNotFetched) || !strings.Contains(err.Error(), "1.sql") || !strings.Contains(err.Error(), "`git fetch") {
			t.Errorf("contents that are not here: %v", err)
		}
		wantContent(t, c.HeadTree(), "1.sql", "changed\n")
		wantContent(t, c.BaseTree(), "4.sql", numbered(400, 420))
		for _, o := range []Options{{Base: strings.Repeat("1", 40)}, {Head: strings.Repeat("1", 40)}} {
			if err := f.refuse(o, "git fetch origin 1111"); !errors.Is(err, ErrUnknownRevision) {
				t.Errorf("%v is not ErrUnknownRevision", err)
			}
		}
		if o.Worktree {
			wrapGit(t, "unset GIT_NO_LAZY_FETCH") // once more as with an older git
		}
	}
	if after := absent(); after != before {
		t.Errorf("%d objects were fetched", before-after)
	}

	_, command, _ := strings.Cut(errNotFetched.Error(), "`git ")
	command, _, _ = strings.Cut(command, "`")
	f.git(strings.Fields(command)...)
	c := f.open(Options{})
	wantContent(t, c.BaseTree(), "1.sql", numbered(100, 120))
	wantSummary(t, c, "modified 1.sql", "renamed three.sql from 3.sql", "renamed two.sql from 2.sql")

	treeless := origin.clone("--filter=tree:0", "--branch=feature")
	treeless.refuse(Options{}, ErrNotFetched.Error(), "`git fetch")
}
