package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// output reads one entry of a select list.
func (q *queryReader) output(t *pg.ResTarget, level *catalog.Select) catalog.Output {
	val := t.GetVal()
	q.expr(val, level)
	if ref := val.GetColumnRef(); ref != nil {
		name := columnRef(ref)
		if name.Column == "*" {
			name.Column = ""
			return catalog.Output{Star: true, Ref: name}
		}
	}
	if row := val.GetAIndirection(); row != nil && row.Indirection[len(row.Indirection)-1].GetAStar() != nil {
		return rowOutput(row)
	}
	o := catalog.Output{Name: t.GetName(), Type: outputType(val)}
	if o.Name == "" {
		o.Name = OutputName(val)
	}
	inner, _ := stripCasts(val)
	if ref := inner.GetColumnRef(); ref != nil {
		o.Ref = columnRef(ref)
	} else if ref, ok := fieldOf(inner); ok {
		o.Ref = ref
	}
	if call := val.GetFuncCall(); call != nil {
		o.Func = systemName(call.Funcname)
	}
	return o
}

// rowOutput reads (...).*: all fields of a row, of a composite column or of what a function returns.
func rowOutput(row *pg.A_Indirection) catalog.Output {
	o := catalog.Output{Star: true}
	switch ref, call := row.Arg.GetColumnRef(), row.Arg.GetFuncCall(); {
	case len(row.Indirection) > 1:
		o.Ref.Column = "?" // a field of a field: nobody follows it so far
	case call != nil:
		o.Func = systemName(call.Funcname)
	case ref == nil:
		o.Ref.Column = "?"
	case len(ref.Fields) == 1:
		o.Ref.Table = columnRef(ref).Column
	default:
		o.Ref = columnRef(ref)
	}
	return o
}

// fieldOf is (t).a, where t is a table or a composite column, as a reference like t.a.
func fieldOf(n *pg.Node) (ref catalog.ColumnRef, ok bool) {
	row := n.GetAIndirection()
	if row == nil || len(row.Indirection) != 1 || row.Indirection[0].GetString_() == nil {
		return ref, false
	}
	arg := row.Arg.GetColumnRef()
	if arg == nil || len(arg.Fields) != 1 {
		return ref, false
	}
	return catalog.ColumnRef{Table: columnRef(arg).Column, Column: row.Indirection[0].GetString_().Sval}, true
}

// OutputName is the name that the server gives to an entry without an alias
// (src/backend/parser/parse_target.c, FigureColname; PostgreSQL 14 and older call
// TRUE and FALSE "bool").
func OutputName(n *pg.Node) string {
	if name, strength := figureName(n); strength > 0 {
		return name
	}
	return "?column?"
}

// figureName follows the server's FigureColnameInternal: strength 2 is a good name,
// 1 one that a cast or CASE around a better one gives way to, 0 none.
func figureName(n *pg.Node) (name string, strength int) {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		if names := stringList(x.ColumnRef.Fields); len(names) > 0 {
			return names[len(names)-1], 2
		}
	case *pg.Node_AIndirection:
		if names := stringList(x.AIndirection.Indirection); len(names) > 0 {
			return names[len(names)-1], 2
		}
		return figureName(x.AIndirection.Arg)
	case *pg.Node_FuncCall:
		return listName(x.FuncCall.Funcname).Name, 2
	case *pg.Node_AExpr:
		if x.AExpr.Kind == pg.A_Expr_Kind_AEXPR_NULLIF {
			return "nullif", 2
		}
	case *pg.Node_TypeCast:
		name, strength = figureName(x.TypeCast.Arg)
		if strength <= 1 {
			return listName(x.TypeCast.TypeName.GetNames()).Name, 1
		}
		return name, strength
	case *pg.Node_CollateClause:
		return figureName(x.CollateClause.Arg)
	case *pg.Node_GroupingFunc:
		return "grouping", 2
	case *pg.Node_MergeSupportFunc:
		return "merge_action", 2
	case *pg.Node_SubLink:
		switch x.SubLink.SubLinkType {
		case pg.SubLinkType_EXISTS_SUBLINK:
			return "exists", 2
		case pg.SubLinkType_ARRAY_SUBLINK:
			return "array", 2
		case pg.SubLinkType_EXPR_SUBLINK:
			return firstOutput(x.SubLink.Subselect.GetSelectStmt()), 2
		}
	case *pg.Node_CaseExpr:
		name, strength = figureName(x.CaseExpr.Defresult)
		if strength <= 1 {
			return "case", 1
		}
		return name, strength
	case *pg.Node_AArrayExpr:
		return "array", 2
	case *pg.Node_RowExpr:
		return "row", 2
	case *pg.Node_CoalesceExpr:
		return "coalesce", 2
	case *pg.Node_MinMaxExpr:
		if x.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			return "least", 2
		}
		return "greatest", 2
	case *pg.Node_SqlvalueFunction:
		return valueFunction(x.SqlvalueFunction.Op), 2
	case *pg.Node_XmlExpr:
		switch x.XmlExpr.Op {
		case pg.XmlExprOp_IS_XMLCONCAT:
			return "xmlconcat", 2
		case pg.XmlExprOp_IS_XMLELEMENT:
			return "xmlelement", 2
		case pg.XmlExprOp_IS_XMLFOREST:
			return "xmlforest", 2
		case pg.XmlExprOp_IS_XMLPARSE:
			return "xmlparse", 2
		case pg.XmlExprOp_IS_XMLPI:
			return "xmlpi", 2
		case pg.XmlExprOp_IS_XMLROOT:
			return "xmlroot", 2
		}
	case *pg.Node_XmlSerialize:
		return "xmlserialize", 2
	case *pg.Node_JsonParseExpr:
		return "json", 2
	case *pg.Node_JsonScalarExpr:
		return "json_scalar", 2
	case *pg.Node_JsonSerializeExpr:
		return "json_serialize", 2
	case *pg.Node_JsonObjectConstructor:
		return "json_object", 2
	case *pg.Node_JsonArrayConstructor, *pg.Node_JsonArrayQueryConstructor:
		return "json_array", 2
	case *pg.Node_JsonObjectAgg:
		return "json_objectagg", 2
	case *pg.Node_JsonArrayAgg:
		return "json_arrayagg", 2
	case *pg.Node_JsonFuncExpr:
		switch x.JsonFuncExpr.Op {
		case pg.JsonExprOp_JSON_EXISTS_OP:
			return "json_exists", 2
		case pg.JsonExprOp_JSON_QUERY_OP:
			return "json_query", 2
		case pg.JsonExprOp_JSON_VALUE_OP:
			return "json_value", 2
		}
	}
	return "", 0
}

// firstOutput is the name of a sub-select's first column.
func firstOutput(s *pg.SelectStmt) string {
	for s != nil && s.Larg != nil {
		s = s.Larg
	}
	switch {
	case s == nil:
	case len(s.ValuesLists) > 0:
		return "column1"
	case len(s.TargetList) > 0:
		if t := s.TargetList[0].GetResTarget(); t.GetName() != "" {
			return t.Name
		} else if ref := t.GetVal().GetColumnRef(); ref == nil || columnRef(ref).Column != "*" {
			return OutputName(t.GetVal())
		}
	}
	return "?column?"
}

// valueFunction is the name of a function that is called without parentheses.
func valueFunction(op pg.SQLValueFunctionOp) string {
	name := strings.TrimPrefix(op.String(), "SVFOP_")
	return strings.ToLower(strings.TrimSuffix(name, "_N"))
}

// outputType is the type that an expression's outermost construct fixes; zero
// where it depends on operands.
func outputType(n *pg.Node) catalog.Type {
	boolean := catalog.Type{Name: "bool"}
	switch x := n.GetNode().(type) {
	case *pg.Node_TypeCast:
		t, _ := typeName(x.TypeCast.TypeName)
		return t
	case *pg.Node_CollateClause:
		return outputType(x.CollateClause.Arg)
	case *pg.Node_AConst:
		switch v := x.AConst.Val.(type) {
		case *pg.A_Const_Ival:
			return catalog.Type{Name: "int4"}
		case *pg.A_Const_Fval:
			return numberType(v.Fval.Fval)
		case *pg.A_Const_Boolval:
			return boolean
		case *pg.A_Const_Bsval:
			return catalog.Type{} // bit with a length that no type name can have: none
		}
		return catalog.Type{Name: "text"} // an unknown literal or NULL becomes text
	case *pg.Node_BoolExpr, *pg.Node_NullTest, *pg.Node_BooleanTest, *pg.Node_JsonIsPredicate:
		return boolean
	case *pg.Node_AExpr:
		switch x.AExpr.Kind {
		case pg.A_Expr_Kind_AEXPR_NULLIF:
			return catalog.Type{}
		case pg.A_Expr_Kind_AEXPR_OP:
			if !comparison(listName(x.AExpr.Name).Name) || x.AExpr.Lexpr == nil {
				return catalog.Type{}
			}
		}
		return boolean
	case *pg.Node_SubLink:
		switch x.SubLink.SubLinkType {
		case pg.SubLinkType_EXISTS_SUBLINK, pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
			return boolean
		}
	case *pg.Node_GroupingFunc:
		return catalog.Type{Name: "int4"}
	case *pg.Node_SqlvalueFunction:
		return valueFunctionType(x.SqlvalueFunction)
	case *pg.Node_FuncCall:
		if name := systemName(x.FuncCall.Funcname); name.Schema == "" {
			if t, ok := functionTypes[name.Name]; ok {
				return t
			}
		}
	case *pg.Node_XmlExpr:
		if x.XmlExpr.Op == pg.XmlExprOp_IS_DOCUMENT {
			return boolean
		}
		return catalog.Type{Name: "xml"}
	case *pg.Node_XmlSerialize:
		t, _ := typeName(x.XmlSerialize.TypeName)
		return t
	}
	return catalog.Type{}
}

// numberType is the type of a numeric literal that does not fit an int4.
func numberType(text string) catalog.Type {
	if strings.ContainsAny(text, ".eE") && !strings.HasPrefix(text, "0x") || !fitsInt64(text) {
		return catalog.Type{Name: "numeric"}
	}
	return catalog.Type{Name: "int8"}
}

func valueFunctionType(f *pg.SQLValueFunction) catalog.Type {
	name, mod := "name", false
	switch f.Op {
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:
		name = "date"
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:
		name, mod = "timetz", f.Op == pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N
	case pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP, pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N:
		name, mod = "timestamptz", f.Op == pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIME, pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:
		name, mod = "time", f.Op == pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N
	case pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP, pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:
		name, mod = "timestamp", f.Op == pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N
	}
	t := catalog.Type{Name: name}
	if mod {
		t.Mods = []int{int(f.Typmod)}
	}
	return t
}
