package declared

import (
	"cmp"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// places says where the objects of a schema's files stand.
type places struct {
	single  map[int]catalog.Op // the operation of a statement that has one, by the statement's index
	objects map[object]Span
	spans   map[string][]Defined // of statements and of the entries in them, by file
	tables  map[string]Span      // whole statements, by the table's name
}

// Defined is a statement of a file, or an entry of a CREATE TABLE: what a comment can be about.
type Defined struct {
	Span
	table string // of a CREATE TABLE as a whole
}

// object is a thing that has a name. Of is the relation that it belongs to, "" for a relation, type, function ...
type object struct{ kind, of, name string }

// The kinds of objects that are looked up by more than their name.
const (
	aRelation   = "relation"
	aColumn     = "column"
	aConstraint = "constraint"
	anIndex     = "index"
	anyOther    = "other"
)

// full is a name with its schema.
func full(n catalog.Name) string { return cmp.Or(n.Schema, "public") + "." + n.Name }

// place notes what a statement defines.
func (s *Schema) place(at int, st postgres.Statement) {
	p := &s.places
	if p.objects == nil {
		p.objects, p.single, p.spans, p.tables = map[object]Span{}, map[int]catalog.Op{}, map[string][]Defined{}, map[string]Span{}
	}
	statement := s.statements[at]
	whole := statement.Span
	if len(st.Ops) == 1 {
		p.single[at] = st.Ops[0].Op
	}
	p.spans[whole.Path] = append(p.spans[whole.Path], Defined{Span: whole})
	for _, op := range st.Ops {
		span := Span{whole.Path, max(op.Start, whole.Start), max(op.End, whole.Start)}
		switch o := op.Op.(type) {
		case catalog.CreateTable:
			s.placeTable(o, statement)
		case catalog.CreateView:
			p.put(object{aRelation, "", full(o.On)}, whole)
		case catalog.CreateIndex:
			p.put(object{anIndex, "", o.Name}, whole)
		case catalog.AddConstraint:
			p.constraint(o.On, o.Constraint, span)
		case catalog.AddColumn:
			p.put(object{aColumn, full(o.On), o.Column.Name}, span)
		case catalog.CreateTrigger:
			p.put(object{anyOther, full(o.On), o.Name}, whole)
		case catalog.CreateTableObject:
			p.put(object{anyOther, full(o.On), o.Name}, whole)
		case catalog.SetDefault:
			// A dump sets the default of a serial column so; the column is where it is defined.
		default:
			p.put(object{anyOther, "", full(op.Target())}, whole)
		}
	}
}

func (p *places) put(o object, at Span) {
	if _, taken := p.objects[o]; !taken {
		p.objects[o] = at
	}
}

// placeTable notes a table, its columns and its constraints.
func (s *Schema) placeTable(o catalog.CreateTable, st statement) {
	p := &s.places
	table := full(o.On)
	list, _, _ := elements(st.original, layout.Postgres)
	head := st.Span
	if len(list) > 0 {
		head.End = head.Start + list[0].start
	}
	p.put(object{aRelation, "", table}, head)
	p.tables[table] = st.Span
	if spans := p.spans[st.Path]; len(spans) > 0 {
		spans[len(spans)-1].table = table
	}
	columns := map[string]Span{}
	named := map[string]Span{}
	var unnamed []Span
	for _, e := range list {
		span := Span{st.Path, st.Start + e.start, st.Start + e.end}
		p.spans[st.Path] = append(p.spans[st.Path], Defined{Span: span})
		switch {
		case e.column:
			columns[e.name] = span
		case e.name != "":
			named[e.name] = span
		default:
			unnamed = append(unnamed, span)
		}
	}
	for _, c := range o.Columns {
		at, ok := columns[c.Name]
		if !ok {
			at = head
		}
		p.put(object{aColumn, table, c.Name}, at)
		for _, k := range c.Constraints {
			if len(k.Columns) == 0 {
				k.Columns = []string{c.Name}
			}
			p.constraint(o.On, k, at)
		}
	}
	n := 0
	for _, k := range o.Constraints {
		at, ok := named[k.Name]
		if !ok && k.Name == "" && n < len(unnamed) {
			at, ok = unnamed[n], true
			n++
		}
		if !ok {
			at = head
		}
		p.constraint(o.On, k, at)
	}
}

// constraint notes a constraint by its name, or by the one that the server gives it (ChooseConstraintName in PostgreSQL's index.c and
// pg_constraint.c: the table, the columns, and what it is).
func (p *places) constraint(table catalog.Name, c catalog.ConstraintDef, at Span) {
	name := c.Name
	if name == "" {
		ending := map[catalog.ConstraintType]string{catalog.Unique: "key", catalog.ForeignKey: "fkey", catalog.Check: "check", catalog.Exclude: "excl"}[c.Type]
		parts := append([]string{table.Name}, c.Columns...)
		if c.Type == catalog.PrimaryKey {
			parts, ending = parts[:1], "pkey"
		}
		name = strings.Join(append(parts, ending), "_")
	}
	p.put(object{aConstraint, full(table), name}, at)
	p.put(object{anIndex, "", name}, at)
}

// find is the place of the first of some objects that there is.
func (s *Schema) find(wanted ...object) (Span, bool) {
	for _, o := range wanted {
		if at, ok := s.places.objects[o]; ok {
			return at, true
		}
	}
	return Span{}, false
}

// Source is where a planned statement of PostgreSQL comes from.
func Source(step Step, from, to *Schema) (at Span, old, ok bool) {
	if to.places.objects == nil && from.places.objects == nil {
		return at, false, false
	}
	for _, st := range postgres.Parse(step.SQL).Statements {
		for _, op := range st.Ops {
			at, old = Place(op.Op, from, to)
			return at, old, true
		}
	}
	return at, false, false
}

// Place is where a planned operation comes from: the definition in the new files, or in the old ones of what is dropped.
func Place(op catalog.Op, from, to *Schema) (at Span, old bool) {
	relation := full(op.Target())
	table := object{aRelation, "", relation}
	var wanted []object
	gone := false
	switch o := op.(type) {
	case catalog.DropColumn:
		wanted, gone = []object{{aColumn, relation, o.Column}}, true
	case catalog.DropRelation:
		if gone = true; o.Object == "index" {
			wanted, table = []object{{anIndex, "", o.On.Name}}, object{}
		}
	case catalog.DropConstraint:
		wanted, gone = []object{{aConstraint, relation, o.Name}}, true
	case catalog.DropTableObject:
		wanted, gone = []object{{anyOther, relation, o.Name}}, true
	case catalog.DropType, catalog.DropFunction, catalog.DropSchema, catalog.DropExtension:
		wanted, gone = []object{{anyOther, "", relation}}, true
	case catalog.AddColumn:
		wanted = []object{{aColumn, relation, o.Column.Name}}
	case catalog.RenameColumn:
		wanted = []object{{aColumn, relation, o.To}}
	case catalog.RenameRelation:
		to := full(catalog.Name{Schema: o.On.Schema, Name: o.To})
		wanted = []object{{aRelation, "", to}, {anIndex, "", o.To}}
	case catalog.AddConstraint:
		wanted = []object{{aConstraint, relation, o.Constraint.Name}}
		for _, c := range o.Constraint.Columns {
			wanted = append(wanted, object{aColumn, relation, c})
		}
	case catalog.CreateIndex:
		wanted = []object{{anIndex, "", o.Name}}
	case catalog.CreateTrigger:
		wanted = []object{{anyOther, relation, o.Name}}
	case catalog.CreateTableObject:
		wanted = []object{{anyOther, relation, o.Name}}
	default:
		if c := columnOf(op); c != "" {
			wanted = []object{{aColumn, relation, c}}
		} else {
			wanted = []object{{anyOther, "", relation}}
		}
	}
	wanted = append(wanted, table)
	if gone {
		// What is dropped to be made anew stands in the new files under its name.
		if at, ok := to.find(wanted[0]); ok {
			return at, false
		}
		if at, ok := from.find(wanted...); ok {
			return at, true
		}
	}
	if at, ok := to.find(wanted...); ok {
		return at, false
	}
	if at, ok := from.find(wanted...); ok {
		return at, true
	}
	for _, s := range []*Schema{to, from} {
		if len(s.Files) > 0 {
			return Span{Path: s.Files[0].Path}, s == from
		}
	}
	return Span{}, false
}

func columnOf(op catalog.Op) string {
	switch o := op.(type) {
	case catalog.AlterColumnType:
		return o.Column
	case catalog.SetDefault:
		return o.Column
	case catalog.SetNotNull:
		return o.Column
	case catalog.DropNotNull:
		return o.Column
	case catalog.SetIdentity:
		return o.Column
	case catalog.SetGenerated:
		return o.Column
	case catalog.SetColumnOption:
		return o.Column
	}
	return ""
}

// Spans are the places of a file's statements, and of the columns and constraints in them, in order.
func (s *Schema) Spans(path string) []Defined { return s.places.spans[path] }

// Same is where the files define the table that a statement of other files defines.
func (s *Schema) Same(d Defined) (Span, bool) {
	at, ok := s.places.tables[d.table]
	return at, ok && d.table != ""
}
