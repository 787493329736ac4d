package deploy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answers plays one letter for each try of each path: "h" is healthy, "5" a status
// 500, "w" the wrong body, "x" a refused connection, "t" no answer in time, "b" an
// answer that breaks off. The last letter remains.
type answers struct {
	mu    sync.Mutex
	plays map[string]string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	play := a.plays[r.URL.Path]
	if len(play) > 1 {
		a.plays[r.URL.Path] = play[1:]
	}
	a.mu.Unlock()
	status, body := 200, io.Reader(strings.NewReader("all is well"))
	switch play[0] {
	case '5':
		status = 500
	case 'w':
		body = strings.NewReader("starting")
	case 'x':
		return nil, errors.New("connect: connection refused")
	case 't':
		<-r.Context().Done()
		return nil, r.Context().Err()
	case 'b':
		body = io.MultiReader(strings.NewReader("all is"), brokenOff{})
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(body), Request: r, Header: http.Header{}}, nil
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHealth(t *testing.T) {
	for _, test := range []struct {
		name, a, b string // b "" = one endpoint
		tries      int
		verdict    Verdict
		rounds     int
		took       time.Duration
		reason     string
	}{
		{"at once", "h", "", 10, Passed, 3, 4 * time.Second, "3 times in a row"},
		{"once healthy is not stable", "h5", "", 4, Failed, 4, 6 * time.Second, "healthy in 1 of 4 tries; at last: status 500, expected 200"},
		{"stable after a stumble", "hh5h", "", 10, Passed, 6, 10 * time.Second, ""},
		{"starting, then stable", "xxxh", "", 10, Passed, 6, 10 * time.Second, ""},
		{"not at the same time", "h5h5h5h5h5", "5h", 4, Failed, 4, 6 * time.Second, "/a was healthy in 2 of 4"},
		{"wrong body", "w", "", 3, Failed, 3, 4 * time.Second, "the body does not match"},
		{"refused all the time", "x", "", 3, Unmeasured, 3, 4 * time.Second, "never answered; at last: connect: connection refused"},
		{"never in time", "t", "", 3, Unmeasured, 3, 15 * time.Second, "no whole answer within 5s"},
		{"half answers", "b", "", 3, Unmeasured, 3, 4 * time.Second, "broke off"},
		{"one well, one never seen", "h", "x", 3, Unmeasured, 3, 4 * time.Second, "/b never answered"},
		{"one bad, one never seen", "5", "x", 3, Failed, 3, 4 * time.Second, "/a"},
		{"went silent", "hx", "", 4, Failed, 4, 6 * time.Second, "connection refused"},
		{"tries used up before it was stable", "xxh", "", 4, Failed, 4, 6 * time.Second, "only 2 times in a row"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &Health{Interval: 2 * time.Second, Tries: test.tries, Stable: 3, Transport: &answers{plays: map[string]string{"/a": test.a, "/b": test.b}}}
				for _, path := range []string{"/a", "/b"} {
					if path == "/a" || test.b != "" {
						h.Endpoints = append(h.Endpoints, endpoint(t, "http://shop.example.com"+path))
					}
				}
				begun := time.Now()
				r := h.Run(t.Context())
				if r.Verdict != test.verdict || r.Rounds != test.rounds || !strings.Contains(r.Reason, test.reason) {
					t.Errorf("%s after %d rounds: %s", r.Verdict, r.Rounds, r.Reason)
				}
				if took := time.Since(begun); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}

func endpoint(t *testing.T, address string) Endpoint {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return Endpoint{URL: u, Method: "GET", Status: StatusRange{200, 200}, Body: regexp.MustCompile("all is well"), Timeout: 5 * time.Second}
}

func TestHealthSaysWhatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []string
		h := &Health{Interval: time.Second, Tries: 6, Stable: 3, Transport: &answers{plays: map[string]string{"/a": "xx5hhh"}}, Endpoints: []Endpoint{endpoint(t, "http://h/a")}}
		h.Observe = func(c HealthChange) {
			if c.Changed {
				changes = append(changes, c.Try.Message)
			}
		}
		h.Run(t.Context())
		if got, want := strings.Join(changes, "; "), "connect: connection refused; status 500, expected 200; healthy, status 200"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestHealthEndsFromOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		h := &Health{Interval: 2 * time.Second, Tries: 50, Stable: 5, Transport: &answers{plays: map[string]string{"/a": "5"}}, Endpoints: []Endpoint{endpoint(t, "http://h/a")}}
		if r := h.Run(ctx); r.Verdict != Unmeasured || r.Rounds != 2 {
			t.Errorf("%s after %d rounds", r.Verdict, r.Rounds)
		}
	})
}

// A real server: what is sent, where redirects lead, and what is printed.
func TestHealthOnTheWire(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect led to another host, with %v", r.Header)
	}))
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/checked", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "watch" || password != "geheim" || r.Header.Get("X-Key") != "geheim" || r.URL.Query().Get("token") != "geheim" {
			w.WriteHeader(401)
		}
		io.WriteString(w, "all is well")
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/plain", http.StatusFound) })
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "all is well") })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, test := range []struct {
		path, message string
		follow        bool
	}{
		{"/checked?token=geheim", "healthy, status 200", false},
		{"/away", "status 302, expected 200", true},
		{"/moved", "status 302, expected 200", false},
		{"/moved", "healthy, status 200", true},
		{"/endless", "status 200, but the body does not match", false},
		{"/none", "status 404, expected 200", false},
	} {
		t.Run(test.path, func(t *testing.T) {
			e := endpoint(t, strings.Replace(server.URL, "http://", "http://watch:geheim@", 1)+test.path)
			e.FollowRedirects, e.Timeout = test.follow, time.Minute
			e.Headers = []Header{{"X-Key", "geheim"}}
			h := &Health{Tries: 1, Stable: 1, Endpoints: []Endpoint{e}}
			r := h.Run(t.Context())
			if got := r.Endpoints[0].Tries[0].Message; got != test.message {
				t.Errorf("got %q, want %q", got, test.message)
			}
			if strings.Contains(r.Reason+r.Endpoints[0].URL, "geheim") || strings.Contains(r.Endpoints[0].URL, "watch") {
				t.Errorf("a secret is printed: %s, %s", r.Endpoints[0].URL, r.Reason)
			}
		})
	}
}

func TestHealthNamesNoSecretWhereNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := strings.Replace(server.URL, "http://", "http://watch:geheim@", 1)
	server.Close()
	h := &Health{Tries: 1, Stable: 1, Endpoints: []Endpoint{endpoint(t, address+"/x?token=geheim")}}
	r := h.Run(t.Context())
	if r.Verdict != Unmeasured || !strings.Contains(r.Reason, "connection refused") || strings.Contains(r.Reason, "geheim") || strings.Contains(r.Reason, "watch") {
		t.Errorf("%s: %s", r.Verdict, r.Reason)
	}
}

func TestReadHealth(t *testing.T) {
	getenv := func(name string) (string, bool) { return "geheim", name == "TOKEN" }
	h, err := ReadHealth("health.yml", []byte(`
interval: 1s
endpoints:
  - url: https://a.example.com/healthz
    status: 200-204
    body: '"ok":\s*true'
    headers: [{key: Authorization, env: TOKEN}, {key: Accept, value: application/json}]
    timeout: 30s
    followRedirects: true
`), getenv)
	if err != nil {
		t.Fatal(err)
	}
	e := h.Endpoints[0]
	if h.Interval != time.Second || h.Tries != 30 || h.Stable != 5 || e.Method != "GET" || e.Status != (StatusRange{200, 204}) || !e.Body.MatchString(`"ok": true`) ||
		e.Headers[0] != (Header{"Authorization", "geheim"}) || e.Timeout != 30*time.Second || !e.FollowRedirects {
		t.Errorf("%+v %+v", h, e)
	}
	for _, test := range []struct{ text, problem string }{
		{"", "h.yml:1: the file is empty"},
		{"endpoints: []", "h.yml:1: endpoints is missing"},
		{"tries: 0\nendpoints: [{url: 'http://a'}]", "h.yml:1: tries: expected a whole number from 1"},
		{"endpoints:\n  - url: ftp://watch:geheim@a", "h.yml:2: url: not a URL"},
		{"endpoints:\n  - url: http://a\n    statis: 200", `h.yml:3: an endpoint has no key "statis"; did you mean status?`},
		{"endpoints:\n  - url: http://a\n    status: 700", "h.yml:3: status: expected"},
		{"endpoints:\n  - url: http://a\n    status: 299-200", "h.yml:3: status: the range ends"},
		{"endpoints:\n  - url: http://a\n    body: '('", "h.yml:3: body: error parsing regexp"},
		{"endpoints:\n  - url: http://a\n    method: DELETE", "h.yml:3: method: expected GET"},
		{"endpoints:\n  - url: http://a\n    timeout: 5", "h.yml:3: timeout: expected a duration"},
		{"endpoints:\n  - url: http://a\n    headers: [{key: A, env: NONE}]", "h.yml:3: env: the environment has no variable"},
		{"endpoints:\n  - url: http://a\n    headers: [{key: A}]", "h.yml:3: a header: give its value"},
		{"endpoints:\n  - url: http://a\n    headers: [{key: 'A b', value: geheim}]", "h.yml:3: a header: \"A b\" is not the name"},
		{"endpoints:\n  - url: http://a\n    headers: [{key: A, value: \"gehe\\nim\"}]", "cannot be sent"},
		{"endpoints: 3", "h.yml:1: endpoints is the number 3, expected a list"},
		{"- 3", "h.yml:1: the file is a list"},
	} {
		_, err := ReadHealth("h.yml", []byte(test.text), getenv)
		if err == nil || !strings.Contains(err.Error(), test.problem) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: got %v, want %s", test.text, err, test.problem)
		}
	}
}
