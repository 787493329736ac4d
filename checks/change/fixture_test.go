package change

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMain keeps the configuration of whoever runs the tests out of them, and gives commits a fixed author and date.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "change-test-home")
	if err != nil {
		panic(err)
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home,
		"GIT_CONFIG_GLOBAL": filepath.Join(home, "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "1700000000 +0000",
		"GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@example.com", "GIT_COMMITTER_DATE": "1700000000 +0000",
	} {
		os.Setenv(name, value)
	}
	// A clone of a directory takes the same way as one of a server; submodules may be added from directories.
	config := "[protocol \"file\"]\n\tallow = always\n[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
	if err := os.WriteFile(filepath.Join(home, "gitconfig"), []byte(config), 0o600); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(home)
	os.Exit(status)
}

// fixture is a git repository for a test.
type fixture struct {
	t   testing.TB
	dir string
}

// newFixture makes an empty repository whose branch is main.
func newFixture(t testing.TB, initArgs ...string) fixture {
	t.Helper()
	f := fixture{t, t.TempDir()}
	f.git(append([]string{"init", "-q", "-b", "main"}, initArgs...)...)
	return f
}

// clone clones the fixture into a new directory.
func (f fixture) clone(args ...string) fixture {
	f.t.Helper()
	dir := filepath.Join(f.t.TempDir(), "clone")
	f.git(append(append([]string{"clone", "-q"}, args...), "file://"+filepath.ToSlash(f.dir), dir)...)
	return fixture{f.t, dir}
}

// git runs git and returns what it prints, without the last line break.
func (f fixture) git(args ...string) string {
	f.t.Helper()
	return f.gitInput("", args...)
}

func (f fixture) gitInput(input string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = f.dir
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (f fixture) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f fixture) write(name, content string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.path(name), []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) remove(name string) {
	f.t.Helper()
	if err := os.RemoveAll(f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) symlink(target, name string) {
	f.t.Helper()
	if err := os.Symlink(target, f.path(name)); err != nil {
		f.t.Skipf("this system makes no symbolic links: %v", err)
	}
}

// commit commits everything on disk and returns the commit's id.
func (f fixture) commit(title string) string {
	f.t.Helper()
	f.git("add", "-A")
	f.git("commit", "-q", "--allow-empty", "-m", title)
	return f.git("rev-parse", "HEAD")
}

// open opens a change that is closed when the test ends.
func (f fixture) open(o Options) *Change {
	f.t.Helper()
	if o.Repo == "" {
		o.Repo = f.dir
	}
	c, err := Open(context.Background(), o)
	if err != nil {
		f.t.Fatalf("Open(%+v): %v", o, err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c
}

// refuse opens a change that cannot be opened, and wants each of the given texts in the message.
func (f fixture) refuse(o Options, wants ...string) error {
	f.t.Helper()
	if o.Repo == "" {
		o.Repo = f.dir
	}
	c, err := Open(context.Background(), o)
	if err == nil {
		c.Close()
		f.t.Fatalf("Open(%+v): no error, want one with %q", o, wants)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			f.t.Errorf("Open(%+v):\n got %q\nwant %q in it", o, err, want)
		}
	}
	return err
}

// wrapGit puts a program in front of git that runs the given shell lines first.
func wrapGit(t *testing.T, lines string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a POSIX shell")
	}
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nREAL='%s'\n%s\nexec '%s' \"$@\"\n", real, lines, real)
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// summary is a change's files in one line each.
func summary(files []File) string {
	var lines []string
	for _, f := range files {
		line := fmt.Sprintf("%s %s", f.Status, f.Path)
		switch {
		case f.Status == Renamed:
			line += fmt.Sprintf(" from %s", f.OldPath)
		case f.Kind != Regular:
			line += fmt.Sprintf(" (%s)", f.Kind)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func wantSummary(t testing.TB, c *Change, lines ...string) {
	t.Helper()
	if got, want := summary(c.Files), strings.Join(lines, "\n"); got != want {
		t.Errorf("files differ:\n got:\n%s\nwant:\n%s", got, want)
	}
}

func wantContent(t testing.TB, tree *Tree, path, want string) {
	t.Helper()
	got, err := tree.Read(path)
	if err != nil {
		t.Errorf("Read(%q): %v", path, err)
	} else if string(got) != want {
		t.Errorf("Read(%q) = %.100q, want %.100q", path, got, want)
	}
}

// wantListing compares a tree with what git itself lists of a commit.
func wantListing(t testing.TB, f fixture, tree *Tree, commit string) {
	t.Helper()
	entries, err := parseTree(f.git("ls-tree", "-r", "-z", "--full-tree", commit))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(tree.Entries()), fmt.Sprint(entries); got != want {
		t.Errorf("tree of %s:\n got %s\nwant %s", commit, got, want)
	}
}

// numbered is text of a number of different lines.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}
