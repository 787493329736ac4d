package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
)

const dueLessons = `
-- base/.pmcheck.yml --
version: 1
reminders: {time_zone: Europe/Berlin, holidays: [2026-12-25]}
-- base/docs/postmortems/1.md --
---
id: PM-1
title: Orders <!channel> failed
date: 2026-11-02
status: reviewed
action_items:
  - {id: AI-1, action: "Compare code & schema @all", owner: "@acme/db", priority: P0, due: 2026-12-07, status: in_progress, issue: acme/orders#2}
  - {id: AI-2, action: "Watch *errors*", owner: Web team, due: 2026-12-10, status: open}
  - {id: AI-3, action: Later, owner: Web team, due: 2026-12-14, status: open}
---
-- base/docs/postmortems/2.md --
---
id: PM-2
title: Slow pages
date: 2026-11-18
status: draft
---
`

// remindAt runs the command at a moment, as a user does, and gives its exit status.
func remindAt(t *testing.T, now, dir string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	root := rootCommand(func() time.Time { return at })
	root.SetArgs(append([]string{"remind", "--repo", dir}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	var usage *usageError
	switch err := root.ExecuteContext(t.Context()); {
	case err == nil:
	case errors.As(err, &usage):
		status = exitUse
		errs.WriteString(err.Error())
	default:
		status = exitUndone
		errs.WriteString(err.Error())
	}
	return status, out.String(), errs.String()
}

func dueRepo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := example.Write(t.Context(), txtar.Parse([]byte(dueLessons)), dir); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("git", "-C", dir, "remote", "add", "origin", "https://github.com/acme/orders.git").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return dir
}

func TestRemindOnStandardOutput(t *testing.T) {
	dir := dueRepo(t)
	for _, c := range []struct{ now, out, errs string }{
		{"2026-12-09T10:00:00Z", `@acme/db: 1 reminder
  PM-1/AI-1 was due on Monday 2026-12-07 (P0): Compare code & schema @all  docs/postmortems/1.md:7
Web team: 1 reminder
  PM-1/AI-2 is due on Thursday 2026-12-10: Watch *errors*  docs/postmortems/1.md:8
Post-mortems and items that nobody owns: 1 reminder
  PM-2 is a draft, and nobody has touched it for 19 days: Slow pages  docs/postmortems/2.md:2
`, ""},
		{"2026-11-23T10:00:00Z", `Post-mortems and items that nobody owns: 1 reminder
  PM-2 is still a draft, 3 working days after the incident of Wednesday 2026-11-18: hold the post-mortem: Slow pages  docs/postmortems/2.md:2
`, ""},
		{"2026-11-20T10:00:00Z", "", "pmcheck: nothing to say\n"},
		{"2026-12-06T22:30:00Z", "", "pmcheck: 2026-12-06 is not a working day in Europe/Berlin: nothing is said\n"},
		{"2026-12-25T10:00:00Z", "", "pmcheck: 2026-12-25 is not a working day in Europe/Berlin: nothing is said\n"},
	} {
		if status, out, errs := remindAt(t, c.now, dir); status != 0 || out != c.out || errs != c.errs {
			t.Errorf("%s: status %d\n%s%s", c.now, status, out, errs)
		}
	}
}

func TestRemindOnSlack(t *testing.T) {
	dir, state := dueRepo(t), filepath.Join(t.TempDir(), "said.json")
	server := fakeslack.New()
	defer server.Close()
	t.Setenv("SLACK_BOT_TOKEN", fakeslack.Token)
	t.Setenv("SLACK_API_URL", server.Address())
	texts := func() string {
		channel, _ := server.Channel("deploys")
		var all []string
		for _, m := range channel.Messages {
			all = append(all, m.Text)
		}
		return strings.Join(all, "\n")
	}
	const now = "2026-12-09T10:00:00Z"
	if status, _, errs := remindAt(t, now, dir, "--slack", "#deploys"); status != exitUse || !strings.Contains(errs, "needs --state FILE") {
		t.Errorf("without a state: %d %s", status, errs)
	}
	status, out, errs := remindAt(t, now, dir, "--slack", "#deploys", "--state", state, "--dry-run")
	if _, err := os.Stat(state); status != 0 || !strings.Contains(out, "PM-1/AI-2 is due") || errs != "pmcheck: 3 messages would be sent\n" || err == nil || texts() != "" {
		t.Errorf("dry: %d %s %s; sent %q", status, out, errs, texts())
	}
	// Slack is down: nothing is remembered. Then each thing is said once.
	server.Set(func(s *fakeslack.Server) {
		s.Fault = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool {
			w.Write([]byte(`{"ok":false,"error":"channel_not_found"}`))
			return true
		}
	})
	if status, _, errs := remindAt(t, now, dir, "--slack", "#deploys", "--state", state); status != exitUndone || strings.Count(errs, "remind ") != 3 {
		t.Errorf("down: %d %s", status, errs)
	}
	server.Set(func(s *fakeslack.Server) { s.Fault = nil })
	if status, _, errs := remindAt(t, now, dir, "--slack", "#deploys", "--state", state); status != 0 || errs != "pmcheck: 3 messages sent\n" {
		t.Errorf("%d %s", status, errs)
	}
	said := texts()
	for _, want := range []string{
		"*@\u200bacme/db*: 1 reminder\n• <https://github.com/acme/orders/blob/HEAD/docs/postmortems/1.md?plain=1#L7|PM-1/AI-1> was due on Monday 2026-12-07 (P0): Compare code &amp; schema @\u200ball\n",
		"Watch *\u200berrors*\u200b", "|PM-2> is a draft, and nobody has touched it for 19 days: Slow pages",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("not said: %q in\n%s", want, said)
		}
	}
	if status, _, errs := remindAt(t, "2026-12-10T10:00:00Z", dir, "--slack", "#deploys", "--state", state); status != 0 || errs != "pmcheck: nothing to say; 3 reminders of before not repeated\n" || texts() != said {
		t.Errorf("again: %d %s", status, errs)
	}
	if status, _, errs := remindAt(t, "2026-12-11T10:00:00Z", dir, "--slack", "#deploys", "--state", state); status != 0 || errs != "pmcheck: 1 message sent; 2 reminders of before not repeated\n" {
		t.Errorf("overdue now: %d %s", status, errs)
	}
}

func TestRemindBelowAnIssue(t *testing.T) {
	dir := dueRepo(t)
	server := fakegithub.New(t)
	repo := server.Repo("acme", "orders", map[string]string{"x": "x\n"})
	server.Install("acme", repo)
	repo.Branch("todo", "main")
	repo.Commit("todo", map[string]string{"x": "y\n"})
	pull := repo.OpenPull("todo", "main", "Reminders")
	done := repo.Issue("Compare code and schema")
	t.Setenv("GITHUB_API_URL", server.APIURL())
	t.Setenv("GITHUB_TOKEN", server.UserToken("acme"))
	const now = "2026-12-09T10:00:00Z"
	args := []string{"--issue", "acme/orders#1"}
	if pull.Number != 1 || done != 2 {
		t.Fatalf("the issues are %d and %d", pull.Number, done)
	}
	server.User("mallory")
	// A stranger cannot have reminders left out: the mark counts from those alone who may write to the repository.
	if status, _, errs := remindAt(t, now, dir, args...); status != 0 || errs != "pmcheck: 3 messages sent\n" {
		t.Fatalf("%d %s", status, errs)
	}
	first := pull.Comments()
	if len(first) != 3 || !strings.HasPrefix(first[0].Body, "**@acme/db**: 1 reminder\n\n- [PM-1/AI-1](https://github.com/acme/orders/blob/HEAD/docs/postmortems/1.md?plain=1#L7) was due on Monday 2026-12-07 (P0): Compare code &amp; schema @&#8203;all\n\n<!-- pmcheck remind: ") {
		t.Fatalf("%+v", first)
	}
	if status, _, errs := remindAt(t, now, dir, args...); status != 0 || errs != "pmcheck: nothing to say; 3 reminders of before not repeated\n" || len(pull.Comments()) != 3 {
		t.Errorf("again: %d %s", status, errs)
	}
	pull.EditComment(first[0].ID, "gone")
	pull.Comment("mallory", first[0].Body)
	repo.SetIssue(done, "closed", "completed")
	state := filepath.Join(t.TempDir(), "issues.json")
	if status, _, errs := remindAt(t, now, dir, append(args, "--refresh", "--state", state)...); status != 0 || errs != "pmcheck: nothing to say; 2 reminders of before not repeated\n" {
		t.Errorf("the item is done: %d %s", status, errs)
	}
	if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), `"acme/orders#2"`) {
		t.Errorf("%s %v", text, err)
	}
	if status, _, errs := remindAt(t, now, dir, args...); status != 0 || errs != "pmcheck: 1 message sent; 2 reminders of before not repeated\n" {
		t.Errorf("a stranger's mark: %d %s", status, errs)
	}
	server.Fault(&fakegithub.Fault{Method: "GET", Route: "/repos/{owner}/{repo}/issues/{issue_number}/comments", Status: 403})
	if status, _, errs := remindAt(t, now, dir, args...); status != exitUndone || !strings.Contains(errs, "what was said before is not known") {
		t.Errorf("comments that cannot be read: %d %s", status, errs)
	}
}
