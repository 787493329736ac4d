package pages

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// What may not be read answers byte for byte as what does not exist, and GitHub is asked
// the same, and the store nothing.
func TestOtherPeoplesRepositories(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	nothing := b.get("/r/acme/does-not-exist")
	if nothing.status != http.StatusNotFound {
		t.Fatalf("status %d", nothing.status)
	}
	for _, path := range []string{
		"/r/acme/secret", "/r/acme/secret/1", "/r/acme/secret/1?head=" + sha(10), "/r/acme/secret/1/report", "/r/acme/secret/1/report?head=" + sha(10), "/r/ACME/Secret/1",
		"/r/acme/orders/1234", "/r/acme/orders/x", "/r/acme/orders/041", "/r/acme/orders/-1", "/r/acme/orders/99999999999999999999", "/r/acme/orders/41/report?head=" + sha(10), "/r/acme/orders/0?head=" + sha(10), "/r/acme/orders/41?head=main",
		"/r/acme/orders/1%20OR%201=1", "/r/evil/mine", "/r/a%2f..%2fb/c", "/r/acme/..%2f..%2fuser", "/r/acme/%2e%2e", "/nothing", "/r/acme/orders/40/report",
	} {
		asked := s.shelf.asked
		p := b.get(path)
		if p.status != http.StatusNotFound || p.body != nothing.body {
			t.Errorf("%s: status %d, %d bytes where there are %d otherwise", path, p.status, len(p.body), len(nothing.body))
		}
		if strings.Contains(strings.ToLower(path), "secret") && s.shelf.asked != asked {
			t.Errorf("%s: the store was asked", path)
		}
	}
	for _, r := range s.hub.requests {
		if strings.Contains(r, "/repos/") && strings.Contains(r, "..") {
			t.Errorf("GitHub is asked for %s", r)
		}
	}
	for _, path := range []string{"/", "/postmortems"} {
		if p := b.get(path); p.status != http.StatusOK || strings.Contains(p.body, "SECRET") || strings.Contains(p.body, "acme/secret") {
			t.Errorf("%s shows what may not be read", path)
		}
	}
	s.hub.set(func() { s.hub.user = "mallory" })
	other := s.browser(t)
	other.signIn("/")
	for _, path := range []string{"/", "/postmortems"} {
		if p := other.get(path); p.status != http.StatusOK || strings.Contains(p.body, "acme/") || strings.Contains(p.body, "PM-2026") {
			t.Errorf("%s shows a stranger what is acme's: %s", path, p.body)
		}
	}
}

// A public repository is in nobody's list, and everybody's to read.
func TestPublicRepository(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	if p := b.get("/r/acme/docs/3"); p.status != http.StatusOK || !strings.Contains(p.body, "Public pull request") {
		t.Errorf("status %d", p.status)
	}
}

func TestGitHubsWordIsAskedAnew(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	for range 3 {
		b.get("/")
		b.get("/postmortems")
		b.get("/r/acme/orders/41")
		b.get("/r/acme/orders/41/report?head=" + sha(41))
	}
	if n := s.hub.asked("/user/installations?"); n != 1 {
		t.Errorf("installations were asked for %d times", n)
	}
	if n := s.hub.asked("/repos/acme/orders"); n != 1 {
		t.Errorf("the repository was asked for %d times", n)
	}
	if n := s.hub.asked("/user/installations/8/"); n != 0 {
		t.Errorf("a suspended installation was asked for")
	}
	s.hub.set(func() { s.hub.may["olga"] = []string{"acme/billing"} })
	s.pass(rememberFor)
	if p := b.get("/r/acme/orders/41"); p.status != http.StatusNotFound {
		t.Errorf("the right was taken away: %d", p.status)
	}
	if p := b.get("/"); strings.Contains(p.body, "acme/orders") || !strings.Contains(p.body, "acme/billing") {
		t.Error("the overview shows what may no longer be read")
	}
}

func TestManyRepositories(t *testing.T) {
	content := &shelf{}
	s := newSite(t, content)
	s.hub.set(func() {
		var names []string
		for i := range 250 {
			name := fmt.Sprintf("acme/r%03d", i)
			names = append(names, name)
			s.hub.ids[name] = int64(1000 + i)
			content.repositories = append(content.repositories, job.Repository{ID: int64(1000 + i), Owner: "acme", Name: fmt.Sprintf("r%03d", i)})
		}
		s.hub.may["olga"] = names
	})
	b := s.browser(t)
	b.signIn("/")
	p := b.get("/")
	for _, name := range []string{"acme/r000", "acme/r100", "acme/r249"} {
		if !strings.Contains(p.body, ">"+name+"<") {
			t.Errorf("%s is not shown", name)
		}
	}
	if n := s.hub.asked("/user/installations/7/repositories"); n != 3 {
		t.Errorf("%d pages were asked for", n)
	}
}

func TestGitHubIsDown(t *testing.T) {
	for name, tt := range map[string]struct {
		path   string
		status int
		header http.Header
		page   string
		want   int
	}{
		"list, 500":                    {"/user/installations", 500, nil, "/", 503},
		"list, rate limit":             {"/user/installations", 403, http.Header{"X-Ratelimit-Remaining": {"0"}}, "/", 503},
		"list, second limit":           {"/user/installations/7/repositories", 429, nil, "/postmortems", 503},
		"one, 502":                     {"/repos/acme/orders", 502, nil, "/r/acme/orders/41", 503},
		"one, rate limit":              {"/repos/acme/orders", 403, http.Header{"Retry-After": {"60"}}, "/r/acme/orders/41", 503},
		"one, report":                  {"/repos/acme/orders", 500, nil, "/r/acme/orders/41/report", 503},
		"one, single sign-on":          {"/repos/acme/orders", 403, nil, "/r/acme/orders/41", 404},
		"one, blocked":                 {"/repos/acme/orders", 451, nil, "/r/acme/orders/41", 404},
		"installation, single sign-on": {"/user/installations/7/repositories", 403, nil, "/", 200},
		"revoked, list":                {"/user/installations", 401, nil, "/", 401},
		"revoked, one":                 {"/repos/acme/orders", 401, nil, "/r/acme/orders/41", 401},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			b := s.browser(t)
			b.signIn("/")
			s.hub.set(func() { s.hub.status[tt.path], s.hub.header = tt.status, tt.header })
			p := b.get(tt.page)
			if p.status != tt.want {
				t.Errorf("status %d, want %d", p.status, tt.want)
			}
			if strings.Contains(p.body, "Drop the column") || strings.Contains(p.body, "PM-2026") {
				t.Error("shows what GitHub did not allow")
			}
			s.hub.set(func() { clear(s.hub.status) })
			after := http.StatusOK
			switch tt.want {
			case 401:
				after = http.StatusSeeOther // to the login
				if !strings.Contains(p.body, `action="/login"`) {
					t.Error("no way to sign in again")
				}
			case 404:
				s.pass(rememberFor)
			}
			if p := b.get(tt.page); p.status != after {
				t.Errorf("once it answers again: status %d, want %d", p.status, after)
			}
		})
	}
	t.Run("gone", func(t *testing.T) {
		s := newSite(t, nil)
		b := s.browser(t)
		b.signIn("/")
		s.hub.Close()
		if p := b.get("/"); p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" {
			t.Errorf("status %d", p.status)
		}
	})
}

// A token goes to GitHub's API and nowhere else.
func TestRedirectsOfTheAPI(t *testing.T) {
	other := newHub(t)
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	s.hub.set(func() {
		s.hub.status["/repos/acme/orders"], s.hub.header = http.StatusMovedPermanently, http.Header{"Location": {other.URL + "/repos/acme/orders"}}
	})
	if p := b.get("/r/acme/orders"); p.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", p.status)
	}
	if other.asked("") != 0 {
		t.Error("another host was asked")
	}
	s.hub.set(func() { s.hub.header = http.Header{"Location": {"/repos/acme/billing"}}; s.pass(rememberFor) })
	if p := b.get("/r/acme/orders"); p.status != http.StatusOK || !strings.Contains(p.body, "acme/billing") {
		t.Errorf("a renamed repository: %d", p.status)
	}
}

func TestStoreIsDown(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	s.shelf.fails = errors.New("the disk is full at /var/lib/pmcheck")
	for _, path := range []string{"/", "/postmortems", "/r/acme/orders", "/r/acme/orders/41", "/r/acme/orders/41/report"} {
		if p := b.get(path); p.status != http.StatusInternalServerError || strings.Contains(p.body, "/var/lib") {
			t.Errorf("%s: status %d: %s", path, p.status, p.body)
		}
	}
	if !strings.Contains(s.log.String(), "the disk is full") {
		t.Error("the log does not say why")
	}
}

func TestReadersAreForgotten(t *testing.T) {
	g := newGitHub("https://api.example", http.DefaultClient, func() time.Time { return noon })
	for i := range maxReaders + 10 {
		g.mu.Lock()
		g.entry(fmt.Sprint(i)).used = noon.Add(time.Duration(i))
		g.mu.Unlock()
	}
	if len(g.sessions) != maxReaders || g.sessions["0"] != nil || g.sessions[fmt.Sprint(maxReaders+9)] == nil {
		t.Errorf("%d are remembered", len(g.sessions))
	}
}

// noSessions is a store of sessions that cannot be written.
type noSessions struct{ scs.Store }

func (noSessions) Commit(string, []byte, time.Time) error { return errors.New("the disk is full") }

func TestSessionsCannotBeStored(t *testing.T) {
	s := newSite(t, nil)
	o := s.options(s.URL)
	o.Sessions = noSessions{s.sessions}
	var err error
	if s.Config.Handler, err = New(o); err != nil {
		t.Fatal(err)
	}
	p := s.browser(t).do(http.MethodPost, "/login", nil)
	if p.status != http.StatusInternalServerError || strings.Count(p.body, "</html>") != 1 || !strings.HasSuffix(p.body, "</html>\n") {
		t.Errorf("status %d: %s", p.status, p.body)
	}
}
