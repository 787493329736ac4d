package code

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
)

// openProject opens a bare repository of the corpus.
func openProject(t testing.TB, dir string) *change.Change {
	t.Helper()
	c, err := change.Open(t.Context(), change.Options{Repo: dir, Base: "HEAD", Head: "HEAD"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func codePaths(c *change.Change) []string {
	var paths []string
	for _, e := range c.HeadTree().Entries() {
		if e.Kind == change.Regular && IsCode(e.Path, nil) {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// TestCorpus reads real projects whole. PMCHECK_CORPUS is a folder of bare
// repositories OWNER+NAME/repo; -run TestCorpus/NAME chooses one.
func TestCorpus(t *testing.T) {
	root := os.Getenv("PMCHECK_CORPUS")
	if root == "" {
		t.Skip("PMCHECK_CORPUS names no folder of bare repositories")
	}
	repos, err := filepath.Glob(filepath.Join(root, "*", "repo"))
	if err != nil || len(repos) == 0 {
		t.Fatalf("no repositories in %s: %v", root, err)
	}
	for _, dir := range repos {
		t.Run(filepath.Base(filepath.Dir(dir)), func(t *testing.T) {
			c := openProject(t, dir)
			start := time.Now()
			found, err := Find(t.Context(), c.HeadTree(), codePaths(c), AllNames())
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			for _, q := range found.Queries {
				count[q.Source]++
				if q.Partial != "" {
					count["partial"]++
				}
				if reason, _ := syntaxError(q.SQL); reason != "" {
					t.Errorf("%s:%d: %s is refused: %s", q.Path, q.Line, q.SQL, reason)
				}
			}
			t.Logf("%d files, %d parsed, %d queries %v, %d look like SQL, %d unread, %v", found.Files, found.Parsed, len(found.Queries), count, len(found.Mentions), len(found.Unread), time.Since(start).Round(time.Millisecond))
			if file := os.Getenv("PMCHECK_CORPUS_LIST"); file != "" {
				writeFound(t, filepath.Join(file, filepath.Base(filepath.Dir(dir))+".txt"), found)
			}
		})
	}
}

// writeFound writes what was found to a file, for reading.
func writeFound(t *testing.T, file string, found *Found) {
	var b strings.Builder
	for _, q := range found.Queries {
		fmt.Fprintf(&b, "Q %s %s:%d-%d %s [%s] %s\n", q.Source, q.Path, q.Line, q.EndLine, q.Name, q.Partial, strings.Join(strings.Fields(q.SQL), " "))
	}
	for _, m := range found.Mentions {
		fmt.Fprintf(&b, "M %s:%d %s %s | %s\n", m.Path, m.Line, m.Name, m.Reason, m.Text)
	}
	for _, u := range slices.Sorted(slices.Values(found.Unread)) {
		fmt.Fprintf(&b, "U %s\n", u)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
