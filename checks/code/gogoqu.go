package code

import (
	"go/ast"
	"strings"
)

// The queries that goqu builds: goqu.From("users").Select("id").Where(goqu.C("age").Gt(1)).
// Its texts are names, which it quotes; goqu.L holds SQL.

// startGoqu begins a query of goqu, in a file that imports it.
func (g *goScope) startGoqu(s step) *sqlBuilder {
	if !imports(g.file, "goqu") || len(s.call.Args) == 0 {
		return nil
	}
	kind := map[string]string{"From": "select", "Insert": "insert", "Update": "update", "Delete": "delete"}[s.name]
	if kind == "" {
		return nil
	}
	return &sqlBuilder{orm: "goqu", kind: kind, at: g.place(s.call), path: g.file.path, table: g.goquName(s.call.Args[0])}
}

// applyGoqu adds a call to a query; calls that change nothing that a schema knows are passed over.
func (g *goScope) applyGoqu(b *sqlBuilder, s step) {
	args := s.call.Args
	add := func(list *[]goText, items ...goText) { *list = append((*list)[:len(*list):len(*list)], items...) }
	names := func() (list []goText) {
		for _, a := range args {
			list = append(list, g.goquName(a))
		}
		return list
	}
	switch s.name {
	case "From":
		if len(args) > 0 {
			b.table = g.goquName(args[0])
		}
	case "Select", "SelectAppend", "SelectDistinct":
		if s.name != "SelectAppend" {
			b.columns = nil
		}
		if s.call.Ellipsis.IsValid() {
			add(&b.columns, g.hole(args[len(args)-1]))
		} else {
			add(&b.columns, names()...)
		}
	case "Where", "Having":
		list := &b.where
		if s.name == "Having" {
			list = &b.having
		}
		for _, a := range args {
			add(list, g.goquCondition(a))
		}
	case "Join", "InnerJoin", "LeftJoin", "RightJoin", "FullJoin", "LeftOuterJoin", "RightOuterJoin", "FullOuterJoin":
		if len(args) == 2 {
			word := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(s.name, "Join"), "Outer")) + " JOIN "
			add(&b.joins, wrap(strings.TrimPrefix(word, " "), g.goquName(args[0]), " ", g.goquOn(args[1])))
		}
	case "CrossJoin", "NaturalJoin":
		if len(args) == 1 {
			add(&b.joins, wrap(strings.ToUpper(strings.TrimSuffix(s.name, "Join")), " JOIN ", g.goquName(args[0])))
		}
	case "GroupBy":
		add(&b.group, names()...)
	case "Order", "OrderAppend", "OrderPrepend":
		add(&b.order, names()...)
	case "Returning":
		for i, name := range names() {
			word := ", "
			if i == 0 {
				word = "RETURNING "
			}
			add(&b.suffix, wrap(word, name))
		}
	case "Cols":
		add(&b.columns, names()...)
	case "Rows", "Set":
		if len(args) > 0 {
			g.goquRow(b, args[0])
		}
	case "FromQuery":
		if len(args) == 1 {
			if sub, ok := g.builder(args[0]); ok {
				b.source = g.query(sub)
			}
		}
	case "Update", "Delete", "Insert": // of a query that was begun by From
		b.kind = strings.ToLower(s.name)
	}
}

// goquRow adds the columns of a record; of a struct they are not known.
func (g *goScope) goquRow(b *sqlBuilder, e ast.Expr) {
	keys, values, ok := g.entries(e)
	if !ok || len(keys) == 0 {
		keys, values = []goText{g.hole(e)}, []goText{g.hole(e)}
	}
	for i, key := range keys {
		if t, ok := key.constant(); ok {
			key = wrap(goquQuoted(t))
		}
		if b.kind == "insert" {
			b.columns, b.values = append(b.columns, key), append(b.values, values[i])
		} else if ok {
			b.sets = append(b.sets, wrap(key, " = ", values[i]))
		}
	}
}

// goquName is what stands for a name: a text, goqu.C, goqu.T, goqu.I, a function, SQL in goqu.L, or a query.
func (g *goScope) goquName(e ast.Expr) goText {
	root, list := steps(e)
	call, ok := e.(*ast.CallExpr)
	if !ok {
		if text, known := g.text(e).constant(); known {
			return wrap(goquQuoted(text))
		}
		return g.hole(e)
	}
	if sub, ok := g.builder(e); ok {
		return wrap("(", g.query(sub), ")")
	}
	if id, isName := root.(*ast.Ident); !isName || !strings.Contains(g.file.imports[id.Name], "goqu") || len(list) == 0 || len(list[0].call.Args) == 0 {
		return g.hole(call)
	}
	first := list[0]
	var t goText
	switch first.name {
	case "C", "T", "I", "S":
		t = g.goquName(first.call.Args[0])
	case "L", "Literal":
		t = g.withQueries(first.call.Args)
	case "COUNT", "SUM", "MIN", "MAX", "AVG", "COALESCE", "DISTINCT", "FIRST", "LAST":
		var inner goText
		for i, a := range first.call.Args {
			if i > 0 {
				inner = wrap(inner, ", ")
			}
			inner = wrap(inner, g.goquName(a))
		}
		t = wrap(strings.TrimPrefix(first.name+"(", "DISTINCT("), inner, ")")
		if first.name == "DISTINCT" {
			t = wrap("DISTINCT ", inner)
		}
	default:
		return g.hole(call)
	}
	for _, s := range list[1:] {
		switch s.name {
		case "As":
			if len(s.call.Args) == 1 {
				t = wrap(t, " AS ", g.goquName(s.call.Args[0]))
			}
		case "Col":
			if len(s.call.Args) == 1 {
				t = wrap(t, ".", g.goquName(s.call.Args[0]))
			}
		case "Asc", "Desc":
			t = wrap(t, " ", strings.ToUpper(s.name))
		case "NullsFirst", "NullsLast":
		default:
			return g.hole(call)
		}
	}
	return t
}

// goquComparisons are the methods of goqu's expressions that compare.
var goquComparisons = map[string]string{"Eq": " = ?", "Neq": " <> ?", "Gt": " > ?", "Gte": " >= ?", "Lt": " < ?", "Lte": " <= ?", "Like": " LIKE ?", "NotLike": " NOT LIKE ?",
	"ILike": " ILIKE ?", "NotILike": " NOT ILIKE ?", "IsNull": " IS NULL", "IsNotNull": " IS NOT NULL", "IsTrue": " IS TRUE", "IsFalse": " IS FALSE"}

// goquCondition is a predicate: goqu.Ex{...}, goqu.C("a").Eq(1), goqu.And(...), goqu.L("...").
func (g *goScope) goquCondition(e ast.Expr) goText {
	if lit, ok := e.(*ast.CompositeLit); ok {
		t := wrap("(")
		for i, item := range lit.Elts {
			kv, ok := item.(*ast.KeyValueExpr)
			if !ok {
				return g.hole(e)
			}
			if i > 0 {
				t = wrap(t, " AND ")
			}
			if sub, ok := g.builder(kv.Value); ok {
				t = wrap(t, g.goquName(kv.Key), " IN (", g.query(sub), ")")
				continue
			}
			t = wrap(t, g.goquName(kv.Key), " = ?")
		}
		if len(lit.Elts) == 0 {
			return g.hole(e)
		}
		return wrap(t, ")")
	}
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return g.hole(e)
	}
	if _, name, _ := strings.Cut(g.callee(call), "."); (name == "And" || name == "Or") && len(call.Args) > 0 {
		t := wrap("(")
		for i, a := range call.Args {
			if i > 0 {
				t = wrap(t, " "+strings.ToUpper(name)+" ")
			}
			t = wrap(t, g.goquCondition(a))
		}
		return wrap(t, ")")
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return g.hole(e)
	}
	left, ok := sel.X.(*ast.CallExpr)
	switch operator, compares := goquComparisons[sel.Sel.Name]; {
	case !ok: // goqu.L("...")
		return wrap("(", g.goquName(e), ")")
	case compares && len(call.Args) == 1:
		if right, ok := call.Args[0].(*ast.CallExpr); ok {
			if _, name, _ := strings.Cut(g.callee(right), "."); name == "C" || name == "I" || name == "L" {
				return wrap(g.goquName(left), strings.TrimSuffix(operator, "?"), g.goquName(right))
			}
		}
		return wrap(g.goquName(left), operator)
	case compares:
		return wrap(g.goquName(left), operator)
	case (sel.Sel.Name == "In" || sel.Sel.Name == "NotIn") && len(call.Args) > 0:
		word := map[string]string{"In": " IN (", "NotIn": " NOT IN ("}[sel.Sel.Name]
		if sub, ok := g.builder(call.Args[0]); ok {
			return wrap(g.goquName(left), word, g.query(sub), ")")
		}
		return wrap(g.goquName(left), word, "?)")
	}
	return g.hole(e)
}

// goquOn is the condition of a join: goqu.On(...), goqu.Using("id").
func (g *goScope) goquOn(e ast.Expr) goText {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return wrap("ON ", g.hole(e))
	}
	if _, name, _ := strings.Cut(g.callee(call), "."); name == "Using" {
		t := wrap("USING (")
		for i, a := range call.Args {
			if i > 0 {
				t = wrap(t, ", ")
			}
			t = wrap(t, g.goquName(a))
		}
		return wrap(t, ")")
	}
	t := wrap("ON ")
	for i, a := range call.Args {
		if i > 0 {
			t = wrap(t, " AND ")
		}
		if lit, ok := a.(*ast.CompositeLit); ok && len(lit.Elts) == 1 { // goqu.Ex{"a.id": goqu.I("b.id")}
			if kv, ok := lit.Elts[0].(*ast.KeyValueExpr); ok {
				if _, isName := kv.Value.(*ast.CallExpr); isName {
					t = wrap(t, g.goquName(kv.Key), " = ", g.goquName(kv.Value))
					continue
				}
			}
		}
		t = wrap(t, g.goquCondition(a))
	}
	return t
}

// goquQuoted is a name, with its schema or table before it, as goqu writes it.
func goquQuoted(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if part != "*" && strings.ToLower(part) != part {
			parts[i] = `"` + strings.ReplaceAll(part, `"`, `""`) + `"`
		}
	}
	return strings.Join(parts, ".")
}
