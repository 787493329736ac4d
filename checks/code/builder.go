package code

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// queryBuilders reads chains of calls of knex (knexjs.org) and Kysely (kysely.dev) in
// JavaScript and TypeScript, as far as their names are written out.
type queryBuilders struct{}

func (queryBuilders) name() string { return "knex" }

func (queryBuilders) reads(name string) bool { return ecmascriptGrammar(name) != nil }

// ecmascriptGrammar is the grammar of a file of JavaScript or one of its kin, nil for another file.
func ecmascriptGrammar(name string) *language {
	for _, l := range []*language{javascriptLanguage, typescriptLanguage, tsxLanguage} {
		if slices.Contains(l.extensions, path.Ext(name)) {
			return l
		}
	}
	return nil
}

func (queryBuilders) may(content []byte) bool {
	return containsAny(content, ".where", ".insert(", ".select(", ".update(", ".del(", ".first(", "selectFrom(", "insertInto(", "updateTable(", "deleteFrom(") &&
		containsAny(content, "db", "knex", "trx", "tx", "From(", "Into(", "Table(")
}

func containsAny(content []byte, texts ...string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return bytes.Contains(content, []byte(t)) })
}

func (queryBuilders) group(name string) string { return name }

func (queryBuilders) extract(files []*file, s *sink) {
	for _, f := range files {
		l := ecmascriptGrammar(f.path)
		tree, err := l.grammar.parse(s.ctx, f.path, f.content)
		if err != nil {
			s.unread(f.path, err.Error())
			continue
		}
		b := &builders{evaluator: newEvaluator(l, tree), f: f, s: s}
		tree.root.walk(func(n *node) bool {
			if s.ctx.Err() == nil && n.kind == "call_expression" && !b.inside(n) {
				b.chain(n)
			}
			return true
		})
	}
}

type builders struct {
	*evaluator
	f *file
	s *sink
}

// inside tells that a call is the receiver of another one: the chain's end is read.
func (b *builders) inside(n *node) bool {
	p := n.parent
	return p != nil && p.kind == "member_expression" && n.field == "object" && p.parent != nil && p.parent.kind == "call_expression" && p.field == "function"
}

// chainQuery is what a chain of calls says.
type chainQuery struct {
	kind     string // select, insert, update, delete
	table    string
	columns  []chainName // what is read, or compared
	written  []chainName // of an INSERT or UPDATE
	joins    []string
	selected bool
	open     string // what of it is not known
	known    bool   // a call of a builder was met
}

type chainName struct {
	name string
	line int
}

// builderRoots are the usual names of a connection.
var builderRoots = setOf("db knex trx tx transaction conn connection qb client database readonlyDb readDb writeDb")

// chain reads a whole chain, and hands over its query.
func (b *builders) chain(n *node) {
	var calls []*call
	var nodes []*node
	for at := n; at != nil && len(calls) < 200; {
		c := ecmascriptCall(at)
		if c == nil {
			break
		}
		calls, nodes = append(calls, c), append(nodes, at)
		at = c.receiver
	}
	slices.Reverse(calls)
	slices.Reverse(nodes)
	q := &chainQuery{kind: "select"}
	for i, c := range calls {
		if i == 0 && builderRoots[c.name] && len(c.args) == 1 {
			q.table = b.text(c.args[0])
			q.known = q.known || len(calls) == 1
			continue
		}
		if i == 0 && !(c.receiver != nil && builderRoots[lastName(c.receiver)]) && !strings.HasPrefix(c.name, "selectFrom") && !strings.HasSuffix(c.name, "Into") {
			return
		}
		b.step(q, c)
	}
	if q.table == "" || !q.known {
		return
	}
	aliases := builderAliases(n)
	q.columns = slices.DeleteFunc(q.columns, func(c chainName) bool { return aliases[c.name] })
	b.hand(q, nodes[0], n)
}

// builderAliases are the names that a chain gives to what it selects.
func builderAliases(n *node) map[string]bool {
	aliases := map[string]bool{}
	n.walk(func(c *node) bool {
		if text := ecmascriptText(c); text != "" {
			if i := strings.LastIndex(strings.ToLower(text), " as "); i >= 0 {
				aliases[strings.Trim(text[i+4:], ` "`)] = true
			}
		}
		if as := ecmascriptCall(c); as != nil && as.name == "as" && len(as.args) == 1 {
			aliases[ecmascriptText(as.args[0])] = true
		}
		return true
	})
	return aliases
}

// text is the text of an expression when it is one that is known, else "".
func (b *builders) text(n *node) string {
	texts := b.all(n)
	if len(texts) != 1 {
		return ""
	}
	var s strings.Builder
	for _, p := range texts[0] {
		if p.hole != "" {
			return ""
		}
		s.WriteString(p.text)
	}
	return s.String()
}

// all also takes a name alone, which is no text of its own elsewhere.
func (b *builders) all(n *node) [][]piece {
	b.rounds = map[*node]int{}
	return b.over(n, func() [][]piece { b.steps = 0; return b.value(n, false, 0) }, 0)
}

// step reads one call of a chain.
func (b *builders) step(q *chainQuery, c *call) {
	name := c.name
	switch name {
	case "from", "into", "table", "selectFrom", "insertInto", "updateTable", "deleteFrom":
		if len(c.args) == 0 {
			return
		}
		q.table = b.text(c.args[0])
		switch name {
		case "insertInto":
			q.kind = "insert"
		case "updateTable":
			q.kind = "update"
		case "deleteFrom":
			q.kind = "delete"
		}
		q.known = true
	case "select", "column", "columns", "distinct", "pluck", "returning", "orderBy", "groupBy", "count", "countDistinct", "max", "min", "sum", "avg":
		q.known = true
		q.selected = q.selected || name == "select" || name == "pluck"
		for i, arg := range c.args {
			if name == "orderBy" && i > 0 {
				break
			}
			b.names(q, arg, &q.columns, 0)
		}
	case "where", "andWhere", "orWhere", "whereNot", "whereIn", "whereNotIn", "whereNull", "whereNotNull", "whereLike", "whereILike", "whereBetween", "having", "andWhereNot", "orWhereIn":
		q.known = true
		if len(c.args) > 0 && c.args[0].kind != "arrow_function" && c.args[0].kind != "function_expression" {
			b.names(q, c.args[0], &q.columns, 0)
		}
	case "insert", "values", "batchInsert":
		q.known, q.kind = true, "insert"
		if len(c.args) > 0 {
			b.names(q, c.args[0], &q.written, 0)
		}
	case "update", "set", "increment", "decrement":
		if name != "set" || q.kind == "update" {
			q.known, q.kind = true, "update"
			if len(c.args) > 0 {
				b.names(q, c.args[0], &q.written, 0)
			}
		}
	case "merge":
		if len(c.args) > 0 {
			b.names(q, c.args[0], &q.written, 0)
		}
	case "del", "delete", "truncate":
		q.known, q.kind = true, "delete"
	case "first", "limit", "offset", "execute", "executeTakeFirst", "executeTakeFirstOrThrow", "onConflict", "ignore", "then", "catch", "as", "clone", "forUpdate", "transacting", "timeout":
		q.known = q.known || name != "then" && name != "catch" && name != "as"
	case "join", "innerJoin", "leftJoin", "leftOuterJoin", "rightJoin", "fullOuterJoin", "crossJoin":
		q.known = true
		if len(c.args) == 0 {
			return
		}
		if table := b.text(c.args[0]); table != "" {
			q.joins = append(q.joins, table)
		} else {
			q.open = "a table is joined that is not known"
		}
		for _, arg := range c.args[1:] {
			if column := b.text(arg); columnName.MatchString(column) && strings.Contains(column, ".") {
				q.columns = append(q.columns, chainName{column, lineOf(arg)})
			}
		}
	case "with", "withRecursive", "union", "unionAll", "fromRaw", "joinRaw", "withSchema", "modify":
		q.open = "a part of the query is made by " + name
	}
}

var columnName = regexp.MustCompile(`^(?:[A-Za-z_]\w*\.){0,2}[A-Za-z_]\w*$`)

// names collects the columns that an argument names: a text, a list of them, or the keys of an object.
func (b *builders) names(q *chainQuery, n *node, to *[]chainName, depth int) {
	if depth > 5 { // a list that is a part of itself
		q.open = "some columns are only known at run time"
		return
	}
	switch n.kind {
	case "object":
		for _, item := range n.items() {
			key := item.child("key")
			switch {
			case item.kind == "shorthand_property_identifier":
				*to = append(*to, chainName{item.text(), lineOf(item)})
			case item.kind == "pair" && key != nil && (key.kind == "property_identifier" || key.kind == "string"):
				*to = append(*to, chainName{bareName(key), lineOf(item)})
			default:
				q.open = "some columns are only known at run time"
			}
		}
		return
	case "array":
		for _, item := range n.items() {
			b.names(q, item, to, depth+1)
		}
		return
	}
	if elements := b.elements(n, 0); elements != nil && n.kind != "call_expression" {
		for _, element := range elements {
			b.names(q, element, to, depth+1)
		}
		return
	}
	if n.kind == "identifier" {
		for _, d := range b.defined[n.text()] {
			if d.value != nil && d.value.kind == "object" && len(b.defined[n.text()]) == 1 {
				b.names(q, d.value, to, depth+1)
				return
			}
		}
	}
	text := b.text(n)
	text, alias, _ := strings.Cut(text, " as ")
	switch text = strings.TrimSpace(text); {
	case text == "*" || strings.HasSuffix(text, ".*"):
	case columnName.MatchString(text) && (alias == "" || columnName.MatchString(strings.TrimSpace(alias))):
		*to = append(*to, chainName{text, lineOf(n)})
	default:
		q.open = "some columns are only known at run time"
	}
}

// hand makes SQL of a chain. What is compared is selected: either needs the column.
func (b *builders) hand(q *chainQuery, first, last *node) {
	table, ok := builderTable(q.table)
	if !ok {
		return
	}
	var sql strings.Builder
	out := Query{Name: b.enclosing(last), Path: b.f.path, Partial: q.open}
	out.Line, out.Column = b.tree.place(first.start)
	out.EndLine, _ = b.tree.place(max(last.start, last.end-1))
	list := func(names []chainName) int {
		seen := map[string]bool{}
		for _, c := range names {
			if seen[c.name] {
				continue
			}
			if seen[c.name] = true; len(seen) > 1 {
				sql.WriteString(", ")
			}
			out.lines = append(out.lines, lineMark{sql.Len(), c.line})
			parts := strings.Split(c.name, ".")
			for i := range parts {
				parts[i] = quotedName(parts[i])
			}
			sql.WriteString(strings.Join(parts, "."))
		}
		return len(seen)
	}
	from := table
	for _, join := range q.joins {
		if joined, ok := builderTable(join); ok {
			from += " CROSS JOIN " + joined
		}
	}
	reads := q.columns
	if q.kind == "insert" && len(q.written) > 0 && q.open == "" {
		sql.WriteString("INSERT INTO " + table + " (")
		n := list(q.written)
		sql.WriteString(") VALUES (" + parameters(n) + ")")
		out.SQL = sql.String()
		b.s.built(out)
		sql.Reset()
		out.lines = nil
	} else {
		reads = slices.Concat(q.columns, q.written)
	}
	sql.WriteString("SELECT ")
	n := 0
	if len(reads) > 0 {
		n = list(reads)
	}
	switch {
	case q.kind == "insert" && q.open == "" && n == 0:
		return
	case q.kind == "select" && !q.selected && q.open == "" && len(q.joins) == 0:
		if n > 0 {
			sql.WriteString(", ")
		}
		sql.WriteString("*")
	case n == 0:
		sql.WriteString("1")
	}
	if q.open != "" && len(q.joins)+1 > 1 {
		from += " CROSS JOIN " + unknownRelation
	}
	sql.WriteString(" FROM " + from)
	out.SQL = sql.String()
	b.s.built(out)
}

// builderTable is a table as knex takes it: "schema.table as alias".
func builderTable(text string) (string, bool) {
	name, alias, _ := strings.Cut(strings.TrimSpace(text), " as ")
	name, alias = strings.TrimSpace(name), strings.TrimSpace(alias)
	if !columnName.MatchString(name) || alias != "" && !columnName.MatchString(alias) {
		return "", false
	}
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = quotedName(parts[i])
	}
	name = strings.Join(parts, ".")
	if alias != "" {
		name += " AS " + quotedName(alias)
	}
	return name, true
}
