package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) createView(o catalog.CreateView) {
	if r := p.before.Relation(o.On); r != nil && o.OrReplace {
		p.target(r)
		p.lock(r, AccessExclusive, "")
	}
	if o.Query == nil {
		return
	}
	for _, name := range o.Query.Relations {
		r := p.before.Relation(name)
		switch {
		case r == nil:
		case o.Materialized && !o.WithNoData:
			p.query(r, AccessShare)
		default:
			p.lock(r, AccessShare, "the view reads it")
		}
	}
}
