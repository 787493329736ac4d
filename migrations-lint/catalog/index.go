package catalog

import (
	"slices"
	"strings"
)

// accessMethod says what an index access method can do (manual, 11.2 and 63).
type accessMethod struct{ unique, multicolumn, include, order, exclude bool }

var accessMethods = map[string]accessMethod{
	"btree":  {unique: true, multicolumn: true, include: true, order: true, exclude: true},
	"hash":   {exclude: true},
	"gist":   {multicolumn: true, include: true, exclude: true},
	"gin":    {multicolumn: true},
	"spgist": {include: true, exclude: true},
	"brin":   {multicolumn: true},
}

// extensionMethods are the access methods of extensions.
var extensionMethods = map[string]struct {
	extension string
	accessMethod
}{
	"bloom":   {"bloom", accessMethod{multicolumn: true}},
	"hnsw":    {"vector", accessMethod{}},
	"ivfflat": {"vector", accessMethod{}},
	"rum":     {"rum", accessMethod{multicolumn: true}},
}

func (c *Catalog) accessMethod(name string) (accessMethod, error) {
	if m, ok := accessMethods[name]; ok {
		return m, nil
	}
	if m, ok := extensionMethods[name]; ok && c.Extensions[m.extension] != nil {
		return m.accessMethod, nil
	}
	return accessMethod{}, errorf("42704", "access method %q does not exist", name)
}

type indexOptions struct {
	constraint       *ConstraintDef // the constraint that the index is for
	parentConstraint uint32
	parent           *Index // the partitioned table's index that the new one belongs to
	only             bool
	concurrently     bool
	ifNotExists      bool
	creating         bool
}

func (c *Catalog) createIndex(o CreateIndex) error {
	r := c.Relation(o.On)
	if r == nil {
		if o := c.object(o.On); !o.none() {
			return errorf("42809", "cannot create index on relation %q", o.name())
		}
		return c.missingRelation(o.On)
	}
	method := o.Method
	if method == "" {
		method = "btree"
	}
	_, err := c.defineIndex(Index{
		Name: o.Name, Table: r.ID, Unique: o.Unique, Method: method, Elements: o.Elements, Include: o.Include,
		Predicate: o.Predicate, NullsNotDistinct: o.NullsNotDistinct,
	}, indexOptions{only: o.Only, concurrently: o.Concurrently, ifNotExists: o.IfNotExists})
	return err
}

// defineIndex makes an index, with its constraint when it is for one, and those of the partitions.
func (c *Catalog) defineIndex(i Index, opt indexOptions) (*Index, error) {
	r := c.byID[i.Table]
	if r.Kind != Table && r.Kind != PartitionedTable && r.Kind != MaterializedView {
		return nil, errorf("42809", "cannot create index on relation %q", r.Name)
	}
	if err := c.checkIndex(r, &i, opt); err != nil {
		return nil, err
	}
	s := c.Schemas[r.Schema]
	if i.columnNames == nil {
		i.columnNames = indexColumnNames(i.Elements, i.Include)
	}
	if i.Name == "" {
		i.Name = c.chooseIndexName(s, r, &i, opt.constraint)
	}
	switch {
	case opt.ifNotExists && !s.object(i.Name).none():
		return nil, nil
	case !s.object(i.Name).none() || s.Types[i.Name] != nil && s.Types[i.Name].Kind == Composite:
		return nil, errorf("42P07", "relation %q already exists", i.Name)
	case opt.constraint != nil && r.hasConstraint(i.Name):
		return nil, errorf("42710", "constraint %q for relation %q already exists", i.Name, r.Name)
	}
	children := c.Children(r)
	i.ID, i.Schema = c.id(), s.Name
	i.Elements, i.Predicate = c.bindElements(i.Elements), c.bind(i.Predicate)
	if i.Predicate != nil && strings.EqualFold(i.Predicate.SQL, "true") {
		i.Predicate = nil // the server leaves out what is always true
	}
	i.Valid = r.Kind != PartitionedTable || !opt.only || len(children) == 0
	if opt.parent != nil {
		i.Parent = opt.parent.Name
	}
	var constraintID uint32
	if opt.constraint != nil {
		i.Constraint = i.Name
		k := *opt.constraint
		k.Name = i.Name
		r = c.editRelation(r.ID)
		constraintID = c.id()
		r.Constraints = append(r.Constraints, &Constraint{
			ID: constraintID, ConstraintDef: k, Valid: true, Index: i.Name, Local: opt.parentConstraint == 0,
			Inherited: opt.parentConstraint != 0, Parent: opt.parentConstraint,
		})
	}
	added := &i
	c.addIndex(added)
	if r.Kind != PartitionedTable || opt.only {
		return added, nil
	}
	for _, child := range children {
		if child.Kind == ForeignTable {
			if i.Unique {
				return nil, errorf("42809", "cannot create unique index on partitioned table %q", r.Name)
			}
			continue
		}
		n, err := c.childIndex(child.ID, added, opt.constraint, constraintID)
		if err != nil {
			return nil, err
		}
		if !n.Valid {
			added = c.editIndex(added)
			added.Valid = false
		}
	}
	return added, nil
}

// childIndex gives a partition an index of its partitioned table: one that is alike is taken over.
func (c *Catalog) childIndex(child uint32, parent *Index, constraint *ConstraintDef, constraintID uint32) (*Index, error) {
	for _, i := range c.Indexes(c.byID[child]) {
		if i.Parent == "" && i.alike(parent) && (constraint == nil || i.Constraint != "" && i.Primary == parent.Primary) {
			return c.attachIndex(i, parent, constraintID), nil
		}
	}
	n := *parent
	n.Name, n.Table, n.Constraint, n.Parent = "", child, "", ""
	if constraint == nil {
		return c.defineIndex(n, indexOptions{parent: parent})
	}
	k := *constraint
	k.Name = ""
	if k.Type == PrimaryKey && c.byID[child].PrimaryKey() != nil {
		return nil, errorf("42P16", "multiple primary keys for table %q are not allowed", c.byID[child].Name)
	}
	made, err := c.defineKeyIndex(c.byID[child], k, n, keyOptions{parent: parent, parentID: constraintID})
	if err != nil {
		return nil, err
	}
	return c.Schemas[c.byID[child].Schema].Indexes[made.Index], nil
}

func (c *Catalog) attachIndex(i, parent *Index, constraintID uint32) *Index {
	i = c.editIndex(i)
	i.Parent = parent.Name
	if i.Constraint != "" && constraintID != 0 {
		k := c.editRelation(i.Table).Constraint(i.Constraint)
		k.Parent, k.Inherited, k.Local = constraintID, true, false
	}
	return i
}

// alike tells whether an index of a partition can belong to an index of its partitioned table.
func (i *Index) alike(o *Index) bool {
	return i.Unique == o.Unique && i.Method == o.Method && i.NullsNotDistinct == o.NullsNotDistinct &&
		len(i.Include) == len(o.Include) && slices.Equal(i.Include, o.Include) && sameExpr(i.Predicate, o.Predicate) &&
		slices.EqualFunc(i.Elements, o.Elements, func(a, b IndexElement) bool {
			return a.Column == b.Column && sameExpr(a.Expr, b.Expr) && a.Collation == b.Collation && a.Operator == b.Operator &&
				(a.OpClass == b.OpClass || a.OpClass.IsZero() && isDefaultOpClass(b.OpClass) || b.OpClass.IsZero() && isDefaultOpClass(a.OpClass))
		})
}

func sameExpr(a, b *Expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.SQL == b.SQL
}

func (c *Catalog) chooseIndexName(s *Schema, r *Relation, i *Index, k *ConstraintDef) string {
	names := i.columnNames
	switch {
	case i.Primary:
		return c.chooseRelationName(s, r.Name, "", "pkey", true)
	case k != nil && k.Type == Exclude:
		return c.chooseRelationName(s, r.Name, nameAddition(names), "excl", true)
	case k != nil:
		return c.chooseRelationName(s, r.Name, nameAddition(names), "key", true)
	}
	return c.chooseRelationName(s, r.Name, nameAddition(names), "idx", false)
}

// checkIndex refuses an index that the server would refuse, whatever its name.
func (c *Catalog) checkIndex(r *Relation, i *Index, opt indexOptions) error {
	for _, e := range i.Elements {
		if err := c.checkIndexExpr(r, e.Expr); err != nil {
			return err
		}
	}
	if err := c.checkIndexExpr(r, i.Predicate); err != nil {
		return err
	}
	if opt.concurrently && r.Kind == PartitionedTable {
		return errorf("0A000", "cannot create index on partitioned table %q concurrently", r.Name)
	}
	m, err := c.accessMethod(i.Method)
	if err != nil {
		return err
	}
	switch {
	case i.Unique && !m.unique && !(opt.constraint != nil && opt.constraint.WithoutOverlaps):
		return errorf("0A000", "access method %q does not support unique indexes", i.Method)
	case len(i.Include) > 0 && !m.include:
		return errorf("0A000", "access method %q does not support included columns", i.Method)
	case len(i.Elements) > 1 && !m.multicolumn:
		return errorf("0A000", "access method %q does not support multicolumn indexes", i.Method)
	case opt.constraint != nil && opt.constraint.Type == Exclude && !m.exclude:
		return errorf("0A000", "access method %q does not support exclusion constraints", i.Method)
	}
	if r.Kind == PartitionedTable && (i.Unique || opt.constraint != nil && opt.constraint.Type == Exclude) {
		if err := coversPartitionKey(r, i, opt.constraint); err != nil {
			return err
		}
	}
	for _, e := range i.Elements {
		if (e.Desc || e.Nulls != "") && !m.order {
			return errorf("0A000", "access method %q does not support %s options", i.Method, map[bool]string{true: "ASC/DESC", false: "NULLS FIRST/LAST"}[e.Desc])
		}
		if e.Column == "" {
			continue
		}
		if systemColumns[e.Column] {
			return errorf("0A000", "index creation on system columns is not supported")
		}
		col := r.Column(e.Column)
		if col == nil {
			return errorf("42703", "column %q does not exist", e.Column)
		}
		if col.Generated != nil && col.Virtual {
			return errorf("0A000", "indexes on virtual generated columns are not supported")
		}
		if e.OpClass.IsZero() {
			if err := c.checkDefaultOpClass(col.Type, i.Method); err != nil {
				return err
			}
		}
	}
	for _, name := range i.Include {
		if r.Column(name) == nil {
			if systemColumns[name] {
				return errorf("0A000", "index creation on system columns is not supported")
			}
			return errorf("42703", "column %q does not exist", name)
		}
	}
	return nil
}

func (c *Catalog) checkIndexExpr(r *Relation, e *Expr) error {
	if e == nil {
		return nil
	}
	if e.Select {
		return errorf("0A000", "cannot use subquery in index expression")
	}
	for _, name := range e.Columns {
		if r.Column(name) == nil && !systemColumns[name] && name != r.Name {
			return errorf("42703", "column %q does not exist", name)
		}
	}
	return c.checkCasts(e)
}

// coversPartitionKey refuses a unique index of a partitioned table that lacks a column of the partition key.
func coversPartitionKey(r *Relation, i *Index, k *ConstraintDef) error {
	what := "UNIQUE"
	if k != nil {
		what = string(k.Type)
	}
	for _, key := range r.PartitionKey {
		if key.Column == "" {
			return errorf("0A000", "unsupported %s constraint with partition key definition", what)
		}
		if !slices.ContainsFunc(i.Elements, func(e IndexElement) bool { return e.Column == key.Column }) {
			return errorf("0A000", "unique constraint on partitioned table must include all partitioning columns")
		}
	}
	return nil
}

// checkDefaultOpClass refuses an index on a type that has no default operator class for the access method.
func (c *Catalog) checkDefaultOpClass(t Type, method string) error {
	t = c.baseType(t)
	if t.IsZero() || t.Schema != "" {
		return nil // what an extension's or user's type has is not known
	}
	name, missing := t.Name, false
	switch {
	case withoutDefault[method] != nil:
		missing = withoutDefault[method][name] && t.Dims == 0
	case method == "gin":
		missing = t.Dims == 0 && !withDefault[method][name] && c.Extensions["btree_gin"] == nil
	case method == "gist":
		missing = (t.Dims > 0 || !withDefault[method][name]) && c.Extensions["btree_gist"] == nil && c.Extensions["intarray"] == nil
	case method == "spgist":
		missing = t.Dims > 0 || !withDefault[method][name]
	}
	if !missing {
		return nil
	}
	return errorf("42704", "data type %s has no default operator class for access method %q", t.String(), method)
}

// isDefaultOpClass tells that an operator class is the default one of its type, by the names of the server's own.
func isDefaultOpClass(n Name) bool {
	return n.IsZero() || defaultOpClasses[n.Name] && (n.Schema == "" || n.Schema == "pg_catalog")
}

var defaultOpClasses = words(`int2_ops int4_ops int8_ops text_ops bpchar_ops bool_ops bytea_ops char_ops date_ops float4_ops float8_ops
	inet_ops interval_ops macaddr_ops macaddr8_ops name_ops numeric_ops oid_ops time_ops timestamp_ops timestamptz_ops timetz_ops uuid_ops
	bit_ops varbit_ops money_ops enum_ops array_ops range_ops multirange_ops record_ops tsvector_ops tsquery_ops jsonb_ops pg_lsn_ops xid8_ops`)

// copyIndex makes an index like that of another table, with a name of the server's choice.
func (c *Catalog) copyIndex(id uint32, i Index) error {
	src := c.byID[i.Table]
	i.Name, i.Table, i.Parent = "", id, ""
	if i.Constraint == "" {
		_, err := c.defineIndex(i, indexOptions{creating: true})
		return err
	}
	k := src.Constraint(i.Constraint).ConstraintDef
	k.Name, i.Constraint = "", ""
	_, err := c.defineKeyIndex(c.byID[id], k, i, keyOptions{creating: true})
	return err
}
