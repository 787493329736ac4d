package catalog

import "slices"

type checkOptions struct {
	creating  bool // part of CREATE TABLE: there are no children yet
	only      bool
	inherited bool
}

func (c *Catalog) alterAddConstraint(o AddConstraint) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	return c.addConstraint(r.ID, o.Constraint, o.Only)
}

func (c *Catalog) addConstraint(id uint32, k ConstraintDef, only bool) error {
	var err error
	switch k.Type {
	case Check:
		_, err = c.addCheck(id, k, checkOptions{only: only})
	case ForeignKey:
		_, err = c.addForeignKey(id, k, only)
	case NotNull:
		r := c.byID[id]
		if k.Name != "" && r.Constraint(k.Name) != nil {
			return errorf("42710", "constraint %q for relation %q already exists", k.Name, r.Name)
		}
		if old := notNullConstraint(r, k.Columns[0]); old != nil && k.Name != "" && old.Name != k.Name {
			return errorf("55000", "cannot create not-null constraint %q on column %q of table %q", k.Name, k.Columns[0], r.Name)
		}
		err = c.setNotNull(id, k.Columns[0], k.Name, false, only || k.NoInherit)
		if err == nil && k.NotValid {
			r := c.editRelation(id)
			if n := notNullConstraint(r, k.Columns[0]); n != nil {
				n.Valid, n.NotValid = false, true
				r.Column(k.Columns[0]).NotNullValid = false
			}
		}
	default:
		_, err = c.addKey(id, k, keyOptions{only: only})
	}
	return err
}

// addCheck adds a CHECK constraint to a table and to the tables that inherit from it.
func (c *Catalog) addCheck(id uint32, k ConstraintDef, opt checkOptions) (*Constraint, error) {
	r := c.byID[id]
	if k.Expr != nil {
		if k.Expr.Select {
			return nil, errorf("0A000", "cannot use subquery in check constraint")
		}
		for _, name := range k.Expr.Columns {
			if r.Column(name) == nil && !systemColumns[name] && name != r.Name {
				return nil, errorf("42703", "column %q does not exist", name)
			}
			if systemColumns[name] && name != "tableoid" {
				return nil, errorf("42P16", "system column %q reference in check constraint is invalid", name)
			}
		}
		if err := c.checkCasts(k.Expr); err != nil {
			return nil, err
		}
		k.Columns, k.Expr = k.Expr.Columns, c.bind(k.Expr)
	}
	if k.NoInherit && r.Kind == PartitionedTable {
		return nil, errorf("42P16", "cannot add NO INHERIT constraint to partitioned table %q", r.Name)
	}
	if k.Name != "" && r.Constraint(k.Name) == nil && r.hasConstraint(k.Name) {
		return nil, errorf("42710", "constraint %q for relation %q already exists", k.Name, r.Name)
	}
	if old := r.Constraint(k.Name); k.Name != "" && old != nil {
		merges := old.Type == Check && old.Expr != nil && k.Expr != nil && old.Expr.SQL == k.Expr.SQL
		if opt.inherited && !merges {
			return nil, errorf("42710", "constraint %q for relation %q already exists", k.Name, r.Name)
		}
		if !opt.inherited && !(old.Inherited && !old.Local && !r.IsPartition() && merges) {
			return nil, errorf("42710", "constraint %q for relation %q already exists", k.Name, r.Name)
		}
		if old.NoInherit {
			return nil, errorf("42P16", "constraint %q conflicts with non-inherited constraint on relation %q", k.Name, r.Name)
		}
		r = c.editRelation(id)
		old = r.Constraint(k.Name)
		old.Inherited = old.Inherited || opt.inherited
		old.Local = old.Local || !opt.inherited
		return old, nil
	}
	if k.Name == "" {
		column := ""
		if len(k.Columns) == 1 {
			column = k.Columns[0]
		}
		k.Name = c.chooseConstraintName(c.Schemas[r.Schema], r.Name, column, "check")
	}
	added := &Constraint{ID: c.id(), ConstraintDef: k, Valid: !k.NotValid && !k.NotEnforced || opt.creating && !k.NotEnforced, Inherited: opt.inherited, Local: !opt.inherited}
	r = c.editRelation(id)
	r.Constraints = append(r.Constraints, added)
	if opt.creating || k.NoInherit {
		return added, nil
	}
	children := c.Children(r)
	if opt.only && len(children) > 0 {
		return nil, errorf("42P16", "constraint must be added to child tables too")
	}
	for _, child := range children {
		if _, err := c.addCheck(child.ID, k, checkOptions{inherited: true}); err != nil {
			return nil, err
		}
	}
	return added, nil
}

type keyOptions struct {
	creating bool
	only     bool
	parent   *Index // the partitioned table's index that the new one belongs to
	parentID uint32 // and its constraint
}

// addKey adds a UNIQUE, PRIMARY KEY or EXCLUDE constraint and its index.
func (c *Catalog) addKey(id uint32, k ConstraintDef, opt keyOptions) (*Constraint, error) {
	r := c.byID[id]
	if k.UsingIndex != "" {
		return c.addKeyUsingIndex(r, k)
	}
	if r.Kind == ForeignTable {
		if k.Type == PrimaryKey {
			return nil, errorf("0A000", "primary key constraints are not supported on foreign tables")
		}
		return nil, errorf("0A000", "unique constraints are not supported on foreign tables")
	}
	if k.Type == PrimaryKey && r.PrimaryKey() != nil {
		return nil, errorf("42P16", "multiple primary keys for table %q are not allowed", r.Name)
	}
	seen := map[string]bool{}
	for _, name := range slices.Concat(k.Columns, k.Include) {
		if r.Column(name) == nil && !(systemColumns[name] && k.Type != Exclude) {
			return nil, errorf("42703", "column %q named in key does not exist", name)
		}
	}
	for _, name := range k.Columns {
		if seen[name] && k.Type != Exclude {
			return nil, errorf("42701", "column %q appears twice in %s constraint", name, map[bool]string{true: "primary key", false: "unique"}[k.Type == PrimaryKey])
		}
		seen[name] = true
	}
	elements := k.Elements
	if k.Type != Exclude {
		elements = nil
		for i, name := range k.Columns {
			e := IndexElement{Column: name}
			if i == len(k.Columns)-1 && k.WithoutOverlaps {
				e.Operator = "&&"
			}
			elements = append(elements, e)
		}
	}
	method := k.Method
	switch {
	case method == "" && k.WithoutOverlaps:
		method = "gist"
	case method == "":
		method = "btree"
	}
	if r.Kind == PartitionedTable && k.Type == Exclude && c.Version < 17 {
		return nil, errorf("0A000", "exclusion constraints are not supported on partitioned tables")
	}
	predicate := k.Predicate
	if predicate == nil && k.Type == Exclude {
		predicate = k.Expr
	}
	return c.defineKeyIndex(r, k, Index{
		Name: k.Name, Table: r.ID, Unique: k.Type != Exclude, Primary: k.Type == PrimaryKey, Method: method,
		Elements: elements, Include: k.Include, Predicate: predicate, NullsNotDistinct: k.NullsNotDistinct,
	}, opt)
}

func (c *Catalog) defineKeyIndex(r *Relation, k ConstraintDef, i Index, opt keyOptions) (*Constraint, error) {
	if k.Type == PrimaryKey {
		if err := c.checkChildrenNotNull(r, k.Columns, opt.only); err != nil {
			return nil, err
		}
		for _, name := range k.Columns {
			if !r.Column(name).NotNull || c.namesNotNull() && notNullConstraint(r, name) == nil {
				if err := c.setNotNull(r.ID, name, "", false, opt.only); err != nil {
					return nil, err
				}
			}
		}
	}
	n, err := c.defineIndex(i, indexOptions{constraint: &k, only: opt.only, parent: opt.parent, parentConstraint: opt.parentID, creating: opt.creating})
	if err != nil {
		return nil, err
	}
	return c.byID[r.ID].Constraint(n.Constraint), nil
}

// checkChildrenNotNull refuses a primary key of ONLY a partitioned table whose partitions can hold NULL.
func (c *Catalog) checkChildrenNotNull(r *Relation, columns []string, only bool) error {
	if !only || r.Kind != PartitionedTable && c.Version < 18 {
		return nil
	}
	for _, name := range columns {
		for _, child := range c.Children(r) {
			switch {
			case child.Column(name).NotNull:
			case c.Version >= 18:
				return errorf("XX000", "column %q of table %q is not marked NOT NULL", name, child.Name)
			case !r.Column(name).NotNull:
				return errorf("42P16", "constraint must be added to child tables too")
			}
		}
	}
	return nil
}

// addKeyUsingIndex is ADD CONSTRAINT ... USING INDEX.
func (c *Catalog) addKeyUsingIndex(r *Relation, k ConstraintDef) (*Constraint, error) {
	if r.Kind == PartitionedTable {
		return nil, errorf("0A000", "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables")
	}
	if k.Type == PrimaryKey && r.PrimaryKey() != nil {
		return nil, errorf("42P16", "multiple primary keys for table %q are not allowed", r.Name)
	}
	i := c.Schemas[r.Schema].Indexes[k.UsingIndex]
	switch {
	case i == nil:
		return nil, errorf("42704", "index %q does not exist", k.UsingIndex)
	case i.Constraint != "":
		return nil, errorf("55000", "index %q is already associated with a constraint", i.Name)
	case i.Table != r.ID:
		return nil, errorf("55000", "index %q does not belong to table %q", i.Name, r.Name)
	case !i.Valid:
		return nil, errorf("55000", "index %q is not valid", i.Name)
	case !i.Unique:
		return nil, errorf("42809", "%q is not a unique index", i.Name)
	case i.Predicate != nil:
		return nil, errorf("42809", "%q is a partial index", i.Name)
	}
	k.Columns, k.Include = nil, i.Include
	for _, e := range i.Elements {
		if e.Expr != nil {
			return nil, errorf("42809", "index %q contains expressions", i.Name)
		}
		if e.Desc || e.Nulls == "FIRST" || !e.OpClass.IsZero() && !isDefaultOpClass(e.OpClass) {
			return nil, errorf("42809", "index %q column number %d does not have default sorting behavior", i.Name, len(k.Columns)+1)
		}
		if slices.Contains(k.Columns, e.Column) {
			return nil, errorf("42701", "column %q appears twice in unique constraint", e.Column)
		}
		k.Columns = append(k.Columns, e.Column)
	}
	if k.Name == "" {
		k.Name = i.Name
	} else if k.Name != i.Name {
		if !c.Schemas[r.Schema].object(k.Name).none() {
			return nil, errorf("42P07", "relation %q already exists", k.Name)
		}
	}
	if r.Constraint(k.Name) != nil {
		return nil, errorf("42710", "constraint %q for relation %q already exists", k.Name, r.Name)
	}
	if k.Name != i.Name {
		i = c.renameIndex(i, k.Name)
	}
	i = c.editIndex(i)
	i.Constraint, i.Primary = k.Name, k.Type == PrimaryKey
	k.UsingIndex, k.NullsNotDistinct = "", i.NullsNotDistinct
	if k.Type == PrimaryKey {
		for _, name := range k.Columns {
			if err := c.setNotNull(r.ID, name, "", false, false); err != nil {
				return nil, err
			}
		}
	}
	r = c.editRelation(r.ID)
	added := &Constraint{ID: c.id(), ConstraintDef: k, Valid: true, Local: true, Index: i.Name}
	r.Constraints = append(r.Constraints, added)
	return added, nil
}

func (c *Catalog) alterDropConstraint(o DropConstraint) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	k := r.Constraint(o.Name)
	if k == nil {
		if o.ConstraintIfExists {
			return nil
		}
		return errorf("42704", "constraint %q of relation %q does not exist", o.Name, r.Name)
	}
	if k.Inherited || k.Parent != 0 {
		return errorf("42P16", "cannot drop inherited constraint %q of relation %q", k.Name, r.Name)
	}
	if k.Type == NotNull {
		if p := r.PrimaryKey(); p != nil && slices.Contains(p.Columns, k.Columns[0]) {
			return errorf("42P16", "column %q is in a primary key", k.Columns[0])
		}
		if r.Column(k.Columns[0]).Identity != "" {
			return errorf("42601", "column %q of relation %q is an identity column", k.Columns[0], r.Name)
		}
	}
	if k.Index != "" || k.Type == ForeignKey {
		return c.drop([]address{{kind: constraintObject, id: r.ID, name: k.Name}}, o.Cascade, nil)
	}
	return c.dropConstraint(r.ID, k, o.Only, false)
}

// dropConstraint drops a CHECK or NOT NULL constraint and what children inherited of it.
func (c *Catalog) dropConstraint(id uint32, k *Constraint, only, recursing bool) error {
	r := c.editRelation(id)
	if only && r.Kind == PartitionedTable && len(c.Children(r)) > 0 {
		return errorf("42P16", "cannot drop constraint from only the partitioned table when partitions exist")
	}
	children := c.Children(r)
	r.Constraints = slices.DeleteFunc(r.Constraints, func(x *Constraint) bool { return x.Name == k.Name })
	if k.Type == NotNull {
		r.Column(k.Columns[0]).NotNull = false
	}
	if k.NoInherit {
		return nil
	}
	for _, child := range children {
		name := k.Name
		if k.Type == NotNull {
			name = notNullConstraintName(child, k.Columns[0])
		}
		ck := child.Constraint(name)
		if ck == nil || !ck.Inherited {
			continue
		}
		still := false // another parent has it too
		for _, p := range c.Parents(child) {
			if p.ID == id {
				continue
			}
			if k.Type == NotNull {
				still = still || notNullConstraint(p, k.Columns[0]) != nil
			} else if pk := p.Constraint(name); pk != nil && pk.Type == k.Type && !pk.NoInherit {
				still = true
			}
		}
		switch {
		case still:
		case ck.Local || only:
			e := c.editRelation(child.ID).Constraint(name)
			e.Inherited, e.Local = false, true
		default:
			if err := c.dropConstraint(child.ID, ck, false, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) alterValidateConstraint(o ValidateConstraint) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	k := r.Constraint(o.Name)
	if k == nil {
		return errorf("42704", "constraint %q of relation %q does not exist", o.Name, r.Name)
	}
	if k.Type != Check && k.Type != ForeignKey && k.Type != NotNull {
		return errorf("42809", "constraint %q of relation %q is not a foreign key or check constraint", o.Name, r.Name)
	}
	if k.NotEnforced {
		return errorf("55000", "cannot validate NOT ENFORCED constraint")
	}
	return c.validate(r.ID, k, o.Only)
}

func (c *Catalog) validate(id uint32, k *Constraint, only bool) error {
	if k.Valid {
		return nil
	}
	children := c.Children(c.byID[id])
	if k.Type == Check && !k.NoInherit {
		if only && len(children) > 0 {
			return errorf("42P16", "constraint must be validated on child tables too")
		}
		for _, child := range children {
			if ck := child.Constraint(k.Name); ck != nil {
				if err := c.validate(child.ID, ck, false); err != nil {
					return err
				}
			}
		}
	}
	r := c.editRelation(id)
	e := r.Constraint(k.Name)
	e.Valid, e.NotValid = true, false
	if e.Type == NotNull {
		r.Column(e.Columns[0]).NotNullValid = true
	}
	if e.Type != Check {
		for _, child := range children {
			for _, ck := range child.Constraints {
				if ck.Parent == k.ID && k.ID != 0 {
					if err := c.validate(child.ID, ck, false); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func (c *Catalog) alterConstraint(o AlterConstraint) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	k := r.Constraint(o.Name)
	if k == nil {
		return errorf("42704", "constraint %q of relation %q does not exist", o.Name, r.Name)
	}
	if k.Type != ForeignKey && !(c.Version >= 18 && k.Type == NotNull) {
		return errorf("42809", "constraint %q of relation %q is not a foreign key constraint", o.Name, r.Name)
	}
	if k.Inherited {
		return errorf("42P16", "cannot alter constraint %q on relation %q", k.Name, r.Name)
	}
	c.changeConstraint(r.ID, o.Name, func(e *Constraint) {
		switch {
		case o.Enforced != nil:
			e.NotEnforced, e.Valid = !*o.Enforced, *o.Enforced
		case o.Inherit != nil:
			e.NoInherit = !*o.Inherit
		default:
			e.Deferrable, e.InitiallyDefer = o.Deferrable, o.InitiallyDefer
		}
	})
	return nil
}

// changeConstraint changes a constraint and those that partitions have of it.
func (c *Catalog) changeConstraint(id uint32, name string, change func(*Constraint)) {
	k := c.editRelation(id).Constraint(name)
	change(k)
	for _, child := range c.Children(c.byID[id]) {
		for _, ck := range child.Constraints {
			if ck.Parent == k.ID {
				c.changeConstraint(child.ID, ck.Name, change)
			}
		}
	}
}

func (c *Catalog) alterRenameConstraint(o RenameConstraint) error {
	r, err := c.alterTarget(o.AlterBase, tables...)
	if r == nil {
		return err
	}
	k := r.Constraint(o.Name)
	if k == nil {
		return errorf("42704", "constraint %q for table %q does not exist", o.Name, r.Name)
	}
	if k.Inherited {
		return errorf("42P16", "cannot rename inherited constraint %q", o.Name)
	}
	inherits := k.Type == Check && !k.NoInherit || k.Type == NotNull
	if o.Only && inherits && len(c.Children(r)) > 0 {
		return errorf("42P16", "inherited constraint %q must be renamed in child tables too", o.Name)
	}
	if k.Index != "" {
		return c.renameIndexAndConstraint(c.Schemas[r.Schema].Indexes[k.Index], o.To)
	}
	return c.renameConstraint(r.ID, k, o.To, inherits)
}

func (c *Catalog) renameConstraint(id uint32, k *Constraint, to string, inherits bool) error {
	r := c.byID[id]
	if r.Constraint(to) != nil {
		return errorf("42710", "constraint %q for relation %q already exists", to, r.Name)
	}
	c.editRelation(id).Constraint(k.Name).Name = to
	if !inherits {
		return nil
	}
	for _, child := range c.Children(r) {
		if ck := child.Constraint(k.Name); ck != nil {
			if err := c.renameConstraint(child.ID, ck, to, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameIndexAndConstraint renames an index and the constraint that owns it.
func (c *Catalog) renameIndexAndConstraint(i *Index, to string) error {
	if !c.Schemas[i.Schema].object(to).none() {
		return errorf("42P07", "relation %q already exists", to)
	}
	if i.Constraint != "" {
		if r := c.byID[i.Table]; r.Constraint(to) != nil {
			return errorf("42710", "constraint %q for relation %q already exists", to, r.Name)
		}
		k := c.editRelation(i.Table).Constraint(i.Constraint)
		k.Name, k.Index = to, to
	}
	renamed := c.renameIndex(i, to)
	if renamed.Constraint != "" {
		renamed.Constraint = to
	}
	return nil
}
