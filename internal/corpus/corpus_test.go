package corpus_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pmcheck/pmcheck/internal/corpus"
)

// TestProjects reads the same files from a folder, from a repository with a work tree,
// and from a bare one in a folder.
func TestProjects(t *testing.T) {
	root := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	want := map[string]string{"a.sql": "SELECT 1;\n", "src/b c.go": "", "src/é.txt": "no line's end"}
	for _, dir := range []string{"folder", "clone"} {
		for path, text := range want {
			file := filepath.Join(root, dir, path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	clone := filepath.Join(root, "clone")
	git("init", "-q", clone)
	git("-C", clone, "add", ".")
	git("-C", clone, "commit", "-q", "-m", "all")
	git("clone", "-q", "--bare", clone, filepath.Join(root, "mirror", "repo"))

	t.Setenv("PMCHECK_CORPUS", root)
	var names []string
	for _, p := range corpus.Projects(t) {
		names = append(names, p.Name)
		if !slices.Equal(p.Paths(), []string{"a.sql", "src/b c.go", "src/é.txt"}) {
			t.Errorf("%s has %q", p.Name, p.Paths())
		}
		if err := p.ReadMany(t.Context(), p.Paths(), func(path string, content []byte, err error) error {
			if err != nil || string(content) != want[path] {
				t.Errorf("%s: %s is %q, %v", p.Name, path, content, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if _, err := p.Read("nope"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file that is not there: %v", p.Name, err)
		}
		if id, ok := p.BlobID("a.sql"); !ok || (id == "") != (p.Name == "folder") {
			t.Errorf("%s: blob %q %v", p.Name, id, ok)
		}
	}
	if !slices.Equal(names, []string{"clone", "folder", "mirror"}) {
		t.Errorf("projects %q", names)
	}
}
