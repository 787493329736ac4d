package githubapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// TestToken: one request for all who wait, renewed ten minutes before its end.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.token = func(n int) (*http.Response, error) {
			time.Sleep(time.Second)
			return tokenAnswer(n, time.Hour), nil
		}
		g, _ := newGitHub(t, s)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if token, err := g.Installation(1).Token(t.Context()); token != "ghs_secret1" || err != nil {
					t.Error(token, err)
				}
			})
		}
		wg.Wait()
		time.Sleep(49 * time.Minute)
		if token, _ := g.Installation(1).Token(t.Context()); token != "ghs_secret1" {
			t.Errorf("after 49 minutes: %s", token)
		}
		time.Sleep(time.Minute + time.Second)
		if token, _ := g.Installation(1).Token(t.Context()); token != "ghs_secret2" || s.tokens != 2 {
			t.Errorf("after 50 minutes: %s; %d asked for", token, s.tokens)
		}
	})
}

// TestTokenWhileGitHubIsDown: a token that is good for some minutes is better than none.
func TestTokenWhileGitHubIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.token = func(n int) (*http.Response, error) {
			if n > 1 {
				return answer(502, ""), nil
			}
			return tokenAnswer(n, time.Hour), nil
		}
		g, _ := newGitHub(t, s)
		if _, err := g.Installation(1).Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(55 * time.Minute)
		if token, err := g.Installation(1).Token(t.Context()); token != "ghs_secret1" || err != nil {
			t.Errorf("five minutes before its end: %q, %v", token, err)
		}
		time.Sleep(5 * time.Minute)
		_, err := g.Installation(1).Token(t.Context())
		var later *job.RetryAfter
		if !errors.As(err, &later) {
			t.Errorf("when it has ended: %v", err)
		}
	})
}

// TestTokenTimeout: GitHub that does not answer, and a caller that does not wait.
func TestTokenTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := newGitHub(t, &script{})
		g.options.Transport = hanging{}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			began := time.Now()
			_, err := g.Installation(1).Token(t.Context())
			var later *job.RetryAfter
			if !errors.As(err, &later) || time.Since(began) > requestTimeout+time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
		wg.Go(func() {
			time.Sleep(time.Second)
			if _, err := g.Installation(1).Token(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		})
		time.Sleep(2 * time.Second)
		cancel()
		wg.Wait()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if token, err := g.Installation(2).Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one who asks is out of time: %q, %v", token, err)
		}
	})
}

// TestTokenRejected: a 401 makes one new token and one new request, of writes too.
func TestTokenRejected(t *testing.T) {
	s := &script{answer: func(n int, r request) (*http.Response, error) {
		if r.auth != "Bearer ghs_secret2" {
			return answer(401, `{"message": "Bad credentials"}`), nil
		}
		return answer(201, `{"id": 5}`), nil
	}}
	g, _ := newGitHub(t, s)
	if id, err := g.Installation(1).Comment(t.Context(), "acme", "orders", 7, "hello"); id != 5 || err != nil {
		t.Error(id, err)
	}
	if s.count() != 2 || s.tokens != 2 || s.requests[1].body != s.requests[0].body || !strings.Contains(s.requests[1].body, "hello") {
		t.Errorf("%d requests, %d tokens; %+v", s.count(), s.tokens, s.requests)
	}

	s = &script{answer: always(401, `{"message": "Bad credentials"}`)}
	g, _ = newGitHub(t, s)
	_, err := g.Installation(1).Comment(t.Context(), "acme", "orders", 7, "hello")
	var e *Error
	if !errors.As(err, &e) || e.Status != 401 || s.count() != 2 {
		t.Errorf("never accepted: %d requests, %v", s.count(), err)
	}
}

// TestInstallationGone: it is dropped, and asked for anew when somebody wants it again.
func TestInstallationGone(t *testing.T) {
	for name, gone := range map[string]*http.Response{
		"removed":   answer(404, `{"message": "Not Found"}`),
		"suspended": answer(403, `{"message": "This installation has been suspended"}`),
	} {
		s := &script{answer: always(200, pullJSON)}
		s.token = func(n int) (*http.Response, error) {
			if n == 1 {
				return gone, nil
			}
			return tokenAnswer(n, time.Hour), nil
		}
		g, _ := newGitHub(t, s)
		c := g.Installation(1)
		_, err := c.Pull(t.Context(), "acme", "orders", 7)
		if !errors.Is(err, ErrNoInstallation) || s.count() != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if g.Installation(1) == c {
			t.Errorf("%s: the client is kept", name)
		}
		if _, err := g.Installation(1).Pull(t.Context(), "acme", "orders", 7); err != nil {
			t.Errorf("%s and back: %v", name, err)
		}
	}
}

// TestSuspendedMeanwhile: the token is still good for its time, and GitHub refuses all else.
func TestSuspendedMeanwhile(t *testing.T) {
	g, _ := newGitHub(t, &script{answer: always(403, `{"message": "This installation has been suspended"}`)})
	c := g.Installation(1)
	if _, err := c.Pull(t.Context(), "acme", "orders", 7); !errors.Is(err, ErrNoInstallation) {
		t.Errorf("error %v", err)
	}
	if g.Installation(1) == c {
		t.Error("the client is kept")
	}
}

func TestWrongKey(t *testing.T) {
	s := &script{answer: always(401, `{"message": "A JSON web token could not be decoded"}`)}
	s.token = func(int) (*http.Response, error) {
		return answer(401, `{"message": "'Issuer' claim must be an Integer"}`), nil
	}
	g, _ := newGitHub(t, s)
	_, appErr := g.App(t.Context())
	_, tokenErr := g.Installation(1).Token(t.Context())
	for _, err := range []error{appErr, tokenErr} {
		if err == nil || !strings.Contains(err.Error(), "private key") || !strings.Contains(err.Error(), "clock") {
			t.Errorf("error %v", err)
		}
	}
}

func TestInstallationsAreKept(t *testing.T) {
	g, _ := newGitHub(t, &script{})
	first := g.Installation(1)
	if g.Installation(1) != first {
		t.Error("a second client for the same installation")
	}
	for i := range int64(maxClients) {
		g.Installation(1000 + i)
		g.limitsOf(1000 + i)
		if i == 500 && g.Installation(1) != first {
			t.Error("dropped too early")
		}
	}
	g.Installation(5000)
	if len(g.clients) != maxClients || g.recent.Len() != maxClients || len(g.limits) > maxClients {
		t.Errorf("%d clients, %d limits", len(g.clients), len(g.limits))
	}
	if g.Installation(1) != first {
		t.Error("the one that was used last is gone")
	}
}

// TestRedirects: to other names of a repository, and nowhere else.
func TestRedirects(t *testing.T) {
	var leaked atomic.Bool
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { leaked.Store(true) }))
	defer evil.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v3/app/installations/1/access_tokens", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		fmt.Fprintf(w, `{"token": "ghs_secret", "expires_at": %q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	mux.HandleFunc("GET /api/v3/repos/acme/renamed/pulls/7", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/api/v3/repositories/12/pulls/7", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /api/v3/repositories/12/pulls/7", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer ghs_secret" {
			w.WriteHeader(401)
		}
		io.WriteString(w, pullJSON)
	})
	mux.HandleFunc("GET /api/v3/repos/acme/evil/pulls/7", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, evil.URL+"/api/v3/repos/acme/evil/pulls/7", http.StatusFound)
	})
	mux.HandleFunc("GET /api/v3/repos/acme/circle/pulls/7", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	})
	mux.HandleFunc("PATCH /api/v3/repos/acme/renamed/check-runs/5", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/api/v3/repositories/12/check-runs/5", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("PATCH /api/v3/repos/acme/moved/check-runs/5", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/api/v3/repositories/12/check-runs/5", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/api/v3/repositories/12/check-runs/5", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "PATCH" || !strings.Contains(string(body), "in_progress") {
			t.Errorf("%s with %q", r.Method, body)
		}
		io.WriteString(w, `{"id": 5}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	g, err := New(Options{AppID: 7, PrivateKey: testKey(), BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	c := g.Installation(1)
	if p, err := c.Pull(t.Context(), "acme", "renamed", 7); err != nil || p.Revision.Head != "h" {
		t.Errorf("renamed: %+v, %v", p, err)
	}
	if _, err := c.Pull(t.Context(), "acme", "evil", 7); err == nil || leaked.Load() || !strings.Contains(err.Error(), "another host") {
		t.Errorf("another host: %v; it was asked: %v", err, leaked.Load())
	}
	if _, err := c.Pull(t.Context(), "acme", "circle", 7); err == nil || !strings.Contains(err.Error(), "circles") {
		t.Errorf("circle: %v", err)
	}
	update := func(name string) error {
		_, err := c.UpdateCheckRun(t.Context(), "acme", name, 5, checkrun.Request{Status: "in_progress"})
		return err
	}
	if err := update("renamed"); err != nil {
		t.Errorf("write, renamed: %v", err)
	}
	if err := update("moved"); err == nil || !strings.Contains(err.Error(), "would become") {
		t.Errorf("a write that would become a read: %v", err)
	}
}

// TestNoSecrets: whatever goes wrong, no token, signature or key is in an error or a log.
func TestNoSecrets(t *testing.T) {
	echo := func(_ int, r request) (*http.Response, error) {
		return nil, errors.New("proxy: cannot connect")
	}
	for name, a := range map[string]func(int, request) (*http.Response, error){
		"401": always(401, `{"message": "Bad credentials"}`), "403": always(403, `{"message": "no"}`), "404": always(404, "{}"), "422": always(422, `{"message": "bad", "errors": ["x"]}`),
		"429": always(429, ""), "502": always(502, ""), "not JSON": always(200, "<html>"), "network": echo, "dial": failing(dialError()),
		"redirect": always(302, "", "Location: https://evil.example/"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, tokenToo := range []bool{false, true} {
					s := &script{answer: a}
					if tokenToo {
						s.token = func(n int) (*http.Response, error) { return a(n, request{}) }
					}
					g, l := newGitHub(t, s)
					c := g.Installation(1)
					_, err1 := c.Pull(t.Context(), "acme", "orders", 7)
					_, err2 := c.CreateCheckRun(t.Context(), "acme", "orders", checkrun.Request{Name: "n", HeadSHA: "h", ExternalID: "x"})
					_, err3 := g.App(t.Context())
					_, err4 := c.Permission(t.Context(), "acme", "orders", "ann")
					for _, err := range []error{err1, err2, err3, err4} {
						text := fmt.Sprintf("%v %+v %#v", err, err, err) + l.String()
						for e := err; e != nil; e = errors.Unwrap(e) {
							text += fmt.Sprintf("%+v %#v", e, e)
						}
						for _, secret := range []string{"ghs_", "Bearer", "eyJ", "PRIVATE"} {
							if strings.Contains(text, secret) {
								t.Fatalf("%q is in %.3000s", secret, text)
							}
						}
					}
					if err1 == nil {
						t.Error("no error")
					}
				}
			})
		})
	}
}

// TestErrorsKeepNoToken: the library's errors keep the request of the answer.
func TestErrorsKeepNoToken(t *testing.T) {
	g, _ := newGitHub(t, &script{answer: always(404, "{}")})
	req, err := http.NewRequest("GET", "https://api.github.com/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ghs_secret1")
	resp, err := g.transport(1).RoundTrip(req)
	if err != nil || resp.Request.Header.Get("Authorization") != "" || req.Header.Get("Authorization") == "" {
		t.Errorf("%v; %v", err, resp.Request.Header)
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{PrivateKey: testKey()}, "App ID"},
		{Options{AppID: 7}, "not PEM"},
		{Options{AppID: 7, PrivateKey: []byte("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n")}, "cannot be read"},
		{Options{AppID: 7, PrivateKey: testKey(), BaseURL: "http://github.example.com"}, "only https"},
		{Options{AppID: 7, PrivateKey: testKey(), BaseURL: "github.example.com"}, "looks like"},
		{Options{AppID: 7, PrivateKey: testKey(), BaseURL: "https://me:secret@github.example.com"}, "looks like"},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("New with %q: %v", c.o.BaseURL, err)
		}
	}
	for in, want := range map[string]string{
		"":                                  "https://api.github.com/",
		"https://github.com":                "https://api.github.com/",
		"https://api.github.com/":           "https://api.github.com/",
		"https://github.example.com":        "https://github.example.com/api/v3/",
		"https://github.example.com/":       "https://github.example.com/api/v3/",
		"https://github.example.com/api/v3": "https://github.example.com/api/v3/",
		"https://octo.ghe.com":              "https://api.octo.ghe.com/",
		"https://api.octo.ghe.com":          "https://api.octo.ghe.com/",
		"http://127.0.0.1:8080":             "http://127.0.0.1:8080/api/v3/",
		"http://[::1]:8080/":                "http://[::1]:8080/api/v3/",
	} {
		if u, err := apiURL(in); err != nil || u.String() != want {
			t.Errorf("apiURL(%q) = %v, %v; want %s", in, u, err, want)
		}
	}
}
