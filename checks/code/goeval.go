package code

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// goText is the value of a string expression: pieces, some of which depend on the way
// that the program took.
type goText []goPart

// goPart is a piece, or one of several texts.
type goPart struct {
	piece
	path string   // of the file in which it stands
	end  int      // the line in which it ends
	alts []goText // for a part that depends on a condition
	may  bool     // it may be missing: alts has one text
}

// maxParts bounds what one text is made of.
const maxParts = 2000

// known tells that some of a text is known.
func (t goText) known() bool {
	return slices.ContainsFunc(t, func(p goPart) bool {
		return p.hole == "" && len(p.alts) == 0 && p.text != "" || slices.ContainsFunc(p.alts, goText.known)
	})
}

// constant is the text when all of it is known.
func (t goText) constant() (string, bool) {
	var b strings.Builder
	for _, p := range t {
		if p.hole != "" || len(p.alts) > 0 {
			return "", false
		}
		b.WriteString(p.text)
	}
	return b.String(), true
}

// variants is how many texts there are at least, so that each way is taken once.
func (t goText) variants() int {
	n := 1
	for _, p := range t {
		n = max(n, len(p.alts))
		for _, a := range p.alts {
			n = max(n, a.variants())
		}
	}
	return min(n, 8)
}

// conditional tells that parts may be missing.
func (t goText) conditional() bool {
	return slices.ContainsFunc(t, func(p goPart) bool { return p.may || slices.ContainsFunc(p.alts, goText.conditional) })
}

// way is the text of the k-th way through the program; with less, what may be missing is.
func (t goText) way(k int, less bool) goText {
	var list goText
	for _, p := range t {
		switch {
		case len(p.alts) == 0:
			list = append(list, p)
		case p.may && less:
		default:
			list = append(list, p.alts[min(k, len(p.alts)-1)].way(k, less)...)
		}
	}
	return list
}

// goScope is what is known inside a function.
type goScope struct {
	pkg     *goPackage
	file    *goFile
	name    string // of the function, for queries
	vars    map[string]*goVar
	depth   int // of calls that are followed
	quiet   bool
	returns *[]goText // what a followed function returns
	part    bool      // what is evaluated is a part of a text
}

// goVar is what a variable holds.
type goVar struct {
	text    goText
	list    []goText // of a slice of strings, or the values of a map
	isList  bool
	keys    []goText // of a map
	isMap   bool
	builder *sqlBuilder // of a query builder
	done    bool        // it was handed over
}

func (g *goScope) place(n ast.Node) token.Position { return g.pkg.fset.Position(n.Pos()) }

// hole is what cannot be known before the program runs.
func (g *goScope) hole(e ast.Expr) goText {
	at := g.place(e)
	end := g.pkg.fset.Position(e.End())
	label := "..."
	if from, to := at.Offset, end.Offset; from >= 0 && to <= len(g.file.content) && from < to && at.Filename == g.file.path {
		label = string(g.file.content[from:to])
	}
	return goText{{piece: piece{hole: label, line: at.Line, column: at.Column}, path: at.Filename, end: at.Line}}
}

func (g *goScope) literal(n ast.Node, text string) goPart {
	at := g.place(n)
	return goPart{piece: piece{text: text, line: at.Line, column: at.Column}, path: at.Filename, end: g.pkg.fset.Position(n.End()).Line}
}

// text evaluates a string expression; what is not known is a hole.
func (g *goScope) text(e ast.Expr) goText {
	switch e := e.(type) {
	case *ast.BasicLit:
		text := e.Value
		if e.Kind == token.STRING || e.Kind == token.CHAR {
			unquoted, err := strconv.Unquote(e.Value)
			if err != nil {
				return g.hole(e)
			}
			text = unquoted
		}
		return goText{g.literal(e, text)}
	case *ast.ParenExpr:
		return g.text(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			defer g.within()()
			return join(g.text(e.X), g.text(e.Y))
		}
	case *ast.Ident:
		return g.ident(e)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && g.vars[x.Name] == nil {
			if other := g.pkg.imported(g.file, x.Name); other != nil {
				if global := other.global(e.Sel.Name); global != nil {
					return g.globalText(other, global, e)
				}
			}
		}
	case *ast.CallExpr:
		if t, ok := g.call(e); ok {
			return t
		}
	case *ast.IndexExpr:
		if list, ok := g.elements(e.X); ok {
			if lit, ok := e.Index.(*ast.BasicLit); ok {
				if n, err := strconv.Atoi(lit.Value); err == nil && n < len(list) {
					return list[n]
				}
			}
		}
	}
	return g.hole(e)
}

// within marks that parts of a text are evaluated, until what it returns is called.
func (g *goScope) within() func() {
	before := g.part
	g.part = true
	return func() { g.part = before }
}

func join(a, b goText) goText {
	if len(a)+len(b) > maxParts {
		return a
	}
	return slices.Concat(a, b)
}

func (g *goScope) ident(e *ast.Ident) goText {
	if v, ok := g.vars[e.Name]; ok {
		if v == nil || v.builder != nil || v.isList || len(v.text) == 0 {
			return g.hole(e)
		}
		return v.text
	}
	if global := g.pkg.global(e.Name); global != nil {
		return g.globalText(g.pkg, global, e)
	}
	return g.hole(e)
}

// globalText is the value of a package's constant or variable. Its pieces stand where
// they are written when that is this file, else where they are used.
func (g *goScope) globalText(p *goPackage, global *goGlobal, use ast.Expr) goText {
	if global.busy || g.depth > 8 {
		return g.hole(use)
	}
	global.busy = true
	inner := &goScope{pkg: p, file: global.file, vars: map[string]*goVar{}, depth: g.depth + 1, quiet: true}
	t := inner.text(global.value)
	global.busy = false
	if !t.known() {
		return g.hole(use)
	}
	if global.file.path != g.file.path {
		t = t.moved(g.place(use), g.file.path)
	}
	g.pkg.used[global] = true
	return t
}

// call evaluates the calls that make texts of texts.
func (g *goScope) call(e *ast.CallExpr) (goText, bool) {
	name := g.callee(e)
	arg := func(i int) ast.Expr {
		if i < len(e.Args) {
			return e.Args[i]
		}
		return e
	}
	switch name {
	case "fmt.Sprintf":
		if len(e.Args) > 0 {
			return g.format(e.Args[0], e.Args[1:]), true
		}
	case "fmt.Sprint", "fmt.Sprintln":
		var t goText
		for _, a := range e.Args {
			t = join(t, g.text(a))
		}
		return t, true
	case "strings.Join":
		if list, ok := g.elements(arg(0)); ok && len(e.Args) == 2 {
			var t goText
			for i, item := range list {
				if i > 0 {
					t = join(t, g.text(e.Args[1]))
				}
				t = join(t, item)
			}
			return t, len(list) > 0
		}
	case "strings.ReplaceAll", "strings.Replace":
		if len(e.Args) >= 3 {
			return replace(g.text(e.Args[0]), g.text(e.Args[1]), g.text(e.Args[2])), true
		}
	case "strings.TrimSpace", "strings.Trim", "strings.TrimRight", "strings.TrimLeft", "strings.TrimSuffix", "strings.TrimPrefix", "string", "strings.ToLower", "heredoc.Doc", "dedent.Dedent",
		"strings.Clone", "strings.Title", "template.HTML", "pq.QuoteIdentifier", "strings.ToUpper":
		if len(e.Args) > 0 {
			return g.text(e.Args[0]), true
		}
	}
	if sel, ok := e.Fun.(*ast.SelectorExpr); ok {
		switch sel.Sel.Name {
		case "TableName":
			if table, ok := g.modelTable(sel.X); ok {
				return goText{g.literal(e, table)}, true
			}
		case "String":
			if x, ok := sel.X.(*ast.Ident); ok && g.vars[x.Name] != nil && g.vars[x.Name].text != nil {
				return g.vars[x.Name].text, true
			}
		case "Rebind":
			if len(e.Args) > 0 {
				return g.text(e.Args[len(e.Args)-1]), true
			}
		case "Replace":
			if len(e.Args) == 1 {
				if made, ok := sel.X.(*ast.CallExpr); ok && g.callee(made) == "strings.NewReplacer" {
					t := g.text(e.Args[0])
					for i := 0; i+1 < len(made.Args); i += 2 {
						t = replace(t, g.text(made.Args[i]), g.text(made.Args[i+1]))
					}
					return t, true
				}
			}
		}
	}
	return g.follow(e)
}

// callee is a called function's name, with its package.
func (g *goScope) callee(e *ast.CallExpr) string {
	switch f := e.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// follow evaluates a call of a function of the module that returns one expression.
func (g *goScope) follow(e *ast.CallExpr) (goText, bool) {
	if g.depth > 4 {
		return nil, false
	}
	p, name := g.pkg, ""
	switch f := e.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok && g.vars[x.Name] == nil {
			if other := g.pkg.imported(g.file, x.Name); other != nil {
				p = other
			} else if _, foreign := g.file.imports[x.Name]; foreign {
				return nil, false
			}
		}
	}
	if name == "" || g.vars[name] != nil {
		return nil, false
	}
	fn := p.funcs[name] // of what is read already: most calls make no text
	if fn == nil && g.part {
		fn = p.function(name)
	}
	if fn == nil || fn.mute || fn.decl.Body == nil || len(fn.decl.Body.List) > maxFollowed || !returnsText(fn.decl) {
		return nil, false
	}
	var returns []goText
	inner := &goScope{pkg: p, file: fn.file, vars: map[string]*goVar{}, depth: g.depth + 1, quiet: true, returns: &returns}
	inner.parameters(fn.decl.Type)
	i := 0
	for _, field := range fn.decl.Type.Params.List {
		for _, n := range field.Names {
			if i < len(e.Args) {
				if _, variadic := field.Type.(*ast.Ellipsis); !variadic {
					inner.vars[n.Name] = &goVar{text: g.text(e.Args[i])}
				}
			}
			i++
		}
	}
	inner.block(fn.decl.Body.List)
	if len(returns) == 0 || len(returns) > 8 {
		fn.mute = true
		return nil, false
	}
	t := either(returns)
	if !t.known() {
		fn.mute = true
		return nil, false
	}
	return t.moved(g.place(e), g.file.path), true
}

// maxFollowed is how many statements a function may have that is followed.
const maxFollowed = 40

// returnsText tells that a function's first result is a string.
func returnsText(d *ast.FuncDecl) bool {
	if d.Type.Results == nil || len(d.Type.Results.List) == 0 {
		return false
	}
	id, ok := d.Type.Results.List[0].Type.(*ast.Ident)
	return ok && id.Name == "string"
}

// moved is a text that stands where it is used.
func (t goText) moved(at token.Position, path string) goText {
	t = slices.Clone(t)
	for i := range t {
		t[i].line, t[i].column, t[i].end, t[i].path = at.Line, at.Column, at.Line, path
		for k := range t[i].alts {
			if k == 0 {
				t[i].alts = slices.Clone(t[i].alts)
			}
			t[i].alts[k] = t[i].alts[k].moved(at, path)
		}
	}
	return t
}

// elements are the strings of a slice.
func (g *goScope) elements(e ast.Expr) ([]goText, bool) {
	switch e := e.(type) {
	case *ast.CompositeLit:
		if _, ok := e.Type.(*ast.ArrayType); !ok {
			return nil, false
		}
		var list []goText
		for _, item := range e.Elts {
			if kv, ok := item.(*ast.KeyValueExpr); ok {
				item = kv.Value
			}
			list = append(list, g.text(item))
		}
		return list, true
	case *ast.Ident:
		if v := g.vars[e.Name]; v != nil {
			return v.list, v.isList
		}
		if global := g.pkg.global(e.Name); g.vars[e.Name] == nil && global != nil && !global.busy {
			global.busy = true
			defer func() { global.busy = false }()
			return (&goScope{pkg: g.pkg, file: global.file, vars: map[string]*goVar{}, depth: g.depth + 1, quiet: true}).elements(global.value)
		}
	case *ast.CallExpr:
		if g.callee(e) == "append" && len(e.Args) > 0 {
			list, ok := g.elements(e.Args[0])
			if !ok {
				return nil, false
			}
			list = slices.Clone(list)
			for i, a := range e.Args[1:] {
				if e.Ellipsis.IsValid() && i == len(e.Args)-2 {
					more, ok := g.elements(a)
					if !ok {
						return nil, false
					}
					list = append(list, more...)
					continue
				}
				list = append(list, g.text(a))
			}
			return list[:min(len(list), maxParts)], true
		}
	}
	return nil, false
}

// format evaluates fmt.Sprintf.
func (g *goScope) format(format ast.Expr, args []ast.Expr) goText {
	var t goText
	start := g.text(format)
	if !start.known() {
		return start
	}
	defer g.within()()
	next := 0
	for _, p := range start {
		if p.hole != "" || len(p.alts) > 0 {
			t = append(t, p)
			continue
		}
		rest, line := p.text, p.line
		add := func(s string) {
			if s == "" {
				return
			}
			part := p
			part.text, part.line = s, line
			if line != p.line {
				part.column = 1
			}
			t = append(t, part)
			line = min(line+strings.Count(s, "\n"), max(p.end, line))
		}
		for {
			i := strings.IndexByte(rest, '%')
			if i < 0 || i+1 == len(rest) {
				add(rest)
				break
			}
			add(rest[:i])
			rest = rest[i+1:]
			if rest[0] == '%' {
				add("%")
				rest = rest[1:]
				continue
			}
			n := 0
			for n < len(rest) && strings.IndexByte("+-# 0123456789.[]*", rest[n]) >= 0 {
				n++
			}
			if n == len(rest) {
				break
			}
			if open := strings.IndexByte(rest[:n], '['); open >= 0 {
				if index, err := strconv.Atoi(strings.Trim(rest[open:n], "[]")); err == nil && index > 0 {
					next = index - 1
				}
			}
			var filled goText
			if next < len(args) {
				filled = g.text(args[next])
			} else {
				filled = goText{{piece: piece{hole: "%" + rest[:n+1], line: line, column: p.column}, path: p.path, end: line}}
			}
			next++
			if rest[n] == 'q' {
				add(`"`)
				t = join(t, filled)
				add(`"`)
			} else {
				for i := range filled {
					filled = slices.Clone(filled)
					filled[i].line = line // what is filled in stands where the format does
					filled[i].end = max(line, p.end)
				}
				t = join(t, filled)
			}
			rest = rest[n+1:]
		}
	}
	return t
}

// replace is strings.ReplaceAll.
func replace(t, from, to goText) goText {
	old, ok := from.constant()
	if !ok || old == "" {
		return t
	}
	var list goText
	for _, p := range t {
		if p.hole != "" || len(p.alts) > 0 {
			list = append(list, p)
			continue
		}
		for i, s := range strings.Split(p.text, old) {
			if i > 0 {
				list = join(list, to)
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
