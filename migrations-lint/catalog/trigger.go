package catalog

import "slices"

// onTable is the relation that a trigger, rule or policy stands on.
func (c *Catalog) onTable(n Name) (*Relation, error) {
	o := c.object(n)
	switch {
	case o.none():
		return nil, c.missingRelation(n)
	case o.relation == nil:
		return nil, errorf("42809", "relation %q cannot have triggers", n.Name)
	}
	return o.relation, nil
}

func (c *Catalog) createTrigger(o CreateTrigger) error {
	r, err := c.onTable(o.On)
	if err != nil {
		return err
	}
	switch {
	case r.Kind == MaterializedView:
		return errorf("42809", "relation %q cannot have triggers", r.Name)
	case o.Timing == "INSTEAD OF" && r.Kind != View:
		return errorf("42809", "%q is a %s", r.Name, map[bool]string{true: "table", false: "relation"}[r.Kind == Table || r.Kind == PartitionedTable])
	case r.Kind == View && o.Row && o.Timing != "INSTEAD OF":
		return errorf("42809", "%q is a view", r.Name)
	case r.Kind == View && slices.Contains(o.Events, "TRUNCATE"):
		return errorf("42809", "%q is a view", r.Name)
	case o.Row && slices.Contains(o.Events, "TRUNCATE"):
		return errorf("0A000", "TRUNCATE FOR EACH ROW triggers are not supported")
	case o.Timing == "INSTEAD OF" && !o.Row:
		return errorf("0A000", "INSTEAD OF triggers must be FOR EACH ROW")
	case o.Timing == "INSTEAD OF" && len(o.WhenUses) > 0:
		return errorf("0A000", "INSTEAD OF triggers cannot have WHEN conditions")
	case o.Timing == "INSTEAD OF" && len(o.Columns) > 0:
		return errorf("0A000", "INSTEAD OF triggers cannot have column lists")
	}
	for i, name := range o.Columns {
		if r.Column(name) == nil {
			return missingColumn(r, name)
		}
		if slices.Contains(o.Columns[:i], name) {
			return errorf("42701", "column %q specified more than once", name)
		}
	}
	for _, name := range o.WhenUses {
		if r.Column(name) == nil && !systemColumns[name] {
			return errorf("42703", "column %q does not exist", name)
		}
	}
	function, err := c.triggerFunction(o.Function)
	if err != nil {
		return err
	}
	t := &Trigger{
		ID: c.id(), Name: o.Name, Timing: o.Timing, Events: o.Events, Columns: o.Columns, Function: function,
		WhenUses: o.WhenUses, Deferred: o.Constraint, Row: o.Row,
	}
	if o.Constraint && r.Constraint(o.Name) != nil {
		return errorf("42710", "constraint %q for relation %q already exists", o.Name, r.Name)
	}
	return c.addTrigger(r.ID, t, o.OrReplace)
}

func (c *Catalog) addTrigger(id uint32, t *Trigger, replace bool) error {
	r := c.editRelation(id)
	at := slices.IndexFunc(r.Triggers, func(x *Trigger) bool { return x.Name == t.Name })
	switch {
	case at >= 0 && (!replace || r.Triggers[at].Deferred != t.Deferred):
		return errorf("42710", "trigger %q for relation %q already exists", t.Name, r.Name)
	case at >= 0:
		t.ID = r.Triggers[at].ID
		r.Triggers[at] = t
	default:
		r.Triggers = append(r.Triggers, t)
	}
	if r.Kind != PartitionedTable || !t.Row {
		return nil
	}
	for _, child := range c.Children(r) {
		if err := c.cloneTrigger(child.ID, t); err != nil {
			return err
		}
	}
	return nil
}

// cloneTrigger gives a partition a row trigger of its partitioned table.
func (c *Catalog) cloneTrigger(id uint32, t *Trigger) error {
	if c.byID[id].Kind == ForeignTable {
		return nil
	}
	n := *t
	n.ID, n.Parent = c.id(), t.ID
	return c.addTrigger(id, &n, false)
}

// triggerFunction is the trigger function of a name, with its schema.
func (c *Catalog) triggerFunction(n Name) (Name, error) {
	for s := range c.schemas(n) {
		for _, f := range s.Functions[n.Name] {
			if len(inputs(f.Args)) > 0 {
				continue
			}
			if f.Returns.Name != "trigger" {
				return n, errorf("42P17", "function %s must return type trigger", n.Name)
			}
			return Name{s.Name, n.Name}, nil
		}
	}
	if n.Schema == "" || n.Schema == "pg_catalog" {
		switch n.Name {
		case "suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column":
			return Name{"pg_catalog", n.Name}, nil
		}
	}
	if n.Schema != "" && c.Schemas[n.Schema] == nil && !catalogSchemas[n.Schema] {
		return n, errorf("3F000", "schema %q does not exist", n.Schema)
	}
	return n, errorf("42883", "function %s() does not exist", display(n))
}

// createTableObject is CREATE RULE, CREATE POLICY or ALTER POLICY.
func (c *Catalog) createTableObject(o CreateTableObject) error {
	r, err := c.onTable(o.On)
	if err != nil {
		return err
	}
	list := r.Policies
	if o.Object == "rule" {
		list = r.Rules
		if r.Kind == MaterializedView {
			return errorf("42809", "relation %q cannot have rules", r.Name)
		}
	} else if r.Kind != Table && r.Kind != PartitionedTable {
		return errorf("42809", "%q is not a table", r.Name)
	}
	has := slices.Contains(list, o.Name)
	switch {
	case o.Alter && !has:
		return errorf("42704", "%s %q for table %q does not exist", o.Object, o.Name, r.Name)
	case !o.Alter && has && !o.OrReplace:
		return errorf("42710", "%s %q for %s %q already exists", o.Object, o.Name, map[bool]string{true: "table", false: "relation"}[o.Object == "policy"], r.Name)
	}
	for _, name := range o.Columns {
		if r.Column(name) == nil && !systemColumns[name] && name != r.Name && o.Object == "policy" {
			return errorf("42703", "column %q does not exist", name)
		}
	}
	use := policyUse{columns: o.Columns, functions: c.bindFunctions(o.Functions), rule: o.Object == "rule"}
	for _, n := range o.Reads {
		other := c.Relation(n)
		if other == nil {
			if systemRelation(n) != nil {
				continue
			}
			return c.missingRelation(n)
		}
		if other.ID != r.ID {
			use.reads = append(use.reads, other.ID)
		}
	}
	r = c.editRelation(r.ID)
	key := o.Object + " " + o.Name
	if old, ok := r.policyUses[key]; ok && o.Alter {
		use.columns = append(slices.Clip(use.columns), old.columns...)
		use.reads = append(use.reads, old.reads...)
		use.functions = append(slices.Clip(use.functions), old.functions...)
	}
	if r.policyUses == nil {
		r.policyUses = map[string]policyUse{}
	}
	r.policyUses[key] = use
	if !has && o.Object == "rule" {
		r.Rules = append(r.Rules, o.Name)
	} else if !has {
		r.Policies = append(r.Policies, o.Name)
	}
	return nil
}

func (c *Catalog) dropTableObject(o DropTableObject) error {
	found := c.object(o.On)
	r := found.relation
	switch {
	case r == nil && o.IfExists:
		return nil // a missing table is forgiven as well
	case found.none():
		return c.missingRelation(o.On)
	case r == nil:
		return errorf("42809", "%q is not a table", o.On.Name)
	}
	a := address{id: r.ID, name: o.Name}
	has := false
	switch o.Object {
	case "trigger":
		a.kind = triggerObject
		if t := r.Trigger(o.Name); t != nil {
			has = true
			if t.Parent != 0 {
				return errorf("2BP01", "cannot drop trigger %s on table %s because trigger %s on the partitioned table requires it", t.Name, r.Name, t.Name)
			}
		}
	case "rule":
		a.kind, has = ruleObject, slices.Contains(r.Rules, o.Name)
	case "policy":
		a.kind, has = policyObject, slices.Contains(r.Policies, o.Name)
	}
	if !has {
		if o.IfExists {
			return nil
		}
		return errorf("42704", "%s %q for %s %q does not exist", o.Object, o.Name, map[bool]string{true: "relation", false: "table"}[o.Object == "rule"], r.Name)
	}
	return c.drop([]address{a}, o.Cascade, nil)
}

func (c *Catalog) renameTableObject(o RenameTableObject) error {
	r, err := c.onTable(o.On)
	if err != nil {
		return err
	}
	missing := errorf("42704", "%s %q for table %q does not exist", o.Object, o.Name, r.Name)
	exists := errorf("42710", "%s %q for relation %q already exists", o.Object, o.To, r.Name)
	if o.Object == "trigger" {
		t := r.Trigger(o.Name)
		switch {
		case t == nil:
			return missing
		case r.Trigger(o.To) != nil:
			return exists
		case t.Parent != 0 && c.Version >= 15:
			code := "0A000"
			if c.Version < 18 {
				code = "XX000"
			}
			return errorf(code, "cannot rename trigger %q on table %q", o.Name, r.Name)
		}
		return c.renameTrigger(r.ID, o.Name, o.To)
	}
	r = c.editRelation(r.ID)
	list := r.Policies
	if o.Object == "rule" {
		list = r.Rules
	}
	switch {
	case !slices.Contains(list, o.Name):
		return missing
	case slices.Contains(list, o.To):
		return exists
	}
	list[slices.Index(list, o.Name)] = o.To
	if use, ok := r.policyUses[o.Object+" "+o.Name]; ok {
		delete(r.policyUses, o.Object+" "+o.Name)
		r.policyUses[o.Object+" "+o.To] = use
	}
	return nil
}

func (c *Catalog) renameTrigger(id uint32, from, to string) error {
	r := c.editRelation(id)
	if r.Trigger(to) != nil {
		return errorf("42710", "trigger %q for relation %q already exists", to, r.Name)
	}
	renamed := r.Trigger(from)
	renamed.Name = to
	if c.Version < 15 {
		return nil // the clones keep their name
	}
	for _, child := range c.Children(r) {
		for _, t := range child.Triggers {
			if t.Parent == renamed.ID {
				if err := c.renameTrigger(child.ID, t.Name, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
