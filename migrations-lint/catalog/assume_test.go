package catalog

import "testing"

// What an operation names is assumed, and the operation then succeeds.
func TestAssume(t *testing.T) {
	on := func(name string) Base { return Base{Name{Name: name}} }
	alter := func(name string) AlterBase { return AlterBase{Base: on(name)} }
	ops := map[string]Op{
		"add column":        AddColumn{AlterBase: alter("orders"), Column: ColumnDef{Name: "note", Type: Type{Name: "text"}}},
		"drop column":       DropColumn{AlterBase: alter("orders"), Column: "note"},
		"type":              AlterColumnType{AlterBase: alter("orders"), Column: "total", Type: Type{Name: "int8"}},
		"set not null":      SetNotNull{AlterBase: alter("sales.orders"), Column: "total"},
		"index":             CreateIndex{Base: on("orders"), Name: "i", Method: "btree", Elements: []IndexElement{{Column: "total"}}},
		"drop index":        DropRelation{Base: on("orders_idx"), Object: "index"},
		"drop table":        DropRelation{Base: on("orders"), Object: "table"},
		"foreign key":       AddConstraint{AlterBase: alter("orders"), Constraint: ConstraintDef{Type: ForeignKey, Columns: []string{"user_id"}, RefTable: Name{Name: "users"}}},
		"foreign key to it": AddConstraint{AlterBase: alter("orders"), Constraint: ConstraintDef{Type: ForeignKey, Columns: []string{"code"}, RefTable: Name{Name: "users"}, RefColumns: []string{"code"}}},
		"drop constraint":   DropConstraint{AlterBase: alter("orders"), Name: "c"},
		"validate":          ValidateConstraint{AlterBase: alter("orders"), Name: "c"},
		"truncate":          Truncate{Base: on("orders")},
		"enum value":        AddEnumValue{Base: on("mood"), Label: "ok"},
		"unknown type":      AddColumn{AlterBase: alter("orders"), Column: ColumnDef{Name: "at", Type: Type{Name: "geometry"}}},
		"other schema":      DropColumn{AlterBase: AlterBase{Base: Base{Name{"sales", "orders"}}}, Column: "note"},
	}
	for name, op := range ops {
		t.Run(name, func(t *testing.T) {
			c := New()
			if _, created := op.(AddEnumValue); !created && c.Clone().Apply(op) == nil {
				t.Fatal("the operation needs nothing")
			}
			if !c.Assume(op) {
				t.Fatal("nothing was assumed")
			}
			if err := c.Apply(op); err != nil {
				t.Errorf("refused after all: %v", err)
			}
			if c.Assume(op) && name == "truncate" {
				t.Error("assumed twice")
			}
		})
	}
}
