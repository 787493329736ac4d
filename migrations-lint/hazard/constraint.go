package hazard

import (
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) addConstraint(o catalog.AddConstraint) {
	k := o.Constraint
	if k.NotEnforced || k.Type == catalog.NotNull || k.WithoutOverlaps {
		p.needs(18)
	}
	if k.NullsNotDistinct {
		p.needs(15)
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	switch k.Type {
	case catalog.Check:
		p.addCheck(r, o)
	case catalog.NotNull:
		tables := p.lockFamily(r, o.Only, AccessExclusive)
		if k.NoInherit {
			tables = tables[:1]
		}
		if !k.NotValid && len(k.Columns) == 1 {
			p.requireNotNull(tables, k.Columns[0])
		}
	case catalog.Unique, catalog.PrimaryKey, catalog.Exclude:
		p.addIndexConstraint(r, o)
	case catalog.ForeignKey:
		p.lock(r, ShareRowExclusive, "")
		p.lockAll(p.addedTo(r, o)[1:], ShareRowExclusive, asChild)
		p.newForeignKey(r, k, !k.NotValid && !k.NotEnforced)
	}
}

// addedTo are the tables that adding a constraint locks: since PostgreSQL 18 also the
// children of the old kind of inheritance, which do not get it.
func (p *pricer) addedTo(r *catalog.Relation, o catalog.AddConstraint) []*catalog.Relation {
	if p.version >= 18 {
		return p.family(r, o.Only)
	}
	return p.partitions(r)
}

func (p *pricer) addCheck(r *catalog.Relation, o catalog.AddConstraint) {
	k := o.Constraint
	only := o.Only || k.NoInherit
	p.lockFamily(r, only && p.version < 18, AccessExclusive)
	switch {
	case k.NotEnforced:
		p.cost.Why = "NOT ENFORCED: no row is ever checked"
	case k.NotValid:
		p.cost.Why = "NOT VALID: no old row is checked"
	default:
		for _, t := range p.family(r, only) {
			if own := t.Constraint(k.Name); t == r || own == nil || !own.Valid {
				p.scan(t, "every row is checked")
			}
		}
		p.cost.MayFail = "a row of " + catalog.QuoteIdent(r.Name) + " that the CHECK forbids"
	}
}

// addIndexConstraint prices UNIQUE, PRIMARY KEY and EXCLUDE.
func (p *pricer) addIndexConstraint(r *catalog.Relation, o catalog.AddConstraint) {
	k := o.Constraint
	p.lock(r, AccessExclusive, "")
	if k.UsingIndex != "" {
		i := p.before.Index(catalog.Name{Schema: r.Schema, Name: k.UsingIndex})
		if i == nil {
			return
		}
		p.cost.Why = "the index is there already: nothing is built"
		if k.Name != "" && k.Name != i.Name {
			p.lockIndex(i, ShareUpdateExclusive, "it gets the constraint's name")
		}
		for _, e := range i.Elements {
			if k.Type == catalog.PrimaryKey {
				p.requireNotNull([]*catalog.Relation{r}, e.Column)
			}
		}
		return
	}
	if k.Type == catalog.PrimaryKey {
		for _, column := range k.Columns {
			if r.Column(column) != nil && !p.notNull(r, column) {
				p.requireNotNull(p.lockFamily(r, o.Only, AccessExclusive), column)
			}
		}
	}
	child := Share
	if p.version >= 18 {
		child = AccessExclusive
	}
	p.lockAll(p.addedTo(r, o)[1:], child, asChild)
	after := p.afterOn(r, o)
	for _, t := range p.partitions(r) {
		if p.newIndexes(t, after) {
			p.build(t, "the index of the constraint is built")
		}
	}
	switch k.Type {
	case catalog.Exclude:
		p.cost.MayFail = "two rows of " + catalog.QuoteIdent(r.Name) + " that exclude each other"
	case catalog.PrimaryKey:
		p.cost.MayFail = "a NULL or two rows with the same " + nameList(k.Columns) + " in " + catalog.QuoteIdent(r.Name)
	default:
		p.cost.MayFail = "two rows with the same " + nameList(k.Columns) + " in " + catalog.QuoteIdent(r.Name)
	}
}

func nameList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = catalog.QuoteIdent(n)
	}
	return strings.Join(quoted, ", ")
}

// afterOn is the schema as the operation leaves it where a partition may have a fitting
// index already; nil where there is no partition.
func (p *pricer) afterOn(r *catalog.Relation, op catalog.Op) *catalog.Catalog {
	if r.Kind != catalog.PartitionedTable {
		return nil
	}
	return p.after(op)
}

// newIndexes tells whether a table has an index afterwards that was not there before:
// yes, if the schema afterwards is not known.
func (p *pricer) newIndexes(t *catalog.Relation, after *catalog.Catalog) bool {
	if after == nil {
		return true
	}
	now := after.RelationByID(t.ID)
	if now == nil {
		return false
	}
	old := map[uint32]bool{}
	for _, i := range p.before.Indexes(t) {
		old[i.ID] = true
	}
	for _, i := range after.Indexes(now) {
		if !old[i.ID] {
			return true
		}
	}
	return false
}

// newForeignKey prices the far side of a new foreign key, and the look-up of old rows.
func (p *pricer) newForeignKey(r *catalog.Relation, k catalog.ConstraintDef, validate bool) {
	if k.NotEnforced {
		p.needs(18)
		validate = false
	}
	ref := p.before.Relation(k.RefTable)
	if ref == nil {
		return
	}
	if r.Kind == catalog.PartitionedTable && k.NotValid && !k.NotEnforced {
		p.needs(18)
	}
	if !validate {
		p.lockAll(p.partitions(ref), ShareRowExclusive, "the new foreign key references it")
		return
	}
	p.lockAll(p.partitions(ref), ShareRowExclusive, "every key of "+catalog.QuoteIdent(r.Name)+" is looked up in it")
	p.scanAll(p.partitions(r), "every row's key is looked up in "+catalog.QuoteIdent(ref.Name))
	p.cost.MayFail = "a row of " + catalog.QuoteIdent(r.Name) + " whose key " + catalog.QuoteIdent(ref.Name) + " does not have"
}

func (p *pricer) validateConstraint(o catalog.ValidateConstraint) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	k := r.Constraint(o.Name)
	if k == nil {
		return
	}
	p.lock(r, ShareUpdateExclusive, "")
	if p.valid(r, k) {
		p.cost.Why = "the constraint is valid already"
		return
	}
	p.cost.MayFail = "a row of " + catalog.QuoteIdent(r.Name) + " that breaks " + catalog.QuoteIdent(k.Name)
	if k.Type == catalog.ForeignKey {
		tables := p.partitions(r)
		p.lockAll(tables[1:], ShareUpdateExclusive, asChild)
		p.scanAll(tables, "every row's key is looked up")
		if ref := p.before.RelationByID(k.RefID); ref != nil {
			p.lockAll(p.partitions(ref), RowShare, "keys are looked up in it")
		}
		return
	}
	for _, t := range p.lockFamily(r, o.Only, ShareUpdateExclusive) {
		if own := sameConstraint(t, k); own == nil || !p.valid(t, own) {
			p.scan(t, "every row is checked")
		}
	}
}

func (p *pricer) valid(t *catalog.Relation, k *catalog.Constraint) bool {
	return k.Valid && (k.Type != catalog.NotNull || p.notNull(t, k.Columns[0]))
}

// sameConstraint is a child's copy of a constraint: by name, or for NOT NULL by column.
func sameConstraint(t *catalog.Relation, k *catalog.Constraint) *catalog.Constraint {
	if k.Type != catalog.NotNull {
		return t.Constraint(k.Name)
	}
	for _, own := range t.Constraints {
		if own.Type == catalog.NotNull && own.Columns[0] == k.Columns[0] {
			return own
		}
	}
	return nil
}

func (p *pricer) alterConstraint(o catalog.AlterConstraint) {
	if o.Enforced != nil {
		p.needs(18)
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	k := r.Constraint(o.Name)
	if k == nil {
		return
	}
	p.lock(r, AccessExclusive, "")
	p.lockAll(p.partitions(r)[1:], AccessExclusive, asChild)
	ref := p.before.RelationByID(k.RefID)
	if k.Type != catalog.ForeignKey || o.Enforced == nil || ref == nil || *o.Enforced == !k.NotEnforced {
		return
	}
	if *o.Enforced {
		p.lockAll(p.partitions(ref), ShareRowExclusive, "the foreign key to it is enforced")
		p.scanAll(p.partitions(r), "every row's key is looked up in "+catalog.QuoteIdent(ref.Name))
		p.cost.MayFail = "a row of " + catalog.QuoteIdent(r.Name) + " whose key " + catalog.QuoteIdent(ref.Name) + " does not have"
		return
	}
	p.lockAll(p.partitions(ref), AccessExclusive, "what enforces the foreign key is dropped")
}

func (p *pricer) renameConstraint(o catalog.RenameConstraint) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	k := r.Constraint(o.Name)
	if k == nil {
		return
	}
	if (k.Type == catalog.Check || k.Type == catalog.NotNull) && !k.NoInherit {
		p.lockFamily(r, o.Only, AccessExclusive)
	}
	if i := p.before.Index(catalog.Name{Schema: r.Schema, Name: k.Index}); k.Index != "" && i != nil {
		p.lockIndex(i, ShareUpdateExclusive, "it has the constraint's name")
	}
}
