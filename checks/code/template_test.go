package code

import (
	"strings"
	"testing"
)

// holes makes pieces of a text in which «x» is a hole that x fills.
func holes(s string) []piece {
	var pieces []piece
	for i, part := range splitHoles(s) {
		if i%2 == 1 {
			pieces = append(pieces, piece{hole: part, line: 1, column: 1})
			continue
		}
		if part != "" {
			pieces = append(pieces, piece{text: part, line: 1, column: 1})
		}
	}
	return pieces
}

func splitHoles(s string) []string {
	var parts []string
	for {
		i := strings.Index(s, "«")
		if i < 0 {
			return append(parts, s)
		}
		j := strings.Index(s, "»")
		parts = append(parts, s[:i], s[i+len("«"):j])
		s = s[j+len("»"):]
	}
}

func TestStatement(t *testing.T) {
	tests := []struct{ name, text, want, partial string }{
		{"plain", "SELECT id FROM users WHERE id = $1", "SELECT id FROM users WHERE id = $1", ""},
		{"question marks", "SELECT id FROM users WHERE id = ? AND a LIKE ? LIMIT ?", "SELECT id FROM users WHERE id = $1 AND a LIKE $2 LIMIT $3", ""},
		{"question mark is an operator", "SELECT id FROM users WHERE tags ? $1", "SELECT id FROM users WHERE tags ? $1", ""},
		{"question mark is both", "SELECT id FROM users WHERE tags ? ?", "SELECT id FROM users WHERE tags ? $1", ""},
		{"any key", "SELECT id FROM users WHERE tags ?| array['a'] AND tags ?& $1", "SELECT id FROM users WHERE tags ?| array['a'] AND tags ?& $1", ""},
		{"JDBC's escape", "SELECT id FROM users WHERE tags ?? ?", "SELECT id FROM users WHERE tags ? $1", ""},
		{"concatenated", "SELECT id FROM users WHERE a = ?||'x'", "SELECT id FROM users WHERE a = $1||'x'", ""},
		{"named", "SELECT id FROM users WHERE a = :a OR b = :b OR c = :a", "SELECT id FROM users WHERE a = $1 OR b = $2 OR c = $1", ""},
		{"casts are no names", "SELECT a::text FROM users WHERE a = :a::int AND b[1:n] = '{:x}'", "SELECT a::text FROM users WHERE a = $1::int AND b[1:n] = '{:x}'", ""},
		{"in strings and comments", "SELECT ':a ?' /* :b */ FROM users -- ?\nWHERE a = $$ :c ? $$", "SELECT ':a ?' FROM users\nWHERE a = $$ :c ? $$", ""},
		{"at names", "UPDATE users SET a = @a WHERE b = @p1 AND c @> @c", "UPDATE users SET a = $1 WHERE b = $2 AND c @> $3", ""},
		{"pyformat", "SELECT id FROM users WHERE a = %s AND b = %(b)s AND c %% 2 = %(b)s", "SELECT id FROM users WHERE a = $1 AND b = $2 AND c % 2 = $2", ""},
		{"remainder", "SELECT id % size FROM users", "SELECT id % size FROM users", ""},
		{"MyBatis", "SELECT id FROM users WHERE a = #{a} AND b = #{b,jdbcType=INTEGER} ORDER BY ${column}", "SELECT id FROM users WHERE a = $1 AND b = $2 ORDER BY pmcheck_hole1", "a name is made at run time: ${column}"},
		{"in a list", "SELECT id FROM users WHERE a IN ? AND b IN (?) AND c IN (:c)", "SELECT id FROM users WHERE a IN ($1) AND b IN ($2) AND c IN ($3)", ""},
		{"sqlc", "-- name: Get :one\nSELECT sqlc.embed(users), a FROM users WHERE a = sqlc.arg(a) AND b = sqlc.narg('b')::int AND c IN (sqlc.slice(c)) AND d = @a", "SELECT users.*, a FROM users WHERE a = $1 AND b = $2::int AND c IN ($3) AND d = $4", ""},
		{"sqlc's slice in Go", "SELECT id FROM users WHERE id IN (/*SLICE:ids*/?)", "SELECT id FROM users WHERE id IN ( $1)", ""},
		{"river's schema", "SELECT id FROM /* TEMPLATE: schema */river_job", "SELECT id FROM river_job", ""},
		{"hugsql", "SELECT id FROM users WHERE a = :v:a AND b IN (:v*:bs) AND c = :user-id ORDER BY :i:column", "SELECT id FROM users WHERE a = $1 AND b IN ((pmcheck_hole1)) AND c = $2 ORDER BY pmcheck_hole2", "a name is made at run time: :i:column, :v*:bs"},
		{"pg-promise", "INSERT INTO users (a, b) VALUES ($[a], ${b})", "INSERT INTO users (a, b) VALUES ($1, $2)", ""},
		{"dollar and a number", "SELECT id FROM users WHERE a = $«n» AND b = $«n+1»", "SELECT id FROM users WHERE a = $1 AND b = $2", ""},
		{"a value", "SELECT id FROM users WHERE a = «id» AND b > «x»", "SELECT id FROM users WHERE a = $1 AND b > $2", ""},
		{"a quoted value", "SELECT id FROM users WHERE a = '«id»' AND c = 'x%s' AND b > now() - interval '«n» days'", "SELECT id FROM users WHERE a = $1 AND c = 'x%s' AND b > now() - interval '1 days'", ""},
		{"a table", "DELETE FROM «table» WHERE id = ?", "DELETE FROM pmcheck_hole1 WHERE id = $1", "a name is made at run time: table"},
		{"a table in a format", "INSERT INTO %s (a) VALUES (%s)", "INSERT INTO pmcheck_hole1 (a) VALUES ($1)", "a name is made at run time: %s"},
		{"a quoted table", `SELECT a FROM "%s" WHERE a = 1`, `SELECT a FROM pmcheck_hole1 WHERE a = 1`, "a name is made at run time: "},
		{"a schema", "SELECT a FROM «schema».users u JOIN {{ .Schema }}.orders USING (id)", "SELECT a FROM users u JOIN orders USING (id)", ""},
		{"columns", "SELECT «columns» FROM users", "SELECT pmcheck_hole1 FROM users", "a name is made at run time: columns"},
		{"all before FROM", "«query» FROM users WHERE a = 1", "SELECT pmcheck_hole1 FROM users WHERE a = 1", "a name is made at run time: query"},
		{"a condition", "SELECT a FROM users «where»", "SELECT a FROM users", "a piece of the query is made at run time: where"},
		{"a condition right behind", "SELECT a FROM users«where» ORDER BY a", "SELECT a FROM users ORDER BY a", "a piece of the query is made at run time: where"},
		{"one of several conditions", "SELECT a FROM users WHERE a = 1 «more» ORDER BY «column» «direction» LIMIT «n»", "SELECT a FROM users WHERE a = 1 ORDER BY pmcheck_hole2 LIMIT $1", "a name is made at run time: column, more, direction"},
		{"a whole condition", "SELECT a FROM users WHERE «condition»", "SELECT a FROM users WHERE pmcheck_hole1", "a name is made at run time: condition"},
		{"settings", "UPDATE users SET «settings», b = $1 WHERE id = $2", "UPDATE users SET pmcheck_hole1 = $3, b = $1 WHERE id = $2", "a name is made at run time: settings"},
		{"rows", "INSERT INTO users (a, b) VALUES «rows»", "INSERT INTO users (a, b) VALUES (pmcheck_hole1)", "a piece of the query is made at run time: rows"},
		{"a list of columns", "INSERT INTO users («columns») VALUES («values»)", "INSERT INTO users (pmcheck_hole1) VALUES ($1)", "a name is made at run time: columns"},
		{"an action", "INSERT INTO users (a) VALUES (1) ON CONFLICT «what»", "INSERT INTO users (a) VALUES (1) ON CONFLICT DO NOTHING", "a piece of the query is made at run time: what"},
		{"a query", "SELECT a FROM («query») x", "SELECT a FROM (SELECT pmcheck_hole1.* FROM pmcheck_hole1) x", "a piece of the query is made at run time: query"},
		{"an operator", "SELECT a FROM users WHERE a «op» $1", "SELECT a FROM users WHERE a = $1", "a piece of the query is made at run time: op"},
		{"a part of a name", "SELECT a FROM users_«year» JOIN idx_%s USING (a)", "SELECT a FROM pmcheck_hole1 JOIN pmcheck_hole2 USING (a)", "a name is made at run time: year, %s"},
		{"a template's condition", "SELECT a FROM users {{if .X}} WHERE a = 1 {{end}}", "SELECT a FROM users WHERE a = 1", "a piece of the query is made at run time: {{if .X}}, {{end}}"},
		{"in braces", "SELECT {columns} FROM {table} WHERE a = {0}", "SELECT pmcheck_hole1 FROM pmcheck_hole2 WHERE a = $1", "a name is made at run time: {columns}, {table}"},
		{"a function's schema is kept", "SELECT auth.uid() FROM users", "SELECT auth.uid() FROM users", ""},
		{"several statements", "UPDATE a SET b = ?; DELETE FROM c WHERE d = ?;", "UPDATE a SET b = $1; DELETE FROM c WHERE d = $2;", ""},

		{"a sentence", "select a user from the list", "", ""},
		{"another", "Select an option from your account", "", ""},
		{"a label", "Delete from cart", "", ""},
		{"a heading", "Update the user", "", ""},
		{"a message", "update user failed: %s", "", ""},
		{"with", "with great power (comes) as", "", ""},
		{"a part of a query", "(SELECT count(*) FROM orders WHERE user_id = u.id)", "", ""},
		{"an array of holes", "SELECT a FROM users WHERE a ?| ARRAY[«names»]", "SELECT a FROM users WHERE a ?| ARRAY[$1]", ""},
		{"a bare select", "select name", "", ""},
		{"a number", "SELECT 1", "", ""},
		{"MySQL", "INSERT INTO `users` (`a`) VALUES (?)", "", ""},
		{"DDL", "CREATE TABLE users (id int)", "", ""},
		{"empty", "", "", ""},
		{"not a cast of a constant", "SELECT a FROM users WHERE b «op» 'x'", "SELECT a FROM users WHERE b = 'x'", "a piece of the query is made at run time: op"},
		{"a comment alone", "-- select", "", ""},
		{"NUL", "SELECT a FROM users\x00 WHERE a = 1", "SELECT a FROM users  WHERE a = 1", ""},
		{"not UTF-8", "SELECT a FROM users WHERE a = '\xff'", "SELECT a FROM users WHERE a = '?'", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sql, partial, ok := statement(holes(tt.text))
			if sql != tt.want || partial != tt.partial || ok != (tt.want != "") {
				t.Errorf("%q is\n%q (%q) %v, want\n%q (%q)", tt.text, sql, partial, ok, tt.want, tt.partial)
			}
		})
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{"SELECT «a» FROM «b».c WHERE x = ? AND y ?| :z", "INSERT INTO t VALUES «rows»", "{{if .X}}DELETE FROM %s{{end}}", "SELECT $[a:name]", "WITH «x» SELECT '«y»'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sql, _, ok := statement([]piece{{text: s, line: 1, column: 1}, {hole: "x", line: 2, column: 1}, {text: s, line: 2, column: 1}})
		if ok {
			if reason, _ := syntaxError(sql); reason != "" {
				t.Errorf("%q was made of %q, and is refused: %s", sql, s, reason)
			}
		}
	})
}
