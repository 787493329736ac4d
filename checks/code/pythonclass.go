package code

import (
	"path"
	"slices"
	"strings"
)

// pythonClasses finds classes of a Python program by name, across its files.
type pythonClasses struct {
	s     *sink
	files map[string]*pythonFile // by path; nil = there is none
}

type pythonFile struct {
	path    string
	tree    *syntax
	classes map[string]*pythonClass
	imports map[string]pythonImport // by the name in this file
	stars   []string                // modules of which everything is imported
}

type pythonImport struct{ module, name string }

type pythonClass struct {
	name  string
	at    *node
	file  *pythonFile
	bases []string // as they are written
	body  *node
}

func newPythonClasses(s *sink, files []*file) *pythonClasses {
	p := &pythonClasses{s: s, files: map[string]*pythonFile{}}
	for _, f := range files {
		p.add(f.path, f.content)
	}
	return p
}

func (p *pythonClasses) add(name string, content []byte) *pythonFile {
	tree, err := pythonGrammar.parse(p.s.ctx, name, content)
	if err != nil {
		p.s.unread(name, err.Error())
		p.files[name] = nil
		return nil
	}
	f := &pythonFile{path: name, tree: tree, classes: map[string]*pythonClass{}, imports: map[string]pythonImport{}}
	p.files[name] = f
	tree.root.walk(func(n *node) bool {
		switch n.kind {
		case "class_definition":
			c := &pythonClass{name: fieldTitle(n), at: n, file: f, body: n.child("body")}
			for _, b := range n.child("superclasses").items() {
				if b.kind == "subscript" { // Base[T]
					b = b.child("value")
				}
				if b != nil && b.kind != "keyword_argument" {
					c.bases = append(c.bases, b.text())
				}
			}
			if f.classes[c.name] == nil {
				f.classes[c.name] = c
			}
			return true
		case "import_from_statement":
			f.imported(n)
			return false
		}
		return n.kind != "function_definition"
	})
	return f
}

// imported reads from module import a, b as c.
func (f *pythonFile) imported(n *node) {
	module := n.child("module_name")
	if module == nil {
		return
	}
	for _, c := range n.children {
		switch {
		case c.kind == "wildcard_import":
			f.stars = append(f.stars, module.text())
		case c.field == "name" && c.kind == "dotted_name":
			f.imports[c.text()] = pythonImport{module.text(), c.text()}
		case c.field == "name" && c.kind == "aliased_import":
			if name, alias := c.child("name"), c.child("alias"); name != nil && alias != nil {
				f.imports[alias.text()] = pythonImport{module.text(), name.text()}
			}
		}
	}
}

// find returns the class that a name means in a file, nil where it is not of the program.
func (p *pythonClasses) find(f *pythonFile, name string, depth int) *pythonClass {
	if f == nil || depth > 6 || p.s.ctx.Err() != nil {
		return nil
	}
	if c := f.classes[name]; c != nil {
		return c
	}
	if module, member, dotted := strings.Cut(name, "."); dotted { // models.Base after from app import models
		if i, ok := f.imports[module]; ok {
			join := i.module + "." + i.name
			if strings.HasSuffix(i.module, ".") {
				join = i.module + i.name
			}
			return p.find(p.module(f, join), member, depth+1)
		}
		return nil
	}
	if i, ok := f.imports[name]; ok {
		return p.find(p.module(f, i.module), i.name, depth+1)
	}
	for _, module := range f.stars {
		if c := p.find(p.module(f, module), name, depth+1); c != nil {
			return c
		}
	}
	return nil
}

// module is the file of a module as a file imports it, nil where it is not in the tree.
func (p *pythonClasses) module(from *pythonFile, module string) *pythonFile {
	folder := path.Dir(from.path)
	relative := strings.HasPrefix(module, ".")
	for module = strings.TrimPrefix(module, "."); relative && strings.HasPrefix(module, "."); module = module[1:] {
		folder = path.Dir(folder)
	}
	below := strings.ReplaceAll(module, ".", "/")
	for {
		for _, name := range []string{path.Join(folder, below+".py"), path.Join(folder, below, "__init__.py")} {
			if name == from.path {
				continue
			}
			if f, ok := p.files[name]; ok {
				if f != nil {
					return f
				}
				continue
			}
			if content := p.s.file(name); content != nil {
				return p.add(name, clean(content))
			}
			p.files[name] = nil
		}
		if relative || folder == "." || folder == "/" {
			return nil
		}
		folder = path.Dir(folder)
	}
}

// assignments returns what a class body gives a value to, and what it only annotates.
func (c *pythonClass) assignments() []pythonField {
	var all []pythonField
	for _, statement := range c.body.items() {
		if statement.kind != "expression_statement" {
			continue
		}
		for _, n := range statement.items() {
			left := n.child("left")
			if n.kind != "assignment" || left == nil || left.kind != "identifier" {
				continue
			}
			line, _ := n.file.place(n.start)
			field := pythonField{name: left.text(), value: n.child("right"), line: line}
			if t := n.child("type"); t != nil {
				field.annotation = t.text()
			}
			all = append(all, field)
		}
	}
	return all
}

type pythonField struct {
	name       string
	value      *node
	annotation string
	line       int
}

// inner is a class in the body of a class.
func (c *pythonClass) inner(name string) *node {
	i := slices.IndexFunc(c.body.items(), func(n *node) bool { return n.kind == "class_definition" && fieldTitle(n) == name })
	if i < 0 {
		return nil
	}
	return c.body.items()[i]
}

// pythonText is the text of a string literal without holes, "" for anything else.
func pythonText(n *node) string {
	if n == nil || n.kind != "string" || n.first("interpolation") != nil {
		return ""
	}
	return bareName(n)
}

// isTrue tells that a node is Python's True.
func isTrue(n *node) bool { return n != nil && n.kind == "true" }
