package livedb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/checks/livedb"
	"github.com/pmcheck/pmcheck/checks/snapshot"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// The servers note queries, as a production server does, and can have replicas.
func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, "shared_preload_libraries=pg_stat_statements", "wal_level=replica", "max_wal_senders=4", "max_prepared_transactions=4"))
}

var now = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// onEach runs a test on a new database of each server.
func onEach(t *testing.T, test func(t *testing.T, s *pgtest.Server, db *pgx.Conn)) {
	for _, s := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(s.Version), func(t *testing.T) { test(t, s, s.NewDatabase(t)) })
	}
}

// must runs statements, each in its own transaction.
func must(t *testing.T, db *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := db.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func take(t *testing.T, url string) *snapshot.Snapshot {
	t.Helper()
	s, err := livedb.Snapshot(t.Context(), url, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// url is how a role connects to the test's database.
func url(db *pgx.Conn, role string) string {
	return strings.Replace(db.Config().ConnString(), "user=postgres", "user="+role, 1)
}

// TestNoSecretIsKept plants secrets in every place of a database that can hold data, and
// looks for them in the file. The server itself shows each of them to who asks.
func TestNoSecretIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, server *pgtest.Server, db *pgx.Conn) {
		must(t, db, "CREATE EXTENSION pg_stat_statements", "SELECT pg_stat_statements_reset()")
		planted := map[string]string{}
		secret := func(where string) string {
			s := fmt.Sprintf("hunter%dxyzzy", len(planted)+1)
			planted[s] = where
			return s
		}
		number := func(where string) string {
			n := fmt.Sprintf("41111111%02d", len(planted)+1)
			planted[n] = where
			return n
		}
		must(t, db,
			"CREATE TYPE mood AS ENUM ('glad', 'sad')",
			"CREATE DOMAIN code AS text DEFAULT '"+secret("a domain's default")+"' CHECK (VALUE <> '"+secret("a domain's CHECK")+"')",
			"CREATE TABLE users (id bigserial PRIMARY KEY, email text UNIQUE, token text DEFAULT '"+secret("a default")+"', card bigint DEFAULT "+number("a number in a default")+
				", mood mood DEFAULT 'glad', code code, hidden text GENERATED ALWAYS AS ('"+secret("a generated column")+"' || email) STORED, CHECK (email <> '"+secret("a CHECK")+"'), CHECK (card <> "+number("a number in a CHECK")+"))",
			"CREATE INDEX users_mood ON users (email) WHERE email <> '"+secret("an index's predicate")+"'",
			"CREATE INDEX users_expr ON users ((email || '"+secret("an index's expression")+"'))",
			"CREATE VIEW vips AS SELECT id, $$"+secret("a dollar-quoted literal of a view")+"$$ AS note FROM users WHERE email = E'"+secret("a view")+"' OR card = "+number("a number in a view"),
			"CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n FROM users WHERE email LIKE '"+secret("a materialized view")+"%'",
			"CREATE TABLE events (at date, tenant text) PARTITION BY LIST (tenant)",
			"CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('"+secret("a partition's bound")+"')",
			"CREATE FUNCTION f(a text DEFAULT '"+secret("an argument's default")+"') RETURNS text LANGUAGE sql AS $$SELECT '"+secret("a function's body")+"'$$",
			"CREATE FUNCTION tg() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; /* "+secret("a trigger function's body")+" */ END$$",
			"CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW WHEN (NEW.email = '"+secret("a trigger's condition")+"') EXECUTE FUNCTION tg()",
			"CREATE POLICY p ON users USING (email <> '"+secret("a policy")+"')",
			"CREATE RULE r AS ON UPDATE TO vips DO INSTEAD UPDATE users SET token = '"+secret("a rule")+"'",
			"COMMENT ON TABLE users IS '"+secret("a comment on a table")+"'",
			"COMMENT ON COLUMN users.email IS '"+secret("a comment on a column")+"'",
			"COMMENT ON DATABASE "+db.Config().Database+" IS '"+secret("a comment on the database")+"'",
			"CREATE FOREIGN DATA WRAPPER w",
			"CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host '"+secret("a server's option")+"')",
			"CREATE USER MAPPING FOR postgres SERVER s OPTIONS (password '"+secret("a user mapping")+"')",
			"CREATE FOREIGN TABLE far (a int OPTIONS (x '"+secret("a column's option")+"')) SERVER s OPTIONS (y '"+secret("a foreign table's option")+"')",
			"ALTER DATABASE "+db.Config().Database+" SET app.key = '"+secret("a setting of the database")+"'",
			"CREATE ROLE r"+db.Config().Database+" PASSWORD '"+secret("a role's password")+"' CONNECTION LIMIT 3",
			"ALTER ROLE r"+db.Config().Database+" SET app.key = '"+secret("a setting of a role")+"'",
			"SET application_name = '"+secret("application_name")+"'",
			"SET app.token = '"+secret("SET")+"'",
			"INSERT INTO users (email) SELECT '"+secret("rows that are common values of the statistics")+"' || n % 3 FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING",
			"INSERT INTO users (email, token) VALUES ('a', '"+secret("a row")+"')",
			"ANALYZE users",
			// What pg_stat_statements keeps of all that, and of these.
			"SELECT id FROM users WHERE email = '"+secret("a query's literal")+"' AND card = "+number("a query's number"),
			"SELECT id FROM users /* user="+secret("a comment in a query")+" */ WHERE id = 1 -- "+secret("a comment at its end"),
			"SELECT id FROM users WHERE email IN ('"+secret("a list")+"', '"+secret("a list's second item")+"')",
			"SELECT interval '1 day', date '2020-01-01', '"+secret("a typed literal")+"'::text FROM users LIMIT 3",
			"COPY (SELECT '"+secret("COPY")+"') TO STDOUT",
			"DO $$BEGIN PERFORM '"+secret("DO")+"'; END$$",
			"PREPARE q AS SELECT id FROM users WHERE email = '"+secret("PREPARE")+"'",
			"EXPLAIN SELECT id FROM users WHERE email = '"+secret("EXPLAIN")+"'",
			"BEGIN", "DECLARE c CURSOR FOR SELECT id FROM users WHERE email = '"+secret("DECLARE CURSOR")+"'", "COMMIT",
			"CREATE TABLE copied AS SELECT '"+secret("CREATE TABLE AS")+"' AS a FROM users",
			"SELECT id INTO copied2 FROM users WHERE email = '"+secret("SELECT INTO")+"'",
			"CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL, by text)",
			"INSERT INTO schema_migrations VALUES (42, false, '"+secret("a migration table's other column")+"')",
			`CREATE TABLE _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz, logs text, checksum text)`,
			"INSERT INTO _prisma_migrations VALUES ('2024_init', now(), NULL, '"+secret("a migration tool's log")+"', '"+secret("a checksum")+"')",
		)
		// Nothing of it is hidden from who looks for it: the test would find it.
		var visible int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%hunter%'").Scan(&visible); err != nil || visible == 0 {
			t.Fatalf("pg_stat_statements holds %d of the secrets (%v): the test proves nothing", visible, err)
		}
		s := take(t, db.Config().ConnString())
		content := string(s.Encode())
		for text, where := range planted {
			if strings.Contains(content, text) {
				t.Errorf("the file holds %s:\n%s", where, linesWith(content, text))
			}
		}
		// It is not for want of content.
		for _, want := range []string{
			`"    token text DEFAULT '?'::text,"`, `"    mood public.mood DEFAULT 'glad'::public.mood,"`, `CREATE TYPE public.mood AS ENUM ('glad', 'sad');`,
			`nextval('public.users_id_seq'::regclass)`, `CREATE VIEW public.vips AS`, `{"name":"public.users","rows":4,`, `"up_to":"42"`, `"versions":["2024_init"]`,
			`"SELECT id FROM users WHERE email = $1 AND card = $2"`, `$1::interval, $2::date`, `PARTITION BY LIST (tenant);`,
		} {
			if !strings.Contains(content, want) {
				t.Errorf("the file lacks %s:\n%s", want, content)
			}
		}
		if len(s.LeftOut) > 0 {
			t.Errorf("left out: %q", s.LeftOut)
		}
	})
}

func linesWith(content, text string) string {
	var out []string
	for _, line := range strings.Split(content, "\n") {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// A role that may only connect still gets the schema and the sizes, and is told what it lacks.
func TestRoleWithoutGrants(t *testing.T) {
	onEach(t, func(t *testing.T, server *pgtest.Server, db *pgx.Conn) {
		role := "visitor_" + db.Config().Database
		must(t, db, "CREATE EXTENSION pg_stat_statements", "CREATE SCHEMA app", "CREATE TABLE app.orders (id bigint PRIMARY KEY)", "CREATE ROLE "+role+" LOGIN",
			"INSERT INTO app.orders SELECT generate_series(1, 500)", "ANALYZE", "SELECT id FROM app.orders WHERE id = 7",
			"CREATE TABLE goose_db_version (id int, version_id bigint, is_applied boolean)", "INSERT INTO goose_db_version VALUES (1, 0, true), (2, 1, true), (3, 2, true), (4, 2, false)")
		s := take(t, url(db, role))
		if len(s.Tables) != 2 || s.Tables[0].Name != "app.orders" || s.Tables[0].Rows != 500 || s.Tables[0].Bytes < 8192 {
			t.Errorf("tables are %+v", s.Tables)
		}
		said := strings.Join(s.LeftOut, "\n")
		for _, want := range []string{"the queries of other roles", "GRANT pg_read_all_stats TO " + role, "which migrations have run, in public.goose_db_version: role " + role + " has no permission"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q is not said:\n%s", want, said)
			}
		}
		must(t, db, "GRANT pg_read_all_stats TO "+role, "GRANT SELECT ON goose_db_version TO "+role)
		s = take(t, url(db, role))
		if len(s.LeftOut) > 0 || len(s.Migrations) != 1 || strings.Join(s.Migrations[0].Versions, " ") != "1" {
			t.Errorf("with the grants: left out %q, migrations %+v", s.LeftOut, s.Migrations)
		}
		if !strings.Contains(string(s.Encode()), "SELECT id FROM app.orders WHERE id = $1") {
			t.Errorf("the query of another role is not there:\n%s", s.Encode())
		}
	})
}

// Partitions count for their table, and an index that failed to build is named.
func TestSizes(t *testing.T) {
	onEach(t, func(t *testing.T, server *pgtest.Server, db *pgx.Conn) {
		must(t, db, "CREATE TABLE events (id int, at date) PARTITION BY RANGE (at)",
			"CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY LIST (id)",
			"CREATE TABLE events_1_1 PARTITION OF events_1 DEFAULT",
			"CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
			"INSERT INTO events SELECT n, date '2026-01-15' + n % 30 FROM generate_series(1, 3000) n", "ANALYZE events",
			"CREATE TABLE never (a int)", "ALTER TABLE never SET (autovacuum_enabled = off)", "CREATE TABLE empty (a int)",
			"CREATE TABLE twice (a int)", "INSERT INTO twice VALUES (1), (1)")
		if _, err := db.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY twice_a ON twice (a)"); err == nil {
			t.Fatal("a unique index on equal rows was built")
		}
		s := take(t, db.Config().ConnString())
		by := map[string]snapshot.Table{}
		for _, table := range s.Tables {
			by[table.Name] = table
		}
		if e := by["public.events"]; e.Rows != 3000 || e.Partitions != 2 || e.Bytes < 100_000 {
			t.Errorf("events is %+v", e)
		}
		if by["public.empty"].Rows != 0 || len(by) != 4 {
			t.Errorf("tables are %+v", s.Tables)
		}
		if got := by["public.twice"].InvalidIndexes; len(got) != 1 || got[0] != "twice_a" {
			t.Errorf("invalid indexes are %q", got)
		}
	})
}

// A wish that cannot be granted is a sentence that helps, and never holds the password.
func TestFailures(t *testing.T) {
	server := pgtest.Servers(t)[0]
	db := server.NewDatabase(t)
	here := db.Config().ConnString()
	must(t, db, "CREATE ROLE locked_out NOLOGIN")
	for name, test := range map[string]struct {
		url, want string
		isURL     bool
	}{
		"not a URL":      {url: "postgres://u:s3cr%zz@h/db", want: "cannot be read", isURL: true},
		"nobody there":   {url: "postgres://u:s3cret@127.0.0.1:1/db", want: `database "db" at 127.0.0.1:1: cannot connect`},
		"no such host":   {url: "postgres://u:s3cret@no-such-host.invalid/db", want: "no host of that name"},
		"no database":    {url: strings.Replace(here, "dbname='", "password=s3cret dbname='no_", 1), want: "no such database"},
		"refused":        {url: strings.Replace(url(db, "locked_out"), "dbname", "password=s3cret dbname", 1), want: `the server refuses user "locked_out"`},
		"unknown option": {url: "postgres://u:s3cret@127.0.0.1:1/db?sslmode=perhaps", want: "cannot be read", isURL: true},
	} {
		_, err := livedb.Snapshot(t.Context(), test.url, now)
		var e *livedb.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, test.want) || e.URL != test.isURL {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cr") || strings.Contains(fmt.Sprintf("%+v", errors.Unwrap(err)), "s3cr")) {
			t.Errorf("%s: the password is in the error: %v", name, err)
		}
	}
	// Nothing is left behind, and nothing was written.
	var sessions int
	if err := db.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pmcheck' AND state <> 'idle'").Scan(&sessions); err != nil || sessions > 0 {
		t.Errorf("%d sessions are still open (%v)", sessions, err)
	}
}
