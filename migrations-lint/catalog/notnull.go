package catalog

import (
	"cmp"
	"slices"
)

// PostgreSQL 18 keeps NOT NULL as named constraints; before it, a column was just marked.

func (c *Catalog) namesNotNull() bool { return c.Version >= 18 }

// notNullConstraintName is the name of a column's NOT NULL constraint, "" where there is none.
func notNullConstraintName(r *Relation, column string) string {
	if k := notNullConstraint(r, column); k != nil {
		return k.Name
	}
	return ""
}

func notNullConstraint(r *Relation, column string) *Constraint {
	for _, k := range r.Constraints {
		if k.Type == NotNull && k.Columns[0] == column {
			return k
		}
	}
	return nil
}

// nameNotNulls makes the NOT NULL constraints of a new table: one that the statement
// does not name gets a new name, one that only a parent has keeps the parent's.
func (c *Catalog) nameNotNulls(id uint32, list []notNullName) {
	if !c.namesNotNull() {
		return
	}
	for _, col := range c.byID[id].Columns {
		if !col.NotNull {
			continue
		}
		var own, parents string
		local, inherited := false, false
		for _, n := range list {
			switch {
			case n.column != col.Name:
			case n.inherited:
				inherited, parents = true, cmp.Or(parents, n.constraint)
			default:
				local, own = true, cmp.Or(own, n.constraint)
			}
		}
		if !local {
			own = parents
		}
		c.addNotNull(id, col.Name, own, inherited, local || !inherited)
	}
}

// addNotNull gives a column that is NOT NULL its constraint.
func (c *Catalog) addNotNull(id uint32, column, name string, inherited, local bool) {
	if !c.namesNotNull() {
		return
	}
	r := c.editRelation(id)
	if name == "" || r.Constraint(name) != nil {
		name = c.chooseConstraintName(c.Schemas[r.Schema], r.Name, column, "not_null")
	}
	r.Constraints = append(r.Constraints, &Constraint{
		ID: c.id(), Valid: true, Inherited: inherited, Local: local,
		ConstraintDef: ConstraintDef{Name: name, Type: NotNull, Columns: []string{column}},
	})
}

// setNotNull marks a column and, unless only, that of every child.
func (c *Catalog) setNotNull(id uint32, column, name string, inherited, only bool) error {
	r := c.byID[id]
	col := r.Column(column)
	if col == nil {
		if systemColumns[column] {
			return errorf("0A000", "cannot alter system column %q", column)
		}
		return missingColumn(r, column)
	}
	if !col.NotNull || !col.NotNullValid {
		r = c.editRelation(id)
		col = r.Column(column)
		col.NotNull, col.NotNullValid = true, true
	}
	if c.namesNotNull() {
		if k := notNullConstraint(r, column); k == nil {
			c.addNotNull(id, column, name, inherited, !inherited)
		} else {
			r = c.editRelation(id)
			k = notNullConstraint(r, column)
			k.Valid = true
			k.Inherited, k.Local = k.Inherited || inherited, k.Local || !inherited
		}
		name = notNullConstraintName(c.byID[id], column)
	}
	if only {
		return nil
	}
	for _, child := range c.Children(c.byID[id]) {
		if err := c.setNotNull(child.ID, column, name, true, false); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) alterSetNotNull(o SetNotNull) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	if r.Column(o.Column) == nil && !systemColumns[o.Column] {
		return missingColumn(r, o.Column)
	}
	if o.Only && !r.Column(o.Column).NotNull {
		for _, child := range c.Children(r) {
			if !c.namesNotNull() && r.Kind == PartitionedTable && !child.Column(o.Column).NotNull {
				return errorf("42P16", "constraint must be added to child tables too")
			}
			if c.namesNotNull() {
				return errorf("42P16", "constraint must be added to child tables too")
			}
		}
	}
	return c.setNotNull(r.ID, o.Column, "", false, o.Only)
}

func (c *Catalog) alterDropNotNull(o DropNotNull) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	if r.Column(o.Column) == nil {
		if systemColumns[o.Column] {
			return errorf("0A000", "cannot alter system column %q", o.Column)
		}
		return missingColumn(r, o.Column)
	}
	return c.dropNotNull(r.ID, o.Column, o.Only, false)
}

func (c *Catalog) dropNotNull(id uint32, column string, only, recursing bool) error {
	r := c.byID[id]
	col := r.Column(column)
	if !col.NotNull {
		if c.namesNotNull() {
			return nil
		}
	}
	if col.Identity != "" {
		return errorf("42601", "column %q of relation %q is an identity column", column, r.Name)
	}
	if k := r.PrimaryKey(); k != nil && slices.Contains(k.Columns, column) {
		return errorf("42P16", "column %q is in a primary key", column)
	}
	if c.namesNotNull() {
		if k := notNullConstraint(r, column); k != nil {
			if k.Inherited && !recursing {
				return errorf("42P16", "cannot drop inherited constraint %q of relation %q", k.Name, r.Name)
			}
			return c.dropConstraint(id, k, only, recursing)
		}
	} else if r.IsPartition() && !recursing {
		if p := c.byID[r.Parents[0]]; p.Column(column).NotNull {
			return errorf("42P16", "column %q is marked NOT NULL in parent table", column)
		}
	}
	if only && r.Kind == PartitionedTable && len(c.Children(r)) > 0 && !c.namesNotNull() {
		return errorf("42P16", "cannot drop constraint from only the partitioned table when partitions exist")
	}
	r = c.editRelation(id)
	r.Column(column).NotNull = false
	if only {
		return nil
	}
	for _, child := range c.Children(r) {
		if err := c.dropNotNull(child.ID, column, false, true); err != nil {
			return err
		}
	}
	return nil
}
