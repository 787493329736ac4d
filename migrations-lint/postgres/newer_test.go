package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

const newerSchema = `
	CREATE TABLE parent (id int PRIMARY KEY);
	CREATE TABLE t (a int, b int, "C d" int, p int, CONSTRAINT t_p FOREIGN KEY (p) REFERENCES parent);
	CREATE TABLE parts (a int) PARTITION BY RANGE (a);
`

// newerStatements are what PostgreSQL 18 reads and 17 refuses. The servers judge
// both claims. setup is run before on 18.
var newerStatements = []struct {
	setup, sql string
	want       []catalog.Op
}{
	{sql: `ALTER TABLE t ADD CONSTRAINT a_nn NOT NULL a`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Name: "a_nn", Type: catalog.NotNull, Columns: []string{"a"}}})},
	{sql: `ALTER TABLE t ADD CONSTRAINT a_nn NOT NULL "C d" NOT VALID`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Name: "a_nn", Type: catalog.NotNull, Columns: []string{"C d"}, NotValid: true}})},
	{sql: `ALTER TABLE t ADD NOT NULL b NO INHERIT`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Type: catalog.NotNull, Columns: []string{"b"}, NoInherit: true}})},
	{sql: `CREATE TABLE n (a int, CONSTRAINT n_a NOT NULL a, NOT NULL b, b text)`,
		want: ops(catalog.CreateTable{Base: onName("n"), Columns: []catalog.ColumnDef{{Name: "a", Type: int4}, {Name: "b", Type: catalog.Type{Name: "text"}}},
			Constraints: []catalog.ConstraintDef{{Name: "n_a", Type: catalog.NotNull, Columns: []string{"a"}}, {Type: catalog.NotNull, Columns: []string{"b"}}}})},
	{sql: `CREATE TABLE n (a int NOT NULL NO INHERIT, b int CONSTRAINT nn NOT NULL NO INHERIT DEFAULT 1)`,
		want: ops(catalog.CreateTable{Base: onName("n"), Columns: []catalog.ColumnDef{{Name: "a", Type: int4, NotNull: true, NotNullNoInherit: true},
			{Name: "b", Type: int4, NotNull: true, NotNullNoInherit: true, NotNullName: "nn", Default: &catalog.Expr{SQL: "1", Const: true}}}})},
	{sql: `ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Name: "c", Type: catalog.Check, NotEnforced: true, Expr: &catalog.Expr{SQL: "a > 0", Columns: []string{"a"}}}})},
	{sql: `ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) ENFORCED`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Name: "c", Type: catalog.Check, Expr: &catalog.Expr{SQL: "a > 0", Columns: []string{"a"}}}})},
	{sql: `ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES parent (id) ON DELETE CASCADE NOT ENFORCED`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("t"), Constraint: catalog.ConstraintDef{Name: "f", Type: catalog.ForeignKey, Columns: []string{"a"}, RefTable: catalog.Name{Name: "parent"}, RefColumns: []string{"id"}, OnDelete: "CASCADE", NotEnforced: true}})},
	{sql: `CREATE TABLE n (a int CHECK (a > 0) NOT ENFORCED, b int CONSTRAINT nb REFERENCES parent NOT ENFORCED)`,
		want: ops(catalog.CreateTable{Base: onName("n"), Columns: []catalog.ColumnDef{
			{Name: "a", Type: int4, Constraints: []catalog.ConstraintDef{{Type: catalog.Check, NotEnforced: true, Expr: &catalog.Expr{SQL: "a > 0", Columns: []string{"a"}}}}},
			{Name: "b", Type: int4, Constraints: []catalog.ConstraintDef{{Name: "nb", Type: catalog.ForeignKey, Columns: []string{"b"}, RefTable: catalog.Name{Name: "parent"}, NotEnforced: true}}}}})},
	{sql: `ALTER TABLE t ALTER CONSTRAINT t_p NOT ENFORCED`,
		want: ops(catalog.AlterConstraint{AlterBase: onTable("t"), Name: "t_p", Enforced: new(bool)})},
	{setup: `ALTER TABLE t ALTER CONSTRAINT t_p NOT ENFORCED`, sql: `ALTER TABLE t ALTER CONSTRAINT t_p ENFORCED`,
		want: ops(catalog.AlterConstraint{AlterBase: onTable("t"), Name: "t_p", Enforced: yes()})},
	{setup: `ALTER TABLE t ADD CONSTRAINT nn NOT NULL a`, sql: `ALTER TABLE t ALTER CONSTRAINT nn NO INHERIT`,
		want: ops(catalog.AlterConstraint{AlterBase: onTable("t"), Name: "nn", Inherit: new(bool)})},
	{setup: `ALTER TABLE t ADD CONSTRAINT "N n" NOT NULL a NO INHERIT`, sql: `ALTER TABLE t ALTER CONSTRAINT "N n" INHERIT`,
		want: ops(catalog.AlterConstraint{AlterBase: onTable("t"), Name: "N n", Inherit: yes()})},
	{sql: `ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a * 2)`,
		want: ops(catalog.AddColumn{AlterBase: onTable("t"), Column: catalog.ColumnDef{Name: "v", Type: int4, Virtual: true, Generated: &catalog.Expr{SQL: "a * 2", Columns: []string{"a"}}}})},
	{sql: `CREATE TABLE n (a int, v int GENERATED ALWAYS AS (a + 1) VIRTUAL NOT NULL, s int GENERATED ALWAYS AS (a) STORED, d int DEFAULT 3)`,
		want: ops(catalog.CreateTable{Base: onName("n"), Columns: []catalog.ColumnDef{{Name: "a", Type: int4},
			{Name: "v", Type: int4, NotNull: true, Virtual: true, Generated: &catalog.Expr{SQL: "a + 1", Columns: []string{"a"}}},
			{Name: "s", Type: int4, Generated: &catalog.Expr{SQL: "a", Columns: []string{"a"}, Column: "a"}},
			{Name: "d", Type: int4, Default: &catalog.Expr{SQL: "3", Const: true}}}})},
	{sql: `CREATE TABLE n (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS))`,
		want: ops(catalog.CreateTable{Base: onName("n"), Columns: []catalog.ColumnDef{{Name: "id", Type: catalog.Type{Name: "int4range"}}, {Name: "during", Type: catalog.Type{Name: "daterange"}}},
			Constraints: []catalog.ConstraintDef{{Type: catalog.PrimaryKey, Columns: []string{"id", "during"}, WithoutOverlaps: true}}})},
	{setup: `CREATE TABLE n (id int4range, during daterange)`, sql: `ALTER TABLE n ADD CONSTRAINT n_key UNIQUE (id, during WITHOUT OVERLAPS)`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("n"), Constraint: catalog.ConstraintDef{Name: "n_key", Type: catalog.Unique, Columns: []string{"id", "during"}, WithoutOverlaps: true}})},
	{setup: `CREATE TABLE n (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS)); CREATE TABLE r (n_id int4range, "at" daterange)`,
		sql:  `ALTER TABLE r ADD CONSTRAINT r_n FOREIGN KEY (n_id, PERIOD "at") REFERENCES n (id, PERIOD during)`,
		want: ops(catalog.AddConstraint{AlterBase: onTable("r"), Constraint: catalog.ConstraintDef{Name: "r_n", Type: catalog.ForeignKey, Columns: []string{"n_id", "at"}, RefTable: catalog.Name{Name: "n"}, RefColumns: []string{"id", "during"}, Period: true}})},
	{sql: `UPDATE t SET a = 1 WHERE b = 2 RETURNING WITH (OLD AS o, NEW AS n) o.a, n.a`,
		want: ops(catalog.Update{Base: onName("t"), Columns: []string{"a"}, Where: true, WhereEquals: []string{"b"}})},
	{sql: `VACUUM ONLY parts`, want: ops(catalog.Vacuum{Base: onName("parts")})},
	{sql: `ANALYZE ONLY parts (a), t`, want: ops(catalog.Vacuum{Base: onName("parts"), Analyze: true}, catalog.Vacuum{Base: onName("t"), Analyze: true})},
	{sql: `ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO PUBLIC`, want: ops(catalog.Other{Name: "alter_default_privileges"})},
}

var int4 = catalog.Type{Name: "int4"}

func ops(list ...catalog.Op) []catalog.Op { return list }

func onName(name string) catalog.Base { return catalog.Base{On: catalog.Name{Name: name}} }

func onTable(name string) catalog.AlterBase {
	return catalog.AlterBase{Base: onName(name), Object: "table", First: true}
}

func yes() *bool {
	b := true
	return &b
}

func TestNewerSyntax(t *testing.T) {
	for _, c := range newerStatements {
		script := Parse("SELECT 1;\n" + c.sql + ";\nSELECT 2")
		if len(script.Statements) != 3 {
			t.Errorf("%s: %d statements", c.sql, len(script.Statements))
			continue
		}
		st := script.Statements[1]
		if st.NotAnalysed != "" || st.Version != 18 {
			t.Errorf("%s: not analysed %q, version %d", c.sql, st.NotAnalysed, st.Version)
		}
		if diff := cmp.Diff(c.want, opsOf(st)); diff != "" {
			t.Errorf("%s:\n%s", c.sql, diff)
		}
	}
}

func opsOf(st Statement) []catalog.Op {
	var list []catalog.Op
	for _, op := range st.Ops {
		list = append(list, op.Op)
	}
	return list
}

func TestNewerSyntaxIsTheServers(t *testing.T) {
	ctx := context.Background()
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			var db *pgx.Conn
			for _, c := range newerStatements {
				if db == nil || server.Version >= 18 { // what is refused leaves no trace
					db = server.NewDatabase(t)
					if _, err := db.Exec(ctx, newerSchema); err != nil {
						t.Fatal(err)
					}
				}
				if server.Version < 18 {
					if _, err := db.Exec(ctx, c.sql); err == nil {
						t.Errorf("%s: accepted by %d", c.sql, server.Version)
					}
					continue
				}
				_, err := db.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS btree_gist;`+c.setup)
				if err == nil {
					_, err = db.Exec(ctx, c.sql)
				}
				if err != nil {
					t.Errorf("%s: refused by %d: %v", c.sql, server.Version, err)
				}
			}
		})
	}
}

func TestWhatNoVersionReadsStaysRefused(t *testing.T) {
	for _, sql := range []string{
		`ALTER TABLE t ADD COLUMN a int NOT ENFORCED`, `ALTER TABLE t ADD UNIQUE (a) NOT ENFORCED`, `CREATE TABLE t (a int INHERIT)`,
		`SELECT NOT ENFORCED FROM t GROUP`, `CREATE TABLE t (a int, NOT NULL)`, `UPDATE t SET a = 1 RETURNING WITH (`, `SELECT (a WITHOUT OVERLAPS)`,
		`CREATE TABLE t (a int GENERATED ALWAYS AS (b`,
	} {
		st := Parse(sql).Statements
		if len(st) != 1 || st[0].NotAnalysed == "" || st[0].Problems[0].Kind != Syntax {
			t.Errorf("%s: %+v", sql, st)
		}
	}
}
