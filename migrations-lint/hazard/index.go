package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) createIndex(o catalog.CreateIndex) {
	if o.NullsNotDistinct {
		p.needs(15)
	}
	p.cost.NotInTransaction = o.Concurrently
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	lock := Share
	if o.Concurrently {
		lock = ShareUpdateExclusive
	}
	if o.Concurrently && r.Kind == catalog.PartitionedTable {
		p.cost.Fails = "an index of a partitioned table cannot be created concurrently: create one ON ONLY it, one CONCURRENTLY on each partition, and attach them"
		return
	}
	tables := p.partitions(r)
	if o.Only {
		tables = tables[:1]
	}
	p.lock(r, lock, "")
	p.lockAll(tables[1:], lock, asPartition)
	if o.IfNotExists && o.Name != "" && p.before.Index(catalog.Name{Schema: r.Schema, Name: o.Name}) != nil {
		p.cost.Why = "the index exists: nothing is built, but the lock is taken"
		return
	}
	p.cost.WaitsForTransactions = o.Concurrently
	after := p.afterOn(r, o)
	for _, t := range tables {
		if p.newIndexes(t, after) {
			p.build(t, "the index is built")
		}
		if after == nil {
			continue
		}
		for _, i := range p.before.Indexes(t) {
			if now := after.Index(indexName(i)); i.Parent == "" && now != nil && now.Parent != "" {
				p.lockIndex(i, lock, "it becomes a part of the partitioned index")
			}
		}
	}
	if o.Unique {
		p.cost.MayFail = "two rows with the same key in " + catalog.QuoteIdent(r.Name)
	}
}

func (p *pricer) reindex(o catalog.Reindex) {
	table, index := Share, AccessExclusive
	if o.Concurrently {
		table, index = ShareUpdateExclusive, ShareUpdateExclusive
		p.cost.NotInTransaction = true
	}
	switch o.Object {
	case "index":
		p.reindexIndex(o, table, index)
	case "table":
		p.reindexTable(o, table, index)
	default:
		p.cost.NotInTransaction = true
		if o.Object == "system" {
			if o.Concurrently {
				p.cost.Fails = "system catalogs cannot be reindexed concurrently"
			}
			return
		}
		for _, r := range p.before.Relations() {
			if hasHeap(r) && !r.Temporary && (o.Object == "database" || r.Schema == o.On.Name) {
				p.reindexRelation(r, table, index)
				p.cost.WaitsForTransactions = p.cost.WaitsForTransactions || o.Concurrently
			}
		}
	}
}

// reindexRelation rebuilds all indexes of one relation.
func (p *pricer) reindexRelation(r *catalog.Relation, table, index Lock) {
	p.lock(r, table, "its indexes are built anew")
	for _, i := range p.before.Indexes(r) {
		p.scan(r, "its indexes are built anew")
		p.rebuild(r, i, index)
	}
}

func (p *pricer) reindexTable(o catalog.Reindex, table, index Lock) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	if r.Kind != catalog.PartitionedTable {
		p.cost.WaitsForTransactions = o.Concurrently
		p.reindexRelation(r, table, index)
		return
	}
	p.needs(14)
	p.cost.NotInTransaction = true
	p.cost.WaitsForTransactions = o.Concurrently
	p.lock(r, table, "")
	for _, t := range p.partitions(r)[1:] {
		p.lock(t, Share, asPartition) // for a moment, even for CONCURRENTLY
		if hasHeap(t) {
			p.reindexRelation(t, table, index)
		}
	}
}

func (p *pricer) reindexIndex(o catalog.Reindex, table, index Lock) {
	i := p.before.Index(o.On)
	if i == nil {
		return
	}
	p.targetIndex(i)
	r := p.before.RelationByID(i.Table)
	if r == nil {
		return
	}
	p.cost.WaitsForTransactions = o.Concurrently
	if r.Kind != catalog.PartitionedTable {
		p.lock(r, table, "its index is built anew")
		p.scan(r, "its index is built anew")
		p.rebuild(r, i, index)
		return
	}
	p.needs(14)
	p.cost.NotInTransaction = true
	p.lock(r, table, "its index is built anew")
	names := map[catalog.Name]bool{indexName(i): true}
	for _, t := range p.partitions(r)[1:] {
		for _, part := range p.before.Indexes(t) {
			if part.Parent == "" || !names[p.parentIndexName(t, part)] {
				continue
			}
			names[indexName(part)] = true
			if hasHeap(t) {
				p.lock(t, table, "its index is built anew")
				p.scan(t, "its index is built anew")
				p.rebuild(t, part, index)
			}
		}
	}
}

// parentIndexName is the index of the partitioned table that a partition's index belongs to.
func (p *pricer) parentIndexName(t *catalog.Relation, i *catalog.Index) catalog.Name {
	for _, parent := range p.before.Parents(t) {
		for _, x := range p.before.Indexes(parent) {
			if x.Name == i.Parent {
				return indexName(x)
			}
		}
	}
	return catalog.Name{}
}
