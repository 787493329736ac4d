package code

import (
	"slices"
	"strings"
)

// kind is what a lexeme of a text with holes is.
type kind uint8

const (
	tokenWord        kind = iota // an unquoted identifier or key word
	tokenQuoted                  // "quoted identifier"
	tokenString                  // a string constant
	tokenNumber                  // 12, 1.5e3
	tokenOperator                // one or more operator characters, also "::" and ":="
	tokenPunctuation             // one of ( ) [ ] , ; . :
	tokenParameter               // a value that is bound when the query runs; text is what tells it from others
	tokenQuestion                // "?": a parameter, or an operator of jsonb
	tokenPlaceholder             // %s in a text: a parameter, or a piece that is formatted into it
	tokenHole                    // a hole that stands for a name, a value or a whole clause
	tokenNameHole                // a hole that is a part of an identifier, so the identifier is not known
	tokenListHole                // a hole that stands for several values in parentheses
	tokenControl                 // {{if}}, {% for %}: what stands between may be missing
	tokenUnknown                 // a character that SQL does not have
)

// lexeme is one lexical unit.
type lexeme struct {
	kind  kind
	text  string
	space string // white space before it: comments are white space
	at    int    // offset in the text with holes
	line  int    // in the file
	hole  int    // of a hole of the pieces: its index; -1 for others
	label string // of a hole: what fills it, for messages
}

// mark stands for a hole in the text that is lexed.
const mark = 0

// lexer reads the text of pieces. The lexical rules are those of PostgreSQL's manual,
// 4.1 "Lexical Structure"; beside them stand the placeholders of drivers and templates.
type lexer struct {
	src     string
	pos     int
	holes   []string // labels of the marks in order
	used    int      // marks that were read
	list    []lexeme
	bracket int // depth of [
	broken  string
}

// maxTokens is how long a query may be: longer ones are data.
const maxTokens = 30_000

// lex reads the whole text; broken tells why it cannot be SQL, or is too large to be looked at.
func lex(src string, holes []string) (list []lexeme, broken string) {
	l := &lexer{src: src, holes: holes, list: make([]lexeme, 0, len(src)/5+4)}
	for {
		space := l.skipSpace()
		if l.broken != "" || l.pos >= len(l.src) {
			return l.list, l.broken
		}
		if len(l.list) >= maxTokens {
			return nil, "it is longer than what is looked at"
		}
		start := l.pos
		t := l.next()
		t.space, t.at = space, start
		l.list = append(l.list, t)
	}
}

// skipSpace moves behind white space and comments. Of it, a line break or a space remains.
func (l *lexer) skipSpace() string {
	start := l.pos
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == 0xa0:
			l.pos++
		case strings.HasPrefix(rest, "--"):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.skip(i)
			} else {
				l.skip(len(rest))
			}
		case strings.HasPrefix(rest, "/*"):
			end := blockComment(rest)
			if end < 0 {
				l.broken = "a comment has no end"
				return ""
			}
			l.skip(end)
		default:
			return l.space(start)
		}
	}
	return l.space(start)
}

// skip moves on, over marks as well.
func (l *lexer) skip(n int) {
	l.used += strings.Count(l.src[l.pos:l.pos+n], string(rune(mark)))
	l.pos += n
}

func (l *lexer) space(start int) string {
	switch gap := l.src[start:l.pos]; {
	case gap == "":
		return ""
	case strings.Trim(gap, " \t\n\r") == "":
		return gap
	case strings.Contains(gap, "\n"):
		return "\n"
	}
	return " "
}

// blockComment is the length of a comment that may hold others, -1 where it has no end.
func blockComment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch {
		case s[i] == '/' && s[i+1] == '*':
			depth++
			i++
		case s[i] == '*' && s[i+1] == '/':
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// take makes a lexeme of the next n bytes.
func (l *lexer) take(k kind, n int) lexeme {
	n = max(1, min(n, len(l.src)-l.pos))
	t := lexeme{kind: k, text: l.src[l.pos : l.pos+n], hole: -1}
	if i := strings.IndexByte(t.text, mark); i >= 0 && l.used < len(l.holes) {
		t.hole, t.label = l.used, l.holes[l.used]
	}
	l.skip(n)
	return t
}

func (l *lexer) next() lexeme {
	rest := l.src[l.pos:]
	c := rest[0]
	if n := wordLength(rest); n > 0 {
		return l.word(rest, n)
	}
	switch {
	case c == '\'':
		return l.constant(0)
	case c == '"':
		return l.quotedName(rest)
	case digit(c) || c == '.' && len(rest) > 1 && digit(rest[1]):
		return l.take(tokenNumber, numberLength(rest))
	case c == '$':
		return l.dollar(rest)
	case c == ':':
		return l.colon(rest)
	case c == '?':
		return l.question(rest)
	case c == '{':
		return l.brace(rest)
	case c == '#' && strings.HasPrefix(rest, "#{"):
		if n := closing(rest[1:], '{', '}'); n > 0 {
			return l.take(tokenParameter, n+1)
		}
	case c == '@' && len(rest) > 1 && (letter(rest[1]) || rest[1] == mark):
		return l.take(tokenParameter, 1+max(1, wordLength(rest[1:])))
	case c == '%':
		if t, ok := l.percent(rest); ok {
			return t
		}
	case strings.IndexByte("()[],;.", c) >= 0:
		switch c {
		case '[':
			l.bracket++
		case ']':
			l.bracket--
		}
		return l.take(tokenPunctuation, 1)
	}
	if n := operatorLength(rest); n > 0 {
		return l.take(tokenOperator, n)
	}
	return l.take(tokenUnknown, 1)
}

// word reads an identifier; one that a hole touches is unknown as a whole. A hole
// right behind a word begins with white space more often than with letters.
func (l *lexer) word(rest string, n int) lexeme {
	text := rest[:n]
	hole := strings.IndexByte(text, mark)
	if hole < 0 {
		if n == 1 && len(rest) > 1 && rest[1] == '\'' && strings.Contains("eEbBxXnN", text) {
			l.pos++
			t := l.constant(text[0])
			if t.kind == tokenString {
				t.text = text + t.text
			}
			return t
		}
		return l.take(tokenWord, n)
	}
	marks := 0
	for hole+marks < n && text[hole+marks] == mark {
		marks++
	}
	switch {
	case hole > 0 && hole+marks == n && text[hole-1] != '_':
		return l.take(tokenWord, hole)
	case hole == 0 && (marks == n || before[strings.ToLower(text[marks:])]):
		return l.take(tokenHole, marks)
	}
	return l.take(tokenNameHole, n)
}

// wordLength is the length of an identifier with the holes in it; 0 for other texts.
func wordLength(s string) int {
	i := 0
	for i < len(s) && (letter(s[i]) || s[i] == mark || i > 0 && (digit(s[i]) || s[i] == '$' && !dollarNumber(s[i:]))) {
		i++
	}
	return i
}

func wordRest(s string) int {
	i := 0
	for i < len(s) && (letter(s[i]) || digit(s[i]) || s[i] == mark) {
		i++
	}
	return i
}

func dollarNumber(s string) bool { return len(s) > 1 && (digit(s[1]) || s[1] == '{') }

// constant reads a string constant. With a hole in it it is not known: a value.
func (l *lexer) constant(prefix byte) lexeme {
	rest := l.src[l.pos:]
	i := 1
	for ; i < len(rest); i++ {
		if rest[i] == '\\' && (prefix == 'e' || prefix == 'E') {
			i++
			continue
		}
		if rest[i] == '\'' {
			if i+1 < len(rest) && rest[i+1] == '\'' {
				i++
				continue
			}
			break
		}
	}
	if i >= len(rest) {
		l.broken = "a string constant has no end"
		return l.take(tokenUnknown, len(rest))
	}
	t := l.take(tokenString, i+1)
	inner := t.text[1 : len(t.text)-1]
	if strings.IndexByte(inner, mark) < 0 && (verb(inner) == 0 || verb(inner) != len(inner)) && !strings.HasPrefix(inner, "${") && !strings.HasPrefix(inner, "#{") {
		return t
	}
	if n := len(l.list); n > 0 && l.list[n-1].kind == tokenWord && slices.Contains([]string{"interval", "date", "time", "timestamp", "timestamptz"}, strings.ToLower(l.list[n-1].text)) {
		t.text = "'" + strings.NewReplacer("\x00", "1", "%s", "1", "%d", "1").Replace(inner) + "'"
		t.hole = -1
		if strings.EqualFold(l.list[n-1].text, "interval") && !strings.ContainsAny(inner, "\x00%") {
			t.text = "'1 day'"
		}
		return t
	}
	t.kind, t.text = tokenParameter, "\x00"+inner
	return t
}

func (l *lexer) quotedName(rest string) lexeme {
	for i := 1; i < len(rest); i++ {
		if rest[i] != '"' {
			continue
		}
		if i+1 < len(rest) && rest[i+1] == '"' {
			i++
			continue
		}
		t := l.take(tokenQuoted, i+1)
		inner := t.text[1:i]
		if strings.IndexByte(inner, mark) >= 0 || strings.Contains(inner, "%s") || strings.Contains(inner, "{") && brace(inner[strings.IndexByte(inner, '{'):]) > 0 {
			t.kind = tokenNameHole
		}
		return t
	}
	l.broken = "a quoted name has no end"
	return l.take(tokenUnknown, len(rest))
}

// dollar reads $1, $tag$...$tag$, and what templates write with a dollar.
func (l *lexer) dollar(rest string) lexeme {
	if len(rest) == 1 {
		return l.take(tokenUnknown, 1)
	}
	switch c := rest[1]; {
	case digit(c):
		n := 1
		for n < len(rest) && digit(rest[n]) {
			n++
		}
		return l.take(tokenParameter, n)
	case c == mark: // "$" + strconv.Itoa(n)
		return l.take(tokenParameter, 2)
	case c == '%' && verb(rest[1:]) > 0:
		t := l.take(tokenParameter, 1+verb(rest[1:]))
		t.text += "\x00" // each is another
		return t
	case c == '{':
		if n := closing(rest[1:], '{', '}'); n > 0 {
			return l.labelled(tokenHole, n+1)
		}
	case c == '[' || c == '(' || c == '<' || c == '/': // pg-promise: $[name], with :name or ~ behind it for names, :raw or ^ for text
		end := strings.IndexByte("])>/", "])>/"[strings.IndexByte("[(</", c)])
		if i := strings.IndexByte(rest[2:], "])>/"[end]); i > 0 {
			name := rest[2 : 2+i]
			if wordLength(name) == 0 {
				break
			}
			if strings.HasSuffix(name, ":name") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ":raw") || strings.HasSuffix(name, "^") || strings.HasSuffix(name, ":value") {
				return l.labelled(tokenHole, i+3)
			}
			return l.take(tokenParameter, i+3)
		}
	}
	i := 1
	for i < len(rest) && (letter(rest[i]) || digit(rest[i])) {
		i++
	}
	if i < len(rest) && rest[i] == '$' {
		tag := rest[:i+1]
		end := strings.Index(rest[i+1:], tag)
		if end < 0 {
			l.broken = "a dollar-quoted string has no end"
			return l.take(tokenUnknown, len(rest))
		}
		t := l.take(tokenString, i+1+end+len(tag))
		t.text = strings.ReplaceAll(t.text, "\x00", "")
		return t
	}
	if i > 1 {
		return l.labelled(tokenHole, i)
	}
	return l.take(tokenUnknown, 1)
}

// labelled takes a hole that the text itself writes.
func (l *lexer) labelled(k kind, n int) lexeme {
	t := l.take(k, n)
	if t.label == "" {
		t.label = strings.TrimSpace(t.text)
	}
	return t
}

// hugsql are the types that hugsql writes between a parameter's colons (hugsql.org, "Parameter Types").
var hugsql = map[string]kind{
	"v": tokenParameter, "value": tokenParameter, "v*": tokenListHole, "value*": tokenListHole, "t": tokenListHole, "tuple": tokenListHole, "t*": tokenListHole, "tuple*": tokenListHole,
	"i": tokenHole, "identifier": tokenHole, "i*": tokenHole, "identifier*": tokenHole, "sql": tokenHole, "raw": tokenHole, "sqlvec": tokenHole, "sqlvec*": tokenHole,
	"snip": tokenHole, "snip*": tokenHole,
}

// colon reads ::, :=, and the named parameters of drivers.
func (l *lexer) colon(rest string) lexeme {
	if len(rest) == 1 {
		return l.take(tokenPunctuation, 1)
	}
	switch c := rest[1]; {
	case c == ':' || c == '=':
		return l.take(tokenOperator, 2)
	case l.bracket > 0 && l.afterOperand():
		return l.take(tokenPunctuation, 1)
	case c == '\'' || c == '"': // psql's :'name' and :"name"
		if i := strings.IndexByte(rest[2:], c); i > 0 {
			if c == '"' {
				return l.labelled(tokenNameHole, i+3)
			}
			return l.take(tokenParameter, i+3)
		}
	case c == '#' && strings.HasPrefix(rest, ":#{"):
		if n := closing(rest[2:], '{', '}'); n > 0 {
			return l.take(tokenParameter, n+2)
		}
	case c == mark || digit(c):
		return l.take(tokenParameter, 1+max(1, digits(rest[1:])))
	case letter(c):
		n := 1 + parameterName(rest[1:])
		kindName := rest[1:n]
		tail := rest[n:]
		if strings.HasPrefix(tail, "*") {
			kindName, tail = kindName+"*", tail[1:]
		}
		if k, ok := hugsql[kindName]; ok && len(tail) > 1 && tail[0] == ':' && letter(tail[1]) {
			return l.labelled(k, len(rest)-len(tail)+1+parameterName(tail[1:]))
		}
		return l.take(tokenParameter, n)
	}
	return l.take(tokenPunctuation, 1)
}

// parameterName is the length of a parameter's name; Clojure writes user-id, and others a.b for a field.
func parameterName(s string) int {
	i := 0
	for i < len(s) && (letter(s[i]) || digit(s[i]) ||
		(s[i] == '-' || s[i] == '.') && i+1 < len(s) && letter(s[i+1]) && !strings.HasPrefix(strings.ToLower(s[i+1:]), "interval")) {
		i++
	}
	return i
}

func digits(s string) int {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return i
}

// question reads "?", "?1" and "??", which JDBC reads as the operator.
func (l *lexer) question(rest string) lexeme {
	operand := l.afterOperand()
	switch {
	case strings.HasPrefix(rest, "??"):
		n := 2 + operatorLength(rest[2:])
		t := l.take(tokenOperator, n)
		t.text = t.text[1:]
		return t
	case strings.HasPrefix(rest, "?#{"):
		if n := closing(rest[2:], '{', '}'); n > 0 {
			return l.take(tokenParameter, n+2)
		}
	case len(rest) > 1 && digit(rest[1]):
		return l.take(tokenParameter, 1+digits(rest[1:]))
	case operand && len(rest) > 1 && (rest[1] == '|' || rest[1] == '&') && !strings.HasPrefix(rest, "?||"):
		return l.take(tokenOperator, 2)
	}
	return l.take(tokenQuestion, 1)
}

// afterOperand tells that an operand ends with the last lexeme, so that an operator must follow.
func (l *lexer) afterOperand() bool {
	if len(l.list) == 0 {
		return false
	}
	return operand(l.list[len(l.list)-1])
}

func operand(t lexeme) bool {
	switch t.kind {
	case tokenQuoted, tokenString, tokenNumber, tokenParameter, tokenNameHole, tokenHole, tokenPlaceholder, tokenListHole:
		return true
	case tokenWord:
		return !before[strings.ToLower(t.text)]
	case tokenPunctuation:
		return t.text == ")" || t.text == "]"
	}
	return false
}

// before lists the key words behind which an operand stands.
var before = setOf(`select from where and or not in like ilike between limit offset then else when case values set on having by returning distinct
	all any some is any as using similar to escape interval fetch first next top with into join update delete insert union except intersect exists over filter
	array row cast at collate call execute return default overriding desc asc nulls only`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// brace reads {name}, {0}, {} and {{ ... }}, which in SQL stand nowhere else.
func (l *lexer) brace(rest string) lexeme {
	if strings.HasPrefix(rest, "{%") {
		if i := strings.Index(rest, "%}"); i > 0 {
			return l.take(tokenControl, i+2)
		}
	}
	if strings.HasPrefix(rest, "{{") {
		if i := strings.Index(rest, "}}"); i > 0 {
			inner := strings.Trim(rest[2:i], "- \t\n")
			first, _, _ := strings.Cut(inner, " ")
			if controls[first] || strings.HasPrefix(inner, "/*") || strings.HasPrefix(inner, "#") || strings.HasPrefix(inner, "/") {
				return l.take(tokenControl, i+2)
			}
			return l.labelled(tokenHole, i+2)
		}
	}
	if n := brace(rest); n > 0 {
		return l.labelled(tokenHole, n)
	}
	return l.take(tokenUnknown, 1)
}

// controls are the actions of text/template, and of others that look alike, which yield nothing themselves.
var controls = setOf("if else end range with define block template break continue")

// brace is the length of {name}, {0} or {}; 0 for other texts.
func brace(s string) int {
	if s == "" || s[0] != '{' {
		return 0
	}
	n := closing(s, '{', '}')
	if n <= 0 || n > 200 || strings.ContainsAny(s[:n], "'\";\n") {
		return 0
	}
	return n
}

// closing is the length up to the bracket that closes the first byte; 0 where there is none.
func closing(s string, open, end byte) int {
	depth := 0
	for i := 0; i < len(s) && i < 1000; i++ {
		switch s[i] {
		case open:
			depth++
		case end:
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// percent reads a verb of a format, or %(name)s; "%%" is one that is escaped.
func (l *lexer) percent(rest string) (lexeme, bool) {
	if strings.HasPrefix(rest, "%%") {
		t := l.take(tokenOperator, 2)
		t.text = "%"
		return t, true
	}
	n := verb(rest)
	if n == 0 {
		return lexeme{}, false
	}
	if more := wordRest(rest[n:]); more > 0 {
		return l.labelled(tokenNameHole, n+more), true
	}
	return l.labelled(tokenPlaceholder, n), true
}

// verb is the length of %s, %[1]d, %1$s, %(name)s; 0 where the percent sign is an operator.
func verb(s string) int {
	if len(s) < 2 || s[0] != '%' {
		return 0
	}
	i := 1
	switch {
	case s[1] == '(':
		end := strings.IndexByte(s, ')')
		if end < 3 || end > 100 || wordRest(s[2:end]) != end-2 {
			return 0
		}
		i = end + 1
	case s[1] == '[':
		i = 2 + digits(s[2:])
		if i >= len(s) || s[i] != ']' {
			return 0
		}
		i++
	case digit(s[1]):
		i = 1 + digits(s[1:])
		if i < len(s) && s[i] == '$' {
			i++
		}
	case s[1] == '+' || s[1] == '#':
		i = 2
	}
	if i >= len(s) || strings.IndexByte("sdvqtifxXT", s[i]) < 0 {
		return 0
	}
	if i+1 < len(s) && (letter(s[i+1]) && s[i+1] != '_') {
		return 0 // a % something: a remainder
	}
	return i + 1
}

func numberLength(s string) int {
	i := 0
	for i < len(s) {
		c := s[i]
		switch {
		case (c == 'e' || c == 'E') && i+1 < len(s) && (s[i+1] == '+' || s[i+1] == '-'):
			i += 2
		case digit(c) || letter(c) && c < 0x80 || c == '.':
			i++
		default:
			return i
		}
	}
	return i
}

func operatorLength(s string) int {
	i := 0
	for i < len(s) && strings.IndexByte("+-*/<>=~!@#%^&|`?", s[i]) >= 0 {
		if i > 0 && (strings.HasPrefix(s[i:], "--") || strings.HasPrefix(s[i:], "/*") || s[i] == '?' || s[i] == '@' && i+1 < len(s) && letter(s[i+1]) ||
			strings.HasPrefix(s[i:], "#{") || verb(s[i:]) > 0) {
			break
		}
		// A sign behind an operator belongs to the operand (manual, 4.1.3).
		if i > 0 && (s[i] == '+' || s[i] == '-') && !strings.ContainsAny(s[:i], "~!@#%^&|`?") {
			break
		}
		i++
	}
	return i
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}
