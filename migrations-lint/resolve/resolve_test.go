package resolve_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// TestTexts judges what a server is not asked in TestQueries: texts of several
// statements, statements that cannot be prepared, and unknown names.
func TestTexts(t *testing.T) {
	c := load(t, read(t, "testdata/schema.sql"))
	for _, test := range []struct{ sql, failure, unclear string }{
		{"CREATE TEMP TABLE x (a int, b text); INSERT INTO x (a) VALUES (1); SELECT b FROM x", "", ""},
		{"CREATE TEMP TABLE x (a int); SELECT b FROM x", `42703 column "b" does not exist`, ""},
		{"CREATE TEMP TABLE x AS SELECT id, name FROM users; SELECT name FROM x", "", ""},
		{"CREATE TEMP TABLE x AS SELECT idd FROM users", `42703 column "idd" does not exist`, ""},
		{"SELECT id INTO TEMP x FROM users; SELECT name FROM x", `42703 column "name" does not exist`, ""},
		{"BEGIN; UPDATE users SET name = 'x'; COMMIT", "", ""},
		{"BEGIN; UPDATE users SET nam = 'x'; SELECT nope FROM users", `42703 column "nam" of relation "users" does not exist`, ""},
		{"SET search_path = app; SELECT key FROM settings", "", ""},
		{"SET LOCAL statement_timeout = 5; LISTEN x; NOTIFY x; UNLISTEN *", "", ""},
		{"LOCK TABLE users IN SHARE MODE; TRUNCATE orders", "", ""},
		{"TRUNCATE users", "0A000 cannot truncate a table referenced in a foreign key constraint", ""},
		{"TRUNCATE orders, users", "", ""},
		{"TRUNCATE users CASCADE", "", ""},
		{"TRUNCATE ONLY users, pmcheck_hole1", "", "the name of a table is not known"},
		{"SELECT column_comment FROM information_schema.columns", "", "the server's own relations have other columns in other versions"},
		{"SELECT c.nope, users.name FROM users JOIN pg_class c ON true", "", "the server's own relations have other columns in other versions"},
		{"SELECT nope FROM users JOIN pg_class c ON true", "", "the server's own relations have other columns in other versions"},
		{"TRUNCATE nosuch", `42P01 relation "nosuch" does not exist`, ""},
		{"LOCK TABLE nosuch", `42P01 relation "nosuch" does not exist`, ""},
		{"COPY users (name, age) FROM STDIN", "", ""},
		{"COPY users (name, nope) FROM STDIN", `42703 column "nope" of relation "users" does not exist`, ""},
		{"COPY users (age) FROM STDIN", `23502 null value in column "name" of relation "users" violates not-null constraint`, ""},
		{"COPY users (name, full_name) FROM STDIN", `42P10 column "full_name" is a generated column`, ""},
		{"COPY (SELECT nope FROM users) TO STDOUT", `42703 column "nope" does not exist`, ""},
		{"CALL do_it(1)", "", ""},
		{"CALL do_it('x', 2)", "42883 function do_it(unknown, integer) does not exist", ""},
		{"DECLARE c CURSOR FOR SELECT nope FROM users", `42703 column "nope" does not exist`, ""},
		{"EXPLAIN SELECT nope FROM users", `42703 column "nope" does not exist`, ""},
		{"PREPARE p (int) AS SELECT name FROM users WHERE age = $1; EXECUTE p (1)", "", "EXECUTE of a prepared statement"},
		{"PREPARE p AS SELECT nope FROM users", `42703 column "nope" does not exist`, ""},
		{"DROP TABLE nosuch", `42P01 table "nosuch" does not exist`, ""},
		{"ALTER TABLE users DROP COLUMN nope", `42703 column "nope" of relation "users" does not exist`, ""},
		{"CREATE INDEX ON users (nope)", `42703 column "nope" does not exist`, ""},
		{"CREATE TABLE users (a int)", "", "a statement that changes the schema"},
		{"REFRESH MATERIALIZED VIEW user_stats", "", ""},
		{"VACUUM users", "", ""},
		{"DO $$BEGIN PERFORM 1; END$$", "", "the code of DO"},
		{"SELECT pmcheck_hole1 FROM users", "", "the name of a column is not known"},
		{"SELECT pmcheck_hole1, nope FROM users", `42703 column "nope" does not exist`, "the name of a column is not known"},
		{"SELECT nope FROM pmcheck_hole1", "", "the name of a table is not known"},
		{"SELECT u.nope, x.a FROM pmcheck_hole1 x JOIN users u ON true", "42703 column u.nope does not exist", "the name of a table is not known"},
		{"SELECT x.a FROM pmcheck_hole1", "", "a qualifier is not known; the name of a table is not known"},
		{"SELECT pmcheck_hole1(name) FROM users", "", "the name of a function is not known"},
		{"SELECT name::pmcheck_hole1 FROM users", "", "the name of a type is not known"},
		{"INSERT INTO pmcheck_hole1 (a, b) VALUES (1, 2) ON CONFLICT (a) DO NOTHING", "", "the name of a table is not known"},
		{"INSERT INTO users (name, pmcheck_hole1) VALUES (1, 2)", "", "the name of a column is not known"},
		{"INSERT INTO users (pmcheck_hole1) VALUES ($1)", "", "the name of a column is not known"},
		{"INSERT INTO users (nope, pmcheck_hole1) VALUES ($1)", `42703 column "nope" of relation "users" does not exist`, "the name of a column is not known"},
		{"INSERT INTO users (age, pmcheck_hole1) VALUES (true, 1, 2)", `42804 column "age" is of type integer but expression is of type boolean`, "the name of a column is not known"},
		{"INSERT INTO users (name, age) VALUES (pmcheck_hole1)", "", "the name of a column is not known"},
		{"INSERT INTO users VALUES (nope, pmcheck_hole1)", `42703 column "nope" does not exist`, "the name of a column is not known"},
		{"INSERT INTO users (name, age) SELECT pmcheck_hole1 FROM orders", "", "the name of a column is not known"},
		{"SELECT x.other FROM (SELECT pmcheck_hole1 FROM users) x", "", "the name of a column is not known"},
		{"SELECT x.other FROM (SELECT pmcheck_hole1 AS one FROM users) x", "42703 column x.other does not exist", "the name of a column is not known"},
		{"SELECT pmcheck_hole1 FROM users UNION SELECT id, name FROM users", "", "the name of a column is not known"},
		{"SELECT id FROM users WHERE (id, name) IN (SELECT pmcheck_hole1 FROM users)", "", "the name of a column is not known"},
		{"SELECT * FROM (VALUES (pmcheck_hole1)) AS v (a, b)", "", "the name of a column is not known"},
		{"SELECT make_date(pmcheck_hole1)", "", "the name of a column is not known"},
		{"SELECT nosuch(pmcheck_hole1)", "42883 function nosuch(unknown) does not exist", "the name of a column is not known"},
		{"UPDATE users SET pmcheck_hole1 = 2 WHERE nope", `42703 column "nope" does not exist`, "the name of a column is not known"},
		{"UPDATE users SET name = pmcheck_hole1.x FROM orders", "", "the name of a column is not known"},
		{"SELECT * FROM users ORDER BY pmcheck_hole1", "", "the name of a column is not known"},
		{"SELECT count(*) FROM users GROUP BY pmcheck_hole1", "", "the name of a column is not known"},
		{"SELECT id FROM users GROUP BY pmcheck_hole1", "", "the name of a column is not known"},
		{"SELECT mood = 'pmcheck_hole1' FROM users", "", ""},
		{"SELECT a FROM pg_something", "", ""},
		{"", "", ""},
	} {
		q, err := resolve.Parse(test.sql)
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		r := q.On(c)
		failure := ""
		if len(r.Failures) > 0 {
			failure = r.Failures[0].SQLState + " " + r.Failures[0].Reason
		}
		if failure != test.failure || strings.Join(r.Unclear, "; ") != test.unclear {
			t.Errorf("%s:\n\tfailure %q, want %q\n\tunclear %q, want %q", test.sql, failure, test.failure, r.Unclear, test.unclear)
		}
		if len(r.Failures) > 1 {
			t.Errorf("%s: follow-up failures %v", test.sql, r.Failures[1:])
		}
	}
}

// TestUses sees what a query uses, and where a failure is.
func TestUses(t *testing.T) {
	c := load(t, read(t, "testdata/schema.sql"))
	for sql, want := range map[string]string{
		"SELECT u.name FROM users u WHERE u.mood = 'ok'": "table public.users; column public.users.mood; column public.users.name; enum_value public.mood.ok",
		"SELECT * FROM no_key":                           "table public.no_key; column public.no_key.a; column public.no_key.b; column public.no_key.c",
		"SELECT add_one(1)":                              "function public.add_one",
		"INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT (key) DO NOTHING":                       "table app.settings; column app.settings.key; index app.settings.settings_pkey; column app.settings.value",
		"INSERT INTO app.settings (key, value) VALUES ('a', 'b') ON CONFLICT ON CONSTRAINT settings_pkey DO NOTHING": "table app.settings; column app.settings.key; constraint app.settings.settings_pkey; column app.settings.value",
		"SELECT NULL::pair": "type public.pair",
	} {
		q, err := resolve.Parse(sql)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range q.On(c).Uses {
			text := o.Kind + " " + o.Schema + "."
			if o.Relation != "" {
				text += o.Relation + "."
			}
			got = append(got, text+o.Name)
		}
		wanted := strings.Split(want, "; ")
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s uses\n\t%q, want\n\t%q", sql, got, wanted)
		}
	}
	q, err := resolve.Parse("SELECT id,\n  nope FROM users")
	if err != nil {
		t.Fatal(err)
	}
	if f := q.On(c).Failures; len(f) != 1 || f[0].Offset != strings.Index("SELECT id,\n  nope FROM users", "nope") || f[0].Object != (resolve.Object{Kind: "column", Name: "nope"}) {
		t.Errorf("failures %+v", f)
	}
}

// TestConcurrently uses one query on one catalog from many goroutines.
func TestConcurrently(t *testing.T) {
	c := load(t, read(t, "testdata/schema.sql"))
	q, err := resolve.Parse("CREATE TEMP TABLE x (a int); SELECT u.name, x.a, count(*) FROM users u, x GROUP BY u.id, x.a")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(q.On(c))
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if got := fmt.Sprint(q.On(c)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
	group.Wait()
}
