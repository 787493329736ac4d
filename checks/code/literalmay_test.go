package code

import "testing"

func TestMayHoldStatement(t *testing.T) {
	for text, want := range map[string]bool{
		`db.query("SELECT id FROM users")`:                                 true,
		`q = "select " + columns + " from users"`:                          true,
		"\"SELECT id\\nFROM users\"":                                       true,
		"\"\\nselect id\\nfrom users\"":                                    true,
		"`\n  UPDATE users\n  SET name = $1`":                              true,
		`f"UPDATE {table} SET a = 1"`:                                      true,
		`"INSERT " + "INTO users VALUES (1)"`:                              true,
		"<<~SQL\n  DELETE FROM users\nSQL":                                 true,
		`"select audit_users($1)"`:                                         true,
		`"TRUNCATE users"`:                                                 true,
		`"REFRESH MATERIALIZED VIEW v"`:                                    true,
		`"MERGE INTO users"`:                                               true,
		`prisma.user.findMany({ select: { id: true } }) // from users`:     false,
		`import { select } from 'd3'`:                                      false,
		`state.update(values); map.set(1, 2)`:                              false,
		`users.delete(from)`:                                               false,
		`const lock = mutex.lock; truncate(text); copy(a, b)`:              false,
		`selected = items.from(a)`:                                         false,
		`["SELECT", columns, "FROM users"].join(" ")`:                      true,
		"(\nselect id from users)":                                         true,
		`<TextField select onChange={() => set(1)}>from users</TextField>`: false,
		`type: "select"; title: "users"`:                                   false,
		``:                                                                 false,
	} {
		if got := mayHoldStatement([]byte(text)); got != want {
			t.Errorf("mayHoldStatement(%q) = %v, want %v", text, got, want)
		}
	}
}
