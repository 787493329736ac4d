package catalog

import "slices"

// Assume adds what an operation names and the catalog does not have: tables with
// the columns that the operation needs, referenced keys, types, indexes. It serves
// migrations whose history is not known. It tells whether anything was added.
//
// What is assumed is in use: a table has many rows, a column's type is unknown.
func (c *Catalog) Assume(op Op) bool {
	a := &assumption{c: c}
	a.op(op)
	return a.added
}

type assumption struct {
	c     *Catalog
	added bool
}

func (a *assumption) op(op Op) {
	switch o := op.(type) {
	case CreateTable:
		a.schema(o.On)
		a.table(o.PartitionOf)
		for _, n := range o.Inherits {
			a.table(n)
		}
		for _, l := range o.Like {
			a.table(l.Source)
		}
		a.definitions(o.Columns)
		a.constraints(o.Constraints)
	case DropRelation:
		a.dropped(o)
	case AddColumn:
		a.table(o.On)
		a.definitions([]ColumnDef{o.Column})
	case DropColumn:
		a.table(o.On, o.Column)
	case RenameColumn:
		a.table(o.On, o.Column)
	case AlterColumnType:
		a.table(o.On, o.Column)
		a.usertype(o.Type)
		if o.Using != nil {
			a.table(o.On, o.Using.Columns...)
		}
	case SetDefault:
		a.table(o.On, o.Column)
	case SetNotNull:
		a.table(o.On, o.Column)
	case DropNotNull:
		a.table(o.On, o.Column)
	case SetIdentity:
		a.table(o.On, o.Column)
	case SetGenerated:
		a.table(o.On, o.Column)
	case SetColumnOption:
		a.table(o.On, o.Column)
	case AddConstraint:
		a.table(o.On, o.Constraint.Columns...)
		a.elements(o.On, o.Constraint.Elements)
		if o.Constraint.Expr != nil {
			a.table(o.On, o.Constraint.Expr.Columns...)
		}
		if o.Constraint.UsingIndex != "" {
			a.index(Name{o.On.Schema, o.Constraint.UsingIndex}, o.On)
		}
		a.constraints([]ConstraintDef{o.Constraint})
	case DropConstraint:
		a.constraint(o.On, o.Name)
	case ValidateConstraint:
		a.constraint(o.On, o.Name)
	case AlterConstraint:
		a.constraint(o.On, o.Name)
	case RenameConstraint:
		a.constraint(o.On, o.Name)
	case AttachPartition:
		a.table(o.On)
		a.table(o.Partition)
	case DetachPartition:
		a.table(o.On)
		a.table(o.Partition)
	case RenameRelation:
		a.named(o.Object, o.On)
	case CreateIndex:
		a.table(o.On, o.Include...)
		a.elements(o.On, o.Elements)
		if o.Predicate != nil {
			a.table(o.On, o.Predicate.Columns...)
		}
	case Reindex:
		if o.Object == "index" || o.Object == "table" {
			a.named(o.Object, o.On)
		}
	case Cluster:
		a.table(o.On)
		if o.Index != "" {
			a.index(Name{o.On.Schema, o.Index}, o.On)
		}
	case RefreshMatview:
		a.relation(o.On, MaterializedView)
	case AddEnumValue:
		a.enum(o.On, o.Before, o.After)
	case RenameEnumValue:
		a.enum(o.On, o.Label)
	case CreateTrigger:
		a.table(o.On, o.Columns...)
		a.trigger(o.Function)
	case SetTableOption, SetSchema, ChangeOwner, SetInherit, Vacuum, Insert, Update, Delete, Merge, Truncate, Copy, LockTable,
		DropTableObject, CreateTableObject:
		a.table(op.Target())
	}
}

func (a *assumption) apply(op Op) bool {
	if a.c.Apply(op) != nil {
		return false
	}
	a.added = true
	return true
}

func (a *assumption) schema(n Name) {
	if n.Schema != "" && a.c.Schemas[n.Schema] == nil {
		a.apply(CreateSchema{Base: Base{Name{Name: n.Schema}}})
	}
}

// table assumes a table with those columns, and the columns that an assumed one lacks.
func (a *assumption) table(n Name, columns ...string) *Relation {
	r := a.relation(n, Table)
	if r == nil || !r.Assumed {
		return r
	}
	for _, name := range columns {
		if name == "" || r.Column(name) != nil {
			continue
		}
		a.c.epoch++
		r = a.c.editRelation(r.ID)
		r.Columns = append(r.Columns, &Column{ID: a.c.id(), Name: name, Local: true})
		a.c.undo = a.c.undo[:0]
		a.added = true
	}
	return r
}

func (a *assumption) relation(n Name, kind RelationKind) *Relation {
	if n.IsZero() {
		return nil
	}
	if r := a.c.Relation(n); r != nil || !a.c.object(n).none() {
		return r
	}
	a.schema(n)
	if !a.apply(CreateTable{Base: Base{n}}) {
		return nil
	}
	a.c.epoch++
	r := a.c.editRelation(a.c.Relation(n).ID)
	r.Assumed, r.Rows, r.Kind, r.Populated = true, Many, kind, kind == MaterializedView
	a.c.undo = a.c.undo[:0]
	return r
}

func (a *assumption) elements(table Name, elements []IndexElement) {
	for _, e := range elements {
		a.table(table, e.Column)
		if e.Expr != nil {
			a.table(table, e.Expr.Columns...)
		}
	}
}

func (a *assumption) definitions(columns []ColumnDef) {
	for _, col := range columns {
		a.usertype(col.Type)
		a.constraints(col.Constraints)
	}
}

// constraints assumes the tables that foreign keys reference, with the keys that they need.
func (a *assumption) constraints(list []ConstraintDef) {
	for _, k := range list {
		if k.Type != ForeignKey {
			continue
		}
		key := k.RefColumns
		if len(key) == 0 {
			key = []string{"id"}
			for n := 1; n < len(k.Columns); n++ {
				key = append(key, k.Columns[n])
			}
		}
		r := a.table(k.RefTable, key...)
		if r == nil || !r.Assumed {
			continue
		}
		kind := Unique
		if r.PrimaryKey() == nil {
			kind = PrimaryKey
		}
		if !slices.ContainsFunc(r.Constraints, func(c *Constraint) bool { return slices.Equal(c.Columns, key) && c.Index != "" }) {
			a.apply(AddConstraint{AlterBase: AlterBase{Base: Base{k.RefTable}}, Constraint: ConstraintDef{Type: kind, Columns: key}})
		}
	}
}

// constraint assumes a constraint of an assumed table: a CHECK, since a name alone does not tell.
func (a *assumption) constraint(table Name, name string) {
	r := a.table(table)
	if r == nil || !r.Assumed || r.Constraint(name) != nil {
		return
	}
	a.apply(AddConstraint{AlterBase: AlterBase{Base: Base{table}},
		Constraint: ConstraintDef{Name: name, Type: Check, Expr: &Expr{SQL: "true", Const: true}, NotValid: true}})
}

// index assumes an index; where nobody says of which table, the table gets a name that tells so.
func (a *assumption) index(n, table Name) {
	if !a.c.object(n).none() {
		return
	}
	if table.IsZero() {
		table = Name{n.Schema, "table_of_" + n.Name}
	}
	r := a.table(table)
	if r == nil {
		return
	}
	if r.Assumed {
		a.table(table, "indexed")
	}
	if r = a.c.Relation(table); len(r.Columns) > 0 {
		a.apply(CreateIndex{Base: Base{table}, Name: n.Name, Unique: true, Method: "btree", Elements: []IndexElement{{Column: r.Columns[len(r.Columns)-1].Name}}})
	}
}

func (a *assumption) named(object string, n Name) {
	switch object {
	case "index":
		a.index(n, Name{})
	case "materialized view":
		a.relation(n, MaterializedView)
	case "view":
		a.relation(n, View)
	case "sequence":
		if a.c.object(n).none() {
			a.schema(n)
			a.apply(CreateSequence{Base: Base{n}})
		}
	default:
		a.table(n)
	}
}

func (a *assumption) dropped(o DropRelation) {
	if !o.IfExists || o.Object == "table" || o.Object == "index" {
		a.named(o.Object, o.On)
	}
}

func (a *assumption) enum(n Name, labels ...string) {
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == "" })
	a.schema(n)
	a.apply(CreateEnum{Base: Base{n}, Labels: labels})
}

func (a *assumption) usertype(t Type) {
	if t.IsZero() {
		return
	}
	if _, known := a.c.ResolveType(t); !known {
		n := Name{t.Schema, t.Name}
		a.schema(n)
		a.apply(CreateType{Base: Base{n}, Form: "shell"})
		a.apply(CreateType{Base: Base{n}, Form: "base"})
	}
}

func (a *assumption) trigger(n Name) {
	if len(a.c.Functions(n)) == 0 && !n.IsZero() {
		a.schema(n)
		a.apply(CreateFunction{Base: Base{n}, Object: "function", Returns: Type{Name: "trigger"}, Language: "plpgsql"})
	}
}
