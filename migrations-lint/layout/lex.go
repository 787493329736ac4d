package layout

import "strings"

// tokenKind is a kind of token of SQL, as coarse as finding statements and placeholders needs.
type tokenKind uint8

const (
	endToken     tokenKind = iota
	wordToken              // a name, keyword or number
	stringToken            // 'text' or E'text'
	identToken             // "name" or `name`
	dollarToken            // $tag$ body $tag$
	commentToken           // -- or # to the end of the line, or /* */
	tagToken               // {{ }} or ${ }
	psqlToken              // :name, :'name' or :"name"
	punctToken             // one other byte
)

type token struct {
	kind       tokenKind
	start, end int
}

// lexer cuts SQL into tokens, without ever failing: what is not closed runs to the end.
type lexer struct {
	src   string
	pos   int
	limit int
	tags  tagSyntax
	mysql bool // a backslash escapes in every string; ` and # mean what they do in MySQL
	close int  // where the next }} is, once looked for
}

// tagSyntax is a set of kinds of placeholders.
type tagSyntax uint8

const (
	goTags       tagSyntax = 1 << iota // {{ }}
	dollarTags                         // ${name}
	psqlTags                           // :'name' and :"name"
	psqlBareTags                       // :name
	commentTags                        // /* TEMPLATE: name */
	inStrings                          // tags inside of strings and comments count as well
	lowerNames                         // names do not depend on case
)

func newLexer(src string, engine Engine, tags tagSyntax) *lexer {
	return &lexer{src: src, limit: len(src), tags: tags, mysql: engine == MySQL}
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}

// next returns the next token; white space lies between tokens.
func (l *lexer) next() token {
	for l.pos < l.limit && isSpace(l.src[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start >= l.limit {
		return token{endToken, start, start}
	}
	if end := l.tagAt(start); end > 0 {
		l.pos = end
		return token{tagToken, start, end}
	}
	rest := l.src[start:l.limit]
	c := rest[0]
	switch {
	case strings.HasPrefix(rest, "--") || c == '#' && l.mysql:
		return l.upTo(commentToken, start, "\n", 0)
	case strings.HasPrefix(rest, "/*"):
		return l.blockComment(start)
	case c == '\'':
		return l.quoted(stringToken, start, start+1, l.mysql)
	case (c == 'e' || c == 'E') && len(rest) > 1 && rest[1] == '\'':
		return l.quoted(stringToken, start, start+2, true)
	case c == '"' && l.mysql:
		return l.quoted(stringToken, start, start+1, true)
	case c == '"', c == '`' && l.mysql:
		return l.quoted(identToken, start, start+1, false)
	case c == '$':
		if tag := dollarTag(rest); tag != "" && !l.mysql {
			return l.upTo(dollarToken, start+len(tag), tag, len(tag))
		}
	case c == ':':
		if end := l.psqlAt(start); end > 0 {
			l.pos = end
			return token{psqlToken, start, end}
		}
		if strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, ":=") {
			l.pos = start + 2
			return token{punctToken, start, l.pos}
		}
	case isWord(c):
		i := 1
		for i < len(rest) && (isWord(rest[i]) || rest[i] == '$' && l.tagAt(start+i) == 0) {
			i++
		}
		l.pos = start + i
		return token{wordToken, start, l.pos}
	}
	l.pos = start + 1
	return token{punctToken, start, l.pos}
}

// upTo ends a token after the next occurrence of end from a place; back is how much before it the token started.
func (l *lexer) upTo(kind tokenKind, from int, end string, back int) token {
	l.pos = l.limit
	if i := strings.Index(l.src[from:l.limit], end); i >= 0 {
		l.pos = from + i + len(end)
	}
	return token{kind, from - back, l.pos}
}

// blockComment ends at the matching */; comments nest, except in MySQL.
func (l *lexer) blockComment(start int) token {
	depth := 1
	l.pos = start + 2
	for l.pos < l.limit && depth > 0 {
		rest := l.src[l.pos:l.limit]
		switch {
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.pos += 2
		case strings.HasPrefix(rest, "/*") && !l.mysql:
			depth++
			l.pos += 2
		default:
			l.pos++
		}
	}
	return token{commentToken, start, l.pos}
}

// quoted ends at the closing quote, which is the byte before from; a doubled quote stands for itself.
func (l *lexer) quoted(kind tokenKind, start, from int, backslash bool) token {
	quote := l.src[from-1]
	for i := from; i < l.limit; i++ {
		switch c := l.src[i]; {
		case c == '\\' && backslash:
			i++
		case c == quote && i+1 < l.limit && l.src[i+1] == quote:
			i++
		case c == quote:
			l.pos = i + 1
			return token{kind, start, l.pos}
		case kind == identToken || l.tags&inStrings != 0:
			if end := l.tagAt(i); end > 0 { // it may hold the quote
				i = end - 1
			}
		}
	}
	l.pos = l.limit
	return token{kind, start, l.pos}
}

// dollarTag returns the $tag$ at the start of a text, or "".
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$':
			return s[:i+1]
		case !isWord(c) || i == 1 && c >= '0' && c <= '9':
			return ""
		}
	}
	return ""
}

// tagAt returns the end of the {{ }} or ${ } tag that starts at a place, or 0.
func (l *lexer) tagAt(start int) int {
	rest := l.src[start:l.limit]
	if len(rest) < 4 {
		return 0
	}
	switch {
	case l.tags&goTags != 0 && rest[0] == '{' && rest[1] == '{':
		return l.goTagEnd(start)
	case l.tags&dollarTags != 0 && rest[0] == '$' && rest[1] == '{':
		for i := 2; i < min(len(rest), maxTag); i++ {
			switch rest[i] {
			case '}':
				if i > 2 {
					return start + i + 1
				}
				return 0
			case '\n', '$', '{':
				return 0
			}
		}
	}
	return 0
}

// goTagEnd finds the }} of a Go template's action, past its strings and comments (text/template, "Actions").
func (l *lexer) goTagEnd(start int) int {
	if l.close < start {
		l.close = len(l.src)
		if n := strings.Index(l.src[start:l.limit], "}}"); n >= 0 {
			l.close = start + n
		}
	}
	if l.close-start > maxTag {
		return 0
	}
	i := start + 2
	body := strings.TrimLeft(strings.TrimPrefix(l.src[i:min(l.limit, i+maxTag)], "-"), " \t\r\n")
	if strings.HasPrefix(body, "/*") {
		if n := strings.Index(l.src[i:l.limit], "*/"); n >= 0 {
			i += n + 2
		}
	}
	for stop := min(l.limit, start+maxTag); i+1 < stop; i++ {
		switch c := l.src[i]; c {
		case '"', '\'', '`':
			for i++; i < stop && l.src[i] != c; i++ {
				if l.src[i] == '\\' && c != '`' {
					i++
				}
			}
		case '}':
			if l.src[i+1] == '}' {
				return i + 2
			}
		}
	}
	return 0
}

// maxTag bounds the search for a tag's end, so that a text of many openings stays linear.
const maxTag = 1024

// psqlAt returns the end of a psql variable at a colon, or 0 (psql manual, "SQL Interpolation").
func (l *lexer) psqlAt(start int) int {
	rest := l.src[start:l.limit]
	if len(rest) < 2 || start > 0 && (l.src[start-1] == ':' || isWord(l.src[start-1]) || l.src[start-1] == ']') {
		return 0
	}
	c := rest[1]
	switch {
	case (c == '\'' || c == '"') && l.tags&psqlTags != 0:
		name := rest[2:]
		i := 0
		for i < len(name) && isWord(name[i]) {
			i++
		}
		if i > 0 && i < len(name) && name[i] == c {
			return start + 2 + i + 1
		}
	case isWord(c) && (c < '0' || c > '9') && l.tags&psqlBareTags != 0:
		i := 1
		for i < len(rest) && isWord(rest[i]) {
			i++
		}
		return start + i
	}
	return 0
}

// statement is one SQL statement of a text.
type statement struct {
	start, end int    // end is after the semicolon
	words      string // its first words in upper case, with single spaces between
}

// statements cuts a text at semicolons that are outside of quotes, parentheses and BEGIN ATOMIC bodies.
func statements(text string, engine Engine) []statement {
	var (
		out    []statement
		cur    statement
		open   bool
		parens int
		atomic int // depth of BEGIN ATOMIC and CASE, which END closes
		prev   string
		words  []string
	)
	finish := func(end int) {
		if open {
			cur.end, cur.words = end, strings.Join(words, " ")
			out = append(out, cur)
		}
		open, parens, atomic, prev, words = false, 0, 0, "", nil
	}
	l := newLexer(text, engine, 0)
	for {
		t := l.next()
		switch t.kind {
		case endToken:
			finish(t.start)
			return out
		case commentToken:
			continue
		case punctToken:
			switch text[t.start] {
			case '(':
				parens++
			case ')':
				parens = max(parens-1, 0)
			case ';':
				if parens == 0 && atomic == 0 {
					finish(t.end)
					continue
				}
			}
		}
		if !open {
			open, cur.start = true, t.start
		}
		if t.kind != wordToken {
			prev = ""
			if len(words) < maxWords {
				words = append(words, text[t.start:min(t.end, t.start+1)])
			}
			continue
		}
		word := ""
		if t.end-t.start <= 32 {
			word = strings.ToUpper(text[t.start:t.end])
		}
		switch {
		case word == "ATOMIC" && prev == "BEGIN":
			atomic++
		case atomic > 0 && word == "CASE":
			atomic++
		case atomic > 0 && word == "END":
			atomic--
		}
		prev = word
		if len(words) < maxWords {
			words = append(words, word)
		}
	}
}

// maxWords is how many leading tokens of a statement are kept.
const maxWords = 8
