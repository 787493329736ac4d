package postgres

import "strings"

// tokenKind is what a token is, as far as splitting and finding places needs it.
type tokenKind uint8

const (
	tokenEnd          tokenKind = iota
	tokenWord                   // an unquoted identifier or key word
	tokenQuoted                 // "quoted identifier", also U&"..."
	tokenString                 // any string constant: '...', E'...', B'...', $tag$...$tag$
	tokenNumber                 // 12, 1.5e3, 0x1F
	tokenParameter              // $1
	tokenOperator               // one or more operator characters, also "::" and ":="
	tokenPunctuation            // one of ( ) [ ] , ; . :
	tokenMeta                   // a psql meta-command, to the end of its line
	tokenUnterminated           // a string, quoted identifier or comment without an end
	tokenUnknown                // a character that SQL does not have
)

// token is one lexical unit; start and end are byte offsets into the lexer's text.
type token struct {
	kind       tokenKind
	start, end int
}

// lexer reads SQL as PostgreSQL's scanner does (manual, 4.1 Lexical Structure),
// with standard_conforming_strings on, and psql's backslash commands.
type lexer struct {
	src string
	pos int
}

// next is the next token behind white space and comments.
func (l *lexer) next() token {
	if open := l.skipSpace(); open >= 0 {
		return token{tokenUnterminated, open, len(l.src)}
	}
	if l.pos >= len(l.src) {
		return token{tokenEnd, len(l.src), len(l.src)}
	}
	start := l.pos
	kind := l.scan()
	return token{kind, start, l.pos}
}

// skipSpace moves behind white space and comments. It returns the start of a block
// comment that has no end, else -1.
func (l *lexer) skipSpace() int {
	src := l.src
	for l.pos < len(src) {
		switch c := src[l.pos]; {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.pos++
		case c == '-' && strings.HasPrefix(src[l.pos:], "--"):
			l.pos = lineEnd(src, l.pos)
		case c == '/' && strings.HasPrefix(src[l.pos:], "/*"):
			end, ok := blockCommentEnd(src, l.pos)
			if !ok {
				open := l.pos
				l.pos = len(src)
				return open
			}
			l.pos = end
		default:
			return -1
		}
	}
	return -1
}

// lineEnd is the offset of the line break at or behind pos, or the text's length.
func lineEnd(src string, pos int) int {
	if i := strings.IndexAny(src[pos:], "\r\n"); i >= 0 {
		return pos + i
	}
	return len(src)
}

// blockCommentEnd is the offset behind a block comment; block comments nest.
func blockCommentEnd(src string, pos int) (end int, ok bool) {
	depth := 0
	for pos < len(src) {
		i := strings.IndexAny(src[pos:], "/*")
		if i < 0 {
			return len(src), false
		}
		pos += i
		switch {
		case strings.HasPrefix(src[pos:], "/*"):
			depth++
			pos += 2
		case strings.HasPrefix(src[pos:], "*/"):
			depth--
			pos += 2
			if depth == 0 {
				return pos, true
			}
		default:
			pos++
		}
	}
	return len(src), false
}

func (l *lexer) scan() tokenKind {
	src := l.src
	c := src[l.pos]
	switch {
	case isWordStart(c):
		if kind, ok := l.prefixedString(c); ok {
			return kind
		}
		for l.pos++; l.pos < len(src) && isWordPart(src[l.pos]); l.pos++ {
		}
		return tokenWord
	case c == '\'':
		return l.quoted('\'', false, tokenString)
	case c == '"':
		return l.quoted('"', false, tokenQuoted)
	case isDigit(c) || c == '.' && l.pos+1 < len(src) && isDigit(src[l.pos+1]):
		l.number()
		return tokenNumber
	case c == '$':
		return l.dollar()
	case c == '\\':
		l.pos = lineEnd(src, l.pos)
		return tokenMeta
	case strings.IndexByte("()[],;.", c) >= 0:
		l.pos++
		return tokenPunctuation
	case c == ':':
		l.pos++
		if l.pos < len(src) && (src[l.pos] == ':' || src[l.pos] == '=') {
			l.pos++
			return tokenOperator
		}
		return tokenPunctuation
	case isOperator(c):
		for l.pos++; l.pos < len(src) && isOperator(src[l.pos]); l.pos++ {
			if rest := src[l.pos:]; strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") {
				break
			}
		}
		return tokenOperator
	}
	l.pos++
	return tokenUnknown
}

// prefixedString reads E'...', B'...', X'...', N'...', U&'...' and U&"...".
func (l *lexer) prefixedString(c byte) (tokenKind, bool) {
	rest := l.src[l.pos+1:]
	switch c {
	case 'e', 'E', 'b', 'B', 'x', 'X', 'n', 'N':
		if strings.HasPrefix(rest, "'") {
			l.pos++
			return l.quoted('\'', c == 'e' || c == 'E', tokenString), true
		}
	case 'u', 'U':
		if strings.HasPrefix(rest, "&'") {
			l.pos += 2
			return l.quoted('\'', false, tokenString), true
		}
		if strings.HasPrefix(rest, `&"`) {
			l.pos += 2
			return l.quoted('"', false, tokenQuoted), true
		}
	}
	return 0, false
}

// quoted reads up to the closing quote; a doubled quote does not close.
func (l *lexer) quoted(quote byte, backslash bool, kind tokenKind) tokenKind {
	src := l.src
	for l.pos++; l.pos < len(src); l.pos++ {
		switch c := src[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == quote:
			if l.pos+1 < len(src) && src[l.pos+1] == quote {
				l.pos++
				continue
			}
			l.pos++
			return kind
		}
	}
	l.pos = len(src)
	return tokenUnterminated
}

func (l *lexer) number() {
	src := l.src
	for l.pos < len(src) {
		c := src[l.pos]
		switch {
		case isWordPart(c) && c != '$':
			l.pos++
			// A sign belongs to the number only behind the e of a decimal exponent.
			if (c == 'e' || c == 'E') && l.pos < len(src) && (src[l.pos] == '+' || src[l.pos] == '-') {
				l.pos++
			}
		case c == '.' && !strings.HasPrefix(src[l.pos:], ".."): // 1..10 is a range of PL/pgSQL
			l.pos++
		default:
			return
		}
	}
}

// dollar reads a dollar-quoted string or a parameter.
func (l *lexer) dollar() tokenKind {
	src := l.src
	i := l.pos + 1
	if i < len(src) && isDigit(src[i]) {
		for l.pos = i; l.pos < len(src) && isDigit(src[l.pos]); l.pos++ {
		}
		return tokenParameter
	}
	for i < len(src) && src[i] != '$' && isWordPart(src[i]) {
		i++
	}
	if i >= len(src) || src[i] != '$' {
		l.pos++
		return tokenUnknown
	}
	tag := src[l.pos : i+1]
	end := strings.Index(src[i+1:], tag)
	if end < 0 {
		l.pos = len(src)
		return tokenUnterminated
	}
	l.pos = i + 1 + end + len(tag)
	return tokenString
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isWordPart(c byte) bool { return isWordStart(c) || isDigit(c) || c == '$' }

func isOperator(c byte) bool { return strings.IndexByte("+-*/<>=~!@#%^&|`?", c) >= 0 }

// text is a token's text.
func (l *lexer) text(t token) string { return l.src[t.start:t.end] }

// is tells whether a token is one of the given key words (lower case) or punctuation.
func (l *lexer) is(t token, words ...string) bool {
	if t.kind != tokenWord && t.kind != tokenPunctuation && t.kind != tokenOperator {
		return false
	}
	s := l.text(t)
	for _, w := range words {
		if len(s) == len(w) && strings.EqualFold(s, w) {
			return true
		}
	}
	return false
}

// tokens reads a whole text. Meta-commands and unknown characters are tokens too.
func tokens(src string) []token {
	l := lexer{src: src}
	list := make([]token, 0, len(src)/5+1)
	for {
		t := l.next()
		if t.kind == tokenEnd {
			return list
		}
		list = append(list, t)
	}
}
