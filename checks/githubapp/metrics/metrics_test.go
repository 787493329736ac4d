package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	m := New("1.2.3")
	m.Delivery("pull_request", "opened", "accepted", 3*time.Millisecond)
	m.Delivery("", "", "refused", time.Millisecond)
	m.Verdict("failure", 2*time.Second, 3*time.Second)
	m.Verdict("success", time.Second, 0)
	m.Call("POST /repos/{owner}/{repo}/check-runs", http.StatusCreated)
	m.Remaining(42, 4999)
	m.Fetch("fetched", time.Second)
	m.Kill("memory")
	m.Findings("old-code-breaks", 3)
	m.Retry("network")
	m.Reconciled("no verdict")
	m.Redelivered()
	m.Observe("pmcheck_queue_depth", "Subjects that wait.", func() float64 { return 7 })

	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`pmcheck_deliveries_total{action="opened",event="pull_request",outcome="accepted"} 1`,
		`pmcheck_deliveries_total{action="",event="",outcome="refused"} 1`,
		"pmcheck_delivery_accept_seconds_count 2",
		`pmcheck_verdict_seconds_bucket{conclusion="failure",le="2.5"} 1`,
		"pmcheck_delivery_to_verdict_seconds_count 1",
		`pmcheck_github_calls_total{route="POST /repos/{owner}/{repo}/check-runs",status="201"} 1`,
		`pmcheck_github_rate_limit_remaining{installation="42"} 4999`,
		`pmcheck_mirror_fetch_seconds_count{outcome="fetched"} 1`,
		`pmcheck_check_kills_total{reason="memory"} 1`,
		`pmcheck_findings_total{rule="old-code-breaks"} 3`,
		`pmcheck_retries_total{cause="network"} 1`,
		`pmcheck_reconciled_total{reason="no verdict"} 1`,
		"pmcheck_redeliveries_total 1", "pmcheck_queue_depth 7",
		`pmcheck_build_info{version="1.2.3"} 1`, "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(w.Body.String(), want+"\n") && !strings.Contains(w.Body.String(), want+" ") {
			t.Errorf("missing %s", want)
		}
	}
}

// What is asked for together is asked for once each time: a check that begins between two questions would be in neither number.
func TestObserveTogether(t *testing.T) {
	m := New("1.2.3")
	asked := 0.0
	m.ObserveTogether([]Gauge{{"pmcheck_one", "One."}, {"pmcheck_two", "Two."}}, func() []float64 { asked++; return []float64{asked, 10 + asked} })
	for _, want := range [][]string{{"pmcheck_one 1", "pmcheck_two 11"}, {"pmcheck_one 2", "pmcheck_two 12"}} {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		for _, line := range want {
			if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
				t.Errorf("no line %q in:\n%s", line, w.Body)
			}
		}
	}
}
