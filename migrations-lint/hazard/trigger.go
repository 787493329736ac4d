package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) createTrigger(o catalog.CreateTrigger) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, ShareRowExclusive, "")
	if o.Row {
		p.lockAll(p.partitions(r)[1:], ShareRowExclusive, "each partition gets the trigger")
	}
	if ref := p.before.Relation(o.RefTable); !o.RefTable.IsZero() && ref != nil {
		p.lock(ref, AccessShare, "the constraint trigger is FROM it")
	}
	if o.OrReplace {
		p.needs(14)
	}
	if o.Row && o.Timing == "BEFORE" && r.Kind == catalog.PartitionedTable {
		p.needs(13)
	}
}

func (p *pricer) dropTableObject(o catalog.DropTableObject) {
	if r := p.before.Relation(o.On); r != nil {
		p.target(r)
		p.drop(o)
	}
}

func (p *pricer) renameTableObject(o catalog.RenameTableObject) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if t := r.Trigger(o.Name); o.Object == "trigger" && t != nil && t.Row && p.version >= 15 {
		p.lockAll(p.partitions(r)[1:], AccessExclusive, "its trigger is renamed with the parent's")
	}
}

// createTableObject prices CREATE RULE, CREATE POLICY and ALTER POLICY.
func (p *pricer) createTableObject(o catalog.CreateTableObject) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	for _, name := range o.Reads {
		if other := p.before.Relation(name); other != nil {
			p.lock(other, AccessShare, "the "+o.Object+" names it")
		}
	}
}
