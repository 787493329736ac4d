package fakegithub_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestRefusals are the bodies of check runs that GitHub refuses.
func TestRefusals(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	sha := repo.Head("main")

	annotation := func(change map[string]any) map[string]any {
		a := map[string]any{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
		for k, v := range change {
			if v == "absent" {
				delete(a, k)
			} else {
				a[k] = v
			}
		}
		return a
	}
	annotations := func(n int, change map[string]any) []any {
		return slices.Repeat([]any{annotation(change)}, n)
	}
	output := func(change map[string]any) map[string]any {
		o := map[string]any{"title": "t", "summary": "s"}
		for k, v := range change {
			if v == "absent" {
				delete(o, k)
			} else {
				o[k] = v
			}
		}
		return map[string]any{"output": o}
	}
	action := func(label, description, identifier string) map[string]any {
		return map[string]any{"label": label, "description": description, "identifier": identifier}
	}
	long := strings.Repeat("é", 65535)
	for _, c := range []struct {
		name   string
		change map[string]any
		want   string // "" = accepted
	}{
		{"plain", nil, ""},
		{"no name", map[string]any{"name": "absent"}, `"name" wasn't supplied.`},
		{"no head", map[string]any{"head_sha": "absent"}, `"head_sha" wasn't supplied.`},
		{"unknown field", map[string]any{"summary": "x"}, `"summary" is not a permitted key.`},
		{"null status", map[string]any{"status": nil}, `For 'properties/status', nil is not a string.`},
		{"status of Actions", map[string]any{"status": "waiting"}, `For 'properties/status', "waiting" is not a member of ["queued", "in_progress", "completed"].`},
		{"stale", map[string]any{"conclusion": "stale"}, `For 'properties/conclusion', "stale" is not a member of ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"].`},
		{"completed without conclusion", map[string]any{"status": "completed"}, `"conclusion" wasn't supplied.`},
		{"conclusion alone", map[string]any{"conclusion": "success"}, ""},
		{"conclusion of what is not completed", map[string]any{"status": "queued", "conclusion": "success"}, `For 'properties/status', "queued" is not a member of ["completed"].`},
		{"details without scheme", map[string]any{"details_url": "pmcheck.example.com/1"}, "Validation Failed"},
		{"no such commit", map[string]any{"head_sha": strings.Repeat("0", 40)}, "No commit found for SHA: " + strings.Repeat("0", 40)},
		{"a branch as head", map[string]any{"head_sha": "main"}, `For 'properties/head_sha', "main" is not of the form ^[0-9a-f]{40}$.`},
		{"time without zone", map[string]any{"started_at": "2026-01-01 00:00"}, `For 'properties/started_at', "2026-01-01 00:00" is not a valid date-time.`},
		{"output", output(nil), ""},
		{"no title", output(map[string]any{"title": "absent"}), `For 'properties/output', "title" wasn't supplied.`},
		{"no summary", output(map[string]any{"summary": "absent"}), `For 'properties/output', "summary" wasn't supplied.`},
		{"longest summary", output(map[string]any{"summary": long, "text": long}), ""},
		{"long summary", output(map[string]any{"summary": long + "x"}), "Only 65535 characters are allowed; 65536 were supplied."},
		{"long text", output(map[string]any{"text": long + "xy"}), "Only 65535 characters are allowed; 65537 were supplied."},
		{"50 annotations", output(map[string]any{"annotations": annotations(50, nil)}), ""},
		{"51 annotations", output(map[string]any{"annotations": annotations(51, nil)}), "No more than 50 items are allowed; 51 were supplied."},
		{"columns", output(map[string]any{"annotations": annotations(1, map[string]any{"start_column": 1, "end_column": 2})}), ""},
		{"columns of lines", output(map[string]any{"annotations": annotations(1, map[string]any{"end_line": 2, "start_column": 1})}),
			"For 'properties/output/properties/annotations/0', start_column and end_column can't be given when start_line and end_line differ."},
		{"line 0", output(map[string]any{"annotations": annotations(1, map[string]any{"start_line": 0})}), "For 'properties/output/properties/annotations/0', start_line 0 and end_line 1 are no lines."},
		{"level", output(map[string]any{"annotations": annotations(1, map[string]any{"annotation_level": "error"})}),
			`For 'properties/output/properties/annotations/0/properties/annotation_level', "error" is not a member of ["notice", "warning", "failure"].`},
		{"no message", output(map[string]any{"annotations": annotations(1, map[string]any{"message": "absent"})}), `For 'properties/output/properties/annotations/0', "message" wasn't supplied.`},
		{"64 KB message", output(map[string]any{"annotations": annotations(1, map[string]any{"message": strings.Repeat("x", 64<<10)})}), ""},
		{"long message", output(map[string]any{"annotations": annotations(1, map[string]any{"message": strings.Repeat("x", 64<<10+1)})}),
			"For 'properties/output/properties/annotations/0/properties/message', only 65536 bytes are allowed; 65537 were supplied."},
		{"long details", output(map[string]any{"annotations": annotations(1, map[string]any{"raw_details": strings.Repeat("x", 64<<10+1)})}),
			"For 'properties/output/properties/annotations/0/properties/raw_details', only 65536 bytes are allowed; 65537 were supplied."},
		{"annotation's long title", output(map[string]any{"annotations": annotations(1, map[string]any{"title": strings.Repeat("x", 256)})}), "Only 255 characters are allowed; 256 were supplied."},
		{"text as a line", output(map[string]any{"annotations": annotations(1, map[string]any{"start_line": "1"})}),
			`For 'properties/output/properties/annotations/0/properties/start_line', "1" is not an integer.`},
		{"three buttons", map[string]any{"actions": slices.Repeat([]any{action(strings.Repeat("l", 20), strings.Repeat("d", 40), strings.Repeat("i", 20))}, 3)}, ""},
		{"four buttons", map[string]any{"actions": slices.Repeat([]any{action("l", "d", "i")}, 4)}, "No more than 3 items are allowed; 4 were supplied."},
		{"long label", map[string]any{"actions": []any{action(strings.Repeat("l", 21), "d", "i")}}, "Only 20 characters are allowed; 21 were supplied."},
		{"long description", map[string]any{"actions": []any{action("l", strings.Repeat("d", 41), "i")}}, "Only 40 characters are allowed; 41 were supplied."},
		{"long identifier", map[string]any{"actions": []any{action("l", "d", strings.Repeat("i", 21))}}, "Only 20 characters are allowed; 21 were supplied."},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := map[string]any{"name": "pmcheck", "head_sha": sha}
			maps.Copy(body, c.change)
			for k, v := range body {
				if v == "absent" {
					delete(body, k)
				}
			}
			text, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			before := len(repo.CheckRuns(sha))
			got := call(t, s, "POST", "/repos/acme/orders/check-runs", token, string(text))
			made := len(repo.CheckRuns(sha)) - before
			switch {
			case c.want == "":
				if got.status != 201 || made != 1 {
					t.Errorf("%d %s, %d made", got.status, got.text, made)
				}
			case got.status != 422 || strings.TrimPrefix(got.message(), "Invalid request.\n\n") != c.want || made != 0:
				t.Errorf("%d %q, %d made", got.status, got.message(), made)
			}
		})
	}
	for body, want := range map[string]string{"{": "Problems parsing JSON", "[]": "Body should be a JSON object", "{} {}": "Problems parsing JSON"} {
		if got := call(t, s, "POST", "/repos/acme/orders/check-runs", token, body); got.status != 400 || got.message() != want {
			t.Errorf("%s: %d %q", body, got.status, got.message())
		}
	}
}

func TestCheckRuns(t *testing.T) {
	s := fakegithub.New(t)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	sha := repo.Head("main")
	create := func(name, more string) (id int64) {
		t.Helper()
		var run struct{ ID int64 }
		got := call(t, s, "POST", "/repos/acme/orders/check-runs", token, fmt.Sprintf(`{"name":%q,"head_sha":%q%s}`, name, sha, more))
		if got.status != 201 {
			t.Fatalf("%d %s", got.status, got.text)
		}
		got.into(t, &run)
		return run.ID
	}
	first := create("pmcheck", "")
	second := create("pmcheck", `,"conclusion":"success"`)
	other := create("other", `,"status":"in_progress"`)
	list := func(path string) (ids []int64) {
		t.Helper()
		var l struct {
			Total int `json:"total_count"`
			Runs  []struct{ ID int64 }
		}
		var raw struct {
			Runs []struct{ ID int64 } `json:"check_runs"`
		}
		got := call(t, s, "GET", path, token, "")
		got.into(t, &l)
		got.into(t, &raw)
		for _, r := range raw.Runs {
			ids = append(ids, r.ID)
		}
		if l.Total != len(ids) {
			t.Errorf("%s: %d of %d", path, len(ids), l.Total)
		}
		return ids
	}
	for _, c := range []struct {
		path string
		want []int64
	}{
		{"/repos/acme/orders/commits/" + sha + "/check-runs", []int64{other, second}},
		{"/repos/acme/orders/commits/main/check-runs", []int64{other, second}},
		{"/repos/acme/orders/commits/heads/main/check-runs", []int64{other, second}},
		{"/repos/acme/orders/commits/main/check-runs?filter=all", []int64{other, second, first}},
		{"/repos/acme/orders/commits/main/check-runs?check_name=pmcheck", []int64{second}},
		{"/repos/acme/orders/commits/main/check-runs?check_name=pmcheck&filter=all&app_id=1001", []int64{second, first}},
		{"/repos/acme/orders/commits/main/check-runs?app_id=7", nil},
		{"/repos/acme/orders/commits/main/check-runs?status=in_progress", []int64{other}},
	} {
		if got := list(c.path); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.path, got, c.want)
		}
	}
	patch := func(id int64, body string) answer {
		return call(t, s, "PATCH", fmt.Sprintf("/repos/acme/orders/check-runs/%d", id), token, body)
	}
	if got := patch(first, `{"status":"completed"}`); got.status != 422 {
		t.Errorf("completed without a conclusion: %d %s", got.status, got.text)
	}
	if got := patch(second, `{"status":"in_progress"}`); got.status != 200 {
		t.Errorf("open again: %d %s", got.status, got.text)
	}
	if got := patch(7, `{"status":"in_progress"}`); got.status != 404 {
		t.Errorf("no such run: %d", got.status)
	}
	run := repo.CheckRuns(sha)[1]
	if run.Conclusion != "" || !run.CompletedAt.IsZero() || strings.Join(run.History, ", ") != "completed: success, in_progress" || run.Updates != 1 {
		t.Errorf("%+v", run)
	}
	if got := call(t, s, "GET", "/repos/acme/orders/check-runs/"+fmt.Sprint(first), token, ""); got.status != 200 {
		t.Errorf("%d", got.status)
	}
	if got := call(t, s, "PATCH", "/repos/acme/orders/check-suites/preferences", token, `{"auto_trigger_checks":[{"app_id":1001,"setting":false}]}`); got.status != 200 {
		t.Errorf("preferences: %d %s", got.status, got.text)
	}
	var suites struct {
		Suites []struct {
			ID     int64
			Status string
		} `json:"check_suites"`
	}
	call(t, s, "GET", "/repos/acme/orders/commits/main/check-suites", token, "").into(t, &suites)
	if len(suites.Suites) != 1 || suites.Suites[0].Status != "in_progress" {
		t.Fatalf("%+v", suites)
	}
	if got := list(fmt.Sprintf("/repos/acme/orders/check-suites/%d/check-runs", suites.Suites[0].ID)); !slices.Equal(got, []int64{other, second}) {
		t.Errorf("of the suite: %v", got)
	}
}

// TestForkCheckRun: what is checked for a fork's pull request names neither it nor its branch.
func TestForkCheckRun(t *testing.T) {
	s := fakegithub.New(t)
	_, _, _, secret := s.App()
	h := newHook(t, secret)
	s.WebhookTo(h.URL)
	repo := s.Repo("acme", "orders", map[string]string{"a": "a\n"})
	token := s.Token(s.Install("acme", repo))
	fork := repo.Fork("mallory")
	fork.Commit("change", map[string]string{"b": "b\n"})
	pull := repo.OpenPullFromFork(fork, "change", "main", "From afar")
	var event struct {
		PullRequest struct {
			Head struct{ Repo struct{ Fork bool } }
			User struct{ Login string }
		} `json:"pull_request"`
	}
	h.last(t, &event)
	if !event.PullRequest.Head.Repo.Fork || event.PullRequest.User.Login != "mallory" {
		t.Errorf("%+v", event)
	}
	var run struct {
		ID    int64
		Pulls []any `json:"pull_requests"`
	}
	call(t, s, "POST", "/repos/acme/orders/check-runs", token, fmt.Sprintf(`{"name":"x","head_sha":%q}`, pull.Head())).into(t, &run)
	if run.ID == 0 || len(run.Pulls) != 0 {
		t.Errorf("%+v", run)
	}
	h.take()
	repo.RerequestSuite(pull.Head())
	var suite struct {
		Suite struct {
			Branch *string `json:"head_branch"`
			Pulls  []any   `json:"pull_requests"`
		} `json:"check_suite"`
	}
	h.last(t, &suite)
	if suite.Suite.Branch != nil || len(suite.Suite.Pulls) != 0 {
		t.Errorf("%+v", suite)
	}
	var pulls []struct{ Number int }
	call(t, s, "GET", "/repos/acme/orders/commits/"+pull.Head()+"/pulls", token, "").into(t, &pulls)
	if len(pulls) != 1 || pulls[0].Number != pull.Number {
		t.Errorf("the commit's pull requests: %v", pulls)
	}
}
