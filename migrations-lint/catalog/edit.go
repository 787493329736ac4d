package catalog

import (
	"maps"
	"slices"
)

// Clone is a catalog of its own: Apply on one never shows in the other. It copies
// the tables of names and shares what they name, which Apply copies before it
// changes it.
func (c *Catalog) Clone() *Catalog {
	n := *c
	n.Schemas = make(map[string]*Schema, len(c.Schemas))
	for name, s := range c.Schemas {
		n.Schemas[name] = &Schema{
			Name:      s.Name,
			Relations: maps.Clone(s.Relations),
			Indexes:   maps.Clone(s.Indexes),
			Sequences: maps.Clone(s.Sequences),
			Types:     maps.Clone(s.Types),
			Functions: maps.Clone(s.Functions),
		}
	}
	n.Extensions = maps.Clone(c.Extensions)
	n.Variables = maps.Clone(c.Variables)
	n.byID = maps.Clone(c.byID)
	n.indexes = maps.Clone(c.indexes)
	n.local = maps.Clone(c.local)
	n.undo = nil
	return &n
}

// Apply carries out one operation. An operation that the server would refuse
// returns an [Error] and leaves the catalog as it was.
func (c *Catalog) Apply(op Op) error { return c.ApplyAll(op) }

// ApplyAll carries out the operations of one statement: all of them, or none and an [Error].
func (c *Catalog) ApplyAll(ops ...Op) error {
	path := c.SearchPath
	c.undo = c.undo[:0]
	for _, op := range ops {
		c.epoch++
		if err := c.apply(op); err != nil {
			for _, undo := range slices.Backward(c.undo) {
				undo()
			}
			c.undo = c.undo[:0]
			c.SearchPath = path
			return err
		}
	}
	clear(c.undo)
	c.undo = c.undo[:0]
	return nil
}

// set writes a map entry so that a failing Apply takes it back.
func set[K comparable, V any](c *Catalog, m map[K]V, key K, value V) {
	old, had := m[key]
	c.undo = append(c.undo, func() {
		if had {
			m[key] = old
		} else {
			delete(m, key)
		}
	})
	m[key] = value
}

// unset deletes a map entry so that a failing Apply takes it back.
func unset[K comparable, V any](c *Catalog, m map[K]V, key K) {
	old, had := m[key]
	if !had {
		return
	}
	c.undo = append(c.undo, func() { m[key] = old })
	delete(m, key)
}

func (c *Catalog) id() uint32 {
	c.nextID++
	return c.nextID
}

// editRelation is the relation of that ID, ready to be changed by the running Apply.
func (c *Catalog) editRelation(id uint32) *Relation {
	r := c.byID[id]
	if r.epoch == c.epoch {
		return r
	}
	n := *r
	n.epoch = c.epoch
	n.Columns = copyEach(r.Columns)
	n.Constraints = copyEach(r.Constraints)
	n.Triggers = copyEach(r.Triggers)
	n.Rules = slices.Clone(r.Rules)
	n.Policies = slices.Clone(r.Policies)
	n.Parents = slices.Clone(r.Parents)
	n.Uses = slices.Clone(r.Uses)
	n.policyUses = maps.Clone(r.policyUses)
	c.putRelation(&n)
	return &n
}

// copyEach copies a list and what it points at, in one block.
func copyEach[T any](list []*T) []*T {
	if len(list) == 0 {
		return nil
	}
	block := make([]T, len(list))
	out := make([]*T, len(list), len(list)+1)
	for i, p := range list {
		block[i] = *p
		out[i] = &block[i]
	}
	return out
}

func (c *Catalog) putRelation(r *Relation) {
	r.epoch = c.epoch
	set(c, c.Schemas[r.Schema].Relations, r.Name, r)
	set(c, c.byID, r.ID, r)
}

func (c *Catalog) removeRelation(r *Relation) {
	unset(c, c.Schemas[r.Schema].Relations, r.Name)
	unset(c, c.byID, r.ID)
	unset(c, c.indexes, r.ID)
}

// editIndex is the index, ready to be changed by the running Apply.
func (c *Catalog) editIndex(i *Index) *Index {
	i = c.Schemas[i.Schema].Indexes[i.Name]
	if i.epoch == c.epoch {
		return i
	}
	n := *i
	n.epoch = c.epoch
	n.Elements = slices.Clone(i.Elements)
	n.Include = slices.Clone(i.Include)
	set(c, c.Schemas[n.Schema].Indexes, n.Name, &n)
	return &n
}

func (c *Catalog) addIndex(i *Index) {
	i.epoch = c.epoch
	set(c, c.Schemas[i.Schema].Indexes, i.Name, i)
	set(c, c.indexes, i.Table, append(slices.Clip(c.indexes[i.Table]), i.Name))
}

func (c *Catalog) removeIndex(i *Index) {
	unset(c, c.Schemas[i.Schema].Indexes, i.Name)
	names := slices.DeleteFunc(slices.Clone(c.indexes[i.Table]), func(n string) bool { return n == i.Name })
	set(c, c.indexes, i.Table, names)
}

// renameIndex gives an index another name; a constraint that owns it is the caller's business.
func (c *Catalog) renameIndex(i *Index, to string) *Index {
	i = c.editIndex(i)
	unset(c, c.Schemas[i.Schema].Indexes, i.Name)
	names := slices.Clone(c.indexes[i.Table])
	names[slices.Index(names, i.Name)] = to
	set(c, c.indexes, i.Table, names)
	for _, child := range c.childIndexes(i) {
		c.editIndex(child).Parent = to
	}
	i.Name = to
	set(c, c.Schemas[i.Schema].Indexes, to, i)
	return i
}

func (c *Catalog) editSequence(s *Sequence) *Sequence {
	s = c.Schemas[s.Schema].Sequences[s.Name]
	if s.epoch == c.epoch {
		return s
	}
	n := *s
	n.epoch = c.epoch
	set(c, c.Schemas[n.Schema].Sequences, n.Name, &n)
	return &n
}

func (c *Catalog) addSequence(s *Sequence) {
	s.epoch = c.epoch
	set(c, c.Schemas[s.Schema].Sequences, s.Name, s)
}

func (c *Catalog) editType(t *UserType) *UserType {
	t = c.Schemas[t.Schema].Types[t.Name]
	if t.epoch == c.epoch {
		return t
	}
	n := *t
	n.epoch = c.epoch
	n.Labels = slices.Clone(t.Labels)
	n.Columns = copyEach(t.Columns)
	n.Constraints = copyEach(t.Constraints)
	set(c, c.Schemas[n.Schema].Types, n.Name, &n)
	return &n
}

func (c *Catalog) addType(t *UserType) {
	t.epoch = c.epoch
	if t.ID == 0 {
		t.ID = c.id()
	}
	set(c, c.Schemas[t.Schema].Types, t.Name, t)
}

// setFunctions replaces the overloads of a name.
func (c *Catalog) setFunctions(schema, name string, list []*Function) {
	if len(list) == 0 {
		unset(c, c.Schemas[schema].Functions, name)
		return
	}
	set(c, c.Schemas[schema].Functions, name, list)
}
