package catalog

import "slices"

// addForeignKey adds a foreign key to a table and its partitions.
func (c *Catalog) addForeignKey(id uint32, k ConstraintDef, only bool) (*Constraint, error) {
	r := c.byID[id]
	ref := c.Relation(k.RefTable)
	if ref == nil {
		if !c.object(k.RefTable).none() {
			return nil, errorf("42809", "referenced relation %q is not a table", k.RefTable.Name)
		}
		return nil, c.missingRelation(k.RefTable)
	}
	if ref.Kind != Table && ref.Kind != PartitionedTable {
		return nil, errorf("42809", "referenced relation %q is not a table", ref.Name)
	}
	if r.Kind == ForeignTable {
		return nil, errorf("0A000", "foreign key constraints are not supported on foreign tables")
	}
	switch {
	case !r.Temporary && ref.Temporary:
		return nil, errorf("42P16", "constraints on permanent tables may reference only permanent tables")
	case r.Temporary && !ref.Temporary:
		return nil, errorf("42P16", "constraints on temporary tables may reference only temporary tables")
	case !r.Unlogged && !r.Temporary && ref.Unlogged:
		return nil, errorf("42P16", "constraints on permanent tables may reference only permanent tables")
	}
	if r.Kind == PartitionedTable && only {
		return nil, errorf("42809", "cannot use ONLY for foreign key on partitioned table %q referencing relation %q", r.Name, ref.Name)
	}
	if r.Kind == PartitionedTable && k.NotValid && c.Version < 18 {
		return nil, errorf("42809", "cannot add NOT VALID foreign key on partitioned table %q referencing relation %q", r.Name, ref.Name)
	}
	for _, name := range k.Columns {
		if r.Column(name) == nil {
			return nil, errorf("42703", "column %q referenced in foreign key constraint does not exist", name)
		}
	}
	columns, index, err := c.referencedKey(ref, k)
	if err != nil {
		return nil, err
	}
	k.RefColumns = columns
	name := k.Name
	if name == "" {
		name = c.chooseConstraintName(c.Schemas[r.Schema], r.Name, nameAddition(k.Columns), "fkey")
	} else if r.hasConstraint(name) {
		return nil, errorf("42710", "constraint %q for relation %q already exists", name, r.Name)
	}
	for i, col := range k.Columns {
		from, to := r.Column(col), ref.Column(k.RefColumns[i])
		if !c.canReference(from.Type, to.Type) {
			return nil, errorf("42804", "foreign key constraint %q cannot be implemented", name)
		}
		if g := from.Generated; g != nil && (k.OnDelete == "SET NULL" || k.OnDelete == "SET DEFAULT" || k.OnUpdate == "SET NULL" || k.OnUpdate == "SET DEFAULT" || k.OnUpdate == "CASCADE") {
			return nil, errorf("42601", "invalid action for foreign key constraint containing generated column")
		}
	}
	if slices.ContainsFunc(c.Descendants(r), func(d *Relation) bool { return d.ID == ref.ID }) {
		return nil, errorf("55006", "cannot ALTER TABLE %q because it is being used by active queries in this session", ref.Name)
	}
	k.Name, k.RefTable = name, ref.FullName()
	return c.storeForeignKey(id, k, ref.ID, index.ID, nil), nil
}

// storeForeignKey stores a foreign key that has been checked, and clones it to the partitions.
func (c *Catalog) storeForeignKey(id uint32, k ConstraintDef, refID, refIndex uint32, parent *Constraint) *Constraint {
	r := c.editRelation(id)
	added := &Constraint{ID: c.id(), ConstraintDef: k, Valid: !k.NotValid && !k.NotEnforced, RefID: refID, refIndex: refIndex, Local: parent == nil}
	if parent != nil {
		added.Inherited, added.Parent = true, parent.ID
	}
	r.Constraints = append(r.Constraints, added)
	if r.Kind == PartitionedTable {
		for _, child := range c.Children(r) {
			c.cloneForeignKey(child.ID, added)
		}
	}
	return added
}

// cloneForeignKey gives a partition the foreign key of its partitioned table: one
// that it has already is taken over.
func (c *Catalog) cloneForeignKey(id uint32, parent *Constraint) {
	r := c.byID[id]
	for _, k := range r.Constraints {
		if k.Type == ForeignKey && k.Parent == 0 && k.RefID == parent.RefID && slices.Equal(k.Columns, parent.Columns) &&
			slices.Equal(k.RefColumns, parent.RefColumns) && k.OnDelete == parent.OnDelete && k.OnUpdate == parent.OnUpdate &&
			k.Match == parent.Match && k.Deferrable == parent.Deferrable && k.InitiallyDefer == parent.InitiallyDefer && (k.Valid || c.Version >= 18) {
			e := c.editRelation(id).Constraint(k.Name)
			e.Parent, e.Inherited, e.Local = parent.ID, true, false
			return
		}
	}
	def := parent.ConstraintDef
	if r.hasConstraint(def.Name) {
		def.Name = c.chooseConstraintName(c.Schemas[r.Schema], r.Name, nameAddition(def.Columns), "fkey")
	}
	c.storeForeignKey(id, def, parent.RefID, parent.refIndex, parent)
}

// referencedKey are the columns that a foreign key references, and the unique index that it rests on.
func (c *Catalog) referencedKey(ref *Relation, k ConstraintDef) ([]string, *Index, error) {
	disagree := errorf("42830", "number of referencing and referenced columns for foreign key disagree")
	if len(k.RefColumns) == 0 {
		p := ref.PrimaryKey()
		switch {
		case p == nil:
			return nil, nil, errorf("42704", "there is no primary key for referenced table %q", ref.Name)
		case p.Deferrable:
			return nil, nil, errorf("55000", "cannot use a deferrable primary key for referenced table %q", ref.Name)
		case len(p.Columns) != len(k.Columns):
			return nil, nil, disagree
		}
		return p.Columns, c.Schemas[ref.Schema].Indexes[p.Index], nil
	}
	for i, name := range k.RefColumns {
		if ref.Column(name) == nil {
			return nil, nil, errorf("42703", "column %q referenced in foreign key constraint does not exist", name)
		}
		if slices.Contains(k.RefColumns[:i], name) {
			return nil, nil, errorf("42830", "foreign key referenced-columns list must not contain duplicates")
		}
	}
	if len(k.RefColumns) != len(k.Columns) {
		return nil, nil, disagree
	}
	deferrable := false
	for _, i := range c.Indexes(ref) {
		if !i.referenceable(k.RefColumns) {
			continue
		}
		if i.Constraint != "" && ref.Constraint(i.Constraint).Deferrable {
			deferrable = true
			continue
		}
		return k.RefColumns, i, nil
	}
	if deferrable {
		return nil, nil, errorf("55000", "cannot use a deferrable unique constraint for referenced table %q", ref.Name)
	}
	return nil, nil, errorf("42830", "there is no unique constraint matching given keys for referenced table %q", ref.Name)
}

// referenceable tells whether a foreign key to these columns can rest on the index.
func (i *Index) referenceable(columns []string) bool {
	if !i.Unique || !i.Valid || i.Predicate != nil || len(i.Elements) != len(columns) {
		return false
	}
	for _, e := range i.Elements {
		if e.Expr != nil || !slices.Contains(columns, e.Column) {
			return false
		}
	}
	return true
}

// canReference tells whether the server finds an equality operator for a foreign key
// from one type to another.
func (c *Catalog) canReference(from, to Type) bool {
	from, to = c.baseType(from), c.baseType(to)
	if from.Dims > 0 || to.Dims > 0 {
		return (from.Dims > 0) == (to.Dims > 0) && sameType(from, to)
	}
	if sameType(from, to) || from.IsZero() || to.IsZero() {
		return true
	}
	if f := equalityFamily[from.Name]; from.Schema == "" && to.Schema == "" && f != "" && f == equalityFamily[to.Name] {
		return true
	}
	return c.castContext(from, to) == castImplicit
}

// equalityFamily names, for built-in types, the operator family in which the server
// compares values of different types.
var equalityFamily = map[string]string{
	"int2": "integer", "int4": "integer", "int8": "integer",
	"float4": "float", "float8": "float",
	"date": "datetime", "timestamp": "datetime", "timestamptz": "datetime",
	"text": "text", "varchar": "text", "name": "text",
	"inet": "network", "cidr": "network",
}
