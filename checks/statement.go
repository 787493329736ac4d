package checks

import (
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/hazard"
)

// shownSQL is how many bytes of a statement the facts carry: enough to read it, not a data load.
const shownSQL = 2000

// statementFacts states one operation of a migration.
func statementFacts(s lint.Statement) facts.Statement {
	sql := s.SQL
	if len(sql) > shownSQL {
		sql = strings.ToValidUTF8(sql[:shownSQL], "") + " ..."
	}
	out := facts.Statement{
		Index: s.Index, Kind: s.Op.Kind(), SQL: strings.ToValidUTF8(sql, "\ufffd"), Place: placeFacts(s.Place),
		Object: string(s.Before.Kind), Conditional: s.Conditional,
		Lock: string(s.Cost.Lock), Blocks: blocks(s.Cost.Lock),
		Rewrites: s.Cost.Rewrites, Scans: s.Cost.Scans, BuildsIndex: s.Cost.BuildsIndex,
		LosesData: s.Cost.LosesData, Lost: s.Cost.Lost, Why: s.Cost.Why,
		AlsoLocks: []facts.RelationLock{}, OnNewRelation: s.New,
		RelationIsPartition: s.Before.Partition, RelationPartitioned: s.Before.Kind == catalog.PartitionedTable,
		InTransaction: s.InTransaction, Transaction: s.Transaction, NotInTransaction: s.Cost.NotInTransaction,
		LockTimeout: s.LockTimeout, StatementTimeout: s.StatementTimeout, HeldLocks: []facts.HeldLock{},
		PlannedBy: s.PlannedBy, Needs: s.Needs,
	}
	for _, also := range s.Cost.Also {
		out.AlsoLocks = append(out.AlsoLocks, facts.RelationLock{
			Relation: plain(also.Relation), Object: also.Kind, Lock: string(also.Lock), Blocks: blocks(also.Lock),
			Rewrites: also.Rewrites, Scans: also.Scans, BuildsIndex: also.BuildsIndex, Why: also.Why, OnNewRelation: s.NewAlso[also.Relation.String()],
		})
	}
	for _, held := range s.Held {
		out.HeldLocks = append(out.HeldLocks, facts.HeldLock{
			Relation: held.Relation, Object: held.Kind, Lock: string(held.Lock), Blocks: blocks(held.Lock), Line: held.Line,
		})
	}
	describe(&out, s)
	return out
}

// describe fills in what the operation is about.
func describe(out *facts.Statement, s lint.Statement) {
	out.Relation = plainOrNone(s.Before.Relation)
	if s.Before.Relation.IsZero() {
		out.Relation = plainOrNone(s.Op.Target())
	}
	switch o := s.Op.(type) {
	case catalog.CreateTable:
		for _, c := range o.Columns {
			out.Columns = append(out.Columns, c.Name)
			out.Defines = append(out.Defines, defined(c, o.Constraints, out.Place))
		}
		out.References, out.Define = plainOrNone(o.PartitionOf), o.Bound
		if o.As != nil {
			out.Reads = plains(o.As.Relations)
		}
	case catalog.DropRelation:
		out.Object, out.IfExists, out.Cascade, out.Concurrently = o.Object, o.IfExists, o.Cascade, o.Concurrently
		if o.Object == "index" {
			out.Name, out.Relation, out.Unique = o.On.Name, plainOrNone(s.Before.IndexTable), s.Before.IndexUnique
		}
	case catalog.RenameRelation:
		out.To = o.To
	case catalog.SetSchema:
		out.To = o.To
	case catalog.RenameSchema:
		out.To = o.To
	case catalog.AddColumn:
		out.Column, out.Type, out.IfExists = o.Column.Name, typeName(o.Column.Type), o.IfNotExists
		out.Defines = []facts.DefinedColumn{defined(o.Column, nil, out.Place)}
		out.NotNull = o.Column.NotNull
		out.HasDefault = o.Column.Default != nil || o.Column.Serial || o.Column.Identity != "" || o.Column.Generated != nil
		if o.Column.Default != nil {
			out.Default = o.Column.Default.SQL
		}
		for _, c := range o.Column.Constraints {
			constraint(out, c)
		}
	case catalog.DropColumn:
		out.Column, out.IfExists, out.Cascade = o.Column, o.ColumnIfExists, o.Cascade
	case catalog.RenameColumn:
		out.Column, out.To = o.Column, o.To
	case catalog.AlterColumnType:
		out.Column, out.Type, out.FromType = o.Column, typeName(o.Type), typeName(s.Before.ColumnType)
		out.Narrows = s.Narrows
		if o.Using != nil {
			out.Using = o.Using.SQL
		}
	case catalog.SetDefault:
		out.Column = o.Column
		if o.Default != nil {
			out.Default = o.Default.SQL
		}
	case catalog.SetNotNull:
		out.Column = o.Column
	case catalog.DropNotNull:
		out.Column = o.Column
	case catalog.SetIdentity:
		out.Column = o.Column
	case catalog.SetGenerated:
		out.Column = o.Column
	case catalog.SetColumnOption:
		out.Column = o.Column
	case catalog.AddConstraint:
		constraint(out, o.Constraint)
	case catalog.DropConstraint:
		out.Name, out.IfExists, out.Cascade = o.Name, o.ConstraintIfExists, o.Cascade
	case catalog.ValidateConstraint:
		out.Name = o.Name
	case catalog.AlterConstraint:
		out.Name = o.Name
	case catalog.RenameConstraint:
		out.Name, out.To = o.Name, o.To
	case catalog.AttachPartition:
		out.References, out.Define = plain(o.Partition), o.Bound
	case catalog.DetachPartition:
		out.References, out.Concurrently = plain(o.Partition), o.Concurrently
	case catalog.SetInherit:
		out.References = plain(o.Parent)
	case catalog.SetTableOption:
		out.Name = o.Value
	case catalog.CreateIndex:
		out.Name, out.Unique, out.Concurrently, out.IfExists = o.Name, o.Unique, o.Concurrently, o.IfNotExists
		out.Using, out.Define = o.Method, indexSQL(o)
		for _, e := range o.Elements {
			if e.Column != "" {
				out.Columns = append(out.Columns, e.Column)
			}
		}
	case catalog.Reindex:
		out.Mode, out.Concurrently = o.Object, o.Concurrently
		if !s.Before.IndexTable.IsZero() {
			out.Name, out.Relation = o.On.Name, plain(s.Before.IndexTable)
		}
	case catalog.Cluster:
		out.Name = o.Index
	case catalog.RefreshMatview:
		out.Concurrently = o.Concurrently
	case catalog.CreateView:
		if o.Query != nil {
			out.Reads = plains(o.Query.Relations)
		}
	case catalog.AddEnumValue:
		out.Name, out.IfExists = o.Label, o.IfNotExists
	case catalog.RenameEnumValue:
		out.Name, out.To = o.Label, o.To
	case catalog.AlterDomain:
		out.Mode = o.Action
		constraint(out, o.Constraint)
	case catalog.RenameType:
		out.To = o.To
	case catalog.DropType:
		out.IfExists, out.Cascade = o.IfExists, o.Cascade
	case catalog.DropFunction:
		out.Mode, out.IfExists, out.Cascade = o.Object, o.IfExists, o.Cascade
	case catalog.CreateTrigger:
		out.Name = o.Name
	case catalog.DropTableObject:
		out.Name, out.IfExists, out.Cascade = o.Name, o.IfExists, o.Cascade
	case catalog.CreateTableObject:
		out.Name = o.Name
	case catalog.DropSchema:
		out.IfExists, out.Cascade = o.IfExists, o.Cascade
	case catalog.Insert:
		out.Columns, out.Reads = o.Columns, plains(o.Reads)
	case catalog.Update:
		out.Columns, out.Reads, out.HasWhere, out.Batched = o.Columns, plains(o.Reads), o.Where, o.Limited || s.ByKey
	case catalog.Delete:
		out.Reads, out.HasWhere, out.Batched = plains(o.Reads), o.Where, o.Limited || s.ByKey
	case catalog.Merge:
		out.Reads = plains(o.Reads)
	case catalog.Truncate:
		out.Cascade = o.Cascade
	case catalog.Read:
		out.Reads = plains(o.Reads)
	case catalog.LockTable:
		out.Mode = o.Mode
	case catalog.SetVariable:
		out.Name, out.Default = o.On.Name, strings.Join(o.Values, ", ")
	}
}

func constraint(out *facts.Statement, c catalog.ConstraintDef) {
	if c.Type == "" {
		return
	}
	out.Constraint, out.NotValid, out.UsingIndex = string(c.Type), c.NotValid, c.UsingIndex != ""
	if out.Name == "" {
		out.Name = c.Name
	}
	if out.Columns == nil {
		out.Columns = c.Columns
	}
	if c.Expr != nil {
		out.Expression = c.Expr.SQL
	}
	if c.Type == catalog.ForeignKey {
		out.References, out.RefColumns = plain(c.RefTable), c.RefColumns
	}
	out.Define = constraintSQL(c)
}

func defined(c catalog.ColumnDef, constraints []catalog.ConstraintDef, at facts.Place) facts.DefinedColumn {
	out := facts.DefinedColumn{Name: c.Name, Type: typeName(c.Type), Identity: c.Identity, Serial: c.Serial, NotNull: c.NotNull, Place: at}
	if c.Default != nil {
		out.Default = c.Default.SQL
	}
	if c.Generated != nil {
		out.Generated = c.Generated.SQL
	}
	for _, k := range c.Constraints {
		out.PrimaryKey = out.PrimaryKey || k.Type == catalog.PrimaryKey
	}
	for _, k := range constraints {
		out.PrimaryKey = out.PrimaryKey || k.Type == catalog.PrimaryKey && slices.Equal(k.Columns, []string{c.Name})
	}
	return out
}

// plain is a relation's name as the facts have it: without the schema public, which everybody leaves out.
func plain(n catalog.Name) string {
	if n.Schema == "public" {
		n.Schema = ""
	}
	return n.String()
}

// typeName is a type as the server prints it to who has public on the search path.
func typeName(t catalog.Type) string {
	if t.Schema == "public" {
		t.Schema = ""
	}
	return t.String()
}

func plainOrNone(n catalog.Name) string {
	if n.IsZero() {
		return ""
	}
	return plain(n)
}

func plains(names []catalog.Name) []string {
	var out []string
	for _, n := range names {
		out = append(out, plain(n))
	}
	return out
}

func blocks(lock hazard.Lock) []string {
	if b := lock.Blocks(); b != nil {
		return b
	}
	return []string{}
}

func placeFacts(p lint.Place) facts.Place {
	out := facts.Place{Path: p.Path, Line: p.Line, Column: p.Column, EndLine: p.EndLine}
	if p.Base {
		out.Side = "base"
	}
	return out
}
