package webhook

import (
	"regexp"
	"strings"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

const (
	maxCommands = 10  // of one comment
	maxBecause  = 500 // bytes
	maxWrong    = 100 // bytes of a line that is no command
)

var (
	overrideForm = regexp.MustCompile(`^/pmcheck[ \t]+override[ \t]+([a-z][a-z0-9]*(?:-[a-z0-9]+)*)[ \t]+(?i:because)[ \t]+(\S.*)$`)
	rerunForm    = regexp.MustCompile(`^/pmcheck[ \t]+rerun$`)
	anyForm      = regexp.MustCompile(`^/pmcheck(?:[ \t]|$)`)
)

// readCommands finds the lines of a comment that are commands. A line counts where it
// begins with /pmcheck: not in a quotation, in a fenced block of code or in an HTML
// comment, which nobody sees. The first line that begins so and is no command is one that
// is malformed. problem says why there are none.
func readCommands(body string) (commands []job.Command, problem string) {
	problem = "the comment has no command"
	if !strings.Contains(body, "/pmcheck") {
		return nil, problem
	}
	fence, hidden, wrong := "", false, false
	number := 0
	for line := range strings.Lines(body) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		marked := strings.TrimLeft(line, " ")
		switch {
		case fence != "":
			if strings.HasPrefix(marked, fence) && strings.Trim(marked, fence[:1]) == "" {
				fence = ""
			}
			continue
		case hidden:
			hidden = !strings.Contains(line, "-->")
			continue
		case strings.HasPrefix(marked, "```"), strings.HasPrefix(marked, "~~~"):
			fence = marked[:len(marked)-len(strings.TrimLeft(marked, marked[:1]))]
			continue
		}
		if i := strings.LastIndex(line, "<!--"); i >= 0 && !strings.Contains(line[i:], "-->") {
			hidden = true
		}
		if !anyForm.MatchString(line) {
			continue
		}
		command := job.Command{Line: number}
		if found := overrideForm.FindStringSubmatch(line); found != nil && !strings.Contains(line, "<!--") {
			command.Name, command.Rule, command.Because = job.CommandOverride, found[1], clip(found[2], maxBecause)
		} else if rerunForm.MatchString(line) {
			command.Name = job.CommandRerun
		} else if wrong {
			continue
		} else {
			wrong = true
			command.Name, command.Because = job.CommandMalformed, clip(line, maxWrong)
		}
		if len(commands) < maxCommands {
			commands = append(commands, command)
		}
	}
	return commands, problem
}
