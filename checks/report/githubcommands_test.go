package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// runnerCommand is a line as the runner takes it (actions/runner, ActionCommand.cs): one that begins with "::" after blanks
// is a command, and so is one that holds "##[" anywhere.
var runnerCommand = regexp.MustCompile(`^::(error|warning|notice) (?:([^:]*))::(.*)$`)

type runnerRead struct {
	kind, title, file string
	line, message     string
}

// readCommands reads a log as the runner does; a command that none of ours looks like is an error.
func readCommands(t *testing.T, log string) (commands []runnerRead, rest []string) {
	t.Helper()
	unescape := strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",")
	for _, line := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
		if strings.Contains(line, "##[") {
			t.Errorf("a command of the runner's first form: %q", line)
		}
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), "::") {
			rest = append(rest, line)
			continue
		}
		parts := runnerCommand.FindStringSubmatch(line)
		if parts == nil {
			t.Errorf("not one of our commands: %q", line)
			continue
		}
		c := runnerRead{kind: parts[1], message: unescape.Replace(parts[3])}
		for _, property := range strings.Split(parts[2], ",") {
			name, value, _ := strings.Cut(property, "=")
			switch value = unescape.Replace(value); name {
			case "file":
				c.file = value
			case "line":
				c.line = value
			case "title":
				c.title = value
			default:
				t.Errorf("property %q of %q", name, line)
			}
		}
		commands = append(commands, c)
	}
	return commands, rest
}

func TestGitHubCommandsAsRead(t *testing.T) {
	for name, r := range samples() {
		commands, rest := readCommands(t, written(t, "github", r, Options{}))
		kinds := map[string]int{}
		for _, c := range commands {
			if kinds[c.kind]++; kinds[c.kind] > 10 {
				t.Errorf("%s: more than ten commands %s: GitHub drops them", name, c.kind)
			}
			if c.title == "" || c.message == "" {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if last := rest[len(rest)-1]; !strings.HasPrefix(last, "PASS  ") && !strings.HasPrefix(last, "FAIL  ") && !strings.HasPrefix(last, "ERROR  ") {
			t.Errorf("%s: the last line is %q", name, last)
		}
	}
}

// Of a thousand findings the gravest are shown, the rest are counted, and none is lost.
func TestGitHubCommandsOfAThousand(t *testing.T) {
	got := written(t, "github", thousand(), Options{})
	commands, _ := readCommands(t, got)
	if len(commands) != 20 {
		t.Fatalf("%d commands, want ten errors and ten warnings", len(commands))
	}
	if c := commands[9]; c.kind != "error" || !strings.HasPrefix(c.message, "91 more errors than GitHub shows") {
		t.Errorf("the tenth is %+v", c)
	}
	if c := commands[19]; c.kind != "warning" || !strings.HasPrefix(c.message, "891 more warnings") {
		t.Errorf("the twentieth is %+v", c)
	}
	for i := range 1000 {
		if !strings.Contains(got, fmt.Sprintf("statement %d takes a lock", i)) {
			t.Errorf("statement %d is lost", i)
		}
	}
}

func FuzzGitHubCommands(f *testing.F) {
	f.Add("::error::x\n::stop-commands::y", "a,b:c%.sql", "##[add-path]/tmp")
	f.Add("100%\r\n", "\n::set-output name=verdict::pass", " ::warning::")
	f.Fuzz(func(t *testing.T, message, path, other string) {
		finding := missingLockTimeout()
		finding.Message, finding.Title, finding.Remedy = message, other, other+"\n"+message
		finding.Location = facts.Place{Path: path, Line: 2, Column: 1}
		r := change()
		for range 12 {
			r.Findings = append(r.Findings, finding)
		}
		r.Problems, r.BaseName = []string{message, other}, other
		commands, _ := readCommands(t, written(t, "github", r, Options{}))
		if len(commands) != 12 {
			t.Errorf("%d commands, want two errors and ten warnings", len(commands))
		}
	})
}
