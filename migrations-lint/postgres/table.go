package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// createTable reads CREATE TABLE in every form but AS.
func (r *reader) createTable(s *pg.CreateStmt, foreign bool) catalog.CreateTable {
	op := catalog.CreateTable{
		Base:         on(rangeName(s.Relation)),
		IfNotExists:  s.IfNotExists,
		Temporary:    temporary(s.Relation),
		Unlogged:     s.Relation.GetRelpersistence() == "u",
		Foreign:      foreign,
		Method:       s.AccessMethod,
		OnCommitDrop: s.Oncommit == pg.OnCommitAction_ONCOMMIT_DROP,
	}
	for _, n := range s.TableElts {
		switch x := n.GetNode().(type) {
		case *pg.Node_ColumnDef:
			op.Columns = append(op.Columns, r.columnDef(x.ColumnDef))
		case *pg.Node_Constraint:
			def := r.constraint(x.Constraint)
			def.NotValid = false // the server takes NOT VALID of an empty table as valid
			op.Constraints = append(op.Constraints, def)
		case *pg.Node_TableLikeClause:
			def := like(x.TableLikeClause)
			def.After = len(op.Columns)
			op.Like = append(op.Like, def)
		}
	}
	for _, n := range s.InhRelations {
		if s.Partbound != nil {
			op.PartitionOf = rangeName(n.GetRangeVar())
		} else {
			op.Inherits = append(op.Inherits, rangeName(n.GetRangeVar()))
		}
	}
	op.Bound = r.bound(s.Partbound)
	if p := s.Partspec; p != nil {
		switch p.Strategy {
		case pg.PartitionStrategy_PARTITION_STRATEGY_LIST:
			op.PartitionBy = "LIST"
		case pg.PartitionStrategy_PARTITION_STRATEGY_HASH:
			op.PartitionBy = "HASH"
		default:
			op.PartitionBy = "RANGE"
		}
		for _, n := range p.PartParams {
			e := n.GetPartitionElem()
			key := catalog.IndexElement{Column: e.GetName(), Collation: listName(e.GetCollation()), OpClass: systemName(e.GetOpclass())}
			if e.GetExpr() != nil {
				key.Expr = r.expr(e.Expr)
			}
			op.PartitionKey = append(op.PartitionKey, key)
		}
	}
	if s.OfTypename != nil {
		op.OfType = systemName(s.OfTypename.Names)
	}
	return op
}

func on(name catalog.Name) catalog.Base { return catalog.Base{On: name} }

func temporary(v *pg.RangeVar) bool {
	return v.GetRelpersistence() == "t" || v.GetSchemaname() == "pg_temp"
}

// columnDef reads a column's definition with its constraints.
func (r *reader) columnDef(d *pg.ColumnDef) catalog.ColumnDef {
	col := catalog.ColumnDef{
		Name:        d.Colname,
		Collation:   collation(d.CollClause),
		NotNull:     d.IsNotNull,
		Storage:     strings.ToLower(d.StorageName),
		Compression: d.Compression,
	}
	col.Type, col.Serial = typeName(d.TypeName)
	var last *catalog.ConstraintDef // what DEFERRABLE behind it belongs to
	for _, n := range d.Constraints {
		c := n.GetConstraint()
		switch c.GetContype() {
		case pg.ConstrType_CONSTR_NULL:
			col.Null = true
		case pg.ConstrType_CONSTR_NOTNULL:
			col.NotNull = true
			col.NotNullName = c.Conname
			col.NotNullNoInherit = r.newer.constraints[int(c.Location)].noInherit
		case pg.ConstrType_CONSTR_DEFAULT:
			if r.newer.constraints[int(c.Location)].virtual {
				col.Generated, col.Virtual = r.expr(c.RawExpr), true
			} else {
				col.Default = r.expr(c.RawExpr)
			}
		case pg.ConstrType_CONSTR_IDENTITY:
			col.Identity = identity(c.GeneratedWhen)
		case pg.ConstrType_CONSTR_GENERATED:
			col.Generated = r.expr(c.RawExpr)
		case pg.ConstrType_CONSTR_ATTR_DEFERRABLE, pg.ConstrType_CONSTR_ATTR_NOT_DEFERRABLE,
			pg.ConstrType_CONSTR_ATTR_DEFERRED, pg.ConstrType_CONSTR_ATTR_IMMEDIATE:
			if last != nil {
				deferrability(last, c.Contype)
			}
		default:
			def := r.constraint(c)
			if def.Type != catalog.Check {
				def.Columns = []string{col.Name}
			}
			col.Constraints = append(col.Constraints, def)
			last = &col.Constraints[len(col.Constraints)-1]
		}
	}
	return col
}

func deferrability(c *catalog.ConstraintDef, attr pg.ConstrType) {
	switch attr {
	case pg.ConstrType_CONSTR_ATTR_DEFERRABLE:
		c.Deferrable = true
	case pg.ConstrType_CONSTR_ATTR_DEFERRED:
		c.Deferrable, c.InitiallyDefer = true, true
	}
}

func identity(when string) string {
	if when == "a" {
		return "always"
	}
	return "by default"
}

func collation(c *pg.CollateClause) catalog.Name {
	if c == nil {
		return catalog.Name{}
	}
	return systemName(c.Collname)
}

// constraint reads a table's, column's or domain's constraint.
func (r *reader) constraint(c *pg.Constraint) catalog.ConstraintDef {
	def := catalog.ConstraintDef{
		Name:             c.Conname,
		Columns:          stringList(c.Keys),
		NotValid:         c.SkipValidation,
		NoInherit:        c.IsNoInherit,
		Deferrable:       c.Deferrable,
		InitiallyDefer:   c.Initdeferred,
		UsingIndex:       c.Indexname,
		Include:          stringList(c.Including),
		NullsNotDistinct: c.NullsNotDistinct,
	}
	if c.RawExpr != nil {
		def.Expr = r.expr(c.RawExpr)
	}
	if c.WhereClause != nil {
		def.Predicate = r.expr(c.WhereClause)
	}
	switch c.Contype {
	case pg.ConstrType_CONSTR_CHECK:
		def.Type = catalog.Check
	case pg.ConstrType_CONSTR_PRIMARY:
		def.Type = catalog.PrimaryKey
	case pg.ConstrType_CONSTR_UNIQUE:
		def.Type = catalog.Unique
	case pg.ConstrType_CONSTR_NOTNULL:
		def.Type = catalog.NotNull
	case pg.ConstrType_CONSTR_EXCLUSION:
		def.Type = catalog.Exclude
		def.Method = c.AccessMethod
		for _, n := range c.Exclusions {
			pair := n.GetList().GetItems()
			if len(pair) != 2 {
				continue
			}
			e := r.indexElement(pair[0].GetIndexElem())
			e.Operator = listName(pair[1].GetList().GetItems()).Name
			def.Elements = append(def.Elements, e)
			if e.Column != "" {
				def.Columns = append(def.Columns, e.Column)
			}
		}
	case pg.ConstrType_CONSTR_FOREIGN:
		def.Type = catalog.ForeignKey
		def.Columns = stringList(c.FkAttrs)
		def.RefTable = rangeName(c.Pktable)
		def.RefColumns = stringList(c.PkAttrs)
		def.OnDelete = fkAction(c.FkDelAction)
		def.OnUpdate = fkAction(c.FkUpdAction)
		switch c.FkMatchtype {
		case "f":
			def.Match = "FULL"
		case "p":
			def.Match = "PARTIAL"
		}
	}
	r.patchConstraint(&def, c.Location)
	return def
}

// fkAction names a referential action; NO ACTION is the default and "".
func fkAction(code string) string {
	switch code {
	case "r":
		return "RESTRICT"
	case "c":
		return "CASCADE"
	case "n":
		return "SET NULL"
	case "d":
		return "SET DEFAULT"
	}
	return ""
}

// like reads LIKE source INCLUDING ...; the bits are parsenodes.h's TableLikeOption.
func like(l *pg.TableLikeClause) catalog.Like {
	def := catalog.Like{Source: rangeName(l.Relation)}
	if l.Options == 0x7FFFFFFF {
		def.Options = []string{"ALL"}
		return def
	}
	for i, name := range []string{"COMMENTS", "COMPRESSION", "CONSTRAINTS", "DEFAULTS", "GENERATED", "IDENTITY", "INDEXES", "STATISTICS", "STORAGE"} {
		if l.Options&(1<<i) != 0 {
			def.Options = append(def.Options, name)
		}
	}
	return def
}

// bound is the text of a partition's bounds.
func (r *reader) bound(b *pg.PartitionBoundSpec) string {
	if b == nil {
		return ""
	}
	if b.IsDefault {
		return "DEFAULT"
	}
	list := func(nodes []*pg.Node) string {
		texts := make([]string, len(nodes))
		for i, n := range nodes {
			texts[i] = deparse(n)
		}
		return strings.Join(texts, ", ")
	}
	switch b.Strategy {
	case "h":
		return "FOR VALUES WITH (MODULUS " + itoa(b.Modulus) + ", REMAINDER " + itoa(b.Remainder) + ")"
	case "l":
		return "FOR VALUES IN (" + list(b.Listdatums) + ")"
	}
	return "FOR VALUES FROM (" + list(b.Lowerdatums) + ") TO (" + list(b.Upperdatums) + ")"
}

// createIndex reads CREATE INDEX.
func (r *reader) createIndex(s *pg.IndexStmt) catalog.CreateIndex {
	op := catalog.CreateIndex{
		Base:             on(rangeName(s.Relation)),
		Name:             s.Idxname,
		IfNotExists:      s.IfNotExists,
		Unique:           s.Unique,
		Concurrently:     s.Concurrent,
		Only:             !s.Relation.GetInh(),
		Method:           s.AccessMethod,
		NullsNotDistinct: s.NullsNotDistinct,
	}
	for _, n := range s.IndexParams {
		op.Elements = append(op.Elements, r.indexElement(n.GetIndexElem()))
	}
	for _, n := range s.IndexIncludingParams {
		if e := n.GetIndexElem(); e.GetName() != "" {
			op.Include = append(op.Include, e.Name)
		}
	}
	if s.WhereClause != nil {
		op.Predicate = r.expr(s.WhereClause)
	}
	return op
}

func (r *reader) indexElement(e *pg.IndexElem) catalog.IndexElement {
	element := catalog.IndexElement{
		Column:    e.GetName(),
		OpClass:   systemName(e.GetOpclass()),
		Collation: systemName(e.GetCollation()),
		Desc:      e.GetOrdering() == pg.SortByDir_SORTBY_DESC,
	}
	if e.GetExpr() != nil {
		element.Expr = r.expr(e.Expr)
		element.Derived, _ = figureName(e.Expr)
	}
	switch e.GetNullsOrdering() {
	case pg.SortByNulls_SORTBY_NULLS_FIRST:
		element.Nulls = "FIRST"
	case pg.SortByNulls_SORTBY_NULLS_LAST:
		element.Nulls = "LAST"
	}
	return element
}
