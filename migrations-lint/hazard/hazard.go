// Package hazard tells what an operation costs on a PostgreSQL server that is in use:
// which lock it takes on each relation, what that keeps others from, whether a heap is
// read whole or written anew under it, and what is lost.
//
// Every claim about versions 14 to 18 is compared with real servers by this package's
// tests, statement by statement; docs/locks.md is the record. Versions 12 and 13 follow
// their manuals.
package hazard

import "github.com/pmcheck/pmcheck/migrations-lint/catalog"

// RelationLock is what an operation does to one relation that existed before it.
//
// Locks of weaker modes than SHARE UPDATE EXCLUSIVE on indexes and sequences are left
// out: they keep nobody from anything that the table's lock does not.
type RelationLock struct {
	Relation    catalog.Name // with its schema, by the name that it has before the operation
	Kind        string       // "table", "partitioned table", "view", "materialized view", "foreign table", "index", "sequence"
	Lock        Lock         // the strongest, "" for none
	Rewrites    bool         // its heap is written anew under the lock; Scans is then set as well
	Scans       bool         // its heap is read whole under the lock: to check, to index or to rewrite its rows. Where rows are only looked up, as in a referenced table, it is not
	BuildsIndex bool         // a table: an index is built on it. An index: it is built anew
	LosesData   bool         // rows or values of it are gone afterwards
	Why         string       // one sentence: why it is locked, read or written; "" where that goes without saying
}

// Cost is what an operation does to its target, and to every other relation.
type Cost struct {
	RelationLock                // the relation that the operation is about; zero where there is none, or a new one. LosesData tells for all relations
	Also         []RelationLock // referenced and referencing tables, partitions, parents, children, indexes, sequences, views
	Lost         string         // what is lost: "column users.legacy_name"
	MayFail      string         // which rows make the server refuse it: "a NULL in users.email"; "" for none
	Fails        string         // why the server is sure to refuse it, apart from what catalog.Apply refuses; "" if it is not
	Needs        int            // the major version that is the first to know the syntax or the ability; 0 for any supported

	WaitsForTransactions bool // waits until every older transaction that could be in its way has ended
	NotInTransaction     bool // fails inside a transaction block
}

// Locks are the target and all others that are locked, the target first.
func (c *Cost) Locks() []RelationLock {
	if c.Lock == "" {
		return c.Also
	}
	return append([]RelationLock{c.RelationLock}, c.Also...)
}

// Of prices an operation on the schema that it meets, for a server of the given major
// version, 12 to 18. An operation that the schema refuses (see catalog.Apply) is priced as
// if it were not refused, as far as that can be said; one on a relation that the schema
// does not have locks nothing.
//
// The session's TimeZone counts as unknown unless a script has set it: it decides whether
// timestamp and timestamptz share their stored form.
func Of(op catalog.Op, before *catalog.Catalog, version int) Cost {
	p := &pricer{before: before, version: version, cost: &Cost{}}
	p.price(op)
	p.finish()
	return *p.cost
}

func (p *pricer) price(op catalog.Op) {
	switch o := op.(type) {
	case catalog.CreateTable:
		p.createTable(o)
	case catalog.DropRelation:
		p.dropRelation(o)
	case catalog.DropSchema, catalog.DropType, catalog.DropFunction, catalog.DropExtension:
		p.drop(op)
	case catalog.RenameRelation:
		p.renameRelation(o)
	case catalog.SetSchema:
		p.setSchema(o)
	case catalog.ChangeOwner:
		p.changeOwner(o)
	case catalog.SetTableOption:
		p.setTableOption(o)

	case catalog.AddColumn:
		p.addColumn(o)
	case catalog.DropColumn:
		p.dropColumn(o)
	case catalog.RenameColumn:
		p.renameColumn(o)
	case catalog.AlterColumnType:
		p.alterColumnType(o)
	case catalog.SetDefault:
		p.setDefault(o)
	case catalog.SetNotNull:
		p.setNotNull(o)
	case catalog.DropNotNull:
		p.dropNotNull(o)
	case catalog.SetIdentity:
		p.setIdentity(o)
	case catalog.SetGenerated:
		p.setGenerated(o)
	case catalog.SetColumnOption:
		p.setColumnOption(o)

	case catalog.AddConstraint:
		p.addConstraint(o)
	case catalog.DropConstraint:
		p.dropConstraint(o)
	case catalog.ValidateConstraint:
		p.validateConstraint(o)
	case catalog.AlterConstraint:
		p.alterConstraint(o)
	case catalog.RenameConstraint:
		p.renameConstraint(o)

	case catalog.AttachPartition:
		p.attachPartition(o)
	case catalog.DetachPartition:
		p.detachPartition(o)
	case catalog.SetInherit:
		p.setInherit(o)

	case catalog.CreateIndex:
		p.createIndex(o)
	case catalog.Reindex:
		p.reindex(o)
	case catalog.Cluster:
		p.cluster(o)
	case catalog.Vacuum:
		p.vacuum(o)
	case catalog.RefreshMatview:
		p.refresh(o)
	case catalog.CreateView:
		p.createView(o)

	case catalog.CreateTrigger:
		p.createTrigger(o)
	case catalog.DropTableObject:
		p.dropTableObject(o)
	case catalog.RenameTableObject:
		p.renameTableObject(o)
	case catalog.CreateTableObject:
		p.createTableObject(o)
	case catalog.CreateSequence:
		p.createSequence(o)
	case catalog.AlterSequence:
		p.alterSequence(o)
	case catalog.AlterDomain:
		p.alterDomain(o)
	case catalog.AlterComposite:
		p.alterComposite(o)
	case catalog.Comment:
		p.comment(o)
	case catalog.Grant:
		p.grant(o)
	case catalog.Other:
		p.other(o)

	case catalog.Read:
		p.read(o)
	case catalog.Insert:
		p.insert(o)
	case catalog.Update:
		p.update(o)
	case catalog.Delete:
		p.delete(o)
	case catalog.Merge:
		p.merge(o)
	case catalog.Copy:
		p.copy(o)
	case catalog.Truncate:
		p.truncate(o)
	case catalog.LockTable:
		p.lockTable(o)
	}
}
