// Package pages shows people what the App found: server-rendered, without scripts, behind
// a login at GitHub. Each page shows only what GitHub says that its reader may read; for
// anything else it answers as for what does not exist.
package pages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"golang.org/x/oauth2"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Store is what the pages read. It goes by GitHub's ids of repositories: which id a name
// has, and whether the reader may read it, is GitHub's word and never the store's.
type Store interface {
	// Repositories are those of ids that the App is installed on, in any order.
	Repositories(ctx context.Context, ids []int64) ([]job.Repository, error)

	// Recent has the newest revision of each subject of the repositories: those that are
	// queued or running first, then by Wanted, newest first, limit at most.
	Recent(ctx context.Context, repositories []int64, limit int) ([]job.Standing, error)

	// History has the revisions of one pull request of which anything is kept, or for
	// number 0 those of all merge groups: newest first, each head once, limit at most.
	// None is no error.
	History(ctx context.Context, repository int64, number, limit int) ([]job.Standing, error)

	// Report is the page of the newest verdict on that head; nil where there is none.
	Report(ctx context.Context, repository int64, number int, head string) ([]byte, error)

	// Lessons has one entry for each of the repositories that has post-mortems.
	Lessons(ctx context.Context, repositories []int64) ([]job.Lessons, error)
}

// Options are what New needs.
type Options struct {
	PublicURL  string        // https://HOST[:PORT], as browsers see it; http only for trying it out
	OAuth      oauth2.Config // ClientID, ClientSecret and Endpoint; the rest is set here
	API        string        // of GitHub's REST API: https://api.github.com, https://HOST/api/v3
	InstallURL string        // where the App is installed on more repositories; "" shows no link
	Store      Store
	Sessions   scs.Store        // sees neither a cookie nor a user's token, only what stands for them
	Client     *http.Client     // for GitHub; nil is one with a time-out of 10 s
	Now        func() time.Time // nil is time.Now
	Log        *slog.Logger     // nil is slog.Default()
}

// Callback is the path that GitHub sends a browser back to after the login. It is
// registered with the App as PublicURL + Callback.
const Callback = "/login/callback"

// Path is the page of a verdict, below the public URL: what a check run's details_url
// leads to. head is a commit; "" shows the newest revision.
func Path(s job.Subject, head string) string {
	path := fmt.Sprintf("/r/%s/%s/%d", url.PathEscape(s.Repository.Owner), url.PathEscape(s.Repository.Name), s.Number)
	if head != "" {
		path += "?head=" + url.QueryEscape(head)
	}
	return path
}

type server struct {
	Options
	web      string // of GitHub's pages: https://github.com
	https    bool
	sessions *scs.SessionManager
	github   *github
}

// New makes the handler of the paths /, /r/..., /postmortems, /login..., /logout and of
// the style sheet. Other paths answer 404. An error says which option is wrong.
func New(o Options) (http.Handler, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil || (public.Scheme != "https" && public.Scheme != "http") || public.Host == "" || strings.Trim(public.Path, "/") != "" || public.RawQuery != "" || public.User != nil {
		return nil, fmt.Errorf("public URL %q: give it as https://HOST or https://HOST:PORT, without a path", o.PublicURL)
	}
	api, err := url.Parse(o.API)
	if err != nil || api.Scheme == "" || api.Host == "" {
		return nil, fmt.Errorf("API URL %q: give it as https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server", o.API)
	}
	authorize, err := url.Parse(o.OAuth.Endpoint.AuthURL)
	if err != nil || authorize.Host == "" || o.OAuth.Endpoint.TokenURL == "" {
		return nil, fmt.Errorf("OAuth endpoint %q: give GitHub's addresses for authorization and tokens", o.OAuth.Endpoint.AuthURL)
	}
	switch {
	case o.OAuth.ClientID == "" || o.OAuth.ClientSecret == "":
		return nil, errors.New("the App's client id and client secret are needed for the login: its settings page at GitHub has them")
	case o.Store == nil || o.Sessions == nil:
		return nil, errors.New("the pages need a store and a store of sessions")
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	origin := public.Scheme + "://" + public.Host
	o.OAuth.RedirectURL = origin + Callback
	if o.OAuth.Endpoint.AuthStyle == oauth2.AuthStyleAutoDetect {
		o.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInParams // trying both would send a code twice
	}
	s := &server{Options: o, web: authorize.Scheme + "://" + authorize.Host, https: public.Scheme == "https"}
	s.github = newGitHub(strings.TrimSuffix(o.API, "/"), o.Client, o.Now)
	s.sessions = s.newSessions()

	foreign := http.NewCrossOriginProtection()
	if err := foreign.AddTrustedOrigin(origin); err != nil {
		return nil, fmt.Errorf("public URL %q: %w", o.PublicURL, err)
	}
	foreign.SetDenyHandler(http.HandlerFunc(s.foreign))

	mux := http.NewServeMux()
	mux.HandleFunc("GET "+stylePath, asset("text/css; charset=utf-8", style))
	mux.HandleFunc("GET "+iconPath, asset("image/svg+xml", icon))
	withSession := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, s.withSession(h)) }
	withSession("GET /login", s.loginPage)
	withSession("POST /login", s.beginLogin)
	withSession("GET "+Callback, s.endLogin)
	withSession("POST /logout", s.logout)
	private := func(pattern string, h func(http.ResponseWriter, *http.Request, *reader)) {
		withSession(pattern, s.private(h))
	}
	private("GET /{$}", s.overview)
	private("GET /r/{owner}/{repo}", s.repository)
	private("GET /r/{owner}/{repo}/{number}", s.verdict)
	private("GET /r/{owner}/{repo}/{number}/report", s.report)
	private("GET /postmortems", s.postmortems)
	withSession("GET /", s.private(func(w http.ResponseWriter, r *http.Request, who *reader) { s.notFound(w, r, who) }))
	return s.headers(foreign.Handler(mux)), nil
}
