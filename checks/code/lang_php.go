package code

import (
	"strings"

	"github.com/smacker/go-tree-sitter/php"
)

var phpGrammar = &grammar{load: php.GetLanguage}

var phpLanguage = &language{
	source:     "php",
	extensions: []string{".php"},
	grammar:    phpGrammar,
	quotes: map[string]quoting{"string": {escapes: sparse}, "encapsed_string": {escapes: backslash},
		"heredoc": {escapes: backslash, body: "heredoc_body"}, "nowdoc": {body: "nowdoc_body"}},
	holes:     []string{"variable_name", "member_access_expression", "subscript_expression", "dynamic_variable_name", "nullsafe_member_access_expression", "member_call_expression", "scoped_call_expression"},
	operation: []string{"binary_expression"},
	join:      ".",
	wrap:      []string{"parenthesized_expression"},
	choice:    []string{"conditional_expression"},
	functions: []string{"function_definition", "method_declaration", "anonymous_function_creation_expression", "arrow_function"},
	classes:   []string{"class_declaration", "trait_declaration", "interface_declaration"},
	loops:     []string{"foreach_statement"},
	lists:     []string{"array_creation_expression"},
	branches:  func(n *node) []*node { return []*node{n.child("body"), n.child("alternative")} },
	define:    phpDefine,
	call:      phpCall,
	variable:  phpVariable,
	iterates:  phpIterates,
	title:     fieldTitle,
	arguments: phpArguments,
	ignore:    func(n *node) bool { return n.kind == "attribute_list" },
}

func phpDefine(n *node) []definition {
	switch n.kind {
	case "const_element":
		if items := n.items(); len(items) == 2 {
			return []definition{{items[0].text(), items[1], false, items[0]}}
		}
	case "property_element":
		if items := n.items(); len(items) == 2 && len(items[1].items()) == 1 {
			return []definition{{strings.TrimPrefix(items[0].text(), "$"), items[1].items()[0], false, items[0]}}
		}
	case "assignment_expression", "augmented_assignment_expression":
		left, value := n.child("left"), n.child("right")
		name, _ := phpVariable(left)
		if name == "" {
			return nil
		}
		d := definition{name: name, value: value, at: left}
		if op := n.child("operator"); op != nil && n.kind == "augmented_assignment_expression" {
			if d.append = op.text() == ".="; !d.append {
				d.value = nil
			}
		}
		return []definition{d}
	}
	return nil
}

func phpCall(n *node) *call {
	c := &call{}
	switch n.kind {
	case "function_call_expression":
		c.name = lastName(n.child("function"))
	case "member_call_expression":
		c.receiver, c.name = n.child("object"), lastName(n.child("name"))
	case "scoped_call_expression":
		c.receiver, c.name = n.child("scope"), lastName(n.child("name"))
	default:
		return nil
	}
	for _, a := range n.child("arguments").items() {
		if inner := a.items(); a.kind == "argument" && len(inner) > 0 {
			a = inner[len(inner)-1]
		}
		c.args = append(c.args, a)
	}
	return c
}

func phpVariable(n *node) (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.kind {
	case "variable_name":
		return "$" + strings.TrimPrefix(n.text(), "$"), false
	case "name":
		if n.field == "" {
			return n.text(), true
		}
	case "class_constant_access_expression":
		if items := n.items(); len(items) > 0 {
			return items[len(items)-1].text(), true
		}
	case "member_access_expression":
		if name := n.child("name"); name != nil {
			return name.text(), true
		}
	case "scoped_property_access_expression":
		if name := n.child("name"); name != nil {
			return strings.TrimPrefix(name.text(), "$"), true
		}
	}
	return "", false
}

// phpIterates reads foreach (list as $name).
func phpIterates(n *node) ([]string, *node) {
	items := n.items()
	if len(items) < 2 || items[1].kind != "variable_name" {
		return nil, nil
	}
	return []string{items[1].text()}, items[0]
}

func phpArguments(n *node) []parameter {
	var all []parameter
	for _, p := range n.child("parameters").items() {
		name := ""
		if c := p.child("name"); c != nil {
			name = c.text()
		}
		all = append(all, parameter{name, p.child("default_value")})
	}
	return all
}
