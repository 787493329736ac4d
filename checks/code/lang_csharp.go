package code

import (
	"github.com/smacker/go-tree-sitter/csharp"
)

var csharpGrammar = &grammar{load: csharp.GetLanguage}

var csharpLanguage = &language{
	source:     "csharp",
	extensions: []string{".cs"},
	grammar:    csharpGrammar,
	quotes: map[string]quoting{"string_literal": {escapes: backslash}, "verbatim_string_literal": {escapes: doubled},
		"interpolated_string_expression": {escapes: backslash}, "raw_string_literal": {}},
	holes:     []string{"interpolation"},
	operation: []string{"binary_expression"},
	join:      "+",
	wrap:      []string{"parenthesized_expression", "argument", "await_expression", "equals_value_clause"},
	choice:    []string{"conditional_expression"},
	functions: []string{"method_declaration", "constructor_declaration", "local_function_statement", "lambda_expression", "property_declaration"},
	classes:   []string{"class_declaration", "record_declaration", "struct_declaration", "interface_declaration"},
	loops:     []string{"for_each_statement", "foreach_statement"},
	lists:     []string{"initializer_expression", "array_creation_expression", "implicit_array_creation_expression", "collection_expression"},
	branches:  func(n *node) []*node { return []*node{n.child("consequence"), n.child("alternative")} },
	define:    csharpDefine,
	call:      csharpCall,
	variable:  csharpVariable,
	iterates:  func(n *node) ([]string, *node) { return namesOf(n.child("left")), n.child("right") },
	title:     fieldTitle,
	arguments: func(n *node) []parameter {
		var all []parameter
		for _, p := range n.child("parameters").items() {
			all = append(all, parameter{name: fieldTitle(p)})
		}
		return all
	},
	ignore: func(n *node) bool { return n.kind == "attribute_list" },
}

func csharpDefine(n *node) []definition {
	switch n.kind {
	case "variable_declarator":
		items := n.items()
		if len(items) < 2 {
			return nil
		}
		return []definition{{items[0].text(), items[len(items)-1], false, items[0]}}
	case "assignment_expression":
		left, value := n.child("left"), n.child("right")
		name, _ := csharpVariable(left)
		if name == "" {
			return nil
		}
		d := definition{name: name, value: value, at: left}
		if op := n.child("operator"); op != nil && op.text() != "=" {
			if d.append = op.text() == "+="; !d.append {
				d.value = nil
			}
		}
		return []definition{d}
	}
	return nil
}

func csharpCall(n *node) *call {
	if n.kind != "invocation_expression" {
		return nil
	}
	c := &call{}
	switch f := n.child("function"); {
	case f == nil:
		return nil
	case f.kind == "member_access_expression":
		c.receiver, c.name = f.child("expression"), lastName(f.child("name"))
	default:
		c.name = f.text()
	}
	c.braces = c.name == "Format"
	for _, a := range n.child("arguments").items() {
		if inner := a.items(); a.kind == "argument" && len(inner) > 0 {
			a = inner[len(inner)-1]
		}
		c.args = append(c.args, a)
	}
	return c
}

func csharpVariable(n *node) (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.kind {
	case "identifier":
		if n.field == "name" {
			return "", false
		}
		return n.text(), false
	case "member_access_expression":
		if name := n.child("name"); name != nil {
			return name.text(), true
		}
	}
	return "", false
}
