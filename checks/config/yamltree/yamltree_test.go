package yamltree

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// outline writes a tree in one line, so that a table can hold it.
func outline(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	switch n.Kind {
	case yaml.MappingNode:
		var parts []string
		for i := 0; i < len(n.Content); i += 2 {
			parts = append(parts, fmt.Sprintf("%s@%d=%s", n.Content[i].Value, n.Content[i].Line, outline(n.Content[i+1])))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case yaml.SequenceNode:
		var parts []string
		for _, item := range n.Content {
			parts = append(parts, outline(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case yaml.ScalarNode:
		return n.Value
	}
	return fmt.Sprintf("kind %d", n.Kind)
}

func TestMergeKeys(t *testing.T) {
	tests := []struct {
		name, in, want string
		problems       []Problem
	}{
		{name: "a mapping", in: "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", want: "{a@1={b@1=1 c@1=2} d@2={c@4=3 b@1=1}}"},
		{name: "a list, whose first counts", in: "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n", want: "{a@1={b@1=1} c@2={b@2=2 d@2=3} e@3={b@1=1 d@2=3}}"},
		{name: "of a merged mapping", in: "a: &x {b: 1}\nc: &y {<<: *x, d: 2}\ne: {<<: *y}\n", want: "{a@1={b@1=1} c@2={d@2=2 b@1=1} e@3={d@2=2 b@1=1}}"},
		{name: "without an alias", in: "a: {<<: {b: 1}, c: 2}\n", want: "{a@1={c@1=2 b@1=1}}"},
		{name: "quoted it is a key", in: "a: {\"<<\": 1}\n", want: "{a@1={<<@1=1}}"},
		{name: "of a text", in: "a: {<<: x, b: 1}\n", want: "{a@1={b@1=1}}", problems: []Problem{{1, `a merge key (<<) takes a mapping, or a list of them, not "x"`}}},
		{name: "of lists of lists", in: "a: &x [*x]\nb: {<<: *x}\n", problems: []Problem{
			{2, "a merge key (<<) takes a mapping, or a list of them, not an alias"},
			{1, "the aliases (*name) unfold to more than 50000 values or 64 levels: write the values out"},
		}},
		{name: "of itself", in: "a: &x {<<: *x}\n", problems: []Problem{
			{1, "the aliases (*name) unfold to more than 50000 values or 64 levels: write the values out"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root, problems := ParseWith([]byte(tt.in), 1, Options{MaxBytes: 1000, MergeKeys: true})
			if got := outline(root); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     string
		problems []Problem
	}{
		{name: "empty"},
		{name: "only comments", in: "# a\n\n# b\n"},
		{name: "only a marker", in: "---\n"},
		{name: "a value", in: "a: 1\nb: [x, y]\n", want: "{a@1=1 b@2=[x y]}"},
		{name: "CRLF", in: "a: 1\r\nb:\r\n  - c\r\n", want: "{a@1=1 b@2=[c]}"},
		{name: "line separators of Unicode end no line", in: "a: x\u2028y\u0085z\nb: 1\n", want: "{a@1=x y z b@2=1}"},
		{name: "alias", in: "a: &x [1, 2]\nb: *x\n", want: "{a@1=[1 2] b@2=[1 2]}"},
		{name: "alias of an alias", in: "a: &x 1\nb: &y [*x]\nc: *y\n", want: "{a@1=1 b@2=[1] c@3=[1]}"},

		{name: "NUL", in: "a: x\nb: y\x00z\nc: \x00\n", want: "{a@1=x b@2=y z c@3=}",
			problems: []Problem{{2, "the control character U+0000 cannot stand in YAML: remove it"}}},
		{name: "not UTF-8", in: "a: caf\xe9\n", want: "{a@1=caf}",
			problems: []Problem{{1, "not valid UTF-8: save the file as UTF-8"}}},
		{name: "carriage return alone", in: "a: 1\n# x\ry\nb: 2\n", want: "{a@1=1 b@3=2}",
			problems: []Problem{{2, "a carriage return alone does not end a line: save the file with LF or CRLF line ends"}}},

		{name: "key twice", in: "a: 1\nb: 2\na: 3\n", want: "{a@1=1 b@2=2}",
			problems: []Problem{{3, `key "a" is written twice, first on line 1: keep one`}}},
		{name: "key twice deeper", in: "a:\n  - {b: 1, b: 2}\n", want: "{a@1=[{b@2=1}]}",
			problems: []Problem{{2, `key "b" is written twice, first on line 2: keep one`}}},
		{name: "key is a list", in: "[a]: 1\nb: 2\n", want: "{b@2=2}",
			problems: []Problem{{1, "a key must be text, not a list"}}},
		{name: "merge key", in: "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n", want: "{a@1={b@1=1} c@2={d@4=2}}",
			problems: []Problem{{3, "merge keys (<<) are not read: write the keys out"}}},
		{name: "second document", in: "a: 1\nb: 2\n---\nc: 3\n", want: "{a@1=1 b@2=2}",
			problems: []Problem{{3, `a second document begins after "---": one file holds one document`}}},

		{name: "syntax error", in: "a: 1\nb: 2\n c: 3\nd: 4\n", want: "{a@1=1 b@2=2}",
			problems: []Problem{{3, "not YAML: mapping values are not allowed in this context: put quotes around a text with a colon in it"}}},
		{name: "colon in a text", in: "a: 1\nb: deploy 12: broke\n", want: "{a@1=1}",
			problems: []Problem{{2, "not YAML: mapping values are not allowed in this context: put quotes around a text with a colon in it"}}},
		{name: "unclosed quote", in: "a: 1\nb: \"x\nc: 2\nd: 3\n", want: "{a@1=1}",
			problems: []Problem{{2, "not YAML: found unexpected end of stream"}}},
		{name: "unclosed list", in: "a: 1\nb: [x,\n  y\nc: 2\n", want: "{a@1=1}",
			problems: []Problem{{2, "not YAML: did not find expected ',' or ']'"}}},
		{name: "error behind constructs of several lines",
			in:       "a: [x,\n  y,\n  z]\nb: \"p\n  q\"\nc: 1\n- d\n",
			want:     "{a@1=[x y z] b@4=p q c@6=1}",
			problems: []Problem{{7, "not YAML: did not find expected key"}}},
		{name: "tab", in: "a:\n\tb: 1\n", want: "{a@1=}",
			problems: []Problem{{2, "not YAML: a tab indents the line: indent with spaces"}}},
		{name: "unknown anchor", in: "a: 1\nb: *x\n", want: "{a@1=1}",
			problems: []Problem{{2, "not YAML: unknown anchor 'x' referenced: put quotes around a text that begins with * or &"}}},
		{name: "glob without quotes", in: "a: 1\nb: [**/*.md]\n", want: "{a@1=1}",
			problems: []Problem{{2, "not YAML: did not find expected alphabetic or numeric character: put quotes around a text that begins with * or &"}}},

		{name: "anchor inside itself", in: "a: &x [*x]\n",
			problems: []Problem{{1, "the aliases (*name) unfold to more than 50000 values or 64 levels: write the values out"}}},
		{name: "too deep", in: "a: 1\nb: " + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
			problems: []Problem{{2, "more than 32 levels of nesting"}}},
		{name: "too many aliases", in: "a: &x 1\nb: [" + strings.Repeat("*x ,", MaxAliases+1) + "]",
			problems: []Problem{{2, "more than 100 aliases (*x): write the values out"}}},
		{name: "too many values", in: "[" + strings.Repeat("1,", MaxNodes) + "]",
			problems: []Problem{{1, "more than 50000 values: too many for this file"}}},
		{name: "too large", in: "a: " + strings.Repeat("x", 300_000),
			problems: []Problem{{1, "300003 bytes of YAML, at most 262144 are read: move the text out of it"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root, problems := Parse([]byte(test.in), 1, 256<<10)
			if got := outline(root); got != test.want {
				t.Errorf("tree is %s, want %s", got, test.want)
			}
			if diff := cmp.Diff(test.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCountsFromFirstLine(t *testing.T) {
	root, problems := Parse([]byte("a: 1\na: 2\nb: &x\n  - c\nd: *x\n"), 11, 1000)
	if got, want := outline(root), "{a@11=1 b@13=[c] d@15=[c]}"; got != want {
		t.Errorf("tree is %s, want %s", got, want)
	}
	if diff := cmp.Diff([]Problem{{12, `key "a" is written twice, first on line 11: keep one`}}, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseNamesTheParsersLineWhereTheSearchIsTooDear(t *testing.T) {
	in := strings.Repeat("- a # comment\n", 15_000) + "- b: c: d\n" + strings.Repeat("- a\n", 3000)
	root, problems := Parse([]byte(in), 1, 256<<10)
	if len(problems) != 1 || problems[0].Line != 15_001 {
		t.Errorf("problems are %v, want one on line 15001", problems)
	}
	if root == nil || len(root.Content) == 0 {
		t.Error("nothing was read before the error")
	}
}

// hostile are documents made to cost more than they weigh.
func hostile(size int) map[string]string {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 11; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"billion laughs":       laughs.String(),
		"deep flow":            repeat("["),
		"deep mappings":        repeat("{a: "),
		"deep blocks":          repeat("- "),
		"deep keys":            repeat("? "),
		"comments":             repeat("# x\n"),
		"comments in a list":   "a:\n" + repeat("  # x\n  - b\n"),
		"keys":                 repeat("a:\n"),
		"anchors":              repeat("- &a b\n"),
		"long line":            "a: " + repeat("x"),
		"open quote":           "a: \"" + repeat("x\n"),
		"error at the end":     repeat("- a\n") + "b: [",
		"error at the start":   "a: [\n" + repeat("- a\n"),
		"every second is open": repeat("- [a\n- b]\n") + "]",
		"documents":            repeat("---\n"),
		"bad characters":       repeat("\x00\xff\r"),
		"tabs":                 repeat("\t"),
		"directives":           repeat("%TAG ! a\n"),
		"tags":                 repeat("- !a b\n"),
	}
}

func TestParseIsBounded(t *testing.T) {
	const size = 256 << 10
	for name, in := range hostile(size - 1000) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, _ = Parse([]byte(in), 1, size)
			if took := time.Since(start); took > 30*time.Second { // far above what a loaded machine needs; what this catches takes hours
				t.Errorf("took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
	for _, name := range []string{"billion laughs", "deep flow", "deep mappings", "deep blocks"} {
		if root, problems := Parse([]byte(hostile(size - 1000)[name]), 1, size); root != nil || len(problems) == 0 {
			t.Errorf("%s: got a tree and problems %v, want it refused", name, problems)
		}
	}
}

func TestDescribe(t *testing.T) {
	for in, want := range map[string]string{
		"{a: 1}": "a mapping", "[a]": "a list", "12": "the number 12", "1.5": "the number 1.5", "true": "true",
		"abc": `"abc"`, "~": "nothing", `"12"`: `"12"`,
		strings.Repeat("é", 100): `"` + strings.Repeat("é", 80) + `..."`,
	} {
		root, _ := Parse([]byte(in), 1, 1000)
		if got := Describe(root); got != want {
			t.Errorf("Describe(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"action_items", "enforced_by", "id", "severity", "due", "migration-without-code"}
	for word, want := range map[string]string{
		"enforcedby": "enforced_by", "Enforced By": "enforced_by", "enforcd_by": "enforced_by", "servility": "severity",
		"sevreity": "severity", "actionitem": "action_items", "ID": "id", "migrations-without-code": "migration-without-code",
		"layout": "", "": "", "__": "", strings.Repeat("x", 5000): "", "dues": "due",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, in := range hostile(400) {
		f.Add([]byte(in))
	}
	f.Add([]byte("a: &x [1, 2]\nb: *x\n<<: *x\n[c]: d\na: e\n"))
	f.Add([]byte("a: |\n  text\nb: >-\n  more\n...\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		root, problems := Parse(in, 7, 1<<16)
		last := 7 + strings.Count(string(in), "\n")
		for _, problem := range problems {
			if problem.Line < 7 || problem.Line > last || problem.Message == "" || strings.ContainsAny(problem.Message, "\n\x00\x1b") {
				t.Errorf("problem %+v of a text on lines 7 to %d", problem, last)
			}
		}
		if root == nil {
			return
		}
		nodes := 0
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			if nodes++; nodes > MaxNodes {
				t.Fatal("the tree is larger than it may be")
			}
			if n.Kind == yaml.AliasNode {
				t.Fatal("an alias is left")
			}
			if n.Line < 7 || n.Line > last {
				t.Errorf("%s on line %d of a text on lines 7 to %d", Describe(n), n.Line, last)
			}
			keys := map[string]bool{}
			for i, child := range n.Content {
				if n.Kind == yaml.MappingNode && i%2 == 0 {
					if child.Kind != yaml.ScalarNode || keys[child.Value] {
						t.Errorf("key %q is not text or is there twice", child.Value)
					}
					keys[child.Value] = true
				}
				walk(child)
			}
		}
		walk(root)
	})
}
