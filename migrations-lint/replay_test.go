package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Without a history every table that a file does not create is in use, and nothing is refused for want of it.
func TestUnknownHistory(t *testing.T) {
	tests := []struct {
		sql  string
		want string // "new|old relation lock", and rewrites, scans, builds
	}{
		{"ALTER TABLE users ADD COLUMN x int", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users ADD COLUMN x uuid DEFAULT gen_random_uuid()", "old users ACCESS EXCLUSIVE rewrites"},
		{"ALTER TABLE users DROP COLUMN x", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users ALTER COLUMN x SET NOT NULL", "old users ACCESS EXCLUSIVE scans"},
		{"ALTER TABLE users ALTER COLUMN x TYPE bigint", "old users ACCESS EXCLUSIVE rewrites"},
		{"ALTER TABLE users ADD CONSTRAINT c CHECK (x > 0)", "old users ACCESS EXCLUSIVE scans"},
		{"ALTER TABLE users ADD CONSTRAINT c CHECK (x > 0) NOT VALID", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users VALIDATE CONSTRAINT c", "old users SHARE UPDATE EXCLUSIVE scans"},
		{"ALTER TABLE users ADD UNIQUE (x)", "old users ACCESS EXCLUSIVE builds"},
		{"ALTER TABLE users ADD CONSTRAINT c UNIQUE USING INDEX i", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users ADD FOREIGN KEY (x) REFERENCES orgs (id)", "old users SHARE ROW EXCLUSIVE scans"},
		{"ALTER TABLE users ADD FOREIGN KEY (x) REFERENCES orgs (id) NOT VALID", "old users SHARE ROW EXCLUSIVE"},
		{"ALTER TABLE users DROP CONSTRAINT c", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users RENAME TO people", "old users ACCESS EXCLUSIVE"},
		{"ALTER TABLE users RENAME COLUMN a TO b", "old users ACCESS EXCLUSIVE"},
		{"CREATE INDEX i ON users (x)", "old users SHARE builds"},
		{"CREATE INDEX CONCURRENTLY i ON users (x)", "old users SHARE UPDATE EXCLUSIVE builds"},
		{"DROP INDEX i", "old i ACCESS EXCLUSIVE"},
		{"DROP INDEX CONCURRENTLY i", "old i SHARE UPDATE EXCLUSIVE"},
		{"DROP TABLE users", "old users ACCESS EXCLUSIVE"},
		{"TRUNCATE users", "old users ACCESS EXCLUSIVE"},
		{"DELETE FROM users", ""},
		{"CREATE TABLE n (id bigint)", ""},
		{"CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()", "old users SHARE ROW EXCLUSIVE"},
		{"ALTER TABLE s.users ADD COLUMN x int", "old s.users ACCESS EXCLUSIVE"},
		{"ALTER TYPE mood ADD VALUE 'ok'", ""},
		{"REINDEX TABLE users", "old users SHARE"},
		{"CLUSTER users USING i", "old users ACCESS EXCLUSIVE rewrites"},
		{"VACUUM FULL users", "old users ACCESS EXCLUSIVE rewrites"},
		{"CREATE VIEW v AS SELECT a, b FROM users", ""},
		{"REFRESH MATERIALIZED VIEW v", "old v ACCESS EXCLUSIVE rewrites"},
	}
	for _, tt := range tests {
		t.Run(tt.sql, func(t *testing.T) {
			r := judgeAlone(t, tree{"x.sql": tt.sql + ";\n"})
			if p := problems(r); p != "" {
				t.Errorf("problems: %s", p)
			}
			got := listed(r.migration(t, "x.sql"), func(s Statement) string {
				if s.Cost.Lock == "" || len(s.Cost.Lock.Blocks()) == 0 {
					return ""
				}
				name := plain(s.Before.Relation)
				if name == "" || strings.HasPrefix(tt.sql, "DROP INDEX") {
					name = plain(s.Op.Target())
				}
				out := fmt.Sprintf("old %s %s", name, s.Cost.Lock)
				if s.New {
					out = fmt.Sprintf("new %s %s", name, s.Cost.Lock)
				}
				for word, is := range map[string]bool{" rewrites": s.Cost.Rewrites, " builds": s.Cost.BuildsIndex && !s.Cost.Rewrites, " scans": s.Cost.Scans && !s.Cost.Rewrites && !s.Cost.BuildsIndex} {
					if is {
						out += word
					}
				}
				return out
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Files alone are one change, in order: what one creates the next knows.
func TestUnknownHistoryOfSeveralFiles(t *testing.T) {
	r := judgeAlone(t, tree{
		"1.sql": "CREATE TABLE n (id bigint, x int);\n",
		"2.sql": "CREATE INDEX i ON n (x);\nALTER TABLE old ADD COLUMN n_id bigint;\n",
		"3.sql": "DROP INDEX i;\nCREATE INDEX j ON old (n_id);\n",
	})
	for path, want := range map[string]string{"1.sql": "new", "2.sql": "new old", "3.sql": "new old"} {
		var got []string
		for _, s := range r.migration(t, path).Statements {
			got = append(got, map[bool]string{true: "new", false: "old"}[s.New])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
	if p := problems(r); p != "" {
		t.Errorf("problems: %s", p)
	}
}

// On a history that is known what the server refuses is said; on one with a gap it is not.
func TestRefused(t *testing.T) {
	base := tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n"}
	change := tree{"m/2.sql": "ALTER TABLE userz ADD COLUMN x int;\nCREATE TABLE users (id bigint);\nALTER TABLE IF EXISTS nobody ADD COLUMN x int;\n" +
		"ALTER TABLE users DROP COLUMN IF EXISTS x;\nCREATE TABLE IF NOT EXISTS users (id bigint);\nTRUNCATE users;\n"}
	r := judgeChange(t, base, base.with(change), plainFiles)
	want := "m/2.sql:1 refused: relation \"userz\" does not exist\nm/2.sql:2 refused: relation \"users\" already exists"
	if diff := cmp.Diff(want, problems(r)); diff != "" {
		t.Errorf("a whole history (-want +got):\n%s", diff)
	}
	if n := len(r.migration(t, "m/2.sql").Statements); n != 6 {
		t.Errorf("%d statements are judged, want all 6", n)
	}

	base["m/0.sql"] = "SELEC;\n"
	r = judgeChange(t, base, base.with(change), plainFiles)
	if len(r.Gaps) != 1 || r.Gaps[0].Place.Path != "m/0.sql" {
		t.Errorf("gaps: %+v, want that of m/0.sql", r.Gaps)
	}
	if strings.Contains(problems(r), "userz") {
		t.Errorf("a history with a gap: %s", problems(r))
	}
}

// What cannot be read in a migration hides nothing else of it.
func TestProblems(t *testing.T) {
	base := tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n"}
	r := judgeChange(t, base, base.with(tree{
		"m/2.sql": "TRUNCATE users;\nSELEC 1;\nDO $$ BEGIN EXECUTE 'DROP ' || 'TABLE x'; END $$;\nDELETE FROM users;\n",
		"m/3.sql": "SELECT 1;\n\x00",
		"m/4.sql": "TRUNCATE users;\n",
	}), plainFiles)
	want := []string{"m/2.sql:2 syntax", "m/2.sql:3 dynamic", "m/3.sql:2 unread"}
	var got []string
	for _, m := range r.Migrations {
		for _, p := range m.Problems {
			got = append(got, fmt.Sprintf("%s:%d %s", p.Place.Path, p.Place.Line, p.Kind))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{"m/2.sql": 2, "m/4.sql": 1} {
		kinds := listed(r.migration(t, path), func(s Statement) string { return s.Op.Kind() })
		if n := strings.Count(kinds, "truncate") + strings.Count(kinds, "delete"); n != want {
			t.Errorf("%s: %d statements are judged, want %d: %s", path, n, want, kinds)
		}
	}
}

// A repeatable migration runs again whenever it changes, after all versioned ones, and editing it edits no history.
func TestRepeatable(t *testing.T) {
	base := tree{
		"db/migration/V1__users.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n",
		"db/migration/R__names.sql":  "CREATE OR REPLACE VIEW names AS SELECT name FROM users;\n",
	}
	r := judgeChange(t, base, base.with(tree{
		"db/migration/V2__email.sql": "ALTER TABLE users ADD COLUMN email text;\n",
		"db/migration/R__names.sql":  "CREATE OR REPLACE VIEW names AS SELECT name, email FROM users;\n",
	}))
	if p := problems(r); p != "" {
		t.Errorf("problems: %s", p)
	}
	m := r.migration(t, "db/migration/R__names.sql")
	if m.Direction != layout.Repeatable || m.Status != Edited {
		t.Errorf("the view's file is %s and %s", m.Direction, m.Status)
	}
	want := "view names is changed in its definition (select name from users before, select name, email from users after) <- R__names:1\n" +
		"column names.email is added (none before, text after) <- R__names:1\ncolumn users.email is added (none before, text after) <- V2__email:1"
	if diff := cmp.Diff(want, deltas(r)); diff != "" {
		t.Errorf("delta (-want +got):\n%s", diff)
	}
	if users := m.Statements[0]; users.Before.Relation.Name != "names" || !users.Before.Known {
		t.Errorf("the view is not known before: %+v", users.Before)
	}
}

// An edited or deleted migration makes another history, which is replayed from its beginning.
func TestEditedHistory(t *testing.T) {
	base := tree{
		"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\n",
		"m/2.sql": "ALTER TABLE users ADD COLUMN email text;\n",
		"m/3.sql": "CREATE INDEX users_email ON users (email);\n",
	}
	tests := []struct {
		name   string
		change tree
		delta  string
		what   string // problems
	}{
		{"a column more", tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n"},
			"column users.name is added (none before, text after) <- 1:1", ""},
		{"a comment", tree{"m/2.sql": "-- The address.\nALTER TABLE users ADD COLUMN email text;\n"}, "", ""},
		{"the last one is gone", tree{"m/3.sql": ""}, "index users.users_email is removed <- ", ""},
		{"one in the middle is gone", tree{"m/2.sql": ""}, "column users.email is removed (text before, none after) <- \nindex users.users_email is removed <- ", ""},
		{"edited, and a new one", tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text);\n", "m/4.sql": "CREATE INDEX users_name ON users (name);\n"},
			"column users.name is added (none before, text after) <- 1:1\nindex users.users_name is added <- 4:1", ""},
		{"renamed", tree{"m/3.sql": "", "m/5.sql": "CREATE INDEX users_email ON users (email);\n"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeChange(t, base, base.with(tt.change), plainFiles)
			if diff := cmp.Diff(tt.delta, deltas(r)); diff != "" {
				t.Errorf("delta (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.what, problems(r)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			for _, m := range r.Migrations {
				for _, s := range m.Statements {
					if _, creates := s.Op.(catalog.CreateTable); !creates && s.New && s.Before.Relation.Name == "users" {
						t.Errorf("%s: users, which is in use, is taken for new", m.Path)
					}
				}
			}
		})
	}
}

// What differs points to the operations that make it differ.
func TestCauses(t *testing.T) {
	base := tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY, email text, name text, age int DEFAULT 1);\n" +
		"CREATE TYPE mood AS ENUM ('bad', 'good');\nCREATE INDEX users_email ON users (email);\nCREATE VIEW v AS SELECT name FROM users;\n"}
	tests := []struct{ sql, want string }{
		{"ALTER TABLE users ADD COLUMN a text,\n  DROP COLUMN email,\n  ALTER COLUMN age TYPE bigint;",
			"column users.age is changed in its type (integer before, bigint after) <- 2:3\ncolumn users.email is removed (text before, none after) <- 2:2\n" +
				"column users.a is added (none before, text after) <- 2:1\nindex users.users_email is removed <- 2:2"},
		{"ALTER TABLE users RENAME COLUMN name TO full_name;", "column users.full_name is renamed (name before, full_name after) <- 2:1"},
		{"ALTER TABLE users RENAME TO people;", "table people is renamed (users before, people after) <- 2:1"},
		{"ALTER TABLE users RENAME TO people;\nALTER TABLE people DROP COLUMN age;", "table people is renamed (users before, people after) <- 2:1\ncolumn people.age is removed (integer before, none after) <- 2:2"},
		{"DROP TABLE users CASCADE;", "table users is removed <- 2:1\nview v is removed <- 2:1"},
		{"ALTER TYPE mood ADD VALUE 'fair';", "enum_value mood.fair is added <- 2:1"},
		{"ALTER TYPE mood RENAME VALUE 'bad' TO 'poor';", "enum_value mood.poor is renamed (bad before, poor after) <- 2:1"},
		{"CREATE SCHEMA s;\nDROP VIEW v;\nALTER TABLE users SET SCHEMA s;", "schema s is added <- 2:1\ntable users is renamed (public.users before, s.users after) <- 2:3\nview v is removed <- 2:2"},
		{"DROP INDEX users_email;", "index users.users_email is removed <- 2:1"},
		{"ALTER TABLE users ALTER COLUMN email SET NOT NULL;", "column users.email is changed in its not null (false before, true after), required <- 2:1"},
		{"ALTER TABLE users ADD COLUMN a int NOT NULL DEFAULT 0;\nALTER TABLE users ALTER COLUMN a DROP DEFAULT;", "column users.a is added (none before, integer after), required <- 2:1 2:2"},
		{"ALTER TABLE users ADD COLUMN a int;\nALTER TABLE users DROP COLUMN a;", ""},
		{"CREATE TABLE n (id bigint);\nDROP TABLE n;\nCREATE TABLE n (id int);", "table n is added <- 2:1 2:2 2:3"},
		{"CREATE OR REPLACE VIEW v AS SELECT name, age FROM users;", "view v is changed in its definition (select name from users before, select name, age from users after) <- 2:1\ncolumn v.age is added (none before, integer after) <- 2:1"},
		{"DO $$ BEGIN\n  ALTER TABLE users DROP COLUMN age;\nEND $$;", "column users.age is removed (integer before, none after) <- 2:2"},
	}
	for _, tt := range tests {
		t.Run(tt.sql, func(t *testing.T) {
			r := judgeChange(t, base, base.with(tree{"m/2.sql": tt.sql + "\n"}), plainFiles)
			if p := problems(r); p != "" {
				t.Errorf("problems: %s", p)
			}
			if diff := cmp.Diff(tt.want, deltas(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A down half must put back what its up half did.
func TestDown(t *testing.T) {
	tests := []struct{ name, up, down, want string }{
		{"reverses", "ALTER TABLE users ADD COLUMN a int;", "ALTER TABLE users DROP COLUMN a;", ""},
		{"forgets a column", "ALTER TABLE users ADD COLUMN a int, ADD COLUMN b int;", "ALTER TABLE users DROP COLUMN a;", "column users.b is added (none before, integer after)"},
		{"another type", "ALTER TABLE users DROP COLUMN name;", "ALTER TABLE users ADD COLUMN name varchar(10);", "column users.name is changed in its type (text before, character varying(10) after)"},
		{"the same, written in another way", "ALTER TABLE users DROP COLUMN age;", "ALTER TABLE users ADD COLUMN age int DEFAULT (1)::int;", ""},
		{"fails", "ALTER TABLE users ADD COLUMN a int;", "ALTER TABLE userz DROP COLUMN a;", `the down migration would fail: relation "userz" does not exist`},
		{"nobody can say", "ALTER TABLE users ADD COLUMN a int;", "DO $$ BEGIN EXECUTE 'ALTER TABLE users DROP COLUMN ' || 'a'; END $$;", ""},
		{"an enum's label cannot be taken back", "ALTER TYPE mood ADD VALUE 'ok';", "SELECT 1;", ""},
		{"nothing", "ALTER TABLE users ADD COLUMN a int;", "", "column users.a is added (none before, integer after)"},
	}
	base := tree{
		"m/1_a.up.sql":   "CREATE TABLE users (id bigint PRIMARY KEY, name text, age int DEFAULT 1);\nCREATE TYPE mood AS ENUM ('bad');\n",
		"m/1_a.down.sql": "DROP TABLE users;\nDROP TYPE mood;\n",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeChange(t, base, base.with(tree{"m/2_b.up.sql": tt.up + "\n", "m/2_b.down.sql": tt.down + "\n"}), layout.Config{Migrations: []string{"m"}, Framework: "golang-migrate"})
			m := r.migration(t, "m/2_b.up.sql")
			if m.Down != "m/2_b.down.sql" {
				t.Errorf("the down half is %q", m.Down)
			}
			if diff := cmp.Diff(tt.want, strings.Join(m.DownDiffers, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A committed dump must say what the migrations make; what differed before the change is nobody's business now.
func TestDrift(t *testing.T) {
	const (
		migrations = "CREATE TABLE users (id bigint PRIMARY KEY, name text DEFAULT 'x');\n"
		dump       = "CREATE TABLE public.users (\n    id bigint NOT NULL,\n    name text DEFAULT 'x'::text\n);\nALTER TABLE ONLY public.users ADD CONSTRAINT users_pkey PRIMARY KEY (id);\n"
		column     = "ALTER TABLE users ADD COLUMN email text;\n"
	)
	withColumn := strings.Replace(dump, "\n);", ",\n    email text\n);", 1)
	tests := []struct {
		name       string
		base, head tree
		want       string
	}{
		{"both change", tree{"db/structure.sql": dump}, tree{"db/migrations/2_b.sql": column, "db/structure.sql": withColumn}, ""},
		{"the dump is forgotten", tree{"db/structure.sql": dump}, tree{"db/migrations/2_b.sql": column}, "column users.email is removed (text before, none after)"},
		{"the migration is forgotten", tree{"db/structure.sql": dump}, tree{"db/structure.sql": withColumn}, "column users.email is added (none before, text after)"},
		{"another type", tree{"db/structure.sql": dump}, tree{"db/migrations/2_b.sql": column, "db/structure.sql": strings.Replace(withColumn, "email text", "email integer", 1)},
			"column users.email is changed in its type (text before, integer after)"},
		{"it differed before", tree{"db/structure.sql": withColumn}, tree{"db/migrations/2_b.sql": "ALTER TABLE users ADD COLUMN phone text;\n", "db/structure.sql": strings.Replace(withColumn, "\n);", ",\n    phone text\n);", 1)}, ""},
		{"no migration changes", tree{"db/structure.sql": withColumn}, tree{"README.md": "x"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := tree{"db/migrations/1_a.sql": migrations}.with(tt.base)
			r := judgeChange(t, base, base.with(tt.head))
			var got []string
			for _, c := range r.Drift {
				got = append(got, describe(c))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.DriftPath != "" && r.DriftPath != "db/structure.sql" {
				t.Errorf("the dump is %q", r.DriftPath)
			}
		})
	}
}

// A dump stands in for a history with gaps.
func TestBaseline(t *testing.T) {
	base := tree{
		"db/structure.sql":                  "CREATE TABLE public.users (id bigint NOT NULL, name text);\n",
		"db/migrations/1_a.sql":             "SELEC;\n",
		"db/migrations/2_b.sql":             "ALTER TABLE legacy ADD COLUMN x int;\n",
		"unrelated/migrations/.gitkeep":     "",
		"docs/how-to-write-a-migration.txt": "x",
	}
	r := judgeChange(t, base, base.with(tree{"db/migrations/3_c.sql": "ALTER TABLE users DROP COLUMN name;\nALTER TABLE nobody DROP COLUMN x;\n"}))
	if len(r.Gaps) > 0 {
		t.Errorf("gaps: %+v", r.Gaps)
	}
	if users := r.Base.Relation(catalog.Name{Name: "users"}); users == nil || users.Column("name") == nil {
		t.Errorf("the base is not the dump's: %+v", users)
	}
	if want := "db/migrations/3_c.sql:2 refused: relation \"nobody\" does not exist"; problems(r) != want {
		t.Errorf("problems: %s, want %s", problems(r), want)
	}
}

// The dump knows more than the merged migrations make; an edit of them takes nothing of that away.
func TestBaselineOfEditedHistory(t *testing.T) {
	base := tree{
		"db/structure.sql":      "CREATE TABLE public.users (id bigint NOT NULL, name text);\nCREATE TABLE public.logs (id bigint);\n",
		"db/migrations/1_a.sql": "SELEC;\n",
		"db/migrations/2_b.sql": "ALTER TABLE users ADD COLUMN x int;\n",
		"db/migrations/3_c.sql": "DROP FUNCTION IF EXISTS f();\n",
	}
	whole := "CREATE TABLE users (id bigint NOT NULL, name text);\nCREATE TABLE logs (id bigint);\n"
	for name, tt := range map[string]struct {
		change tree
		want   string
	}{
		"edited":           {tree{"db/migrations/3_c.sql": "DROP FUNCTION IF EXISTS f(int);\n"}, ""},
		"deleted":          {tree{"db/migrations/3_c.sql": ""}, ""},
		"only one is left": {tree{"db/migrations/1_a.sql": "", "db/migrations/2_b.sql": ""}, ""},
		"squashed":         {tree{"db/migrations/1_a.sql": whole, "db/migrations/2_b.sql": "", "db/migrations/3_c.sql": ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deltas(judgeChange(t, base, base.with(tt.change))); got != tt.want {
				t.Errorf("delta: %s, want %s", got, tt.want)
			}
		})
	}
}

// A database that comes or goes with the change.
func TestFirstAndLast(t *testing.T) {
	files := tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE INDEX i ON users (id);\n"}
	r := judgeChange(t, tree{}, files, plainFiles)
	if m := r.migration(t, "m/1.sql"); slices.ContainsFunc(m.Statements, func(s Statement) bool { return !s.New }) {
		t.Errorf("a first migration is judged on old tables: %+v", m.Statements)
	}
	if r.Read != 1 || r.Statements != 2 {
		t.Errorf("%d migrations with %d statements are read, want 1 with 2", r.Read, r.Statements)
	}
	r = judgeChange(t, files, tree{}, plainFiles)
	if len(r.Migrations) != 1 || r.Migrations[0].Status != Deleted {
		t.Errorf("the migrations that are gone: %+v", r.Migrations)
	}
}

// Only what the change adds or edits is judged; halves down are read for what cannot be read in them.
func TestOnlyTheChange(t *testing.T) {
	base := tree{"m/1_a.up.sql": "CREATE TABLE users (id bigint);\nCREATE INDEX i ON users (id);\n", "m/1_a.down.sql": "SELEC;\n"}
	r := judgeChange(t, base, base.with(tree{"m/2_b.up.sql": "SELECT 1;\n", "m/2_b.down.sql": "SELECT 1;\nSELEC;\n"}), layout.Config{Migrations: []string{"m"}, Framework: "golang-migrate"})
	if want := "m/2_b.down.sql:2 syntax"; !strings.HasPrefix(problems(r), want) || strings.Contains(problems(r), "\n") {
		t.Errorf("problems: %s, want %s alone", problems(r), want)
	}
	if len(r.Migrations) != 2 {
		t.Errorf("%d migrations are judged, want 2", len(r.Migrations))
	}
}
