package circleci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

func TestSuccesses(t *testing.T) {
	w := func(status string, minute int) []fakecircleci.Workflow {
		return []fakecircleci.Workflow{deploys(status, minute)}
	}
	_, c := serve(t,
		fakecircleci.Pipeline{Number: 5, Workflows: w("running", 0)},
		fakecircleci.Pipeline{Number: 4, Workflows: w("success", 40)},
		fakecircleci.Pipeline{Number: 3, Workflows: w("failed", 30)},
		fakecircleci.Pipeline{Number: 2, App: true, Workflows: []fakecircleci.Workflow{deploys("success", 50), deploys("success", 20)}}, // again, later
		fakecircleci.Pipeline{Number: 1, Workflows: w("success", 10)},
	)
	runs, underway, err := c.Successes(t.Context(), deployOnMain, 5)
	var got []string
	for _, r := range runs {
		got = append(got, fmt.Sprintf("%d at %d by %s", r.Pipeline, r.Stopped.Minute(), r.WorkflowID[len(r.WorkflowID)-9:]))
	}
	if want := "[2 at 50 by 002000000 4 at 40 by 004000000 1 at 10 by 001000000]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
	if len(underway) != 1 || underway[0].Pipeline != 5 {
		t.Errorf("underway: %+v", underway)
	}
	if _, _, err := c.Successes(t.Context(), Query{Project: "gh/acme/orders", Branch: "main", Job: "ship"}, 5); !errors.Is(err, ErrNotKnown) {
		t.Errorf("a job that never ran: %v", err)
	}
}

func TestVersions(t *testing.T) {
	s, c := serve(t,
		fakecircleci.Pipeline{Number: 3, Workflows: []fakecircleci.Workflow{{Name: "release", Status: "failed", Jobs: []fakecircleci.Job{{Name: "deploy", Status: "failed"}}}}},
		fakecircleci.Pipeline{Number: 2, Workflows: []fakecircleci.Workflow{{Name: "release", Status: "success", Jobs: []fakecircleci.Job{{Name: "deploy", Status: "success"}}}}},
	)
	s.Deploys = []fakecircleci.Deploy{deployed("orders", "production", "v2", "default", true, 2), deployed("orders", "production", "v3", "default", false, 3)}
	got, err := c.Versions(t.Context(), DeployQuery{Project: "gh/acme/orders"})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if v := got[0]; v.Version != "v2" || v.Commit != sha(2) || !v.Live || v.Status != "success" || v.ProjectID != fakecircleci.Project || v.Namespace != "default" || v.WorkflowID == "" {
		t.Errorf("got %+v", v)
	}
	if v := got[1]; v.Version != "v3" || v.Live || v.Status != "failed" {
		t.Errorf("got %+v", v)
	}
	s.Deploys = s.Deploys[:0]
	if _, err := c.Versions(t.Context(), DeployQuery{Project: "gh/acme/orders"}); !errors.Is(err, ErrNotKnown) {
		t.Errorf("without markers: %v", err)
	}
}

// orders are the calls of every kind.
func orders(t *testing.T) map[string]Order {
	t.Helper()
	out := map[string]Order{}
	add := func(name string) func(Order, error) {
		return func(o Order, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			out[name] = o
		}
	}
	parameters := map[string]any{"to": "abc", "dry": true, "n": 3}
	add("trigger")(NewPipeline{Project: "gh/acme/orders", Branch: "main", Parameters: parameters}.Order())
	add("tag")(NewPipeline{Project: "gh/acme/orders", Branch: "main", Tag: "v1"}.Order())
	add("definition")(NewPipeline{Project: "gh/acme/orders", Definition: fakecircleci.Definition, Branch: "main", Tag: "v1", Parameters: parameters}.Order())
	add("rollback")(DeployRollback{ProjectID: fakecircleci.Project, Component: "orders", Environment: "production", Current: "v2", Target: "v1", Reason: "errors"}.Order())
	add("rerun")(Rerun("b0000000-0000-4000-8000-000001000000", "release"))
	return out
}

func TestOrders(t *testing.T) {
	s, c := serve(t, fakecircleci.Pipeline{Number: 1, Workflows: []fakecircleci.Workflow{deploys("success", 1)}})
	s.Starts.Parameters = []string{"to", "dry", "n"}
	s.Deploys = []fakecircleci.Deploy{deployed("orders", "production", "v2", "", true, 1), deployed("orders", "production", "v1", "", false, 1)}
	for name, want := range map[string]struct{ path, body, started string }{
		"trigger":    {"/project/gh/acme/orders/pipeline", `{"branch":"main","parameters":{"dry":true,"n":3,"to":"abc"}}`, "pipeline"},
		"tag":        {"/project/gh/acme/orders/pipeline", `{"tag":"v1"}`, "pipeline"},
		"definition": {"/project/gh/acme/orders/pipeline/run", `{"checkout":{"tag":"v1"},"config":{"branch":"main"},"definition_id":"` + fakecircleci.Definition + `","parameters":{"dry":true,"n":3,"to":"abc"}}`, "pipeline"},
		"rollback":   {"/projects/" + fakecircleci.Project + "/rollback", `{"component_name":"orders","current_version":"v2","environment_name":"production","reason":"errors","target_version":"v1"}`, "pipeline"},
		"rerun":      {"/workflow/b0000000-0000-4000-8000-000001000000/rerun", `{"from_failed":false}`, "workflow"},
	} {
		o := orders(t)[name]
		method, address, body := c.Show(o)
		if method != "POST" || address != s.Address()+want.path || string(body) != want.body {
			t.Errorf("%s: %s %s %s", name, method, address, body)
		}
		before := len(s.Posts())
		started, err := c.Start(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (want.started == "pipeline") != (started.Pipeline != "") || (want.started == "workflow") != (started.Workflow != "") {
			t.Errorf("%s: started %+v", name, started)
		}
		if posts := s.Posts(); len(posts) != before+1 || posts[before] != (fakecircleci.Post{Path: want.path, Body: want.body}) {
			t.Errorf("%s: sent %v", name, posts[before:])
		}
	}
	o, err := NewPipeline{Project: "gh/acme/orders", Branch: "main", Parameters: map[string]any{"other": "x"}}.Order()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), `CircleCI refused to start a pipeline of the project gh/acme/orders (400, "Unexpected argument(s): other")`) {
		t.Errorf("a parameter that nobody declares: %v", err)
	}
	for _, p := range []map[string]any{{"": "x"}, {strings.Repeat("k", 129): "x"}, {"k": strings.Repeat("v", 513)}} {
		if _, err := (NewPipeline{Project: "gh/acme/orders", Parameters: p}).Order(); err == nil {
			t.Errorf("%.20v is taken", p)
		}
	}
}

// TestStartOnce has the server fail while something is started: what may have been done is not asked for again.
func TestStartOnce(t *testing.T) {
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code); fmt.Fprint(w, `{"message": "said"}`) }
	}
	for _, test := range []struct {
		name  string
		fault func(http.ResponseWriter)
		calls int
		maybe bool
		want  string
	}{
		{"401", status(401), 1, false, "does not accept the token in CIRCLE_TOKEN"},
		{"403", status(403), 1, false, "the owner of the token in CIRCLE_TOKEN may not start a pipeline of the project gh/acme/orders"},
		{"404", status(404), 1, false, "CircleCI does not know the project gh/acme/orders"},
		{"429", status(429), 4, false, "limits the rate of calls"},
		{"500", status(500), 1, true, "CircleCI failed to answer about the project gh/acme/orders (500, \"said\")"},
		{"502", status(502), 1, true, "it may have been done all the same"},
		{"half a body", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(201)
			fmt.Fprint(w, `{"id": "a`)
		}, 1, true, "broke off"},
		{"half a document", func(w http.ResponseWriter) { w.WriteHeader(201); fmt.Fprint(w, `{"id": "a`) }, 1, true, "unexpected EOF"},
		{"nothing", func(w http.ResponseWriter) { w.WriteHeader(201) }, 1, true, "EOF"},
		{"a web page", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, 1, true, "a web page instead of JSON"},
		{"no id", func(w http.ResponseWriter) { fmt.Fprint(w, "{}") }, 1, true, "names no pipeline"},
		{"a broken connection", func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, 1, true, "cannot be reached"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t)
			s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { test.fault(w); return true }
			_, err := c.Start(t.Context(), orders(t)["tag"])
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrMaybeDone) != test.maybe {
				t.Errorf("got %v, may have been done: %t", err, errors.Is(err, ErrMaybeDone))
			}
			if n := len(s.Calls()); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
	// Nobody listens: nothing was done, and it may be asked again.
	s, c := serve(t)
	s.Close()
	if _, err := c.Start(t.Context(), orders(t)["tag"]); err == nil || errors.Is(err, ErrMaybeDone) || !strings.HasSuffix(err.Error(), "after 4 tries") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestFollow(t *testing.T) {
	one := func(status string) []fakecircleci.Workflow { return []fakecircleci.Workflow{deploys(status, 1)} }
	two := func(a, b string) []fakecircleci.Workflow { return append(one(a), one(b)...) }
	for _, test := range []struct {
		name   string
		starts fakecircleci.Starts
		ended  bool // else an error is expected
		good   bool
	}{
		{"at once", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{one("success")}}, true, true},
		{"after a while", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{nil, one("running"), one("on_hold"), one("running"), one("success")}}, true, true},
		{"it fails", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{one("running"), one("failing"), one("failed")}}, true, false},
		{"it is canceled", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{one("running"), one("canceled")}}, true, false},
		{"one of two fails", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{two("success", "running"), two("success", "error")}}, true, false},
		{"one of two is not run", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{two("success", "not_run")}}, true, true},
		{"nothing is run", fakecircleci.Starts{Stages: [][]fakecircleci.Workflow{two("not_run", "not_run")}}, true, false},
		{"mistakes in the configuration", fakecircleci.Starts{State: "errored", Errors: []string{"no such orb"}}, true, false},
		{"no workflow", fakecircleci.Starts{}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t)
			s.Starts = test.starts
			started, err := c.Start(t.Context(), orders(t)["tag"])
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			got, err := c.Follow(t.Context(), Follow{Pipeline: started.Pipeline, First: time.Second, Longest: time.Minute, Observe: func(PipelineState) { seen++ }})
			if test.ended != (err == nil) || got.Succeeded() != test.good {
				t.Errorf("got %+v, %v", got, err)
			}
			if !test.ended && !errors.Is(err, ErrNothingRan) {
				t.Errorf("got %v", err)
			}
			if want := max(len(test.starts.Stages), 1); test.ended && seen != want {
				t.Errorf("%d answers were observed, want %d", seen, want)
			}
		})
	}
}

// TestFollowFaults: what passes is waited for, as long as the server asks; what does not ends the watch, and so does its time.
func TestFollowFaults(t *testing.T) {
	begin := func(t *testing.T, stages ...string) (*fakecircleci.Server, *Client, Follow) {
		s, c := serve(t)
		for _, status := range stages {
			s.Starts.Stages = append(s.Starts.Stages, []fakecircleci.Workflow{deploys(status, 1)})
		}
		started, err := c.Start(t.Context(), orders(t)["tag"])
		if err != nil {
			t.Fatal(err)
		}
		return s, c, Follow{Pipeline: started.Pipeline, First: 2 * time.Second, Longest: 10 * time.Second}
	}
	t.Run("a long limit", func(t *testing.T) {
		s, c, f := begin(t, "running", "success")
		var waits []time.Duration
		c.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		limited := false
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			if limited {
				return false
			}
			limited = true
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(429)
			return true
		}
		got, err := c.Follow(t.Context(), f)
		if err != nil || !got.Succeeded() || !slices.Equal(waits, []time.Duration{2 * time.Second, 5 * time.Minute, 10 * time.Second}) {
			t.Errorf("got %+v, %v after %v", got, err, waits)
		}
	})
	for name, test := range map[string]struct {
		fault func(http.ResponseWriter)
		calls int
		want  string
	}{
		"gone":         {func(w http.ResponseWriter) { w.WriteHeader(401) }, 1, "does not accept the token"},
		"down":         {func(w http.ResponseWriter) { w.WriteHeader(503) }, 4 * failures, "after 4 tries, 5 times in a row"},
		"half answers": {func(w http.ResponseWriter) { fmt.Fprint(w, `{"id":`) }, 4 * failures, "unexpected EOF, after 4 tries, 5 times in a row"},
		"a 404":        {func(w http.ResponseWriter) { w.WriteHeader(404) }, 1, "CircleCI does not know pipeline"},
	} {
		t.Run(name, func(t *testing.T) {
			s, c, f := begin(t, "running")
			before := len(s.Calls())
			s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool { test.fault(w); return true }
			got, err := c.Follow(t.Context(), f)
			if err == nil || got.Succeeded() || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v", got, err)
			}
			if n := len(s.Calls()) - before; n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
		})
	}
	t.Run("its time is over", func(t *testing.T) {
		_, c, f := begin(t, "running")
		ctx, cancel := context.WithCancelCause(t.Context())
		asked := 0
		f.Observe = func(PipelineState) {
			if asked++; asked == 3 {
				cancel(errors.New("30m are over"))
			}
		}
		c.wait = func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
		got, err := c.Follow(ctx, f)
		if err == nil || err.Error() != "30m are over" || got.Ended() || len(got.Workflows) != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// TestRerun follows the new workflow alone, whether CircleCI names it or not.
func TestRerun(t *testing.T) {
	for _, noID := range []bool{false, true} {
		s, c := serve(t, fakecircleci.Pipeline{Number: 1, Workflows: []fakecircleci.Workflow{deploys("failed", 1)}})
		s.Starts = fakecircleci.Starts{NoID: noID, Stages: [][]fakecircleci.Workflow{{deploys("running", 0)}, {deploys("success", 2)}}}
		const pipeline = "a0000000-0000-4000-8000-000001000000"
		before, err := c.WorkflowIDs(t.Context(), pipeline)
		if err != nil || len(before) != 1 {
			t.Fatalf("got %v, %v", before, err)
		}
		started, err := c.Start(t.Context(), orders(t)["rerun"])
		if err != nil || (started.Workflow == "") != noID {
			t.Fatalf("started %+v, %v", started, err)
		}
		got, err := c.Follow(t.Context(), Follow{Pipeline: pipeline, Only: func(id string) bool { return !slices.Contains(before, id) }})
		if err != nil || !got.Succeeded() || len(got.Workflows) != 1 || got.Workflows[0].Jobs[1].Status != "success" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}
