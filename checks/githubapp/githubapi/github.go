// Package githubapi asks GitHub for what the App needs, as the App or as one of its
// installations. One transport below it keeps GitHub's rules once for all calls: limits,
// repetitions, time-outs, and where a token may go.
package githubapi

import (
	"bytes"
	"container/list"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v62/github"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// Options say which GitHub, and as whom.
type Options struct {
	BaseURL    string            // "" is github.com; of a GitHub Enterprise Server "https://HOST" or "https://HOST/api/v3/"
	AppID      int64             // the App's id, not its client id
	PrivateKey []byte            // PEM, as GitHub hands it out
	Transport  http.RoundTripper // nil: one with time-outs, through the environment's proxy
	Now        func() time.Time  // nil: time.Now
	Log        *slog.Logger      // nil: nothing is logged
	Observe    func(Call)        // called after each request, from many goroutines; may be nil
}

// A Call is one request and what came of it, for metrics. There is one for each repetition.
type Call struct {
	Installation int64  // 0: as the App itself
	Method       string // GET, POST, ...
	Route        string // /repos/{owner}/{repo}/pulls/{number}
	Status       int    // 0 when there was no answer
	Duration     time.Duration
	Limit        int // of requests in an hour; 0 when the answer did not say
	Remaining    int
	Reset        time.Time
}

// maxClients is how many installations' clients and tokens are kept.
const maxClients = 1000

// GitHub is one GitHub for one App. It is safe for concurrent use.
type GitHub struct {
	options Options
	api     *url.URL // with a slash at the end
	key     *rsa.PrivateKey
	slots   chan struct{} // one for each request that may be under way
	app     *github.Client
	maxBody int64 // bytes of an answer
	sleep   func(context.Context, time.Duration) error

	mu      sync.Mutex
	clients map[int64]*list.Element // of *Client
	recent  *list.List              // newest first
	limits  map[int64]*limits       // kept longer than clients: a limit does not end because a client was dropped
}

// New prepares clients; it sends nothing.
func New(o Options) (*GitHub, error) {
	api, err := apiURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.AppID <= 0 {
		return nil, fmt.Errorf("GitHub App: the id %d is none; it is the number that the App's settings page calls App ID", o.AppID)
	}
	key, err := parseKey(o.PrivateKey)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	if o.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 32
		t.ResponseHeaderTimeout = requestTimeout
		o.Transport = t
	}
	g := &GitHub{
		options: o,
		api:     api,
		key:     key,
		maxBody: maxBody,
		sleep:   outgoing.Sleep,
		slots:   make(chan struct{}, maxConcurrent),
		clients: map[int64]*list.Element{},
		recent:  list.New(),
		limits:  map[int64]*limits{},
	}
	g.app = g.newClient(appTransport{g: g, next: g.transport(0)})
	return g, nil
}

// apiURL is where the REST API of a GitHub is.
func apiURL(base string) (*url.URL, error) {
	if base == "" {
		base = "https://api.github.com/"
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("GitHub's address %q is none; it looks like https://github.example.com", base)
	}
	host := u.Hostname()
	if u.Scheme != "https" && (u.Scheme != "http" || host != "localhost" && host != "127.0.0.1" && host != "::1") {
		return nil, fmt.Errorf("GitHub's address %q: only https, since tokens are sent there", base)
	}
	switch {
	case host == "github.com":
		u.Host = "api.github.com"
	case strings.HasSuffix(host, ".ghe.com") && !strings.HasPrefix(host, "api."):
		u.Host = "api." + u.Host
	}
	path := strings.TrimRight(u.Path, "/")
	if !strings.HasPrefix(u.Host, "api.") && !strings.HasSuffix(path, "/api/v3") {
		path += "/api/v3"
	}
	u.Path, u.RawPath = path+"/", ""
	return u, nil
}

// APIURL is where the REST API is, with a slash at the end.
func (g *GitHub) APIURL() string { return g.api.String() }

// parseKey never puts anything of the key into an error.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("GitHub App: the private key is not PEM; it is the .pem file that the App's settings page hands out")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("GitHub App: the private key cannot be read; it is an RSA key in PKCS #1 or PKCS #8")
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("GitHub App: the private key is a %T; GitHub uses RSA", any)
	}
	return key, nil
}

func (g *GitHub) newClient(auth http.RoundTripper) *github.Client {
	c := github.NewClient(&http.Client{Transport: auth, CheckRedirect: g.checkRedirect})
	c.BaseURL = g.api
	c.UserAgent = "pmcheck"
	return c
}

// checkRedirect follows a renamed repository, on the same host only, and never a
// redirect that would turn a write into a read.
func (g *GitHub) checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case req.URL.Host != g.api.Host || req.URL.Scheme != g.api.Scheme:
		return fmt.Errorf("GitHub redirects to another host, %s: not followed, the token stays here", req.URL.Host)
	case req.Method != via[0].Method:
		return fmt.Errorf("GitHub redirects a %s, which would become a %s: not followed", via[0].Method, req.Method)
	case len(via) >= 4:
		return errors.New("GitHub redirects in circles")
	}
	return nil
}

// Installation is the client of an installation; asking for it sends nothing.
func (g *GitHub) Installation(id int64) *Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e, ok := g.clients[id]; ok {
		g.recent.MoveToFront(e)
		return e.Value.(*Client)
	}
	c := &Client{g: g, id: id, protected: map[string]protection{}}
	c.tokens = newTokens(g, id)
	c.client = g.newClient(installationTransport{g: g, tokens: c.tokens, next: g.transport(id)})
	g.clients[id] = g.recent.PushFront(c)
	if g.recent.Len() > maxClients {
		g.forget(g.recent.Back().Value.(*Client).id)
	}
	return c
}

// forget drops a client and its token; g.mu is held.
func (g *GitHub) forget(id int64) {
	e, ok := g.clients[id]
	if !ok {
		return
	}
	g.recent.Remove(e)
	delete(g.clients, id)
	if l := g.limits[id]; l != nil && !l.limited(g.options.Now()) {
		delete(g.limits, id)
	}
}

// drop forgets an installation that GitHub says is gone or suspended.
func (g *GitHub) drop(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(id)
}

// transport is the lower one, which keeps the limits of one installation.
func (g *GitHub) transport(installation int64) *transport {
	return &transport{g: g, installation: installation}
}

func (g *GitHub) limitsOf(installation int64) *limits {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.limits[installation]
	if l == nil {
		l = newLimits(g.options.Now(), strings.HasPrefix(g.api.Host, "api."))
		g.limits[installation] = l
	}
	return l
}

// An appTransport signs requests as the App. The library's own changes the request that
// it is given, and is not safe to share.
type appTransport struct {
	g    *GitHub
	next http.RoundTripper
}

func (t appTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	signed := ghinstallation.NewAppsTransportFromPrivateKey(t.next, t.g.options.AppID, t.g.key)
	return signed.RoundTrip(req.Clone(req.Context()))
}

// An installationTransport adds the installation's token, and asks once more with a new
// one when GitHub does not know it any more.
type installationTransport struct {
	g      *GitHub
	tokens *tokens
	next   http.RoundTripper
}

func (t installationTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.g.api.Host {
		return nil, fmt.Errorf("%s is not %s: no token is sent there", req.URL.Host, t.g.api.Host)
	}
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	for again := false; ; again = true {
		token, err := t.tokens.get(req.Context())
		if err != nil {
			return nil, err
		}
		r := withBody(req, body)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := t.next.RoundTrip(r)
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusForbidden:
			text, err := io.ReadAll(resp.Body) // in memory
			if err == nil && bytes.Contains(text, []byte("installation has been suspended")) {
				t.g.drop(t.tokens.installation)
				return nil, fmt.Errorf("installation %d: %w", t.tokens.installation, ErrNoInstallation)
			}
			resp.Body = io.NopCloser(bytes.NewReader(text))
			return resp, nil
		case resp.StatusCode != http.StatusUnauthorized:
			return resp, nil
		}
		t.tokens.invalidate(token)
		if again {
			return resp, nil
		}
	}
}

// call is what the transport has to know of a request, through its context.
type call struct {
	route  string // without the host, with names for what varies
	repeat bool   // a request that changes something may be sent twice
	fresh  bool   // 404 may be GitHub's replicas lagging
}

type callKey struct{}

func withCall(ctx context.Context, c call) context.Context {
	if ctx.Value(freshKey{}) != nil {
		c.fresh = true
	}
	return context.WithValue(ctx, callKey{}, c)
}

type freshKey struct{}

// Fresh marks what is asked for with that context as new: GitHub may not find it yet,
// and is asked a few times, for about seven seconds, before that counts.
func Fresh(ctx context.Context) context.Context { return context.WithValue(ctx, freshKey{}, true) }
