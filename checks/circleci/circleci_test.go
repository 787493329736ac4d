package circleci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakecircleci"
)

// sha is a commit id that is easy to read.
func sha(n int) string { return fmt.Sprintf("%040x", n) }

// stop is a time of an afternoon.
func stop(minute int) string {
	return time.Date(2026, 11, 30, 14, minute, 0, 0, time.UTC).Format(time.RFC3339)
}

// deploys is a workflow with a build and the job that deploys.
func deploys(status string, minute int) fakecircleci.Workflow {
	w := fakecircleci.Workflow{Name: "release", Status: status, Jobs: []fakecircleci.Job{{Name: "build", Status: "success", Stop: stop(0)}, {Name: "deploy", Status: status}}}
	if status != "running" {
		w.Stop, w.Jobs[1].Stop = stop(minute), stop(minute)
	}
	return w
}

// deployed is a version of a component.
func deployed(component, environment, version, namespace string, live bool, pipeline int) fakecircleci.Deploy {
	return fakecircleci.Deploy{Component: component, Environment: environment, Version: version, Namespace: namespace, Live: live, Pipeline: pipeline}
}

func serve(t *testing.T, pipelines ...fakecircleci.Pipeline) (*fakecircleci.Server, *Client) {
	t.Helper()
	s := fakecircleci.New("gh/acme/orders")
	t.Cleanup(s.Close)
	for i := range pipelines {
		if pipelines[i].Branch == "" && pipelines[i].Tag == "" {
			pipelines[i].Branch = "main"
		}
		if pipelines[i].Commit == "" {
			pipelines[i].Commit = sha(pipelines[i].Number)
		}
	}
	s.Pipelines = pipelines
	c, err := New(s.Address(), fakecircleci.Token, "CIRCLE_TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	c.wait = func(context.Context, time.Duration) error { return nil }
	return s, c
}

var deployOnMain = Query{Project: "gh/acme/orders", Branch: "main", Job: "deploy"}

func TestLastSuccess(t *testing.T) {
	type p = fakecircleci.Pipeline
	type w = []fakecircleci.Workflow
	for _, test := range []struct {
		name      string
		pipelines []p
		query     Query
		want      int // number of the pipeline
		later     []int
	}{
		{"the newest", []p{{Number: 3, Workflows: w{deploys("success", 30)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 3, nil},
		{"the newest of the GitHub App", []p{{Number: 3, App: true, Workflows: w{deploys("success", 30)}}, {Number: 2, App: true, Workflows: w{deploys("success", 20)}}}, deployOnMain, 3, nil},
		{"a failed one does not count", []p{{Number: 3, Workflows: w{deploys("failed", 30)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 2, []int{3}},
		{"one is underway", []p{{Number: 3, Workflows: w{deploys("running", 0)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 2, []int{3}},
		{"this pipeline's has not begun", []p{{Number: 3, Workflows: w{deploys("blocked", 0)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 2, nil},
		{"an older one was run again: a rollback", []p{{Number: 3, Workflows: w{deploys("success", 30)}}, {Number: 2, Workflows: w{deploys("success", 40), deploys("success", 20)}}}, deployOnMain, 2, nil},
		{"a rollback after a failure", []p{{Number: 3, Workflows: w{deploys("failed", 30)}}, {Number: 2, Workflows: w{deploys("success", 40)}}}, deployOnMain, 2, nil},
		{"a fork's pull request from its main", []p{{Number: 3, Fork: true, Workflows: w{deploys("success", 30)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 2, nil},
		{"another branch", []p{{Number: 3, Branch: "wip", Workflows: w{deploys("success", 30)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, deployOnMain, 2, nil},
		{"tags", []p{{Number: 3, Tag: "v3", App: true, Workflows: w{deploys("success", 30)}}, {Number: 2, Tag: "v2", Workflows: w{deploys("success", 20)}}}, Query{Project: "gh/acme/orders", Job: "deploy"}, 3, nil},
		{"a workflow", []p{{Number: 3, Workflows: w{deploys("failed", 30)}}, {Number: 2, Workflows: w{deploys("success", 20)}}}, Query{Project: "gh/acme/orders", Branch: "main", Workflow: "release"}, 2, []int{3}},
		{"a job of another workflow", []p{{Number: 3, Workflows: w{{Name: "staging", Status: "success", Stop: stop(30), Jobs: deploys("success", 30).Jobs}}}, {Number: 2, Workflows: w{deploys("success", 20)}}},
			Query{Project: "gh/acme/orders", Branch: "main", Workflow: "release", Job: "deploy"}, 2, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, c := serve(t, test.pipelines...)
			got, later, err := c.LastSuccess(t.Context(), test.query)
			if err != nil {
				t.Fatal(err)
			}
			if got.Pipeline != int64(test.want) || got.Commit != sha(test.want) {
				t.Errorf("got pipeline %d with %s, want %d", got.Pipeline, got.Commit, test.want)
			}
			var numbers []int
			for _, r := range later {
				numbers = append(numbers, int(r.Pipeline))
			}
			if fmt.Sprint(numbers) != fmt.Sprint(test.later) {
				t.Errorf("later runs of pipelines %v, want %v", numbers, test.later)
			}
		})
	}
}

// TestPages has the success on a later page, in a long list of jobs.
func TestPages(t *testing.T) {
	var pipelines []fakecircleci.Pipeline
	for n := 60; n > 0; n-- {
		w := deploys("blocked", 0)
		if n == 7 {
			w = deploys("success", 10)
		}
		for i := range 5 {
			w.Jobs = append([]fakecircleci.Job{{Name: fmt.Sprint("test-", i), Status: "success", Stop: stop(1)}}, w.Jobs...)
		}
		pipelines = append(pipelines, fakecircleci.Pipeline{Number: n, App: n%2 == 0, Workflows: []fakecircleci.Workflow{w}})
	}
	s, c := serve(t, pipelines...)
	s.PageSize = 4
	got, _, err := c.LastSuccess(t.Context(), deployOnMain)
	if err != nil {
		t.Fatal(err)
	}
	if got.Commit != sha(7) || got.Job != "deploy" || got.URL != "https://app.circleci.com/pipelines/github/acme/orders/7/workflows/b0000000-0000-4000-8000-000007000000" {
		t.Errorf("got %+v", got)
	}
}

func TestNotKnown(t *testing.T) {
	_, c := serve(t, fakecircleci.Pipeline{Number: 1, Workflows: []fakecircleci.Workflow{deploys("failed", 1)}})
	_, _, err := c.LastSuccess(t.Context(), deployOnMain)
	if !errors.Is(err, ErrNotKnown) || !strings.Contains(err.Error(), "no successful run of job deploy on main in the last 1 pipelines of gh/acme/orders") {
		t.Errorf("got %v", err)
	}
	q := deployOnMain
	q.Job = "depoly"
	if _, _, err = c.LastSuccess(t.Context(), q); !errors.Is(err, ErrNotKnown) || !strings.HasSuffix(err.Error(), "; the jobs there are build, deploy") {
		t.Errorf("a name that is not there: %v", err)
	}
}

func TestLive(t *testing.T) {
	type d = fakecircleci.Deploy
	for _, test := range []struct {
		name    string
		deploys []d
		query   DeployQuery
		want    Deployment
		err     string
	}{
		{"the only ones", []d{deployed("orders", "production", "v2", "default", true, 2), deployed("orders", "production", "v1", "default", false, 1)},
			DeployQuery{}, Deployment{Version: "v2", Commit: sha(2), Pipeline: 2, Component: "orders", Environment: "production", At: "2026-11-01T12:00:00Z"}, ""},
		{"named", []d{deployed("orders", "staging", "v2", "default", true, 2), deployed("billing", "production", "v9", "default", true, 2), deployed("orders", "production", "v1", "default", true, 1)},
			DeployQuery{Component: "orders", Environment: "production"}, Deployment{Version: "v1", Commit: sha(1), Pipeline: 1, Component: "orders", Environment: "production", At: "2026-11-01T12:00:00Z"}, ""},
		{"not named", []d{deployed("orders", "staging", "v2", "default", true, 2), deployed("orders", "production", "v1", "default", true, 1)},
			DeployQuery{}, Deployment{}, "there are several deploy environments, staging, production: choose one with --deploy-environment"},
		{"misspelt", []d{deployed("orders", "staging", "v2", "default", true, 2)}, DeployQuery{Environment: "prod"}, Deployment{}, `there is no deploy environment "prod"; there are staging`},
		{"nothing is live", []d{deployed("orders", "production", "v2", "default", false, 2)}, DeployQuery{}, Deployment{}, "not known to CircleCI: no version of orders is live in production by the deploy markers"},
		{"no markers", nil, DeployQuery{}, Deployment{}, "not known to CircleCI: there is no deploy component yet; a job makes them with `circleci run release plan`"},
		{"two are live", []d{deployed("orders", "production", "v2", "eu", true, 2), deployed("orders", "production", "v1", "us", true, 1)}, DeployQuery{}, Deployment{},
			"two versions of orders are live in production, v2 (namespace eu) and v1 (namespace us): name the older one's commit with --base"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t, fakecircleci.Pipeline{Number: 2}, fakecircleci.Pipeline{Number: 1, App: true})
			s.Deploys = test.deploys
			for _, ids := range []bool{false, true} { // as a job's environment names them, or found by the slug
				q := test.query
				q.Project = "gh/acme/orders"
				if ids {
					q.ProjectID, q.OrganizationID = fakecircleci.Project, fakecircleci.Organization
				}
				got, err := c.Live(t.Context(), q)
				if fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
					t.Errorf("error %v, want %s", err, test.err)
				}
				if got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			}
		})
	}
}

// TestFaults has the server fail in the ways that servers fail. What passes by itself is tried again; what does not is a
// sentence that says what to do.
func TestFaults(t *testing.T) {
	status := func(code int, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			fmt.Fprint(w, `{"message": "said"}`)
		}
	}
	half := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"items": [{"id"`)
	}
	for _, test := range []struct {
		name  string
		fault func(http.ResponseWriter)
		calls int // that fail before the error is given
		want  string
	}{
		{"401", status(401), 1, "CircleCI does not accept the token in CIRCLE_TOKEN (401, \"said\"): it takes a personal API token (User Settings > Personal API Tokens); a project token does not work with API v2"},
		{"403", status(403), 1, "the owner of the token in CIRCLE_TOKEN may not read the pipelines of gh/acme/orders on main (403, \"said\"): let one who can see the project make the token"},
		{"404", status(404), 1, "CircleCI does not know the pipelines of gh/acme/orders on main, or the owner of the token in CIRCLE_TOKEN may not see it (404, \"said\"): look at --circleci-project; the slug is in Project Settings > Overview, gh/OWNER/NAME or circleci/ORGANIZATION-ID/PROJECT-ID"},
		{"429", status(429), 4, "CircleCI limits the rate of calls, asked about the pipelines of gh/acme/orders on main (429, \"said\"), after 4 tries"},
		{"429 for a moment", status(429, "Retry-After", "2"), 4, "CircleCI limits the rate of calls, asked about the pipelines of gh/acme/orders on main (429, \"said\"), after 4 tries"},
		{"429 for long", status(429, "Retry-After", "600"), 1, "CircleCI limits the rate of calls, asked about the pipelines of gh/acme/orders on main (429, \"said\"); it asks to wait 10m0s: run the job again then"},
		{"500", status(500), 4, "CircleCI failed to answer about the pipelines of gh/acme/orders on main (500, \"said\"): https://status.circleci.com may say why, after 4 tries"},
		{"a redirect", status(302, "Location", "https://elsewhere.example/"), 1, "sends calls about the pipelines of gh/acme/orders on main elsewhere (302, \"said\"): set --circleci-url to the address of the API itself"},
		{"400", status(400), 1, "CircleCI refused to answer about the pipelines of gh/acme/orders on main (400, \"said\")"},
		{"half a body", half, 4, "CircleCI's answer about the pipelines of gh/acme/orders on main broke off: unexpected EOF, after 4 tries"},
		{"half a document", func(w http.ResponseWriter) { fmt.Fprint(w, `{"items": [`) }, 4, "is not the JSON that its API describes: unexpected EOF, after 4 tries"},
		{"nothing", func(http.ResponseWriter) {}, 4, "is not the JSON that its API describes: EOF, after 4 tries"},
		{"a web page", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>log in</html>") }, 1, "answered about the pipelines of gh/acme/orders on main with a web page instead of JSON: is a proxy in between, or --circleci-url wrong?"},
		{"other JSON", func(w http.ResponseWriter) { fmt.Fprint(w, `{"items": 5}`) }, 1, "is not the JSON that its API describes: json: cannot unmarshal number"},
		{"without end", func(w http.ResponseWriter) {
			for range 5 {
				fmt.Fprint(w, strings.Repeat(" ", 1<<20))
			}
		}, 1, "is longer than 4 MiB"},
		{"a circle", func(w http.ResponseWriter) { fmt.Fprint(w, `{"items": [], "next_page_token": "x"}`) }, 2, "has no end: a page names itself as the next"},
		{"a broken connection", func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, 4, "cannot be reached about the pipelines of gh/acme/orders on main: EOF, after 4 tries"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, c := serve(t, fakecircleci.Pipeline{Number: 1, Workflows: []fakecircleci.Workflow{deploys("success", 1)}})
			s.Fault = func(w http.ResponseWriter, _ *http.Request, call int) bool {
				if call > test.calls && call != test.calls+1 && call != test.calls+3 {
					return false
				}
				test.fault(w)
				return true
			}
			_, _, err := c.LastSuccess(t.Context(), deployOnMain)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if errors.Is(err, ErrNotKnown) {
				t.Error("a failure is taken for an answer")
			}
			if n := len(s.Calls()); n != test.calls {
				t.Errorf("%d calls, want %d", n, test.calls)
			}
			// Once is no failure when the call may be made again: of the later ones the first and the third fail.
			if test.calls == 4 {
				if got, _, err := c.LastSuccess(t.Context(), deployOnMain); err != nil || got.Commit != sha(1) {
					t.Errorf("after single failures: %+v, %v", got, err)
				}
			}
		})
	}
}

func TestTimeLimits(t *testing.T) {
	s, c := serve(t)
	release := make(chan bool)
	t.Cleanup(func() { close(release) })
	s.Fault = func(http.ResponseWriter, *http.Request, int) bool { <-release; return true }
	c.http.Timeout = 20 * time.Millisecond
	_, _, err := c.LastSuccess(t.Context(), deployOnMain)
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") || !strings.HasSuffix(err.Error(), "after 4 tries") {
		t.Errorf("one call: %v", err)
	}
	c.http.Timeout = time.Minute
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("90s are over"))
	defer cancel()
	_, _, err = c.LastSuccess(ctx, deployOnMain)
	if err == nil || !strings.HasSuffix(err.Error(), "in time: 90s are over") {
		t.Errorf("all calls: %v", err)
	}
}

func TestWaits(t *testing.T) {
	s, c := serve(t)
	s.Fault = func(w http.ResponseWriter, _ *http.Request, call int) bool {
		switch call {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		case 2, 3:
			w.WriteHeader(503)
		}
		return call < 4
	}
	var waits []time.Duration
	c.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	_, err := c.project(t.Context(), "gh/acme/orders")
	if err != nil || len(waits) != 3 || waits[0] != 7*time.Second || waits[1] < 750*time.Millisecond || waits[2] <= waits[1] || waits[2] > 3*time.Second {
		t.Errorf("waited %v, %v", waits, err)
	}
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, "-1": 0, "soon": 0, "99999999999999999999": 0, "Tue, 01 Dec 2026 12:00:30 GMT": 30 * time.Second, "Tue, 01 Dec 2026 11:00:00 GMT": 0} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
}

func TestNew(t *testing.T) {
	for _, test := range []struct{ address, token, want string }{
		{"", "CCIPAT_x", ""},
		{"https://ci.example.com/api/v2/", "x", ""},
		{"http://127.0.0.1:80/api/v2", "x", ""},
		{"http://ci.example.com/api/v2", "x", "expected one like https://circleci.com/api/v2, since a token is sent there"},
		{"ci.example.com", "x", "expected one like"},
		{"", "", "there is no token for CircleCI in CIRCLE_TOKEN"},
		{"", "x\n", "holds a blank"},
	} {
		_, err := New(test.address, test.token, "CIRCLE_TOKEN")
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("New(%q, %q): %v, want %s", test.address, test.token, err, test.want)
		}
	}
	_, c := serve(t)
	for _, slug := range []string{"orders", "gh/acme", "gh/../x", "gh/a/b/c", ""} {
		q := deployOnMain
		q.Project = slug
		if _, _, err := c.LastSuccess(t.Context(), q); err == nil || !strings.Contains(err.Error(), "expected gh/OWNER/NAME") {
			t.Errorf("slug %q: %v", slug, err)
		}
	}
}
