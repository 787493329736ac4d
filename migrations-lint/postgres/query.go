package postgres

import (
	"cmp"
	"maps"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// queryReader turns a SELECT's tree into a [catalog.Select], and gathers the
// relations and functions that it names.
type queryReader struct {
	relations map[catalog.Name]bool
	functions map[catalog.Name]bool
	scopes    []map[string]bool // names of WITH queries that are visible, innermost last
	writes    []write           // INSERT, UPDATE, DELETE, MERGE, those in WITH first
	locking   string            // the strongest FOR UPDATE ... clause
}

// write is a data-modifying statement, with the relations that it names apart from
// its target.
type write struct {
	node  *pg.Node
	to    catalog.Name
	reads []catalog.Name
}

func newQueryReader() *queryReader {
	return &queryReader{relations: map[catalog.Name]bool{}, functions: map[catalog.Name]bool{}}
}

// query reads the query of a view or of CREATE TABLE AS.
func (r *reader) query(n *pg.Node) *catalog.Query {
	q := newQueryReader()
	sel := q.statement(n)
	text, ok := r.querySource()
	if !ok {
		text, _ = deparseStatement(n) // "" where it cannot
	}
	return &catalog.Query{SQL: text, Relations: q.relationList(), Functions: q.functionList(), Select: sel}
}

func (q *queryReader) relationList() []catalog.Name { return sortedNames(q.relations) }
func (q *queryReader) functionList() []catalog.Name { return sortedNames(q.functions) }

func sortedNames(set map[catalog.Name]bool) []catalog.Name {
	return slices.SortedFunc(maps.Keys(set), func(a, b catalog.Name) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	})
}

// statement reads the statement inside a view, an EXPLAIN, a WITH query ...; nil
// when it is not a SELECT.
func (q *queryReader) statement(n *pg.Node) *catalog.Select {
	if s := n.GetSelectStmt(); s != nil {
		return q.selectStmt(s)
	}
	return nil
}

func (q *queryReader) isCTE(v *pg.RangeVar) bool {
	if v.Schemaname != "" {
		return false
	}
	for _, scope := range q.scopes {
		if scope[v.Relname] {
			return true
		}
	}
	return false
}

// with reads a WITH clause, whose names are visible until leave is called.
func (q *queryReader) with(w *pg.WithClause) (ctes []catalog.CTE, leave func()) {
	if w == nil {
		return nil, func() {}
	}
	scope := map[string]bool{}
	q.scopes = append(q.scopes, scope)
	if w.Recursive {
		for _, n := range w.Ctes {
			scope[n.GetCommonTableExpr().GetCtename()] = true
		}
	}
	for _, n := range w.Ctes {
		c := n.GetCommonTableExpr()
		cte := catalog.CTE{Name: c.GetCtename(), Columns: stringList(c.GetAliascolnames()), Recursive: w.Recursive}
		if s := c.GetCtequery().GetSelectStmt(); s != nil {
			cte.Query = q.selectStmt(s)
		} else {
			cte.DML, cte.Returning = q.write(c.GetCtequery())
		}
		if s := c.GetSearchClause(); s != nil {
			cte.Extra = append(cte.Extra, s.SearchSeqColumn)
		}
		if s := c.GetCycleClause(); s != nil {
			cte.Extra = append(cte.Extra, s.CycleMarkColumn, s.CyclePathColumn)
		}
		ctes = append(ctes, cte)
		scope[cte.Name] = true
	}
	return ctes, func() { q.scopes = q.scopes[:len(q.scopes)-1] }
}

// write reads a data-modifying statement and adds it to q.writes.
func (q *queryReader) write(n *pg.Node) (target catalog.Name, returning []catalog.Output) {
	own := &queryReader{relations: map[catalog.Name]bool{}, functions: q.functions, scopes: q.scopes}
	level := &catalog.Select{}
	outputs := func(list []*pg.Node) {
		for _, t := range list {
			returning = append(returning, own.output(t.GetResTarget(), level))
		}
	}
	switch x := n.GetNode().(type) {
	case *pg.Node_InsertStmt:
		s := x.InsertStmt
		target = rangeName(s.Relation)
		_, leave := own.with(s.WithClause)
		own.expr(s.SelectStmt, level)
		if c := s.OnConflictClause; c != nil {
			own.exprs(c.TargetList, level)
			own.expr(c.WhereClause, level)
		}
		outputs(s.ReturningList)
		leave()
	case *pg.Node_UpdateStmt:
		s := x.UpdateStmt
		target = rangeName(s.Relation)
		_, leave := own.with(s.WithClause)
		own.from(s.FromClause, level)
		own.exprs(s.TargetList, level)
		own.expr(s.WhereClause, level)
		outputs(s.ReturningList)
		leave()
	case *pg.Node_DeleteStmt:
		s := x.DeleteStmt
		target = rangeName(s.Relation)
		_, leave := own.with(s.WithClause)
		own.from(s.UsingClause, level)
		own.expr(s.WhereClause, level)
		outputs(s.ReturningList)
		leave()
	case *pg.Node_MergeStmt:
		s := x.MergeStmt
		target = rangeName(s.Relation)
		_, leave := own.with(s.WithClause)
		own.from([]*pg.Node{s.SourceRelation}, level)
		own.expr(s.JoinCondition, level)
		own.exprs(s.MergeWhenClauses, level)
		outputs(s.ReturningList)
		leave()
	default:
		return target, returning
	}
	maps.Copy(q.relations, own.relations)
	q.writes = append(q.writes, own.writes...)
	delete(own.relations, target)
	q.writes = append(q.writes, write{n, target, own.relationList()})
	return target, returning
}

func (q *queryReader) selectStmt(s *pg.SelectStmt) *catalog.Select {
	level := &catalog.Select{}
	ctes, leave := q.with(s.WithClause)
	defer leave()
	level.With = ctes
	for _, n := range s.LockingClause {
		q.lock(n.GetLockingClause().GetStrength())
	}
	switch {
	case s.Larg != nil && s.Rarg != nil:
		level.Set = &catalog.SetOp{Left: q.selectStmt(s.Larg), Right: q.selectStmt(s.Rarg)}
		// ORDER BY of a set operation names its outputs only; calls count.
		q.exprs(s.SortClause, &catalog.Select{})
		q.exprs([]*pg.Node{s.LimitCount, s.LimitOffset}, level)
		return level
	case len(s.ValuesLists) > 0:
		for _, row := range s.ValuesLists {
			var outputs []catalog.Output
			for i, v := range row.GetList().GetItems() {
				o := q.output(&pg.ResTarget{Val: v}, level)
				o.Name = "column" + itoa(int32(i+1))
				outputs = append(outputs, o)
			}
			level.Values = append(level.Values, outputs)
		}
	}
	q.from(s.FromClause, level)
	for _, t := range s.TargetList {
		level.Outputs = append(level.Outputs, q.output(t.GetResTarget(), level))
	}
	q.expr(s.WhereClause, level)
	q.exprs(s.DistinctClause, level)
	q.expr(s.HavingClause, level)
	for _, n := range s.WindowClause {
		q.expr(n, level)
	}
	// A bare name in GROUP BY or ORDER BY may be an output's: no reference then.
	for _, n := range slices.Concat(s.GroupClause, s.SortClause) {
		bare := n
		if sort := n.GetSortBy(); sort != nil {
			bare = sort.Node
		}
		if ref := bare.GetColumnRef(); ref != nil && len(ref.Fields) == 1 && hasOutput(level, columnRef(ref).Column) {
			continue
		}
		q.expr(n, level)
	}
	q.exprs([]*pg.Node{s.LimitCount, s.LimitOffset}, level)
	return level
}

func hasOutput(s *catalog.Select, name string) bool {
	return slices.ContainsFunc(s.Outputs, func(o catalog.Output) bool { return o.Name == name && !o.Star })
}

func (q *queryReader) lock(strength pg.LockClauseStrength) {
	order := []string{"", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"}
	i := 0
	switch strength {
	case pg.LockClauseStrength_LCS_FORKEYSHARE:
		i = 1
	case pg.LockClauseStrength_LCS_FORSHARE:
		i = 2
	case pg.LockClauseStrength_LCS_FORNOKEYUPDATE:
		i = 3
	case pg.LockClauseStrength_LCS_FORUPDATE:
		i = 4
	}
	if i > slices.Index(order, q.locking) {
		q.locking = order[i]
	}
}

func (q *queryReader) exprs(list []*pg.Node, level *catalog.Select) {
	for _, n := range list {
		q.expr(n, level)
	}
}

// expr gathers an expression's columns, functions and sub-selects.
func (q *queryReader) expr(n *pg.Node, level *catalog.Select) {
	switch x := n.GetNode().(type) {
	case nil:
		return
	case *pg.Node_ColumnRef:
		level.Refs = append(level.Refs, columnRef(x.ColumnRef))
		return
	case *pg.Node_AIndirection:
		if ref, ok := fieldOf(n); ok {
			level.Refs = append(level.Refs, ref)
			return
		}
	case *pg.Node_SelectStmt:
		level.Subs = append(level.Subs, q.selectStmt(x.SelectStmt))
		return
	case *pg.Node_SubLink:
		q.expr(x.SubLink.Testexpr, level)
		q.expr(x.SubLink.Subselect, level)
		return
	case *pg.Node_FuncCall:
		q.functions[systemName(x.FuncCall.Funcname)] = true
	case *pg.Node_SqlvalueFunction:
		q.functions[catalog.Name{Name: valueFunction(x.SqlvalueFunction.Op)}] = true
		return
	}
	eachChild(n, func(child *pg.Node) { q.expr(child, level) })
}

// from reads a FROM clause.
func (q *queryReader) from(list []*pg.Node, level *catalog.Select) {
	for _, n := range list {
		if item := q.fromItem(n, level); item != nil {
			level.From = append(level.From, *item)
		}
	}
}

func (q *queryReader) fromItem(n *pg.Node, level *catalog.Select) *catalog.FromItem {
	item := &catalog.FromItem{}
	alias := func(a *pg.Alias) {
		item.Alias = a.GetAliasname()
		for _, name := range stringList(a.GetColnames()) {
			item.Columns = append(item.Columns, catalog.ColumnDef{Name: name})
		}
	}
	switch x := n.GetNode().(type) {
	case *pg.Node_RangeVar:
		item.Relation = rangeName(x.RangeVar)
		if !q.isCTE(x.RangeVar) {
			q.relations[item.Relation] = true
		}
		alias(x.RangeVar.Alias)
	case *pg.Node_RangeSubselect:
		item.Sub = q.statement(x.RangeSubselect.Subquery)
		item.Lateral = x.RangeSubselect.Lateral
		alias(x.RangeSubselect.Alias)
	case *pg.Node_RangeTableSample:
		q.exprs(x.RangeTableSample.Args, level)
		return q.fromItem(x.RangeTableSample.Relation, level)
	case *pg.Node_JoinExpr:
		item.Left = q.fromItem(x.JoinExpr.Larg, level)
		item.Right = q.fromItem(x.JoinExpr.Rarg, level)
		item.Natural = x.JoinExpr.IsNatural
		item.Using = stringList(x.JoinExpr.UsingClause)
		q.expr(x.JoinExpr.Quals, level)
		alias(x.JoinExpr.Alias)
	case *pg.Node_RangeFunction:
		f := x.RangeFunction
		item.Lateral, item.Ordinality = f.Lateral, f.Ordinality
		for i, n := range f.Functions {
			call := q.functionItem(n.GetList().GetItems(), level)
			if len(f.Functions) == 1 {
				item.Function, item.Columns = call.Function, call.Columns
				break
			}
			// ROWS FROM (f(), g()) has the columns of both, as a join has.
			if i == 0 {
				item.Left = call
			} else {
				item.Right = call
				if i < len(f.Functions)-1 {
					item.Left, item.Right = &catalog.FromItem{Left: item.Left, Right: call}, nil
				}
			}
		}
		alias(f.Alias)
		item.Columns = append(item.Columns, columnList(f.Coldeflist)...)
	case *pg.Node_RangeTableFunc: // XMLTABLE
		q.expr(n.GetRangeTableFunc().Docexpr, level)
		q.expr(n.GetRangeTableFunc().Rowexpr, level)
		item.Function = catalog.Name{Name: "xmltable"}
		item.Lateral = x.RangeTableFunc.Lateral
		alias(x.RangeTableFunc.Alias)
		item.Columns = nil
		for i, n := range x.RangeTableFunc.Columns {
			c := n.GetRangeTableFuncCol()
			q.expr(c.Colexpr, level)
			q.expr(c.Coldefexpr, level)
			col := catalog.ColumnDef{Name: c.Colname}
			col.Type, _ = typeName(c.TypeName)
			if c.ForOrdinality {
				col.Type = catalog.Type{Name: "int4"}
			}
			if names := stringList(x.RangeTableFunc.Alias.GetColnames()); i < len(names) {
				col.Name = names[i]
			}
			item.Columns = append(item.Columns, col)
		}
	case *pg.Node_JsonTable:
		eachChild(n, func(child *pg.Node) { q.expr(child, level) })
		item.Function = catalog.Name{Name: "json_table"}
		item.Lateral = x.JsonTable.Lateral
		alias(x.JsonTable.Alias)
		aliases := stringList(x.JsonTable.Alias.GetColnames())
		item.Columns = jsonTableColumns(x.JsonTable.Columns)
		for i := range min(len(aliases), len(item.Columns)) {
			item.Columns[i].Name = aliases[i]
		}
	default:
		return nil
	}
	return item
}

// functionItem reads one function of a FROM clause: the call, and in ROWS FROM the
// columns that it is said to return.
func (q *queryReader) functionItem(parts []*pg.Node, level *catalog.Select) *catalog.FromItem {
	item := &catalog.FromItem{}
	if len(parts) == 0 {
		return item
	}
	q.expr(parts[0], level)
	if call := parts[0].GetFuncCall(); call != nil {
		item.Function = systemName(call.Funcname)
	} else {
		item.Function.Name, _ = figureName(parts[0])
	}
	if len(parts) > 1 {
		item.Columns = columnList(parts[1].GetList().GetItems())
	}
	return item
}

// columnList is a column definition list: AS (a int, b text).
func columnList(nodes []*pg.Node) []catalog.ColumnDef {
	var list []catalog.ColumnDef
	for _, n := range nodes {
		col := catalog.ColumnDef{Name: n.GetColumnDef().GetColname()}
		col.Type, _ = typeName(n.GetColumnDef().GetTypeName())
		list = append(list, col)
	}
	return list
}

// jsonTableColumns are the columns of JSON_TABLE, those of NESTED PATH included.
func jsonTableColumns(nodes []*pg.Node) []catalog.ColumnDef {
	var list []catalog.ColumnDef
	for _, n := range nodes {
		c := n.GetJsonTableColumn()
		if c.GetColtype() == pg.JsonTableColumnType_JTC_NESTED {
			list = append(list, jsonTableColumns(c.Columns)...)
			continue
		}
		col := catalog.ColumnDef{Name: c.GetName()}
		col.Type, _ = typeName(c.GetTypeName())
		if c.GetColtype() == pg.JsonTableColumnType_JTC_FOR_ORDINALITY {
			col.Type = catalog.Type{Name: "int4"}
		}
		list = append(list, col)
	}
	return list
}
