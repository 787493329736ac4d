package policy

import (
	_ "embed"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// compiled is what the built-in rules compile to, made by the tests from package
// policies. To parse and compile the rules of a small change takes longer than
// all else that pmcheck does with it; to read this takes a tenth of that.
//
//	texts:       count, then each its length and bytes
//	packages:    count, then each a term
//	files:       count, then each a text
//	definitions: count, then each its length and a definition
//	rules:       count, then each its id and the definitions that it needs
//
// Numbers are unsigned varints, texts are numbers into the list of texts.
//
//go:embed compiled.bin
var compiled string

// The tags of encoded terms.
const (
	tagNull = iota
	tagFalse
	tagTrue
	tagNumber
	tagString
	tagVar
	tagRef
	tagArray
	tagObject
	tagSet
	tagArrayComprehension
	tagObjectComprehension
	tagSetComprehension
	tagCall
)

// The tags of encoded expressions, as bits.
const (
	exprNegated   = 1 << iota
	exprGenerated // by the compiler
	exprCall      // a list of terms, not one
	exprEvery
)

// The tags of encoded definitions, as bits.
const (
	definitionDefault = 1 << iota
	definitionElse
	definitionAssign
	definitionKey
	definitionValue
)

// image is the built-in rules as they were compiled.
type image struct {
	texts       []string
	terms       []*ast.Term // of texts as strings, where needed
	vars        []*ast.Term // of texts as variables, where needed
	packages    []ast.Ref
	files       []string
	definitions []string
	rules       string

	newTerms    slab[ast.Term]
	newPointers slab[*ast.Term]
	newExprs    slab[ast.Expr]
	newPlaces   slab[ast.Location]
}

// slab allocates many small things at once.
type slab[T any] []T

func (s *slab[T]) take(n int) []T {
	if len(*s) < n {
		*s = make([]T, max(n, 128))
	}
	taken := (*s)[:n:n]
	*s = (*s)[n:]
	return taken
}

func readImage(encoded string) *image {
	r := &reader{image: &image{}, rest: encoded}
	m := r.image
	m.texts = make([]string, r.number())
	for i := range m.texts {
		n := r.number()
		m.texts[i], r.rest = r.rest[:n], r.rest[n:]
	}
	m.terms, m.vars = make([]*ast.Term, len(m.texts)), make([]*ast.Term, len(m.texts))
	m.packages = make([]ast.Ref, r.number())
	for i := range m.packages {
		m.packages[i] = r.term().Value.(ast.Ref)
	}
	m.files = make([]string, r.number())
	for i := range m.files {
		m.files[i] = r.text()
	}
	m.definitions = make([]string, r.number())
	for i := range m.definitions {
		n := r.number()
		m.definitions[i], r.rest = r.rest[:n], r.rest[n:]
	}
	m.rules = r.rest
	return m
}

// modules are the compiled modules that hold what the rules need, and nothing else.
func (m *image) modules(ids []string) map[string]*ast.Module {
	wanted := make([]bool, len(m.definitions))
	rules := &reader{image: m, rest: m.rules}
	for range rules.number() {
		asked := slices.Contains(ids, rules.text())
		for range rules.number() {
			n := rules.number()
			wanted[n] = wanted[n] || asked
		}
	}
	modules := map[string]*ast.Module{}
	for n, is := range wanted {
		if !is {
			continue
		}
		r := &reader{image: m, rest: m.definitions[n]}
		pkg := m.packages[r.number()]
		r.file = m.files[r.number()]
		module := modules[r.file]
		if module == nil {
			module = &ast.Module{Package: &ast.Package{Path: pkg}}
			modules[r.file] = module
		}
		module.Rules = append(module.Rules, r.definition(module))
	}
	return modules
}

// reader reads an encoding, which the tests have made: it is trusted.
type reader struct {
	image *image
	rest  string
	file  string        // of the definition being read
	place *ast.Location // the last that was read
}

func (r *reader) number() int {
	n, shift := 0, 0
	for i := range len(r.rest) {
		b := r.rest[i]
		n |= int(b&0x7f) << shift
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
		shift += 7
	}
	panic("the compiled rules end early")
}

func (r *reader) text() string { return r.image.texts[r.number()] }

func (r *reader) location() *ast.Location {
	if row := r.number(); r.place == nil || r.place.Row != row {
		r.place = &r.image.newPlaces.take(1)[0]
		r.place.File, r.place.Row = r.file, row
	}
	return r.place
}

func (r *reader) definition(module *ast.Module) *ast.Rule {
	flags := r.number()
	rule := &ast.Rule{Module: module, Default: flags&definitionDefault != 0, Location: r.location()}
	head := &ast.Head{Name: ast.Var(r.text()), Assign: flags&definitionAssign != 0, Location: rule.Location}
	head.Reference = ast.Ref(r.terms())
	if args := r.terms(); len(args) > 0 {
		head.Args = args
	}
	if flags&definitionKey != 0 {
		head.Key = r.term()
	}
	if flags&definitionValue != 0 {
		head.Value = r.term()
	}
	rule.Head, rule.Body = head, r.body()
	if flags&definitionElse != 0 {
		rule.Else = r.definition(module)
	}
	return rule
}

func (r *reader) body() ast.Body {
	body := make(ast.Body, r.number())
	for i := range body {
		body[i] = r.expr()
		body[i].Index = i
	}
	return body
}

func (r *reader) expr() *ast.Expr {
	flags := r.number()
	expr := &r.image.newExprs.take(1)[0]
	expr.Negated, expr.Generated, expr.Location = flags&exprNegated != 0, flags&exprGenerated != 0, r.location()
	switch {
	case flags&exprCall != 0:
		expr.Terms = r.terms()
	case flags&exprEvery != 0:
		every := &ast.Every{Location: expr.Location}
		if r.number() == 1 {
			every.Key = r.term()
		}
		every.Value, every.Domain, every.Body = r.term(), r.term(), r.body()
		expr.Terms = every
	default:
		expr.Terms = r.term()
	}
	return expr
}

func (r *reader) terms() []*ast.Term {
	out := r.image.newPointers.take(r.number())
	for i := range out {
		out[i] = r.term()
	}
	return out
}

func (r *reader) newTerm(v ast.Value) *ast.Term {
	t := &r.image.newTerms.take(1)[0]
	t.Value = v
	return t
}

func (r *reader) term() *ast.Term {
	switch tag := r.number(); tag {
	case tagNull:
		return ast.InternedNullTerm
	case tagFalse:
		return ast.InternedBooleanFalse
	case tagTrue:
		return ast.InternedBooleanTrue
	case tagNumber:
		return r.newTerm(ast.Number(r.text()))
	case tagString:
		n := r.number()
		if r.image.terms[n] == nil {
			r.image.terms[n] = r.newTerm(ast.String(r.image.texts[n]))
		}
		return r.image.terms[n]
	case tagVar:
		n := r.number()
		if r.image.vars[n] == nil {
			r.image.vars[n] = r.newTerm(ast.Var(r.image.texts[n]))
		}
		return r.image.vars[n]
	case tagRef:
		return r.newTerm(ast.Ref(r.terms()))
	case tagArray:
		return r.newTerm(ast.NewArray(r.terms()...))
	case tagObject:
		pairs := make([][2]*ast.Term, r.number())
		for i := range pairs {
			pairs[i] = [2]*ast.Term{r.term(), r.term()}
		}
		return ast.ObjectTerm(pairs...)
	case tagSet:
		return ast.SetTerm(r.terms()...)
	case tagArrayComprehension:
		return ast.ArrayComprehensionTerm(r.term(), r.body())
	case tagObjectComprehension:
		return ast.ObjectComprehensionTerm(r.term(), r.term(), r.body())
	case tagSetComprehension:
		return ast.SetComprehensionTerm(r.term(), r.body())
	default: // tagCall
		return r.newTerm(ast.Call(r.terms()))
	}
}
