package code

import (
	"regexp"
	"strconv"
	"strings"
)

// percentMark finds %s, %(name)s, %1$s and %% of printf-like formats; braceMark {},
// {0}, {name:...} and {{ of the others. The groups are the name and the number.
var (
	percentMark = regexp.MustCompile(`%(?:%|(?:\(([^()]*)\)|<([^<>]*)>)?(?:(\d+)\$)?[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z])`)
	braceMark   = regexp.MustCompile(`\{\{|\}\}|\{([A-Za-z_][\w.\[\]]*)?(\d+)?(?:![a-z])?(?::[^{}]*)?\}`)
)

// fillers is what fills a format: by position, or by name.
type fillers struct {
	args  []*node
	named map[string]*node
	whole *node // the one expression that gives all, where it is not written out
}

// fillers reads what stands to the right of Python's or Ruby's %.
func (e *evaluator) fillers(n *node) fillers {
	for {
		if items := n.items(); (n.kind == "parenthesized_expression" || n.kind == "parenthesized_statements") && len(items) == 1 {
			n = items[0]
			continue
		}
		break
	}
	switch n.kind {
	case "tuple", "array":
		return fillers{args: n.items()}
	case "dictionary", "hash":
		return fillers{named: pairs(n)}
	}
	return fillers{args: []*node{n}, whole: n}
}

// pairs returns the entries of a dictionary, hash or object with names for keys.
func pairs(n *node) map[string]*node {
	named := map[string]*node{}
	for _, pair := range n.all("pair", "keyword_argument") {
		key, value := pair.child("key"), pair.child("value")
		if key == nil {
			key = pair.child("name")
		}
		if key != nil && value != nil {
			named[bareName(key)] = value
		}
	}
	return named
}

// bareName is a key without its quotes or colons.
func bareName(n *node) string {
	return strings.Trim(n.text(), "\"'`: \t\n")
}

// filled puts what fills a format in the place of its marks.
func (e *evaluator) filled(format [][]piece, mark *regexp.Regexp, with fillers, direct bool, depth int) [][]piece {
	var all [][]piece
	for _, pieces := range format {
		texts := [][]piece{nil}
		next := 0
		for _, p := range pieces {
			if p.hole != "" {
				texts = addPiece(texts, p)
				continue
			}
			at := 0
			for _, m := range mark.FindAllStringSubmatchIndex(p.text, -1) {
				texts = addPiece(texts, p.from(at, m[0]))
				at = m[1]
				if found := p.text[m[0]:m[1]]; found == "%%" || found == "{{" || found == "}}" {
					half := p.from(m[0], m[0]+1)
					texts = addPiece(texts, half)
					continue
				}
				filler, name := with.pick(p.text, m, mark == percentMark, &next)
				switch {
				case filler != nil:
					texts = e.product(texts, e.value(filler, direct, depth), filler)
				case name != "" && mark == braceMark:
					texts = e.productNamed(texts, name, p.from(m[0], m[1]), with.whole, depth)
				default:
					mark := p.from(m[0], m[1])
					mark.hole, mark.text = shortened(mark.text), ""
					texts = addPiece(texts, mark)
				}
			}
			texts = addPiece(texts, p.from(at, len(p.text)))
		}
		all = append(all, texts...)
	}
	return bounded(all)
}

// pick returns what fills a mark, nil where it is not written out, and the mark's name.
func (f fillers) pick(text string, m []int, percent bool, next *int) (filler *node, name string) {
	group := func(i int) string {
		if 2*i+1 < len(m) && m[2*i] >= 0 {
			return text[m[2*i]:m[2*i+1]]
		}
		return ""
	}
	name, number := group(1), group(2)
	if percent {
		if name == "" {
			name = group(2)
		}
		number = group(3)
	}
	if name != "" {
		return f.named[name], name
	}
	i := *next
	if number != "" {
		i, _ = strconv.Atoi(number)
		if percent {
			i--
		}
	} else {
		*next++
	}
	if i >= 0 && i < len(f.args) {
		return f.args[i], ""
	}
	return nil, ""
}

// productNamed puts the value of a name that a format reads itself (Rust's "{name}")
// behind some texts.
func (e *evaluator) productNamed(texts [][]piece, name string, mark piece, at *node, depth int) [][]piece {
	var more [][]piece
	if at != nil {
		more = e.variableValue(at, name, false, depth)
	}
	if more == nil || len(texts)*len(more) > maxTexts {
		mark.hole, mark.text = name, ""
		return addPiece(texts, mark)
	}
	var all [][]piece
	for _, t := range texts {
		for _, m := range more {
			all = append(all, append(append([]piece(nil), t...), m...))
		}
	}
	return bounded(all)
}

// addPiece puts one piece behind each of some texts.
func addPiece(texts [][]piece, p piece) [][]piece {
	if p.hole == "" && p.text == "" {
		return texts
	}
	all := make([][]piece, len(texts))
	for i, t := range texts {
		all[i] = append(append([]piece(nil), t...), p)
	}
	return all
}

// from is a part of a piece of text, with its place.
func (p piece) from(start, end int) piece {
	before := p.text[:start]
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		p.line += strings.Count(before, "\n")
		p.column = len(before) - i
	} else {
		p.column += len(before)
	}
	p.text = p.text[start:end]
	return p
}

// sameText are the functions and methods whose value is the text that they are given.
var sameText = map[string]bool{
	"strip": true, "lstrip": true, "rstrip": true, "dedent": true, "cleandoc": true, "text": true, "SQL": true, "Identifier": true, "literal_column": true, // Python
	"squish": true, "strip_heredoc": true, "freeze": true, "chomp": true, "to_s": true, "html_safe": true, "sql": true, // Ruby
	"trim": true, "trimStart": true, "trimEnd": true, "raw": true, "unsafe": true, "toString": true, // TypeScript
	"trimIndent": true, "trimMargin": true, "stripIndent": true, "intern": true, "valueOf": true, // Java, Kotlin
	"from": true, "to_string": true, "to_owned": true, "into": true, "as_str": true, "String": true, "new": true, "into_owned": true, // Rust
	"Trim": true, "ToString": true, // C#
}

// called is the value of a call: a format, a join, or a function that passes a text on.
func (e *evaluator) called(n *node, c *call, direct bool, depth int) [][]piece {
	switch c.name {
	case "format", "formatted", "sprintf", "vsprintf", "Format", "concat":
		return e.formatted(n, c, direct, depth)
	case "join", "Join", "joinToString", "implode":
		return e.joinedBy(c, direct, depth)
	}
	if lower := strings.ToLower(c.name); strings.Contains(lower, "quote") && len(c.args) > 0 && (strings.Contains(lower, "ident") || strings.Contains(lower, "table") || strings.Contains(lower, "column")) {
		return e.value(c.args[0], direct, depth) // quote_ident, quote_table_name, getQuotedIdentifier
	}
	if strings.HasPrefix(c.name, "replace") && len(c.args) == 2 && c.receiver != nil {
		return e.replaced(c, direct, depth)
	}
	if taggedSQL(n) {
		return e.value(n.child("arguments"), direct, depth)
	}
	if !sameText[c.name] {
		return nil
	}
	if len(c.args) == 0 && c.receiver != nil {
		texts := e.value(c.receiver, direct, depth)
		if c.name == "trimMargin" {
			for _, t := range texts {
				for i := range t {
					t[i].text = margin.ReplaceAllStringFunc(t[i].text, func(m string) string { return strings.Replace(m, "|", " ", 1) })
				}
			}
		}
		return texts
	}
	if len(c.args) == 1 && (c.receiver == nil || len(c.receiver.items()) == 0 || c.name == "SQL" || c.name == "text" || c.name == "sql" || c.name == "raw") {
		return e.value(c.args[0], direct, depth)
	}
	return nil
}

// replaced is the value of a call that replaces one text by another, where all three are known.
func (e *evaluator) replaced(c *call, direct bool, depth int) [][]piece {
	texts := e.value(c.receiver, direct, depth)
	old, instead := e.value(c.args[0], false, depth), e.value(c.args[1], false, depth)
	if len(old) != 1 || len(old[0]) != 1 || old[0][0].text == "" || len(instead) != 1 || len(instead[0]) != 1 || instead[0][0].hole != "" {
		return nil
	}
	for _, t := range texts {
		for i := range t {
			t[i].text = strings.ReplaceAll(t[i].text, old[0][0].text, instead[0][0].text)
		}
	}
	return bounded(texts)
}

var margin = regexp.MustCompile(`(?m)^[ \t]*\|`)

// formatted is the value of a call that fills a format.
func (e *evaluator) formatted(n *node, c *call, direct bool, depth int) [][]piece {
	mark := percentMark
	if c.braces {
		mark = braceMark
	}
	args := c.args
	if c.name == "concat" {
		if c.receiver == nil { // Rust's concat!
			return e.joined(args, direct, depth)
		}
		return e.joined(append([]*node{c.receiver}, args...), direct, depth)
	}
	if c.receiver != nil {
		if format := e.value(c.receiver, direct, depth); format != nil {
			return e.filled(format, mark, fillers{args: args, named: c.named, whole: n}, direct, depth)
		}
	}
	for i, arg := range args {
		if i > 1 { // String.format(locale, format, ...)
			break
		}
		if format := e.value(arg, direct, depth); format != nil {
			return e.filled(format, mark, fillers{args: args[i+1:], named: c.named, whole: n}, direct, depth)
		}
	}
	return nil
}

// joinedBy is the value of a join of a list that is written out.
func (e *evaluator) joinedBy(c *call, direct bool, depth int) [][]piece {
	var list, separator *node
	rest := []*node(nil)
	switch {
	case c.name == "implode" || c.receiver != nil && len(c.args) >= 2: // implode(", ", list), String.join(", ", ...)
		if len(c.args) < 2 {
			return nil
		}
		separator, list, rest = c.args[0], c.args[1], c.args[1:]
	case e.lang.source == "python" && len(c.args) == 1:
		separator, list = c.receiver, c.args[0]
	case len(c.args) == 1:
		separator, list = c.args[0], c.receiver
	}
	if separator == nil {
		return nil
	}
	between := e.value(separator, false, depth)
	elements := e.elements(list, 0)
	if elements == nil && len(rest) > 1 {
		elements = rest
	}
	if between == nil || len(elements) == 0 || len(elements) > 500 {
		return nil
	}
	var texts [][]piece
	known := false
	for i, element := range elements {
		t := e.value(element, direct, depth)
		known = known || t != nil
		if i == 0 {
			texts = e.product([][]piece{nil}, t, element)
			continue
		}
		texts = e.product(e.product(texts, between, separator), t, element)
	}
	if !known {
		return nil
	}
	if direct {
		e.taken[separator] = true
	}
	return texts
}
