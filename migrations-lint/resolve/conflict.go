package resolve

import (
	"fmt"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// onConflict is ON CONFLICT (transformOnConflictClause): the columns in parse
// analysis, the index when the query is planned.
func (a *analyzer) onConflict(c *pg.OnConflictClause, t *target, sc *scope) {
	own := &scope{outer: sc.outer, ctes: sc.ctes, items: []*item{t.item}}
	if c.Infer != nil {
		a.arbiter(c.Infer, t, own)
	}
	if c.Action != pg.OnConflictAction_ONCONFLICT_UPDATE {
		return
	}
	excluded := *t.item
	excluded.alias, excluded.schema, excluded.unqualified, excluded.system = "excluded", "", false, false
	both := &scope{outer: sc.outer, ctes: sc.ctes, items: []*item{t.item, &excluded}}
	list := a.setClause(c.TargetList, t, both)
	a.condition(c.WhereClause, both, "WHERE")
	a.checkWrites(t, list, pg.OverridingKind_OVERRIDING_NOT_SET, "update")
	a.updatedNulls(t, list)
}

// arbiter finds the unique index that ON CONFLICT rests on.
func (a *analyzer) arbiter(infer *pg.InferClause, t *target, sc *scope) {
	if infer.Conname != "" {
		a.namedArbiter(infer, t)
		return
	}
	failures := len(a.failures)
	w := &wanted{predicate: infer.WhereClause}
	for _, n := range infer.IndexElems {
		e := n.GetIndexElem()
		at := infer.Location
		switch {
		case e.GetName() != "":
			if isHole(e.Name) {
				a.doubt("the name of a column is not known")
				w.unsure = true
				continue
			}
			c, outcome := a.column(sc, e.Name, at)
			if outcome == missing {
				a.missingColumn(t.item, "", e.Name, at)
			}
			if outcome != hit {
				w.unsure = true
				continue
			}
			name := c.name
			if t.columns != nil {
				name = t.columns[name]
			}
			w.columns = append(w.columns, name)
		default:
			a.expr(e.GetExpr(), sc)
			w.exprs = append(w.exprs, e.GetExpr())
		}
		w.special = w.special || len(e.GetCollation()) > 0 || len(e.GetOpclass()) > 0
	}
	a.condition(infer.WhereClause, sc, "WHERE")
	if t.base == nil || t.ruled || w.unsure || len(a.failures) > failures {
		return
	}
	if t.columns != nil && (len(w.exprs) > 0 || w.predicate != nil) {
		a.doubt("ON CONFLICT of a view")
		return
	}
	doubtful := false
	for _, i := range a.c.Indexes(t.base) {
		switch w.fits(i) {
		case fits:
			a.use(Object{Kind: "index", Schema: i.Schema, Relation: t.base.Name, Name: i.Name})
			a.deferrableArbiter(t.base.Constraint(i.Constraint), infer.Location)
			return
		case mayFit:
			doubtful = true
		}
	}
	if doubtful {
		a.doubt("whether an index of " + t.base.FullName().String() + " serves ON CONFLICT")
		return
	}
	a.fail(planning, "42P10", Object{Kind: "index", Schema: t.base.Schema, Relation: t.base.Name}, infer.Location,
		"there is no unique or exclusion constraint matching the ON CONFLICT specification")
}

// namedArbiter is ON CONFLICT ON CONSTRAINT.
func (a *analyzer) namedArbiter(infer *pg.InferClause, t *target) {
	if isHole(infer.Conname) {
		a.doubt("the name of a constraint is not known")
		return
	}
	if t.relation == nil || t.relation.Assumed || t.ruled {
		return
	}
	k := t.relation.Constraint(infer.Conname)
	o := Object{Kind: "constraint", Schema: t.relation.Schema, Relation: t.relation.Name, Name: infer.Conname}
	if k == nil {
		a.fail(analysis, "42704", o, infer.Location, fmt.Sprintf("constraint %q for table %q does not exist", infer.Conname, t.relation.Name))
		return
	}
	a.use(o)
	if k.Index == "" {
		a.fail(planning, "42809", o, infer.Location, "constraint in ON CONFLICT clause has no associated index")
	}
	a.deferrableArbiter(k, infer.Location)
}

// deferrableArbiter fails for a constraint that is only checked at the end: what the
// executor refuses.
func (a *analyzer) deferrableArbiter(k *catalog.Constraint, at int32) {
	if k != nil && k.Deferrable && k.Index != "" {
		a.fail(executing, "55000", Object{Kind: "constraint", Name: k.Name}, at, "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters")
	}
}

// wanted is what ON CONFLICT asks of an index.
type wanted struct {
	columns   []string
	exprs     []*pg.Node
	predicate *pg.Node
	special   bool // a collation or an operator class is named
	unsure    bool
}

type fit int

const (
	fitsNot fit = iota
	mayFit
	fits
)

// fits tells whether an index serves (infer_arbiter_indexes).
func (w *wanted) fits(i *catalog.Index) fit {
	if !i.Unique || !i.Valid {
		return fitsNot
	}
	var columns []string
	var exprs []string
	for _, e := range i.Elements {
		if e.Column != "" {
			columns = append(columns, e.Column)
		} else {
			exprs = append(exprs, canonicalText(e.Expr.SQL))
		}
	}
	slices.Sort(columns)
	columns = slices.Compact(columns)
	own := slices.Clone(w.columns)
	slices.Sort(own)
	if !slices.Equal(columns, slices.Compact(own)) {
		return fitsNot
	}
	best := fits
	if w.special {
		best = mayFit
	}
	var ownExprs []string
	for _, n := range w.exprs {
		ownExprs = append(ownExprs, canonical(n))
	}
	if (len(exprs) == 0) != (len(ownExprs) == 0) {
		return fitsNot
	}
	for _, list := range [2][2][]string{{exprs, ownExprs}, {ownExprs, exprs}} {
		for _, e := range list[0] {
			if !slices.Contains(list[1], e) {
				best = mayFit
			}
		}
	}
	if best == mayFit && !w.special && !sameIngredients(i, w.exprs) {
		return fitsNot
	}
	if i.Predicate == nil {
		return best
	}
	if w.predicate == nil {
		return fitsNot
	}
	return min(best, implies(w.predicate, i.Predicate))
}

// sameIngredients tells that the expressions are made of the columns, functions and
// constants that the index's are made of: only then can they be the same in another spelling.
func sameIngredients(i *catalog.Index, exprs []*pg.Node) bool {
	var of, own []string
	for _, e := range i.Elements {
		if e.Expr != nil {
			tree, err := postgres.Tree("SELECT WHERE " + e.Expr.SQL)
			if err != nil {
				return true
			}
			of = append(of, ingredients(tree.Stmts[0].Stmt.GetSelectStmt().GetWhereClause())...)
		}
	}
	for _, n := range exprs {
		own = append(own, ingredients(n)...)
	}
	slices.Sort(of)
	slices.Sort(own)
	return slices.Equal(slices.Compact(of), slices.Compact(own))
}

// ingredients are the columns, functions, strings and numbers of an expression.
func ingredients(n *pg.Node) []string {
	var list []string
	walk(n, func(n *pg.Node) bool {
		switch x := n.GetNode().(type) {
		case *pg.Node_ColumnRef:
			list = append(list, postgres.OutputName(n))
		case *pg.Node_FuncCall:
			list = append(list, postgres.OutputName(n)+"()")
		case *pg.Node_CoalesceExpr:
			list = append(list, "coalesce()")
		case *pg.Node_CaseExpr:
			list = append(list, "case")
		case *pg.Node_AConst:
			if x.AConst.GetSval() != nil || x.AConst.GetIval() != nil {
				list = append(list, canonical(n))
			}
		}
		return true
	})
	return list
}

// columnsOf are the columns that an expression names.
func columnsOf(n *pg.Node) []string {
	var list []string
	walk(n, func(n *pg.Node) bool {
		if ref := n.GetColumnRef(); ref != nil {
			if names := stringList(ref.Fields); len(names) > 0 {
				list = append(list, names[len(names)-1])
			}
		}
		return true
	})
	return list
}

// implies tells whether a condition implies an index's predicate: each part of the
// predicate has to be a part of the condition (manual, 11.8 Partial Indexes).
func implies(condition *pg.Node, predicate *catalog.Expr) fit {
	tree, err := postgres.Tree("SELECT WHERE " + predicate.SQL)
	if err != nil {
		return mayFit
	}
	var have []string
	for _, n := range conjuncts(condition) {
		have = append(have, canonical(n))
	}
	names := columnsOf(condition)
	result := fits
	for _, n := range conjuncts(tree.Stmts[0].Stmt.GetSelectStmt().GetWhereClause()) {
		switch {
		case slices.Contains(have, canonical(n)):
		case provesNotNull(n, conjuncts(condition)):
		case slices.ContainsFunc(columnsOf(n), func(c string) bool { return !slices.Contains(names, c) }):
			return fitsNot // the condition says nothing of that column
		case opposite(n, have):
			return fitsNot
		default:
			result = mayFit
		}
	}
	return result
}

// provesNotNull tells that the predicate is "column IS NOT NULL" and the condition compares that column.
func provesNotNull(predicate *pg.Node, condition []*pg.Node) bool {
	t := predicate.GetNullTest()
	if t == nil || t.Nulltesttype != pg.NullTestType_IS_NOT_NULL {
		return false
	}
	column := canonical(t.Arg)
	for _, n := range condition {
		if e := n.GetAExpr(); e != nil && e.Kind == pg.A_Expr_Kind_AEXPR_OP && slices.Contains([]string{"=", "<", ">", "<=", ">=", "<>"}, operatorName(e.Name)) {
			if canonical(e.Lexpr) == column || canonical(e.Rexpr) == column {
				return true
			}
		}
	}
	return false
}

// opposite tells that the condition has the predicate's negation among its parts.
func opposite(predicate *pg.Node, have []string) bool {
	text := canonical(predicate)
	for _, h := range have {
		if h == "not "+text || "not "+h == text {
			return true
		}
		if a, b := strings.TrimSuffix(h, " is null"), strings.TrimSuffix(text, " is not null"); a != h && b != text && a == b {
			return true
		}
		if a, b := strings.TrimSuffix(h, " is not null"), strings.TrimSuffix(text, " is null"); a != h && b != text && a == b {
			return true
		}
	}
	return false
}

// conjuncts are the parts that AND joins.
func conjuncts(n *pg.Node) []*pg.Node {
	if b := n.GetBoolExpr(); b != nil && b.Boolop == pg.BoolExprType_AND_EXPR {
		var list []*pg.Node
		for _, x := range b.Args {
			list = append(list, conjuncts(x)...)
		}
		return list
	}
	if n == nil {
		return nil
	}
	return []*pg.Node{n}
}
