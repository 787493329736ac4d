package lint

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A table is new as long as the whole change has put no rows into it that anyone could wait for.
func TestNewTables(t *testing.T) {
	tests := []struct {
		name   string
		change tree
		want   map[string]string // by file: "line: new|old relation", and of other relations that are locked
	}{
		{"created and indexed in one file",
			tree{"m/2.sql": "CREATE TABLE n (id bigint, u bigint);\nCREATE INDEX n_u ON n (u);\nALTER TABLE n ALTER COLUMN u SET NOT NULL;\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n\n3 new n"}},
		{"created in one file, indexed in the next",
			tree{"m/2.sql": "CREATE TABLE n (id bigint, u bigint);\n", "m/3.sql": "CREATE INDEX n_u ON n (u);\n"},
			map[string]string{"m/3.sql": "1 new n"}},
		{"renamed",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nALTER TABLE n RENAME TO p;\n", "m/3.sql": "CREATE INDEX p_id ON p (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n", "m/3.sql": "1 new p"}},
		{"an old table under a new name is old",
			tree{"m/2.sql": "ALTER TABLE users RENAME TO people;\nCREATE INDEX p_id ON people (id);\n"},
			map[string]string{"m/2.sql": "1 old users\n2 old people"}},
		{"a new table takes an old one's name",
			tree{"m/2.sql": "ALTER TABLE users RENAME TO people;\nCREATE TABLE users (id bigint);\nCREATE INDEX u_id ON users (id);\nCREATE INDEX p_id ON people (id);\n"},
			map[string]string{"m/2.sql": "1 old users\n2 new users\n3 new users\n4 old people"}},
		{"dropped and created again",
			tree{"m/2.sql": "DROP TABLE users;\nCREATE TABLE users (id bigint);\nCREATE INDEX u_id ON users (id);\n"},
			map[string]string{"m/2.sql": "1 old users\n2 new users\n3 new users"}},
		{"filled with literal rows",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nINSERT INTO n VALUES (1), (2);\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n\n3 new n"}},
		{"filled from another table",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nINSERT INTO n SELECT id FROM users;\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n\n3 old n"}},
		{"filled from another table in an earlier file",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nINSERT INTO n SELECT id FROM users;\n", "m/3.sql": "CREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/3.sql": "1 old n"}},
		{"created from a query",
			tree{"m/2.sql": "CREATE TABLE n AS SELECT * FROM users;\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 old n"}},
		{"created from a query, without its rows",
			tree{"m/2.sql": "CREATE TABLE n AS SELECT * FROM users WITH NO DATA;\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n"}},
		{"emptied",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nINSERT INTO n SELECT id FROM users;\nTRUNCATE n;\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n\n3 old n\n4 new n"}},
		{"what a new table does to an old one is not exempt",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nALTER TABLE n ADD FOREIGN KEY (id) REFERENCES users (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n, old users"}},
		{"a foreign key between new tables",
			tree{"m/2.sql": "CREATE TABLE n (id bigint PRIMARY KEY);\nCREATE TABLE p (id bigint REFERENCES n (id));\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new p, new n"}},
		{"a partition of an old table",
			tree{"m/2.sql": "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (2);\n"},
			map[string]string{"m/2.sql": "1 new events_1, old events"}},
		{"a temporary table",
			tree{"m/2.sql": "CREATE TEMPORARY TABLE n AS SELECT * FROM users;\nCREATE INDEX n_id ON n (id);\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new pg_temp.n"}},
		{"an index of a new table is dropped",
			tree{"m/2.sql": "CREATE TABLE n (id bigint);\nCREATE INDEX n_id ON n (id);\nDROP INDEX n_id;\nDROP INDEX users_name;\n"},
			map[string]string{"m/2.sql": "1 new n\n2 new n\n3 new n_id, new n\n4 old users_name, old users"}},
		{"IF NOT EXISTS of an old table",
			tree{"m/2.sql": "CREATE TABLE IF NOT EXISTS users (id bigint);\nCREATE INDEX u_id ON users (id);\n"},
			map[string]string{"m/2.sql": "2 old users"}},
		{"another schema's table of the same name",
			tree{"m/2.sql": "CREATE SCHEMA s;\nCREATE TABLE s.users (id bigint);\nCREATE INDEX u_id ON s.users (id);\nSET search_path = s;\nCREATE INDEX u_id2 ON users (id);\n"},
			map[string]string{"m/2.sql": "2 new s.users\n3 new s.users\n5 new s.users"}},
	}
	base := tree{"m/1.sql": "CREATE TABLE users (id bigint PRIMARY KEY, name text);\nCREATE INDEX users_name ON users (name);\n" +
		"CREATE TABLE events (id bigint) PARTITION BY RANGE (id);\n"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := judgeChange(t, base, base.with(tt.change), plainFiles)
			if p := problems(r); p != "" {
				t.Errorf("problems: %s", p)
			}
			for path, want := range tt.want {
				got := listed(r.migration(t, path), func(s Statement) string {
					if s.Cost.Lock == "" && !s.New {
						return ""
					}
					say := func(isNew bool) string {
						if isNew {
							return "new"
						}
						return "old"
					}
					name := plain(s.Before.Relation)
					if !s.Before.IndexTable.IsZero() {
						name = plain(s.Op.Target())
					}
					out := fmt.Sprintf("%d %s %s", s.Place.Line, say(s.New), name)
					for _, also := range s.Cost.Also {
						if len(also.Lock.Blocks()) > 0 && also.Kind != "index" {
							out += fmt.Sprintf(", %s %s", say(s.NewAlso[also.Relation.String()]), plain(also.Relation))
						}
					}
					return out
				})
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", path, diff)
				}
			}
		})
	}
}
