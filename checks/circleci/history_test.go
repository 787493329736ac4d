package circleci

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// clock is a moment of 3 March 2026.
func clock(hour, minute, second int) string {
	return time.Date(2026, 3, 3, hour, minute, second, 0, time.UTC).Format(time.RFC3339)
}

func when(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// ran is a workflow of one job.
func ran(name, from, to, status string) fakecircleci.Workflow {
	return fakecircleci.Workflow{Name: name, Status: status, Created: from, Stop: to, Jobs: []fakecircleci.Job{{Name: "deploy", Status: status, Start: from, Stop: to}}}
}

func told(runs []PipelineRun) string {
	var b strings.Builder
	for _, p := range runs {
		fmt.Fprintf(&b, "%d", p.Number)
		for _, w := range p.Workflows {
			fmt.Fprintf(&b, " %s:%s", w.Name, w.Status)
			switch {
			case w.AutoRerun > 0:
				fmt.Fprintf(&b, ":auto%d", w.AutoRerun)
			case w.Rerun:
				b.WriteString(":rerun")
			}
			if w.FromFailed {
				b.WriteString(":from-failed")
			}
			for _, j := range w.Jobs {
				b.WriteString("/" + j.Name)
			}
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestHistory(t *testing.T) {
	type p = fakecircleci.Pipeline
	type w = []fakecircleci.Workflow
	for _, test := range []struct {
		name      string
		pipelines []p
		query     HistoryQuery
		want      string
	}{
		{"both families, the oldest first", []p{
			{Number: 2, App: true, Created: clock(14, 10, 0), Workflows: w{ran("release", clock(14, 10, 0), clock(14, 15, 0), "success")}},
			{Number: 1, Created: clock(14, 0, 0), Workflows: w{ran("release", clock(14, 0, 0), clock(14, 5, 0), "failed")}},
		}, HistoryQuery{}, "1 release:failed/deploy; 2 release:success/deploy"},
		{"what ended before or began after is not of the time", []p{
			{Number: 3, Created: clock(15, 1, 0), Workflows: w{ran("release", clock(15, 1, 0), clock(15, 5, 0), "success")}},
			{Number: 2, Created: clock(13, 59, 0), Workflows: w{ran("release", clock(13, 59, 0), clock(14, 1, 0), "success")}},
			{Number: 1, Created: clock(13, 0, 0), Workflows: w{ran("release", clock(13, 0, 0), clock(13, 5, 0), "success")}},
		}, HistoryQuery{Before: 2 * time.Hour}, "2 release:success/deploy"},
		{"an old one is run again: a rollback", []p{
			{Number: 1, Created: clock(9, 0, 0), Workflows: w{ran("release", clock(14, 25, 0), clock(14, 30, 0), "success"), ran("release", clock(9, 0, 0), clock(9, 5, 0), "success")}},
		}, HistoryQuery{Before: 8 * time.Hour}, "1 release:success:rerun/deploy"},
		{"but not one that is older than asked", []p{
			{Number: 1, Created: clock(9, 0, 0), Workflows: w{ran("release", clock(14, 25, 0), clock(14, 30, 0), "success")}},
		}, HistoryQuery{Before: time.Hour}, ""},
		{"underway", []p{{Number: 1, Created: clock(14, 0, 0), Workflows: w{ran("release", clock(14, 0, 0), "", "running")}}}, HistoryQuery{}, "1 release:running/deploy"},
		{"reruns: of what failed, and automatic", []p{
			{Number: 1, Created: clock(14, 0, 0), Workflows: w{
				{Name: "release", Status: "success", Created: clock(14, 20, 0), Stop: clock(14, 25, 0), Tag: "rerun-workflow-from-failed", Jobs: []fakecircleci.Job{
					{Name: "build", Status: "success", Start: clock(14, 0, 0), Stop: clock(14, 1, 0)}, {Name: "deploy", Status: "success", Start: clock(14, 20, 0), Stop: clock(14, 25, 0)}}},
				{Name: "release", Status: "failed", Created: clock(14, 10, 0), Stop: clock(14, 15, 0), AutoRerun: 1},
				{Name: "release", Status: "failed", Created: clock(14, 0, 0), Stop: clock(14, 5, 0)},
				{Name: "release", Status: "success", Created: clock(13, 59, 59), Stop: clock(14, 0, 0), Tag: "setup"},
			}},
		}, HistoryQuery{}, "1 release:success release:failed release:failed:auto1 release:success:rerun:from-failed/deploy"},
		{"branches and tags", []p{
			{Number: 5, Created: clock(14, 4, 0), Tag: "v5", App: true, Workflows: w{ran("release", clock(14, 4, 0), "", "running")}},
			{Number: 4, Created: clock(14, 3, 0), Tag: "v4", Workflows: w{ran("release", clock(14, 3, 0), "", "running")}},
			{Number: 3, Created: clock(14, 2, 0), Branch: "wip", Workflows: w{ran("release", clock(14, 2, 0), "", "running")}},
			{Number: 2, Created: clock(14, 1, 0), Fork: true, Workflows: w{ran("release", clock(14, 1, 0), "", "running")}},
			{Number: 1, Created: clock(14, 0, 0), Workflows: w{ran("release", clock(14, 0, 0), "", "running")}},
		}, HistoryQuery{Branches: []string{"main"}}, "1 release:running/deploy; 4 release:running/deploy; 5 release:running/deploy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t, test.pipelines...)
			s.PageSize = 1
			test.query.Project, test.query.From, test.query.To = "gh/acme/orders", when(t, clock(14, 0, 0)), when(t, clock(15, 0, 0))
			runs, problems, err := c.History(t.Context(), test.query)
			if err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			if got := told(runs); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestHistoryInHalves has calls that fail: what was found stays, and what is missing is said.
func TestHistoryInHalves(t *testing.T) {
	var pipelines []fakecircleci.Pipeline
	for n := 9; n > 0; n-- {
		pipelines = append(pipelines, fakecircleci.Pipeline{Number: n, App: n%2 == 0, Created: clock(14, n, 0), Workflows: []fakecircleci.Workflow{ran("release", clock(14, n, 0), clock(14, n, 30), "success")}})
	}
	query := HistoryQuery{Project: "gh/acme/orders", From: when(t, clock(14, 0, 0)), To: when(t, clock(15, 0, 0))}
	var mu sync.Mutex
	asked := map[string]bool{}
	for _, test := range []struct {
		name     string
		fails    func(path string) (status int)
		runs     int // pipelines found
		problems []string
		err      string
	}{
		{"once limited, then answered", func(path string) int {
			mu.Lock()
			defer mu.Unlock()
			again := asked[path]
			asked[path] = true
			return map[bool]int{false: 429}[again]
		}, 9, nil, ""},
		{"the second page", func(path string) int { return map[bool]int{true: 502}[strings.Contains(path, "page-token=4")] }, 4,
			[]string{"pipelines before number 6 are missing"}, ""},
		{"one pipeline's workflows", func(path string) int {
			return map[bool]int{true: 500}[strings.Contains(path, "000005000000/workflow")]
		}, 8, []string{"pipeline 5 is not whole: CircleCI failed to answer about the workflows of pipeline 5"}, ""},
		{"one workflow's jobs", func(path string) int {
			return map[bool]int{true: 404}[strings.Contains(path, "000005000000/job")]
		}, 9,
			[]string{"pipeline 5 is not whole: CircleCI does not know the jobs of workflow release"}, ""},
		{"all workflows", func(path string) int { return map[bool]int{true: 503}[strings.HasSuffix(path, "/workflow")] }, 0, []string{"is not whole", "were not asked for"}, ""},
		{"the token", func(string) int { return 401 }, 0, nil, "does not accept the token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t, pipelines...)
			s.PageSize = 4
			s.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				status := test.fails(r.URL.RequestURI())
				if status != 0 {
					w.WriteHeader(status)
				}
				return status != 0
			}
			runs, problems, err := c.History(t.Context(), query)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(runs) != test.runs {
				t.Errorf("%d pipelines, want %d: %s", len(runs), test.runs, told(runs))
			}
			all := strings.Join(problems, "\n")
			for _, part := range test.problems {
				if !strings.Contains(all, part) {
					t.Errorf("not said: %s\n%s", part, all)
				}
			}
			if len(test.problems) == 0 && all != "" {
				t.Error(all)
			}
		})
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var pipelines []fakecircleci.Pipeline
	for n := 55; n > 0; n-- {
		pipelines = append(pipelines, fakecircleci.Pipeline{Number: n, Created: clock(14, n, 0)})
	}
	s, c := serve(t, pipelines...)
	s.PageSize = 1
	_, problems, err := c.History(t.Context(), HistoryQuery{Project: "gh/acme/orders", From: when(t, clock(14, 0, 0)), To: when(t, clock(15, 0, 0))})
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0], "has more pipelines than are read, 50 pages, since 2026-03-03 14:00 UTC") {
		t.Error(err, problems)
	}
	if n := len(s.Calls()); n != 50+50 {
		t.Errorf("%d calls", n)
	}
}

func TestLastSuccessBefore(t *testing.T) {
	type w = []fakecircleci.Workflow
	_, c := serve(t,
		fakecircleci.Pipeline{Number: 3, Created: clock(14, 0, 0), Workflows: w{ran("release", clock(14, 0, 0), clock(14, 5, 0), "success")}},
		fakecircleci.Pipeline{Number: 2, Created: clock(13, 0, 0), Workflows: w{ran("release", clock(14, 25, 0), clock(14, 30, 0), "success"), ran("release", clock(13, 0, 0), clock(13, 5, 0), "success")}},
		fakecircleci.Pipeline{Number: 1, Created: clock(12, 0, 0), Workflows: w{ran("release", clock(12, 0, 0), clock(12, 5, 0), "success")}})
	for before, want := range map[string]int64{clock(14, 5, 0): 2, clock(14, 5, 1): 3, clock(14, 25, 0): 3, clock(15, 0, 0): 2, clock(13, 5, 0): 1} {
		query := deployOnMain
		query.Before = when(t, before)
		last, later, err := c.LastSuccess(t.Context(), query)
		if err != nil || last.Pipeline != want || len(later) != 0 {
			t.Errorf("before %s: %d, want %d (%v, %v)", before, last.Pipeline, want, later, err)
		}
	}
	query := deployOnMain
	query.Before = when(t, clock(12, 5, 0))
	if _, _, err := c.LastSuccess(t.Context(), query); !errors.Is(err, ErrNotKnown) {
		t.Error(err)
	}
}

func TestUser(t *testing.T) {
	s, c := serve(t)
	s.Users = map[string]string{"u1": "anna"}
	if login, err := c.User(t.Context(), "u1"); err != nil || login != "anna" {
		t.Error(login, err)
	}
	if _, err := c.User(t.Context(), "u2"); !errors.Is(err, ErrNotKnown) {
		t.Error(err)
	}
}
