package code

import (
	"strings"

	"github.com/smacker/go-tree-sitter/rust"
)

// rustGrammar also serves the extractors of Diesel and SeaQuery.
var rustGrammar = &grammar{load: rust.GetLanguage}

var rustLanguage = &language{
	source:     "rust",
	extensions: []string{".rs"},
	grammar:    rustGrammar,
	quotes:     map[string]quoting{"string_literal": {escapes: trimming}, "raw_string_literal": {}},
	operation:  []string{"binary_expression", "tokens"},
	join:       "+",
	wrap:       []string{"parenthesized_expression", "reference_expression", "await_expression", "try_expression"},
	choice:     []string{"if_expression", "match_expression"},
	functions:  []string{"function_item", "closure_expression"},
	classes:    []string{"impl_item", "trait_item", "mod_item"},
	loops:      []string{"for_expression"},
	lists:      []string{"array_expression", "tuple_expression"},
	branches:   rustBranches,
	define:     rustDefine,
	call:       rustCall,
	variable: func(n *node) (string, bool) {
		switch n.kind {
		case "identifier":
			if n.field == "macro" || n.field == "name" {
				return "", false
			}
			return n.text(), false
		case "scoped_identifier":
			if name := n.child("name"); name != nil {
				return name.text(), true
			}
		case "field_expression":
			if name := n.child("field"); name != nil {
				return name.text(), true
			}
		}
		return "", false
	},
	iterates: func(n *node) ([]string, *node) { return namesOf(n.child("pattern")), n.child("value") },
	title: func(n *node) string {
		if n.kind == "impl_item" {
			if t := n.child("type"); t != nil {
				return t.text()
			}
		}
		return fieldTitle(n)
	},
	arguments: rustArguments,
	ignore: func(n *node) bool {
		return n.kind == "attribute_item" || n.kind == "inner_attribute_item"
	},
}

// rustBranches returns the values of an if or match.
func rustBranches(n *node) []*node {
	var all []*node
	switch n.kind {
	case "match_expression":
		for _, arm := range n.child("body").all("match_arm") {
			all = append(all, lastValue(arm.child("value")))
		}
	case "if_expression":
		for n != nil && n.kind == "if_expression" && len(all) < maxTexts {
			all = append(all, lastValue(n.child("consequence")))
			alternative := n.child("alternative")
			if alternative == nil {
				break
			}
			if n = alternative.first("if_expression"); n == nil {
				all = append(all, lastValue(alternative.first("block")))
			}
		}
	}
	known := all[:0]
	for _, b := range all {
		if b != nil {
			known = append(known, b)
		}
	}
	return known
}

// lastValue is the expression that a block ends with.
func lastValue(n *node) *node {
	if n == nil || n.kind != "block" {
		return n
	}
	if items := n.items(); len(items) > 0 {
		return items[len(items)-1]
	}
	return nil
}

func rustDefine(n *node) []definition {
	switch n.kind {
	case "const_item", "static_item":
		if name := n.child("name"); name != nil {
			return []definition{{name.text(), n.child("value"), false, name}}
		}
	case "let_declaration":
		name := n.child("pattern")
		if name != nil && name.kind == "mut_pattern" && len(name.items()) > 0 {
			name = name.items()[len(name.items())-1]
		}
		if name != nil && n.child("value") != nil {
			return []definition{{name.text(), n.child("value"), false, name}}
		}
	case "assignment_expression", "compound_assignment_expr":
		left := n.child("left")
		if left == nil {
			return nil
		}
		d := definition{name: lastName(left), value: n.child("right"), at: left}
		if op := n.child("operator"); op != nil && n.kind == "compound_assignment_expr" {
			if d.append = op.text() == "+="; !d.append {
				d.value = nil
			}
		}
		return []definition{d}
	case "call_expression":
		if c := rustCall(n); c != nil && c.name == "push_str" && len(c.args) == 1 && c.receiver != nil && c.receiver.kind == "identifier" {
			return []definition{{c.receiver.text(), c.args[0], true, c.receiver}}
		}
	}
	return nil
}

func rustCall(n *node) *call {
	c := &call{}
	switch n.kind {
	case "call_expression":
		f := n.child("function")
		if f != nil && f.kind == "generic_function" {
			f = f.child("function")
		}
		switch {
		case f == nil:
			return nil
		case f.kind == "field_expression":
			c.receiver, c.name = f.child("value"), lastName(f.child("field"))
		case f.kind == "scoped_identifier":
			c.receiver, c.name = f.child("path"), lastName(f.child("name"))
		default:
			c.name = f.text()
		}
		c.args = n.child("arguments").items()
	case "macro_invocation":
		c.name = lastName(n.child("macro"))
		c.braces = c.name == "format"
		for _, group := range tokenGroups(n.first("token_tree")) {
			if len(group) > 2 && group[0].kind == "identifier" && group[1].kind == "=" {
				if c.named == nil {
					c.named = map[string]*node{}
				}
				c.named[group[0].text()] = tokens(group[2:])
				continue
			}
			c.args = append(c.args, tokens(group))
		}
	default:
		return nil
	}
	return c
}

// tokenGroups returns what stands between the commas of a macro's arguments.
func tokenGroups(tree *node) [][]*node {
	if tree == nil || len(tree.children) < 2 {
		return nil
	}
	var groups [][]*node
	var group []*node
	for _, c := range tree.children[1 : len(tree.children)-1] {
		switch {
		case c.kind == ",":
			if len(group) > 0 {
				groups = append(groups, group)
			}
			group = nil
		case !isComment(c.kind):
			group = append(group, c)
		}
	}
	if len(group) > 0 {
		groups = append(groups, group)
	}
	return groups
}

// tokens makes one expression of the tokens of a macro's argument.
func tokens(group []*node) *node {
	for len(group) > 1 && strings.TrimSpace(group[0].text()) == "&" {
		group = group[1:]
	}
	if len(group) == 1 {
		return group[0]
	}
	first, last := group[0], group[len(group)-1]
	n := &node{kind: "expression", named: true, start: first.start, end: last.end, parent: first.parent, file: first.file}
	if plus := group[len(group)-2]; plus.kind == "+" && len(group) > 2 {
		n.kind, n.children = "tokens", []*node{tokens(group[:len(group)-2]), plus, last}
	}
	return n
}

func rustArguments(n *node) []parameter {
	var all []parameter
	for _, p := range n.child("parameters").items() {
		if p.kind == "self_parameter" {
			continue
		}
		if name := p.child("pattern"); name != nil {
			all = append(all, parameter{name: name.text()})
		} else {
			all = append(all, parameter{})
		}
	}
	return all
}
