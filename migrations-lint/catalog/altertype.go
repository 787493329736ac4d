package catalog

import "slices"

func (c *Catalog) alterColumnType(o AlterColumnType) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	if !r.OfType.IsZero() {
		return errorf("42809", "cannot alter column type of typed table")
	}
	col := r.Column(o.Column)
	switch {
	case col == nil && systemColumns[o.Column]:
		return errorf("0A000", "cannot alter system column %q", o.Column)
	case col == nil:
		return missingColumn(r, o.Column)
	case col.Generated != nil && o.Using != nil:
		return errorf("42601", "cannot specify USING when altering type of generated column")
	case col.Inherited:
		return errorf("42P16", "cannot alter inherited column %q", o.Column)
	case r.inPartitionKey(o.Column):
		return errorf("42P16", "cannot alter column %q because it is part of the partition key of relation %q", o.Column, r.Name)
	}
	t, err := c.columnType(o.Column, o.Type)
	if err != nil {
		return err
	}
	if o.Using != nil {
		if o.Using.Select {
			return errorf("0A000", "cannot use subquery in transform expression")
		}
		for _, name := range o.Using.Columns {
			if r.Column(name) == nil && !systemColumns[name] && name != r.Name {
				return errorf("42703", "column %q does not exist", name)
			}
		}
		if err := c.checkCasts(o.Using); err != nil {
			return err
		}
	} else if col.Generated == nil && c.castContext(col.Type, t) < castAssign {
		return errorf("42804", "column %q cannot be cast automatically to type %s", o.Column, t.String())
	}
	if o.Only && len(c.Children(r)) > 0 {
		return errorf("42P16", "type of inherited column %q must be changed in child tables too", o.Column)
	}
	if err := c.setColumnType(r.ID, o, t); err != nil {
		return err
	}
	descendants := c.Descendants(r)
	for _, d := range descendants {
		if d.Column(o.Column) == nil {
			continue
		}
		if d.inPartitionKey(o.Column) {
			return errorf("42P16", "cannot alter column %q because it is part of the partition key of relation %q", o.Column, d.Name)
		}
		for _, p := range c.Parents(d) {
			if p.ID != r.ID && p.Column(o.Column) != nil && !slices.ContainsFunc(descendants, func(x *Relation) bool { return x.ID == p.ID }) {
				return errorf("42P16", "cannot alter inherited column %q of relation %q", o.Column, d.Name)
			}
		}
		if err := c.setColumnType(d.ID, o, t); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) setColumnType(id uint32, o AlterColumnType, t Type) error {
	r := c.byID[id]
	col := r.Column(o.Column)
	if len(c.ViewsOn(r, o.Column)) > 0 {
		return errorf("0A000", "cannot alter type of a column used by a view or rule")
	}
	for _, trigger := range r.Triggers {
		if slices.Contains(trigger.Columns, o.Column) || slices.Contains(trigger.WhenUses, o.Column) {
			return errorf("0A000", "cannot alter type of a column used in a trigger definition")
		}
	}
	for _, u := range r.policyUses {
		if slices.Contains(u.columns, o.Column) {
			return errorf("0A000", "cannot alter type of a column used in a policy definition")
		}
	}
	for _, other := range r.Columns {
		if other.Generated.usesColumn(o.Column) {
			code := "0A000"
			if c.Version < 15 {
				code = "42601"
			}
			return errorf(code, "cannot alter type of a column used by a generated column")
		}
	}
	if col.Identity != "" {
		if err := identityType(t); err != nil {
			return err
		}
	}
	if col.Default != nil && c.castContext(c.exprType(col.Default, col.Type), t) < castAssign {
		return errorf("42804", "default for column %q cannot be cast automatically to type %s", o.Column, t.String())
	}
	if err := c.checkKeysOfType(r, o.Column, t); err != nil {
		return err
	}
	r = c.editRelation(id)
	col = r.Column(o.Column)
	col.Type, col.Collation = t, o.Collation
	if col.Default != nil { // the old value, cast
		col.defaultTypes = append(slices.Clip(col.defaultTypes), c.userTypes([]Type{t})...)
	}
	if col.Identity != "" {
		if seq := c.Sequence(col.Sequence); seq != nil {
			c.editSequence(seq).Type = t
		}
	}
	return nil
}

// exprType is the type of a column's default: what it says itself, or the column's.
func (c *Catalog) exprType(e *Expr, column Type) Type {
	if t, known := c.defaultType(e); known {
		return t
	}
	return column
}

// checkKeysOfType refuses a type that an index or foreign key of the column cannot have.
func (c *Catalog) checkKeysOfType(r *Relation, column string, t Type) error {
	for _, i := range c.Indexes(r) {
		for _, e := range i.Elements {
			if e.Column == column && e.OpClass.IsZero() {
				if err := c.checkDefaultOpClass(t, i.Method); err != nil {
					return err
				}
			}
		}
	}
	for _, k := range r.Constraints {
		if i := slices.Index(k.Columns, column); k.Type == ForeignKey && i >= 0 {
			if ref := c.byID[k.RefID]; ref != nil && k.RefID != r.ID && !c.canReference(t, ref.Column(k.RefColumns[i]).Type) {
				return errorf("42804", "foreign key constraint %q cannot be implemented", k.Name)
			}
		}
	}
	for _, f := range c.ForeignKeysTo(r) {
		if i := slices.Index(f.Constraint.RefColumns, column); i >= 0 && f.Table.ID != r.ID {
			if !c.canReference(f.Table.Column(f.Constraint.Columns[i]).Type, t) {
				return errorf("42804", "foreign key constraint %q cannot be implemented", f.Constraint.Name)
			}
		}
	}
	return nil
}
