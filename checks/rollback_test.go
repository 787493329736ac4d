package checks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// The head drops what the base still reads, in its last migration.
const dropped = `
-- base/go.mod --
module example.com/orders
-- base/store/store.go --
package store

import "database/sql"

func Note(db *sql.DB, id int64) *sql.Row { return db.QueryRow("SELECT note FROM orders WHERE id = $1", id) }

func Place(db *sql.DB, id int64) { db.Exec("INSERT INTO orders (id, placed_by) VALUES ($1, 'me')", id) }
-- base/db/migrations/0001_orders.up.sql --
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
-- base/db/migrations/0001_orders.down.sql --
DROP TABLE orders;
-- base/db/migrations/0002_placed.up.sql --
ALTER TABLE orders ADD COLUMN placed_by text;
-- base/db/migrations/0002_placed.down.sql --
ALTER TABLE orders DROP COLUMN placed_by;
-- head/store/store.go --
package store

import "database/sql"

func Place(db *sql.DB, id int64) { db.Exec("INSERT INTO orders (id, placed_by) VALUES ($1, 'me')", id) }
-- head/db/migrations/0003_drop.up.sql --
ALTER TABLE orders DROP COLUMN note;
-- head/db/migrations/0003_drop.down.sql --
ALTER TABLE orders ADD COLUMN note text;
`

// inShort is what the facts before a rollback say, in a line.
func inShort(f *facts.Facts) string {
	cell := f.Matrix.OldCodeNewSchema
	words := []string{cell.Verdict}
	for _, b := range cell.Breaks {
		words = append(words, b.Reason)
		for _, p := range b.CausedBy {
			words = append(words, fmt.Sprintf("%s:%d", p.Path, p.Line))
		}
	}
	for _, d := range f.Databases {
		for _, delta := range d.LiveDrift {
			words = append(words, "drift: "+delta.Kind+" "+delta.Relation+"."+delta.Name)
		}
	}
	if f.Live != nil && len(f.Live.Unmatched) > 0 {
		words = append(words, "unmatched: "+strings.Join(f.Live.Unmatched, " "))
	}
	return strings.Join(words, "; ")
}

// TestRollback asks what comes back about the schema of the head, and with a database about that which it has.
func TestRollback(t *testing.T) {
	repo, err := example.Write(t.Context(), txtar.Parse([]byte(dropped)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := checks.Options{Repo: repo.Dir, Base: repo.Base, Head: repo.Head, Trusted: repo.Head, Stage: checks.Rollback, Now: now}
	f, err := checks.Facts(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const breaks = `breaks; column "note" does not exist; db/migrations/0003_drop.up.sql:1`
	if got := inShort(f); got != breaks {
		t.Errorf("without a database: %s", got)
	}
	server := pgtest.Servers(t)[0]
	for _, test := range []struct{ name, sql, want string }{
		{"all has run", "ALTER TABLE orders ADD placed_by text, DROP note; INSERT INTO m VALUES ('0001'), ('0002'), ('0003')", breaks},
		{"the drop has not run", "ALTER TABLE orders ADD placed_by text; INSERT INTO m VALUES ('0001'), ('0002')", "not-applicable"},
		{"nor has one that the base has", "INSERT INTO m VALUES ('0001')", `breaks; column "placed_by" of relation "orders" does not exist`},
		{"by hand", "ALTER TABLE orders ADD placed_by text, DROP note; INSERT INTO m VALUES ('0001'), ('0002')", "not-applicable; drift: removed orders.note"},
		{"of another release", "ALTER TABLE orders ADD placed_by text, DROP note; INSERT INTO m VALUES ('0001'), ('0002'), ('0003'), ('0004')", breaks + "; unmatched: 0004"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := server.NewDatabase(t)
			sql := strings.ReplaceAll("CREATE TABLE orders (id bigint PRIMARY KEY, note text); CREATE TABLE m (version varchar PRIMARY KEY);"+test.sql, " m ", " schema_migrations ")
			if _, err := db.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			o := o
			o.DatabaseURL = db.Config().ConnString()
			f, err := checks.Facts(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := inShort(f); got != test.want || !f.Live.Known {
				t.Errorf("got  %s (known: %t)\nwant %s", got, f.Live.Known, test.want)
			}
		})
	}
}
