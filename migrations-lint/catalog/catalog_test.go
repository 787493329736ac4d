package catalog_test

import (
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// replay applies a script to a catalog; the first refusal ends it.
func replay(t testing.TB, c *catalog.Catalog, sql string) error {
	t.Helper()
	for _, st := range postgres.Parse(sql).Statements {
		if st.NotAnalysed != "" {
			t.Fatalf("%s: %s", sql[st.Start:st.End], st.NotAnalysed)
		}
		ops := make([]catalog.Op, len(st.Ops))
		for i, op := range st.Ops {
			ops[i] = op.Op
		}
		if err := c.ApplyAll(ops...); err != nil {
			return err
		}
	}
	return nil
}

func TestSerialAndKeys(t *testing.T) {
	c := catalog.New()
	if err := replay(t, c, `CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, team int REFERENCES users, CHECK (length(email) > 3));
		CREATE INDEX ON users (lower(email));
		CREATE VIEW v AS SELECT u.*, now() AS at FROM users u;
		ALTER TABLE users RENAME COLUMN email TO mail;`); err != nil {
		t.Fatal(err)
	}
	r := c.Relation(catalog.Name{Name: "users"})
	for _, want := range []string{"users_pkey", "users_email_key", "users_email_check", "users_team_fkey"} {
		if r.Constraint(want) == nil {
			t.Errorf("no constraint %s", want)
		}
	}
	if c.Index(catalog.Name{Name: "users_lower_idx"}) == nil {
		t.Error("no index users_lower_idx")
	}
	if v := c.Relation(catalog.Name{Name: "v"}); len(v.Columns) != 4 || v.Columns[1].Name != "email" || v.Columns[3].Type.String() != "timestamp with time zone" {
		t.Errorf("columns of the view: %+v", v.Columns)
	}
	if err := replay(t, c, "ALTER TABLE users DROP COLUMN mail"); err == nil {
		t.Error("a column that a view uses was dropped")
	}
}
