package checks

import (
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

func TestReadsAll(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT * FROM users":     true,
		"SELECT u.* FROM users u": true,
		"SELECT users.*, o.id FROM users JOIN orders o USING (id)":    true,
		"SELECT *, 1 FROM users":                                      true,
		`SELECT * FROM "users"`:                                       true,
		"SELECT count(*) FROM users":                                  false,
		"SELECT id FROM users":                                        false,
		"WITH c AS (SELECT id FROM users) SELECT * FROM c":            false,
		"SELECT * FROM (SELECT id FROM users) AS x":                   false,
		"INSERT INTO users (id) VALUES ($1 * 2)":                      true, // who multiplies is not told apart
		"UPDATE users SET name = $1 WHERE id = $2 RETURNING users.id": false,
	} {
		if got := readsAll(sql, "users"); got != want {
			t.Errorf("readsAll(%q) = %v, want %v", sql, got, want)
		}
	}
}

func TestWrites(t *testing.T) {
	for sql, want := range map[string]bool{
		"INSERT INTO users (id) VALUES ($1)":                  true,
		"insert into app.users values ($1)":                   true,
		"UPDATE ONLY users SET name = $1":                     true,
		`UPDATE "users" AS u SET name = $1`:                   true,
		"MERGE INTO users USING x ON true":                    true,
		"SELECT id FROM users FOR UPDATE":                     false,
		"DELETE FROM users":                                   false,
		"INSERT INTO orders SELECT id FROM users":             false,
		"INSERT INTO user_settings (id) SELECT id FROM users": false,
	} {
		if got := writes(sql, "users"); got != want {
			t.Errorf("writes(%q) = %v, want %v", sql, got, want)
		}
	}
}

// Several tables lose a column of the same name, and the server does not say whose it misses.
func TestBehind(t *testing.T) {
	deltas := []facts.Delta{
		{Kind: "removed", Object: "table", Name: "logs"},
		{Kind: "removed", Object: "column", Relation: "logs", Name: "document_id"},
		{Kind: "removed", Object: "column", Relation: "fields", Name: "document_id"},
		{Kind: "removed", Object: "column", Relation: "app.links", Name: "document_id"},
	}
	table := func(name string) []resolve.Object { return []resolve.Object{{Kind: "table", Name: name}} }
	for _, tt := range []struct {
		name string
		o    resolve.Object
		uses []resolve.Object
		want int
	}{
		{"the query reads the second table", resolve.Object{Kind: "column", Name: "document_id"}, table("fields"), 2},
		{"the query reads the table of another schema", resolve.Object{Kind: "column", Name: "document_id"}, table("links"), 3},
		{"the query reads none of them", resolve.Object{Kind: "column", Name: "document_id"}, table("users"), 1},
		{"the server names the relation", resolve.Object{Kind: "column", Relation: "fields", Name: "document_id"}, table("logs"), 2},
		{"a table", resolve.Object{Kind: "table", Name: "logs"}, table("logs"), 0},
		{"nothing differs", resolve.Object{Kind: "function", Name: "f"}, nil, -1},
	} {
		if got := behind(deltas, tt.o, tt.uses); got != tt.want {
			t.Errorf("%s: difference %d, want %d", tt.name, got, tt.want)
		}
	}
}
