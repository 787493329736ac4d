package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkParse measures files as migrations hold them: one small file each, and
// a dump of many statements.
func BenchmarkParse(b *testing.B) {
	cases := map[string]string{
		"add column":              "ALTER TABLE users ADD COLUMN nickname text;",
		"add column with default": "ALTER TABLE users ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();",
		"create table": `CREATE TABLE accounts (
			id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE, name text NOT NULL DEFAULT '',
			kind varchar(20) NOT NULL CHECK (kind IN ('a', 'b')), created_at timestamptz NOT NULL DEFAULT now(), UNIQUE (user_id, name));
			CREATE INDEX accounts_kind ON accounts (kind) WHERE created_at > '2020-01-01';`,
		"view":     "CREATE VIEW v AS SELECT u.id, count(*) AS n, max(a.created_at) FROM users u JOIN accounts a ON a.user_id = u.id WHERE u.deleted_at IS NULL GROUP BY u.id;",
		"do block": "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'mood') THEN CREATE TYPE mood AS ENUM ('sad', 'ok'); END IF; END $$;",
		"broken":   "CREATE TABLE a (b int); ALTER TABLE a ADD COLUMN; DROP TABLE a;",
	}
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		sql, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		cases[filepath.Base(file)] = string(sql)
	}
	for name, sql := range cases {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			statements := 0
			for b.Loop() {
				statements += len(Parse(sql).Statements)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(statements), "µs/statement")
		})
	}
}
