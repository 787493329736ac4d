package code

import (
	"bytes"
	"path"
	"slices"
	"sort"
	"strings"
)

// commentSyntax is how a language writes comments and strings.
type commentSyntax struct {
	line   []string    // beginnings of comments that end with the line
	block  [][2]string // comments with an end
	quotes []string    // of strings; the longest first
	raw    string      // the quote inside which a backslash is itself
	docs   bool        // a string that stands alone is a comment
	starts *[256]bool  // the first bytes of all of them
}

var (
	cLike  = commentSyntax{line: []string{"//"}, block: [][2]string{{"/*", "*/"}}, quotes: []string{`"""`, `"`, "'", "`"}}
	script = commentSyntax{line: []string{"#"}, quotes: []string{`"""`, `'''`, `"`, "'", "`"}}
)

// withStarts is a syntax with the first bytes of what it knows.
func (x commentSyntax) withStarts() commentSyntax {
	x.starts = &[256]bool{}
	for _, b := range x.block {
		x.starts[b[0][0]] = true
	}
	for _, mark := range slices.Concat(x.line, x.quotes) {
		x.starts[mark[0]] = true
	}
	return x
}

// commentSyntaxes are the languages that are not written like C.
var commentSyntaxes = func() map[string]commentSyntax {
	golang := cLike
	golang.quotes, golang.raw = []string{`"`, "'", "`"}, "`"
	python := script
	python.docs = true
	ruby := script
	ruby.block = [][2]string{{"\n=begin", "\n=end"}}
	php := cLike
	php.line = []string{"//", "#"}
	rust := cLike
	rust.quotes = []string{`"`} // ' begins a lifetime as often as a character
	lisp := commentSyntax{line: []string{";"}, quotes: []string{`"`}}
	syntaxes := map[string]commentSyntax{".go": golang, ".py": python, ".rb": ruby, ".erb": ruby, ".rake": ruby, ".php": php, ".rs": rust,
		".sql": {line: []string{"--"}, block: [][2]string{{"/*", "*/"}}, quotes: []string{"'"}, raw: "'"},
		".ex":  script, ".exs": script, ".eex": script, ".heex": script, ".pl": script, ".pm": script, ".clj": lisp, ".cljc": lisp,
		".prisma": {line: []string{"//"}, quotes: []string{`"`}}, ".json": {quotes: []string{`"`}}}
	for ending, x := range syntaxes {
		syntaxes[ending] = x.withStarts()
	}
	return syntaxes
}()

var cLikeSyntax = cLike.withStarts()

// mentions are the hits of a file that stand in code or in strings, not in comments.
func mentions(name string, content []byte, hits []hit) []Mention {
	x, ok := commentSyntaxes[strings.ToLower(path.Ext(name))]
	if !ok {
		x = cLikeSyntax
	}
	comments := x.comments(content, hits[len(hits)-1].end)
	var list []Mention
	line, at := 1, 0
	for _, h := range hits {
		if inComment(comments, h.start) {
			continue
		}
		line += bytes.Count(content[at:h.start], []byte("\n"))
		at = h.start
		if n := len(list); n > 0 && list[n-1].Line == line && list[n-1].Name == string(content[h.start:h.end]) {
			continue
		}
		begin := bytes.LastIndexByte(content[:h.start], '\n') + 1
		text, _, _ := bytes.Cut(content[begin:min(len(content), begin+1000)], []byte("\n"))
		list = append(list, Mention{Path: name, Line: line, Name: string(content[h.start:h.end]), Of: h.name, Text: cut(string(text)), Reason: "only the name " + h.name + " is seen"})
	}
	return list
}

// span is a range of bytes.
type span struct{ start, end int }

func inComment(spans []span, at int) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i].end > at })
	return i < len(spans) && spans[i].start <= at
}

// comments finds the comments that begin before end. What is not closed ends with the
// file, a plain string with its line.
func (x commentSyntax) comments(text []byte, end int) []span {
	var list []span
	for at := 0; at < end; {
		if !x.starts[text[at]] {
			at++
			continue
		}
		rest := text[at:]
		if begins(rest, x.line) != "" {
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			list = append(list, span{at, at + n})
			at += n
			continue
		}
		if n := x.blockEnd(rest); n > 0 {
			list = append(list, span{at, at + n})
			at += n
			continue
		}
		if quote := begins(rest, x.quotes); quote != "" {
			n := x.stringEnd(rest, quote)
			if x.docs && len(quote) == 3 && alone(text, at) {
				list = append(list, span{at, at + n})
			}
			at += n
			continue
		}
		at++
	}
	return list
}

// alone tells that nothing but white space stands before an offset on its line.
func alone(text []byte, at int) bool {
	begin := bytes.LastIndexByte(text[:at], '\n') + 1
	return len(bytes.TrimSpace(text[begin:at])) == 0
}

func begins(rest []byte, marks []string) string {
	for _, m := range marks {
		if len(rest) >= len(m) && string(rest[:len(m)]) == m {
			return m
		}
	}
	return ""
}

func (x commentSyntax) blockEnd(rest []byte) int {
	for _, b := range x.block {
		if !bytes.HasPrefix(rest, []byte(b[0])) {
			continue
		}
		if i := bytes.Index(rest[len(b[0]):], []byte(b[1])); i >= 0 {
			return len(b[0]) + i + len(b[1])
		}
		return len(rest)
	}
	return 0
}

func (x commentSyntax) stringEnd(rest []byte, quote string) int {
	multiline := len(quote) == 3 || quote == "`" || x.raw == quote
	for at := len(quote); at < len(rest); at++ {
		switch {
		case rest[at] == '\\' && x.raw != quote:
			at++
		case rest[at] == '\n' && !multiline:
			return at
		case rest[at] == quote[0] && bytes.HasPrefix(rest[at:], []byte(quote)):
			return at + len(quote)
		}
	}
	return len(rest)
}
