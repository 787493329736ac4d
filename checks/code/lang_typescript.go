package code

import (
	"slices"

	"github.com/smacker/go-tree-sitter/javascript"
	"github.com/smacker/go-tree-sitter/typescript/tsx"
	"github.com/smacker/go-tree-sitter/typescript/typescript"
)

// The grammars of JavaScript and its kin, which share their names of things.
var (
	javascriptGrammar = &grammar{load: javascript.GetLanguage}
	typescriptGrammar = &grammar{load: typescript.GetLanguage}
	tsxGrammar        = &grammar{load: tsx.GetLanguage}
)

var (
	javascriptLanguage = ecmascript("javascript", javascriptGrammar, ".js", ".jsx", ".mjs", ".cjs")
	typescriptLanguage = ecmascript("typescript", typescriptGrammar, ".ts", ".mts", ".cts")
	tsxLanguage        = ecmascript("tsx", tsxGrammar, ".tsx")
)

func ecmascript(source string, g *grammar, extensions ...string) *language {
	return &language{
		source:     source,
		extensions: extensions,
		grammar:    g,
		quotes:     map[string]quoting{"string": {escapes: backslash}, "template_string": {escapes: backslash}},
		holes:      []string{"template_substitution"},
		operation:  []string{"binary_expression"},
		join:       "+",
		wrap:       []string{"parenthesized_expression", "await_expression", "non_null_expression"},
		choice:     []string{"ternary_expression"},
		functions:  []string{"function_declaration", "function_expression", "function", "arrow_function", "method_definition", "generator_function_declaration", "generator_function"},
		classes:    []string{"class_declaration", "class", "abstract_class_declaration", "object"},
		loops:      []string{"for_in_statement"},
		lists:      []string{"array"},
		branches:   func(n *node) []*node { return []*node{n.child("consequence"), n.child("alternative")} },
		define:     ecmascriptDefine,
		call:       ecmascriptCall,
		variable:   ecmascriptVariable,
		iterates: func(n *node) ([]string, *node) {
			return namesOf(n.child("left")), n.child("right")
		},
		title:     ecmascriptTitle,
		arguments: ecmascriptArguments,
		ignore: func(n *node) bool {
			return n.kind == "import_statement" || n.kind == "expression_statement" && len(n.items()) == 1 && n.items()[0].kind == "string" || n.kind == "type_annotation"
		},
	}
}

func ecmascriptDefine(n *node) []definition {
	var name, value *node
	appends := false
	switch n.kind {
	case "variable_declarator", "public_field_definition", "field_definition":
		if name, value = n.child("name"), n.child("value"); name == nil {
			name = n.child("property")
		}
	case "assignment_expression":
		name, value = n.child("left"), n.child("right")
	case "augmented_assignment_expression":
		name, value = n.child("left"), n.child("right")
		if op := n.child("operator"); op == nil || op.text() != "+=" {
			value = nil
		}
		appends = value != nil
	case "pair":
		name, value = n.child("key"), n.child("value")
	}
	if name == nil || n.kind == "variable_declarator" && value == nil {
		return nil
	}
	switch name.kind {
	case "identifier", "property_identifier", "private_property_identifier":
		return []definition{{name.text(), value, appends, name}}
	case "string":
		return []definition{{bareName(name), value, appends, name}}
	case "member_expression":
		if p := name.child("property"); p != nil {
			return []definition{{p.text(), value, appends, name}}
		}
	}
	return nil
}

func ecmascriptCall(n *node) *call {
	if n.kind != "call_expression" {
		return nil
	}
	c := &call{}
	f := n.child("function")
	for f != nil && (f.kind == "await_expression" || f.kind == "non_null_expression") && len(f.items()) == 1 {
		f = f.items()[0]
	}
	switch {
	case f == nil:
		return nil
	case f.kind == "member_expression":
		c.receiver = f.child("object")
		if name := f.child("property"); name != nil {
			c.name = name.text()
		}
	case f.kind == "identifier":
		c.name = f.text()
	}
	if arguments := n.child("arguments"); arguments != nil && arguments.kind != "template_string" {
		c.args = arguments.items()
	}
	return c
}

func ecmascriptVariable(n *node) (string, bool) {
	switch n.kind {
	case "identifier":
		return n.text(), false
	case "shorthand_property_identifier":
		return n.text(), false
	case "member_expression":
		if name := n.child("property"); name != nil {
			return name.text(), true
		}
	}
	return "", false
}

func ecmascriptTitle(n *node) string {
	if name := n.child("name"); name != nil {
		return name.text()
	}
	if n.parent != nil && slices.Contains([]string{"variable_declarator", "public_field_definition", "field_definition", "pair", "assignment_expression"}, n.parent.kind) && n.kind != "object" {
		for _, d := range ecmascriptDefine(n.parent) {
			return d.name
		}
	}
	return ""
}

func ecmascriptArguments(n *node) []parameter {
	var all []parameter
	if only := n.child("parameter"); only != nil {
		return []parameter{{name: only.text()}}
	}
	for _, p := range n.child("parameters").items() {
		switch p.kind {
		case "identifier":
			all = append(all, parameter{name: p.text()})
		case "required_parameter", "optional_parameter":
			if name := p.child("pattern"); name != nil {
				all = append(all, parameter{name.text(), p.child("value")})
			}
		case "assignment_pattern":
			if name := p.child("left"); name != nil {
				all = append(all, parameter{name.text(), p.child("right")})
			}
		default:
			all = append(all, parameter{})
		}
	}
	return all
}
