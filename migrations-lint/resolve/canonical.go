package resolve

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// canonical is an expression's text in one spelling: without qualifiers and without
// the casts that pg_dump writes, "a IN (1, 2)" as "a = ANY (ARRAY[1, 2])", "a = false"
// as "NOT a". Two expressions with one text are the same; the reverse need not hold.
func canonical(n *pg.Node) string {
	var w canonicalWriter
	w.expr(n)
	return w.String()
}

func canonicalText(sql string) string {
	tree, err := postgres.Tree("SELECT WHERE " + sql)
	if err != nil {
		return sql
	}
	return canonical(tree.Stmts[0].Stmt.GetSelectStmt().GetWhereClause())
}

type canonicalWriter struct{ strings.Builder }

func (w *canonicalWriter) list(open string, items []*pg.Node, end string) {
	w.WriteString(open)
	for i, n := range items {
		if i > 0 {
			w.WriteString(", ")
		}
		w.expr(n)
	}
	w.WriteString(end)
}

func (w *canonicalWriter) expr(n *pg.Node) {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		if names := stringList(x.ColumnRef.Fields); len(names) > 0 {
			w.WriteString(catalog.QuoteIdent(names[len(names)-1]))
		}
		return
	case *pg.Node_AConst:
		w.constant(x.AConst)
		return
	case *pg.Node_TypeCast:
		if array := x.TypeCast.Arg.GetAArrayExpr(); array != nil || isLiteral(x.TypeCast.Arg) || isTextCast(x.TypeCast.TypeName) {
			if text, ok := booleanText(x.TypeCast); ok {
				w.WriteString(text)
				return
			}
			w.expr(x.TypeCast.Arg)
			return
		}
		w.expr(x.TypeCast.Arg)
		names := stringList(x.TypeCast.TypeName.GetNames())
		w.WriteString("::" + names[len(names)-1])
		return
	case *pg.Node_AArrayExpr:
		w.list("[", x.AArrayExpr.Elements, "]")
		return
	case *pg.Node_List:
		w.list("[", x.List.Items, "]")
		return
	case *pg.Node_FuncCall:
		names := stringList(x.FuncCall.Funcname)
		if len(x.FuncCall.AggOrder) == 0 && x.FuncCall.AggFilter == nil && x.FuncCall.Over == nil && len(names) > 0 {
			w.WriteString(names[len(names)-1])
			w.list("(", x.FuncCall.Args, ")")
			return
		}
	case *pg.Node_CoalesceExpr:
		w.list("coalesce(", x.CoalesceExpr.Args, ")")
		return
	case *pg.Node_BoolExpr:
		w.boolean(x.BoolExpr)
		return
	case *pg.Node_NullTest:
		w.expr(x.NullTest.Arg)
		if x.NullTest.Nulltesttype == pg.NullTestType_IS_NULL {
			w.WriteString(" is null")
		} else {
			w.WriteString(" is not null")
		}
		return
	case *pg.Node_AExpr:
		if w.operator(x.AExpr) {
			return
		}
	case *pg.Node_CollateClause:
		w.expr(x.CollateClause.Arg)
		w.WriteString(" collate " + strings.Join(stringList(x.CollateClause.Collname), "."))
		return
	}
	// Anything else as the parser shows it, without its places.
	w.WriteString(shapeOf(n, nil))
}

// isTextCast tells of the cast that pg_dump writes around a varchar column.
func isTextCast(t *pg.TypeName) bool {
	names := stringList(t.GetNames())
	return len(names) > 0 && slices.Contains([]string{"text", "varchar", "bpchar"}, names[len(names)-1])
}

// isLiteral tells that a cast only decides the type of a literal.
func isLiteral(n *pg.Node) bool {
	if c := n.GetTypeCast(); c != nil {
		return isLiteral(c.Arg)
	}
	return n.GetAConst() != nil
}

func booleanText(c *pg.TypeCast) (string, bool) {
	names := stringList(c.TypeName.GetNames())
	if len(names) == 0 || names[len(names)-1] != "bool" {
		return "", false
	}
	switch c.Arg.GetAConst().GetSval().GetSval() {
	case "t", "true":
		return "true", true
	case "f", "false":
		return "false", true
	}
	return "", false
}

func (w *canonicalWriter) constant(c *pg.A_Const) {
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		w.WriteString(strconv.Itoa(int(v.Ival.GetIval())))
	case *pg.A_Const_Fval:
		w.WriteString(v.Fval.GetFval())
	case *pg.A_Const_Boolval:
		w.WriteString(strconv.FormatBool(v.Boolval.GetBoolval()))
	case *pg.A_Const_Sval:
		w.WriteString("'" + strings.ReplaceAll(v.Sval.GetSval(), "'", "''") + "'")
	case *pg.A_Const_Bsval:
		w.WriteString(v.Bsval.GetBsval())
	default:
		if c.Isnull {
			w.WriteString("null")
		} else {
			w.WriteString("0")
		}
	}
}

func (w *canonicalWriter) boolean(b *pg.BoolExpr) {
	if b.Boolop == pg.BoolExprType_NOT_EXPR {
		w.WriteString("not ")
		w.expr(b.Args[0])
		return
	}
	word := " and "
	if b.Boolop == pg.BoolExprType_OR_EXPR {
		word = " or "
	}
	var parts []string
	for _, n := range b.Args {
		parts = append(parts, "("+canonical(n)+")")
	}
	slices.Sort(parts)
	w.WriteString(strings.Join(parts, word))
}

func (w *canonicalWriter) operator(e *pg.A_Expr) bool {
	name := operatorName(e.Name)
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		if value, ok := booleanConstant(e.Rexpr); ok && e.Lexpr != nil && (name == "=" || name == "<>") {
			if value != (name == "=") {
				w.WriteString("not ")
			}
			w.expr(e.Lexpr)
			return true
		}
		if e.Lexpr != nil {
			w.WriteByte('(')
			w.expr(e.Lexpr)
			w.WriteByte(')')
		}
		w.WriteString(" " + name + " (")
		w.expr(e.Rexpr)
		w.WriteByte(')')
	case pg.A_Expr_Kind_AEXPR_IN, pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		w.WriteByte('(')
		w.expr(e.Lexpr)
		word := "any"
		if e.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL || e.Kind == pg.A_Expr_Kind_AEXPR_IN && name == "<>" {
			word = "all"
		}
		w.WriteString(") " + name + " " + word)
		w.WriteByte('(')
		w.expr(e.Rexpr)
		w.WriteByte(')')
	default:
		return false
	}
	return true
}

func booleanConstant(n *pg.Node) (value, ok bool) {
	if c := n.GetAConst(); c != nil {
		if b, is := c.Val.(*pg.A_Const_Boolval); is {
			return b.Boolval.GetBoolval(), true
		}
	}
	if c := n.GetTypeCast(); c != nil {
		text, ok := booleanText(c)
		return text == "true", ok
	}
	return false, false
}

// operatorName is an operator without its schema.
func operatorName(name []*pg.Node) string {
	if list := stringList(name); len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// walk calls visit for a node and all that it holds; false leaves out what a node holds.
func walk(n *pg.Node, visit func(*pg.Node) bool) {
	if n == nil || n.Node == nil || !visit(n) {
		return
	}
	walkMessage(n.ProtoReflect(), visit)
}

func walkMessage(m protoreflect.Message, visit func(*pg.Node) bool) {
	inner := func(v protoreflect.Message) {
		if n, ok := v.Interface().(*pg.Node); ok {
			walk(n, visit)
		} else {
			walkMessage(v, visit)
		}
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() != protoreflect.MessageKind || !m.Has(f) {
			continue
		}
		v := m.Get(f)
		if !f.IsList() {
			inner(v.Message())
			continue
		}
		for k := range v.List().Len() {
			inner(v.List().Get(k).Message())
		}
	}
}

// shapeOf is a text that two expressions have in common that differ in their places
// only. A column may be given a name of its own.
func shapeOf(n *pg.Node, column func(*pg.ColumnRef) (string, bool)) string {
	var b strings.Builder
	writeShape(&b, n.ProtoReflect(), column)
	return b.String()
}

func writeShape(b *strings.Builder, m protoreflect.Message, column func(*pg.ColumnRef) (string, bool)) {
	if ref, ok := m.Interface().(*pg.ColumnRef); ok && column != nil {
		if name, ok := column(ref); ok {
			b.WriteString(name)
			return
		}
	}
	if _, ok := m.Interface().(*pg.ParamRef); ok {
		b.WriteByte('$')
		return
	}
	fields := m.Descriptor().Fields()
	b.WriteString(string(m.Descriptor().Name()))
	b.WriteByte('{')
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) || f.Name() == "location" {
			continue
		}
		v := m.Get(f)
		b.WriteString(string(f.Name()))
		b.WriteByte(':')
		switch {
		case f.IsList():
			for k := range v.List().Len() {
				if f.Kind() == protoreflect.MessageKind {
					writeShape(b, v.List().Get(k).Message(), column)
				}
				b.WriteByte(',')
			}
		case f.Kind() == protoreflect.MessageKind:
			writeShape(b, v.Message(), column)
		default:
			b.WriteString(strconv.Quote(v.String()))
		}
		b.WriteByte(' ')
	}
	b.WriteByte('}')
}
