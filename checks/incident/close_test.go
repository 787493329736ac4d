package incident

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// talk is the incident's conversation: people, a bot, a thread, and what has to be kept out of a document.
func talk(t *testing.T, s *scene) (*State, *Desk) {
	t.Helper()
	state, d, err := s.open(t, s.opening("on-call=alice@acme.example", "bob@acme.example"))
	if err != nil || len(d.Notes) > 0 {
		t.Fatal(err, d.Notes)
	}
	channel := state.Channel.ID
	s.Say(channel, fakeslack.Message{TS: fakeslack.TS(at(12)), BotID: "B0DATADOG", BotName: "Datadog", Subtype: "bot_message", Text: "Triggered: error rate is 25% | orders-api"})
	cause := s.Say(channel, fakeslack.Message{TS: fakeslack.TS(at(20)), User: "U0BOB0001", Text: "it is the *migration*, see <https://github.com/acme/orders/pull/812|#812>; <@U0ALICE01|ally> can you look? bob@acme.example"})
	s.Say(channel, fakeslack.Message{TS: fakeslack.TS(at(22)), User: "U0ALICE01", Thread: cause, Text: "yes, Bob is right &amp; Cara Cole's index\nis missing too"})
	s.Say(channel, fakeslack.Message{TS: fakeslack.TS(at(23)), User: "U0CARA001", Text: "asking <!subteam^S0ONCALL1|@db-oncall> in <#C0GENERAL1|general>, <!here>"})
	s.Say(channel, fakeslack.Message{TS: fakeslack.TS(at(31)), User: "U0BOB0001", Text: "errors are at 1% \x1b[31m| &lt;script&gt;; used ghp_0123456789abcdefghijABCDEFGHIJ012345"})
	for _, step := range []struct {
		minute int
		change Change
	}{{16, Change{Phase: "triage"}}, {25, Change{Phase: "mitigate", Note: "rolling back, said Alice"}}, {30, Change{Phase: "resolve"}}} {
		s.now = at(step.minute)
		text, err := state.Note(step.change, s.now)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Update(t.Context(), state, text); err != nil {
			t.Fatal(err)
		}
	}
	s.now = at(45)
	return state, d
}

func TestRead(t *testing.T) {
	s := newScene(t)
	s.PageSize = 2 // a page of two messages, and of two replies
	state, d := talk(t, s)
	state.End(at(45))
	got, err := d.Read(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, r := range got.Rows {
		rows = append(rows, r.At.Format("15:04")+" "+r.Event+" / "+r.By)
	}
	want := `14:12 Triggered: error rate is 25% | orders-api / bot Datadog
14:15 phase detect, SEV-2 / incident
14:16 phase triage / incident
14:20 it is the *migration*, see #812 (https://github.com/acme/orders/pull/812); on-call can you look? (an e-mail address) / responder 1
14:22 yes, responder 1 is right & responder 2's index is missing too / on-call
14:23 asking a user group in #general, @here / responder 2
14:25 phase mitigate: rolling back, said on-call / incident
14:30 phase resolve / incident
14:31 errors are at 1% [31m| <script>; used (redacted) / responder 1
14:45 resolved, incident closed / incident`
	if text := strings.Join(rows, "\n"); text != want {
		t.Errorf("\n%s\nwant\n%s", text, want)
	}
	if got.Messages != 5 || got.Responders != 3 || got.Unnamed != 0 {
		t.Errorf("%+v", got)
	}
}

func TestDraft(t *testing.T) {
	s := newScene(t)
	state, d := talk(t, s)
	state.End(at(45))
	read, err := d.Read(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	document := state.Document("PM-2026-001", "")
	text, err := state.Draft(document, read.Rows)
	if err != nil {
		t.Fatal(err)
	}
	parsed, problems := postmortem.Parse("docs/postmortems/PM-2026-001.md", text)
	if len(problems) > 0 || len(postmortem.Review(parsed)) > 0 {
		t.Errorf("%v %v", problems, postmortem.Review(parsed))
	}
	if parsed.StartedAt != "2026-03-03T14:05:00Z" || parsed.DetectedAt != "2026-03-03T14:15:00Z" || parsed.AcknowledgedAt != "2026-03-03T14:16:00Z" || parsed.MitigatedAt != "2026-03-03T14:30:00Z" ||
		parsed.ResolvedAt != "2026-03-03T14:45:00Z" || parsed.Severity != "SEV-2" || parsed.Trigger != "deploy of 4f2c1e0d9" {
		t.Errorf("%+v", parsed)
	}
	for _, want := range []string{"| Mitigate | 2026-03-03T14:25:00Z |", `see \#812 (https`, `\<script\>`, "| on-call ", "4f2c1e0d9 https://circleci.com/gh/acme/orders/1234 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not there", want)
		}
	}
	for _, name := range []string{"alice", "ally", "archer", "bob", "baker", "cara", "cole", "@acme", "ghp_", "U0", "\x1b"} {
		if strings.Contains(strings.ToLower(string(text)), strings.ToLower(name)) {
			t.Errorf("%q stands in the document:\n%s", name, text)
		}
	}
	// What a person writes into it remains, and rows are not put in twice.
	edited := strings.Replace(string(text), "## Summary\n", "## Summary\n\nWritten by hand.\n", 1)
	again, err := postmortem.MergeTimeline("x.md", []byte(edited), read.Rows)
	if err != nil || again.Added != 0 || string(again.Text) != edited {
		t.Errorf("%+v %v", again, err)
	}
}

func TestReadThread(t *testing.T) {
	s := newScene(t)
	s.Restricted = true
	s.PageSize = 2
	state, d, err := s.open(t, s.opening())
	if err != nil {
		t.Fatal(err)
	}
	s.Say("deploys", fakeslack.Message{User: "U0BOB0001", Text: "something else"})
	for i := range 5 {
		s.now = at(20 + i)
		s.Say("deploys", fakeslack.Message{User: "U0BOB0001", Thread: state.Channel.Summary, Text: fmt.Sprintf("step %d", i)})
	}
	got, err := d.Read(t.Context(), state)
	if err != nil || got.Messages != 5 || got.Rows[5].Event != "step 4" {
		t.Errorf("%+v %v", got, err)
	}
	state.End(at(45))
	if err := d.Farewell(t.Context(), state, "thanks", true); err != nil {
		t.Fatal(err)
	}
	c, _ := s.Server.Channel("deploys")
	if c.Archived || len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "not the incident's own") || !strings.HasSuffix(c.Messages[len(c.Messages)-1].Text, "\nthanks") {
		t.Errorf("%+v %q", c, d.Notes)
	}
}

// TestReadFails: what cannot be read whole is no timeline.
func TestReadFails(t *testing.T) {
	on := func(method string, answer func(http.ResponseWriter)) func(*fakeslack.Server) {
		return func(s *fakeslack.Server) {
			s.Fault = func(w http.ResponseWriter, _ *http.Request, m string, _ int) bool {
				if m != method {
					return false
				}
				answer(w)
				return true
			}
		}
	}
	text := func(s string) func(http.ResponseWriter) { return func(w http.ResponseWriter) { fmt.Fprint(w, s) } }
	for name, c := range map[string]struct {
		set  func(*fakeslack.Server)
		want string
	}{
		"scope":     {func(s *fakeslack.Server) { s.Scopes = []string{"chat:write", "users:read"} }, "channels:history"},
		"limited":   {on("conversations.history", func(w http.ResponseWriter) { fakeslack.Limited(w, 3600) }), "1h0m0s"},
		"replies":   {on("conversations.replies", text(`{"ok":false,"error":"thread_not_found"}`)), "thread_not_found"},
		"no cursor": {on("conversations.history", text(`{"ok":true,"messages":[],"has_more":true}`)), "more messages"},
		"same page": {on("conversations.history", text(`{"ok":true,"messages":[],"has_more":true,"response_metadata":{"next_cursor":"x"}}`)), "again and again"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			state, d := talk(t, s)
			s.Set(c.set)
			if got, err := d.Read(t.Context(), state); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestReadIsLimited: a limit of the rate in the middle of a channel is waited for, and nothing is missing or twice.
func TestReadIsLimited(t *testing.T) {
	s := newScene(t)
	s.PageSize = 3
	state, d := talk(t, s)
	want, err := d.Read(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	limits := 0
	s.Set(func(s *fakeslack.Server) {
		s.Fault = func(w http.ResponseWriter, r *http.Request, method string, _ int) bool {
			if method != "conversations.history" || r.Form.Get("cursor") == "" || limits == 1 {
				return false
			}
			limits++
			return fakeslack.Limited(w, 0)
		}
	})
	got, err := d.Read(t.Context(), state)
	if err != nil || limits != 1 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, after %d limits\n%v\nwant\n%v", err, limits, got, want)
	}
}

func TestNamesAreNotTold(t *testing.T) {
	s := newScene(t)
	state, d := talk(t, s)
	s.Set(func(s *fakeslack.Server) { s.Scopes = []string{"channels:history"} })
	got, err := d.Read(t.Context(), state)
	if err != nil || got.Unnamed != 3 || got.Rows[3].By != "responder 1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestArchive(t *testing.T) {
	s := newScene(t)
	state, d := talk(t, s)
	state.End(at(45))
	if err := d.Farewell(t.Context(), state, "", true); err != nil || len(d.Notes) > 0 {
		t.Fatal(err, d.Notes)
	}
	c, _ := s.Server.Channel("inc-20260303-orders-500s")
	if !c.Archived || c.Topic != "SEV-2: Orders 500s · closed at 2026-03-03 14:45 UTC" {
		t.Errorf("%+v", c)
	}
	if kept, err := Load(state.File()); err != nil || !kept.Channel.Archived || kept.IsOpen() {
		t.Errorf("%+v %v", kept, err)
	}
}

func TestMomentsThatRunBackwards(t *testing.T) {
	s := &State{Title: "x", Opened: at(15), Started: at(20), Phases: []Phase{{Name: "triage", At: at(16)}}, Closed: at(45)}
	d := s.Document("PM-1", "")
	if d.StartedAt == "" || d.DetectedAt != "" || d.AcknowledgedAt != "" || d.ResolvedAt == "" {
		t.Errorf("%+v", d)
	}
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"<@U0ALICE01|x> <!here> <a|b> &lt;", "<<@U1>>", "alice ALICE malice", "\xff<@", "a@b.cd ghp_0123456789abcdefghijABCDEFGHIJ012345"} {
		f.Add(seed)
	}
	c := newCast(map[string]string{"U0ALICE01": "on-call"})
	c.aliases = map[string]string{"alice": "on-call"}
	c.compile()
	f.Fuzz(func(t *testing.T, text string) {
		got := c.plain(text)
		if strings.ContainsAny(got, "\n\r\x1b\x00") || len([]rune(got)) > maxEvent {
			t.Errorf("%q", got)
		}
		for _, word := range strings.Fields(got) {
			if strings.EqualFold(word, "alice") {
				t.Errorf("a name is left in %q of %q", got, text)
			}
		}
	})
}

func TestMoment(t *testing.T) {
	if got := moment("1772546400.000200"); !got.Equal(time.Unix(1772546400, 200_000)) {
		t.Error(got)
	}
	if got := moment("x"); !got.IsZero() {
		t.Error(got)
	}
}
