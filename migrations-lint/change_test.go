package lint

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// tree is the files of one revision, in memory.
type tree map[string]string

func (t tree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

func (t tree) Read(path string) ([]byte, error) {
	content, ok := t[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(content), nil
}

func (t tree) ReadMany(ctx context.Context, paths []string, visit func(string, []byte, error) error) error {
	for _, path := range paths {
		content, err := t.Read(path)
		if err := visit(path, content, err); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (t tree) BlobID(path string) (string, bool) {
	content, ok := t[path]
	return content, ok
}

// with is the tree after a change; an empty content deletes a file.
func (t tree) with(change tree) tree {
	head := maps.Clone(t)
	for path, content := range change {
		if head[path] = content; content == "" {
			delete(head, path)
		}
	}
	return head
}

// judgeChange judges what lies between two trees, which hold one database.
func judgeChange(t *testing.T, base, head tree, configs ...layout.Config) *Result {
	t.Helper()
	req := Request{BaseFiles: base, HeadFiles: head, Touched: map[string]Touched{}, Version: 17}
	detect := func(files tree) *layout.Database {
		found, err := layout.Detect(files, configs)
		if err != nil {
			t.Fatal(err)
		}
		switch len(found) {
		case 0:
			return nil
		case 1:
			return &found[0]
		}
		t.Fatalf("%d databases are found, want one", len(found))
		return nil
	}
	req.Base, req.Head = detect(base), detect(head)
	for path, content := range head {
		switch was, ok := base[path]; {
		case !ok:
			req.Touched[path] = Touched{Status: Added}
		case was != content:
			req.Touched[path] = Touched{Status: Edited}
		}
	}
	for path, content := range base {
		if _, ok := head[path]; ok {
			continue
		}
		req.Touched[path] = Touched{Status: Deleted}
		for other := range head {
			if _, old := base[other]; !old && head[other] == content {
				delete(req.Touched, path)
				req.Touched[other] = Touched{Status: Renamed, OldPath: path}
			}
		}
	}
	if req.Head != nil && req.Head.Baseline != "" {
		req.DumpTouched = base[req.Head.Baseline] != head[req.Head.Baseline]
	}
	result, err := Judge(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// judgeAlone judges files without a history.
func judgeAlone(t *testing.T, files tree) *Result {
	t.Helper()
	result, err := Files(t.Context(), layout.Loose(files.Paths()), files, 17)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// migration finds a migration of a result.
func (r *Result) migration(t *testing.T, path string) Migration {
	t.Helper()
	for _, m := range r.Migrations {
		if m.Path == path && m.Direction != layout.Down {
			return m
		}
	}
	t.Fatalf("%s is not in the result", path)
	return Migration{}
}

// problems are what could not be analysed, a line each.
func problems(r *Result) string {
	var lines []string
	for _, m := range r.Migrations {
		for _, p := range m.Problems {
			lines = append(lines, fmt.Sprintf("%s:%d %s: %s", p.Place.Path, p.Place.Line, p.Kind, p.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

// listed says something of each operation of a migration, a line each.
func listed(m Migration, say func(Statement) string) string {
	var lines []string
	for _, s := range m.Statements {
		if text := say(s); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}

func deltas(r *Result) string {
	var lines []string
	for _, c := range r.Delta {
		var causes []string
		for _, p := range c.CausedBy {
			causes = append(causes, fmt.Sprintf("%s:%d", strings.TrimSuffix(p.Path[strings.LastIndex(p.Path, "/")+1:], ".sql"), p.Line))
		}
		required := ""
		if c.Required {
			required = ", required"
		}
		lines = append(lines, fmt.Sprintf("%s%s <- %s", describe(c.Change), required, strings.Join(causes, " ")))
	}
	return strings.Join(lines, "\n")
}

// plainFiles are numbered files that a project's own runner runs, each in a transaction.
var plainFiles = layout.Config{Migrations: []string{"m"}, Framework: "plain", Transaction: layout.InFile}
