package lint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// What surrounds each statement: "line: in N|alone, held locks, lock_timeout".
func TestTransaction(t *testing.T) {
	const (
		up  = "-- +goose Up\n"
		sql = "ALTER TABLE a ADD COLUMN x int;\nALTER TABLE b ADD COLUMN x int;\n"
	)
	tests := []struct {
		name string
		tx   layout.Transaction // of plain files; "" = the file is one of goose
		sql  string
		want string
	}{
		{"a file in a transaction", layout.InFile, sql, "1 in 1\n2 in 1, holds a from 1"},
		{"all files in one transaction", layout.InAll, sql, "1 in 1\n2 in 1, holds a from 1"},
		{"several statements as one query", layout.Implicit, sql, "1 in 1\n2 in 1, holds a from 1"},
		{"one statement as one query", layout.Implicit, "ALTER TABLE a ADD COLUMN x int;\n", "1 alone"},
		{"each statement alone", layout.Autocommit, sql, "1 alone\n2 alone"},

		{"BEGIN and COMMIT, each statement alone", layout.Autocommit,
			"BEGIN;\nALTER TABLE a ADD COLUMN x int;\nALTER TABLE b ADD COLUMN x int;\nCOMMIT;\nALTER TABLE c ADD COLUMN x int;\n",
			"2 in 1\n3 in 1, holds a from 2\n5 alone"},
		{"COMMIT AND CHAIN begins the next one", layout.Autocommit,
			"BEGIN;\nALTER TABLE a ADD COLUMN x int;\nCOMMIT AND CHAIN;\nALTER TABLE b ADD COLUMN x int;\nROLLBACK;\nALTER TABLE c ADD COLUMN x int;\n",
			"2 in 1\n4 in 2\n6 alone"},
		{"a savepoint ends nothing", layout.Autocommit,
			"BEGIN;\nALTER TABLE a ADD COLUMN x int;\nSAVEPOINT s;\nALTER TABLE b ADD COLUMN x int;\nRELEASE s;\nALTER TABLE c ADD COLUMN x int;\nCOMMIT;\n",
			"2 in 1\n4 in 1, holds a from 2\n6 in 1, holds a from 2, holds b from 4"},
		{"COMMIT ends the transaction of the tool", layout.InFile,
			"ALTER TABLE a ADD COLUMN x int;\nCOMMIT;\nALTER TABLE b ADD COLUMN x int;\nBEGIN;\nALTER TABLE c ADD COLUMN x int;\n",
			"1 in 1\n3 alone\n5 in 2"},
		// After a COMMIT the server opens the next implicit transaction for the rest of the query (PostgreSQL manual, 55.2.2.1).
		{"COMMIT within one query", layout.Implicit,
			"ALTER TABLE a ADD COLUMN x int;\nCOMMIT;\nALTER TABLE b ADD COLUMN x int;\n",
			"1 in 1\n3 in 2"},

		{"a limit for the session", layout.Autocommit, "SET lock_timeout = '5s';\n" + sql, "2 alone, lock_timeout 5s\n3 alone, lock_timeout 5s"},
		{"a limit for the transaction", layout.InFile, "SET LOCAL lock_timeout = '5s';\n" + sql, "2 in 1, lock_timeout 5s\n3 in 1, lock_timeout 5s, holds a from 2"},
		{"a limit for a transaction that is none", layout.Autocommit, "SET LOCAL lock_timeout = '5s';\n" + sql, "2 alone\n3 alone"},
		{"a limit that ends with its transaction", layout.Autocommit,
			"BEGIN;\nSET LOCAL lock_timeout = '5s';\nALTER TABLE a ADD COLUMN x int;\nCOMMIT;\nALTER TABLE b ADD COLUMN x int;\n", "3 in 1, lock_timeout 5s\n5 alone"},
		{"a limit that is reset", layout.InFile, "SET lock_timeout = '5s';\nRESET lock_timeout;\nALTER TABLE a ADD COLUMN x int;\n", "3 in 1"},
		{"all that is reset", layout.InFile, "SET lock_timeout = '5s';\nDISCARD ALL;\nRESET ALL;\nALTER TABLE a ADD COLUMN x int;\n", "4 in 1"},

		{"a lock that grows is held once", layout.InFile,
			"CREATE INDEX i ON a (id);\nALTER TABLE a ADD COLUMN x int;\nALTER TABLE b ADD COLUMN x int;\n",
			"1 in 1\n2 in 1, holds a from 1\n3 in 1, holds a from 1, holds a from 2"},
		{"a lock that only keeps DDL out is not held", layout.InFile, "UPDATE a SET id = 1 WHERE id = 1;\nALTER TABLE b ADD COLUMN x int;\n", "1 in 1\n2 in 1"},
		{"a referenced table's lock is held", layout.InFile,
			"CREATE TABLE n (id bigint REFERENCES a (id));\nALTER TABLE b ADD COLUMN x int;\n", "1 in 1\n2 in 1, holds a from 1"},
		{"a new table's lock is not", layout.InFile,
			"CREATE TABLE n (id bigint);\nALTER TABLE n ADD COLUMN x int;\nALTER TABLE b ADD COLUMN x int;\n", "1 in 1\n2 in 1\n3 in 1"},

		{"goose", "", up + sql, "2 in 1\n3 in 1, holds a from 2"},
		{"goose without a transaction", "", "-- +goose NO TRANSACTION\n" + up + sql, "3 alone\n4 alone"},
		{"goose without a transaction, two in one query", "",
			"-- +goose NO TRANSACTION\n" + up + "-- +goose StatementBegin\n" + sql + "-- +goose StatementEnd\nALTER TABLE c ADD COLUMN x int;\n",
			"4 in 1\n5 in 1, holds a from 4\n7 alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const tables = "CREATE TABLE a (id bigint PRIMARY KEY);\nCREATE TABLE b (id bigint);\nCREATE TABLE c (id bigint);\n"
			base, path := tree{"db/migrations/1_tables.sql": tables}, "db/migrations/2_change.sql"
			configs := []layout.Config{{Migrations: []string{"db/migrations"}, Framework: "plain", Transaction: tt.tx}}
			if tt.tx == "" {
				base, configs = tree{"db/migrations/1_tables.sql": up + tables}, nil
			}
			r := judgeChange(t, base, base.with(tree{path: tt.sql}), configs...)
			if p := problems(r); p != "" {
				t.Errorf("problems: %s", p)
			}
			got := listed(r.migration(t, path), func(s Statement) string {
				switch s.Op.(type) {
				case catalog.Transaction, catalog.SetVariable, catalog.Other:
					return ""
				}
				out := fmt.Sprintf("%d alone", s.Place.Line)
				if s.InTransaction {
					out = fmt.Sprintf("%d in %d", s.Place.Line, s.Transaction)
				}
				if s.LockTimeout != "" {
					out += ", lock_timeout " + s.LockTimeout
				}
				for _, h := range s.Held {
					out += fmt.Sprintf(", holds %s from %d", h.Relation, h.Line)
				}
				return out
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A file of many statements that its tool sends one by one takes no more than proportional time.
func TestManyPieces(t *testing.T) {
	files := tree{"m/1_many.sql": "-- +goose NO TRANSACTION\n-- +goose Up\n" + strings.Repeat("SELECT 1;\n", 50_000)}
	r := judgeChange(t, tree{}, files)
	if n := len(r.migration(t, "m/1_many.sql").Spans); n != 50_000 {
		t.Errorf("%d statements are found, want 50000", n)
	}
}
