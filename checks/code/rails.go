package code

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// railsModels reads ActiveRecord's models and what the program asks of them. A
// process of Rails learns a table's columns from the database once: it selects them
// with *, and inserts every one by name until it starts anew, but for ignored_columns.
type railsModels struct{}

func (railsModels) name() string { return "rails" }

func (railsModels) reads(name string) bool {
	ext := path.Ext(name)
	return ext == ".rb" || ext == ".rake"
}

func (railsModels) may(content []byte) bool {
	return bytes.Contains(content, []byte("Record")) || bytes.Contains(content, []byte("where")) || bytes.Contains(content, []byte("pluck")) ||
		bytes.Contains(content, []byte("order")) || bytes.Contains(content, []byte("class ")) || bytes.Contains(content, []byte("_by"))
}

func (railsModels) group(string) string { return "" }

// railsModel is a class that is a model.
type railsModel struct {
	name, table string
	at          *node
	file        *file
	parent      string // the model whose table it shares; "" = none
	ignored     []string
	own         string // self.table_name
}

func (railsModels) extract(files []*file, s *sink) {
	r := &rails{s: s, models: map[string]*railsModel{}, prefixes: map[string]string{}}
	for _, m := range railsAcronym.FindAllSubmatch(s.file("config/initializers/inflections.rb"), -1) {
		r.acronyms = append(r.acronyms, string(m[1]))
	}
	slices.SortFunc(r.acronyms, func(a, b string) int { return len(b) - len(a) })
	trees := make([]*syntax, len(files))
	for i, f := range files {
		tree, err := rubyGrammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		trees[i] = tree
		r.collect(f, tree)
	}
	r.modules(files)
	r.resolve()
	for _, name := range sortedKeys(r.models) {
		r.model(r.models[name])
	}
	for i, f := range files {
		if trees[i] != nil {
			r.uses(f, trees[i])
		}
	}
}

type rails struct {
	s        *sink
	models   map[string]*railsModel // by full name
	prefixes map[string]string      // module -> table_name_prefix
	acronyms []string               // that are one word in a table's name, the longest first
}

var railsAcronym = regexp.MustCompile(`(?m)^\s*inflect\.acronym[ (]+["'](\w+)["']`)

// constantName is the full name of a class or module by those around it.
func constantName(n *node) string {
	name := fieldTitle(n)
	for p := n.parent; p != nil; p = p.parent {
		if p.kind == "class" || p.kind == "module" {
			name = fieldTitle(p) + "::" + name
		}
	}
	return strings.TrimPrefix(name, "::")
}

func (r *rails) collect(f *file, tree *syntax) {
	tree.root.walk(func(n *node) bool {
		switch n.kind {
		case "class":
			super := ""
			if c := n.child("superclass"); c != nil && len(c.items()) == 1 {
				super = strings.TrimPrefix(c.items()[0].text(), "::")
			}
			if super != "" {
				m := &railsModel{name: constantName(n), at: n, file: f, parent: super}
				r.settings(m)
				if old := r.models[m.name]; old == nil {
					r.models[m.name] = m
				}
			}
		case "singleton_method":
			if fieldTitle(n) != "table_name_prefix" || n.parent == nil || n.parent.parent == nil {
				return true
			}
			body := n.child("body")
			if body != nil && body.kind != "string" { // def self.f = "x" has no body around it
				body = body.first("string")
			}
			if body != nil {
				r.prefixes[constantName(n.parent.parent)] = bareName(body)
			}
		}
		return true
	})
}

// modules reads the files of the modules that models stand in: app/models/admin.rb for
// those in app/models/admin.
func (r *rails) modules(files []*file) {
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.path] = true
	}
	for _, f := range files {
		folder := path.Dir(f.path)
		name := folder + ".rb"
		if seen[name] || !strings.Contains(folder+"/", "models/") {
			continue
		}
		seen[name] = true
		if content := r.s.file(name); bytes.Contains(content, []byte("table_name_prefix")) {
			if tree, err := rubyGrammar.parse(r.s.ctx, name, clean(content)); err == nil {
				r.collect(&file{path: name, content: content}, tree)
			}
		}
	}
}

// settings reads self.table_name = and self.ignored_columns =.
func (r *rails) settings(m *railsModel) {
	for _, statement := range m.at.child("body").items() {
		left, right := statement.child("left"), statement.child("right")
		if (statement.kind != "assignment" && statement.kind != "operator_assignment") || left == nil || right == nil || left.kind != "call" {
			continue
		}
		switch lastName(left.child("method")) {
		case "table_name":
			if right.kind == "string" && right.first("interpolation") == nil {
				m.own = bareName(right)
			}
		case "ignored_columns":
			right.walk(func(c *node) bool {
				if name := rubyName(c); name != "" {
					m.ignored = append(m.ignored, name)
					return false
				}
				return true
			})
		}
	}
}

// rubyName is the text of a symbol or string, "" for anything else.
func rubyName(n *node) string {
	switch n.kind {
	case "simple_symbol":
		return strings.TrimPrefix(n.text(), ":")
	case "string":
		if n.first("interpolation") == nil {
			return bareName(n)
		}
	case "bare_string", "bare_symbol":
		return n.text()
	case "hash_key_symbol":
		return n.text()
	}
	return ""
}

// resolve finds out which classes are models, and their tables.
func (r *rails) resolve() {
	var table func(m *railsModel, depth int) (string, bool)
	table = func(m *railsModel, depth int) (string, bool) {
		switch m.parent {
		case "ApplicationRecord", "ActiveRecord::Base":
		default:
			p := r.find(m.parent, m.name)
			if p == nil || p == m || depth > 10 {
				if strings.HasSuffix(m.parent, "Record") && strings.HasPrefix(path.Clean(m.file.path), "app/models") {
					break // an abstract class of the project
				}
				return "", false
			}
			name, ok := table(p, depth+1)
			if !ok {
				return "", false
			}
			if name != "" {
				if m.own != "" {
					name = m.own
				}
				return name, true
			}
		}
		if bytes.Contains(m.at.file.text[m.at.start:m.at.end], []byte("self.abstract_class = true")) {
			return "", true
		}
		if m.own != "" {
			return m.own, true
		}
		module, short := "", m.name
		if i := strings.LastIndex(m.name, "::"); i >= 0 {
			module, short = m.name[:i], m.name[i+2:]
		}
		prefix := r.prefixes[module]
		if outer := r.models[module]; outer != nil {
			if name, ok := table(outer, depth+1); ok && name != "" {
				prefix = singular(name) + "_"
			}
		}
		for _, a := range r.acronyms {
			short = strings.ReplaceAll(short, a, strings.ToUpper(a[:1])+strings.ToLower(a[1:]))
		}
		return prefix + pluralSnake(short), true
	}
	for _, name := range sortedKeys(r.models) {
		if m := r.models[name]; m.table == "" {
			t, ok := table(m, 0)
			if !ok || t == "" {
				continue
			}
			m.table = t
		}
	}
	for name, m := range r.models {
		if m.table == "" {
			delete(r.models, name)
		}
	}
}

// find is the model that a constant means inside of another.
func (r *rails) find(name, inside string) *railsModel {
	for {
		full := name
		if inside != "" {
			full = inside + "::" + name
		}
		if m := r.models[full]; m != nil {
			return m
		}
		if inside == "" {
			return nil
		}
		i := strings.LastIndex(inside, "::")
		inside = inside[:max(i, 0)]
	}
}

// model hands over what Rails sends for a model itself.
func (r *rails) model(m *railsModel) {
	tree := m.at.file
	q := Query{Name: m.name, SQL: "SELECT * FROM " + m.relation(), Path: m.file.path, AllColumns: true, Except: m.ignored}
	q.Line, q.Column = tree.place(m.at.start)
	q.EndLine, _ = tree.place(max(m.at.start, m.at.end-1))
	r.s.implied(q)
	for _, statement := range m.at.child("body").items() {
		c := rubyCall(statement)
		if c == nil || c.receiver != nil || len(c.args) == 0 {
			continue
		}
		name := rubyName(c.args[0])
		if name == "" {
			continue
		}
		switch c.name {
		case "belongs_to":
			columns := []string{name + "_id"}
			if key := c.named["foreign_key"]; key != nil {
				columns[0] = rubyName(key)
			}
			if p := c.named["polymorphic"]; p != nil && p.text() == "true" {
				columns = append(columns, name+"_type")
			}
			r.columns(m, statement, columns)
		case "enum", "serialize", "has_secure_token":
			r.columns(m, statement, []string{name})
		case "has_secure_password":
			r.columns(m, statement, []string{name + "_digest"})
		}
	}
}

// relation is the model's table as SQL names it; a point divides its schema.
func (m *railsModel) relation() string {
	if schema, table, ok := strings.Cut(m.table, "."); ok {
		return quotedName(schema) + "." + quotedName(table)
	}
	return quotedName(m.table)
}

// columns hands over that a statement needs some columns of a model's table.
func (r *rails) columns(m *railsModel, at *node, columns []string) {
	var names []string
	for _, c := range columns {
		if c == "" || strings.ContainsAny(c, " .(") {
			return
		}
		names = append(names, quotedName(c))
	}
	q := Query{Name: m.name, SQL: "SELECT " + strings.Join(names, ", ") + " FROM " + m.relation(), Path: at.file.path}
	q.Line, q.Column = at.file.place(at.start)
	q.EndLine, _ = at.file.place(max(at.start, at.end-1))
	r.s.implied(q)
}

// uses hands over what calls of where, order, pluck and the like need.
func (r *rails) uses(f *file, tree *syntax) {
	e := newEvaluator(rubyLanguage, tree)
	tree.root.walk(func(n *node) bool {
		c := rubyCall(n)
		if c == nil || r.s.ctx.Err() != nil {
			return true
		}
		switch c.name {
		case "where", "not", "find_by", "find_by!", "exists?", "pluck", "pick", "select", "order", "reorder", "group", "having", "update_all", "rewhere",
			"find_or_create_by", "find_or_create_by!", "find_or_initialize_by", "create", "create!", "new", "insert", "upsert", "in_order_of", "sum", "maximum", "minimum", "average", "delete_by", "destroy_by", "create_with":
		default:
			return true
		}
		m, joins := r.subject(n, c)
		if m == nil {
			return true
		}
		if joins && c.name != "where" {
			return true
		}
		r.use(f, e, n, c, m, joins)
		return true
	})
}

// subject is the model that a chain of calls is about: the constant at its root, or
// the class around it; joins tells that the chain also names other tables.
func (r *rails) subject(n *node, c *call) (m *railsModel, joins bool) {
	receiver := c.receiver
	for depth := 0; receiver != nil && depth < 100; depth++ {
		inner := rubyCall(receiver)
		if inner == nil {
			break
		}
		switch inner.name {
		case "joins", "left_joins", "left_outer_joins", "includes", "eager_load", "preload", "references", "merge", "from", "or":
			joins = true
		}
		if inner.receiver == nil {
			if inner.name != "where" && inner.name != "all" && inner.name != "order" && inner.name != "joins" && inner.name != "unscoped" {
				return nil, joins // a scope or an association: of another model perhaps
			}
			receiver = nil
			break
		}
		receiver = inner.receiver
	}
	class := ""
	for p := n.parent; p != nil; p = p.parent {
		if p.kind == "class" {
			class = constantName(p)
			break
		}
	}
	if receiver != nil {
		switch receiver.kind {
		case "constant", "scope_resolution":
			return r.find(strings.TrimPrefix(receiver.text(), "::"), class), joins
		}
		return nil, joins
	}
	// Without a receiver it is the class itself, in a scope or a class method.
	for p := n.parent; p != nil && p.kind != "class"; p = p.parent {
		if p.kind == "method" {
			return nil, joins
		}
	}
	return r.models[class], joins
}

// use hands over one call.
func (r *rails) use(f *file, e *evaluator, n *node, c *call, m *railsModel, joins bool) {
	var columns []string
	for _, key := range sortedKeys(c.named) {
		if value := c.named[key]; value.kind == "hash" || strings.Contains(key, ".") { // where(teams: { id: 1 })
			continue
		}
		if m.virtual(key, c.name) {
			continue
		}
		columns = append(columns, key)
	}
	if c.name == "create" || c.name == "create!" || c.name == "new" || strings.HasPrefix(c.name, "find_or_") || c.name == "create_with" {
		return // its keys may be attributes without a column, or associations
	}
	texts := c.name != "insert" && c.name != "upsert"
	for i, arg := range c.args {
		if name := rubyName(arg); name != "" && arg.kind != "string" {
			columns = append(columns, name)
			continue
		}
		if arg.kind == "string_array" || arg.kind == "symbol_array" || !texts || i > 0 && c.name != "select" && c.name != "pluck" && c.name != "order" && c.name != "group" {
			continue
		}
		if arg.kind == "array" && len(arg.items()) > 0 {
			arg = arg.items()[0]
		}
		for _, text := range e.all(arg) {
			r.fragment(f, e, arg, c.name, m, text, joins)
		}
	}
	if len(columns) > 0 && !joins {
		r.columns(m, n, columns)
	}
}

// virtual tells that a key names an association of the model, not a column.
func (m *railsModel) virtual(key, method string) bool {
	return slices.ContainsFunc(m.at.child("body").items(), func(n *node) bool {
		c := rubyCall(n)
		return c != nil && len(c.args) > 0 && rubyName(c.args[0]) == key &&
			(strings.HasPrefix(c.name, "belongs_to") || strings.HasPrefix(c.name, "has_") || c.name == "alias_attribute" || c.name == "attribute")
	})
}

// fragment hands over a piece of SQL that a call puts into a query of a model.
func (r *rails) fragment(f *file, e *evaluator, at *node, method string, m *railsModel, text []piece, joins bool) {
	if len(text) == 0 {
		return
	}
	for i, p := range text {
		if p.hole == "table_name" || p.hole == "quoted_table_name" || p.hole == "arel_table.name" {
			text[i].text, text[i].hole = m.relation(), ""
		}
	}
	line, column := text[0].line, text[0].column
	put := func(s string) piece { return piece{text: s, line: line, column: column} }
	from := " FROM " + m.relation()
	if joins {
		from += ", "
	}
	var pieces []piece
	wrap := func(before, after string) {
		pieces = append([]piece{put(before)}, text...)
		pieces = append(pieces, put(after))
	}
	switch method {
	case "where", "not", "find_by", "find_by!", "exists?", "rewhere", "delete_by", "destroy_by":
		if joins {
			pieces = append([]piece{put("SELECT 1" + from), {hole: "the tables that are joined", line: line, column: column}, put(" WHERE (")}, text...)
			pieces = append(pieces, put(")"))
		} else {
			wrap("SELECT 1"+from+" WHERE (", ")")
		}
	case "order", "reorder":
		wrap("SELECT 1"+from+" ORDER BY ", "")
	case "group":
		wrap("SELECT 1"+from+" GROUP BY ", "")
	case "pluck", "pick", "select":
		wrap("SELECT ", from)
	case "sum", "maximum", "minimum", "average":
		wrap("SELECT ", from)
	case "update_all":
		wrap("UPDATE "+m.relation()+" SET ", "")
	default:
		return
	}
	end, _ := e.tree.place(max(at.start, at.end-1))
	if _, _, ok := statement(pieces); ok {
		r.s.sql(f, e.enclosing(at), pieces, end)
	}
}
