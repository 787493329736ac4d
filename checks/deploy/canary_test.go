package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// canary is a gate of three weights. Its commands append what they were given to a file; more is what the shift does then.
func canary(t *testing.T, m *Metric, more string) (*Gate, func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls")
	t.Setenv("CALLS", file)
	m.Interval = time.Millisecond
	g := &Gate{Metrics: []*Metric{m}, Traffic: &Traffic{
		Shift: []string{"sh", "-c", `echo "shift $1 $PMCHECK_WEIGHT" >>"$CALLS"; ` + more, "traffic"}, Undo: []string{"sh", "-c", `echo "undo $1 $PMCHECK_WEIGHT" >>"$CALLS"`, "traffic"}, Timeout: time.Minute,
	}}
	for _, weight := range []int{10, 50, 100} {
		g.Steps = append(g.Steps, Step{SetWeight: &weight}, Step{Pause: time.Millisecond}, Step{Analysis: g.Metrics})
	}
	return g, func() string {
		calls, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		return strings.Join(strings.Split(strings.TrimSpace(string(calls)), "\n"), ", ")
	}
}

func TestCanary(t *testing.T) {
	down := errors.New("connection refused")
	good := func(n int, then ...any) []any { return append(slices.Repeat([]any{0.01}, n), then...) }
	for _, test := range []struct {
		name    string
		results []any
		more    string
		set     func(*Gate)
		verdict Verdict
		phases  string // of the steps, by their first letters
		reason  string
		calls   string
		output  string
	}{
		{"all is well", good(9), "echo moving", nil, Passed, "SSSSSSSSS", "at each step", "shift 10 10, shift 50 50, shift 100 100", "moving|moving|moving"},
		{"bad at the second weight", good(4, 0.25), "", nil, Failed, "SSSSSFPPP", "step 6, analysis of error-rate: error-rate: Failed: failed (1) > failureLimit (0); at last: value [0.25]; traffic was taken back", "shift 10 10, shift 50 50, undo  0", ""},
		{"bad at the last weight", good(8, 0.25), "", nil, Failed, "SSSSSSSSF", "step 9", "shift 10 10, shift 50 50, shift 100 100, undo  0", ""},
		{"not measured", good(0, down), "", nil, Unmeasured, "SSEPPPPPP", "step 3, analysis of error-rate: error-rate: Error", "shift 10 10, undo  0", ""},
		{"no way back of its own", good(0, 0.25), "", func(g *Gate) { g.Traffic.Undo = nil }, Failed, "SSFPPPPPP", "traffic was taken back", "shift 10 10, shift 0 0", ""},
		{"the way back fails", good(0, 0.25), "", func(g *Gate) { g.Traffic.Undo = []string{"sh", "-c", "echo no; exit 3"} }, Failed, "SSFPPPPPP", "TRAFFIC COULD NOT BE TAKEN BACK: sh ended with exit status 3", "shift 10 10", "no"},
		{"the shift fails", good(3), `printf 'no such\nservice' >&2; [ $1 -lt 50 ] || exit 7`, nil, Failed, "SSSFPPPPP", "step 4, setWeight 50: traffic could not be shifted: sh ended with exit status 7; traffic was taken back", "shift 10 10, shift 50 50, undo  0", "no such|service|no such|service"},
		{"the first shift fails", nil, "exit 7", nil, Failed, "FPPPPPPPP", "step 1", "shift 10 10, undo  0", ""},
		{"the shift does not end", good(0), "sleep 300 & wait", func(g *Gate) {
			g.Traffic.Timeout = time.Nanosecond
			g.Traffic.Undo = nil
		}, Failed, "FPPPPPPPP", "did not end within 1ns; TRAFFIC COULD NOT BE TAKEN BACK: sh did not end within 1ns", "", ""},
		{"no such program", nil, "", func(g *Gate) { g.Traffic.Shift = []string{"/nowhere/traffic"} }, Failed, "FPPPPPPPP", "/nowhere/traffic cannot be run", "undo  0", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := metric(t, "result[0] < 0.02", "", test.results...)
			m.ConsecutiveErrorLimit = 0
			g, calls := canary(t, m, test.more)
			if test.set != nil {
				test.set(g)
			}
			var output []string
			g.Output = func(line string) { output = append(output, line) }
			r := g.Run(t.Context())
			phases := ""
			for _, s := range r.Steps {
				phases += string(s.Phase[0])
			}
			if r.Verdict != test.verdict || phases != test.phases || !strings.Contains(r.Reason, test.reason) {
				t.Errorf("%s, steps %s: %s", r.Verdict, phases, r.Reason)
			}
			if got := calls(); got != test.calls {
				t.Errorf("called %q, want %q", got, test.calls)
			}
			if got := strings.Join(output, "|"); got != test.output {
				t.Errorf("shown %q, want %q", got, test.output)
			}
			if (r.TakenBack == nil) != (test.verdict == Passed) {
				t.Errorf("taken back: %+v", r.TakenBack)
			}
			for _, m := range r.Metrics {
				if want := map[int]int{3: 10, 6: 50, 9: 100}[m.Step]; m.Weight != want {
					t.Errorf("step %d measured at %d %%", m.Step, m.Weight)
				}
			}
		})
	}
}

// A gate that is ended from outside takes its traffic back all the same.
func TestCanaryEndsFromOutside(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g, calls := canary(t, metric(t, "result[0] < 0.02", "", 0.01), "")
	g.Steps[1].Pause = time.Hour
	g.ObserveStep = func(s StepChange) {
		if s.Number == 2 {
			cancel()
		}
	}
	if r := g.Run(ctx); r.Verdict != Unmeasured || !strings.Contains(r.Reason, "step 2, pause 1h0m0s: ended from outside") || calls() != "shift 10 10, undo  0" {
		t.Errorf("%s: %s; called %s", r.Verdict, r.Reason, calls())
	}
}

// A command that is ended ends with all that it has begun: only then does the pipe end that its child holds.
func TestTrafficEndsItsChildren(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := os.ReadFile(fifo)
		ended <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	traffic := &Traffic{Shift: []string{"sh", "-c", `exec 9>"$0"; sleep 300 & echo begun; wait`, fifo}, Timeout: time.Minute}
	if err := traffic.shift(ctx, 10, func(string) { cancel() }); err == nil || !strings.Contains(err.Error(), "ended from outside") {
		t.Errorf("got %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// No shell reads the arguments.
func TestTrafficIsNoShell(t *testing.T) {
	t.Chdir(t.TempDir())
	var shown []string
	traffic := &Traffic{Shift: []string{"echo", "$(touch made)", "`touch made`; touch made", "$HOME"}, Timeout: time.Minute}
	if err := traffic.shift(t.Context(), 10, func(line string) { shown = append(shown, line) }); err != nil || len(shown) != 1 || shown[0] != "$(touch made) `touch made`; touch made $HOME 10" {
		t.Errorf("%v, %q", err, shown)
	}
	if _, err := os.Stat("made"); err == nil {
		t.Error("an argument was run")
	}
}

func TestLines(t *testing.T) {
	var shown []string
	l := &lines{show: func(line string) { shown = append(shown, line) }}
	for _, text := range []string{"a", "b\nc\r\n", "\n", strings.Repeat("x", 3*maxOutputLine) + "\nd"} {
		if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.flush()
	if want := []string{"ab", "c", "", strings.Repeat("x", maxOutputLine), "d"}; !slices.Equal(shown, want) {
		t.Errorf("%q", shown)
	}
	shown = nil
	for range 10_000 {
		l.Write([]byte("a line of output\n"))
	}
	if n := len(shown); n > maxOutput/16 || shown[n-1] != "... more output is left out" {
		t.Errorf("%d lines, the last is %q", n, shown[n-1])
	}
}

func TestPauseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metric(t, "result[0] < 0.02", "", 0.01)
		g := &Gate{Metrics: []*Metric{m}, Steps: []Step{{Pause: 5 * time.Minute}, {Analysis: []*Metric{m}}, {Pause: time.Hour}}}
		begun := time.Now()
		if r := g.Run(t.Context()); r.Verdict != Passed || time.Since(begun) != 66*time.Minute || r.TakenBack != nil {
			t.Errorf("%s after %s", r.Verdict, time.Since(begun))
		}
	})
}

func TestReadCanary(t *testing.T) {
	const metrics = "metrics:\n- {name: a, successCondition: result < 1, provider: {web: {url: 'http://a/'}}}\n- {name: b, successCondition: result < 1, provider: {web: {url: 'http://a/'}}}\n"
	for _, test := range []struct{ text, problem string }{
		{"steps: [{setWeight: 10}, {pause: {duration: 5m}}, {analysis: {}}, {setWeight: 100}, {analysis: {metrics: [b]}}]\ntraffic: {shift: [./shift.sh, orders], undo: [./undo.sh], timeout: 30s}", ""},
		{"steps:\n- analysis:\n- pause: {duration: 1s}", ""},
		{"steps: [{setWeight: 10}, {analysis: {}}]", "g.yml:4: setWeight needs traffic"},
		{"steps: [{pause: {duration: 1s}}]", "g.yml:4: steps has no analysis"},
		{"steps: []", "g.yml:4: steps has no analysis"},
		{"steps: [{analysis: {metrics: [a]}}]", `g.yml:4: no step measures the metric "b"`},
		{"steps: [{analysis: {metrics: [a, c]}}]", `there is no metric "c"`},
		{"steps: [{analysis: {metrics: [a, a]}}]", "stands here twice"},
		{"steps: [{analysis: {metrics: []}}]", "metrics is empty"},
		{"steps: [{analysis: {templates: []}}]", `analysis has no key "templates"`},
		{"steps: [{setWeight: 101}]", "setWeight: expected a whole number from 0 to 100"},
		{"steps: [{setWeight: 10%}]", "setWeight: expected a whole number"},
		{"steps: [{pause: {}}]", "pause without duration would wait for ever"},
		{"steps: [{pause: 5m}]", "pause is"},
		{"steps: [{pause: {duration: 300}}]", "duration: expected a duration"},
		{"steps: [{setWeight: 10, pause: {duration: 1s}}]", "a step: give one of"},
		{"steps: [{setWeigth: 10}]", "did you mean setWeight?"},
		{"traffic: {shift: [a]}", "traffic without steps"},
		{"steps: [{analysis: {}}]\ntraffic: {shift: [a]}", "traffic, but no step sets a weight"},
		{"steps: [{setWeight: 10}, {analysis: {}}]\ntraffic: {shift: ./shift.sh orders}", "shift: expected a list"},
		{"steps: [{setWeight: 10}, {analysis: {}}]\ntraffic: {shift: []}", "shift names no program"},
		{"steps: [{setWeight: 10}, {analysis: {}}]\ntraffic: {shift: [[a]]}", "shift: expected text"},
		{"steps: [{setWeight: 10}, {analysis: {}}]\ntraffic: {undo: [a]}", "traffic has no shift"},
	} {
		g, err := ReadGate("g.yml", []byte(metrics+test.text), func(string) (string, bool) { return "", false })
		switch {
		case test.problem == "" && err != nil:
			t.Errorf("%s: %v", test.text, err)
		case test.problem == "" && len(g.Steps) < 2:
			t.Errorf("%s: %d steps", test.text, len(g.Steps))
		case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
			t.Errorf("%s:\n got %v\nwant %s", test.text, err, test.problem)
		}
	}
	g, err := ReadGate("g.yml", []byte(metrics+"steps: [{setWeight: 10}, {analysis: {}}]\ntraffic: {shift: [/nowhere/shift]}"), nil)
	if err != nil || g.Check() == nil || !strings.Contains(g.Check().Error(), "traffic.shift cannot be run") {
		t.Errorf("%v, %v", err, g.Check())
	}
}
