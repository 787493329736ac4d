package setup

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// The manifest flow must be over within one hour of its begin; GitHub's code is good for as long.
const codeLifetime = time.Hour

// An App is a GitHub App that was just made. Its secrets are told once and never again.
type App struct {
	ID            int64
	Slug, Name    string
	Owner         string // login
	Page          string // its page at GitHub
	ClientID      string
	ClientSecret  string
	WebhookSecret string
	PrivateKey    string // PEM
}

// InstallURL is where a person installs the App on repositories.
func (a App) InstallURL() string { return strings.TrimSuffix(a.Page, "/") + "/installations/new" }

// Creation is the manifest flow: a page on this machine hands GitHub the description of the
// App, a person confirms it there, and GitHub hands back a code for the App's secrets.
type Creation struct {
	GitHub string // address of the GitHub, as https://github.com
	Org    string // organization that will own the App; "" = the person who confirms
	Public string // address at which GitHub reaches pmcheck serve
	Name   string // of the App; "" = one that is likely to be free. The person may change it
	Port   int    // of the page on 127.0.0.1; 0 = any that is free

	Client *http.Client // nil = one with a time limit
	// Ready is told where the page is, once it answers.
	Ready func(page string)
	// Save keeps the App. The browser is told of success only after it has.
	Save func(App) error
}

var (
	orgName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}$`)
	codeForm = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// maxAppName is GitHub's limit for the name of an App.
const maxAppName = 34

// ErrUse is the cause of an error that better arguments avoid.
var ErrUse = errors.New("wrong use")

type useError struct{ text string }

func (e *useError) Error() string { return e.text }
func (e *useError) Unwrap() error { return ErrUse }

func usef(format string, args ...any) error { return &useError{fmt.Sprintf(format, args...)} }

// publicAddress reads where pmcheck serve is reached. It must be https, except on this machine.
func publicAddress(what, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, usef("%s is needed, as https://pmcheck.example.com", what)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, usef("%s: %q is no address; write it as https://pmcheck.example.com", what, text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, usef("%s: only a scheme and a host may be given", what)
	case u.Scheme == "http" && !outgoing.Local(u.Hostname()):
		return nil, usef("%s: %s would send secrets in the clear; use https", what, u)
	}
	if strings.Trim(u.Path, "/") != "" {
		return nil, usef("%s: %s has a path, and pmcheck serve needs a host of its own", what, u)
	}
	u.Path, u.RawPath = "", ""
	return u, nil
}

// Run serves the page until the App is made and saved, ctx ends, or the hour is over.
func (c *Creation) Run(ctx context.Context) (App, error) {
	public, err := publicAddress("the public address of pmcheck serve (--url)", c.Public)
	if err != nil {
		return App{}, err
	}
	github, err := publicAddress("the address of GitHub (--github)", c.GitHub)
	if err != nil {
		return App{}, err
	}
	if c.Org != "" && !orgName.MatchString(c.Org) {
		return App{}, usef("%q is not the login of an organization", c.Org)
	}
	if len(c.Name) > maxAppName {
		return App{}, usef("the name %q has %d characters; GitHub takes %d", c.Name, len(c.Name), maxAppName)
	}

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return App{}, usef("port %d of this machine is taken; choose another, or leave it out to take a free one", c.Port)
	}
	if err != nil {
		return App{}, fmt.Errorf("open the page on this machine: %w", err)
	}
	page := "http://" + listener.Addr().String()

	ctx, cancel := context.WithTimeoutCause(ctx, codeLifetime, errors.New("an hour has passed, and GitHub's codes are good for one: run it again"))
	defer cancel()
	f := &flow{
		creation: c,
		ctx:      ctx,
		host:     listener.Addr().String(),
		state:    rand.Text(),
		api:      apiURL(github),
		manifest: newManifest(c.appName(), public, page+"/created"),
		form:     formAddress(github, c.Org),
		outcome:  make(chan outcome, 1),
	}
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	// The browser gets its last page before the listener closes.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	if c.Ready != nil {
		c.Ready(page + "/")
	}
	select {
	case <-ctx.Done():
		return App{}, fmt.Errorf("no App was made: %w", context.Cause(ctx))
	case o := <-f.outcome:
		return o.app, o.err
	}
}

// appName is a name that is likely to be free: GitHub has one namespace for all Apps.
func (c *Creation) appName() string {
	if c.Name != "" {
		return c.Name
	}
	suffix := c.Org
	if suffix == "" {
		suffix = strings.ToLower(rand.Text()[:6])
	}
	name := "pmcheck-" + suffix
	return strings.TrimRight(name[:min(len(name), maxAppName)], "-")
}

// formAddress is where GitHub takes a manifest.
func formAddress(github *url.URL, org string) *url.URL {
	if org == "" {
		return github.JoinPath("settings/apps/new")
	}
	return github.JoinPath("organizations", org, "settings/apps/new")
}

type outcome struct {
	app App
	err error
}

// flow is one run of the manifest flow.
type flow struct {
	creation *Creation
	ctx      context.Context
	host     string
	state    string
	api      *url.URL
	manifest manifest
	form     *url.URL

	mu      sync.Mutex // one answer at a time; held while it is exchanged
	done    bool
	outcome chan outcome
}

func (f *flow) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.ask)
	mux.HandleFunc("GET /created", f.created)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action https: "+origin(f.form)) // https: a company's GitHub may send on to its single sign-on
		// Another site's name that was made to point at this machine must not read the state.
		if _, port, err := net.SplitHostPort(f.host); err != nil || r.Host != f.host && r.Host != "localhost:"+port {
			http.Error(w, "this page answers to "+f.host+" alone", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

//go:embed pages.html
var pagesText string

var pages = template.Must(template.New("").Parse(pagesText))

func (f *flow) ask(w http.ResponseWriter, _ *http.Request) {
	text, err := json.Marshal(f.manifest)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	action := *f.form
	action.RawQuery = url.Values{"state": {f.state}}.Encode()
	f.render(w, http.StatusOK, "ask", map[string]any{
		"Action": action.String(), "Manifest": string(text), "GitHub": f.form.Host, "Org": f.creation.Org,
		"Permissions": Permissions(), "Events": strings.Join(Events(), ", "), "Webhook": f.manifest.HookAttributes.URL,
	})
}

// created is where GitHub sends the browser once the App is made.
func (f *flow) created(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.state)) != 1 {
		f.fail(w, http.StatusForbidden, errors.New("this answer does not belong to the question that was asked here; nothing was done with it"))
		return
	}
	code := q.Get("code")
	if len(code) > 255 || !codeForm.MatchString(code) {
		f.fail(w, http.StatusBadRequest, errors.New("GitHub sent no code for the App; go back and confirm it there again"))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		f.fail(w, http.StatusConflict, errors.New("the App was made already; what came of it stands in the terminal"))
		return
	}
	f.done = true // a code is good once
	app, err := f.exchange(f.ctx, code)
	if err == nil {
		if err = f.creation.Save(app); err != nil {
			err = fmt.Errorf("the App %s exists at GitHub, but its secrets could not be kept, and GitHub does not tell them again: delete it at %s and run this again: %w", app.Slug, app.Page, err)
		}
	}
	if err != nil {
		f.fail(w, http.StatusBadGateway, err)
		f.outcome <- outcome{err: err}
		return
	}
	f.render(w, http.StatusOK, "made", map[string]any{"Name": app.Name, "Install": app.InstallURL()})
	f.outcome <- outcome{app: app}
}

func (f *flow) fail(w http.ResponseWriter, status int, err error) {
	f.render(w, status, "failed", map[string]any{"Error": err.Error()})
}

func (f *flow) render(w http.ResponseWriter, status int, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = pages.ExecuteTemplate(w, name, data) // the browser has gone
}

// conversion is GitHub's answer to a code: https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest.
type conversion struct {
	ID    int64  `json:"id"`
	Slug  string `json:"slug"`
	Name  string `json:"name"`
	Owner struct {
		Login string `json:"login"`
	} `json:"owner"`
	HTMLURL       string `json:"html_url"`
	ClientID      string `json:"client_id"`
	ClientSecret  string `json:"client_secret"`
	WebhookSecret string `json:"webhook_secret"`
	PEM           string `json:"pem"`
}

// exchange turns a code into the App. The code is a secret for as long as it was not exchanged, so no error holds it.
func (f *flow) exchange(ctx context.Context, code string) (App, error) {
	address := f.api.JoinPath("app-manifests", code, "conversions").String()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return App{}, errors.New("ask GitHub for the App: the address of its API is wrong")
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	client := f.creation.Client
	if client == nil {
		client = &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: outgoing.NoRedirect,
		}
	}
	response, err := client.Do(request)
	if err != nil {
		if failed := (*url.Error)(nil); errors.As(err, &failed) {
			err = failed.Err
		}
		return App{}, fmt.Errorf("ask %s for the App's secrets: %w. The App may exist: delete it under its owner's settings, Developer settings, and run this again", f.api.Host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return App{}, fmt.Errorf("read the App's secrets from %s: %w", f.api.Host, err)
	}
	switch response.StatusCode {
	case http.StatusCreated:
	case http.StatusNotFound:
		return App{}, errors.New("GitHub does not know the code: it was used before, or is older than an hour. Delete the App that was made, under its owner's settings, Developer settings, and run this again")
	default:
		return App{}, fmt.Errorf("GitHub refused to tell the App's secrets: %s%s", response.Status, messageOf(body))
	}
	var c conversion
	if err := json.Unmarshal(body, &c); err != nil {
		return App{}, errors.New("GitHub's answer is not the JSON that its reference promises")
	}
	if c.ID <= 0 || c.PEM == "" || c.WebhookSecret == "" || c.ClientID == "" || c.ClientSecret == "" {
		return App{}, errors.New("GitHub's answer lacks the App's id, key or secrets")
	}
	return App{ID: c.ID, Slug: c.Slug, Name: c.Name, Owner: c.Owner.Login, Page: c.HTMLURL, ClientID: c.ClientID,
		ClientSecret: c.ClientSecret, WebhookSecret: c.WebhookSecret, PrivateKey: c.PEM}, nil
}

// messageOf is what GitHub says of an error, with the colon before it.
func messageOf(body []byte) string {
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil || said.Message == "" {
		return ""
	}
	return ": " + said.Message
}
