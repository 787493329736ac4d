package pipeline

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	expression = regexp.MustCompile(`\$\{\{((?:[^}]|\}[^}])*)\}\}`)
	reference  = regexp.MustCompile(`^\s*([\w-]+(?:\.[\w-]+)+)\s*$`)
	orDefault  = regexp.MustCompile(`^\s*([\w-]+(?:\.[\w-]+)+)\s*\|\|\s*'([^']*)'\s*$`)
	noWord     = regexp.MustCompile(`\W+`)
)

// fill puts the values of inputs and of a matrix into a text; any other expression
// becomes "$name", so that a script stays one.
func fill(text string, values map[string]string) string {
	if !strings.Contains(text, "${{") {
		return text
	}
	left := 2 * maxScript
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		inside := expression.FindStringSubmatch(e)[1]
		out := ""
		if m := reference.FindStringSubmatch(inside); m != nil {
			out = values[m[1]]
			if rest, ok := strings.CutPrefix(m[1], "github.event."); out == "" && ok {
				out = values[rest]
			}
		} else if m := orDefault.FindStringSubmatch(inside); m != nil {
			if out = values[m[1]]; out == "" {
				out = m[2]
			}
		}
		if out == "" {
			out = "$" + strings.Trim(noWord.ReplaceAllString(inside, "_"), "_")
		}
		if left -= len(out); left < 0 {
			return ""
		}
		return out
	})
}

// withMatrix adds the values of a matrix: all that a name can have, since only words are looked for.
func withMatrix(inputs map[string]string, matrix *yaml.Node) map[string]string {
	if matrix == nil || matrix.Kind != yaml.MappingNode {
		return inputs
	}
	out := map[string]string{}
	for key, v := range inputs {
		out[key] = v
	}
	add := func(key, value string) {
		if value != "" && len(out[key])+len(value) < 1000 {
			out[key] = strings.TrimSpace(out[key] + " " + value)
		}
	}
	each(matrix, func(key, list *yaml.Node) {
		for _, item := range items(list) {
			if key.Value != "include" && item.Kind == yaml.ScalarNode {
				add("matrix."+key.Value, scalar(item))
			}
			each(item, func(inner, v *yaml.Node) {
				if key.Value == "include" {
					add("matrix."+inner.Value, scalar(v))
				} else {
					add("matrix."+key.Value+"."+inner.Value, scalar(v))
				}
			})
		}
	})
	return out
}

// runsIf is when a job or a step with a condition runs (GitHub, Evaluate expressions,
// Status check functions): without one of those functions, after success alone.
func runsIf(condition string) (runs string, never bool) {
	c := strings.TrimSpace(condition)
	if m := expression.FindStringSubmatch(c); m != nil && m[0] == c {
		c = strings.TrimSpace(m[1])
	}
	if c == "false" {
		return OnSuccess, true
	}
	has := func(s string) bool { return strings.Contains(strings.ReplaceAll(c, " ", ""), s) }
	failed := has("=='failure'") || has("!='success'") || has(",'failure')")
	wanted := has("=='success'") || has("!='failure'")
	switch {
	case has("failure()") && (has("success()") || has("always()")):
		return Always, false
	case has("!failure()"):
		return OnSuccess, false
	case has("failure()"):
		return OnFailure, false
	case (has("always()") || has("!cancelled()")) && failed && !wanted:
		return OnFailure, false
	case has("always()") || has("!cancelled()"):
		return Always, false
	case has("cancelled()"):
		return OnFailure, false
	}
	return OnSuccess, false
}

// succeeded tells that a condition asks for the success of a job that it needs.
func succeeded(condition, job string) bool {
	c := strings.ReplaceAll(condition, " ", "")
	return strings.Contains(c, "needs."+job+".result=='success'") || strings.Contains(c, "needs['"+job+"'].result=='success'") || strings.Contains(c, "!contains(needs.*.result,'failure')")
}
