package deploy

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// The limits of a [Gate].
const (
	maxMetrics      = 50
	maxCount        = 10_000
	providerTimeout = 10 * time.Second
)

// ReadGate reads the YAML of `pmcheck deploy gate --config`. file is how messages name
// it; getenv (os.LookupEnv) gives the headers that name a variable. What is wrong is a
// [ConfigError].
func ReadGate(file string, content []byte, getenv func(string) (string, bool)) (*Gate, error) {
	r := &reader{getenv: getenv}
	root := r.root(content)
	if root == nil {
		return nil, r.err(file)
	}
	g := &Gate{}
	f := r.fields(root, "the file", "metrics", "steps", "traffic")
	lines := map[string]int{}
	for _, item := range r.items(f["metrics"], "metrics", maxMetrics) {
		m := r.metric(item)
		if first := lines[m.Name]; first > 0 {
			r.problem(item.Line, "a metric %s stands on line %d already", yamltree.Quote(m.Name), first)
		} else if m.Name != "" {
			lines[m.Name] = item.Line
		}
		g.Metrics = append(g.Metrics, m)
	}
	if len(r.problems) == 0 && len(g.Metrics) == 0 {
		r.problem(root.Line, "metrics is missing: list at least one \"- name: error-rate\"")
	}
	r.canary(g, f["steps"], f["traffic"])
	return g, r.err(file)
}

func (r *reader) metric(item *yaml.Node) *Metric {
	f := r.fields(item, "a metric", "name", "interval", "initialDelay", "count", "successCondition", "failureCondition",
		"failureLimit", "inconclusiveLimit", "consecutiveErrorLimit", "provider")
	m := &Metric{
		Name:                  r.text(f["name"], "name"),
		Interval:              r.duration(f["interval"], "interval", 0, time.Millisecond),
		InitialDelay:          r.duration(f["initialDelay"], "initialDelay", 0, 0),
		Count:                 r.whole(f["count"], "count", 1, 1, maxCount),
		FailureLimit:          r.whole(f["failureLimit"], "failureLimit", 0, 0, maxCount),
		InconclusiveLimit:     r.whole(f["inconclusiveLimit"], "inconclusiveLimit", 0, 0, maxCount),
		ConsecutiveErrorLimit: r.whole(f["consecutiveErrorLimit"], "consecutiveErrorLimit", DefaultConsecutiveErrorLimit, 0, maxCount),
	}
	if item.Kind != yaml.MappingNode {
		return m
	}
	switch {
	case m.Name == "" && f["name"] == nil:
		r.problem(item.Line, "a metric has no name: messages and the record need one")
	case f["count"] == nil && f["interval"] != nil:
		r.problem(f["interval"].Line, "interval without count would measure for ever: say how often")
	case m.Count > 1 && f["interval"] == nil:
		r.problem(f["count"].Line, "count is %d: it needs an interval", m.Count)
	case m.FailureLimit+m.InconclusiveLimit >= m.Count:
		r.problem(item.Line, "failureLimit and inconclusiveLimit allow %d bad measurements of %d: it could pass without a good one", m.FailureLimit+m.InconclusiveLimit, m.Count)
	case f["successCondition"] == nil && f["failureCondition"] == nil:
		r.problem(item.Line, "a metric has neither successCondition nor failureCondition: nothing could fail")
	}
	dynamic := r.provider(m, item, f["provider"])
	read := func(key string) *condition {
		if f[key] == nil {
			return nil
		}
		c, err := compileCondition(r.text(f[key], key), conditionTypes(dynamic)...)
		if err != nil {
			r.problem(f[key].Line, "%s: %v", key, err)
		}
		return c
	}
	m.success, m.failure = read("successCondition"), read("failureCondition")
	if d, ok := m.provider.(*datadogQuery); ok {
		d.number = takesNumber(m.success, m.failure)
	}
	return m
}

// provider reads where a metric comes from, and tells that its results can be of any type.
func (r *reader) provider(m *Metric, item, node *yaml.Node) (dynamic bool) {
	if node == nil {
		r.problem(item.Line, "a metric has no provider: prometheus, datadog or web")
		return false
	}
	f := r.fields(node, "provider", "prometheus", "datadog", "web")
	if len(f) != 1 {
		if node.Kind == yaml.MappingNode {
			r.problem(node.Line, "provider: give one of prometheus, datadog and web")
		}
		return false
	}
	if p := f["prometheus"]; p != nil {
		k := r.fields(p, "prometheus", "address", "query", "timeout", "headers")
		m.timeout = r.seconds(k["timeout"], "timeout")
		headers := r.headers(k["headers"])
		query := r.text(k["query"], "query")
		if query == "" && p.Kind == yaml.MappingNode {
			r.problem(p.Line, "prometheus has no query")
		}
		address, err := parseURL(r.text(k["address"], "address"))
		if err == nil {
			m.provider, err = newPrometheus(address, query, headers)
		}
		if err != nil {
			r.problem(lineOf(k["address"], p), "address: %v", err)
		}
		return false
	}
	if d := f["datadog"]; d != nil {
		r.datadog(m, d)
		return false
	}
	w := f["web"]
	k := r.fields(w, "web", "url", "jsonPath", "timeoutSeconds", "headers")
	m.timeout = r.seconds(k["timeoutSeconds"], "timeoutSeconds")
	headers := r.headers(k["headers"])
	path, err := parsePath(r.text(k["jsonPath"], "jsonPath"))
	if err != nil {
		r.problem(k["jsonPath"].Line, "jsonPath: %v", err)
	}
	address, err := parseURL(r.text(k["url"], "url"))
	if err != nil {
		r.problem(lineOf(k["url"], w), "url: %v", err)
	}
	m.provider = &webJSON{client(headers), address, path}
	return true
}

func lineOf(value, otherwise *yaml.Node) int {
	if value != nil {
		return value.Line
	}
	return otherwise.Line
}
