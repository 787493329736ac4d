package resolve

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// xmlOrJSON judges the expressions of SQL/XML and SQL/JSON.
func (a *analyzer) xmlOrJSON(n *pg.Node, sc *scope) (value, bool) {
	output := func(o *pg.JsonOutput, standard typ) value {
		if o.GetTypeName() != nil {
			return a.columnValue(a.typeName(o.TypeName))
		}
		return known(standard)
	}
	json := builtin("json")
	switch x := n.Node.(type) {
	case *pg.Node_XmlExpr:
		a.exprs(x.XmlExpr.Args, sc)
		for _, n := range x.XmlExpr.NamedArgs {
			a.expr(n.GetResTarget().GetVal(), sc)
		}
		if x.XmlExpr.Op == pg.XmlExprOp_IS_DOCUMENT {
			return known(boolType), true
		}
		return known(builtin("xml")), true
	case *pg.Node_XmlSerialize:
		a.expr(x.XmlSerialize.Expr, sc)
		return a.columnValue(a.typeName(x.XmlSerialize.TypeName)), true
	case *pg.Node_JsonParseExpr:
		v := a.expr(x.JsonParseExpr.Expr.GetRawExpr(), sc)
		if !x.JsonParseExpr.UniqueKeys && a.coercible(v.typ, json, explicit) == no && !v.soft {
			state, reason := "42846", fmt.Sprintf("cannot cast type %s to json", a.show(v.typ))
			if a.c.Version < 17 { // there it is a function like any other
				state, reason = "42883", fmt.Sprintf("function json(%s) does not exist", a.show(v.typ))
			}
			a.fail(analysis, state, Object{}, x.JsonParseExpr.Location, reason)
		}
		return output(x.JsonParseExpr.Output, json), true
	case *pg.Node_JsonScalarExpr:
		a.expr(x.JsonScalarExpr.Expr, sc)
		return output(x.JsonScalarExpr.Output, json), true
	case *pg.Node_JsonSerializeExpr:
		a.expr(x.JsonSerializeExpr.Expr.GetRawExpr(), sc)
		return output(x.JsonSerializeExpr.Output, textType), true
	case *pg.Node_JsonObjectConstructor:
		for _, n := range x.JsonObjectConstructor.Exprs {
			a.expr(n.GetJsonKeyValue().GetKey(), sc)
			a.expr(n.GetJsonKeyValue().GetValue().GetRawExpr(), sc)
		}
		return output(x.JsonObjectConstructor.Output, json), true
	case *pg.Node_JsonArrayConstructor:
		for _, n := range x.JsonArrayConstructor.Exprs {
			a.expr(n.GetJsonValueExpr().GetRawExpr(), sc)
		}
		return output(x.JsonArrayConstructor.Output, json), true
	case *pg.Node_JsonArrayQueryConstructor:
		a.query(x.JsonArrayQueryConstructor.Query, &scope{outer: sc})
		return output(x.JsonArrayQueryConstructor.Output, json), true
	case *pg.Node_JsonObjectAgg:
		a.aggregateSeen(sc, nil)
		a.expr(x.JsonObjectAgg.Arg.GetKey(), sc)
		a.expr(x.JsonObjectAgg.Arg.GetValue().GetRawExpr(), sc)
		return output(a.jsonAggregate(x.JsonObjectAgg.Constructor, sc), json), true
	case *pg.Node_JsonArrayAgg:
		a.aggregateSeen(sc, nil)
		a.expr(x.JsonArrayAgg.Arg.GetRawExpr(), sc)
		return output(a.jsonAggregate(x.JsonArrayAgg.Constructor, sc), json), true
	case *pg.Node_JsonIsPredicate:
		a.expr(x.JsonIsPredicate.Expr, sc)
		return known(boolType), true
	case *pg.Node_JsonFuncExpr:
		f := x.JsonFuncExpr
		a.expr(f.ContextItem.GetRawExpr(), sc)
		for _, n := range f.Passing {
			a.expr(n.GetJsonArgument().GetVal().GetRawExpr(), sc)
		}
		a.expr(f.OnEmpty.GetExpr(), sc)
		a.expr(f.OnError.GetExpr(), sc)
		return output(f.Output, jsonFunctions[f.Op]), true
	}
	return value{}, false
}

func (a *analyzer) jsonAggregate(c *pg.JsonAggConstructor, sc *scope) *pg.JsonOutput {
	a.expr(c.GetAggFilter(), sc)
	for _, n := range c.GetAggOrder() {
		a.expr(n.GetSortBy().GetNode(), sc)
	}
	a.window(c.GetOver(), sc)
	return c.GetOutput()
}
