package dora

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// githubDeployment is a deployment as the reference shows it (REST API, "List deployments", "List deployment statuses").
type githubDeployment struct {
	id       int64
	sha      string
	made     string
	env      string
	statuses []string // "state time", the newest first
}

// githubServer answers with pages of two.
func githubServer(t testing.TB, deployments *[]githubDeployment, status *int) GitHub {
	mux := http.NewServeMux()
	paged := func(w http.ResponseWriter, r *http.Request, items []any) {
		if *status != 0 {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(*status)
			fmt.Fprint(w, `{"message": "no"}`)
			return
		}
		page, _ := strconv.Atoi(r.FormValue("page"))
		from := min(2*max(page-1, 0), len(items))
		to := min(from+2, len(items))
		if to < len(items) {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, max(page, 1)+1))
		}
		json.NewEncoder(w).Encode(append([]any{}, items[from:to]...))
	}
	mux.HandleFunc("GET /repos/acme/orders/deployments", func(w http.ResponseWriter, r *http.Request) {
		var items []any
		for _, d := range *deployments {
			if env := r.FormValue("environment"); env == "" || env == d.env {
				items = append(items, map[string]any{"id": d.id, "sha": d.sha, "ref": "main", "task": "deploy", "environment": d.env, "created_at": d.made, "updated_at": d.made,
					"payload": map[string]any{}, "creator": map[string]any{"login": "octocat"}, "production_environment": true})
			}
		}
		paged(w, r, items)
	})
	mux.HandleFunc("GET /repos/acme/orders/deployments/{id}/statuses", func(w http.ResponseWriter, r *http.Request) {
		var items []any
		for _, d := range *deployments {
			if fmt.Sprint(d.id) != r.PathValue("id") {
				continue
			}
			for i, s := range d.statuses {
				state, at, _ := strings.Cut(s, " ")
				items = append(items, map[string]any{"id": i, "state": state, "created_at": at, "updated_at": at, "environment": d.env, "log_url": "https://example.com/log/1", "target_url": ""})
			}
		}
		paged(w, r, items)
	})
	// #8 has three commits, on two pages; there is no #9.
	mux.HandleFunc("GET /repos/acme/orders/pulls/8/commits", func(w http.ResponseWriter, r *http.Request) {
		var items []any
		for _, at := range []string{"2026-11-02T12:00:00Z", "2026-11-02T10:00:00Z", "2026-11-02T14:00:00Z"} {
			items = append(items, map[string]any{"sha": "0", "commit": map[string]any{"message": "x", "author": map[string]any{"date": at}, "committer": map[string]any{"date": "2026-11-03T00:00:00Z"}}})
		}
		paged(w, r, items)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client, err := NewGitHub(server.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	return GitHub{Client: client, Owner: "acme", Name: "orders", Environment: "production"}
}

func TestGitHub(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	base := s.commit("2026-10-30T12:00:00Z", "base")
	a := s.commit("2026-11-02T08:00:00Z", "a")
	b := s.commit("2026-11-03T08:00:00Z", "b")
	deployments := []githubDeployment{
		{17, b, "2026-11-09T01:00:00Z", "production", []string{"success 2026-11-09T01:02:00Z"}}, // after the window
		{16, b, "2026-11-08T12:00:00Z", "production", []string{"waiting 2026-11-08T12:00:00Z"}},
		{15, a, "2026-11-03T09:20:00Z", "production", []string{"success 2026-11-03T09:30:00Z", "in_progress 2026-11-03T09:21:00Z"}}, // back
		{14, b, "2026-11-03T08:30:00Z", "production", []string{"inactive 2026-11-03T09:30:00Z", "success 2026-11-03T09:00:00Z", "in_progress 2026-11-03T08:31:00Z", "queued 2026-11-03T08:30:00Z"}},
		{13, b, "2026-11-03T08:10:00Z", "production", []string{"failure 2026-11-03T08:20:00Z"}},
		{12, b, "2026-11-03T08:05:00Z", "staging", []string{"success 2026-11-03T08:06:00Z"}},
		{11, a, "2026-11-02T08:30:00Z", "production", []string{"inactive 2026-11-03T09:00:00Z", "success 2026-11-02T12:00:00Z"}},
		{10, base, "2026-10-30T12:30:00Z", "production", []string{"success 2026-10-30T13:00:00Z"}},
	}
	status := 0
	source := githubServer(t, &deployments, &status)
	r, err := s.from(source)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(r); got != "deployment 11; deployment 14 failed; deployment 15 rollback rework" || r.NotCounted != (NotCounted{Failed: 1, Underway: 1}) {
		t.Errorf("%s; %+v", got, r.NotCounted)
	}
	// a: from 8:00 to the success at 12:00, 4 h; b: from 8:00 to 9:00, 1 h; the median is 2.5 h. 14 was taken back after 30 minutes.
	wantValues(t, r, map[string]float64{Frequency: 3, LeadTime: 2.5 * hour, FailureRate: 1.0 / 3, Recovery: 1800, ReworkRate: 1.0 / 3})
	if url := r.Deployments[0].URL; url != "https://example.com/log/1" {
		t.Errorf("address %s", url)
	}

	for code, says := range map[int]string{401: "does not accept the token", 403: "needs the permission to read deployments", 404: "needs the permission", 500: "failed to answer", 301: "was not understood"} {
		status = code
		if _, err := s.from(source); err == nil || !strings.Contains(err.Error(), says) && code != 301 {
			t.Errorf("%d: %v", code, err)
		}
	}
	status = 0
	source.Environment = "prod"
	if _, err := s.from(source); err == nil || !strings.Contains(err.Error(), `no deployment of acme/orders to the environment "prod"`) {
		t.Errorf("another name: %v", err)
	}
}

// GitHub knows the first commit of what was squashed.
func TestGitHubPulls(t *testing.T) {
	s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
	s.deployed(1, "p1", s.commit("2026-10-30T12:00:00Z", "base"), "2026-10-30T13:00:00Z")
	s.commit("2026-11-03T09:00:00Z", "Squashed (#8)")
	s.deployed(2, "p2", s.commit("2026-11-03T09:00:00Z", "Not there (#9)"), "2026-11-03T10:00:00Z")
	status := 0
	s.options.Pulls = githubServer(t, nil, &status)
	r := s.measure()
	// #8 from Monday 10:00 to Tuesday 10:00, 24 h; of #9 only the merge is known, 1 h: the median is 12.5 h.
	wantValues(t, r, map[string]float64{LeadTime: 12.5 * hour})
	if m := r.Metrics[1]; m.Basis != "2 changes, 1 of them squashed" || len(r.Gaps) > 0 {
		t.Errorf("%s, %+v", m.Basis, r.Gaps)
	}
	status = 401
	r = s.measure()
	wantValues(t, r, map[string]float64{LeadTime: 1 * hour})
	if len(r.Gaps) != 1 || !strings.Contains(r.Gaps[0].Text, "does not accept the token") {
		t.Errorf("%+v", r.Gaps)
	}
}

// A deployment's time is its first success; one that was only ever made inactive did not succeed.
func TestGitHubRun(t *testing.T) {
	for _, tt := range []struct {
		statuses []string
		outcome  Outcome
		ended    string
	}{
		{nil, Underway, ""},
		{[]string{"success 2026-11-03T09:30:00Z", "success 2026-11-03T09:10:00Z", "failure 2026-11-03T09:05:00Z"}, Succeeded, "2026-11-03T09:10:00Z"},
		{[]string{"inactive 2026-11-03T09:30:00Z", "queued 2026-11-03T09:10:00Z"}, Failed, "2026-11-03T09:30:00Z"},
		{[]string{"error 2026-11-03T09:30:00Z"}, Failed, "2026-11-03T09:30:00Z"},
	} {
		s := newScene(t, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z")
		base := s.commit("2026-10-30T12:00:00Z", "base")
		list := []githubDeployment{{1, base, "2026-11-03T09:00:00Z", "production", tt.statuses}}
		status := 0
		found, err := githubServer(t, &list, &status).Runs(t.Context(), s.options.From, s.options.To)
		if err != nil {
			t.Fatal(err)
		}
		r := found.Runs[0]
		ended := ""
		if !r.Ended.IsZero() {
			ended = r.Ended.UTC().Format(time.RFC3339)
		}
		if r.Outcome != tt.outcome || ended != tt.ended {
			t.Errorf("%q: %+v", tt.statuses, r)
		}
	}
}

func TestGitHubAddress(t *testing.T) {
	for _, address := range []string{"http://github.example.com/api/v3", "github.example.com", "ftp://x", "%"} {
		if _, err := NewGitHub(address, "secret"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "https://github.example.com/api/v3", "http://127.0.0.1:80"} {
		if _, err := NewGitHub(address, "secret"); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
