package deploy

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/http/httpguts"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

const maxConfig = 256 << 10 // bytes

// ConfigError is a configuration that cannot be used: all that is wrong with it.
type ConfigError struct {
	File     string
	Problems []yamltree.Problem
}

func (e *ConfigError) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Message))
	}
	return strings.Join(lines, "\n")
}

// reader collects what is wrong, so that all of it is said at once.
type reader struct {
	problems []yamltree.Problem
	getenv   func(string) (string, bool)
}

func (r *reader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, yamltree.Problem{Line: line, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) err(file string) error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b yamltree.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &ConfigError{File: file, Problems: r.problems}
}

// root parses the text; nil when that gives nothing to read on.
func (r *reader) root(content []byte) *yaml.Node {
	root, problems := yamltree.Parse(bytes.TrimPrefix(content, []byte("\ufeff")), 1, maxConfig)
	r.problems = append(r.problems, problems...)
	if len(problems) > 0 {
		return nil
	}
	if root == nil {
		r.problem(1, "the file is empty")
	}
	return root
}

// fields gives the values of a mapping by key; unknown keys are problems.
func (r *reader) fields(node *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	if node.Kind != yaml.MappingNode {
		r.problem(node.Line, "%s is %s, expected the keys %s", what, yamltree.Describe(node), strings.Join(known, ", "))
		return fields
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if slices.Contains(known, key.Value) {
			fields[key.Value] = node.Content[i+1]
			continue
		}
		advice := "the keys are " + strings.Join(known, ", ")
		if meant := yamltree.Nearest(key.Value, known); meant != "" {
			advice = "did you mean " + meant + "?"
		}
		r.problem(key.Line, "%s has no key %s; %s", what, yamltree.Quote(key.Value), advice)
	}
	return fields
}

func (r *reader) items(node *yaml.Node, key string, most int) []*yaml.Node {
	switch {
	case node == nil:
		return nil
	case node.Kind != yaml.SequenceNode:
		r.problem(node.Line, "%s is %s, expected a list", key, yamltree.Describe(node))
		return nil
	case len(node.Content) > most:
		r.problem(node.Line, "%s has %d items, at most %d are read", key, len(node.Content), most)
		return nil
	}
	return node.Content
}

// text gives a plain value, "" when there is none.
func (r *reader) text(node *yaml.Node, key string) string {
	if node == nil {
		return ""
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" {
		r.problem(node.Line, "%s: expected text, got %s", key, yamltree.Describe(node))
		return ""
	}
	return node.Value
}

func (r *reader) duration(node *yaml.Node, key string, otherwise, least time.Duration) time.Duration {
	const most = 24 * time.Hour
	if node == nil {
		return otherwise
	}
	d, err := time.ParseDuration(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil || d < least || d > most {
		r.problem(node.Line, "%s: expected a duration such as 30s or 1m30s, from %s to %s, got %s", key, least, most, yamltree.Describe(node))
		return otherwise
	}
	return d
}

func (r *reader) whole(node *yaml.Node, key string, otherwise, least, most int) int {
	if node == nil {
		return otherwise
	}
	n, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil || n < least || n > most {
		r.problem(node.Line, "%s: expected a whole number from %d to %d, got %s", key, least, most, yamltree.Describe(node))
		return otherwise
	}
	return n
}

func (r *reader) truth(node *yaml.Node, key string) bool {
	if node == nil {
		return false
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" {
		r.problem(node.Line, "%s: expected true or false, got %s", key, yamltree.Describe(node))
		return false
	}
	return node.Value == "true" || node.Value == "True" || node.Value == "TRUE"
}

// headers reads "- key: NAME" with "value: TEXT", or "env: VARIABLE" for what is secret.
func (r *reader) headers(node *yaml.Node) []Header {
	var headers []Header
	for _, item := range r.items(node, "headers", 50) {
		before := len(r.problems)
		f := r.fields(item, "a header", "key", "value", "env")
		h := Header{Key: r.text(f["key"], "key"), Value: r.text(f["value"], "value")}
		if (f["value"] == nil) == (f["env"] == nil) && len(r.problems) == before {
			r.problem(item.Line, "a header: give its value, or env: the variable that holds it")
		} else if f["env"] != nil {
			name := r.text(f["env"], "env")
			value, ok := r.getenv(name)
			if !ok && name != "" {
				r.problem(f["env"].Line, "env: the environment has no variable %s", yamltree.Quote(name))
			}
			h.Value = value
		}
		if err := checkHeader(h); err != nil && len(r.problems) == before {
			r.problem(item.Line, "a header: %v", err)
		}
		headers = append(headers, h)
	}
	return headers
}

func checkHeader(h Header) error {
	if !httpguts.ValidHeaderFieldName(h.Key) {
		return fmt.Errorf("%s is not the name of a header", yamltree.Quote(h.Key))
	}
	if !httpguts.ValidHeaderFieldValue(h.Value) {
		return fmt.Errorf("the value of %s cannot be sent: it has a line end or a control character", h.Key)
	}
	return nil
}

// ParseHeader reads "Key: value". The error does not repeat the value.
func ParseHeader(text string) (Header, error) {
	key, value, ok := strings.Cut(text, ":")
	if !ok {
		return Header{}, fmt.Errorf("expected 'Key: value'")
	}
	h := Header{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)}
	return h, checkHeader(h)
}

// Defaults of a [Health] and its endpoints.
const (
	DefaultTimeout  = 5 * time.Second
	DefaultInterval = 2 * time.Second
	DefaultTries    = 30
	DefaultStable   = 5
	DefaultStatus   = "200"
)

// EndpointText is an endpoint as flags give it.
type EndpointText struct {
	URL, Method, Status, Body string
	Headers                   []string // "Key: value"
	Timeout                   time.Duration
	FollowRedirects           bool
}

// Endpoint reads t. An error names the flag and never repeats a URL or a header's value.
func (t EndpointText) Endpoint() (Endpoint, error) {
	e := Endpoint{Timeout: t.Timeout, FollowRedirects: t.FollowRedirects}
	var err error
	if e.URL, err = parseURL(t.URL); err != nil {
		return e, fmt.Errorf("url: %w", err)
	}
	if e.Method, err = parseMethod(t.Method); err != nil {
		return e, fmt.Errorf("method: %w", err)
	}
	if e.Status, err = ParseStatus(t.Status); err != nil {
		return e, fmt.Errorf("status: %w", err)
	}
	if t.Body != "" {
		if e.Body, err = regexp.Compile(t.Body); err != nil {
			return e, fmt.Errorf("body: %w", err)
		}
	}
	if e.Timeout <= 0 {
		return e, fmt.Errorf("timeout: expected a duration such as 5s")
	}
	for _, text := range t.Headers {
		h, err := ParseHeader(text)
		if err != nil {
			return e, fmt.Errorf("header: %w", err)
		}
		e.Headers = append(e.Headers, h)
	}
	return e, nil
}

func parseMethod(text string) (string, error) {
	switch method := strings.ToUpper(text); method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions:
		return method, nil
	}
	return "", fmt.Errorf("expected GET, HEAD, POST or OPTIONS")
}

// ReadHealth reads the YAML of `pmcheck deploy health --config`. file is how messages
// name it; getenv (os.LookupEnv) gives the headers that name a variable. What is wrong
// is a [ConfigError].
func ReadHealth(file string, content []byte, getenv func(string) (string, bool)) (*Health, error) {
	r := &reader{getenv: getenv}
	h := &Health{}
	root := r.root(content)
	if root == nil {
		return nil, r.err(file)
	}
	f := r.fields(root, "the file", "endpoints", "interval", "tries", "stable")
	h.Interval = r.duration(f["interval"], "interval", DefaultInterval, 0)
	h.Tries = r.whole(f["tries"], "tries", DefaultTries, 1, maxTries)
	h.Stable = r.whole(f["stable"], "stable", DefaultStable, 1, maxTries)
	for _, item := range r.items(f["endpoints"], "endpoints", maxEndpoints) {
		h.Endpoints = append(h.Endpoints, r.endpoint(item))
	}
	if len(r.problems) == 0 && len(h.Endpoints) == 0 {
		r.problem(root.Line, "endpoints is missing: list at least one \"- url: https://...\"")
	}
	return h, r.err(file)
}

func (r *reader) endpoint(item *yaml.Node) Endpoint {
	f := r.fields(item, "an endpoint", "url", "method", "status", "body", "headers", "timeout", "followRedirects")
	t := EndpointText{
		URL: r.text(f["url"], "url"), Method: cmp.Or(r.text(f["method"], "method"), http.MethodGet),
		Status: cmp.Or(r.text(f["status"], "status"), DefaultStatus), Body: r.text(f["body"], "body"),
		Timeout:         r.duration(f["timeout"], "timeout", DefaultTimeout, time.Millisecond),
		FollowRedirects: r.truth(f["followRedirects"], "followRedirects"),
	}
	headers := r.headers(f["headers"])
	e, err := t.Endpoint()
	if err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		line := item.Line
		if f[key] != nil {
			line = f[key].Line
		}
		r.problem(line, "%v", err)
	}
	e.Headers = headers
	return e
}

// Check says what of h does not go together.
func (h *Health) Check() error {
	switch {
	case len(h.Endpoints) == 0 || len(h.Endpoints) > maxEndpoints:
		return fmt.Errorf("%d endpoints: give 1 to %d", len(h.Endpoints), maxEndpoints)
	case h.Tries < 1 || h.Tries > maxTries:
		return fmt.Errorf("tries is %d: give 1 to %d", h.Tries, maxTries)
	case h.Stable < 1:
		return fmt.Errorf("stable is %d: an endpoint has to be healthy at least once", h.Stable)
	case h.Stable > h.Tries:
		return fmt.Errorf("stable is %d, but there are only %d tries", h.Stable, h.Tries)
	case h.Interval < 0:
		return fmt.Errorf("interval is %s: it cannot be negative", h.Interval)
	}
	return nil
}

// ReadFile reads a configuration's text, within its limit.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, maxConfig)
	}
	return os.ReadFile(path)
}
