package policy

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// manyStatements is a change of n statements in n/5 migrations, of the kinds that changes have.
func manyStatements(n int) *facts.Facts {
	blocksAll, blocksWrites := []string{"reads", "writes", "ddl"}, []string{"writes", "ddl"}
	kinds := []facts.Statement{
		{Kind: "create_index", Relation: "orders", Name: "orders_user_id_idx", Columns: []string{"user_id"}, Define: "ON orders (user_id)",
			Lock: "SHARE", Blocks: blocksWrites, Scans: true, BuildsIndex: true},
		{Kind: "add_column", Relation: "orders", Column: "note", Type: "text", Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll},
		{Kind: "create_table", Relation: "carts", OnNewRelation: true, Defines: []facts.DefinedColumn{{Name: "id", Type: "integer", PrimaryKey: true, Place: facts.Place{Path: "migrations/1.sql", Line: 1}}}},
		{Kind: "add_constraint", Relation: "orders", Name: "orders_total_check", Constraint: "CHECK", Expression: "total >= 0",
			Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll, Scans: true},
		{Kind: "insert", Relation: "countries", OnNewRelation: true},
		{Kind: "drop_column", Relation: "orders", Column: "legacy_name", Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll, LosesData: true, Lost: "every legacy_name"},
		{Kind: "update", Relation: "orders", Lock: "ROW EXCLUSIVE"},
		{Kind: "drop_table", Relation: "carts", Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll, LosesData: true},
		{Kind: "alter_column_type", Relation: "orders", Column: "total", Type: "text", FromType: "integer", Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll, Rewrites: true},
		{Kind: "drop_index", Relation: "orders_user_id_idx", Object: "index", Lock: "ACCESS EXCLUSIVE", Blocks: blocksAll},
	}
	f := &facts.Facts{
		Version:   facts.Version,
		Databases: []facts.Database{{Name: "main", Engine: "postgres", Version: "17", Layout: "goose", Root: "migrations"}},
		Settings:  facts.Settings{DeployOrder: "migrations-first", FailOn: "error"},
		Now:       "2026-03-03T12:00:00Z",
	}
	for i := range n / 5 {
		m := facts.Migration{Database: "main", Path: fmt.Sprintf("migrations/%d.sql", i), Version: fmt.Sprint(i), Direction: "up",
			Transaction: "file", Layout: "goose", Status: "added"}
		for j := range 5 {
			s := kinds[(5*i+j)%len(kinds)]
			s.Index, s.SQL, s.InTransaction = j, fmt.Sprintf("-- statement %d of %d, which is somewhat longer than short is", j, i), true
			s.Object = cmp.Or(s.Object, "table")
			s.Place = facts.Place{Path: m.Path, Line: 1 + j, Column: 1, EndLine: 1 + j}
			m.Statements = append(m.Statements, s)
		}
		f.Migrations = append(f.Migrations, m)
	}
	return f
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLink(b *testing.B) {
	e, err := Load(Options{})
	if err != nil {
		b.Fatal(err)
	}
	applying := e.applying(triggersOf(manyStatements(5)), false)
	for name, rules := range map[string][]Rule{"one rule": applying[:1], "those of five statements": applying, "all rules": e.rules} {
		b.Run(fmt.Sprintf("%s, %d", name, len(rules)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clear(e.programs)
				if _, err := e.program(rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A project's own rule is parsed and checked when it is used.
func BenchmarkOwnRule(b *testing.B) {
	files := map[string][]byte{Dir + "/own/rule.rego": []byte(strings.ReplaceAll(newRule, "RULE-ID", "own"))}
	f := manyStatements(5)
	b.ReportAllocs()
	for b.Loop() {
		e, err := Load(Options{Own: files})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Evaluate(context.Background(), f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkConvert(b *testing.B) {
	f := manyStatements(5000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := document(f, nil, 64<<20); err != nil {
			b.Fatal(err)
		}
	}
}

// A change that begins a project makes nearly all the tables that it works on.
func BenchmarkEvaluateNewTables(b *testing.B) {
	f := manyStatements(5000)
	for i := range f.Migrations {
		for j := range f.Migrations[i].Statements {
			f.Migrations[i].Statements[j].OnNewRelation = true
		}
	}
	benchmarkEvaluate(b, f)
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{5, 50, 5000} {
		b.Run(fmt.Sprintf("%d statements", n), func(b *testing.B) { benchmarkEvaluate(b, manyStatements(n)) })
	}
}

func benchmarkEvaluate(b *testing.B, f *facts.Facts) {
	e, err := Load(Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Evaluate(context.Background(), f); err != nil {
			b.Fatal(err)
		}
	}
}
