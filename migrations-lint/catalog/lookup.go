package catalog

import (
	"cmp"
	"slices"
)

// tempSchema holds what a session creates as TEMPORARY. It is searched first.
const tempSchema = "pg_temp"

// searchOrder calls yield for the schemas that an unqualified name is searched in.
func (c *Catalog) searchOrder(yield func(*Schema) bool) {
	if s := c.Schemas[tempSchema]; s != nil && !yield(s) {
		return
	}
	for _, name := range c.SearchPath {
		if s := c.Schemas[name]; s != nil && !yield(s) {
			return
		}
	}
}

// schemas calls yield for the schemas that a name may stand for something in.
func (c *Catalog) schemas(n Name) func(func(*Schema) bool) {
	if n.Schema == "" {
		return c.searchOrder
	}
	return func(yield func(*Schema) bool) {
		if s := c.Schemas[n.Schema]; s != nil {
			yield(s)
		}
	}
}

// object is what a name stands for in the name space that relations, indexes and
// sequences share. At most one field is set.
type object struct {
	relation *Relation
	index    *Index
	sequence *Sequence
}

func (o object) none() bool { return o == object{} }

func (s *Schema) object(name string) object {
	return object{s.Relations[name], s.Indexes[name], s.Sequences[name]}
}

func (c *Catalog) object(n Name) object {
	for s := range c.schemas(n) {
		if o := s.object(n.Name); !o.none() {
			return o
		}
	}
	return object{}
}

// Relation is the table, view, materialized view or foreign table that a name
// stands for, through the search path; nil when there is none.
func (c *Catalog) Relation(n Name) *Relation { return c.object(n).relation }

// RelationByID is the relation of that ID, nil when it does not exist (any more).
func (c *Catalog) RelationByID(id uint32) *Relation { return c.byID[id] }

// Index is the index that a name stands for, through the search path; nil when there is none.
func (c *Catalog) Index(n Name) *Index { return c.object(n).index }

// Sequence is the sequence that a name stands for, through the search path; nil when there is none.
func (c *Catalog) Sequence(n Name) *Sequence { return c.object(n).sequence }

// Relations are all relations, in order of creation.
func (c *Catalog) Relations() []*Relation {
	list := make([]*Relation, 0, len(c.byID))
	for _, r := range c.byID {
		list = append(list, r)
	}
	return byID(list)
}

func byID(list []*Relation) []*Relation {
	slices.SortFunc(list, func(a, b *Relation) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Indexes are a relation's indexes, in order of creation.
func (c *Catalog) Indexes(r *Relation) []*Index {
	names := c.indexes[r.ID]
	if len(names) == 0 {
		return nil
	}
	s := c.Schemas[c.byID[r.ID].Schema]
	list := make([]*Index, len(names))
	for i, name := range names {
		list[i] = s.Indexes[name]
	}
	return list
}

// childIndexes are the indexes of partitions that belong to an index of the partitioned table.
func (c *Catalog) childIndexes(parent *Index) []*Index {
	table := c.byID[parent.Table]
	if table == nil || table.Kind != PartitionedTable {
		return nil
	}
	var list []*Index
	for _, child := range c.Children(table) {
		for _, i := range c.Indexes(child) {
			if i.Parent == parent.Name {
				list = append(list, i)
			}
		}
	}
	return list
}

// parentIndex is the index of the partitioned table that an index belongs to, or nil.
func (c *Catalog) parentIndex(i *Index) *Index {
	if i.Parent == "" {
		return nil
	}
	for _, p := range c.Parents(c.byID[i.Table]) {
		if found := c.Schemas[p.Schema].Indexes[i.Parent]; found != nil && found.Table == p.ID {
			return found
		}
	}
	return nil
}

// Reference is a foreign key and the table that it belongs to.
type Reference struct {
	Table      *Relation
	Constraint *Constraint
}

// ForeignKeysTo are the foreign keys that reference a table, in order of the
// referencing tables' creation.
func (c *Catalog) ForeignKeysTo(r *Relation) []Reference {
	var list []Reference
	for _, t := range c.byID {
		for _, k := range t.Constraints {
			if k.Type == ForeignKey && k.RefID == r.ID {
				list = append(list, Reference{t, k})
			}
		}
	}
	slices.SortFunc(list, func(a, b Reference) int {
		return cmp.Or(cmp.Compare(a.Table.ID, b.Table.ID), cmp.Compare(a.Constraint.ID, b.Constraint.ID))
	})
	return list
}

// Children are the tables that inherit from a table directly: its partitions and
// its INHERITS children, in order of creation.
func (c *Catalog) Children(r *Relation) []*Relation {
	var list []*Relation
	for _, t := range c.byID {
		if slices.Contains(t.Parents, r.ID) {
			list = append(list, t)
		}
	}
	return byID(list)
}

// Descendants are the tables that inherit from a table, directly or not, each once.
func (c *Catalog) Descendants(r *Relation) []*Relation {
	var list []*Relation
	seen := map[uint32]bool{r.ID: true}
	queue := []*Relation{r}
	for len(queue) > 0 {
		for _, child := range c.Children(queue[0]) {
			if !seen[child.ID] {
				seen[child.ID] = true
				list = append(list, child)
				queue = append(queue, child)
			}
		}
		queue = queue[1:]
	}
	return list
}

// Parents are the tables that a table inherits from directly: the partitioned
// table, or those of INHERITS in their order.
func (c *Catalog) Parents(r *Relation) []*Relation {
	var list []*Relation
	for _, id := range r.Parents {
		if p := c.byID[id]; p != nil {
			list = append(list, p)
		}
	}
	return list
}

// IsPartition tells whether the table is a partition of another.
func (r *Relation) IsPartition() bool { return r.Bound != "" }

// DefaultPartition is the default partition of a partitioned table, or nil.
func (c *Catalog) DefaultPartition(r *Relation) *Relation {
	if r.Kind != PartitionedTable {
		return nil
	}
	for _, p := range c.Children(r) {
		if p.Bound == defaultBound {
			return p
		}
	}
	return nil
}

const defaultBound = "DEFAULT"

// ViewsOn are the views and materialized views that depend on a column of a
// relation, or on anything of it when column is "".
func (c *Catalog) ViewsOn(r *Relation, column string) []*Relation {
	var list []*Relation
	for _, v := range c.byID {
		for _, u := range v.Uses {
			if u.Relation == r.ID && (column == "" || u.Column == column) {
				list = append(list, v)
				break
			}
		}
	}
	return byID(list)
}

// ColumnUse is a column and the relation that it belongs to.
type ColumnUse struct {
	Relation *Relation
	Column   *Column
}

// TypeUsers are the columns of a user-defined type or of arrays of it, those of
// domains over it included. The type is one that [Catalog.ResolveType] returned.
func (c *Catalog) TypeUsers(t Type) []ColumnUse {
	types := []Type{{Schema: t.Schema, Name: t.Name}}
	for i := 0; i < len(types); i++ {
		for _, s := range c.Schemas {
			for _, d := range s.Types {
				named := Type{Schema: d.Schema, Name: d.Name}
				if d.Kind == Domain && sameType(d.Base, types[i]) && !slices.ContainsFunc(types, func(x Type) bool { return sameType(x, named) }) {
					types = append(types, named)
				}
			}
		}
	}
	var list []ColumnUse
	for _, r := range c.Relations() {
		for _, col := range r.Columns {
			if slices.ContainsFunc(types, func(x Type) bool { return sameType(x, col.Type) }) {
				list = append(list, ColumnUse{r, col})
			}
		}
	}
	return list
}

// sameType tells that two types have one name, whatever their modifiers and dimensions.
func sameType(a, b Type) bool { return a.Name == b.Name && a.Schema == b.Schema }

// Functions are the overloads that a name stands for: those of the first schema of
// the search path that has the name come first.
func (c *Catalog) Functions(n Name) []*Function {
	var list []*Function
	for s := range c.schemas(n) {
		if s.Name != tempSchema || n.Schema != "" {
			list = append(list, s.Functions[n.Name]...)
		}
	}
	return list
}

// FullName is the relation's name with its schema.
func (r *Relation) FullName() Name { return Name{Schema: r.Schema, Name: r.Name} }

// Column is the column of that name, or nil.
func (r *Relation) Column(name string) *Column {
	for _, col := range r.Columns {
		if col.Name == name {
			return col
		}
	}
	return nil
}

// Constraint is the constraint of that name, or nil.
func (r *Relation) Constraint(name string) *Constraint {
	for _, k := range r.Constraints {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// PrimaryKey is the table's primary key, or nil.
func (r *Relation) PrimaryKey() *Constraint {
	for _, k := range r.Constraints {
		if k.Type == PrimaryKey {
			return k
		}
	}
	return nil
}

// Trigger is the trigger of that name, or nil.
func (r *Relation) Trigger(name string) *Trigger {
	for _, t := range r.Triggers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (o object) name() string {
	switch {
	case o.relation != nil:
		return o.relation.Name
	case o.index != nil:
		return o.index.Name
	case o.sequence != nil:
		return o.sequence.Name
	}
	return ""
}
