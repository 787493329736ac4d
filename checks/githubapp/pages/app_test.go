package pages_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/pages"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// On the App's own store, and a GitHub that refuses what GitHub refuses: from the first
// page over the login to a verdict, and what a person may no longer read.
func TestOnTheStoreAndGitHub(t *testing.T) {
	ctx := t.Context()
	hub := fakegithub.New(t)
	orders, vault := hub.Repo("acme", "orders", map[string]string{"a": "a\n"}), hub.Repo("acme", "vault", map[string]string{"a": "a\n"})
	hub.Install("acme", orders, vault)
	orders.SetPermission("mia", "read")
	hub.Login("mia")

	kept, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "pmcheck.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	judged := make(chan struct{}, 2)
	working, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		ended <- kept.Run(working, store.Handler{
			Announce: func(context.Context, job.Work) (int64, error) { return 1, nil },
			Judge: func(_ context.Context, w job.Work) (job.Verdict, error) {
				defer func() { judged <- struct{}{} }()
				return job.Verdict{Subject: w.Subject, Revision: w.Revision, Conclusion: "failure", Title: "The running release breaks", HTML: []byte("<!DOCTYPE html><p>report on " + w.Subject.Repository.Name),
					JSON:        []byte(`{"findings": [{"action_items": [{"postmortem": "PM-1", "id": "AI-1"}]}]}`),
					Postmortems: []byte(`[{"id": "PM-1", "title": "Outage of ` + w.Subject.Repository.Name + `", "action_items": [{"id": "AI-1", "action": "Check migrations", "enforced_by": ["old-code-breaks"]}]}]`)}, nil
			},
			GiveUp:    func(context.Context, job.Work, error) (job.Verdict, error) { return job.Verdict{}, nil },
			Cancelled: func(context.Context, job.Work) error { return nil },
		})
	}()
	var wants []job.Want
	var repositories []job.Repository
	for _, r := range []*fakegithub.Repo{orders, vault} {
		repository := job.Repository{ID: r.ID(), Owner: r.Owner(), Name: r.Name(), DefaultBranch: "main", Private: true}
		repositories = append(repositories, repository)
		wants = append(wants, job.Want{Subject: job.Subject{Installation: 1, Repository: repository, Number: 1}, Reason: "test",
			Revision: job.Revision{Head: strings.Repeat("ab", 20), Base: strings.Repeat("cd", 20), BaseRef: "main", Title: "Drop a column of " + r.Name(), Updated: time.Now()}})
	}
	if err := kept.SetInstallation(ctx, store.Installation{ID: 1, Account: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := kept.SetRepositories(ctx, 1, repositories); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Accept(ctx, job.Delivery{ID: "1", Event: "pull_request", Installation: 1, Received: time.Now()}, wants); err != nil {
		t.Fatal(err)
	}
	<-judged
	<-judged
	stop()
	if err := <-ended; err != nil { // with it, both verdicts are kept
		t.Fatal(err)
	}

	var later atomic.Int64
	site := httptest.NewUnstartedServer(nil)
	public := "http://" + site.Listener.Addr().String()
	info := hub.AppInfo()
	site.Config.Handler, err = pages.New(pages.Options{
		PublicURL: public, API: strings.TrimSuffix(hub.APIURL(), "/"), Store: kept.Pages(), Sessions: kept.Sessions(), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
		OAuth: oauth2.Config{ClientID: info.ClientID, ClientSecret: info.ClientSecret, Endpoint: oauth2.Endpoint{
			AuthURL: hub.URL + "/login/oauth/authorize", TokenURL: hub.URL + "/login/oauth/access_token"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	site.Start()
	t.Cleanup(site.Close)
	hub.SetCallback(public + pages.Callback)

	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar} // it follows redirects
	read := func(answer *http.Response, err error) (int, string, string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, answer.Request.URL.Path, string(body)
	}
	get := func(path string, status int, want ...string) {
		t.Helper()
		got, at, body := read(browser.Get(public + path))
		if got != status || strings.Contains(body, "vault") {
			t.Errorf("%s: status %d, want %d, at %s: %s", path, got, status, at, body)
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s does not say %q: %s", path, w, body)
			}
		}
	}
	get("/r/acme/orders/1", 200, "Sign in with GitHub")
	if status, at, body := read(browser.PostForm(public+"/login", url.Values{"next": {"/r/acme/orders/1"}})); status != 200 || at != "/r/acme/orders/1" || !strings.Contains(body, "Drop a column of orders") {
		t.Fatalf("the login ends at %s with %d: %s", at, status, body)
	}
	get("/", 200, "acme/orders", "The running release breaks", "mia")
	get("/r/acme/orders/1/report?head="+strings.Repeat("ab", 20), 200, "report on orders")
	get("/postmortems", 200, "Outage of orders", "old-code-breaks", "<strong>1 pull request</strong>")
	get("/r/acme/vault/1", 404)

	orders.SetPermission("mia", "none")
	get("/r/acme/orders/1", 200) // for five minutes
	later.Add(int64(6 * time.Minute))
	get("/r/acme/orders/1", 404)
	get("/", 200, "Nothing to show yet")
	orders.SetPermission("mia", "read")
	hub.Down()
	later.Add(int64(6 * time.Minute))
	get("/", 503, "GitHub does not answer")
	hub.Up()
	get("/", 200, "acme/orders")
	hub.Advance(9 * time.Hour) // the user's token is too old
	later.Add(int64(6 * time.Minute))
	get("/", 401, "Sign in with GitHub")
	get("/", 200, "Sign in with GitHub")
}
