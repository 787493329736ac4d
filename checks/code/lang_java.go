package code

import (
	"bytes"

	"github.com/smacker/go-tree-sitter/java"
)

// javaGrammar also serves the extractor of JPA's entities.
var javaGrammar = &grammar{load: java.GetLanguage}

var javaLanguage = &language{
	source:     "java",
	extensions: []string{".java"},
	grammar:    javaGrammar,
	quotes:     map[string]quoting{"string_literal": {escapes: backslash}, "text_block": {escapes: backslash}},
	operation:  []string{"binary_expression"},
	join:       "+",
	wrap:       []string{"parenthesized_expression"},
	choice:     []string{"ternary_expression"},
	functions:  []string{"method_declaration", "constructor_declaration", "static_initializer", "lambda_expression"},
	classes:    []string{"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"},
	loops:      []string{"enhanced_for_statement"},
	lists:      []string{"array_initializer", "array_creation_expression"},
	branches:   func(n *node) []*node { return []*node{n.child("consequence"), n.child("alternative")} },
	define:     javaDefine,
	call:       javaCall,
	variable: func(n *node) (string, bool) {
		switch n.kind {
		case "identifier":
			if n.field == "name" && n.parent.kind != "method_invocation" || n.field == "field" || n.field == "key" {
				return "", false
			}
			if n.field == "name" {
				return "", false
			}
			return n.text(), false
		case "field_access":
			if name := n.child("field"); name != nil {
				return name.text(), true
			}
		}
		return "", false
	},
	iterates:  func(n *node) ([]string, *node) { return namesOf(n.child("name")), n.child("value") },
	title:     fieldTitle,
	arguments: javaArguments,
	ignore:    javaIgnore,
}

func javaDefine(n *node) []definition {
	switch n.kind {
	case "variable_declarator":
		name, value := n.child("name"), n.child("value")
		if name == nil || value == nil {
			return nil
		}
		if c := javaCall(value); c != nil && c.name == "StringBuilder" && len(c.args) == 1 {
			value = c.args[0]
		}
		return []definition{{name.text(), value, false, name}}
	case "assignment_expression":
		left, value := n.child("left"), n.child("right")
		if left == nil {
			return nil
		}
		appends := false
		if op := n.child("operator"); op != nil && op.text() != "=" {
			if appends = op.text() == "+="; !appends {
				value = nil
			}
		}
		if left.kind == "field_access" {
			if name := left.child("field"); name != nil {
				return []definition{{name.text(), value, appends, left}}
			}
		}
		return []definition{{left.text(), value, appends, left}}
	case "method_invocation": // sql.append("..."), and what follows it in the chain
		c := javaCall(n)
		if c.name != "append" || len(c.args) != 1 {
			return nil
		}
		root := c.receiver
		for root != nil && root.kind == "method_invocation" && javaCall(root).name == "append" {
			root = javaCall(root).receiver
		}
		if root != nil && root.kind == "identifier" {
			return []definition{{root.text(), c.args[0], true, n.child("arguments")}}
		}
	}
	return nil
}

func javaCall(n *node) *call {
	c := &call{}
	switch n.kind {
	case "method_invocation":
		c.receiver = n.child("object")
		if name := n.child("name"); name != nil {
			c.name = name.text()
		}
	case "object_creation_expression":
		if name := n.child("type"); name != nil {
			c.name = name.text()
		}
	default:
		return nil
	}
	c.args = n.child("arguments").items()
	return c
}

func javaArguments(n *node) []parameter {
	var all []parameter
	for _, p := range n.child("parameters").items() {
		name := ""
		if c := p.child("name"); c != nil {
			name = c.text()
		}
		all = append(all, parameter{name: name})
	}
	return all
}

// javaIgnore leaves out what is written in JPQL or HQL, which name classes and not tables.
func javaIgnore(n *node) bool {
	switch n.kind {
	case "annotation":
		name := lastName(n.child("name"))
		switch name {
		case "NamedQuery":
			return true
		case "Query":
			return bytes.Contains(n.file.text, []byte("data.jpa.repository")) && !nativeQuery(n)
		}
	case "argument_list":
		if c := javaCall(n.parent); c != nil {
			return c.name == "createQuery" || c.name == "createNamedQuery"
		}
	}
	return false
}

// nativeQuery tells that an annotation has nativeQuery = true.
func nativeQuery(n *node) bool {
	for _, pair := range n.child("arguments").all("element_value_pair") {
		if key, value := pair.child("key"), pair.child("value"); key != nil && key.text() == "nativeQuery" && value != nil {
			return value.text() == "true"
		}
	}
	return false
}
