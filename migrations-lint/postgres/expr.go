package postgres

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// expr reads an expression over the columns of one table.
func (r *reader) expr(n *pg.Node) *catalog.Expr {
	q := newQueryReader()
	level := &catalog.Select{}
	q.expr(n, level)
	e := &catalog.Expr{
		SQL:       deparse(n),
		Functions: q.functionList(),
		Select:    len(level.Subs) > 0,
		Const:     constant(n),
		NotNullOf: sortedSet(provesNotNull(n)),
	}
	for _, ref := range level.Refs {
		if ref.Column != "*" {
			e.Columns = append(e.Columns, ref.Column)
		}
	}
	e.Columns = sortedSet(e.Columns)
	inner, casts := stripCasts(n)
	e.Casts = casts
	if ref := inner.GetColumnRef(); ref != nil {
		e.Column = columnRef(ref).Column
	} else if c := inner.GetAConst(); c != nil {
		e.Null = c.Isnull
	} else {
		e.Casts = nil
	}
	return e
}

// sortedSet sorts and removes duplicates; nil stays nil.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// stripCasts is what stands inside the casts, and the casts, innermost first.
func stripCasts(n *pg.Node) (*pg.Node, []catalog.Type) {
	var casts []catalog.Type
	for {
		switch x := n.GetNode().(type) {
		case *pg.Node_TypeCast:
			t, _ := typeName(x.TypeCast.TypeName)
			casts = append(casts, t)
			n = x.TypeCast.Arg
		case *pg.Node_CollateClause:
			n = x.CollateClause.Arg
		default:
			slices.Reverse(casts)
			return n, casts
		}
	}
}

// constant tells that an expression needs no row and no call.
func constant(n *pg.Node) bool {
	switch x := n.GetNode().(type) {
	case *pg.Node_AConst:
		return true
	case *pg.Node_TypeCast:
		return constant(x.TypeCast.Arg)
	case *pg.Node_CollateClause:
		return constant(x.CollateClause.Arg)
	case *pg.Node_AArrayExpr:
		for _, e := range x.AArrayExpr.Elements {
			if !constant(e) {
				return false
			}
		}
		return true
	case *pg.Node_AExpr:
		op := listName(x.AExpr.Name).Name
		return x.AExpr.Kind == pg.A_Expr_Kind_AEXPR_OP && x.AExpr.Lexpr == nil && (op == "-" || op == "+") && constant(x.AExpr.Rexpr)
	}
	return false
}

// provesNotNull are the columns that are not null wherever a condition is true.
func provesNotNull(n *pg.Node) []string {
	switch x := n.GetNode().(type) {
	case *pg.Node_NullTest:
		if ref := x.NullTest.Arg.GetColumnRef(); ref != nil && x.NullTest.Nulltesttype == pg.NullTestType_IS_NOT_NULL {
			return []string{columnRef(ref).Column}
		}
	case *pg.Node_BoolExpr:
		switch x.BoolExpr.Boolop {
		case pg.BoolExprType_AND_EXPR:
			var list []string
			for _, arg := range x.BoolExpr.Args {
				list = append(list, provesNotNull(arg)...)
			}
			return list
		case pg.BoolExprType_NOT_EXPR: // NOT (a IS NULL)
			if t := x.BoolExpr.Args[0].GetNullTest(); t != nil && t.Nulltesttype == pg.NullTestType_IS_NULL {
				if ref := t.Arg.GetColumnRef(); ref != nil {
					return []string{columnRef(ref).Column}
				}
			}
		}
	}
	return nil
}

// columnRef is a column as a query names it; for a star the column is "*".
func columnRef(c *pg.ColumnRef) catalog.ColumnRef {
	parts := make([]string, 0, 4)
	for _, f := range c.Fields {
		if s := f.GetString_(); s != nil {
			parts = append(parts, s.Sval)
		} else {
			parts = append(parts, "*")
		}
	}
	switch n := len(parts); n {
	case 0:
		return catalog.ColumnRef{}
	case 1:
		return catalog.ColumnRef{Column: parts[0]}
	case 2:
		return catalog.ColumnRef{Table: parts[0], Column: parts[1]}
	default:
		return catalog.ColumnRef{Schema: parts[n-3], Table: parts[n-2], Column: parts[n-1]}
	}
}

// equalities are the columns that a condition compares for equality with a value
// that no row gives, at its top level.
func equalities(n *pg.Node) []string {
	switch x := n.GetNode().(type) {
	case *pg.Node_BoolExpr:
		if x.BoolExpr.Boolop != pg.BoolExprType_AND_EXPR {
			return nil
		}
		var list []string
		for _, arg := range x.BoolExpr.Args {
			list = append(list, equalities(arg)...)
		}
		return list
	case *pg.Node_AExpr:
		e := x.AExpr
		if e.Kind != pg.A_Expr_Kind_AEXPR_OP || listName(e.Name).Name != "=" {
			return nil
		}
		for _, side := range [][2]*pg.Node{{e.Lexpr, e.Rexpr}, {e.Rexpr, e.Lexpr}} {
			if ref := side[0].GetColumnRef(); ref != nil && (constant(side[1]) || side[1].GetParamRef() != nil) {
				return []string{columnRef(ref).Column}
			}
		}
	}
	return nil
}

// limited tells that a condition takes a batch: ... IN (SELECT ... LIMIT n).
func limited(n *pg.Node) bool {
	found := false
	walk(n, func(n *pg.Node) bool {
		if s := n.GetSubLink().GetSubselect().GetSelectStmt(); s != nil && s.LimitCount != nil && !s.LimitCount.GetAConst().GetIsnull() {
			found = true
		}
		return !found
	})
	return found
}

// comparison tells whether an operator's result is a boolean whatever its operands are.
func comparison(op string) bool {
	return slices.Contains(strings.Fields("= <> != < > <= >= ~~ !~~ ~~* !~~* ~ !~ ~* !~* @> <@ && ? ?| ?& @@ @?"), op)
}
