package code

import "testing"

func TestGoModels(t *testing.T) {
	tests := []struct{ name, files, want string }{
		{"GORM", "-- a.go --\npackage a\nimport \"gorm.io/gorm\"\n\ntype User struct {\n\tgorm.Model\n\tFullName string\n\tTeamID uint\n\tTeam Team\n\tOrders []Order\n\tNick string `gorm:\"column:nickname\"`\n\tSkip string `gorm:\"-\"`\n\tState string `gorm:\"default:'new'\"`\n}\ntype Team struct { ID uint; Name string `gorm:\"size:9\"` }\n",
			"a.go:4 User: INSERT INTO \"users\" (\"created_at\", \"updated_at\", \"deleted_at\", \"full_name\", \"team_id\", \"nickname\") VALUES ($1, $2, $3, $4, $5, $6) (implied)\n" +
				"a.go:4 User: SELECT \"id\", \"created_at\", \"updated_at\", \"deleted_at\", \"full_name\", \"team_id\", \"nickname\", \"state\" FROM \"users\" (implied)\n"},
		{"GORM's TableName", "-- a.go --\npackage a\nimport \"gorm.io/gorm\"\nvar _ gorm.DB\ntype Person struct { ID string; Name string }\nfunc (*Person) TableName() string { return \"public.users\" }\n",
			"a.go:4 Person: INSERT INTO \"public\".\"users\" (\"id\", \"name\") VALUES ($1, $2) (implied)\na.go:4 Person: SELECT \"id\", \"name\" FROM \"public\".\"users\" (implied)\n"},
		{"bun", "-- a.go --\npackage a\nimport \"github.com/uptrace/bun\"\ntype Account struct {\n\tbun.BaseModel `bun:\"table:users,alias:u\"`\n\tID int64 `bun:\",pk,autoincrement\"`\n\tName string\n\tMail string `bun:\"email\"`\n\tTeam *Team `bun:\"rel:belongs-to\"`\n}\ntype Team struct{}\n",
			"a.go:3 Account: INSERT INTO \"users\" (\"name\", \"email\") VALUES ($1, $2) (implied)\na.go:3 Account: SELECT \"id\", \"name\", \"email\" FROM \"users\" (implied)\n"},
		{"pop", "-- a.go --\npackage a\nimport \"github.com/gobuffalo/pop/v6\"\ntype User struct {\n\tID uuid.UUID `db:\"id\"`\n\tName string `db:\"name\"`\n\tSeen time.Time `db:\"seen_at\" rw:\"r\"`\n\tOrders []Order `has_many:\"orders\"`\n\tNot string `db:\"-\"`\n}\nfunc f(tx *pop.Connection) { tx.RawQuery(\"DELETE FROM \" + (&pop.Model{Value: User{}}).TableName() + \" WHERE id = ?\").Exec() }\n",
			"a.go:3 User: INSERT INTO \"users\" (\"id\", \"name\") VALUES ($1, $2) (implied)\na.go:3 User: SELECT \"id\", \"name\", \"seen_at\" FROM \"users\" (implied)\na.go:10 f: DELETE FROM users WHERE id = $1\n"},
		{"gorp", "-- a.go --\npackage a\nimport \"github.com/go-gorp/gorp/v3\"\ntype Member struct {\n\tID int64\n\tFullName string `db:\"name\"`\n\tNot string `db:\"-\"`\n}\nfunc f(m *gorp.DbMap) { m.AddTableWithName(Member{}, \"users\") }\n",
			"a.go:3 Member: INSERT INTO \"users\" (\"id\", \"name\") VALUES ($1, $2) (implied)\na.go:3 Member: SELECT \"id\", \"name\" FROM \"users\" (implied)\n"},
		{"a struct that is scanned into", "-- a.go --\npackage a\nimport \"github.com/jmoiron/sqlx\"\ntype User struct { ID int `db:\"id\"`; Name string `db:\"name\"` }\nfunc f(db *sqlx.DB, u *User) { db.Get(u, `SELECT * FROM users`) }\n", "a.go:4 f: SELECT * FROM users\n"},
		{"a model that is drawn up for JSON", "-- a.go --\npackage a\nimport \"gorm.io/gorm\"\nvar _ gorm.DB\ntype User struct { ID int `json:\"id\"`; Name string `json:\"name\"` }\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := show(findIn(t, treeOf(tt.files), NewNames([]string{"users"}, nil)).Queries); got != tt.want {
				t.Errorf("found\n%swant\n%s", got, tt.want)
			}
		})
	}
}
