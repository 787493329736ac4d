package catalog

func (c *Catalog) createSequence(o CreateSequence) error {
	s, err := c.creationSchema(o.On, o.Temporary)
	if err != nil {
		return err
	}
	if o.IfNotExists && !s.object(o.On.Name).none() {
		return nil
	}
	t, err := sequenceType(o.Type)
	if err != nil {
		return err
	}
	if err := checkNewRelation(s, o.On.Name); err != nil {
		return err
	}
	seq := &Sequence{ID: c.id(), Schema: s.Name, Name: o.On.Name, Type: t, Temporary: s.Name == tempSchema}
	c.addSequence(seq)
	if o.OwnedBy.Column != "" {
		return c.ownSequenceBy(seq, o.OwnedBy)
	}
	return nil
}

func sequenceType(t Type) (Type, error) {
	if t.IsZero() {
		return Type{Name: "int8"}, nil
	}
	if identityType(t) != nil {
		return t, errorf("22023", "sequence type must be smallint, integer, or bigint")
	}
	return t, nil
}

func (c *Catalog) alterSequence(o AlterSequence) error {
	found := c.object(o.On)
	switch {
	case found.none() && o.IfExists:
		return nil
	case found.none():
		return c.missingRelation(o.On)
	case found.sequence == nil:
		return errorf("42809", "%q is not a sequence", found.name())
	}
	seq := found.sequence
	if !o.Type.IsZero() {
		t, err := sequenceType(o.Type)
		if err != nil {
			return err
		}
		c.editSequence(seq).Type = t
	}
	switch {
	case o.OwnedNone || o.OwnedBy.Column != "":
		if seq.Identity {
			return errorf("0A000", "cannot change ownership of identity sequence")
		}
		if o.OwnedNone {
			c.disown(seq)
			return nil
		}
		return c.ownSequenceBy(seq, o.OwnedBy)
	}
	return nil
}

// disown ends a column's ownership of a sequence.
func (c *Catalog) disown(seq *Sequence) {
	name := Name{seq.Schema, seq.Name}
	if r := c.byID[seq.OwnerID]; r != nil {
		if col := r.Column(seq.Column); col != nil && col.Sequence == name {
			c.editRelation(r.ID).Column(seq.Column).Sequence = Name{}
		}
	}
	seq = c.editSequence(seq)
	seq.OwnerID, seq.Column = 0, ""
}

func (c *Catalog) ownSequenceBy(seq *Sequence, ref ColumnRef) error {
	r := c.Relation(Name{ref.Schema, ref.Table})
	switch {
	case r == nil && c.object(Name{ref.Schema, ref.Table}).none():
		return c.missingRelation(Name{ref.Schema, ref.Table})
	case r == nil || r.Kind == MaterializedView:
		return errorf("42809", "sequence cannot be owned by relation %q", ref.Table)
	case r.Schema != seq.Schema:
		return errorf("55000", "sequence must be in same schema as table it is linked to")
	case r.Column(ref.Column) == nil:
		return missingColumn(r, ref.Column)
	}
	c.disown(seq)
	seq = c.editSequence(seq)
	seq.OwnerID, seq.Column = r.ID, ref.Column
	c.editRelation(r.ID).Column(ref.Column).Sequence = Name{seq.Schema, seq.Name}
	return nil
}

func (c *Catalog) renameSequence(seq *Sequence, to string) error {
	s := c.Schemas[seq.Schema]
	if err := checkNewRelation(s, to); err != nil {
		return err
	}
	seq = c.editSequence(seq)
	unset(c, s.Sequences, seq.Name)
	seq.Name = to
	c.addSequence(seq)
	c.renamedSequence(seq)
	return nil
}

func (c *Catalog) moveSequence(seq *Sequence, to *Schema) error {
	if seq.Schema == to.Name {
		return nil
	}
	if !to.object(seq.Name).none() {
		return errorf("42P07", "relation %q already exists in schema %q", seq.Name, to.Name)
	}
	seq = c.editSequence(seq)
	unset(c, c.Schemas[seq.Schema].Sequences, seq.Name)
	seq.Schema = to.Name
	c.addSequence(seq)
	c.renamedSequence(seq)
	return nil
}

// renamedSequence follows a sequence's new name in the columns that own or call it.
func (c *Catalog) renamedSequence(seq *Sequence) {
	name := Name{seq.Schema, seq.Name}
	if r := c.byID[seq.OwnerID]; r != nil {
		if col := r.Column(seq.Column); col != nil {
			c.editRelation(r.ID).Column(seq.Column).Sequence = name
		}
	}
	for _, r := range c.byID {
		for _, col := range r.Columns {
			if col.defaultSequence == seq.ID {
				c.editRelation(r.ID).Column(col.Name).Default = nextvalDefault(seq)
			}
		}
	}
}
