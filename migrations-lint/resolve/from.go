package resolve

import (
	"fmt"
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// fromClause adds the entries of FROM to a scope (transformFromClause).
func (a *analyzer) fromClause(list []*pg.Node, sc *scope) {
	var own []*item
	for _, n := range list {
		items := a.from(n, sc)
		a.add(sc, items, location(n))
		setLateral(items, true, false)
		own = append(own, items...)
	}
	setLateral(own, false, false)
}

func setLateral(items []*item, only, bad bool) {
	for _, it := range items {
		it.lateralOnly, it.lateralBad = only, bad
	}
}

// from is what one entry of FROM makes visible (transformFromClauseItem).
func (a *analyzer) from(n *pg.Node, sc *scope) []*item {
	items := a.fromEntry(n, sc)
	if n.GetJoinExpr() == nil && n.GetRangeTableSample() == nil {
		sc.ranges = append(sc.ranges, items...)
	} else if j := n.GetJoinExpr(); j != nil && j.Alias != nil {
		sc.ranges = append(sc.ranges, items[len(items)-1])
	}
	return items
}

func (a *analyzer) fromEntry(n *pg.Node, sc *scope) []*item {
	if a.depth++; a.depth > maxNesting {
		a.depth--
		a.doubt("nested too deeply")
		return []*item{{open: true, names: true, unqualified: true}}
	}
	defer func() { a.depth-- }()
	switch x := n.GetNode().(type) {
	case *pg.Node_RangeVar:
		return []*item{a.tableItem(x.RangeVar, sc)}
	case *pg.Node_RangeSubselect:
		return []*item{a.subselectItem(x.RangeSubselect, sc)}
	case *pg.Node_RangeFunction:
		return []*item{a.functionItem(x.RangeFunction, sc)}
	case *pg.Node_RangeTableSample:
		items := a.from(x.RangeTableSample.Relation, sc)
		a.exprs(x.RangeTableSample.Args, sc)
		a.expr(x.RangeTableSample.Repeatable, sc)
		return items
	case *pg.Node_RangeTableFunc:
		return []*item{a.xmlTable(x.RangeTableFunc, sc)}
	case *pg.Node_JsonTable:
		return []*item{a.jsonTable(x.JsonTable, sc)}
	case *pg.Node_JoinExpr:
		return a.join(x.JoinExpr, sc)
	}
	a.doubt("an entry of FROM of an unknown kind")
	return []*item{{open: true, names: true, unqualified: true}}
}

// tableItem is a table, view, sequence or WITH query.
func (a *analyzer) tableItem(v *pg.RangeVar, sc *scope) *item {
	alias := v.Alias.GetAliasname()
	if v.Schemaname == "" {
		if c := sc.cte(v.Relname); c != nil {
			return a.cteItem(c, v)
		}
	}
	name := catalog.Name{Schema: v.Schemaname, Name: v.Relname}
	var it *item
	switch r := a.relation(name); {
	case r != nil:
		it = a.relationItem(r, alias)
		if r.ID != 0 {
			a.use(tableObject(r))
		}
		if v.Schemaname != "" {
			it.schema = v.Schemaname
		}
		if alias != "" {
			it.schema = ""
		}
	default:
		it = &item{alias: v.Relname, open: true, names: true, unqualified: true, system: true}
		if alias != "" {
			it.alias = alias
		} else {
			it.schema = v.Schemaname
		}
		if seq := a.c.Sequence(name); seq != nil {
			it.open, it.first = false, a.newID(3)
			it.columns = []column{{name: "last_value", val: known(int8Type), id: it.first}, {name: "log_cnt", val: known(int8Type), id: it.first + 1},
				{name: "is_called", val: known(boolType), id: it.first + 2}}
		} else if sys := catalog.SystemRelation(name); sys != nil {
			// A version may have more columns, so the entry stays open.
			it.server = true
			for _, col := range sys.Columns {
				it.columns = append(it.columns, column{name: col.Name, val: a.columnValue(col.Type)})
			}
		} else {
			a.noRelation(name, v.Location)
		}
	}
	a.aliasColumns(it, v.Alias, v.Location)
	return it
}

// relation is the table or view of a name; one of the server's own has no ID.
func (a *analyzer) relation(n catalog.Name) *catalog.Relation {
	if isHole(n.Name) || isHole(n.Schema) {
		return nil
	}
	return a.c.Relation(n)
}

// noRelation says why there is no relation of a name, or that it cannot be known.
func (a *analyzer) noRelation(n catalog.Name, at int32) {
	switch {
	case isHole(n.Name) || isHole(n.Schema):
		a.doubt("the name of a table is not known")
	case isSystemName(n.Schema, n.Name):
	case a.c.Index(n) != nil || a.compositeNamed(n):
		reason := fmt.Sprintf("cannot open relation %q", n.Name)
		if a.c.Version < 16 {
			reason = fmt.Sprintf("%q is a composite type", n.Name)
			if a.c.Index(n) != nil {
				reason = fmt.Sprintf("%q is an index", n.Name)
			}
		}
		a.fail(analysis, "42809", Object{Kind: "table", Schema: n.Schema, Name: n.Name}, at, reason)
	case n.Schema != "" && a.c.Schemas[n.Schema] == nil && a.unknownExtension():
		a.doubt("the schema " + n.Schema + " may belong to an extension")
	default:
		shown := n.Name
		if n.Schema != "" {
			shown = n.Schema + "." + n.Name
		}
		a.fail(analysis, "42P01", Object{Kind: "table", Schema: n.Schema, Name: n.Name}, at, fmt.Sprintf("relation %q does not exist", shown))
	}
}

func (a *analyzer) compositeNamed(n catalog.Name) bool {
	u := a.c.Type(catalog.Type{Schema: n.Schema, Name: n.Name})
	return u != nil && u.Kind == catalog.Composite
}

func (a *analyzer) cteItem(c *cte, v *pg.RangeVar) *item {
	it := &item{alias: v.Relname, names: true, unqualified: true, open: c.open}
	if n := v.Alias.GetAliasname(); n != "" {
		it.alias = n
	}
	if c.analyse != nil {
		c.analyse()
		it.open = c.open
	}
	if c.pending {
		c.selfUsed = true
		it.open = it.open || !c.learned
	}
	if !c.returns && !c.open {
		a.fail(analysis, "0A000", Object{}, v.Location, fmt.Sprintf("WITH query %q does not have a RETURNING clause", c.name))
		it.open = true
	}
	it.columns = a.fresh(c.columns, it)
	a.aliasColumns(it, v.Alias, v.Location)
	return it
}

// fresh are the columns of a sub-query as the columns of an entry of FROM: what they
// are made of does not count as used any more.
func (a *analyzer) fresh(list []column, it *item) []column {
	out := slices.Clone(list)
	it.first = a.newID(len(out))
	for i := range out {
		out[i].uses, out[i].id = nil, it.first+i
		out[i].val.param, out[i].val.null = 0, false
		if out[i].val.isUnknown() {
			out[i].val.typ = textType
			out[i].val.text = nil
		}
		it.open = it.open || out[i].open
	}
	return out
}

// aliasColumns renames columns as AS t (a, b) does.
func (a *analyzer) aliasColumns(it *item, alias *pg.Alias, at int32) {
	names := stringList(alias.GetColnames())
	if len(names) > len(it.columns) && !it.open {
		a.fail(analysis, "42P10", Object{}, at, fmt.Sprintf("table %q has %d columns available but %d columns specified", it.alias, len(it.columns), len(names)))
		return
	}
	if len(names) == 0 {
		return
	}
	it.columns = slices.Clone(it.columns)
	for i, name := range names {
		if i < len(it.columns) && !slices.ContainsFunc(it.columns[:i+1], func(c column) bool { return c.open }) {
			it.columns[i].name = name
		} else {
			it.columns = append(it.columns, column{name: name})
		}
	}
}

func (a *analyzer) subselectItem(s *pg.RangeSubselect, sc *scope) *item {
	before := sc.lateral
	sc.lateral = s.Lateral
	columns := a.query(s.Subquery, &scope{outer: sc})
	sc.lateral = before
	it := &item{alias: s.Alias.GetAliasname(), names: s.Alias != nil, unqualified: true}
	it.columns = a.fresh(columns, it)
	a.aliasColumns(it, s.Alias, location(s.Subquery))
	return it
}

// functionItem is a function in FROM, or several in ROWS FROM.
func (a *analyzer) functionItem(f *pg.RangeFunction, sc *scope) *item {
	before := sc.lateral
	sc.lateral = true
	defer func() { sc.lateral = before }()
	it := &item{alias: f.Alias.GetAliasname(), names: true, unqualified: true}
	type part struct {
		node    *pg.Node
		columns []*pg.Node // AS (a int, b text)
	}
	var parts []part
	for _, n := range f.Functions {
		pair := n.GetList().GetItems()
		if len(pair) == 0 {
			continue
		}
		p := part{node: pair[0]}
		if len(pair) > 1 {
			p.columns = pair[1].GetList().GetItems()
		}
		call := p.node.GetFuncCall()
		if call != nil && len(call.Args) > 1 && len(call.Funcname) == 1 && call.Funcname[0].GetString_().GetSval() == "unnest" && len(p.columns) == 0 && len(f.Coldeflist) == 0 {
			for _, arg := range call.Args {
				one := &pg.FuncCall{Funcname: call.Funcname, Args: []*pg.Node{arg}, Location: call.Location}
				parts = append(parts, part{node: &pg.Node{Node: &pg.Node_FuncCall{FuncCall: one}}})
			}
			continue
		}
		parts = append(parts, p)
	}
	for _, p := range parts {
		name := it.alias
		if name == "" || len(parts) > 1 {
			name = postgres.OutputName(p.node)
		}
		if it.alias == "" {
			it.alias = postgres.OutputName(p.node)
		}
		v, row := a.rowOf(p.node, sc)
		defs := p.columns
		if len(parts) == 1 && len(defs) == 0 {
			defs = f.Coldeflist
		}
		switch {
		case len(defs) > 0:
			for _, n := range defs {
				d := n.GetColumnDef()
				t := a.typeName(d.GetTypeName())
				it.columns = append(it.columns, column{name: d.GetColname(), val: a.columnValue(t)})
			}
		case row != nil:
			it.columns = append(it.columns, row...)
			it.scalar = len(row) == 1 && len(parts) == 1 && !f.Ordinality
		case !v.typ.known() || v.typ == recordType:
			it.open = true
			if !v.typ.known() {
				it.columns = append(it.columns, column{name: name}) // one value, or a row
			}
		default:
			fields, isRow, open := a.fieldsOf(v)
			switch {
			case isRow:
				it.columns, it.open = append(it.columns, fields...), it.open || open
			default:
				it.columns = append(it.columns, column{name: name, val: v})
				it.scalar = len(parts) == 1 && !f.Ordinality
			}
		}
	}
	if f.Ordinality {
		it.columns = append(it.columns, column{name: "ordinality", val: known(int8Type)})
	}
	it.columns = a.fresh(it.columns, it)
	a.aliasColumns(it, f.Alias, location(f.Functions[0]))
	return it
}

func (a *analyzer) xmlTable(x *pg.RangeTableFunc, sc *scope) *item {
	before := sc.lateral
	sc.lateral = true
	defer func() { sc.lateral = before }()
	it := &item{alias: x.Alias.GetAliasname(), names: true, unqualified: true}
	if it.alias == "" {
		it.alias = "xmltable"
	}
	a.expr(x.Docexpr, sc)
	a.expr(x.Rowexpr, sc)
	for _, n := range x.Columns {
		c := n.GetRangeTableFuncCol()
		v := known(int4Type)
		if !c.GetForOrdinality() {
			v = a.columnValue(a.typeName(c.GetTypeName()))
		}
		a.expr(c.GetColexpr(), sc)
		a.expr(c.GetColdefexpr(), sc)
		it.columns = append(it.columns, column{name: c.GetColname(), val: v})
	}
	it.columns = a.fresh(it.columns, it)
	a.aliasColumns(it, x.Alias, x.Location)
	return it
}

func (a *analyzer) jsonTable(x *pg.JsonTable, sc *scope) *item {
	before := sc.lateral
	sc.lateral = true
	defer func() { sc.lateral = before }()
	it := &item{alias: x.Alias.GetAliasname(), names: true, unqualified: true}
	if it.alias == "" {
		it.alias = "json_table"
	}
	a.expr(x.ContextItem.GetRawExpr(), sc)
	for _, n := range x.Passing {
		a.expr(n.GetJsonArgument().GetVal().GetRawExpr(), sc)
	}
	a.jsonColumns(x.Columns, it, sc)
	it.columns = a.fresh(it.columns, it)
	a.aliasColumns(it, x.Alias, x.Location)
	return it
}

func (a *analyzer) jsonColumns(list []*pg.Node, it *item, sc *scope) {
	for _, n := range list {
		c := n.GetJsonTableColumn()
		a.expr(c.GetOnEmpty().GetExpr(), sc)
		a.expr(c.GetOnError().GetExpr(), sc)
		switch c.GetColtype() {
		case pg.JsonTableColumnType_JTC_NESTED:
			a.jsonColumns(c.GetColumns(), it, sc)
		case pg.JsonTableColumnType_JTC_FOR_ORDINALITY:
			it.columns = append(it.columns, column{name: c.GetName(), val: known(int4Type)})
		default:
			it.columns = append(it.columns, column{name: c.GetName(), val: a.columnValue(a.typeName(c.GetTypeName()))})
		}
	}
}

// join is a JOIN: its two sides, hidden behind the columns that it has itself.
func (a *analyzer) join(j *pg.JoinExpr, sc *scope) []*item {
	outer := sc.items
	left := a.from(j.Larg, sc)
	setLateral(left, true, j.Jointype != pg.JoinType_JOIN_INNER && j.Jointype != pg.JoinType_JOIN_LEFT)
	sc.items = slices.Concat(outer, left)
	right := a.from(j.Rarg, sc)
	setLateral(left, false, false)
	sc.items = nil
	a.add(sc, left, location(j.Larg))
	a.add(sc, right, location(j.Rarg))
	both := slices.Concat(left, right)
	it := &item{alias: j.Alias.GetAliasname(), names: j.Alias != nil, unqualified: true}
	ls, lopen := starColumns(left)
	rs, ropen := starColumns(right)
	using := stringList(j.UsingClause)
	if j.IsNatural {
		for _, c := range ls {
			if slices.ContainsFunc(rs, func(x column) bool { return x.name == c.name && !x.open }) && !c.open {
				using = append(using, c.name)
			}
		}
		if lopen || ropen {
			a.doubt("NATURAL JOIN of a table whose columns are not known")
		}
	}
	var merged []column
	for _, name := range using {
		merged = append(merged, a.mergedColumn(name, j, ls, rs, lopen, ropen))
	}
	it.columns = slices.Clone(merged)
	for _, c := range slices.Concat(ls, rs) {
		if c.open || !slices.Contains(using, c.name) {
			it.columns = append(it.columns, c)
		}
	}
	it.open = lopen || ropen
	it.server = slices.ContainsFunc(both, func(x *item) bool { return x.server })
	it.first = a.newID(1) // its columns keep the ids that they have
	if j.Quals != nil {
		a.condition(j.Quals, sc, "JOIN/ON")
	}
	sc.items = outer
	for _, x := range both {
		x.unqualified = false
		if j.Alias != nil {
			x.names = false
		}
	}
	a.aliasColumns(it, j.Alias, location(j.Larg))
	if u := j.JoinUsingAlias; u != nil {
		both = append(both, &item{alias: u.Aliasname, columns: merged, names: true, open: it.open, first: it.first})
	}
	return append(both, it)
}

// starColumns are the columns that * has of some entries.
func starColumns(items []*item) (columns []column, open bool) {
	for _, it := range items {
		if it.unqualified {
			columns = append(columns, it.columns...)
			open = open || it.open
		}
	}
	return columns, open
}

// mergedColumn is the column that USING makes of one of each side.
func (a *analyzer) mergedColumn(name string, j *pg.JoinExpr, left, right []column, lopen, ropen bool) column {
	l := a.sideColumn(name, left, lopen, "left", j)
	r := a.sideColumn(name, right, ropen, "right", j)
	c := column{name: name}
	if l == nil || r == nil {
		return c
	}
	c.uses = slices.Concat(l.uses, r.uses)
	a.useColumn(c)
	if !isHole(name) {
		failures := len(a.failures)
		if a.operator("=", l.val, r.val, location(j.Larg)); len(a.failures) == failures {
			c.val = a.unify("JOIN/USING", []value{l.val, r.val}, location(j.Larg))
		}
	}
	switch j.Jointype {
	case pg.JoinType_JOIN_FULL:
	case pg.JoinType_JOIN_RIGHT:
		if r.val.typ == c.val.typ {
			c.id = r.id
		}
	default:
		if l.val.typ == c.val.typ {
			c.id = l.id
		}
	}
	if c.id == 0 {
		c.id = a.newID(1)
	}
	return c
}

func (a *analyzer) sideColumn(name string, columns []column, open bool, side string, j *pg.JoinExpr) *column {
	var c *column
	for i := range columns {
		if columns[i].name == name && !columns[i].open {
			if c != nil {
				a.fail(analysis, "42702", Object{Kind: "column", Name: name}, location(j.Larg), fmt.Sprintf("common column name %s appears more than once in %s table", strconv.Quote(name), side))
				return nil
			}
			c = &columns[i]
		}
	}
	if c == nil && !open {
		o := Object{Kind: "column", Name: name}
		if n := j.Rarg; side == "right" && n.GetRangeVar() != nil {
			o.Relation = n.GetRangeVar().Relname
		} else if n := j.Larg; side == "left" && n.GetRangeVar() != nil {
			o.Relation = n.GetRangeVar().Relname
		}
		a.fail(analysis, "42703", o, location(j.Larg), fmt.Sprintf("column %q specified in USING clause does not exist in %s table", name, side))
	}
	return c
}
