// Package fakeslack answers the calls of Slack's Web API that pmcheck makes, in the form of its reference
// (https://docs.slack.dev/reference/methods), and refuses what Slack would refuse: a wrong token, a scope that the token
// lacks, a channel that the bot is not in, a name that is taken or cannot be one. It takes incoming webhooks too.
package fakeslack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is the bot's token that the server accepts, Bot the user that it belongs to, BotID the bot's own id.
const (
	Token = "xoxb-0000-fake"
	Bot   = "U0BOT00001"
	BotID = "B0BOT00001"
	Team  = "T0TEAM0001"
)

// webhookPath is the path of the incoming webhook: its last part is its secret.
const webhookPath = "/services/T0TEAM0001/B0HOOK0001/secretsecretsecret"

// Server is a Slack workspace. Change it while it serves through [Server.Set] alone.
type Server struct {
	*httptest.Server
	Scopes     []string // that the token has
	PageSize   int      // at most so many items on a page, whatever limit the call gives
	Now        func() time.Time
	Restricted bool // members may not make channels: restricted_action
	Users      []User
	Groups     []Group
	Channels   []*Channel

	// Fault answers a call instead of the server when it returns true. It is asked before everything else; call counts all
	// calls from 1, method is as in "chat.postMessage", "webhook" for the webhook.
	Fault func(w http.ResponseWriter, r *http.Request, method string, call int) bool

	mu    sync.Mutex
	calls []Call
	ids   int
	last  int64 // of the timestamps given, in microseconds
}

// Call is one call and its arguments, the token left out.
type Call struct {
	Method string
	Args   url.Values
}

// User is a person, or a bot.
type User struct {
	ID, Email, RealName, DisplayName string
	Bot, Deactivated                 bool
}

// Group is a user group, as @oncall.
type Group struct {
	ID, Handle string
	Members    []string
}

// Channel is a channel of the workspace.
type Channel struct {
	ID, Name, Topic, Purpose, Creator string
	Private, Archived                 bool
	Created                           int64 // seconds since 1970
	Members                           []string
	Messages                          []Message // in the order in which they came, replies too
	Pins                              []string  // timestamps
}

// Message is a message. Thread is the timestamp of the message that it replies to.
type Message struct {
	TS, Thread, User, BotID, BotName, Text, Subtype string
	Edited                                          bool
}

// AllScopes are the scopes that all of pmcheck's calls need together.
var AllScopes = []string{"channels:history", "channels:join", "channels:manage", "channels:read", "chat:write", "pins:write", "usergroups:read", "users:read", "users:read.email"}

// New starts a workspace with the channels general and deploys, which the bot is in; the caller closes it.
func New() *Server {
	s := &Server{Scopes: slices.Clone(AllScopes), PageSize: 100, Now: time.Now}
	s.Channels = []*Channel{
		{ID: "C0GENERAL1", Name: "general", Creator: "U0ADMIN001", Members: []string{Bot}},
		{ID: "C0DEPLOYS1", Name: "deploys", Creator: "U0ADMIN001", Members: []string{Bot}},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	return s
}

// Address is the address of the Web API.
func (s *Server) Address() string { return s.Server.URL + "/api/" }

// Webhook is the address of an incoming webhook, which posts to the channel deploys.
func (s *Server) Webhook() string { return s.Server.URL + webhookPath }

// Calls are the calls so far; those of one method where that is named.
func (s *Server) Calls(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c Call) bool { return method != "" && c.Method != method })
}

// Set changes the server while nothing else reads it.
func (s *Server) Set(change func(*Server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Channel is a copy of the channel with a name; false where there is none.
func (s *Server) Channel(name string) (Channel, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.Channels {
		if c.Name == name {
			out := *c
			out.Messages, out.Members, out.Pins = slices.Clone(c.Messages), slices.Clone(c.Members), slices.Clone(c.Pins)
			return out, true
		}
	}
	return Channel{}, false
}

// Say puts a message into a channel, as somebody who types; the message's timestamp is m.TS, else of now. It returns that.
func (s *Server) Say(channel string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(channel)
	if c == nil {
		panic("no channel " + channel)
	}
	return s.put(c, m)
}

// TS is the timestamp that a message of a moment has.
func TS(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

// Limited is Slack's answer to too many calls.
func Limited(w http.ResponseWriter, seconds int) bool {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
	return true
}

// Half is an answer that breaks off.
func Half(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "4096")
	fmt.Fprint(w, `{"ok":true,"channel":{"id":"C0`)
	return true
}

func (s *Server) put(c *Channel, m Message) string {
	if m.TS == "" {
		s.last = max(s.last+1, s.Now().UnixMicro()) // no two messages share a timestamp
		m.TS = TS(time.UnixMicro(s.last))
	}
	c.Messages = append(c.Messages, m)
	return m.TS
}

// find looks for a channel by its id, or by its name.
func (s *Server) find(channel string) *Channel {
	for _, c := range s.Channels {
		if c.ID == channel || c.Name == strings.TrimPrefix(channel, "#") {
			return c
		}
	}
	return nil
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	method, isAPI := strings.CutPrefix(r.URL.Path, "/api/")
	if !isAPI {
		method = "webhook"
	} else if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	token := strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"))
	if token == "" {
		token = r.PostForm.Get("token")
	}
	args := url.Values{}
	for name, values := range r.Form {
		if name != "token" {
			args[name] = values
		}
	}
	s.mu.Lock()
	s.calls = append(s.calls, Call{method, args})
	call, fault := len(s.calls), s.Fault
	s.mu.Unlock()
	if fault != nil && fault(w, r, method, call) {
		return
	}
	if !isAPI {
		s.webhook(w, r)
		return
	}
	s.mu.Lock()
	out := s.call(method, token, args)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(out)
}

func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	var m struct{ Text string }
	switch {
	case r.URL.Path != webhookPath:
		http.Error(w, "no_service", http.StatusNotFound)
	case json.NewDecoder(r.Body).Decode(&m) != nil || m.Text == "":
		http.Error(w, "invalid_payload", http.StatusBadRequest)
	default:
		s.mu.Lock()
		s.put(s.find("deploys"), Message{BotID: "B0HOOK0001", BotName: "incoming-webhook", Text: m.Text, Subtype: "bot_message"})
		s.mu.Unlock()
		fmt.Fprint(w, "ok")
	}
}
