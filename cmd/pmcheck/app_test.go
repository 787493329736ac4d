package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// clickThrough is a browser and the person before it: it opens the page and confirms the App.
func clickThrough(_ context.Context, page string) error {
	response, err := http.Get(page)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	action := regexp.MustCompile(`action="([^"]*)"`).FindSubmatch(body)
	manifest := regexp.MustCompile(`name="manifest" value="([^"]*)"`).FindSubmatch(body)
	if action == nil || manifest == nil {
		return fmt.Errorf("no form on %s", body)
	}
	go func() {
		response, err := http.PostForm(html.UnescapeString(string(action[1])), url.Values{"manifest": {html.UnescapeString(string(manifest[1]))}})
		if err == nil {
			_ = response.Body.Close()
		}
	}()
	return nil
}

// githubOfApps makes an App of each manifest.
func githubOfApps(t *testing.T) string {
	var made struct {
		Name        string `json:"name"`
		RedirectURL string `json:"redirect_url"`
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("POST /organizations/acme/settings/apps/new", func(w http.ResponseWriter, r *http.Request) {
		if err := json.Unmarshal([]byte(r.FormValue("manifest")), &made); err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, made.RedirectURL+"?code=abc&state="+r.URL.Query().Get("state"), http.StatusFound)
	})
	mux.HandleFunc("POST /api/v3/app-manifests/abc/conversions", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(map[string]any{"id": 7, "slug": "pmcheck-acme", "name": made.Name, "owner": map[string]string{"login": "acme"},
			"html_url": server.URL + "/apps/pmcheck-acme", "client_id": "Iv1.a", "client_secret": "TOLD-ONCE-1", "webhook_secret": "TOLD-ONCE-2", "pem": "-----BEGIN TOLD-ONCE-3"})
	})
	return server.URL
}

func runCommand(t *testing.T, c *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAppCreate(t *testing.T) {
	github := githubOfApps(t)
	config := filepath.Join(t.TempDir(), "pmcheck-app.yml")
	args := []string{"--org", "acme", "--url", "https://pmcheck.acme.dev", "--github", github, "--out", config}
	out, err := runCommand(t, appCreateCommand(clickThrough), args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The App pmcheck-acme of acme is made", config, "pmcheck serve --config", "pmcheck doctor --config", github + "/apps/pmcheck-acme/installations/new"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "TOLD-ONCE") {
		t.Errorf("a secret is printed:\n%s", out)
	}
	key, err := os.ReadFile(filepath.Join(filepath.Dir(config), "pmcheck-app.private-key.pem"))
	if err != nil || !strings.HasPrefix(string(key), "-----BEGIN TOLD-ONCE-3") {
		t.Errorf("the key is %q, %v", key, err)
	}

	// A second App does not replace the first, and no page is opened for it.
	_, err = runCommand(t, appCreateCommand(func(context.Context, string) error { t.Error("a page was opened"); return nil }), args...)
	var usage *usageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("the error is %v", err)
	}
}

func TestAppCreateWithoutBrowser(t *testing.T) {
	github := githubOfApps(t)
	out, err := runCommand(t, appCreateCommand(func(ctx context.Context, page string) error {
		return errors.Join(clickThrough(ctx, page), errors.New("there is no display"))
	}), "--org", "acme", "--url", "https://pmcheck.acme.dev", "--github", github, "--out", filepath.Join(t.TempDir(), "a.yml"))
	if err != nil || !strings.Contains(out, "there is no display") || !strings.Contains(out, "ssh -L") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAppCreateWrongUse(t *testing.T) {
	_, err := runCommand(t, appCreateCommand(clickThrough), "--out", filepath.Join(t.TempDir(), "a.yml"))
	var usage *usageError
	if !errors.As(err, &usage) {
		t.Errorf("the error is %v", err)
	}
}
