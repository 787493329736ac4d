package policy

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// again is a document of the same facts, of which only the findings and the suppressions
// have become others.
func again(input *ast.Term, f *facts.Facts, limit int) (*ast.Term, error) {
	c := converter{left: limit, texts: map[string]*ast.Term{}}
	newer := ast.NewObject(
		[2]*ast.Term{ast.StringTerm("findings"), c.term(reflect.ValueOf(f.Findings))},
		[2]*ast.Term{ast.StringTerm("suppressions"), c.term(reflect.ValueOf(f.Suppressions))},
	)
	if c.left < 0 {
		return nil, tooLarge(limit)
	}
	all, _ := newer.Merge(input.Value.(ast.Object).Diff(newer))
	return ast.NewTerm(all), nil
}

// document is facts as rules see them: everything, as encoding/json names it. It
// is made once for all rules. options are the rules' defaults.
func document(f *facts.Facts, options map[string]map[string]any, limit int) (*ast.Term, error) {
	withDefaults := *f
	withDefaults.Settings.Rules = merged(options, f.Settings.Rules)
	c := converter{left: limit, texts: map[string]*ast.Term{}}
	input := c.term(reflect.ValueOf(withDefaults))
	if c.left < 0 {
		return nil, tooLarge(limit)
	}
	return input, nil
}

func tooLarge(limit int) error {
	return fmt.Errorf("the facts are larger than the %d MB that rules can judge: split the change", limit>>20)
}

func merged(defaults, configured map[string]map[string]any) map[string]map[string]any {
	out := maps.Clone(configured)
	if out == nil {
		out = map[string]map[string]any{}
	}
	for rule, options := range defaults {
		all := maps.Clone(options)
		maps.Copy(all, configured[rule])
		out[rule] = all
	}
	return out
}

// converter makes OPA's values from Go's, named as encoding/json names them. A
// nil slice or map is an empty one.
type converter struct {
	left  int // bytes that may still be converted; below 0 nothing more is
	texts map[string]*ast.Term
	pairs [][2]*ast.Term // of the objects that are being made, innermost last
}

// short is the length up to which equal texts are made once.
const short = 64

func (c *converter) term(v reflect.Value) *ast.Term {
	c.left -= 8
	if c.left < 0 {
		return ast.InternedNullTerm
	}
	switch v.Kind() {
	case reflect.String:
		return c.text(v.String())
	case reflect.Bool:
		return ast.InternedTerm(v.Bool())
	case reflect.Int, reflect.Int64:
		return ast.InternedTerm(int(v.Int()))
	case reflect.Pointer:
		return c.term(v.Elem())
	case reflect.Slice:
		if v.Len() == 0 {
			return ast.InternedEmptyArray
		}
		list := make([]*ast.Term, v.Len())
		for i := range list {
			list[i] = c.term(v.Index(i))
		}
		return ast.ArrayTerm(list...)
	case reflect.Struct:
		return ast.NewTerm(c.object(v))
	case reflect.Map:
		o := ast.NewObjectWithCapacity(v.Len())
		for _, key := range v.MapKeys() {
			o.Insert(c.text(key.String()), c.term(v.MapIndex(key)))
		}
		return ast.NewTerm(o)
	case reflect.Interface: // an option's value, from YAML
		value, err := ast.InterfaceToValue(v.Interface())
		if err != nil {
			return ast.InternedNullTerm
		}
		return ast.NewTerm(value)
	}
	panic("facts hold a " + v.Type().String())
}

func (c *converter) text(s string) *ast.Term {
	c.left -= len(s)
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // as encoding/json does
	}
	switch {
	case s == "":
		return ast.InternedEmptyString
	case len(s) > short:
		return ast.StringTerm(s)
	}
	t, ok := c.texts[s]
	if !ok {
		t = ast.StringTerm(s)
		c.texts[s] = t
	}
	return t
}

func (c *converter) object(v reflect.Value) ast.Object {
	start := len(c.pairs)
	for _, m := range membersOf(v.Type()) {
		field := v.Field(m.index)
		if m.omitEmpty && isEmpty(field) {
			continue
		}
		value := c.term(field) // pushes and pops its own
		c.pairs = append(c.pairs, [2]*ast.Term{m.key, value})
	}
	o := ast.NewObject(c.pairs[start:]...)
	c.pairs = c.pairs[:start]
	return o
}

// isEmpty is what encoding/json omits with omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

type memberOf struct {
	index     int
	key       *ast.Term
	omitEmpty bool
}

var structs sync.Map // reflect.Type -> []memberOf

func membersOf(t reflect.Type) []memberOf {
	if known, ok := structs.Load(t); ok {
		return known.([]memberOf)
	}
	var out []memberOf
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		out = append(out, memberOf{i, ast.StringTerm(name), options == "omitempty"})
	}
	structs.Store(t, out)
	return out
}
