package catalog

import "slices"

// apply carries out one operation; what it has done when it fails is taken back by its caller.
func (c *Catalog) apply(op Op) error {
	switch o := op.(type) {
	case CreateSchema:
		return c.createSchema(o)
	case DropSchema:
		return c.dropSchema(o)
	case RenameSchema:
		return c.renameSchema(o)
	case CreateTable:
		return c.createTable(o)
	case DropRelation:
		return c.dropRelation(o)
	case RenameRelation:
		return c.renameRelation(o)
	case SetSchema:
		return c.moveToSchema(o)
	case ChangeOwner:
		return c.changeOwner(o)
	case AddColumn:
		return c.alterAddColumn(o)
	case DropColumn:
		return c.alterDropColumn(o)
	case RenameColumn:
		return c.alterRenameColumn(o)
	case AlterColumnType:
		return c.alterColumnType(o)
	case SetDefault:
		return c.alterSetDefault(o)
	case SetNotNull:
		return c.alterSetNotNull(o)
	case DropNotNull:
		return c.alterDropNotNull(o)
	case SetIdentity:
		return c.alterIdentity(o)
	case SetGenerated:
		return c.alterGenerated(o)
	case SetColumnOption:
		return c.setColumnOption(o)
	case AddConstraint:
		return c.alterAddConstraint(o)
	case DropConstraint:
		return c.alterDropConstraint(o)
	case ValidateConstraint:
		return c.alterValidateConstraint(o)
	case AlterConstraint:
		return c.alterConstraint(o)
	case RenameConstraint:
		return c.alterRenameConstraint(o)
	case AttachPartition:
		return c.attachPartition(o)
	case DetachPartition:
		return c.detachPartition(o)
	case SetInherit:
		return c.alterSetInherit(o)
	case SetTableOption:
		return c.setTableOption(o)
	case CreateIndex:
		return c.createIndex(o)
	case CreateView:
		return c.createView(o)
	case CreateSequence:
		return c.createSequence(o)
	case AlterSequence:
		return c.alterSequence(o)
	case CreateEnum:
		return c.createEnum(o)
	case AddEnumValue:
		return c.addEnumValue(o)
	case RenameEnumValue:
		return c.renameEnumValue(o)
	case CreateComposite:
		return c.createComposite(o)
	case AlterComposite:
		return c.alterComposite(o)
	case CreateType:
		return c.createType(o)
	case CreateDomain:
		return c.createDomain(o)
	case AlterDomain:
		return c.alterDomain(o)
	case RenameType:
		return c.renameType(o)
	case DropType:
		return c.dropType(o)
	}
	return c.applyRest(op)
}

// applyRest carries out what is about routines, objects on tables, extensions, data and the session.
func (c *Catalog) applyRest(op Op) error {
	switch o := op.(type) {
	case CreateFunction:
		return c.createFunction(o)
	case DropFunction:
		return c.dropFunction(o)
	case RenameFunction:
		return c.renameFunction(o)
	case CreateTrigger:
		return c.createTrigger(o)
	case CreateTableObject:
		return c.createTableObject(o)
	case DropTableObject:
		return c.dropTableObject(o)
	case RenameTableObject:
		return c.renameTableObject(o)
	case CreateExtension:
		return c.createExtension(o)
	case AlterExtension:
		return c.alterExtension(o)
	case DropExtension:
		return c.dropExtension(o)
	case SetVariable:
		return c.setVariable(o)
	case Grant:
		return c.grant(o)
	case Comment:
		return c.comment(o)
	case Reindex:
		return c.reindex(o)
	case Cluster:
		return c.cluster(o)
	case Vacuum:
		return c.mustRead(o.On)
	case RefreshMatview:
		return c.refreshMatview(o)
	case LockTable:
		return c.mustRead(o.On)
	}
	return c.applyData(op)
}

// applyData carries out what reads and writes rows.
func (c *Catalog) applyData(op Op) error {
	switch o := op.(type) {
	case Other:
		c.other(o)
	case Insert:
		rows := Few
		if o.Select {
			rows = Many
		}
		return c.write(o.On, rows, o.Columns, o.Reads)
	case Update:
		return c.write(o.On, Empty, o.Columns, o.Reads)
	case Delete:
		return c.write(o.On, Empty, nil, o.Reads)
	case Merge:
		return c.write(o.On, Many, nil, o.Reads)
	case Copy:
		switch {
		case !o.From:
			return c.mustRead(o.On)
		case o.Rows > 0 && o.Rows <= fewRows:
			return c.write(o.On, Few, o.Columns, nil)
		}
		return c.write(o.On, Many, o.Columns, nil)
	case Truncate:
		return c.truncate(o)
	case Read:
		for _, n := range o.Reads {
			if err := c.mustRead(n); err != nil {
				return err
			}
		}
	}
	return nil // Transaction, Other: nothing that the catalog holds
}

// other notes what a statement defines that a query's types depend on.
func (c *Catalog) other(o Other) {
	switch o.Name {
	case "create_cast":
		c.CustomCasts = true
	case "create_operator", "create_operator_class":
		c.CustomOperators = true
	}
}

// fewRows is how many rows of COPY data in a script still count as Few.
const fewRows = 1000

// mustRead refuses a relation that does not exist. The zero name stands for all tables.
func (c *Catalog) mustRead(n Name) error {
	if n.IsZero() || !c.object(n).none() || isSystemName(n) {
		return nil
	}
	return errorf("42P01", "relation %q does not exist", display(n))
}

// write notes the rows that a statement puts into a table: Empty for none.
func (c *Catalog) write(n Name, rows Rows, columns []string, reads []Name) error {
	if err := c.mustRead(n); err != nil {
		return err
	}
	for _, read := range reads {
		if err := c.mustRead(read); err != nil {
			return err
		}
	}
	r := c.Relation(n)
	if r == nil {
		return nil
	}
	for _, name := range columns {
		if col := r.Column(name); col == nil {
			return missingColumn(r, name)
		}
	}
	if rows <= r.Rows {
		return nil
	}
	c.editRelation(r.ID).Rows = rows
	if r.Kind == PartitionedTable { // which partition the rows are in is not known
		for _, d := range c.Descendants(r) {
			if d.Rows < rows {
				c.editRelation(d.ID).Rows = rows
			}
		}
	}
	return nil
}

func (c *Catalog) truncate(o Truncate) error {
	if err := c.mustRead(o.On); err != nil {
		return err
	}
	r := c.Relation(o.On)
	if r == nil {
		return nil
	}
	if r.Kind == View || r.Kind == MaterializedView {
		return errorf("42809", "%q is not a table", r.Name)
	}
	emptied := append([]*Relation{r}, c.Descendants(r)...)
	for i := 0; i < len(emptied); i++ {
		for _, f := range c.ForeignKeysTo(emptied[i]) {
			if slices.ContainsFunc(emptied, func(x *Relation) bool { return x.ID == f.Table.ID }) {
				continue
			}
			together := slices.ContainsFunc(o.Together, func(n Name) bool {
				t := c.Relation(n)
				return t != nil && (t.ID == f.Table.ID || slices.ContainsFunc(c.Descendants(t), func(d *Relation) bool { return d.ID == f.Table.ID }))
			})
			switch {
			case together:
			case !o.Cascade:
				return errorf("0A000", "cannot truncate a table referenced in a foreign key constraint")
			default:
				emptied = append(emptied, f.Table)
			}
		}
	}
	for _, t := range emptied {
		if t.Rows != Empty {
			c.editRelation(t.ID).Rows = Empty
		}
	}
	return nil
}

func (c *Catalog) changeOwner(o ChangeOwner) error {
	switch o.Object {
	case "table", "view", "materialized view", "foreign table", "sequence", "index":
	default:
		return nil
	}
	found := c.object(o.On)
	if found.none() {
		if o.IfExists || isSystemName(o.On) {
			return nil
		}
		return c.missingRelation(o.On)
	}
	if r := found.relation; r != nil {
		c.editRelation(r.ID).Owner = o.Role
	}
	return nil
}

func (c *Catalog) setColumnOption(o SetColumnOption) error {
	found := c.object(o.On)
	if found.none() {
		if o.IfExists {
			return nil
		}
		return c.missingRelation(o.On)
	}
	if r := found.relation; r != nil && o.Column != "" && r.Column(o.Column) == nil && !systemColumns[o.Column] {
		return missingColumn(r, o.Column)
	}
	return nil
}

func (c *Catalog) setTableOption(o SetTableOption) error {
	found := c.object(o.On)
	if found.none() {
		if o.IfExists {
			return nil
		}
		if isSystemName(o.On) {
			return errorf("42501", "permission denied: %q is a system catalog", o.On.Name)
		}
		return c.missingRelation(o.On)
	}
	r := found.relation
	if r == nil {
		return nil
	}
	switch o.Option {
	case "set_unlogged", "set_logged":
		return c.setLogged(r, o.Option == "set_logged")
	case "enable_row_level_security", "disable_row_level_security":
		if r.Kind != Table && r.Kind != PartitionedTable {
			return errorf("42809", "%q is not a table", r.Name)
		}
		c.editRelation(r.ID).RowSecurity = o.Option == "enable_row_level_security"
	case "enable_trigger", "disable_trigger":
		if o.Value == "" || o.Value == "all" || o.Value == "user" || o.Value == "ALL" || o.Value == "USER" {
			for _, t := range c.editRelation(r.ID).Triggers {
				t.Disabled = o.Option == "disable_trigger"
			}
			return nil
		}
		if r.Trigger(o.Value) == nil {
			return errorf("42704", "trigger %q for table %q does not exist", o.Value, r.Name)
		}
		c.editRelation(r.ID).Trigger(o.Value).Disabled = o.Option == "disable_trigger"
	case "enable_rule", "disable_rule":
		if !slices.Contains(r.Rules, o.Value) {
			return errorf("42704", "rule %q for relation %q does not exist", o.Value, r.Name)
		}
	case "cluster_on":
		if !slices.ContainsFunc(c.Indexes(r), func(i *Index) bool { return i.Name == o.Value }) {
			return errorf("42704", "index %q for table %q does not exist", o.Value, r.Name)
		}
	case "not_of_type":
		if r.OfType.IsZero() {
			return errorf("42809", "%q is not a typed table", r.Name)
		}
		c.editRelation(r.ID).OfType = Type{}
	}
	return nil
}

// setLogged is SET LOGGED and SET UNLOGGED: a permanent table may not reference one that is lost in a crash.
func (c *Catalog) setLogged(r *Relation, logged bool) error {
	if r.Kind == PartitionedTable {
		if c.Version >= 18 {
			return errorf("42809", "ALTER action SET %s cannot be performed on relation %q", map[bool]string{true: "LOGGED", false: "UNLOGGED"}[logged], r.Name)
		}
		return nil // without effect
	}
	if r.Unlogged != logged {
		return nil
	}
	if logged {
		for _, k := range r.Constraints {
			if ref := c.byID[k.RefID]; ref != nil && ref.ID != r.ID && ref.Unlogged {
				return errorf("42P16", "could not change table %q to logged because it references unlogged table %q", r.Name, ref.Name)
			}
		}
	} else {
		for _, f := range c.ForeignKeysTo(r) {
			if f.Table.ID != r.ID && !f.Table.Unlogged {
				return errorf("42P16", "could not change table %q to unlogged because it references logged table %q", r.Name, f.Table.Name)
			}
		}
	}
	c.editRelation(r.ID).Unlogged = !logged
	return nil
}

func (c *Catalog) reindex(o Reindex) error {
	if o.On.IsZero() {
		return nil
	}
	switch o.Object {
	case "index":
		found := c.object(o.On)
		switch {
		case found.none() && !isSystemName(o.On):
			return c.missingRelation(o.On)
		case found.index == nil && !found.none():
			return errorf("42809", "%q is not an index", o.On.Name)
		}
	case "table":
		if c.object(o.On).none() && !isSystemName(o.On) {
			return c.missingRelation(o.On)
		}
	case "schema":
		if c.Schemas[o.On.Name] == nil && !catalogSchemas[o.On.Name] {
			return errorf("3F000", "schema %q does not exist", o.On.Name)
		}
	}
	return nil
}

func (c *Catalog) cluster(o Cluster) error {
	if o.On.IsZero() {
		return nil
	}
	r := c.Relation(o.On)
	if r == nil {
		return c.missingRelation(o.On)
	}
	if o.Index != "" && !slices.ContainsFunc(c.Indexes(r), func(i *Index) bool { return i.Name == o.Index }) {
		return errorf("42704", "index %q for table %q does not exist", o.Index, r.Name)
	}
	return nil
}

func (c *Catalog) refreshMatview(o RefreshMatview) error {
	r := c.Relation(o.On)
	switch {
	case r == nil && c.object(o.On).none():
		return c.missingRelation(o.On)
	case r == nil || r.Kind != MaterializedView:
		if c.Version >= 15 {
			return errorf("42809", "%q is not a table or materialized view", o.On.Name)
		}
		return errorf("42809", "%q is not a table or materialized view", o.On.Name)
	}
	if o.Concurrently {
		if o.WithNoData {
			return errorf("42601", "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together")
		}
		if !r.Populated {
			return errorf("0A000", "CONCURRENTLY cannot be used when the materialized view is not populated")
		}
		if !slices.ContainsFunc(c.Indexes(r), func(i *Index) bool {
			return i.Unique && i.Valid && i.Predicate == nil && !slices.ContainsFunc(i.Elements, func(e IndexElement) bool { return e.Expr != nil })
		}) {
			return errorf("55000", "cannot refresh materialized view %q concurrently", c.visible(r.FullName()))
		}
	}
	c.editRelation(r.ID).Populated = !o.WithNoData
	return nil
}

func (c *Catalog) grant(o Grant) error {
	switch o.Object {
	case "table":
		if err := c.mustRead(o.On); err != nil {
			return err
		}
		if r := c.Relation(o.On); r != nil {
			for _, name := range o.Columns {
				if r.Column(name) == nil {
					return missingColumn(r, name)
				}
			}
		}
	case "sequence":
		return c.mustRead(o.On)
	case "schema":
		if c.Schemas[o.On.Name] == nil && !catalogSchemas[o.On.Name] {
			return errorf("3F000", "schema %q does not exist", o.On.Name)
		}
	}
	return nil
}

func (c *Catalog) comment(o Comment) error {
	switch o.Object {
	case "table", "view", "materialized view", "foreign table", "sequence", "index":
		found := c.object(o.On)
		if found.none() {
			if isSystemName(o.On) {
				return nil
			}
			return c.missingRelation(o.On)
		}
		if _, actual := c.addressOf(found); actual != o.Object {
			return errorf("42809", "%q is not %s", o.On.Name, withArticle(o.Object))
		}
	case "column":
		found := c.object(o.On)
		r := found.relation
		if found.none() {
			if u := c.Type(Type{Schema: o.On.Schema, Name: o.On.Name}); u != nil && u.Kind == Composite && columnOf(u, o.Column) != nil {
				return nil
			}
			return c.missingRelation(o.On)
		}
		if r != nil && r.Column(o.Column) == nil {
			return missingColumn(r, o.Column)
		}
	case "schema":
		if c.Schemas[o.On.Name] == nil && !catalogSchemas[o.On.Name] {
			return errorf("3F000", "schema %q does not exist", o.On.Name)
		}
	case "type", "domain":
		_, err := c.resolveType(Type{Schema: o.On.Schema, Name: o.On.Name})
		return err
	}
	return nil
}
