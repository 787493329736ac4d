package declared_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/declared"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// TestOnSQLite runs each way with the sqlite3 program and compares what it makes with the schema file, run on an empty database.
func TestOnSQLite(t *testing.T) {
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") != "" {
			t.Fatal("PMCHECK_REQUIRE_TOOLS is set, and there is no sqlite3 program")
		}
		t.Skip("there is no sqlite3 program: install the package sqlite3")
	}
	for _, test := range []struct{ name, base, head string }{
		{
			"columns come and go",
			`CREATE TABLE users (id integer PRIMARY KEY, legacy text);`,
			`CREATE TABLE users (id integer PRIMARY KEY, email text, n integer NOT NULL DEFAULT 0);`,
		}, {
			"tables and indexes",
			`CREATE TABLE users (id integer PRIMARY KEY, name text); CREATE INDEX users_name ON users (name);`,
			`CREATE TABLE users (id integer PRIMARY KEY, name text); CREATE TABLE orders (id integer PRIMARY KEY AUTOINCREMENT, user_id integer NOT NULL REFERENCES users (id)); CREATE UNIQUE INDEX orders_user ON orders (user_id);`,
		}, {
			"a view and a trigger",
			`CREATE TABLE users (id integer PRIMARY KEY, name text);`,
			"CREATE TABLE users (id integer PRIMARY KEY, name text); CREATE VIEW user_names AS SELECT name FROM users;\nCREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET name = 'a;b' WHERE id = NEW.id; END;",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed, bare, whole := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
			sqlite := func(file, sql string) string {
				t.Helper()
				out, err := exec.Command(program, "-bail", file, sql).CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v: %s", sql, err, out)
				}
				return string(out)
			}
			shape := func(file string) string {
				t.Helper()
				return sqlite(file, `SELECT m.type, m.name, coalesce(c.name, ''), coalesce(c.type, ''), coalesce(c."notnull", ''), coalesce(c.dflt_value, ''), coalesce(c.pk, '')
					FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c WHERE m.name <> 'sqlite_sequence' ORDER BY 1, 2, 3`)
			}
			way := func(from, to string) string {
				t.Helper()
				read := func(sql string) *declared.Schema {
					return declared.Read(layout.SQLite, []declared.File{{Path: "schema.sql", Content: []byte(sql)}})
				}
				plan, err := declared.Make(context.Background(), read(from), read(to), declared.Options{Engine: layout.SQLite})
				if err != nil {
					t.Fatal(err)
				}
				var out strings.Builder
				for _, u := range plan.Unread {
					t.Errorf("not read: %s: %s", u.SQL, u.Reason)
				}
				for _, s := range plan.Ordered() {
					out.WriteString(s.SQL + ";\n")
				}
				return out.String()
			}
			sqlite(changed, test.base)
			sqlite(bare, test.base)
			sqlite(whole, test.head)
			sqlite(changed, way(test.base, test.head))
			if got, want := shape(changed), shape(whole); got != want {
				t.Errorf("the way forward makes\n%sand the file\n%s", got, want)
			}
			sqlite(changed, way(test.head, test.base))
			if got, want := shape(changed), shape(bare); got != want {
				t.Errorf("the way back makes\n%sand the file\n%s", got, want)
			}
		})
	}
}
