package pipeline

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is expected in testdata anew")

// memory is a tree of files.
type memory map[string]string

func (m memory) Under(dir string) []string {
	var out []string
	for path := range m {
		if strings.HasPrefix(path, dir) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (m memory) Has(path string) bool { _, ok := m[path]; return ok }

func (m memory) Read(path string) ([]byte, error) {
	text, ok := m[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// outline lists what was found, a line each.
func outline(p Pipeline) string {
	var b strings.Builder
	for _, provider := range p.Providers {
		fmt.Fprintf(&b, "%s\n", provider.Name)
		for _, problem := range provider.Problems {
			fmt.Fprintf(&b, "  problem %s:%d: %s\n", problem.Path, problem.Line, problem.Message)
		}
		for _, w := range provider.Workflows {
			fmt.Fprintf(&b, "  workflow %s %s:%d", w.Name, w.Place.Path, w.Place.Line)
			for _, list := range []struct {
				name string
				of   []string
			}{{"on", w.Events}, {"after", w.After}, {"also", w.Files[1:]}} {
				if len(list.of) > 0 {
					fmt.Fprintf(&b, " %s %s", list.name, strings.Join(list.of, ","))
				}
			}
			b.WriteString("\n")
			for _, j := range w.Jobs {
				fmt.Fprintf(&b, "    %s :%d", j.Name, j.Place.Line)
				if j.Environment != "" {
					fmt.Fprintf(&b, " to %s", j.Environment)
				}
				if len(j.Needs) > 0 {
					fmt.Fprintf(&b, " needs %s", strings.Join(j.Needs, ","))
				}
				if len(j.Follows) > 0 {
					fmt.Fprintf(&b, " follows %s", strings.Join(j.Follows, ","))
				}
				b.WriteString("\n")
				for _, d := range j.Does {
					note := ""
					if d.Advisory {
						note += " advisory"
					}
					if d.Chosen {
						note += " chosen"
					}
					if d.Opaque {
						note += " opaque"
					}
					fmt.Fprintf(&b, "      %s step %d %s%s %s:%d: %s\n", d.Kind, d.Step, d.Runs, note, filepath.Base(d.Place.Path), d.Place.Line, d.Why)
				}
			}
		}
	}
	return b.String()
}

// TestRead reads the archives of testdata: files of a repository, and what is found in
// them in the file "want". The comment says what the example is for.
func TestRead(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no example in testdata: %v", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files, want, at := memory{}, "", -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, at = string(f.Data), i
				} else {
					files[f.Name] = string(f.Data)
				}
			}
			got := outline(Read(files, Options{}))
			if got == want {
				return
			}
			if !*update {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
				return
			}
			if at < 0 {
				archive.Files, at = append(archive.Files, txtar.File{Name: "want"}), len(archive.Files)
			}
			archive.Files[at].Data = []byte(got)
			if err := os.WriteFile(path, txtar.Format(archive), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}
