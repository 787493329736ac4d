package code

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// walk follows the functions of a file, and what its variables hold.
func (p *goPackage) walk(f *goFile) {
	for _, d := range f.ast.Decls {
		if p.sink.ctx.Err() != nil {
			return
		}
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				g := &goScope{pkg: p, file: f, name: d.Name.Name, vars: map[string]*goVar{}}
				g.parameters(d.Type)
				g.block(d.Body.List)
				g.end()
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					p.walkGlobal(f, v)
				}
			}
		}
	}
}

// walkGlobal looks into what a package's variable holds besides one text: a map of queries, a function.
func (p *goPackage) walkGlobal(f *goFile, v *ast.ValueSpec) {
	for i, value := range v.Values {
		name := ""
		if i < len(v.Names) {
			name = v.Names[i].Name
		}
		g := &goScope{pkg: p, file: f, name: name, vars: map[string]*goVar{}}
		switch value.(type) {
		case *ast.CompositeLit, *ast.FuncLit, *ast.UnaryExpr:
			g.visit(value)
		case *ast.CallExpr:
			if !g.text(value).known() {
				g.visit(value)
			}
		}
	}
}

// emitGlobals hands over the constants and variables that are no parts of other texts.
func (p *goPackage) emitGlobals() {
	p.readAhead()
	for _, name := range slices.Sorted(maps.Keys(p.globals)) {
		global := p.globals[name]
		if !slices.Contains(p.files, global.file) {
			continue
		}
		g := &goScope{pkg: p, file: global.file, name: name, vars: map[string]*goVar{}}
		if t := g.text(global.value); t.known() {
			if p.used[global] { // as a part it may be no statement
				constant, whole := t.constant()
				if whole && !formatted(constant) {
					whole = p.sink.readings.of(pieces(t)).ok
				}
				if !whole || formatted(constant) {
					continue
				}
			}
			g.emit(t)
		}
	}
}

// readAhead reads the texts of constants, of which generated code has hundreds.
func (p *goPackage) readAhead() {
	var texts [][]piece
	for _, global := range p.globals {
		if _, ok := global.value.(*ast.BasicLit); !ok || !slices.Contains(p.files, global.file) {
			continue
		}
		g := &goScope{pkg: p, file: global.file, vars: map[string]*goVar{}}
		if list := pieces(g.text(global.value)); p.sink.about(list) && startsLikeSQL(list[0].text) {
			texts = append(texts, list)
		}
	}
	p.sink.readings.ahead(texts, func() bool { return p.sink.ctx.Err() != nil })
}

// formatted tells that a text is meant for a format.
func formatted(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0 && i < len(s); {
		if verb(s[i:]) > 0 {
			return true
		}
		next := strings.IndexByte(s[i+1:], '%')
		if next < 0 {
			return false
		}
		i += next + 1
	}
	return false
}

// parameters are variables of which nothing is known: they hide the package's.
func (g *goScope) parameters(t *ast.FuncType) {
	for _, fields := range []*ast.FieldList{t.Params, t.Results} {
		if fields == nil {
			continue
		}
		for _, f := range fields.List {
			for _, n := range f.Names {
				g.vars[n.Name] = &goVar{}
				if builds(f.Type) {
					g.vars[n.Name].text = goText{}
				}
			}
		}
	}
}

// emit hands a text over: each way through the program once.
func (g *goScope) emit(t goText) {
	if g.quiet || !t.known() {
		return
	}
	s := g.pkg.sink
	variants := t.variants()
	any := false
	for k := range variants {
		way := t.way(k, false)
		if variants > 1 || t.conditional() {
			if !s.readings.of(pieces(way)).ok {
				continue
			}
			any = true
		}
		g.hand(way)
	}
	if any || variants == 1 && !t.conditional() {
		return
	}
	if less := t.way(0, true); s.ctx.Err() == nil {
		g.hand(less)
	}
}

func pieces(t goText) []piece {
	list := make([]piece, len(t))
	for i, p := range t {
		list[i] = p.piece
	}
	return list
}

func (g *goScope) hand(t goText) {
	if len(t) == 0 {
		return
	}
	end := 0
	for _, p := range t {
		end = max(end, p.end)
	}
	f := g.file.file
	if t[0].path != "" && t[0].path != f.path {
		if other := g.pkg.seen[t[0].path]; other != nil {
			f = other.file
		}
	}
	g.pkg.sink.sql(f, g.name, pieces(t), end)
}

// end hands over what variables hold that nothing used.
func (g *goScope) end() {
	for _, name := range slices.Sorted(maps.Keys(g.vars)) {
		g.use(g.vars[name])
	}
}

// use hands over what a variable holds.
func (g *goScope) use(v *goVar) {
	if v == nil || v.done {
		return
	}
	v.done = true
	if v.builder != nil {
		g.emitBuilder(v.builder)
		return
	}
	g.emit(v.text)
	for _, item := range v.list {
		g.emit(item)
	}
}

func (g *goScope) block(list []ast.Stmt) (left bool) {
	for _, s := range list {
		if g.statement(s) {
			return true
		}
	}
	return false
}

// clone copies what is known, so that a branch can change it.
func (g *goScope) clone() *goScope {
	c := *g
	c.vars = make(map[string]*goVar, len(g.vars))
	for name, v := range g.vars {
		if v == nil {
			continue
		}
		copied := *v
		c.vars[name] = &copied
	}
	return &c
}

// statement follows one statement. It returns whether the function is left.
func (g *goScope) statement(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		g.assign(s)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok {
			g.declaration(d)
		}
	case *ast.ExprStmt:
		g.visit(s.X)
	case *ast.ReturnStmt:
		if g.returns != nil && len(s.Results) > 0 {
			*g.returns = append(*g.returns, g.text(s.Results[0]))
		}
		for _, r := range s.Results {
			g.visit(r)
		}
		return true
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	case *ast.BlockStmt:
		return g.block(s.List)
	case *ast.IfStmt:
		return g.branches(s.Init, []ast.Expr{s.Cond}, [][]ast.Stmt{s.Body.List, elseOf(s)}, s.Else != nil)
	case *ast.SwitchStmt:
		var bodies [][]ast.Stmt
		all := false
		conds := []ast.Expr{}
		if s.Tag != nil {
			conds = append(conds, s.Tag)
		}
		for _, c := range s.Body.List {
			if c, ok := c.(*ast.CaseClause); ok {
				bodies = append(bodies, c.Body)
				all = all || c.List == nil
			}
		}
		g.branches(s.Init, conds, bodies, all)
	case *ast.TypeSwitchStmt:
		var bodies [][]ast.Stmt
		for _, c := range s.Body.List {
			if c, ok := c.(*ast.CaseClause); ok {
				bodies = append(bodies, c.Body)
			}
		}
		g.branches(s.Init, nil, bodies, false)
	case *ast.SelectStmt:
		var bodies [][]ast.Stmt
		for _, c := range s.Body.List {
			if c, ok := c.(*ast.CommClause); ok {
				bodies = append(bodies, c.Body)
			}
		}
		g.branches(nil, nil, bodies, false)
	case *ast.ForStmt:
		if s.Init != nil {
			g.statement(s.Init)
		}
		if s.Cond != nil {
			g.visit(s.Cond)
		}
		g.block(s.Body.List)
	case *ast.RangeStmt:
		g.visit(s.X)
		for _, e := range []ast.Expr{s.Key, s.Value} {
			if id, ok := e.(*ast.Ident); ok {
				g.vars[id.Name] = &goVar{}
			}
		}
		g.block(s.Body.List)
	case *ast.DeferStmt:
		g.visit(s.Call)
	case *ast.GoStmt:
		g.visit(s.Call)
	case *ast.SendStmt:
		g.visit(s.Value)
	case *ast.LabeledStmt:
		return g.statement(s.Stmt)
	}
	return false
}

func elseOf(s *ast.IfStmt) []ast.Stmt {
	switch e := s.Else.(type) {
	case *ast.BlockStmt:
		return e.List
	case nil:
		return nil
	default:
		return []ast.Stmt{e}
	}
}

// branches follows each way, and joins what they made of the variables. all tells
// that one of the ways is always taken.
func (g *goScope) branches(init ast.Stmt, conds []ast.Expr, bodies [][]ast.Stmt, all bool) (left bool) {
	if init != nil {
		g.statement(init)
	}
	for _, c := range conds {
		g.visit(c)
	}
	var ways []*goScope
	for _, body := range bodies {
		if body == nil {
			continue
		}
		way := g.clone()
		if way.block(body) {
			way.passOn(g)
			continue
		}
		ways = append(ways, way)
	}
	if len(ways) == 0 {
		return all && len(bodies) > 0
	}
	for name, v := range g.vars {
		g.vars[name] = merge(v, name, ways, all && len(ways) == len(bodies))
	}
	return false
}

// passOn marks what a way that left the function has handed over.
func (g *goScope) passOn(outer *goScope) {
	for name, v := range g.vars {
		if o := outer.vars[name]; o != nil && v != nil && v.done {
			o.done = true
		}
	}
}

// merge is what a variable holds behind several ways.
func merge(before *goVar, name string, ways []*goScope, all bool) *goVar {
	if before == nil {
		return nil
	}
	merged := *before
	texts := []goText{}
	if !all {
		texts = append(texts, before.text)
	}
	for _, way := range ways {
		v := way.vars[name]
		if v == nil {
			continue
		}
		merged.done = merged.done || v.done
		if v.isList && !v.isMap && len(v.list) > len(merged.list) {
			merged.isList, merged.list = true, append(slices.Clone(merged.list), v.list[len(merged.list):]...)
		}
		if v.builder != nil {
			merged.builder = v.builder
		}
		if len(v.keys) > len(merged.keys) {
			merged.keys, merged.list = v.keys, v.list
		}
		if v.text != nil {
			texts = append(texts, v.text)
		}
	}
	if len(texts) > 0 {
		merged.text = either(texts)
		merged.done = merged.done && slices.EqualFunc(merged.text, before.text, samePart)
	}
	return &merged
}

func samePart(a, b goPart) bool {
	return a.piece == b.piece && a.path == b.path && len(a.alts) == len(b.alts) && a.may == b.may
}

// either is a text that is one of several: what they begin with, then the rests.
func either(texts []goText) goText {
	common := len(texts[0])
	for _, t := range texts[1:] {
		n := 0
		for n < min(common, len(t)) && samePart(t[n], texts[0][n]) {
			n++
		}
		common = n
	}
	part := goPart{}
	for _, t := range texts {
		rest := t[common:]
		if len(rest) == 0 {
			part.may = true
			continue
		}
		if !slices.ContainsFunc(part.alts, func(a goText) bool { return slices.EqualFunc(a, rest, samePart) }) {
			part.alts = append(part.alts, rest)
		}
	}
	result := texts[0][:common:common]
	switch {
	case len(part.alts) == 0:
		return result
	case len(part.alts) == 1 && !part.may:
		return join(result, part.alts[0])
	}
	part.line, part.column, part.path = part.alts[0][0].line, part.alts[0][0].column, part.alts[0][0].path
	return append(result, part)
}

func (g *goScope) declaration(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range v.Names {
			switch {
			case i < len(v.Values):
				g.set(name.Name, v.Values[i])
			case builds(v.Type):
				g.vars[name.Name] = &goVar{text: goText{}}
			default:
				g.vars[name.Name] = &goVar{}
				if id, ok := v.Type.(*ast.Ident); ok && id.Name == "string" {
					g.vars[name.Name].text = goText{}
				}
				if a, ok := v.Type.(*ast.ArrayType); ok && a.Len == nil {
					g.vars[name.Name].isList = true
				}
			}
		}
	}
}

// builds tells that a type gathers a text: strings.Builder, bytes.Buffer.
func builds(t ast.Expr) bool {
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	sel, ok := t.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && (x.Name == "strings" && sel.Sel.Name == "Builder" || x.Name == "bytes" && sel.Sel.Name == "Buffer")
}

func (g *goScope) assign(s *ast.AssignStmt) {
	if len(s.Lhs) != len(s.Rhs) {
		for _, r := range s.Rhs {
			g.visit(r)
		}
		for _, l := range s.Lhs {
			if id, ok := l.(*ast.Ident); ok && id.Name != "_" && (s.Tok == token.DEFINE || g.vars[id.Name] != nil) {
				g.use(g.vars[id.Name])
				g.vars[id.Name] = &goVar{}
			}
		}
		return
	}
	for i, l := range s.Lhs {
		id, ok := l.(*ast.Ident)
		if !ok || id.Name == "_" {
			name := g.name
			g.entry(l, s.Rhs[i])
			if sel, ok := l.(*ast.SelectorExpr); ok {
				g.field(sel.Sel.Name, s.Rhs[i])
			}
			if sel, ok := l.(*ast.SelectorExpr); ok && g.text(s.Rhs[i]).known() {
				g.name = sel.Sel.Name
			}
			g.visit(s.Rhs[i])
			g.name = name
			continue
		}
		if s.Tok == token.ADD_ASSIGN {
			if v := g.vars[id.Name]; v != nil && v.text != nil {
				v.text, v.done = join(v.text, g.text(s.Rhs[i])), false
				continue
			}
			g.visit(s.Rhs[i])
			continue
		}
		g.set(id.Name, s.Rhs[i])
	}
}

// set gives a variable a value.
func (g *goScope) set(name string, value ast.Expr) {
	if old := g.vars[name]; old != nil && !old.done && !mentionsIdent(value, name) {
		g.use(old)
	}
	if b, ok := g.builder(value); ok {
		g.arguments(value)
		g.vars[name] = &goVar{builder: b}
		return
	}
	if list, ok := g.elements(value); ok {
		g.vars[name] = &goVar{list: list, isList: true}
		return
	}
	if u, ok := value.(*ast.UnaryExpr); ok && u.Op == token.AND {
		value = u.X
	}
	switch v := value.(type) {
	case *ast.CompositeLit:
		if m, ok := v.Type.(*ast.MapType); ok {
			if id, ok := m.Key.(*ast.Ident); ok && id.Name == "string" {
				if keys, values, ok := g.entries(v); ok {
					g.vars[name] = &goVar{keys: keys, list: values, isMap: true, done: true}
					g.visit(v)
					return
				}
			}
		}
		if builds(v.Type) {
			g.vars[name] = &goVar{text: goText{}}
			return
		}
	case *ast.CallExpr:
		switch g.callee(v) {
		case "new":
			if len(v.Args) == 1 && builds(v.Args[0]) {
				g.vars[name] = &goVar{text: goText{}}
				return
			}
		case "bytes.NewBufferString":
			if len(v.Args) == 1 {
				g.vars[name] = &goVar{text: g.text(v.Args[0])}
				return
			}
		case "make":
			if a, ok := v.Args[0].(*ast.ArrayType); ok && a.Len == nil {
				g.vars[name] = &goVar{isList: true}
				return
			}
		}
	}
	if t := g.text(value); t.known() || isEmptyString(value) {
		g.vars[name] = &goVar{text: t}
		return
	}
	g.visit(value)
	g.vars[name] = &goVar{}
}

// entry adds what m["key"] = value sets to the map that a variable holds.
func (g *goScope) entry(to, value ast.Expr) {
	index, ok := to.(*ast.IndexExpr)
	if !ok {
		return
	}
	id, ok := index.X.(*ast.Ident)
	if !ok {
		return
	}
	if v := g.vars[id.Name]; v != nil && v.isMap {
		if key := g.text(index.Index); key.known() {
			v.keys, v.list = append(slices.Clip(v.keys), key), append(slices.Clip(v.list), g.value(value))
		} else {
			v.isMap = false
		}
	}
}

func isEmptyString(e ast.Expr) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && (lit.Value == `""` || lit.Value == "``")
}

// mentionsIdent tells that an expression uses a variable.
func mentionsIdent(e ast.Expr, name string) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	})
	return found
}

// visit looks for texts in an expression, the longest first.
func (g *goScope) visit(e ast.Expr) {
	switch e := e.(type) {
	case nil:
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			g.emit(g.text(e))
		}
	case *ast.Ident:
		if v := g.vars[e.Name]; v != nil {
			g.use(v)
		}
	case *ast.ParenExpr:
		g.visit(e.X)
	case *ast.BinaryExpr:
		if t := g.text(e); e.Op == token.ADD && t.known() {
			g.emit(t)
			return
		}
		g.visit(e.X)
		g.visit(e.Y)
	case *ast.CallExpr:
		g.visitCall(e)
	case *ast.CompositeLit:
		for _, item := range e.Elts {
			g.visit(item)
		}
	case *ast.KeyValueExpr:
		name := g.name
		if id, ok := e.Key.(*ast.Ident); ok {
			g.field(id.Name, e.Value)
		}
		if id, ok := e.Key.(*ast.Ident); ok && g.text(e.Value).known() {
			g.name = id.Name
		} else {
			g.visit(e.Key)
		}
		g.visit(e.Value)
		g.name = name
	case *ast.FuncLit:
		inner := g.clone()
		inner.parameters(e.Type)
		inner.block(e.Body.List)
		inner.end()
		inner.passOn(g)
	case *ast.SelectorExpr:
		g.visit(e.X)
	case *ast.UnaryExpr:
		g.visit(e.X)
	case *ast.StarExpr:
		g.visit(e.X)
	case *ast.IndexExpr:
		g.visit(e.X)
		g.visit(e.Index)
	case *ast.SliceExpr:
		g.visit(e.X)
	case *ast.TypeAssertExpr:
		g.visit(e.X)
	}
}

func (g *goScope) visitCall(e *ast.CallExpr) {
	if g.gather(e) {
		return
	}
	if b, ok := g.builder(e); ok {
		g.arguments(e)
		g.emitBuilder(b)
		return
	}
	if t, ok := g.call(e); ok && t.known() {
		g.emit(t)
		return
	}
	g.visit(e.Fun)
	for _, a := range e.Args {
		g.visit(a)
	}
}

// gather follows what is written into a strings.Builder or bytes.Buffer.
func (g *goScope) gather(e *ast.CallExpr) bool {
	sel, ok := e.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	to := func(x ast.Expr) *goVar {
		if u, ok := x.(*ast.UnaryExpr); ok && u.Op == token.AND {
			x = u.X
		}
		if id, ok := x.(*ast.Ident); ok {
			if v := g.vars[id.Name]; v != nil && v.text != nil {
				return v
			}
		}
		return nil
	}
	switch name := sel.Sel.Name; {
	case (name == "WriteString" || name == "WriteByte" || name == "WriteRune") && len(e.Args) == 1:
		if v := to(sel.X); v != nil {
			v.text, v.done = join(v.text, g.text(e.Args[0])), false
			return true
		}
	case name == "Reset" && len(e.Args) == 0:
		if v := to(sel.X); v != nil {
			g.use(v)
			v.text, v.done = goText{}, false
			return true
		}
	case strings.HasPrefix(name, "Fprint") && len(e.Args) > 1:
		if v := to(e.Args[0]); v != nil {
			t := goText{}
			if name == "Fprintf" {
				t = g.format(e.Args[1], e.Args[2:])
			} else {
				for _, a := range e.Args[1:] {
					t = join(t, g.text(a))
				}
			}
			v.text, v.done = join(v.text, t), false
			return true
		}
	}
	return false
}
