package config

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

type reader struct {
	path     string
	known    Known
	problems []Problem
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{Path: r.path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// field is a key and what is done with its value.
type field struct {
	key  string
	read func(key string, value *yaml.Node)
}

func (r *reader) config(root *yaml.Node, to *Config) {
	hasVersion := false
	r.mapping("the file", root, []field{
		{"version", func(_ string, v *yaml.Node) {
			hasVersion = true
			if v.Kind != yaml.ScalarNode || v.Value != "1" {
				r.problem(v.Line, "version is %s: this pmcheck reads version 1", yamltree.Describe(v))
				return
			}
			to.Version = 1
		}},
		{"databases", func(_ string, v *yaml.Node) { to.Databases = r.databases(v) }},
		{"deploy", func(key string, v *yaml.Node) {
			r.mapping(key, v, []field{
				{"order", r.oneOf(&to.Deploy.Order, "migrations-first", "code-first", "unordered")},
				{"project", r.text(&to.Deploy.Project)}, {"job", r.text(&to.Deploy.Job)}, {"workflow", r.text(&to.Deploy.Workflow)},
				{"branch", r.text(&to.Deploy.Branch)}, {"environment", r.text(&to.Deploy.Environment)},
				{"component", r.text(&to.Deploy.Component)}, {"ref", r.text(&to.Deploy.Ref)}, {"rollback", r.rollback(&to.Rollback)},
			})
		}},
		{"fail_on", r.oneOf(&to.FailOn, Severities()...)},
		{"rules", func(_ string, v *yaml.Node) { to.Rules = r.rules(v) }},
		{"postmortems", r.globs(&to.Postmortems)},
		{"runbooks", r.globs(&to.Runbooks)},
		{"pipeline", func(key string, v *yaml.Node) { r.pipeline(key, v, &to.Pipeline) }},
		{"thresholds", func(key string, v *yaml.Node) {
			r.mapping(key, v, []field{
				{"large_table_rows", r.count(&to.Thresholds.LargeTableRows)},
				{"large_table_bytes", r.size(&to.Thresholds.LargeTableBytes)},
			})
		}},
		{"overrides", func(key string, v *yaml.Node) { r.overrides(key, v, &to.Overrides) }},
		{"reminders", func(key string, v *yaml.Node) { r.reminders(key, v, &to.Reminders) }},
		{"dora", func(key string, v *yaml.Node) { r.dora(key, v, &to.Dora) }},
	})
	if !hasVersion {
		r.problem(root.Line, "version is missing: begin the file with \"version: 1\"")
	}
}

func (r *reader) databases(list *yaml.Node) []Database {
	if null(list) {
		return nil
	}
	if list.Kind != yaml.SequenceNode {
		r.problem(list.Line, "databases: expected a list, got %s: begin each database with \"- name: ...\"", yamltree.Describe(list))
		return nil
	}
	var databases []Database
	lines := map[string]int{}
	for _, node := range list.Content {
		d := r.database(node)
		switch first := lines[d.Name]; {
		case d.Name == "":
			if len(list.Content) > 1 && node.Kind == yaml.MappingNode && !hasKey(node, "name") {
				r.problem(d.Line, "a database has no name: give each of several databases one")
			}
		case first > 0:
			r.problem(d.Line, "database %q is there twice, first on line %d: give one of them another name", d.Name, first)
		default:
			lines[d.Name] = d.Line
		}
		databases = append(databases, d)
	}
	return databases
}

func (r *reader) database(node *yaml.Node) Database {
	d := Database{Line: node.Line}
	var version *yaml.Node
	r.mapping("a database", node, []field{
		{"name", r.text(&d.Name)},
		{"engine", r.oneOf(&d.Engine, "postgres", "mysql", "sqlite")},
		{"version", func(_ string, v *yaml.Node) { version = v }},
		{"migrations", r.globs(&d.Migrations)},
		{"framework", func(key string, v *yaml.Node) {
			if len(r.known.Frameworks) > 0 {
				r.oneOf(&d.Framework, r.known.Frameworks...)(key, v)
				return
			}
			r.text(&d.Framework)(key, v)
		}},
		{"code", r.globs(&d.Code)},
		{"placeholders", func(_ string, v *yaml.Node) { d.Placeholders = r.placeholders(v) }},
		{"schema", func(key string, v *yaml.Node) {
			if r.text(&d.Schema)(key, v); d.Schema != "" {
				d.Schema = r.inside(key, d.Schema, v.Line)
			}
		}},
		{"declared", r.globs(&d.Declared)},
		{"enable_drop", func(key string, v *yaml.Node) { d.EnableDrop = r.yesOrNo(key, v) }},
	})
	if len(d.Declared) > 0 && len(d.Migrations) > 0 {
		r.problem(d.Line, "a database has migrations and declared: name one of them, the one that makes the schema")
	}
	if version != nil {
		d.Version = r.serverVersion(version, d.Engine)
	}
	return d
}

var dotted = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

func (r *reader) serverVersion(v *yaml.Node, engine string) string {
	const first, last = 12, 18 // the PostgreSQL versions whose locks and rewrites are known
	text := strings.TrimSpace(v.Value)
	if v.Kind != yaml.ScalarNode || !dotted.MatchString(text) {
		r.problem(v.Line, "version: expected the server's version such as \"17\", got %s", yamltree.Describe(v))
		return ""
	}
	if engine != "" && engine != "postgres" {
		return text
	}
	major, err := strconv.Atoi(text)
	if err != nil || major < first || major > last || strconv.Itoa(major) != text {
		r.problem(v.Line, "version %s: expected a major version of PostgreSQL, \"%d\" to \"%d\"", yamltree.Quote(text), first, last)
		return ""
	}
	return text
}

func (r *reader) placeholders(node *yaml.Node) map[string]string {
	values := map[string]string{}
	if null(node) {
		return values
	}
	if node.Kind != yaml.MappingNode {
		r.problem(node.Line, "placeholders: expected \"name: value\", got %s", yamltree.Describe(node))
		return values
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		if value.Kind != yaml.ScalarNode {
			r.problem(value.Line, "placeholder %s: expected text, got %s", yamltree.Quote(name.Value), yamltree.Describe(value))
			continue
		}
		values[name.Value] = value.Value
		if null(value) {
			values[name.Value] = ""
		}
	}
	return values
}

func (r *reader) rules(node *yaml.Node) map[string]Rule {
	if null(node) {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		r.problem(node.Line, "rules: expected \"rule-id: {severity: ...}\", got %s", yamltree.Describe(node))
		return nil
	}
	rules := map[string]Rule{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		id, value := node.Content[i], node.Content[i+1]
		if len(r.known.Rules) > 0 && !slices.Contains(r.known.Rules, id.Value) {
			r.unknown(id, "there is no rule %s", r.known.Rules, "`pmcheck rules` lists them")
			continue
		}
		rules[id.Value] = r.rule(id, value)
	}
	return rules
}

var severities = []string{"error", "warning", "info", "off"}

func (r *reader) rule(id, node *yaml.Node) Rule {
	rule := Rule{Line: id.Line}
	if node.Kind != yaml.MappingNode {
		advice := "write {severity: error}, or warning, info, off"
		if slices.Contains(severities, node.Value) {
			advice = fmt.Sprintf("write {severity: %s}", node.Value)
		}
		r.problem(node.Line, "%s: expected a mapping, got %s: %s", yamltree.Quote(id.Value), yamltree.Describe(node), advice)
		return rule
	}
	own := []field{{"severity", r.oneOf(&rule.Severity, severities...)}, {"mode", r.text(&rule.Mode)}}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if at := slices.IndexFunc(own, func(f field) bool { return f.key == key.Value }); at >= 0 {
			own[at].read(key.Value, value)
			continue
		}
		if meant := yamltree.Nearest(key.Value, []string{"severity", "mode"}); meant != "" {
			r.problem(key.Line, "unknown key %s, did you mean %s?", yamltree.Quote(key.Value), meant)
			continue
		}
		if option, ok := r.option(key.Value, value); ok {
			if rule.Options == nil {
				rule.Options = map[string]any{}
			}
			rule.Options[key.Value] = option
		}
	}
	return rule
}

// option gives a value in the types of JSON, which is what a rule sees.
func (r *reader) option(key string, node *yaml.Node) (any, bool) {
	switch node.Kind {
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			value, ok := r.option(key, item)
			if !ok {
				return nil, false
			}
			list = append(list, value)
		}
		return list, true
	case yaml.MappingNode:
		values := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			value, ok := r.option(key, node.Content[i+1])
			if !ok {
				return nil, false
			}
			values[node.Content[i].Value] = value
		}
		return values, true
	}
	var value any
	switch tag := node.ShortTag(); tag {
	case "!!null":
		r.problem(node.Line, "%s has no value: give it one, or remove it", yamltree.Quote(key))
		return nil, false
	case "!!int", "!!float", "!!bool":
		if err := node.Decode(&value); err != nil {
			break
		}
		switch value := value.(type) {
		case int:
			return int64(value), true
		case int64, bool:
			return value, true
		case float64:
			if !math.IsInf(value, 0) && !math.IsNaN(value) {
				return value, true
			}
		}
	default:
		return node.Value, true
	}
	r.problem(node.Line, "%s: expected a number that JSON can hold, got %s", yamltree.Quote(key), yamltree.Describe(node))
	return nil, false
}

// mapping gives each key's value to its reader; what names the mapping in messages.
func (r *reader) mapping(what string, node *yaml.Node, fields []field) {
	if null(node) {
		return
	}
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	if node.Kind != yaml.MappingNode {
		r.problem(node.Line, "%s: expected a mapping with %s, got %s", what, strings.Join(keys, ", "), yamltree.Describe(node))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if at := slices.Index(keys, key.Value); at >= 0 {
			fields[at].read(key.Value, value)
			continue
		}
		r.unknown(key, "unknown key %s", keys, "the keys here are "+strings.Join(keys, ", "))
	}
}

// unknown reports a name that is not in known: with the one that was probably meant, else with advice.
func (r *reader) unknown(name *yaml.Node, message string, known []string, advice string) {
	message = fmt.Sprintf(message, yamltree.Quote(name.Value))
	if meant := yamltree.Nearest(name.Value, known); meant != "" {
		r.problem(name.Line, "%s, did you mean %s?", message, meant)
		return
	}
	r.problem(name.Line, "%s: %s", message, advice)
}

// text reads a text that is not empty.
func (r *reader) text(to *string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		switch {
		case null(v), v.Kind == yaml.ScalarNode && strings.TrimSpace(v.Value) == "":
			r.problem(v.Line, "%s has no value: give it one, or remove it", key)
		case v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str":
			r.problem(v.Line, "%s: expected text, got %s", key, yamltree.Describe(v))
		default:
			*to = strings.TrimSpace(v.Value)
		}
	}
}

func (r *reader) yesOrNo(key string, v *yaml.Node) *bool {
	var is bool
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!bool" || v.Decode(&is) != nil {
		r.problem(v.Line, "%s: expected true or false, got %s", key, yamltree.Describe(v))
		return nil
	}
	return &is
}

// count reads a number of things, 0 or more.
func (r *reader) count(to *int64) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		n, err := strconv.ParseInt(strings.ReplaceAll(v.Value, "_", ""), 10, 64)
		if v.Kind != yaml.ScalarNode || err != nil || n < 0 {
			r.problem(v.Line, "%s: expected a whole number such as 1000000, got %s", key, yamltree.Describe(v))
			return
		}
		*to = n
	}
}

var sized = regexp.MustCompile(`(?i)^([0-9]+) *(|k|m|g|t)i?b?$`)

// size reads a number of bytes: 104857600, "100 MB", "9GB"; a kilobyte has 1,024 of them, as the server counts.
func (r *reader) size(to *int64) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		match := sized.FindStringSubmatch(strings.ReplaceAll(v.Value, "_", ""))
		if v.Kind == yaml.ScalarNode && match != nil {
			shift := 10 * strings.Index(" kmgt", strings.ToLower(match[2] + " ")[:1])
			if n, err := strconv.ParseInt(match[1], 10, 64); err == nil && n <= math.MaxInt64>>shift {
				*to = n << shift
				return
			}
		}
		r.problem(v.Line, "%s: expected a size such as \"100 MB\", got %s", key, yamltree.Describe(v))
	}
}

func (r *reader) oneOf(to *string, words ...string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		if v.Kind == yaml.ScalarNode && slices.Contains(words, v.Value) {
			*to = v.Value
			return
		}
		if v.Kind == yaml.ScalarNode {
			if meant := yamltree.Nearest(v.Value, words); meant != "" {
				r.problem(v.Line, "%s is %s, did you mean %s?", key, yamltree.Describe(v), meant)
				return
			}
		}
		r.problem(v.Line, "%s: expected %s, got %s", key, strings.Join(words, ", "), yamltree.Describe(v))
	}
}

// globs reads a glob or a list of them; a list may be empty.
func (r *reader) globs(to *[]string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		nodes := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			nodes = v.Content
		}
		globs := []string{}
		for _, node := range nodes {
			var glob string
			if r.text(&glob)(key, node); glob == "" {
				continue
			}
			if glob = r.inside(key, glob, node.Line); glob != "" && r.affordable(key, glob, node.Line) {
				globs = append(globs, glob)
			}
		}
		*to = globs
	}
}

// inside gives a path without "./" and the "/" at its end, "" and a problem where
// it does not name something in the repository.
func (r *reader) inside(key, file string, line int) string {
	quoted := yamltree.Quote(file)
	clean := path.Clean(file)
	switch {
	case strings.HasPrefix(file, "/"), clean == "..", strings.HasPrefix(clean, "../"), slices.Contains(strings.Split(file, "/"), ".."):
		r.problem(line, "%s: %s leads out of the repository: write it from the repository's root", key, quoted)
	case strings.HasPrefix(file, "!"):
		r.problem(line, "%s: %s: a glob cannot exclude: list what is meant", key, quoted)
	case foldersByBackslash.MatchString(file):
		r.problem(line, "%s: %s: write / between folders", key, quoted)
	default:
		return clean
	}
	return ""
}

// foldersByBackslash finds a backslash that escapes no character of a glob.
var foldersByBackslash = regexp.MustCompile(`\\([^*?\[\]{}\\!^,-]|$)`)

// affordable tells whether a glob is well-formed, and cheap on every path:
// alternatives in braces multiply.
func (r *reader) affordable(key, glob string, line int) bool {
	const most, mostBraces, mostAlternatives = 512, 4, 16
	switch {
	case !doublestar.ValidatePattern(glob):
		r.problem(line, "%s: %s is not a glob: close its brackets and braces", key, yamltree.Quote(glob))
	case len(glob) > most || strings.Count(glob, "{") > mostBraces || strings.Contains(glob, "{") && strings.Count(glob, ",") > mostAlternatives:
		r.problem(line, "%s: %s is too long, or has more than %d braces or %d alternatives: write several globs", key, yamltree.Quote(glob), mostBraces, mostAlternatives)
	default:
		return true
	}
	return false
}

func (r *reader) pipeline(key string, v *yaml.Node, to *Pipeline) {
	if null(v) {
		return
	}
	r.mapping(key, v, []field{
		{"deploy_jobs", r.patterns(&to.Deploy)},
		{"not_deploy_jobs", r.patterns(&to.NotDeploy)},
		{"check_jobs", r.patterns(&to.Check)},
		{"health_check_jobs", r.patterns(&to.HealthCheck)},
		{"canary_jobs", r.patterns(&to.Canary)},
		{"rollback_jobs", r.patterns(&to.Rollback)},
		{"notification_jobs", r.patterns(&to.Notification)},
	})
}

// patterns reads a pattern of job names or a list of them.
func (r *reader) patterns(to *[]string) func(string, *yaml.Node) {
	const most, mostStars = 200, 5
	return func(key string, v *yaml.Node) {
		nodes := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			nodes = v.Content
		}
		for _, node := range nodes {
			var pattern string
			r.text(&pattern)(key, node)
			switch {
			case pattern == "":
			case strings.Trim(pattern, "*") == "":
				r.problem(node.Line, "%s: %s is everything: name the ones that are meant", key, yamltree.Quote(pattern))
			case strings.ContainsAny(pattern, "?[]{}"):
				r.problem(node.Line, "%s: %s: a pattern here has \"*\" for any text, and nothing else", key, yamltree.Quote(pattern))
			case len(pattern) > most || strings.Count(pattern, "*") > mostStars:
				r.problem(node.Line, "%s: %s is too long, or has more than %d stars", key, yamltree.Quote(pattern), mostStars)
			default:
				*to = append(*to, pattern)
			}
		}
	}
}

func hasKey(node *yaml.Node, key string) bool {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return true
		}
	}
	return false
}

func null(v *yaml.Node) bool { return v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null" }
