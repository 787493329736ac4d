package lint

import (
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

func TestNarrows(t *testing.T) {
	c := catalog.New()
	for _, st := range postgres.Parse(`
		CREATE TYPE mood AS ENUM ('bad', 'good');
		CREATE TYPE more AS ENUM ('bad', 'fair', 'good');`).Statements {
		for _, op := range st.Ops {
			if err := c.Apply(op.Op); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		from, to string
		want     bool
	}{
		{"int", "bigint", false}, {"bigint", "int", true}, {"int", "numeric", false}, {"int", "numeric(3,0)", true},
		{"varchar(20)", "varchar(40)", false}, {"varchar(40)", "varchar(20)", true}, {"text", "varchar(20)", true},
		{"varchar(20)", "text", false}, {"int", "text", false}, {"text", "int", true}, {"uuid", "text", false},
		{"numeric(10,2)", "numeric(12,2)", false}, {"numeric(10,2)", "numeric(10,4)", true}, {"numeric(10,2)", "numeric", false},
		{"numeric", "numeric(10,2)", true}, {"timestamp", "timestamptz", false}, {"timestamptz", "date", true}, {"date", "timestamptz", false},
		{"timestamp(6)", "timestamp(3)", true}, {"int", "float8", false}, {"bigint", "float8", true},
		{"text[]", "jsonb", false}, {"json", "jsonb", false}, {"int[]", "bigint[]", false}, {"bigint[]", "int[]", true}, {"int[]", "int", true},
		{"mood", "more", false}, {"more", "mood", true}, {"mood", "text", false}, {"text", "mood", true}, {"int", "int", false},
	}
	typeOf := func(name string) catalog.Type {
		op := postgres.Parse("ALTER TABLE t ALTER COLUMN c TYPE " + name).Statements[0].Ops[0].Op
		found, ok := c.ResolveType(op.(catalog.AlterColumnType).Type)
		if !ok {
			t.Fatalf("no type %s", name)
		}
		return found
	}
	for _, tt := range tests {
		if got := narrows(c, typeOf(tt.from), typeOf(tt.to)); got != tt.want {
			t.Errorf("narrows(%s, %s) = %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
