package deploy

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script is a provider that gives one result after another; the last remains.
type script []any

func (s *script) measure(ctx context.Context) (any, string, error) {
	now := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	switch v := now.(type) {
	case error:
		return nil, "", v
	case float64:
		return []float64{v}, "", nil
	case scalar:
		return float64(v), "", nil
	case string:
		if v == "slow" {
			<-ctx.Done()
			return nil, "", ctx.Err()
		}
		return []float64{0.01}, v, nil
	}
	return now, "", nil
}

type scalar float64

func metric(t *testing.T, success, failure string, results ...any) *Metric {
	s := script(results)
	m := &Metric{Name: "error-rate", Interval: 30 * time.Second, Count: 3, ConsecutiveErrorLimit: DefaultConsecutiveErrorLimit, provider: &s, timeout: 5 * time.Second}
	for text, into := range map[string]**condition{success: &m.success, failure: &m.failure} {
		if text != "" {
			c, err := compileCondition(text, vectorType, scalarType)
			if err != nil {
				t.Fatal(err)
			}
			*into = c
		}
	}
	return m
}

func TestGate(t *testing.T) {
	const under, over = "result[0] < 0.02", "result[0] >= 0.05"
	down := errors.New("connection refused")
	for _, test := range []struct {
		name             string
		success, failure string
		set              func(*Metric)
		results          []any
		verdict          Verdict
		phase            Phase
		took             time.Duration
		reason           string
	}{
		{"all good", under, over, nil, []any{0.01}, Passed, Successful, time.Minute, "within their limits"},
		{"one failure is too many by default", under, over, nil, []any{0.01, 0.25}, Failed, FailedPhase, 30 * time.Second, "failed (1) > failureLimit (0); at last: value [0.25]"},
		{"as many failures as the limit", under, over, func(m *Metric) { m.Count, m.FailureLimit = 4, 2 }, []any{0.25, 0.01, 0.25, 0.01}, Passed, Successful, 90 * time.Second, ""},
		{"one more than the limit", under, over, func(m *Metric) { m.Count, m.FailureLimit = 4, 2 }, []any{0.25, 0.25, 0.01, 0.25}, Failed, FailedPhase, 90 * time.Second, "failed (3) > failureLimit (2)"},
		{"between the two is inconclusive", under, over, nil, []any{0.01, 0.03}, Unmeasured, Inconclusive, 30 * time.Second, "inconclusive (1) > inconclusiveLimit (0)"},
		{"inconclusive within its limit", under, over, func(m *Metric) { m.InconclusiveLimit = 1 }, []any{0.03, 0.01}, Passed, Successful, time.Minute, ""},
		{"only success: its opposite is failure", under, "", nil, []any{0.03}, Failed, FailedPhase, 0, "failed (1)"},
		{"only failure: its opposite is success", "", over, nil, []any{0.03}, Passed, Successful, time.Minute, ""},
		{"both hold: failure wins", "result[0] > 0", over, nil, []any{0.25}, Failed, FailedPhase, 0, ""},
		{"the delay comes first", under, "", func(m *Metric) { m.InitialDelay, m.Count = time.Minute, 1 }, []any{0.01}, Passed, Successful, time.Minute, ""},
		{"five errors in a row", under, "", nil, []any{down}, Unmeasured, Error, 40 * time.Second, "consecutiveErrors (5) > consecutiveErrorLimit (4); at last: connection refused"},
		{"four errors in a row are none of the count", under, "", nil, []any{down, down, down, down, 0.01}, Passed, Successful, 100 * time.Second, ""},
		{"errors that are not in a row", under, "", func(m *Metric) { m.ConsecutiveErrorLimit = 1 }, []any{down, 0.01, down, 0.01, down, 0.01}, Passed, Successful, 90 * time.Second, ""},
		{"the first error, where none is let pass", under, "", func(m *Metric) { m.ConsecutiveErrorLimit = 0 }, []any{0.01, down}, Unmeasured, Error, 30 * time.Second, ""},
		{"slow", under, "", func(m *Metric) { m.ConsecutiveErrorLimit = 0 }, []any{"slow"}, Unmeasured, Error, 5 * time.Second, "no whole answer within 5s"},
		{"no series", "", over, nil, []any{[]float64{}}, Unmeasured, Inconclusive, 0, "no data"},
		{"nothing", "", over, nil, []any{nil}, Unmeasured, Inconclusive, 0, "no data"},
		{"NaN, which is not over the limit", "", over, nil, []any{math.NaN()}, Unmeasured, Inconclusive, 0, "a value is NaN"},
		{"NaN among others", "all(result, # < 0.02)", "", nil, []any{[]float64{0.01, math.NaN()}}, Unmeasured, Inconclusive, 0, "NaN"},
		{"minus infinity, which is under the limit", under, "", nil, []any{math.Inf(-1)}, Unmeasured, Inconclusive, 0, "-Inf"},
		{"many series, of which it looks at one", under, "", func(m *Metric) { m.ConsecutiveErrorLimit = 0 }, []any{[]float64{0.01, 0.25}}, Unmeasured, Error, 0, "2 series, in no certain order"},
		{"many series, all of them looked at", "all(result, # < 0.02)", "", nil, []any{[]float64{0.01, 0.25}}, Failed, FailedPhase, 0, ""},
		{"a warning is not success", under, "", nil, []any{"Prometheus warns: partial"}, Unmeasured, Inconclusive, 0, "partial"},
		{"one number, where the condition wants a list", under, "", func(m *Metric) { m.ConsecutiveErrorLimit = 0 }, []any{scalar(0.01)}, Unmeasured, Error, 0, "write `result < 0.05`"},
		{"one number", "result < 0.02", "", nil, []any{scalar(0.01)}, Passed, Successful, time.Minute, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := metric(t, test.success, test.failure, test.results...)
				if test.set != nil {
					test.set(m)
				}
				begun := time.Now()
				r := (&Gate{Metrics: []*Metric{m}}).Run(t.Context())
				if r.Verdict != test.verdict || r.Phase != test.phase || !strings.Contains(r.Reason, test.reason) {
					t.Errorf("%s, %s: %s", r.Verdict, r.Phase, r.Reason)
				}
				if took := time.Since(begun); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}

// The first metric that does not succeed ends the gate, and the worst decides.
func TestGateSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := metric(t, "result[0] < 0.02", "", 0.01), metric(t, "result[0] < 500", "", 120.0, 900.0)
		good.Name, good.Count, bad.Name = "error-rate", 100, "latency"
		var lines []string
		g := &Gate{Metrics: []*Metric{good, bad}, Observe: func(m MetricChange) {
			if m.Changed {
				lines = append(lines, m.Metric+" "+m.Measurement.String())
			}
		}}
		begun := time.Now()
		r := g.Run(t.Context())
		if r.Verdict != Failed || time.Since(begun) != 30*time.Second || !strings.HasPrefix(r.Reason, "latency: Failed") || r.Metrics[0].Phase != Running {
			t.Errorf("%s after %s: %s; the other is %s", r.Verdict, time.Since(begun), r.Reason, r.Metrics[0].Phase)
		}
		if len(lines) != 3 || lines[2] != "latency Failed  value [900]" {
			t.Errorf("%q", lines)
		}
	})
}

func TestGateEndsFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if r := (&Gate{Metrics: []*Metric{metric(t, "result[0] < 0.02", "", 0.01)}}).Run(ctx); r.Verdict != Unmeasured || r.Metrics[0].Count != 2 {
			t.Errorf("%s, %d measured", r.Verdict, r.Metrics[0].Count)
		}
	})
}

func TestConditions(t *testing.T) {
	prometheus, web := []reflect.Type{vectorType, scalarType}, []reflect.Type{anyType}
	for _, test := range []struct {
		text    string
		types   []reflect.Type
		problem string // "" = it compiles
	}{
		{"result[0] < 0.05", prometheus, ""},
		{"result < 0.05", prometheus, ""},
		{"result < 0.05 && !isNaN(result)", prometheus, ""},
		{"len(result) == 1 and result[0] <= 1", prometheus, ""},
		{"max(result) < 500", prometheus, ""},
		{"result.rate < 0.05", web, ""},
		{`result == "ok"`, web, ""},
		{"result[0] < '0.05'", prometheus, "invalid operation"},
		{"result[0]", prometheus, "expected bool"},
		{"reslt[0] < 1", prometheus, "unknown name reslt"},
		{"true", prometheus, "does not look at result"},
		{"result[0] <", prometheus, "unexpected token"},
		{"", prometheus, "unexpected token"},
		{"now() > now() && result > 1", prometheus, "unknown name now"},
		{"repeat('a', 1000000) == '' && result > 1", prometheus, "unknown name repeat"},
		{"all(result, all(result, # > 1))", prometheus, "more than once"},
		{"result > 1" + strings.Repeat(" ", 1000), prometheus, "at most 1000"},
		{strings.Repeat("result>1||", 80) + "true", prometheus, "exceeds"},
	} {
		_, err := compileCondition(test.text, test.types...)
		if (err == nil) != (test.problem == "") || err != nil && !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%.60q: got %v, want %q", test.text, err, test.problem)
		}
	}
}
