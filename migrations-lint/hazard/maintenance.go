package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) cluster(o catalog.Cluster) {
	if o.On.IsZero() {
		p.cost.NotInTransaction = true // every table that was clustered before: which ones, the schema does not tell
		return
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	if r.Kind == catalog.PartitionedTable {
		p.needs(15)
		p.cost.NotInTransaction = p.version >= 15
		if p.version < 15 {
			return
		}
	}
	p.lock(r, AccessExclusive, "")
	for _, t := range p.partitions(r) {
		if !hasHeap(t) {
			continue
		}
		p.lock(t, AccessExclusive, asPartition)
		p.rewrite(t, "its rows are written anew in the index's order")
	}
}

func (p *pricer) vacuum(o catalog.Vacuum) {
	p.cost.NotInTransaction = !o.Analyze
	var tables []*catalog.Relation
	if o.On.IsZero() {
		for _, r := range p.before.Relations() {
			if hasHeap(r) || r.Kind == catalog.PartitionedTable {
				tables = append(tables, r)
			}
		}
	} else if r := p.before.Relation(o.On); r != nil {
		p.target(r)
		tables = p.family(r, r.Kind != catalog.PartitionedTable && p.version < 18)
		if o.Analyze && len(tables) == 1 {
			for _, child := range p.before.Descendants(r) {
				p.lock(child, AccessShare, "its rows count for its parent's statistics")
			}
		}
	}
	for n, t := range tables {
		why := ""
		switch {
		case o.On.IsZero():
			why = "the statement is about every table"
		case n > 0:
			why = asChild
		}
		if !o.Full {
			p.lock(t, ShareUpdateExclusive, why)
			continue
		}
		p.lock(t, AccessExclusive, why)
		p.rewrite(t, "its rows are written anew without the dead ones")
	}
}

func (p *pricer) refresh(o catalog.RefreshMatview) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	if o.WithNoData {
		p.lock(r, AccessExclusive, "it cannot be read until it is refreshed")
		p.lockIndexes(r, AccessExclusive, "it is emptied")
		return
	}
	p.readUses(r, AccessShare)
	if o.Concurrently {
		p.lock(r, Exclusive, "its rows are compared with those of the query")
		return
	}
	p.lock(r, AccessExclusive, "")
	p.rewrite(r, "the query's rows are written into a new heap")
}

// readUses locks what a view reads, as a query on the view does.
func (p *pricer) readUses(view *catalog.Relation, lock Lock) {
	seen := map[uint32]bool{view.ID: true}
	for _, u := range view.Uses {
		if r := p.before.RelationByID(u.Relation); r != nil && !seen[r.ID] {
			seen[r.ID] = true
			p.query(r, lock)
		}
	}
}

// query locks a relation as a query does: with what inherits from it, and through views.
func (p *pricer) query(r *catalog.Relation, lock Lock) {
	p.lock(r, lock, "")
	if r.Kind == catalog.View {
		p.readUses(r, lock)
		return
	}
	p.lockAll(p.before.Descendants(r), lock, "it is read with its parent")
}
