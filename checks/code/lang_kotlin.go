package code

import (
	"bytes"

	"github.com/smacker/go-tree-sitter/kotlin"
)

var kotlinGrammar = &grammar{load: kotlin.GetLanguage}

// Kotlin's grammar names few fields: parts are found by their order.
var kotlinLanguage = &language{
	source:     "kotlin",
	extensions: []string{".kt", ".kts"},
	grammar:    kotlinGrammar,
	quotes:     map[string]quoting{"string_literal": {escapes: backslash}},
	holes:      []string{"interpolated_identifier", "interpolated_expression"},
	operation:  []string{"additive_expression"},
	join:       "+",
	wrap:       []string{"parenthesized_expression", "control_structure_body", "statements"},
	choice:     []string{"if_expression"},
	functions:  []string{"function_declaration", "anonymous_function", "secondary_constructor"},
	classes:    []string{"class_declaration", "object_declaration", "companion_object"},
	loops:      []string{"for_statement"},
	lists:      []string{"collection_literal"},
	branches:   func(n *node) []*node { return n.all("control_structure_body") },
	define:     kotlinDefine,
	call:       kotlinCall,
	variable:   kotlinVariable,
	iterates: func(n *node) ([]string, *node) {
		if items := n.items(); len(items) >= 2 && items[0].kind == "variable_declaration" {
			return namesOf(items[0].first("simple_identifier")), items[1]
		}
		return nil, nil
	},
	title: func(n *node) string {
		if name := n.first("simple_identifier", "type_identifier"); name != nil {
			return name.text()
		}
		return ""
	},
	arguments: func(n *node) []parameter {
		var all []parameter
		for _, p := range n.first("function_value_parameters").all("parameter") {
			if name := p.first("simple_identifier"); name != nil {
				all = append(all, parameter{name: name.text()})
			}
		}
		return all
	},
	ignore: func(n *node) bool {
		if n.kind != "annotation" || !bytes.Contains(n.file.text, []byte("data.jpa.repository")) {
			return false
		}
		text := n.text()
		return bytes.HasPrefix([]byte(text), []byte("@Query")) && !bytes.Contains([]byte(text), []byte("nativeQuery"))
	},
}

func kotlinDefine(n *node) []definition {
	switch n.kind {
	case "property_declaration":
		items := n.items()
		declared := n.first("variable_declaration")
		if declared == nil || len(items) == 0 || items[len(items)-1] == declared {
			return nil
		}
		if name := declared.first("simple_identifier"); name != nil {
			for i, item := range items {
				if item == declared && i+1 < len(items) {
					return []definition{{name.text(), items[i+1], false, name}}
				}
			}
		}
	case "assignment":
		items := n.items()
		if len(items) != 2 {
			return nil
		}
		left := items[0]
		name := left.text()
		if left.kind == "directly_assignable_expression" {
			name = lastName(left)
		}
		d := definition{name: name, value: items[1], at: left}
		for _, c := range n.children {
			if c.kind == "+=" {
				d.append = true
			} else if !c.named && c.kind != "=" {
				d.value = nil
			}
		}
		return []definition{d}
	}
	return nil
}

func kotlinCall(n *node) *call {
	if n.kind != "call_expression" || len(n.children) < 2 {
		return nil
	}
	c := &call{}
	switch f := n.children[0]; f.kind {
	case "navigation_expression":
		if items := f.items(); len(items) >= 2 {
			c.receiver, c.name = items[0], lastName(items[len(items)-1])
		}
	default:
		c.name = f.text()
	}
	for _, a := range n.first("call_suffix").first("value_arguments").all("value_argument") {
		if items := a.items(); len(items) > 0 {
			c.args = append(c.args, items[len(items)-1])
		}
	}
	return c
}

func kotlinVariable(n *node) (string, bool) {
	switch n.kind {
	case "simple_identifier", "interpolated_identifier":
		if n.parent != nil && (n.parent.kind == "navigation_suffix" || n.parent.kind == "variable_declaration") {
			return "", false
		}
		return n.text(), false
	case "navigation_expression":
		if items := n.items(); len(items) >= 2 {
			return lastName(items[len(items)-1]), true
		}
	}
	return "", false
}
