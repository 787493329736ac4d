package postgres

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// maxNesting bounds DO inside EXECUTE inside DO ...
const maxNesting = 8

// do reads a DO block: the server carries out its body.
func (r *reader) do(s *pg.DoStmt) {
	language := "plpgsql"
	if e := option(s.Args, "language"); e != nil {
		language = strings.ToLower(e.Arg.GetString_().GetSval())
	}
	as := option(s.Args, "as")
	if as == nil {
		r.unsupported("DO without a body")
		return
	}
	if language != "plpgsql" {
		r.unsupported("DO in " + language + ": only PL/pgSQL is read")
		return
	}
	r.code(r.constantAt(int(as.Location), as.Arg.GetString_().GetSval()), (*reader).body)
}

// body reads r.src as a PL/pgSQL body.
func (r *reader) body() {
	b := &block{reader: r, lexer: lexer{src: r.src}}
	b.advance()
	b.run()
}

// embedded is the text of a string constant, with its place in r.src.
type embedded struct {
	text string
	at   func(int) int // nil where the text's offsets are not the source's
}

// constantAt is the string constant that stands at an offset; decoded is its text
// as the parser read it.
func (r *reader) constantAt(offset int, decoded string) embedded {
	if offset >= r.start && offset < r.end {
		l := lexer{src: r.src[:r.end], pos: offset}
		if t := l.next(); t.kind == tokenString {
			if text, at, ok := quotedText(r.src, t); ok && text == decoded {
				return embedded{text, at}
			}
		}
	}
	return embedded{text: decoded}
}

// code lets read look at a text inside this statement, and takes over what it
// found with places in r.src.
func (r *reader) code(c embedded, read func(*reader)) {
	inner := &reader{src: c.text, end: len(c.text), nesting: r.nesting + 1}
	if inner.nesting > maxNesting {
		r.problems = append(r.problems, Problem{TooLarge, "statements in text are nested more than 8 levels deep", r.base + r.start})
		return
	}
	read(inner)
	r.version = max(r.version, inner.version)
	for _, op := range inner.ops {
		op.Within = "do"
		if c.at != nil {
			op.Start, op.End = r.base+c.at(op.Start), r.base+c.at(op.End-1)+1
		} else {
			op.Start, op.End = r.base+r.start, r.base+r.end
		}
		r.ops = append(r.ops, op)
	}
	for _, p := range inner.problems {
		if c.at != nil && p.Offset < len(c.text) {
			p.Offset = r.base + c.at(p.Offset)
		} else {
			p.Offset = r.base + r.start
		}
		r.problems = append(r.problems, p)
	}
}

// block reads the statements of a PL/pgSQL body, whose control structures it
// follows (manual, 43.6). Every SQL statement is parsed on its own.
type block struct {
	*reader
	lexer       lexer
	tok         token // the current token
	conditional int   // how many IFs, loops, handlers are open
	refused     bool  // a problem with the body's structure has been reported
	levels      int   // how deep statements stand in statements
	maybeOver   bool  // a RETURN that may have run stands before
}

func (b *block) advance()                { b.tok = b.lexer.next() }
func (b *block) at(words ...string) bool { return b.lexer.is(b.tok, words...) }
func (b *block) ended() bool {
	return b.tok.kind == tokenEnd || b.tok.kind == tokenUnterminated
}

// accept moves behind a word if it is the current one.
func (b *block) accept(words ...string) bool {
	if !b.at(words...) {
		return false
	}
	b.advance()
	return true
}

func (b *block) run() {
	for b.at("#") { // #variable_conflict ...
		b.lexer.pos = lineEnd(b.lexer.src, b.lexer.pos)
		b.advance()
	}
	for b.at("<<") {
		b.statement()
	}
	if !b.at("declare", "begin") {
		b.broken("a PL/pgSQL body starts with DECLARE or BEGIN")
	}
	if b.at("declare") {
		b.statement()
	}
	if b.at("begin") {
		b.statement()
	}
	if !b.ended() {
		b.broken("nothing may follow the END of a PL/pgSQL body")
	}
	for !b.ended() {
		b.statements()
		b.advance()
	}
}

// broken reports, once, a body that the server would refuse. What stands in it is
// read all the same.
func (b *block) broken(reason string) {
	if !b.refused {
		b.refused = true
		b.problems = append(b.problems, Problem{Syntax, reason, b.tok.start})
	}
}

// statements reads up to a word that ends a list of statements.
func (b *block) statements() {
	b.levels++
	defer func() { b.levels-- }()
	if b.levels > MaxDepth {
		b.problems = append(b.problems, Problem{TooLarge, "the PL/pgSQL body is nested more than 1,000 levels deep", b.tok.start})
		b.refused = true
		b.lexer.pos = len(b.lexer.src)
		b.advance()
	}
	for !b.ended() && !b.at("end", "exception", "elsif", "elseif", "else", "when") {
		before := b.tok.start
		b.statement()
		if b.tok.start == before && !b.ended() {
			b.advance() // never stand still
		}
	}
}

func (b *block) statement() {
	switch {
	case b.accept(";"):
	case b.at("<<"):
		for !b.ended() && !b.at(">>") {
			b.advance()
		}
		b.advance()
	case b.accept("declare"):
		b.declarations()
	case b.accept("begin"):
		b.block()
	case b.accept("if"):
		b.conditions(func() {
			b.condition("then")
			b.statements()
			for b.at("elsif", "elseif", "else") {
				if b.accept("else") {
					b.statements()
					continue
				}
				b.advance()
				b.condition("then")
				b.statements()
			}
		})
		b.endOf("if")
	case b.accept("case"):
		b.conditions(func() {
			b.condition("when")
			for {
				b.condition("then")
				b.statements()
				if b.accept("else") {
					b.statements()
				}
				if !b.accept("when") {
					return
				}
			}
		})
		b.endOf("case")
	case b.at("loop", "while", "for", "foreach"):
		b.loop()
	case b.accept("execute"):
		b.execute()
	case b.at("perform"):
		b.perform()
	case b.at("return"):
		b.maybeOver = b.maybeOver || b.conditional > 0
		b.skip()
	case b.at("raise", "exit", "continue", "null", "get", "open", "fetch", "move", "close", "assert"):
		b.skip()
	default:
		b.sql()
	}
}

// conditions reads statements that may not be carried out.
func (b *block) conditions(read func()) {
	b.conditional++
	read()
	b.conditional--
}

// declarations skips to BEGIN.
func (b *block) declarations() {
	for !b.ended() && !b.at("begin") {
		b.skip()
	}
}

// block reads the inside of BEGIN ... END.
func (b *block) block() {
	first := len(b.ops)
	b.statements()
	if b.accept("exception") {
		// An error takes back what the block has done.
		for i := range b.ops[first:] {
			b.ops[first+i].Conditional = true
		}
		b.conditions(func() {
			for b.accept("when") {
				b.condition("then")
				b.statements()
			}
		})
	}
	if !b.accept("end") {
		b.broken("a PL/pgSQL block has no END")
		return
	}
	b.skip() // a label
}

// endOf reads END IF and its like.
func (b *block) endOf(word string) {
	if !b.accept("end") || !b.accept(word) {
		b.broken("END " + strings.ToUpper(word) + " is missing")
		return
	}
	b.skip()
}

// condition moves behind the word that ends an expression. Sub-selects in it are read.
func (b *block) condition(end string) {
	start, stop := b.expression(end)
	b.advance()
	b.selects(start, stop)
}

// expression moves to the word that ends an expression, or to a semicolon, and
// returns the expression's place.
func (b *block) expression(ends ...string) (start, stop int) {
	start, stop = b.tok.start, b.tok.start
	parens, cases := 0, 0
	for ; !b.ended(); b.advance() {
		switch {
		case parens == 0 && b.at(";"), parens == 0 && cases == 0 && b.at(ends...):
			return start, stop
		case b.at("(", "["):
			parens++
		case b.at(")", "]"):
			parens--
		case b.at("case"):
			cases++
		case b.at("end") && cases > 0:
			cases--
		}
		stop = b.tok.end
	}
	return start, stop
}

// skip moves behind the next semicolon.
func (b *block) skip() {
	b.expression()
	b.accept(";")
}

// selects reads an expression when it holds a SELECT, for what it reads.
func (b *block) selects(start, stop int) {
	l := lexer{src: b.lexer.src[:stop], pos: start}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if l.is(t, "select") {
			b.parseText("SELECT "+b.lexer.src[start:stop], start-len("SELECT "), start, stop)
			return
		}
	}
}

// loop reads LOOP, WHILE, FOR and FOREACH.
func (b *block) loop() {
	switch {
	case b.accept("while"):
		start, stop := b.expression("loop")
		b.selects(start, stop)
	case b.accept("for"):
		b.expression("in")
		b.accept("in")
		if b.accept("execute") {
			b.dynamic("loop")
			b.expression("loop")
			break
		}
		start, stop := b.expression("loop")
		l := lexer{src: b.lexer.src[:stop], pos: start}
		if t := l.next(); l.is(t, "select", "with", "values", "table", "insert", "update", "delete", "merge", "(") {
			b.parseText(b.lexer.src[start:stop], start, start, stop)
		}
	case b.accept("foreach"):
		start, stop := b.expression("loop")
		b.selects(start, stop)
	}
	if !b.accept("loop") {
		b.broken("LOOP is missing")
		return
	}
	b.conditions(b.statements)
	b.endOf("loop")
}

// execute reads EXECUTE of a text.
func (b *block) execute() {
	b.dynamic("into", "using")
	b.skip()
}

// dynamic reads the text of EXECUTE up to one of the ending words: only constants
// are known.
func (b *block) dynamic(ends ...string) {
	first := b.tok
	start, stop := b.expression(append(ends, "into", "using")...)
	if first.kind == tokenString && first.end == stop {
		if text, at, ok := quotedText(b.lexer.src, first); ok {
			inner := &reader{src: b.lexer.src, start: start, end: stop, nesting: b.nesting}
			inner.code(embedded{text, at}, func(r *reader) { r.script() })
			b.take(inner)
			return
		}
	}
	if name, ok := harmless(b.lexer.src[start:stop]); ok {
		inner := &reader{src: b.lexer.src, start: start, end: stop}
		inner.other(name, catalog.Name{})
		b.take(inner)
		return
	}
	b.problems = append(b.problems, Problem{Dynamic, "EXECUTE of a text that is made at run time", start})
}

// harmless tells whether a text made at run time starts with the words of a
// statement that changes nothing that the catalog holds and locks no relation:
// 'ALTER DATABASE ' || current_database() || ' SET ...'.
func harmless(expression string) (name string, ok bool) {
	l := lexer{src: expression}
	t := l.next()
	if l.is(t, "format") && l.is(l.next(), "(") {
		t = l.next()
	}
	if t.kind != tokenString {
		return "", false
	}
	text, _, _ := quotedText(expression, t)
	words := lexer{src: text}
	first, second := words.next(), words.next()
	if words.next().kind == tokenEnd && !strings.HasSuffix(text, " ") {
		return "", false // 'ALTER DATABASE' || x: the word may go on
	}
	switch {
	case words.is(first, "grant", "revoke", "notify"):
		return strings.ToLower(words.text(first)), true
	case words.is(first, "alter") && words.is(second, "database", "role", "user", "system"):
		return "alter_" + strings.ToLower(words.text(second)), true
	}
	return "", false
}

// script reads r.src as a whole script: EXECUTE takes several statements.
func (r *reader) script() {
	for _, st := range Parse(r.src).Statements {
		r.ops = append(r.ops, st.Ops...)
		r.problems = append(r.problems, st.Problems...)
		r.version = max(r.version, st.Version)
	}
}

// perform reads PERFORM, which is a SELECT whose result is thrown away.
func (b *block) perform() {
	start, stop := b.expression()
	b.accept(";")
	b.parseText("SELECT "+b.lexer.src[start+len("perform"):stop], start, start, stop)
}

// sql reads an assignment or an SQL statement.
func (b *block) sql() {
	start := b.tok.start
	first := b.tok
	var into [][2]int // INTO target, which names variables
	previous := token{}
	assignment := -1
	parens := 0
	stop := start
	for ; !b.ended(); b.advance() {
		switch {
		case parens == 0 && b.at(";"):
			b.advance()
			b.sqlText(start, stop, assignment, into)
			return
		case b.at("(", "["):
			parens++
		case b.at(")", "]"):
			parens--
		case assignment < 0 && parens == 0 && b.at(":=", "=") && isTarget(b.lexer.src[start:stop]):
			assignment = b.tok.end
		case parens == 0 && b.at("into") && !b.lexer.is(previous, "insert", "merge") && !b.lexer.is(first, "import"):
			from := b.tok.start
			b.advance()
			stop = b.intoTarget()
			into = append(into, [2]int{from, stop})
			previous = token{}
			if b.ended() || b.at(";") {
				b.accept(";")
				b.sqlText(start, stop, assignment, into)
				return
			}
		}
		previous = b.tok
		stop = b.tok.end
	}
	b.sqlText(start, stop, assignment, into)
}

// isTarget tells whether a text can be assigned to: a name, with fields and subscripts.
func isTarget(text string) bool {
	l := lexer{src: text}
	depth := 0
	for i := 0; ; i++ {
		t := l.next()
		switch {
		case t.kind == tokenEnd:
			return i > 0
		case l.is(t, "["):
			depth++
		case l.is(t, "]"):
			depth--
		case depth > 0, l.is(t, "."), t.kind == tokenParameter:
		case t.kind != tokenWord && t.kind != tokenQuoted:
			return false
		case i > 0 && !strings.HasSuffix(strings.TrimSpace(text[:t.start]), "."):
			return false // two names in a row: a statement
		}
	}
}

// intoTarget moves behind [STRICT] a, b.c, d[1] and returns its end.
func (b *block) intoTarget() int {
	stop := b.tok.start
	if b.at("strict") {
		stop = b.tok.end
		b.advance()
	}
	for {
		for b.tok.kind == tokenWord || b.tok.kind == tokenQuoted {
			stop = b.tok.end
			b.advance()
			if b.at("[") {
				for !b.ended() && !b.at("]", ";") {
					b.advance()
				}
				stop = b.tok.end
				b.advance()
			}
			if !b.accept(".") {
				break
			}
		}
		if !b.accept(",") {
			return stop
		}
	}
}

// sqlText parses a statement of the body.
func (b *block) sqlText(start, stop, assignment int, into [][2]int) {
	if assignment >= 0 {
		b.selects(assignment, stop)
		return
	}
	text := b.lexer.src[start:stop]
	if len(into) > 0 {
		bytes := []byte(text)
		for _, r := range into {
			for i := r[0]; i < r[1]; i++ {
				bytes[i-start] = ' '
			}
		}
		text = string(bytes)
	}
	b.parseText(text, start, start, stop)
}

// parseText parses one SQL statement, whose text stands at base in the body, and
// whose place is start to stop.
func (b *block) parseText(text string, base, start, stop int) {
	if stop <= start {
		return
	}
	inner := &reader{src: text, base: base, start: start - base, end: stop - base, nesting: b.nesting}
	if p := tooLarge(text); p != nil {
		inner.problems = append(inner.problems, *p)
	} else {
		inner.parse()
	}
	for i := range inner.problems {
		inner.problems[i].Offset = max(inner.problems[i].Offset, start)
	}
	b.take(inner)
}

// take takes over what a reader of a part of the body has found.
func (b *block) take(inner *reader) {
	b.version = max(b.version, inner.version)
	for _, op := range inner.ops {
		op.Conditional = op.Conditional || b.conditional > 0 || b.maybeOver
		b.ops = append(b.ops, op)
	}
	b.problems = append(b.problems, inner.problems...)
}
