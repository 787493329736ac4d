package code

import (
	"context"
	"reflect"
	"testing"

	sitter "github.com/smacker/go-tree-sitter"
)

// copyTree reads C's node out of a sitter.Node, whose first field it is.
func TestTreeLayout(t *testing.T) {
	first := reflect.TypeFor[sitter.Node]().Field(0)
	if first.Offset != 0 || first.Type.Size() != 32 {
		t.Errorf("a sitter.Node begins with %s %s of %d bytes: hold treecopy.go against the package", first.Name, first.Type, first.Type.Size())
	}
}

// The copy says of every node what the package says of it.
func TestCopyTree(t *testing.T) {
	for _, tt := range []struct {
		grammar *grammar
		text    string
	}{
		{rustGrammar, "fn main() { let x = users.filter(id.eq(1)); /* } */ }\n#[derive(A)] struct B { c: D }"},
		{pythonGrammar, "class A(B):\n    x = Column('y')  # z\n\ndef f(a, *b):\n    return [a for a in b if a]\n"},
		{rubyGrammar, "class A < B\n  has_many :c, d: 'e'\nend\nq = <<~SQL\n  SELECT #{x}\nSQL\n"},
		{javaGrammar, "class A { @B(\"c\") int d = e(\"f\" + g); }"},
		{rustGrammar, "fn ( { ] }"}, // not of the language
		{rustGrammar, ""},
	} {
		s, err := tt.grammar.parse(context.Background(), "x", []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		p := sitter.NewParser()
		p.SetLanguage(tt.grammar.lang)
		tree, err := p.ParseCtx(context.Background(), nil, []byte(tt.text))
		if err != nil {
			t.Fatal(err)
		}
		same(t, s.root, nil, tree.RootNode(), "")
	}
}

func same(t *testing.T, n, parent *node, want *sitter.Node, field string) {
	t.Helper()
	if n.kind != want.Type() || n.named != want.IsNamed() || n.start != int(want.StartByte()) || n.end != int(want.EndByte()) || n.field != field || n.parent != parent {
		t.Errorf("%s %q %d..%d named=%v: want %s %q %d..%d named=%v", n.kind, n.field, n.start, n.end, n.named, want.Type(), field, want.StartByte(), want.EndByte(), want.IsNamed())
	}
	if len(n.children) != int(want.ChildCount()) {
		t.Fatalf("%s has %d children, want %d", n.kind, len(n.children), want.ChildCount())
	}
	for i, c := range n.children {
		same(t, c, n, want.Child(i), want.FieldNameForChild(i))
	}
}
