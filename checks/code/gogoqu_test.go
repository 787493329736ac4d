package code

import (
	"strings"
	"testing"
)

func TestGoqu(t *testing.T) {
	const head = "package a\nimport \"github.com/doug-martin/goqu/v9\"\nvar dialect = goqu.Dialect(\"postgres\")\n"
	tests := []struct{ name, body, want string }{
		{"select", `func f() { goqu.From("users").Select("id", goqu.C("email").As("mail")).Where(goqu.C("age").Gt(18), goqu.Ex{"active": true}).Order(goqu.C("id").Asc()).ToSQL() }`,
			"SELECT id, email AS mail FROM users WHERE age > $1 AND (active = $2) ORDER BY id ASC"},
		{"all columns", `func f() { dialect.From(goqu.T("users")).Prepared(true).ToSQL() }`, "SELECT * FROM users"},
		{"a join", `func f() { dialect.From("users").LeftJoin(goqu.T("teams"), goqu.On(goqu.Ex{"users.team_id": goqu.I("teams.id")})).Select("users.id", goqu.COUNT("*")).GroupBy("users.id").ToSQL() }`,
			"SELECT users.id, COUNT(*) FROM users LEFT JOIN teams ON users.team_id = teams.id GROUP BY users.id"},
		{"or", `func f() { dialect.From("users").Where(goqu.Or(goqu.C("a").IsNull(), goqu.C("b").In(x))).Select(goqu.L("lower(name)")).ToSQL() }`,
			"SELECT lower(name) FROM users WHERE (a IS NULL OR b IN ($1))"},
		{"a query in a condition", `func f() { dialect.From("users").Select("id").Where(goqu.C("team_id").In(dialect.From("teams").Select("id"))).ToSQL() }`,
			"SELECT id FROM users WHERE team_id IN (SELECT id FROM teams)"},
		{"insert", `func f() { dialect.Insert("users").Rows(goqu.Record{"id": 1, "firstName": n}).Returning("id").ToSQL() }`,
			`INSERT INTO users (id, "firstName") VALUES ($1, $2) RETURNING id`},
		{"update", `func f() { dialect.Update("users").Set(goqu.Record{"name": n}).Where(goqu.C("id").Eq(1)).ToSQL() }`, "UPDATE users SET name = $1 WHERE id = $2"},
		{"delete", `func f() { dialect.Delete("users").Where(goqu.Ex{"id": 1}).ToSQL() }`, "DELETE FROM users WHERE (id = $1)"},
		{"columns of a struct", `func f() { dialect.Insert("users").Rows(u).ToSQL() }`, "INSERT INTO users (pmcheck_hole1) VALUES ($1)"},
		{"something else", `func f() { menu.Open("users") }`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := findIn(t, treeOf("-- a.go --\n"+head+tt.body+"\n"), NewNames([]string{"users"}, nil))
			var got []string
			for _, q := range found.Queries {
				got = append(got, q.SQL)
			}
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("found %s\nwant  %s", s, tt.want)
			}
		})
	}
}
