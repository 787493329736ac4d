package checks_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/checks/livedb"
	"github.com/pmcheck/pmcheck/checks/snapshot"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// shop holds what servers print in other words than people write.
const shop = `
-- base/db/migrations/0001_users.sql --
CREATE TABLE users (id bigint PRIMARY KEY, email text, name text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
ALTER TABLE users ADD COLUMN age positive, ADD CONSTRAINT email_key UNIQUE (email), ADD CONSTRAINT short CHECK (length(name) < 100) NOT VALID;
-- base/db/migrations/0002_orders.sql --
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE SCHEMA app;
CREATE TABLE app.orders (
	id bigserial PRIMARY KEY,
	user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	total numeric(10,2) NOT NULL DEFAULT 0 CHECK (total >= 0),
	m mood NOT NULL DEFAULT 'ok', note varchar(20) DEFAULT 'x', tags text[] NOT NULL DEFAULT '{}',
	at timestamptz NOT NULL DEFAULT now(), number bigint GENERATED ALWAYS AS IDENTITY,
	low text GENERATED ALWAYS AS (lower(note)) STORED,
	UNIQUE (user_id, at)
);
CREATE INDEX orders_open ON app.orders (user_id, lower(note)) WHERE total > 0;
CREATE VIEW open_orders AS SELECT id, total FROM app.orders WHERE total > 0;
CREATE MATERIALIZED VIEW sums AS SELECT user_id, sum(total) AS s FROM app.orders GROUP BY user_id;
CREATE TABLE log (at timestamptz NOT NULL, x int) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f();
CREATE SEQUENCE seq START 5;
-- head/README.md --
Orders.
`

// TestDriftFromSnapshot compares migrations with what servers say that they have made, and with what hands have changed since.
func TestDriftFromSnapshot(t *testing.T) {
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			archive := txtar.Parse([]byte(shop))
			repo, err := example.Write(t.Context(), archive, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			db := server.NewDatabase(t)
			run := func(sql string) {
				t.Helper()
				if _, err := db.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			drift := func() []string {
				t.Helper()
				s, err := livedb.Snapshot(t.Context(), db.Config().ConnString(), now)
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(repo.Dir, filepath.FromSlash(snapshot.Path))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, s.Encode(), 0o644); err != nil {
					t.Fatal(err)
				}
				found, err := checks.DriftOf(t.Context(), checks.SchemaOptions{Options: checks.Options{Repo: repo.Dir, Worktree: true, Now: now}, Against: snapshot.Path})
				if err != nil {
					t.Fatal(err)
				}
				if len(found) != 1 || len(found[0].Gaps) > 0 {
					t.Fatalf("not all was compared: %+v", found)
				}
				return found[0].Differs
			}

			for _, f := range archive.Files {
				if strings.HasSuffix(f.Name, ".sql") {
					run(string(f.Data))
				}
			}
			run("CREATE TABLE schema_migrations (version text PRIMARY KEY)")
			run("CREATE EXTENSION pg_stat_statements")
			if differs := drift(); len(differs) > 0 {
				t.Errorf("nobody has changed anything, and these differ:\n%s", strings.Join(differs, "\n"))
			}

			for _, sql := range []string{
				"CREATE TABLE by_hand (id int)",
				"ALTER TABLE users ADD COLUMN hotfix text",
				"ALTER TABLE users ALTER COLUMN name TYPE varchar(50)",
				"ALTER TABLE users ALTER COLUMN email SET NOT NULL",
				"ALTER TABLE app.orders DROP COLUMN number",
				"ALTER TABLE app.orders ALTER COLUMN note DROP DEFAULT",
				"ALTER TABLE app.orders DROP CONSTRAINT orders_total_check",
				"CREATE INDEX users_name ON users (name)",
				"DROP INDEX app.orders_open",
				"ALTER TYPE mood ADD VALUE 'glad'",
				"CREATE OR REPLACE VIEW open_orders AS SELECT id, total, user_id FROM app.orders",
				"CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
			} {
				run(sql)
			}
			want := []string{
				"column app.orders.note has another default there: none, not 'x'",
				"column app.orders.number is not there",
				"column open_orders.user_id is there only",
				"column users.email has another not null there: true, not false",
				"column users.hotfix is there only",
				"column users.name has another type there: character varying(50), not text",
				"constraint app.orders.orders_total_check is not there",
				"enum value mood.glad is there only",
				"index app.orders.orders_open is not there",
				"index users.users_name is there only",
				"table by_hand is there only",
			}
			got := drift()
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("these differ:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
