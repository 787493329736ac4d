package fakegithub_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// hook is a webhook's receiver that keeps what it gets.
type hook struct {
	*httptest.Server
	secret string

	mu     sync.Mutex
	status int      // of its answers
	got    []string // "event action guid"
	body   [][]byte
}

func newHook(t *testing.T, secret string) *hook {
	h := &hook{secret: secret, status: 202}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mac := hmac.New(sha256.New, []byte(h.secret))
		mac.Write(body)
		if r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			t.Errorf("a delivery is not signed: %v", r.Header)
		}
		if !strings.HasPrefix(r.UserAgent(), "GitHub-Hookshot/") {
			t.Errorf("User-Agent is %q", r.UserAgent())
		}
		var head struct{ Action string }
		if err := json.Unmarshal(body, &head); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, r.Header.Get("X-GitHub-Event")+" "+head.Action)
		h.body = append(h.body, body)
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.Close)
	return h
}

// answer sets the status of its answers from now on.
func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hook) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got, h.body = nil, nil
	return got
}

func (h *hook) last(t *testing.T, v any) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := json.Unmarshal(h.body[len(h.body)-1], v); err != nil {
		t.Fatal(err)
	}
}

// clients are go-github's of the App and of an installation.
func clients(t *testing.T, s *fakegithub.Server, installation int64) (app, inst *github.Client) {
	t.Helper()
	id, _, key, _ := s.App()
	atr, err := ghinstallation.NewAppsTransport(http.DefaultTransport, id, key)
	if err != nil {
		t.Fatal(err)
	}
	atr.BaseURL = strings.TrimSuffix(s.APIURL(), "/")
	itr := ghinstallation.NewFromAppsTransport(atr, installation)
	client := func(tr http.RoundTripper) *github.Client {
		c, err := github.NewClient(&http.Client{Transport: tr}).WithEnterpriseURLs(s.APIURL(), s.APIURL())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return client(atr), client(itr)
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return string(out)
}

// TestCheckOfAPullRequest goes the App's whole way with the libraries that it uses.
func TestCheckOfAPullRequest(t *testing.T) {
	ctx := context.Background()
	s := fakegithub.New(t)
	_, _, _, secret := s.App()
	h := newHook(t, secret)
	s.WebhookTo(h.URL)

	repo := s.Repo("acme", "orders", map[string]string{"README.md": "Orders\n", "db/1.sql": "CREATE TABLE a (b int);\n"})
	installation := s.Install("acme", repo)
	app, client := clients(t, s, installation)

	repo.Commit("drop", map[string]string{"db/2.sql": "ALTER TABLE a DROP COLUMN b;\n"})
	pull := repo.OpenPull("drop", "main", "Drop b")
	if got := h.take(); strings.Join(got, ", ") != "installation created, pull_request opened" {
		t.Fatalf("deliveries: %q", got)
	}

	a, _, err := app.Apps.Get(ctx, "")
	if err != nil || a.GetSlug() != "pmcheck" {
		t.Fatalf("the App is %v, %v", a, err)
	}
	pr, resp, err := client.PullRequests.Get(ctx, "acme", "orders", pull.Number)
	if err != nil || pr.GetHead().GetSHA() != pull.Head() || pr.GetBase().GetSHA() != repo.Head("main") || pr.GetMergeCommitSHA() != pull.Merge() {
		t.Fatalf("the pull request is %v, %v", pr, err)
	}
	if resp.Rate.Limit == 0 || resp.Rate.Remaining == 0 {
		t.Errorf("no rate limit in %v", resp.Header)
	}

	run, _, err := client.Checks.CreateCheckRun(ctx, "acme", "orders", github.CreateCheckRunOptions{
		Name: "pmcheck", HeadSHA: pull.Head(), Status: github.String("in_progress"), ExternalID: github.String("key"),
	})
	if err != nil || len(run.PullRequests) != 1 || run.GetApp().GetID() != a.GetID() {
		t.Fatalf("the check run is %v, %v", run, err)
	}
	note := func(n int) (all []*github.CheckRunAnnotation) {
		for range n {
			all = append(all, &github.CheckRunAnnotation{
				Path: github.String("db/2.sql"), StartLine: github.Int(1), EndLine: github.Int(1), AnnotationLevel: github.String("failure"), Message: github.String("gone"),
			})
		}
		return all
	}
	for _, n := range []int{50, 3} {
		_, _, err = client.Checks.UpdateCheckRun(ctx, "acme", "orders", run.GetID(), github.UpdateCheckRunOptions{
			Name: "pmcheck", Conclusion: github.String("failure"),
			Output: &github.CheckRunOutput{Title: github.String("It breaks"), Summary: github.String("Really"), Annotations: note(n)},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	runs, _, err := client.Checks.ListCheckRunsForRef(ctx, "acme", "orders", pull.Head(), &github.ListCheckRunsOptions{CheckName: github.String("pmcheck"), AppID: a.ID})
	if err != nil || runs.GetTotal() != 1 || runs.CheckRuns[0].GetConclusion() != "failure" || runs.CheckRuns[0].GetOutput().GetAnnotationsCount() != 53 {
		t.Fatalf("the check runs are %v, %v", runs, err)
	}
	annotations, _, err := client.Checks.ListCheckRunAnnotations(ctx, "acme", "orders", run.GetID(), &github.ListOptions{PerPage: 100})
	if err != nil || len(annotations) != 53 {
		t.Fatalf("%d annotations, %v", len(annotations), err)
	}
	seen := repo.CheckRuns(pull.Head())
	if len(seen) != 1 || strings.Join(seen[0].History, ", ") != "in_progress, completed: failure" || seen[0].Title != "It breaks" || seen[0].ExternalID != "key" {
		t.Errorf("the check runs are %+v", seen)
	}

	// The code, by git.
	token := s.Token(installation)
	url := strings.Replace(repo.CloneURL(), "http://", "http://x-access-token:"+token+"@", 1)
	dir := t.TempDir()
	git(t, dir, "init", "-q", "--bare")
	git(t, dir, "-c", "protocol.version=2", "fetch", "-q", "--depth=1", url, pull.Head(), repo.Head("main"))
	if got := git(t, dir, "ls-tree", "-r", "--name-only", pull.Head()); got != "README.md\ndb/1.sql\ndb/2.sql\n" {
		t.Errorf("the head has %q", got)
	}
	git(t, dir, "fetch", "-q", url, "refs/pull/1/merge:refs/merge", "refs/pull/1/head:refs/head")
	if got := git(t, dir, "rev-parse", "refs/merge", "refs/head", "refs/merge^1", "refs/merge^2"); got != strings.Join([]string{pull.Merge(), pull.Head(), pull.Base(), pull.Head()}, "\n")+"\n" {
		t.Errorf("the refs are %q", got)
	}

	// A push, and what follows.
	sha := pull.Push(map[string]string{"db/2.sql": "", "db/3.sql": "SELECT 1;\n"})
	var event github.PullRequestEvent
	h.last(t, &event)
	if event.GetAction() != "synchronize" || event.GetAfter() != sha || event.GetPullRequest().GetHead().GetSHA() != sha || event.GetInstallation().GetID() != installation {
		t.Errorf("the event is %v", event)
	}
	repo.Rerequest(run.GetID())
	repo.RequestAction(run.GetID(), "again")
	pull.Comment("jo", "/pmcheck override x because y")
	group := repo.MergeGroup("main", pull)
	group.Destroy("merged")
	pull.Close(true)
	if got := strings.Join(h.take(), ", "); got != "pull_request synchronize, check_run rerequested, check_run requested_action, issue_comment created, merge_group checks_requested, merge_group destroyed, pull_request closed" {
		t.Errorf("deliveries: %s", got)
	}
	if repo.Head("main") != pull.Merge() {
		t.Error("the merge did not move main")
	}
}
