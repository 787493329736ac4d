package resolve

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// with adds the queries of WITH to a scope (transformWithClause). Those of WITH
// RECURSIVE may name each other in any order.
func (a *analyzer) with(w *pg.WithClause, sc *scope) {
	if w == nil {
		return
	}
	if !w.Recursive {
		for _, n := range w.Ctes {
			c := &cte{name: n.GetCommonTableExpr().GetCtename()}
			a.withQuery(n.GetCommonTableExpr(), c, sc)
			sc.ctes = append(sc.ctes, c)
		}
		return
	}
	for _, n := range w.Ctes {
		e := n.GetCommonTableExpr()
		c := &cte{name: e.GetCtename()}
		c.analyse = func() {
			c.analyse = nil
			c.pending = true
			a.withQuery(e, c, sc)
			c.pending = false
		}
		sc.ctes = append(sc.ctes, c)
	}
	for _, c := range sc.ctes {
		if c.analyse != nil {
			c.analyse()
		}
	}
}

// withQuery analyses one query of WITH.
func (a *analyzer) withQuery(e *pg.CommonTableExpr, c *cte, sc *scope) {
	c.returns = true
	c.aliases = stringList(e.Aliascolnames)
	inner := &scope{outer: sc}
	if s := e.Ctequery.GetSelectStmt(); s != nil {
		c.learn(a, a.selectStmt(s, inner, c))
	} else {
		columns := a.query(e.Ctequery, inner)
		c.returns = len(columns) > 0
		c.learn(a, columns)
	}
	if s := e.SearchClause; s != nil {
		c.columns = append(c.columns, column{name: s.SearchSeqColumn, val: known(recordType)})
	}
	if s := e.CycleClause; s != nil {
		mark := known(boolType)
		if s.CycleMarkValue != nil {
			mark = a.unify("CYCLE", []value{a.expr(s.CycleMarkValue, inner), a.expr(s.CycleMarkDefault, inner)}, 0)
		}
		c.columns = append(c.columns, column{name: s.CycleMarkColumn, val: mark}, column{name: s.CyclePathColumn, val: known(recordType.of())})
	}
}

// learn gives a query of WITH its columns; of a recursive one those of the first
// branch, before the second is looked at.
func (c *cte) learn(a *analyzer, columns []column) {
	it := &item{alias: c.name}
	c.columns = a.fresh(columns, it)
	c.open = it.open
	for i, name := range c.aliases {
		if i < len(c.columns) && !c.open {
			c.columns[i].name = name
		} else if c.open {
			c.columns = append(c.columns, column{name: name})
		} else {
			a.fail(analysis, "42P10", Object{}, 0, fmt.Sprintf("WITH query %q has %d columns available but %d columns specified", c.name, len(c.columns), len(c.aliases)))
			break
		}
	}
	c.learned = true
}

// checkRecursive refuses a recursive query whose second branch changes a column's type.
func (a *analyzer) checkRecursive(c *cte, i int, first, all value, at int32) {
	if first.isUnknown() {
		first = known(textType)
	}
	if c.selfUsed && first.typ.known() && all.typ.known() && first.typ != all.typ && !first.soft && !all.soft {
		a.fail(analysis, "42804", Object{}, at, fmt.Sprintf("recursive query %q column %d has type %s in non-recursive term but type %s overall", c.name, i+1, first.result(), all.result()))
	}
}
