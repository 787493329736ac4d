package catalog

import "slices"

// checkPartitionKey refuses a partition key that the server would refuse.
func (c *Catalog) checkPartitionKey(r *Relation) error {
	if r.PartitionBy == "LIST" && len(r.PartitionKey) > 1 {
		return errorf("42P17", "cannot use \"list\" partition strategy with more than one column")
	}
	for _, key := range r.PartitionKey {
		if key.Column == "" {
			for _, name := range key.Expr.Columns {
				if r.Column(name) == nil {
					return errorf("42703", "column %q does not exist", name)
				}
			}
			continue
		}
		if systemColumns[key.Column] {
			return errorf("42P17", "cannot use system column %q in partition key", key.Column)
		}
		col := r.Column(key.Column)
		if col == nil {
			return errorf("42703", "column %q named in partition key does not exist", key.Column)
		}
		if col.Generated != nil {
			return errorf("42P17", "cannot use generated column in partition key")
		}
		if key.OpClass.IsZero() {
			method := "btree"
			if r.PartitionBy == "HASH" {
				method = "hash"
			}
			if err := c.checkDefaultOpClass(col.Type, method); err != nil {
				return err
			}
		}
	}
	return nil
}

// inPartitionKey tells whether a column is part of the table's partition key.
func (r *Relation) inPartitionKey(column string) bool { return elementsUse(r.PartitionKey, column) }

// clonePartitionObjects gives a partition the indexes, foreign keys and row triggers
// of its partitioned table.
func (c *Catalog) clonePartitionObjects(parent *Relation, id uint32) error {
	for _, i := range c.Indexes(parent) {
		var k *ConstraintDef
		var constraintID uint32
		if i.Constraint != "" {
			pk := parent.Constraint(i.Constraint)
			k, constraintID = &pk.ConstraintDef, pk.ID
		}
		if c.byID[id].Kind == ForeignTable {
			if i.Unique {
				return errorf("42809", "cannot create foreign partition of partitioned table %q", parent.Name)
			}
			continue
		}
		if _, err := c.childIndex(id, i, k, constraintID); err != nil {
			return err
		}
	}
	for _, k := range parent.Constraints {
		if k.Type == ForeignKey {
			c.cloneForeignKey(id, k)
		}
	}
	for _, t := range parent.Triggers {
		if t.Row {
			if err := c.cloneTrigger(id, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) attachPartition(o AttachPartition) error {
	if parent := c.object(o.On); parent.index != nil {
		return c.attachPartitionIndex(parent.index, o.Partition)
	} else if o.Object == "index" {
		if parent.none() {
			return c.missingRelation(o.On)
		}
		return errorf("42809", "%q is not an index", o.On.Name)
	}
	parent, err := c.alterTarget(o.AlterBase)
	if parent == nil {
		return err
	}
	if parent.Kind != PartitionedTable {
		if parent.Kind == Table && c.Version < 18 {
			return errorf("42P17", "table %q is not partitioned", parent.Name)
		}
		return errorf("42809", "ALTER action ATTACH PARTITION cannot be performed on relation %q", parent.Name)
	}
	child := c.Relation(o.Partition)
	if child == nil {
		return c.missingRelation(o.Partition)
	}
	switch {
	case child.Kind != Table && child.Kind != PartitionedTable && child.Kind != ForeignTable:
		return errorf("42809", "%q is not a table or foreign table", child.Name)
	case child.IsPartition():
		return errorf("42809", "%q is already a partition", child.Name)
	case len(child.Parents) > 0:
		return errorf("42809", "cannot attach inheritance child as partition")
	case child.Kind == Table && len(c.Children(child)) > 0:
		return errorf("42809", "cannot attach inheritance parent as partition")
	case !child.OfType.IsZero():
		return errorf("42809", "cannot attach a typed table as partition")
	case child.ID == parent.ID || slices.ContainsFunc(c.Descendants(child), func(d *Relation) bool { return d.ID == parent.ID }):
		return errorf("42P07", "circular inheritance not allowed")
	case child.Temporary != parent.Temporary:
		return errorf("42809", "cannot attach a temporary relation as partition of permanent relation %q", parent.Name)
	}
	for _, col := range child.Columns {
		if parent.Column(col.Name) == nil {
			return errorf("42804", "table %q contains column %q not found in parent %q", child.Name, col.Name, parent.Name)
		}
		if col.Identity != "" && c.Version >= 17 {
			return errorf("42P16", "table %q being attached contains an identity column %q", child.Name, col.Name)
		}
	}
	bound := *child
	bound.Bound = o.Bound
	if err := c.checkBound(parent, &bound); err != nil {
		return err
	}
	if err := c.becomeChild(child.ID, parent, true); err != nil {
		return err
	}
	c.editRelation(child.ID).Bound = o.Bound
	return c.clonePartitionObjects(parent, child.ID)
}

// becomeChild makes a table inherit from another: its columns and CHECK constraints must match.
func (c *Catalog) becomeChild(id uint32, parent *Relation, partition bool) error {
	r := c.editRelation(id)
	for _, pc := range parent.Columns {
		col := r.Column(pc.Name)
		switch {
		case col == nil:
			return errorf("42804", "child table is missing column %q", pc.Name)
		case !col.Type.Equal(pc.Type):
			return errorf("42804", "child table %q has different type for column %q", r.Name, pc.Name)
		case pc.NotNull && !col.NotNull && !c.noInheritNotNull(parent, pc.Name):
			return errorf("42804", "column %q in child table %q must be marked NOT NULL", pc.Name, r.Name)
		case pc.Generated != nil && col.Generated == nil:
			return errorf("42804", "column %q in child table must be a generated column", pc.Name)
		case pc.Generated == nil && col.Generated != nil:
			return errorf("42804", "column %q in child table must not be a generated column", pc.Name)
		}
		col.Inherited = true
		if partition {
			col.Local = false
			if c.Version >= 17 && pc.Identity != "" {
				col.Identity, col.Sequence = pc.Identity, pc.Sequence
			}
		}
		if k := notNullConstraint(r, pc.Name); k != nil && pc.NotNull {
			k.Inherited = true
			k.Local = k.Local && !partition
		}
	}
	for _, pk := range parent.Constraints {
		if pk.Type != Check || pk.NoInherit {
			continue
		}
		k := r.Constraint(pk.Name)
		switch {
		case k == nil || k.Type != Check:
			return errorf("42804", "child table is missing constraint %q", pk.Name)
		case !sameExpr(k.Expr, pk.Expr):
			return errorf("42804", "child table %q has different definition for check constraint %q", r.Name, pk.Name)
		case k.NoInherit:
			return errorf("55000", "constraint %q conflicts with non-inherited constraint on child table %q", k.Name, r.Name)
		case !k.Valid && pk.Valid:
			return errorf("55000", "constraint %q conflicts with NOT VALID constraint on child table %q", k.Name, r.Name)
		}
		k.Inherited = true
		k.Local = k.Local && !partition
	}
	r.Parents = append(r.Parents, parent.ID)
	return nil
}

func (c *Catalog) noInheritNotNull(r *Relation, column string) bool {
	k := notNullConstraint(r, column)
	return k != nil && k.NoInherit
}

// leaveParent ends an inheritance: what came from the parent is the table's own from now on.
func (c *Catalog) leaveParent(id, parentID uint32) {
	r := c.editRelation(id)
	parent := c.byID[parentID]
	r.Parents = slices.DeleteFunc(r.Parents, func(p uint32) bool { return p == parentID })
	rest := c.Parents(r)
	for _, col := range r.Columns {
		if parent.Column(col.Name) == nil {
			continue
		}
		col.Inherited = slices.ContainsFunc(rest, func(p *Relation) bool { return p.Column(col.Name) != nil })
		col.Local = col.Local || !col.Inherited
	}
	for _, k := range r.Constraints {
		if !k.Inherited {
			continue
		}
		if k.Type == ForeignKey || k.Index != "" {
			k.Inherited, k.Local, k.Parent = false, true, 0
			continue
		}
		k.Inherited = slices.ContainsFunc(rest, func(p *Relation) bool {
			if k.Type == NotNull {
				return notNullConstraint(p, k.Columns[0]) != nil
			}
			pk := p.Constraint(k.Name)
			return pk != nil && pk.Type == Check && !pk.NoInherit
		})
		k.Local = k.Local || !k.Inherited
	}
}

func (c *Catalog) detachPartition(o DetachPartition) error {
	parent, err := c.alterTarget(o.AlterBase)
	if parent == nil {
		return err
	}
	if parent.Kind != PartitionedTable {
		if parent.Kind == Table && c.Version < 18 {
			return errorf("42P17", "table %q is not partitioned", parent.Name)
		}
		return errorf("42809", "ALTER action DETACH PARTITION cannot be performed on relation %q", parent.Name)
	}
	child := c.Relation(o.Partition)
	if child == nil {
		return c.missingRelation(o.Partition)
	}
	if !slices.Contains(child.Parents, parent.ID) {
		return errorf("42P01", "relation %q is not a partition of relation %q", child.Name, parent.Name)
	}
	if o.Finalize {
		return errorf("55000", "cannot complete detaching partition %q", child.Name)
	}
	if o.Concurrently && c.DefaultPartition(parent) != nil {
		return errorf("55000", "cannot detach partitions concurrently when a default partition exists")
	}
	c.detach(parent, child.ID)
	if o.Concurrently {
		c.keepBoundAsCheck(parent, child)
	}
	return nil
}

func (c *Catalog) detach(parent *Relation, id uint32) {
	c.leaveParent(id, parent.ID)
	r := c.editRelation(id)
	r.Bound = ""
	for _, col := range r.Columns {
		if pc := parent.Column(col.Name); pc != nil && pc.Identity != "" && c.Version >= 17 {
			col.Identity, col.Sequence = "", Name{}
		}
	}
	r.Triggers = slices.DeleteFunc(r.Triggers, func(t *Trigger) bool { return t.Parent != 0 })
	for _, i := range c.Indexes(r) {
		if i.Parent != "" {
			c.editIndex(i).Parent = ""
		}
	}
}

// keepBoundAsCheck adds the CHECK constraint that DETACH CONCURRENTLY leaves in place of the partition bound.
func (c *Catalog) keepBoundAsCheck(parent, child *Relation) {
	r := c.editRelation(child.ID)
	var columns []string
	for _, key := range parent.PartitionKey {
		if key.Column != "" {
			columns = append(columns, key.Column)
		} else {
			columns = append(columns, key.Expr.Columns...)
		}
	}
	slices.Sort(columns)
	columns = slices.Compact(columns)
	column := ""
	if len(columns) == 1 {
		column = columns[0]
	}
	name := c.chooseConstraintName(c.Schemas[r.Schema], r.Name, column, "check")
	r.Constraints = append(r.Constraints, &Constraint{
		ID: c.id(), Valid: true, Local: true,
		ConstraintDef: ConstraintDef{Name: name, Type: Check, Columns: columns, Expr: &Expr{SQL: child.Bound, Columns: columns}},
	})
}

// attachPartitionIndex is ALTER INDEX ... ATTACH PARTITION.
func (c *Catalog) attachPartitionIndex(parent *Index, n Name) error {
	table := c.byID[parent.Table]
	if table.Kind != PartitionedTable {
		return errorf("42809", "%q is not a partitioned index", parent.Name)
	}
	o := c.object(n)
	switch {
	case o.none():
		return c.missingRelation(n)
	case o.index == nil:
		return errorf("42809", "%q is not an index", n.Name)
	}
	child := o.index
	if child.Parent == parent.Name {
		return nil
	}
	switch {
	case child.Parent != "":
		return errorf("55000", "cannot attach index %q as a partition of index %q", child.Name, parent.Name)
	case !slices.Contains(c.byID[child.Table].Parents, table.ID):
		return errorf("55000", "cannot attach index %q as a partition of index %q", child.Name, parent.Name)
	case slices.ContainsFunc(c.childIndexes(parent), func(x *Index) bool { return x.Table == child.Table }):
		return errorf("55000", "cannot attach index %q as a partition of index %q", child.Name, parent.Name)
	case !child.alike(parent):
		return errorf("42P17", "cannot attach index %q as a partition of index %q", child.Name, parent.Name)
	case parent.Constraint != "" && child.Constraint == "":
		return errorf("42P17", "cannot attach index %q as a partition of index %q", child.Name, parent.Name)
	}
	var constraintID uint32
	if parent.Constraint != "" {
		constraintID = table.Constraint(parent.Constraint).ID
	}
	c.attachIndex(child, parent, constraintID)
	c.validateIndex(parent)
	return nil
}

// validateIndex marks an index of a partitioned table valid once every partition has a valid one.
func (c *Catalog) validateIndex(i *Index) {
	table := c.byID[i.Table]
	valid := 0
	for _, child := range c.childIndexes(i) {
		if child.Valid {
			valid++
		}
	}
	if i.Valid || valid < len(c.Children(table)) {
		return
	}
	i = c.editIndex(i)
	i.Valid = true
	if p := c.parentIndex(i); p != nil {
		c.validateIndex(p)
	}
}
