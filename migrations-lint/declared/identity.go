package declared

import (
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// identity is what a statement is about: its kind and name, the same for two definitions of one object.
func identity(sql string, engine layout.Engine) string {
	l := lexer{src: sql, engine: engine}
	var words []string
	for range 14 {
		t := l.next()
		if t.kind == endOfText {
			break
		}
		switch w := l.name(t); {
		case t.kind == sign && w == "." && len(words) > 0:
			words = words[:len(words)-1] // the schema in front; two tables of one name in two schemas count as one
		case t.kind != sign:
			words = append(words, w)
		default:
			words = append(words, "")
		}
	}
	take := func(names ...string) bool {
		if len(words) > 0 && slices.Contains(names, words[0]) {
			words = words[1:]
			return true
		}
		return false
	}
	at := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch {
	case take("create"):
		for take("or", "replace", "temp", "temporary", "unlogged", "unique", "materialized", "global", "local", "virtual", "fulltext", "spatial", "constraint", "definer", "recursive") {
		}
		kind := at(0)
		words = words[min(1, len(words)):]
		for take("concurrently", "if", "not", "exists") {
		}
		if kind == "trigger" || kind == "policy" || kind == "rule" {
			if i := slices.Index(words, "on"); i > 0 {
				return kind + " " + at(0) + " " + at(i+1)
			}
		}
		return kind + " " + at(0)
	case take("alter"):
		kind := at(0)
		words = words[min(1, len(words)):]
		for take("only", "if", "exists") {
		}
		if kind == "table" && at(1) == "add" {
			return "constraint " + strings.Join(words[:min(5, len(words))], " ")
		}
		return "alter " + kind + " " + strings.Join(words[:min(5, len(words))], " ")
	case take("comment"):
		return "comment " + strings.Join(words[:min(6, len(words))], " ")
	}
	return strings.Join(words[:min(6, len(words))], " ")
}

// quoteNames puts the names of columns that CREATE TABLE, CREATE INDEX and ALTER TABLE ... ADD list in quotes: sqldef's first parser takes
// many that PostgreSQL does not reserve for key words.
func quoteNames(sql string) string {
	l := lexer{src: sql, engine: layout.Postgres}
	var out strings.Builder
	copied := 0
	quote := func(t token) {
		if t.kind == word && sql[t.start:t.end] == strings.ToLower(sql[t.start:t.end]) {
			out.WriteString(sql[copied:t.start] + `"` + sql[t.start:t.end] + `"`)
			copied = t.end
		}
	}
	list, _, ok := elements(sql, layout.Postgres)
	first := l.next()
	isTable := l.is(first, "create") && ok && strings.HasPrefix(identity(sql, layout.Postgres), "table ")
	columns := map[int]bool{}
	if isTable {
		for _, e := range list {
			columns[e.start] = e.column
		}
	}
	// names are the words between parentheses behind these, where nothing but names stands there.
	names := false
	for t := first; t.kind != endOfText; t = l.next() {
		switch {
		case columns[t.start] && t.kind == word:
			quote(t)
		case t.kind == word && (l.is(t, "key") || l.is(t, "unique") || l.is(t, "references")):
			names = true
		case t.kind == sign && l.is(t, "(") && names:
			names = false
			if inside, end, plain := nameList(l); plain {
				for _, name := range inside {
					quote(name)
				}
				l.pos = end
			}
		case t.kind == sign && l.is(t, ","):
			names = false
		}
	}
	return out.String() + sql[copied:]
}

// nameList are the names up to the closing parenthesis; plain is false where anything else stands there.
func nameList(l lexer) (names []token, end int, plain bool) {
	for {
		t := l.next()
		switch {
		case t.kind == word, t.kind == quotedName:
			names = append(names, t)
		case t.kind == sign && l.is(t, ","):
		case t.kind == sign && l.is(t, ")"):
			return names, l.pos, true
		default:
			return nil, 0, false
		}
	}
}
