package pipeline

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// files reads files of a tree once each.
type files struct {
	tree  Tree
	texts map[string]*string // nil: not there, or not readable
	docs  map[string]*yaml.Node
}

// text gives a file's content, and a problem's message where it has none.
func (f *files) text(path string) (text, problem string) {
	if !f.tree.Has(path) {
		return "", "there is no such file"
	}
	if f.texts == nil {
		f.texts = map[string]*string{}
	}
	if known, read := f.texts[path]; read {
		if known == nil {
			return "", "it cannot be read"
		}
		return *known, ""
	}
	f.texts[path] = nil
	if len(f.texts) > maxFiles {
		return "", "too many files are part of the pipeline to read this one"
	}
	content, err := f.tree.Read(path)
	if err != nil {
		return "", err.Error()
	}
	s := string(content)
	f.texts[path] = &s
	return s, ""
}

// yaml gives a file's document, nil where there is none.
func (f *files) yaml(path string, problem func(line int, message string)) *yaml.Node {
	if root, read := f.docs[path]; read {
		return root
	}
	if f.docs == nil {
		f.docs = map[string]*yaml.Node{}
	}
	f.docs[path] = nil
	text, wrong := f.text(path)
	if wrong != "" {
		problem(1, wrong)
		return nil
	}
	root, problems := yamltree.ParseWith([]byte(strings.TrimPrefix(text, "\ufeff")), 1, yamltree.Options{
		MaxBytes: maxBytes, MaxAliases: 5000, MaxNodes: 200_000, MergeKeys: true,
	})
	for _, p := range problems {
		problem(p.Line, p.Message)
	}
	f.docs[path] = root
	return root
}

// get is the value of a mapping's key, nil where there is none.
func get(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// each visits the keys of a mapping, in order.
func each(n *yaml.Node, visit func(key, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		visit(n.Content[i], n.Content[i+1])
	}
}

// scalar is the text of a value, "" where it is no text.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// items are the values of a list, and a single value as a list of one.
func items(n *yaml.Node) []*yaml.Node {
	switch {
	case n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

// texts are the texts of a list.
func texts(n *yaml.Node) []string {
	var out []string
	for _, item := range items(n) {
		if s := scalar(item); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// firstLine is the line on which the text of a value begins: that of a block
// scalar stands below its indicator.
func firstLine(n *yaml.Node) int {
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Line + 1
	}
	return n.Line
}

func isTrue(n *yaml.Node) bool { return scalar(n) == "true" }

// unique are the values of a list, each once, in order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
