package code

import (
	"strings"
	"testing"
)

func TestSquirrel(t *testing.T) {
	const head = "package a\nimport sq \"github.com/Masterminds/squirrel\"\nvar psql = sq.StatementBuilder\n"
	tests := []struct{ name, body, want string }{
		{"select", "func f() { psql.Select(\"u.id\", \"u.name AS n\").From(\"users u\").LeftJoin(\"teams t ON t.id = u.team_id\").Where(sq.Eq{\"u.id\": id}).OrderBy(\"u.name\").Limit(1).RunWith(db).QueryRow().Scan(&x) }",
			"f: SELECT u.id, u.name AS n FROM users u LEFT JOIN teams t ON t.id = u.team_id WHERE (u.id = $1) ORDER BY u.name"},
		{"insert", "func f() { psql.Insert(\"users\").Columns(\"id\", \"name\").Values(id, sq.Expr(\"lower(?)\", n)).Suffix(\"RETURNING id\").Exec() }",
			"f: INSERT INTO users (id, name) VALUES ($1, lower($2)) RETURNING id"},
		{"insert a map", "func f() { psql.Insert(\"users\").SetMap(map[string]any{\"id\": 1, \"name\": n}).Exec() }", "f: INSERT INTO users (id, name) VALUES ($1, $2)"},
		{"insert a map that grows", "func f() {\n m := map[string]any{\"id\": 1}\n if x { m[\"name\"] = n }\n psql.Insert(\"users\").SetMap(m).Exec() }", "f: INSERT INTO users (id, name) VALUES ($1, $2)"},
		{"insert a query", "func f() { psql.Insert(\"users\").Columns(\"id\").Select(sq.Select(\"id\").From(\"old_users\")).Exec() }", "f: INSERT INTO users (id) SELECT id FROM old_users"},
		{"update", "func f() { psql.Update(\"users\").Set(\"name\", n).Set(\"age\", sq.Expr(\"age + 1\")).Where(\"id = ?\", id).Exec() }", "f: UPDATE users SET name = $1, age = age + 1 WHERE (id = $2)"},
		{"delete", "func f() { psql.Delete(\"users\").Where(sq.Or{sq.Eq{\"a\": 1}, sq.And{sq.Lt{\"b\": 1}, sq.NotEq{\"c\": nil}}}).Exec() }", "f: DELETE FROM users WHERE ((a = $1) OR ((b < $2) AND (c <> $3)))"},
		{"a query in a condition", "func f() { psql.Select(\"id\").From(\"users\").Where(sq.Eq{\"team_id\": psql.Select(\"id\").From(\"teams\")}).Where(sq.Expr(\"EXISTS (?)\", sq.Select(\"1\").From(\"x\"))).ToSql() }",
			"f: SELECT id FROM users WHERE (team_id IN (SELECT id FROM teams)) AND (EXISTS (SELECT 1 FROM x))"},
		{"a variable under conditions", "func f() {\n q := psql.Select(\"id\").From(\"users\")\n if x {\n  q = q.Where(sq.Eq{\"a\": 1})\n }\n q = q.Column(\"b\")\n rows(q)\n}", "f: SELECT id, b FROM users WHERE (a = $1)"},
		{"a package's variable", "var base = psql.Select(\"id\").From(\"users\")\nfunc f() { base.Where(sq.Eq{\"a\": 1}).Query() }", "base: SELECT id FROM users|f: SELECT id FROM users WHERE (a = $1)"},
		{"a field", "func New() *S {\n base := psql.Select(\"id\").From(\"users\")\n return &S{base: base}\n}\nfunc (s *S) f() { s.get(s.base.Where(sq.Eq{\"a\": 1})) }", "New: SELECT id FROM users|f: SELECT id FROM users WHERE (a = $1)"},
		{"columns in a variable", "func f(c []string) { psql.Select(c...).From(\"users\").Query() }", "f: SELECT pmcheck_hole1 FROM users (a name is made at run time: c)"},
		{"a prefix", "func f() { psql.Select(\"x.id\").Prefix(\"WITH x AS (SELECT id FROM users)\").From(\"x\").Query() }", "f: WITH x AS (SELECT id FROM users) SELECT x.id FROM x"},
		{"something else that selects", "func f() { menu.Select(\"users\").From(\"here\") ; set.Delete(\"users\") }", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &memory{files: map[string]string{"a.go": head + tt.body}, reads: map[string]int{}}
			var got []string
			for line := range strings.Lines(show(findIn(t, m, NewNames([]string{"users"}, nil)).Queries)) {
				_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
				got = append(got, line)
			}
			if strings.Join(got, "|") != tt.want {
				t.Errorf("found %q, want %q", strings.Join(got, "|"), tt.want)
			}
		})
	}
}
