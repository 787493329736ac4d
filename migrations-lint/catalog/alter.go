package catalog

import "slices"

func (c *Catalog) alterAddColumn(o AddColumn) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	switch {
	case r.IsPartition():
		return errorf("42809", "cannot add column to a partition")
	case !r.OfType.IsZero():
		return errorf("42809", "cannot add column to typed table")
	}
	return c.addColumn(r.ID, o.Column, o.IfNotExists, o.Only)
}

func (c *Catalog) addColumn(id uint32, def ColumnDef, ifNotExists, only bool) error {
	r := c.byID[id]
	if r.Column(def.Name) != nil {
		if ifNotExists {
			return nil
		}
		return errorf("42701", "column %q of relation %q already exists", def.Name, r.Name)
	}
	children := c.Children(r)
	if only && len(children) > 0 {
		return errorf("42P16", "column must be added to child tables too")
	}
	if def.Identity != "" && len(children) > 0 && !(c.Version >= 17 && r.Kind == PartitionedTable) {
		return errorf("42P16", "cannot recursively add identity column to table that has child tables")
	}
	r = c.editRelation(id)
	col, err := c.newColumn(c.Schemas[r.Schema], r, def)
	if err != nil {
		return err
	}
	r.Columns = append(r.Columns, col)
	if err := checkGenerated(r, col); err != nil {
		return err
	}
	if col.NotNull {
		c.addNotNull(id, def.Name, def.NotNullName, false, true)
	}
	for _, child := range children {
		if err := c.addInheritedColumn(child.ID, id, col); err != nil {
			return err
		}
	}
	return c.columnConstraints(id, def)
}

// columnConstraints adds the constraints that are written at a new column, in the server's order.
func (c *Catalog) columnConstraints(id uint32, def ColumnDef) error {
	for _, pass := range [][]ConstraintType{{Check}, {PrimaryKey}, {Unique, Exclude}, {ForeignKey}} {
		for _, k := range def.Constraints {
			if !slices.Contains(pass, k.Type) {
				continue
			}
			if len(k.Columns) == 0 {
				k.Columns = []string{def.Name}
			}
			if k.Type == ForeignKey {
				k.NotValid = false
			}
			if err := c.addConstraint(id, k, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) addInheritedColumn(id, parentID uint32, from *Column) error {
	r := c.editRelation(id)
	if old := r.Column(from.Name); old != nil {
		if !old.Type.Equal(from.Type) {
			return errorf("42804", "child table %q has different type for column %q", r.Name, from.Name)
		}
		if old.Generated != nil && from.Generated == nil {
			return errorf("42804", "child table %q has a generated column %q", r.Name, from.Name)
		}
		old.Inherited = true
		if from.NotNull && c.namesNotNull() {
			return c.setNotNull(id, from.Name, notNullConstraintName(c.byID[parentID], from.Name), true, false)
		}
		return nil
	}
	n := *from
	n.ID, n.Inherited, n.Local = c.id(), true, false
	r.Columns = append(r.Columns, &n)
	if n.NotNull {
		c.addNotNull(id, n.Name, notNullConstraintName(c.byID[parentID], n.Name), true, false)
	}
	for _, child := range c.Children(r) {
		if err := c.addInheritedColumn(child.ID, id, &n); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) alterDropColumn(o DropColumn) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	if !r.OfType.IsZero() {
		return errorf("42809", "cannot drop column from typed table")
	}
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot drop system column %q", o.Column)
	case col == nil && o.ColumnIfExists:
		return nil
	case col == nil:
		return missingColumn(r, o.Column)
	case col.Inherited:
		return errorf("42P16", "cannot drop inherited column %q", o.Column)
	case r.inPartitionKey(o.Column):
		return errorf("42P16", "cannot drop column %q because it is part of the partition key of relation %q", o.Column, r.Name)
	case o.Only && r.Kind == PartitionedTable && len(c.Children(r)) > 0:
		return errorf("42P16", "cannot drop column from only the partitioned table when partitions exist")
	}
	targets := []address{{kind: columnObject, id: r.ID, name: o.Column}}
	targets, err = c.dropFromChildren(r, o.Column, o.Only, targets)
	if err != nil {
		return err
	}
	return c.drop(targets, o.Cascade, nil)
}

// dropFromChildren collects the children's columns that go with a parent's, and
// makes the others the children's own.
func (c *Catalog) dropFromChildren(r *Relation, column string, only bool, targets []address) ([]address, error) {
	for _, child := range c.Children(r) {
		col := child.Column(column)
		if col == nil || !col.Inherited {
			continue
		}
		if child.inPartitionKey(column) {
			return nil, errorf("42P16", "cannot drop column %q because it is part of the partition key of relation %q", column, child.Name)
		}
		still := slices.ContainsFunc(c.Parents(child), func(p *Relation) bool { return p.ID != r.ID && p.Column(column) != nil })
		switch {
		case still && !only:
		case col.Local || only:
			e := c.editRelation(child.ID).Column(column)
			e.Inherited, e.Local = still, true
		default:
			targets = append(targets, address{kind: columnObject, id: child.ID, name: column})
			var err error
			if targets, err = c.dropFromChildren(child, column, false, targets); err != nil {
				return nil, err
			}
		}
	}
	return targets, nil
}

func (c *Catalog) alterRenameColumn(o RenameColumn) error {
	if o.Object == "type" {
		return c.renameAttribute(o)
	}
	r, err := c.alterTarget(o.AlterBase)
	if r == nil {
		return err
	}
	if !r.OfType.IsZero() {
		return errorf("42809", "cannot rename column of typed table")
	}
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot rename system column %q", o.Column)
	case col == nil:
		return errorf("42703", "column %q does not exist", o.Column)
	case o.Only && len(c.Children(r)) > 0:
		return errorf("42P16", "inherited column %q must be renamed in child tables too", o.Column)
	case col.Inherited:
		return errorf("42P16", "cannot rename inherited column %q", o.Column)
	}
	renamed := map[uint32]bool{r.ID: true}
	for _, d := range c.Descendants(r) {
		renamed[d.ID] = true
	}
	for id := range renamed { // another parent's column cannot keep the old name
		for _, p := range c.Parents(c.byID[id]) {
			if id != r.ID && !renamed[p.ID] && p.Column(o.Column) != nil {
				return errorf("42P16", "cannot rename inherited column %q", o.Column)
			}
		}
	}
	if err := c.renameColumn(r.ID, o.Column, o.To); err != nil {
		return err
	}
	for _, d := range c.Descendants(r) {
		if err := c.renameColumn(d.ID, o.Column, o.To); err != nil {
			return err
		}
	}
	return nil
}

// renameColumn renames a column of one relation, and it in all that names it.
func (c *Catalog) renameColumn(id uint32, from, to string) error {
	r := c.byID[id]
	switch {
	case systemColumns[to]:
		return errorf("42701", "column name %q conflicts with a system column name", to)
	case r.Column(to) != nil:
		return errorf("42701", "column %q of relation %q already exists", to, r.Name)
	}
	r = c.editRelation(id)
	r.Column(from).Name = to
	for _, col := range r.Columns {
		col.Generated = col.Generated.renameColumn(from, to)
	}
	for _, k := range r.Constraints {
		k.Columns, k.Include = renamed(k.Columns, from, to), renamed(k.Include, from, to)
		k.Expr, k.Predicate = k.Expr.renameColumn(from, to), k.Predicate.renameColumn(from, to)
		k.Elements = renamedElements(k.Elements, from, to)
	}
	for _, t := range r.Triggers {
		t.Columns, t.WhenUses = renamed(t.Columns, from, to), renamed(t.WhenUses, from, to)
	}
	for name, u := range r.policyUses {
		u.columns = renamed(u.columns, from, to)
		r.policyUses[name] = u
	}
	r.PartitionKey = renamedElements(r.PartitionKey, from, to)
	for _, i := range c.Indexes(r) {
		if !elementsUse(i.Elements, from) && !slices.Contains(i.Include, from) && !i.Predicate.usesColumn(from) {
			continue
		}
		i = c.editIndex(i)
		i.Elements, i.Include = renamedElements(i.Elements, from, to), renamed(i.Include, from, to)
		i.Predicate = i.Predicate.renameColumn(from, to)
	}
	for _, f := range c.ForeignKeysTo(r) {
		if slices.Contains(f.Constraint.RefColumns, from) {
			k := c.editRelation(f.Table.ID).Constraint(f.Constraint.Name)
			k.RefColumns = renamed(k.RefColumns, from, to)
		}
	}
	for _, v := range c.ViewsOn(r, from) {
		v = c.editRelation(v.ID)
		for i, u := range v.Uses {
			if u.Relation == id && u.Column == from {
				v.Uses[i].Column = to
			}
		}
	}
	for seq := range c.ownedSequences(id, from) {
		c.editSequence(seq).Column = to
	}
	return nil
}

// ownedSequences calls yield for the sequences that a column owns; all of the table's for column "".
func (c *Catalog) ownedSequences(id uint32, column string) func(func(*Sequence) bool) {
	return func(yield func(*Sequence) bool) {
		r := c.byID[id]
		if r == nil {
			return
		}
		for _, seq := range c.Schemas[r.Schema].Sequences { // a sequence is in its owner's schema
			if seq.OwnerID == id && (column == "" || seq.Column == column) && !yield(seq) {
				return
			}
		}
	}
}

func (c *Catalog) alterSetDefault(o SetDefault) error {
	r, err := c.alterTarget(o.AlterBase, Table, PartitionedTable, ForeignTable, View)
	if r == nil {
		return err
	}
	return c.alterDefault(r.ID, o)
}

func (c *Catalog) alterDefault(id uint32, o SetDefault) error {
	r := c.byID[id]
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot alter system column %q", o.Column)
	case col == nil:
		return missingColumn(r, o.Column)
	case col.Identity != "":
		return errorf("42601", "column %q of relation %q is an identity column", o.Column, r.Name)
	case col.Generated != nil:
		return errorf("42601", "column %q of relation %q is a generated column", o.Column, r.Name)
	}
	r = c.editRelation(id)
	if err := c.setDefault(r.Column(o.Column), o.Default); err != nil {
		return err
	}
	if o.Only {
		return nil
	}
	for _, child := range c.Children(r) {
		if err := c.alterDefault(child.ID, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) alterIdentity(o SetIdentity) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot alter system column %q", o.Column)
	case col == nil:
		return missingColumn(r, o.Column)
	case c.Version >= 17 && r.IsPartition():
		return errorf("42P16", "cannot %s identity %s a partition", map[bool]string{true: "add", false: "drop"}[o.Add], map[bool]string{true: "to a column of", false: "from a column of"}[o.Add])
	}
	inherits := c.Version >= 17 && r.Kind == PartitionedTable
	if inherits && o.Only {
		return errorf("42P16", "cannot change identity column of only the partitioned table")
	}
	switch {
	case o.Add:
		switch {
		case !col.NotNull:
			return errorf("55000", "column %q of relation %q must be declared NOT NULL before identity can be added", o.Column, r.Name)
		case col.Identity != "":
			return errorf("55000", "column %q of relation %q is already an identity column", o.Column, r.Name)
		case col.Default != nil:
			return errorf("55000", "column %q of relation %q already has a default value", o.Column, r.Name)
		}
		if err := identityType(col.Type); err != nil {
			return err
		}
		r = c.editRelation(r.ID)
		seq := c.ownSequence(c.Schemas[r.Schema], r, o.Column, col.Type, true)
		c.setIdentity(r.ID, o.Column, o.Identity, Name{seq.Schema, seq.Name}, inherits)
	case col.Identity == "":
		if o.IfExists {
			return nil
		}
		return errorf("55000", "column %q of relation %q is not an identity column", o.Column, r.Name)
	case o.Identity == "":
		if seq := c.Sequence(col.Sequence); seq != nil {
			unset(c, c.Schemas[seq.Schema].Sequences, seq.Name)
		}
		c.setIdentity(r.ID, o.Column, "", Name{}, inherits)
	default:
		c.setIdentity(r.ID, o.Column, o.Identity, col.Sequence, inherits)
	}
	return nil
}

func (c *Catalog) setIdentity(id uint32, column, identity string, seq Name, inherits bool) {
	r := c.editRelation(id)
	col := r.Column(column)
	col.Identity, col.Sequence = identity, seq
	if inherits {
		for _, child := range c.Children(r) {
			c.setIdentity(child.ID, column, identity, seq, true)
		}
	}
}

func (c *Catalog) alterGenerated(o SetGenerated) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	if col := r.Column(o.Column); o.Expr == nil && col != nil {
		if o.Only && len(c.Children(r)) > 0 {
			return errorf("0A000", "ALTER TABLE / DROP EXPRESSION must be applied to child tables too")
		}
		if col.Inherited && col.Generated != nil {
			return errorf("42P16", "cannot drop generation expression from inherited column")
		}
	}
	return c.setGenerated(r.ID, o)
}

func (c *Catalog) setGenerated(id uint32, o SetGenerated) error {
	r := c.byID[id]
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot alter system column %q", o.Column)
	case col == nil:
		return missingColumn(r, o.Column)
	case col.Generated == nil:
		if o.IfExists {
			return nil
		}
		return errorf("55000", "column %q of relation %q is not a generated column", o.Column, r.Name)
	case col.Virtual && o.Expr == nil:
		return errorf("0A000", "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns")
	}
	r = c.editRelation(id)
	r.Column(o.Column).Generated = c.bind(o.Expr)
	if err := checkGenerated(r, r.Column(o.Column)); err != nil {
		return err
	}
	if o.Only {
		return nil
	}
	for _, child := range c.Children(r) {
		if err := c.setGenerated(child.ID, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) alterSetInherit(o SetInherit) error {
	r, err := c.alterTarget(o.AlterBase, Table, ForeignTable)
	if r == nil {
		return err
	}
	p := c.Relation(o.Parent)
	if p == nil {
		if !c.object(o.Parent).none() {
			return errorf("42809", "%q is not a table", o.Parent.Name)
		}
		return c.missingRelation(o.Parent)
	}
	if r.IsPartition() {
		return errorf("42809", "cannot change inheritance of a partition")
	}
	if o.Remove {
		if !slices.Contains(r.Parents, p.ID) {
			return errorf("42P01", "relation %q is not a parent of relation %q", p.Name, r.Name)
		}
		c.leaveParent(r.ID, p.ID)
		return nil
	}
	switch {
	case !r.OfType.IsZero():
		return errorf("42809", "cannot change inheritance of typed table")
	case p.Kind == PartitionedTable:
		return errorf("42809", "cannot inherit from partitioned table %q", p.Name)
	case p.IsPartition():
		return errorf("42809", "cannot inherit from a partition")
	case p.Kind != Table && p.Kind != ForeignTable:
		return errorf("42809", "%q is not a table or foreign table", p.Name)
	case p.Temporary && !r.Temporary:
		return errorf("42809", "cannot inherit from temporary relation %q", p.Name)
	case slices.Contains(r.Parents, p.ID):
		return errorf("42P07", "relation %q would be inherited from more than once", p.Name)
	case p.ID == r.ID || slices.ContainsFunc(c.Descendants(r), func(d *Relation) bool { return d.ID == p.ID }):
		return errorf("42P07", "circular inheritance not allowed")
	}
	return c.becomeChild(r.ID, p, false)
}
