package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestLogin(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	p := b.get("/r/acme/orders/41")
	if p.status != http.StatusSeeOther || p.header.Get("Location") != "/login?next=%2Fr%2Facme%2Forders%2F41" {
		t.Fatalf("without a login: %d, %q", p.status, p.header.Get("Location"))
	}
	if p = b.get(p.header.Get("Location")); !strings.Contains(p.body, `name="next" value="/r/acme/orders/41"`) {
		t.Errorf("the login does not lead back: %s", p.body)
	}
	if to := b.signIn("/r/acme/orders/41"); to != "/r/acme/orders/41" {
		t.Errorf("the login ends at %q", to)
	}
	if p = b.get("/r/acme/orders/41"); p.status != http.StatusOK || !strings.Contains(p.body, "Drop the column that nobody reads any more") {
		t.Errorf("after the login: %d %s", p.status, p.body)
	}
	if p = b.get("/login?next=/postmortems"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/postmortems" {
		t.Errorf("signed in already: %d, %q", p.status, p.header.Get("Location"))
	}
	if p = b.do(http.MethodPost, "/logout", nil); p.status != http.StatusSeeOther || p.header.Get("Location") != "/login" {
		t.Errorf("logout: %d, %q", p.status, p.header.Get("Location"))
	}
	if p = b.get("/"); p.status != http.StatusSeeOther {
		t.Errorf("after the logout: %d", p.status)
	}
}

// A cookie that was stolen before the logout is worth nothing after it.
func TestLogoutEndsTheSessionItself(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	stolen := "pmcheck=" + b.cookie()
	thief := s.browser(t)
	if p := thief.do(http.MethodGet, "/", nil, "Cookie", stolen); p.status != http.StatusOK {
		t.Fatalf("before: %d", p.status)
	}
	b.do(http.MethodPost, "/logout", nil)
	if p := thief.do(http.MethodGet, "/", nil, "Cookie", stolen); p.status != http.StatusSeeOther {
		t.Errorf("after: %d", p.status)
	}
}

// A page that is still being made while another tab signs out does not bring the session back.
func TestLogoutWhileAPageIsMade(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	s.pass(2 * touchEvery)
	arrived := make(chan struct{})
	s.hub.set(func() { s.hub.arrived = arrived })
	stolen := "pmcheck=" + b.cookie()
	done := make(chan page)
	slow := s.browser(t)
	go func() { done <- slow.do(http.MethodGet, "/", nil, "Cookie", stolen) }()
	<-arrived
	b.do(http.MethodPost, "/logout", nil)
	arrived <- struct{}{}
	<-done
	if p := slow.do(http.MethodGet, "/", nil, "Cookie", stolen); p.status != http.StatusSeeOther {
		t.Errorf("the session is back: %d", p.status)
	}
}

func TestForgedAnswersOfGitHub(t *testing.T) {
	victim := func(t *testing.T) (*site, *browser) {
		s := newSite(t, nil)
		return s, s.browser(t)
	}
	t.Run("no state", func(t *testing.T) {
		s, b := victim(t)
		b.begin("/")
		if p := b.get("/login/callback?code=x"); p.status != http.StatusBadRequest {
			t.Errorf("status %d", p.status)
		}
		if s.hub.exchanges != 0 {
			t.Error("the code was exchanged")
		}
	})
	t.Run("the state of another browser", func(t *testing.T) {
		s, b := victim(t)
		s.hub.set(func() { s.hub.user = "mallory" })
		attacker := s.browser(t)
		link := attacker.callback(attacker.begin("/"))
		b.begin("/")
		if p := b.get(link); p.status != http.StatusBadRequest {
			t.Errorf("status %d", p.status)
		}
		if s.hub.exchanges != 0 {
			t.Error("the code was exchanged")
		}
		if p := b.get("/"); p.status != http.StatusSeeOther {
			t.Errorf("signed in as the attacker: %s", p.body)
		}
	})
	t.Run("another code with the right state: PKCE", func(t *testing.T) {
		s, b := victim(t)
		s.hub.set(func() { s.hub.user = "mallory" })
		attacker := s.browser(t)
		foreign, _ := url.Parse(attacker.callback(attacker.begin("/")))
		s.hub.set(func() { s.hub.user = "olga" })
		own, _ := url.Parse(b.callback(b.begin("/")))
		q := own.Query()
		q.Set("code", foreign.Query().Get("code"))
		if p := b.get("/login/callback?" + q.Encode()); p.status != http.StatusForbidden {
			t.Errorf("status %d", p.status)
		}
		if p := b.get("/"); p.status != http.StatusSeeOther {
			t.Errorf("signed in: %d", p.status)
		}
	})
	t.Run("replayed", func(t *testing.T) {
		s, b := victim(t)
		link := b.callback(b.begin("/"))
		b.get(link)
		b.do(http.MethodPost, "/logout", nil)
		if p := b.get(link); p.status != http.StatusBadRequest {
			t.Errorf("status %d", p.status)
		}
		if s.hub.exchanges != 1 {
			t.Errorf("%d exchanges", s.hub.exchanges)
		}
	})
	t.Run("too late", func(t *testing.T) {
		s, b := victim(t)
		link := b.callback(b.begin("/"))
		s.pass(loginTime + time.Second)
		if p := b.get(link); p.status != http.StatusBadRequest {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("refused by the user", func(t *testing.T) {
		_, b := victim(t)
		at, _ := url.Parse(b.begin("/postmortems"))
		p := b.get("/login/callback?error=access_denied&state=" + url.QueryEscape(at.Query().Get("state")))
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "was not allowed") || !strings.Contains(p.body, `value="/postmortems"`) {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
	t.Run("GitHub is down in between", func(t *testing.T) {
		s, b := victim(t)
		link := b.callback(b.begin("/"))
		s.hub.set(func() { s.hub.status["/login/oauth/access_token"] = 502 })
		if p := b.get(link); p.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
}

func TestTwoTabs(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	first, second := b.begin("/postmortems"), b.begin("/r/acme/orders/41")
	one, two := b.callback(first), b.callback(second)
	if p := b.get(one); p.header.Get("Location") != "/postmortems" {
		t.Errorf("the first tab ends at %q", p.header.Get("Location"))
	}
	if p := b.get(two); p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
		t.Errorf("the second tab: %d, %q", p.status, p.header.Get("Location"))
	}
	if p := b.do(http.MethodPost, "/login", url.Values{"next": {"/postmortems"}}); p.header.Get("Location") != "/postmortems" {
		t.Errorf("a third tab, that shows the login still: %d, %q", p.status, p.header.Get("Location"))
	}
}

func TestSessionFixation(t *testing.T) {
	s := newSite(t, nil)
	attacker := s.browser(t)
	attacker.begin("/")
	planted := attacker.cookie()
	b := s.browser(t)
	b.begin("/")
	before := b.cookie()
	b.signIn("/")
	if b.cookie() == before || b.cookie() == "" {
		t.Error("the login keeps the cookie")
	}
	for _, cookie := range []string{planted, before} {
		if p := s.browser(t).do(http.MethodGet, "/", nil, "Cookie", "pmcheck="+cookie); p.status != http.StatusSeeOther {
			t.Errorf("a cookie from before the login is signed in: %d", p.status)
		}
	}
}

func TestForeignForms(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	for name, header := range map[string][]string{
		"another site":            {"Sec-Fetch-Site", "cross-site"},
		"another host, same site": {"Sec-Fetch-Site", "same-site"},
		"an old browser":          {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a sandboxed frame":       {"Sec-Fetch-Site", "cross-site", "Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			if p := b.do(http.MethodPost, "/logout", nil, header...); p.status != http.StatusForbidden {
				t.Errorf("status %d", p.status)
			}
			if p := b.do(http.MethodPost, "/login", nil, header...); p.status != http.StatusForbidden {
				t.Errorf("login: status %d", p.status)
			}
			if p := b.get("/"); p.status != http.StatusOK {
				t.Errorf("signed out: %d", p.status)
			}
		})
	}
	if p := b.get("/logout"); p.status != http.StatusNotFound {
		t.Errorf("GET /logout: status %d", p.status)
	}
	if p := b.get("/"); p.status != http.StatusOK {
		t.Errorf("GET /logout signs out: %d", p.status)
	}
	if p := b.do(http.MethodPost, "/logout", nil, "Sec-Fetch-Site", "", "Origin", s.URL); p.status != http.StatusSeeOther {
		t.Errorf("the own form of an old browser: %d", p.status)
	}
}

func TestSafeNext(t *testing.T) {
	for next, want := range map[string]string{
		"/":                               "/",
		"/postmortems":                    "/postmortems",
		"/r/acme/orders/41?head=abc":      "/r/acme/orders/41?head=abc",
		"":                                "/",
		"https://evil.example/":           "/",
		"//evil.example/r/":               "/",
		"/\\evil.example":                 "/",
		"\\/evil.example":                 "/",
		"/r/..//evil.example":             "/",
		"/r/../../evil":                   "/",
		"/r//evil.example":                "/",
		"javascript:alert(1)":             "/",
		"/logout":                         "/",
		"/login?next=/login":              "/",
		"/r/a/b\r\nSet-Cookie: x=y":       "/",
		"/r/a/b%0d%0aSet-Cookie:%20x=y":   "/",
		"/r/a/b?x=%0d%0aLocation:evil":    "/r/a/b?x=%0D%0ALocation%3Aevil",
		"/r/%2e%2e/%2e%2e/":               "/",
		"/r/a/b#<script>":                 "/r/a/b",
		"/r/" + strings.Repeat("a", 1000): "/",
		"/r/a%00b":                        "/",
		"http:/r/a":                       "/",
	} {
		if got := safeNext(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func FuzzSafeNext(f *testing.F) {
	for _, seed := range []string{"/", "/r/a/b/1?head=x", "//evil.example", "/r/%5cevil", "/\t/evil.example", "/r/a;b"} {
		f.Add(seed)
	}
	own, _ := url.Parse("https://pmcheck.example/login")
	f.Fuzz(func(t *testing.T, next string) {
		got := safeNext(next)
		u, err := own.Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "pmcheck.example" || strings.ContainsAny(got, "\r\n\\") || strings.HasPrefix(got, "//") {
			t.Errorf("%q leads to %q", next, got)
		}
		if again := safeNext(got); again != got {
			t.Errorf("%q leads to %q, and that to %q", next, got, again)
		}
	})
}

func TestTimeouts(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		s := newSite(t, nil)
		b := s.browser(t)
		b.signIn("/")
		for range 3 { // in use, it lasts
			s.pass(idle - time.Minute)
			if p := b.get("/"); p.status != http.StatusOK {
				t.Fatalf("in use: %d", p.status)
			}
		}
		s.pass(idle)
		if p := b.get("/"); p.status != http.StatusSeeOther {
			t.Errorf("idle: %d", p.status)
		}
	})
	t.Run("absolute", func(t *testing.T) {
		s := newSite(t, nil)
		b := s.browser(t)
		b.signIn("/")
		for passed := time.Duration(0); passed < lifetime-time.Hour; passed += time.Hour {
			s.pass(time.Hour)
			if p := b.get("/"); p.status != http.StatusOK {
				t.Fatalf("after %v: %d", passed, p.status)
			}
		}
		s.pass(time.Hour)
		if p := b.get("/"); p.status != http.StatusSeeOther {
			t.Errorf("after its lifetime: %d", p.status)
		}
	})
}

func TestCookie(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	p := b.do(http.MethodPost, "/login", nil)
	if c := p.header.Get("Set-Cookie"); !strings.HasPrefix(c, "pmcheck=") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || strings.Contains(c, "Secure") || strings.Contains(c, "Domain") {
		t.Errorf("on http: %s", c)
	}
	secure, err := New(s.options("https://pmcheck.example"))
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = secure
	p = b.do(http.MethodPost, "/login", nil)
	if c := p.header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-pmcheck=") || !strings.Contains(c, "Path=/;") || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Lax") || !strings.Contains(c, "; Secure") {
		t.Errorf("on https: %s", c)
	}
	if p.header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security on https")
	}
}

func TestHostileCookies(t *testing.T) {
	s := newSite(t, nil)
	for name, cookie := range map[string]string{
		"large": strings.Repeat("A", 500_000), "SQL": "' OR 1=1 --", "not there": strings.Repeat("A", 43), "many": strings.Repeat("a=b; ", 5000) + "pmcheck=x",
	} {
		t.Run(name, func(t *testing.T) {
			if p := s.browser(t).do(http.MethodGet, "/", nil, "Cookie", "pmcheck="+cookie); p.status != http.StatusSeeOther {
				t.Errorf("status %d", p.status)
			}
		})
	}
	if all, _ := s.sessions.All(); len(all) != 0 {
		t.Errorf("%d sessions were made for them", len(all))
	}
}

func TestPendingLoginsAreFew(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	first := b.begin("/")
	for range 3 * maxPending {
		b.begin("/")
	}
	last := b.begin("/postmortems")
	if p := b.get(b.callback(first)); p.status != http.StatusBadRequest {
		t.Errorf("the first of many: %d", p.status)
	}
	if p := b.get(b.callback(last)); p.header.Get("Location") != "/postmortems" {
		t.Errorf("the last of many: %d", p.status)
	}
}

// Neither the store of sessions nor the log nor a page has a token, a code or a cookie.
func TestSecretsStayAway(t *testing.T) {
	s := newSite(t, nil)
	b := s.browser(t)
	b.signIn("/")
	said := b.get("/").body + b.get("/postmortems").body + b.get("/r/acme/orders/41").body + b.get("/r/acme/nothing").body
	s.hub.set(func() { s.hub.status["/user/installations"] = 500 })
	s.pass(rememberFor)
	said += b.get("/").body
	s.hub.set(func() { clear(s.hub.status); clear(s.hub.tokens) })
	s.shelf.fails = errors.New("the disk is full")
	said += b.get("/r/acme/orders").body
	b.get("/login/callback?state=x&code=guessed-code")

	secrets := append([]string{b.cookie(), "the-client-secret", "guessed-code"}, s.hub.issued...)
	all, _ := s.sessions.All()
	for key, value := range all {
		said += key + string(value)
	}
	said += s.log.String()
	if !strings.Contains(said, "signed in") {
		t.Fatal("nothing was logged")
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(said, secret) {
			t.Errorf("%q can be read", secret)
		}
	}
}

func TestSealed(t *testing.T) {
	sealed, err := seal("cookie", "ghu_token")
	if err != nil {
		t.Fatal(err)
	}
	if token, err := open("cookie", sealed); token != "ghu_token" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
	again, _ := seal("cookie", "ghu_token")
	if string(again) == string(sealed) {
		t.Error("the same nonce twice")
	}
	sealed[len(sealed)-1] ^= 1
	for name, attempt := range map[string]func() (string, error){
		"changed":        func() (string, error) { return open("cookie", sealed) },
		"another cookie": func() (string, error) { return open("cookie2", again) },
		"no cookie":      func() (string, error) { return open("", again) },
		"nothing":        func() (string, error) { return open("cookie", nil) },
	} {
		if token, err := attempt(); err == nil {
			t.Errorf("%s: %q", name, token)
		}
	}
}

func TestOptions(t *testing.T) {
	s := newSite(t, nil)
	good := s.options("https://pmcheck.example")
	for name, change := range map[string]func(*Options){
		"public URL":  func(o *Options) { o.PublicURL = "pmcheck.example" },
		"public URL ": func(o *Options) { o.PublicURL = "https://pmcheck.example/path" },
		"API URL":     func(o *Options) { o.API = "" },
		"OAuth":       func(o *Options) { o.OAuth.Endpoint = oauth2.Endpoint{} },
		"client id":   func(o *Options) { o.OAuth.ClientSecret = "" },
		"store":       func(o *Options) { o.Store = nil },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
