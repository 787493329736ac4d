package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) addColumn(o catalog.AddColumn) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if o.IfNotExists && r.Column(o.Column.Name) != nil {
		p.cost.Why = "the column exists: nothing is done, but the lock is taken"
		return
	}
	p.newColumn(o, p.lockFamily(r, o.Only, AccessExclusive))
}

// newColumn prices a new column's effect on the tables that get it.
func (p *pricer) newColumn(o catalog.AddColumn, tables []*catalog.Relation) {
	def := o.Column
	r := tables[0]
	rewrite, why := p.columnRewrites(def)
	for _, t := range tables {
		if rewrite != "" {
			p.rewrite(t, rewrite)
		}
	}
	if rewrite == "" {
		p.cost.Why = why
		if def.NotNull && !p.filled(def) {
			p.scanAll(tables, "the new column is NOT NULL and has no default: every row is checked")
			p.cost.MayFail = "any row of " + catalog.QuoteIdent(r.Name) + ": the new column is NULL in it"
		}
	}
	if def.NotNull && rewrite == "" && p.domainRequires(def.Type) {
		p.cost.MayFail = "any row of " + catalog.QuoteIdent(r.Name)
	}
	p.columnNeeds(def)
	if p.domainRequires(def.Type) && !p.filled(def) {
		p.cost.MayFail = "any row of " + catalog.QuoteIdent(r.Name) + ": the domain allows no NULL"
	}
	for _, k := range def.Constraints {
		if len(k.Columns) == 0 {
			k.Columns = []string{def.Name}
		}
		p.newColumnConstraint(r, tables, def, k)
	}
}

// columnNeeds notes the first version that knows a column definition's syntax.
func (p *pricer) columnNeeds(def catalog.ColumnDef) {
	switch {
	case def.Virtual:
		p.needs(18)
	case def.Storage != "":
		p.needs(16)
	case def.Compression != "":
		p.needs(14)
	}
}

// columnRewrites tells why a new column makes the server write every row anew, or else
// why it does not.
func (p *pricer) columnRewrites(def catalog.ColumnDef) (rewrite, why string) {
	switch {
	case def.Generated != nil && def.Virtual:
		return "", "a virtual generated column is computed when it is read"
	case def.Generated != nil:
		return "a stored generated column is computed for every row", ""
	case def.Serial:
		return "the sequence's next value is stored in every row", ""
	case def.Identity != "":
		return "the identity's next value is stored in every row", ""
	}
	value := def.Default
	if value == nil {
		value = p.domainDefault(def.Type)
	}
	if call := p.volatileCall(value); call != "" {
		return "the default is volatile: " + call + " is called for every row", ""
	}
	if p.domainChecks(def.Type) {
		return "the type is a domain with constraints, which are checked by writing every row", ""
	}
	switch {
	case value == nil || value.Null:
		return "", "the new column is NULL in every old row: only the catalog changes"
	case len(value.Functions) > 0:
		return "", "the default is evaluated once and kept in the catalog"
	}
	return "", "a constant default is kept in the catalog"
}

// filled tells whether old rows get a value that is not NULL.
func (p *pricer) filled(def catalog.ColumnDef) bool {
	value := def.Default
	if value == nil {
		value = p.domainDefault(def.Type)
	}
	return value != nil && !value.Null || def.Serial || def.Identity != "" || def.Generated != nil && !def.Virtual
}

func (p *pricer) newColumnConstraint(r *catalog.Relation, tables []*catalog.Relation, def catalog.ColumnDef, k catalog.ConstraintDef) {
	switch k.Type {
	case catalog.Check:
		if k.NotEnforced {
			p.needs(18)
			return
		}
		p.scanAll(tables, "every row is checked, even where the new column is NULL")
		p.cost.MayFail = "a row of " + catalog.QuoteIdent(r.Name) + " that the CHECK forbids"
	case catalog.Unique, catalog.PrimaryKey:
		for _, t := range p.partitions(r) {
			p.build(t, "an index is built for the new column")
		}
		if k.Type == catalog.PrimaryKey && !p.filled(def) {
			p.cost.MayFail = "any row of " + catalog.QuoteIdent(r.Name) + ": the new column is NULL in it"
		} else if p.filled(def) && p.volatileCall(def.Default) == "" && !def.Serial && def.Identity == "" {
			p.cost.MayFail = "two rows of " + catalog.QuoteIdent(r.Name) + ": they get the same value"
		}
		if k.NullsNotDistinct {
			p.needs(15)
		}
	case catalog.ForeignKey:
		p.newForeignKey(r, k, def.Default != nil || def.Serial || def.Generated != nil)
	}
}

// domain is the domain that a type is, or nil.
func (p *pricer) domain(t catalog.Type) *catalog.UserType {
	if t.Dims > 0 {
		return nil
	}
	if u := p.before.Type(t); u != nil && u.Kind == catalog.Domain {
		return u
	}
	return nil
}

// domainChecks tells whether a type is a domain with constraints, its own or those of the
// domains under it.
func (p *pricer) domainChecks(t catalog.Type) bool {
	for range 64 { // deeper than any real chain of domains
		u := p.domain(t)
		if u == nil {
			return false
		}
		if u.NotNull || len(u.Constraints) > 0 {
			return true
		}
		t = u.Base
	}
	return false
}

func (p *pricer) domainRequires(t catalog.Type) bool {
	for range 64 {
		u := p.domain(t)
		if u == nil {
			return false
		}
		if u.NotNull {
			return true
		}
		t = u.Base
	}
	return false
}

func (p *pricer) domainDefault(t catalog.Type) *catalog.Expr {
	for range 64 {
		u := p.domain(t)
		if u == nil {
			return nil
		}
		if u.Default != nil {
			return u.Default
		}
		t = u.Base
	}
	return nil
}
