package code

import (
	"strings"

	"github.com/smacker/go-tree-sitter/elixir"
)

// elixirGrammar also serves the extractor of Ecto's schemas.
var elixirGrammar = &grammar{load: elixir.GetLanguage}

// In Elixir's grammar everything is a call: a function is one of def with a block.
var elixirLanguage = &language{
	source:     "elixir",
	extensions: []string{".ex", ".exs"},
	grammar:    elixirGrammar,
	quotes:     map[string]quoting{"string": {escapes: backslash}, "sigil": {escapes: backslash}},
	holes:      []string{"interpolation"},
	operation:  []string{"binary_operator"},
	join:       "<>",
	wrap:       []string{"block"},
	functions:  []string{"call"},
	classes:    []string{"call"},
	loops:      []string{},
	lists:      []string{"list"},
	branches:   func(*node) []*node { return nil },
	define:     elixirDefine,
	call:       elixirCall,
	variable: func(n *node) (string, bool) {
		switch n.kind {
		case "identifier":
			if n.field == "target" {
				return "", false
			}
			return n.text(), false
		case "unary_operator": // @attribute
			if operand := n.child("operand"); operand != nil && strings.HasPrefix(n.text(), "@") && operand.kind == "identifier" {
				return "@" + operand.text(), true
			}
		}
		return "", false
	},
	iterates: func(*node) ([]string, *node) { return nil, nil },
	title:    elixirTitle,
	scoped: func(n *node) string {
		switch {
		case elixirTitle(n) == "":
			return ""
		case n.child("target").text() == "defmodule":
			return "class"
		}
		return "function"
	},
	arguments: func(*node) []parameter { return nil },
	ignore: func(n *node) bool {
		if n.kind != "unary_operator" {
			return false
		}
		text := n.text()
		return strings.HasPrefix(text, "@moduledoc") || strings.HasPrefix(text, "@doc") || strings.HasPrefix(text, "@typedoc") || strings.HasPrefix(text, "@shortdoc")
	},
}

func elixirDefine(n *node) []definition {
	switch n.kind {
	case "binary_operator":
		if op := n.child("operator"); op == nil || op.text() != "=" {
			return nil
		}
		if left := n.child("left"); left != nil && left.kind == "identifier" {
			return []definition{{left.text(), n.child("right"), false, left}}
		}
	case "unary_operator":
		operand := n.child("operand")
		if operand == nil || operand.kind != "call" || !strings.HasPrefix(n.text(), "@") {
			return nil
		}
		if args := operand.first("arguments").items(); len(args) == 1 {
			return []definition{{"@" + lastName(operand.child("target")), args[0], false, operand}}
		}
	}
	return nil
}

func elixirCall(n *node) *call {
	if n.kind != "call" {
		return nil
	}
	c := &call{}
	switch target := n.child("target"); {
	case target == nil:
		return nil
	case target.kind == "dot":
		c.receiver, c.name = target.child("left"), lastName(target.child("right"))
	default:
		c.name = target.text()
	}
	for _, a := range n.first("arguments").items() {
		if a.kind == "keywords" {
			c.named = pairs(a)
			continue
		}
		c.args = append(c.args, a)
	}
	return c
}

// elixirTitle is the name that def, defp or defmodule defines, "" for another call.
func elixirTitle(n *node) string {
	target := n.child("target")
	if target == nil {
		return ""
	}
	switch target.text() {
	case "def", "defp", "defmacro", "defmodule":
		args := n.first("arguments").items()
		if len(args) == 0 {
			return ""
		}
		head := args[0]
		if head.kind == "binary_operator" { // def f(a) when ...
			head = head.child("left")
		}
		if c := elixirCall(head); c != nil {
			return c.name
		}
		return head.text()
	}
	return ""
}
