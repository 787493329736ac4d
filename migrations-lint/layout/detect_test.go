package layout

import (
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is found into testdata")

// mapTree is a tree in memory.
type mapTree map[string]string

func (t mapTree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

func (t mapTree) Read(p string) ([]byte, error) {
	content, ok := t[p]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(content), nil
}

// TestDetect reads trees from testdata. An archive's file `config` holds []Config in JSON; `want` holds what is found, with the
// script of each migration, only lines that are not blank, numbered as in the file.
func TestDetect(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(archives) == 0 {
		t.Fatal("no archives in testdata")
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tree := mapTree{}
			var configs []Config
			want := -1
			for i, f := range archive.Files {
				switch f.Name {
				case "want":
					want = i
				case "config":
					if err := json.Unmarshal(f.Data, &configs); err != nil {
						t.Fatal(err)
					}
				default:
					tree[f.Name] = string(f.Data)
				}
			}
			got := show(tree, configs)
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatalf("%s has no file called want", name)
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// show prints all that is known of a tree's migrations.
func show(tree mapTree, configs []Config) string {
	dbs, err := Detect(tree, configs)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	if len(dbs) == 0 {
		return "no database\n"
	}
	var sb strings.Builder
	for _, db := range dbs {
		fmt.Fprintf(&sb, "database %q root %q\n  %s\n  engine %q: %s\n", db.Name, db.Root, db.Why, db.Engine, db.EngineWhy)
		if db.Baseline != "" {
			fmt.Fprintf(&sb, "  baseline %s\n", db.Baseline)
		}
		if d := db.Declared; d != nil {
			fmt.Fprintf(&sb, "  drops %s: %s\n", []string{"unknown", "yes", "no"}[d.Drops], d.DropsWhy)
			fmt.Fprintf(&sb, "  concurrently %t, no transaction %t, lock_timeout %q\n", d.Concurrently, d.NoTransaction, d.LockTimeout)
		}
		for _, m := range db.Migrations {
			showMigration(&sb, tree, m)
		}
		for _, u := range db.Unread {
			fmt.Fprintf(&sb, "  unread %s version %q (%s): %s\n", u.Path, u.Version, u.Framework, u.Reason)
		}
	}
	return sb.String()
}

func showMigration(sb *strings.Builder, tree mapTree, m Migration) {
	fmt.Fprintf(sb, "  %s %s version %q name %q\n", m.Direction, m.Path, m.Version, m.Name)
	content, err := tree.Read(m.Path)
	if err != nil {
		fmt.Fprintf(sb, "    unreadable: %v\n", err)
		return
	}
	script, err := m.SQL(content)
	if err != nil {
		fmt.Fprintf(sb, "    refused: %v\n", err)
		return
	}
	if script.Absent {
		fmt.Fprintf(sb, "    absent\n")
		return
	}
	fmt.Fprintf(sb, "    transaction %s: %s\n", script.Transaction, script.TransactionWhy)
	for _, d := range script.Directives {
		fmt.Fprintf(sb, "    directive at %d: %q: %s\n", d.Offset, d.Text, d.Effect)
	}
	for _, s := range script.StandIns {
		fmt.Fprintf(sb, "    stand-in at %d: %q is %q (%s)\n", s.Offset, s.Name, s.Text, s.Kind)
	}
	n := 0
	for line := range strings.Lines(script.Text) {
		n++
		if line = strings.TrimRight(line, " \r\n"); line != "" {
			fmt.Fprintf(sb, "    %d|%s\n", n, line)
		}
	}
	for _, s := range script.Statements {
		fmt.Fprintf(sb, "    query %s of unit %d: %q\n", s.Transaction, s.Unit, strings.TrimSpace(script.Text[s.Start:s.End]))
	}
}
