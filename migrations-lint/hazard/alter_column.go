package hazard

import (
	"slices"
	"strconv"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) renameColumn(o catalog.RenameColumn) {
	if o.Object == "type" {
		p.typedTables(o.On, AccessExclusive)
		return
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lockFamily(r, o.Only, AccessExclusive)
}

func (p *pricer) setDefault(o catalog.SetDefault) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lockFamily(r, o.Only, AccessExclusive)
}

func (p *pricer) setNotNull(o catalog.SetNotNull) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if p.notNull(r, o.Column) {
		p.cost.Why = "the column is NOT NULL already"
		p.lockFamily(r, o.Only || p.version >= 18 || r.Kind == catalog.PartitionedTable, AccessExclusive)
		return
	}
	p.requireNotNull(p.lockFamily(r, o.Only, AccessExclusive), o.Column)
}

// notNull tells whether a column is known to hold no NULL. A NOT NULL that only comes from
// parents is as valid as theirs.
func (p *pricer) notNull(t *catalog.Relation, column string) bool {
	c := t.Column(column)
	if c == nil || !c.NotNull || !c.NotNullValid {
		return false
	}
	for _, k := range t.Constraints {
		if k.Type == catalog.NotNull && k.Columns[0] == column && k.Inherited && !k.Local {
			for _, parent := range p.before.Parents(t) {
				if parent.Column(column) != nil && !p.notNull(parent, column) {
					return false
				}
			}
		}
	}
	return true
}

// requireNotNull reads the tables whose column could still hold a NULL.
func (p *pricer) requireNotNull(tables []*catalog.Relation, column string) {
	for _, t := range tables {
		if t.Column(column) == nil || p.notNull(t, column) {
			continue
		}
		if k := provesNotNull(t, column); k != "" {
			p.entry(t.FullName(), string(t.Kind)).Why = "the valid CHECK " + catalog.QuoteIdent(k) + " proves that no row holds a NULL"
			continue
		}
		p.scan(t, "every row is checked for a NULL in "+catalog.QuoteIdent(column))
		p.cost.MayFail = "a NULL in " + columnName(t, column)
	}
}

// provesNotNull is a valid CHECK that no row with a NULL in the column passes, "" for none.
func provesNotNull(t *catalog.Relation, column string) string {
	for _, k := range t.Constraints {
		if k.Type == catalog.Check && k.Valid && !k.NotEnforced && k.Expr != nil && slices.Contains(k.Expr.NotNullOf, column) {
			return k.Name
		}
	}
	return ""
}

func (p *pricer) dropNotNull(o catalog.DropNotNull) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if c := r.Column(o.Column); p.version < 18 || c != nil && c.NotNull {
		p.lockFamily(r, o.Only, AccessExclusive)
	}
}

func (p *pricer) setIdentity(o catalog.SetIdentity) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if p.version >= 17 && r.Kind == catalog.PartitionedTable {
		p.lockFamily(r, o.Only, AccessExclusive)
	}
	s := p.ownedSequence(r, o.Column)
	if c := r.Column(o.Column); s == nil || c == nil || c.Identity == "" {
		return
	}
	if o.Identity == "" {
		p.lockSequence(s, AccessExclusive, "it goes with the identity")
	} else if !o.Add {
		p.lockSequence(s, ShareRowExclusive, "its options may change")
	}
}

func (p *pricer) setGenerated(o catalog.SetGenerated) {
	if o.Expr == nil {
		p.needs(13)
	} else {
		p.needs(17)
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	tables := p.lockFamily(r, o.Only, AccessExclusive)
	if o.Expr == nil {
		p.cost.Why = "the values that were generated stay"
		return
	}
	for _, t := range tables {
		c := t.Column(o.Column)
		switch {
		case c == nil || c.Generated == nil:
		case !c.Virtual:
			p.rewrite(t, "the new expression is computed for every row")
		case hasCheck(t):
			p.cost.Fails = "the expression of a virtual column cannot be changed in a table with CHECK constraints"
		}
	}
}

func hasCheck(t *catalog.Relation) bool {
	return slices.ContainsFunc(t.Constraints, func(k *catalog.Constraint) bool { return k.Type == catalog.Check })
}

func (p *pricer) setColumnOption(o catalog.SetColumnOption) {
	lock, recurse := AccessExclusive, false
	switch o.Option {
	case "statistics":
		lock, recurse = ShareUpdateExclusive, true
	case "options":
		lock = ShareUpdateExclusive
	case "storage":
		recurse = true
	case "compression":
		p.needs(14)
	}
	if i := p.before.Index(o.On); i != nil {
		p.targetIndex(i)
		if n, err := strconv.Atoi(o.Column); err == nil && (n < 1 || n > len(i.Elements) || i.Elements[n-1].Column != "") {
			p.cost.Fails = "only expressions of an index have statistics of their own"
			return
		}
		p.lockIndex(i, lock, "")
		return
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lockFamily(r, o.Only || !recurse, lock)
	if s := p.ownedSequence(r, o.Column); s != nil && o.Option == "identity_sequence" {
		p.lockSequence(s, ShareRowExclusive, "its options change")
	}
}
