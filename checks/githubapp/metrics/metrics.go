// Package metrics counts what the App does, for Prometheus.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the App's figures. All methods may be called at the same time.
type Metrics struct {
	registry *prometheus.Registry

	deliveries   *prometheus.CounterVec
	accept       prometheus.Histogram
	verdicts     *prometheus.HistogramVec
	toVerdict    prometheus.Histogram
	calls        *prometheus.CounterVec
	remaining    *prometheus.GaugeVec
	fetch        *prometheus.HistogramVec
	kills        *prometheus.CounterVec
	findings     *prometheus.CounterVec
	retries      *prometheus.CounterVec
	reconciled   *prometheus.CounterVec
	redeliveries prometheus.Counter
}

// New returns figures that are all zero, in a registry of their own. version is the program's.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		deliveries: counters("pmcheck_deliveries_total", "Webhook deliveries by event, action and outcome: accepted, duplicate, ignored, refused, unsigned, malformed, failed.",
			"event", "action", "outcome"),
		accept: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "pmcheck_delivery_accept_seconds",
			Help:    "From the first byte of a delivery to the answer, which follows once it is on disk.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}),
		verdicts: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pmcheck_verdict_seconds",
			Help: "One turn of judging, from its start to the completed check run, by conclusion.", Buckets: verdictBuckets}, []string{"conclusion"}),
		toVerdict: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "pmcheck_delivery_to_verdict_seconds",
			Help: "From when a delivery came to the completed check run that answers it.", Buckets: verdictBuckets}),
		calls: counters("pmcheck_github_calls_total", "Calls of GitHub's API by route and status; status 0 is a call without an answer.",
			"route", "status"),
		remaining: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "pmcheck_github_rate_limit_remaining",
			Help: "Calls that an installation has left in this hour."}, []string{"installation"}),
		fetch: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pmcheck_mirror_fetch_seconds",
			Help: "Time to bring base and head into a mirror, by outcome.", Buckets: verdictBuckets}, []string{"outcome"}),
		kills:    counters("pmcheck_check_kills_total", "Checks that were stopped for what they took, by reason.", "reason"),
		findings: counters("pmcheck_findings_total", "Findings in verdicts that nothing suppresses, by rule.", "rule"),
		retries:  counters("pmcheck_retries_total", "Turns of judging that ended in an error and are done again, by cause.", "cause"),
		reconciled: counters("pmcheck_reconciled_total", "Pull requests that a look at GitHub found to lack a verdict, by reason.",
			"reason"),
		redeliveries: prometheus.NewCounter(prometheus.CounterOpts{Name: "pmcheck_redeliveries_total",
			Help: "Deliveries that GitHub was asked to send again."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "pmcheck_build_info", Help: "The program's version; the value is 1.",
		ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.deliveries, m.accept, m.verdicts, m.toVerdict, m.calls, m.remaining, m.fetch, m.kills,
		m.findings, m.retries, m.reconciled, m.redeliveries, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// verdictBuckets reach from a check that has nothing to do to one at its time limit.
var verdictBuckets = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Handler answers Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Observe adds a gauge that is asked for whenever Prometheus asks. It panics when the name is taken.
func (m *Metrics) Observe(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// A Gauge is one that is asked for together with others.
type Gauge struct{ Name, Help string }

// ObserveTogether adds gauges whose values, in their order, are asked for at once whenever
// Prometheus asks: they are of one moment. It panics when a name is taken.
func (m *Metrics) ObserveTogether(gauges []Gauge, values func() []float64) {
	t := together{values: values}
	for _, g := range gauges {
		t.descs = append(t.descs, prometheus.NewDesc(g.Name, g.Help, nil, nil))
	}
	m.registry.MustRegister(t)
}

type together struct {
	descs  []*prometheus.Desc
	values func() []float64
}

func (t together) Describe(c chan<- *prometheus.Desc) {
	for _, d := range t.descs {
		c <- d
	}
}

func (t together) Collect(c chan<- prometheus.Metric) {
	for i, v := range t.values() {
		c <- prometheus.MustNewConstMetric(t.descs[i], prometheus.GaugeValue, v)
	}
}

// Delivery counts a webhook delivery and how long its answer took. event and action are "" unless they are known ones.
func (m *Metrics) Delivery(event, action, outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(event, action, outcome).Inc()
	m.accept.Observe(took.Seconds())
}

// Verdict counts a completed check run: how long its turn took, and the time since the delivery, 0 when none asked for it.
func (m *Metrics) Verdict(conclusion string, took, sinceDelivery time.Duration) {
	m.verdicts.WithLabelValues(conclusion).Observe(took.Seconds())
	if sinceDelivery > 0 {
		m.toVerdict.Observe(sinceDelivery.Seconds())
	}
}

// Call counts a call of GitHub's API. route has no names or numbers in it; status is 0 when no answer came.
func (m *Metrics) Call(route string, status int) {
	m.calls.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// Remaining notes how many calls an installation has left.
func (m *Metrics) Remaining(installation int64, calls int) {
	m.remaining.WithLabelValues(strconv.FormatInt(installation, 10)).Set(float64(calls))
}

// Fetch notes how long a mirror took to have base and head.
func (m *Metrics) Fetch(outcome string, took time.Duration) {
	m.fetch.WithLabelValues(outcome).Observe(took.Seconds())
}

// Kill counts a check that was stopped: memory, time, ...
func (m *Metrics) Kill(reason string) { m.kills.WithLabelValues(reason).Inc() }

// Findings counts what one rule found for a verdict.
func (m *Metrics) Findings(rule string, n int) { m.findings.WithLabelValues(rule).Add(float64(n)) }

// Retry counts a turn that is done again.
func (m *Metrics) Retry(cause string) { m.retries.WithLabelValues(cause).Inc() }

// Reconciled counts a pull request that was found to lack a verdict.
func (m *Metrics) Reconciled(reason string) { m.reconciled.WithLabelValues(reason).Inc() }

// Redelivered counts a delivery that GitHub was asked to send again.
func (m *Metrics) Redelivered() { m.redeliveries.Inc() }
