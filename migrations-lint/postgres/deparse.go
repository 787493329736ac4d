package postgres

import (
	"strconv"
	"strings"
	"sync"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// deparse is an expression's text, normalised as the parser's own deparser does it;
// "" where that fails. What defaults, checks and index predicates are mostly made of is
// written here, since the way through C costs more than all else that is done for
// a column.
func deparse(n *pg.Node) string {
	var w exprWriter
	if w.expr(n) {
		return w.String()
	}
	text, err := deparseStatement(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{
		TargetList:  []*pg.Node{{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}}},
		LimitOption: pg.LimitOption_LIMIT_OPTION_DEFAULT,
		Op:          pg.SetOperation_SETOP_NONE,
	}}})
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(text, "SELECT ")
}

// treeVersion is the version that the parser writes into its trees, and that the
// deparser wants to see.
var treeVersion = sync.OnceValue(func() int32 {
	tree, err := parseSQL("SELECT 1")
	if err != nil {
		return 0
	}
	return tree.Version
})

func deparseStatement(n *pg.Node) (string, error) {
	return pg.Deparse(&pg.ParseResult{Version: treeVersion(), Stmts: []*pg.RawStmt{{Stmt: n}}})
}

// exprWriter writes the commonest expressions. Its methods return false for the others.
type exprWriter struct{ strings.Builder }

func (w *exprWriter) expr(n *pg.Node) bool {
	switch x := n.GetNode().(type) {
	case *pg.Node_AConst:
		return w.constant(x.AConst)
	case *pg.Node_ColumnRef:
		for i, f := range x.ColumnRef.Fields {
			s := f.GetString_()
			if s == nil {
				return false
			}
			if i > 0 {
				w.WriteByte('.')
			}
			w.WriteString(catalog.QuoteIdent(s.Sval))
		}
		return true
	case *pg.Node_TypeCast:
		if c := x.TypeCast.Arg.GetAConst(); c != nil && (c.GetFval() != nil || c.GetIval().GetIval() < 0) {
			return false
		}
		return w.operand(x.TypeCast.Arg) && w.write("::") && w.typeName(x.TypeCast.TypeName)
	case *pg.Node_FuncCall:
		c := x.FuncCall
		if c.AggStar || c.AggDistinct || c.AggFilter != nil || c.Over != nil || len(c.AggOrder) > 0 || c.AggWithinGroup || c.FuncVariadic ||
			c.Funcformat != pg.CoercionForm_COERCE_EXPLICIT_CALL || len(c.Funcname) != 1 {
			return false
		}
		return w.write(catalog.QuoteIdent(listName(c.Funcname).Name)+"(") && w.list(c.Args) && w.write(")")
	case *pg.Node_AExpr:
		return w.operator(x.AExpr)
	case *pg.Node_BoolExpr:
		word := " AND "
		switch x.BoolExpr.Boolop {
		case pg.BoolExprType_OR_EXPR:
			word = " OR "
		case pg.BoolExprType_NOT_EXPR:
			w.WriteString("NOT ")
		}
		for i, arg := range x.BoolExpr.Args {
			if i > 0 {
				w.WriteString(word)
			}
			if b := arg.GetBoolExpr(); b != nil && b.Boolop != pg.BoolExprType_NOT_EXPR {
				if !w.write("(") || !w.expr(arg) || !w.write(")") {
					return false
				}
			} else if !w.expr(arg) {
				return false
			}
		}
		return true
	case *pg.Node_NullTest:
		if !simple(x.NullTest.Arg) || !w.expr(x.NullTest.Arg) {
			return false
		}
		if x.NullTest.Nulltesttype == pg.NullTestType_IS_NULL {
			return w.write(" IS NULL")
		}
		return w.write(" IS NOT NULL")
	case *pg.Node_SqlvalueFunction:
		return !strings.HasSuffix(x.SqlvalueFunction.Op.String(), "_N") && w.write(valueFunction(x.SqlvalueFunction.Op))
	case *pg.Node_AArrayExpr:
		return w.write("ARRAY[") && w.list(x.AArrayExpr.Elements) && w.write("]")
	case *pg.Node_CoalesceExpr:
		return w.write("COALESCE(") && w.list(x.CoalesceExpr.Args) && w.write(")")
	}
	return false
}

// write writes a text; true, to be chained.
func (w *exprWriter) write(s string) bool {
	w.WriteString(s)
	return true
}

func (w *exprWriter) list(nodes []*pg.Node) bool {
	for i, n := range nodes {
		if i > 0 {
			w.WriteString(", ")
		}
		if !w.expr(n) {
			return false
		}
	}
	return true
}

// simple tells that an expression needs no parentheses next to an operator.
func simple(n *pg.Node) bool {
	switch n.GetNode().(type) {
	case *pg.Node_AConst, *pg.Node_ColumnRef, *pg.Node_TypeCast, *pg.Node_FuncCall, *pg.Node_AArrayExpr, *pg.Node_CoalesceExpr:
		return true
	}
	return false
}

func (w *exprWriter) operand(n *pg.Node) bool {
	if simple(n) {
		return w.expr(n)
	}
	switch n.GetNode().(type) {
	case *pg.Node_AExpr, *pg.Node_BoolExpr, *pg.Node_NullTest:
		return w.write("(") && w.expr(n) && w.write(")")
	}
	return false
}

func (w *exprWriter) constant(c *pg.A_Const) bool {
	if c.Isnull {
		return w.write("NULL")
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return w.write(itoa(v.Ival.GetIval()))
	case *pg.A_Const_Fval:
		return w.write(v.Fval.GetFval())
	case *pg.A_Const_Boolval:
		return w.write(strconv.FormatBool(v.Boolval.GetBoolval()))
	case *pg.A_Const_Sval:
		s := v.Sval.GetSval()
		return !strings.Contains(s, `\`) && w.write("'"+strings.ReplaceAll(s, "'", "''")+"'")
	}
	return false
}

func (w *exprWriter) operator(e *pg.A_Expr) bool {
	name := ""
	if len(e.Name) == 1 {
		name = e.Name[0].GetString_().GetSval()
	}
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		if name == "" || e.Lexpr == nil {
			return false
		}
		return w.operand(e.Lexpr) && w.write(" "+name+" ") && w.operand(e.Rexpr)
	case pg.A_Expr_Kind_AEXPR_OP_ANY:
		return name != "" && simple(e.Lexpr) && w.expr(e.Lexpr) && w.write(" "+name+" ANY(") && w.expr(e.Rexpr) && w.write(")")
	case pg.A_Expr_Kind_AEXPR_IN:
		if name == "=" {
			name = " IN ("
		} else {
			name = " NOT IN ("
		}
		return simple(e.Lexpr) && w.expr(e.Lexpr) && w.write(name) && w.list(e.Rexpr.GetList().GetItems()) && w.write(")")
	}
	return false
}

// typeNames are the names that the deparser gives to types of pg_catalog.
var typeNames = map[string]string{"int2": "smallint", "int4": "int", "int8": "bigint", "bool": "boolean", "varchar": "varchar", "numeric": "numeric",
	"float4": "real", "float8": "double precision", "timestamp": "timestamp", "time": "time", "interval": "interval"}

func (w *exprWriter) typeName(t *pg.TypeName) bool {
	name := listName(t.GetNames())
	switch {
	case t.Setof || t.PctType:
		return false
	case len(t.Names) == 2 && name.Schema == "pg_catalog":
		builtin, ok := typeNames[name.Name]
		if !ok || name.Name == "interval" && len(t.Typmods) > 0 {
			return false
		}
		w.WriteString(builtin)
	case len(t.Names) > 2:
		return false
	default:
		w.WriteString(name.String())
	}
	if len(t.Typmods) > 0 {
		w.WriteByte('(')
		if !w.list(t.Typmods) {
			return false
		}
		w.WriteByte(')')
	}
	for _, bound := range t.ArrayBounds {
		w.WriteByte('[')
		if n := bound.GetInteger().GetIval(); n != -1 {
			w.WriteString(itoa(n))
		}
		w.WriteByte(']')
	}
	return true
}
