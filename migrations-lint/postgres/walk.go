package postgres

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// walk visits a node and what it holds, in the tree's order, as long as visit says true.
func walk(n *pg.Node, visit func(*pg.Node) bool) {
	if n.GetNode() == nil || !visit(n) {
		return
	}
	eachChild(n, func(child *pg.Node) { walk(child, visit) })
}

// eachChild calls f for the nodes directly inside a node. The types that most
// expressions consist of are spelled out for speed; no type is missed.
func eachChild(n *pg.Node, f func(*pg.Node)) {
	list := func(nodes []*pg.Node) {
		for _, c := range nodes {
			f(c)
		}
	}
	one := func(nodes ...*pg.Node) {
		for _, c := range nodes {
			if c != nil {
				f(c)
			}
		}
	}
	switch x := n.GetNode().(type) {
	case nil, *pg.Node_AConst, *pg.Node_String_, *pg.Node_Integer, *pg.Node_Float, *pg.Node_Boolean, *pg.Node_AStar,
		*pg.Node_ParamRef, *pg.Node_SqlvalueFunction, *pg.Node_SetToDefault, *pg.Node_ColumnRef, *pg.Node_TypeName:
	case *pg.Node_AExpr:
		one(x.AExpr.Lexpr, x.AExpr.Rexpr)
	case *pg.Node_BoolExpr:
		list(x.BoolExpr.Args)
	case *pg.Node_TypeCast:
		one(x.TypeCast.Arg)
	case *pg.Node_CollateClause:
		one(x.CollateClause.Arg)
	case *pg.Node_NullTest:
		one(x.NullTest.Arg)
	case *pg.Node_BooleanTest:
		one(x.BooleanTest.Arg)
	case *pg.Node_CaseExpr:
		one(x.CaseExpr.Arg)
		list(x.CaseExpr.Args)
		one(x.CaseExpr.Defresult)
	case *pg.Node_CaseWhen:
		one(x.CaseWhen.Expr, x.CaseWhen.Result)
	case *pg.Node_CoalesceExpr:
		list(x.CoalesceExpr.Args)
	case *pg.Node_AArrayExpr:
		list(x.AArrayExpr.Elements)
	case *pg.Node_RowExpr:
		list(x.RowExpr.Args)
	case *pg.Node_List:
		list(x.List.Items)
	case *pg.Node_ResTarget:
		list(x.ResTarget.Indirection)
		one(x.ResTarget.Val)
	case *pg.Node_SortBy:
		one(x.SortBy.Node)
	default:
		if n.Node == nil {
			return
		}
		m := n.ProtoReflect()
		oneof := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
		messageNodes(m.Get(oneof).Message(), f)
	}
}

// messageNodes finds the nodes that a message holds, at any depth of messages
// that are not nodes themselves.
func messageNodes(m protoreflect.Message, f func(*pg.Node)) {
	visit := func(m protoreflect.Message) {
		if n, ok := m.Interface().(*pg.Node); ok {
			f(n)
		} else {
			messageNodes(m, f)
		}
	}
	// By descriptor, not by Range, whose order is not defined.
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Message() == nil || !m.Has(fd) {
			continue
		}
		if fd.IsList() {
			l := m.Get(fd).List()
			for j := range l.Len() {
				visit(l.Get(j).Message())
			}
		} else {
			visit(m.Get(fd).Message())
		}
	}
}
