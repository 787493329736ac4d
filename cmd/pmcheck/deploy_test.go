package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// The exit statuses of `pmcheck deploy health` against a service.
func TestDeployHealth(t *testing.T) {
	var calls atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/well", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("/bad", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) > 1 {
			w.WriteHeader(500)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, test := range []struct {
		args   string
		status int
		says   string
	}{
		{"--url /well --body ^ok$", exitPass, "PASS  all endpoints were healthy 5 times in a row"},
		{"--url /once --tries 6", exitFail, "/once was healthy in 1 of 6 tries; at last: status 500, expected 200"},
		{"--url /well --url /bad", exitFail, "/bad was healthy in 0 of 30 tries"},
		{"--url /bad --status 500-599", exitPass, "PASS"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"deploy", "health", "--interval", "1ms"}, strings.Fields(strings.ReplaceAll(test.args, "--url /", "--url "+server.URL+"/"))...)
			if status := run(args, &out, &errs); status != test.status || !strings.Contains(out.String(), test.says) || errs.Len() > 0 {
				t.Errorf("status %d\n%s%s", status, out.String(), errs.String())
			}
		})
	}
}

// The exit statuses of `pmcheck deploy gate`, against a Prometheus whose error rate rises.
func TestDeployGate(t *testing.T) {
	var calls atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		rate := "0.005"
		switch query := r.FormValue("query"); {
		case query == "rising" && calls.Add(1) > 3:
			rate = "0.25"
		case query == "nothing":
			io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
			return
		case query == "down":
			w.WriteHeader(503)
			return
		}
		io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1764590400,"`+rate+`"]}]}}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, test := range []struct {
		query  string
		status int
		says   []string
	}{
		{"steady", exitPass, []string{"error-rate  1/5  Successful  value [0.005]", "PASS  all metrics remained within their limits"}},
		{"rising", exitFail, []string{"error-rate  4/5  Failed  value [0.25]", "FAIL  error-rate: Failed: failed (1) > failureLimit (0); at last: value [0.25]"}},
		{"nothing", exitUndone, []string{"NOT MEASURED  error-rate: Inconclusive", "no data"}},
		{"down", exitUndone, []string{"NOT MEASURED  error-rate: Error", "503"}},
	} {
		t.Run(test.query, func(t *testing.T) {
			dir := t.TempDir()
			config, record, page := filepath.Join(dir, "gate.yml"), filepath.Join(dir, "gate.json"), filepath.Join(dir, "gate.html")
			text := "metrics:\n- name: error-rate\n  interval: 1ms\n  count: 5\n  consecutiveErrorLimit: 0\n  successCondition: result[0] < 0.02\n  provider: {prometheus: {address: '" + server.URL + "', query: " + test.query + "}}\n"
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			status := run([]string{"deploy", "gate", "--config", config, "--format", "json=" + record, "--format", "html=" + page}, &out, &errs)
			if status != test.status || errs.Len() > 0 {
				t.Errorf("status %d\n%s", status, errs.String())
			}
			for _, says := range test.says {
				if !strings.Contains(out.String(), says) {
					t.Errorf("%q is not in\n%s", says, out.String())
				}
			}
			written, err := os.ReadFile(record)
			if err != nil || !strings.Contains(string(written), `"measurements": [`) {
				t.Errorf("the record: %v\n%s", err, written)
			}
			if written, err = os.ReadFile(page); err != nil || !strings.Contains(string(written), "<h3>error-rate</h3>") {
				t.Errorf("the page: %v\n%s", err, written)
			}
		})
	}
}

// canaryFile is a gate of two weights; the command says what it is given.
const canaryFile = `metrics:
- {name: error-rate, interval: 1ms, count: 4, successCondition: result < 0.02, provider: {web: {url: URL, jsonPath: rate}}}
steps: [{setWeight: 10}, {analysis: {}}, {setWeight: 100}, {analysis: {}}]
traffic:
  shift: [COMMAND, "weight:"]
`

// gateOnCanary runs a canary whose error rate rises at the seventh measurement.
func gateOnCanary(t *testing.T, command string, out io.Writer) (int, string) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 7 {
			io.WriteString(w, `{"rate":0.005}`)
			return
		}
		io.WriteString(w, `{"rate":0.25}`)
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "gate.yml")
	if err := os.WriteFile(config, []byte(strings.NewReplacer("URL", "'"+server.URL+"'", "COMMAND", command).Replace(canaryFile)), 0o644); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	return run([]string{"deploy", "gate", "--config", config}, out, &errs), errs.String()
}

// What is no terminal gets a line for each change; times are left out here.
func TestDeployGateCanary(t *testing.T) {
	var out bytes.Buffer
	status, errs := gateOnCanary(t, "echo", &out)
	want := `step 1/4  setWeight 10
    weight: 10
step 2/4  analysis of error-rate
error-rate  1/4  Successful  value 0.005
step 3/4  setWeight 100
    weight: 100
step 4/4  analysis of error-rate
error-rate  1/4  Successful  value 0.005
error-rate  3/4  Failed  value 0.25
step 4/4  analysis of error-rate  Failed  error-rate: Failed: failed (1) > failureLimit (0); at last: value 0.25
take traffic back
    weight: 0
FAIL  step 4, analysis of error-rate: error-rate: Failed: failed (1) > failureLimit (0); at last: value 0.25; traffic was taken back
`
	if got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `).ReplaceAllString(out.String(), ""); status != exitFail || got != want || errs != "" {
		t.Errorf("status %d\n%s%s", status, got, errs)
	}
	out.Reset()
	if status, errs := gateOnCanary(t, "/nowhere/shift", &out); status != exitUse || out.Len() > 0 || !strings.Contains(errs, "traffic.shift cannot be run") {
		t.Errorf("status %d\n%s%s", status, out.String(), errs)
	}
	out.Reset()
	if status, _ := gateOnCanary(t, "false", &out); status != exitFail || !strings.Contains(out.String(), "FAIL  step 1, setWeight 10: traffic could not be shifted: false ended with exit status 1; TRAFFIC COULD NOT BE TAKEN BACK") {
		t.Errorf("status %d\n%s", status, out.String())
	}
}
