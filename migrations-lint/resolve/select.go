package resolve

import (
	"fmt"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// query is a statement that may stand in WITH, FROM or an expression: its columns.
// The scope is new, and its outer one what it can see.
func (a *analyzer) query(n *pg.Node, sc *scope) []column {
	if a.depth++; a.depth > maxNesting {
		a.depth--
		a.doubt("nested too deeply")
		return []column{{open: true}}
	}
	defer func() { a.depth-- }()
	switch x := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		return a.selectStmt(x.SelectStmt, sc, nil)
	case *pg.Node_InsertStmt:
		return a.insert(x.InsertStmt, sc)
	case *pg.Node_UpdateStmt:
		return a.update(x.UpdateStmt, sc)
	case *pg.Node_DeleteStmt:
		return a.delete(x.DeleteStmt, sc)
	case *pg.Node_MergeStmt:
		return a.merge(x.MergeStmt, sc)
	}
	a.doubt("a statement of an unknown kind inside another")
	return []column{{open: true}}
}

// selectStmt is SELECT, VALUES or a set operation. The WITH query that it is the
// body of is given when that may refer to itself.
func (a *analyzer) selectStmt(s *pg.SelectStmt, sc *scope, self *cte) []column {
	a.with(s.WithClause, sc)
	switch {
	case s.Op != pg.SetOperation_SETOP_NONE && s.Op != pg.SetOperation_SET_OPERATION_UNDEFINED:
		return a.setOperation(s, sc, self)
	case len(s.ValuesLists) > 0:
		columns := a.values(s.ValuesLists, sc)
		a.orderOutputs(s, columns, sc)
		return columns
	}
	a.fromClause(s.FromClause, sc)
	sc.group = &grouping{columns: map[int]bool{}, shapes: map[string]bool{}}
	columns, nodes := a.targets(s.TargetList, sc)
	a.condition(s.WhereClause, sc, "WHERE")
	a.condition(s.HavingClause, sc, "HAVING")
	for _, n := range s.SortClause {
		a.sortItem(n.GetSortBy().GetNode(), "ORDER BY", columns, nodes, sc)
	}
	for _, n := range s.GroupClause {
		a.groupItem(n, columns, nodes, sc)
	}
	a.distinct(s, columns, nodes, sc)
	a.limit(s, sc)
	for _, n := range s.WindowClause {
		a.window(n.GetWindowDef(), sc)
	}
	a.locking(s, sc)
	a.checkGrouping(s, sc, columns, nodes)
	return columns
}

// maxColumns is how many columns a result can have (manual, appendix K). It also keeps
// SELECT *, * FROM (SELECT *, * ...) from growing.
const maxColumns = 1664

// targets are the columns of a select list or of RETURNING, with the expression that
// each is, nil for those of a star.
func (a *analyzer) targets(list []*pg.Node, sc *scope) (columns []column, nodes []*pg.Node) {
	for _, n := range list {
		t := n.GetResTarget()
		val := t.GetVal()
		if expanded, ok := a.star(val, sc); ok && (t.GetName() == "" || !mayBeList(val)) {
			columns = append(columns, expanded...)
			nodes = append(nodes, make([]*pg.Node, len(expanded))...)
			continue
		}
		name := t.GetName()
		if name == "" {
			name = postgres.OutputName(val)
		}
		columns = append(columns, column{name: name, val: a.expr(val, sc)})
		nodes = append(nodes, val)
	}
	if len(columns) > maxColumns {
		a.fail(analysis, "54011", Object{}, location(list[0]), fmt.Sprintf("target lists can have at most %d entries", maxColumns))
		return []column{{open: true}}, []*pg.Node{nil}
	}
	return columns, nodes
}

// mayBeList tells that an expression is only known when the program runs, and may be
// several with commas between them.
func mayBeList(n *pg.Node) bool {
	fields := n.GetColumnRef().GetFields()
	return len(fields) == 1 && isHole(fields[0].GetString_().GetSval())
}

// star expands *, t.* and (composite).*.
func (a *analyzer) star(n *pg.Node, sc *scope) ([]column, bool) {
	if mayBeList(n) {
		a.doubt("the name of a column is not known")
		return []column{{open: true}}, true
	}
	if ref := n.GetColumnRef(); ref != nil && len(ref.Fields) > 0 && ref.Fields[len(ref.Fields)-1].GetAStar() != nil {
		names := stringList(ref.Fields)
		if len(names) == 0 {
			columns, open := starColumns(sc.items)
			if open {
				columns = append(columns, column{open: true})
			}
			a.useAll(columns)
			return columns, true
		}
		it := a.qualifier(names, sc, ref.Location)
		if it == nil {
			return []column{{open: true}}, true
		}
		a.useAll(it.columns)
		columns := slices.Clone(it.columns)
		if it.open {
			columns = append(columns, column{open: true})
		}
		return columns, true
	}
	if ind := n.GetAIndirection(); ind != nil && len(ind.Indirection) > 0 && ind.Indirection[len(ind.Indirection)-1].GetAStar() != nil {
		inner := ind.Arg
		if len(ind.Indirection) > 1 {
			inner = &pg.Node{Node: &pg.Node_AIndirection{AIndirection: &pg.A_Indirection{Arg: ind.Arg, Indirection: ind.Indirection[:len(ind.Indirection)-1]}}}
		}
		v, row := a.rowOf(inner, sc)
		if row != nil {
			return row, true
		}
		fields, isRow, open := a.fieldsOf(v)
		switch {
		case isRow && open:
			return append(slices.Clone(fields), column{open: true}), true
		case isRow:
			return fields, true
		case v.typ.known() && !v.isUnknown() && v.typ != recordType && !v.soft:
			a.fail(analysis, "42809", Object{}, location(n), fmt.Sprintf("type %s is not composite", v.typ))
		}
		return []column{{open: true}}, true
	}
	return nil, false
}

// qualifier finds the entry of FROM that t.*, s.t.* or t.column name.
func (a *analyzer) qualifier(names []string, sc *scope, at int32) *item {
	schema, name := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	it, outcome := a.item(sc, schema, name, at)
	switch {
	case outcome == hit:
		return it
	case outcome == missing && !isHole(name) && !isHole(schema):
		a.missingItem(sc, name, at)
	case outcome != failed:
		a.doubt("a qualifier is not known")
	}
	return nil
}

// values is VALUES (...), (...): the columns have the common type of the rows.
func (a *analyzer) values(lists []*pg.Node, sc *scope) []column {
	var columns [][]value
	for _, n := range lists {
		if items := n.GetList().GetItems(); slices.ContainsFunc(items, mayBeList) {
			a.exprs(items, sc)
			return []column{{open: true}}
		}
	}
	for i, n := range lists {
		row := a.valueRow(n.GetList().GetItems(), sc)
		if i == 0 {
			columns = make([][]value, len(row))
		}
		if len(row) != len(columns) {
			a.fail(analysis, "42601", Object{}, location(n), "VALUES lists must all be the same length")
			break
		}
		for k, v := range row {
			columns[k] = append(columns[k], v)
		}
	}
	out := make([]column, len(columns))
	for i, list := range columns {
		out[i].name = numbered("column", i+1)
		out[i].val = list[0]
		if len(list) > 1 {
			out[i].val = a.unify("VALUES", list, location(lists[0]))
		}
	}
	return out
}

func numbered(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }

func (a *analyzer) valueRow(items []*pg.Node, sc *scope) []value {
	row := make([]value, 0, len(items))
	for _, n := range items {
		if n.GetSetToDefault() != nil {
			row = append(row, value{})
			continue
		}
		if columns, ok := a.star(n, sc); ok {
			for _, c := range columns {
				row = append(row, c.val)
			}
			continue
		}
		row = append(row, a.expr(n, sc))
	}
	return row
}

// setOperation is UNION, INTERSECT or EXCEPT.
func (a *analyzer) setOperation(s *pg.SelectStmt, sc *scope, self *cte) []column {
	name := map[pg.SetOperation]string{pg.SetOperation_SETOP_UNION: "UNION", pg.SetOperation_SETOP_INTERSECT: "INTERSECT", pg.SetOperation_SETOP_EXCEPT: "EXCEPT"}[s.Op]
	side := func(s *pg.SelectStmt, self *cte) []column {
		if a.depth++; a.depth > maxNesting {
			a.depth--
			a.doubt("nested too deeply")
			return []column{{open: true}}
		}
		defer func() { a.depth-- }()
		if s.GetOp() != pg.SetOperation_SETOP_NONE && len(s.SortClause) == 0 && s.LimitCount == nil && s.LimitOffset == nil && s.WithClause == nil && len(s.LockingClause) == 0 {
			return a.setOperation(s, sc, self)
		}
		return a.selectStmt(s, &scope{outer: sc}, nil)
	}
	left := side(s.Larg, nil)
	if self != nil {
		self.learn(a, left)
	}
	right := side(s.Rarg, nil)
	columns := left
	switch {
	case slices.ContainsFunc(left, isOpen) || slices.ContainsFunc(right, isOpen):
	case len(left) != len(right):
		at := int32(0)
		if len(s.Rarg.GetTargetList()) > 0 {
			at = location(s.Rarg.TargetList[0])
		}
		a.fail(analysis, "42601", Object{}, at, fmt.Sprintf("each %s query must have the same number of columns", name))
		columns = []column{{open: true}}
	default:
		columns = make([]column, len(left))
		for i := range left {
			at := int32(0)
			if list := s.Rarg.GetTargetList(); i < len(list) {
				at = location(list[i].GetResTarget().GetVal())
			}
			columns[i] = column{name: left[i].name, val: a.unify(name, []value{left[i].val, right[i].val}, at)}
			if !s.All {
				a.needsEquality(columns[i].val, at)
			}
			if self != nil {
				a.checkRecursive(self, i, left[i].val, columns[i].val, at)
			}
		}
	}
	a.orderOutputs(s, columns, sc)
	return columns
}

func isOpen(c column) bool { return c.open }

// orderOutputs judges ORDER BY and LIMIT of a set operation or VALUES: only the
// result's columns can be named.
func (a *analyzer) orderOutputs(s *pg.SelectStmt, columns []column, sc *scope) {
	if len(s.SortClause) > 0 {
		it := &item{unqualified: true}
		it.columns = a.fresh(columns, it)
		inner := &scope{outer: sc, items: []*item{it}}
		nodes := make([]*pg.Node, len(columns))
		for _, n := range s.SortClause {
			a.sortItem(n.GetSortBy().GetNode(), "ORDER BY", columns, nodes, inner)
		}
	}
	a.limit(s, sc)
}

func (a *analyzer) limit(s *pg.SelectStmt, sc *scope) {
	for _, n := range []*pg.Node{s.LimitOffset, s.LimitCount} {
		if n != nil {
			clause := "LIMIT"
			if n == s.LimitOffset {
				clause = "OFFSET"
			}
			v := a.expr(n, &scope{outer: sc})
			a.coerceTo(v, int8Type, "argument of "+clause+" must be type bigint, not type %s", location(n))
		}
	}
}

// sortItem is an entry of ORDER BY, DISTINCT ON or GROUP BY, as SQL92 and SQL99 have
// it: an output's name or number, or an expression (findTargetlistEntrySQL92).
func (a *analyzer) sortItem(n *pg.Node, clause string, columns []column, nodes []*pg.Node, sc *scope) (output int) {
	if ref := n.GetColumnRef(); ref != nil && len(ref.Fields) == 1 && ref.Fields[0].GetString_() != nil {
		name := ref.Fields[0].GetString_().Sval
		if clause != "GROUP BY" || !a.isLocalColumn(sc, name) {
			at, ambiguous := -1, false
			for i, c := range columns {
				if c.name != name || c.open {
					continue
				}
				if at >= 0 && a.outputShape(columns[at], nodes[at], sc) != a.outputShape(c, nodes[i], sc) {
					ambiguous = true
				}
				if at < 0 {
					at = i
				}
			}
			if ambiguous {
				a.fail(analysis, "42702", Object{}, ref.Location, fmt.Sprintf("%s %q is ambiguous", clause, name))
				return -1
			}
			if at >= 0 {
				a.needsOrder(columns[at].val, clause, ref.Location)
				return at
			}
			if slices.ContainsFunc(columns, isOpen) {
				return -1
			}
		}
	}
	if c := n.GetAConst(); c != nil && c.GetIval() != nil || c != nil && c.GetVal() == nil && !c.Isnull {
		position := int(c.GetIval().GetIval())
		switch {
		case slices.ContainsFunc(columns, isOpen):
			return -1
		case position < 1 || position > len(columns):
			a.fail(analysis, "42P10", Object{}, c.Location, fmt.Sprintf("%s position %d is not in select list", clause, position))
			return -1
		}
		a.needsOrder(columns[position-1].val, clause, c.Location)
		return position - 1
	}
	v := a.expr(n, sc)
	a.needsOrder(v, clause, location(n))
	if clause != "GROUP BY" && sc.group != nil {
		sc.group.order = append(sc.group.order, n)
	}
	return -1
}

func (a *analyzer) isLocalColumn(sc *scope, name string) bool {
	for _, it := range sc.items {
		if it.unqualified {
			if _, n := it.find(name); n > 0 {
				return true
			}
			if _, ok := it.systemColumn(name); ok {
				return true
			}
		}
	}
	return false
}

// outputShape is the same text for two entries of a select list that are the same expression.
func (a *analyzer) outputShape(c column, n *pg.Node, sc *scope) string {
	if n == nil {
		return "#" + strconv.Itoa(c.id)
	}
	return a.shapeIn(n, sc)
}

func (a *analyzer) groupItem(n *pg.Node, columns []column, nodes []*pg.Node, sc *scope) {
	switch x := n.GetNode().(type) {
	case *pg.Node_GroupingSet:
		if sc.group != nil {
			sc.group.sets = true
		}
		for _, n := range x.GroupingSet.Content {
			a.groupItem(n, columns, nodes, sc)
		}
		return
	case *pg.Node_RowExpr:
		if x.RowExpr.RowFormat == pg.CoercionForm_COERCE_IMPLICIT_CAST {
			for _, n := range x.RowExpr.Args {
				a.groupItem(n, columns, nodes, sc)
			}
			return
		}
	case *pg.Node_List:
		for _, n := range x.List.Items {
			a.groupItem(n, columns, nodes, sc)
		}
		return
	}
	output := a.sortItem(n, "GROUP BY", columns, nodes, sc)
	a.groupedBy(n, output, columns, nodes, sc)
}

func (a *analyzer) distinct(s *pg.SelectStmt, columns []column, nodes []*pg.Node, sc *scope) {
	if len(s.DistinctClause) == 0 {
		return
	}
	plain := true
	for _, n := range s.DistinctClause {
		if n.GetNode() != nil {
			plain = false
			a.sortItem(n, "DISTINCT ON", columns, nodes, sc)
		}
	}
	if plain {
		for _, c := range columns {
			a.needsEquality(c.val, 0)
		}
	}
}

// window judges the expressions of a window's definition.
func (a *analyzer) window(w *pg.WindowDef, sc *scope) {
	if w == nil {
		return
	}
	for _, n := range w.PartitionClause {
		a.needsEquality(a.expr(n, sc), location(n))
	}
	for _, n := range w.OrderClause {
		v := a.expr(n.GetSortBy().GetNode(), sc)
		a.needsOrder(v, "ORDER BY", location(n.GetSortBy().GetNode()))
	}
	a.expr(w.StartOffset, sc)
	a.expr(w.EndOffset, sc)
}

// locking judges FOR UPDATE OF t.
func (a *analyzer) locking(s *pg.SelectStmt, sc *scope) {
	for _, n := range s.LockingClause {
		l := n.GetLockingClause()
		for _, r := range l.GetLockedRels() {
			v := r.GetRangeVar()
			known := slices.ContainsFunc(sc.items, func(it *item) bool { return it.alias == v.GetRelname() || isHole(it.alias) })
			if !known && !isHole(v.GetRelname()) {
				word := map[pg.LockClauseStrength]string{pg.LockClauseStrength_LCS_FORKEYSHARE: "FOR KEY SHARE", pg.LockClauseStrength_LCS_FORSHARE: "FOR SHARE",
					pg.LockClauseStrength_LCS_FORNOKEYUPDATE: "FOR NO KEY UPDATE"}[l.Strength]
				if word == "" {
					word = "FOR UPDATE"
				}
				a.fail(analysis, "42P01", Object{Kind: "table", Name: v.GetRelname()}, v.GetLocation(), fmt.Sprintf("relation %q in %s clause not found in FROM clause", v.GetRelname(), word))
			}
		}
	}
}
