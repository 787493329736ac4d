package hazard

import (
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// drop prices an operation that removes things: what is there before and not afterwards
// was locked, CASCADE's victims too.
func (p *pricer) drop(op catalog.Op) {
	after := p.after(op)
	if after == nil {
		p.dropAlone(op)
		return
	}
	var lost []string
	for _, r := range p.before.Relations() {
		left := after.RelationByID(r.ID)
		switch {
		case left == nil:
			p.dropped(r, after)
			if (r.Kind == catalog.Table || r.Kind == catalog.PartitionedTable) && !p.goesWithParent(r, after) {
				lost = append(lost, "table "+r.FullName().String())
			}
		case left != r:
			lost = append(lost, p.changed(r, left)...)
		}
		p.droppedIndexes(r, after)
	}
	for _, s := range p.sequences() {
		if left := after.Sequence(catalog.Name{Schema: s.Schema, Name: s.Name}); left == nil || left.ID != s.ID {
			p.lockSequence(s, AccessExclusive, "it is dropped")
		}
	}
	if len(lost) > 0 {
		p.cost.LosesData, p.cost.Lost = true, strings.Join(lost, ", ")
	}
}

// goesWithParent tells that a partition is dropped with the partitioned table.
func (p *pricer) goesWithParent(r *catalog.Relation, after *catalog.Catalog) bool {
	for _, parent := range p.before.Parents(r) {
		if r.IsPartition() && after.RelationByID(parent.ID) == nil {
			return true
		}
	}
	return false
}

// dropAlone prices what can be said of a drop that the schema refuses: its own object.
func (p *pricer) dropAlone(op catalog.Op) {
	r := p.before.Relation(op.Target())
	if r == nil {
		if i := p.before.Index(op.Target()); i != nil {
			p.lockIndex(i, AccessExclusive, "")
			if t := p.before.RelationByID(i.Table); t != nil {
				p.lock(t, AccessExclusive, "its index is dropped")
			}
		}
		return
	}
	p.lock(r, AccessExclusive, "")
	if _, ok := op.(catalog.DropRelation); ok && (r.Kind == catalog.Table || r.Kind == catalog.PartitionedTable) {
		p.cost.LosesData, p.cost.Lost = true, "table "+r.FullName().String()
	}
}

// dropped prices a relation that is gone.
func (p *pricer) dropped(r *catalog.Relation, after *catalog.Catalog) {
	p.lock(r, AccessExclusive, "it is dropped")
	if r.Kind == catalog.Table {
		p.entry(r.FullName(), string(r.Kind)).LosesData = true
	}
	if r.IsPartition() {
		for _, parent := range p.before.Parents(r) {
			if after.RelationByID(parent.ID) == nil {
				continue
			}
			p.lock(parent, AccessExclusive, "its partition is dropped")
			if d := p.before.DefaultPartition(parent); d != nil {
				p.lock(d, AccessExclusive, "the default partition may now take the dropped one's rows")
			}
		}
	}
	for _, k := range r.Constraints {
		if k.Type == catalog.ForeignKey && k.Parent == 0 {
			p.unreferenced(r, k, after)
		}
	}
}

// unreferenced locks the table that a dropped foreign key references.
func (p *pricer) unreferenced(r *catalog.Relation, k *catalog.Constraint, after *catalog.Catalog) {
	ref := p.before.RelationByID(k.RefID)
	if ref == nil {
		return
	}
	list := p.partitions(ref)
	if p.version < 15 && ref.Kind == catalog.PartitionedTable && after.RelationByID(r.ID) == nil {
		list = list[1:] // only the partitions hold what enforces the key
	}
	for _, x := range list {
		p.lock(x, AccessExclusive, "a foreign key of "+catalog.QuoteIdent(r.Name)+" to it is dropped")
	}
}

// changed prices what a relation that stays has lost.
func (p *pricer) changed(r, left *catalog.Relation) (lost []string) {
	touched := false
	for _, k := range r.Constraints {
		if !hasConstraint(left, k.ID) && k.Type != catalog.NotNull {
			touched = true
			if k.Type == catalog.ForeignKey && k.Parent == 0 {
				p.lock(r, AccessExclusive, "its foreign key is dropped")
				p.unreferenced(r, k, p.before)
			}
		}
	}
	for _, c := range r.Columns {
		switch still := columnByID(left, c.ID); {
		case still == nil:
			touched = true
			if hasHeap(r) || r.Kind == catalog.PartitionedTable {
				p.entry(r.FullName(), string(r.Kind)).LosesData = true
				if !c.Inherited {
					lost = append(lost, "column "+columnName(r, c.Name))
				}
			}
		case (c.Default == nil) != (still.Default == nil):
			touched = true
		}
	}
	if len(left.Triggers) < len(r.Triggers) || len(left.Rules) < len(r.Rules) || len(left.Policies) < len(r.Policies) {
		touched = true
	}
	if touched {
		p.lock(r, AccessExclusive, "something of it is dropped")
	}
	return lost
}

// droppedIndexes prices the indexes of a relation that are gone.
func (p *pricer) droppedIndexes(r *catalog.Relation, after *catalog.Catalog) {
	if len(p.before.Indexes(r)) == 0 {
		return
	}
	left := map[uint32]bool{}
	if now := after.RelationByID(r.ID); now != nil {
		for _, i := range after.Indexes(now) {
			left[i.ID] = true
		}
	}
	for _, i := range p.before.Indexes(r) {
		if left[i.ID] {
			continue
		}
		p.lockIndex(i, AccessExclusive, "it is dropped")
		for _, x := range p.partitions(r) {
			p.lock(x, AccessExclusive, "its index is dropped")
		}
	}
}

func hasConstraint(r *catalog.Relation, id uint32) bool {
	for _, k := range r.Constraints {
		if k.ID == id {
			return true
		}
	}
	return false
}

func columnByID(r *catalog.Relation, id uint32) *catalog.Column {
	for _, c := range r.Columns {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (p *pricer) dropRelation(o catalog.DropRelation) {
	if i := p.before.Index(o.On); i != nil {
		p.dropIndex(o, i)
		return
	}
	if o.Concurrently {
		p.cost.NotInTransaction = true // even when there is nothing to drop
		return
	}
	if r := p.before.Relation(o.On); r != nil {
		p.target(r)
		if !p.dropReferencedPartition(r, o.Cascade) {
			return
		}
	} else if s := p.before.Sequence(o.On); s != nil {
		p.targetSequence(s)
	}
	p.drop(o)
}

// dropReferencedPartition prices the foreign keys to the partitioned tables that a dropped
// partition is part of: they refuse the drop, or go with it. It tells whether it goes on.
func (p *pricer) dropReferencedPartition(r *catalog.Relation, cascade bool) bool {
	if !r.IsPartition() {
		return true
	}
	for _, parent := range p.before.Parents(r) {
		for _, ref := range p.before.ForeignKeysTo(parent) {
			if !cascade {
				p.cost.Fails = "the foreign key " + catalog.QuoteIdent(ref.Constraint.Name) + " references the partitioned table: detach the partition before"
				return false
			}
			p.lockAll(p.partitions(ref.Table), AccessExclusive, "its foreign key is dropped")
			p.lockAll(p.partitions(parent), AccessExclusive, "a foreign key of "+catalog.QuoteIdent(ref.Table.Name)+" to it is dropped")
		}
		if !p.dropReferencedPartition(parent, cascade) {
			return false
		}
	}
	return true
}

func (p *pricer) dropIndex(o catalog.DropRelation, i *catalog.Index) {
	p.targetIndex(i)
	if !o.Concurrently {
		p.drop(o)
		return
	}
	p.cost.NotInTransaction = true
	if len(o.Together) > 0 {
		p.cost.Fails = "DROP INDEX CONCURRENTLY takes one index"
		return
	}
	table := p.before.RelationByID(i.Table)
	if table.Kind == catalog.PartitionedTable {
		p.cost.Fails = "an index of a partitioned table cannot be dropped concurrently"
		return
	}
	p.cost.WaitsForTransactions = true
	p.lockIndex(i, ShareUpdateExclusive, "")
	p.lock(table, ShareUpdateExclusive, "its index is dropped")
}

func (p *pricer) dropColumn(o catalog.DropColumn) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.drop(o)
	p.lock(r, AccessExclusive, "")
	if r.Column(o.Column) != nil {
		p.lockFamily(r, false, AccessExclusive) // ONLY too: the children's columns become their own
	}
}

func (p *pricer) dropConstraint(o catalog.DropConstraint) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.drop(o)
	p.lock(r, AccessExclusive, "")
	if k := r.Constraint(o.Name); k != nil && (k.Type == catalog.Check || k.Type == catalog.NotNull) && !k.NoInherit {
		p.lockFamily(r, false, AccessExclusive)
	}
}
