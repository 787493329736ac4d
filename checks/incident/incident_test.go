package incident

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/slack"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// day is the incident's, in minutes after 14:00.
func at(minutes int) time.Time { return time.Date(2026, 3, 3, 14, minutes, 0, 0, time.UTC) }

type scene struct {
	*fakeslack.Server
	desk *Desk
	dir  string
	now  time.Time
}

// newScene is a workspace with people, and the way to it.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{Server: fakeslack.New(), dir: t.TempDir(), now: at(15)}
	t.Cleanup(s.Close)
	s.Now = func() time.Time { return s.now }
	s.Users = []fakeslack.User{
		{ID: "U0ALICE01", Email: "alice@acme.example", RealName: "Alice Archer", DisplayName: "ally"},
		{ID: "U0BOB0001", Email: "bob@acme.example", RealName: "Bob Baker"},
		{ID: "U0CARA001", Email: "cara@acme.example", RealName: "Cara Cole"},
		{ID: "U0GONE001", Email: "gone@acme.example", RealName: "Gone", Deactivated: true},
	}
	s.Groups = []fakeslack.Group{{ID: "S0ONCALL1", Handle: "db-oncall", Members: []string{"U0BOB0001", "U0CARA001"}}}
	s.desk = s.newDesk(t)
	return s
}

func (s *scene) newDesk(t *testing.T) *Desk {
	t.Helper()
	client, err := slack.New(s.Address(), fakeslack.Token)
	if err != nil {
		t.Fatal(err)
	}
	return &Desk{Client: client, Now: func() time.Time { return s.now }}
}

func (s *scene) opening(invite ...string) *Opening {
	o := &Opening{Title: "Orders 500s", Severity: "SEV-2", Services: []string{"orders-api"}, Started: at(5), File: filepath.Join(s.dir, "i.json"), Fallback: "#deploys",
		Deploy: Deploy{Service: "orders-api", BuildURL: "https://circleci.com/gh/acme/orders/1234", Commit: "4f2c1e0d9b4f2c1e0d9b", Repository: "https://github.com/acme/orders"}}
	for _, text := range invite {
		i, err := ParseInvitation(text)
		if err != nil {
			panic(err)
		}
		o.Invite = append(o.Invite, i)
	}
	return o
}

// open opens with a desk of its own, as another process does.
func (s *scene) open(t *testing.T, o *Opening) (*State, *Desk, error) {
	t.Helper()
	d := s.newDesk(t)
	state, _, err := o.Plan(s.now)
	if err != nil {
		t.Fatal(err)
	}
	return state, d, d.Open(t.Context(), state, o)
}

func TestID(t *testing.T) {
	for _, c := range []struct{ title, want string }{
		{"Orders 500s", "inc-20260303-orders-500s"},
		{"  Größe & Übel: 日本 ", "inc-20260303-gro-e-ubel"},
		{"", "inc-20260303"},
		{strings.Repeat("x", 100), "inc-20260303-" + strings.Repeat("x", 64)},
		{strings.Repeat("abcdefghi ", 20), "inc-20260303" + strings.Repeat("-abcdefghi", 6)},
	} {
		got := ID(at(0), c.title)
		if got != c.want || CheckID(got) != nil {
			t.Errorf("%q: %q (%d), want %q", c.title, got, len(got), c.want)
		}
	}
}

func TestOpen(t *testing.T) {
	s := newScene(t)
	o := s.opening("on-call=alice@acme.example", "@db-oncall")
	state, d, err := s.open(t, o)
	if err != nil || len(d.Notes) > 0 {
		t.Fatal(err, d.Notes)
	}
	c, ok := s.Server.Channel("inc-20260303-orders-500s")
	if !ok || c.ID != state.Channel.ID || !state.Channel.Own {
		t.Fatalf("%+v", state.Channel)
	}
	if want := []string{fakeslack.Bot, "U0ALICE01", "U0BOB0001", "U0CARA001"}; !slices.Equal(c.Members, want) {
		t.Errorf("members %v, want %v", c.Members, want)
	}
	if want := "SEV-2: Orders 500s · detect since 2026-03-03 14:15 UTC"; c.Topic != want {
		t.Errorf("topic %q, want %q", c.Topic, want)
	}
	if !slices.Equal(c.Pins, []string{state.Channel.Summary}) {
		t.Errorf("pins %v", c.Pins)
	}
	i := slices.IndexFunc(c.Messages, func(m fakeslack.Message) bool { return m.TS == state.Channel.Summary })
	want := ":rotating_light: *SEV-2: Orders 500s*\n" +
		"Phase: *detect since 2026-03-03 14:15 UTC* · began 2026-03-03 14:05 UTC · opened 2026-03-03 14:15 UTC · orders-api · `inc-20260303-orders-500s`\n" +
		"commit <https://github.com/acme/orders/commit/4f2c1e0d9b4f2c1e0d9b|4f2c1e0d9> · <https://circleci.com/gh/acme/orders/1234|job of the deploy>"
	if got := c.Messages[i].Text; got != want {
		t.Errorf("summary\n%s\nwant\n%s", got, want)
	}
	text, err := os.ReadFile(o.File)
	if err != nil || strings.Contains(string(text), "lice@") || strings.Contains(string(text), "Archer") {
		t.Errorf("the file names people: %v\n%s", err, text)
	}

	// Again, by another process: nothing twice.
	before := len(s.Calls(""))
	again, d, err := s.open(t, o)
	if err != nil || len(d.Notes) > 0 || again.Channel != state.Channel {
		t.Fatal(err, d.Notes, again.Channel)
	}
	for _, call := range s.Calls("")[before:] {
		if !strings.HasPrefix(call.Method, "users.") && !strings.HasPrefix(call.Method, "usergroups.") {
			t.Errorf("again: %s %v", call.Method, call.Args)
		}
	}

	// Without the file it is the same channel, known by its purpose.
	os.Remove(o.File)
	third, _, err := s.open(t, o)
	if err != nil || third.Channel.ID != state.Channel.ID || third.Channel.Summary == "" {
		t.Errorf("without its file: %+v, %v", third.Channel, err)
	}
	if n := len(s.Calls("conversations.create")); n != 2 {
		t.Errorf("%d calls to make channels", n)
	}
}

func TestNameTaken(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"inc-20260303-orders-500s", "inc-20260303-orders-500s-2"} {
		s.Channels = append(s.Channels, &fakeslack.Channel{ID: "C0OTHER" + name[len(name)-2:], Name: name, Creator: "U0ALICE01", Archived: name[len(name)-1] == '2'})
	}
	state, _, err := s.open(t, s.opening())
	if err != nil || state.Channel.Name != "inc-20260303-orders-500s-3" {
		t.Errorf("%+v, %v", state.Channel, err)
	}
}

// TestLongTitle: entities count as they are written, and a topic has 250 characters.
func TestLongTitle(t *testing.T) {
	s := newScene(t)
	o := s.opening()
	o.Title = strings.Repeat("&<>", 60)
	state, d, err := s.open(t, o)
	if err != nil || len(d.Notes) > 0 {
		t.Fatal(err, d.Notes)
	}
	if c, _ := s.Server.Channel(state.Channel.Name); c.Topic != "SEV-2 detect since 2026-03-03 14:15 UTC" || c.Name != "inc-20260303" {
		t.Errorf("%q %q", c.Name, c.Topic)
	}
}

func TestSecondOfTheDay(t *testing.T) {
	s := newScene(t)
	t.Chdir(s.dir)
	o := s.opening()
	o.File = ""
	first, d, err := s.open(t, o)
	if err != nil {
		t.Fatal(err)
	}
	first.End(at(45))
	if err := errors.Join(first.Keep(""), d.Farewell(t.Context(), first, "", true)); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(); !errors.Is(err, ErrNone) {
		t.Errorf("found: %v", err)
	}
	second, _, err := s.open(t, o)
	if err != nil || second.ID != "inc-20260303-orders-500s-2" || second.Channel.ID == first.Channel.ID {
		t.Errorf("%+v, %v", second, err)
	}
	if found, err := Find(); err != nil || found.ID != second.ID {
		t.Errorf("found: %v, %v", found, err)
	}
}

// TestFallback: whatever keeps the bot from making a channel, the incident has a place, which says so.
func TestFallback(t *testing.T) {
	refuse := func(code string) func(*fakeslack.Server) {
		return func(s *fakeslack.Server) {
			s.Fault = func(w http.ResponseWriter, _ *http.Request, method string, _ int) bool {
				if method != "conversations.create" {
					return false
				}
				w.Write([]byte(`{"ok":false,"error":"` + code + `"}`))
				return true
			}
		}
	}
	for _, c := range []struct {
		name, reason string
		set          func(*fakeslack.Server)
	}{
		{"restricted_action", "restricted_action", func(s *fakeslack.Server) { s.Restricted = true }},
		{"missing_scope", "the app lacks the scope channels:manage", func(s *fakeslack.Server) { s.Scopes = []string{"chat:write", "users:read.email"} }},
		{"user_is_restricted", "user_is_restricted", refuse("user_is_restricted")},
		{"no_permission", "no_permission", refuse("no_permission")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			c.set(s.Server)
			state, d, err := s.open(t, s.opening("on-call=alice@acme.example"))
			if err != nil || len(d.Notes) > 0 {
				t.Fatal(err, d.Notes)
			}
			if state.Channel.Own || !strings.Contains(state.Channel.Reason, c.reason) || state.Channel.ID != "C0DEPLOYS1" {
				t.Errorf("%+v", state.Channel)
			}
			got, _ := s.Server.Channel("deploys")
			if len(got.Messages) != 2 || !strings.Contains(got.Messages[0].Text, "no channel of its own") || !strings.Contains(got.Messages[1].Text, "<@U0ALICE01>") ||
				got.Messages[1].Thread != state.Channel.Summary || got.Topic != "" || len(got.Pins) > 0 {
				t.Errorf("%+v", got)
			}
			s.now = at(25)
			text, err := state.Note(Change{Phase: "mitigate", Note: "rolling back"}, s.now)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Update(t.Context(), state, text); err != nil || len(d.Notes) > 0 {
				t.Fatal(err, d.Notes)
			}
			got, _ = s.Server.Channel("deploys")
			if last := got.Messages[2]; last.Thread != state.Channel.Summary || last.Text != "*mitigate* · 2026-03-03 14:25 UTC\nrolling back" || got.Topic != "" {
				t.Errorf("%+v", last)
			}
			if _, _, err := s.open(t, s.opening("on-call=alice@acme.example")); err != nil {
				t.Error(err)
			}
			if got, _ = s.Server.Channel("deploys"); len(got.Messages) != 3 {
				t.Errorf("opened again, it says more: %+v", got.Messages)
			}
		})
	}
	s := newScene(t)
	s.Restricted = true
	o := s.opening()
	o.Fallback = ""
	if _, _, err := s.open(t, o); err == nil || !strings.Contains(err.Error(), "--fallback-channel") {
		t.Errorf("without a fallback: %v", err)
	}
	s.Scopes = nil // and the fallback is refused too
	o.Fallback = "#deploys"
	if _, _, err := s.open(t, o); slack.Code(err) != "missing_scope" {
		t.Errorf("nothing is allowed: %v", err)
	}
}

// TestLostFallback: the answer to the message in another channel, which is named and not known by its id, is lost.
func TestLostFallback(t *testing.T) {
	s := newScene(t)
	s.Restricted = true
	s.loses("chat.postMessage")
	o := s.opening()
	state, _, err := s.open(t, o)
	if err != nil || state.Channel.ID != "C0DEPLOYS1" {
		t.Fatal(err, state.Channel)
	}
	if c, _ := s.Server.Channel("deploys"); len(c.Messages) != 1 || c.Messages[0].TS != state.Channel.Summary {
		t.Errorf("%+v", c.Messages)
	}
}

// loses loses the answer to the first call of a method, after it was done. It tells whether that has happened.
func (s *scene) loses(method string) *atomic.Bool {
	real := s.Config.Handler
	hit := &atomic.Bool{}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, method) && !hit.Swap(true) {
			real.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		real.ServeHTTP(w, r)
	})
	return hit
}

// TestLostAnswers: the answer to each call of an opening is lost once after Slack did it. Opened again where it failed, there
// is one channel, one summary, and nobody is invited twice.
func TestLostAnswers(t *testing.T) {
	for _, lost := range []string{"conversations.create", "conversations.setPurpose", "chat.postMessage", "conversations.setTopic", "pins.add", "conversations.invite"} {
		t.Run(lost, func(t *testing.T) {
			s := newScene(t)
			hit := s.loses(lost)
			o := s.opening("alice@acme.example")
			state, d, err := s.open(t, o)
			if err != nil || len(d.Notes) > 0 {
				state, d, err = s.open(t, o)
			}
			if err != nil || len(d.Notes) > 0 || !hit.Load() {
				t.Fatal(err, d.Notes)
			}
			c, _ := s.Server.Channel("inc-20260303-orders-500s")
			said := slices.DeleteFunc(c.Messages, func(m fakeslack.Message) bool { return m.Subtype != "" })
			if len(s.Channels) != 3 || len(said) != 1 || said[0].TS != state.Channel.Summary || !slices.Contains(c.Members, "U0ALICE01") || len(c.Pins) != 1 || c.Topic == "" {
				t.Errorf("%d channels, %+v", len(s.Channels), c)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestNotAllIsAllowed(t *testing.T) {
	s := newScene(t)
	s.Scopes = []string{"channels:manage", "chat:write"}
	state, d, err := s.open(t, s.opening("alice@acme.example", "U0BOB0001", "U0GONE001", "@db-oncall"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"alice@acme.example was not invited: Slack refused users.lookupByEmail", "pins:write", "U0GONE001 was not invited", "usergroups:read"} {
		if !slices.ContainsFunc(d.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("no note says %q: %q", want, d.Notes)
		}
	}
	if len(d.Notes) != 4 || !slices.Equal(state.Invited, []string{"U0BOB0001"}) || state.Status != open {
		t.Errorf("%q %+v", d.Notes, state)
	}
}

func TestUpdate(t *testing.T) {
	s := newScene(t)
	state, d, err := s.open(t, s.opening())
	if err != nil {
		t.Fatal(err)
	}
	update := func(c Change) error {
		t.Helper()
		state, err := Load(state.File())
		if err != nil {
			t.Fatal(err)
		}
		text, err := state.Note(c, s.now)
		if err != nil {
			return err
		}
		return d.Update(t.Context(), state, text)
	}
	s.now = at(25)
	if err := errors.Join(update(Change{Phase: "mitigate", Severity: "SEV-1", Note: "<!channel> back to *1233*"}), update(Change{Note: "seen by users", At: at(16)})); err != nil {
		t.Fatal(err)
	}
	c, _ := s.Server.Channel("inc-20260303-orders-500s")
	if c.Topic != "SEV-1: Orders 500s · mitigate since 2026-03-03 14:25 UTC" {
		t.Errorf("topic %q", c.Topic)
	}
	texts := ""
	for _, m := range c.Messages {
		if m.Subtype == "" {
			texts += m.Text + "\n---\n"
		}
	}
	for _, want := range []string{"SEV-1: Orders 500s*\nPhase: *mitigate since", "*mitigate*, now *SEV-1* · 2026-03-03 14:25 UTC\n&lt;!channel&gt; back to", "2026-03-03 14:16 UTC\nseen by users\n"} {
		if !strings.Contains(texts, want) {
			t.Errorf("nothing says %q:\n%s", want, texts)
		}
	}
	for _, c := range []Change{{}, {Phase: "panic"}} {
		if err := update(c); err == nil {
			t.Errorf("%+v is news", c)
		}
	}
	// What Slack was not told stands in the file.
	s.Set(func(s *fakeslack.Server) { s.Scopes = nil })
	if err := update(Change{Phase: "resolve"}); slack.Code(err) != "missing_scope" || !strings.Contains(err.Error(), "i.json has it") {
		t.Errorf("refused: %v", err)
	}
	if kept, err := Load(state.File()); err != nil || kept.Phase() != "resolve" {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestParseInvitation(t *testing.T) {
	for text, want := range map[string]Invitation{
		"alice@acme.example":         {"", "alice@acme.example"},
		"on-call=U024BE7LH":          {"on-call", "U024BE7LH"},
		"database team=@db-oncall":   {"database team", "@db-oncall"},
		"S024BE7LH":                  {"", "S024BE7LH"},
		"alice":                      {},
		"=alice@acme.example":        {},
		"on-call=":                   {},
		"on-call=<!channel>@a.b":     {},
		"Alice <alice@acme.example>": {},
	} {
		got, err := ParseInvitation(text)
		if (err == nil) != (want != Invitation{}) || err == nil && got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestLoad(t *testing.T) {
	for _, text := range []string{"", "{}", `{"version":2}`, `{"version":1,"id":"../x","status":"open"}`, `{"version":1,"id":"inc-1","status":"gone"}`, `{"version":1,"id":"inc-1","status":"open","phases":[]}`} {
		file := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "x.json") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
