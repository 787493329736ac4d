package deploy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// service counts requests, of which a share fails. A scrape is what makes it work, so
// that the share over a window depends on no clock: each brings a thousand requests.
type service struct {
	perMille atomic.Int64 // of the requests fail
	noise    atomic.Int64 // per mille that are added and taken away by turns

	mu               sync.Mutex
	scrapes          int64
	requests, errors int64
}

func (s *service) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scrapes++
	s.requests += 1000
	s.errors += max(0, s.perMille.Load()+s.noise.Load()*(s.scrapes*7%5-2)/2) // -1, -0.5, 0, 0.5 and 1 times the noise
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} %d\nhttp_requests_total{code=\"500\"} %d\n", s.requests-s.errors, s.errors)
}

// startPrometheus has the real program scrape a service, and gives its address.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		const why = "no prometheus found: install Debian's package prometheus"
		if os.Getenv("PMCHECK_REQUIRE_TOOLS") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs: [{job_name: orders, static_configs: [{targets: ['"+strings.TrimPrefix(target, "http://")+"']}]}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 5 { // another process may take the port first
		if address := tryPrometheus(t, program, config, dir); address != "" {
			return address
		}
	}
	t.Fatal("prometheus does not start")
	return ""
}

func tryPrometheus(t *testing.T, program, config, dir string) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := free.Addr().String()
	free.Close()
	var log bytes.Buffer
	c := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+host, "--log.level=warn")
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait()
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			t.Logf("prometheus ended: %s", log.String())
			return ""
		case <-t.Context().Done():
			return ""
		case <-tick.C:
			if response, err := http.Get("http://" + host + "/-/ready"); err == nil {
				response.Body.Close()
				if response.StatusCode == http.StatusOK {
					return "http://" + host
				}
			}
		}
	}
}

// The query of docs/deploy-gates.md, over a shorter time.
const realErrorRate = `sum(rate(http_requests_total{code=~"5.."}[2s])) / sum(rate(http_requests_total[2s]))`

// shows waits until Prometheus itself shows a share of errors that is as asked for.
func shows(t *testing.T, address string, asked func(float64) bool) {
	t.Helper()
	u, err := parseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPrometheus(u, realErrorRate, nil)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		result, _, err := p.measure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if values := result.([]float64); len(values) == 1 && asked(values[0]) {
			return
		}
	}
}

// A gate on a real Prometheus: noise under its limits does not fail it, and once
// Prometheus shows a rise from 0.5 % to 25 % the second measurement at the latest does.
func TestRealPrometheus(t *testing.T) {
	t.Parallel()
	s := &service{}
	s.perMille.Store(5)
	server := httptest.NewServer(s)
	defer server.Close()
	address := startPrometheus(t, server.URL)
	shows(t, address, func(rate float64) bool { return rate > 0 && rate < .05 })

	run := func(count int) (<-chan *GateRecord, <-chan MetricChange) {
		g, err := ReadGate("gate.yml", []byte(fmt.Sprintf(`metrics:
- name: error-rate
  interval: 100ms
  count: %d
  inconclusiveLimit: %d
  successCondition: result[0] < 0.05
  provider: {prometheus: {address: '%s', query: '%s', timeout: 60}}
`, count, count-1, address, realErrorRate)), nil)
		if err != nil {
			t.Fatal(err)
		}
		done, measured := make(chan *GateRecord, 1), make(chan MetricChange, 20_000)
		g.Observe = func(c MetricChange) { measured <- c }
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		go func() { done <- g.Run(ctx) }()
		return done, measured
	}

	// The gate is begun while all is well, and goes on until it fails.
	done, measured := run(maxCount)
	quiet := 0
	wait := func(n int) {
		for range n {
			select {
			case c := <-measured:
				quiet++
				if c.Measurement.Phase == FailedPhase {
					t.Fatalf("failed on noise, at measurement %d: %s", quiet, c.Measurement)
				}
			case r := <-done:
				t.Fatalf("ended: %s", r.Reason)
			}
		}
	}
	wait(5)
	s.perMille.Store(30) // with the noise from 1.5 % to 4.5 %, 3 % on average
	s.noise.Store(15)
	shows(t, address, func(rate float64) bool { return rate > .02 && rate < .05 })
	wait(15)

	s.perMille.Store(250)
	s.noise.Store(0)
	shows(t, address, func(rate float64) bool { return rate >= .05 })
	before := quiet + len(measured)
	r := <-done
	m := r.Metrics[0]
	if r.Verdict != Failed || m.Failed != 1 || len(m.Measurements) > before+2 {
		t.Errorf("%s: %s; failed at measurement %d, and Prometheus showed the rise after %d", r.Verdict, r.Reason, len(m.Measurements), before)
	}
	t.Logf("%d measurements without failure; failed %d after Prometheus showed the rise, at %s", len(m.Measurements)-1, len(m.Measurements)-before, m.Measurements[len(m.Measurements)-1].Value)

	// Back to 0.5 %, a new gate passes.
	s.perMille.Store(5)
	shows(t, address, func(rate float64) bool { return rate < .01 })
	done, _ = run(5)
	if r := <-done; r.Verdict != Passed {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
}

// Faults of each provider: none of them is ever success.
func TestFaultsOfProviders(t *testing.T) {
	const (
		vector = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1764590400,"0.01"]}]}}`
		series = `{"status":"ok","series":[{"pointlist":[[1764590400000,0.01]]}]}`
		scalar = `{"data":{"type":"scalar_response","attributes":{"columns":[{"type":"number","values":[0.01]}]}}}`
	)
	for name, p := range map[string]struct{ config, answer, condition string }{
		"prometheus": {"{prometheus: {address: URL, query: up, timeout: 1}}", vector, "result[0] < 0.05"},
		"datadog":    {"{datadog: {address: URL, query: up, timeout: 1}}", series, "result < 0.05"},
		"datadog v2": {"{datadog: {address: URL, query: up, apiVersion: v2, timeout: 1}}", scalar, "result < 0.05"},
		"web":        {"{web: {url: URL, jsonPath: rate, timeoutSeconds: 1}}", `{"rate":0.01}`, "result < 0.05"},
	} {
		for _, fault := range []struct {
			name string
			do   func(w http.ResponseWriter, r *http.Request)
			says string
		}{
			{"none", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, p.answer) }, ""},
			{"down", nil, "connection refused"},
			{"slow", func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // the server sees a client that hangs up once the body is read
				<-r.Context().Done()
			}, "no whole answer within 1s"},
			{"stops in the middle", func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				io.WriteString(w, p.answer[:len(p.answer)/2])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}, "no whole answer within 1s"},
			{"breaks off", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "5000")
				io.WriteString(w, p.answer)
			}, "broke off"},
			{"half an answer", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, p.answer[:len(p.answer)/2]) }, ""},
			{"an answer and half of another", func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, p.answer+p.answer[:len(p.answer)/2])
			}, ""},
			{"429 with a good answer", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
				io.WriteString(w, p.answer)
			}, "429"},
			{"503 with a good answer", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				io.WriteString(w, p.answer)
			}, "503"},
			{"another's answer", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"message":"welcome"}`) }, ""},
		} {
			t.Run(name+", "+fault.name, func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(http.HandlerFunc(fault.do))
				defer server.Close()
				if fault.do == nil {
					server.Close()
				}
				g, err := ReadGate("gate.yml", []byte("metrics:\n- name: error-rate\n  consecutiveErrorLimit: 0\n  successCondition: "+p.condition+"\n  provider: "+strings.Replace(p.config, "URL", "'"+server.URL+"'", 1)+"\n"), datadogKeys)
				if err != nil {
					t.Fatal(err)
				}
				want := Unmeasured
				if fault.name == "none" {
					want = Passed
				}
				if r := g.Run(t.Context()); r.Verdict != want || !strings.Contains(r.Reason, fault.says) || r.Metrics[0].Measurements[0].Phase == FailedPhase {
					t.Errorf("%s: %s", r.Verdict, r.Reason)
				}
			})
		}
	}
}
