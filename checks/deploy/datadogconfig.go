package deploy

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/http/httpguts"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// The limits and defaults of the provider datadog; the interval is Argo Rollouts' own.
const (
	datadogInterval   = 5 * time.Minute
	datadogAggregator = "last"
	datadogSite       = "datadoghq.com"
	maxQueries        = 20
)

// datadogSites are the hosts below which Datadog has its APIs. The keys are sent nowhere
// else, unless an address is given. https://docs.datadoghq.com/getting_started/site/
var datadogSites = regexp.MustCompile(`^(?:[a-z]{2}[0-9]\.)?(?:datadoghq\.com|datadoghq\.eu|ddog-gov\.com)$`)

var queryName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// datadog reads the provider of that name; the keys come from the environment alone.
func (r *reader) datadog(m *Metric, node *yaml.Node) {
	k := r.fields(node, "datadog", "apiVersion", "interval", "query", "queries", "formula", "aggregator", "site", "address", "apiKey", "appKey", "timeout")
	if node.Kind != yaml.MappingNode {
		return
	}
	d := &datadogQuery{version: cmp.Or(r.text(k["apiVersion"], "apiVersion"), datadogV1), interval: r.duration(k["interval"], "interval", datadogInterval, 10*time.Second)}
	m.provider, m.timeout = d, r.seconds(k["timeout"], "timeout")
	d.address = r.datadogAddress(k)
	d.client = client([]Header{
		{"DD-API-KEY", r.secret(k["apiKey"], node, "apiKey", "DD_API_KEY")},
		{"DD-APPLICATION-KEY", r.secret(k["appKey"], node, "appKey", "DD_APP_KEY")},
	})
	query := r.text(k["query"], "query")
	switch d.version {
	case datadogV1:
		for _, key := range []string{"queries", "formula", "aggregator"} {
			if k[key] != nil {
				r.problem(k[key].Line, "%s: only with apiVersion: v2", key)
			}
		}
		d.queries = []datadogNamed{{"", query}}
	case datadogV2:
		r.datadogQueries(d, k, query)
	default:
		r.problem(k["apiVersion"].Line, "apiVersion: expected v1 or v2, got %s", yamltree.Quote(d.version))
	}
	if query == "" && k["queries"] == nil {
		r.problem(node.Line, "datadog has no query")
	}
}

// datadogQueries reads what only API v2 has: several queries with a formula over them, and an aggregator.
func (r *reader) datadogQueries(d *datadogQuery, k map[string]*yaml.Node, query string) {
	d.aggregator = cmp.Or(r.text(k["aggregator"], "aggregator"), datadogAggregator)
	if !slices.Contains(datadogAggregators, d.aggregator) {
		r.problem(k["aggregator"].Line, "aggregator: expected one of %s", strings.Join(datadogAggregators, ", "))
	}
	d.formula = r.text(k["formula"], "formula")
	list := k["queries"]
	if list == nil {
		d.queries = []datadogNamed{{"query", query}}
		d.formula = cmp.Or(d.formula, "query")
		return
	}
	switch {
	case k["query"] != nil:
		r.problem(list.Line, "datadog has query and queries: give one of them")
	case list.Kind != yaml.MappingNode || len(list.Content) == 0 || len(list.Content) > 2*maxQueries:
		r.problem(list.Line, "queries is %s, expected 1 to %d names with a query each", yamltree.Describe(list), maxQueries)
	case d.formula == "":
		r.problem(list.Line, "queries without a formula: say which value counts, such as errors / requests")
	default:
		for i := 0; i+1 < len(list.Content); i += 2 {
			q := datadogNamed{list.Content[i].Value, r.text(list.Content[i+1], list.Content[i].Value)}
			if !queryName.MatchString(q.name) || q.query == "" {
				r.problem(list.Content[i].Line, "queries: expected a name of letters, digits and _ with a query, got %s", yamltree.Quote(q.name))
			}
			d.queries = append(d.queries, q)
		}
	}
}

// datadogAddress is the site's API, by the key site or else by DD_SITE as Datadog's own agent has it, or the address of a proxy.
func (r *reader) datadogAddress(k map[string]*yaml.Node) *url.URL {
	if k["address"] != nil {
		if k["site"] != nil {
			r.problem(k["site"].Line, "datadog has site and address: give one of them")
		}
		address, err := parseURL(r.text(k["address"], "address"))
		if err != nil {
			r.problem(k["address"].Line, "address: %v", err)
		}
		return address
	}
	site, where := r.text(k["site"], "site"), "site"
	if site == "" {
		site, _ = r.getenv("DD_SITE")
		where = "DD_SITE"
	}
	if site = cmp.Or(site, datadogSite); !datadogSites.MatchString(site) {
		line := 1
		if k["site"] != nil {
			line = k["site"].Line
		}
		r.problem(line, "%s: expected a site of Datadog such as datadoghq.com, us5.datadoghq.com or datadoghq.eu, got %s", where, yamltree.Quote(site))
	}
	return &url.URL{Scheme: "https", Host: "api." + site}
}

// secret reads {env: VARIABLE}, or the variable that is usual.
func (r *reader) secret(node, parent *yaml.Node, key, usual string) string {
	name, line := usual, parent.Line
	if node != nil {
		line, name = node.Line, ""
		if node.Kind == yaml.MappingNode {
			name = r.text(r.fields(node, key, "env")["env"], "env")
		}
		if name == "" { // what stands there may be the key itself
			r.problem(line, "%s: expected {env: VARIABLE}, the variable that holds it; it does not belong in a file", key)
			return ""
		}
	}
	value, ok := r.getenv(name)
	switch {
	case !ok || value == "":
		r.problem(line, "%s: the environment has no variable %s", key, yamltree.Quote(name))
	case !httpguts.ValidHeaderFieldValue(value):
		r.problem(line, "%s: what %s holds has a line end or a control character", key, name)
	}
	return value
}

// seconds reads the time limit of one measurement.
func (r *reader) seconds(n *yaml.Node, key string) time.Duration {
	return time.Duration(r.whole(n, key, int(providerTimeout/time.Second), 1, 600)) * time.Second
}
