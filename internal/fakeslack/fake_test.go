package fakeslack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// call makes a call as a client does.
func call(t *testing.T, s *Server, method, token string, args ...string) map[string]any {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Address()+method, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRefusals(t *testing.T) {
	s := New()
	defer s.Close()
	s.Users = []User{{ID: "U1"}, {ID: "U2", Deactivated: true}}
	s.Channels = append(s.Channels, &Channel{ID: "C0OTHER", Name: "other"}, &Channel{ID: "C0OLD", Name: "old", Members: []string{Bot}, Archived: true}, &Channel{ID: "C0SECRET", Name: "secret", Private: true})
	for _, c := range []struct {
		method, token, want string
		args                []string
	}{
		{"auth.test", "", "not_authed", nil},
		{"auth.test", "xoxb-other", "invalid_auth", nil},
		{"chat.shout", Token, "unknown_method", nil},
		{"conversations.create", Token, "invalid_name_required", nil},
		{"conversations.create", Token, "invalid_name_specials", []string{"name", "Inc"}},
		{"conversations.create", Token, "invalid_name_specials", []string{"name", "a.b"}},
		{"conversations.create", Token, "invalid_name_punctuation", []string{"name", "--"}},
		{"conversations.create", Token, "invalid_name_maxlength", []string{"name", strings.Repeat("a", 81)}},
		{"conversations.create", Token, "name_taken", []string{"name", "secret"}},
		{"conversations.create", Token, "name_taken", []string{"name", "old"}},
		{"chat.postMessage", Token, "not_in_channel", []string{"channel", "other", "text", "x"}},
		{"chat.postMessage", Token, "channel_not_found", []string{"channel", "secret", "text", "x"}},
		{"chat.postMessage", Token, "is_archived", []string{"channel", "C0OLD", "text", "x"}},
		{"chat.postMessage", Token, "no_text", []string{"channel", "deploys"}},
		{"chat.postMessage", Token, "thread_not_found", []string{"channel", "deploys", "text", "x", "thread_ts", "1.000000"}},
		{"chat.update", Token, "message_not_found", []string{"channel", "C0DEPLOYS1", "ts", "1.000000", "text", "x"}},
		{"conversations.setTopic", Token, "channel_not_found", []string{"channel", "deploys", "topic", "x"}}, // by its id alone
		{"conversations.setTopic", Token, "too_long", []string{"channel", "C0DEPLOYS1", "topic", strings.Repeat("x", 251)}},
		{"conversations.invite", Token, "user_disabled", []string{"channel", "C0DEPLOYS1", "users", "U1,U2"}},
		{"conversations.invite", Token, "cant_invite_self", []string{"channel", "C0DEPLOYS1", "users", Bot}},
		{"conversations.history", Token, "not_in_channel", []string{"channel", "C0OTHER"}},
		{"conversations.archive", Token, "already_archived", []string{"channel", "C0OLD"}},
		{"pins.add", Token, "message_not_found", []string{"channel", "C0DEPLOYS1", "timestamp", "1.000000"}},
		{"users.lookupByEmail", Token, "users_not_found", []string{"email", "x@y.z"}},
		{"usergroups.users.list", Token, "no_such_subteam", []string{"usergroup", "S1"}},
	} {
		if got := call(t, s, c.method, c.token, c.args...); got["error"] != c.want || got["ok"] != false {
			t.Errorf("%s %v: %v, want %s", c.method, c.args, got, c.want)
		}
	}
	if c, _ := s.Channel("deploys"); len(c.Members) != 1 || len(c.Messages) > 0 {
		t.Errorf("a refused call did something: %+v", c)
	}
	s.Scopes = []string{"chat:write"}
	if got := call(t, s, "conversations.list", Token); got["error"] != "missing_scope" || got["needed"] != "channels:read,groups:read" || got["provided"] != "chat:write" {
		t.Errorf("%v", got)
	}
}

// TestPages: history and replies come in pages that a cursor leads through, in Slack's orders.
func TestPages(t *testing.T) {
	s := New()
	defer s.Close()
	s.PageSize = 2
	first := s.Say("deploys", Message{User: "U1", Text: "0"})
	for _, text := range []string{"1", "2", "3"} {
		s.Say("deploys", Message{User: "U1", Text: text})
		s.Say("deploys", Message{User: "U1", Thread: first, Text: "re" + text})
	}
	for method, want := range map[string]string{"conversations.history": "3 2|1 0", "conversations.replies": "0 re1|re2 re3"} {
		var pages []string
		cursor := ""
		for {
			got := call(t, s, method, Token, "channel", "C0DEPLOYS1", "ts", first, "cursor", cursor)
			var texts []string
			for _, m := range got["messages"].([]any) {
				m := m.(map[string]any)
				texts = append(texts, m["text"].(string))
				if m["ts"] == first && (m["reply_count"] != 3.0 || m["thread_ts"] != first) {
					t.Errorf("%s: %v", method, m)
				}
			}
			pages = append(pages, strings.Join(texts, " "))
			cursor = got["response_metadata"].(map[string]any)["next_cursor"].(string)
			if got["has_more"] != (cursor != "") {
				t.Errorf("%s: has_more %v, cursor %q", method, got["has_more"], cursor)
			}
			if cursor == "" {
				break
			}
		}
		if got := strings.Join(pages, "|"); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}
