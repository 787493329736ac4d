package setup

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

var testAppKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

type object = map[string]any

// said is one answer of GitHub.
type said struct {
	status int
	body   any
}

var testNow = time.Date(2026, 3, 3, 14, 5, 0, 0, time.UTC)

// clinic is a healthy installation: the GitHub of it, and pmcheck serve at its public address.
type clinic struct {
	answers map[string]said // by method and path, below /api/v3/
	clock   time.Time       // GitHub's
	health  int             // what /healthz answers
	config  githubapp.Config
	client  *http.Client
	git     string
	free    uint64 // bytes
	broken  error  // the configuration's
}

func healthy(t *testing.T) *clinic {
	c := &clinic{clock: testNow, health: http.StatusOK, free: 100 << 30}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/pm/healthz" {
			w.WriteHeader(c.health)
			return
		}
		if c.clock.IsZero() {
			w.Header()["Date"] = nil
		} else {
			w.Header().Set("Date", c.clock.Format(http.TimeFormat))
		}
		path := strings.TrimPrefix(r.URL.Path, "/api/v3/")
		answer, ok := c.answers[r.Method+" "+path]
		if !ok {
			answer = said{http.StatusNotFound, object{"message": "Not Found"}}
		}
		if token := r.Header.Get("Authorization"); strings.HasPrefix(path, "app") == (token == "Bearer ghs_token") {
			answer = said{http.StatusUnauthorized, object{"message": "the wrong kind of token"}}
		}
		w.WriteHeader(answer.status)
		_ = json.NewEncoder(w).Encode(answer.body)
	}))
	t.Cleanup(server.Close)
	github, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	permissions := map[string]string{}
	for _, p := range Permissions() {
		permissions[p.Name] = p.Access
	}
	when := testNow.Add(-time.Hour).Format(time.RFC3339)
	c.client = server.Client()
	c.config = githubapp.Config{
		AppID: 7, PrivateKey: testAppKey(), GitHub: github, URL: github.JoinPath("pm"), Data: t.TempDir(), CheckName: "pmcheck",
	}
	c.config.Database = "sqlite:" + filepath.Join(c.config.Data, "pmcheck.db")
	c.answers = map[string]said{
		"GET app": {200, object{"id": 7, "slug": "pmcheck-acme", "name": "pmcheck-acme", "html_url": server.URL + "/apps/pmcheck-acme",
			"owner": object{"login": "acme", "type": "Organization"}, "permissions": permissions, "events": Events()}},
		"GET app/hook/config":     {200, object{"url": server.URL + "/pm/webhook", "content_type": "json", "secret": "********", "insecure_ssl": "0"}},
		"GET app/hook/deliveries": {200, []object{{"guid": "a", "delivered_at": when, "status": "OK", "status_code": 202, "event": "pull_request"}}},
		"GET app/installations": {200, []object{{"id": 3, "account": object{"login": "acme"}, "permissions": permissions,
			"suspended_at": nil, "html_url": server.URL + "/organizations/acme/settings/installations/3"}}},
		"POST app/installations/3/access_tokens":    {201, object{"token": "ghs_token"}},
		"GET installation/repositories":             {200, object{"total_count": 1, "repositories": []object{{"full_name": "acme/orders", "default_branch": "main"}}}},
		"GET rate_limit":                            {200, object{"resources": object{"core": object{"limit": 5000, "remaining": 4900, "reset": testNow.Unix()}}}},
		"GET repos/acme/orders/rules/branches/main": {200, []object{{"type": "required_status_checks", "parameters": object{"required_status_checks": []object{{"context": "pmcheck", "integration_id": 7}}}}}},
		"GET repos/acme/orders/branches/main":       {200, object{"name": "main", "protection": object{"enabled": false}}},
	}
	return c
}

// change replaces members of GitHub's answer to one question.
func (c *clinic) change(question string, members object) {
	answer := c.answers[question]
	body := maps.Clone(answer.body.(object))
	maps.Copy(body, members)
	c.answers[question] = said{answer.status, body}
}

func (c *clinic) delivered(codes ...int) {
	var all []object
	for i, code := range codes { // the newest first
		all = append(all, object{"guid": string(rune('a' + i)), "delivered_at": testNow.Add(-time.Duration(i) * time.Minute).Format(time.RFC3339), "status": "failed to connect", "status_code": code, "event": "pull_request"})
	}
	c.answers["GET app/hook/deliveries"] = said{200, all}
}

func (c *clinic) examine(ctx context.Context) ([]Finding, Status) {
	var found []Finding
	d := &Doctor{Client: c.client, Now: func() time.Time { return testNow }, Git: c.git, Free: func(string) (uint64, error) { return c.free, nil }, Report: func(f Finding) { found = append(found, f) }}
	worst := d.Run(ctx, func() (githubapp.Config, error) { return c.config, c.broken })
	return found, worst
}

func TestDoctorOfTheHealthy(t *testing.T) {
	found, worst := healthy(t).examine(t.Context())
	if worst != OK {
		t.Errorf("the worst is %s", worst)
	}
	var checks []string
	for _, f := range found {
		if f.Status != OK || f.Message == "" {
			t.Errorf("%+v", f)
		}
		checks = append(checks, f.Check)
	}
	want := []string{"configuration", "git", "data folder", "disk", "database", "github", "clock", "key", "permissions", "events", "webhook", "deliveries", "webhook secret", "public address", "installations", "required check", "rate limit"}
	if !slices.Equal(checks, want) {
		t.Errorf("looked at %q", checks)
	}
}

// Each fault is found, said, and comes with what to do.
func TestDoctorFinds(t *testing.T) {
	for name, test := range map[string]struct {
		fault  func(t *testing.T, c *clinic)
		check  string
		status Status
		want   string // in message or remedy
	}{
		"mistakes in the configuration": {func(_ *testing.T, c *clinic) {
			c.broken = &githubapp.ConfigError{Mistakes: []string{"a.yml:3: there is no \"workrs\""}}
		}, "configuration", Wrong, "workrs"},
		"no git":      {func(_ *testing.T, c *clinic) { c.git = "/absent/git" }, "git", Wrong, "install git"},
		"an old git":  {func(t *testing.T, c *clinic) { c.git = program(t, "echo git version 2.30.2") }, "git", Wrong, "2.30 is too old"},
		"another git": {func(t *testing.T, c *clinic) { c.git = program(t, "echo hello") }, "git", Unknown, "hello"},
		"a file for a data folder": {func(t *testing.T, c *clinic) {
			c.config.Data = filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(c.config.Data, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "data folder", Wrong, "is not a folder"},
		"a full data disk":        {func(_ *testing.T, c *clinic) { c.free = 200 << 20 }, "disk", Wrong, "200 MB are free"},
		"a data disk almost full": {func(_ *testing.T, c *clinic) { c.free = 700 << 20 }, "disk", Warning, "mirror_space"},
		"no key":                  {func(_ *testing.T, c *clinic) { c.config.PrivateKey = []byte("hello") }, "key", Wrong, "not PEM"},
		"a certificate as key": {func(_ *testing.T, c *clinic) {
			c.config.PrivateKey = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}})
		}, "key", Wrong, "holds a CERTIFICATE"},
		"a key of another App": {func(_ *testing.T, c *clinic) {
			c.answers["GET app"] = said{401, object{"message": "A JSON web token could not be decoded"}}
		}, "key", Wrong, "could not be decoded"},
		"no such App": {func(_ *testing.T, c *clinic) { delete(c.answers, "GET app") }, "key", Wrong, "there is no App 7"},
		"GitHub is down": {func(_ *testing.T, c *clinic) {
			c.config.GitHub = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
		}, "github", Unasked, "does not answer"},
		"GitHub is ill":       {func(_ *testing.T, c *clinic) { c.answers["GET app"] = said{503, nil} }, "key", Unasked, "503"},
		"not JSON":            {func(_ *testing.T, c *clinic) { c.answers["GET app"] = said{200, "hello"} }, "key", Unasked, "not the JSON"},
		"a clock behind":      {func(_ *testing.T, c *clinic) { c.clock = testNow.Add(5 * time.Minute) }, "clock", Wrong, "5m0s behind"},
		"a clock ahead":       {func(_ *testing.T, c *clinic) { c.clock = testNow.Add(-time.Minute) }, "clock", Wrong, "1m0s ahead"},
		"a clock that drifts": {func(_ *testing.T, c *clinic) { c.clock = testNow.Add(-20 * time.Second) }, "clock", Warning, "20s ahead"},
		"GitHub has no clock": {func(_ *testing.T, c *clinic) { c.clock = time.Time{} }, "clock", Unknown, "did not say"},
		"a clock that makes the key fail": {func(_ *testing.T, c *clinic) {
			c.clock = testNow.Add(time.Hour)
			c.answers["GET app"] = said{401, object{"message": "'Expiration time' claim ('exp') is in the past"}}
		}, "key", Wrong, "set the clock first"},
		"a permission is missing": {func(_ *testing.T, c *clinic) {
			c.change("GET app", object{"permissions": object{"checks": "read", "contents": "read", "issues": "read", "metadata": "read", "pull_requests": "write", "merge_queues": "read"}})
		}, "permissions", Wrong, "checks: write (to write the verdict"},
		"a permission too many": {func(_ *testing.T, c *clinic) {
			c.change("GET app", object{"permissions": object{"checks": "write", "contents": "write", "issues": "read", "metadata": "read", "pull_requests": "write", "merge_queues": "read", "workflows": "write"}})
		}, "permissions", Warning, "contents: write, workflows: write"},
		"an event is missing": {func(_ *testing.T, c *clinic) { c.change("GET app", object{"events": Events()[1:]}) }, "events", Wrong, Events()[0]},
		"an event too many":   {func(_ *testing.T, c *clinic) { c.change("GET app", object{"events": append(Events(), "push")}) }, "events", Warning, "push"},
		"a webhook elsewhere": {func(_ *testing.T, c *clinic) {
			c.change("GET app/hook/config", object{"url": "https://old.example.com/webhook"})
		}, "webhook", Wrong, "old.example.com"},
		"a webhook nowhere":       {func(_ *testing.T, c *clinic) { c.change("GET app/hook/config", object{"url": ""}) }, "webhook", Wrong, "no address"},
		"a webhook unsigned":      {func(_ *testing.T, c *clinic) { c.change("GET app/hook/config", object{"secret": ""}) }, "webhook", Wrong, "no secret"},
		"a webhook as a form":     {func(_ *testing.T, c *clinic) { c.change("GET app/hook/config", object{"content_type": "form"}) }, "webhook", Warning, "sent as form"},
		"a webhook insecure":      {func(_ *testing.T, c *clinic) { c.change("GET app/hook/config", object{"insecure_ssl": 1}) }, "webhook", Warning, "does not verify"},
		"no public address":       {func(_ *testing.T, c *clinic) { c.config.URL = nil }, "webhook", Unknown, "url is not configured"},
		"nothing delivered":       {func(_ *testing.T, c *clinic) { c.delivered() }, "deliveries", Unknown, "tick Active"},
		"secret not known":        {func(_ *testing.T, c *clinic) { c.delivered() }, "webhook secret", Unknown, "no delivery"},
		"not reached":             {func(_ *testing.T, c *clinic) { c.delivered(0, 202) }, "deliveries", Wrong, "failed to connect"},
		"another secret":          {func(_ *testing.T, c *clinic) { c.delivered(401, 202) }, "webhook secret", Wrong, "does not fit"},
		"something else there":    {func(_ *testing.T, c *clinic) { c.delivered(404) }, "deliveries", Wrong, "something else answers"},
		"a redirect":              {func(_ *testing.T, c *clinic) { c.delivered(301) }, "deliveries", Wrong, "does not follow"},
		"a proxy before none":     {func(_ *testing.T, c *clinic) { c.delivered(502) }, "deliveries", Wrong, "proxy does not reach"},
		"a full disk":             {func(_ *testing.T, c *clinic) { c.delivered(503) }, "deliveries", Wrong, "could not be kept"},
		"some were lost":          {func(_ *testing.T, c *clinic) { c.delivered(202, 0, 202) }, "deliveries", Warning, "1 of the last 3"},
		"nobody at home":          {func(_ *testing.T, c *clinic) { c.health = 502; c.delivered() }, "public address", Wrong, "502"},
		"reached by GitHub alone": {func(_ *testing.T, c *clinic) { c.health = 502 }, "public address", Warning, "GitHub reaches it, though"},
		"installed nowhere":       {func(_ *testing.T, c *clinic) { c.answers["GET app/installations"] = said{200, []object{}} }, "installations", Warning, "/apps/pmcheck-acme/installations/new"},
		"suspended": {func(_ *testing.T, c *clinic) {
			c.answers["GET app/installations"] = said{200, []object{{"id": 4, "account": object{"login": "globex"}, "suspended_at": "2026-01-01T00:00:00Z"}}}
		}, "installations", Warning, "globex is suspended"},
		"not granted": {func(_ *testing.T, c *clinic) {
			c.answers["GET app/installations"] = said{200, []object{{"id": 3, "account": object{"login": "acme"}, "permissions": object{"checks": "write"}}}}
		}, "installations", Wrong, "acme has not granted contents: read"},
		"no token": {func(_ *testing.T, c *clinic) { delete(c.answers, "POST app/installations/3/access_tokens") }, "installations", Unasked, "no token for acme"},
		"not required": {func(_ *testing.T, c *clinic) {
			c.answers["GET repos/acme/orders/rules/branches/main"] = said{200, []object{}}
		}, "required check", Warning, "acme/orders does not require"},
		"required from another App": {func(_ *testing.T, c *clinic) {
			c.change("GET repos/acme/orders/branches/main", object{"protection": object{"required_status_checks": object{"contexts": []string{"pmcheck"}, "checks": []object{{"context": "pmcheck", "app_id": 15368}}}}})
		}, "required check", Wrong, "from another App"},
		"required by the older protection": {func(_ *testing.T, c *clinic) {
			delete(c.answers, "GET repos/acme/orders/rules/branches/main")
			c.change("GET repos/acme/orders/branches/main", object{"protection": object{"required_status_checks": object{"contexts": []string{"pmcheck"}}}})
		}, "required check", OK, "1 of the 1 repositories"},
		"not told what is required": {func(_ *testing.T, c *clinic) {
			delete(c.answers, "GET repos/acme/orders/rules/branches/main")
			delete(c.answers, "GET repos/acme/orders/branches/main")
		}, "required check", Unknown, "acme/orders"},
		"few calls left": {func(_ *testing.T, c *clinic) {
			c.change("GET rate_limit", object{"resources": object{"core": object{"limit": 5000, "remaining": 3, "reset": testNow.Unix()}}})
		}, "rate limit", Warning, "3 of 5000"},
	} {
		t.Run(name, func(t *testing.T) {
			c := healthy(t)
			test.fault(t, c)
			found, worst := c.examine(t.Context())
			for _, f := range found {
				if f.Status == Wrong || f.Status == Warning || f.Status == Unasked {
					if f.Remedy == "" {
						t.Errorf("nothing is said to do: %+v", f)
					}
				}
				if strings.Contains(f.Message+f.Remedy, "ghs_token") {
					t.Errorf("a token is printed: %+v", f)
				}
			}
			if !slices.ContainsFunc(found, func(f Finding) bool {
				return f.Check == test.check && f.Status == test.status && strings.Contains(f.Message+"\n"+f.Remedy, test.want)
			}) {
				t.Errorf("not found; what was:\n%+v", found)
			}
			if gravity[worst] < gravity[test.status] {
				t.Errorf("the worst is %s", worst)
			}
		})
	}
}

// program is an executable that does what a shell is told.
func program(t *testing.T, script string) string {
	path := filepath.Join(t.TempDir(), "git")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctorOfUnreadableConfiguration(t *testing.T) {
	c := healthy(t)
	c.broken = errors.New("no such file")
	found, worst := c.examine(t.Context())
	if worst != Wrong || len(found) != 1 {
		t.Errorf("%s %+v", worst, found)
	}
}

func TestDoctorOfManyInstallations(t *testing.T) {
	c := healthy(t)
	var all []object
	for i := range 30 {
		all = append(all, object{"id": 100 + i, "account": object{"login": "o"}, "permissions": c.answers["GET app"].body.(object)["permissions"]})
		c.answers["POST app/installations/"+string(rune('0'+(100+i)/100))+string(rune('0'+(100+i)/10%10))+string(rune('0'+(100+i)%10))+"/access_tokens"] = said{201, object{"token": "ghs_token"}}
	}
	c.answers["GET app/installations"] = said{200, all}
	found, worst := c.examine(t.Context())
	if worst != OK || !slices.ContainsFunc(found, func(f Finding) bool {
		return f.Check == "installations" && strings.Contains(f.Message, "30; 20 of them, with 20 repositories, were asked")
	}) {
		t.Errorf("%s %+v", worst, found)
	}
}
