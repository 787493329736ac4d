// Package yamltree reads a YAML document out of somebody else's repository: as
// a tree whose lines are exact, which is bounded, and in which no alias, merge
// key or repeated key is left for its reader to trip over.
package yamltree

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The limits of a document beside its size.
const (
	MaxDepth   = 32     // collections inside each other
	MaxAliases = 100    // "*name" in the text
	MaxNodes   = 50_000 // values, each counted as often as aliases repeat it
)

// Options are what Parse does not ask for: other limits, and merge keys.
type Options struct {
	MaxBytes   int
	MaxAliases int  // 0 = MaxAliases
	MaxNodes   int  // 0 = MaxNodes
	MergeKeys  bool // "<<: *name" brings the keys of name that stand not beside it (YAML 1.1, Merge Key Language-Independent Type)
}

// searchBudget bounds, in bytes given to the parser, the search for the line of a syntax error.
const searchBudget = 512 << 10

// Problem is something wrong with the text.
type Problem struct {
	Line    int // counted from 1, as git counts: only LF, and CRLF, end a line
	Message string
}

// Parse reads content, whose first line is line firstLine of its file, and which
// may have at most maxBytes.
//
// The root is nil where there is no value (empty, or only comments) or where a
// limit was met. After a syntax error the root holds what stands before it.
// Repeated keys are dropped after their first, keys that are not text and merge
// keys are dropped too (see [ParseWith]), each with a problem; aliases are replaced by what they
// stand for. Node.Line is the line in the file.
func Parse(content []byte, firstLine, maxBytes int) (*yaml.Node, []Problem) {
	return ParseWith(content, firstLine, Options{MaxBytes: maxBytes})
}

// ParseWith is [Parse] with other options. Where merge keys are read, a mapping
// holds what they bring behind its own keys, with the lines of where that stands.
func ParseWith(content []byte, firstLine int, o Options) (*yaml.Node, []Problem) {
	if len(content) > o.MaxBytes {
		return nil, []Problem{{firstLine, fmt.Sprintf("%d bytes of YAML, at most %d are read: move the text out of it", len(content), o.MaxBytes)}}
	}
	o.MaxAliases, o.MaxNodes = cmp.Or(o.MaxAliases, MaxAliases), cmp.Or(o.MaxNodes, MaxNodes)
	t := &tree{Options: o, offset: firstLine - 1, lines: max(1, bytes.Count(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))+1)}
	content = t.clean(content)
	root, err := decode(content)
	if err != nil {
		var line int
		root, line = longestReadable(content)
		if line == 0 {
			line = parserLine(err)
		}
		t.problem(line, "%s", explain(err, content, line))
	}
	if root == nil {
		return nil, t.problems
	}
	t.check(root, 1)
	if (t.aliases > 0 || t.merges) && !t.refused && t.affordable(root, 1) {
		t.substitute(root)
	}
	if t.refused {
		return nil, t.problems
	}
	return root, t.problems
}

// tree is the state of one Parse.
type tree struct {
	Options
	offset   int // to add to a line of the content
	lines    int // of the content
	problems []Problem
	nodes    int
	aliases  int
	merges   bool
	refused  bool // a limit was met
}

func (t *tree) problem(line int, format string, args ...any) {
	t.problems = append(t.problems, Problem{min(line, t.lines) + t.offset, fmt.Sprintf(format, args...)})
}

func (t *tree) refuse(line int, format string, args ...any) {
	t.refused = true
	t.problem(line, format, args...)
}

// clean puts a space in the place of every character that YAML does not allow or
// counts as an end of line where git does not, and reports the first of each kind.
func (t *tree) clean(content []byte) []byte {
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	out := make([]byte, 0, len(content))
	reported := map[string]bool{}
	report := func(line int, what string) {
		if !reported[what] {
			reported[what] = true
			t.problem(line, "%s", what)
		}
	}
	line := 1
	for i := 0; i < len(content); {
		r, size := utf8.DecodeRune(content[i:])
		switch {
		case r == '\n':
			line++
			out = append(out, '\n')
		case r == utf8.RuneError && size == 1:
			report(line, "not valid UTF-8: save the file as UTF-8")
			out = append(out, ' ')
		case r == '\r':
			report(line, "a carriage return alone does not end a line: save the file with LF or CRLF line ends")
			out = append(out, ' ')
		case r == '\u0085' || r == '\u2028' || r == '\u2029': // line ends to YAML 1.1 only
			out = append(out, ' ')
		case r < ' ' && r != '\t', r >= 0x7f && r < 0xa0, r == 0xfffe, r == 0xffff, r == '\ufeff':
			report(line, fmt.Sprintf("the control character U+%04X cannot stand in YAML: remove it", r))
			out = append(out, ' ')
		default:
			out = append(out, content[i:i+size]...)
		}
		i += size
	}
	return out
}

var errSecondDocument = errors.New("a second document begins after \"---\": one file holds one document")

// decode gives the value of the only document, nil when there is none.
func decode(content []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errSecondDocument
		}
		return nil, err
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Value == "" && root.Style == 0 && root.Anchor == "" {
		return nil, nil // "---" and nothing after it
	}
	return root, nil
}

// longestReadable gives the value of the longest run of lines from the top that
// is YAML, and the line after it, which is the one with the error: the parser's
// own line is that of the construct around it, or one off. A construct over
// several lines makes some shorter runs unreadable, so it looks ahead. The line
// is 0 where the text is too large to search.
func longestReadable(content []byte) (*yaml.Node, int) {
	const lookAhead = 40
	ends := []int{0} // ends[n] = where the first n lines end
	for i, c := range content {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if ends[len(ends)-1] != len(content) {
		ends = append(ends, len(content))
	}
	budget := searchBudget
	var root *yaml.Node
	readable := func(lines int) bool {
		budget -= ends[lines] + 256
		node, err := decode(content[:ends[lines]])
		if err != nil {
			return false
		}
		root = node
		return true
	}
	good, bad := 0, len(ends)-1
	for budget > 0 {
		for bad-good > 1 && budget > 0 {
			if middle := (good + bad) / 2; readable(middle) {
				good = middle
			} else {
				bad = middle
			}
		}
		next := 0
		for n := bad + 1; n < len(ends)-1 && n <= bad+lookAhead && budget > 0; n++ {
			if readable(n) {
				next = n
				break
			}
		}
		if next == 0 {
			break
		}
		good, bad = next, len(ends)-1
	}
	if bad-good > 1 {
		return root, 0
	}
	return root, good + 1
}

var parserPrefix = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parserLine gives the line that the parser names, 1 where it names none.
func parserLine(err error) int {
	if match := parserPrefix.FindStringSubmatch(err.Error()); match != nil {
		if line, err := strconv.Atoi(match[1]); err == nil && line > 0 {
			return line
		}
	}
	return 1
}

// explain says what the parser's error means for somebody who writes the file.
func explain(err error, content []byte, line int) string {
	if errors.Is(err, errSecondDocument) {
		return err.Error()
	}
	message := "not YAML: " + shorten(parserPrefix.ReplaceAllString(err.Error(), ""))
	lines := bytes.SplitN(content, []byte("\n"), line+1)
	if line <= len(lines) {
		text := lines[line-1]
		if indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]; bytes.ContainsRune(indent, '\t') {
			return "not YAML: a tab indents the line: indent with spaces"
		}
		if strings.Contains(message, "alphabetic or numeric character") || strings.Contains(message, "unknown anchor") {
			return message + ": put quotes around a text that begins with * or &"
		}
		if strings.Contains(message, "mapping values are not allowed") {
			return message + ": put quotes around a text with a colon in it"
		}
	}
	return message
}

// check makes the lines those of the file, drops what no reader should meet and
// enforces the limits on the text as it stands.
func (t *tree) check(n *yaml.Node, depth int) {
	line := n.Line
	n.Line = min(line, t.lines) + t.offset // the parser puts what is missing at the end on a line of its own
	if t.nodes++; t.nodes == t.MaxNodes+1 {
		t.refuse(line, "more than %d values: too many for this file", t.MaxNodes)
	}
	if depth > MaxDepth {
		t.refuse(line, "more than %d levels of nesting", MaxDepth)
	}
	if t.refused {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		if t.aliases++; t.aliases == t.MaxAliases+1 {
			t.refuse(line, "more than %d aliases (*%s): write the values out", t.MaxAliases, shorten(n.Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			t.check(item, depth+1)
		}
	case yaml.MappingNode:
		t.checkMapping(n, depth)
	}
}

func (t *tree) checkMapping(n *yaml.Node, depth int) {
	first := map[string]int{}
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content) && !t.refused; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		line := key.Line
		t.check(key, depth+1)
		t.check(value, depth+1)
		switch {
		case key.Kind != yaml.ScalarNode:
			t.problem(line, "a key must be text, not %s", Describe(key))
		case key.Tag == "!!merge" && t.MergeKeys && merges(value):
			t.merges = true
			kept = append(kept, key, value)
		case key.Tag == "!!merge" && t.MergeKeys:
			t.problem(line, "a merge key (<<) takes a mapping, or a list of them, not %s", Describe(value))
		case key.Tag == "!!merge":
			t.problem(line, "merge keys (<<) are not read: write the keys out")
		case first[key.Value] > 0:
			t.problem(line, "key %s is written twice, first on line %d: keep one", Quote(key.Value), first[key.Value])
		default:
			first[key.Value] = key.Line
			kept = append(kept, key, value)
		}
	}
	n.Content = kept
}

// affordable tells whether the tree stays inside the limits once every alias is
// replaced by what it stands for. An anchor that contains itself never does.
func (t *tree) affordable(root *yaml.Node, depth int) bool {
	budget := t.MaxNodes
	var walk func(n *yaml.Node, depth int) bool
	walk = func(n *yaml.Node, depth int) bool {
		if n.Kind == yaml.AliasNode {
			return walk(n.Alias, depth+1) // deeper, so that an alias of itself comes to an end
		}
		if budget--; budget < 0 || depth > 2*MaxDepth {
			return false
		}
		for _, child := range n.Content {
			if !walk(child, depth+1) {
				return false
			}
		}
		return true
	}
	if !walk(root, depth) {
		t.refuse(root.Line-t.offset, "the aliases (*name) unfold to more than %d values or %d levels: write the values out", t.MaxNodes, 2*MaxDepth)
	}
	return !t.refused
}

func (t *tree) substitute(n *yaml.Node) {
	for i, child := range n.Content {
		for child.Kind == yaml.AliasNode {
			child = child.Alias
			n.Content[i] = child
		}
		t.substitute(child)
	}
	if t.merges && n.Kind == yaml.MappingNode {
		merge(n)
	}
}

// merges tells that a value can stand at a merge key.
func merges(v *yaml.Node) bool {
	behind := func(n *yaml.Node) *yaml.Node {
		if n.Kind == yaml.AliasNode {
			return n.Alias
		}
		return n
	}
	if v = behind(v); v.Kind == yaml.SequenceNode {
		return !slices.ContainsFunc(v.Content, func(item *yaml.Node) bool { return behind(item).Kind != yaml.MappingNode })
	}
	return v.Kind == yaml.MappingNode
}

// merge puts the keys that merge keys bring behind a mapping's own. The first that
// brings a key counts. What they refer to has been merged already.
func merge(n *yaml.Node) {
	var own, brought []*yaml.Node
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Tag != "!!merge" {
			own = append(own, key, n.Content[i+1])
			has[key.Value] = true
		}
	}
	if len(own) == len(n.Content) {
		return
	}
	bring := func(from *yaml.Node) {
		for i := 0; i+1 < len(from.Content); i += 2 {
			if key := from.Content[i]; key.Tag != "!!merge" && !has[key.Value] {
				brought = append(brought, key, from.Content[i+1])
				has[key.Value] = true
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch value := n.Content[i+1]; {
		case n.Content[i].Tag != "!!merge":
		case value.Kind == yaml.SequenceNode:
			for _, from := range value.Content {
				bring(from)
			}
		default:
			bring(value)
		}
	}
	n.Content = append(own, brought...)
}

// Describe names what a node is, for "expected text, got a list".
func Describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + shorten(n.Value)
	case "!!bool":
		return shorten(n.Value)
	}
	return Quote(n.Value)
}

// Quote gives a text of the document as a message shows it.
func Quote(s string) string { return strconv.Quote(shorten(s)) }

// shorten keeps what a message quotes readable: on one line, without control characters.
func shorten(s string) string {
	const most = 80
	if letters := []rune(s); len(letters) > most {
		s = string(letters[:most]) + "..."
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
}
