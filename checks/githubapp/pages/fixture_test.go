package pages

import (
	"bytes"
	"context"
	"crypto/sha1" // as git does
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"
	"golang.org/x/oauth2"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// hub is a GitHub as far as the pages ask it: the login, and what a user may read.
type hub struct {
	*httptest.Server

	mu        sync.Mutex
	user      string              // who is at the browser
	may       map[string][]string // user -> OWNER/NAME of what the App is installed on
	public    []string
	ids       map[string]int64
	codes     map[string]grant // issued and not yet used
	tokens    map[string]string
	issued    []string       // all tokens and codes that were ever issued
	status    map[string]int // path -> what it answers instead
	header    http.Header    // with each status
	requests  []string
	exchanges int
	arrived   chan struct{} // /user/installations sends here when not nil, and waits for another
}

type grant struct{ user, challenge, redirect string }

func newHub(t *testing.T) *hub {
	h := &hub{user: "olga", codes: map[string]grant{}, tokens: map[string]string{}, status: map[string]int{}, ids: map[string]int64{},
		may: map[string][]string{"olga": {"acme/orders", "acme/billing"}, "mallory": {"evil/mine"}}, public: []string{"acme/docs"}}
	for i, name := range []string{"acme/orders", "acme/billing", "acme/secret", "acme/docs", "evil/mine"} {
		h.ids[name] = int64(100 + i)
	}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func (h *hub) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

func (h *hub) asked(part string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, r := range h.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, r.Method+" "+r.URL.RequestURI())
	if status := h.status[r.URL.Path]; status != 0 {
		for name, values := range h.header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		return
	}
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	switch r.URL.Path {
	case "/login/oauth/authorize":
		q := r.URL.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "Iv1.app" {
			http.Error(w, "wrong", http.StatusBadRequest)
			return
		}
		code := fmt.Sprintf("code-%d", len(h.issued))
		h.issued = append(h.issued, code)
		h.codes[code] = grant{h.user, q.Get("code_challenge"), q.Get("redirect_uri")}
		back, _ := url.Parse(q.Get("redirect_uri"))
		back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound)
		return
	case "/login/oauth/access_token":
		h.exchanges++
		g, ok := h.codes[r.PostFormValue("code")]
		delete(h.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if !ok || r.PostFormValue("client_secret") != "the-client-secret" || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge || r.PostFormValue("redirect_uri") != g.redirect {
			answer(map[string]string{"error": "bad_verification_code"}) // with status 200, as GitHub does
			return
		}
		token := fmt.Sprintf("ghu_secret%dtoken", len(h.issued))
		h.issued = append(h.issued, token)
		h.tokens[token] = g.user
		answer(map[string]any{"access_token": token, "token_type": "bearer", "scope": ""})
		return
	}
	user, ok := h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	repo := func(name string) map[string]any {
		owner, short, _ := strings.Cut(name, "/")
		return map[string]any{"id": h.ids[name], "name": short, "owner": map[string]string{"login": owner}, "private": !slices.Contains(h.public, name)}
	}
	page := func(all []map[string]any, key string) {
		n, _ := strconv.Atoi(r.URL.Query().Get("page"))
		per, _ := strconv.Atoi(r.URL.Query().Get("per_page"))
		if n < 1 || per < 1 || per > 100 {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		from := min((n-1)*per, len(all))
		answer(map[string]any{"total_count": len(all), key: all[from:min(from+per, len(all))]})
	}
	switch path := r.URL.Path; {
	case path == "/user":
		answer(map[string]any{"id": len(user), "login": user})
	case path == "/user/installations":
		if arrived := h.arrived; arrived != nil {
			h.mu.Unlock()
			arrived <- struct{}{}
			<-arrived
			h.mu.Lock()
		}
		page([]map[string]any{{"id": 7}, {"id": 8, "suspended_at": "2026-01-01T00:00:00Z"}}, "installations")
	case path == "/user/installations/7/repositories":
		all := []map[string]any{}
		for _, name := range h.may[user] {
			all = append(all, repo(name))
		}
		page(all, "repositories")
	case strings.HasPrefix(path, "/repos/"):
		name := strings.TrimPrefix(path, "/repos/")
		if !slices.Contains(h.may[user], name) && !slices.Contains(h.public, name) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(repo(name))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// shelf is a Store.
type shelf struct {
	mu           sync.Mutex
	repositories []job.Repository
	standings    []job.Standing // newest first
	reports      map[string]string
	lessons      []job.Lessons
	fails        error
	asked        int
}

func (s *shelf) begin() (func(), error) {
	s.mu.Lock()
	s.asked++
	return s.mu.Unlock, s.fails
}

func (s *shelf) Repositories(_ context.Context, ids []int64) ([]job.Repository, error) {
	end, err := s.begin()
	defer end()
	var out []job.Repository
	for _, r := range s.repositories {
		if slices.Contains(ids, r.ID) {
			out = append(out, r)
		}
	}
	return out, err
}

func (s *shelf) Recent(_ context.Context, repositories []int64, limit int) ([]job.Standing, error) {
	end, err := s.begin()
	defer end()
	seen := map[string]bool{}
	var out []job.Standing
	for _, at := range s.standings {
		if slices.Contains(repositories, at.Subject.Repository.ID) && !seen[at.Subject.Key()] && len(out) < limit {
			seen[at.Subject.Key()] = true
			out = append(out, at)
		}
	}
	return out, err
}

func (s *shelf) History(_ context.Context, repository int64, number, limit int) ([]job.Standing, error) {
	end, err := s.begin()
	defer end()
	var out []job.Standing
	for _, at := range s.standings {
		if at.Subject.Repository.ID == repository && at.Subject.Number == number && len(out) < limit {
			out = append(out, at)
		}
	}
	return out, err
}

func (s *shelf) Report(_ context.Context, repository int64, number int, head string) ([]byte, error) {
	end, err := s.begin()
	defer end()
	return []byte(s.reports[fmt.Sprintf("%d#%d@%s", repository, number, head)]), err
}

func (s *shelf) Lessons(_ context.Context, repositories []int64) ([]job.Lessons, error) {
	end, err := s.begin()
	defer end()
	var out []job.Lessons
	for _, l := range s.lessons {
		if slices.Contains(repositories, l.Repository.ID) {
			out = append(out, l)
		}
	}
	return out, err
}

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func sha(n int) string { return fmt.Sprintf("%x", sha1.Sum([]byte{byte(n)})) }

// site is the pages, with all that they need.
type site struct {
	*httptest.Server
	hub      *hub
	shelf    *shelf
	sessions *memstore.MemStore
	log      *locked

	mu  sync.Mutex
	now time.Time
}

// locked is a buffer that requests may write to at once.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (s *site) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newSite(t *testing.T, content *shelf) *site {
	t.Helper()
	if content == nil {
		content = exampleShelf()
	}
	s := &site{hub: newHub(t), shelf: content, sessions: memstore.NewWithCleanupInterval(0), log: &locked{}, now: noon}
	s.Server = httptest.NewUnstartedServer(nil)
	public := "http://" + s.Listener.Addr().String()
	handler, err := New(s.options(public))
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Handler = handler
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) options(public string) Options {
	return Options{
		PublicURL: public, API: s.hub.URL, Store: s.shelf, Sessions: s.sessions, Now: s.Now, Log: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OAuth: oauth2.Config{ClientID: "Iv1.app", ClientSecret: "the-client-secret", Endpoint: oauth2.Endpoint{
			AuthURL: s.hub.URL + "/login/oauth/authorize", TokenURL: s.hub.URL + "/login/oauth/access_token"}},
		InstallURL: "https://github.com/apps/pmcheck/installations/new",
	}
}

// browser is a client with cookies, at the site; it follows no redirect by itself.
type browser struct {
	t    *testing.T
	site *site
	*http.Client
}

type page struct {
	status int
	header http.Header
	body   string
}

func (s *site) browser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{t, s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (b *browser) do(method, address string, form url.Values, header ...string) page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.site.URL + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if method != http.MethodGet {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{answer.StatusCode, answer.Header, string(body)}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	return b.do(http.MethodGet, address, nil)
}

// begin starts a login, and is GitHub's address for it.
func (b *browser) begin(next string) string {
	b.t.Helper()
	p := b.do(http.MethodPost, "/login", url.Values{"next": {next}})
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), b.site.hub.URL) {
		b.t.Fatalf("the login begins with status %d, Location %q", p.status, p.header.Get("Location"))
	}
	return p.header.Get("Location")
}

// callback is where GitHub sends the browser, once it has said yes.
func (b *browser) callback(authorize string) string {
	b.t.Helper()
	p := b.get(authorize)
	if p.status != http.StatusFound {
		b.t.Fatalf("GitHub answers %d", p.status)
	}
	return p.header.Get("Location")
}

// signIn is the whole login; it is the path that it ends at.
func (b *browser) signIn(next string) string {
	b.t.Helper()
	p := b.get(b.callback(b.begin(next)))
	if p.status != http.StatusSeeOther {
		b.t.Fatalf("the login ends with status %d: %s", p.status, p.body)
	}
	return p.header.Get("Location")
}

func (b *browser) cookie() string {
	at, _ := url.Parse(b.site.URL)
	for _, c := range b.Jar.Cookies(at) {
		return c.Value
	}
	return ""
}
