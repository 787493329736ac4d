package resolve

import (
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// candidate is an overload that a call's number of arguments fits.
type candidate struct {
	routine *routine
	args    []typ // one for each argument of the call
	result  typ
}

// choice is the outcome of a look-up of a function or an operator.
type choice int

const (
	noMatch choice = iota
	oneMatch
	ambiguous
	unsureMatch
)

// choose picks the overload that the server would take (func_match_argtypes and
// func_select_candidate; manual, 10.2 and 10.3).
func (a *analyzer) choose(input []typ, candidates []*candidate) (*candidate, choice) {
	var fitting []*candidate
	doubt := false
	for _, c := range candidates {
		switch a.accepts(c.args, input) {
		case yes:
			fitting = append(fitting, c)
		case maybe:
			doubt = true
		}
	}
	switch {
	case doubt:
		return nil, unsureMatch
	case len(fitting) == 0:
		return nil, noMatch
	case len(fitting) == 1:
		return fitting[0], oneMatch
	}
	if c := a.narrow(input, fitting); c != nil {
		return c, oneMatch
	}
	return nil, ambiguous
}

// accepts tells whether arguments of some types can be given for others.
func (a *analyzer) accepts(args, input []typ) answer {
	result := yes
	poly := false
	for i, t := range args {
		poly = poly || isPolymorphic(t)
		result = min(result, a.coercible(input[i], t, implicit))
	}
	if result != no && poly {
		answer, _ := a.polymorphic(args, input, typ{})
		result = min(result, answer)
	}
	return result
}

func (a *analyzer) narrow(input []typ, list []*candidate) *candidate {
	base := make([]typ, len(input))
	unknowns := 0
	for i, t := range input {
		base[i] = a.base(t)
		if t == unknownLiteral {
			unknowns++
		}
	}
	list = most(list, func(c *candidate) int {
		n := 0
		for i, t := range c.args {
			if base[i] != unknownLiteral && t == base[i] {
				n++
			}
		}
		return n
	})
	if len(list) == 1 {
		return list[0]
	}
	list = most(list, func(c *candidate) int {
		n := 0
		for i, t := range c.args {
			if base[i] != unknownLiteral && (t == base[i] || a.preferredIn(t, a.category(base[i]))) {
				n++
			}
		}
		return n
	})
	if len(list) == 1 {
		return list[0]
	}
	if unknowns == 0 {
		return nil
	}
	if found := a.byCategory(base, list); len(found) > 0 {
		if list = found; len(list) == 1 {
			return list[0]
		}
	}
	// One known type, that of all others: it is tried for the unknown ones too.
	if unknowns == len(input) {
		return nil
	}
	var same typ
	for _, t := range base {
		if t == unknownLiteral {
			continue
		}
		if same.known() && t != same {
			return nil
		}
		same = t
	}
	all := slices.Repeat([]typ{same}, len(input))
	var last *candidate
	for _, c := range list {
		if a.accepts(c.args, all) == yes {
			if last != nil {
				return nil
			}
			last = c
		}
	}
	return last
}

func (a *analyzer) preferredIn(t typ, category byte) bool {
	return a.category(t) == category && a.preferred(t)
}

// byCategory keeps the candidates that take, for the unknown arguments, what the
// rules of categories prefer. Nothing is returned when they do not decide.
func (a *analyzer) byCategory(base []typ, list []*candidate) []*candidate {
	categories := make([]byte, len(base))
	prefers := make([]bool, len(base))
	for i := range base {
		if base[i] != unknownLiteral {
			continue
		}
		conflict := false
		for _, c := range list {
			category := a.category(c.args[i])
			preferred := a.preferred(c.args[i])
			switch {
			case categories[i] == 0:
				categories[i], prefers[i] = category, preferred
			case category == categories[i]:
				prefers[i] = prefers[i] || preferred
			case category == 'S':
				categories[i], prefers[i] = category, preferred
			default:
				conflict = true
			}
		}
		if conflict && categories[i] != 'S' {
			return nil
		}
	}
	var kept []*candidate
	for _, c := range list {
		keep := true
		for i := range base {
			if base[i] != unknownLiteral {
				continue
			}
			if a.category(c.args[i]) != categories[i] || prefers[i] && !a.preferred(c.args[i]) {
				keep = false
			}
		}
		if keep {
			kept = append(kept, c)
		}
	}
	return kept
}

func most(list []*candidate, score func(*candidate) int) []*candidate {
	best := -1
	var kept []*candidate
	for _, c := range list {
		switch n := score(c); {
		case n > best:
			best, kept = n, []*candidate{c}
		case n == best:
			kept = append(kept, c)
		}
	}
	return kept
}

func isPolymorphic(t typ) bool {
	if t.schema != "" || t.array {
		return false
	}
	switch t.name {
	case "anyelement", "anyarray", "anynonarray", "anyenum", "anyrange", "anymultirange",
		"anycompatible", "anycompatiblearray", "anycompatiblenonarray", "anycompatiblerange", "anycompatiblemultirange":
		return true
	}
	return false
}

// polymorphic tells whether the actual types fit polymorphic arguments, and what the
// result type is (manual, 36.2.5; check_generic_type_consistency).
func (a *analyzer) polymorphic(declared, actual []typ, result typ) (answer, typ) {
	p := polymorph{a: a}
	for i, d := range declared {
		if !isPolymorphic(d) || i >= len(actual) || actual[i] == unknownLiteral {
			continue
		}
		if !actual[i].known() {
			p.vague = true
			continue
		}
		if !p.argument(d.name, actual[i]) {
			return no, typ{}
		}
	}
	if !p.agree() {
		return no, typ{}
	}
	if p.vague {
		return maybe, typ{}
	}
	return yes, p.resolve(result)
}

// polymorph is what polymorphic arguments stand for: those of the "any" family, and
// those of the "anycompatible" family.
type polymorph struct {
	a                                   *analyzer
	element, array, ranged, multi       typ
	compatible                          []value
	compatibleRange                     typ
	common                              typ
	vague, nonArray, isEnum, familyUsed bool
}

func (p *polymorph) set(slot *typ, t typ) bool {
	if slot.known() && *slot != t {
		return false
	}
	*slot = t
	return true
}

func (p *polymorph) argument(declared string, t typ) bool {
	base := p.a.base(t)
	switch declared {
	case "anyelement", "anynonarray", "anyenum":
		p.nonArray = p.nonArray || declared == "anynonarray"
		p.isEnum = p.isEnum || declared == "anyenum"
		return p.set(&p.element, t)
	case "anyarray":
		if t = p.arrayOf(base); !t.known() {
			return p.vague
		}
		return p.set(&p.array, t)
	case "anyrange":
		if c := p.a.category(base); c != 'R' || base.array || p.isMultirange(base) {
			p.vague = p.vague || c == 0
			return c == 0
		}
		return p.set(&p.ranged, base)
	case "anymultirange":
		if !p.isMultirange(base) {
			c := p.a.category(base)
			p.vague = p.vague || c == 0 || c == 'R' && base.schema != ""
			return p.vague
		}
		return p.set(&p.multi, base)
	case "anycompatible", "anycompatiblenonarray":
		p.familyUsed = true
		p.compatible = append(p.compatible, known(base))
		return declared == "anycompatible" || !base.array
	case "anycompatiblearray":
		p.familyUsed = true
		if t = p.arrayOf(base); !t.known() {
			return p.vague
		}
		p.compatible = append(p.compatible, known(t.element()))
	case "anycompatiblerange":
		p.familyUsed = true
		if p.a.category(base) != 'R' || !p.set(&p.compatibleRange, base) {
			return false
		}
		p.compatible = append(p.compatible, known(p.subtype(base)))
	default:
		p.vague = true
	}
	return true
}

// arrayOf is the array type that a type is, zero for none.
func (p *polymorph) arrayOf(t typ) typ {
	switch {
	case t.array:
		return t
	case t == builtin("int2vector"):
		return builtin("int2").of()
	case t == builtin("oidvector"):
		return builtin("oid").of()
	case isPolymorphic(t) || p.a.category(t) == 0:
		p.vague = true
	}
	return typ{}
}

func (p *polymorph) isMultirange(t typ) bool {
	return t.schema == "" && builtins().types[t.name].kind == 'm'
}

func (p *polymorph) subtype(t typ) typ {
	if t.schema == "" {
		return builtin(builtins().types[t.name].subtype)
	}
	if u := p.a.c.Type(t.catalogType()); u != nil && u.Kind == catalog.Range {
		return typeOf(u.Base)
	}
	return typ{}
}

// agree derives what one argument says of the others.
func (p *polymorph) agree() bool {
	if p.array.known() && p.element.known() && p.array.element() != p.element && p.a.base(p.array.element()) != p.a.base(p.element) {
		return false
	}
	if p.array.known() && !p.element.known() {
		p.element = p.array.element()
	}
	if p.multi.known() {
		r := builtin(builtins().ranges[p.multi.name])
		if !p.set(&p.ranged, r) {
			return false
		}
	}
	if p.ranged.known() {
		sub := p.subtype(p.ranged)
		if p.element.known() && sub.known() && p.element != sub {
			return false
		}
		if !p.element.known() {
			p.element = sub
		}
	}
	if p.nonArray && p.element.array {
		return false
	}
	if p.isEnum && p.element.known() {
		if c := p.a.category(p.element); c != 'E' && c != 0 {
			return false
		}
	}
	if p.familyUsed && len(p.compatible) > 0 {
		common, ok := p.a.commonType(p.compatible, "", 0)
		if !ok {
			for _, v := range p.compatible {
				p.vague = p.vague || !p.a.clear(v.typ)
			}
			return p.vague
		}
		for _, v := range p.compatible {
			if p.a.coercible(v.typ, common, implicit) == no {
				return false
			}
		}
		p.common = common
	}
	return true
}

func (p *polymorph) resolve(t typ) typ {
	if !isPolymorphic(t) {
		return t
	}
	switch t.name {
	case "anyelement", "anynonarray", "anyenum":
		return p.element
	case "anyarray":
		if p.array.known() {
			return p.array
		}
		if p.element.known() && !p.element.array {
			return p.element.of()
		}
	case "anyrange":
		return p.ranged
	case "anymultirange":
		if p.multi.known() {
			return p.multi
		}
		if p.ranged.schema == "" && p.ranged.known() {
			return builtin(builtins().types[p.ranged.name].multirange)
		}
	case "anycompatible", "anycompatiblenonarray":
		if !p.common.known() && !p.familyUsed {
			return textType
		}
		return p.common
	case "anycompatiblearray":
		if !p.familyUsed {
			return textType.of()
		}
		if p.common.known() && !p.common.array {
			return p.common.of()
		}
	case "anycompatiblerange":
		return p.compatibleRange
	}
	return typ{}
}
