package circleci

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestFindJob(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	base := strings.Repeat("a", 40)
	for _, test := range []struct {
		name string
		env  map[string]string
		want *Job
	}{
		{"not in CircleCI", map[string]string{"CIRCLE_BRANCH": "x"}, nil},
		{"a branch with a pull request", map[string]string{"CIRCLE_BRANCH": "drop", "CIRCLE_PULL_REQUEST": "https://github.com/acme/orders.api/pull/12", "CIRCLE_WORKING_DIRECTORY": "~/project"},
			&Job{Branch: "drop", PullRequest: 12, Repository: "acme/orders.api", Host: "github.com", Directory: filepath.Join(home, "project")}},
		{"without one", map[string]string{"CIRCLE_BRANCH": "drop", "CIRCLE_PULL_REQUEST": ""}, &Job{Branch: "drop"}},
		{"of Bitbucket", map[string]string{"CIRCLE_BRANCH": "drop", "CIRCLE_PULL_REQUEST": "https://bitbucket.org/acme/orders/pull-requests/12"}, &Job{Branch: "drop"}},
		{"a tag", map[string]string{"CIRCLE_TAG": "v1"}, &Job{Tag: "v1"}},
		{"a merge queue", map[string]string{"CIRCLE_BRANCH": "gh-readonly-queue/release/2/pr-12-" + base}, &Job{Branch: "gh-readonly-queue/release/2/pr-12-" + base, PullRequest: 12, QueueBase: base}},
		{"a branch that looks like it", map[string]string{"CIRCLE_BRANCH": "gh-readonly-queue/main/pr-12-HEAD"}, &Job{Branch: "gh-readonly-queue/main/pr-12-HEAD"}},
	} {
		if test.want != nil {
			test.env["CIRCLECI"] = "true"
		}
		if got := FindJob(func(name string) string { return test.env[name] }); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestAskGitHub(t *testing.T) {
	answer := func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"number": 12, "title": "Drop it", "labels": [{"id": 1, "name": "db"}], "base": {"label": "acme:release/2", "ref": "release/2", "sha": "x"}}`)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/repos/acme/orders/pulls/12" || r.Header.Get("Authorization") != "Bearer t" {
			w.WriteHeader(404)
			return
		}
		answer(w)
	}))
	defer server.Close()
	j := &Job{PullRequest: 12, Repository: "acme/orders", Host: "github.com"}
	got, err := j.AskGitHub(t.Context(), "t", server.URL+"/")
	if want := (PullRequest{Base: "release/2", Title: "Drop it", Labels: []string{"db"}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := j.AskGitHub(t.Context(), "wrong", server.URL); err == nil || err.Error() != "GitHub answered 404 about pull request #12 of acme/orders" {
		t.Errorf("a wrong token: %v", err)
	}
	for _, body := range []string{"", "<html>", `{"base": {}}`, `[]`} {
		answer = func(w http.ResponseWriter) { fmt.Fprint(w, body) }
		if _, err := j.AskGitHub(t.Context(), "t", server.URL); err == nil || !strings.Contains(err.Error(), "was not understood") {
			t.Errorf("%q: %v", body, err)
		}
	}
	if _, err := j.AskGitHub(t.Context(), "t", "http://example.com"); err == nil || !strings.Contains(err.Error(), "https alone") {
		t.Errorf("a token in the clear: %v", err)
	}
	j.Host = "git.example.com"
	if _, err := j.AskGitHub(t.Context(), "t", ""); err == nil {
		t.Error("another host's pull request is asked for at github.com")
	}
}
