package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) comment(o catalog.Comment) {
	switch o.Object {
	case "table", "column", "view", "materialized view", "foreign table", "index", "sequence":
		if i := p.before.Index(o.On); i != nil {
			p.targetIndex(i)
			p.lockIndex(i, ShareUpdateExclusive, "")
		} else if s := p.before.Sequence(o.On); s != nil {
			p.targetSequence(s)
			p.lockSequence(s, ShareUpdateExclusive, "")
		} else if r := p.before.Relation(o.On); r != nil {
			p.target(r)
			p.lock(r, ShareUpdateExclusive, "")
		}
	case "constraint", "trigger", "rule", "policy":
		if r := p.before.Relation(o.On); r != nil {
			p.target(r)
			p.lock(r, AccessShare, "")
		}
	}
}

// grant prices GRANT and REVOKE, which lock the object since PostgreSQL 18.
func (p *pricer) grant(o catalog.Grant) {
	if r := p.before.Relation(o.On); r != nil && o.Object == "table" && p.version >= 18 {
		p.target(r)
		p.lock(r, AccessShare, "")
	}
}

// outsideOnly are the statements, by their names in catalog.Other, that fail inside a
// transaction block whatever their options are.
var outsideOnly = nameSet(`create_database drop_database create_tablespace drop_tablespace alter_system`)

func (p *pricer) other(o catalog.Other) {
	p.cost.NotInTransaction = outsideOnly[o.Name]
	if o.Name == "drop_database" {
		p.cost.LosesData, p.cost.Lost = true, "database "+o.On.String()
	}
}
