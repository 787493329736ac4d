package resolve

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// target is what a statement writes to.
type target struct {
	name     string
	relation *catalog.Relation // nil when it is not known
	item     *item
	base     *catalog.Relation // the table that rows go to: behind a view, or the relation; nil when not known
	columns  map[string]string // of the base, by the view's; nil when they are the same
	ruled    bool              // a rule or INSTEAD OF trigger decides what happens
}

// writeTo finds the relation that a statement writes to (setTargetTable).
func (a *analyzer) writeTo(v *pg.RangeVar, event string) *target {
	n := catalog.Name{Schema: v.GetSchemaname(), Name: v.GetRelname()}
	t := &target{name: n.Name}
	alias := v.GetAlias().GetAliasname()
	r := a.relation(n)
	if r == nil {
		if a.c.Sequence(n) != nil {
			a.fail(analysis, "42809", Object{Kind: "table", Schema: n.Schema, Name: n.Name}, v.GetLocation(), fmt.Sprintf("cannot change sequence %q", n.Name))
		} else {
			a.noRelation(n, v.GetLocation())
		}
		if alias == "" {
			alias = n.Name
		}
		t.item = &item{alias: alias, open: true, names: true, unqualified: true, system: true}
		return t
	}
	a.use(tableObject(r))
	t.relation, t.item = r, a.relationItem(r, alias)
	switch {
	case r.Kind == catalog.MaterializedView:
		a.fail(planning, "42809", tableObject(r), v.GetLocation(), fmt.Sprintf("cannot change materialized view %q", r.Name))
	case len(r.Rules) > 0 && r.Kind != catalog.View:
		t.ruled = true
		a.doubt("a rule of " + r.FullName().String() + " may change what happens")
	case r.Kind == catalog.View:
		a.viewTarget(t, event, v.GetLocation())
	case !r.Assumed:
		t.base = r
	}
	return t
}

// column is a column that the statement writes. The second result is false when it
// does not exist, which has been noted.
func (a *analyzer) targetColumn(t *target, name string, at int32) (*column, bool) {
	if isHole(name) {
		a.doubt("the name of a column is not known")
		return nil, true
	}
	c, n := t.item.find(name)
	if n > 0 {
		a.useColumn(*c)
		return c, true
	}
	if _, system := systemColumns[name]; system && t.relation != nil && t.relation.Kind != catalog.View {
		a.fail(analysis, "0A000", Object{}, at, fmt.Sprintf("cannot assign to system column %q", name))
		return nil, false
	}
	if t.item.open {
		return nil, true
	}
	o := Object{Kind: "column", Relation: t.name, Name: name}
	if t.relation != nil {
		o = columnObject(t.relation, name)
	}
	a.fail(analysis, "42703", o, at, fmt.Sprintf("column %q of relation %q does not exist", name, t.name))
	return nil, false
}

// baseColumn is the table's column that is written when a view's is.
func (t *target) baseColumn(name string) *catalog.Column {
	if t.base == nil {
		return nil
	}
	if t.columns != nil {
		name = t.columns[name]
	}
	return t.base.Column(name)
}

// assigned is one column that a statement gives a value.
type assigned struct {
	name    string
	column  *column // nil when it is not known
	part    bool    // only a field or an element of it
	hole    bool    // its name is only known when the program runs: it may be several columns
	at      int32
	normal  bool // it is given an expression
	literal bool // it is given NULL in every row
	wants   bool // it is given DEFAULT
}

// insert is INSERT (transformInsertStmt).
func (a *analyzer) insert(s *pg.InsertStmt, sc *scope) []column {
	a.with(s.WithClause, sc)
	t := a.writeTo(s.Relation, "INSERT")
	list := a.insertColumns(s, t)
	explicit := len(s.Cols) > 0
	sure := a.insertSource(s, t, list, explicit, sc)
	given := list
	if sure >= 0 && sure < len(given) {
		given = given[:sure]
	}
	a.checkWrites(t, given, s.Override, "insert")
	if c := s.OnConflictClause; c != nil && c.Action != pg.OnConflictAction_ONCONFLICT_NONE {
		a.onConflict(c, t, sc)
	}
	columns := a.returning(s.ReturningList, &scope{outer: sc.outer, ctes: sc.ctes, items: []*item{t.item}, ranges: []*item{t.item}}, t)
	if sure >= 0 && !t.item.open && !slices.ContainsFunc(list, isUnnamed) {
		a.required(t, given, location(&pg.Node{Node: &pg.Node_RangeVar{RangeVar: s.Relation}}))
	}
	return columns
}

func isUnnamed(x *assigned) bool { return x.hole }

// insertColumns are the columns that INSERT names, or all of the table's.
func (a *analyzer) insertColumns(s *pg.InsertStmt, t *target) []*assigned {
	var list []*assigned
	if len(s.Cols) == 0 {
		for i := range t.item.columns {
			c := &t.item.columns[i]
			list = append(list, &assigned{name: c.name, column: c, at: s.Relation.GetLocation()})
		}
		return list
	}
	for _, n := range s.Cols {
		r := n.GetResTarget()
		c, ok := a.targetColumn(t, r.GetName(), r.GetLocation())
		x := &assigned{name: r.GetName(), column: c, part: len(r.GetIndirection()) > 0, hole: isHole(r.GetName()), at: r.GetLocation()}
		if ok && !x.part && slices.ContainsFunc(list, func(o *assigned) bool { return o.name == x.name && !o.part }) {
			a.fail(analysis, "42701", Object{}, x.at, fmt.Sprintf("column %q specified more than once", x.name))
		}
		list = append(list, x)
	}
	return list
}

// insertSource judges VALUES or the query. It returns how many columns get a value, -1 when that is not known.
func (a *analyzer) insertSource(s *pg.InsertStmt, t *target, list []*assigned, explicit bool, sc *scope) int {
	q := s.SelectStmt.GetSelectStmt()
	if q == nil {
		return 0 // DEFAULT VALUES
	}
	if len(q.ValuesLists) > 0 && q.WithClause == nil && len(q.SortClause) == 0 && q.LimitCount == nil && q.LimitOffset == nil {
		count := -1
		for _, n := range q.ValuesLists {
			if items := n.GetList().GetItems(); slices.ContainsFunc(items, mayBeList) {
				a.exprs(items, sc)
				return -1
			}
		}
		for i, n := range q.ValuesLists {
			items := n.GetList().GetItems()
			if i > 0 && len(items) != len(q.ValuesLists[0].GetList().GetItems()) {
				a.fail(analysis, "42601", Object{}, location(items[0]), "VALUES lists must all be the same length")
				return -1
			}
			inner := sc
			if len(q.ValuesLists) > 1 {
				inner = &scope{outer: sc.outer, ctes: sc.ctes, lateral: true}
			}
			values := make([]value, 0, len(items))
			for k, item := range items {
				if item.GetSetToDefault() != nil {
					values = append(values, value{})
					continue
				}
				if array := item.GetAArrayExpr(); array != nil && len(array.Elements) == 0 && k < len(list) {
					values = append(values, value{})
					continue
				}
				if columns, ok := a.star(item, inner); ok {
					if containsOpen(columns) {
						return -1
					}
					for _, c := range columns {
						values = append(values, c.val)
					}
					continue
				}
				values = append(values, a.expr(item, inner))
			}
			count = len(values)
			if !a.insertCount(len(values), list, explicit, t, items) {
				return -1
			}
			a.assignRow(values, items, list, t)
		}
		return count
	}
	inner := &scope{outer: sc}
	columns := a.selectStmt(q, inner, nil)
	if containsOpen(columns) {
		return -1
	}
	var nodes []*pg.Node
	for _, n := range q.TargetList {
		nodes = append(nodes, n.GetResTarget().GetVal())
	}
	if !a.insertCount(len(columns), list, explicit, t, nodes) {
		return -1
	}
	values := make([]value, len(columns))
	for i, c := range columns {
		values[i] = c.val
	}
	if len(nodes) != len(columns) {
		nodes = nil
	}
	a.assignRow(values, nodes, list, t)
	return len(columns)
}

func (a *analyzer) insertCount(n int, list []*assigned, explicit bool, t *target, nodes []*pg.Node) bool {
	at := int32(0)
	switch {
	case t.item.open && !explicit, slices.ContainsFunc(list, isUnnamed):
		return true
	case n > len(list):
		if len(nodes) > len(list) {
			at = location(nodes[len(list)])
		}
		o := Object{}
		if t.relation != nil {
			o = tableObject(t.relation)
		}
		a.fail(analysis, "42601", o, at, "INSERT has more expressions than target columns")
	case explicit && n < len(list):
		a.fail(analysis, "42601", Object{}, list[n].at, "INSERT has more target columns than expressions")
	default:
		return true
	}
	return false
}

// assignRow gives each column its value.
func (a *analyzer) assignRow(values []value, nodes []*pg.Node, list []*assigned, t *target) {
	for i, v := range values {
		if i >= len(list) || list[i].hole {
			return
		}
		var n *pg.Node
		if i < len(nodes) {
			n = nodes[i]
		}
		a.assign(list[i], v, n, t)
	}
}

// assign gives a column a value: its type must allow that.
func (a *analyzer) assign(x *assigned, v value, n *pg.Node, t *target) {
	if n.GetSetToDefault() != nil {
		x.wants = true
		return
	}
	x.normal = true
	if v.null {
		x.literal = true
	}
	if x.column == nil || x.part || !x.column.val.typ.known() {
		return
	}
	a.assignable(v, x.column.val, x.name, location(n))
}

// returning is the list of RETURNING. What it names may also be old and new (PostgreSQL 18).
func (a *analyzer) returning(list []*pg.Node, sc *scope, t *target) []column {
	if len(list) == 0 {
		return nil
	}
	for _, name := range []string{"old", "new"} {
		if !slices.ContainsFunc(sc.items, func(it *item) bool { return it.alias == name && it.names }) {
			row := *t.item
			row.alias, row.schema, row.names, row.unqualified = name, "", true, false
			sc.items = append(sc.items, &row)
		}
	}
	columns, _ := a.targets(list, sc)
	return columns
}

// checkWrites refuses values for generated columns, as the rewriter does.
func (a *analyzer) checkWrites(t *target, list []*assigned, override pg.OverridingKind, verb string) {
	if t.base == nil || t.ruled {
		return
	}
	for _, x := range list {
		col := t.baseColumn(x.name)
		if col == nil {
			if t.columns != nil && x.column != nil && (x.normal || x.wants) {
				word := "insert into"
				if verb == "update" {
					word = "update"
				}
				a.fail(rewriting, "0A000", columnObject(t.relation, x.name), x.at, fmt.Sprintf("cannot %s column %q of view %q", word, x.name, t.relation.Name))
			}
			continue
		}
		if !x.normal {
			continue
		}
		always := col.Generated != nil || col.Identity == "always" && override == pg.OverridingKind_OVERRIDING_NOT_SET
		switch {
		case !always:
		case verb == "update" && (col.Generated != nil || col.Identity == "always"):
			a.fail(rewriting, "428C9", columnObject(t.base, col.Name), x.at, fmt.Sprintf("column %q can only be updated to DEFAULT", col.Name))
		case verb == "insert":
			a.fail(rewriting, "428C9", columnObject(t.base, col.Name), x.at, fmt.Sprintf("cannot insert a non-DEFAULT value into column %q", col.Name))
		}
	}
}

// required fails for columns that must have a value and get none.
func (a *analyzer) required(t *target, given []*assigned, at int32) {
	if t.base == nil || t.ruled || t.base.Assumed {
		return
	}
	for _, col := range slices.Concat(a.domains(t.base), t.base.Columns) {
		i := slices.IndexFunc(given, func(x *assigned) bool { return t.baseColumn(x.name) == col })
		if i >= 0 && !given[i].wants && !given[i].literal {
			continue
		}
		if !a.needsValue(col, i >= 0 && given[i].literal) {
			continue
		}
		if hasRowTrigger(t.base, "INSERT") {
			a.doubt("a trigger of " + t.base.FullName().String() + " may fill a required column")
			continue
		}
		a.nullFailure(t.base, col, at)
	}
}

// domains are the columns whose type's domain refuses NULL: the server sees that first.
func (a *analyzer) domains(r *catalog.Relation) []*catalog.Column {
	var list []*catalog.Column
	for _, col := range r.Columns {
		if a.nullDomain(col) != "" {
			list = append(list, col)
		}
	}
	return list
}

// nullDomain is the domain that refuses NULL in a column, or "".
func (a *analyzer) nullDomain(col *catalog.Column) string {
	t := col.Type
	for range 16 {
		u := a.c.Type(t)
		if t.Dims > 0 || u == nil || u.Kind != catalog.Domain {
			return ""
		}
		if u.NotNull {
			return u.Name
		}
		t = u.Base
	}
	return ""
}

func (a *analyzer) nullFailure(r *catalog.Relation, col *catalog.Column, at int32) {
	reason := fmt.Sprintf("null value in column %q of relation %q violates not-null constraint", col.Name, r.Name)
	if domain := a.nullDomain(col); domain != "" {
		reason = fmt.Sprintf("domain %s does not allow null values", domain)
	}
	a.fail(executing, "23502", columnObject(r, col.Name), at, reason)
}

// needsValue tells that a row without a value for a column, or with NULL, is refused.
func (a *analyzer) needsValue(col *catalog.Column, null bool) bool {
	notNull := col.NotNull
	hasDefault := col.Default != nil && !col.Default.Null || col.Identity != "" || col.Generated != nil
	t := col.Type
	for range 16 {
		u := a.c.Type(t)
		if t.Dims > 0 || u == nil || u.Kind != catalog.Domain {
			break
		}
		notNull = notNull || u.NotNull
		if col.Default == nil && u.Default != nil && !u.Default.Null {
			hasDefault = true
		}
		t = u.Base
	}
	if null {
		return notNull && col.Generated == nil && col.Identity != "always"
	}
	return notNull && !hasDefault
}

// hasRowTrigger tells that a trigger may change the row before it is stored.
func hasRowTrigger(r *catalog.Relation, event string) bool {
	return slices.ContainsFunc(r.Triggers, func(t *catalog.Trigger) bool {
		return t.Row && !t.Disabled && t.Timing == "BEFORE" && slices.Contains(t.Events, event)
	})
}
