package layout

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// A pull request adds, renames or deletes migrations. Whatever one file does, the databases of the others keep their name, their root, their
// framework, and the order and directions of what is left.
func TestIdentityIsStable(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree := mapTree{}
		for _, f := range archive.Files {
			if f.Name != "want" && f.Name != "config" {
				tree[f.Name] = string(f.Data)
			}
		}
		whole, err := Detect(tree, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, db := range whole {
			for _, m := range db.Migrations {
				less := maps.Clone(tree)
				delete(less, m.Path)
				rest, err := Detect(less, nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, before := range whole {
					want := outline(before, m.Path)
					if len(want) == 0 || isOnlyOwn(whole, before, m.Path) || strings.HasPrefix(filepath.Base(m.Path), "B") {
						continue // a database of shared files only is none; the last baseline hides those before it
					}
					compared++
					i := slices.IndexFunc(rest, func(d Database) bool { return d.Name == before.Name && d.Root == before.Root })
					if i < 0 {
						t.Errorf("%s: without %s there is no database %s", name, m.Path, before.Name)
						continue
					}
					if rest[i].Framework != before.Framework {
						t.Errorf("%s: without %s database %s is of %s, not %s", name, m.Path, before.Name, rest[i].Framework, before.Framework)
					}
					if got := outline(rest[i], m.Path); !slices.Equal(got, want) {
						t.Errorf("%s: without %s database %s is\n%s\nwant\n%s", name, m.Path, before.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
			}
		}
	}
	if compared < 250 {
		t.Errorf("only %d databases were compared", compared)
	}
}

// outline is the order and directions of a database's migrations without one file.
func outline(db Database, without string) []string {
	var out []string
	for _, m := range db.Migrations {
		if m.Path != without {
			out = append(out, string(m.Direction)+" "+m.Path)
		}
	}
	return out
}

// isOnlyOwn says whether a file is the only one of a database that it shares with no other.
func isOnlyOwn(dbs []Database, db Database, p string) bool {
	shared := map[string]int{}
	for _, d := range dbs {
		for _, m := range d.Migrations {
			if m.Direction == Up {
				shared[m.Path]++
			}
		}
	}
	return !slices.ContainsFunc(db.Migrations, func(m Migration) bool { return m.Path != p && shared[m.Path] == 1 })
}

// The first migration of a database makes the same database as all of them.
func TestFirstMigration(t *testing.T) {
	tests := []struct {
		name, first, root, framework string
		tree                         mapTree
	}{
		{"golang-migrate", "db/migrations/1_a.up.sql", "db/migrations", "golang-migrate", mapTree{
			"go.mod": "require github.com/golang-migrate/migrate/v4 v4.1.0\n", "db/migrations/2_b.up.sql": "", "db/migrations/1_a.down.sql": ""}},
		{"flyway below its location", "src/main/resources/db/migration/2024/V1__a.sql", "src/main/resources/db/migration", "flyway", mapTree{
			"src/main/resources/db/migration/V2__b.sql": "", "src/main/resources/db/migration/2025/V3__c.sql": ""}},
		{"prisma", "prisma/migrations/20240101000000_a/migration.sql", "prisma/migrations", "prisma", mapTree{
			"prisma/migrations/migration_lock.toml": "", "prisma/migrations/20240102000000_b/migration.sql": ""}},
		{"plain", "migrations/001_a.sql", "migrations", "plain", mapTree{"migrations/002_b.sql": "", "other/migrations/001_a.sql": ""}},
		{"plain in an engine's folder", "migrations/postgres/001_a.sql", "migrations/postgres", "plain", mapTree{"migrations/sqlite/001_a.sql": ""}},
		{"rails", "db/migrate/20240101000000_a.rb", "db/migrate", "rails", mapTree{"db/migrate/20240102000000_b.rb": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			alone := mapTree{test.first: "CREATE TABLE t (id serial);"}
			for p, content := range test.tree {
				if !strings.HasSuffix(p, ".sql") && !strings.HasSuffix(p, ".rb") {
					alone[p] = content
				}
			}
			whole := maps.Clone(alone)
			maps.Copy(whole, test.tree)
			for _, tree := range []mapTree{alone, whole} {
				dbs, err := Detect(tree, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(dbs, func(db Database) bool {
					return db.Root == test.root && db.Name == test.root && db.Framework == test.framework
				}) {
					t.Errorf("of %d files: no %s database %s in %v", len(tree), test.framework, test.root, dbs)
				}
			}
		})
	}
}

func TestSelection(t *testing.T) {
	tests := []struct {
		pattern, root string
		yes, no       []string
	}{
		{"db/migrations", "db/migrations", []string{"db/migrations/1.sql", "db/migrations/a/1.sql"}, []string{"db/migrations2/1.sql", "db/1.sql"}},
		{"./db/migrations/", "db/migrations", []string{"db/migrations/1.sql"}, nil},
		{"/db", "db", []string{"db/1.sql"}, nil},
		{".", ".", []string{"1.sql", "a/b/1.sql"}, nil},
		{"db/x.sql", "db", []string{"db/x.sql"}, []string{"db/y.sql"}},
		{"db/*.sql", "db", []string{"db/x.sql"}, []string{"db/a/x.sql", "x.sql"}},
		{"services/*/migrations", "services", []string{"services/a/migrations/1.sql", "services/a/migrations/b/1.sql"}, []string{"services/migrations/1.sql"}},
		{"**/deltas/**", ".", []string{"deltas/1.sql", "a/b/deltas/c/1.sql"}, []string{"a/1.sql"}},
		{"a/**/b/*.sql", "a", []string{"a/b/1.sql", "a/x/y/b/1.sql"}, []string{"a/x/1.sql", "b/1.sql"}},
		{"db/[ab].sql", "db", []string{"db/a.sql"}, []string{"db/c.sql"}},
	}
	for _, test := range tests {
		if err := checkPattern(test.pattern); err != nil {
			t.Errorf("%s: %v", test.pattern, err)
		}
		sel := newSelection(test.pattern)
		if sel.root != test.root {
			t.Errorf("%s: root %s, want %s", test.pattern, sel.root, test.root)
		}
		for _, p := range test.yes {
			if !sel.chooses(p) {
				t.Errorf("%s does not choose %s", test.pattern, p)
			}
		}
		for _, p := range test.no {
			if sel.chooses(p) {
				t.Errorf("%s chooses %s", test.pattern, p)
			}
		}
	}
}

// Files that a person names one by one may have absolute paths, or lie above.
func TestPathsOutside(t *testing.T) {
	for _, root := range []string{"/srv/app/migrations", "../app/migrations", "/migrations"} {
		dbs, err := Detect(mapTree{root + "/1_a.sql": "SELECT 1;", root + "/2_b.sql": "SELECT 2;", "/0_top.sql": "", "/up.sql": ""}, nil)
		if err != nil || len(dbs) != 1 || dbs[0].Root != root || len(dbs[0].Migrations) != 2 {
			t.Errorf("%s: got %+v, %v", root, dbs, err)
		}
	}
}

func TestLoose(t *testing.T) {
	db := Loose([]string{"a.sql", "x/b.sql"})
	if len(db.Migrations) != 2 || db.Migrations[1].Path != "x/b.sql" || db.Migrations[1].Name != "b.sql" {
		t.Fatalf("got %+v", db)
	}
	s, err := db.Migrations[0].SQL([]byte("CREATE TABLE ${s}.t (id int);"))
	if err != nil || s.Text != "CREATE TABLE ph_s.t (id int);" || s.Transaction != Implicit {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestUnreadableFile(t *testing.T) {
	tree := brokenTree{mapTree{"migrations/1_a.sql": ""}}
	if _, err := Detect(tree, nil); err == nil || !strings.HasPrefix(err.Error(), "read migrations/1_a.sql: ") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// brokenTree lists files and reads none.
type brokenTree struct{ mapTree }

func (t brokenTree) Read(string) ([]byte, error) { return mapTree{}.Read("") }
