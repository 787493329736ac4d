package deploy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Phase is what a measurement, or all of a metric, came to, in Argo Rollouts' words.
type Phase string

const (
	Successful   Phase = "Successful"
	FailedPhase  Phase = "Failed"
	Inconclusive Phase = "Inconclusive"
	Error        Phase = "Error"
	Running      Phase = "Running"
)

// badness orders phases as Argo Rollouts does: the worst metric decides.
var badness = map[Phase]int{Successful: 0, Running: 1, Inconclusive: 2, Error: 3, FailedPhase: 4}

// errorRetry is Argo Rollouts' DefaultErrorRetryInterval: after an error it takes the interval's place.
const errorRetry = 10 * time.Second

// DefaultConsecutiveErrorLimit is Argo Rollouts' own.
const DefaultConsecutiveErrorLimit = 4

// provider measures once. The error is what could not be measured; a note is what
// makes the result doubtful, so that it cannot be success.
type provider interface {
	measure(ctx context.Context) (result any, note string, err error)
}

// Metric is one series of measurements and its limits; the words are those of
// Argo Rollouts' AnalysisTemplate.
type Metric struct {
	Name                  string
	Interval              time.Duration
	InitialDelay          time.Duration
	Count                 int
	FailureLimit          int
	InconclusiveLimit     int
	ConsecutiveErrorLimit int

	success, failure *condition // nil = not given; one at least is
	provider         provider
	timeout          time.Duration // of one measurement
}

// Gate measures metrics side by side, once or at each step of a canary.
type Gate struct {
	Metrics []*Metric
	Steps   []Step   // none = one analysis of all metrics
	Traffic *Traffic // nil = no step sets a weight

	// These may be nil. None is called twice at once.
	Observe     func(MetricChange) // after each measurement
	ObserveStep func(StepChange)   // when a step begins, and when one ends that did not succeed
	Output      func(line string)  // what a command of Traffic prints
}

// MetricChange is one measurement.
type MetricChange struct {
	Metric      string
	Count       int // measurements that were no error, with this one
	Of          int
	Measurement Measurement
	Changed     bool // it is the first, or of another phase than the one before
}

// Measurement is one value and what it means.
type Measurement struct {
	At      time.Time `json:"at"`
	TookMS  int64     `json:"took_ms"`
	Phase   Phase     `json:"phase"`
	Value   string    `json:"value,omitempty"`
	Numbers []float64 `json:"numbers,omitempty"` // what the limits are held against; none where there is no number
	Message string    `json:"message,omitempty"`

	retry time.Duration // how long the server asks to wait
}

// MetricRecord is what became of one metric.
type MetricRecord struct {
	Name              string        `json:"name"`
	Step              int           `json:"step,omitempty"`   // of the canary, from 1
	Weight            int           `json:"weight,omitempty"` // of the new release at that step, in percent
	Phase             Phase         `json:"phase"`            // Running: another metric ended the gate before this one was done
	Reason            string        `json:"reason"`
	SuccessCondition  string        `json:"success_condition,omitempty"`
	FailureCondition  string        `json:"failure_condition,omitempty"`
	Limits            []Limit       `json:"limits,omitempty"`
	Count             int           `json:"count"` // without errors
	Successful        int           `json:"successful"`
	Failed            int           `json:"failed"`
	Inconclusive      int           `json:"inconclusive"`
	Errors            int           `json:"errors"`
	ConsecutiveErrors int           `json:"consecutive_errors"`
	Measurements      []Measurement `json:"measurements"`
}

// GateRecord is what a [Gate] measured.
type GateRecord struct {
	Kind      string         `json:"kind"` // "gate"
	Verdict   Verdict        `json:"verdict"`
	Phase     Phase          `json:"phase"`
	Reason    string         `json:"reason"`
	StartedAt time.Time      `json:"started_at"`
	EndedAt   time.Time      `json:"ended_at"`
	Steps     []StepRecord   `json:"steps,omitempty"`
	TakenBack *StepRecord    `json:"taken_back,omitempty"`
	Metrics   []MetricRecord `json:"metrics"` // of each step that measured
}

const endedOutside = "ended from outside before all was measured"

// Run measures until every metric is done, or the first that does not succeed ends
// the gate. A context that ends is [Unmeasured].
func (g *Gate) Run(ctx context.Context) *GateRecord {
	r := &GateRecord{Kind: "gate", StartedAt: time.Now().UTC(), Metrics: []MetricRecord{}}
	if len(g.Steps) > 0 {
		g.canary(ctx, r)
	} else {
		r.Metrics = g.analyse(ctx, g.Metrics, 0, 0)
		r.Verdict, r.Phase, r.Reason = judge(r.Metrics)
	}
	r.EndedAt = time.Now().UTC()
	return r
}

// analyse measures side by side, and ends when all are done or one has not succeeded.
func (g *Gate) analyse(ctx context.Context, metrics []*Metric, step, weight int) []MetricRecord {
	records := make([]MetricRecord, len(metrics))
	running, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	var mu sync.Mutex // guards records, and calls Observe one at a time
	for i, m := range metrics {
		record := &records[i]
		*record = MetricRecord{Name: m.Name, Step: step, Weight: weight, Phase: Running, Limits: m.limits(), Measurements: []Measurement{}}
		if m.success != nil {
			record.SuccessCondition = m.success.text
		}
		if m.failure != nil {
			record.FailureCondition = m.failure.text
		}
		all.Go(func() {
			next := m.InitialDelay
			for wait(running, next) {
				measurement := m.measure(running)
				mu.Lock()
				if running.Err() != nil {
					mu.Unlock()
					return // what was cut off says nothing
				}
				change := record.add(m, measurement)
				if g.Observe != nil {
					g.Observe(change)
				}
				phase := record.Phase
				if phase != Running && phase != Successful {
					stop()
				}
				mu.Unlock()
				if phase != Running {
					return
				}
				if next = m.Interval; measurement.Phase == Error {
					next = max(errorRetry, measurement.retry)
				}
			}
		})
	}
	all.Wait()
	return records
}

// judge gives what the worst of the metrics came to, and why.
func judge(metrics []MetricRecord) (Verdict, Phase, string) {
	worst := MetricRecord{Phase: Successful}
	for _, m := range metrics {
		if badness[m.Phase] > badness[worst.Phase] {
			worst = m
		}
	}
	verdict := Unmeasured
	switch worst.Phase {
	case Successful:
		return Passed, Successful, "all metrics remained within their limits"
	case Running:
		return Unmeasured, Running, endedOutside
	case FailedPhase:
		verdict = Failed
	}
	return verdict, worst.Phase, fmt.Sprintf("%s: %s: %s", worst.Name, worst.Phase, worst.Reason)
}

func (m *MetricRecord) add(metric *Metric, measurement Measurement) MetricChange {
	changed := len(m.Measurements) == 0 || m.Measurements[len(m.Measurements)-1].Phase != measurement.Phase
	m.Measurements = append(m.Measurements, measurement)
	switch measurement.Phase {
	case Successful:
		m.Successful++
	case FailedPhase:
		m.Failed++
	case Inconclusive:
		m.Inconclusive++
	case Error:
		m.Errors++
		m.ConsecutiveErrors++
	}
	if measurement.Phase != Error {
		m.Count++
		m.ConsecutiveErrors = 0
	}
	m.Phase, m.Reason = m.assess(metric)
	if m.Phase != Running && m.Phase != Successful {
		m.Reason += "; at last: " + measurement.says()
	}
	return MetricChange{Metric: m.Name, Count: m.Count, Of: metric.Count, Measurement: measurement, Changed: changed}
}

// assess is Argo Rollouts' assessment of a metric.
func (m *MetricRecord) assess(metric *Metric) (Phase, string) {
	switch {
	case m.ConsecutiveErrors > metric.ConsecutiveErrorLimit:
		return Error, fmt.Sprintf("consecutiveErrors (%d) > consecutiveErrorLimit (%d)", m.ConsecutiveErrors, metric.ConsecutiveErrorLimit)
	case m.Inconclusive > metric.InconclusiveLimit:
		return Inconclusive, fmt.Sprintf("inconclusive (%d) > inconclusiveLimit (%d)", m.Inconclusive, metric.InconclusiveLimit)
	case m.Failed > metric.FailureLimit:
		return FailedPhase, fmt.Sprintf("failed (%d) > failureLimit (%d)", m.Failed, metric.FailureLimit)
	case m.Count >= metric.Count:
		return Successful, fmt.Sprintf("%d of %d measurements successful", m.Successful, m.Count)
	}
	return Running, "not done when the gate ended"
}

func (m Measurement) says() string {
	switch {
	case m.Message == "":
		return "value " + m.Value
	case m.Value == "":
		return m.Message
	}
	return "value " + m.Value + ", " + m.Message
}

// String is the measurement on one line.
func (m Measurement) String() string { return fmt.Sprintf("%s  %s", m.Phase, m.says()) }

func (m *Metric) measure(ctx context.Context) (out Measurement) {
	begun := time.Now()
	out.At = begun.UTC()
	defer func() { out.TookMS = time.Since(begun).Milliseconds() }()
	limited, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	result, note, err := m.provider.measure(limited)
	if err != nil {
		out.Phase, out.Message = Error, shownValue(reason(limited, err, m.timeout))
		var later retryLater
		if errors.As(err, &later) {
			out.retry = later.after
		}
		return out
	}
	out.Value, out.Numbers, out.Message = shownValue(result), m.numbers(result), note
	if why, none := noNumber(result); none {
		out.Phase, out.Message = Inconclusive, why
		return out
	}
	if several, ok := result.([]float64); ok && len(several) > 1 && placeOfOne(m.success, m.failure) {
		out.Phase = Error
		out.Message = fmt.Sprintf("the query gives %d series, in no certain order: aggregate them (sum, max), or write all(result, # < 0.05)", len(several))
		return out
	}
	out.Phase, err = evaluate(result, m.success, m.failure)
	switch {
	case err != nil:
		out.Message = err.Error()
	case note != "" && out.Phase == Successful:
		out.Phase = Inconclusive
	}
	return out
}

// shownValue gives a value for the record, within bounds.
func shownValue(result any) string {
	const most = 200
	text := fmt.Sprint(result)
	if result == nil {
		return ""
	}
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return text
}
