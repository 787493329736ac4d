package compat

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// schema is the catalog that a script makes.
func schema(t *testing.T, sql string) *catalog.Catalog {
	t.Helper()
	c := catalog.New()
	for _, s := range postgres.Parse(sql).Statements {
		for _, op := range s.Ops {
			if err := c.Apply(op.Op); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

func TestBetween(t *testing.T) {
	const users = "CREATE TABLE users (id int PRIMARY KEY, name text, email text);"
	tests := []struct {
		name, change, query string
		want                string // "works", "breaks: reason", "not here: reason", "unclear: reason", "differs: how"
	}{
		{"nothing it uses changes", "ALTER TABLE users DROP COLUMN email;", "SELECT id, name FROM users", "works"},
		{"a column goes", "ALTER TABLE users DROP COLUMN name;", "SELECT id, name FROM users", `breaks: column "name" does not exist`},
		{"a table goes", "DROP TABLE users;", "DELETE FROM users WHERE id = $1", `breaks: relation "users" does not exist`},
		{"it never worked", "ALTER TABLE users DROP COLUMN name;", "SELECT nickname FROM users", `not here: column "nickname" does not exist`},
		{"it is for another database", "ALTER TABLE users DROP COLUMN name;", "SELECT name FROM people", `not here: relation "people" does not exist`},
		{"a table of another schema", "CREATE SCHEMA auth; CREATE TABLE auth.keys (id int);", "SELECT id FROM keys", `not here: relation "keys" does not exist`},
		{"a table moves to another schema", "CREATE SCHEMA auth; ALTER TABLE users SET SCHEMA auth;", "SELECT id FROM users", `breaks: relation "users" does not exist`},
		{"a column comes", "ALTER TABLE users ADD COLUMN age int;", "SELECT * FROM users", "differs: column age is added"},
		{"a column that * gave goes", "ALTER TABLE users DROP COLUMN email;", "SELECT * FROM users", "differs: column email is gone"},
		{"a type changes", "ALTER TABLE users ALTER COLUMN id TYPE bigint;", "SELECT id FROM users", "differs: column id is bigint and was integer"},
		{"a required column", "ALTER TABLE users ADD COLUMN age int NOT NULL;", "INSERT INTO users (id) VALUES ($1)", `breaks: null value in column "age" of relation "users" violates not-null constraint`},
		{"it is no SQL", "DROP TABLE users;", "SELECT FROM WHERE", `unclear: PostgreSQL's parser refuses it: syntax error at or near "WHERE"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j Judge
			verdicts, err := j.Between(context.Background(), []string{tt.query}, schema(t, users), schema(t, users+tt.change))
			if err != nil {
				t.Fatal(err)
			}
			v, got := verdicts[0], "works"
			switch {
			case !v.Works():
				got = "not here: " + v.Home[0].Reason
			case v.Breaks():
				got = "breaks: " + v.Other[0].Reason
			case len(v.Unclear) > 0:
				got = "unclear: " + v.Unclear[0]
			case v.Result != "":
				got = "differs: " + v.Result
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// An application may set the search path that the migrations do not set.
func TestBetweenOtherSchemas(t *testing.T) {
	const base = "CREATE SCHEMA auth; CREATE TABLE auth.users (id int, name text);"
	var j Judge
	verdicts, err := j.Between(context.Background(), []string{"SELECT name FROM users", "SELECT id FROM users"}, schema(t, base), schema(t, base+"ALTER TABLE auth.users DROP COLUMN name;"))
	if err != nil {
		t.Fatal(err)
	}
	if !verdicts[0].Breaks() || !verdicts[1].Works() || verdicts[1].Breaks() {
		t.Errorf("%+v", verdicts)
	}
}

// A column that two tables now share changes what a NATURAL JOIN finds.
func TestBetweenNaturalJoin(t *testing.T) {
	const base = "CREATE TABLE users (id int, name text); CREATE TABLE teams (id int, team text);"
	var j Judge
	verdicts, err := j.Between(context.Background(), []string{"SELECT team FROM users NATURAL JOIN teams", "SELECT team FROM users JOIN teams USING (id)"},
		schema(t, base), schema(t, base+"ALTER TABLE teams ADD COLUMN name text;"))
	if err != nil {
		t.Fatal(err)
	}
	if verdicts[0].Result != "its NATURAL JOIN also joins by name" || verdicts[1].Result != "" {
		t.Errorf("%q, %q", verdicts[0].Result, verdicts[1].Result)
	}
}

// Many queries keep their order, and a cancelled check ends.
func TestBetweenMany(t *testing.T) {
	base, head := schema(t, "CREATE TABLE a (x int); CREATE TABLE b (x int);"), schema(t, "CREATE TABLE a (x int);")
	var queries []string
	for i := range 1000 {
		queries = append(queries, []string{"SELECT x FROM a", "SELECT x FROM b"}[i%2])
	}
	var j Judge
	verdicts, err := j.Between(context.Background(), queries, base, head)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Breaks() != (i%2 == 1) {
			t.Fatalf("query %d: %+v", i, v)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := j.Between(ended, queries, base, head); err == nil {
		t.Error("a cancelled check goes on")
	}
}
