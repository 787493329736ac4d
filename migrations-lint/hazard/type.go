package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// alterDomain prices ALTER DOMAIN: a constraint that must hold for old values is checked
// in every table that has the domain.
func (p *pricer) alterDomain(o catalog.AlterDomain) {
	d := p.before.Type(catalog.Type{Schema: o.On.Schema, Name: o.On.Name})
	if d == nil {
		return
	}
	switch o.Action {
	case "add_constraint":
		if o.Constraint.NotValid {
			return
		}
	case "set_not_null":
		if d.NotNull {
			return
		}
	case "validate_constraint":
	default:
		return
	}
	for _, use := range p.before.TypeUsers(catalog.Type{Schema: d.Schema, Name: d.Name}) {
		if !hasHeap(use.Relation) {
			continue
		}
		p.lock(use.Relation, Share, "it has a column of the domain")
		p.scan(use.Relation, "every value of the domain is checked")
		p.cost.MayFail = "a value in " + columnName(use.Relation, use.Column.Name) + " that the domain forbids"
	}
}

// alterComposite prices ALTER TYPE ... ATTRIBUTE, which CASCADE carries to typed tables.
func (p *pricer) alterComposite(o catalog.AlterComposite) {
	base := catalog.AlterBase{Base: o.Base}
	for _, t := range p.typedTables(o.On, AccessExclusive) {
		tables := p.family(t, false)
		switch o.Action {
		case "add":
			p.newColumn(catalog.AddColumn{AlterBase: base, Column: o.Column}, tables)
		case "drop":
			p.entry(t.FullName(), string(t.Kind)).LosesData = true
			p.cost.LosesData, p.cost.Lost = true, "column "+columnName(t, o.Column.Name)
		case "alter":
			p.retype(catalog.AlterColumnType{AlterBase: base, Column: o.Column.Name, Type: o.Column.Type, Collation: o.Column.Collation}, tables)
		}
	}
}

func (p *pricer) createSequence(o catalog.CreateSequence) {
	if o.IfNotExists && p.before.Sequence(o.On) != nil {
		return
	}
	p.owner(o.OwnedBy)
}

// owner locks the table whose column is to own a sequence.
func (p *pricer) owner(c catalog.ColumnRef) {
	if c.Column == "" {
		return
	}
	if r := p.before.Relation(catalog.Name{Schema: c.Schema, Name: c.Table}); r != nil {
		p.lock(r, AccessShare, "its column owns the sequence")
	}
}

func (p *pricer) alterSequence(o catalog.AlterSequence) {
	s := p.before.Sequence(o.On)
	if s == nil {
		return
	}
	p.targetSequence(s)
	p.lockSequence(s, ShareRowExclusive, "")
	p.owner(o.OwnedBy)
}
