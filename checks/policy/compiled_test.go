package policy

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// encodeImage compiles modules and encodes what they compile to: see [compiled].
func encodeImage(t *testing.T, modules map[string]*module) []byte {
	t.Helper()
	parsed := map[string]*ast.Module{}
	for path, m := range modules {
		parsed[path] = m.parsed
	}
	p, err := compile(parsed, false)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, numbers: map[string]int{}}
	var packages []string
	var bodies [][]byte
	numbers := map[*ast.Rule]int{}
	files := slices.Sorted(maps.Keys(p.compiler.Modules))
	for i, file := range files {
		m := p.compiler.Modules[file]
		pkg := slices.Index(packages, m.Package.Path.String())
		if pkg < 0 {
			pkg, packages = len(packages), append(packages, m.Package.Path.String())
		}
		for _, rule := range m.Rules {
			ast.WalkTerms(rule, func(term *ast.Term) bool {
				if p.compiler.ComprehensionIndex(term) != nil {
					t.Errorf("%s: the comprehension is fast only with an index, which link does not build", rule.Location)
				}
				return false
			})
			numbers[rule] = len(bodies)
			w.number(pkg)
			w.number(i)
			w.definition(rule)
			bodies, w.out = append(bodies, w.out), nil
		}
	}

	w.number(len(packages))
	for _, pkg := range packages {
		w.term(ast.NewTerm(ast.MustParseRef(pkg)))
	}
	w.list(files)
	w.number(len(bodies))
	for _, body := range bodies {
		w.number(len(body))
		w.out = append(w.out, body...)
	}
	var rules []string
	needs := map[string][]int{}
	for rule := range numbers {
		ref := rule.Ref().GroundPrefix()
		if id, ok := ref[min(3, len(ref)-1)].Value.(ast.String); ok && ref.HasPrefix(ast.MustParseRef(rulesPackage)) && findingsOf(string(id)).Equal(ref) {
			needs[string(id)] = append(needs[string(id)], reachable(p.compiler.Graph, rule, numbers)...)
		}
	}
	rules = slices.Sorted(maps.Keys(needs))
	w.number(len(rules))
	for _, id := range rules {
		w.text(id)
		slices.Sort(needs[id])
		unique := slices.Compact(needs[id])
		w.number(len(unique))
		for _, n := range unique {
			w.number(n)
		}
	}

	var head []byte
	head = binary.AppendUvarint(head, uint64(len(w.texts)))
	for _, text := range w.texts {
		head = append(binary.AppendUvarint(head, uint64(len(text))), text...)
	}
	return append(head, w.out...)
}

// reachable are the definitions that evaluating a rule can come to, its own among them.
func reachable(g *ast.Graph, rule *ast.Rule, numbers map[*ast.Rule]int) []int {
	seen, todo := map[*ast.Rule]bool{rule: true}, []*ast.Rule{rule}
	var out []int
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if n, ok := numbers[at]; ok { // an else is encoded in its rule
			out = append(out, n)
		}
		next := slices.Collect(maps.Keys(g.Dependencies(util.T(at))))
		if at.Else != nil {
			next = append(next, at.Else)
		}
		for _, node := range next {
			if rule := node.(*ast.Rule); !seen[rule] {
				seen[rule], todo = true, append(todo, rule)
			}
		}
	}
	return out
}

type writer struct {
	t       *testing.T
	out     []byte
	texts   []string
	numbers map[string]int
}

func (w *writer) number(n int) { w.out = binary.AppendUvarint(w.out, uint64(n)) }

func (w *writer) text(s string) {
	n, ok := w.numbers[s]
	if !ok {
		n = len(w.texts)
		w.numbers[s], w.texts = n, append(w.texts, s)
	}
	w.number(n)
}

func (w *writer) list(texts []string) {
	w.number(len(texts))
	for _, s := range texts {
		w.text(s)
	}
}

func (w *writer) flags(bits map[int]bool) {
	n := 0
	for bit, set := range bits {
		if set {
			n |= bit
		}
	}
	w.number(n)
}

func (w *writer) location(l *ast.Location) { w.number(l.Row) }

func (w *writer) definition(r *ast.Rule) {
	w.flags(map[int]bool{
		definitionDefault: r.Default, definitionElse: r.Else != nil, definitionAssign: r.Head.Assign,
		definitionKey: r.Head.Key != nil, definitionValue: r.Head.Value != nil,
	})
	w.location(r.Location)
	w.text(string(r.Head.Name))
	w.terms(r.Head.Reference)
	w.terms(r.Head.Args)
	if r.Head.Key != nil {
		w.term(r.Head.Key)
	}
	if r.Head.Value != nil {
		w.term(r.Head.Value)
	}
	w.body(r.Body)
	if r.Else != nil {
		w.definition(r.Else)
	}
}

func (w *writer) body(b ast.Body) {
	w.number(len(b))
	for _, expr := range b {
		if len(expr.With) > 0 {
			w.t.Fatalf("%s: built-in rules cannot use with", expr.Location)
		}
		terms, isCall := expr.Terms.([]*ast.Term)
		every, isEvery := expr.Terms.(*ast.Every)
		w.flags(map[int]bool{exprNegated: expr.Negated, exprGenerated: expr.Generated, exprCall: isCall, exprEvery: isEvery})
		w.location(expr.Location)
		switch {
		case isCall:
			w.terms(terms)
		case isEvery:
			if every.Key != nil {
				w.number(1)
				w.term(every.Key)
			} else {
				w.number(0)
			}
			w.term(every.Value)
			w.term(every.Domain)
			w.body(every.Body)
		default:
			w.term(expr.Terms.(*ast.Term))
		}
	}
}

func (w *writer) terms(terms []*ast.Term) {
	w.number(len(terms))
	for _, t := range terms {
		w.term(t)
	}
}

func (w *writer) term(t *ast.Term) {
	switch v := t.Value.(type) {
	case ast.Null:
		w.number(tagNull)
	case ast.Boolean:
		if v {
			w.number(tagTrue)
		} else {
			w.number(tagFalse)
		}
	case ast.Number:
		w.number(tagNumber)
		w.text(string(v))
	case ast.String:
		w.number(tagString)
		w.text(string(v))
	case ast.Var:
		w.number(tagVar)
		w.text(string(v))
	case ast.Ref:
		w.number(tagRef)
		w.terms(v)
	case *ast.Array:
		w.number(tagArray)
		w.number(v.Len())
		v.Foreach(w.term)
	case ast.Object:
		w.number(tagObject)
		w.number(v.Len())
		v.Foreach(func(key, value *ast.Term) {
			w.term(key)
			w.term(value)
		})
	case ast.Set:
		w.number(tagSet)
		w.number(v.Len())
		v.Foreach(w.term)
	case *ast.ArrayComprehension:
		w.number(tagArrayComprehension)
		w.term(v.Term)
		w.body(v.Body)
	case *ast.ObjectComprehension:
		w.number(tagObjectComprehension)
		w.term(v.Key)
		w.term(v.Value)
		w.body(v.Body)
	case *ast.SetComprehension:
		w.number(tagSetComprehension)
		w.term(v.Term)
		w.body(v.Body)
	case ast.Call:
		w.number(tagCall)
		w.terms(v)
	default:
		w.t.Fatalf("cannot encode %T %v", v, v)
	}
}
