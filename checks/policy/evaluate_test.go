package policy_test

import (
	"context"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
)

// createIndex is a statement that index-not-concurrent objects to.
func createIndex(path string, line int, name string) facts.Statement {
	return facts.Statement{
		Kind: "create_index", SQL: "CREATE INDEX " + name + " ON orders (user_id)", Place: facts.Place{Path: path, Line: line},
		Object: "table", Relation: "orders", Name: name, Columns: []string{"user_id"}, Define: "ON orders (user_id)",
		Lock: "SHARE", Blocks: []string{"writes", "ddl"}, Scans: true, BuildsIndex: true,
	}
}

func change(statements ...facts.Statement) *facts.Facts {
	return &facts.Facts{
		Version:    facts.Version,
		Databases:  []facts.Database{{Name: "main", Engine: "postgres", Version: "17", Layout: "goose", Root: "migrations"}},
		Migrations: []facts.Migration{{Database: "main", Path: "migrations/2.sql", Direction: "up", Transaction: "none", Layout: "goose", Status: "added", Statements: statements}},
		Settings:   facts.Settings{DeployOrder: "migrations-first", FailOn: "error"},
		Now:        "2026-03-03T12:00:00Z",
	}
}

func TestBuiltinRuleFires(t *testing.T) {
	e, err := policy.Load(policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	findings, err := e.Evaluate(context.Background(), change(createIndex("migrations/2.sql", 7, "orders_user_id_idx")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Rule == "index-not-concurrent" {
			if f.Severity != policy.Error || f.Location.Line != 7 || f.Category != "locks" || f.Title == "" || f.Remedy == "" || len(f.Fingerprint) != 24 {
				t.Errorf("index-not-concurrent: %+v", f)
			}
			return
		}
	}
	t.Errorf("index-not-concurrent did not fire: %+v", findings)
}

// A cell in which nothing fails and a result differs is enough for the rules on the matrix to run.
func TestQueriesAreRelatedPlaces(t *testing.T) {
	e, err := policy.Load(policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	query := func(name string, line int) facts.Query {
		return facts.Query{Name: name, SQL: "SELECT * FROM orders", Place: facts.Place{Path: "store.go", Line: line, Column: 5, Side: "base"}}
	}
	f := change()
	f.Matrix.OldCodeNewSchema.Changed = []facts.OtherResult{
		{Query: query("ListOrders", 20), How: "column note is added", CausedBy: []facts.Place{{Path: "migrations/2.sql", Line: 1}}},
		{Query: query("GetOrder", 10), How: "column note is added", CausedBy: []facts.Place{{Path: "migrations/2.sql", Line: 1}}},
	}
	findings, err := e.Evaluate(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != 1 || findings[0].Rule != "cached-plan-breaks" {
		t.Fatalf("findings: %+v", findings)
	}
	want := policy.Related{Place: facts.Place{Path: "store.go", Line: 20, Column: 5, Side: "base"}, Text: "ListOrders: SELECT * FROM orders"}
	if got := findings[0]; got.Location.Line != 10 || len(got.Related) != 1 || got.Related[0] != want {
		t.Errorf("finding %+v, expected related %+v", got, want)
	}
}
