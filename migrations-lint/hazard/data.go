package hazard

import (
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) read(o catalog.Read) {
	lock := AccessShare
	if o.ForUpdate != "" {
		lock = RowShare
	}
	if r := p.before.Relation(o.On); r != nil {
		p.target(r)
	}
	p.reads(o.Reads, lock)
}

func (p *pricer) reads(names []catalog.Name, lock Lock) {
	for _, name := range names {
		if r := p.before.Relation(name); r != nil {
			p.query(r, lock)
		}
	}
}

// write locks the relation that rows are written to, through views down to their tables.
func (p *pricer) write(on catalog.Name, insert bool) *catalog.Relation {
	r := p.before.Relation(on)
	if r == nil {
		return nil
	}
	p.target(r)
	why := ""
	for range 64 { // deeper than any real chain of views
		p.lock(r, RowExclusive, why)
		why = "rows of it are written through the view"
		if insert {
			p.lockAll(p.partitions(r)[1:], RowExclusive, "its parent's new rows may go to it")
		} else {
			p.lockAll(p.before.Descendants(r), RowExclusive, "rows of it are written through its parent")
		}
		base := p.updatable(r)
		if base == nil {
			break
		}
		r = base
	}
	return r
}

// updatable is the one relation under a view, or nil.
func (p *pricer) updatable(view *catalog.Relation) *catalog.Relation {
	if view.Kind != catalog.View || len(view.Uses) == 0 {
		return nil
	}
	for _, u := range view.Uses {
		if u.Relation != view.Uses[0].Relation {
			return nil
		}
	}
	return p.before.RelationByID(view.Uses[0].Relation)
}

func (p *pricer) insert(o catalog.Insert) {
	if r := p.write(o.On, true); r != nil {
		columns := o.Columns
		if len(columns) == 0 && (o.Rows > 0 || o.Select) {
			for _, c := range r.Columns {
				columns = append(columns, c.Name)
			}
		}
		p.checkKeys(r, columns, true)
	}
	p.reads(o.Reads, AccessShare)
}

func (p *pricer) copy(o catalog.Copy) {
	if !o.From {
		if r := p.before.Relation(o.On); r != nil {
			p.target(r)
			p.lock(r, AccessShare, "")
			if r.Kind == catalog.View || r.Kind == catalog.PartitionedTable {
				p.cost.Fails = "COPY TO reads no view or partitioned table by name: COPY (SELECT ...) TO does"
			}
		}
		return
	}
	if r := p.write(o.On, true); r != nil && o.Rows > 0 {
		columns := o.Columns
		if len(columns) == 0 {
			for _, c := range r.Columns {
				columns = append(columns, c.Name)
			}
		}
		p.checkKeys(r, columns, true)
	}
}

// checkKeys locks the tables in which the keys of written rows are looked up.
func (p *pricer) checkKeys(r *catalog.Relation, columns []string, insert bool) {
	for _, k := range r.Constraints {
		ref := p.before.RelationByID(k.RefID)
		if k.Type != catalog.ForeignKey || k.NotEnforced || ref == nil {
			continue
		}
		written := func(c string) bool {
			if slices.Contains(columns, c) {
				return true
			}
			col := r.Column(c)
			return insert && col != nil && (col.Default != nil || col.Identity != "" || col.Generated != nil)
		}
		all, any := true, false
		for _, c := range k.Columns {
			all, any = all && written(c), any || written(c)
		}
		if insert && all || !insert && any {
			p.lock(ref, RowShare, "keys are looked up in it")
		}
	}
}

func (p *pricer) update(o catalog.Update) {
	p.reads(o.Reads, AccessShare)
	r := p.write(o.On, false)
	if r == nil {
		return
	}
	p.checkKeys(r, o.Columns, false)
	for _, ref := range p.before.ForeignKeysTo(r) {
		key := p.referencedColumns(r, ref.Constraint)
		if slices.ContainsFunc(key, func(c string) bool { return slices.Contains(o.Columns, c) }) {
			lock := actionLock(ref.Constraint.OnUpdate)
			p.lock(ref.Table, lock, "rows that reference a changed key are looked up in it")
			if lock == RowShare {
				p.cost.MayFail = "a row of " + catalog.QuoteIdent(ref.Table.Name) + " that references a changed one"
			}
		}
	}
}

// actionLock is the lock that a foreign key's ON DELETE or ON UPDATE takes on the
// referencing table.
func actionLock(action string) Lock {
	switch action {
	case "CASCADE", "SET NULL", "SET DEFAULT":
		return RowExclusive
	}
	return RowShare
}

func (p *pricer) delete(o catalog.Delete) {
	p.reads(o.Reads, AccessShare)
	r := p.write(o.On, false)
	if r == nil {
		return
	}
	p.cost.LosesData, p.cost.Lost = true, "rows of "+catalog.QuoteIdent(r.Name)
	p.deleteReferencing(r, map[uint32]bool{})
}

func (p *pricer) deleteReferencing(r *catalog.Relation, seen map[uint32]bool) {
	if seen[r.ID] {
		return
	}
	seen[r.ID] = true
	for _, ref := range p.before.ForeignKeysTo(r) {
		if ref.Constraint.NotEnforced {
			continue
		}
		lock := actionLock(ref.Constraint.OnDelete)
		p.lock(ref.Table, lock, "rows that reference a deleted one are looked up in it")
		if lock == RowShare {
			p.cost.MayFail = "a row of " + catalog.QuoteIdent(ref.Table.Name) + " that references a deleted one"
		}
		if ref.Constraint.OnDelete == "CASCADE" {
			p.entry(ref.Table.FullName(), string(ref.Table.Kind)).LosesData = true
			p.deleteReferencing(ref.Table, seen)
		}
	}
}

func (p *pricer) merge(o catalog.Merge) {
	p.needs(15)
	p.reads(o.Reads, AccessShare)
	p.write(o.On, false)
}

func (p *pricer) truncate(o catalog.Truncate) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.cost.Lost = "all rows of " + catalog.QuoteIdent(r.Name)
	seen := map[uint32]bool{}
	var empty func(r *catalog.Relation, why string)
	empty = func(r *catalog.Relation, why string) {
		if seen[r.ID] {
			return
		}
		seen[r.ID] = true
		p.lock(r, AccessExclusive, why)
		p.entry(r.FullName(), string(r.Kind)).LosesData = true
		if hasHeap(r) {
			p.lockIndexes(r, AccessExclusive, "it is emptied")
		}
		for _, child := range p.before.Children(r) {
			empty(child, asChild)
		}
		if !o.Cascade {
			return
		}
		for _, ref := range p.before.ForeignKeysTo(r) {
			if ref.Table.ID != r.ID {
				empty(ref.Table, "CASCADE empties it: it references "+catalog.QuoteIdent(r.Name))
			}
		}
	}
	empty(r, "")
}

func (p *pricer) lockTable(o catalog.LockTable) {
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	seen := map[uint32]bool{}
	var take func(r *catalog.Relation, why string)
	take = func(r *catalog.Relation, why string) {
		if seen[r.ID] {
			return
		}
		seen[r.ID] = true
		p.lock(r, Lock(o.Mode), why)
		for _, child := range p.before.Descendants(r) {
			take(child, "LOCK TABLE locks it with its parent")
		}
		if r.Kind != catalog.View {
			return
		}
		for _, u := range r.Uses {
			if used := p.before.RelationByID(u.Relation); used != nil {
				take(used, "LOCK TABLE locks it through the view")
			}
		}
	}
	take(r, "")
}
