package code

import (
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// dieselTables reads what a program sends through Diesel: docs.rs/diesel. Its table!
// macros say what columns there are; a query names those that its select() or its
// structs name, and all of them only where nothing is selected.
type dieselTables struct{}

func (dieselTables) name() string { return "diesel" }

func (dieselTables) reads(name string) bool { return path.Ext(name) == ".rs" }

func (dieselTables) may(content []byte) bool {
	return containsAny(content, "diesel", "schema", "table!", "::table", "dsl::") || containsAny(content, dieselWords...)
}

// dieselWords are what Diesel does for a struct: its table need not be named there.
var dieselWords = []string{"Insertable", "Selectable", "HasQuery", "Queryable", "AsChangeset", "Identifiable", "Associations", "belonging_to", "::table()", "save_changes"}

func (dieselTables) group(string) string { return "" }

func (dieselTables) extract(files []*file, s *sink) {
	d := &diesel{s: s, tables: map[string][]*dieselTable{}, others: map[string]bool{}, structs: map[string][]*dieselStruct{}, calls: map[string][]dieselCall{},
		traits: map[string]bool{}, uses: map[dieselUseKey]*dieselUse{}}
	schemas := d.parse(files, func(f *file) bool {
		return containsAny(f.content, "table!", "view!")
	})
	for _, f := range schemas {
		d.schema(f)
	}
	d.files = append(schemas, d.parse(files, func(f *file) bool {
		return !slices.ContainsFunc(schemas, func(o *dieselFile) bool { return o.file == f }) && d.concerns(f.content)
	})...)
	slices.SortFunc(d.files, func(a, b *dieselFile) int { return strings.Compare(a.file.path, b.file.path) })
	for _, f := range d.files {
		d.collect(f)
	}
	for _, f := range d.files {
		d.imports(f)
	}
	for _, f := range d.files {
		d.look(f)
	}
	d.hand()
}

// parse reads some of the files, several at once.
func (d *diesel) parse(files []*file, wanted func(*file) bool) []*dieselFile {
	list := make([]*dieselFile, len(files))
	failed := make([]error, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		if !wanted(f) {
			continue
		}
		group.Go(func() error {
			tree, err := rustGrammar.parse(d.s.ctx, f.path, f.content)
			list[i], failed[i] = &dieselFile{file: f, tree: tree}, err
			return nil
		})
	}
	_ = group.Wait() // each file has its own error
	for i, err := range failed {
		if err != nil {
			d.s.unread(files[i].path, err.Error())
			list[i] = nil
		}
	}
	return slices.DeleteFunc(list, func(f *dieselFile) bool { return f == nil })
}

// concerns tells cheaply whether a file may name a table that matters, or derive
// something for one.
func (d *diesel) concerns(content []byte) bool {
	if containsAny(content, dieselWords...) {
		return true
	}
	for module := range d.tables {
		if containsAny(content, module+"::", module+" as ") {
			return true
		}
	}
	return false
}

// diesel is what all files together say.
type diesel struct {
	s       *sink
	files   []*dieselFile
	tables  map[string][]*dieselTable  // that matter, by the module that table! makes
	others  map[string]bool            // modules of those that do not
	calls   map[string][]dieselCall    // by the function's name
	structs map[string][]*dieselStruct // by name
	impls   []dieselImpl
	traits  map[string]bool // that read all columns of the table of whatever implements them
	generic bool            // something reads all columns of a table that only a type parameter names
	uses    map[dieselUseKey]*dieselUse
	order   []*dieselUse
}

type dieselFile struct {
	file  *file
	tree  *syntax
	names []dieselImport
	known map[string]bool // the names that imports bring
}

// dieselTable is a table! macro.
type dieselTable struct {
	model
	file   *file
	rust   map[string]modelColumn // by the name in the program
	keys   []string               // as the program names them
	all    bool                   // something reads all columns
	loaded bool                   // something that is understood reads it
}

// dieselCall is a call of one of the program's functions.
type dieselCall struct {
	file *dieselFile
	node *node
}

// dieselImpl is an impl of a trait.
type dieselImpl struct{ trait, name string }

// dieselStruct is a struct that Diesel's derives read or write.
type dieselStruct struct {
	model          // its columns are those of an INSERT
	file           *file
	module         string // of its table
	given          bool   // it says which
	derives        map[string]bool
	selected       []modelColumn
	changed        []modelColumn
	keys, foreigns []modelColumn
}

// schema notes the tables of a file.
func (d *diesel) schema(f *dieselFile) {
	f.tree.root.walk(func(n *node) bool {
		if n.kind != "macro_invocation" {
			return n.kind != "function_item" && (n.kind != "mod_item" || !rustTestOnly(n))
		}
		if name := lastName(n.child("macro")); name == "table" || name == "view" {
			switch t := readDieselTable(n); {
			case t.table == "" || len(t.columns) == 0:
			case d.s.names.in(t.relation()):
				t.file = f.file
				d.tables[t.name] = append(d.tables[t.name], t)
			default:
				d.others[t.name] = true
			}
		}
		return false
	})
}

// collect notes the structs, impls and calls of a file.
func (d *diesel) collect(f *dieselFile) {
	f.tree.root.walk(func(n *node) bool {
		switch n.kind {
		case "mod_item", "function_item":
			return !rustTestOnly(n)
		case "struct_item":
			if m := readDieselStruct(n, f.file); m != nil && !rustTestOnly(n) {
				d.structs[m.name] = append(d.structs[m.name], m)
			}
			return false
		case "impl_item":
			if trait := rustPath(n.child("trait")); len(trait) > 0 {
				if name := rustPath(n.child("type")); len(name) > 0 {
					d.impls = append(d.impls, dieselImpl{trait[len(trait)-1], name[len(name)-1]})
				}
			}
			return !rustTestOnly(n)
		case "call_expression":
			if c := rustCall(n); c != nil {
				d.calls[c.name] = append(d.calls[c.name], dieselCall{f, n})
			}
		}
		return true
	})
}

// readDieselTable reads table! { schema.name (key) { column -> Type, ... } }.
func readDieselTable(n *node) *dieselTable {
	t := &dieselTable{rust: map[string]modelColumn{}}
	t.line, t.column = n.file.place(n.start)
	t.endLine, _ = n.file.place(max(n.start, n.end-1))
	body := n.first("token_tree")
	if body == nil {
		return t
	}
	sqlName := ""
	for i, c := range body.children {
		switch {
		case c.kind == "token_tree" && i > 0 && body.children[i-1].kind == "#":
			if name := dieselName(c); name != "" {
				sqlName = name
			}
		case c.kind == "token_tree" && i > 0:
			if name := body.children[i-1]; t.table == "" && name.kind == "identifier" { // what stands before it may also be a use
				t.table = strings.TrimPrefix(name.text(), "r#")
				t.line, t.column = n.file.place(name.start)
				if i > 2 && body.children[i-2].kind == "." {
					t.schema = body.children[i-3].text()
				}
			}
			if strings.HasPrefix(c.text(), "{") {
				t.readColumns(c)
			} else if t.keys == nil {
				for _, key := range c.all("identifier") {
					t.keys = append(t.keys, strings.TrimPrefix(key.text(), "r#"))
				}
			}
		}
	}
	t.name = t.table
	if sqlName != "" {
		t.table = sqlName
	}
	if t.keys == nil {
		t.keys = []string{"id"}
	}
	return t
}

// readColumns reads the columns of a table!: each is a name before an arrow.
func (t *dieselTable) readColumns(body *node) {
	sqlName := ""
	for i, c := range body.children {
		switch {
		case c.kind == "token_tree" && i > 0 && body.children[i-1].kind == "#":
			if name := dieselName(c); name != "" {
				sqlName = name
			}
		case c.kind == "identifier" && i+1 < len(body.children) && body.children[i+1].kind == "->":
			name := strings.TrimPrefix(c.text(), "r#")
			column := modelColumn{name: name, line: lineOf(c)}
			if sqlName != "" {
				column.name = sqlName
			}
			t.columns = append(t.columns, column)
			t.rust[name] = column
			sqlName = ""
		}
	}
}

// dieselName is the name that #[sql_name = "name"] gives.
func dieselName(attribute *node) string {
	items := attribute.items()
	if len(items) == 2 && items[0].text() == "sql_name" {
		return bareName(items[1])
	}
	return ""
}

// readDieselStruct reads a struct with a derive of Diesel's, nil for another one.
func readDieselStruct(n *node, f *file) *dieselStruct {
	m := &dieselStruct{file: f, derives: map[string]bool{}}
	attributes := rustAttributes(n)
	for _, a := range attributes {
		if text := a.text(); strings.Contains(text, "derive") {
			for _, word := range rustWords(text) {
				if dieselDerives[word] {
					m.derives[word] = true
				}
			}
		}
	}
	if len(m.derives) == 0 {
		return nil
	}
	m.name = fieldTitle(n)
	m.line, m.column = n.file.place(n.start)
	m.endLine, _ = n.file.place(max(n.start, n.end-1))
	m.module = snake(m.name) + "s"
	key := ""
	for _, a := range attributes {
		if table := rustSetting(a, "table_name"); table != "" {
			parts := strings.Split(table, "::")
			m.module, m.given = strings.TrimSpace(parts[len(parts)-1]), true
		}
		if list := rustList(a, "primary_key"); list != "" {
			key = list
		}
		if parent := rustList(a, "belongs_to"); parent != "" && m.derives["Associations"] {
			column := rustSetting(a, "foreign_key")
			if column == "" {
				words := strings.FieldsFunc(parent, func(r rune) bool { return r == ',' || r == '<' || r == ' ' })
				parts := strings.Split(strings.Join(words[:min(1, len(words))], ""), "::")
				column = snake(parts[len(parts)-1]) + "_id"
			}
			m.foreigns = append(m.foreigns, modelColumn{name: column, line: lineOf(a)})
		}
	}
	if key == "" {
		key = "id"
	}
	for _, name := range rustWords(key) {
		m.keys = append(m.keys, modelColumn{name: name})
	}
	for _, field := range n.child("body").all("field_declaration") {
		m.field(field)
	}
	return m
}

var dieselDerives = setOf("Insertable AsChangeset Identifiable Selectable HasQuery Queryable Associations")

// field notes the columns that a field of a struct stands for.
func (m *dieselStruct) field(field *node) {
	c := modelColumn{name: strings.TrimPrefix(fieldTitle(field), "r#"), line: lineOf(field)}
	marks := map[string]bool{}
	for _, a := range rustAttributes(field) {
		words := rustWords(a.text())
		if len(words) == 0 || words[0] != "diesel" && words[0] != "column_name" && words[0] != "cfg_attr" {
			continue
		}
		if column := rustSetting(a, "column_name"); column != "" {
			c.name = strings.TrimPrefix(column, "r#")
		}
		for _, word := range words {
			marks[word] = true
		}
	}
	if !marks["embed"] && !marks["select_expression"] {
		m.selected = append(m.selected, c)
	}
	switch {
	case marks["embed"] || marks["skip_insertion"]:
		m.partial = "a part of what is inserted is in another struct"
	default:
		m.columns = append(m.columns, c)
	}
	key := slices.ContainsFunc(m.keys, func(k modelColumn) bool { return k.name == c.name })
	if !marks["embed"] && !marks["skip_update"] && !key {
		m.changed = append(m.changed, c)
	}
}

// hand gives the sink what Diesel sends.
func (d *diesel) hand() {
	for _, name := range sortedKeys(d.structs) {
		for _, m := range d.structs[name] {
			d.handStruct(m)
		}
	}
	for _, impl := range d.impls {
		if d.traits[impl.trait] {
			for _, t := range d.tablesOf(impl.name) {
				t.all = true
			}
		}
	}
	for _, name := range sortedKeys(d.tables) {
		for _, t := range d.tables[name] {
			if t.all {
				t.readOnly = true
				t.hand(t.file, d.s)
			}
		}
	}
	for _, u := range d.order {
		d.handUse(u)
	}
}

// handStruct hands over what the derives of a struct send.
func (d *diesel) handStruct(m *dieselStruct) {
	tables := d.tables[m.module]
	if len(tables) == 0 {
		if !m.given || d.others[m.module] {
			return
		}
		tables = []*dieselTable{{model: model{table: m.module}}} // its table! is not in these files
	}
	reads := m.derives["Selectable"] || m.derives["HasQuery"]
	for _, t := range tables {
		send := m.model
		send.schema, send.table = t.schema, t.table
		switch {
		case reads:
			d.handColumns(send, m.file, "SELECT", t.sql(m.selected))
		case m.derives["Queryable"] && (d.generic || !t.loaded && t.columns != nil):
			t.all = true // who loads it is not seen
		}
		if m.derives["Identifiable"] {
			d.handColumns(send, m.file, "SELECT", t.sql(m.keys))
		}
		if len(m.foreigns) > 0 {
			d.handColumns(send, m.file, "SELECT", t.sql(m.foreigns))
		}
		if m.derives["AsChangeset"] {
			d.handColumns(send, m.file, "UPDATE", t.sql(m.changed))
		}
		if m.derives["Insertable"] && !strings.Contains(m.name, "Update") { // that one derives both, but nobody inserts it
			send.columns = t.sql(m.columns)
			send.insertOnly(m.file, d.s)
		}
	}
}

// sql is the columns as the table names them in the database.
func (t *dieselTable) sql(columns []modelColumn) []modelColumn {
	named := slices.Clone(columns)
	for i, c := range named {
		if known, ok := t.rust[c.name]; ok {
			named[i].name = known.name
		}
	}
	return named
}

// handColumns hands over a SELECT or an UPDATE of some columns.
func (d *diesel) handColumns(m model, f *file, verb string, columns []modelColumn) {
	if len(columns) == 0 {
		return
	}
	m.partial = ""
	q := m.query(f)
	var b strings.Builder
	if verb == "UPDATE" {
		b.WriteString("UPDATE " + m.relation() + " SET ")
		for i, c := range columns {
			if i > 0 {
				b.WriteString(", ")
			}
			m.list(&b, &q, []modelColumn{c})
			b.WriteString(" = $" + strconv.Itoa(i+1))
		}
	} else {
		b.WriteString("SELECT ")
		m.list(&b, &q, columns)
		b.WriteString(" FROM ")
		q.lines = append(q.lines, lineMark{b.Len(), m.line})
		b.WriteString(m.relation())
	}
	q.SQL = b.String()
	d.s.implied(q)
}

// rustAttributes are the attributes that stand before an item.
func rustAttributes(n *node) []*node {
	i := slices.Index(n.parent.children, n)
	var all []*node
	for i--; i >= 0; i-- {
		switch c := n.parent.children[i]; {
		case c.kind == "attribute_item":
			all = append(all, c)
		case isComment(c.kind):
		default:
			return all
		}
	}
	return all
}

// rustTestOnly tells that an item is compiled for tests only.
func rustTestOnly(n *node) bool {
	if n.parent == nil {
		return false
	}
	return slices.ContainsFunc(rustAttributes(n), func(a *node) bool {
		words := rustWords(a.text())
		return len(words) > 0 && (words[len(words)-1] == "test" && (len(words) == 1 || words[0] == "cfg" || words[0] == "tokio") && !slices.Contains(words, "not"))
	})
}

// rustWords are the identifiers of a text.
func rustWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && !wordByte(byte(r)) })
}

// rustSetting is the value of name = value in an attribute, "" without it.
func rustSetting(attribute *node, name string) string {
	_, rest, found := strings.Cut(attribute.text(), name)
	if !found {
		return ""
	}
	rest = strings.TrimSpace(rest)
	if !strings.HasPrefix(rest, "=") {
		return ""
	}
	rest = rest[1:]
	if end := strings.IndexAny(rest, ",)]"); end >= 0 {
		rest = rest[:end]
	}
	return strings.Trim(strings.TrimSpace(rest), `"`)
}

// rustList is what stands in the parentheses of name(...) in an attribute, "" without it.
func rustList(attribute *node, name string) string {
	_, rest, found := strings.Cut(attribute.text(), name)
	rest = strings.TrimSpace(rest)
	if !found || !strings.HasPrefix(rest, "(") {
		return ""
	}
	list, _, _ := strings.Cut(rest[1:], ")")
	return list
}

// rustPath is the segments of a path, without type arguments; nil for what is no path.
func rustPath(n *node) []string {
	var segments []string
	for depth := 0; n != nil && depth < 50; depth++ {
		switch n.kind {
		case "identifier", "type_identifier", "self", "super", "crate", "metavariable":
			segments = append(segments, strings.TrimPrefix(n.text(), "r#"))
			n = nil
		case "generic_type", "generic_type_with_turbofish":
			n = n.child("type")
		case "scoped_identifier", "scoped_type_identifier":
			name := n.child("name")
			if name == nil {
				return nil
			}
			segments = append(segments, strings.TrimPrefix(name.text(), "r#"))
			n = n.child("path")
		default:
			return nil
		}
	}
	slices.Reverse(segments)
	return segments
}
