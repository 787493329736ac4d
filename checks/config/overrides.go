package config

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Overrides say who may let the findings of a rule pass for one pull request.
type Overrides struct {
	Permission string   // that one needs on the repository at least: write | maintain | admin
	Never      []string // ids of rules that nobody may override
	Line       int
}

func (r *reader) overrides(key string, node *yaml.Node, to *Overrides) {
	to.Line = node.Line
	r.mapping(key, node, []field{
		{"permission", r.oneOf(&to.Permission, "maintain", "admin", "write")},
		{"never", r.ruleIDs(&to.Never)},
	})
}

// ruleIDs reads a list of rules, or one.
func (r *reader) ruleIDs(to *[]string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		nodes := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			nodes = v.Content
		}
		for _, node := range nodes {
			var id string
			switch r.text(&id)(key, node); {
			case id == "":
			case len(r.known.Rules) > 0 && !slices.Contains(r.known.Rules, id):
				r.unknown(node, "there is no rule %s", r.known.Rules, "`pmcheck rules` lists them")
			default:
				*to = append(*to, id)
			}
		}
	}
}
