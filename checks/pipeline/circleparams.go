package pipeline

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// template finds "<< parameters.x >>" and its like.
var template = regexp.MustCompile(`<<\s*([a-zA-Z_][\w.-]*)\s*>>`)

// namesEnvironment finds names of parameters that hold an environment's name.
var namesEnvironment = regexp.MustCompile(`(?i)(env|stage|namespace|space|target|cluster|app[-_]?name|release|workspace|account|deploy)`)

// withDefaults are the parameters of an element: those given, and the defaults of the others.
func withDefaults(declared *yaml.Node, given map[string]value) map[string]value {
	values := map[string]value{}
	each(declared, func(key, v *yaml.Node) {
		if d := get(v, "default"); d != nil {
			values[key.Value] = value{d, nil}
		}
	})
	for key, v := range given {
		values[key] = v
	}
	return values
}

// parameter is the value that a text stands for which is one template and nothing else.
func (a *orbArgs) parameter(text string) (value, bool) {
	m := template.FindStringSubmatch(text)
	if m == nil || strings.TrimSpace(text) != m[0] {
		return value{}, false
	}
	return a.lookup(m[1])
}

func (a *orbArgs) lookup(name string) (value, bool) {
	if a == nil {
		return value{}, false
	}
	scope, key, _ := strings.Cut(name, ".")
	switch scope {
	case "parameters", "matrix":
		v, ok := a.values[key]
		return v, ok
	case "pipeline":
		if rest, ok := strings.CutPrefix(key, "parameters."); ok && a.parent != nil {
			v, ok := a.parent.values[rest]
			return v, ok
		}
	}
	return value{}, false
}

// text is a text with its templates filled in; what is not known becomes "$name".
func (c *circle) text(n *yaml.Node, in *orbArgs) string { return c.filled(n, in, 0) }

func (c *circle) filled(n *yaml.Node, in *orbArgs, depth int) string {
	const most = 2 * maxScript
	if n == nil || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	if !strings.Contains(n.Value, "<<") {
		return n.Value
	}
	left := most
	return template.ReplaceAllStringFunc(n.Value, func(t string) string {
		name := template.FindStringSubmatch(t)[1]
		text := "$" + strings.NewReplacer(".", "_", "-", "_").Replace(name)
		if v, ok := in.lookup(name); ok && v.node != nil && v.node.Kind == yaml.ScalarNode && depth < maxNesting && c.templates > 0 {
			c.templates--
			if text = v.node.Value; v.in != nil {
				text = c.filled(v.node, v.in, depth+1)
			}
		}
		if left -= len(text); left < 0 {
			return ""
		}
		return text
	})
}

// truth is what is known of a condition before the pipeline runs.
type truth int

const (
	unknown truth = iota
	yes
	no
)

// condition is a logic statement (Configuration Reference, Logic statements).
func (c *circle) condition(n *yaml.Node, in *orbArgs) truth { return c.holds(n, in, 0) }

func (c *circle) holds(n *yaml.Node, in *orbArgs, depth int) truth {
	if n == nil || depth > maxNesting {
		return unknown
	}
	if n.Kind == yaml.ScalarNode {
		if strings.Contains(n.Value, "pipeline.") { // whoever starts the pipeline decides
			return unknown
		}
		text := c.filled(n, in, 0)
		if strings.Contains(text, "$pipeline") || strings.HasPrefix(text, "$parameters") {
			return unknown
		}
		switch strings.TrimSpace(text) {
		case "", "false", "0", "null", "~":
			return no
		}
		return yes
	}
	out := unknown
	each(n, func(key, v *yaml.Node) {
		switch key.Value {
		case "and", "or":
			ends, otherwise := no, yes
			if key.Value == "or" {
				ends, otherwise = yes, no
			}
			out = otherwise
			for _, item := range items(v) {
				switch is := c.holds(item, in, depth+1); {
				case is == ends:
					out = ends
					return
				case is == unknown:
					out = unknown
				}
			}
		case "not":
			switch c.holds(v, in, depth+1) {
			case yes:
				out = no
			case no:
				out = yes
			}
		case "equal":
			out = yes
			var first string
			for i, item := range items(v) {
				text := c.filled(item, in, 0)
				if item.Kind != yaml.ScalarNode || strings.Contains(item.Value, "pipeline.") || strings.Contains(text, "$pipeline") || strings.Contains(text, "$parameters") {
					out = unknown
					return
				}
				if i == 0 {
					first = text
				} else if text != first {
					out = no
				}
			}
		}
	})
	return out
}

// combination is one set of values of a matrix.
type combination struct {
	values map[string]value
	names  []string // as they stand in the job's name
}

// combinations are the sets of values of a matrix; one that is empty where there is none.
func combinations(parameters, exclude *yaml.Node) []combination {
	out := []combination{{values: map[string]value{}}}
	each(parameters, func(key, list *yaml.Node) {
		var next []combination
		for _, before := range out {
			for _, v := range items(list) {
				if len(next) >= maxInstances {
					break
				}
				values := map[string]value{key.Value: {v, nil}}
				for k, w := range before.values {
					values[k] = w
				}
				next = append(next, combination{values, append(slices.Clone(before.names), scalar(v))})
			}
		}
		if len(next) > 0 {
			out = next
		}
	})
	return slices.DeleteFunc(out, func(c combination) bool {
		return slices.ContainsFunc(items(exclude), func(e *yaml.Node) bool {
			all := len(c.names) > 0
			each(e, func(key, v *yaml.Node) {
				if is, ok := c.values[key.Value]; !ok || scalar(is.node) != scalar(v) {
					all = false
				}
			})
			return all
		})
	})
}
