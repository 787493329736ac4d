package catalog

import "slices"

// creationSchema is the schema that CREATE puts a name in.
func (c *Catalog) creationSchema(n Name, temporary bool) (*Schema, error) {
	switch {
	case temporary && n.Schema != "" && n.Schema != tempSchema:
		return nil, errorf("42P16", "cannot create temporary relation in non-temporary schema")
	case temporary || n.Schema == tempSchema:
		if c.Schemas[tempSchema] == nil {
			set(c, c.Schemas, tempSchema, newSchema(tempSchema))
		}
		return c.Schemas[tempSchema], nil
	case n.Schema == "":
		for _, name := range c.SearchPath {
			if s := c.Schemas[name]; s != nil {
				return s, nil
			}
		}
		return nil, errorf("3F000", "no schema has been selected to create in")
	case catalogSchemas[n.Schema]:
		return nil, errorf("42501", "permission denied to create %q", display(n))
	}
	if s := c.Schemas[n.Schema]; s != nil {
		return s, nil
	}
	return nil, errorf("3F000", "schema %q does not exist", n.Schema)
}

// checkNewRelation refuses a name that a new relation cannot have.
func checkNewRelation(s *Schema, name string) error {
	if !s.object(name).none() {
		return errorf("42P07", "relation %q already exists", name)
	}
	if u := s.Types[name]; u != nil && u.Kind == Composite {
		return errorf("42P07", "relation %q already exists", name) // it has its place among the relations
	} else if u != nil {
		return errorf("42710", "type %q already exists", name)
	}
	return nil
}

// newTable is a CREATE TABLE under way.
type newTable struct {
	schema      *Schema
	relation    *Relation
	checks      []ConstraintDef // CHECK, in the statement's order
	keys        []ConstraintDef // UNIQUE, PRIMARY KEY, EXCLUDE
	foreign     []ConstraintDef
	inherited   []*Constraint // CHECK constraints of parents
	copied      []Index       // indexes of LIKE ... INCLUDING INDEXES
	notNull     []notNullName // in the order in which PostgreSQL 18 makes constraints of them
	ownDefaults map[string]bool
}

// notNullName is a column that is NOT NULL, and the name that the constraint is given or has at the parent.
type notNullName struct {
	column, constraint string
	inherited          bool
}

func (c *Catalog) createTable(o CreateTable) error {
	s, err := c.creationSchema(o.On, o.Temporary)
	if err != nil {
		return err
	}
	if o.IfNotExists && !s.object(o.On.Name).none() {
		return nil
	}
	r := &Relation{
		ID: c.id(), Schema: s.Name, Name: o.On.Name, Kind: Table,
		Temporary: s.Name == tempSchema, Unlogged: o.Unlogged, onCommitDrop: o.OnCommitDrop,
	}
	switch {
	case o.PartitionBy != "" && o.Unlogged && c.Version >= 18:
		return errorf("0A000", "partitioned tables cannot be unlogged")
	case o.PartitionBy != "":
		r.Kind, r.PartitionBy, r.PartitionKey = PartitionedTable, o.PartitionBy, o.PartitionKey
	case o.Foreign:
		r.Kind = ForeignTable
	}
	t := &newTable{schema: s, relation: r, ownDefaults: map[string]bool{}}
	if o.As != nil {
		return c.createTableAs(t, o)
	}
	if err := c.inheritColumns(t, o); err != nil {
		return err
	}
	if err := c.defineColumns(t, o); err != nil {
		return err
	}
	for _, k := range o.Constraints {
		t.addConstraint(k)
	}
	for _, col := range r.Columns {
		if col.Inherited && !slices.ContainsFunc(o.Columns, func(d ColumnDef) bool { return d.Name == col.Name && d.Generated != nil }) {
			continue // a parent's expression has been checked there
		}
		if err := checkGenerated(r, col); err != nil {
			return err
		}
	}
	if err := t.markKeys(); err != nil {
		return err
	}
	if err := c.checkPartitionKey(r); err != nil {
		return err
	}
	if err := checkNewRelation(s, r.Name); err != nil {
		return err
	}
	c.putRelation(r)
	return c.finishTable(t, o)
}

// finishTable makes the constraints and indexes of a table that has its columns, in the server's order.
func (c *Catalog) finishTable(t *newTable, o CreateTable) error {
	id := t.relation.ID
	for _, k := range t.inherited {
		n := *k
		n.ID, n.Inherited, n.Local, n.Parent = c.id(), true, false, 0
		n.Valid, n.NotValid = !n.NotEnforced, false // a new table has no rows that violate it
		r := c.editRelation(id)
		r.Constraints = append(r.Constraints, &n)
	}
	for _, k := range t.checks {
		if _, err := c.addCheck(id, k, checkOptions{creating: true}); err != nil {
			return err
		}
	}
	c.nameNotNulls(id, t.notNull)
	keys := t.orderedKeys()
	if !o.PartitionOf.IsZero() {
		if err := c.clonePartitionObjects(c.byID[c.byID[id].Parents[0]], id); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if _, err := c.addKey(id, k, keyOptions{creating: true}); err != nil {
			return err
		}
	}
	for _, i := range t.copied {
		if i.Primary && c.byID[id].PrimaryKey() != nil {
			return errorf("42P16", "multiple primary keys for table %q are not allowed", t.relation.Name)
		}
		if err := c.copyIndex(id, i); err != nil {
			return err
		}
	}
	for _, k := range t.foreign {
		if _, err := c.addForeignKey(id, k, false); err != nil {
			return err
		}
	}
	return nil
}

// addConstraint sorts a constraint of the statement by when the server makes it.
func (t *newTable) addConstraint(k ConstraintDef) {
	switch k.Type {
	case Check:
		t.checks = append(t.checks, k)
	case ForeignKey:
		t.foreign = append(t.foreign, k)
	case NotNull:
		if len(k.Columns) == 1 {
			if col := t.relation.Column(k.Columns[0]); col != nil {
				col.NotNull = true
			}
			t.notNull = append(t.notNull, notNullName{column: k.Columns[0], constraint: k.Name})
		}
	default:
		t.keys = append(t.keys, k)
	}
}

// markKeys makes the primary key's columns NOT NULL.
func (t *newTable) markKeys() error {
	primary := false
	for _, k := range t.keys {
		if k.Type != PrimaryKey {
			continue
		}
		if primary {
			return errorf("42P16", "multiple primary keys for table %q are not allowed", t.relation.Name)
		}
		primary = true
		for _, name := range k.Columns {
			if col := t.relation.Column(name); col != nil {
				if !col.NotNull {
					t.notNull = append(t.notNull, notNullName{column: name})
				}
				col.NotNull = true
			}
		}
	}
	return nil
}

// orderedKeys are the index constraints as the server makes them: the primary key
// first, and of two that are alike only one.
func (t *newTable) orderedKeys() []ConstraintDef {
	var list []ConstraintDef
	for _, k := range t.keys {
		if k.Type == PrimaryKey {
			list = append(list, k)
		}
	}
	for _, k := range t.keys {
		if k.Type == PrimaryKey {
			continue
		}
		same := slices.IndexFunc(list, func(p ConstraintDef) bool { return k.Type == Unique && alike(p, k) })
		if same < 0 {
			list = append(list, k)
		} else if list[same].Name == "" {
			list[same].Name = k.Name
		}
	}
	return list
}

func alike(a, b ConstraintDef) bool {
	return a.Type != Exclude && slices.Equal(a.Columns, b.Columns) && slices.Equal(a.Include, b.Include) &&
		a.Deferrable == b.Deferrable && a.InitiallyDefer == b.InitiallyDefer && a.NullsNotDistinct == b.NullsNotDistinct
}

// defineColumns adds the statement's own columns and those of LIKE, merged with inherited ones.
func (c *Catalog) defineColumns(t *newTable, o CreateTable) error {
	if !o.OfType.IsZero() {
		if err := c.typedColumns(t, o); err != nil {
			return err
		}
	}
	likes := o.Like
	own := map[string]bool{}
	for i := 0; i <= len(o.Columns); i++ {
		for len(likes) > 0 && (likes[0].After <= i || i == len(o.Columns)) {
			if err := c.likeColumns(t, likes[0], own); err != nil {
				return err
			}
			likes = likes[1:]
		}
		if i < len(o.Columns) {
			if err := c.defineColumn(t, o, o.Columns[i], own); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) defineColumn(t *newTable, o CreateTable, def ColumnDef, own map[string]bool) error {
	r := t.relation
	if own[def.Name] {
		return errorf("42701", "column %q specified more than once", def.Name)
	}
	own[def.Name] = true
	for _, k := range def.Constraints {
		if len(k.Columns) == 0 {
			k.Columns = []string{def.Name}
		}
		t.addConstraint(k)
	}
	old := r.Column(def.Name)
	if old == nil && (!o.PartitionOf.IsZero() || !o.OfType.IsZero()) {
		return errorf("42703", "column %q does not exist", def.Name)
	}
	if old != nil && def.Type.IsZero() {
		def.Type = old.Type
	}
	col, err := c.newColumn(t.schema, r, def)
	if err != nil {
		return err
	}
	if col.NotNull {
		t.notNull = append(t.notNull, notNullName{column: def.Name, constraint: def.NotNullName})
	}
	if old == nil {
		r.Columns = append(r.Columns, col)
		return nil
	}
	if !old.Type.Equal(col.Type) {
		return errorf("42804", "column %q has a type conflict", def.Name)
	}
	if old.Generated != nil && (col.Default != nil || col.Identity != "") {
		return errorf("42611", "column %q inherits from generated column but specifies %s", def.Name, map[bool]string{true: "identity", false: "default"}[col.Identity != ""])
	}
	if old.Generated == nil && col.Generated != nil && old.Inherited && c.Version >= 16 {
		return errorf("42611", "child column %q specifies generation expression", def.Name)
	}
	old.Local = old.Local || o.OfType.IsZero() && o.PartitionOf.IsZero()
	old.NotNull = old.NotNull || col.NotNull
	if col.Default != nil || col.Identity != "" {
		old.Default, old.defaultSequence, old.Identity = col.Default, col.defaultSequence, col.Identity
		old.Sequence = col.Sequence
	}
	if col.Generated != nil {
		old.Generated, old.Virtual = col.Generated, col.Virtual
	}
	return nil
}

// inheritColumns starts a table with the columns and CHECK constraints of its parents.
func (c *Catalog) inheritColumns(t *newTable, o CreateTable) error {
	parents := o.Inherits
	if !o.PartitionOf.IsZero() {
		parents = []Name{o.PartitionOf}
		t.relation.Bound = o.Bound
	}
	conflicts := map[string]bool{}
	for _, n := range parents {
		p := c.Relation(n)
		if p == nil {
			if !c.object(n).none() {
				return errorf("42809", "inherited relation %q is not a table or foreign table", n.Name)
			}
			return c.missingRelation(n)
		}
		if err := c.checkParent(t.relation, p, !o.PartitionOf.IsZero()); err != nil {
			return err
		}
		t.relation.Parents = append(t.relation.Parents, p.ID)
		if err := c.mergeParent(t, p, conflicts); err != nil {
			return err
		}
	}
	if !o.PartitionOf.IsZero() {
		return c.checkBound(c.Relation(o.PartitionOf), t.relation)
	}
	for name := range conflicts {
		own := slices.ContainsFunc(o.Columns, func(d ColumnDef) bool { return d.Name == name && d.Default != nil })
		if !own {
			return errorf("42611", "column %q inherits conflicting default values", name)
		}
	}
	return nil
}

func (c *Catalog) checkParent(r, p *Relation, partition bool) error {
	switch {
	case partition && p.Kind != PartitionedTable:
		return errorf("42P17", "%q is not partitioned", p.Name)
	case partition && p.Temporary != r.Temporary:
		if p.Temporary {
			return errorf("42809", "cannot create a permanent relation as partition of temporary relation %q", p.Name)
		}
		return errorf("42809", "cannot create a temporary relation as partition of permanent relation %q", p.Name)
	case partition:
		return nil
	case p.Kind == PartitionedTable:
		return errorf("42809", "cannot inherit from partitioned table %q", p.Name)
	case p.IsPartition():
		return errorf("42809", "cannot inherit from partition %q", p.Name)
	case p.Kind != Table && p.Kind != ForeignTable:
		return errorf("42809", "inherited relation %q is not a table or foreign table", p.Name)
	case p.Temporary && !r.Temporary:
		return errorf("42809", "cannot inherit from temporary relation %q", p.Name)
	case slices.Contains(r.Parents, p.ID):
		return errorf("42P07", "relation %q would be inherited from more than once", p.Name)
	case r.Kind == PartitionedTable:
		return errorf("42P16", "cannot create partitioned table as inheritance child")
	}
	return nil
}

func (c *Catalog) mergeParent(t *newTable, p *Relation, conflicts map[string]bool) error {
	r := t.relation
	for _, pc := range p.Columns {
		old := r.Column(pc.Name)
		if old == nil {
			n := *pc
			n.ID, n.Inherited, n.Local, n.Sequence = c.id(), true, false, Name{}
			if p.Kind == PartitionedTable && c.Version >= 17 {
				n.Sequence = pc.Sequence
			} else {
				n.Identity = ""
			}
			r.Columns = append(r.Columns, &n)
		} else {
			if !old.Type.Equal(pc.Type) {
				return errorf("42804", "inherited column %q has a type conflict", pc.Name)
			}
			old.NotNull = old.NotNull || pc.NotNull
			switch {
			case pc.Default != nil && old.Default == nil:
				old.Default, old.defaultSequence = pc.Default, pc.defaultSequence
			case pc.Default != nil && pc.Default.SQL != old.Default.SQL:
				conflicts[pc.Name] = true
			}
			if (pc.Generated == nil) != (old.Generated == nil) {
				return errorf("42P16", "inherited column %q has a generation conflict", pc.Name)
			}
		}
		if pc.NotNull {
			t.notNull = append(t.notNull, notNullName{pc.Name, notNullConstraintName(p, pc.Name), true})
		}
	}
	for _, k := range p.Constraints {
		if k.Type != Check || k.NoInherit {
			continue
		}
		i := slices.IndexFunc(t.inherited, func(o *Constraint) bool { return o.Name == k.Name })
		if i < 0 {
			t.inherited = append(t.inherited, k)
		} else if t.inherited[i].Expr.SQL != k.Expr.SQL {
			return errorf("42710", "check constraint name %q appears multiple times but with different expressions", k.Name)
		}
	}
	return nil
}

func (c *Catalog) typedColumns(t *newTable, o CreateTable) error {
	of := Type{Schema: o.OfType.Schema, Name: o.OfType.Name}
	u := c.Type(of)
	if u == nil {
		if _, err := c.resolveType(of); err != nil {
			return err
		}
		return errorf("42809", "type %s is not a composite type", o.OfType.Name)
	}
	if u.Kind != Composite {
		return errorf("42809", "type %s is not a composite type", u.Name)
	}
	t.relation.OfType = Type{Schema: u.Schema, Name: u.Name}
	for _, uc := range u.Columns {
		t.relation.Columns = append(t.relation.Columns, &Column{ID: c.id(), Name: uc.Name, Type: uc.Type, Collation: uc.Collation, NotNullValid: true, Local: true})
	}
	return nil
}

// likeColumns adds the columns of LIKE source, and notes the constraints and indexes that it copies.
func (c *Catalog) likeColumns(t *newTable, l Like, own map[string]bool) error {
	src := c.Relation(l.Source)
	var columns []*Column
	if src != nil {
		columns = src.Columns
	} else if u := c.Type(Type{Schema: l.Source.Schema, Name: l.Source.Name}); u != nil && u.Kind == Composite {
		columns = u.Columns
	} else if sys := systemRelation(l.Source); sys != nil {
		columns = sys.Columns
	} else if !c.object(l.Source).none() {
		return errorf("42809", "relation %q is invalid in LIKE clause", l.Source.Name)
	} else {
		return c.missingRelation(l.Source)
	}
	has := func(option string) bool {
		return slices.Contains(l.Options, option) || slices.Contains(l.Options, "ALL")
	}
	for _, sc := range columns {
		if own[sc.Name] {
			return errorf("42701", "column %q specified more than once", sc.Name)
		}
		own[sc.Name] = true
		n := &Column{ID: c.id(), Name: sc.Name, Type: sc.Type, Collation: sc.Collation, NotNull: sc.NotNull, NotNullValid: true, Local: true}
		if has("DEFAULTS") {
			n.Default, n.defaultSequence = sc.Default, sc.defaultSequence
		}
		if has("GENERATED") {
			n.Generated, n.Virtual = sc.Generated, sc.Virtual
		}
		if sc.Identity != "" && has("IDENTITY") {
			// The server does not copy the sequence's type.
			seq := c.ownSequence(t.schema, t.relation, sc.Name, Type{Name: "int8"}, true)
			n.Identity, n.Sequence = sc.Identity, Name{seq.Schema, seq.Name}
		}
		if n.NotNull {
			name := ""
			if src != nil {
				name = notNullConstraintName(src, sc.Name)
			}
			t.notNull = append(t.notNull, notNullName{column: sc.Name, constraint: name})
		}
		if old := t.relation.Column(sc.Name); old != nil { // inherited already
			if !old.Type.Equal(n.Type) {
				return errorf("42804", "column %q has a type conflict", sc.Name)
			}
			old.Local, old.NotNull = true, old.NotNull || n.NotNull
			if n.Default != nil {
				old.Default, old.defaultSequence = n.Default, n.defaultSequence
			}
			continue
		}
		t.relation.Columns = append(t.relation.Columns, n)
	}
	if src == nil {
		return nil
	}
	if has("CONSTRAINTS") {
		for _, k := range src.Constraints {
			if k.Type == Check {
				t.checks = append(t.checks, k.ConstraintDef)
			}
		}
	}
	if has("INDEXES") {
		for _, i := range c.Indexes(src) {
			t.copied = append(t.copied, *i)
		}
	}
	return nil
}
