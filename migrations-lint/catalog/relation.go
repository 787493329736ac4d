package catalog

import "slices"

// renameRelation is RENAME TO of everything that has a place among the relations.
func (c *Catalog) renameRelation(o RenameRelation) error {
	if o.Object == "type" {
		return c.renameType(RenameType{Base: o.Base, To: o.To})
	}
	found := c.object(o.On)
	if found.none() {
		if o.IfExists {
			return nil
		}
		return c.missingRelation(o.On)
	}
	r := found.relation
	switch {
	case o.Object == "view" && (r == nil || r.Kind != View):
		return errorf("42809", "%q is not a view", found.name())
	case o.Object == "materialized view" && (r == nil || r.Kind != MaterializedView):
		return errorf("42809", "%q is not a materialized view", found.name())
	case o.Object == "foreign table" && (r == nil || r.Kind != ForeignTable):
		return errorf("42809", "%q is not a foreign table", found.name())
	case o.Object == "sequence" && found.sequence == nil:
		return errorf("42809", "%q is not a sequence", found.name())
	}
	switch {
	case found.index != nil:
		return c.renameIndexAndConstraint(found.index, o.To)
	case found.sequence != nil:
		return c.renameSequence(found.sequence, o.To)
	}
	s := c.Schemas[r.Schema]
	if err := checkNewRelation(s, o.To); err != nil {
		return err
	}
	from := r.FullName()
	r = c.editRelation(r.ID)
	unset(c, s.Relations, r.Name)
	r.Name = o.To
	c.putRelation(r)
	c.renamedRelation(r, from)
	return nil
}

// renamedRelation follows a relation's new name or schema in what names it.
func (c *Catalog) renamedRelation(r *Relation, from Name) {
	for _, f := range c.ForeignKeysTo(r) {
		c.editRelation(f.Table.ID).Constraint(f.Constraint.Name).RefTable = r.FullName()
	}
	c.retype(Type{Schema: from.Schema, Name: from.Name}, Type{Schema: r.Schema, Name: r.Name})
}

// retype gives a type another name wherever it is used.
func (c *Catalog) retype(from, to Type) {
	change := func(t Type) Type {
		t.Schema, t.Name = to.Schema, to.Name
		return t
	}
	for id, r := range c.byID {
		if sameType(r.OfType, from) {
			c.editRelation(id).OfType = to
		}
		if slices.ContainsFunc(r.Columns, func(col *Column) bool { return sameType(col.Type, from) }) {
			for _, col := range c.editRelation(id).Columns {
				if sameType(col.Type, from) {
					col.Type = change(col.Type)
				}
			}
		}
	}
	for _, s := range c.Schemas {
		for _, u := range s.Types {
			if sameType(u.Base, from) {
				u = c.editType(u)
				u.Base = change(u.Base)
			}
			if slices.ContainsFunc(u.Columns, func(col *Column) bool { return sameType(col.Type, from) }) {
				for _, col := range c.editType(u).Columns {
					if sameType(col.Type, from) {
						col.Type = change(col.Type)
					}
				}
			}
		}
		for name, list := range s.Functions {
			uses := func(f *Function) bool {
				return sameType(f.Returns, from) || slices.ContainsFunc(f.Args, func(a FuncArg) bool { return sameType(a.Type, from) })
			}
			if !slices.ContainsFunc(list, uses) {
				continue
			}
			list = copyEach(list)
			for _, f := range list {
				if sameType(f.Returns, from) {
					f.Returns = change(f.Returns)
				}
				f.Args = slices.Clone(f.Args)
				for i, a := range f.Args {
					if sameType(a.Type, from) {
						f.Args[i].Type = change(a.Type)
					}
				}
			}
			c.setFunctions(s.Name, name, list)
		}
	}
}

// moveToSchema is SET SCHEMA.
func (c *Catalog) moveToSchema(o SetSchema) error {
	switch o.Object {
	case "type", "domain":
		return c.moveType(o)
	case "function", "procedure", "aggregate", "routine":
		return c.moveFunction(o)
	case "extension":
		return c.alterExtension(AlterExtension{Base: o.Base, Action: "set schema", To: o.To})
	case "table", "view", "materialized view", "foreign table", "sequence", "":
	default:
		return nil // an object that the catalog does not hold
	}
	found := c.object(o.On)
	if found.none() {
		if o.IfExists {
			return nil
		}
		return c.missingRelation(o.On)
	}
	r := found.relation
	switch {
	case o.Object == "sequence" && found.sequence == nil:
		return errorf("42809", "%q is not a sequence", found.name())
	case o.Object == "view" && (r == nil || r.Kind != View):
		return errorf("42809", "%q is not a view", found.name())
	case o.Object == "materialized view" && (r == nil || r.Kind != MaterializedView):
		return errorf("42809", "%q is not a materialized view", found.name())
	case o.Object == "foreign table" && (r == nil || r.Kind != ForeignTable):
		return errorf("42809", "%q is not a foreign table", found.name())
	case found.index != nil:
		return errorf("42809", "cannot change schema of index %q", found.name())
	}
	to := c.Schemas[o.To]
	if to == nil {
		return errorf("3F000", "schema %q does not exist", o.To)
	}
	if seq := found.sequence; seq != nil {
		if seq.OwnerID != 0 {
			return errorf("0A000", "cannot move an owned sequence into another schema")
		}
		return c.moveSequence(seq, to)
	}
	if r.Schema == to.Name {
		return nil
	}
	if !to.object(r.Name).none() {
		return errorf("42P07", "relation %q already exists in schema %q", r.Name, to.Name)
	}
	if to.Types[r.Name] != nil {
		return errorf("42710", "type %q already exists in schema %q", r.Name, to.Name)
	}
	from := r.FullName()
	indexes := c.Indexes(r)
	owned := slices.Collect(c.ownedSequences(r.ID, ""))
	for _, i := range indexes {
		if !to.object(i.Name).none() {
			return errorf("42P07", "relation %q already exists in schema %q", i.Name, to.Name)
		}
		i = c.editIndex(i)
		unset(c, c.Schemas[from.Schema].Indexes, i.Name)
		i.Schema = to.Name
		set(c, to.Indexes, i.Name, i)
	}
	for _, seq := range owned {
		if err := c.moveSequence(seq, to); err != nil {
			return err
		}
	}
	r = c.editRelation(r.ID)
	unset(c, c.Schemas[from.Schema].Relations, r.Name)
	r.Schema = to.Name
	c.putRelation(r)
	c.renamedRelation(r, from)
	return nil
}

// dropRelation is DROP TABLE, VIEW, INDEX ...
func (c *Catalog) dropRelation(o DropRelation) error {
	found := c.object(o.On)
	if found.none() {
		return c.missingToDrop(o.Object, o.On, o.IfExists)
	}
	a, actual := c.addressOf(found)
	if wanted := o.Object; actual != wanted {
		return errorf("42809", "%q is not %s", found.name(), withArticle(wanted))
	}
	if i := found.index; i != nil {
		switch {
		case i.Parent != "":
			return errorf("2BP01", "cannot drop index %s because index %s requires it", i.Name, i.Parent)
		case i.Constraint != "":
			return errorf("2BP01", "cannot drop index %s because constraint %s on table %s requires it", i.Name, i.Constraint, c.byID[i.Table].Name)
		case o.Concurrently && c.byID[i.Table].Kind == PartitionedTable:
			return errorf("0A000", "cannot drop partitioned index %q concurrently", i.Name)
		case o.Concurrently && o.Cascade:
			return errorf("0A000", "DROP INDEX CONCURRENTLY does not support CASCADE")
		}
	}
	if seq := found.sequence; seq != nil && seq.Identity {
		return errorf("2BP01", "cannot drop sequence %s because column %s of table %s requires it", seq.Name, seq.Column, c.byID[seq.OwnerID].Name)
	}
	if owner := c.extensionOf(found); owner != "" {
		return errorf("2BP01", "cannot drop %s %s because extension %s requires it", o.Object, found.name(), owner)
	}
	var together []address
	for _, n := range o.Together {
		if other := c.object(n); !other.none() && other != found {
			b, _ := c.addressOf(other)
			together = append(together, b)
		}
	}
	return c.drop([]address{a}, o.Cascade, together)
}

func (c *Catalog) addressOf(o object) (a address, object string) {
	switch {
	case o.index != nil:
		return indexAddress(o.index), "index"
	case o.sequence != nil:
		return sequenceAddress(o.sequence), "sequence"
	}
	object = string(o.relation.Kind)
	if o.relation.Kind == PartitionedTable {
		object = "table"
	}
	return relationAddress(o.relation), object
}

func withArticle(object string) string {
	if object == "index" {
		return "an index"
	}
	return "a " + object
}

// missingToDrop is the refusal of DROP for what does not exist; nil with IF EXISTS.
func (c *Catalog) missingToDrop(object string, n Name, ifExists bool) error {
	if ifExists {
		return nil
	}
	if systemRelation(n) != nil {
		return errorf("42501", "permission denied: %q is a system catalog", n.Name)
	}
	if n.Schema != "" && c.Schemas[n.Schema] == nil && !catalogSchemas[n.Schema] {
		return errorf("3F000", "schema %q does not exist", n.Schema)
	}
	code := "42P01"
	if object == "index" || object == "foreign table" {
		code = "42704"
	}
	return errorf(code, "%s %q does not exist", object, display(n))
}
