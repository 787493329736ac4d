package declared

import (
	"strings"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// tokenKind is what a token is, as far as cutting statements and finding columns needs it.
type tokenKind uint8

const (
	endOfText tokenKind = iota
	word                // a name without quotes, or a key word
	quotedName
	text // a string constant
	sign // any other character
)

// token is one lexical unit: byte offsets.
type token struct {
	kind       tokenKind
	start, end int
}

// lexer reads the SQL of three engines, as far as quotes and comments go: PostgreSQL manual, 4.1; MySQL manual, "Literal Values" and "Comments";
// SQLite, "SQL Comment Syntax" and "SQLite Keywords".
type lexer struct {
	src    string
	pos    int
	engine layout.Engine
}

func (l *lexer) next() token {
	l.skip()
	start := l.pos
	if start >= len(l.src) {
		return token{endOfText, start, start}
	}
	c := l.src[start]
	switch {
	case isLetter(c):
		for l.pos < len(l.src) && (isLetter(l.src[l.pos]) || l.src[l.pos] == '$' || l.src[l.pos] >= '0' && l.src[l.pos] <= '9') {
			l.pos++
		}
		if l.engine == layout.Postgres && l.pos-start == 1 && (c == 'e' || c == 'E') && l.pos < len(l.src) && l.src[l.pos] == '\'' {
			l.quoted('\'', true)
			return token{text, start, l.pos}
		}
		return token{word, start, l.pos}
	case c == '\'':
		l.quoted('\'', l.engine == layout.MySQL)
		return token{text, start, l.pos}
	case c == '"', c == '`':
		l.quoted(c, false)
		return token{quotedName, start, l.pos}
	case c == '[' && l.engine == layout.SQLite:
		l.quoted(']', false)
		return token{quotedName, start, l.pos}
	case c == '$' && l.engine == layout.Postgres && l.dollar():
		return token{text, start, l.pos}
	}
	l.pos++
	return token{sign, start, l.pos}
}

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// skip moves behind white space and comments.
func (l *lexer) skip() {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.ContainsRune(" \t\r\n\f\v", rune(rest[0])):
			l.pos++
		case strings.HasPrefix(rest, "--"), rest[0] == '#' && l.engine == layout.MySQL:
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			l.comment()
		default:
			return
		}
	}
}

// comment moves behind a block comment; PostgreSQL's nest.
func (l *lexer) comment() {
	depth := 0
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case strings.HasPrefix(rest, "/*") && (depth == 0 || l.engine == layout.Postgres):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			l.pos += 2
			if depth--; depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
}

// quoted moves behind a text that ends at a character; two of it are one of its text.
func (l *lexer) quoted(end byte, backslash bool) {
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == end:
			if l.pos+1 < len(l.src) && l.src[l.pos+1] == end && end != ']' {
				l.pos++
				continue
			}
			l.pos++
			return
		}
	}
	l.pos = len(l.src)
}

// dollar moves behind a dollar-quoted text.
func (l *lexer) dollar() bool {
	i := l.pos + 1
	for i < len(l.src) && (isLetter(l.src[i]) || i > l.pos+1 && l.src[i] >= '0' && l.src[i] <= '9') {
		i++
	}
	if i >= len(l.src) || l.src[i] != '$' {
		return false
	}
	tag := l.src[l.pos : i+1]
	if end := strings.Index(l.src[i+1:], tag); end >= 0 {
		l.pos = i + 1 + end + len(tag)
	} else {
		l.pos = len(l.src)
	}
	return true
}

func (l *lexer) is(t token, s string) bool {
	return t.end-t.start == len(s) && strings.EqualFold(l.src[t.start:t.end], s)
}

// name is a token as a name: without its quotes, or in lower case.
func (l *lexer) name(t token) string {
	raw := l.src[t.start:t.end]
	if t.kind != quotedName || len(raw) < 2 {
		return strings.ToLower(raw)
	}
	quote := raw[:1]
	return strings.ReplaceAll(raw[1:len(raw)-1], quote+quote, quote)
}

func validText(s string) bool { return utf8.ValidString(s) }

// deep tells that parentheses or brackets are nested deeper than sqldef is to walk. What stands in quotes counts too: it costs nothing here to be careful.
func deep(s string) bool {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case ')', ']':
			depth = max(0, depth-1)
		}
	}
	return false
}
