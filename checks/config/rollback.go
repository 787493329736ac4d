package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// Rollback says how an earlier version is brought back through CircleCI.
type Rollback struct {
	By         string         // pipeline | deploys | rerun; "" = it is not said
	Definition string         // the id of the pipeline's definition
	Branch     string         // of the pipeline
	Tag        string         // that the pipeline checks out
	Parameters map[string]any // of the pipeline: strings, booleans and whole numbers (int64)
}

func (r *reader) rollback(to *Rollback) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		r.mapping(key, v, []field{
			{"by", r.oneOf(&to.By, "pipeline", "deploys", "rerun")}, {"definition", r.text(&to.Definition)},
			{"branch", r.text(&to.Branch)}, {"tag", r.text(&to.Tag)}, {"parameters", r.parameters(&to.Parameters)},
		})
	}
}

// parameters reads the values that CircleCI takes for a pipeline's.
func (r *reader) parameters(to *map[string]any) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		if v.Kind != yaml.MappingNode {
			r.problem(v.Line, "%s: expected \"name: value\", got %s", key, yamltree.Describe(v))
			return
		}
		*to = map[string]any{}
		for i := 0; i+1 < len(v.Content); i += 2 {
			name, node := v.Content[i].Value, v.Content[i+1]
			value, ok := r.option(name, node)
			if !ok {
				continue
			}
			switch value.(type) {
			case string, bool, int64:
				(*to)[name] = value
			default:
				r.problem(node.Line, "parameter %s: expected text, true, false or a whole number, got %s", yamltree.Quote(name), yamltree.Describe(node))
			}
		}
	}
}
