package hazard

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) attachPartition(o catalog.AttachPartition) {
	if parent := p.before.Index(o.On); parent != nil {
		p.attachIndex(parent, o)
		return
	}
	parent, part := p.before.Relation(o.On), p.before.Relation(o.Partition)
	if parent == nil || part == nil {
		return
	}
	p.target(parent)
	p.lock(parent, ShareUpdateExclusive, "")
	why := "it becomes a partition"
	tables := p.partitions(part)
	p.lockAll(tables, AccessExclusive, why)
	siblings := len(p.before.Children(parent)) > 0
	switch {
	case o.Bound == "DEFAULT" && !siblings:
	case impliesBound(part, parent, o.Bound, p.before.Children(parent)):
		p.entry(part.FullName(), string(part.Kind)).Why = "a valid CHECK proves that its rows are within the bounds"
	default:
		p.scanAll(tables, "every row is checked against the partition's bounds")
		p.cost.MayFail = "a row of " + catalog.QuoteIdent(part.Name) + " outside of the bounds"
	}
	after := p.after(o)
	for _, t := range tables {
		if after != nil && p.newIndexes(t, after) || after == nil && len(p.before.Indexes(parent)) > 0 {
			p.build(t, "the indexes of the partitioned table are built on it")
		}
	}
	p.newPartition(parent, o.Bound)
	p.attachForeignKeys(parent, part)
}

// newPartition prices what a new partition means for the default partition, the indexes
// and the tables that reference the partitioned table.
func (p *pricer) newPartition(parent *catalog.Relation, bound string) {
	if d := p.before.DefaultPartition(parent); d != nil && bound != "DEFAULT" {
		for _, t := range p.partitions(d) {
			p.lock(t, AccessExclusive, "it may hold rows that belong to the new partition")
			if excludesBound(d, parent, bound) {
				p.entry(t.FullName(), string(t.Kind)).Why = "a valid CHECK proves that it holds no row of the new partition"
				continue
			}
			p.scan(t, "it may hold rows that belong to the new partition: every row is checked")
			p.cost.MayFail = "a row in the default partition " + catalog.QuoteIdent(d.Name) + " that belongs to the new one"
		}
	}
	p.lockIndexes(parent, ShareUpdateExclusive, "it gets an index of the new partition")
	for _, ref := range p.before.ForeignKeysTo(parent) {
		if ref.Constraint.Parent != 0 {
			continue
		}
		lock := ShareRowExclusive
		if p.version < 15 {
			lock = AccessShare
		}
		p.lock(ref.Table, lock, "its foreign key gets the new partition")
	}
}

// attachForeignKeys prices the foreign keys that a partition gets from its parent.
func (p *pricer) attachForeignKeys(parent, part *catalog.Relation) {
	for _, k := range parent.Constraints {
		ref := p.before.RelationByID(k.RefID)
		if k.Type != catalog.ForeignKey || ref == nil {
			continue
		}
		if hasSameForeignKey(part, k) {
			p.lockAll(p.partitions(ref), AccessExclusive, "the partition's own foreign key to it becomes one with its parent's")
			continue
		}
		p.lockAll(p.partitions(ref), ShareRowExclusive, "the partition's foreign key references it")
		if !k.Valid || k.NotEnforced {
			continue
		}
		p.scanAll(p.partitions(part), "every row's key is looked up in "+catalog.QuoteIdent(ref.Name))
		p.cost.MayFail = "a row of " + catalog.QuoteIdent(part.Name) + " whose key " + catalog.QuoteIdent(ref.Name) + " does not have"
	}
}

func hasSameForeignKey(t *catalog.Relation, k *catalog.Constraint) bool {
	for _, own := range t.Constraints {
		if own.Type == catalog.ForeignKey && own.RefID == k.RefID && nameList(own.Columns) == nameList(k.Columns) &&
			own.OnDelete == k.OnDelete && own.OnUpdate == k.OnUpdate && own.Valid == k.Valid && own.Deferrable == k.Deferrable {
			return true
		}
	}
	return false
}

func (p *pricer) attachIndex(parent *catalog.Index, o catalog.AttachPartition) {
	child := p.before.Index(o.Partition)
	if child == nil {
		return
	}
	p.targetIndex(parent)
	p.lockIndex(parent, ShareUpdateExclusive, "")
	p.lockIndex(child, AccessExclusive, "it becomes a part of the partitioned index")
	for _, i := range []*catalog.Index{parent, child} {
		if t := p.before.RelationByID(i.Table); t != nil {
			p.lock(t, AccessShare, "its index is attached")
		}
	}
}

func (p *pricer) detachPartition(o catalog.DetachPartition) {
	if o.Concurrently || o.Finalize {
		p.needs(14)
	}
	p.cost.NotInTransaction = o.Concurrently
	parent, part := p.before.Relation(o.On), p.before.Relation(o.Partition)
	if parent == nil || part == nil {
		return
	}
	p.target(parent)
	lock := AccessExclusive
	d := p.before.DefaultPartition(parent)
	if o.Concurrently || o.Finalize {
		lock = ShareUpdateExclusive
		if d != nil && o.Concurrently {
			p.cost.Fails = "a partition cannot be detached concurrently while a default partition exists"
			return
		}
		p.cost.WaitsForTransactions = o.Concurrently
	}
	p.lock(parent, lock, "")
	p.lockAll(p.partitions(part), AccessExclusive, "it is no partition any more")
	if d != nil {
		p.lock(d, AccessExclusive, "the default partition may now take the detached one's rows")
	}
	for _, k := range part.Constraints {
		if ref := p.before.RelationByID(k.RefID); k.Type == catalog.ForeignKey && k.Parent != 0 && ref != nil {
			p.lockAll(p.partitions(ref), ShareRowExclusive, "the detached table's foreign key references it")
		}
	}
	for _, i := range p.before.Indexes(part) {
		if i.Parent != "" && !o.Concurrently && !o.Finalize {
			p.lockIndex(i, AccessExclusive, "it leaves the partitioned index")
		}
	}
	for _, ref := range p.before.ForeignKeysTo(parent) {
		if ref.Constraint.Parent == 0 {
			p.lock(ref.Table, AccessExclusive, "its foreign key loses the partition")
			p.scan(ref.Table, "every row's key is looked up in the detached partition")
			p.cost.MayFail = "a row of " + catalog.QuoteIdent(ref.Table.Name) + " that references the partition"
		}
	}
}

func (p *pricer) setInherit(o catalog.SetInherit) {
	r, parent := p.before.Relation(o.On), p.before.Relation(o.Parent)
	if r == nil || parent == nil {
		return
	}
	p.target(r)
	p.lock(r, AccessExclusive, "")
	if o.Remove {
		p.lock(parent, AccessShare, "it loses a child")
	} else {
		p.lock(parent, ShareUpdateExclusive, "it gets a child")
	}
}
