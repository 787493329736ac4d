package fakegithub

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// app is a registered GitHub App.
type app struct {
	id           int64
	slug, name   string
	owner        string
	url          string
	description  string
	key          *rsa.PrivateKey
	pem          []byte
	secret       string // of webhooks
	clientID     string
	clientSecret string
	callbacks    []string
	setupURL     string
	hookURL      string
	hookActive   bool
	insecureSSL  string
	permissions  map[string]string
	events       []string
	created      time.Time
}

// AppInfo is what the owner of a GitHub App knows of it.
type AppInfo struct {
	ID                     int64
	Slug                   string
	PrivateKey             []byte // PEM
	WebhookSecret          string
	ClientID, ClientSecret string
	WebhookURL             string
	Permissions            map[string]string
	Events                 []string
}

// installation is an App at an account.
type installation struct {
	id        int64
	app       *app
	account   *user
	all       bool // also of repositories to come
	repos     map[int64]*Repo
	perms     map[string]string
	suspended time.Time
	created   time.Time
	updated   time.Time
}

// appForm is what a manifest says.
type appForm struct {
	Name, URL, Description, HookURL, Owner, SetupURL string
	Callbacks                                        []string
	Permissions                                      map[string]string
	Events                                           []string
}

// The key of each server's first App is made once in a process: that takes a while.
var firstKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func (s *Server) newApp(f appForm) (*app, error) {
	generate := firstKey
	if s.main != nil {
		generate = func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	}
	key, err := generate()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &app{
		id: s.id("app"), name: f.Name, url: f.URL, description: f.Description, owner: f.Owner, key: key,
		pem:    pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		secret: s.secret(20), clientID: "Iv23" + s.secret(8), clientSecret: s.secret(20),
		callbacks: f.Callbacks, setupURL: f.SetupURL, hookURL: f.HookURL, hookActive: f.HookURL != "", insecureSSL: "0",
		permissions: maps.Clone(f.Permissions), events: slices.Sorted(slices.Values(f.Events)), created: s.now(),
	}
	if a.owner == "" {
		a.owner = "pmcheck"
	}
	if a.permissions["metadata"] == "" { // GitHub gives it to every App that has another one
		if a.permissions == nil {
			a.permissions = map[string]string{}
		}
		a.permissions["metadata"] = "read"
	}
	a.slug = strings.ToLower(strings.ReplaceAll(f.Name, " ", "-"))
	s.userOf(a.owner)
	s.apps[a.id] = a
	s.appOrder = append(s.appOrder, a.id)
	return a, nil
}

// App is the App that every Server has from the start.
func (s *Server) App() (id int64, slug string, privateKeyPEM []byte, webhookSecret string) {
	i := s.AppInfo()
	return i.ID, i.Slug, i.PrivateKey, i.WebhookSecret
}

// AppInfo is all of the App that every Server has from the start.
func (s *Server) AppInfo() AppInfo { return s.Apps()[0] }

// Apps are all Apps in the order in which they were made: the Server's own, and those of manifests.
func (s *Server) Apps() []AppInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []AppInfo
	for _, id := range s.appOrder {
		a := s.apps[id]
		out = append(out, AppInfo{
			ID: a.id, Slug: a.slug, PrivateKey: a.pem, WebhookSecret: a.secret, ClientID: a.clientID, ClientSecret: a.clientSecret,
			WebhookURL: a.hookURL, Permissions: maps.Clone(a.permissions), Events: slices.Clone(a.events),
		})
	}
	return out
}

// SetPermission sets what new tokens of the App's installations may do ("checks", "write"); level "" takes it away.
func (s *Server) SetPermission(name, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := func(m map[string]string) {
		if level == "" {
			delete(m, name)
		} else {
			m[name] = level
		}
	}
	set(s.main.permissions)
	for _, i := range s.installs {
		if i.app == s.main {
			set(i.perms)
			i.updated = s.now()
		}
	}
}

// SetCallback registers the URLs that a person may be sent back to after logging in; without any, loopback addresses are allowed.
func (s *Server) SetCallback(urls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.main.callbacks = urls
}

// Install installs the App at an account, for those repositories or, without any, for all that
// the account has and gets. It sends installation created.
func (s *Server) Install(owner string, repos ...*Repo) (installationID int64) {
	s.mu.Lock()
	id := s.main.id
	s.mu.Unlock()
	return s.InstallApp(id, owner, repos...)
}

// InstallApp is Install for an App that came by a manifest.
func (s *Server) InstallApp(appID int64, owner string, repos ...*Repo) (installationID int64) {
	s.mu.Lock()
	a := s.apps[appID]
	if a == nil {
		s.mu.Unlock()
		s.fatal(fmt.Errorf("there is no App %d", appID))
	}
	account := s.userOf(owner)
	i := &installation{
		id: s.id("installation"), app: a, account: account, all: len(repos) == 0, repos: map[int64]*Repo{},
		perms: maps.Clone(a.permissions), created: s.now(), updated: s.now(),
	}
	for _, r := range repos {
		i.repos[r.id] = r
	}
	if i.all {
		for _, r := range s.repoIDs {
			if strings.EqualFold(r.owner.login, owner) {
				i.repos[r.id] = r
			}
		}
	}
	s.installs[i.id] = i
	payload := obj{"action": "created", "installation": s.installationJSON(i), "repositories": shortRepos(i.sorted()), "requester": nil, "sender": s.userJSON(account)}
	send := s.event(i, "installation", payload, nil)
	s.mu.Unlock()
	send()
	return i.id
}

// Uninstall ends an installation: its tokens are no longer good. It sends installation deleted.
func (s *Server) Uninstall(installationID int64) {
	s.mu.Lock()
	i := s.installs[installationID]
	delete(s.installs, installationID)
	for text, t := range s.tokens {
		if t.inst == i {
			delete(s.tokens, text)
		}
	}
	payload := obj{"action": "deleted", "installation": s.installationJSON(i), "repositories": shortRepos(i.sorted()), "requester": nil, "sender": s.userJSON(i.account)}
	send := s.event(i, "installation", payload, nil)
	s.mu.Unlock()
	send()
}

// Suspend suspends an installation or, with false, ends that, and sends the event.
func (s *Server) Suspend(installationID int64, yes bool) {
	s.mu.Lock()
	i := s.installs[installationID]
	action := "unsuspend"
	i.suspended = time.Time{}
	if yes {
		action, i.suspended = "suspend", s.now()
	}
	payload := obj{"action": action, "installation": s.installationJSON(i), "repositories": shortRepos(i.sorted()), "requester": nil, "sender": s.userJSON(i.account)}
	send := s.event(i, "installation", payload, nil)
	s.mu.Unlock()
	send()
}

// AddRepos gives an installation more repositories, and sends installation_repositories added.
func (s *Server) AddRepos(installationID int64, repos ...*Repo) {
	s.change(installationID, "added", repos)
}

// RemoveRepos takes repositories from an installation, and sends installation_repositories removed.
func (s *Server) RemoveRepos(installationID int64, repos ...*Repo) {
	s.change(installationID, "removed", repos)
}

func (s *Server) change(installationID int64, action string, repos []*Repo) {
	s.mu.Lock()
	i := s.installs[installationID]
	added, removed := []obj{}, []obj{}
	for _, r := range repos {
		if action == "added" {
			i.repos[r.id] = r
		} else {
			delete(i.repos, r.id)
		}
	}
	if action == "added" {
		added = shortRepos(repos)
	} else {
		i.all, removed = false, shortRepos(repos)
	}
	i.updated = s.now()
	send := s.event(i, "installation_repositories", obj{
		"action": action, "installation": s.installationJSON(i), "repositories_added": added, "repositories_removed": removed,
		"repository_selection": i.selection(), "requester": nil, "sender": s.userJSON(i.account),
	}, nil)
	s.mu.Unlock()
	send()
}

func (i *installation) selection() string {
	if i.all {
		return "all"
	}
	return "selected"
}

func (i *installation) sorted() []*Repo {
	return slices.SortedFunc(maps.Values(i.repos), func(a, b *Repo) int { return int(a.id - b.id) })
}

// token is one of an installation or of a person.
type token struct {
	text    string
	inst    *installation
	app     *app
	user    *user
	perms   map[string]string
	repos   map[int64]bool // nil = all of the installation
	expires time.Time
}

// Token makes a token of an installation, as POST /app/installations/{id}/access_tokens does.
func (s *Server) Token(installationID int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.installs[installationID]
	if i == nil {
		s.fatal(fmt.Errorf("there is no installation %d", installationID))
	}
	return s.newToken(i, i.perms, nil).text
}

// newToken makes a token in the form that GitHub's have since 2026: long, with the App's id and a JWT in it.
func (s *Server) newToken(i *installation, perms map[string]string, repos map[int64]bool) *token {
	now := s.now()
	enc := base64.RawURLEncoding
	head := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))
	body, _ := json.Marshal(map[string]any{"iss": "github", "sub": i.id, "app": i.app.id, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": s.secret(16), "perms": perms})
	mac := hmac.New(sha256.New, []byte(i.app.clientSecret))
	mac.Write(body)
	t := &token{
		text: fmt.Sprintf("ghs_%d_%s.%s.%s", i.app.id, head, enc.EncodeToString(body), enc.EncodeToString(mac.Sum(nil))),
		inst: i, app: i.app, perms: maps.Clone(perms), repos: repos, expires: now.Add(time.Hour),
	}
	s.tokens[t.text] = t
	return t
}

// may tells whether the token reaches a repository.
func (t *token) may(r *Repo) bool {
	return t.inst != nil && t.inst.repos[r.id] != nil && (t.repos == nil || t.repos[r.id])
}

var levels = []string{"none", "read", "write", "admin"}

// allows tells whether permissions fulfil a requirement: "checks=write", "issues=write; pull_requests=write" (one of them).
func allows(perms map[string]string, need string) bool {
	if need == "" {
		return true
	}
	for one := range strings.SplitSeq(need, "; ") {
		all := true
		for part := range strings.SplitSeq(one, ",") {
			name, level, _ := strings.Cut(part, "=")
			all = all && slices.Index(levels, perms[name]) >= slices.Index(levels, level)
		}
		if all {
			return true
		}
	}
	return false
}

// appOfJWT checks a JSON Web Token as GitHub does.
func (s *Server) appOfJWT(text string) (*app, *apiError) {
	refuse := func(message string) (*app, *apiError) { return nil, &apiError{status: 401, message: message} }
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return refuse("A JSON web token could not be decoded")
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Iss json.RawMessage
		Iat json.RawMessage
		Exp json.RawMessage
	}
	for i, v := range []any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, v) != nil {
			return refuse("A JSON web token could not be decoded")
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || head.Alg != "RS256" {
		return refuse("A JSON web token could not be decoded")
	}
	iss := strings.Trim(string(claims.Iss), `"`)
	var a *app
	for _, x := range s.apps {
		if iss == strconv.FormatInt(x.id, 10) || iss == x.clientID {
			a = x
		}
	}
	if iss == "" || iss == "null" {
		return refuse("'Issuer' claim ('iss') must be an Integer")
	}
	if a == nil {
		return nil, &apiError{status: 404, message: "Integration not found"}
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return refuse("A JSON web token could not be decoded")
	}
	now := s.now()
	var iat, exp float64
	if json.Unmarshal(claims.Iat, &iat) != nil || int64(iat) > now.Unix() {
		return refuse("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	if json.Unmarshal(claims.Exp, &exp) != nil || int64(exp) <= now.Unix() {
		return refuse("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	}
	if int64(exp) > now.Add(10*time.Minute).Unix() {
		return refuse("'Expiration time' claim ('exp') is too far in the future")
	}
	return a, nil
}
