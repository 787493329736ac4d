package code

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// sqlBuilder is a query as the calls of a query builder make it. Its fields are the
// clauses in the order in which they are sent.
type sqlBuilder struct {
	orm      string // gorm | bun | goqu; "" = squirrel
	kind     string // select | insert | update | delete
	at       token.Position
	end      int
	path     string
	prefix   []goText
	distinct bool
	columns  []goText
	table    goText
	joins    []goText
	sets     []goText // column = value
	values   []goText // of the first row
	source   goText   // of INSERT ... SELECT
	where    []goText
	group    []goText
	having   []goText
	order    []goText
	suffix   []goText
}

// step is one call of a chain: x.Select(...).From(...).
type step struct {
	name string
	call *ast.CallExpr
}

// steps takes a chain of calls apart; root is what the first is called on.
func steps(e ast.Expr) (root ast.Expr, list []step) {
	for {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			break
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			break
		}
		list = append(list, step{sel.Sel.Name, call})
		e = sel.X
	}
	slices.Reverse(list)
	return e, list
}

// builder reads a chain of calls, or a variable, that makes a query.
func (g *goScope) builder(e ast.Expr) (*sqlBuilder, bool) {
	if paren, ok := e.(*ast.ParenExpr); ok {
		return g.builder(paren.X)
	}
	root, list := steps(e)
	b := g.started(root)
	if b != nil {
		copied := *b
		b = &copied
		if id, ok := root.(*ast.Ident); !ok || g.vars[id.Name] == nil { // begun elsewhere
			b.at, b.path, b.end = g.place(e), g.file.path, g.pkg.fset.Position(e.End()).Line
			b.move()
		}
	}
	orms := g.file.gorm || g.file.bun || imports(g.file, "goqu")
	for _, s := range list {
		switch {
		case b == nil:
			if b = g.startGoqu(s); b == nil {
				b = g.start(root, s)
			}
			if b == nil && orms {
				b = g.startORM(s)
			}
			if b == nil && !orms && !neutral[s.name] {
				return nil, false
			}
		case b.orm == "goqu":
			g.applyGoqu(b, s)
		case b.orm != "":
			g.applyORM(b, s)
		case !g.apply(b, s):
			return nil, false
		}
		if b != nil {
			b.end = max(b.end, g.pkg.fset.Position(s.call.End()).Line)
		}
	}
	return b, b != nil
}

// move gives all texts of a query that began elsewhere the place where it goes on.
func (b *sqlBuilder) move() {
	for _, list := range []*[]goText{&b.prefix, &b.columns, &b.joins, &b.sets, &b.values, &b.where, &b.group, &b.having, &b.order, &b.suffix} {
		moved := make([]goText, len(*list))
		for i, t := range *list {
			moved[i] = t.moved(b.at, b.path)
		}
		if *list != nil {
			*list = moved
		}
	}
	if b.table != nil {
		b.table = b.table.moved(b.at, b.path)
	}
	if b.source != nil {
		b.source = b.source.moved(b.at, b.path)
	}
}

// started is a query that a variable or a field holds already.
func (g *goScope) started(root ast.Expr) *sqlBuilder {
	switch x := root.(type) {
	case *ast.Ident:
		if v, ok := g.vars[x.Name]; ok {
			if v == nil {
				return nil
			}
			return v.builder
		}
		if !g.pkg.builders {
			return nil
		}
		if global := g.pkg.global(x.Name); global != nil && !global.busy {
			if _, ok := global.value.(*ast.CallExpr); ok {
				global.busy = true
				defer func() { global.busy = false }()
				b, _ := (&goScope{pkg: g.pkg, file: global.file, vars: map[string]*goVar{}, depth: g.depth + 1, quiet: true}).builder(global.value)
				return b
			}
		}
	case *ast.SelectorExpr:
		return g.pkg.fields[x.Sel.Name]
	}
	return nil
}

// neutral are the calls that do not change a query.
var neutral = setOf("PlaceholderFormat RunWith RemoveLimit RemoveOffset Limit Offset Dialect WithDialect Prepared Options")

// builderNames are what variables are called that queries begin with.
var builderNames = setOf("psql sq squirrel builder querybuilder qb stmtbuilder statementbuilder getquerybuilder")

func isBuilderName(name string) bool {
	name = strings.ToLower(name)
	return builderNames[name] || strings.HasSuffix(name, "builder")
}

// start begins a query: squirrel.Select, psql.Insert, store.builder.Update.
func (g *goScope) start(root ast.Expr, s step) *sqlBuilder {
	name := ""
	switch x := root.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	case *ast.CallExpr:
		if id, ok := x.Fun.(*ast.Ident); ok {
			name = id.Name
		}
	}
	if !g.pkg.builders || !isBuilderName(name) && !strings.Contains(g.file.imports[name], "squirrel") {
		return nil
	}
	b := &sqlBuilder{at: g.place(s.call), path: g.file.path}
	args := s.call.Args
	switch s.name {
	case "Select":
		b.kind, b.columns = "select", g.texts(s.call)
	case "Insert", "Update", "Delete":
		if len(args) == 0 {
			return nil
		}
		b.kind, b.table = strings.ToLower(s.name), g.text(args[0])
	default:
		return nil
	}
	return b
}

func imports(f *goFile, part string) bool {
	for _, p := range f.imports {
		if strings.Contains(p, part) {
			return true
		}
	}
	return false
}

// texts are a call's arguments; "x..." is one list of unknown length where it is not known.
func (g *goScope) texts(call *ast.CallExpr) []goText {
	var list []goText
	for i, a := range call.Args {
		if call.Ellipsis.IsValid() && i == len(call.Args)-1 {
			if items, ok := g.elements(a); ok {
				list = append(list, items...)
				continue
			}
		}
		list = append(list, g.expression(a))
	}
	return list
}

// expression is an argument that is a text, squirrel's Expr or Alias, or a query in parentheses.
func (g *goScope) expression(e ast.Expr) goText {
	if b, ok := g.builder(e); ok {
		return wrap("(", g.query(b), ")")
	}
	if call, ok := e.(*ast.CallExpr); ok {
		_, name, found := strings.Cut(g.callee(call), ".")
		switch {
		case !found || len(call.Args) == 0:
		case name == "Expr":
			return g.withQueries(call.Args)
		case name == "Alias" && len(call.Args) == 2:
			return wrap("", g.expression(call.Args[0]), " AS ", g.text(call.Args[1]), "")
		case name == "ConcatExpr":
			var t goText
			for _, a := range call.Args {
				t = join(t, g.expression(a))
			}
			return t
		}
	}
	return g.text(e)
}

// withQueries is a text whose "?" are filled with the arguments that are queries themselves.
func (g *goScope) withQueries(args []ast.Expr) goText {
	t := g.text(args[0])
	if len(args) == 1 || !slices.ContainsFunc(args[1:], func(e ast.Expr) bool { _, ok := g.builder(e); return ok }) {
		return t
	}
	var list goText
	next := 1
	for _, p := range t {
		if p.hole != "" || len(p.alts) > 0 {
			list = append(list, p)
			continue
		}
		for i, s := range strings.Split(p.text, "?") {
			if i > 0 {
				mark := p
				mark.text = "?"
				fill := goText{mark}
				if next < len(args) {
					if b, ok := g.builder(args[next]); ok {
						fill = g.query(b)
					}
				}
				next++
				list = join(list, fill)
			}
			if s != "" {
				part := p
				part.text = s
				list = append(list, part)
			}
		}
	}
	return list
}

// wrap joins texts and strings.
func wrap(parts ...any) goText {
	var t goText
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			if p != "" {
				t = append(t, goPart{piece: piece{text: p}})
			}
		case goText:
			t = join(t, p)
		}
	}
	return t
}

// apply adds a call to a query; false where it is none of the builder's.
func (g *goScope) apply(b *sqlBuilder, s step) bool {
	args := s.call.Args
	one := func() goText {
		if len(args) == 0 {
			return nil
		}
		return g.withQueries(args)
	}
	add := func(list *[]goText, items ...goText) { *list = append(slices.Clip(*list), items...) }
	switch s.name {
	case "Columns":
		add(&b.columns, g.texts(s.call)...)
	case "Column":
		if len(args) > 0 {
			add(&b.columns, g.expression(args[0]))
		}
	case "From", "Into", "Table":
		b.table = one()
	case "FromSelect":
		if len(args) == 2 {
			b.table = wrap("", g.expression(args[0]), " AS ", g.text(args[1]))
		}
	case "Join", "InnerJoin", "LeftJoin", "RightJoin", "CrossJoin", "FullJoin":
		word := map[string]string{"LeftJoin": "LEFT JOIN ", "RightJoin": "RIGHT JOIN ", "CrossJoin": "CROSS JOIN ", "FullJoin": "FULL JOIN "}[s.name]
		if word == "" {
			word = "JOIN "
		}
		add(&b.joins, wrap(word, one()))
	case "JoinClause":
		if len(args) > 0 {
			add(&b.joins, g.expression(args[0]))
		}
	case "Where":
		if len(args) > 0 {
			add(&b.where, g.condition(args))
		}
	case "Having":
		if len(args) > 0 {
			add(&b.having, g.condition(args))
		}
	case "GroupBy":
		add(&b.group, g.texts(s.call)...)
	case "OrderBy":
		add(&b.order, g.texts(s.call)...)
	case "OrderByClause":
		add(&b.order, one())
	case "Prefix", "PrefixExpr":
		add(&b.prefix, g.expressionOf(args))
	case "Suffix", "SuffixExpr":
		add(&b.suffix, g.expressionOf(args))
	case "Distinct":
		b.distinct = true
	case "Set":
		if len(args) == 2 {
			add(&b.sets, wrap(g.text(args[0]), " = ", g.value(args[1])))
		}
	case "SetMap":
		if len(args) == 1 {
			g.setMap(b, args[0])
		}
	case "Values":
		if b.values == nil {
			for i, a := range args {
				if s.call.Ellipsis.IsValid() && i == len(args)-1 {
					for range max(1, len(b.columns)-len(b.values)) {
						b.values = append(b.values, g.hole(a))
					}
					continue
				}
				b.values = append(b.values, g.value(a))
			}
		}
	case "Select":
		if b.kind != "insert" || len(args) != 1 {
			return false
		}
		if sub, ok := g.builder(args[0]); ok {
			b.source = g.query(sub)
		} else {
			b.source = g.hole(args[0])
		}
	default:
		return neutral[s.name]
	}
	return true
}

func (g *goScope) expressionOf(args []ast.Expr) goText {
	if len(args) == 0 {
		return nil
	}
	if _, ok := args[0].(*ast.CallExpr); ok {
		return g.expression(args[0])
	}
	return g.withQueries(args)
}

// value is what a column is set to: a parameter, unless it is squirrel's Expr or a query.
func (g *goScope) value(e ast.Expr) goText {
	if call, ok := e.(*ast.CallExpr); ok {
		if _, name, _ := strings.Cut(g.callee(call), "."); name == "Expr" && len(call.Args) > 0 {
			return g.withQueries(call.Args)
		}
		if b, ok := g.builder(e); ok {
			return wrap("(", g.query(b), ")")
		}
	}
	return wrap("?")
}

// setMap adds the columns of a map.
func (g *goScope) setMap(b *sqlBuilder, e ast.Expr) {
	keys, values, ok := g.entries(e)
	if !ok {
		if b.kind == "insert" {
			b.columns, b.values = append(b.columns, g.hole(e)), append(b.values, g.hole(e))
		} else {
			b.sets = append(slices.Clip(b.sets), g.hole(e))
		}
		return
	}
	for i, key := range keys {
		if b.kind == "insert" {
			b.columns, b.values = append(slices.Clip(b.columns), key), append(slices.Clip(b.values), values[i])
		} else {
			b.sets = append(slices.Clip(b.sets), wrap(key, " = ", values[i]))
		}
	}
}

// entries are the keys and values of a map that is written out, or of a variable that holds one.
func (g *goScope) entries(e ast.Expr) (keys, values []goText, ok bool) {
	switch e := e.(type) {
	case *ast.Ident:
		if v := g.vars[e.Name]; v != nil && v.isMap {
			return v.keys, v.list, true
		}
	case *ast.CompositeLit:
		for _, item := range e.Elts {
			kv, ok := item.(*ast.KeyValueExpr)
			if !ok {
				return nil, nil, false
			}
			key := g.text(kv.Key)
			if !key.known() {
				return nil, nil, false
			}
			keys, values = append(keys, key), append(values, g.value(kv.Value))
		}
		return keys, values, true
	}
	return nil, nil, false
}

// comparisons are squirrel's and goqu's maps of columns to values.
var comparisons = map[string]string{"Eq": " = ", "NotEq": " <> ", "Lt": " < ", "Gt": " > ", "LtOrEq": " <= ", "GtOrEq": " >= ", "Like": " LIKE ", "NotLike": " NOT LIKE ", "ILike": " ILIKE ", "NotILike": " NOT ILIKE ", "Ex": " = "}

// condition is a predicate: a text with its arguments, a comparison, or several of them.
func (g *goScope) condition(args []ast.Expr) goText {
	lit, ok := args[0].(*ast.CompositeLit)
	if !ok {
		if _, isText := args[0].(*ast.CallExpr); isText {
			return wrap("(", g.expression(args[0]), ")")
		}
		t := g.withQueries(args)
		if !t.known() {
			return t
		}
		return wrap("(", t, ")")
	}
	name := ""
	switch t := lit.Type.(type) {
	case *ast.SelectorExpr:
		name = t.Sel.Name
	case *ast.Ident:
		name = t.Name
	case *ast.MapType:
		name = "Eq"
	}
	if word := map[string]string{"And": " AND ", "Or": " OR "}[name]; word != "" && len(lit.Elts) > 0 {
		t := wrap("(")
		for i, item := range lit.Elts {
			if i > 0 {
				t = wrap(t, word)
			}
			t = join(t, g.condition([]ast.Expr{item}))
		}
		return wrap(t, ")")
	}
	operator, ok := comparisons[name]
	if !ok || len(lit.Elts) == 0 {
		return g.hole(lit)
	}
	t := wrap("(")
	for i, item := range lit.Elts {
		kv, ok := item.(*ast.KeyValueExpr)
		if !ok {
			return g.hole(lit)
		}
		if i > 0 {
			t = wrap(t, " AND ")
		}
		if b, ok := g.builder(kv.Value); ok {
			word := " IN ("
			if name == "NotEq" {
				word = " NOT IN ("
			}
			t = wrap(t, g.text(kv.Key), word, g.query(b), ")")
			continue
		}
		t = wrap(t, g.text(kv.Key), operator, "?")
	}
	return wrap(t, ")")
}

// query writes a query as the builder does.
func (g *goScope) query(b *sqlBuilder) goText {
	t := goText{}
	clause := func(word, separator string, list []goText) {
		for i, item := range list {
			if i == 0 {
				t = wrap(t, word, item)
			} else {
				t = wrap(t, separator, item)
			}
		}
	}
	clause("", " ", b.prefix)
	if len(b.prefix) > 0 {
		t = wrap(t, " ")
	}
	switch b.kind {
	case "select":
		word := "SELECT "
		if b.distinct {
			word = "SELECT DISTINCT "
		}
		clause(word, ", ", b.columns)
		if len(b.columns) == 0 {
			t = wrap(t, word)
			if b.orm != "" {
				t = wrap(t, "*")
			}
		}
		if b.table != nil {
			t = wrap(t, " FROM ", b.table)
		}
	case "insert":
		t = wrap(t, "INSERT INTO ", b.table)
		if len(b.columns) > 0 {
			clause(" (", ", ", b.columns)
			t = wrap(t, ")")
		}
		if b.source != nil {
			t = wrap(t, " ", b.source)
		} else if len(b.values) > 0 {
			clause(" VALUES (", ", ", b.values)
			t = wrap(t, ")")
		} else {
			clause(" VALUES (", ", ", slices.Repeat([]goText{wrap("?")}, max(1, len(b.columns))))
			t = wrap(t, ")")
		}
	case "update":
		t = wrap(t, "UPDATE ", b.table)
		clause(" SET ", ", ", b.sets)
	case "delete":
		t = wrap(t, "DELETE FROM ", b.table)
	}
	clause(" ", " ", b.joins)
	clause(" WHERE ", " AND ", b.where)
	clause(" GROUP BY ", ", ", b.group)
	clause(" HAVING ", " AND ", b.having)
	clause(" ORDER BY ", ", ", b.order)
	clause(" ", " ", b.suffix)
	return t
}

// emitBuilder hands a query over, at the place where the builder began.
func (g *goScope) emitBuilder(b *sqlBuilder) {
	if g.quiet || b.kind == "select" && b.table == nil && len(b.joins) == 0 && len(b.prefix) == 0 || b.kind == "update" && len(b.sets) == 0 ||
		b.orm != "" && (b.table == nil || b.kind == "insert" && len(b.columns) == 0) {
		return
	}
	t := g.query(b)
	if b.path != g.file.path {
		t = t.moved(b.at, b.path)
	}
	for i := range t {
		if t[i].line == 0 {
			t[i].line, t[i].column, t[i].path = b.at.Line, b.at.Column, b.path
			if i > 0 {
				t[i].line = max(t[i].line, t[i-1].line)
			}
		}
	}
	t[0].line, t[0].column, t[0].path, t[0].end = b.at.Line, b.at.Column, b.path, max(b.end, b.at.Line)
	g.emit(t)
}

// arguments looks for queries of their own in what a chain of calls is given: functions.
func (g *goScope) arguments(e ast.Expr) {
	_, list := steps(e)
	for _, s := range list {
		for _, a := range s.call.Args {
			if f, ok := a.(*ast.FuncLit); ok {
				g.visit(f)
			}
		}
	}
}

// gatherBuilders finds the queries that fields of structs hold, so that methods in any
// order see them.
func (p *goPackage) gatherBuilders() {
	for _, f := range p.files {
		p.builders = p.builders || imports(f, "squirrel") || imports(f, "goqu")
	}
	if !p.builders {
		return
	}
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil && p.sink.ctx.Err() == nil {
				g := &goScope{pkg: p, file: f, vars: map[string]*goVar{}, quiet: true}
				g.parameters(d.Type)
				g.block(d.Body.List)
			}
		}
	}
}

// field notes the query that a field is given.
func (g *goScope) field(name string, value ast.Expr) {
	if b, ok := g.builder(value); ok && g.pkg.builders {
		if g.pkg.fields == nil {
			g.pkg.fields = map[string]*sqlBuilder{}
		}
		g.pkg.fields[name] = b
	}
}
