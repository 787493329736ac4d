package githubapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

func TestPull(t *testing.T) {
	s := &script{answer: always(200, `{"number": 7, "state": "closed", "merged": true, "draft": true, "title": "Drop it", "body": null, "html_url": "https://github.com/acme/orders/pull/7",
		"user": {"login": "ann"}, "updated_at": "2026-11-30T10:00:00Z", "labels": [{"name": "a"}, {"name": "b"}],
		"base": {"sha": "b1", "ref": "main", "repo": {"id": 12, "name": "orders", "owner": {"login": "acme"}, "default_branch": "main", "private": true}},
		"head": {"sha": "h1", "ref": "drop", "repo": null}}`)}
	g, _ := newGitHub(t, s)
	got, err := g.Installation(3).Pull(t.Context(), "acme", "orders", 7)
	if err != nil {
		t.Fatal(err)
	}
	want := Pull{
		Subject: job.Subject{Installation: 3, Number: 7, Repository: job.Repository{ID: 12, Owner: "acme", Name: "orders", DefaultBranch: "main", Private: true}},
		Revision: job.Revision{Head: "h1", Base: "b1", BaseRef: "main", HeadRef: "drop", Title: "Drop it", Author: "ann", Labels: []string{"a", "b"}, Draft: true,
			Fork: true, Updated: time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)},
		State: "closed", Merged: true, URL: "https://github.com/acme/orders/pull/7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if u := s.requests[0].url; u != "https://api.github.com/repos/acme/orders/pulls/7" {
		t.Error(u)
	}
}

// pages answers with three pages, by the page that the request asks for.
func pages(page func(n int) string) func(int, request) (*http.Response, error) {
	return func(_ int, r request) (*http.Response, error) {
		u, _ := url.Parse(r.url)
		q := u.Query()
		n := 1
		fmt.Sscan(q.Get("page"), &n)
		var headers []string
		if n < 3 {
			q.Set("page", fmt.Sprint(n+1))
			headers = append(headers, fmt.Sprintf(`Link: <https://api.github.com%s?%s>; rel="next", <https://api.github.com/x?page=3>; rel="last"`, u.Path, q.Encode()))
		}
		return answer(200, page(n), headers...), nil
	}
}

func TestPaging(t *testing.T) {
	s := &script{answer: pages(func(n int) string {
		return fmt.Sprintf(`[{"number": %d, "base": {"repo": {"id": 1}}, "head": {"repo": {"id": 1}}}]`, n)
	})}
	g, _ := newGitHub(t, s)
	c := g.Installation(1)
	var numbers []int
	collect := func(page []Pull) error {
		for _, p := range page {
			numbers = append(numbers, p.Subject.Number)
		}
		return nil
	}
	if err := c.OpenPulls(t.Context(), "acme", "orders", collect); err != nil || fmt.Sprint(numbers) != "[1 2 3]" {
		t.Errorf("open: %v, %v", numbers, err)
	}
	if u := s.requests[0].url; !strings.Contains(u, "state=open") || !strings.Contains(u, "per_page=100") {
		t.Error(u)
	}
	stop := errors.New("enough")
	if err := c.OpenPulls(t.Context(), "acme", "orders", func([]Pull) error { return stop }); err != stop || s.count() != 4 {
		t.Errorf("stopped: %v; %d requests", err, s.count())
	}

	s.answer = pages(func(n int) string {
		return fmt.Sprintf(`{"repositories": [{"id": %d, "name": "r%[1]d", "owner": {"login": "acme"}}, {"id": 9, "archived": true}, {"id": 10, "disabled": true}]}`, n)
	})
	var names []string
	if err := c.Repositories(t.Context(), func(page []job.Repository) error {
		for _, r := range page {
			names = append(names, r.FullName())
		}
		return nil
	}); err != nil || fmt.Sprint(names) != "[acme/r1 acme/r2 acme/r3]" {
		t.Errorf("repositories: %v, %v", names, err)
	}

	s.answer = pages(func(n int) string {
		return fmt.Sprintf(`[{"id": %d, "account": {"login": "acme"}, "permissions": {"checks": "write"}, "suspended_at": null}]`, n)
	})
	if all, err := g.Installations(t.Context()); err != nil || len(all) != 3 || all[2].ID != 3 || all[0].Permissions["checks"] != "write" || all[0].SuspendedAt != nil {
		t.Errorf("installations: %+v, %v", all, err)
	}
}

func TestPullsOfCommit(t *testing.T) {
	s := &script{answer: always(200, `[{"number": 7, "state": "open", "base": {"repo": {"id": 1}}}, {"number": 8, "state": "closed", "merged_at": "2026-11-30T10:00:00Z", "base": {"repo": {"id": 2}}}]`)}
	g, _ := newGitHub(t, s)
	got, err := g.Installation(1).PullsOfCommit(t.Context(), "acme", "orders", "abc")
	if err != nil || len(got) != 2 || got[1].Subject.Repository.ID != 2 || !got[1].Merged || got[0].Merged {
		t.Errorf("%+v, %v", got, err)
	}
	if u := s.requests[0].url; !strings.Contains(u, "/commits/abc/pulls") {
		t.Error(u)
	}
}

func TestPermission(t *testing.T) {
	for body, want := range map[string]string{
		`{"permission": "write", "role_name": "maintain"}`:                                                                   "maintain",
		`{"permission": "read", "role_name": "triage"}`:                                                                      "triage",
		`{"permission": "admin", "role_name": "admin"}`:                                                                      "admin",
		`{"permission": "none", "role_name": "none"}`:                                                                        "none",
		`{"permission": "write", "role_name": "release-captain", "user": {"permissions": {"push": true, "maintain": true}}}`: "maintain",
		`{"permission": "write", "role_name": "release-captain", "user": {"permissions": {"admin": false, "push": true}}}`:   "write",
		`{"permission": "write"}`:                            "write", // an old Enterprise Server
		`{"permission": "owner-of-everything"}`:              "none",
		`{"permission": "read", "role_name": "Admin"}`:       "read",
		`{"permission": "none", "user": {"login": "admin"}}`: "none",
	} {
		s := &script{answer: always(200, body)}
		g, _ := newGitHub(t, s)
		got, err := g.Installation(1).Permission(t.Context(), "acme", "orders", "dependabot[bot]")
		if got != want || err != nil {
			t.Errorf("%s: %q, %v; want %s", body, got, err, want)
		}
		if u := s.requests[0].url; !strings.HasSuffix(u, "/repos/acme/orders/collaborators/dependabot%5Bbot%5D/permission") {
			t.Error(u)
		}
	}
	g, _ := newGitHub(t, &script{answer: always(404, `{"message": "dan is not a user"}`)})
	if got, err := g.Installation(1).Permission(t.Context(), "acme", "orders", "dan"); got != "none" || err != nil {
		t.Errorf("nobody: %q, %v", got, err)
	}
	g, _ = newGitHub(t, &script{answer: always(403, `{"message": "Resource not accessible by integration"}`)})
	if got, err := g.Installation(1).Permission(t.Context(), "acme", "orders", "ann"); got != "" || err == nil {
		t.Errorf("not known: %q, %v", got, err)
	}
}

func TestBranchProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answer: func(_ int, r request) (*http.Response, error) {
			switch {
			case strings.HasSuffix(r.url, "/branches/release%2F1"):
				return answer(200, `{"name": "release/1", "protected": true}`), nil
			case strings.HasSuffix(r.url, "/branches/renamed"):
				return answer(200, `{"name": "main", "protected": true}`), nil
			case strings.HasSuffix(r.url, "/branches/open"):
				return answer(200, `{"name": "open", "protected": false}`), nil
			case strings.HasSuffix(r.url, "/branches/refused"):
				return answer(403, `{}`), nil
			}
			return answer(404, `{"message": "Branch not found"}`), nil
		}}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		for range 2 {
			for branch, want := range map[string]bool{"release/1": true, "open": false, "gone": false, "renamed": false} {
				if got, err := c.BranchProtected(t.Context(), "acme", "orders", branch); got != want || err != nil {
					t.Errorf("%s: %v, %v", branch, got, err)
				}
			}
		}
		if s.count() != 4 {
			t.Errorf("%d requests, want 4", s.count())
		}
		if _, err := c.BranchProtected(t.Context(), "acme", "orders", "refused"); err == nil {
			t.Error("no error")
		}
		time.Sleep(protectionAge)
		if got, _ := c.BranchProtected(t.Context(), "acme", "orders", "release/1"); !got || s.count() != 6 || len(c.protected) != 1 {
			t.Errorf("five minutes later: %v; %d requests; %d kept", got, s.count(), len(c.protected))
		}
	})
}

func TestReact(t *testing.T) {
	s := &script{answer: inTurn(always(502, ""), always(201, `{"id": 1}`))}
	g, _ := newGitHub(t, s)
	if err := g.Installation(1).React(t.Context(), "acme", "orders", 99, "eyes"); err != nil || s.count() != 2 {
		t.Errorf("%v; %d requests", err, s.count())
	}
	if r := s.requests[1]; !strings.HasSuffix(r.url, "/repos/acme/orders/issues/comments/99/reactions") || !strings.Contains(r.body, `"eyes"`) {
		t.Errorf("%+v", r)
	}
}

func TestNames(t *testing.T) {
	s := &script{answer: always(200, "{}")}
	g, _ := newGitHub(t, s)
	c := g.Installation(1)
	for _, names := range [][2]string{{"..", "orders"}, {"acme", ".."}, {"acme", "a/b"}, {"acme", "a?b"}, {"", "orders"}, {"acme", "a%2fb"}} {
		_, err1 := c.Pull(t.Context(), names[0], names[1], 7)
		_, err2 := c.UpdateCheckRun(t.Context(), names[0], names[1], 5, checkrun.Request{})
		_, err3 := c.Permission(t.Context(), names[0], names[1], "ann")
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("%q: %v, %v, %v", names, err1, err2, err3)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests were sent", s.count())
	}
}

func TestDeliveries(t *testing.T) {
	began := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	s := &script{}
	s.answer = func(n int, r request) (*http.Response, error) {
		u, _ := url.Parse(r.url)
		page := 0
		fmt.Sscan(strings.TrimPrefix(u.Query().Get("cursor"), "v1_"), &page)
		var all []map[string]any
		for i := range 2 {
			at := began.Add(-time.Duration(page*2+i) * time.Hour)
			all = append(all, map[string]any{"id": 9_007_199_254_740_993 - page*2 - i, "guid": fmt.Sprint("g", page*2+i), "delivered_at": at.Format(time.RFC3339Nano), "redelivery": false,
				"duration": 0.2, "status": "OK", "status_code": 202, "event": "pull_request", "action": nil, "installation_id": 3, "repository_id": nil})
		}
		text, _ := json.Marshal(all)
		return answer(200, string(text), fmt.Sprintf(`Link: <https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_%d>; rel="next"`, page+1)), nil
	}
	g, _ := newGitHub(t, s)
	var got []Delivery
	if err := g.Deliveries(t.Context(), began.Add(-4*time.Hour-time.Minute), func(page []Delivery) error { got = append(got, page...); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got[4].GUID != "g4" || s.count() != 3 {
		t.Fatalf("%d requests, %+v", s.count(), got)
	}
	want := Delivery{ID: 9_007_199_254_740_993, GUID: "g0", At: began, Status: "OK", Code: 202, Event: "pull_request", Installation: 3}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	if auth := s.requests[0].auth; !strings.HasPrefix(auth, "Bearer eyJ") {
		t.Errorf("not asked as the App: %.10s", auth)
	}
}

func TestRedeliver(t *testing.T) {
	for status, ok := range map[int]bool{202: true, 404: false, 422: false} {
		s := &script{answer: always(status, "{}")}
		g, _ := newGitHub(t, s)
		if err := g.Redeliver(t.Context(), 42); (err == nil) != ok {
			t.Errorf("%d: %v", status, err)
		}
		if r := s.requests[0]; r.method != "POST" || !strings.HasSuffix(r.url, "/app/hook/deliveries/42/attempts") {
			t.Errorf("%+v", r)
		}
	}
}

func TestApp(t *testing.T) {
	s := &script{answer: always(200, `{"id": 7, "slug": "pmcheck", "permissions": {"checks": "write"}, "events": ["pull_request"], "owner": {"login": "acme"}}`)}
	g, _ := newGitHub(t, s)
	if a, err := g.App(t.Context()); err != nil || a.Slug != "pmcheck" || a.Permissions["checks"] != "write" || a.Owner.Login != "acme" {
		t.Errorf("%+v, %v", a, err)
	}
	s.answer = always(200, `{"content_type": "json", "insecure_ssl": 0, "url": "https://pmcheck.example/webhook", "secret": "********"}`)
	if c, err := g.HookConfig(t.Context()); err != nil || c.URL != "https://pmcheck.example/webhook" || fmt.Sprint(c.InsecureSSL) != "0" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestLostCreate: the answer to a check run's creation is lost. It never makes twins.
func TestLostCreate(t *testing.T) {
	const run = `{"id": 5, "name": "pmcheck", "external_id": "12/pull/7@h", "status": "queued", "conclusion": null}`
	for name, c := range map[string]struct {
		found string
		ok    bool
	}{
		"it was made":               {`{"check_runs": [{"id": 4, "external_id": "12/pull/8@h", "status": "queued"}, ` + run + `]}`, true},
		"it was not made":           {`{"check_runs": []}`, false},
		"another pull request's":    {`{"check_runs": [{"id": 4, "external_id": "12/pull/8@h", "status": "queued"}]}`, false},
		"one of an earlier verdict": {`{"check_runs": [{"id": 4, "external_id": "12/pull/7@h", "status": "completed"}]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: inTurn(always(504, ""), always(200, c.found))}
				g, _ := newGitHub(t, s)
				got, err := g.Installation(1).CreateCheckRun(t.Context(), "acme", "orders",
					checkrun.Request{Name: "pmcheck", HeadSHA: "h", ExternalID: "12/pull/7@h", Status: "queued"})
				var later *job.RetryAfter
				if c.ok != (err == nil) || c.ok && got.ID != 5 || !c.ok && !errors.As(err, &later) {
					t.Errorf("%+v, %v", got, err)
				}
				posts := 0
				for _, r := range s.requests {
					if r.method == "POST" {
						posts++
					}
				}
				if posts != 1 || s.count() != 2 {
					t.Errorf("%d requests, %d of them writes", s.count(), posts)
				}
			})
		})
	}
}

// TestLostUpdate: annotations are added, so an update with some is looked for and not repeated.
func TestLostUpdate(t *testing.T) {
	some := &checkrun.Output{Title: "t", Summary: "s", Annotations: make([]checkrun.Annotation, 10)}
	none := &checkrun.Output{Title: "t", Summary: "s"}
	is := func(status, conclusion string, annotations int) string {
		return fmt.Sprintf(`{"id": 5, "status": %q, "conclusion": %q, "output": {"annotations_count": %d}}`, status, conclusion, annotations)
	}
	for name, c := range map[string]struct {
		output *checkrun.Output
		then   string
		writes int
		ok     bool
	}{
		"done":               {some, is("completed", "failure", 60), 1, true},
		"not done":           {some, is("in_progress", "", 50), 1, false},
		"without any":        {none, is("completed", "failure", 50), 2, true},
		"another conclusion": {some, is("completed", "cancelled", 60), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answer: inTurn(always(502, ""), always(200, c.then))}
				g, _ := newGitHub(t, s)
				run, err := g.Installation(1).UpdateCheckRun(t.Context(), "acme", "orders", 5,
					checkrun.Request{Status: "completed", Conclusion: "failure", Output: c.output, AnnotatedBefore: 50})
				var later *job.RetryAfter
				if c.ok != (err == nil) || c.ok && run.ID != 5 || !c.ok && !errors.As(err, &later) {
					t.Errorf("%+v, %v", run, err)
				}
				writes := 0
				for _, r := range s.requests {
					if r.method == "PATCH" {
						writes++
					}
				}
				if writes != c.writes {
					t.Errorf("%d writes, want %d", writes, c.writes)
				}
			})
		})
	}
}

func TestRefused(t *testing.T) {
	g, _ := newGitHub(t, &script{answer: always(422, `{"message": "Invalid request.", "errors": [{"field": "head_sha", "code": "custom"}, "No commit found"]}`)})
	c := g.Installation(1)
	_, err1 := c.CreateCheckRun(t.Context(), "acme", "orders", checkrun.Request{Name: "n", HeadSHA: "h"})
	_, err2 := c.UpdateCheckRun(t.Context(), "acme", "orders", 5, checkrun.Request{})
	for _, err := range []error{err1, err2} {
		if !errors.Is(err, checkrun.ErrRefused) || !strings.Contains(err.Error(), "No commit found") {
			t.Errorf("error %v", err)
		}
	}
}
