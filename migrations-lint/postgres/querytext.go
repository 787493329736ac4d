package postgres

import "strings"

// querySource is the text of the query of a CREATE VIEW or CREATE TABLE AS as the
// statement writes it, with one kind of white space, and words in lower case: so it
// does not change with the layout. ok is false for other statements.
func (r *reader) querySource() (text string, ok bool) {
	l := lexer{src: r.src[:r.end], pos: r.start}
	if !l.is(l.next(), "create") {
		return "", false
	}
	t := l.next()
	for l.is(t, "or", "replace", "global", "local", "temp", "temporary", "unlogged", "recursive", "materialized") {
		t = l.next()
	}
	if !l.is(t, "view", "table") {
		return "", false
	}
	depth := 0
	for ; depth > 0 || !l.is(t, "as"); t = l.next() {
		switch {
		case t.kind == tokenEnd:
			return "", false
		case l.is(t, "("):
			depth++
		case l.is(t, ")"):
			depth--
		}
	}
	query := tokens(r.src[l.pos:r.end])
	inner := lexer{src: r.src[l.pos:r.end]}
	return inner.join(query[:len(query)-inner.tail(query)]), true
}

// tail is how many of the last tokens belong to the statement, not to its query:
// WITH [LOCAL | CASCADED] CHECK OPTION, WITH [NO] DATA.
func (l *lexer) tail(list []token) int {
	n := len(list)
	for _, words := range []string{"with check option", "with local check option", "with cascaded check option", "with data", "with no data"} {
		tail := strings.Fields(words)
		if n <= len(tail) {
			continue
		}
		match := true
		for i, word := range tail {
			match = match && l.is(list[n-len(tail)+i], word)
		}
		if match {
			return len(tail)
		}
	}
	return 0
}

// join writes tokens with a space where one helps.
func (l *lexer) join(list []token) string {
	var b strings.Builder
	for i, t := range list {
		if i > 0 && l.spaced(list[i-1], t) {
			b.WriteByte(' ')
		}
		if t.kind == tokenWord {
			b.WriteString(strings.ToLower(l.text(t)))
		} else {
			b.WriteString(l.text(t))
		}
	}
	return b.String()
}

func (l *lexer) spaced(left, right token) bool {
	switch {
	case l.is(left, "(", "[", ".", "::"), l.is(right, ")", "]", "[", ".", "::", ","):
		return false
	case l.is(right, "("):
		return left.kind != tokenWord && left.kind != tokenQuoted || l.is(left, "as", "and", "or", "not", "in", "from", "join", "on", "using", "values", "where",
			"select", "exists", "any", "all", "over", "filter", "union", "except", "intersect", "lateral", "with", "when", "then", "else", "by", "materialized")
	}
	return true
}
