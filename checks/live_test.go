package checks_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, "max_prepared_transactions=4")) }

// A deploy brings 3. The database has not run 2, which was merged long ago, and has run 4, which nobody here knows.
const deploy = `
-- base/.pmcheck.yml --
version: 1
rules: {waits-for-transaction: {max_seconds: 0}}
-- base/db/migrations/0001_orders.up.sql --
CREATE TABLE orders (id bigint PRIMARY KEY, note text);
-- base/db/migrations/0001_orders.down.sql --
DROP TABLE orders;
-- base/db/migrations/0002_index.up.sql --
CREATE INDEX orders_note_idx ON orders (note);
-- base/db/migrations/0002_index.down.sql --
DROP INDEX orders_note_idx;
-- head/db/migrations/0003_total.up.sql --
SET lock_timeout = '5s';
ALTER TABLE orders ADD COLUMN total integer;
-- head/db/migrations/0003_total.down.sql --
SET lock_timeout = '5s';
ALTER TABLE orders DROP COLUMN total;
`

// TestBeforeDeploy asks a real database what a deploy will meet.
func TestBeforeDeploy(t *testing.T) {
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			db := server.NewDatabase(t)
			run := func(sql string) {
				t.Helper()
				if _, err := db.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			run("CREATE TABLE orders (id bigint PRIMARY KEY, note text)")
			run("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 20000) n")
			run("ANALYZE orders")
			run("CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)")
			run("INSERT INTO schema_migrations VALUES (1, false)")
			run("CREATE INDEX by_hand ON orders (note)")
			if _, err := db.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY broken ON orders (note)"); err == nil {
				t.Fatal("a unique index on equal rows was built")
			}
			run("BEGIN")
			run("SELECT count(*) FROM orders")
			run("PREPARE TRANSACTION 'reader'")
			defer db.Exec(context.WithoutCancel(t.Context()), "ROLLBACK PREPARED 'reader'") //nolint:errcheck // the database goes anyway

			repo, err := example.Write(t.Context(), txtar.Parse([]byte(deploy)), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			o := checks.Options{Repo: repo.Dir, Base: repo.Base, Head: repo.Head, Stage: checks.PreDeploy, DatabaseURL: db.Config().ConnString(), Now: now}
			r, err := checks.Check(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range r.Findings {
				if f.Rule != "missing-lock-timeout" {
					got = append(got, fmt.Sprintf("%s %s %s", f.Severity, f.Rule, f.Location.Path))
				}
			}
			slices.Sort(got)
			want := []string{
				"warning index-not-concurrent db/migrations/0002_index.up.sql",
				"warning invalid-index db/migrations/0002_index.up.sql",
				"warning schema-drift db/migrations/0001_orders.up.sql",
				"warning waits-for-transaction db/migrations/0003_total.up.sql",
			}
			if !slices.Equal(got, want) {
				t.Errorf("findings are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if t.Failed() {
				t.Logf("the database said %+v", r.Live)
			}
			lines := strings.Join(r.LiveLines(), "\n")
			for _, want := range []string{"asked for this check", "it has run 1 of 3 migrations at the head; this deploy runs 2", "0002_index.up.sql was merged before, and has not run there yet"} {
				if !strings.Contains(lines, want) {
					t.Errorf("%q is not said:\n%s", want, lines)
				}
			}

			run("UPDATE schema_migrations SET version = 4, dirty = true")
			if r, err = checks.Check(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if r.Judged != 0 || !slices.ContainsFunc(r.Live.Failed, func(f facts.FailedMigration) bool { return f.Version == "4" }) {
				t.Errorf("with version 4, dirty: %d migrations are judged, and failed are %v", r.Judged, r.Live.Failed)
			}
		})
	}
}

func TestDatabaseIsAskedBeforeADeployOnly(t *testing.T) {
	repo, err := example.Write(t.Context(), txtar.Parse([]byte(deploy)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := checks.Options{Repo: repo.Dir, Base: repo.Base, Head: repo.Head, DatabaseURL: "postgres://u:s3cret@127.0.0.1:1/db", Now: now}
	if _, err := checks.Check(t.Context(), o); !errors.Is(err, checks.ErrUse) {
		t.Errorf("for a pull request: %v", err)
	}
	o.Stage = checks.PreDeploy
	if _, err := checks.Check(t.Context(), o); err == nil || errors.Is(err, checks.ErrUse) || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("where nobody answers: %v", err)
	}
	o.DatabaseURL, o.Snapshot = "", "no-such-file.json"
	if _, err := checks.Check(t.Context(), o); !errors.Is(err, checks.ErrUse) {
		t.Errorf("with a snapshot that is not there: %v", err)
	}
}
