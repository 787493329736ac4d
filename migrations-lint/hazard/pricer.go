package hazard

import (
	"cmp"
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// pricer collects the cost of one operation.
type pricer struct {
	before  *catalog.Catalog
	version int
	cost    *Cost
	also    map[catalog.Name]*RelationLock
	order   []catalog.Name
}

// finish puts what was collected in order of first mention.
func (p *pricer) finish() {
	for _, name := range p.order {
		p.cost.Also = append(p.cost.Also, *p.also[name])
	}
}

// target makes a relation the one that the operation is about.
func (p *pricer) target(r *catalog.Relation) {
	p.cost.Relation, p.cost.Kind = r.FullName(), string(r.Kind)
}

func (p *pricer) targetIndex(i *catalog.Index) {
	p.cost.Relation, p.cost.Kind = indexName(i), "index"
}

func (p *pricer) targetSequence(s *catalog.Sequence) {
	p.cost.Relation, p.cost.Kind = catalog.Name{Schema: s.Schema, Name: s.Name}, "sequence"
}

func indexName(i *catalog.Index) catalog.Name { return catalog.Name{Schema: i.Schema, Name: i.Name} }

func (p *pricer) entry(name catalog.Name, kind string) *RelationLock {
	if name == p.cost.Relation {
		return &p.cost.RelationLock
	}
	if p.also == nil {
		p.also = map[catalog.Name]*RelationLock{}
	}
	e := p.also[name]
	if e == nil {
		e = &RelationLock{Relation: name, Kind: kind}
		p.also[name] = e
		p.order = append(p.order, name)
	}
	return e
}

func (e *RelationLock) take(lock Lock, why string) {
	if lock.rank() > e.Lock.rank() {
		e.Lock = lock
	}
	if e.Why == "" {
		e.Why = why
	}
}

// lock takes a lock on a relation. The first reason that is given stays, until one for
// a scan or rewrite comes.
func (p *pricer) lock(r *catalog.Relation, lock Lock, why string) {
	p.entry(r.FullName(), string(r.Kind)).take(lock, why)
}

func (p *pricer) lockAll(list []*catalog.Relation, lock Lock, why string) {
	for _, r := range list {
		p.lock(r, lock, why)
	}
}

func (p *pricer) lockIndex(i *catalog.Index, lock Lock, why string) {
	p.entry(indexName(i), "index").take(lock, why)
}

func (p *pricer) lockIndexes(r *catalog.Relation, lock Lock, why string) {
	for _, i := range p.before.Indexes(r) {
		p.lockIndex(i, lock, why)
	}
}

func (p *pricer) lockSequence(s *catalog.Sequence, lock Lock, why string) {
	p.entry(catalog.Name{Schema: s.Schema, Name: s.Name}, "sequence").take(lock, why)
}

// hasHeap tells whether the relation holds rows itself.
func hasHeap(r *catalog.Relation) bool {
	return r.Kind == catalog.Table || r.Kind == catalog.MaterializedView
}

// scan reads a relation whole.
func (p *pricer) scan(r *catalog.Relation, why string) {
	if !hasHeap(r) {
		return
	}
	e := p.entry(r.FullName(), string(r.Kind))
	if !e.Scans {
		e.Scans, e.Why = true, why
	}
}

func (p *pricer) scanAll(list []*catalog.Relation, why string) {
	for _, r := range list {
		p.scan(r, why)
	}
}

// rewrite writes a relation's heap and all its indexes anew.
func (p *pricer) rewrite(r *catalog.Relation, why string) {
	if !hasHeap(r) {
		return
	}
	e := p.entry(r.FullName(), string(r.Kind))
	if !e.Rewrites {
		e.Rewrites, e.Scans, e.Why = true, true, why
	}
	for _, i := range p.before.Indexes(r) {
		p.rebuild(r, i, AccessExclusive)
	}
}

// rebuild builds an index anew.
func (p *pricer) rebuild(r *catalog.Relation, i *catalog.Index, lock Lock) {
	e := p.entry(indexName(i), "index")
	e.take(lock, "it is built anew")
	e.BuildsIndex = true
	p.entry(r.FullName(), string(r.Kind)).BuildsIndex = true
}

// build builds a new index on a relation.
func (p *pricer) build(r *catalog.Relation, why string) {
	if !hasHeap(r) {
		return
	}
	p.scan(r, why)
	p.entry(r.FullName(), string(r.Kind)).BuildsIndex = true
}

// family is the relation and, unless only, everything that inherits from it.
func (p *pricer) family(r *catalog.Relation, only bool) []*catalog.Relation {
	if only {
		return []*catalog.Relation{r}
	}
	return append([]*catalog.Relation{r}, p.before.Descendants(r)...)
}

// partitions is the relation and, when it is partitioned, everything below it. What
// inherits in the old way is left alone.
func (p *pricer) partitions(r *catalog.Relation) []*catalog.Relation {
	return p.family(r, r.Kind != catalog.PartitionedTable)
}

const (
	asChild     = "what is done to its parent is done to it"
	asPartition = "it is a partition"
)

// lockFamily locks a relation and what inherits from it.
func (p *pricer) lockFamily(r *catalog.Relation, only bool, lock Lock) []*catalog.Relation {
	list := p.family(r, only)
	p.lock(r, lock, "")
	p.lockAll(list[1:], lock, asChild)
	return list
}

// ownedSequences are the sequences that belong to a relation's columns.
func (p *pricer) ownedSequences(r *catalog.Relation) []*catalog.Sequence {
	return slices.DeleteFunc(p.sequences(), func(s *catalog.Sequence) bool { return s.OwnerID != r.ID })
}

// sequences are all sequences, in order of creation.
func (p *pricer) sequences() []*catalog.Sequence {
	var list []*catalog.Sequence
	for _, schema := range p.before.Schemas {
		for _, s := range schema.Sequences {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *catalog.Sequence) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (p *pricer) ownedSequence(r *catalog.Relation, column string) *catalog.Sequence {
	for _, s := range p.ownedSequences(r) {
		if s.Column == column {
			return s
		}
	}
	return nil
}

// needs notes the first version that can do it, when this one cannot.
func (p *pricer) needs(version int) {
	p.cost.Needs = max(p.cost.Needs, version)
}

// after is the schema as the operation leaves it, nil when the schema refuses it.
func (p *pricer) after(op catalog.Op) *catalog.Catalog {
	after := p.before.Clone()
	if after.Apply(op) != nil {
		return nil
	}
	return after
}

// columnName names a column in a message.
func columnName(r *catalog.Relation, column string) string {
	return catalog.QuoteIdent(r.Name) + "." + catalog.QuoteIdent(column)
}
