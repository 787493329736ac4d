package fakegithub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// shape is a compact description of a JSON value that a request may have.
type shape struct {
	kind     string // object, array, string, integer, boolean, time, sha, any
	fields   map[string]shape
	required []string
	free     bool // other fields are let through
	items    *shape
	maxItems int
	maxLen   int // characters
	maxBytes int
	enum     []string
	pattern  *regexp.Regexp
	nullable bool
}

func text(max int) shape           { return shape{kind: "string", maxLen: max} }
func oneOf(values ...string) shape { return shape{kind: "string", enum: values} }
func list(max int, of shape) shape { return shape{kind: "array", maxItems: max, items: &of} }
func (s shape) orNull() shape      { s.nullable = true; return s }
func (s shape) bytes(n int) shape  { s.maxBytes = n; return s }
func record(fields map[string]shape) shape { // a name that ends in "!" is required
	s := shape{kind: "object", fields: map[string]shape{}}
	for name, f := range fields {
		short, must := strings.CutSuffix(name, "!")
		s.fields[short] = f
		if must {
			s.required = append(s.required, short)
		}
	}
	slices.Sort(s.required)
	return s
}

var (
	integer = shape{kind: "integer"}
	boolean = shape{kind: "boolean"}
	moment  = shape{kind: "time"}
	anyText = shape{kind: "string"}
	commit  = shape{kind: "string", pattern: regexp.MustCompile(`^[0-9a-f]{40}$`)}
)

// check tells what GitHub would refuse a body for, in its words.
func (s shape) check(body []byte) *apiError {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return &apiError{status: 400, message: "Problems parsing JSON"}
	}
	if d.More() {
		return &apiError{status: 400, message: "Problems parsing JSON"}
	}
	if _, ok := v.(map[string]any); !ok && s.kind == "object" {
		return &apiError{status: 400, message: "Body should be a JSON object"}
	}
	if problem := s.problem("", v); problem != "" {
		return &apiError{status: 422, message: "Invalid request.\n\n" + problem}
	}
	return nil
}

func (s shape) problem(at string, v any) string {
	where := ""
	if at != "" {
		where = "For '" + strings.TrimPrefix(at, "/") + "', "
	}
	wrong := func(kind string) string {
		b, _ := json.Marshal(v)
		if v == nil {
			b = []byte("nil")
		}
		return fmt.Sprintf("%s%s is not %s.", where, b, kind)
	}
	if v == nil && s.nullable {
		return ""
	}
	switch s.kind {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return wrong("an object")
		}
		for _, name := range s.required {
			if _, ok := m[name]; !ok {
				return fmt.Sprintf("%s%q wasn't supplied.", where, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			f, ok := s.fields[name]
			if !ok {
				if s.free {
					continue
				}
				return fmt.Sprintf("%s%q is not a permitted key.", where, name)
			}
			if p := f.problem(at+"/properties/"+name, m[name]); p != "" {
				return p
			}
		}
	case "array":
		a, ok := v.([]any)
		if !ok {
			return wrong("an array")
		}
		if s.maxItems > 0 && len(a) > s.maxItems {
			return fmt.Sprintf("No more than %d items are allowed; %d were supplied.", s.maxItems, len(a))
		}
		for i, one := range a {
			if p := s.items.problem(fmt.Sprintf("%s/%d", at, i), one); p != "" {
				return p
			}
		}
	case "string", "time":
		t, ok := v.(string)
		if !ok {
			return wrong("a string")
		}
		if s.kind == "time" {
			if _, err := time.Parse(time.RFC3339, t); err != nil {
				return wrong("a valid date-time")
			}
		}
		if n := utf8.RuneCountInString(t); s.maxLen > 0 && n > s.maxLen {
			return fmt.Sprintf("Only %d characters are allowed; %d were supplied.", s.maxLen, n)
		}
		if s.maxBytes > 0 && len(t) > s.maxBytes {
			return fmt.Sprintf("%sonly %d bytes are allowed; %d were supplied.", where, s.maxBytes, len(t))
		}
		if s.enum != nil && !slices.Contains(s.enum, t) {
			b, _ := json.Marshal(s.enum)
			return wrong(fmt.Sprintf("a member of %s", strings.ReplaceAll(string(b), `","`, `", "`)))
		}
		if s.pattern != nil && !s.pattern.MatchString(t) {
			return wrong("of the form " + s.pattern.String())
		}
	case "integer":
		if n, ok := v.(json.Number); !ok || strings.ContainsAny(n.String(), ".eE") {
			return wrong("an integer")
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong("a boolean")
		}
	}
	return ""
}
