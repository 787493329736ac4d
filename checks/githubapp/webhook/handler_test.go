package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const ours = 4242 // the App's id in these tests

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// keeper is an Accept that remembers.
type keeper struct {
	deliveries []job.Delivery
	wants      []job.Want
	err        error
}

func (k *keeper) accept(_ context.Context, d job.Delivery, wants []job.Want) (bool, error) {
	if k.err != nil {
		return false, k.err
	}
	for _, seen := range k.deliveries {
		if seen.ID == d.ID {
			return false, nil
		}
	}
	k.deliveries = append(k.deliveries, d)
	k.wants = append(k.wants, wants...)
	return true, nil
}

func deliver(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "pull_request")
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const signed = "X-Hub-Signature-256"

// TestVector is the example of GitHub's "Validating webhook deliveries".
func TestVector(t *testing.T) {
	h := &Handler{Secrets: [][]byte{[]byte("It's a Secret to Everybody")}}
	for signature, want := range map[string]bool{
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17": true,
		"757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18": false,
	} {
		raw, err := hex.DecodeString(signature)
		if err != nil {
			t.Fatal(err)
		}
		if got := valid(h.Secrets, []byte("Hello, World!"), raw); got != want {
			t.Errorf("valid(%s) = %v", signature, got)
		}
	}
}

func TestServeHTTP(t *testing.T) {
	const secret = "new"
	opened := pullRequestPayload("opened", "")
	sha := hmac.New(sha1.New, []byte(secret))
	io.WriteString(sha, opened)
	form := url.Values{"payload": {opened}}.Encode()
	for _, test := range []struct {
		name    string
		body    string
		header  []string
		err     error
		status  int
		outcome string
		event   string
		text    string
		kept    int
	}{
		{"accepted", opened, []string{signed, sign(secret, opened)}, nil, 202, Accepted, "pull_request.opened", "accepted: 1 wanted", 1},
		{"old secret during a rotation", opened, []string{signed, sign("old", opened)}, nil, 202, Accepted, "pull_request.opened", "", 1},
		{"form", form, []string{signed, sign(secret, form), "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, nil, 202, Accepted, "pull_request.opened", "", 1},
		{"form without payload", "a=b", []string{signed, sign(secret, "a=b"), "Content-Type", "application/x-www-form-urlencoded"}, nil, 400, Refused, "pull_request.other", "payload", 0},
		{"wrong secret", opened, []string{signed, sign("other", opened)}, nil, 401, Unsigned, ".", "does not fit", 0},
		{"empty secret", opened, []string{signed, sign("", opened)}, nil, 401, Unsigned, ".", "does not fit", 0},
		{"signature of another body", opened + " ", []string{signed, sign(secret, opened)}, nil, 401, Unsigned, ".", "does not fit", 0},
		{"no signature", opened, nil, nil, 401, Unsigned, ".", "missing", 0},
		{"SHA-1 only", opened, []string{"X-Hub-Signature", "sha1=" + hex.EncodeToString(sha.Sum(nil))}, nil, 401, Unsigned, ".", "SHA-1", 0},
		{"signature cut short", opened, []string{signed, sign(secret, opened)[:20]}, nil, 401, Unsigned, ".", "64 hexadecimal digits", 0},
		{"signature without its name", opened, []string{signed, sign(secret, opened)[7:]}, nil, 401, Unsigned, ".", "sha256=", 0},
		{"no event", opened, []string{signed, sign(secret, opened), "X-GitHub-Event", ""}, nil, 400, Refused, ".", "X-GitHub-Event", 0},
		{"strange event", opened, []string{signed, sign(secret, opened), "X-GitHub-Event", "a b"}, nil, 400, Refused, ".", "X-GitHub-Event", 0},
		{"no delivery", opened, []string{signed, sign(secret, opened), "X-GitHub-Delivery", ""}, nil, 400, Refused, ".", "X-GitHub-Delivery", 0},
		{"strange delivery", opened, []string{signed, sign(secret, opened), "X-GitHub-Delivery", "../x"}, nil, 400, Refused, ".", "X-GitHub-Delivery", 0},
		{"other content", opened, []string{signed, sign(secret, opened), "Content-Type", "text/plain"}, nil, 415, Refused, ".", "Content-Type", 0},
		{"compressed", opened, []string{signed, sign(secret, opened), "Content-Encoding", "gzip"}, nil, 415, Refused, ".", "Content-Encoding", 0},
		{"not JSON", "{", []string{signed, sign(secret, "{")}, nil, 422, Malformed, "pull_request.other", "payload of pull_request", 0},
		{"ping", `{"zen":"x"}`, []string{signed, sign(secret, `{"zen":"x"}`), "X-GitHub-Event", "ping"}, nil, 202, Ignored, "ping.", "ignored: a ping", 0},
		{"unknown event", `{}`, []string{signed, sign(secret, `{}`), "X-GitHub-Event", "star"}, nil, 202, Ignored, "other.other", "ignored", 0},
		{"unknown action", `{"action":"x\u0000"}`, []string{signed, sign(secret, `{"action":"x\u0000"}`)}, nil, 202, Ignored, "pull_request.other", "ignored", 0},
		{"not kept", opened, []string{signed, sign(secret, opened)}, errors.New("disk full at /var/x"), 503, Failed, "pull_request.opened", "redeliver", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			k := &keeper{err: test.err}
			var observed string
			var log bytes.Buffer
			h := &Handler{Secrets: [][]byte{[]byte(secret), []byte("old"), nil}, AppID: ours, Accept: k.accept, Log: slog.New(slog.NewJSONHandler(&log, nil)),
				Observe: func(event, action, outcome string, _ time.Duration) { observed = event + "." + action + " " + outcome }}
			w := deliver(h, test.body, test.header...)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("answer %d %q, want %d and %q", w.Code, w.Body, test.status, test.text)
			}
			if want := test.event + " " + test.outcome; observed != want {
				t.Errorf("observed %q, want %q", observed, want)
			}
			if len(k.wants) != test.kept {
				t.Errorf("kept %d wants, want %d", len(k.wants), test.kept)
			}
			if strings.Contains(w.Body.String(), "/var/x") {
				t.Errorf("the answer tells a path: %q", w.Body)
			}
			if test.status == 401 && strings.Contains(log.String(), "72d3162e") {
				t.Errorf("the log repeats what a stranger wrote: %s", log.String())
			}
			if test.err != nil && !strings.Contains(log.String(), "disk full") {
				t.Errorf("the log lacks the reason: %s", log.String())
			}
		})
	}
}

func TestDuplicate(t *testing.T) {
	k := &keeper{}
	h := &Handler{Secrets: [][]byte{[]byte("s")}, AppID: ours, Accept: k.accept, Log: slog.New(slog.DiscardHandler)}
	body := pullRequestPayload("synchronize", "")
	for i, want := range []string{"accepted: 1", "accepted before"} {
		if w := deliver(h, body, signed, sign("s", body)); w.Code != 202 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("delivery %d: %d %q, want %q", i, w.Code, w.Body, want)
		}
	}
	if len(k.wants) != 1 {
		t.Errorf("%d wants", len(k.wants))
	}
	if d := k.deliveries[0]; d.Event != "pull_request" || d.Action != "synchronize" || d.Installation != 5 || d.Received.IsZero() {
		t.Errorf("delivery %+v", d)
	}
}

// endless is a body that is longer than it says, or does not say.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}

func TestTooLarge(t *testing.T) {
	h := &Handler{Secrets: [][]byte{[]byte("s")}, Accept: (&keeper{}).accept, Log: slog.New(slog.DiscardHandler)}
	for _, length := range []int64{-1, MaxBody + 1} {
		body := &endless{}
		r := httptest.NewRequest(http.MethodPost, "/webhook", body)
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-GitHub-Delivery", "1")
		r.Header.Set(signed, sign("s", ""))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("length %d: %d %s", length, w.Code, w.Body)
		}
		if length > 0 && body.n > 0 {
			t.Errorf("%d bytes were read of a body that says it is too large", body.n)
		}
	}
	if n := h.reading.Load(); n != 0 {
		t.Errorf("%d bytes are still counted as being read", n)
	}
}

// TestTooMany fills the memory that bodies may take, with requests that never end.
func TestTooMany(t *testing.T) {
	h := &Handler{Secrets: [][]byte{[]byte("s")}, AppID: ours, Accept: (&keeper{}).accept, Log: slog.New(slog.DiscardHandler)}
	body := pullRequestPayload("opened", "")
	h.reading.Store(inFlight - 10)
	if w := deliver(h, body, signed, sign("s", body)); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.reading.Add(10 - inFlight)
	if w := deliver(h, body, signed, sign("s", body)); w.Code != 202 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

func TestMethod(t *testing.T) {
	w := httptest.NewRecorder()
	(&Handler{Log: slog.New(slog.DiscardHandler)}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/webhook", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

// TestDeadline: Accept is told to stop before GitHub gives up.
func TestDeadline(t *testing.T) {
	body := pullRequestPayload("opened", "")
	h := &Handler{Secrets: [][]byte{[]byte("s")}, AppID: ours, Log: slog.New(slog.DiscardHandler),
		Accept: func(ctx context.Context, _ job.Delivery, _ []job.Want) (bool, error) {
			deadline, ok := ctx.Deadline()
			if !ok || time.Until(deadline) > 10*time.Second {
				return false, fmt.Errorf("deadline %v %v", deadline, ok)
			}
			return true, nil
		}}
	if w := deliver(h, body, signed, sign("s", body)); w.Code != 202 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func BenchmarkServeHTTP(b *testing.B) {
	body := pullRequestPayload("opened", strings.Repeat("x", 30_000))
	signature := sign("s", body)
	h := &Handler{Secrets: [][]byte{[]byte("s")}, AppID: ours, Log: slog.New(slog.DiscardHandler),
		Accept: func(context.Context, job.Delivery, []job.Want) (bool, error) { return true, nil }}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if w := deliver(h, body, signed, signature); w.Code != 202 {
			b.Fatal(w.Body)
		}
	}
}
