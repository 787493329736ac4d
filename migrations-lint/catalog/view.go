package catalog

import "slices"

func (c *Catalog) createView(o CreateView) error {
	if o.Query != nil && !o.Temporary && o.On.Schema == "" {
		// A view over a temporary table is temporary itself.
		for _, n := range o.Query.Relations {
			if r := c.Relation(n); r != nil && r.Temporary {
				if o.Materialized {
					return errorf("0A000", "materialized views must not use temporary tables or views")
				}
				o.Temporary = true
			}
		}
	}
	s, err := c.creationSchema(o.On, o.Temporary)
	if err != nil {
		return err
	}
	if o.IfNotExists && !s.object(o.On.Name).none() {
		return nil
	}
	columns, uses, err := c.queryColumns(o.Query)
	if err != nil {
		return err
	}
	if len(o.Columns) > len(columns) && !columnsOpen(columns) {
		if o.Materialized {
			return errorf("42601", "too many column names were specified")
		}
		return errorf("42601", "CREATE VIEW specifies more column names than columns")
	}
	for i, name := range o.Columns {
		if i < len(columns) {
			columns[i].name = name
		}
	}
	for i, col := range columns {
		if slices.ContainsFunc(columns[:i], func(x outColumn) bool { return x.name == col.name }) {
			return errorf("42701", "column %q specified more than once", col.name)
		}
	}
	kind := View
	if o.Materialized {
		kind = MaterializedView
	}
	r := &Relation{
		ID: c.id(), Schema: s.Name, Name: o.On.Name, Kind: kind, Temporary: s.Name == tempSchema,
		Query: o.Query, Uses: uses, Populated: !o.WithNoData,
	}
	for _, col := range columns {
		r.Columns = append(r.Columns, &Column{ID: c.id(), Name: col.name, Type: col.typ, NotNullValid: true, Local: true})
	}
	if o.Query != nil {
		q := *o.Query
		q.Functions = c.bindFunctions(q.Functions)
		r.Query = &q
	}
	old := s.object(o.On.Name)
	if o.OrReplace && !old.none() {
		if old.relation == nil || old.relation.Kind != View {
			return errorf("42809", "%q is not a view", o.On.Name)
		}
		return c.replaceView(old.relation, r)
	}
	if err := checkNewRelation(s, o.On.Name); err != nil {
		return err
	}
	c.putRelation(r)
	return nil
}

// replaceView is CREATE OR REPLACE VIEW: columns may only be added at the end.
func (c *Catalog) replaceView(old, r *Relation) error {
	if len(r.Columns) < len(old.Columns) {
		return errorf("42P16", "cannot drop columns from view")
	}
	for i, oc := range old.Columns {
		nc := r.Columns[i]
		if oc.Name != nc.Name {
			return errorf("42P16", "cannot change name of view column %q to %q", oc.Name, nc.Name)
		}
		if !oc.Type.IsZero() && !nc.Type.IsZero() && !oc.Type.Equal(nc.Type) {
			return errorf("42P16", "cannot change data type of view column %q from %s to %s", oc.Name, oc.Type, nc.Type)
		}
	}
	e := c.editRelation(old.ID)
	for i, nc := range r.Columns {
		if i >= len(e.Columns) {
			e.Columns = append(e.Columns, nc)
		} else if !nc.Type.IsZero() {
			e.Columns[i].Type = nc.Type
		}
	}
	e.Query, e.Uses = r.Query, r.Uses
	return nil
}

// createTableAs is CREATE TABLE AS and SELECT INTO.
func (c *Catalog) createTableAs(t *newTable, o CreateTable) error {
	r := t.relation
	columns, _, err := c.queryColumns(o.As)
	if err != nil {
		return err
	}
	if len(o.AsColumns) > len(columns) && !columnsOpen(columns) {
		return errorf("42601", "too many column names were specified")
	}
	for i, name := range o.AsColumns {
		if i < len(columns) {
			columns[i].name = name
		}
	}
	for i, col := range columns {
		if slices.ContainsFunc(columns[:i], func(x outColumn) bool { return x.name == col.name }) {
			return errorf("42701", "column %q specified more than once", col.name)
		}
		r.Columns = append(r.Columns, &Column{ID: c.id(), Name: col.name, Type: col.typ, NotNullValid: true, Local: true})
	}
	if o.WithData {
		r.Rows = Many
	}
	if err := checkNewRelation(t.schema, r.Name); err != nil {
		return err
	}
	c.putRelation(r)
	return nil
}
