package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// TestDemo: the configuration that is written is one of pmcheck serve, and the commands do what they say.
func TestDemo(t *testing.T) {
	s := fakegithub.New(t)
	out := filepath.Join(t.TempDir(), "app")
	d, installation, err := newDemo(s, out, "http://127.0.0.1:1/webhook", "octocat")
	if err != nil || installation == 0 {
		t.Fatal(installation, err)
	}
	config, err := githubapp.Load(filepath.Join(out, "pmcheck-app.yml"), nil, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	info := s.AppInfo()
	if config.AppID != info.ID || string(config.WebhookSecrets[0]) != info.WebhookSecret || config.GitHub.String() != s.URL || config.Listen != "127.0.0.1:1" {
		t.Errorf("%+v", config)
	}
	for _, c := range []struct{ command, want string }{
		{"help", "opens a pull request"},
		{"open", "#2 "},
		{"fork", "#3 "},
		{"push 2", ""},
		{"comment 2 mia all is well", "comment "},
		{"queue 1", "refs/heads/gh-readonly-queue/main/pr-1-"},
		{"checks 1", "none"},
		{"rerun 1", "error: "},
		{"deliveries", "failed to connect to host"},
		{"redeliver", "pull_request opened sent again"},
		{"webhook http://127.0.0.1:1/other", "webhooks go to"},
		{"apps", "1001 pmcheck"},
		{"install 1001", "installed as"},
		{"install 7", "error: "},
		{"merge 1", "merged"},
		{"close 2", "closed"},
		{"close 9", "error: there is no pull request 9"},
		{"dance 1", `error: there is no command "dance"`},
		{"hour", "it is "},
		{"login mia", "mia is logged in"},
		{"down", "down"},
		{"up", "up"},
	} {
		words := strings.Fields(c.command)
		text, err := d.do(words[0], words[1:])
		if err != nil {
			text = "error: " + err.Error()
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%s: %s", c.command, text)
		}
	}
	if d.pulls[2].Head() == d.pulls[1].Head() || d.repo.Head("main") != d.pulls[1].Merge() {
		t.Error("the commands left no trace")
	}
}
