package code

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// text is what reading a text with holes came to.
type text struct {
	sql     string
	partial string
	ok      bool
	open    bool   // a relation of it is not known
	reason  string // why it is no query although it looks like one; "" when it does not
	lines   []lineMark
}

// statement makes SQL of a text with holes. ok is false where it is no query: not
// SQL at all, or nothing that the parser takes. partial says what is not known.
//
// Placeholders of every driver become $1, $2 ...; what sqlc and drivers add is taken
// away. A hole becomes a parameter where it stands for a value, an identifier that
// begins with resolve.Hole where it stands for a name, and nothing, or what the
// parser asks for, where it stands for a whole clause or list.
func statement(pieces []piece) (sql, partial string, ok bool) {
	t := readPieces(pieces)
	return t.sql, t.partial, t.ok
}

// maxStatement is how long a text may be that is looked at: longer ones are data.
const maxStatement = 256 << 10

// readPieces is statement, with the places of its text, and why a text that looks like SQL is none.
func readPieces(pieces []piece) text {
	src, holes, starts := flatten(pieces)
	if len(src) > maxStatement || !startsLikeSQL(src) {
		return text{}
	}
	tokens, broken := lex(src, holes)
	if broken != "" {
		if !shouts.MatchString(src) {
			return text{}
		}
		return text{reason: broken}
	}
	setLines(tokens, src, starts)
	tokens = simplify(tokens)
	if !isSQL(tokens) {
		return text{}
	}
	t := newTemplate(tokens)
	if reason := t.solve(); reason != "" {
		if foreign(tokens) || !certain(tokens) {
			return text{}
		}
		return text{reason: reason}
	}
	if !isQuery(tokens) {
		return text{}
	}
	sql, lines := t.render(t.choice)
	return text{sql: strings.TrimSpace(sql), partial: t.partial(), open: t.open(), ok: true, lines: lines}
}

// flatten joins pieces, with a mark for each hole, and says in which line each piece starts.
func flatten(pieces []piece) (src string, holes []string, starts []lineMark) {
	var b strings.Builder
	for _, p := range pieces {
		starts = append(starts, lineMark{b.Len(), p.line})
		if p.hole != "" {
			holes = append(holes, p.hole)
			b.WriteByte(mark)
			continue
		}
		text := p.text
		if strings.IndexByte(text, 0) >= 0 {
			text = strings.ReplaceAll(text, "\x00", " ")
		}
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "?")
		}
		b.WriteString(text)
	}
	return b.String(), holes, starts
}

// setLines says in which line of the file each token stands. A line break that the
// program writes as an escape moves no further than the next piece's line.
func setLines(tokens []lexeme, src string, starts []lineMark) {
	at, line, next := 0, 0, 0
	for i := range tokens {
		for at <= tokens[i].at {
			if next < len(starts) && starts[next].offset == at {
				for next < len(starts) && starts[next].offset == at {
					line = starts[next].line
					next++
				}
			}
			if at < len(src) && src[at] == '\n' && (next >= len(starts) || line < starts[next].line) {
				line++
			}
			at++
		}
		tokens[i].line = line
	}
}

// starters are the first words of the statements that an application sends to work with its data.
var starters = setOf("select insert update delete with merge values call truncate table copy lock create refresh explain declare prepare replace from")

// startsLikeSQL looks at the first word only.
func startsLikeSQL(src string) bool {
	word, at := firstWord(src)
	end := at + len(word)
	return len(word) > 0 && len(word) < 10 && starters[strings.ToLower(strings.Trim(word, "\x00"))] && (end == len(src) || strings.IndexByte(" \t\r\n(*\"/-'", src[end]) >= 0)
}

// firstWord is the first word behind comments, brackets and holes, and where it stands;
// "" where anything else comes first.
func firstWord(src string) (word string, at int) {
	l := lexer{src: src}
	for {
		l.skipSpace()
		if l.broken != "" || l.pos >= len(src) {
			return "", 0
		}
		c := src[l.pos]
		if c == '(' || c == mark || c == ';' {
			l.pos++
			continue
		}
		if c == '{' {
			if n := max(brace(src[l.pos:]), closing(src[l.pos:], '{', '}')); n > 0 {
				l.pos += n
				continue
			}
		}
		if c == '%' {
			if n := verb(src[l.pos:]); n > 0 {
				l.pos += n
				continue
			}
		}
		if c == '$' && strings.HasPrefix(src[l.pos:], "${") {
			if n := closing(src[l.pos+1:], '{', '}'); n > 0 {
				l.pos += n + 1
				continue
			}
		}
		return src[l.pos : l.pos+wordRest(src[l.pos:])], l.pos
	}
}

// is tells whether a token is one of the given key words (lower case) or signs.
func (t lexeme) is(words ...string) bool {
	if t.kind != tokenWord && t.kind != tokenPunctuation && t.kind != tokenOperator {
		return false
	}
	return slices.ContainsFunc(words, func(w string) bool { return len(w) == len(t.text) && strings.EqualFold(w, t.text) })
}

func (t lexeme) isHole() bool {
	return t.kind == tokenHole || t.kind == tokenNameHole || t.kind == tokenPlaceholder || t.kind == tokenListHole
}

// simplify takes away what only tools read, joins holes with the parts of names
// beside them, and drops a schema that is a hole: it is configured, not chosen.
func simplify(tokens []lexeme) []lexeme {
	list := tokens[:0]
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if n := macro(tokens[i:], &t); n > 0 {
			i += n - 1
			list = append(list, t)
			if t.kind == tokenWord { // sqlc.embed(t): all columns of t
				list = append(list, lexeme{kind: tokenPunctuation, text: ".", at: t.at, hole: -1}, lexeme{kind: tokenOperator, text: "*", at: t.at, hole: -1})
			}
			continue
		}
		if n := len(list); n > 0 && t.space == "" {
			last := &list[n-1]
			switch {
			case last.kind == tokenHole && t.kind == tokenHole:
				last.label += ", " + t.label
				continue
			case last.kind == tokenWord && strings.HasSuffix(last.text, "_") && (t.kind == tokenHole || t.kind == tokenPlaceholder):
				last.kind, last.label, last.hole = tokenNameHole, t.label, t.hole
				continue
			case (last.kind == tokenHole || last.kind == tokenPlaceholder || last.kind == tokenNameHole) && (t.kind == tokenWord || t.kind == tokenNameHole) && !before[strings.ToLower(t.text)]:
				last.kind = tokenNameHole
				continue
			}
		}
		list = append(list, t)
	}
	return withoutSchemas(list)
}

// macro reads sqlc.arg(x), sqlc.narg(x), sqlc.slice(x), sqlc.embed(t) and pggen.arg(x).
// It returns how many tokens they are.
func macro(tokens []lexeme, t *lexeme) int {
	if len(tokens) < 6 || !tokens[0].is("sqlc", "pggen") || !tokens[1].is(".") || !tokens[3].is("(") || !tokens[5].is(")") {
		return 0
	}
	argument := tokens[4]
	switch {
	case tokens[2].is("arg", "narg", "slice"):
		*t = lexeme{kind: tokenParameter, text: "sqlc:" + strings.Trim(argument.text, `'"`), space: t.space, at: t.at, hole: -1}
	case tokens[2].is("embed") && (argument.kind == tokenWord || argument.kind == tokenQuoted):
		argument.space, argument.at, argument.kind = t.space, t.at, tokenWord
		*t = argument
	default:
		return 0
	}
	return 6
}

// relationAfter are the words behind which a relation's name stands.
var relationAfter = setOf("from join into update table only truncate view lock")

func withoutSchemas(tokens []lexeme) []lexeme {
	list := tokens[:0]
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.isHole() && i+2 < len(tokens) && tokens[i+1].is(".") && len(list) > 0 && (tokens[i+2].kind == tokenWord || tokens[i+2].kind == tokenQuoted || tokens[i+2].isHole()) {
			if last := list[len(list)-1]; last.kind == tokenWord && relationAfter[strings.ToLower(last.text)] {
				tokens[i+2].space = t.space
				i++
				continue
			}
		}
		list = append(list, t)
	}
	return list
}

// first is the first token that is not a bracket, a hole or a mark of a template.
func first(tokens []lexeme) (lexeme, int) {
	for i, t := range tokens {
		if !t.is("(", ";") && !t.isHole() && t.kind != tokenControl {
			return t, i
		}
	}
	return lexeme{}, len(tokens)
}

// isSQL tells by its words whether a text is meant as SQL: it looks at what must
// follow the first word.
func isSQL(tokens []lexeme) bool {
	t, i := first(tokens)
	if t.kind != tokenWord {
		return false
	}
	rest := tokens[i+1:]
	next := func(n int) lexeme {
		if n < len(rest) {
			return rest[n]
		}
		return lexeme{kind: tokenUnknown}
	}
	has := func(words ...string) bool {
		return slices.ContainsFunc(rest, func(t lexeme) bool { return t.is(words...) })
	}
	if prose(t, rest) {
		return false
	}
	switch strings.ToLower(t.text) {
	case "select":
		return len(rest) > 0
	case "from": // behind a hole: what is selected
		return i > 0 && tokens[i-1].isHole() && len(rest) > 0
	case "insert", "merge", "replace":
		return next(0).is("into") || next(0).is("or", "ignore") && has("into")
	case "update":
		return has("set")
	case "delete":
		return next(0).is("from") || has("from")
	case "with":
		return has("as") && has("(")
	case "values":
		return next(0).is("(")
	case "call":
		return has("(")
	case "truncate":
		return len(rest) > 0 && (next(0).is("table") || t.text == "TRUNCATE")
	case "table", "lock":
		return t.text == "TABLE" || next(0).is("table")
	case "copy":
		return has("from", "to") && (has("stdin", "stdout") || has("("))
	case "create":
		return next(0).is("temp", "temporary")
	case "refresh":
		return next(0).is("materialized")
	case "explain", "declare", "prepare":
		return has("select", "insert", "update", "delete", "with")
	}
	return false
}

// articles stand in sentences, where a query has names.
var articles = setOf("the a an this these that those your my our their its his her one each every which more another")

// prose tells a sentence from a query: "Select a plan from the list", "Delete from cart".
func prose(t lexeme, rest []lexeme) bool {
	capital := len(t.text) > 1 && t.text[0] >= 'A' && t.text[0] <= 'Z' && t.text[1:] == strings.ToLower(t.text[1:])
	signs := 0
	for i, r := range rest {
		switch {
		case r.kind == tokenWord && articles[strings.ToLower(r.text)] && i > 0 && rest[i-1].is("from", "into", "update", "join", "select", "delete"):
			if i+1 < len(rest) && (rest[i+1].kind == tokenWord && !before[strings.ToLower(rest[i+1].text)] && !rest[i+1].is("as", "on")) {
				return true
			}
		case r.is("=", "*", "(", ";") || r.kind == tokenParameter || r.kind == tokenQuestion || r.kind == tokenQuoted || strings.Contains(r.space, "\n"):
			signs++
		case r.kind == tokenWord && len(r.text) > 3 && before[strings.ToLower(r.text)] && strings.ToUpper(r.text) == r.text:
			signs++
		}
	}
	return capital && signs == 0
}

// isQuery tells whether a text that the parser took is worth counting: a SELECT of
// names or values alone asks the schema nothing.
func isQuery(tokens []lexeme) bool {
	t, i := first(tokens)
	if enclosed(tokens) {
		return false
	}
	if !t.is("select", "values") {
		return true
	}
	return slices.ContainsFunc(tokens[i:], func(t lexeme) bool { return t.is("from", "(") })
}

// shouts finds the words of a statement in capitals, as hardly a sentence has them.
var shouts = regexp.MustCompile(`\b(SELECT\b[\s\S]*\bFROM|INSERT\s+INTO|UPDATE\b[\s\S]*\bSET|DELETE\s+FROM|WITH\b[\s\S]*\bAS\s*\()`)

// certain tells that a text that the parser refuses is SQL all the same: what belongs
// to its first word follows, and signs that a sentence has not.
func certain(tokens []lexeme) bool {
	t, i := first(tokens)
	words := map[string]bool{}
	signs := t.text == strings.ToUpper(t.text)
	for n, r := range tokens[i+1:] {
		if r.kind == tokenWord {
			words[strings.ToLower(r.text)] = true
		}
		if n == 0 && (t.is("delete") && !r.is("from") || t.is("insert") && !r.is("into")) {
			return false
		}
		signs = signs || r.is("=", "*", "(", ";") || r.kind == tokenParameter || r.kind == tokenQuestion || r.isHole()
	}
	switch strings.ToLower(t.text) {
	case "select":
		return signs && words["from"]
	case "insert":
		return words["values"] || words["select"] || words["default"]
	case "update":
		return signs && words["set"]
	case "with":
		return words["as"] && (words["select"] || words["update"] || words["delete"] || words["insert"])
	case "delete":
		return signs || words["where"]
	}
	return t.text == strings.ToUpper(t.text)
}

// enclosed tells that a text stands in one pair of brackets: it is a part of a query,
// and may name what the rest of it has.
func enclosed(tokens []lexeme) bool {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
		if depth == 0 {
			return i > 0 && i == len(tokens)-1
		}
	}
	return false
}

// foreign tells that a text is written for another server than PostgreSQL.
func foreign(tokens []lexeme) bool {
	for i, t := range tokens {
		if t.kind == tokenOperator && strings.Contains(t.text, "`") {
			return true
		}
		if t.is("limit") && tokens[0].is("update", "delete") || t.is("force", "use") && i+1 < len(tokens) && tokens[i+1].is("index") {
			return true
		}
		if i+2 >= len(tokens) {
			continue
		}
		if t.is("insert", "update") && tokens[i+1].is("ignore", "or") || t.is("on") && tokens[i+1].is("duplicate") || i == 0 && t.is("replace") ||
			t.is("limit") && tokens[i+2].is(",") {
			return true
		}
	}
	return false
}

// syntaxError is what the parser says of a text, and where; "" when it takes it.
func syntaxError(sql string) (reason string, offset int) {
	if postgres.Accepts(sql) {
		return "", len(sql)
	}
	script := postgres.Parse(sql)
	problems := script.Problems
	for _, s := range script.Statements {
		problems = append(problems, s.Problems...)
	}
	for _, p := range problems {
		if p.Kind == postgres.Syntax || p.Kind == postgres.TooLarge {
			return p.Reason, p.Offset
		}
	}
	if len(script.Statements) == 0 {
		return "there is no statement in it", 0
	}
	return "", len(sql)
}

// holeName is the identifier that stands in for the n-th thing that is not known.
func holeName(n string) string { return resolve.Hole + n }
