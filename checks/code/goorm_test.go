package code

import (
	"strings"
	"testing"
)

func TestGoORMs(t *testing.T) {
	const gorm, bun = "package a\nimport \"gorm.io/gorm\"\n", "package a\nimport \"github.com/uptrace/bun\"\n"
	const user = "type Account struct{ Key string }\nfunc (Account) TableName() string { return \"users\" }\n"
	tests := []struct{ name, file, want string }{
		{"GORM's table", gorm + "func f(db *gorm.DB) { db.WithContext(ctx).Table(\"users u\").Select(\"u.id, u.name\").Joins(\"JOIN teams t ON t.id = u.team_id\").Where(\"u.age > ? AND u.id IN ?\", 1, ids).Order(\"u.name\").Find(&x) }",
			"f: SELECT u.id, u.name FROM users u JOIN teams t ON t.id = u.team_id WHERE (u.age > $1 AND u.id IN ($2)) ORDER BY u.name"},
		{"GORM's model", gorm + user + "func f(db *gorm.DB) error { return s.conn(ctx).Model(&Account{}).Where(map[string]any{\"age\": 1}).Update(\"name\", n).Error }", "f: UPDATE users SET name = $1 WHERE (age = $2)"},
		{"several columns at once", gorm + user + "func f(db *gorm.DB) { db.Model(&Account{}).Where(\"id = ?\", 1).Updates(map[string]any{\"name\": n, \"age\": 2}) }", "f: UPDATE users SET name = $1, age = $2 WHERE (id = $3)"},
		{"one column", gorm + user + "func f(db *gorm.DB) { db.Model(new(Account)).Pluck(\"name\", &names) }", "f: SELECT name FROM users"},
		{"GORM's delete", gorm + "func f(db *gorm.DB) { db.Table(\"users\").Where(\"id = ?\", 1).Delete(nil) }", "f: DELETE FROM users WHERE (id = $1)"},
		{"a variable", gorm + "func f(db *gorm.DB) {\n q := db.Table(\"users\")\n if x { q = q.Where(\"age = ?\", 1) }\n q.Find(&y)\n}", "f: SELECT * FROM users WHERE (age = $1)"},
		{"bun", bun + user + "func f(db *bun.DB) { db.NewSelect().Model((*Account)(nil)).Column(\"id\", \"name\").Where(\"age = ?\", 1).OrderExpr(\"name\").Scan(ctx) }", "f: SELECT id, name FROM users WHERE (age = $1) ORDER BY name"},
		{"bun's update", bun + "func f(db *bun.DB) { db.NewUpdate().Table(\"users\").Set(\"name = ?\", n).Where(\"id = ?\", 1).Exec(ctx) }", "f: UPDATE users SET name = $1 WHERE (id = $2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &memory{files: map[string]string{"a.go": tt.file}, reads: map[string]int{}}
			var got []string
			for _, q := range findIn(t, m, NewNames([]string{"users"}, nil)).Queries {
				if !q.Implied {
					got = append(got, q.Name+": "+strings.Join(strings.Fields(q.SQL), " "))
				}
			}
			if strings.Join(got, "|") != tt.want {
				t.Errorf("found %q, want %q", strings.Join(got, "|"), tt.want)
			}
		})
	}
}
