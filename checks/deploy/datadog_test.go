package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeDatadog refuses what Datadog refuses, and gives the answers of its reference:
// https://docs.datadoghq.com/api/latest/metrics/.
type fakeDatadog struct {
	t      *testing.T
	status int
	answer string
	header http.Header
}

const datadogQueryText = "sum:orders.errors{env:production}.as_count() / sum:orders.requests{env:production}.as_count()"

func (f *fakeDatadog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("DD-API-KEY") != "geheim" || r.Header.Get("DD-APPLICATION-KEY") != "auch-geheim" {
		w.WriteHeader(403)
		io.WriteString(w, `{"errors":["Forbidden"]}`)
		return
	}
	from, to := int64(0), int64(0)
	switch r.Method + " " + r.URL.Path {
	case "GET /api/v1/query":
		q := r.URL.Query()
		from, _ = strconv.ParseInt(q.Get("from"), 10, 64)
		to, _ = strconv.ParseInt(q.Get("to"), 10, 64)
		if q.Get("query") != datadogQueryText {
			f.t.Errorf("asked for %q", q.Get("query"))
		}
	case "POST /api/v2/query/scalar":
		var body struct {
			Data struct {
				Type       string
				Attributes struct {
					From, To int64
					Formulas []struct{ Formula string }
					Queries  []struct {
						DataSource              string `json:"data_source"`
						Name, Query, Aggregator string
					}
				}
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
			f.t.Errorf("the request is no JSON: %v", err)
		}
		a := body.Data.Attributes
		from, to = a.From/1000, a.To/1000
		if body.Data.Type != "scalar_request" || len(a.Formulas) != 1 || a.Formulas[0].Formula != "errors / requests" || len(a.Queries) != 2 ||
			a.Queries[0].DataSource != "metrics" || a.Queries[0].Name != "errors" || a.Queries[0].Query != "sum:orders.errors{*}.as_count()" || a.Queries[1].Aggregator != "sum" {
			f.t.Errorf("asked for %+v", body)
		}
	default:
		f.t.Errorf("%s %s", r.Method, r.URL)
	}
	if to-from != 600 || time.Since(time.Unix(to, 0)).Abs() > time.Hour {
		f.t.Errorf("asked from %d to %d", from, to)
	}
	for key, values := range f.header {
		w.Header()[key] = values
	}
	w.WriteHeader(f.status)
	io.WriteString(w, f.answer)
}

// datadogGate is a gate of one measurement of the fake.
func datadogGate(t *testing.T, address, more, condition string) *Gate {
	t.Helper()
	g, err := ReadGate("gate.yml", []byte("metrics:\n- name: error-rate\n  consecutiveErrorLimit: 0\n  "+condition+"\n  provider: {datadog: {address: '"+address+"', interval: 10m, "+more+"}}\n"), datadogKeys)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func datadogKeys(name string) (string, bool) {
	value := map[string]string{"DD_API_KEY": "geheim", "DD_APP_KEY": "auch-geheim", "WRONG": "geraten"}[name]
	return value, value != ""
}

func TestDatadog(t *testing.T) {
	const (
		v1    = "query: '" + datadogQueryText + "'"
		v2    = "apiVersion: v2, queries: {errors: 'sum:orders.errors{*}.as_count()', requests: 'sum:orders.requests{*}.as_count()'}, formula: errors / requests, aggregator: sum"
		under = "successCondition: result < 0.05"
	)
	series := func(points ...string) string {
		var all []string
		for _, p := range points {
			all = append(all, `{"aggr":"sum","display_name":"orders.errors","end":1764590459000,"expression":"x","interval":20,"length":3,"metric":"orders.errors","query_index":0,"scope":"env:production","start":1764589860000,"tag_set":[],"unit":null,"pointlist":[`+p+`]}`)
		}
		return `{"error":"","from_date":1764589859000,"group_by":[],"message":"","query":"x","res_type":"time_series","status":"ok","to_date":1764590459000,"series":[` + strings.Join(all, ",") + `]}`
	}
	column := func(values string) string {
		return `{"name":"errors / requests","type":"number","meta":{"unit":null},"values":` + values + `}`
	}
	scalar := func(columns ...string) string {
		return `{"data":{"id":"0","type":"scalar_response","attributes":{"columns":[` + strings.Join(columns, ",") + `]}},"errors":""}`
	}
	const groups = `{"name":"region","type":"group","values":[["eu"],["us"]]}`
	many := strings.Repeat("0.01,", maxSeries) + "0.01"
	limits := http.Header{"X-Ratelimit-Limit": {"600"}, "X-Ratelimit-Period": {"3600"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"42"}, "X-Ratelimit-Name": {"metrics_query"}}
	for _, test := range []struct {
		name, more, answer string
		status             int
		header             http.Header
		condition          string
		phase              Phase
		says               string
	}{
		{"the last point is under the limit", v1, series("[1764590400000.0,0.25],[1764590420000.0,0.01]"), 200, nil, under, Successful, "value 0.01"},
		{"the last point is over the limit", v1, series("[1764590400000.0,0.01],[1764590420000.0,0.25]"), 200, nil, under, FailedPhase, "value 0.25"},
		{"a bucket that is not filled yet", v1, series("[1764590400000.0,0.25],[1764590420000.0,null]"), 200, nil, under, FailedPhase, "value 0.25"},
		{"only null", v1, series("[1764590400000.0,null]"), 200, nil, under, Inconclusive, "no data"},
		{"a series without points", v1, series(""), 200, nil, under, Inconclusive, "no data"},
		{"no series", v1, series(), 200, nil, "failureCondition: result > 0.05", Inconclusive, "no data"},
		{"two series", v1, series("[1,0.01]", "[1,0.25]"), 200, nil, under, Error, "2 series"},
		{"two series, the worst of them", v1, series("[1,0.01]", "[1,0.25]"), 200, nil, "successCondition: max(result) < 0.05", FailedPhase, "[0.01 0.25]"},
		{"two series, one of them null", v1, series("[1,0.01]", "[1,null]"), 200, nil, "successCondition: max(result) < 0.05", Inconclusive, "NaN"},
		{"one series where a list is wanted", v1, series("[1,0.01]"), 200, nil, "successCondition: max(result) < 0.05", Successful, "[0.01]"},
		{"an error that says 200", v1, `{"status":"error","error":"Rule 'x' is not valid","res_type":"time_series"}`, 200, nil, under, Error, `status "error": Rule 'x' is not valid`},
		{"half: no series in it", v1, `{"status":"ok","res_type":"time_series"}`, 200, nil, under, Error, "holds no series"},
		{"half: a point without value", v1, series("[1764590400000.0]"), 200, nil, under, Error, "not a time and a value"},
		{"half a JSON", v1, series("[1,0.01]")[:90], 200, nil, under, Error, "is not the JSON"},
		{"text for a value", v1, series(`[1,"0.01"]`), 200, nil, under, Error, "is not the JSON"},
		{"a wrong query", v1, `{"errors":["Error parsing query: unable to parse x"]}`, 400, nil, under, Error, "status 400: Error parsing query"},
		{"wrong keys", v1 + ", appKey: {env: WRONG}", "", 200, nil, under, Error, "status 403: Forbidden (both keys have to be of this site"},
		{"too many requests", v1, `{"errors":["Too many requests"]}`, 429, limits, under, Error, "600 requests in 3600 s are allowed, limit metrics_query); it may be asked again in 42s"},
		{"too many requests, by a proxy", v1, "<html>", 429, nil, under, Error, "status 429"},
		{"a redirect", v1, "", 302, http.Header{"Location": {"https://app.datadoghq.com/account/login"}}, under, Error, "status 302"},
		{"down", v1, "<html>bad gateway", 502, nil, under, Error, "status 502"},

		{"v2 under the limit", v2, scalar(column("[0.01]")), 200, nil, under, Successful, "value 0.01"},
		{"v2 over the limit", v2, scalar(column("[0.25]")), 200, nil, under, FailedPhase, "value 0.25"},
		{"v2 by group", v2, scalar(groups, column("[0.01,0.25]")), 200, nil, "successCondition: 'all(result, # < 0.05)'", FailedPhase, "[0.01 0.25]"},
		{"v2 by group, one number wanted", v2, scalar(groups, column("[0.01,0.25]")), 200, nil, under, Error, "2 series"},
		{"v2 too many groups", v2, scalar(column("[" + many + "]")), 200, nil, "successCondition: max(result) < 0.05", Error, "at most 100"},
		{"v2 null", v2, scalar(column("[null]")), 200, nil, under, Inconclusive, "no data"},
		{"v2 no values", v2, scalar(column("[]")), 200, nil, under, Inconclusive, "no data"},
		{"v2 no columns", v2, scalar(), 200, nil, under, Inconclusive, "no data"},
		{"v2 without columns", v2, `{"data":{"type":"scalar_response"}}`, 200, nil, under, Error, "the answer holds no columns"},
		{"v2 without values", v2, scalar(`{"type":"number"}`), 200, nil, under, Error, "not one column of numbers"},
		{"v2 two columns", v2, scalar(column("[0.01]"), column("[0.25]")), 200, nil, under, Error, "not one column of numbers"},
		{"v2 text for values", v2, scalar(column(`"invalid"`)), 200, nil, under, Error, "not one column of numbers"},
		{"v2 an error that says 200", v2, `{"data":null,"errors":"query timed out"}`, 200, nil, under, Error, "query timed out"},
		{"v2 an error beside a value", v2, strings.Replace(scalar(column("[0.01]")), `"errors":""`, `"errors":"one shard did not answer"`, 1), 200, nil, under, Inconclusive, "one shard did not answer"},
		{"v2 errors as objects", v2, `{"errors":[{"title":"Generic Error","detail":"formula refers to an unknown query"}]}`, 400, nil, under, Error, "formula refers to an unknown query"},
		{"v2 half a JSON", v2, scalar(column("[0.01]"))[:60], 200, nil, under, Error, "is not the JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(&fakeDatadog{t, test.status, test.answer, test.header})
			defer server.Close()
			r := datadogGate(t, server.URL, test.more, test.condition).Run(t.Context())
			m := r.Metrics[0].Measurements[0]
			if m.Phase != test.phase || !strings.Contains(m.String(), test.says) {
				t.Errorf("got %s, want %s with %q", m, test.phase, test.says)
			}
			if (r.Verdict == Passed) != (test.phase == Successful) || strings.Contains(r.Reason, "geheim") {
				t.Errorf("%s: %s", r.Verdict, r.Reason)
			}
		})
	}
}

// After an answer 429 the gate asks when the server says that it may, but does not wait for hours.
func TestTooManyRequestsWaits(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		wait   time.Duration
	}{
		{http.Header{"X-Ratelimit-Reset": {"42"}}, 42 * time.Second},
		{http.Header{"Retry-After": {"20"}}, 20 * time.Second},
		{http.Header{"X-Ratelimit-Reset": {"3"}}, errorRetry},
		{http.Header{"X-Ratelimit-Reset": {"3600"}}, maxRetry},
		{http.Header{"Retry-After": {"Tue, 01 Dec 2026 12:00:00 GMT"}}, errorRetry},
		{nil, errorRetry},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := metric(t, "result < 0.05", "", tooManyRequests("status 429", test.header), scalar(0.01))
			m.Count = 1
			begun := time.Now()
			if r := (&Gate{Metrics: []*Metric{m}}).Run(t.Context()); r.Verdict != Passed || time.Since(begun) != test.wait {
				t.Errorf("%v: %s after %s, want %s", test.header, r.Verdict, time.Since(begun), test.wait)
			}
		})
	}
}

func TestReadDatadog(t *testing.T) {
	for _, test := range []struct{ provider, problem string }{
		{"{query: a}", ""},
		{"{query: a, site: us5.datadoghq.com, apiKey: {env: DD_API_KEY}, appKey: {env: WRONG}}", ""},
		{"{}", "g.yml:4: datadog has no query"},
		{"{query: a, site: datadoghq.org}", `site: expected a site of Datadog such as datadoghq.com, us5.datadoghq.com or datadoghq.eu, got "datadoghq.org"`},
		{"{query: a, site: app.datadoghq.com}", "site: expected"},
		{"{query: a, site: evil.example/datadoghq.com}", "site: expected"},
		{"{query: a, site: datadoghq.eu, address: 'http://proxy'}", "site and address"},
		{"{query: a, address: proxy}", "address: not a URL"},
		{"{query: a, apiKey: geheim}", "apiKey: expected {env: VARIABLE}"},
		{"{query: a, apiKey: {env: NOWHERE}}", `apiKey: the environment has no variable "NOWHERE"`},
		{"{query: a, apiVersion: v3}", "apiVersion: expected v1 or v2"},
		{"{query: a, aggregator: sum}", "aggregator: only with apiVersion: v2"},
		{"{query: a, apiVersion: v2, aggregator: p99}", "aggregator: expected one of avg"},
		{"{query: a, queries: {a: b}, apiVersion: v2, formula: a}", "query and queries"},
		{"{queries: {a: b}, apiVersion: v2}", "queries without a formula"},
		{"{queries: {a b: c}, formula: a, apiVersion: v2}", `got "a b"`},
		{"{queries: [a], formula: a, apiVersion: v2}", "expected 1 to 20 names"},
		{"{query: a, interval: 5s}", "interval: expected a duration"},
		{"{query: a, metricType: x}", `datadog has no key "metricType"`},
		{"a", `g.yml:4: datadog is "a"`},
	} {
		g, err := ReadGate("g.yml", []byte("metrics:\n- name: a\n  successCondition: result < 1\n  provider: {datadog: "+test.provider+"}"), datadogKeys)
		if test.problem == "" {
			if err != nil {
				t.Errorf("%s: %v", test.provider, err)
			} else if host := g.Metrics[0].provider.(*datadogQuery).address.Host; !strings.HasSuffix(host, "datadoghq.com") || !strings.HasPrefix(host, "api.") {
				t.Errorf("%s asks %s", test.provider, host)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s:\n got %v\nwant %s", test.provider, err, test.problem)
		}
	}
	_, err := ReadGate("g.yml", []byte("metrics: [{name: a, successCondition: result < 1, provider: {datadog: {query: a}}}]"), func(string) (string, bool) { return "", false })
	if says := fmt.Sprint(err); !strings.Contains(says, `apiKey: the environment has no variable "DD_API_KEY"`) || !strings.Contains(says, `"DD_APP_KEY"`) {
		t.Errorf("without keys: %s", says)
	}
}

type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// Whatever Datadog answers: an error, nothing, or numbers within bounds.
func FuzzDatadog(f *testing.F) {
	f.Add(`{"status":"ok","series":[{"pointlist":[[1764590400000.0,0.01],[1764590420000.0,null]]},{"pointlist":[]}]}`)
	f.Add(`{"data":{"attributes":{"columns":[{"type":"group","values":[["eu"]]},{"type":"number","values":[0.01,null]}]}},"errors":[{"title":"x"},"y",3]}`)
	f.Add(`{"status":"error","error":"no","series":null}`)
	f.Fuzz(func(t *testing.T, answer string) {
		address, err := parseURL("https://api.datadoghq.com")
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{datadogV1, datadogV2} {
			for _, number := range []bool{true, false} {
				d := &datadogQuery{client: &http.Client{Transport: answering(answer)}, address: address, version: version, interval: time.Minute, queries: []datadogNamed{{"a", "b"}}, formula: "a", aggregator: "last", number: number}
				result, _, err := d.measure(t.Context())
				switch v := result.(type) {
				case nil:
				case float64:
					if err != nil || !number {
						t.Errorf("%s: %v, %v", version, v, err)
					}
				case []float64:
					if err != nil || len(v) > maxSeries || number && len(v) > 0 {
						t.Errorf("%s: %v, %v", version, v, err)
					}
				default:
					t.Errorf("%s: %T", version, v)
				}
			}
		}
	})
}
