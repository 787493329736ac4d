package code

import "github.com/smacker/go-tree-sitter/ruby"

// rubyGrammar also serves the extractor of Rails.
var rubyGrammar = &grammar{load: ruby.GetLanguage}

var rubyLanguage = &language{
	source:     "ruby",
	extensions: []string{".rb", ".rake", ".ru"},
	grammar:    rubyGrammar,
	quotes:     map[string]quoting{"string": {escapes: backslash}, "heredoc_beginning": {}, "bare_string": {}},
	holes:      []string{"interpolation"},
	adjacent:   []string{"chained_string"},
	operation:  []string{"binary"},
	join:       "+",
	fill:       "%",
	wrap:       []string{"parenthesized_statements"},
	choice:     []string{"conditional"},
	functions:  []string{"method", "singleton_method"},
	classes:    []string{"class", "module", "singleton_class"},
	loops:      []string{"call", "for"},
	lists:      []string{"array", "string_array", "symbol_array"},
	branches:   func(n *node) []*node { return []*node{n.child("consequence"), n.child("alternative")} },
	define:     rubyDefine,
	call:       rubyCall,
	variable:   rubyVariable,
	iterates:   rubyIterates,
	title:      fieldTitle,
	arguments:  rubyArguments,
	ignore:     func(n *node) bool { return false },
}

func rubyDefine(n *node) []definition {
	left, value, appends := n.child("left"), n.child("right"), false
	switch n.kind {
	case "assignment":
	case "operator_assignment":
		switch op := n.child("operator"); {
		case op == nil:
			return nil
		case op.text() == "+=":
			appends = true
		case op.text() != "||=":
			value = nil
		}
	case "binary":
		if op := n.child("operator"); op == nil || op.text() != "<<" {
			return nil
		}
		appends = true
	default:
		return nil
	}
	if left == nil {
		return nil
	}
	switch left.kind {
	case "identifier", "constant", "instance_variable", "class_variable", "global_variable":
		return []definition{{left.text(), value, appends, left}}
	}
	return nil
}

func rubyCall(n *node) *call {
	if n.kind != "call" {
		return nil
	}
	c := &call{receiver: n.child("receiver")}
	if name := n.child("method"); name != nil {
		c.name = name.text()
	}
	for _, a := range n.child("arguments").items() {
		if a.kind == "pair" {
			if c.named == nil {
				c.named = map[string]*node{}
			}
			if key, value := a.child("key"), a.child("value"); key != nil && value != nil && rubyName(key) != "" {
				c.named[bareName(key)] = value
			}
			continue
		}
		c.args = append(c.args, a)
	}
	return c
}

func rubyVariable(n *node) (string, bool) {
	switch n.kind {
	case "identifier":
		if n.field == "method" && n.parent.kind == "call" {
			return "", false
		}
		return n.text(), false
	case "constant", "instance_variable", "class_variable", "global_variable":
		return n.text(), true
	case "scope_resolution":
		if name := n.child("name"); name != nil {
			return name.text(), true
		}
	}
	return "", false
}

// rubyIterates reads %w[a b].each { |name| ... }.
func rubyIterates(n *node) ([]string, *node) {
	if n.kind == "for" {
		return namesOf(n.child("pattern")), n.child("value")
	}
	block := n.child("block")
	method := n.child("method")
	if block == nil || method == nil || method.text() != "each" && method.text() != "map" && method.text() != "flat_map" {
		return nil, nil
	}
	return namesOf(block.child("parameters")), n.child("receiver")
}

func rubyArguments(n *node) []parameter {
	var all []parameter
	for _, p := range n.child("parameters").items() {
		switch p.kind {
		case "identifier":
			all = append(all, parameter{name: p.text()})
		case "optional_parameter", "keyword_parameter":
			if name := p.child("name"); name != nil {
				all = append(all, parameter{name.text(), p.child("value")})
			}
		default:
			all = append(all, parameter{})
		}
	}
	return all
}
