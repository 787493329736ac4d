package setup

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fakeForm is the part of GitHub that the manifest flow needs: it takes the form, and tells the secrets for a code once.
type fakeForm struct {
	*httptest.Server
	manifest manifest
	action   string // path that the form was posted to
	codes    map[string]bool
	answer   func(w http.ResponseWriter) // instead of the App
}

const testKey = "-----BEGIN RSA PRIVATE KEY-----\nnot a key\n-----END RSA PRIVATE KEY-----\n"

func newFakeForm(t *testing.T) *fakeForm {
	f := &fakeForm{codes: map[string]bool{}}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, ok := strings.CutPrefix(r.URL.Path, "/api/v3/app-manifests/"); ok && r.Method == http.MethodPost {
			code, _ = strings.CutSuffix(code, "/conversions")
			if f.answer != nil {
				f.answer(w)
				return
			}
			if !f.codes[code] {
				http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
				return
			}
			delete(f.codes, code)
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{
				"id": 4711, "slug": "pmcheck-acme", "name": f.manifest.Name, "owner": map[string]any{"login": "acme"},
				"html_url": f.URL + "/apps/pmcheck-acme", "client_id": "Iv1.abc", "client_secret": "CLIENT-SECRET",
				"webhook_secret": "WEBHOOK-SECRET", "pem": testKey,
			})
			return
		}
		if r.Method != http.MethodPost || json.Unmarshal([]byte(r.FormValue("manifest")), &f.manifest) != nil {
			http.Error(w, "no manifest", http.StatusUnprocessableEntity)
			return
		}
		f.action = r.URL.Path
		f.codes["c0de"] = true
		http.Redirect(w, r, f.manifest.RedirectURL+"?code=c0de&state="+r.URL.Query().Get("state"), http.StatusFound)
	}))
	t.Cleanup(f.Close)
	return f
}

var (
	actionOf   = regexp.MustCompile(`action="([^"]*)"`)
	manifestOf = regexp.MustCompile(`name="manifest" value="([^"]*)"`)
)

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// confirm does what a person does: open the page, continue, confirm. It gives the last page.
func confirm(t *testing.T, page string) (int, string) {
	t.Helper()
	status, body := get(t, page)
	action, text := actionOf.FindStringSubmatch(body), manifestOf.FindStringSubmatch(body)
	if status != http.StatusOK || action == nil || text == nil {
		t.Fatalf("the page has no form: %d\n%s", status, body)
	}
	jar, _ := cookiejar.New(nil)
	response, err := (&http.Client{Jar: jar}).PostForm(html.UnescapeString(action[1]), url.Values{"manifest": {html.UnescapeString(text[1])}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	last, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(last)
}

// create runs the flow, with person at the browser.
func create(t *testing.T, c *Creation, person func(page string)) (App, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	ready := make(chan string, 1)
	c.Ready = func(page string) { ready <- page }
	if c.Save == nil {
		c.Save = func(App) error { return nil }
	}
	type end struct {
		app App
		err error
	}
	ended := make(chan end, 1)
	go func() {
		app, err := c.Run(ctx)
		ended <- end{app, err}
	}()
	select {
	case page := <-ready:
		person(page)
	case e := <-ended:
		return e.app, e.err
	}
	cancel(errors.New("the person went away"))
	e := <-ended
	return e.app, e.err
}

func TestCreate(t *testing.T) {
	github := newFakeForm(t)
	var saved App
	c := &Creation{GitHub: github.URL, Org: "acme", Public: "https://checks.example.com/", Save: func(a App) error { saved = a; return nil }}
	app, err := create(t, c, func(page string) {
		status, last := confirm(t, page)
		if status != http.StatusOK || !strings.Contains(last, github.URL+"/apps/pmcheck-acme/installations/new") {
			t.Errorf("the last page: %d\n%s", status, last)
		}
		for _, secret := range []string{"CLIENT-SECRET", "WEBHOOK-SECRET", "PRIVATE KEY"} {
			if strings.Contains(last, secret) {
				t.Errorf("the last page shows %s", secret)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	want := App{ID: 4711, Slug: "pmcheck-acme", Name: "pmcheck-acme", Owner: "acme", Page: github.URL + "/apps/pmcheck-acme",
		ClientID: "Iv1.abc", ClientSecret: "CLIENT-SECRET", WebhookSecret: "WEBHOOK-SECRET", PrivateKey: testKey}
	if app != want || saved != want {
		t.Errorf("the App is %+v, saved as %+v", app, saved)
	}
	if github.action != "/organizations/acme/settings/apps/new" {
		t.Errorf("the form went to %s", github.action)
	}
	m := github.manifest
	if m.HookAttributes != (hookAttributes{"https://checks.example.com/webhook", true}) || m.Public || m.URL != "https://checks.example.com" {
		t.Errorf("the manifest is %+v", m)
	}
	if !slices.Equal(m.Events, Events()) || len(m.Permissions) != len(Permissions()) {
		t.Errorf("the manifest asks for %v and %v", m.Permissions, m.Events)
	}
	for _, p := range Permissions() {
		if m.Permissions[p.Name] != p.Access || !strings.Contains(m.Description, p.Why) {
			t.Errorf("%s is not asked for, or not explained", p.Name)
		}
	}
}

// An event is sent only to an App that holds its permission; GitHub refuses a manifest that has the one without the other.
func TestEventsHavePermissions(t *testing.T) {
	needs := map[string]string{"check_run": "checks", "check_suite": "checks", "issue_comment": "issues", "merge_group": "merge_queues", "pull_request": "pull_requests"}
	for _, event := range Events() {
		if !slices.ContainsFunc(Permissions(), func(p Permission) bool { return p.Name == needs[event] }) {
			t.Errorf("%s: its permission is not asked for", event)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	github := newFakeForm(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const public = "https://checks.example.com"
	for name, test := range map[string]struct {
		c    Creation
		want string
	}{
		"no address":        {Creation{GitHub: github.URL}, "the public address of pmcheck serve (--url) is needed"},
		"no scheme":         {Creation{GitHub: github.URL, Public: "checks.example.com"}, "is no address"},
		"in the clear":      {Creation{GitHub: github.URL, Public: "http://checks.example.com"}, "in the clear"},
		"a password":        {Creation{GitHub: github.URL, Public: "https://a:b@checks.example.com"}, "only a scheme and a host"},
		"a path":            {Creation{GitHub: github.URL, Public: "https://example.com/checks"}, "needs a host of its own"},
		"GitHub in clear":   {Creation{GitHub: "http://ghes.example.com", Public: public}, "in the clear"},
		"no organization":   {Creation{GitHub: github.URL, Public: public, Org: "a/../b"}, "is not the login of an organization"},
		"a long name":       {Creation{GitHub: github.URL, Public: public, Name: strings.Repeat("a", 35)}, "35 characters; GitHub takes 34"},
		"the port is taken": {Creation{GitHub: github.URL, Public: public, Port: taken.Addr().(*net.TCPAddr).Port}, "is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(t, &test.c, func(string) { t.Error("a page was opened") })
			if !errors.Is(err, ErrUse) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, not %q", err, test.want)
			}
		})
	}
}

func TestCreateFails(t *testing.T) {
	const public = "https://checks.example.com"
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		save   func(App) error
		page   string // what the browser is told
	}{
		"expired":    {answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, page: "older than an hour"},
		"refused":    {answer: func(w http.ResponseWriter) { w.WriteHeader(422); io.WriteString(w, `{"message":"no more Apps"}`) }, page: "no more Apps"},
		"not JSON":   {answer: func(w http.ResponseWriter) { w.WriteHeader(201); io.WriteString(w, "<html>") }, page: "not the JSON"},
		"no secrets": {answer: func(w http.ResponseWriter) { w.WriteHeader(201); io.WriteString(w, `{"id":1,"pem":"x"}`) }, page: "lacks the App"},
		"redirected": {answer: func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) }, page: "302"},
		"disk full":  {save: func(App) error { return errors.New("no space left on device") }, page: "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			github := newFakeForm(t)
			github.answer = test.answer
			_, err := create(t, &Creation{GitHub: github.URL, Public: public, Save: test.save}, func(page string) {
				status, last := confirm(t, page)
				if status != http.StatusBadGateway || !strings.Contains(html.UnescapeString(last), test.page) {
					t.Errorf("the browser is told %d\n%s", status, last)
				}
			})
			if err == nil || !strings.Contains(err.Error(), test.page) {
				t.Errorf("the error is %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "c0de") || strings.Contains(err.Error(), "SECRET")) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

// What does not come from the GitHub that was asked leaves the flow as it is.
func TestCreateIgnoresStrangers(t *testing.T) {
	github := newFakeForm(t)
	_, err := create(t, &Creation{GitHub: github.URL, Public: "https://checks.example.com"}, func(page string) {
		_, body := get(t, page)
		state, err := url.Parse(html.UnescapeString(actionOf.FindStringSubmatch(body)[1]))
		if err != nil {
			t.Fatal(err)
		}
		ours := state.Query().Get("state")
		for query, want := range map[string]int{
			"code=c0de":                              http.StatusForbidden,
			"code=c0de&state=another":                http.StatusForbidden,
			"state=" + ours:                          http.StatusBadRequest,
			"state=" + ours + "&code=..%2Fapp":       http.StatusBadRequest,
			"state=" + ours + "&error=access_denied": http.StatusBadRequest,
		} {
			if status, _ := get(t, page+"created?"+query); status != want {
				t.Errorf("%s: %d, not %d", query, status, want)
			}
		}
		request, _ := http.NewRequest(http.MethodGet, page, nil)
		request.Host = "evil.example.com"
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if got, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusMisdirectedRequest || strings.Contains(string(got), ours) {
			t.Errorf("another name for this machine is answered %d %s", response.StatusCode, got)
		}
		if status, _ := confirm(t, page); status != http.StatusOK {
			t.Errorf("the flow no longer works after that: %d", status)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A person who goes back and confirms again does not have the code exchanged twice.
func TestCreateOnce(t *testing.T) {
	github := newFakeForm(t)
	github.codes["c0de"], github.codes["c1de"] = true, true
	api, err := url.Parse(github.URL)
	if err != nil {
		t.Fatal(err)
	}
	saved := 0
	f := &flow{creation: &Creation{Save: func(App) error { saved++; return nil }}, ctx: t.Context(), host: "127.0.0.1:1", state: "s", api: apiURL(api), form: api, outcome: make(chan outcome, 1)}
	for _, step := range []struct {
		code string
		want int
	}{{"c0de", http.StatusOK}, {"c1de", http.StatusConflict}} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/created?state=s&code="+step.code, nil)
		f.handler().ServeHTTP(w, r)
		if w.Code != step.want {
			t.Errorf("%s: %d, not %d", step.code, w.Code, step.want)
		}
	}
	if saved != 1 || !github.codes["c1de"] {
		t.Errorf("saved %d times; codes left: %v", saved, github.codes)
	}
}

func TestCreateEnds(t *testing.T) {
	github := newFakeForm(t)
	_, err := create(t, &Creation{GitHub: github.URL, Public: "https://checks.example.com"}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "no App was made: the person went away") {
		t.Errorf("the error is %v", err)
	}
}

func TestAppName(t *testing.T) {
	for org, want := range map[string]string{"acme": "pmcheck-acme", strings.Repeat("a", 25) + "-bcdefgh": "pmcheck-" + strings.Repeat("a", 25), "": ""} {
		got := (&Creation{Org: org}).appName()
		if want == "" && !regexp.MustCompile(`^pmcheck-[a-z2-7]{6}$`).MatchString(got) || want != "" && got != want {
			t.Errorf("%q: %q", org, got)
		}
	}
}

func TestAPIAddress(t *testing.T) {
	for github, want := range map[string]string{
		"https://github.com":            "https://api.github.com/",
		"https://octo.ghe.com":          "https://api.octo.ghe.com/",
		"https://ghes.example.com":      "https://ghes.example.com/api/v3/",
		"https://ghes.example.com:8443": "https://ghes.example.com:8443/api/v3/",
	} {
		u, err := publicAddress("x", github)
		if err != nil {
			t.Fatal(err)
		}
		if got := apiURL(u).String(); got != want {
			t.Errorf("%s: %s", github, got)
		}
	}
}
