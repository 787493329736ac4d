package code

import (
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/snapshot"
)

func TestSQLFiles(t *testing.T) {
	tests := []struct{ name, files, want string }{
		{"sqlc", "-- db/q.sql --\n-- name: GetUser :one\nSELECT * FROM users\nWHERE id = sqlc.arg(id);\n\n-- name: DeleteUser :exec\nDELETE FROM users WHERE id = @id;\n",
			"db/q.sql:2 GetUser: SELECT * FROM users WHERE id = $1\ndb/q.sql:6 DeleteUser: DELETE FROM users WHERE id = $1\n"},
		{"hugsql", "-- q.sql --\n-- :name user-by-id :? :1\n-- :doc one user\nselect * from users where id = :id and a in (:v*:as)\n\n-- :name add-user :! :n\ninsert into users (a) values (:a)\n",
			"q.sql:3 user-by-id: select * from users where id = $1 and a in ((pmcheck_hole1)) (a piece of the query is made at run time: :v*:as)\nq.sql:6 add-user: insert into users (a) values ($1)\n"},
		{"aiosql", "-- q.sql --\n-- name: get-user^\nSELECT id FROM users WHERE id = :id;\n--name:all_users\nSELECT id FROM users;\n",
			"q.sql:2 get-user: SELECT id FROM users WHERE id = $1\nq.sql:4 all_users: SELECT id FROM users\n"},
		{"plain", "-- a.sql --\n-- users\nSELECT ';' FROM users; -- c\nSELECT $$;$$ FROM users", "a.sql:2 : SELECT ';' FROM users\na.sql:3 : SELECT $$;$$ FROM users\n"},
		{"a schema", "-- a.sql --\nCREATE TABLE users (id int);\nINSERT INTO users VALUES (1);\n", ""},
		{"a migration", "-- migrations/1.sql --\nUPDATE users SET a = 1;\n", ""},
		{"a dump", "-- db/schema.sql --\nSELECT 1 FROM users;\n", ""},
		{"seeds", "-- db/seeds/a.sql --\nINSERT INTO users VALUES (1);\n", ""},
		{"sqlx", "-- .sqlx/query-0a.json --\n{\n  \"db_name\": \"PostgreSQL\",\n  \"query\": \"SELECT id FROM users WHERE id = $1\",\n  \"describe\": {}\n}\n", ".sqlx/query-0a.json:3 : SELECT id FROM users WHERE id = $1\n"},
		{"sqlx of another server", "-- .sqlx/query-0a.json --\n{\"db_name\": \"SQLite\", \"query\": \"SELECT id FROM users\"}\n", ""},
		{"sqlx's older file", "-- sqlx-data.json --\n{\n\"db\": \"PostgreSQL\",\n\"0a\": {\"query\": \"SELECT id FROM users\"}\n}\n", "sqlx-data.json:3 : SELECT id FROM users\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := findIn(t, treeOf(tt.files), NewNames([]string{"users"}, nil))
			if got := show(found.Queries); got != tt.want {
				t.Errorf("found\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestSQLxNamesTheUnreadable(t *testing.T) {
	found := findIn(t, treeOf("-- .sqlx/query-0.json --\n{users\n-- .sqlx/query-1.json --\n{\"users\": 1}\n"), NewNames([]string{"users"}, nil))
	if got := strings.Join(found.Unread, "|"); !strings.HasPrefix(got, ".sqlx/query-0.json: it is no JSON: ") || !strings.HasSuffix(got, "|.sqlx/query-1.json: it holds no query") {
		t.Errorf("unread is %q", got)
	}
}

func TestObserved(t *testing.T) {
	s, err := snapshot.Read([]byte(`{"version": 1, "taken_at": "2026-01-02T03:04:05Z", "engine": "postgres", "server_version": "17.2", "database": "main", "queries": [
		{"query": "SELECT id FROM users WHERE id = $1", "calls": 7, "users": ["app"]},
		{"query": "SELECT id FROM users WHERE i", "calls": 1, "truncated": true},
		{"query": "SELECT id, FROM users", "calls": 1},
		{"query": "SELECT id FROM orders", "calls": 1},
		{"query": "SELECT interval $1 FROM users", "calls": 1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	found := Observed(s, "snap.json", NewNames([]string{"users"}, nil))
	if got, want := show(found.Queries), "snap.json:2 : SELECT id FROM users WHERE id = $1\nsnap.json:6 : SELECT interval $1 FROM users\n"; got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
	if q := found.Queries[0]; q.Calls != 7 || len(q.Users) != 1 || q.Users[0] != "app" {
		t.Errorf("calls and users are %d and %q", q.Calls, q.Users)
	}
	if len(found.Unread) != 1 || !strings.HasPrefix(found.Unread[0], "snap.json: 2 queries of it are truncated") {
		t.Errorf("unread is %q", found.Unread)
	}
}

// FuzzExtractors gives every extractor foreign input: nothing may panic, and each
// query that comes out must parse.
func FuzzExtractors(f *testing.F) {
	for _, seed := range []struct{ path, content string }{
		{"a.go", "package a\nconst t = \"users\"\nfunc f(x bool) string { q := `SELECT a FROM ` + t; if x { q += \" WHERE \" + g() }; return fmt.Sprintf(\"%[2]s %%\", q) }"},
		{"a.go", "package a\nfunc f() { psql.Select(\"a\", b).From(\"users\").Join(\"x ON y\").Where(sq.Eq{\"a\": 1}).ToSql() }"},
		{"a.sql", "-- name: A :one\nSELECT $$;$$ FROM users;"},
		{".sqlx/query-a.json", `{"query": "SELECT 1 FROM users"}`},
		{"sqlx-data.json", `{"db": "PostgreSQL", "a": {"query": "SELECT 1 FROM users"}}`},
	} {
		f.Add(seed.path, seed.content)
	}
	f.Fuzz(func(t *testing.T, path, content string) {
		if !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".sql") && !isSQLx(path) {
			t.Skip()
		}
		m := &memory{files: map[string]string{path: content}, reads: map[string]int{}}
		found, err := Find(t.Context(), m, []string{path}, AllNames())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range found.Queries {
			if reason, _ := syntaxError(q.SQL); reason != "" {
				t.Errorf("%q is refused: %s", q.SQL, reason)
			}
		}
		for _, u := range found.Unread {
			if strings.Contains(u, "went wrong") {
				t.Error(u)
			}
		}
	})
}
