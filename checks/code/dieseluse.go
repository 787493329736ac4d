package code

import (
	"slices"
	"strings"
)

// dieselRef is what a path of the program means.
type dieselRef struct {
	module string // that a table! made
	name   string // "" = the module itself, else one of dieselWhole, dieselAll, dieselType, or a column
}

// What a table's module holds beside columns.
const (
	dieselWhole = "\x00table"
	dieselAll   = "\x00all"
	dieselType  = "\x00type"
)

// dieselImport is a name that a use declaration brings into a part of a file.
type dieselImport struct {
	within *node
	name   string // "*" = all that the module holds
	ref    dieselRef
	at     *node
}

// dieselUse is what one function names of a table.
type dieselUse struct {
	table      *dieselTable
	file       *file
	line, last int
	column     int
	columns    []modelColumn
}

type dieselUseKey struct {
	table *dieselTable
	in    *node
}

// follow finds what a path means where its first segments are those of modules.
func (d *diesel) follow(segments []string) (dieselRef, bool) {
	for i, module := range segments {
		tables := d.tables[module]
		if tables == nil {
			continue
		}
		rest := segments[i+1:]
		inner := false
		for len(rest) > 0 && (rest[0] == "dsl" || rest[0] == "columns") {
			rest, inner = rest[1:], true
		}
		if len(rest) == 0 {
			return dieselRef{module, ""}, true
		}
		switch name := rest[0]; {
		case name == "table" && len(rest) > 1 && rest[1] == "all_columns", name == "all_columns":
			return dieselRef{module, dieselAll}, true
		case name == "table", inner && name == module && tables[0].rust[name].name == "":
			return dieselRef{module, dieselWhole}, true
		case name == "BoxedQuery", name == "SqlType", name == "star":
			return dieselRef{module, dieselType}, true
		default:
			for _, t := range tables {
				if _, ok := t.rust[name]; ok {
					return dieselRef{module, name}, true
				}
			}
		}
	}
	return dieselRef{}, false
}

// imports reads the use declarations of a file.
func (d *diesel) imports(f *dieselFile) {
	f.known = map[string]bool{}
	f.tree.root.walk(func(n *node) bool {
		switch n.kind {
		case "mod_item", "function_item":
			return !rustTestOnly(n)
		case "use_declaration":
			if !rustTestOnly(n) {
				d.imported(f, n, nil, n.child("argument"), 0)
			}
			return false
		}
		return true
	})
}

// imported notes what one tree of a use declaration brings.
func (d *diesel) imported(f *dieselFile, use *node, before []string, tree *node, depth int) {
	if tree == nil || depth > 50 {
		return
	}
	add := func(segments []string, name string) {
		ref, ok := d.follow(segments)
		if !ok || name == "*" && ref.name != "" || name == "_" {
			return
		}
		f.names = append(f.names, dieselImport{use.parent, name, ref, tree})
		if name != "*" {
			f.known[name] = true
			return
		}
		f.known[ref.module], f.known["table"], f.known["all_columns"] = true, true, true
		for _, t := range d.tables[ref.module] {
			for column := range t.rust {
				f.known[column] = true
			}
		}
	}
	path := func(n *node) []string { return append(slices.Clone(before), rustPath(n)...) }
	switch tree.kind {
	case "use_list":
		for _, c := range tree.items() {
			d.imported(f, use, before, c, depth+1)
		}
	case "scoped_use_list":
		d.imported(f, use, path(tree.child("path")), tree.child("list"), depth+1)
	case "use_as_clause":
		if alias := tree.child("alias"); alias != nil {
			add(path(tree.child("path")), alias.text())
		}
	case "use_wildcard":
		if items := tree.items(); len(items) > 0 {
			add(path(items[0]), "*")
		}
	case "self":
		if len(before) > 0 {
			add(before, before[len(before)-1])
		}
	default:
		if segments := path(tree); len(segments) > 0 {
			add(segments, segments[len(segments)-1])
		}
	}
}

// means finds what a path means in a place of a file.
func (d *diesel) means(f *dieselFile, at *node, segments []string) (dieselRef, bool) {
	if len(segments) == 0 {
		return dieselRef{}, false
	}
	if !f.known[segments[0]] {
		if len(segments) == 1 {
			return dieselRef{}, false
		}
		return d.follow(segments)
	}
	for scope := at.parent; scope != nil; scope = scope.parent {
		for _, named := range f.names {
			if named.within != scope {
				continue
			}
			if named.name == segments[0] {
				if named.ref.name != "" || len(segments) == 1 {
					return named.ref, named.ref.name != ""
				}
				return d.follow(append([]string{named.ref.module}, segments[1:]...))
			}
			if named.name == "*" && len(segments) == 1 {
				if ref, ok := d.follow([]string{named.ref.module, "dsl", segments[0]}); ok && ref.name != "" {
					return ref, true
				}
			}
		}
	}
	if len(segments) == 1 {
		return dieselRef{}, false
	}
	return d.follow(segments)
}

// look finds what a file names of the tables, and where it reads all columns.
func (d *diesel) look(f *dieselFile) {
	for _, named := range f.names {
		if named.name != "*" && named.ref.name != "" {
			d.use(f, named.at, named.ref)
		}
	}
	f.tree.root.walk(func(n *node) bool {
		if d.s.ctx.Err() != nil {
			return false
		}
		switch n.kind {
		case "mod_item", "function_item", "impl_item", "struct_item":
			return !rustTestOnly(n)
		case "use_declaration":
			return false
		case "macro_invocation":
			switch lastName(n.child("macro")) {
			case "table", "view", "joinable", "allow_tables_to_appear_in_same_query", "allow_columns_to_appear_in_same_group_by_clause":
			default:
				d.tokens(f, n.first("token_tree"))
			}
			return false
		case "attribute_item":
			n.walk(func(c *node) bool {
				if c.kind == "token_tree" {
					d.tokens(f, c)
				}
				return c.kind != "token_tree"
			})
			return false
		case "call_expression":
			d.call(f, n)
		case "scoped_identifier", "scoped_type_identifier":
			ref, ok := d.means(f, n, rustPath(n))
			if ok = ok && ref.name != ""; ok && (n.field != "function" || n.parent.kind != "call_expression" || ref.name == dieselAll) {
				d.named(f, n, ref)
			}
			return !ok
		case "identifier":
			if rustValue(n) {
				if ref, ok := d.means(f, n, []string{strings.TrimPrefix(n.text(), "r#")}); ok {
					d.named(f, n, ref)
				}
			}
		}
		return true
	})
}

// rustValue tells that an identifier may stand for a value.
func rustValue(n *node) bool {
	switch n.field {
	case "pattern", "name", "macro", "parameter", "alias":
		return false
	case "function":
		return n.parent.kind != "call_expression"
	}
	switch n.parent.kind {
	case "closure_parameters", "tuple_pattern", "tuple_struct_pattern", "captured_pattern", "ref_pattern", "mut_pattern", "match_pattern":
		return false
	}
	return true
}

// named notes a path in an expression or a type.
func (d *diesel) named(f *dieselFile, at *node, ref dieselRef) {
	d.use(f, at, ref)
	if ref.name == dieselWhole && at.kind != "scoped_type_identifier" {
		c := &dieselChain{d: d, f: f, tables: d.tables[ref.module]}
		c.note(c.climb(at, 0))
	}
}

// use notes that a place of a file names something of a table.
func (d *diesel) use(f *dieselFile, at *node, ref dieselRef) {
	in := at
	for p := at; p != nil && p.parent != nil; p = p.parent {
		if in = p; p.kind == "function_item" {
			break
		}
	}
	line, column := f.tree.place(at.start)
	for _, t := range d.tables[ref.module] {
		key := dieselUseKey{t, in}
		u := d.uses[key]
		if u == nil {
			u = &dieselUse{table: t, file: f.file, line: line, column: column, last: line}
			d.uses[key] = u
			d.order = append(d.order, u)
		}
		u.last = max(u.last, line)
		if ref.name == dieselAll {
			t.all, t.loaded = true, true
		}
		if c, ok := t.rust[ref.name]; ok && !slices.ContainsFunc(u.columns, func(o modelColumn) bool { return o.name == c.name }) {
			u.columns = append(u.columns, modelColumn{name: c.name, line: line})
		}
	}
}

// handUse hands over what one function names of a table.
func (d *diesel) handUse(u *dieselUse) {
	m := model{name: u.table.name, schema: u.table.schema, table: u.table.table, line: u.line, column: u.column, endLine: u.last}
	if len(u.columns) > 0 {
		d.handColumns(m, u.file, "SELECT", u.columns)
		return
	}
	q := m.query(u.file)
	q.SQL = "SELECT 1 FROM " + m.relation()
	d.s.implied(q)
}

// tokens looks through what a macro or an attribute holds: it has no tree of its own.
func (d *diesel) tokens(f *dieselFile, tree *node) {
	tree.walk(func(n *node) bool {
		if n.kind != "token_tree" {
			return true
		}
		for i := 0; i < len(n.children); i++ {
			if !rustName(n.children[i]) {
				continue
			}
			first := i
			segments := []string{strings.TrimPrefix(n.children[i].text(), "r#")}
			for i+2 < len(n.children) && n.children[i+1].kind == "::" && rustName(n.children[i+2]) {
				i += 2
				segments = append(segments, strings.TrimPrefix(n.children[i].text(), "r#"))
			}
			after := ""
			if i+1 < len(n.children) {
				after = n.children[i+1].text()
			}
			if first > 0 && n.children[first-1].text() == "." || strings.HasPrefix(after, "(") || after == "!" || after == "=" && len(segments) == 1 {
				continue
			}
			ref, ok := d.means(f, n.children[first], segments)
			if !ok || ref.name == "" {
				continue
			}
			d.use(f, n.children[first], ref)
			if ref.name == dieselWhole {
				c := &dieselChain{d: d, f: f, tables: d.tables[ref.module]}
				for i+2 < len(n.children) && n.children[i+1].text() == "." && !c.done {
					c.method(n.children[i+2].text(), nil)
					for i += 3; i < len(n.children) && n.children[i].text() != "." && n.children[i].text() != ","; { // arguments, types, ?
						i++
					}
					i--
				}
				c.note(c.done && c.all)
			}
		}
		return true
	})
}

func rustName(n *node) bool {
	return n.kind == "identifier" || n.kind == "self" || n.kind == "super" || n.kind == "crate"
}

// tablesOf are the tables of a struct.
func (d *diesel) tablesOf(name string) []*dieselTable {
	var all []*dieselTable
	for _, m := range d.structs[name] {
		all = append(all, d.tables[m.module]...)
	}
	return all
}

// rustSelf is the type that Self means in a place, or the trait.
func rustSelf(n *node) (name string, trait bool) {
	for p := n.parent; p != nil; p = p.parent {
		switch p.kind {
		case "trait_item":
			return fieldTitle(p), true
		case "impl_item":
			if segments := rustPath(p.child("type")); len(segments) > 0 {
				return segments[len(segments)-1], false
			}
			return "", false
		}
	}
	return "", false
}

// call follows the chains that begin with a call: Post::belonging_to(..), Post::table(),
// update(&post), post.save_changes(..).
func (d *diesel) call(f *dieselFile, n *node) {
	c := rustCall(n)
	if c == nil {
		return
	}
	chain := &dieselChain{d: d, f: f}
	switch c.name {
	case "belonging_to", "table":
		segments := rustPath(c.receiver)
		if len(segments) == 0 {
			return
		}
		name := segments[len(segments)-1]
		self, trait := rustSelf(n)
		switch {
		case name == "Self" && trait:
			if chain.climb(n, 0) {
				d.traits[self] = true
			}
			return
		case name == "Self":
			name = self
		}
		if chain.tables = d.tablesOf(name); len(chain.tables) > 0 {
			chain.note(chain.climb(n, 0))
		} else if c.name == "table" && len(d.structs[name]) == 0 && rustParameter(n, name) && chain.climb(n, 0) {
			d.generic = true
		}
	case "update", "delete":
		if len(c.args) != 1 || d.aboutTable(f, c.args[0]) {
			return
		}
		if chain.tables = d.subject(f, n, c.args[0]); len(chain.tables) > 0 {
			chain.writes = true
			all := chain.climb(n, 0)
			for _, t := range chain.tables {
				t.all = t.all || all
			}
		}
	case "save_changes":
		var tables []*dieselTable
		if g := n.child("function"); g != nil && g.kind == "generic_function" {
			for _, argument := range g.child("type_arguments").items() {
				if segments := rustPath(argument); len(segments) > 0 {
					tables = append(tables, d.tablesOf(segments[len(segments)-1])...)
				}
			}
		}
		if len(tables) == 0 && c.receiver != nil {
			tables = d.subject(f, n, c.receiver)
		}
		for _, t := range tables {
			t.all = true
		}
	}
}

// rustParameter tells that a name is a type parameter around a place.
func rustParameter(n *node, name string) bool {
	for p := n.parent; p != nil; p = p.parent {
		if list := p.child("type_parameters"); list != nil && slices.Contains(rustWords(list.text()), name) {
			return true
		}
	}
	return false
}

// aboutTable tells that an expression names a table itself.
func (d *diesel) aboutTable(f *dieselFile, n *node) bool {
	found := false
	n.walk(func(c *node) bool {
		if c.kind == "scoped_identifier" || c.kind == "identifier" && rustValue(c) {
			ref, ok := d.means(f, c, rustPath(c))
			found = found || ok && ref.name == dieselWhole
			return false
		}
		return !found
	})
	return found
}

// subject are the tables of a value that is updated or deleted: of the struct around a
// self, or those that the rest of the chain names columns of.
func (d *diesel) subject(f *dieselFile, call, value *node) []*dieselTable {
	is := ""
	value.walk(func(c *node) bool {
		if c.kind == "self" {
			is, _ = rustSelf(c)
		}
		return true
	})
	if tables := d.tablesOf(is); len(tables) > 0 {
		return tables
	}
	top := call
	for p := call.parent; p != nil && (p.kind == "field_expression" || p.kind == "call_expression" || p.kind == "generic_function"); p = p.parent {
		top = p
	}
	var tables []*dieselTable
	top.walk(func(c *node) bool {
		if c.kind == "scoped_identifier" || c.kind == "identifier" && rustValue(c) {
			if ref, ok := d.means(f, c, rustPath(c)); ok && ref.name != "" && tables == nil {
				tables = d.tables[ref.module]
			}
			return false
		}
		return tables == nil
	})
	return tables
}
