package fakegithub

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// grant is a person's consent, on the way to becoming a token.
type grant struct {
	app       *app
	user      *user
	redirect  string
	challenge string // of PKCE, S256
	expires   time.Time
}

// Login is who is logged in with a browser from now on; "" is nobody.
func (s *Server) Login(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if login != "" {
		s.userOf(login)
	}
	s.viewer = login
}

// servePage serves the pages of the site; false when there is none at the path.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) bool {
	var page func(http.ResponseWriter, *http.Request) int
	var route string
	segs := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/login/oauth/authorize" && r.Method == "GET":
		page, route = s.authorize, r.URL.Path
	case r.URL.Path == "/login/oauth/access_token" && r.Method == "POST":
		page, route = s.accessToken, r.URL.Path
	case r.URL.Path == "/settings/apps/new" && r.Method == "POST":
		page, route = s.newManifest, r.URL.Path
	case len(segs) == 5 && segs[0] == "organizations" && strings.HasSuffix(r.URL.Path, "/settings/apps/new") && r.Method == "POST":
		page, route = s.newManifest, "/organizations/{org}/settings/apps/new"
	case len(segs) == 4 && (segs[0] == "apps" || segs[0] == "github-apps") && segs[2] == "installations" && segs[3] == "new" && r.Method == "GET":
		page, route = s.installPage, "/apps/{slug}/installations/new"
	default:
		return false
	}
	call := Call{Method: r.Method, Route: route, Path: r.URL.Path}
	if f := s.fault(r.Method, route); f == nil || f.before(s, w, r, &call) {
		call.Status = page(w, r)
		s.record(call)
	}
	return true
}

func say(w http.ResponseWriter, status int, message string) int {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html><title>GitHub</title><p>%s</p>\n", html.EscapeString(message))
	return status
}

func to(w http.ResponseWriter, r *http.Request, base string, add url.Values) int {
	u, err := url.Parse(base)
	if err != nil {
		return say(w, 400, "The address to go back to can't be read: "+err.Error())
	}
	v := u.Query()
	for k := range add {
		v.Set(k, add.Get(k))
	}
	u.RawQuery = v.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
	return http.StatusFound
}

func (s *Server) byClient(id string) *app {
	for _, a := range s.apps {
		if a.clientID == id && id != "" {
			return a
		}
	}
	return nil
}

// allowed is GitHub's rule: same host, and a path at or below that of a registered callback; any port of a loopback address.
func (a *app) allowed(redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" || u.User != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if len(a.callbacks) == 0 {
		return loopback
	}
	return slices.ContainsFunc(a.callbacks, func(c string) bool {
		b, err := url.Parse(c)
		sameHost := err == nil && b.Scheme == u.Scheme && (b.Host == u.Host || loopback && b.Hostname() == u.Hostname())
		below := sameHost && (u.Path == b.Path || strings.HasPrefix(u.Path, strings.TrimSuffix(b.Path, "/")+"/"))
		return below && !strings.Contains(u.Path, "..")
	})
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) int {
	q := r.URL.Query()
	s.mu.Lock()
	a := s.byClient(q.Get("client_id"))
	viewer := s.viewer
	s.mu.Unlock()
	if a == nil {
		return say(w, 404, "There is no App with that client_id.")
	}
	redirect := q.Get("redirect_uri")
	if redirect == "" && len(a.callbacks) > 0 {
		redirect = a.callbacks[0]
	}
	if !a.allowed(redirect) {
		return say(w, 400, "The redirect_uri is not associated with this application.")
	}
	back := url.Values{}
	if state := q.Get("state"); state != "" {
		back.Set("state", state)
	}
	if q.Get("state") == "" { // GitHub lets it pass; nobody who means well leaves it out
		return say(w, 400, "The state is missing: without it anybody can log somebody else in.")
	}
	if m := q.Get("code_challenge_method"); m != "" && m != "S256" {
		return say(w, 400, "The code_challenge_method is not S256.")
	}
	if viewer == "" {
		back.Set("error", "access_denied")
		back.Set("error_description", "The user has denied your application access.")
		return to(w, r, redirect, back)
	}
	s.mu.Lock()
	code := s.secret(10)
	s.codes[code] = &grant{app: a, user: s.userOf(viewer), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), expires: s.now().Add(10 * time.Minute)}
	s.mu.Unlock()
	back.Set("code", code)
	return to(w, r, redirect, back)
}

// accessToken answers 200 to everything, errors too, as GitHub does.
func (s *Server) accessToken(w http.ResponseWriter, r *http.Request) int {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var body map[string]string
		b, _ := io.ReadAll(r.Body)
		if json.Unmarshal(b, &body) != nil {
			return say(w, 400, "Problems parsing JSON")
		}
		r.Form = url.Values{}
		for k, v := range body {
			r.Form.Set(k, v)
		}
	} else if r.ParseForm() != nil {
		return say(w, 400, "Problems parsing the form")
	}
	form := r.Form
	id, password := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		password, _ = url.QueryUnescape(pass)
	}
	answer := url.Values{}
	refuse := func(code, description string) {
		answer.Set("error", code)
		answer.Set("error_description", description)
		answer.Set("error_uri", "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#"+strings.ReplaceAll(code, "_", "-"))
	}
	s.mu.Lock()
	a := s.byClient(id)
	g := s.codes[form.Get("code")]
	switch {
	case a == nil || a.clientSecret != password:
		refuse("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
	case g == nil || g.app != a || !g.expires.After(s.now()):
		refuse("bad_verification_code", "The code passed is incorrect or expired.")
	case g.redirect != "" && form.Get("redirect_uri") != "" && form.Get("redirect_uri") != g.redirect:
		refuse("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
	case g.challenge != "" && challenge(form.Get("code_verifier")) != g.challenge:
		refuse("bad_verification_code", "The code_verifier does not fit.")
	default:
		delete(s.codes, form.Get("code"))
		t := &token{text: "ghu_" + s.secret(18), app: a, user: g.user, expires: s.now().Add(8 * time.Hour)}
		s.tokens[t.text] = t
		for k, v := range map[string]string{
			"access_token": t.text, "token_type": "bearer", "scope": "", "expires_in": "28800", "refresh_token": "ghr_" + s.secret(38), "refresh_token_expires_in": "15897600",
		} {
			answer.Set(k, v)
		}
	}
	s.mu.Unlock()
	if !strings.Contains(r.Header.Get("Accept"), "json") {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		io.WriteString(w, answer.Encode())
		return 200
	}
	o := obj{}
	for k := range answer {
		o[k] = answer.Get(k)
		if n, err := strconv.Atoi(answer.Get(k)); err == nil && strings.HasSuffix(k, "expires_in") {
			o[k] = n
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(o)
	return 200
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// UserToken is a token of a person's, as logging in gives one, for the first App.
func (s *Server) UserToken(login string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &token{text: "ghu_" + s.secret(18), app: s.main, user: s.userOf(login), expires: s.now().Add(8 * time.Hour)}
	s.tokens[t.text] = t
	return t.text
}

func getUser(q *request) (int, any) {
	u := q.tok.user
	o := q.s.userJSON(u)
	for _, k := range []string{"name", "company", "location", "email", "hireable", "bio", "twitter_username"} {
		o[k] = nil
	}
	o["blog"] = ""
	for _, k := range []string{"public_repos", "public_gists", "followers", "following", "private_gists", "total_private_repos", "owned_private_repos", "disk_usage", "collaborators"} {
		o[k] = 0
	}
	o["two_factor_authentication"], o["created_at"], o["updated_at"] = true, stamp(u.created), stamp(u.created)
	o["user_view_type"] = "private"
	return 200, o
}

// reach is the repositories of an installation that the person may read.
func (q *request) reach(i *installation) []*Repo {
	var out []*Repo
	for _, r := range i.sorted() {
		if levelOf(r, q.tok.user) != "none" {
			out = append(out, r)
		}
	}
	return out
}

func listUserInstallations(q *request) (int, any) {
	var chosen []*installation
	for _, i := range q.installations() {
		if i.account == q.tok.user || len(q.reach(i)) > 0 {
			chosen = append(chosen, i)
		}
	}
	out := []obj{}
	for _, i := range page(q, chosen) {
		out = append(out, q.s.installationJSON(i))
	}
	return 200, obj{"total_count": len(chosen), "installations": out}
}

func listUserRepos(q *request) (int, any) {
	i := q.installation()
	if i == nil || i.account != q.tok.user && len(q.reach(i)) == 0 {
		return notFound()
	}
	repos := q.reach(i)
	out := []obj{}
	for _, r := range page(q, repos) {
		out = append(out, q.withPermissions(r))
	}
	return 200, obj{"total_count": len(repos), "repository_selection": i.selection(), "repositories": out}
}
