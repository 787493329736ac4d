package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// answer is yes, no, or that it cannot be told.
type answer int

const (
	no answer = iota
	maybe
	yes
)

// coercion is how much of a cast the server does by itself.
type coercion byte

const (
	implicit   coercion = 'i'
	assignment coercion = 'a'
	explicit   coercion = 'e'
)

func (c coercion) allows(context byte) bool {
	switch c {
	case implicit:
		return context == 'i'
	case assignment:
		return context != 'e'
	}
	return true
}

// base is the type under a domain.
func (a *analyzer) base(t typ) typ {
	for range 32 {
		if t.schema == "" || t.array {
			return t
		}
		if t.schema == "information_schema" {
			return informationDomain(t.name)
		}
		u := a.c.Type(t.catalogType())
		if u == nil || u.Kind != catalog.Domain {
			return t
		}
		t = typeOf(u.Base)
	}
	return typ{}
}

// informationDomain is the type under a domain of information_schema.
func informationDomain(name string) typ {
	switch name {
	case "cardinal_number":
		return int4Type
	case "time_stamp":
		return builtin("timestamptz")
	case "sql_identifier":
		return builtin("name")
	}
	return builtin("varchar")
}

// category is the type's category, which the rules of conversion depend on (manual,
// 10.1), and 0 for a type that is not known.
func (a *analyzer) category(t typ) byte {
	t = a.base(t)
	switch {
	case !t.known():
		return 0
	case t.array:
		return 'A'
	case t.schema == "":
		return builtins().types[t.name].category
	}
	u := a.c.Type(t.catalogType())
	switch {
	case u == nil:
		if a.c.Relation(catalog.Name{Schema: t.schema, Name: t.name}) != nil {
			return 'C'
		}
		return 0
	case u.Kind == catalog.Enum:
		return 'E'
	case u.Kind == catalog.Composite:
		return 'C'
	case u.Kind == catalog.Range:
		return 'R'
	}
	return 0
}

// clear tells that everything that counts of a type is known.
func (a *analyzer) clear(t typ) bool {
	t = a.base(t)
	if t.array {
		return a.category(t.element()) != 0
	}
	return a.category(t) != 0
}

func (a *analyzer) preferred(t typ) bool {
	return t.schema == "" && !t.array && builtins().types[t.name].preferred
}

// coercible tells whether the server converts a type by itself (can_coerce_type and
// find_coercion_pathway; manual, 10.3 and 10.4). Polymorphic targets are for [analyzer.polymorphic].
func (a *analyzer) coercible(from, to typ, how coercion) answer {
	switch {
	case !from.known() || !to.known():
		return maybe
	case from == to || from == unknownLiteral || to == builtin("any"):
		return yes
	case isPolymorphic(to):
		return yes
	}
	from, to = a.base(from), a.base(to)
	if from == to {
		return yes
	}
	if !a.clear(from) || !a.clear(to) {
		return maybe
	}
	if context, ok := builtins().casts[[2]typ{from, to}]; ok && how.allows(context) {
		return yes
	}
	result := no
	if a.c.CustomCasts {
		result = maybe
	}
	fc, tc := a.category(from), a.category(to)
	switch {
	case from.array && to.array:
		return max(result, a.coercible(from.element(), to.element(), how))
	case fc == 'C' && to == recordType, from == recordType && tc == 'C':
		return yes
	case from.array && a.category(from.element()) == 'C' && to == recordType.of():
		return yes
	case fc == 'C' && tc == 'C':
		if a.inherits(from, to) {
			return yes
		}
	case how == explicit && (tc == 'S' || fc == 'S'):
		return yes // through its text
	case how == assignment && tc == 'S':
		return yes
	case (fc == 'P' || tc == 'P') && from != recordType && to != recordType:
		return maybe // a pseudo-type
	case fc == 'R' && how == explicit:
		return maybe // to its multirange
	}
	return result
}

// inherits tells that a row of one table can be taken as one of another.
func (a *analyzer) inherits(from, to typ) bool {
	r, parent := a.c.Relation(catalog.Name{Schema: from.schema, Name: from.name}), a.c.Relation(catalog.Name{Schema: to.schema, Name: to.name})
	return r != nil && parent != nil && slices.Contains(a.c.Descendants(parent), r)
}

// coerceTo makes a value one of a type, and fails with a message about its type.
func (a *analyzer) coerceTo(v value, t typ, message string, at int32) {
	if v.isUnknown() {
		a.settle(v, t, at)
		return
	}
	how := implicit
	if t == int8Type || t == boolType {
		how = assignment // coerce_to_boolean, coerce_to_specific_type
	}
	if a.coercible(v.typ, t, how) == no {
		if v.soft {
			a.doubt("the type of a parameter")
			return
		}
		a.fail(analysis, "42804", Object{}, at, fmt.Sprintf(message, a.show(v.typ)))
	}
}

// assignable stores a value in a column.
func (a *analyzer) assignable(v, to value, name string, at int32) {
	if v.isUnknown() {
		a.settle(v, to.typ, at)
		return
	}
	if a.coercible(v.typ, to.typ, assignment) == no {
		if v.soft {
			a.doubt("the type of a parameter")
			return
		}
		a.fail(analysis, "42804", Object{Kind: "column", Name: name}, at,
			fmt.Sprintf("column %q is of type %s but expression is of type %s", name, a.show(to.typ), a.show(v.typ)))
	}
}

// unify finds the type that several values have in common (select_common_type;
// manual, 10.5) and makes them values of it.
func (a *analyzer) unify(context string, values []value, at int32) value {
	common, ok := a.commonType(values, context, at)
	if !ok {
		return value{}
	}
	out := value{typ: common}
	same := !values[0].exact.IsZero()
	for i, v := range values {
		out.soft = out.soft || v.soft
		same = same && v.typ == common && v.exact.Equal(values[0].exact)
		if v.isUnknown() {
			a.settle(v, common, at)
			continue
		}
		if a.coercible(v.typ, common, implicit) == no && !v.soft && !out.soft {
			if context == "CASE" {
				context = "CASE/WHEN"
				if i == 0 {
					context = "CASE/ELSE" // which comes first in the list
				}
			}
			a.fail(analysis, "42846", Object{}, at, fmt.Sprintf("%s could not convert type %s to %s", context, a.show(v.typ), a.show(common)))
			return value{}
		}
	}
	if same {
		out.exact = values[0].exact
	}
	return out
}

// commonType is the type that values are unified to. False means that it cannot be
// told, or that there is none, which is noted where a context is given.
func (a *analyzer) commonType(values []value, context string, at int32) (typ, bool) {
	soft := false
	allSame := true
	for _, v := range values {
		soft = soft || v.soft
		if !v.typ.known() || !v.isUnknown() && !a.clear(v.typ) {
			same := true
			for _, w := range values {
				same = same && w.typ == values[0].typ
			}
			return values[0].typ, same
		}
		allSame = allSame && v.typ == values[0].typ
	}
	if allSame && !values[0].isUnknown() {
		return values[0].typ, true
	}
	t := a.base(values[0].typ)
	for _, v := range values[1:] {
		n := a.base(v.typ)
		switch {
		case n == unknownLiteral || n == t:
		case t == unknownLiteral:
			t = n
		case a.category(t) != a.category(n):
			if context != "" {
				if soft {
					a.doubt("the type of a parameter")
				} else {
					a.fail(analysis, "42804", Object{}, at, fmt.Sprintf("%s types %s and %s cannot be matched", context, a.show(t), a.show(n)))
				}
			}
			return typ{}, false
		case !a.preferred(t) && a.coercible(t, n, implicit) == yes && a.coercible(n, t, implicit) != yes:
			t = n
		}
	}
	if t == unknownLiteral {
		t = textType
	}
	return t, true
}

// needsOrder fails for values that ORDER BY, GROUP BY or DISTINCT cannot sort.
func (a *analyzer) needsOrder(v value, clause string, at int32) {
	if clause == "GROUP BY" {
		a.needsEquality(v, at)
		return
	}
	if t := a.base(v.typ); a.clear(t) && !v.isUnknown() && !v.soft && a.ordered(t) == no {
		a.fail(analysis, "42883", Object{}, at, "could not identify an ordering operator for type "+a.show(t))
	}
}

func (a *analyzer) needsEquality(v value, at int32) {
	if t := a.base(v.typ); a.clear(t) && !v.isUnknown() && !v.soft && a.ordered(t) == no && a.hashed(t) == no {
		a.fail(analysis, "42883", Object{}, at, "could not identify an equality operator for type "+a.show(t))
	}
}

func (a *analyzer) ordered(t typ) answer {
	switch {
	case t.array:
		return a.ordered(a.base(t.element()))
	case t.schema != "" || t == recordType:
		return maybe // a row's fields decide
	}
	if b := builtins().types[t.name]; b.ordered || b.kind == 'p' {
		return yes
	}
	if a.c.CustomOperators {
		return maybe
	}
	return no
}

func (a *analyzer) hashed(t typ) answer {
	if t.array {
		return a.hashed(a.base(t.element()))
	}
	if builtins().types[t.name].hashed {
		return yes
	}
	return no
}

// show is a type as the server's messages show it: without modifiers, and with its
// schema only where the search path does not find it.
func (a *analyzer) show(t typ) string {
	if !t.known() {
		return "unknown"
	}
	c := t.catalogType()
	if t.schema != "" {
		plain := c
		plain.Schema = ""
		if found, ok := a.c.ResolveType(plain); ok && found.Schema == t.schema {
			c.Schema = ""
			return strings.TrimPrefix(typ{schema: "", name: t.name, array: t.array}.String(), " ")
		}
	}
	text := c.String()
	return strings.Replace(text, "bpchar", "character", 1)
}

// unknownExtension tells that an extension is installed of which nothing is known.
func (a *analyzer) unknownExtension() bool {
	for name := range a.c.Extensions {
		if name != "plpgsql" && builtins().extension[name] == nil {
			return true
		}
	}
	return false
}

// ofExtension tells that an installed extension has, or may have, a function
// ("f:name") or an operator ("o:name").
func (a *analyzer) ofExtension(member string) bool {
	for name := range a.c.Extensions {
		if members := builtins().extension[name]; name != "plpgsql" && (members == nil || members[member]) {
			return true
		}
	}
	return false
}
