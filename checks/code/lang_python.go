package code

import (
	"github.com/smacker/go-tree-sitter/python"
)

// pythonGrammar also serves the extractors of Python's ORMs.
var pythonGrammar = &grammar{load: python.GetLanguage}

var pythonLanguage = &language{
	source:     "python",
	extensions: []string{".py", ".pyw"},
	grammar:    pythonGrammar,
	quotes:     map[string]quoting{"string": {escapes: backslash}},
	holes:      []string{"interpolation"},
	adjacent:   []string{"concatenated_string"},
	operation:  []string{"binary_operator"},
	join:       "+",
	fill:       "%",
	wrap:       []string{"parenthesized_expression", "await"},
	choice:     []string{"conditional_expression"},
	functions:  []string{"function_definition"},
	classes:    []string{"class_definition"},
	loops:      []string{"for_statement", "for_in_clause"},
	lists:      []string{"tuple", "list", "set", "expression_list"},
	branches: func(n *node) []*node {
		if items := n.items(); len(items) == 3 { // a if condition else b
			return []*node{items[0], items[2]}
		}
		return nil
	},
	define:    pythonDefine,
	call:      pythonCall,
	variable:  pythonVariable,
	iterates:  func(n *node) ([]string, *node) { return namesOf(n.child("left")), n.child("right") },
	title:     fieldTitle,
	arguments: pythonArguments,
	ignore: func(n *node) bool {
		// A string that is a statement is a docstring or a comment.
		return n.kind == "expression_statement" && len(n.items()) == 1 && (n.items()[0].kind == "string" || n.items()[0].kind == "concatenated_string")
	},
}

func fieldTitle(n *node) string {
	if name := n.child("name"); name != nil {
		return name.text()
	}
	return ""
}

// namesOf returns the name, or the names of a pattern, that a loop or assignment fills.
func namesOf(n *node) []string {
	if n == nil {
		return nil
	}
	if n.kind == "identifier" || n.kind == "simple_identifier" {
		return []string{n.text()}
	}
	var names []string
	for _, item := range n.items() {
		names = append(names, item.text())
	}
	return names
}

func pythonDefine(n *node) []definition {
	if n.kind != "assignment" && n.kind != "augmented_assignment" {
		return nil
	}
	left, value := n.child("left"), n.child("right")
	if left == nil {
		return nil
	}
	op := n.child("operator")
	appends := op != nil && op.text() == "+="
	if n.kind == "augmented_assignment" && !appends {
		value = nil
	}
	switch left.kind {
	case "identifier":
		return []definition{{left.text(), value, appends, left}}
	case "attribute":
		if name := left.child("attribute"); name != nil {
			return []definition{{name.text(), value, appends, left}}
		}
	case "pattern_list", "tuple_pattern":
		var values []*node
		if value != nil && (value.kind == "expression_list" || value.kind == "tuple") {
			values = value.items()
		}
		var all []definition
		for i, item := range left.items() {
			if item.kind != "identifier" {
				continue
			}
			d := definition{name: item.text(), at: item}
			if len(values) == len(left.items()) {
				d.value = values[i]
			}
			all = append(all, d)
		}
		return all
	}
	return nil
}

func pythonCall(n *node) *call {
	if n.kind != "call" {
		return nil
	}
	c := &call{}
	switch f := n.child("function"); {
	case f == nil:
		return nil
	case f.kind == "attribute":
		c.receiver = f.child("object")
		if name := f.child("attribute"); name != nil {
			c.name = name.text()
		}
	case f.kind == "identifier":
		c.name = f.text()
	}
	c.braces = c.name == "format"
	for _, a := range n.child("arguments").items() {
		if a.kind != "keyword_argument" {
			c.args = append(c.args, a)
			continue
		}
		if name, value := a.child("name"), a.child("value"); name != nil && value != nil {
			if c.named == nil {
				c.named = map[string]*node{}
			}
			c.named[name.text()] = value
		}
	}
	return c
}

func pythonVariable(n *node) (string, bool) {
	switch n.kind {
	case "identifier":
		if n.field == "attribute" || n.field == "name" && n.parent.kind == "keyword_argument" {
			return "", false
		}
		return n.text(), false
	case "attribute":
		if name := n.child("attribute"); name != nil {
			return name.text(), true
		}
	}
	return "", false
}

func pythonArguments(n *node) []parameter {
	var all []parameter
	for _, p := range n.child("parameters").items() {
		switch p.kind {
		case "identifier":
			all = append(all, parameter{name: p.text()})
		case "typed_parameter":
			if name := p.first("identifier"); name != nil {
				all = append(all, parameter{name: name.text()})
			}
		case "default_parameter", "typed_default_parameter":
			if name := p.child("name"); name != nil {
				all = append(all, parameter{name.text(), p.child("value")})
			}
		}
	}
	return all
}
