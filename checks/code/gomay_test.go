package code

import "testing"

func TestGoMay(t *testing.T) {
	for _, test := range []struct {
		content string
		want    bool
	}{
		{"const q = `SELECT id FROM users`", true},
		{"q := \"select \" + columns + \" from users\"", true},
		{"q := \"select a,\" +\n\t\"b from users\"", true},
		{`db.Query("select pg_notify($1, $2)")`, true},
		{`db.Exec("\n\tupdate users set name = $1")`, true},
		{`db.Exec("UPDATE " + table + " SET name = $1")`, true},
		{`db.Exec("DELETE " + "FROM users")`, true},
		{`b.WriteString("-- all of them\nINSERT INTO users VALUES (1)")`, true},
		{`db.Exec("/* " + service + " */ insert into users values (1)")`, true},
		{"`WITH x AS (` + inner + `) SELECT id FROM x`", true},
		{`strings.Join([]string{"SELECT", "name", "FROM", "users"}, " ")`, true},
		{`const usersTable = "users"`, true},
		{"usersTbl string = `app.users`", true},
		{"const TABLE_USERS = \"users\"", true},
		{`rows := store.getQueryBuilder().Select("id")`, true},
		{"rows := psql.\n\tInsert(`users`)", true},
		{"// SELECT id FROM users\n/* DELETE FROM users */", false},
		{`errors.New("select a user from the list")`, true}, // as long as no more is read
		{`errors.New("Select a user from the list")`, false},
		{`f("failed to update users: %w"); g("update users: %w"); h("set users: %w")`, false},
		{`audit("create", "update", "delete", "copy-from", "DELETE")`, false},
		{`copy("copy of users to %s"); lock("lock the users")`, false},
		{`table := "users of the app"`, false},
		{`stable == "users"; tableOf("users")`, false},
		{`menu.Update("users"); b.Select("x")`, false},
		{`'"'; x := '\''; "SELECT 1 FROM users`, true}, // has no end
		{``, false},
	} {
		if got := (goExtractor{}).may([]byte(test.content)); got != test.want {
			t.Errorf("%s: %v", test.content, got)
		}
	}
}
