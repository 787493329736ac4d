package resolve

import (
	"fmt"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// operator judges "l name r" and returns what is known of the result.
func (a *analyzer) operator(name string, l, r value, at int32) value {
	_, _, result := a.binary(name, l, r, at)
	return result
}

// binary finds the operator for two operands (oper() of the server; manual, 10.2) and
// settles the types of literals and parameters.
func (a *analyzer) binary(name string, l, r value, at int32) (left, right typ, result value) {
	list := builtins().operators[name]
	soft := l.soft || r.soft
	if !l.typ.known() || !r.typ.known() {
		return typ{}, typ{}, value{typ: onlyResult(list, false), soft: soft}
	}
	input := []typ{l.typ, r.typ}
	c, outcome := a.chooseOperator(name, input, list)
	switch outcome {
	case oneMatch:
		_, t := a.polymorphic(c.args, input, c.result)
		if !isPolymorphic(c.result) {
			t = c.result
		}
		left, right = a.argument(l, c.args, 0, input, at), a.argument(r, c.args, 1, input, at)
		return left, right, value{typ: t, soft: soft}
	case unsureMatch:
		return typ{}, typ{}, value{typ: onlyResult(list, false), soft: soft}
	}
	switch {
	case soft:
		a.doubt("the type of a parameter")
	case a.c.CustomOperators || a.ofExtension("o:"+name) || len(list) == 0 && outcome == noMatch && a.unknownExtension():
		a.doubt("the operator " + name)
	case outcome == ambiguous:
		a.fail(analysis, "42725", Object{}, at, fmt.Sprintf("operator is not unique: %s %s %s", a.show(l.typ), name, a.show(r.typ)))
	default:
		a.fail(analysis, "42883", Object{}, at, fmt.Sprintf("operator does not exist: %s %s %s", a.show(l.typ), name, a.show(r.typ)))
	}
	return typ{}, typ{}, value{}
}

func (a *analyzer) chooseOperator(name string, input []typ, list []operator) (*candidate, choice) {
	// The same type on both sides first, a literal's being the other's.
	l, r := input[0], input[1]
	if l == unknownLiteral {
		l = r
	} else if r == unknownLiteral {
		r = l
	}
	for i := range list {
		if o := &list[i]; o.left == l && o.right == r && l != unknownLiteral && a.available(o.from, o.to) {
			return &candidate{args: []typ{o.left, o.right}, result: o.result}, oneMatch
		}
	}
	candidates := make([]*candidate, 0, len(list))
	for i := range list {
		if o := &list[i]; o.left.known() && a.available(o.from, o.to) {
			candidates = append(candidates, &candidate{args: []typ{o.left, o.right}, result: o.result})
		}
	}
	if bl, br := a.base(l), a.base(r); (bl != l || br != r) && (input[0] == unknownLiteral || input[1] == unknownLiteral) {
		for _, c := range candidates {
			if c.args[0] == bl && c.args[1] == br {
				return c, oneMatch
			}
		}
	}
	return a.choose(input, candidates)
}

func (a *analyzer) available(from, to int) bool { return a.c.Version >= from && a.c.Version <= to }

// onlyResult is the result type that all operators of a name have.
func onlyResult(list []operator, prefix bool) typ {
	var t typ
	for _, o := range list {
		if prefix == o.left.known() {
			continue
		}
		if isPolymorphic(o.result) || t.known() && o.result != t {
			return typ{}
		}
		t = o.result
	}
	return t
}

// prefix judges "name r".
func (a *analyzer) prefix(name string, r value, at int32) value {
	list := builtins().operators[name]
	if !r.typ.known() {
		return value{typ: onlyResult(list, true)}
	}
	var candidates []*candidate
	for _, o := range list {
		if !o.left.known() && a.available(o.from, o.to) {
			candidates = append(candidates, &candidate{args: []typ{o.right}, result: o.result})
		}
	}
	for _, c := range candidates {
		if c.args[0] == r.typ {
			return value{typ: c.result, soft: r.soft}
		}
	}
	c, outcome := a.choose([]typ{r.typ}, candidates)
	switch {
	case outcome == oneMatch:
		a.argument(r, c.args, 0, []typ{r.typ}, at)
		return value{typ: c.result, soft: r.soft}
	case outcome == unsureMatch:
	case r.soft:
		a.doubt("the type of a parameter")
	case a.c.CustomOperators || a.ofExtension("o:"+name):
		a.doubt("the operator " + name)
	case outcome == ambiguous:
		a.fail(analysis, "42725", Object{}, at, fmt.Sprintf("operator is not unique: %s %s", name, a.show(r.typ)))
	default:
		a.fail(analysis, "42883", Object{}, at, fmt.Sprintf("operator does not exist: %s %s", name, a.show(r.typ)))
	}
	return value{}
}

// argument settles the type of an operand or argument that is a literal or a
// parameter, and returns the type that it is taken as.
func (a *analyzer) argument(v value, declared []typ, i int, input []typ, at int32) typ {
	t := declared[i]
	if isPolymorphic(t) {
		_, t = a.polymorphic(declared, input, t)
	}
	if v.isUnknown() && t.name != "any" {
		a.settle(v, t, at)
	}
	return t
}

// operatorExpr judges what the grammar calls an operator expression.
func (a *analyzer) operatorExpr(e *pg.A_Expr, sc *scope) value {
	name := operatorName(e.Name)
	if isHole(name) {
		a.doubt("an operator is not known")
		a.expr(e.Lexpr, sc)
		a.expr(e.Rexpr, sc)
		return value{}
	}
	switch e.Kind {
	case pg.A_Expr_Kind_AEXPR_OP, pg.A_Expr_Kind_AEXPR_LIKE, pg.A_Expr_Kind_AEXPR_ILIKE, pg.A_Expr_Kind_AEXPR_SIMILAR:
		return a.plainOperator(name, e, sc)
	case pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		return a.arrayOperator(name, e, sc)
	case pg.A_Expr_Kind_AEXPR_DISTINCT, pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		l, r := a.expr(e.Lexpr, sc), a.expr(e.Rexpr, sc)
		if !isNullLiteral(e.Lexpr) && !isNullLiteral(e.Rexpr) {
			a.comparison("=", l, r, e.Location)
		}
		return known(boolType)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		l, r := a.expr(e.Lexpr, sc), a.expr(e.Rexpr, sc)
		left, _, _ := a.binary("=", l, r, e.Location)
		if !l.isUnknown() && (l.typ == left || !left.known()) {
			return value{typ: l.typ, exact: l.exact, soft: l.soft}
		}
		return value{typ: left, soft: l.soft} // the type that the comparison takes it as
	case pg.A_Expr_Kind_AEXPR_IN:
		return a.in(name, e, sc)
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		l := a.expr(e.Lexpr, sc)
		for i, n := range e.Rexpr.GetList().GetItems() {
			op := ">="
			if i == 1 {
				op = "<="
			}
			if l.param > 0 {
				l = a.parameter(l.param)
			}
			a.operator(op, l, a.expr(n, sc), e.Location)
		}
		return known(boolType)
	}
	a.expr(e.Lexpr, sc)
	a.expr(e.Rexpr, sc)
	return value{}
}

func isNullLiteral(n *pg.Node) bool { return n.GetAConst().GetIsnull() }

// comparison is an operator of rows or of single values.
func (a *analyzer) comparison(name string, l, r value, at int32) {
	if l.typ == recordType || r.typ == recordType {
		return
	}
	a.operator(name, l, r, at)
}

func (a *analyzer) plainOperator(name string, e *pg.A_Expr, sc *scope) value {
	if row, sub := e.Lexpr.GetRowExpr(), e.Rexpr.GetSubLink(); row != nil && sub.GetSubLinkType() == pg.SubLinkType_EXPR_SUBLINK {
		columns := a.query(sub.Subselect, &scope{outer: sc})
		return a.compareRow(a.exprs(row.Args, sc), columns, name, sub.Location)
	}
	if l, r := e.Lexpr.GetRowExpr(), e.Rexpr.GetRowExpr(); l != nil && r != nil {
		left, right := a.exprs(l.Args, sc), a.exprs(r.Args, sc)
		if len(left) != len(right) {
			a.fail(analysis, "42601", Object{}, e.Location, "unequal number of entries in row expressions")
			return known(boolType)
		}
		for i := range left {
			a.operator(name, left[i], right[i], e.Location)
		}
		return known(boolType)
	}
	if e.Lexpr == nil {
		return a.prefix(name, a.expr(e.Rexpr, sc), e.Location)
	}
	return a.operator(name, a.expr(e.Lexpr, sc), a.expr(e.Rexpr, sc), e.Location)
}

// arrayOperator is "l op ANY (array)".
func (a *analyzer) arrayOperator(name string, e *pg.A_Expr, sc *scope) value {
	l, r := a.expr(e.Lexpr, sc), a.expr(e.Rexpr, sc)
	t := a.base(r.typ)
	element := value{typ: unknownLiteral}
	switch {
	case !t.known():
		return known(boolType)
	case r.isUnknown():
		_, right, _ := a.binary(name, l, element, e.Location)
		switch {
		case right.array && r.param == 0:
			a.fail(analysis, "42704", Object{}, e.Location, "could not find array type for data type "+a.show(right))
		case right.known() && !right.array && !isPolymorphic(right):
			a.settle(r, right.of(), e.Location)
		case r.param > 0:
			a.params[r.param] = typ{}
			if right.array {
				a.doubt("the type of a parameter")
			}
		}
		return known(boolType)
	case t.array:
		element = value{typ: t.element(), soft: r.soft}
	case t == builtin("int2vector"):
		element = known(builtin("int2"))
	case t == builtin("oidvector"):
		element = known(builtin("oid"))
	case !a.clear(t) || r.soft:
		return known(boolType)
	default:
		a.fail(analysis, "42809", Object{}, e.Location, "op ANY/ALL (array) requires array on right side")
		return known(boolType)
	}
	a.binary(name, l, element, e.Location)
	return known(boolType)
}

// in is "l IN (list)" (transformAExprIn).
func (a *analyzer) in(name string, e *pg.A_Expr, sc *scope) value {
	if row := e.Lexpr.GetRowExpr(); row != nil {
		left := a.exprs(row.Args, sc)
		for _, n := range e.Rexpr.GetList().GetItems() {
			if r := n.GetRowExpr(); r != nil && len(r.Args) == len(left) {
				for i, x := range a.exprs(r.Args, sc) {
					a.operator(name, left[i], x, e.Location)
				}
			} else {
				a.expr(n, sc)
			}
		}
		return known(boolType)
	}
	l := a.expr(e.Lexpr, sc)
	var all, constants, variables []value
	for _, n := range e.Rexpr.GetList().GetItems() {
		v := a.expr(n, sc)
		all = append(all, v)
		if holdsColumn(n) {
			variables = append(variables, v)
		} else {
			constants = append(constants, v)
		}
	}
	if len(constants) > 1 {
		members := append([]value{l}, constants...)
		if common, ok := a.commonType(members, "", 0); ok && common != recordType && common.known() && !common.array && a.allCoercible(members, common) {
			for _, v := range constants {
				if v.isUnknown() {
					a.settle(v, common, e.Location)
				}
			}
			a.operator(name, l, known(common), e.Location)
			all = variables
		}
	}
	for _, v := range all {
		if l.param > 0 {
			l = a.parameter(l.param)
		}
		a.operator(name, l, v, e.Location)
	}
	return known(boolType)
}

func (a *analyzer) allCoercible(values []value, t typ) bool {
	return !slices.ContainsFunc(values, func(v value) bool { return a.coercible(v.typ, t, implicit) == no })
}

func holdsColumn(n *pg.Node) bool {
	if n.GetAConst() != nil || n.GetParamRef() != nil {
		return false
	}
	found := false
	walk(n, func(n *pg.Node) bool {
		found = found || n.GetColumnRef() != nil
		return !found
	})
	return found
}
