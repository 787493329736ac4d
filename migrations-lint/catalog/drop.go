package catalog

import (
	"slices"
	"strings"
)

// objectKind is what an address is the address of.
type objectKind int

const (
	relationObject objectKind = iota
	columnObject
	defaultObject
	constraintObject
	indexObject
	sequenceObject
	typeObject
	attributeObject // of a composite type
	domainConstraintObject
	functionObject
	triggerObject
	policyObject
	ruleObject
	schemaObject
	extensionObject
)

// address names an object that DROP takes away or that depends on one.
type address struct {
	kind   objectKind
	id     uint32 // of the relation, sequence or function, or of the relation that it belongs to
	schema string
	name   string
	sub    string // an attribute
}

// dependents calls yield for what depends on an object directly. auto tells that it
// goes with the object even without CASCADE.
type yieldDependent func(a address, auto bool)

// policyUse is what a policy or rule depends on.
type policyUse struct {
	columns   []string
	functions []Name
	reads     []uint32
	rule      bool
}

// drop drops objects and what depends on them: all of it with CASCADE, else only
// what goes with them by itself. together are objects that the same statement also drops.
func (c *Catalog) drop(targets []address, cascade bool, together []address) error {
	found, blocked := c.closure(append(slices.Clone(targets), together...))
	if blocked != nil && !cascade {
		return errorf("2BP01", "cannot drop %s because other objects depend on it", c.describe(*blocked))
	}
	if len(together) > 0 {
		found, _ = c.closure(targets)
		found = slices.DeleteFunc(found, func(a address) bool { return slices.Contains(together, a) })
	}
	// What belongs to a relation is taken out before the relation.
	for _, a := range slices.Backward(found) {
		c.remove(a)
	}
	return nil
}

// closure is all that goes when the roots are dropped with CASCADE. blocked is a
// root that cannot be dropped without it.
func (c *Catalog) closure(roots []address) (list []address, blocked *address) {
	type state struct{ auto bool }
	seen := map[address]*state{}
	for _, a := range roots {
		if seen[a] == nil {
			seen[a] = &state{auto: true}
			list = append(list, a)
		}
	}
	for i := 0; i < len(list); i++ {
		c.dependents(list[i], func(a address, auto bool) {
			if s := seen[a]; s != nil {
				s.auto = s.auto || auto
				return
			}
			seen[a] = &state{auto: auto}
			list = append(list, a)
		})
	}
	for _, a := range list {
		if seen[a].auto {
			continue
		}
		whole := a
		whole.kind, whole.name, whole.sub, whole.schema = relationObject, "", "", ""
		if a.belongsToRelation() && seen[whole] != nil {
			continue
		}
		if column := (address{kind: columnObject, id: a.id, name: a.name}); a.kind == defaultObject && seen[column] != nil {
			continue
		}
		return list, &roots[0]
	}
	return list, nil
}

func (a address) belongsToRelation() bool {
	switch a.kind {
	case columnObject, defaultObject, constraintObject, indexObject, triggerObject, policyObject, ruleObject:
		return true
	}
	return false
}

func (c *Catalog) dependents(a address, yield yieldDependent) {
	switch a.kind {
	case relationObject:
		c.relationDependents(c.byID[a.id], yield)
	case columnObject:
		if r := c.byID[a.id]; r != nil {
			c.columnDependents(r, a.name, yield)
		}
	case constraintObject:
		if r := c.byID[a.id]; r != nil {
			c.constraintDependents(r, r.Constraint(a.name), yield)
		}
	case indexObject:
		if i := c.Schemas[a.schema].Indexes[a.name]; i != nil {
			c.indexDependents(i, yield)
		}
	case sequenceObject:
		for _, r := range c.byID {
			for _, col := range r.Columns {
				if col.defaultSequence == a.id {
					yield(address{kind: defaultObject, id: r.ID, name: col.Name}, false)
				}
			}
		}
	case typeObject:
		c.typeDependents(Type{Schema: a.schema, Name: a.name}, yield)
	case functionObject:
		c.functionDependents(a, yield)
	case triggerObject:
		c.triggerDependents(c.byID[a.id], a.name, yield)
	case schemaObject:
		c.schemaContents(c.Schemas[a.name], func(m address) { yield(m, false) })
	case extensionObject:
		c.extensionContents(a.name, func(m address) { yield(m, true) })
	}
}

func relationAddress(r *Relation) address { return address{kind: relationObject, id: r.ID} }

func typeAddress(u *UserType) address {
	return address{kind: typeObject, schema: u.Schema, name: u.Name}
}

func functionAddress(f *Function) address {
	return address{kind: functionObject, id: f.ID, schema: f.Schema, name: f.Name}
}

func indexAddress(i *Index) address {
	if i.Constraint != "" {
		return address{kind: constraintObject, id: i.Table, name: i.Constraint}
	}
	return address{kind: indexObject, id: i.Table, schema: i.Schema, name: i.Name}
}

func sequenceAddress(s *Sequence) address {
	return address{kind: sequenceObject, id: s.ID, schema: s.Schema, name: s.Name}
}

func (c *Catalog) relationDependents(r *Relation, yield yieldDependent) {
	if r == nil {
		return
	}
	for seq := range c.ownedSequences(r.ID, "") {
		yield(sequenceAddress(seq), true)
	}
	for top := r; top.IsPartition() && len(top.Parents) == 1 && c.byID[top.Parents[0]] != nil; {
		// A foreign key to a partitioned table has a part for each partition.
		top = c.byID[top.Parents[0]]
		for _, f := range c.ForeignKeysTo(top) {
			yield(address{kind: constraintObject, id: f.Table.ID, name: f.Constraint.Name}, false)
		}
	}
	for _, other := range c.byID {
		if slices.Contains(other.Parents, r.ID) {
			yield(relationAddress(other), other.IsPartition())
		}
		for _, k := range other.Constraints {
			if k.Type == ForeignKey && k.RefID == r.ID {
				yield(address{kind: constraintObject, id: other.ID, name: k.Name}, other.ID == r.ID)
			}
		}
		for _, u := range other.Uses {
			if u.Relation == r.ID {
				yield(relationAddress(other), false)
				break
			}
		}
		for name, u := range other.policyUses {
			if slices.Contains(u.reads, r.ID) {
				yield(policyAddress(other, name, u), false)
			}
		}
	}
	c.typeDependents(Type{Schema: r.Schema, Name: r.Name}, yield)
}

func policyAddress(r *Relation, name string, u policyUse) address {
	kind := policyObject
	if u.rule {
		kind = ruleObject
	}
	return address{kind: kind, id: r.ID, name: strings.TrimPrefix(strings.TrimPrefix(name, "policy "), "rule ")}
}

func (c *Catalog) columnDependents(r *Relation, name string, yield yieldDependent) {
	yield(address{kind: defaultObject, id: r.ID, name: name}, true)
	for _, i := range c.Indexes(r) {
		if elementsUse(i.Elements, name) || slices.Contains(i.Include, name) || i.Predicate.usesColumn(name) {
			// What a constraint's index names in an expression only, does not take the constraint along.
			yield(indexAddress(i), i.Constraint == "")
		}
	}
	for _, k := range r.Constraints {
		if slices.Contains(k.Columns, name) || slices.Contains(k.Include, name) {
			yield(address{kind: constraintObject, id: r.ID, name: k.Name}, true)
		}
	}
	for _, col := range r.Columns {
		if col.Name != name && col.Generated.usesColumn(name) {
			yield(address{kind: columnObject, id: r.ID, name: col.Name}, c.Version < 15)
		}
	}
	for _, t := range r.Triggers {
		if slices.Contains(t.Columns, name) || slices.Contains(t.WhenUses, name) {
			yield(address{kind: triggerObject, id: r.ID, name: t.Name}, false)
		}
	}
	for pname, u := range r.policyUses {
		if slices.Contains(u.columns, name) {
			yield(policyAddress(r, pname, u), false)
		}
	}
	for seq := range c.ownedSequences(r.ID, name) {
		yield(sequenceAddress(seq), true)
	}
	for _, other := range c.byID {
		for _, k := range other.Constraints {
			if k.Type == ForeignKey && k.RefID == r.ID && slices.Contains(k.RefColumns, name) {
				yield(address{kind: constraintObject, id: other.ID, name: k.Name}, false)
			}
		}
		if slices.Contains(other.Uses, Use{r.ID, name}) {
			yield(relationAddress(other), false)
		}
	}
}

func (c *Catalog) constraintDependents(r *Relation, k *Constraint, yield yieldDependent) {
	if k == nil {
		return
	}
	if k.Index != "" {
		if i := c.Schemas[r.Schema].Indexes[k.Index]; i != nil {
			c.indexDependents(i, yield)
		}
	}
	for _, child := range c.Children(r) {
		for _, ck := range child.Constraints {
			if ck.Parent == k.ID {
				yield(address{kind: constraintObject, id: child.ID, name: ck.Name}, true)
			}
		}
	}
}

// triggerDependents are the triggers that partitions have of one of the partitioned table.
func (c *Catalog) triggerDependents(r *Relation, name string, yield yieldDependent) {
	if r == nil || r.Trigger(name) == nil {
		return
	}
	for _, child := range c.Children(r) {
		for _, t := range child.Triggers {
			if t.Parent == r.Trigger(name).ID {
				yield(address{kind: triggerObject, id: child.ID, name: t.Name}, true)
			}
		}
	}
}

func (c *Catalog) indexDependents(i *Index, yield yieldDependent) {
	for _, other := range c.byID {
		for _, k := range other.Constraints {
			if k.Type == ForeignKey && k.refIndex == i.ID {
				yield(address{kind: constraintObject, id: other.ID, name: k.Name}, false)
			}
		}
	}
	for _, child := range c.childIndexes(i) {
		yield(indexAddress(child), true)
	}
}

func (c *Catalog) typeDependents(t Type, yield yieldDependent) {
	user := c.Type(t)
	for _, r := range c.byID {
		for _, col := range r.Columns {
			switch {
			case sameType(col.Type, t):
				if r.Kind == View || r.Kind == MaterializedView {
					yield(relationAddress(r), false)
				} else {
					yield(address{kind: columnObject, id: r.ID, name: col.Name}, false)
				}
			case user != nil && slices.Contains(col.defaultTypes, user.ID):
				yield(address{kind: defaultObject, id: r.ID, name: col.Name}, false)
			case c.castsTo(col.Generated, t):
				yield(address{kind: columnObject, id: r.ID, name: col.Name}, false)
			}
		}
		if sameType(r.OfType, t) && r.OfType.Name != "" {
			yield(relationAddress(r), false)
		}
	}
	for _, s := range c.Schemas {
		for _, u := range s.Types {
			if u.Kind == Domain && sameType(u.Base, t) || u.Kind == Range && sameType(u.Base, t) {
				yield(typeAddress(u), false)
			}
			for _, col := range u.Columns {
				if sameType(col.Type, t) {
					yield(address{kind: attributeObject, schema: u.Schema, name: u.Name, sub: col.Name}, false)
				}
			}
		}
		for _, list := range s.Functions {
			for _, f := range list {
				if sameType(f.Returns, t) || slices.ContainsFunc(f.Args, func(a FuncArg) bool { return sameType(a.Type, t) }) {
					yield(functionAddress(f), false)
				}
			}
		}
	}
}

func (c *Catalog) castsTo(e *Expr, t Type) bool {
	return e != nil && slices.ContainsFunc(e.Casts, func(x Type) bool {
		if x.Name != t.Name {
			return false
		}
		x, ok := c.ResolveType(x)
		return ok && sameType(x, t)
	})
}

func (c *Catalog) functionDependents(a address, yield yieldDependent) {
	name := Name{a.schema, a.name}
	list := c.Schemas[a.schema].Functions[a.name]
	// Which overload an expression calls is not known: it needs the one that is left.
	only := len(list) == 1
	self := list[slices.IndexFunc(list, func(f *Function) bool { return f.ID == a.id })]
	for _, r := range c.byID {
		if len(inputs(self.Args)) == 0 {
			for _, t := range r.Triggers {
				if t.Function == name {
					yield(address{kind: triggerObject, id: r.ID, name: t.Name}, false)
				}
			}
		}
		if !only {
			continue
		}
		for _, i := range c.Indexes(r) {
			if i.calls(name) {
				yield(indexAddress(i), false)
			}
		}
		if r.calls(name) {
			c.callers(r, name, yield)
		}
	}
	if !only {
		return
	}
	for _, s := range c.Schemas {
		for _, u := range s.Types {
			for _, k := range u.Constraints {
				if k.Expr.calls(name) {
					yield(address{kind: domainConstraintObject, schema: u.Schema, name: u.Name, sub: k.Name}, false)
				}
			}
		}
	}
}

// callers are the parts of a relation that call a function.
func (c *Catalog) callers(r *Relation, name Name, yield yieldDependent) {
	if r.Query != nil && slices.Contains(r.Query.Functions, name) {
		yield(relationAddress(r), false)
	}
	if elementsCall(r.PartitionKey, name) {
		yield(relationAddress(r), false)
	}
	for _, col := range r.Columns {
		if col.Default.calls(name) {
			yield(address{kind: defaultObject, id: r.ID, name: col.Name}, false)
		}
		if col.Generated.calls(name) {
			yield(address{kind: columnObject, id: r.ID, name: col.Name}, false)
		}
	}
	for _, k := range r.Constraints {
		if k.calls(name) {
			yield(address{kind: constraintObject, id: r.ID, name: k.Name}, false)
		}
	}
	for policy, u := range r.policyUses {
		if slices.Contains(u.functions, name) {
			yield(policyAddress(r, policy, u), false)
		}
	}
}

// describe names an object as the server's messages do.
func (c *Catalog) describe(a address) string {
	switch a.kind {
	case relationObject:
		r := c.byID[a.id]
		return string(r.Kind) + " " + c.visible(r.FullName())
	case columnObject:
		return "column " + QuoteIdent(a.name) + " of table " + c.visible(c.byID[a.id].FullName())
	case constraintObject:
		return "constraint " + QuoteIdent(a.name) + " on table " + c.visible(c.byID[a.id].FullName())
	case indexObject:
		return "index " + c.visible(Name{a.schema, a.name})
	case sequenceObject:
		return "sequence " + c.visible(Name{a.schema, a.name})
	case functionObject:
		return "function " + c.visible(Name{a.schema, a.name})
	case schemaObject:
		return "schema " + QuoteIdent(a.name)
	case extensionObject:
		return "extension " + QuoteIdent(a.name)
	case attributeObject:
		return "column " + QuoteIdent(a.sub) + " of composite type " + c.visible(Name{a.schema, a.name})
	}
	return "type " + c.visible(Name{a.schema, a.name})
}

// visible is a name without its schema where the search path finds it.
func (c *Catalog) visible(n Name) string {
	if slices.Contains(c.SearchPath, n.Schema) {
		return QuoteIdent(n.Name)
	}
	return n.String()
}

// remove takes one object out of the catalog.
func (c *Catalog) remove(a address) {
	switch a.kind {
	case relationObject:
		if r := c.byID[a.id]; r != nil {
			for _, i := range c.Indexes(r) {
				unset(c, c.Schemas[i.Schema].Indexes, i.Name)
			}
			for seq := range c.ownedSequences(r.ID, "") {
				unset(c, c.Schemas[seq.Schema].Sequences, seq.Name)
			}
			c.removeRelation(r)
		}
	case indexObject:
		if i := c.Schemas[a.schema].Indexes[a.name]; i != nil {
			c.removeIndex(i)
		}
	case sequenceObject:
		unset(c, c.Schemas[a.schema].Sequences, a.name)
	case typeObject:
		unset(c, c.Schemas[a.schema].Types, a.name)
	case attributeObject:
		if u := c.Schemas[a.schema].Types[a.name]; u != nil {
			u = c.editType(u)
			u.Columns = slices.DeleteFunc(u.Columns, func(col *Column) bool { return col.Name == a.sub })
		}
	case domainConstraintObject:
		if u := c.Schemas[a.schema].Types[a.name]; u != nil {
			u = c.editType(u)
			u.Constraints = slices.DeleteFunc(u.Constraints, func(k *Constraint) bool { return k.Name == a.sub })
		}
	case functionObject:
		list := slices.DeleteFunc(slices.Clone(c.Schemas[a.schema].Functions[a.name]), func(f *Function) bool { return f.ID == a.id })
		c.setFunctions(a.schema, a.name, list)
	case schemaObject:
		unset(c, c.Schemas, a.name)
	case extensionObject:
		unset(c, c.Extensions, a.name)
	default:
		if c.byID[a.id] != nil {
			c.removeFromRelation(a)
		}
	}
}

func (c *Catalog) removeFromRelation(a address) {
	r := c.editRelation(a.id)
	switch a.kind {
	case columnObject:
		r.Columns = slices.DeleteFunc(r.Columns, func(col *Column) bool { return col.Name == a.name })
	case defaultObject:
		if col := r.Column(a.name); col != nil {
			col.Default, col.defaultSequence = nil, 0
		}
	case constraintObject:
		k := r.Constraint(a.name)
		if k == nil {
			return
		}
		if k.Index != "" {
			if i := c.Schemas[r.Schema].Indexes[k.Index]; i != nil {
				c.removeIndex(i)
			}
		}
		if k.Type == NotNull {
			if col := r.Column(k.Columns[0]); col != nil {
				col.NotNull = false
			}
		}
		r.Constraints = slices.DeleteFunc(r.Constraints, func(x *Constraint) bool { return x == k })
	case triggerObject:
		r.Triggers = slices.DeleteFunc(r.Triggers, func(t *Trigger) bool { return t.Name == a.name })
	case policyObject:
		r.Policies = slices.DeleteFunc(r.Policies, func(name string) bool { return name == a.name })
		delete(r.policyUses, "policy "+a.name)
	case ruleObject:
		r.Rules = slices.DeleteFunc(r.Rules, func(name string) bool { return name == a.name })
		delete(r.policyUses, "rule "+a.name)
	}
}
