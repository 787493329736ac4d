package ghissues

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseRef(t *testing.T) {
	const site = "https://github.com"
	for text, want := range map[string]string{
		"https://github.com/acme/orders/issues/812":            "acme/orders#812",
		" https://github.com/acme/orders/pull/7/ ":             "acme/orders#7",
		"https://GitHub.com/acme/orders/issues/8#issuecomment": "acme/orders#8",
		"acme/api#3":                             "acme/api#3",
		"#4":                                     "acme/orders#4",
		"http://github.com/acme/orders/issues/1": "",
		"https://gitlab.com/acme/orders/issues/1":           "",
		"https://github.com.evil.example/a/b/issues/1":      "",
		"https://github.com/acme/orders/issues/":            "",
		"https://github.com/acme/orders/issues/0":           "",
		"https://github.com/acme/../issues/1":               "",
		"https://github.com/acme/a%2Fb/issues/1":            "",
		"ORDERS-12":                                         "",
		"../x#1":                                            "",
		"":                                                  "",
		"https://github.com/acme/orders/issues/99999999999": "",
	} {
		got := ""
		if r, ok := ParseRef(text, site, "acme/orders"); ok {
			got = r.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if _, ok := ParseRef("#4", site, ""); ok {
		t.Error("#4 of no repository is an issue")
	}
}

func FuzzParseRef(f *testing.F) {
	for _, text := range []string{"#1", "a/b#2", "https://github.com/a/b/issues/3", "https://[::1/a/b/pull/1", "a/..#1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r, ok := ParseRef(text, "https://github.com", "acme/orders"); ok && !r.valid() {
			t.Errorf("%q gives %+v", text, r)
		}
	})
}

func TestMeans(t *testing.T) {
	for text, want := range map[string]string{
		`{"state":"open"}`: Open, `{"state":"open","state_reason":"reopened"}`: Open, `{"state":"closed","state_reason":"completed"}`: Done,
		`{"state":"closed","state_reason":null}`: Done, `{"state":"closed","state_reason":"not_planned"}`: Cancelled, `{"state":"closed","state_reason":"duplicate"}`: Cancelled,
		`{"state":"closed","pull_request":{"merged_at":"2026-03-03T10:00:00Z"}}`: Done, `{"state":"closed","pull_request":{"merged_at":null}}`: Cancelled,
		`{"state":"open","pull_request":{"merged_at":null}}`: Open, `{"state":"closed","state_reason":"eaten_by_the_dog"}`: "", `{}`: "",
	} {
		var issue Issue
		if err := json.Unmarshal([]byte(text), &issue); err != nil {
			t.Fatal(err)
		}
		if got, err := issue.Means(); got != want || (err == nil) != (want != "") {
			t.Errorf("%s means %q (%v)", text, got, err)
		}
	}
	for _, c := range [][3]string{{"in_progress", Done, "done"}, {"done", Cancelled, "cancelled"}, {"in_progress", Open, "in_progress"}, {"open", "", "open"}} {
		if got := Status(c[0], c[1]); got != c[2] {
			t.Errorf("Status(%q, %q) is %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

// server answers with what the test says; waits are noted and not waited.
func server(t *testing.T, answer http.HandlerFunc) (*Client, *[]time.Duration) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	c, err := New(s.URL, "secret")
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	c.now = func() time.Time { return time.Unix(1000, 0) }
	c.wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	return c, &waits
}

func TestState(t *testing.T) {
	r := Ref{"acme", "orders", 812}
	calls := 0
	c, _ := server(t, func(w http.ResponseWriter, q *http.Request) {
		calls++
		if q.Header.Get("Authorization") != "Bearer secret" || q.URL.Path != "/repos/acme/orders/issues/812" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("ETag", `"abc"`)
		if q.Header.Get("If-None-Match") == `"abc"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, `{"state":"closed","state_reason":"completed"}`)
	})
	first, err := c.State(t.Context(), r, State{})
	if err != nil || first != (State{Done, `"abc"`}) {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := c.State(t.Context(), r, first)
	if err != nil || again != first || calls != 2 {
		t.Errorf("the second time %+v, %v, after %d calls", again, err, calls)
	}
}

func TestMovedIssueIsFollowedOnTheSameHostOnly(t *testing.T) {
	var to string
	c, _ := server(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/repositories/7/issues/9" {
			fmt.Fprintf(w, `{"state":"open","state_reason":null,"token":%q}`, q.Header.Get("Authorization"))
			return
		}
		http.Redirect(w, q, to, http.StatusMovedPermanently)
	})
	to = c.base.String() + "/repositories/7/issues/9"
	if s, err := c.State(t.Context(), Ref{"a", "b", 1}, State{}); err != nil || s.Means != Open {
		t.Errorf("%+v, %v", s, err)
	}
	var stolen string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { stolen = "asked " + q.Header.Get("Authorization") }))
	defer elsewhere.Close()
	to = elsewhere.URL
	if _, err := c.State(t.Context(), Ref{"a", "b", 1}, State{}); err == nil || stolen != "" {
		t.Errorf("another host was asked (%q), error %v", stolen, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string // "status header:value body", one for each call; the last repeats
		is      error
		words   string
		waits   []time.Duration
		means   string
	}{
		"not found":             {answers: []string{"404"}, is: ErrNotFound, words: "a/b#1: there is no such issue, or the token may not see it"},
		"deleted":               {answers: []string{"410"}, is: ErrNotFound},
		"no permission":         {answers: []string{`403 - {"message":"Resource not accessible by integration"}`}, is: ErrForbidden, words: "Resource not accessible"},
		"bad token":             {answers: []string{`401 - {"message":"Bad credentials"}`}, words: "does not accept the token in GITHUB_TOKEN: Bad credentials"},
		"limit, then well":      {answers: []string{"429 Retry-After:3", `200 - {"state":"open"}`}, waits: []time.Duration{3 * time.Second}, means: Open},
		"limit for good":        {answers: []string{"429 Retry-After:3"}, is: ErrLimit, waits: []time.Duration{3 * time.Second}},
		"limit for long":        {answers: []string{"403 Retry-After:3600"}, is: ErrLimit, words: "it asks to wait 1h0m0s"},
		"secondary limit":       {answers: []string{`403 - {"message":"You have exceeded a secondary rate limit"}`}, is: ErrLimit, waits: []time.Duration{time.Minute}},
		"failing server":        {answers: []string{"502", `200 - {"state":"closed","state_reason":"not_planned"}`}, waits: []time.Duration{time.Second}, means: Cancelled},
		"down":                  {answers: []string{"503"}, words: "GitHub answered 503", waits: []time.Duration{time.Second}},
		"not JSON":              {answers: []string{"200 - <html>"}, words: "was not understood, or broke off", waits: []time.Duration{time.Second}},
		"unchanged, of nothing": {answers: []string{"304"}, words: "nothing changed"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			client, waits := server(t, func(w http.ResponseWriter, _ *http.Request) {
				parts := strings.SplitN(c.answers[min(calls, len(c.answers)-1)], " ", 3)
				calls++
				if len(parts) > 1 && parts[1] != "-" {
					key, value, _ := strings.Cut(parts[1], ":")
					w.Header().Set(key, value)
				}
				status := 0
				fmt.Sscan(parts[0], &status)
				w.WriteHeader(status)
				if len(parts) > 2 {
					fmt.Fprint(w, parts[2])
				}
			})
			s, err := client.State(t.Context(), Ref{"a", "b", 1}, State{})
			if s.Means != c.means || (err == nil) != (c.means != "") || c.is != nil && !errors.Is(err, c.is) || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%+v, %v", s, err)
			}
			if diff := cmp.Diff(c.waits, *waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	asked := map[Ref]int{}
	asker := asks(func(r Ref, known State) (State, error) {
		asked[r]++
		switch r.Number {
		case 2:
			return State{}, ErrNotFound
		case 4:
			return State{}, fmt.Errorf("%s: %w", r, ErrLimit)
		}
		return State{Means: Done, ETag: known.ETag}, nil
	})
	ref := func(n int) Ref { return Ref{"a", "b", n} }
	got := Ask(t.Context(), asker, []Ref{ref(1), ref(2), ref(1), ref(3), ref(4), ref(5)}, map[Ref]State{ref(3): {Done, "x"}})
	if got[ref(1)].Means != Done || got[ref(3)].ETag != "x" || !errors.Is(got[ref(2)].Err, ErrNotFound) || !errors.Is(got[ref(4)].Err, ErrLimit) || !errors.Is(got[ref(5)].Err, ErrLimit) {
		t.Errorf("%+v", got)
	}
	if asked[ref(1)] != 1 || asked[ref(5)] != 0 {
		t.Errorf("asked %v", asked)
	}
	var many []Ref
	for i := range MaxIssues + 5 {
		many = append(many, ref(i+100))
	}
	got = Ask(t.Context(), asker, many, nil)
	if got[many[MaxIssues-1]].Err != nil || !errors.Is(got[many[MaxIssues]].Err, ErrTooMany) {
		t.Errorf("the last one asked: %+v, the first beyond: %+v", got[many[MaxIssues-1]], got[many[MaxIssues]])
	}
}

type asks func(Ref, State) (State, error)

func (a asks) State(_ context.Context, r Ref, known State) (State, error) { return a(r, known) }

func TestComments(t *testing.T) {
	pages, posted := 0, ""
	var mu sync.Mutex // a handler whose answer is lost ends after the call
	c, _ := server(t, func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if q.Method == http.MethodPost {
			body := make([]byte, 1000)
			n, _ := q.Body.Read(body)
			posted += string(body[:n])
			if strings.Contains(posted, "lost") {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":1}`)
			return
		}
		pages++
		if q.URL.Query().Get("page") == "1" {
			fmt.Fprint(w, "["+strings.Repeat(`{"body":"x"},`, 99)+`{"body":"x"}]`)
			return
		}
		fmt.Fprint(w, `[{"id":5,"body":"last","user":{"login":"bot","type":"Bot"},"author_association":"NONE"}]`)
	})
	got, err := c.Comments(t.Context(), Ref{"a", "b", 1}, time.Unix(0, 0))
	if err != nil || len(got) != 101 || got[100].Body != "last" || got[100].User.Type != "Bot" || got[100].Association != "NONE" || pages != 2 {
		t.Errorf("%d comments, %v", len(got), err)
	}
	if err := c.Comment(t.Context(), Ref{"a", "b", 1}, "hello"); err != nil || posted != `{"body":"hello"}` {
		t.Errorf("posted %q, %v", posted, err)
	}
	posted = ""
	err = c.Comment(t.Context(), Ref{"a", "b", 1}, "lost")
	mu.Lock()
	defer mu.Unlock()
	if !errors.Is(err, ErrUnsure) || strings.Count(posted, "lost") != 1 {
		t.Errorf("posted %q, %v", posted, err)
	}
}

func TestNew(t *testing.T) {
	for _, address := range []string{"http://github.example.com", "ftp://x", "://", "https://user@host/"} {
		if _, err := New(address, "x"); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
	for _, token := range []string{"", "s3 cret", "s3cret\n"} {
		if _, err := New("", token); err == nil || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("the token %q: %v", token, err)
		}
	}
}
