package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/example"
	"github.com/pmcheck/pmcheck/internal/fakecircleci"
	"github.com/pmcheck/pmcheck/internal/fakeslack"
	"github.com/pmcheck/pmcheck/internal/pgtest"
)

// TestTheWholeLoop is the incident from end to end: a deploy, its errors, the gate that fails, the rollback that would
// have made it worse, the channel, the document, the rule that is switched on, and the same change refused. The service
// sends its releases' own queries to a real PostgreSQL; CircleCI and Slack are servers made for tests. What it prints
// stands in the README: -v shows it, -update writes it.
func TestTheWholeLoop(t *testing.T) {
	l := newLoop(t)

	l.say("Release v1 serves. Pull request 41 drops a column and changes the code in one go. In March nobody checked that:\nthe rule was switched off.")
	l.git("log", "--oneline", "--decorate", "--graph")
	l.show("git show v2:.pmcheck.yml", l.quiet("show", "v2:.pmcheck.yml"))

	l.say("14:00. Deploy 1234 runs the migration and brings v2 to three of four instances. Its health check passes.")
	l.orders.migrate("v2:migrations/0003_drop_legacy_name.up.sql")
	l.orders.serve("v2", "v2", "v2", "v1")
	l.pmcheck(exitPass, "deploy", "health", "--url", l.orders.URL+"/healthz", "--stable", "1")

	l.say("The gate asks for the error rate, and fails.")
	l.show("cat gate.yml", strings.Replace(l.read("gate.yml"), l.orders.URL, "http://orders.internal", 1))
	l.at("14:12")
	l.pmcheck(exitFail, "deploy", "gate", "--config", "gate.yml", "--format", "json=gate.json")

	l.say("14:15. A channel.")
	l.at("14:15")
	l.pmcheck(exitPass, "incident", "open", "--title", "Orders 500s", "--severity", "SEV-2", "--service", "orders-api",
		"--started-at", "2026-03-03T14:05:00Z", "--invite", "on-call=alice@acme.example", "--report", "gate.json")
	l.pmcheck(exitPass, "incident", "update", "--phase", "triage")

	l.say("14:20. Roll back? The schema has moved on.")
	l.at("14:20")
	rollback := []string{"deploy", "rollback", "--to", "v1", "--by", "command", "--", "./deploy.sh", "{version}"}
	l.pmcheck(exitFail, rollback...)
	l.orders.serve("v1", "v1", "v1", "v1")
	l.say("Rolled back all the same, %s of the requests would fail. So the column comes back first, as v3; then v1 may.", l.orders.rate())
	l.orders.serve("v2", "v2", "v2", "v1")
	l.people("U0ALICE01", "the running release still reads legacy_name, v3 puts it back")
	l.at("14:25")
	l.commit("Put legacy_name back", map[string]string{
		"migrations/0004_put_legacy_name_back.up.sql":   "SET lock_timeout = '5s';\nALTER TABLE customers ADD COLUMN legacy_name text NOT NULL DEFAULT '';\n",
		"migrations/0004_put_legacy_name_back.down.sql": "ALTER TABLE customers DROP COLUMN legacy_name;\n",
	})
	l.quiet("tag", "v3")
	l.orders.migrate("v3:migrations/0004_put_legacy_name_back.up.sql")
	l.pmcheck(exitPass, rollback...)
	deployed := strings.TrimSpace(l.read("deployed"))
	l.orders.serve(deployed, deployed, deployed, deployed)
	l.commit("Revert the code of #41", map[string]string{"internal/store/customers.go": side("base/")["internal/store/customers.go"]})
	l.at("14:30")
	l.pmcheck(exitPass, "deploy", "gate", "--config", "gate.yml")
	l.pmcheck(exitPass, "incident", "update", "--phase", "resolve", "--note", "v1 serves on all instances")

	l.say("14:45. All clear: what was said and done becomes a document, and CircleCI and git put their part into it.")
	l.at("14:45")
	l.pmcheck(exitPass, "incident", "close", "--introduced-by", l.id("v2"))
	document := l.found("docs/postmortems/*.md")
	l.pmcheck(exitPass, "postmortem", "timeline", "--project", l.circleci.Slug, "--deploy-job", "deploy", "--from", "2026-03-03T13:55:00Z", "--write", document)
	l.say("Its timeline, as a page shows it:")
	l.out.WriteString(rendered.Replace(unseen.ReplaceAllString(timelineTable.FindString(l.read(document)), "")))

	l.say("Is the lesson guarded? Today's rules judge the change that caused it.")
	l.quiet("add", "-A")
	l.commit("Post-mortem of the orders incident, a draft", nil)
	l.pmcheck(exitFail, "postmortem", "replay", "--all")

	l.say("5 March. The review: five whys, six items, and the rule is switched on.")
	l.now = l.now.AddDate(0, 0, 2)
	l.review(document)
	l.commit("Post-mortem reviewed; old-code-breaks is switched on", map[string]string{".pmcheck.yml": "version: 1\nfail_on: error\n"})
	l.pmcheck(exitPass, "postmortem", "lint")
	l.pmcheck(exitPass, "postmortem", "items")
	l.pmcheck(exitPass, "postmortem", "replay", "--all")

	l.say("The week after, somebody makes the same change again.")
	l.now = l.now.AddDate(0, 0, 7)
	l.quiet("checkout", "-q", "-b", "drop-again")
	l.commit("Drop legacy_name, this time for good", l.again())
	l.pmcheck(exitFail, "check")
	t.Log(l.out.String())
	stands(t, l.readme, "loop", strings.TrimPrefix(l.out.String(), "\n"))
}

var timelineTable = regexp.MustCompile(`(?mi)^\| *time[^\n]*\n(\|[^\n]*\n)+`)

// unseen is what a page does not show of it, links too.
var (
	unseen   = regexp.MustCompile(` *<!--.*?-->| \(\[CircleCI\]\([^()]*\)\)`)
	rendered = strings.NewReplacer(`\_`, "_", `\#`, "#")
)

// A loop is the scene, and what has been shown so far.
type loop struct {
	*testing.T
	out      strings.Builder
	readme   string
	now      time.Time
	orders   *orders
	circleci *fakecircleci.Server
	slack    *fakeslack.Server
}

func newLoop(t *testing.T) *loop {
	servers := pgtest.Servers(t)
	readme, err := filepath.Abs("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{T: t, readme: readme, now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)}
	t.Chdir(t.TempDir())
	l.quiet("init", "-q", "-b", "main")
	files := side("base/")
	for name := range files {
		if strings.HasPrefix(name, "docs/") {
			delete(files, name) // the document is what this ends with
		}
	}
	l.orders = newOrders(t, servers[len(servers)-1].NewDatabase(t), func(object string) string { return l.quiet("show", object) })
	files[".pmcheck.yml"] = "version: 1\nfail_on: error\nrules:\n  old-code-breaks: {severity: off}\n"
	files[".gitignore"] = "/gate.json\n/gate.yml\n/deployed\n"
	files["deploy.sh"] = "#!/bin/sh\necho \"$1\" > deployed\necho \"$1 runs on all instances\"\n"
	l.commit("The release that is serving", files)
	l.quiet("tag", "v1")
	for _, m := range []string{"0001_create_customers", "0002_add_full_name"} {
		l.orders.migrate("v1:migrations/" + m + ".up.sql")
	}
	l.at("13:50")
	l.commit("Read full_name, drop legacy_name (#41)", side("head/"))
	l.quiet("tag", "v2")
	if err := os.WriteFile("gate.yml", []byte(fmt.Sprintf(gate, l.orders.URL)), 0o666); err != nil {
		t.Fatal(err)
	}

	l.circleci = fakecircleci.New("gh/acme/orders")
	t.Cleanup(l.circleci.Close)
	pipelines := []fakecircleci.Pipeline{
		{Number: 1234, Commit: l.id("v2"), Branch: "main", Created: "2026-03-03T14:00:00Z", Workflows: []fakecircleci.Workflow{{
			Name: "release", Status: "failed", Stop: "2026-03-03T14:13:00Z", Jobs: []fakecircleci.Job{
				{Name: "deploy", Status: "success", Start: "2026-03-03T14:00:30Z", Stop: "2026-03-03T14:05:00Z"},
				{Name: "gate", Status: "failed", Start: "2026-03-03T14:05:10Z", Stop: "2026-03-03T14:13:00Z", Requires: []string{"deploy"}},
			}}}},
		{Number: 1233, Commit: l.id("v1"), Branch: "main", Created: "2026-03-02T10:10:00Z", Workflows: []fakecircleci.Workflow{{
			Name: "release", Status: "success", Stop: "2026-03-02T10:20:00Z", Jobs: []fakecircleci.Job{
				{Name: "deploy", Status: "success", Stop: "2026-03-02T10:18:00Z"},
			}}}},
	}
	l.circleci.Set(func(s *fakecircleci.Server) { s.Pipelines = pipelines })
	t.Setenv("CIRCLE_TOKEN", fakecircleci.Token)
	l.slack = fakeslack.New()
	t.Cleanup(l.slack.Close)
	l.slack.Set(func(s *fakeslack.Server) {
		s.Now = func() time.Time { return l.now }
		s.Users = []fakeslack.User{{ID: "U0ALICE01", Email: "alice@acme.example", RealName: "Alice Archer"}}
	})
	t.Setenv("SLACK_API_URL", l.slack.Address())
	t.Setenv("SLACK_BOT_TOKEN", fakeslack.Token)
	return l
}

const gate = `metrics:
  - name: error-rate
    interval: 100ms
    count: 5
    failureLimit: 1
    successCondition: result < 0.05
    provider:
      web: {url: %s/stats, jsonPath: $.error_rate}
`

// side is the files of the incident's archive that are under a folder.
func side(folder string) map[string]string {
	files := map[string]string{}
	for _, f := range example.Incident().Files {
		if name, ok := strings.CutPrefix(f.Name, folder); ok {
			files[name] = string(f.Data)
		}
	}
	return files
}

// again is the incident's change, on a tree that has moved on.
func (l *loop) again() map[string]string {
	files := side("head/")
	for name, content := range files {
		if strings.HasPrefix(name, "migrations/") {
			delete(files, name)
			files[strings.Replace(name, "0003", "0005", 1)] = content
		}
	}
	return files
}

// at moves the clock.
func (l *loop) at(clock string) {
	at, err := time.Parse("2006-01-02 15:04", "2026-03-03 "+clock)
	if err != nil {
		l.Fatal(err)
	}
	l.now = at
}

func (l *loop) say(format string, args ...any) {
	fmt.Fprintf(&l.out, "\n# "+strings.ReplaceAll(format, "\n", "\n# ")+"\n", args...)
}

func (l *loop) show(command, output string) {
	fmt.Fprintf(&l.out, "$ %s\n%s", command, output)
	if !strings.HasSuffix(output, "\n") {
		l.out.WriteByte('\n')
	}
}

// git shows a command of git.
func (l *loop) git(args ...string) {
	l.Helper()
	l.show("git "+strings.Join(args, " "), l.quiet(args...))
}

// pmcheck shows a command of pmcheck, at the time that it is.
func (l *loop) pmcheck(want int, args ...string) {
	l.Helper()
	if slices.Contains(args, "timeline") {
		args = append(args, "--circleci-url", l.circleci.Address())
	}
	var out bytes.Buffer
	status := runAt(args, &out, &out, func() time.Time { return l.now })
	words := make([]string, len(args))
	for i, a := range args {
		if words[i] = a; strings.ContainsAny(a, " {}") && !strings.HasPrefix(a, "{") {
			words[i] = "'" + a + "'"
		}
	}
	shown := strings.NewReplacer(" --circleci-url "+l.circleci.Address(), "", l.orders.URL, "http://orders.internal").
		Replace("pmcheck " + strings.Join(words, " ") + "\n" + out.String())
	command, output, _ := strings.Cut(clock.ReplaceAllString(shown, l.now.Format(time.TimeOnly)+"  "), "\n")
	l.show(command, output)
	if status != 0 {
		fmt.Fprintf(&l.out, "(exit status %d)\n", status)
	}
	if status != want {
		l.Fatalf("exit status %d, want %d\n%s", status, want, l.out.String())
	}
}

// clock is the time in the lines of what watches a deploy: that of the machine.
var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `)

// people has somebody say something in the incident's channel.
func (l *loop) people(user, text string) {
	for _, c := range l.slack.Channels {
		if strings.HasPrefix(c.Name, "inc-") {
			l.slack.Say(c.Name, fakeslack.Message{User: user, Text: text})
			return
		}
	}
	l.Fatal("there is no channel of the incident")
}

// commit commits files, and whatever is in the index.
func (l *loop) commit(title string, files map[string]string) {
	l.Helper()
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			l.Fatal(err)
		}
		mode := os.FileMode(0o666)
		if strings.HasSuffix(name, ".sh") {
			mode = 0o777
		}
		if err := os.WriteFile(name, []byte(content), mode); err != nil {
			l.Fatal(err)
		}
	}
	l.quiet("add", "-A")
	l.quiet("commit", "-q", "-m", title)
}

func (l *loop) id(revision string) string { return strings.TrimSpace(l.quiet("rev-parse", revision)) }

func (l *loop) read(path string) string {
	l.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		l.Fatal(err)
	}
	return string(content)
}

// found is the one file that a pattern matches.
func (l *loop) found(pattern string) string {
	l.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) != 1 {
		l.Fatalf("%s: %q, %v", pattern, paths, err)
	}
	return paths[0]
}

func (l *loop) quiet(args ...string) string {
	l.Helper()
	cmd := exec.Command("git", args...)
	stamp := l.now.Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example.com", "GIT_AUTHOR_DATE="+stamp,
		"GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example.com", "GIT_COMMITTER_DATE="+stamp)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// review is what people do with the draft: the causes, the whys and the items are those of the incident's archive.
func (l *loop) review(document string) {
	l.Helper()
	var known string
	for name, content := range side("base/") {
		if strings.HasPrefix(name, "docs/postmortems/") {
			known = strings.NewReplacer("2026-12-05", "2026-03-20", "2026-12-19", "2026-04-03").Replace(content)
		}
	}
	_, causes, _ := strings.Cut(known, "\nimpact:")
	causes, text, _ := strings.Cut(causes, "\n---\n")
	_, whys, _ := strings.Cut(text, "## Five whys\n")
	draft := l.read(document)
	front, body, ok := strings.Cut(draft, "\n---\n")
	if !ok || causes == "" || whys == "" {
		l.Fatalf("the draft or the archive's document has another form:\n%s", draft)
	}
	front = strings.Replace(front, "status: draft", "status: reviewed", 1) + "\nimpact:" + causes
	body = regexp.MustCompile(`(?s)(## Five whys\n).*?(\n## )`).ReplaceAllString(body, "${1}"+strings.ReplaceAll(whys, "$", "$$")+"${2}")
	if err := os.WriteFile(document, []byte(front+"\n---\n"+body), 0o666); err != nil {
		l.Fatal(err)
	}
}
