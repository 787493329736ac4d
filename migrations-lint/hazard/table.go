package hazard

import (
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (p *pricer) createTable(o catalog.CreateTable) {
	if r := p.before.Relation(o.On); r != nil && o.IfNotExists && o.As == nil {
		p.target(r)
		return
	}
	for _, l := range o.Like {
		if r := p.before.Relation(l.Source); r != nil {
			p.lock(r, AccessShare, "its definition is copied")
		}
	}
	for _, name := range o.Inherits {
		if r := p.before.Relation(name); r != nil {
			p.lock(r, ShareUpdateExclusive, "it gets a child")
		}
	}
	if parent := p.before.Relation(o.PartitionOf); !o.PartitionOf.IsZero() && parent != nil {
		p.lock(parent, AccessExclusive, "it gets a partition")
		p.newPartition(parent, o.Bound)
		for _, k := range parent.Constraints {
			if ref := p.before.RelationByID(k.RefID); k.Type == catalog.ForeignKey && ref != nil {
				p.lockAll(p.partitions(ref), ShareRowExclusive, "the partition's foreign key references it")
			}
		}
	}
	keys := slices.Clone(o.Constraints)
	for _, c := range o.Columns {
		keys = append(keys, c.Constraints...)
		p.columnNeeds(c)
	}
	for _, k := range keys {
		if k.NotEnforced || k.WithoutOverlaps || k.Type == catalog.NotNull && k.NotValid {
			p.needs(18)
		}
		if k.NullsNotDistinct {
			p.needs(15)
		}
		if ref := p.before.Relation(k.RefTable); k.Type == catalog.ForeignKey && ref != nil && k.RefTable != o.On {
			p.lockAll(p.partitions(ref), ShareRowExclusive, "the new table's foreign key references it")
		}
	}
	if o.As != nil {
		for _, name := range o.As.Relations {
			switch r := p.before.Relation(name); {
			case r == nil:
			case o.WithData:
				p.query(r, AccessShare)
			default:
				p.lock(r, AccessShare, "the new table gets its columns")
			}
		}
	}
}

func (p *pricer) renameRelation(o catalog.RenameRelation) {
	if i := p.before.Index(o.On); i != nil {
		p.targetIndex(i)
		lock := AccessExclusive
		if o.Object == "index" {
			lock = ShareUpdateExclusive
		}
		p.lockIndex(i, lock, "")
		return
	}
	p.alterWhole(o.On)
}

// alterWhole locks a relation, index or sequence for a change of its name, schema or owner.
func (p *pricer) alterWhole(name catalog.Name) *catalog.Relation {
	if i := p.before.Index(name); i != nil {
		p.targetIndex(i)
		p.lockIndex(i, AccessExclusive, "")
		return nil
	}
	if s := p.before.Sequence(name); s != nil {
		p.targetSequence(s)
		p.lockSequence(s, AccessExclusive, "")
		return nil
	}
	r := p.before.Relation(name)
	if r != nil {
		p.target(r)
		p.lock(r, AccessExclusive, "")
	}
	return r
}

// ofRelation tells whether ALTER ... names a relation, not a type or function.
func ofRelation(object string) bool {
	switch object {
	case "table", "view", "materialized view", "foreign table", "sequence", "index":
		return true
	}
	return false
}

func (p *pricer) setSchema(o catalog.SetSchema) {
	if !ofRelation(o.Object) {
		return
	}
	if r := p.alterWhole(o.On); r != nil && r.Schema != o.To {
		for _, s := range p.ownedSequences(r) {
			p.lockSequence(s, AccessExclusive, "it moves with its table")
		}
	}
}

func (p *pricer) changeOwner(o catalog.ChangeOwner) {
	if !ofRelation(o.Object) {
		return
	}
	r := p.alterWhole(o.On)
	if r == nil || o.Role == r.Owner || r.Owner == "" && o.Role == "current_user" {
		return
	}
	p.lockIndexes(r, AccessExclusive, "it gets its table's owner")
	for _, s := range p.ownedSequences(r) {
		p.lockSequence(s, AccessExclusive, "it gets its table's owner")
	}
}

// optionLocks are the locks of ALTER TABLE's sub-commands that take less than ACCESS
// EXCLUSIVE (AlterTableGetLockLevel).
var optionLocks = map[string]Lock{
	"cluster_on":          ShareUpdateExclusive,
	"set_without_cluster": ShareUpdateExclusive,
	"enable_trigger":      ShareRowExclusive,
	"disable_trigger":     ShareRowExclusive,
}

// exclusiveParameters are the storage parameters and view options that take ACCESS
// EXCLUSIVE; the others take SHARE UPDATE EXCLUSIVE (reloptions.c).
var exclusiveParameters = nameSet(`user_catalog_table fastupdate autosummarize pages_per_range gin_pending_list_limit buffering
	security_barrier security_invoker check_option`)

func (p *pricer) setTableOption(o catalog.SetTableOption) {
	lock, known := optionLocks[o.Option]
	if !known {
		lock = AccessExclusive
	}
	if o.Option == "set_storage_parameters" || o.Option == "reset_storage_parameters" {
		lock = ShareUpdateExclusive
		for _, name := range o.Names {
			if exclusiveParameters[name] {
				lock = AccessExclusive
			}
		}
	}
	if i := p.before.Index(o.On); i != nil {
		p.targetIndex(i)
		p.lockIndex(i, lock, "")
		return
	}
	r := p.before.Relation(o.On)
	if r == nil {
		return
	}
	p.target(r)
	p.lock(r, lock, "")
	switch o.Option {
	case "set_storage_parameters":
		if r.Kind == catalog.PartitionedTable {
			p.cost.Fails = "a partitioned table has no storage parameters"
		}
	case "cluster_on":
		p.lockNamedIndex(r, o.Value, ShareUpdateExclusive, "the table is clustered on it")
	case "replica_identity":
		p.lockNamedIndex(r, o.Value, Share, "it becomes the replica identity")
	case "enable_trigger", "disable_trigger":
		if !o.Only {
			p.lockAll(p.partitions(r)[1:], lock, asChild)
		}
	case "set_logged", "set_unlogged":
		p.setLogged(r, o.Option == "set_unlogged")
	case "set_access_method":
		p.needs(15)
		if o.Value != "heap" {
			p.rewrite(r, "its rows are written anew for another access method")
		}
	case "set_tablespace":
		if hasHeap(r) {
			e := p.entry(r.FullName(), string(r.Kind))
			e.Rewrites, e.Scans, e.Why = true, true, "its file is copied to another tablespace"
		}
	}
}

func (p *pricer) lockNamedIndex(r *catalog.Relation, name string, lock Lock, why string) {
	if i := p.before.Index(catalog.Name{Schema: r.Schema, Name: name}); i != nil && i.Table == r.ID {
		p.lockIndex(i, lock, why)
	}
}

// setLogged prices SET LOGGED and SET UNLOGGED: a permanent table cannot reference an
// unlogged one.
func (p *pricer) setLogged(r *catalog.Relation, unlogged bool) {
	if r.Kind == catalog.PartitionedTable && p.version >= 18 {
		p.cost.Fails = "a partitioned table is neither logged nor unlogged itself"
		return
	}
	if r.Unlogged == unlogged {
		p.cost.Why = "it is so already"
		return
	}
	if unlogged {
		for _, ref := range p.before.ForeignKeysTo(r) {
			if ref.Table.ID != r.ID && !ref.Table.Unlogged {
				p.cost.Fails = "the logged table " + catalog.QuoteIdent(ref.Table.Name) + " references it"
			}
		}
	} else {
		for _, k := range r.Constraints {
			if ref := p.before.RelationByID(k.RefID); k.Type == catalog.ForeignKey && ref != nil && ref.ID != r.ID && ref.Unlogged {
				p.cost.Fails = "it references the unlogged table " + catalog.QuoteIdent(ref.Name)
			}
		}
	}
	why := "its rows are written anew, to be logged"
	if unlogged {
		why = "its rows are written anew; from then on a crash empties the table"
	}
	p.rewrite(r, why)
	for _, s := range p.ownedSequences(r) {
		if p.version >= 15 {
			p.lockSequence(s, AccessExclusive, "it changes with its table")
		}
	}
}

// typedTables locks the tables that were created OF a composite type.
func (p *pricer) typedTables(name catalog.Name, lock Lock) []*catalog.Relation {
	t, ok := p.before.ResolveType(catalog.Type{Schema: name.Schema, Name: name.Name})
	if !ok {
		return nil
	}
	var list []*catalog.Relation
	for _, r := range p.before.Relations() {
		if strings.EqualFold(r.OfType.Name, t.Name) && r.OfType.Schema == t.Schema && r.OfType.Name != "" {
			p.lock(r, lock, "it is a table of the type")
			list = append(list, r)
		}
	}
	return list
}
