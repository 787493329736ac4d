package slack

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// client is one of a fake workspace; its waits pass at once, and are noted.
func client(t *testing.T) (*fakeslack.Server, *Client, *[]time.Duration) {
	t.Helper()
	server := fakeslack.New()
	t.Cleanup(server.Close)
	c, err := New(server.Address(), fakeslack.Token)
	if err != nil {
		t.Fatal(err)
	}
	waits := &[]time.Duration{}
	tr := newTransport("")
	tr.wait = func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
	c.api = slackAPI(server.Address(), fakeslack.Token, tr)
	return server, c, waits
}

func TestSend(t *testing.T) {
	server, c, _ := client(t)
	first, err := c.Send(t.Context(), Message{Channel: "#deploys", Text: "a < b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), Message{Channel: first.Channel, Thread: first.TS, Text: "more"}); err != nil {
		t.Fatal(err)
	}
	got, _ := server.Channel("deploys")
	if len(got.Messages) != 2 || got.Messages[0].Text != "a < b" || got.Messages[1].Thread != first.TS {
		t.Errorf("%+v", got.Messages)
	}
}

func TestWebhook(t *testing.T) {
	server := fakeslack.New()
	defer server.Close()
	w, err := NewWebhook(server.Webhook())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Send(t.Context(), Message{Channel: "ignored", Text: "deployed"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := server.Channel("deploys"); len(got.Messages) != 1 || got.Messages[0].Text != "deployed" {
		t.Errorf("%+v", got.Messages)
	}
	gone, _ := NewWebhook(server.URL + "/services/T0/B0/anothersecret")
	_, err = gone.Send(t.Context(), Message{Text: "x"})
	if Code(err) != "no_service" || strings.Contains(err.Error(), "secret") {
		t.Errorf("a webhook that is gone: %v", err)
	}
	server.Close()
	w.transport.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	_, err = w.Send(t.Context(), Message{Text: "x"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody answers: %v", err)
	}
}

// TestFaults: each way in which Slack does not answer, what is made of it, and that nothing is said twice.
func TestFaults(t *testing.T) {
	ratelimited := func(w http.ResponseWriter, _ *http.Request) bool { return fakeslack.Limited(w, 30) }
	answers := func(status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			w.Write([]byte(body))
			return true
		}
	}
	half := func(w http.ResponseWriter, _ *http.Request) bool { return fakeslack.Half(w) }
	hangUp := func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name       string
		fault      func(http.ResponseWriter, *http.Request) bool
		post, read bool // whether each succeeds when only the first answer is so
		code, says string
		wait       time.Duration // exactly, where not 0
	}{
		{name: "429", fault: ratelimited, post: true, read: true, wait: 30 * time.Second},
		{name: "ratelimited in a 200", fault: answers(200, `{"ok":false,"error":"ratelimited"}`), post: true, read: true},
		{name: "500", fault: answers(500, "<html>"), read: true, says: "slack-status"},
		{name: "half", fault: half, read: true, says: "broke off"},
		{name: "hung up", fault: hangUp, read: true, says: "did not answer"},
		{name: "empty object", fault: answers(200, `{}`), read: true, says: "not the JSON"},
		{name: "not ok without a reason", fault: answers(200, `{"ok":false}`), read: true, says: "not the JSON"},
		{name: "a page", fault: answers(200, `<html>`), read: true, says: "not the JSON"},
		{name: "fatal_error", fault: answers(200, `{"ok":false,"error":"fatal_error"}`), read: true, code: "fatal_error", says: "may have been done"},
		{name: "redirect", fault: answers(302, ``), says: "SLACK_API_URL"},
		{name: "invalid_auth", fault: answers(200, `{"ok":false,"error":"invalid_auth"}`), code: "invalid_auth", says: "SLACK_BOT_TOKEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []string{"chat.postMessage", "auth.test"} {
				server, client, waits := client(t)
				server.Fault = func(w http.ResponseWriter, r *http.Request, _ string, call int) bool {
					return call == 1 && c.fault(w, r)
				}
				var err error
				want := c.read
				if method == "auth.test" {
					_, err = client.API().AuthTestContext(t.Context())
				} else {
					want = c.post
					_, err = client.Send(t.Context(), Message{Channel: "C0DEPLOYS1", Text: "x"})
				}
				if (err == nil) != want {
					t.Fatalf("%s: error %v, want success %v", method, err, want)
				}
				if err != nil {
					var e *Error
					if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.says) || e.Method != method {
						t.Errorf("%s: %#v", method, err)
					}
					if unsure := method == "chat.postMessage" && c.read; e.Unsure != unsure {
						t.Errorf("%s: unsure %v, want %v", method, e.Unsure, unsure)
					}
				}
				if calls := len(server.Calls("")); (calls == 2) != want {
					t.Errorf("%s: %d calls", method, calls)
				}
				if c.wait != 0 && !slices.Equal(*waits, []time.Duration{c.wait}) {
					t.Errorf("%s: waited %v", method, *waits)
				}
			}
		})
	}
}

func TestLimits(t *testing.T) {
	server, c, waits := client(t)
	server.Fault = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool { return fakeslack.Limited(w, 1) }
	_, err := c.API().AuthTestContext(t.Context())
	if Code(err) != "ratelimited" || len(*waits) != tries-1 {
		t.Errorf("always limited: %v after %v", err, *waits)
	}
	server.Set(func(s *fakeslack.Server) {
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool { return fakeslack.Limited(w, 600) }
	})
	*waits = nil
	_, err = c.API().AuthTestContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "10m0s") || len(*waits) != 0 {
		t.Errorf("a long limit: %v after %v", err, *waits)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server.Set(func(s *fakeslack.Server) {
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool { return fakeslack.Limited(w, 100) }
	})
	if _, err = c.API().AuthTestContext(soon); err == nil || !strings.Contains(err.Error(), "no time left") || len(*waits) != 0 {
		t.Errorf("no time: %v after %v", err, *waits)
	}
}

func TestSlow(t *testing.T) {
	server, c, _ := client(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.Fault = func(_ http.ResponseWriter, r *http.Request, _ string, _ int) bool {
		cancel() // the caller's time is up while Slack thinks
		<-r.Context().Done()
		return true
	}
	_, err := c.Send(ctx, Message{Channel: "C0DEPLOYS1", Text: "x"})
	var e *Error
	if !errors.As(err, &e) || !e.Unsure || !strings.Contains(e.Message, "in time") {
		t.Errorf("%#v", err)
	}
}

func TestScope(t *testing.T) {
	server, c, _ := client(t)
	server.Scopes = []string{"channels:read"}
	_, err := c.Send(t.Context(), Message{Channel: "C0DEPLOYS1", Text: "x"})
	var e *Error
	if !errors.As(err, &e) || e.Needed != "chat:write" || !strings.Contains(e.Message, "install the app again") {
		t.Errorf("%v", err)
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct{ address, token, want string }{
		{"", "", "SLACK_BOT_TOKEN"},
		{"", "xoxb-1 2", "blank"},
		{"http://example.com/api", "xoxb-1", "SLACK_API_URL"},
		{"https://user:word@example.com/api", "xoxb-1", "SLACK_API_URL"},
		{"slack.com/api", "xoxb-1", "SLACK_API_URL"},
	} {
		if _, err := New(c.address, c.token); err == nil || !strings.Contains(err.Error(), c.want) || c.token != "" && strings.Contains(err.Error(), c.token) {
			t.Errorf("%q, %q: %v", c.address, c.token, err)
		}
	}
	if _, err := New("https://slack-gov.com/api", "xoxb-1"); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"http://hooks.slack.com/services/secret", "secret", "https://hooks.slack.com/x?secret=1"} {
		if _, err := NewWebhook(address); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			if i := slices.Index(pairs, name); i >= 0 {
				return pairs[i+1]
			}
			return ""
		}
	}
	if s, err := FromEnv(env(WebhookVariable, "https://hooks.slack.com/services/x")); err != nil {
		t.Error(err)
	} else if _, ok := s.(*Webhook); !ok {
		t.Errorf("%T", s)
	}
	if s, err := FromEnv(env(WebhookVariable, "https://hooks.slack.com/services/x", TokenVariable, "xoxb-1")); err != nil {
		t.Error(err)
	} else if _, ok := s.(*Client); !ok {
		t.Errorf("%T", s)
	}
	if _, err := FromEnv(env()); err == nil {
		t.Error("nothing in the environment")
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a & <!channel> b", "a &amp; &lt;!channel&gt; b"},
		{"@here *now*\n\x1b[31m", "@\u200bhere *\u200bnow*\u200b [31m"},
		{"db/0003_drop_note.sql _it_", "db/0003_drop_note.sql _\u200bit_\u200b"},
		{"\u202eevil\u200b", "evil"},
		{strings.Repeat("x", 40), strings.Repeat("x", 29) + "…"},
		{"\xff", "\ufffd"},
	} {
		if got := Escape(c.in, 30); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
	for _, c := range []struct{ address, label, want string }{
		{"https://a.example/?x=1&y=2", "a|b>", "<https://a.example/?x=1&amp;y=2|a│b&gt;>"},
		{"javascript:alert(1)", "here", "here"},
		{"https://a.example/>|<!channel>", "here", "here"},
		{"", "here", "here"},
	} {
		if got := Link(c.address, c.label); got != c.want {
			t.Errorf("%q: %q, want %q", c.address, got, c.want)
		}
	}
}
