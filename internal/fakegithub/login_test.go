package fakegithub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// visit is a browser that stops at redirects.
func visit(t *testing.T, method, url string, form url.Values) (status int, location *url.URL, text string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	location, _ = resp.Location()
	return resp.StatusCode, location, string(body)
}

func TestLogin(t *testing.T) {
	ctx := context.Background()
	s := fakegithub.New(t)
	repo, hidden := s.Repo("acme", "orders", map[string]string{"a": "a\n"}), s.Repo("acme", "hidden", map[string]string{"a": "a\n"})
	uninstalled := s.Repo("acme", "uninstalled", map[string]string{"a": "a\n"})
	id := s.Install("acme", repo, hidden)
	repo.SetPermission("mia", "read")
	uninstalled.SetPermission("mia", "read")
	s.Login("mia")

	info := s.AppInfo()
	s.SetCallback("https://pmcheck.example.com/auth")
	conf := &oauth2.Config{
		ClientID: info.ClientID, ClientSecret: info.ClientSecret, RedirectURL: "https://pmcheck.example.com/auth/callback",
		Endpoint: oauth2.Endpoint{AuthURL: s.URL + "/login/oauth/authorize", TokenURL: s.URL + "/login/oauth/access_token"},
	}
	verifier := oauth2.GenerateVerifier()
	status, back, text := visit(t, "GET", conf.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), nil)
	if status != 302 || back.Host != "pmcheck.example.com" || back.Query().Get("state") != "state" || back.Query().Get("code") == "" {
		t.Fatalf("%d %v %s", status, back, text)
	}
	code := back.Query().Get("code")
	if _, err := conf.Exchange(ctx, code, oauth2.VerifierOption("wrong")); err == nil {
		t.Error("a wrong verifier was good")
	}
	token, err := conf.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil || !strings.HasPrefix(token.AccessToken, "ghu_") {
		t.Fatalf("%v, %v", token, err)
	}
	if _, err := conf.Exchange(ctx, code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("the code was good twice")
	}

	for name, q := range map[string]struct {
		query  string
		status int
	}{
		"another client":   {"client_id=x&state=s&redirect_uri=" + url.QueryEscape(conf.RedirectURL), 404},
		"another host":     {"client_id=" + info.ClientID + "&state=s&redirect_uri=https://evil.example.com/auth/callback", 400},
		"another path":     {"client_id=" + info.ClientID + "&state=s&redirect_uri=https://pmcheck.example.com/authority", 400},
		"out of the path":  {"client_id=" + info.ClientID + "&state=s&redirect_uri=https://pmcheck.example.com/auth/../x", 400},
		"without state":    {"client_id=" + info.ClientID + "&redirect_uri=" + url.QueryEscape(conf.RedirectURL), 400},
		"the callback own": {"client_id=" + info.ClientID + "&state=s", 302},
	} {
		if status, back, _ := visit(t, "GET", s.URL+"/login/oauth/authorize?"+q.query, nil); status != q.status {
			t.Errorf("%s: %d %v", name, status, back)
		}
	}
	status, _, text = visit(t, "POST", s.URL+"/login/oauth/access_token", url.Values{"client_id": {info.ClientID}, "client_secret": {"no"}, "code": {"x"}})
	if status != 200 || !strings.Contains(text, "error=incorrect_client_credentials") {
		t.Errorf("%d %s", status, text)
	}

	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/user", 200, `"login":"mia"`},
		{"/user/installations", 200, `"total_count":1`},
		{fmt.Sprintf("/user/installations/%d/repositories", id), 200, `"total_count":1`},
		{"/user/installations/7/repositories", 404, ""},
		{"/repos/acme/orders", 200, `"pull":true`},
		{"/repos/acme/hidden", 404, ""},
		{"/repos/acme/uninstalled", 404, ""},
		{"/installation/repositories", 403, ""},
	} {
		if got := call(t, s, "GET", c.path, token.AccessToken, ""); got.status != c.status || !strings.Contains(got.text, c.want) {
			t.Errorf("%s: %d %s", c.path, got.status, got.text)
		}
	}
	s.Login("")
	if _, back, _ := visit(t, "GET", conf.AuthCodeURL("state"), nil); back == nil || back.Query().Get("error") != "access_denied" {
		t.Errorf("nobody logged in: %v", back)
	}
	s.Advance(9 * time.Hour)
	if got := call(t, s, "GET", "/user", token.AccessToken, ""); got.status != 401 {
		t.Errorf("after nine hours: %d", got.status)
	}
}

func TestManifest(t *testing.T) {
	s := fakegithub.New(t)
	h := newHook(t, "")
	s.Repo("mia", "orders", map[string]string{"a": "a\n"})
	s.Login("mia")
	base := func() map[string]any {
		return map[string]any{
			"name": "our checks", "url": "https://pmcheck.example.com", "redirect_url": "http://127.0.0.1:1/created", "hook_attributes": map[string]any{"url": h.URL},
			"default_permissions": map[string]string{"checks": "write", "contents": "read", "pull_requests": "read", "merge_queues": "read"},
			"default_events":      []string{"pull_request", "merge_group", "check_run"}, "public": false, "setup_url": "http://127.0.0.1:1/installed",
		}
	}
	post := func(m map[string]any) (int, *url.URL, string) {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return visit(t, "POST", s.URL+"/settings/apps/new?state=abc", url.Values{"manifest": {string(text)}})
	}
	for name, c := range map[string]struct {
		field string
		value any
		want  string
	}{
		"unknown field":            {"webhook", "x", "unknown field"},
		"no url":                   {"url", "", "url wasn't supplied"},
		"a redirect to nowhere":    {"redirect_url", "created", "is not a URL"},
		"unknown permission":       {"default_permissions", map[string]string{"checkz": "write"}, "is not included in the list"},
		"too strong":               {"default_permissions", map[string]string{"checks": "admin"}, "is not included in the list"},
		"event without permission": {"default_events", []string{"push", "issue_comment", "merge_group"}, ""},
		"installation":             {"default_events", []string{"installation"}, "can't be subscribed to"},
		"a webhook without url":    {"hook_attributes", map[string]any{"active": true}, "hook_attributes"},
	} {
		m := base()
		m[c.field] = c.value
		if c.want == "" {
			m["default_permissions"] = map[string]string{"checks": "write"}
			c.want = "needs the permission"
		}
		if status, _, text := post(m); status != 422 || !strings.Contains(text, strings.ReplaceAll(c.want, "'", "&#39;")) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	status, back, text := post(base())
	if status != 302 || back.Path != "/created" || back.Query().Get("state") != "abc" {
		t.Fatalf("%d %v %s", status, back, text)
	}
	convert := "/app-manifests/" + back.Query().Get("code") + "/conversions"
	got := call(t, s, "POST", convert, "", "")
	var made struct {
		ID                                               int64
		Slug, PEM, WebhookSecret, ClientID, ClientSecret string
		Hook                                             string `json:"webhook_secret"`
		Client                                           string `json:"client_id"`
	}
	got.into(t, &made)
	if got.status != 201 || made.ID == 0 || made.Slug != "our-checks" || made.Hook == "" || made.Client == "" || !strings.HasPrefix(made.PEM, "-----BEGIN RSA PRIVATE KEY-----") {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if got := call(t, s, "POST", convert, "", ""); got.status != 404 {
		t.Errorf("a second time: %d", got.status)
	}
	h.secret = made.Hook
	status, back, text = visit(t, "GET", s.URL+"/apps/our-checks/installations/new", nil)
	if status != 302 || back.Path != "/installed" || back.Query().Get("installation_id") == "" {
		t.Errorf("%d %v %s", status, back, text)
	}
	if got := h.take(); len(got) != 1 || got[0] != "installation created" {
		t.Errorf("arrived: %q", got)
	}
}
