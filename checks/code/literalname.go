package code

import (
	"slices"
	"strings"
)

// scope is the function, else the class or the file, in which a node stands.
func (e *evaluator) scope(n *node) *node {
	for p, depth := n.parent, 0; p != nil && depth < maxDepth; p, depth = p.parent, depth+1 {
		if e.scopes[p.kind] && (e.lang.isFunction(p) || e.lang.isClass(p)) {
			return p
		}
	}
	return e.tree.root
}

// variableValue is what a name stands for at a place of the file.
func (e *evaluator) variableValue(at *node, name string, member bool, depth int) [][]piece {
	position := at.start
	for n := at; ; {
		scope := e.scope(n)
		if texts, ok := e.bound(scope, n, name, member, depth); ok {
			return texts
		}
		function := e.lang.isFunction(scope)
		if !(member && function) {
			before := position
			if !function {
				before = scope.end
			}
			if e.has(name, scope, before) {
				return e.named(name, scope, before, at, depth)
			}
		}
		if function {
			if texts, ok := e.parameter(scope, name, member, depth); ok {
				return texts
			}
		}
		if scope == e.tree.root {
			break
		}
		n, position = scope, scope.start
	}
	return e.constant(name, depth)
}

// constant is the value of a member that has one value in the whole file.
func (e *evaluator) constant(name string, depth int) [][]piece {
	var value *node
	for _, d := range e.defined[name] {
		if d.append || value != nil || e.lang.isFunction(e.scope(d.at)) && !memberKinds[d.at.kind] {
			return nil
		}
		value = d.value
	}
	return e.value(value, false, depth)
}

// memberKinds are the kinds of all grammars that name a member of an object.
var memberKinds = map[string]bool{"field_access": true, "attribute": true, "member_expression": true, "instance_variable": true, "member_access_expression": true}

// has tells that a name is given a value in a scope before a place.
func (e *evaluator) has(name string, scope *node, before int) bool {
	for _, d := range e.defined[name] {
		if d.at.start < before && e.scope(d.at) == scope {
			return true
		}
	}
	return false
}

// named is the value that a name has in a scope before a place: that of the last
// assignment that surely ran and of those after it that may have, with what was
// added to it since.
func (e *evaluator) named(name string, scope *node, before int, at *node, depth int) [][]piece {
	var bases []*node
	var certain, perhaps []definition
	sure := false
	defs := e.defined[name]
	for i := len(defs) - 1; i >= 0 && !sure; i-- {
		d := defs[i]
		if d.at.start >= before || e.scope(d.at) != scope || at != nil && within(at, d.value) {
			continue
		}
		runs := e.surely(d.at, scope, at)
		switch {
		case d.append && runs:
			certain = append(certain, d)
		case d.append:
			perhaps = append(perhaps, d)
		default:
			bases = append(bases, d.value)
			sure = runs
		}
	}
	if len(bases) == 0 || len(bases) > maxTexts {
		return nil
	}
	var texts [][]piece
	for _, b := range bases {
		t := e.value(b, false, depth)
		if t == nil {
			return nil
		}
		texts = append(texts, t...)
	}
	if texts = bounded(texts); len(certain)+len(perhaps) == 0 {
		return texts
	}
	slices.Reverse(certain)
	slices.Reverse(perhaps)
	ways := [][]definition{certain}
	if len(perhaps) > 0 {
		ways = append(ways, inOrder(certain, perhaps))
	}
	if len(perhaps) > 1 {
		for i := range perhaps {
			ways = append(ways, inOrder(certain, perhaps[i:i+1]))
		}
	}
	var all [][]piece
	for _, way := range ways {
		var t [][]piece
		for _, text := range texts {
			t = append(t, slices.Clone(text))
		}
		for _, d := range way {
			if d.value != nil {
				t = e.product(t, e.value(d.value, false, depth), d.value)
			}
		}
		all = append(all, t...)
	}
	return bounded(distinct(all))
}

// inOrder merges additions in the order of the file.
func inOrder(a, b []definition) []definition {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y definition) int { return x.at.start - y.at.start })
	return all
}

// surely tells that an assignment ran when the node at is reached: nothing between
// it and its scope may skip it, or that surrounds both. Without at it is the scope's end.
func (e *evaluator) surely(d, scope, at *node) bool {
	for p := d.parent; p != nil && p != scope; p = p.parent {
		if conditional[p.kind] && !within(at, p) {
			return false
		}
	}
	return true
}

// conditional are the kinds of all grammars whose inside may not run.
var conditional = map[string]bool{
	"if_statement": true, "elif_clause": true, "else_clause": true, "for_statement": true, "while_statement": true, "try_statement": true,
	"except_clause": true, "match_statement": true, "case_clause": true, // Python
	"if": true, "elsif": true, "else": true, "unless": true, "case": true, "when": true, "while": true, "until": true, "for": true, "rescue": true,
	"if_modifier": true, "unless_modifier": true, // Ruby
	"for_in_statement": true, "switch_case": true, "switch_default": true, "catch_clause": true, "ternary_expression": true, // TypeScript
	"if_expression": true, "match_arm": true, "for_expression": true, "while_expression": true, "loop_expression": true, // Rust, Kotlin
	"enhanced_for_statement": true, "switch_block_statement_group": true, "switch_rule": true, "when_entry": true, "control_structure_body": true, // Java, Kotlin
	"else_if_clause": true, "foreach_statement": true, "switch_section": true, "for_each_statement": true, "case_statement": true, // PHP, C#
	"stab_clause": true, // Elixir
}

// within tells that a node stands in another one.
func within(n, outer *node) bool {
	return n != nil && outer != nil && n.start >= outer.start && n.end <= outer.end
}

// bound is the value of a variable of a loop around a node, over a list that is
// written out; ok is false when there is no such loop up to the scope.
func (e *evaluator) bound(scope, n *node, name string, member bool, depth int) (texts [][]piece, ok bool) {
	if member {
		return nil, false
	}
	for p := n; p != nil && p != scope; p = p.parent {
		loops := []*node{p}
		if clause := p.first(e.lang.loops...); clause != nil {
			loops = append(loops, clause) // of a comprehension: it stands beside what it repeats
		}
		for _, loop := range loops {
			if !slices.Contains(e.lang.loops, loop.kind) {
				continue
			}
			names, list := e.lang.iterates(loop)
			i := slices.Index(names, name)
			if i < 0 || within(n, list) {
				continue
			}
			elements := e.elements(list, 0)
			if len(elements) == 0 {
				return nil, true
			}
			pass, set := e.rounds[loop]
			if !set {
				e.open[loop] = len(elements)
				return nil, true
			}
			element := elements[min(pass, len(elements)-1)]
			if len(names) > 1 {
				fields := e.elements(element, 0)
				if i >= len(fields) {
					return nil, true
				}
				element = fields[i]
			}
			return e.value(element, false, depth), true
		}
	}
	return nil, false
}

// elements returns what a list that is written out, or a name of one, holds.
func (e *evaluator) elements(n *node, depth int) []*node {
	if n == nil || depth > 5 {
		return nil
	}
	if slices.Contains(e.lang.lists, n.kind) {
		var items []*node
		for _, item := range n.items() {
			if item.kind == "argument" || item.kind == "array_element_initializer" || item.kind == "value_argument" {
				if inner := item.items(); len(inner) > 0 {
					item = inner[len(inner)-1]
				}
			}
			items = append(items, item)
		}
		return items
	}
	if items := n.items(); slices.Contains(e.lang.wrap, n.kind) && len(items) == 1 {
		return e.elements(items[0], depth+1)
	}
	if c := e.lang.call(n); c != nil {
		switch c.name {
		case "of", "asList", "listOf", "setOf", "arrayOf", "vec", "sorted", "tuple", "list", "set", "frozenset", "freeze", "each", "iter":
			if len(c.args) == 1 && c.receiver == nil {
				if inner := e.elements(c.args[0], depth+1); inner != nil {
					return inner
				}
			}
			if len(c.args) == 0 {
				return e.elements(c.receiver, depth+1)
			}
			return c.args
		}
		return nil
	}
	if name, _ := e.lang.variable(n); name != "" {
		var value *node
		for _, d := range e.defined[name] {
			if d.append || value != nil {
				return nil
			}
			value = d.value
		}
		return e.elements(value, depth+1)
	}
	return nil
}

// parameter is the value of a function's parameter: what its callers in the file
// give, or its default.
func (e *evaluator) parameter(function *node, name string, member bool, depth int) (texts [][]piece, ok bool) {
	if member {
		return nil, false
	}
	parameters := e.lang.arguments(function)
	index := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == name })
	if index < 0 {
		return nil, false
	}
	title := e.lang.title(function)
	callers := e.callers[title]
	if len(callers) == 0 {
		return e.value(parameters[index].value, false, depth), true
	}
	caller, set := e.rounds[function]
	if !set {
		e.open[function] = len(callers)
		return nil, true
	}
	c := callers[min(caller, len(callers)-1)]
	if value := c.named[name]; value != nil {
		return e.value(value, false, depth), true
	}
	if parameters[0].name == "self" || parameters[0].name == "cls" {
		index--
	}
	if index >= 0 && index < len(c.args) {
		return e.given(c, c.args[index], depth), true
	}
	return e.value(e.lang.arguments(function)[max(index, 0)].value, false, depth), true
}

// ownObjects are the names of an object in its own methods.
var ownObjects = setOf("this self cls super static parent")

// given is the value of an argument of a call. Where the call is another object's, its
// method may be another one of the same name: what is passed to it is sent all the same.
func (e *evaluator) given(c *call, arg *node, depth int) [][]piece {
	if c.receiver == nil || ownObjects[strings.TrimLeft(c.receiver.text(), "$@")] {
		return e.value(arg, false, depth)
	}
	before := map[*node]bool{}
	arg.walk(func(n *node) bool {
		before[n] = e.folded[n]
		return true
	})
	texts := e.value(arg, false, depth)
	for n, folded := range before {
		e.folded[n] = folded
	}
	return texts
}
