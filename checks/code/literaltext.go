package code

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoting is how a kind of literal writes its text.
type quoting struct {
	escapes escaping
	body    string // kind of the child that holds the text; "" = what is between the quotes
}

// escaping is what a backslash, or a doubled character, stands for.
type escaping int

const (
	raw       escaping = iota // everything is itself
	backslash                 // \n, \t, \x41, A, \u{41}, \101, and \ at the end of a line
	trimming                  // backslash, and \ at the end of a line also takes the next line's indent: Rust
	sparse                    // only \\ and \': PHP's and Ruby's single quotes
	doubled                   // "" is ": C#'s verbatim strings
)

// literal is the value of a string literal with what its holes stand for.
func (e *evaluator) literal(n *node, q quoting, direct bool, depth int) [][]piece {
	body := n
	start, end, escapes := e.inside(n, q)
	if n.kind == "heredoc_beginning" {
		if body = e.heredoc(n); body == nil {
			return nil
		}
		start, end, escapes = heredocInside(n, body)
	}
	texts := [][]piece{nil}
	at := start
	var holes []*node
	literally := n.kind == "heredoc_beginning" && escapes == raw
	body.walk(func(c *node) bool {
		if c != body && !literally && slices.Contains(e.lang.holes, c.kind) && c.start >= start && c.end <= end {
			holes = append(holes, c)
			return false
		}
		return true
	})
	for _, h := range holes {
		from, to := e.marked(h, at, end)
		if h.start < at {
			continue
		}
		texts = e.product(texts, e.plain(at, from, escapes, len(holes) > 0 && e.lang.bracesDouble(n)), h)
		inner := h
		if items := h.items(); len(items) > 0 && h.kind != "variable_name" {
			if inner = items[0]; inner.kind == "interpolation_brace" && len(items) > 1 {
				inner = items[1]
			}
		}
		texts = e.product(texts, e.interpolated(n, inner, direct, depth), inner)
		at = to
	}
	return e.product(texts, e.plain(at, end, escapes, e.lang.bracesDouble(n)), n)
}

// marked is a hole with the $, ${ and } around it, which Kotlin's and PHP's grammars
// leave outside.
func (e *evaluator) marked(hole *node, start, end int) (from, to int) {
	from, to = hole.start, hole.end
	if e.lang.source != "kotlin" && e.lang.source != "php" {
		return from, to
	}
	text := e.tree.text
	if from > start && to < end && text[from-1] == '{' && text[to] == '}' {
		from, to = from-1, to+1
	}
	if from > start && text[from-1] == '$' {
		from--
	}
	return from, to
}

// heredoc is the body of one of Ruby's here documents: they follow in the order of
// their beginnings.
func (e *evaluator) heredoc(beginning *node) *node {
	if e.heredocs == nil {
		e.heredocs = map[*node]*node{}
		var open []*node
		e.tree.root.walk(func(n *node) bool {
			switch n.kind {
			case "heredoc_beginning":
				open = append(open, n)
			case "heredoc_body":
				if len(open) > 0 {
					e.heredocs[open[0]], open = n, open[1:]
				}
			}
			return true
		})
	}
	return e.heredocs[beginning]
}

func heredocInside(beginning, body *node) (start, end int, escapes escaping) {
	start, end = body.start, body.end
	if last := body.first("heredoc_end"); last != nil {
		end = last.start
	}
	if strings.Contains(beginning.text(), "'") {
		return start, end, raw
	}
	return start, end, backslash
}

// interpolated is the value of what stands in a hole of a literal. The tag of a
// template sends a value beside the text, but joins another template into it.
func (e *evaluator) interpolated(literal, inner *node, direct bool, depth int) [][]piece {
	if literal.kind == "template_string" && taggedSQL(literal.parent) {
		if !e.isFragment(inner, 0) {
			return nil
		}
	}
	return e.value(inner, direct, depth)
}

// taggedSQL tells that a call is a template with a tag that is about SQL: sql`...`,
// prisma.$queryRaw`...`.
func taggedSQL(n *node) bool {
	if n == nil || n.kind != "call_expression" || n.child("arguments") == nil || n.child("arguments").kind != "template_string" {
		return false
	}
	tag := strings.ToLower(lastName(n.child("function")))
	return strings.Contains(tag, "sql") || strings.Contains(tag, "query") || strings.Contains(tag, "raw") || strings.Contains(tag, "execute") || strings.Contains(tag, "fragment")
}

// isFragment tells that an expression is a tagged template, or a choice of some.
func (e *evaluator) isFragment(n *node, depth int) bool {
	if e.steps++; n == nil || depth > 5 || e.steps > maxSteps {
		return false
	}
	switch {
	case taggedSQL(n):
		return true
	case slices.Contains(e.lang.choice, n.kind):
		return slices.ContainsFunc(e.lang.branches(n), func(b *node) bool { return e.isFragment(b, depth+1) })
	case slices.Contains(e.lang.wrap, n.kind):
		return len(n.items()) == 1 && e.isFragment(n.items()[0], depth+1)
	}
	if name, _ := e.lang.variable(n); name != "" {
		return slices.ContainsFunc(e.defined[name], func(d definition) bool { return e.isFragment(d.value, depth+1) })
	}
	return false
}

// lastName is the last name of a dotted expression.
func lastName(n *node) string {
	text := ""
	for n != nil {
		if len(n.children) == 0 {
			return n.text()
		}
		switch n.kind {
		case "call_expression", "type_arguments", "arguments", "generic_function", "await_expression", "non_null_expression", "instantiation_expression":
			n = n.children[len(n.children)-1]
			if n.kind == "type_arguments" && n.parent.child("function") != nil {
				n = n.parent.child("function")
			}
			continue
		}
		n = n.children[len(n.children)-1]
	}
	return text
}

// bracesDouble tells that {{ is { in a literal: Python's f-strings, C#'s $-strings.
func (l *language) bracesDouble(n *node) bool {
	head := n.text()
	if i := strings.IndexAny(head, "\"'"); i > 0 {
		head = strings.ToLower(head[:i])
		return l.source == "python" && strings.Contains(head, "f") || l.source == "csharp" && strings.Contains(head, "$")
	}
	return false
}

// inside returns where the text of a literal begins and ends in the file.
func (e *evaluator) inside(n *node, q quoting) (start, end int, escapes escaping) {
	start, end, escapes = n.start, n.end, q.escapes
	if q.body != "" {
		if body := n.first(q.body); body != nil {
			return body.start, body.end, escapes
		}
		return end, end, escapes
	}
	text := e.tree.text[n.start:n.end]
	if n.kind == "bare_string" { // of %w[a b]
		return start, end, raw
	}
	i := 0
	for i < len(text) && (text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z' || strings.IndexByte("@$#~%", text[i]) >= 0) {
		i++
	}
	if i >= len(text) {
		return start, end, escapes
	}
	prefix := strings.ToLower(string(text[:i]))
	quote := text[i]
	run := 1
	if quote == '"' || quote == '\'' || quote == '`' {
		for i+run < len(text) && text[i+run] == quote {
			run++
		}
		if run < 3 || run >= 6 && i+run == len(text) {
			run = min(run, 1) // two are an empty text, six an empty text in three
		}
	}
	if e.lang.source == "python" && strings.Contains(prefix, "r") {
		escapes = raw
	}
	if e.lang.source == "csharp" && (strings.Contains(prefix, "@") || run >= 3) {
		if escapes = doubled; run >= 3 {
			escapes = raw
		}
	}
	switch {
	case e.lang.source == "ruby" && (quote == '\'' || i > 1 && text[1] == 'q'):
		escapes = sparse
	case e.lang.source == "elixir" && i > 1 && text[1] >= 'A' && text[1] <= 'Z':
		escapes = raw
	}
	start += i + run
	if end -= run + strings.Count(prefix, "#"); end < start || run >= 3 && end-run < n.start {
		end = max(start, end)
	}
	return start, min(end, n.end), escapes
}

// plain is the text of a part of a literal, as a value of one piece.
func (e *evaluator) plain(start, end int, escapes escaping, braces bool) [][]piece {
	if start >= end {
		return [][]piece{nil}
	}
	text := unescape(string(e.tree.text[start:end]), escapes)
	if braces {
		text = strings.NewReplacer("{{", "{", "}}", "}").Replace(text)
	}
	line, column := e.tree.place(start)
	return [][]piece{{{text: text, line: line, column: column}}}
}

// unescape reads the escapes of a literal's text. What is no escape is itself.
func unescape(text string, escapes escaping) string {
	switch escapes {
	case raw:
		return text
	case doubled:
		return strings.ReplaceAll(text, `""`, `"`)
	}
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		c := text[i]
		if escapes == sparse {
			if c != '\\' && c != '\'' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
			continue
		}
		if at := strings.IndexByte("ntrbfv0aes", c); at >= 0 && !(c == '0' && i+1 < len(text) && digitRun(text[i+1:], 1, 8) == 1) {
			b.WriteByte("\n\t\r\b\f\v\x00\a\x1b "[at])
			continue
		}
		switch {
		case c == '\n' || c == '\r':
			if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
			for escapes == trimming && i+1 < len(text) && strings.IndexByte(" \t\r\n", text[i+1]) >= 0 {
				i++
			}
		case c == 'x' || c == 'u' || c == 'U':
			i += codePoint(&b, text[i:])
		case c >= '0' && c <= '7':
			n := digitRun(text[i:], 3, 8)
			v, _ := strconv.ParseUint(text[i:i+n], 8, 32)
			b.WriteRune(rune(v))
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// codePoint reads x41, u0041, u{41} or U00000041, and returns how many bytes it takes after the first.
func codePoint(b *strings.Builder, text string) int {
	width := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[0]]
	start := 1
	if strings.HasPrefix(text[1:], "{") {
		start, width = 2, 6
	}
	n := digitRun(text[start:], width, 16)
	if n == 0 {
		b.WriteByte(text[0])
		return 0
	}
	v, _ := strconv.ParseUint(text[start:start+n], 16, 32)
	if v > utf8.MaxRune {
		v = utf8.RuneError
	}
	b.WriteRune(rune(v))
	if start == 2 && strings.HasPrefix(text[start+n:], "}") {
		n++
	}
	return start + n - 1
}

// digitRun counts the digits, at most so many, with which a text begins.
func digitRun(text string, most, base int) int {
	n := 0
	for n < len(text) && n < most {
		if _, err := strconv.ParseUint(text[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	return n
}
