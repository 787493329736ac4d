package catalog

import (
	"slices"
	"strings"
)

var systemColumns = words("tableoid cmin cmax xmin xmax ctid")

// newColumn makes a column of a table from its definition, with the sequence of a
// serial or identity column. The constraints written at the column are the caller's.
func (c *Catalog) newColumn(s *Schema, r *Relation, def ColumnDef) (*Column, error) {
	if systemColumns[def.Name] {
		return nil, errorf("42701", "column name %q conflicts with a system column name", def.Name)
	}
	t, err := c.columnType(def.Name, def.Type)
	if err != nil {
		return nil, err
	}
	col := &Column{
		ID: c.id(), Name: def.Name, Type: t, NotNull: def.NotNull, NotNullValid: true, Local: true,
		Collation: def.Collation, Generated: c.bind(def.Generated), Virtual: def.Virtual,
	}
	if def.Null && def.NotNull || c.namesNotNull() && def.Null && slices.ContainsFunc(def.Constraints, func(k ConstraintDef) bool { return k.Type == PrimaryKey }) {
		return nil, errorf("42601", "conflicting NULL/NOT NULL declarations for column %q of table %q", def.Name, r.Name)
	}
	switch {
	case def.Default != nil && (def.Serial || def.Identity != "" && def.Generated == nil):
		if def.Serial {
			return nil, errorf("42601", "multiple default values specified for column %q of table %q", def.Name, r.Name)
		}
		return nil, errorf("42601", "both default and identity specified for column %q of table %q", def.Name, r.Name)
	case def.Default != nil && def.Generated != nil:
		return nil, errorf("42601", "both default and generation expression specified for column %q of table %q", def.Name, r.Name)
	case def.Identity != "" && def.Generated != nil:
		return nil, errorf("42601", "both identity and generation expression specified for column %q of table %q", def.Name, r.Name)
	case def.Null && (def.Serial || def.Identity != ""):
		return nil, errorf("42601", "conflicting NULL/NOT NULL declarations for column %q of table %q", def.Name, r.Name)
	case def.Serial:
		seq := c.ownSequence(s, r, def.Name, t, false)
		col.NotNull, col.Default, col.Sequence, col.defaultSequence = true, nextvalDefault(seq), Name{seq.Schema, seq.Name}, seq.ID
	case def.Identity != "":
		if err := identityType(t); err != nil {
			return nil, err
		}
		seq := c.ownSequence(s, r, def.Name, t, true)
		col.NotNull, col.Identity, col.Sequence = true, def.Identity, Name{seq.Schema, seq.Name}
	case def.Default != nil:
		if err := c.setDefault(col, def.Default); err != nil {
			return nil, err
		}
	}
	return col, nil
}

func identityType(t Type) error {
	if t.Schema == "" && t.Dims == 0 && (t.Name == "int2" || t.Name == "int4" || t.Name == "int8") {
		return nil
	}
	return errorf("22023", "identity column type must be smallint, integer, or bigint")
}

// ownSequence makes the sequence of a serial or identity column.
func (c *Catalog) ownSequence(s *Schema, r *Relation, column string, t Type, identity bool) *Sequence {
	seq := &Sequence{
		ID: c.id(), Schema: s.Name, Name: c.chooseRelationName(s, r.Name, column, "seq", false),
		Type: t, OwnerID: r.ID, Column: column, Identity: identity, Temporary: r.Temporary,
	}
	c.addSequence(seq)
	return seq
}

// setDefault gives a column a default; nil takes it away.
func (c *Catalog) setDefault(col *Column, e *Expr) error {
	col.Default, col.defaultSequence, col.defaultTypes = nil, 0, nil
	if e == nil || e.Null && !c.coerces(col.Type) {
		return nil // the server does not store a bare NULL
	}
	if len(e.Columns) > 0 {
		return errorf("0A000", "cannot use column reference in DEFAULT expression")
	}
	if e.Select {
		return errorf("0A000", "cannot use subquery in DEFAULT expression")
	}
	if err := c.checkCasts(e); err != nil {
		return err
	}
	if name, ok := e.nextvalName(); ok {
		o := c.object(name)
		if o.none() {
			return c.missingRelation(name)
		}
		if o.sequence != nil {
			col.defaultSequence = o.sequence.ID
			if name.Schema == "" {
				n := *e
				n.SQL = nextvalDefault(o.sequence).SQL
				e = &n
			}
		}
	}
	if t, known := c.defaultType(e); known && c.castContext(t, col.Type) < castAssign {
		return errorf("42804", "column %q is of type %s but default expression is of type %s", col.Name, col.Type, t)
	}
	col.Default, col.defaultTypes = c.bind(e), c.userTypes(append(slices.Clone(e.Casts), col.Type))
	return nil
}

// defaultType is the type of a default, where the expression says it.
func (c *Catalog) defaultType(e *Expr) (t Type, known bool) {
	if n := len(e.Casts); n > 0 {
		return c.ResolveType(e.Casts[n-1])
	}
	if strings.HasPrefix(e.SQL, "nextval(") && strings.Count(e.SQL, "(") == 1 {
		return Type{Name: "int8"}, true
	}
	return Type{}, false
}

// userTypes are the IDs of the user-defined types among a list of types.
func (c *Catalog) userTypes(list []Type) []uint32 {
	var ids []uint32
	for _, t := range list {
		if u := c.Type(t); u != nil && !slices.Contains(ids, u.ID) {
			ids = append(ids, u.ID)
		}
	}
	return ids
}

// coerces tells that the server calls a function on every value of a type, to cut it
// to a length or to check a domain: even a NULL is then an expression.
func (c *Catalog) coerces(t Type) bool {
	if u := c.Type(t); u != nil && t.Dims == 0 && u.Kind == Domain {
		return true
	}
	return t.Schema == "" && modifiable[t.Name] && (len(t.Mods) > 0 || t.Fields != "")
}

// checkCasts refuses an expression that casts to a type that does not exist.
func (c *Catalog) checkCasts(e *Expr) error {
	if e == nil {
		return nil
	}
	for _, t := range e.Casts {
		if _, err := c.resolveType(t); err != nil {
			return err
		}
	}
	return nil
}

// checkGenerated refuses a generation expression that the server would refuse.
func checkGenerated(r *Relation, col *Column) error {
	e := col.Generated
	if e == nil {
		return nil
	}
	if e.Select {
		return errorf("0A000", "cannot use subquery in column generation expression")
	}
	for _, name := range e.Columns {
		other := r.Column(name)
		switch {
		case systemColumns[name] && name != "tableoid":
			return errorf("42P10", "cannot use system column %q in column generation expression", name)
		case systemColumns[name]:
		case other == nil:
			return errorf("42703", "column %q does not exist", name)
		case other.Generated != nil:
			return errorf("42P17", "cannot use generated column %q in column generation expression", name)
		}
	}
	return nil
}

func (c *Catalog) missingRelation(n Name) error {
	if n.Schema != "" && c.Schemas[n.Schema] == nil && !catalogSchemas[n.Schema] {
		return errorf("3F000", "schema %q does not exist", n.Schema)
	}
	return errorf("42P01", "relation %q does not exist", display(n))
}

// alterTarget is the relation that a sub-command of ALTER works on. The relation is
// nil without an error where ALTER ... IF EXISTS finds none. kinds are the relations
// that the sub-command takes.
func (c *Catalog) alterTarget(a AlterBase, kinds ...RelationKind) (*Relation, error) {
	o := c.object(a.On)
	if o.none() {
		if a.IfExists {
			return nil, nil
		}
		if c.Type(Type{Schema: a.On.Schema, Name: a.On.Name}) != nil && a.On.Name != "" {
			if t := c.Type(Type{Schema: a.On.Schema, Name: a.On.Name}); t.Kind == Composite {
				return nil, errorf("42809", "%q is a composite type", a.On.Name)
			}
		}
		if systemRelation(a.On) != nil {
			return nil, errorf("42501", "permission denied: %q is a system catalog", a.On.Name)
		}
		return nil, c.missingRelation(a.On)
	}
	r := o.relation
	if r == nil {
		return nil, errorf("42809", "%q is not a table", a.On.Name)
	}
	wrong := ""
	switch a.Object {
	case "view":
		if r.Kind != View {
			wrong = "a view"
		}
	case "materialized view":
		if r.Kind != MaterializedView {
			wrong = "a materialized view"
		}
	case "foreign table":
		if r.Kind != ForeignTable {
			wrong = "a foreign table"
		}
	case "index":
		wrong = "an index"
	case "sequence":
		wrong = "a sequence"
	}
	if wrong != "" {
		return nil, errorf("42809", "%q is not %s", r.Name, wrong)
	}
	if len(kinds) > 0 && !slices.Contains(kinds, r.Kind) {
		return nil, errorf("42809", "%q is not a table", r.Name)
	}
	return r, nil
}

// tables are the relations that most sub-commands of ALTER TABLE take.
var tables = []RelationKind{Table, PartitionedTable, ForeignTable}

func missingColumn(r *Relation, name string) error {
	return errorf("42703", "column %q of relation %q does not exist", name, r.Name)
}
