package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/pmcheck/pmcheck/checks/facts"
)

var ruleID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// ruleOf reads the METADATA of the rule that a module defines. The error says
// all that is wrong with it.
func ruleOf(m *module) (Rule, error) {
	r := Rule{Path: m.path, Line: m.parsed.Package.Location.Row}
	id := m.parsed.Package.Path[len(m.parsed.Package.Path)-1].Value
	if s, ok := id.(ast.String); ok && len(m.parsed.Package.Path) == 4 {
		r.ID = string(s)
	}
	if !ruleID.MatchString(r.ID) {
		return r, m.problem(r.Line, "", "the package must be pmcheck.rules[\"a-rule-id\"]: lower-case words joined by hyphens")
	}
	about := m.annotations()
	if about == nil {
		return r, m.problem(r.Line, r.ID, "there is no METADATA above the package: title, description and custom.severity are required")
	}
	d := decoder{line: about.Location.Row}
	r.Title, r.Description = strings.TrimSpace(about.Title), strings.TrimSpace(about.Description)
	d.require("title", r.Title)
	d.require("description", r.Description)
	for key, value := range about.Custom {
		switch key {
		case "severity":
			r.Severity = d.oneOf(key, value, severities)
		case "remedy":
			r.Remedy = d.text(key, value)
		case "on":
			r.On = d.texts(key, value)
		case "after":
			r.After = d.truth(key, value)
		case "since":
			r.Since = d.text(key, value)
		case "options":
			r.Options = d.options(key, value)
		case "sources":
			r.Sources = d.texts(key, value)
		case "given":
			r.Given = d.text(key, value)
		case "bad":
			r.Bad = d.text(key, value)
		case "good":
			r.Good = d.text(key, value)
		case "action_items":
			r.ActionItems = d.texts(key, value)
		default:
			d.problem("custom.%s is not known", key)
		}
	}
	d.require("custom.severity", r.Severity)
	for _, on := range r.On {
		if !triggers[on] && !statementKind.MatchString(on) {
			d.problem("custom.on: %q is neither a kind of statement nor one of %s", on, strings.Join(Triggers(), ", "))
		}
	}
	if !slices.ContainsFunc(m.parsed.Rules, func(r *ast.Rule) bool { return r.Head.Ref()[0].Value.Compare(ast.Var("findings")) == 0 }) {
		d.problem("it defines no findings: findings contains finding.at(place, message) if { ... }")
	}
	if len(d.problems) > 0 {
		slices.Sort(d.problems) // custom is a map
		return r, m.problem(d.line, r.ID, "%s", strings.Join(d.problems, "; "))
	}
	if len(r.On) == 0 {
		r.On = []string{always}
	}
	return r, nil
}

// annotations is the METADATA of a module's package.
func (m *module) annotations() *ast.Annotations {
	for _, a := range m.parsed.Annotations {
		if a.Scope == "package" || a.Scope == "subpackages" {
			return a
		}
	}
	return nil
}

func (m *module) problem(line int, rule, format string, args ...any) error {
	return &PolicyError{Rule: rule, Place: facts.Place{Path: m.path, Line: line}, Message: fmt.Sprintf(format, args...)}
}

// decoder reads the values of METADATA's custom and gathers what is wrong with them.
type decoder struct {
	line     int
	problems []string
}

func (d *decoder) problem(format string, args ...any) {
	d.problems = append(d.problems, fmt.Sprintf(format, args...))
}

func (d *decoder) require(key, value string) {
	if value == "" && !slices.ContainsFunc(d.problems, func(p string) bool { return strings.HasPrefix(p, key) }) {
		d.problem("%s is missing", key)
	}
}

func (d *decoder) text(key string, value any) string {
	s, ok := value.(string)
	if !ok {
		d.problem("custom.%s must be a text", key)
	}
	return strings.TrimSpace(s)
}

func (d *decoder) oneOf(key string, value any, names []string) string {
	if s, ok := value.(string); ok && slices.Contains(names, s) {
		return s
	}
	d.problem("custom.%s must be one of %s", key, strings.Join(names, ", "))
	return ""
}

func (d *decoder) truth(key string, value any) bool {
	b, ok := value.(bool)
	if !ok {
		d.problem("custom.%s must be true or false", key)
	}
	return b
}

func (d *decoder) texts(key string, value any) []string {
	list, ok := value.([]any)
	var out []string
	for _, item := range list {
		s, isText := item.(string)
		out, ok = append(out, strings.TrimSpace(s)), ok && isText
	}
	if !ok {
		d.problem("custom.%s must be a list of texts", key)
	}
	return out
}

func (d *decoder) options(key string, value any) map[string]any {
	options, ok := value.(map[string]any)
	if !ok {
		d.problem("custom.%s must be names with their defaults", key)
	}
	return options
}
