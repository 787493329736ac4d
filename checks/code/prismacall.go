package code

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// prismaCalls reads what calls of Prisma's client say beyond their model: the unique
// index that an upsert needs (prisma.io/docs/orm/reference/prisma-client-reference,
// "Database upserts"), and the labels of enums that are written out.
type prismaCalls struct{}

func (prismaCalls) name() string { return "prisma-client" }

func (prismaCalls) reads(name string) bool {
	return path.Ext(name) == ".prisma" || ecmascriptGrammar(name) != nil
}

func (prismaCalls) may(content []byte) bool {
	return prismaSchema{}.may(content) || prismaCall.Match(content)
}

// prismaCall finds a call on the member of the client that a model has.
var prismaCall = regexp.MustCompile(`\.(\w+)\s*\.(?:create|createMany|createManyAndReturn|update|updateMany|updateManyAndReturn|upsert|delete|deleteMany|count|aggregate|groupBy|find(?:Many|First|Unique)(?:OrThrow)?)\s*\(`)

func (prismaCalls) group(string) string { return "" } // the calls need the schema

// prismaClient is what the calls are read with.
type prismaClient struct {
	types  prismaTypes
	models map[string]prismaBlock // by the client's member; without those that two schemas have
	f      *file
	s      *sink
	e      *evaluator
}

func (prismaCalls) extract(files []*file, s *sink) {
	var schemas, programs []*file
	for _, f := range files {
		if path.Ext(f.path) == ".prisma" {
			schemas = append(schemas, f)
		} else {
			programs = append(programs, f)
		}
	}
	blocks, types, provider := prismaFiles(schemas, s)
	if !prismaPostgres(provider) {
		return
	}
	c := &prismaClient{types: types, models: map[string]prismaBlock{}, s: s}
	twice := map[string]bool{}
	for _, b := range slices.Concat(blocks...) {
		if b.kind != "model" || !c.matters(b) {
			continue
		}
		member := strings.ToLower(b.name[:1]) + b.name[1:]
		if _, again := c.models[member]; again {
			twice[member] = true
		}
		c.models[member] = b
	}
	for member := range twice {
		delete(c.models, member)
	}
	for _, f := range programs {
		if c.calls(f.content) {
			c.read(f)
		}
	}
}

// matters tells that a model's table, or a type of its columns, is of the delta.
func (c *prismaClient) matters(b prismaBlock) bool {
	if c.s.names.in(quotedName(b.mapped())) {
		return true
	}
	return slices.ContainsFunc(b.fields, func(f prismaField) bool {
		enum, ok := c.types.enums[f.kind]
		return ok && c.s.names.in(enum.typeName())
	})
}

// calls tells that a file has a call on a model that matters, before it is parsed.
func (c *prismaClient) calls(content []byte) bool {
	if !bytes.Contains(content, []byte("(")) || len(c.models) == 0 {
		return false
	}
	return slices.ContainsFunc(prismaCall.FindAllSubmatch(content, -1), func(m [][]byte) bool {
		_, ok := c.models[string(m[1])]
		return ok
	})
}

func (c *prismaClient) read(f *file) {
	l := ecmascriptGrammar(f.path)
	tree, err := l.grammar.parse(c.s.ctx, f.path, f.content)
	if err != nil {
		c.s.unread(f.path, err.Error())
		return
	}
	c.f, c.e = f, newEvaluator(l, tree)
	tree.root.walk(func(n *node) bool {
		made := ecmascriptCall(n)
		if made == nil || made.receiver == nil || made.receiver.kind != "member_expression" || len(made.args) == 0 || made.args[0].kind != "object" {
			return c.s.ctx.Err() == nil
		}
		if b, ok := c.models[lastName(made.receiver)]; ok && prismaCall.MatchString("."+lastName(made.receiver)+"."+made.name+"(") {
			if made.name == "upsert" {
				c.upsert(n, b, properties(made.args[0]))
			}
			c.labels(b, made.args[0], 0)
		}
		return true
	})
}

// properties are the values of an object by their keys, of { name } too; the key "" stands
// for those that are not written out.
func properties(n *node) map[string]*node {
	found := map[string]*node{}
	for _, item := range n.items() {
		key := item.child("key")
		switch {
		case item.kind == "shorthand_property_identifier":
			found[item.text()] = item
		case item.kind == "pair" && key != nil && key.kind != "computed_property_name":
			if value := item.child("value"); value != nil {
				found[bareName(key)] = value
			}
		default:
			found[""] = item
		}
	}
	return found
}

// upsert hands over the INSERT ... ON CONFLICT that the client makes of an upsert by one
// unique key, whose values are those that are created, without nested reads and writes.
// Others are a SELECT and then an INSERT or UPDATE.
func (c *prismaClient) upsert(n *node, b prismaBlock, given map[string]*node) {
	where, create, update := given["where"], given["create"], given["update"]
	if where == nil || create == nil || update == nil || create.kind != "object" || update.kind != "object" || where.kind != "object" || given["include"] != nil {
		return
	}
	by, created, updated := properties(where), properties(create), properties(update)
	if len(by) != 1 || created[""] != nil || updated[""] != nil || c.nested(b, created) || c.nested(b, updated) || c.selectsNested(b, given["select"]) {
		return
	}
	key := sortedKeys(by)[0]
	fields := b.unique(key)
	values := by
	if len(fields) > 0 && !(len(fields) == 1 && fields[0].name == key) {
		values = properties(by[key])
	}
	var columns []string
	for _, f := range fields {
		if values[f.name] == nil || created[f.name] == nil || !mayEqual(values[f.name], created[f.name]) {
			return
		}
		columns = append(columns, quotedName(f.mapped()))
	}
	if len(columns) == 0 {
		return
	}
	m := b.model(c.types)
	q := c.query(n)
	if !m.insert(&q) {
		return
	}
	q.lines = nil
	q.SQL += " ON CONFLICT (" + strings.Join(columns, ", ") + ") DO "
	set := ""
	for _, f := range b.fields {
		if updated[f.name] != nil && c.types.stored(f) {
			set = "UPDATE SET " + quotedName(f.mapped()) + " = EXCLUDED." + quotedName(f.mapped())
			break
		}
	}
	if set == "" {
		set = "NOTHING"
	}
	q.SQL += set
	c.s.built(q)
}

// query is one that a call makes, without its SQL.
func (c *prismaClient) query(n *node) Query {
	q := Query{Name: c.e.enclosing(n), Path: c.f.path}
	q.Line, q.Column = n.file.place(n.start)
	q.EndLine, _ = n.file.place(max(n.start, n.end-1))
	return q
}

// nested tells that an object names a relation of its model.
func (c *prismaClient) nested(b prismaBlock, given map[string]*node) bool {
	return slices.ContainsFunc(b.fields, func(f prismaField) bool { return given[f.name] != nil && !c.types.stored(f) })
}

func (c *prismaClient) selectsNested(b prismaBlock, selected *node) bool {
	return selected != nil && (selected.kind != "object" || c.nested(b, properties(selected)))
}

// mayEqual tells that a value is another one, or falls back to it.
func mayEqual(value, other *node) bool {
	if value == nil {
		return false
	}
	if value.text() == other.text() {
		return true
	}
	switch value.kind {
	case "binary_expression":
		operator, right := value.child("operator"), value.child("right")
		return operator != nil && (operator.text() == "??" || operator.text() == "||") && mayEqual(right, other)
	case "ternary_expression":
		return mayEqual(value.child("consequence"), other) || mayEqual(value.child("alternative"), other)
	}
	return false
}

var (
	prismaUnique  = regexp.MustCompile(`@@(?:unique|id)\(\s*(?:fields\s*:\s*)?\[([^\]]*)\]([^\n]*)`)
	prismaKeyName = regexp.MustCompile(`\bname\s*:\s*"([^"]*)"`)
	prismaOwnKey  = regexp.MustCompile(`(?:^|\s)@(?:unique|id)\b`)
)

// unique are the fields of the unique key that a where names: a field's own, or one of
// several under their names joined by "_", or the name that it was given.
func (b prismaBlock) unique(key string) []prismaField {
	for _, f := range b.fields {
		if f.name == key && prismaOwnKey.MatchString(f.attributes) {
			return []prismaField{f}
		}
	}
	for _, m := range prismaUnique.FindAllStringSubmatch(b.attributes, -1) {
		var fields []prismaField
		var names []string
		for part := range strings.SplitSeq(m[1], ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), "(") // a(sort: Desc)
			i := slices.IndexFunc(b.fields, func(f prismaField) bool { return f.name == name })
			if i < 0 {
				return nil
			}
			fields, names = append(fields, b.fields[i]), append(names, name)
		}
		own := strings.Join(names, "_")
		if given := prismaKeyName.FindStringSubmatch(m[2]); given != nil {
			own = given[1]
		}
		if own == key {
			return fields
		}
	}
	return nil
}

// labels hands over each label of an enum that a call writes out for a column of its model.
func (c *prismaClient) labels(b prismaBlock, n *node, depth int) {
	if depth > 20 {
		return
	}
	for _, item := range n.items() {
		key, value := item.child("key"), item.child("value")
		if item.kind == "object" {
			c.labels(b, item, depth+1)
		}
		if item.kind != "pair" || key == nil || value == nil {
			continue
		}
		i := slices.IndexFunc(b.fields, func(f prismaField) bool { return f.name == bareName(key) })
		if i < 0 {
			c.labels(b, value, depth+1) // data, where, AND ...
			continue
		}
		if enum, ok := c.types.enums[b.fields[i].kind]; ok {
			c.written(enum, value, 0)
		}
	}
}

// written hands over the labels that a value may be.
func (c *prismaClient) written(enum prismaBlock, n *node, depth int) {
	if depth > 20 {
		return
	}
	name := ""
	switch n.kind {
	case "string":
		name = bareName(n)
	case "member_expression":
		if object, property := n.child("object"), n.child("property"); object != nil && property != nil && lastName(object) == enum.name {
			name = property.text()
		}
	case "ternary_expression":
		c.written(enum, nodeOrEmpty(n.child("consequence")), depth+1)
		c.written(enum, nodeOrEmpty(n.child("alternative")), depth+1)
	case "array", "parenthesized_expression":
		for _, item := range n.items() {
			c.written(enum, item, depth+1)
		}
	case "as_expression", "satisfies_expression":
		if items := n.items(); len(items) > 0 {
			c.written(enum, items[0], depth+1)
		}
	case "object": // { in: [...] }, { set: ... }
		for _, value := range pairs(n) {
			c.written(enum, value, depth+1)
		}
	}
	i := slices.IndexFunc(enum.fields, func(f prismaField) bool { return f.name == name })
	if i < 0 {
		return
	}
	q := c.query(n)
	q.SQL = "SELECT '" + strings.ReplaceAll(enum.fields[i].mapped(), "'", "''") + "'::" + enum.typeName()
	c.s.built(q)
}
