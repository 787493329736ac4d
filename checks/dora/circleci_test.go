package dora

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// from measures a scene by a source.
func (s *scene) from(source Source) (*Report, error) {
	s.t.Helper()
	repo, err := change.OpenRepo(context.Background(), s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.options.Documents = s.documents
	return Measure(context.Background(), repo, source, s.options)
}

// deploying is a pipeline whose workflow "release" ran job deploy until some times; "" is underway.
func deploying(number int, commit, made string, runs ...string) fakecircleci.Pipeline {
	p := fakecircleci.Pipeline{Number: number, Commit: commit, Branch: "main", Created: made, App: number%2 == 0}
	for _, run := range runs {
		status, stop, _ := strings.Cut(run, " ")
		p.Workflows = append(p.Workflows, fakecircleci.Workflow{Name: "release", Status: status, Stop: stop, Created: cmp.Or(stop, made),
			Jobs: []fakecircleci.Job{{Name: "test", Status: "success", Start: made, Stop: made}, {Name: "deploy", Status: status, Start: cmp.Or(stop, made), Stop: stop}}})
	}
	return p
}

// circleScene is a week at CircleCI: p10 ran before it; p11 failed, and succeeded when it was run again; p12 brought two
// changes and was taken back by p11, run again; p13 went out; p14 is underway; p15 was made after the window.
func circleScene(t testing.TB) (*scene, *fakecircleci.Server, CircleCI) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	base := s.commit("2026-10-30T12:00:00Z", "base")
	a := s.commit("2026-11-02T08:00:00Z", "a (#1)")
	s.commit("2026-11-03T08:00:00Z", "b")
	c := s.commit("2026-11-03T09:00:00Z", "c")
	d := s.commit("2026-11-04T10:00:00Z", "d")
	e := s.commit("2026-11-08T23:00:00Z", "e")
	server := fakecircleci.New("gh/acme/orders")
	t.Cleanup(server.Close)
	server.PageSize = 2
	server.Pipelines = []fakecircleci.Pipeline{
		deploying(15, e, "2026-11-09T01:00:00Z", "success 2026-11-09T01:10:00Z"),
		deploying(14, e, "2026-11-08T23:50:00Z", "running"),
		deploying(13, d, "2026-11-04T10:30:00Z", "success 2026-11-04T11:00:00Z"),
		deploying(12, c, "2026-11-03T09:30:00Z", "success 2026-11-03T10:00:00Z"),
		deploying(11, a, "2026-11-02T08:30:00Z", "failed 2026-11-02T09:00:00Z", "success 2026-11-02T10:00:00Z", "success 2026-11-03T10:30:00Z", "on_hold"),
		deploying(10, base, "2026-10-30T12:30:00Z", "success 2026-10-30T13:00:00Z"),
		deploying(9, base, "2026-10-10T12:30:00Z", "success 2026-10-10T13:00:00Z"),
		deploying(8, base, "2026-10-01T12:30:00Z", "success 2026-10-01T13:00:00Z"),
	}
	client, err := circleci.New(server.Address(), fakecircleci.Token, "CIRCLE_TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	return s, server, CircleCI{client, circleci.Query{Project: "gh/acme/orders", Branch: "main", Job: "deploy"}}
}

func TestCircleCI(t *testing.T) {
	s, server, source := circleScene(t)
	for _, q := range []circleci.Query{source.Query, {Project: "gh/acme/orders", Branch: "main", Workflow: "release"}} {
		source.Query = q
		r, err := s.from(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(r); got != "pipeline 11; pipeline 12 failed; pipeline 11 rollback rework; pipeline 13" {
			t.Errorf("%s: %s", q, got)
		}
		if r.NotCounted != (NotCounted{Failed: 1, Underway: 1}) {
			t.Errorf("%s: %+v", q, r.NotCounted)
		}
		// Leads: a 2 h; b 2 h and c 1 h; d 1 h; in order 1, 1, 2, 2: 1.5 h. Of 4 deployments p12 failed, and was taken back 30
		// minutes later; the rollback is rework.
		wantValues(t, r, map[string]float64{Frequency: 4, LeadTime: 1.5 * hour, FailureRate: 0.25, Recovery: 1800, ReworkRate: 0.25})
		if len(r.Gaps) > 0 || !strings.HasPrefix(r.Source, "successful runs of "+q.String()+" at CircleCI") {
			t.Errorf("%q, %s", r.Gaps, r.Source)
		}
	}
	for _, call := range server.Calls() {
		if strings.Contains(call, "0000008") {
			t.Errorf("a pipeline long before the window was asked for: %s", call)
		}
	}
}

// What cannot be read is said, and no figure is taken for the whole; where much cannot be read there is none.
func TestCircleCIFaults(t *testing.T) {
	s, server, source := circleScene(t)
	s.options.Targets.LeadTime = 48 * 3600e9
	refuse := func(parts ...string) {
		server.Set(func(s *fakecircleci.Server) {
			s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				for _, part := range parts {
					if strings.Contains(r.URL.Path, part) {
						w.WriteHeader(http.StatusForbidden)
						return true
					}
				}
				return false
			}
		})
	}
	refuse("pipeline/a0000000-0000-4000-8000-000012000000")
	r, err := s.from(source)
	if err != nil || len(r.Gaps) != 1 || !strings.HasPrefix(r.Gaps[0].Text, "pipeline 12 could not be read") || r.Verdict != Unknown {
		t.Errorf("%v, %+v", err, r)
	}
	for _, part := range []string{"/workflow", "/project/"} {
		refuse(part)
		if _, err := s.from(source); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", part, err)
		}
	}
	server.Set(func(s *fakecircleci.Server) {
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
	})
	if _, err := s.from(source); err == nil || !strings.Contains(err.Error(), "it asks to wait 1h0m0s") {
		t.Errorf("limited: %v", err)
	}
	server.Set(func(s *fakecircleci.Server) { s.Fault = nil })
	source.Query.Job = "ship"
	if _, err := s.from(source); err == nil || !strings.Contains(err.Error(), "no run of job ship on main in 7 pipelines of gh/acme/orders; the jobs there are deploy, test") {
		t.Errorf("another name: %v", err)
	}
}
