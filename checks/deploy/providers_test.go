package deploy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// gateOn reads a gate of one measurement whose provider asks the server.
func gateOn(t *testing.T, provider, condition string) *Gate {
	t.Helper()
	g, err := ReadGate("gate.yml", []byte("metrics:\n- name: error-rate\n  consecutiveErrorLimit: 0\n  "+condition+"\n  provider: "+provider+"\n"),
		func(name string) (string, bool) { return "Bearer geheim", name == "TOKEN" })
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The answers are those of https://prometheus.io/docs/prometheus/latest/querying/api/.
func TestPrometheus(t *testing.T) {
	vector := func(values ...string) string {
		var series []string
		for i, v := range values {
			series = append(series, fmt.Sprintf(`{"metric":{"instance":"orders-%d:9090"},"value":[1435781451.781,%q]}`, i, v))
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
	}
	many := make([]string, maxSeries+1)
	for i := range many {
		many[i] = "0.01"
	}
	const under = "successCondition: result[0] < 0.05"
	for _, test := range []struct {
		name, answer string
		status       int
		condition    string
		phase        Phase
		says         string
	}{
		{"under the limit", vector("0.01"), 200, under, Successful, "[0.01]"},
		{"over the limit", vector("0.25"), 200, under, FailedPhase, "[0.25]"},
		{"a scalar", `{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"0.01"]}}`, 200, "successCondition: result < 0.05", Successful, "0.01"},
		{"no series", vector(), 200, "failureCondition: len(result) > 0 && result[0] > 0.05", Inconclusive, "no data"},
		{"NaN", vector("NaN"), 200, "failureCondition: result[0] > 0.05", Inconclusive, "NaN"},
		{"infinite", vector("+Inf"), 200, under, Inconclusive, "+Inf"},
		{"two series", vector("0.01", "0.25"), 200, under, Error, "2 series, in no certain order"},
		{"two series, the worst of them", vector("0.01", "0.25"), 200, "successCondition: max(result) < 0.05", FailedPhase, ""},
		{"too many series", vector(many...), 200, "successCondition: max(result) < 0.05", Error, "at most 100"},
		{"a range", `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1435781430.781,"0.01"]]}]}}`, 200, under, Error, "expected an instant vector"},
		{"text", `{"status":"success","data":{"resultType":"string","result":[1435781451.781,"foo"]}}`, 200, under, Error, ""},
		{"a histogram", `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1435781451.781,{"count":"6","sum":"1","buckets":[]}]}]}}`, 200, under, Error, "histogram"},
		{"a wrong query", `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": parse error"}`, 400, under, Error, "parse error"},
		{"an error that says 200", `{"status":"error","errorType":"execution","error":"too many samples"}`, 200, under, Error, "too many samples"},
		{"a warning", strings.Replace(vector("0.01"), `"data"`, `"warnings":["a store did not answer"],"data"`, 1), 200, under, Inconclusive, "a store did not answer"},
		{"a warning, but over the limit", strings.Replace(vector("0.25"), `"data"`, `"warnings":["a store did not answer"],"data"`, 1), 200, under, FailedPhase, ""},
		{"half an answer", vector("0.01")[:60], 200, under, Error, ""},
		{"no answer", "", 200, under, Error, ""},
		{"no result", `{"status":"success"}`, 200, under, Error, ""},
		{"null", `null`, 200, under, Error, ""},
		{"a page", "<html>Log in</html>", 200, under, Error, ""},
		{"a redirect", "", 302, under, Error, "302"},
		{"too many requests", "slow down", 429, under, Error, "429"},
		{"down behind a proxy", "bad gateway", 502, under, Error, "502"},
		{"not allowed", "who are you", 401, under, Error, "401"},
		{"larger than the limit", vector("0.01") + strings.Repeat(" ", maxBody), 200, under, Error, "more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/prom/api/v1/query" || r.FormValue("query") != "error_rate" || r.Header.Get("Authorization") != "Bearer geheim" {
					t.Errorf("asked for %s with %v", r.URL, r.Form)
				}
				if test.status == 302 {
					w.Header().Set("Location", "/login")
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.answer)
			}))
			defer server.Close()
			g := gateOn(t, "{prometheus: {address: '"+server.URL+"/prom', query: error_rate, headers: [{key: Authorization, env: TOKEN}]}}", test.condition)
			r := g.Run(t.Context())
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

func TestPrometheusBreaksOff(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "500")
		io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`)
	}))
	address := strings.Replace(server.URL, "http://", "http://watch:geheim@", 1)
	g := gateOn(t, "{prometheus: {address: '"+address+"', query: error_rate}}", "successCondition: result[0] < 0.05")
	if r := g.Run(t.Context()); r.Verdict != Unmeasured || !strings.Contains(r.Reason, "broke off") {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	server.Close()
	if r := g.Run(t.Context()); r.Verdict != Unmeasured || !strings.Contains(r.Reason, "connection refused") || strings.Contains(r.Reason, "geheim") {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
}

func TestWebJSON(t *testing.T) {
	for _, test := range []struct {
		name, answer    string
		status          int
		path, condition string
		phase           Phase
	}{
		{"a number", `{"data":{"errors":{"rate":0.01}}}`, 200, "data.errors.rate", "successCondition: result < 0.05", Successful},
		{"over", `{"data":{"errors":{"rate":0.25}}}`, 200, "'{$.data.errors.rate}'", "successCondition: result < 0.05", FailedPhase},
		{"text", `{"state":"ok"}`, 200, "$.state", `successCondition: result == "ok"`, Successful},
		{"in a list", `[{"rate":0.01}]`, 200, "'[0].rate'", "successCondition: result < 0.05", Successful},
		{"an object", `{"ok":true,"p99":480}`, 200, "''", "successCondition: result.ok && result.p99 < 500", Successful},
		{"null", `{"rate":null}`, 200, "rate", "failureCondition: result != nil && result > 0.05", Inconclusive},
		{"an empty list", `{"points":[]}`, 200, "points", "successCondition: all(result, # < 0.05)", Inconclusive},
		{"NaN as text", `{"rate":"NaN"}`, 200, "rate", "failureCondition: float(result) > 0.05", Inconclusive},
		{"NaN as text in an object", `{"now":{"rate":"NaN"}}`, 200, "now", "failureCondition: float(result.rate) > 0.05", Inconclusive},
		{"an object with a field that is null", `{"rate":0.01,"since":null,"notes":[]}`, 200, "''", "failureCondition: result.rate > 0.05", Successful},
		{"an object without what is asked for", `{"notes":"none"}`, 200, "''", "failureCondition: result.rate > 0.05", Error},
		{"nothing there", `{"data":{}}`, 200, "data.errors.rate", "failureCondition: result == nil", Error},
		{"another type", `{"rate":"0.01"}`, 200, "rate", "failureCondition: result > 0.05", Error},
		{"not JSON", `rate=0.01`, 200, "rate", "successCondition: result < 0.05", Error},
		{"half", `{"rate":0.0`, 200, "rate", "successCondition: result < 0.05", Error},
		{"too many requests", `{"rate":0.01}`, 429, "rate", "successCondition: result < 0.05", Error},
		{"down", `{"rate":0.01}`, 503, "rate", "successCondition: result < 0.05", Error},
		{"too large", strings.Repeat(" ", maxBody+1) + `{"rate":0.01}`, 200, "rate", "successCondition: result < 0.05", Error},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, test.answer)
			}))
			defer server.Close()
			g := gateOn(t, "{web: {url: '"+server.URL+"/stats?token=geheim', jsonPath: "+test.path+"}}", strings.Replace(test.condition, ": ", ": '", 1)+"'")
			r := g.Run(t.Context())
			if m := r.Metrics[0].Measurements[0]; m.Phase != test.phase || strings.Contains(m.String(), "geheim") {
				t.Errorf("got %s, want %s", m, test.phase)
			}
		})
	}
}

func TestReadGate(t *testing.T) {
	const provider = "\n    provider: {web: {url: 'http://a/', jsonPath: rate}}"
	metric := func(lines string) string {
		return "metrics:\n  - name: a\n    " + strings.ReplaceAll(lines, "\n", "\n    ") + provider
	}
	for _, test := range []struct{ text, problem string }{
		{"", "g.yml:1: the file is empty"},
		{"metrics: []", "g.yml:1: metrics is missing"},
		{metric("interval: 30s\nsuccessCondition: result < 1"), "g.yml:3: interval without count"},
		{metric("count: 3\nsuccessCondition: result < 1"), "g.yml:3: count is 3: it needs an interval"},
		{metric("count: 3\ninterval: 30\nsuccessCondition: result < 1"), "g.yml:4: interval: expected a duration"},
		{metric("count: 3\ninterval: 30s\nfailureLimit: 2\ninconclusiveLimit: 1\nsuccessCondition: result < 1"), "g.yml:2: failureLimit and inconclusiveLimit allow 3 bad measurements of 3"},
		{metric("failureLimit: -1\nsuccessCondition: result < 1"), "g.yml:3: failureLimit: expected a whole number from 0"},
		{metric("count: 1"), "g.yml:2: a metric has neither"},
		{metric("sucessCondition: result < 1"), `g.yml:3: a metric has no key "sucessCondition"; did you mean successCondition?`},
		{metric("successCondition: reslt < 1"), "g.yml:3: successCondition: unknown name reslt"},
		{metric("successCondition: result <"), "g.yml:3: successCondition: unexpected token"},
		{"metrics:\n  - name: a\n    successCondition: result < 1", "g.yml:2: a metric has no provider"},
		{"metrics:\n  - name: a\n    successCondition: result < 1\n    provider: {graphite: {}}", `g.yml:4: provider has no key "graphite"`},
		{"metrics:\n  - name: a\n    successCondition: result < 1\n    provider: {prometheus: {address: 'watch:geheim@a'}}", "g.yml:4: address: not a URL"},
		{"metrics:\n  - name: a\n    successCondition: result < 1\n    provider: {web: {url: 'http://a', jsonPath: 'a..b'}}", "g.yml:4: jsonPath: expected a path"},
		{metric("successCondition: result < 1") + "\n" + strings.TrimPrefix(metric("successCondition: result < 1"), "metrics:\n"), `g.yml:5: a metric "a" stands on line 2 already`},
		{"metrics: [3]", "g.yml:1: a metric is the number 3"},
		{"metrics:\n\t- a", "a tab indents the line"},
	} {
		_, err := ReadGate("g.yml", []byte(test.text), func(string) (string, bool) { return "", false })
		if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q:\n got %v\nwant %s", test.text, err, test.problem)
		}
	}
}

func FuzzReadGate(f *testing.F) {
	f.Add("metrics:\n- name: a\n  interval: 30s\n  count: 3\n  successCondition: result[0] < 0.05\n  provider: {prometheus: {address: 'http://p', query: up, headers: [{key: A, env: B}]}}")
	f.Add("metrics:\n- name: a\n  failureCondition: all(result.x, # > 1)\n  provider: {web: {url: 'http://a', jsonPath: \"{$.a[0]['b']}\"}}")
	f.Add("metrics: [{name: a, provider: {web: }}, 3]")
	f.Add("metrics: [{name: a, successCondition: result < 1, provider: {datadog: {apiVersion: v2, queries: {a: b}, formula: a, site: datadoghq.eu, apiKey: {env: A}}}}]\nsteps: [{setWeight: 10}, {pause: {duration: 1s}}, {analysis: {metrics: [a]}}]\ntraffic: {shift: [a, b], undo: [c]}")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := ReadGate("g.yml", []byte(text), func(string) (string, bool) { return "x", true })
		if err != nil {
			return
		}
		for _, m := range g.Metrics {
			if m.provider == nil || m.success == nil && m.failure == nil || m.Count < 1 || m.timeout <= 0 {
				t.Errorf("%+v is taken", m)
			}
		}
	})
}
