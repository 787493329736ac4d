package catalog

import "slices"

// newType checks the name of a new type and makes room for it in its schema.
func (c *Catalog) newTypeSchema(n Name) (*Schema, error) {
	s, err := c.creationSchema(n, false)
	if err != nil {
		return nil, err
	}
	if s.Types[n.Name] != nil || s.Relations[n.Name] != nil {
		return nil, errorf("42710", "type %q already exists", n.Name)
	}
	return s, nil
}

func (c *Catalog) createEnum(o CreateEnum) error {
	s, err := c.newTypeSchema(o.On)
	if err != nil {
		return err
	}
	for i, label := range o.Labels {
		if len(label) > maxIdent {
			return errorf("42602", "invalid enum label %q", label)
		}
		if slices.Contains(o.Labels[:i], label) {
			return errorf("23505", "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"")
		}
	}
	c.addType(&UserType{Schema: s.Name, Name: o.On.Name, Kind: Enum, Labels: slices.Clone(o.Labels)})
	return nil
}

// userType is the user-defined type of a name, or the server's refusal.
func (c *Catalog) userType(n Name, kind TypeKind) (*UserType, error) {
	u := c.Type(Type{Schema: n.Schema, Name: n.Name})
	if u == nil {
		t, err := c.resolveType(Type{Schema: n.Schema, Name: n.Name})
		if err != nil {
			return nil, err
		}
		return nil, wrongKind(t.Name, kind)
	}
	if kind != "" && u.Kind != kind {
		return nil, wrongKind(u.Name, kind)
	}
	return u, nil
}

func wrongKind(name string, kind TypeKind) error {
	switch kind {
	case Enum:
		return errorf("42809", "%s is not an enum", name)
	case Domain:
		return errorf("42809", "%s is not a domain", name)
	}
	return errorf("42809", "%s is not a %s type", name, kind)
}

func (c *Catalog) addEnumValue(o AddEnumValue) error {
	u, err := c.userType(o.On, Enum)
	if err != nil {
		return err
	}
	if len(o.Label) > maxIdent {
		return errorf("42602", "invalid enum label %q", o.Label)
	}
	if slices.Contains(u.Labels, o.Label) {
		if o.IfNotExists {
			return nil
		}
		return errorf("42710", "enum label %q already exists", o.Label)
	}
	at := len(u.Labels)
	if neighbour := o.Before + o.After; neighbour != "" {
		at = slices.Index(u.Labels, neighbour)
		if at < 0 {
			return errorf("22023", "%q is not an existing enum label", neighbour)
		}
		if o.After != "" {
			at++
		}
	}
	u = c.editType(u)
	u.Labels = slices.Insert(u.Labels, at, o.Label)
	return nil
}

func (c *Catalog) renameEnumValue(o RenameEnumValue) error {
	u, err := c.userType(o.On, Enum)
	if err != nil {
		return err
	}
	at := slices.Index(u.Labels, o.Label)
	switch {
	case at < 0:
		return errorf("22023", "%q is not an existing enum label", o.Label)
	case slices.Contains(u.Labels, o.To):
		return errorf("42710", "enum label %q already exists", o.To)
	}
	c.editType(u).Labels[at] = o.To
	return nil
}

func (c *Catalog) createComposite(o CreateComposite) error {
	s, err := c.creationSchema(o.On, false)
	if err != nil {
		return err
	}
	u := &UserType{Schema: s.Name, Name: o.On.Name, Kind: Composite}
	for _, def := range o.Columns {
		if columnOf(u, def.Name) != nil {
			return errorf("42701", "column %q specified more than once", def.Name)
		}
		t, err := c.columnType(def.Name, def.Type)
		if err != nil {
			return err
		}
		u.Columns = append(u.Columns, &Column{ID: c.id(), Name: def.Name, Type: t, Collation: def.Collation, Local: true})
	}
	// A composite type has a row in pg_class, so its name must be free there too.
	if s.Types[o.On.Name] != nil || s.Relations[o.On.Name] != nil {
		return errorf("42710", "type %q already exists", o.On.Name)
	}
	if err := checkNewRelation(s, o.On.Name); err != nil {
		return err
	}
	c.addType(u)
	return nil
}

func columnOf(u *UserType, name string) *Column {
	for _, col := range u.Columns {
		if col.Name == name {
			return col
		}
	}
	return nil
}

// typedTables are the tables made OF a composite type.
func (c *Catalog) typedTables(u *UserType) []*Relation {
	var list []*Relation
	for _, r := range c.byID {
		if r.OfType.Name == u.Name && r.OfType.Schema == u.Schema {
			list = append(list, r)
		}
	}
	return byID(list)
}

func (c *Catalog) compositeType(n Name) (*UserType, error) {
	u := c.Type(Type{Schema: n.Schema, Name: n.Name})
	switch {
	case u == nil && c.Relation(n) != nil:
		return nil, errorf("42809", "%q is not a composite type", n.Name)
	case u == nil || u.Kind != Composite:
		if u == nil && n.Schema != "" && c.Schemas[n.Schema] == nil {
			return nil, errorf("3F000", "schema %q does not exist", n.Schema)
		}
		return nil, errorf("42P01", "relation %q does not exist", display(n))
	}
	return u, nil
}

func (c *Catalog) alterComposite(o AlterComposite) error {
	u, err := c.compositeType(o.On)
	if err != nil {
		return err
	}
	tables := c.typedTables(u)
	if len(tables) > 0 && !o.Cascade {
		return errorf("2BP01", "cannot alter type %q because it is the type of a typed table", u.Name)
	}
	old := columnOf(u, o.Column.Name)
	switch o.Action {
	case "add":
		if old != nil {
			return errorf("42701", "column %q of relation %q already exists", o.Column.Name, u.Name)
		}
	default:
		if old == nil {
			if o.IfExists {
				return nil
			}
			return errorf("42703", "column %q of relation %q does not exist", o.Column.Name, u.Name)
		}
	}
	var t Type
	if o.Action != "drop" {
		if t, err = c.columnType(o.Column.Name, o.Column.Type); err != nil {
			return err
		}
	}
	// A column of the composite type itself stands in the way of another shape.
	if o.Action == "alter" || o.Action == "add" {
		for _, use := range c.TypeUsers(Type{Schema: u.Schema, Name: u.Name}) {
			if o.Action == "alter" && use.Relation.Kind != View {
				return errorf("0A000", "cannot alter type %q because column %q.%q uses it", u.Name, use.Relation.Name, use.Column.Name)
			}
		}
	}
	u = c.editType(u)
	switch o.Action {
	case "add":
		u.Columns = append(u.Columns, &Column{ID: c.id(), Name: o.Column.Name, Type: t, Collation: o.Column.Collation, Local: true})
	case "drop":
		u.Columns = slices.DeleteFunc(u.Columns, func(col *Column) bool { return col.Name == o.Column.Name })
	default:
		columnOf(u, o.Column.Name).Type = t
	}
	for _, r := range tables {
		switch o.Action {
		case "add":
			r = c.editRelation(r.ID)
			r.Columns = append(r.Columns, &Column{ID: c.id(), Name: o.Column.Name, Type: t, NotNullValid: true, Local: true})
		case "drop":
			if err := c.drop([]address{{kind: columnObject, id: r.ID, name: o.Column.Name}}, true, nil); err != nil {
				return err
			}
		default:
			if err := c.setColumnType(r.ID, AlterColumnType{Column: o.Column.Name}, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) renameAttribute(o RenameColumn) error {
	u, err := c.compositeType(o.On)
	if err != nil {
		return err
	}
	switch {
	case columnOf(u, o.Column) == nil:
		return errorf("42703", "column %q does not exist", o.Column)
	case columnOf(u, o.To) != nil:
		return errorf("42701", "column %q of relation %q already exists", o.To, u.Name)
	}
	columnOf(c.editType(u), o.Column).Name = o.To
	for _, r := range c.typedTables(u) {
		if err := c.renameColumn(r.ID, o.Column, o.To); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) createType(o CreateType) error {
	s, err := c.newTypeSchema(o.On)
	if err != nil {
		if u := c.Type(Type{Schema: o.On.Schema, Name: o.On.Name}); o.Form == "base" && u != nil && u.Kind == BaseType && u.shell {
			c.editType(u).shell = false
			return nil
		}
		return err
	}
	u := &UserType{Schema: s.Name, Name: o.On.Name, Kind: BaseType, shell: o.Form == "shell"}
	if o.Form == "range" {
		u.Kind = Range
		if u.Base, err = c.resolveType(o.Subtype); err != nil {
			return err
		}
	}
	if o.Form == "base" {
		return errorf("42710", "type %q does not exist", o.On.Name)
	}
	c.addType(u)
	return nil
}

func (c *Catalog) createDomain(o CreateDomain) error {
	s, err := c.creationSchema(o.On, false)
	if err != nil {
		return err
	}
	if s.Types[o.On.Name] != nil || s.Relations[o.On.Name] != nil {
		return errorf("42710", "type %q already exists", o.On.Name)
	}
	t, err := c.resolveType(o.Type)
	if err != nil {
		return err
	}
	if t.Schema == "" && pseudoTypes[t.Name] {
		return errorf("42804", "%q is not a valid base type for a domain", t.Name)
	}
	u := &UserType{ID: c.id(), Schema: s.Name, Name: o.On.Name, Kind: Domain, Base: t, NotNull: o.NotNull, Default: o.Default}
	c.addType(u)
	if u.NotNull && c.Version >= 17 {
		c.addDomainNotNull(u, "")
	}
	for _, k := range o.Checks {
		if err := c.addDomainConstraint(u, k); err != nil {
			return err
		}
	}
	return nil
}

// addDomainNotNull adds the constraint that NOT NULL of a domain is since PostgreSQL 17.
func (c *Catalog) addDomainNotNull(u *UserType, name string) {
	if slices.ContainsFunc(u.Constraints, func(k *Constraint) bool { return k.Type == NotNull }) {
		return
	}
	if name == "" {
		name = c.chooseConstraintName(c.Schemas[u.Schema], u.Name, "", "not_null")
	}
	u = c.editType(u)
	u.Constraints = append(u.Constraints, &Constraint{ID: c.id(), Valid: true, Local: true, ConstraintDef: ConstraintDef{Name: name, Type: NotNull}})
}

func (c *Catalog) addDomainConstraint(u *UserType, k ConstraintDef) error {
	u = c.editType(u)
	switch {
	case k.Type == NotNull:
		u.NotNull = true
		if c.Version >= 17 {
			c.addDomainNotNull(u, k.Name)
		}
		return nil
	case k.Expr != nil && k.Expr.Select:
		return errorf("0A000", "cannot use subquery in check constraint")
	case k.Name == "":
		k.Name = c.chooseConstraintName(c.Schemas[u.Schema], u.Name, "", "check")
	case slices.ContainsFunc(u.Constraints, func(x *Constraint) bool { return x.Name == k.Name }):
		return errorf("42710", "constraint %q for domain %q already exists", k.Name, u.Name)
	}
	k.Expr = c.bind(k.Expr)
	u.Constraints = append(u.Constraints, &Constraint{ID: c.id(), ConstraintDef: k, Valid: !k.NotValid, Local: true})
	return nil
}

func (c *Catalog) alterDomain(o AlterDomain) error {
	u, err := c.userType(o.On, Domain)
	if err != nil {
		return err
	}
	find := func() *Constraint {
		for _, k := range u.Constraints {
			if k.Name == o.Constraint.Name {
				return k
			}
		}
		return nil
	}
	switch o.Action {
	case "add_constraint":
		if err := c.addDomainConstraint(u, o.Constraint); err != nil || o.Constraint.NotValid {
			return err
		}
		return c.checkDomainUsers(u)
	case "drop_constraint", "validate_constraint", "rename_constraint":
		if find() == nil {
			if o.IfExists {
				return nil
			}
			return errorf("42704", "constraint %q of domain %q does not exist", o.Constraint.Name, u.Name)
		}
	}
	u = c.editType(u)
	switch o.Action {
	case "set_default":
		u.Default = o.Default
		if u.Default != nil && u.Default.Null {
			u.Default = nil
		}
	case "drop_default":
		u.Default = nil
	case "set_not_null":
		if err := c.checkDomainUsers(u); err != nil && !u.NotNull {
			return err
		}
		u.NotNull = true
		if c.Version >= 17 {
			c.addDomainNotNull(u, "")
		}
	case "drop_not_null":
		u.NotNull = false
		u.Constraints = slices.DeleteFunc(u.Constraints, func(k *Constraint) bool { return k.Type == NotNull })
	case "drop_constraint":
		if k := find(); k.Type == NotNull {
			u.NotNull = false
		}
		u.Constraints = slices.DeleteFunc(u.Constraints, func(k *Constraint) bool { return k.Name == o.Constraint.Name })
	case "validate_constraint":
		if k := find(); k.Type != Check {
			return errorf("42809", "constraint %q of domain %q is not a check constraint", k.Name, u.Name)
		}
		if err := c.checkDomainUsers(u); err != nil {
			return err
		}
		find().Valid, find().NotValid = true, false
	case "rename_constraint":
		if slices.ContainsFunc(u.Constraints, func(k *Constraint) bool { return k.Name == o.To }) {
			return errorf("42710", "constraint %q for domain %q already exists", o.To, u.Name)
		}
		find().Name = o.To
	}
	return nil
}

// checkDomainUsers refuses a check of existing values where the server cannot look
// into them: the domain is in an array or a composite value of a table.
func (c *Catalog) checkDomainUsers(d *UserType) error {
	named := Type{Schema: d.Schema, Name: d.Name}
	within := func(t Type) bool {
		if sameType(t, named) {
			return t.Dims > 0
		}
		u := c.Type(t)
		return u != nil && u.Kind == Composite && slices.ContainsFunc(u.Columns, func(col *Column) bool { return sameType(col.Type, named) })
	}
	for _, r := range c.Relations() {
		for _, col := range r.Columns {
			if (r.Kind == Table || r.Kind == PartitionedTable || r.Kind == MaterializedView) && within(col.Type) {
				return errorf("0A000", "cannot alter type %q because column \"%s.%s\" uses it", d.Name, r.Name, col.Name)
			}
		}
	}
	return nil
}

func (c *Catalog) renameType(o RenameType) error {
	u, err := c.userType(o.On, "")
	if err != nil {
		if c.Relation(o.On) != nil {
			return errorf("42809", "%s is a table's row type", o.On.Name)
		}
		return err
	}
	s := c.Schemas[u.Schema]
	if s.Types[o.To] != nil || s.Relations[o.To] != nil {
		return errorf("42710", "type %q already exists", o.To)
	}
	if u.Kind == Composite {
		if err := checkNewRelation(s, o.To); err != nil {
			return err
		}
	}
	u = c.editType(u)
	from := Type{Schema: u.Schema, Name: u.Name}
	unset(c, s.Types, u.Name)
	u.Name = o.To
	c.addType(u)
	c.retype(from, Type{Schema: u.Schema, Name: u.Name})
	return nil
}

func (c *Catalog) moveType(o SetSchema) error {
	kind := TypeKind("")
	if o.Object == "domain" {
		kind = Domain
	}
	u, err := c.userType(o.On, kind)
	if err != nil {
		return err
	}
	to := c.Schemas[o.To]
	switch {
	case to == nil:
		return errorf("3F000", "schema %q does not exist", o.To)
	case to.Name == u.Schema:
		return nil
	case to.Types[u.Name] != nil || to.Relations[u.Name] != nil:
		return errorf("42710", "type %q already exists in schema %q", u.Name, to.Name)
	}
	u = c.editType(u)
	from := Type{Schema: u.Schema, Name: u.Name}
	unset(c, c.Schemas[u.Schema].Types, u.Name)
	u.Schema = to.Name
	c.addType(u)
	c.retype(from, Type{Schema: u.Schema, Name: u.Name})
	return nil
}

func (c *Catalog) dropType(o DropType) error {
	n := o.On
	u := c.Type(Type{Schema: n.Schema, Name: n.Name})
	if u == nil {
		t, ok := c.ResolveType(Type{Schema: n.Schema, Name: n.Name})
		switch {
		case !ok && o.IfExists:
			return nil
		case !ok:
			_, err := c.resolveType(Type{Schema: n.Schema, Name: n.Name})
			return err
		case o.Domain:
			return errorf("42809", "%q is not a domain", n.Name)
		case t.Schema == "":
			return errorf("2BP01", "cannot drop type %s because it is required by the database system", t.String())
		}
		return errorf("2BP01", "cannot drop type %s because table %s requires it", n.Name, n.Name)
	}
	if o.Domain && u.Kind != Domain {
		return errorf("42809", "%q is not a domain", n.Name)
	}
	if u.Extension != "" {
		return errorf("2BP01", "cannot drop type %s because extension %s requires it", u.Name, u.Extension)
	}
	return c.drop([]address{typeAddress(u)}, o.Cascade, nil)
}
