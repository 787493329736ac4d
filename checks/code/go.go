package code

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// goExtractor reads Go with its own parser: constants are folded over the files of a
// package and over the packages of a module, and texts are followed through the
// statements of a function.
type goExtractor struct{}

func (goExtractor) name() string             { return "go" }
func (goExtractor) reads(path string) bool   { return strings.HasSuffix(path, ".go") }
func (goExtractor) group(name string) string { return path.Dir(name) }

func (e goExtractor) extract(files []*file, s *sink) {
	p := newGoPackage(s, path.Dir(files[0].path))
	for _, f := range files {
		p.add(f)
	}
	p.addUsers()
	p.gatherBuilders()
	for _, f := range p.files {
		if s.ctx.Err() != nil {
			return
		}
		p.walk(f)
	}
	p.emitGlobals()
	p.models()
}

// goPackage is a folder of Go files, as far as they were read.
type goPackage struct {
	sink    *sink
	dir     string
	fset    *token.FileSet
	files   []*goFile // that are searched for queries
	seen    map[string]*goFile
	globals map[string]*goGlobal // constants and variables of the package
	funcs   map[string]*goFunc   // functions, and methods whose name is one receiver's only
	structs map[string]*goStruct
	methods map[string]*goFunc // by "Type.Method"
	others  map[string]*goPackage
	module  *goModule
	used    map[*goGlobal]bool // as a format, or as a part of another text
	missing map[string]bool    // names that no file of the package has

	builders bool                   // the package uses a query builder
	fields   map[string]*sqlBuilder // queries that fields of structs hold
}

type goFile struct {
	*file
	ast     *ast.File
	imports map[string]string // name in the file -> import path
	gorm    bool              // it imports GORM
	bun     bool
}

type goGlobal struct {
	name  string
	file  *goFile
	value ast.Expr
	busy  bool // it is being evaluated
}

type goFunc struct {
	file *goFile
	decl *ast.FuncDecl
	mute bool // it was followed, and no text came out
}

// goModule says where the packages of a module lie.
type goModule struct{ path, dir string }

func newGoPackage(s *sink, dir string) *goPackage {
	return &goPackage{sink: s, dir: dir, fset: token.NewFileSet(), seen: map[string]*goFile{}, globals: map[string]*goGlobal{},
		funcs: map[string]*goFunc{}, structs: map[string]*goStruct{}, methods: map[string]*goFunc{}, others: map[string]*goPackage{}, used: map[*goGlobal]bool{}, missing: map[string]bool{}}
}

// add parses a file that is searched for queries.
func (p *goPackage) add(f *file) {
	if g := p.parse(f); g != nil {
		p.files = append(p.files, g)
	}
}

// parse reads a file's declarations. Of a file with syntax errors the rest is read.
func (p *goPackage) parse(f *file) *goFile {
	if g, ok := p.seen[f.path]; ok {
		return g
	}
	parsed, err := parser.ParseFile(p.fset, f.path, f.content, parser.SkipObjectResolution)
	if parsed == nil || err != nil && len(parsed.Decls) == 0 {
		p.sink.unread(f.path, "it is not Go: "+err.Error())
		p.seen[f.path] = nil
		return nil
	}
	g := &goFile{file: f, ast: parsed, imports: map[string]string{}}
	p.seen[f.path] = g
	for _, i := range parsed.Imports {
		importPath, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(importPath)
		if major.MatchString(name) {
			name = path.Base(path.Dir(importPath))
		}
		if i.Name != nil {
			name = i.Name.Name
		}
		g.imports[name] = importPath
	}
	g.gorm, g.bun = imports(g, "gorm"), imports(g, "uptrace/bun")
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			p.declare(g, d)
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil && len(d.Recv.List) == 1 {
				p.methods[typeName(d.Recv.List[0].Type)+"."+name] = &goFunc{file: g, decl: d}
			}
			if _, ok := p.funcs[name]; ok && d.Recv != nil {
				p.funcs[name] = nil // several types have it
				continue
			}
			p.funcs[name] = &goFunc{file: g, decl: d}
		}
	}
	return g
}

var major = regexp.MustCompile(`^v\d+$`)

func (p *goPackage) declare(g *goFile, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		if t, ok := spec.(*ast.TypeSpec); ok {
			if body, ok := t.Type.(*ast.StructType); ok {
				p.structs[t.Name.Name] = &goStruct{t.Name.Name, g, t, body}
			}
			continue
		}
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range v.Names {
			if i < len(v.Values) && name.Name != "_" {
				p.globals[name.Name] = &goGlobal{name: name.Name, file: g, value: v.Values[i]}
			}
		}
	}
}

// addUsers adds the files of the package that name nothing themselves, but use a
// constant that does: const usersTable = "users".
func (p *goPackage) addUsers() {
	var names []string
	for name, g := range p.globals {
		if lit, ok := g.value.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) < 200 && p.sink.names.in(lit.Value) &&
			(!p.sink.names.all || strings.Contains(strings.ToLower(name), "table")) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	for _, name := range p.sink.list(p.dir) {
		if _, ok := p.seen[name]; ok || !strings.HasSuffix(name, ".go") {
			continue
		}
		content := p.sink.file(name)
		if slices.ContainsFunc(names, func(n string) bool { return bytes.Contains(content, []byte(n)) }) {
			p.add(&file{path: name, content: content})
		}
	}
}

// global finds a constant or variable of the package, in files that were not read yet as well.
func (p *goPackage) global(name string) *goGlobal {
	p.find(name)
	return p.globals[name]
}

func (p *goPackage) function(name string) *goFunc {
	p.find(name)
	return p.funcs[name]
}

// find parses the files that hold a name, until one declares it.
func (p *goPackage) find(name string) {
	if p.globals[name] != nil || p.funcs[name] != nil || p.structs[name] != nil || p.missing[name] || len(name) < 2 || p.sink.ctx.Err() != nil {
		return
	}
	p.missing[name] = true
	for _, f := range p.sink.list(p.dir) {
		if _, ok := p.seen[f]; ok || !strings.HasSuffix(f, ".go") {
			continue
		}
		content := p.sink.file(f)
		if !declares(content, name) {
			continue
		}
		p.parse(&file{path: f, content: content})
		if p.globals[name] != nil || p.funcs[name] != nil || p.structs[name] != nil {
			return
		}
	}
}

// declares tells that a file may declare a name: it stands at the begin of a line, or
// behind const, var or func.
func declares(content []byte, name string) bool {
	for at := 0; ; {
		i := bytes.Index(content[at:], []byte(name))
		if i < 0 {
			return false
		}
		at += i
		end := at + len(name)
		if end < len(content) && !wordByte(content[end]) && (at == 0 || !wordByte(content[at-1])) {
			begin := bytes.LastIndexByte(content[:at], '\n') + 1
			before := bytes.TrimSpace(content[begin:at])
			if len(before) == 0 || bytes.HasPrefix(before, []byte("const")) || bytes.HasPrefix(before, []byte("var")) || bytes.HasPrefix(before, []byte("func")) || bytes.HasPrefix(before, []byte("type")) {
				return true
			}
		}
		at = end
	}
}

// imported is another package of the same module.
func (p *goPackage) imported(f *goFile, name string) *goPackage {
	importPath, ok := f.imports[name]
	if !ok {
		return nil
	}
	if other, ok := p.others[importPath]; ok {
		return other
	}
	p.others[importPath] = nil
	if p.module == nil {
		p.module = p.findModule()
	}
	rest, ok := strings.CutPrefix(importPath+"/", p.module.path+"/")
	if p.module.path == "" || !ok {
		return nil
	}
	other := newGoPackage(p.sink, path.Join(p.module.dir, rest))
	other.fset, other.others, other.module = p.fset, p.others, p.module
	p.others[importPath] = other
	return other
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)

// findModule looks for the go.mod of the package, in its folder and above.
func (p *goPackage) findModule() *goModule {
	for dir := p.dir; ; dir = path.Dir(dir) {
		if m := moduleLine.FindSubmatch(p.sink.file(path.Join(dir, "go.mod"))); m != nil {
			return &goModule{path: string(m[1]), dir: dir}
		}
		if dir == "." || dir == "/" {
			return &goModule{}
		}
	}
}
