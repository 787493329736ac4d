package fakegithub

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversion is a manifest that a person has agreed to, waiting for its code to be turned in: once, and within an hour.
type conversion struct {
	form    appForm
	expires time.Time
}

// manifest is what a manifest may hold: docs.github.com, "Registering a GitHub App from a manifest".
type manifest struct {
	Name           string `json:"name"`
	URL            string `json:"url"`
	HookAttributes *struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	RedirectURL        string            `json:"redirect_url"`
	CallbackURLs       []string          `json:"callback_urls"`
	SetupURL           string            `json:"setup_url"`
	Description        string            `json:"description"`
	Public             bool              `json:"public"`
	DefaultEvents      []string          `json:"default_events"`
	DefaultPermissions map[string]string `json:"default_permissions"`
	RequestOnUpdate    bool              `json:"request_oauth_on_install"`
	SetupOnUpdate      bool              `json:"setup_on_update"`
}

// The repository permissions that a GitHub App of this fake can have, with their strongest level.
var permissionLevels = map[string]string{
	"actions": "write", "administration": "write", "checks": "write", "contents": "write", "deployments": "write", "issues": "write", "merge_queues": "write",
	"metadata": "read", "pull_requests": "write", "statuses": "write", "workflows": "write", "members": "write",
}

// refuse tells why GitHub would not make an App of the manifest.
func (m *manifest) refuse() string {
	for name, u := range map[string]string{"url": m.URL, "redirect_url": m.RedirectURL, "setup_url": m.SetupURL} {
		if p, err := url.Parse(u); u != "" && (err != nil || p.Scheme != "http" && p.Scheme != "https" || p.Host == "") {
			return fmt.Sprintf("%s %q is not a URL", name, u)
		}
	}
	switch {
	case m.URL == "":
		return "url wasn't supplied"
	case len(m.Name) > 34:
		return "name is too long (maximum is 34 characters)"
	case len(m.CallbackURLs) > 10:
		return "callback_urls: no more than 10 are allowed"
	case m.HookAttributes != nil && m.HookAttributes.URL == "":
		return "hook_attributes: url wasn't supplied"
	}
	for name, level := range m.DefaultPermissions {
		top := permissionLevels[name]
		if top == "" || slices.Index(levels, level) < 1 || slices.Index(levels, level) > slices.Index(levels, top) {
			return fmt.Sprintf("default_permissions: %s: %s is not included in the list", name, level)
		}
	}
	perms := maps.Clone(m.DefaultPermissions)
	for _, e := range m.DefaultEvents {
		need, known := eventNeeds[e]
		if e == "installation" || e == "installation_repositories" || !known {
			return fmt.Sprintf("default_events: %q unsupported: it can't be subscribed to", e)
		}
		if !allows(perms, need) {
			return fmt.Sprintf("default_events: %s needs the permission %s", e, need)
		}
	}
	return ""
}

// newManifest is the page that a manifest is posted to. A person would press a button there; here it goes on at once.
func (s *Server) newManifest(w http.ResponseWriter, r *http.Request) int {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return say(w, 400, err.Error())
	}
	d := json.NewDecoder(strings.NewReader(r.PostForm.Get("manifest")))
	d.DisallowUnknownFields()
	var m manifest
	if err := d.Decode(&m); err != nil {
		return say(w, 422, "The manifest can't be read: "+err.Error())
	}
	if problem := m.refuse(); problem != "" {
		return say(w, 422, "Invalid GitHub App configuration: "+problem)
	}
	form := appForm{
		Name: m.Name, URL: m.URL, Description: m.Description, SetupURL: m.SetupURL, Callbacks: m.CallbackURLs, Permissions: m.DefaultPermissions, Events: m.DefaultEvents,
	}
	if form.Name == "" {
		form.Name = "app-" + strconv.Itoa(len(s.Apps()))
	}
	if m.HookAttributes != nil && (m.HookAttributes.Active == nil || *m.HookAttributes.Active) {
		form.HookURL = m.HookAttributes.URL
	}
	if segs := strings.Split(r.URL.Path, "/"); segs[1] == "organizations" {
		form.Owner = segs[2]
	}
	s.mu.Lock()
	if form.Owner == "" {
		form.Owner = s.viewer
	}
	for _, a := range s.apps {
		if strings.EqualFold(a.name, form.Name) {
			s.mu.Unlock()
			return say(w, 422, "Invalid GitHub App configuration: the name is already taken")
		}
	}
	code := s.secret(20)
	s.manifests[code] = &conversion{form: form, expires: s.now().Add(time.Hour)}
	s.mu.Unlock()
	if m.RedirectURL == "" {
		return say(w, 200, "The App is there. Its code: "+code)
	}
	back := url.Values{"code": {code}}
	if state := r.URL.Query().Get("state"); state != "" {
		back.Set("state", state)
	}
	return to(w, r, m.RedirectURL, back)
}

func convertManifest(q *request) (int, any) {
	s := q.s
	c := s.manifests[q.vars["code"]]
	if c == nil || !c.expires.After(s.now()) {
		return notFound()
	}
	delete(s.manifests, q.vars["code"])
	s.mu.Unlock() // making a key takes a while
	a, err := s.newApp(c.form)
	s.mu.Lock()
	if err != nil {
		return fail(500, "%v", err)
	}
	o := s.appJSON(a)
	maps.Copy(o, obj{"client_secret": a.clientSecret, "webhook_secret": a.secret, "pem": string(a.pem)})
	if a.hookURL == "" {
		o["webhook_secret"] = nil
	}
	return 201, o
}

// installPage is where a person installs an App; here it is installed at once, at the account of who is logged in and for all repositories.
func (s *Server) installPage(w http.ResponseWriter, r *http.Request) int {
	slug := strings.Split(strings.Trim(r.URL.Path, "/"), "/")[1]
	s.mu.Lock()
	viewer := s.viewer
	var a *app
	for _, x := range s.apps {
		if x.slug == slug {
			a = x
		}
	}
	s.mu.Unlock()
	if a == nil {
		return say(w, 404, "There is no such App.")
	}
	if viewer == "" {
		return say(w, 401, "Nobody is logged in.")
	}
	id := s.InstallApp(a.id, viewer)
	if a.setupURL == "" {
		return say(w, 200, fmt.Sprintf("%s is installed for %s: installation %d.", a.name, viewer, id))
	}
	return to(w, r, a.setupURL, url.Values{"installation_id": {strconv.FormatInt(id, 10)}, "setup_action": {"install"}})
}
