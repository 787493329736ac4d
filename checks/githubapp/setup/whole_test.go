package setup

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// From nothing: the App is made, its files configure a server that takes its deliveries, and the doctor finds all well.
func TestFromNothing(t *testing.T) {
	github := fakegithub.New(t)
	github.Organization("acme")
	repository := github.Repo("acme", "orders", map[string]string{"README.md": "orders\n"})

	var hook webhook.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == webhookPath {
			hook.ServeHTTP(w, r)
		}
	}))
	defer server.Close()

	files := Files{Config: filepath.Join(t.TempDir(), "pmcheck-app.yml")}
	c := &Creation{GitHub: github.URL, Org: "acme", Public: server.URL}
	c.Save = func(app App) error { return files.Keep(app, c.GitHub, c.Public) }
	app, err := create(t, c, func(page string) {
		if status, last := confirm(t, page); status != http.StatusOK {
			t.Fatalf("%d %s", status, last)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	load := func() (githubapp.Config, error) {
		return githubapp.Load(files.Config, map[string]string{"data": t.TempDir()}, func(string) string { return "" })
	}
	config, err := load()
	if err != nil {
		t.Fatal(err)
	}
	hook = webhook.Handler{Secrets: [][]byte{config.WebhookSecrets[0]}, AppID: config.AppID, Accept: func(context.Context, job.Delivery, []job.Want) (bool, error) { return true, nil }}
	github.InstallApp(app.ID, "acme", repository)
	github.Flush()

	var found []Finding
	worst := (&Doctor{Report: func(f Finding) { found = append(found, f) }}).Run(t.Context(), load)
	for _, f := range found {
		if f.Status == Wrong || f.Status == Unasked {
			t.Errorf("%+v", f)
		}
	}
	// The one thing that is left to do: nobody has made the check required yet.
	if gravity[worst] > gravity[Warning] || slices.ContainsFunc(found, func(f Finding) bool { return f.Check == "required check" && f.Status == OK }) {
		t.Errorf("%s %+v", worst, found)
	}
	for _, check := range []string{"key", "permissions", "events", "webhook", "deliveries", "webhook secret", "public address", "installations"} {
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Check == check && f.Status == OK }) {
			t.Errorf("%s is not said to be well: %+v", check, found)
		}
	}
}
