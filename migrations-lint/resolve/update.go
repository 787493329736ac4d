package resolve

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// update is UPDATE (transformUpdateStmt).
func (a *analyzer) update(s *pg.UpdateStmt, sc *scope) []column {
	a.with(s.WithClause, sc)
	t := a.writeTo(s.Relation, "UPDATE")
	sc.items, sc.ranges = append(sc.items, t.item), append(sc.ranges, t.item)
	setLateral(sc.items, true, true)
	a.fromClause(s.FromClause, sc)
	setLateral(sc.items, false, false)
	a.condition(s.WhereClause, sc, "WHERE")
	columns := a.returning(s.ReturningList, &scope{outer: sc.outer, ctes: sc.ctes, items: slices.Clone(sc.items), ranges: sc.ranges}, t)
	list := a.setClause(s.TargetList, t, sc)
	a.checkWrites(t, list, pg.OverridingKind_OVERRIDING_NOT_SET, "update")
	a.updatedNulls(t, list)
	return columns
}

// setClause is the list of SET: the values first, then the columns.
func (a *analyzer) setClause(targets []*pg.Node, t *target, sc *scope) []*assigned {
	type pair struct {
		r *pg.ResTarget
		v value
		n *pg.Node
	}
	var pairs []pair
	var rows map[*pg.Node][]value
	for _, n := range targets {
		r := n.GetResTarget()
		m := r.GetVal().GetMultiAssignRef()
		if m == nil {
			if r.GetVal().GetSetToDefault() != nil {
				pairs = append(pairs, pair{r, value{}, r.Val})
			} else {
				pairs = append(pairs, pair{r, a.expr(r.GetVal(), sc), r.GetVal()})
			}
			continue
		}
		// (a, b) = (SELECT ...) or = ROW(...): each column has its own copy or reference of the source.
		p := pair{r: r}
		if items := m.Source.GetRowExpr().GetArgs(); items != nil {
			if int(m.Ncolumns) != len(items) {
				if m.Colno == 1 {
					a.fail(analysis, "42601", Object{}, location(m.Source), "number of columns does not match number of values")
				}
			} else if k := int(m.Colno) - 1; k >= 0 && k < len(items) {
				p.n = items[k]
				if p.n.GetSetToDefault() == nil {
					p.v = a.expr(p.n, sc)
				}
			}
			pairs = append(pairs, p)
			continue
		}
		if m.Colno == 1 {
			rows = map[*pg.Node][]value{}
			var values []value
			if sub := m.Source.GetSubLink(); sub != nil {
				columns := a.query(sub.Subselect, &scope{outer: sc})
				if !containsOpen(columns) && len(columns) != int(m.Ncolumns) {
					a.fail(analysis, "42601", Object{}, sub.Location, "number of columns does not match number of values")
				}
				for _, c := range columns {
					values = append(values, c.val)
				}
			} else {
				a.expr(m.Source, sc)
			}
			rows[nil] = values
		}
		if values, k := rows[nil], int(m.Colno)-1; k >= 0 && k < len(values) {
			p.v = values[k]
		}
		pairs = append(pairs, p)
	}
	var list []*assigned
	for _, p := range pairs {
		c, ok := a.targetColumn(t, p.r.GetName(), p.r.GetLocation())
		x := &assigned{name: p.r.GetName(), column: c, part: len(p.r.GetIndirection()) > 0, at: p.r.GetLocation()}
		if !ok {
			continue
		}
		if !x.part && slices.ContainsFunc(list, func(o *assigned) bool { return o.name == x.name && !o.part }) && !isHole(x.name) {
			a.fail(rewriting, "42601", Object{}, x.at, fmt.Sprintf("multiple assignments to same column %q", x.name))
		}
		a.assign(x, p.v, p.n, t)
		list = append(list, x)
	}
	return list
}

// updatedNulls fails for NULL in a column that must have a value.
func (a *analyzer) updatedNulls(t *target, list []*assigned) {
	if t.base == nil || t.ruled || hasRowTrigger(t.base, "UPDATE") {
		return
	}
	for _, x := range list {
		col := t.baseColumn(x.name)
		if col == nil || x.part || !x.literal && !x.wants {
			continue
		}
		if a.needsValue(col, x.literal) {
			a.nullFailure(t.base, col, x.at)
		}
	}
}

// delete is DELETE (transformDeleteStmt).
func (a *analyzer) delete(s *pg.DeleteStmt, sc *scope) []column {
	a.with(s.WithClause, sc)
	t := a.writeTo(s.Relation, "DELETE")
	sc.items, sc.ranges = append(sc.items, t.item), append(sc.ranges, t.item)
	setLateral(sc.items, true, true)
	a.fromClause(s.UsingClause, sc)
	setLateral(sc.items, false, false)
	a.condition(s.WhereClause, sc, "WHERE")
	return a.returning(s.ReturningList, &scope{outer: sc.outer, ctes: sc.ctes, items: slices.Clone(sc.items), ranges: sc.ranges}, t)
}

// merge is MERGE (transformMergeStmt).
func (a *analyzer) merge(s *pg.MergeStmt, sc *scope) []column {
	a.with(s.WithClause, sc)
	t := a.writeTo(s.Relation, "MERGE")
	source := a.from(s.SourceRelation, sc)
	both := append([]*item{t.item}, source...)
	for _, it := range source {
		if it.names && conflict(it, t.item) {
			a.fail(analysis, "42712", Object{}, location(s.SourceRelation), fmt.Sprintf("name %q specified more than once", it.alias))
		}
	}
	all := &scope{outer: sc.outer, ctes: sc.ctes, items: both, ranges: both}
	a.condition(s.JoinCondition, all, "JOIN/ON")
	for _, n := range s.MergeWhenClauses {
		w := n.GetMergeWhenClause()
		visible := all
		switch w.GetMatchKind() {
		case pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_TARGET:
			visible = &scope{outer: sc.outer, ctes: sc.ctes, items: source, ranges: both}
		case pg.MergeMatchKind_MERGE_WHEN_NOT_MATCHED_BY_SOURCE:
			visible = &scope{outer: sc.outer, ctes: sc.ctes, items: both[:1], ranges: both}
		}
		a.condition(w.GetCondition(), visible, "WHEN")
		switch w.GetCommandType() {
		case pg.CmdType_CMD_INSERT:
			list := a.insertColumns(&pg.InsertStmt{Relation: s.Relation, Cols: w.TargetList}, t)
			sure := 0
			if len(w.Values) > 0 {
				values := make([]value, len(w.Values))
				for i, v := range w.Values {
					if v.GetSetToDefault() == nil {
						values[i] = a.expr(v, visible)
					}
				}
				sure = len(values)
				if !a.insertCount(len(values), list, len(w.TargetList) > 0, t, w.Values) {
					sure = -1
				} else {
					a.assignRow(values, w.Values, list, t)
				}
			}
			if sure >= 0 && sure < len(list) {
				list = list[:sure]
			}
			a.checkWrites(t, list, w.Override, "insert")
			if sure >= 0 && !t.item.open {
				a.required(t, list, s.Relation.GetLocation())
			}
		case pg.CmdType_CMD_UPDATE:
			list := a.setClause(w.TargetList, t, visible)
			a.checkWrites(t, list, pg.OverridingKind_OVERRIDING_NOT_SET, "update")
			a.updatedNulls(t, list)
		}
	}
	return a.returning(s.ReturningList, &scope{outer: sc.outer, ctes: sc.ctes, items: append(slices.Clone(source), t.item)}, t)
}

// viewTarget finds the table behind a view that is written to.
func (a *analyzer) viewTarget(t *target, event string, at int32) {
	r := t.relation
	if len(r.Rules) > 0 {
		t.ruled = true
		a.doubt("a rule of " + r.FullName().String() + " may change what happens")
		return
	}
	if slices.ContainsFunc(r.Triggers, func(x *catalog.Trigger) bool {
		return x.Timing == "INSTEAD OF" && (event == "MERGE" || slices.Contains(x.Events, event))
	}) {
		t.ruled = true
		return
	}
	base, columns, why := a.viewBase(r, 0)
	switch {
	case why == "":
		t.base, t.columns = base, columns
	case why == unsureView:
		t.ruled = true
		a.doubt("whether the view " + r.FullName().String() + " can be written to")
	default:
		t.ruled = true
		verb := map[string]string{"INSERT": "insert into", "UPDATE": "update", "DELETE": "delete from", "MERGE": "merge into"}[event]
		a.fail(rewriting, "55000", tableObject(r), at, fmt.Sprintf("cannot %s view %q", verb, r.Name))
	}
}
