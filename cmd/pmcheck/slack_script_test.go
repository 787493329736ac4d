package main

import (
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

// workspaceKey is the key of a script's Slack workspace among its values.
type workspaceKey struct{}

func slackWorkspace(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: slack [SCOPE...]")
	}
	server := fakeslack.New()
	ts.Defer(server.Close)
	server.Set(func(s *fakeslack.Server) {
		s.Users = []fakeslack.User{{ID: "U0ALICE01", Email: "alice@acme.example", RealName: "Alice Archer"}, {ID: "U0BOB0001", Email: "bob@acme.example", RealName: "Bob Baker"}}
		s.Groups = []fakeslack.Group{{ID: "S0ONCALL1", Handle: "db-oncall", Members: []string{"U0BOB0001"}}}
		if len(args) > 0 {
			s.Scopes = args
		}
	})
	ts.Setenv("SLACK_API_URL", server.Address())
	ts.Setenv("SLACK_BOT_TOKEN", fakeslack.Token)
	ts.Setenv("SLACK_HOOK", server.Webhook())
	ts.Value(workspaceKey{}).(*workspace).Server = server
}

// workspace is where a script's Slack is kept.
type workspace struct{ *fakeslack.Server }

func said(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: said CHANNEL [USER TEXT]")
	}
	server := ts.Value(workspaceKey{}).(*workspace)
	if len(args) == 3 {
		server.Say(args[0], fakeslack.Message{User: args[1], Text: args[2]})
	}
	c, found := server.Channel(args[0])
	if !found {
		ts.Fatalf("there is no channel %s", args[0])
	}
	text := fmt.Sprintf("topic %s, archived %v, members %v, pins %d\n", c.Topic, c.Archived, c.Members, len(c.Pins))
	for _, m := range c.Messages {
		if m.Subtype == "" || m.Subtype == "bot_message" {
			text += m.Text + "\n"
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(text), 0o666))
}
