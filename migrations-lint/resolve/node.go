package resolve

import (
	pg "github.com/pganalyze/pg_query_go/v6"
)

// maxNesting is how deep sub-queries and expressions are followed.
const maxNesting = 2000

func stringList(list []*pg.Node) []string {
	var names []string
	for _, n := range list {
		if s := n.GetString_(); s != nil {
			names = append(names, s.Sval)
		}
	}
	return names
}

// location is where a node begins in the text, as far as the parser tells.
func location(n *pg.Node) int32 {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return x.ColumnRef.Location
	case *pg.Node_RangeVar:
		return x.RangeVar.Location
	case *pg.Node_FuncCall:
		return x.FuncCall.Location
	case *pg.Node_AExpr:
		return x.AExpr.Location
	case *pg.Node_AConst:
		return x.AConst.Location
	case *pg.Node_TypeCast:
		return location(x.TypeCast.Arg)
	case *pg.Node_ResTarget:
		return x.ResTarget.Location
	case *pg.Node_ParamRef:
		return x.ParamRef.Location
	case *pg.Node_SubLink:
		return x.SubLink.Location
	case *pg.Node_JoinExpr:
		return location(x.JoinExpr.Larg)
	case *pg.Node_List:
		if len(x.List.Items) > 0 {
			return location(x.List.Items[0])
		}
	case *pg.Node_CaseExpr:
		return x.CaseExpr.Location
	case *pg.Node_RowExpr:
		return x.RowExpr.Location
	case *pg.Node_SelectStmt:
		if len(x.SelectStmt.TargetList) > 0 {
			return location(x.SelectStmt.TargetList[0])
		}
	}
	return 0
}

// valueFunctions are the types of the functions that SQL writes without parentheses.
var valueFunctions = map[pg.SQLValueFunctionOp]typ{
	pg.SQLValueFunctionOp_SVFOP_CURRENT_DATE:        builtin("date"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME:        builtin("timetz"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N:      builtin("timetz"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP:   builtin("timestamptz"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N: builtin("timestamptz"),
	pg.SQLValueFunctionOp_SVFOP_LOCALTIME:           builtin("time"),
	pg.SQLValueFunctionOp_SVFOP_LOCALTIME_N:         builtin("time"),
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP:      builtin("timestamp"),
	pg.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N:    builtin("timestamp"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_ROLE:        builtin("name"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_USER:        builtin("name"),
	pg.SQLValueFunctionOp_SVFOP_USER:                builtin("name"),
	pg.SQLValueFunctionOp_SVFOP_SESSION_USER:        builtin("name"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG:     builtin("name"),
	pg.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA:      builtin("name"),
}

var jsonFunctions = map[pg.JsonExprOp]typ{
	pg.JsonExprOp_JSON_EXISTS_OP: boolType,
	pg.JsonExprOp_JSON_QUERY_OP:  builtin("jsonb"),
	pg.JsonExprOp_JSON_VALUE_OP:  textType,
}
