package githubapi

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
})

// A request is one that GitHub got.
type request struct {
	method, url, body, auth string
	at                      time.Time
}

// A script is GitHub in memory: it answers token requests, and the rest by answer.
type script struct {
	answer func(n int, r request) (*http.Response, error) // n counts from 1, without token requests
	token  func(n int) (*http.Response, error)            // nil: a token for an hour, ghs_secret1, ghs_secret2, ...

	mu       sync.Mutex
	requests []request
	tokens   int
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	got := request{method: r.Method, url: r.URL.String(), auth: r.Header.Get("Authorization"), at: time.Now()}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		got.body = string(text)
	}
	if strings.HasSuffix(r.URL.Path, "/access_tokens") {
		s.mu.Lock()
		s.tokens++
		n := s.tokens
		s.mu.Unlock()
		if s.token != nil {
			return s.token(n)
		}
		return tokenAnswer(n, time.Hour), nil
	}
	s.mu.Lock()
	s.requests = append(s.requests, got)
	n := len(s.requests)
	s.mu.Unlock()
	return s.answer(n, got)
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

func tokenAnswer(n int, good time.Duration) *http.Response {
	return answer(201, fmt.Sprintf(`{"token": "ghs_secret%d", "expires_at": %q}`, n, time.Now().Add(good).UTC().Format(time.RFC3339)))
}

// answer is an HTTP response; headers are "Name: value".
func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: h, Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1}
}

// always gives the same answer.
func always(status int, body string, headers ...string) func(int, request) (*http.Response, error) {
	return func(int, request) (*http.Response, error) { return answer(status, body, headers...), nil }
}

// inTurn gives one answer after the other, and the last for ever.
func inTurn(answers ...func(int, request) (*http.Response, error)) func(int, request) (*http.Response, error) {
	return func(n int, r request) (*http.Response, error) { return answers[min(n, len(answers))-1](n, r) }
}

func failing(err error) func(int, request) (*http.Response, error) {
	return func(int, request) (*http.Response, error) { return nil, err }
}

// logs is a buffer that goroutines may share.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func newGitHub(t *testing.T, s *script) (*GitHub, *logs) {
	t.Helper()
	var l logs
	g, err := New(Options{
		AppID: 7, PrivateKey: testKey(), Transport: s,
		Log: slog.New(slog.NewTextHandler(&l, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, &l
}
