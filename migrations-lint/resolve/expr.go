package resolve

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

func (a *analyzer) exprs(list []*pg.Node, sc *scope) []value {
	values := make([]value, 0, len(list))
	for _, n := range list {
		values = append(values, a.expr(n, sc))
	}
	return values
}

// expr judges an expression and returns what is known of its result (transformExpr).
func (a *analyzer) expr(n *pg.Node, sc *scope) value {
	if n == nil || n.Node == nil {
		return value{}
	}
	if a.depth++; a.depth > maxNesting {
		a.depth--
		a.doubt("nested too deeply")
		return value{}
	}
	defer func() { a.depth-- }()
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		return a.columnRef(x.ColumnRef, sc)
	case *pg.Node_ParamRef:
		return a.parameter(int(x.ParamRef.Number))
	case *pg.Node_AConst:
		return constant(x.AConst)
	case *pg.Node_TypeCast:
		return a.cast(x.TypeCast, sc)
	case *pg.Node_AExpr:
		return a.operatorExpr(x.AExpr, sc)
	case *pg.Node_BoolExpr:
		word := map[pg.BoolExprType]string{pg.BoolExprType_AND_EXPR: "AND", pg.BoolExprType_OR_EXPR: "OR", pg.BoolExprType_NOT_EXPR: "NOT"}[x.BoolExpr.Boolop]
		for _, n := range x.BoolExpr.Args {
			a.condition(n, sc, word)
		}
		return known(boolType)
	case *pg.Node_FuncCall:
		v, _ := a.call(x.FuncCall, sc)
		return v
	case *pg.Node_SubLink:
		return a.subLink(x.SubLink, sc)
	case *pg.Node_CaseExpr:
		return a.caseExpr(x.CaseExpr, sc)
	case *pg.Node_AIndirection:
		v, _ := a.indirection(x.AIndirection, sc)
		return v
	case *pg.Node_AArrayExpr:
		return a.array(x.AArrayExpr, sc, typ{})
	case *pg.Node_RowExpr:
		v := known(recordType)
		for i, n := range x.RowExpr.Args {
			if columns, ok := a.star(n, sc); ok {
				v.fields = append(v.fields, columns...)
				continue
			}
			v.fields = append(v.fields, column{name: numbered("f", i+1), val: a.expr(n, sc)})
		}
		return v
	case *pg.Node_CoalesceExpr:
		return a.unify("COALESCE", a.exprs(x.CoalesceExpr.Args, sc), x.CoalesceExpr.Location)
	case *pg.Node_MinMaxExpr:
		name := "GREATEST"
		if x.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			name = "LEAST"
		}
		return a.unify(name, a.exprs(x.MinMaxExpr.Args, sc), x.MinMaxExpr.Location)
	case *pg.Node_NullTest:
		a.expr(x.NullTest.Arg, sc)
		return known(boolType)
	case *pg.Node_BooleanTest:
		a.condition(x.BooleanTest.Arg, sc, booleanTests[x.BooleanTest.Booltesttype])
		return known(boolType)
	case *pg.Node_SqlvalueFunction:
		return known(valueFunctions[x.SqlvalueFunction.Op])
	case *pg.Node_CollateClause:
		v := a.expr(x.CollateClause.Arg, sc)
		if v.isUnknown() {
			v = a.settle(v, textType, 0)
		}
		return v
	case *pg.Node_NamedArgExpr:
		return a.expr(x.NamedArgExpr.Arg, sc)
	case *pg.Node_List:
		for _, n := range x.List.Items {
			a.expr(n, sc)
		}
		return value{}
	case *pg.Node_GroupingFunc:
		a.exprs(x.GroupingFunc.Args, sc)
		return known(int4Type)
	case *pg.Node_CurrentOfExpr:
		return known(boolType)
	case *pg.Node_MergeSupportFunc:
		return known(textType)
	case *pg.Node_SetToDefault:
		return value{}
	}
	if v, ok := a.xmlOrJSON(n, sc); ok {
		return v
	}
	a.doubt("an expression of an unknown kind")
	return value{}
}

var booleanTests = map[pg.BoolTestType]string{
	pg.BoolTestType_IS_TRUE: "IS TRUE", pg.BoolTestType_IS_NOT_TRUE: "IS NOT TRUE", pg.BoolTestType_IS_FALSE: "IS FALSE",
	pg.BoolTestType_IS_NOT_FALSE: "IS NOT FALSE", pg.BoolTestType_IS_UNKNOWN: "IS UNKNOWN", pg.BoolTestType_IS_NOT_UNKNOWN: "IS NOT UNKNOWN",
}

// condition is an expression that must be boolean.
func (a *analyzer) condition(n *pg.Node, sc *scope, clause string) {
	if n == nil {
		return
	}
	v := a.expr(n, sc)
	a.coerceTo(v, boolType, "argument of "+clause+" must be type boolean, not type %s", location(n))
}

// columnRef is a column, a table's row, or s.t.c (transformColumnRef).
func (a *analyzer) columnRef(ref *pg.ColumnRef, sc *scope) value {
	names := stringList(ref.Fields)
	if len(names) < len(ref.Fields) { // t.*: the row
		if len(names) == 0 {
			return value{}
		}
		if it := a.qualifier(names, sc, ref.Location); it != nil {
			return a.row(it)
		}
		return value{}
	}
	for _, name := range names {
		if isHole(name) {
			a.doubt("the name of a column is not known")
			return value{}
		}
	}
	if len(names) == 1 {
		c, outcome := a.column(sc, names[0], ref.Location)
		switch outcome {
		case hit:
			return c.val
		case missing, unsure:
			it, found := a.item(sc, "", names[0], ref.Location)
			switch {
			case found == hit:
				return a.row(it)
			case found == missing && outcome == missing:
				a.missingColumn(nil, "", names[0], ref.Location)
			}
		}
		return value{}
	}
	name := names[len(names)-1]
	it := a.qualifier(names[:len(names)-1], sc, ref.Location)
	if it == nil {
		return value{}
	}
	c, count := it.find(name)
	if count == 0 {
		if s, ok := it.systemColumn(name); ok {
			c, count = &s, 1
		}
	}
	switch {
	case count > 1:
		a.fail(analysis, "42702", Object{Kind: "column", Relation: it.alias, Name: name}, ref.Location, fmt.Sprintf("column reference %q is ambiguous", name))
		return value{}
	case count == 1:
		a.useColumn(*c)
		return c.val
	case it.open:
		if it.server {
			a.doubt(otherVersion)
		}
		return value{}
	}
	if v, ok := a.functionOfRow(name, it); ok { // t.f is f(t)
		return v
	}
	a.missingColumn(it, names[len(names)-2], name, ref.Location)
	return value{}
}

// row is the value of a whole row.
func (a *analyzer) row(it *item) value {
	a.useAll(it.columns)
	switch {
	case it.scalar && len(it.columns) == 1:
		return it.columns[0].val
	case it.relation != nil && it.relation.ID != 0:
		return value{typ: typ{schema: it.relation.Schema, name: it.relation.Name}, row: it.alias}
	case it.open || it.relation != nil:
		return value{}
	}
	return value{typ: recordType, fields: it.columns}
}

// functionOfRow is t.f, which the server also takes as a call of f with the row.
func (a *analyzer) functionOfRow(name string, it *item) (value, bool) {
	overloads := a.overloads(catalog.Name{Name: name})
	if len(overloads) == 0 {
		return value{}, a.ofExtension("f:" + name)
	}
	row := recordType
	if it.relation != nil && it.relation.ID != 0 {
		row = typ{schema: it.relation.Schema, name: it.relation.Name}
	}
	c, outcome := a.chooseRoutine([]typ{row}, a.candidates(overloads, 1, nil, false))
	switch outcome {
	case oneMatch:
		a.useAll(it.columns)
		if c.routine.schema != "" {
			a.use(Object{Kind: "function", Schema: c.routine.schema, Name: name})
		}
		v, _ := a.invoked(c, []value{known(row)}, []typ{row}, false, &pg.FuncCall{})
		return v, true
	case unsureMatch:
		return value{}, true
	}
	return value{}, false
}

// rowFunctions are built-in functions that take a row, and so can be written t.f.
var rowFunctions = map[string]bool{"row_to_json": true, "to_json": true, "to_jsonb": true,
	"json_agg": true, "jsonb_agg": true, "count": true, "record_out": true, "pg_column_size": true, "hash_record": true, "array_agg": true, "num_nulls": true, "num_nonnulls": true}

// fieldsOf are the columns of a composite value. A record whose fields are not known is open.
func (a *analyzer) fieldsOf(v value) (fields []column, isRow, open bool) {
	if v.fields != nil {
		return v.fields, true, false
	}
	t := a.base(v.typ)
	if !t.known() || t.array {
		return nil, false, false
	}
	if t == recordType {
		return nil, true, true
	}
	if t.schema == "" {
		return nil, false, false
	}
	if r := a.c.Relation(catalog.Name{Schema: t.schema, Name: t.name}); r != nil {
		for _, col := range r.Columns {
			fields = append(fields, column{name: col.Name, val: a.columnValue(col.Type), uses: []Object{columnObject(r, col.Name)}})
		}
		return fields, true, r.Assumed
	}
	if u := a.c.Type(t.catalogType()); u != nil && u.Kind == catalog.Composite {
		for _, col := range u.Columns {
			fields = append(fields, column{name: col.Name, val: a.columnValue(col.Type), uses: []Object{{Kind: "column", Schema: u.Schema, Relation: u.Name, Name: col.Name}}})
		}
		return fields, true, false
	}
	return nil, false, false
}

// rowOf is an expression of which the fields may be asked for: the columns of what a
// function returns, or nil where the value tells.
func (a *analyzer) rowOf(n *pg.Node, sc *scope) (value, []column) {
	switch x := n.GetNode().(type) {
	case *pg.Node_FuncCall:
		return a.call(x.FuncCall, sc)
	case *pg.Node_AIndirection:
		return a.indirection(x.AIndirection, sc)
	}
	return a.expr(n, sc), nil
}

// indirection is (composite).field and array[i].
func (a *analyzer) indirection(x *pg.A_Indirection, sc *scope) (value, []column) {
	v, row := a.rowOf(x.Arg, sc)
	for _, step := range x.Indirection {
		switch s := step.GetNode().(type) {
		case *pg.Node_AIndices:
			a.expr(s.AIndices.Lidx, sc)
			a.expr(s.AIndices.Uidx, sc)
			v, row = a.subscript(v, s.AIndices.IsSlice, location(x.Arg)), nil
		case *pg.Node_String_:
			v, row = a.field(v, row, s.String_.Sval, location(x.Arg)), nil
		}
	}
	return v, row
}

func (a *analyzer) subscript(v value, slice bool, at int32) value {
	t := a.base(v.typ)
	switch {
	case !t.known() || v.isUnknown():
		return value{}
	case t.array && slice:
		return known(t)
	case t.array:
		return known(t.element())
	case t == builtin("jsonb"):
		return known(t)
	case t == builtin("int2vector"):
		return known(builtin("int2"))
	case t == builtin("oidvector"):
		return known(builtin("oid"))
	case t == builtin("name") || t == builtin("point") || t == builtin("box") || t == builtin("lseg") || t.schema != "" && a.isOpaque(t):
		return value{}
	}
	if !v.soft {
		a.fail(analysis, "42804", Object{}, at, fmt.Sprintf("cannot subscript type %s because it does not support subscripting", a.show(t)))
	}
	return value{}
}

// isOpaque tells that a user-defined type may have what this package does not know of.
func (a *analyzer) isOpaque(t typ) bool {
	u := a.c.Type(t.catalogType())
	return u == nil || u.Kind == catalog.BaseType
}

// field is (row).name.
func (a *analyzer) field(v value, row []column, name string, at int32) value {
	if isHole(name) {
		a.doubt("the name of a column is not known")
		return value{}
	}
	fields, open := row, false
	if row == nil {
		var isRow bool
		if fields, isRow, open = a.fieldsOf(v); !isRow {
			if t := a.base(v.typ); t.known() && !v.isUnknown() && !v.soft && !a.callable(name) {
				a.fail(analysis, "42809", Object{Kind: "column", Name: name}, at, fmt.Sprintf("column notation .%s applied to type %s, which is not a composite type", name, a.show(v.typ)))
			}
			return value{}
		}
	}
	for _, f := range fields {
		if f.name == name {
			a.useColumn(f)
			return f.val
		}
	}
	if open || a.callable(name) {
		return value{}
	}
	if row == nil && v.row != "" {
		o := Object{Kind: "column", Schema: v.typ.schema, Relation: v.typ.name, Name: name}
		a.fail(analysis, "42703", o, at, fmt.Sprintf("column %s.%s does not exist", v.row, name))
	} else if row == nil && v.typ != recordType {
		o := Object{Kind: "column", Schema: v.typ.schema, Relation: v.typ.name, Name: name}
		a.fail(analysis, "42703", o, at, fmt.Sprintf("column %q not found in data type %s", name, a.show(v.typ)))
	} else {
		a.fail(analysis, "42703", Object{Kind: "column", Name: name}, at, fmt.Sprintf("could not identify column %q in record data type", name))
	}
	return value{}
}

// callable tells that (x).name may be a call.
func (a *analyzer) callable(name string) bool {
	return rowFunctions[name] || len(a.c.Functions(catalog.Name{Name: name})) > 0 || builtinFunctionNamed(name)
}

// parameter is $n: of unknown type until something decides it.
func (a *analyzer) parameter(n int) value {
	if t, ok := a.params[n]; ok && t.known() {
		return value{typ: t, soft: true}
	} else if ok {
		return value{}
	}
	return value{typ: unknownLiteral, param: n}
}

func constant(c *pg.A_Const) value {
	if c.Isnull {
		return value{typ: unknownLiteral, null: true}
	}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return known(int4Type)
	case *pg.A_Const_Fval:
		return known(numberType(v.Fval.GetFval()))
	case *pg.A_Const_Boolval:
		return known(boolType)
	case *pg.A_Const_Bsval:
		return known(builtin("bit"))
	case *pg.A_Const_Sval:
		text := v.Sval.GetSval()
		return value{typ: unknownLiteral, text: &text}
	}
	return known(int4Type) // the parser leaves out a zero
}

// numberType is the type of a number that does not fit an integer: bigint or numeric.
func numberType(text string) typ {
	if strings.Trim(text, "0123456789") == "" {
		digits := strings.TrimLeft(text, "0")
		if len(digits) < 19 || len(digits) == 19 && digits <= "9223372036854775807" {
			return int8Type
		}
	}
	return builtin("numeric")
}

func (a *analyzer) subLink(s *pg.SubLink, sc *scope) value {
	inner := &scope{outer: sc}
	switch s.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		a.query(s.Subselect, inner)
		return known(boolType)
	case pg.SubLinkType_EXPR_SUBLINK, pg.SubLinkType_ARRAY_SUBLINK:
		columns := a.query(s.Subselect, inner)
		if len(columns) != 1 || columns[0].open {
			if len(columns) > 0 && !containsOpen(columns) {
				a.fail(analysis, "42601", Object{}, s.Location, "subquery must return only one column")
			}
			return value{}
		}
		v := columns[0].val
		v.param, v.text, v.null = 0, nil, false
		if v.isUnknown() {
			v.typ = textType
		}
		if s.SubLinkType == pg.SubLinkType_ARRAY_SUBLINK {
			if v.typ.known() && !v.typ.array {
				return value{typ: v.typ.of(), soft: v.soft}
			}
			return value{typ: v.typ}
		}
		return v
	case pg.SubLinkType_ANY_SUBLINK, pg.SubLinkType_ALL_SUBLINK:
		columns := a.query(s.Subselect, inner)
		var left []value
		if row := s.Testexpr.GetRowExpr(); row != nil {
			left = a.exprs(row.Args, sc)
		} else {
			v := a.expr(s.Testexpr, sc)
			if fields, isRow, open := a.fieldsOf(v); isRow && !open && len(fields) > 1 {
				for _, f := range fields {
					left = append(left, f.val)
				}
			} else {
				left = []value{v}
			}
		}
		op := "="
		if names := stringList(s.OperName); len(names) > 0 {
			op = names[len(names)-1]
		}
		return a.compareRow(left, columns, op, s.Location)
	}
	a.query(s.Subselect, inner)
	return value{}
}

// compareRow compares values with the columns of a sub-select.
func (a *analyzer) compareRow(left []value, columns []column, op string, at int32) value {
	switch {
	case containsOpen(columns):
		return known(boolType)
	case len(columns) > len(left):
		if len(left) == 1 && (left[0].typ == recordType || !left[0].typ.known()) {
			return known(boolType)
		}
		a.fail(analysis, "42601", Object{}, at, "subquery has too many columns")
		return known(boolType)
	case len(columns) < len(left):
		a.fail(analysis, "42601", Object{}, at, "subquery has too few columns")
		return known(boolType)
	}
	for i := range left {
		right := columns[i].val
		right.text, right.null, right.param = nil, false, 0
		if right.isUnknown() {
			right.typ = textType
		}
		a.operator(op, left[i], right, at)
	}
	return known(boolType)
}

func containsOpen(columns []column) bool {
	for _, c := range columns {
		if c.open {
			return true
		}
	}
	return false
}

func (a *analyzer) caseExpr(c *pg.CaseExpr, sc *scope) value {
	var test value
	if c.Arg != nil {
		test = a.expr(c.Arg, sc)
		if test.isUnknown() {
			test = a.settle(test, textType, location(c.Arg))
		}
	}
	results := make([]value, 0, len(c.Args)+1)
	for _, n := range c.Args {
		w := n.GetCaseWhen()
		if c.Arg != nil {
			a.operator("=", test, a.expr(w.GetExpr(), sc), location(w.GetExpr()))
		} else {
			a.condition(w.GetExpr(), sc, "CASE/WHEN")
		}
		results = append(results, a.expr(w.GetResult(), sc))
	}
	if c.Defresult != nil {
		// The server unifies ELSE before the others.
		results = append([]value{a.expr(c.Defresult, sc)}, results...)
	} else {
		results = append([]value{{typ: unknownLiteral, null: true}}, results...)
	}
	return a.unify("CASE", results, c.Location)
}

// array is ARRAY[...]; the type of its elements may be given by a cast around it.
func (a *analyzer) array(x *pg.A_ArrayExpr, sc *scope, element typ) value {
	var values []value
	nested := false
	for _, n := range x.Elements {
		if inner := n.GetAArrayExpr(); inner != nil {
			nested = true
			values = append(values, a.array(inner, sc, element))
			continue
		}
		v := a.expr(n, sc)
		if element.known() {
			if v.isUnknown() {
				v = a.settle(v, element, location(n))
			}
		}
		values = append(values, v)
	}
	if element.known() {
		return known(element.of())
	}
	if len(values) == 0 {
		return value{}
	}
	v := a.unify("ARRAY", values, x.Location)
	if nested || !v.typ.known() || v.typ.array {
		return value{typ: v.typ}
	}
	if v.isUnknown() {
		v.typ = textType
	}
	out := value{typ: v.typ.of(), soft: v.soft}
	if !v.exact.IsZero() {
		out.exact = v.exact
		out.exact.Dims = 1
	}
	return out
}
