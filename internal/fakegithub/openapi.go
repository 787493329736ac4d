package fakegithub

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Validator holds what is said against GitHub's OpenAPI description. It is safe for concurrent use.
type Validator struct {
	mu       sync.Mutex
	doc      map[string]any
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

// The description is large, and never changes: it is read once for each folder.
var validators = struct {
	sync.Mutex
	byDir map[string]*Validator
}{byDir: map[string]*Validator{}}

// ValidateWith holds all requests that are granted, all answers and all payloads from now on against
// github/openapi.json in the folder. What does not fit is an error of the test, and of Violations. "" ends it: it
// costs about a millisecond for each pull request that is said.
func (s *Server) ValidateWith(dir string) error {
	var v *Validator
	if dir != "" {
		var err error
		if v, err = loadValidator(dir); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.validator = v
	return nil
}

// Violations is what did not fit so far.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violation)
}

func loadValidator(dir string) (*Validator, error) {
	validators.Lock()
	defer validators.Unlock()
	if v := validators.byDir[dir]; v != nil {
		return v, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "github", "openapi.json"))
	if err != nil {
		return nil, err
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	doc, ok := asSchema(raw).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s: openapi.json is no object", dir)
	}
	v := &Validator{doc: doc, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	v.compiler.DefaultDraft(jsonschema.Draft4) // OpenAPI 3.0 stands on it: exclusiveMinimum is a boolean, what is beside $ref does not count
	v.compiler.AssertFormat()
	v.compiler.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: validTemplate})
	if err := v.compiler.AddResource("https://github.test/openapi.json", doc); err != nil {
		return nil, err
	}
	validators.byDir[dir] = v
	return v, nil
}

// asSchema turns OpenAPI's "nullable" into what JSON Schema has for it.
func asSchema(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = asSchema(v[i])
		}
	case map[string]any:
		for k := range v {
			if k != "example" && k != "examples" {
				v[k] = asSchema(v[k])
			}
		}
		if all, ok := v["allOf"].([]any); ok && len(all) == 2 && title(all[0]) == "Simple User" && title(all[1]) == "Enterprise" {
			v["anyOf"] = all // a slip of the description: no account is both
			delete(v, "allOf")
		}
		if v["nullable"] != true {
			return v
		}
		delete(v, "nullable")
		kind, ok := v["type"].(string)
		if !ok {
			return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, v}}
		}
		v["type"] = []any{kind, "null"}
		if enum, ok := v["enum"].([]any); ok && !slices.Contains(enum, nil) {
			v["enum"] = append(enum, nil)
		}
	}
	return v
}

func title(schema any) any {
	m, _ := schema.(map[string]any)
	return m["title"]
}

var template = regexp.MustCompile(`\{[+#./;?&]?[a-z_]+(,[a-z_]+)*\}`)

// validTemplate is RFC 6570's form as far as GitHub uses it; the library's own check lacks operators.
func validTemplate(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	rest := template.ReplaceAllString(s, "")
	if strings.ContainsAny(rest, "{}") {
		return fmt.Errorf("a brace stands alone")
	}
	_, err := url.Parse(rest)
	return err
}

func (v *Validator) at(path ...string) any {
	var x any = v.doc
	for _, p := range path {
		m, ok := x.(map[string]any)
		if !ok {
			return nil
		}
		if ref, ok := m["$ref"].(string); ok {
			m, _ = v.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		}
		x = m[p]
	}
	return x
}

// check holds a text against the schema at a path of the description.
func (v *Validator) check(what string, text []byte, path ...string) []string {
	v.mu.Lock()
	escaped := make([]string, len(path))
	for i, p := range path {
		escaped[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(p)
	}
	pointer := strings.Join(escaped, "/")
	schema := v.schemas[pointer]
	if schema == nil {
		var err error
		if schema, err = v.compiler.Compile("https://github.test/openapi.json#/" + pointer); err != nil {
			v.mu.Unlock()
			return []string{fmt.Sprintf("the schema of %s can't be compiled: %v", what, err)}
		}
		v.schemas[pointer] = schema
	}
	v.mu.Unlock()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", what, err)}
	}
	if err := schema.Validate(value); err != nil {
		text := err.Error()
		return []string{fmt.Sprintf("%s does not fit GitHub's description: %s", what, text[:min(len(text), 4000)])}
	}
	return nil
}

const jsonType = "application/json"

// exchange holds a call against the description. A request that was refused need not fit.
func (v *Validator) exchange(rt *route, r *http.Request, body []byte, status int, answer []byte) []string {
	method := strings.ToLower(rt.method)
	operation := []string{"paths", rt.template, method}
	if v.at(operation...) == nil {
		return nil // the description at hand may be an excerpt
	}
	path := func(more ...string) []string { return append(slices.Clone(operation), more...) }
	var problems []string
	if status < 300 {
		body = bytes.TrimSpace(body)
		in := path("requestBody", "content", jsonType, "schema")
		if v.at(in...) != nil && len(body) > 0 && !bytes.Equal(body, []byte("null")) {
			problems = append(problems, v.check("the request", body, in...)...)
		}
		problems = append(problems, v.query(r, path("parameters"))...)
	}
	code := strconv.Itoa(status)
	out := path("responses", code)
	switch response := v.at(out...); {
	case response == nil && status >= 400:
		problems = append(problems, v.check("the refusal", answer, "components", "schemas", "basic-error")...)
	case response == nil && status >= 300:
	case response == nil:
		problems = append(problems, "GitHub does not answer "+code)
	default:
		if ref, ok := response.(map[string]any)["$ref"].(string); ok {
			out = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
		}
		out = append(out, "content", jsonType, "schema")
		if v.at(out...) != nil {
			problems = append(problems, v.check("the answer "+code, answer, out...)...)
		} else if len(answer) > 0 {
			problems = append(problems, "GitHub's answer "+code+" has no body")
		}
	}
	return problems
}

// query holds the query against the operation's parameters.
func (v *Validator) query(r *http.Request, path []string) []string {
	all, _ := v.at(path...).([]any)
	known := map[string]map[string]any{}
	for _, p := range all {
		m := p.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			m, _ = v.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		}
		if name, _ := m["name"].(string); m["in"] == "query" {
			known[name], _ = m["schema"].(map[string]any)
		}
	}
	var problems []string
	for name, values := range r.URL.Query() {
		schema, ok := known[name]
		if !ok {
			problems = append(problems, fmt.Sprintf("GitHub knows no parameter %q here", name))
			continue
		}
		enum, _ := schema["enum"].([]any)
		for _, value := range values {
			if enum != nil && !slices.Contains(enum, any(value)) {
				problems = append(problems, fmt.Sprintf("%s=%s is none of %v", name, value, enum))
			}
			if _, err := strconv.Atoi(value); schema["type"] == "integer" && err != nil {
				problems = append(problems, fmt.Sprintf("%s=%s is no integer", name, value))
			}
		}
	}
	return problems
}

// webhook holds a payload against the description of its event and action.
func (v *Validator) webhook(event, action string, body []byte) []string {
	name := event
	if action != "" {
		name += "-" + action
	}
	name = strings.ReplaceAll(name, "_", "-")
	if v.at("x-webhooks", name) == nil {
		return []string{"GitHub describes no such event"}
	}
	return v.check("the payload", body, "x-webhooks", name, "post", "requestBody", "content", jsonType, "schema")
}
