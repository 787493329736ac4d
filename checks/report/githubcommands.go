package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// shownOfEach is how many errors, warnings and notices of a step GitHub Actions
// shows; what is beyond that it drops without a word.
const shownOfEach = 10

// GitHubCommands writes workflow commands of GitHub Actions (docs.github.com,
// "Workflow commands for GitHub Actions"), from which the runner makes annotations
// of the pull request: the gravest findings first, as many as a step may have. The rest are lines of the log, and the last
// line is the verdict.
//
// A finding about code of the base is annotated at the statement of the head that
// causes it, and at no line where there is none.
func GitHubCommands(w io.Writer, r *Result, o Options) error {
	g := &githubCommands{w: bufio.NewWriter(w), r: r}
	active, _ := r.worstFirst()
	byKind := map[string][]annotation{}
	for _, p := range r.Problems {
		byKind["error"] = append(byKind["error"], annotation{title: "pmcheck could not do all", text: Printable(p)})
	}
	for _, f := range active {
		if o.Quiet && !Fails(f.Severity, r.FailOn) {
			continue
		}
		kind := levelGitHub(f.Severity)
		byKind[kind] = append(byKind[kind], g.r.annotation(f))
	}
	for _, kind := range []string{"error", "warning", "notice"} {
		g.annotate(kind, byKind[kind])
	}
	if !o.Quiet && !r.Nothing() {
		g.line(r.counts())
	}
	word, advice := r.conclusion()
	g.line(word + "  " + advice)
	return g.w.Flush()
}

type githubCommands struct {
	w *bufio.Writer
	r *Result
}

// annotate writes the commands of one kind. Of more than are shown, the last that is shown says so, and the rest are lines of the log.
func (g *githubCommands) annotate(kind string, commands []annotation) {
	shown := len(commands)
	if shown > shownOfEach {
		shown = shownOfEach - 1
	}
	for _, c := range commands[:shown] {
		g.print(kind, c)
	}
	rest := commands[shown:]
	if len(rest) == 0 {
		return
	}
	what := map[string]string{"error": "error", "warning": "warning", "notice": "note"}[kind]
	g.print(kind, annotation{title: "pmcheck", text: fmt.Sprintf("%d more %ss than GitHub shows of a step: the log of this step lists them", len(rest), what)})
	for _, c := range rest {
		at := ""
		if c.at.Path != "" {
			at = clean(where(c.at)) + ": "
		}
		first, _, _ := strings.Cut(c.text, "\n")
		g.line(fmt.Sprintf("%s%s: %s: %s", at, what, c.title, first))
	}
}

func (g *githubCommands) print(kind string, c annotation) {
	var properties []string
	if c.at.Path != "" {
		properties = append(properties, "file="+escapeProperty(clean(c.at.Path)))
		if c.at.Line > 0 {
			properties = append(properties, fmt.Sprintf("line=%d", c.at.Line))
		}
	}
	properties = append(properties, "title="+escapeProperty(c.title))
	fmt.Fprintf(g.w, "::%s %s::%s\n", kind, strings.Join(properties, ","), escapeData(strings.TrimSpace(c.text)))
}

// line writes a line of the log that is no command.
func (g *githubCommands) line(s string) { fmt.Fprintln(g.w, clean(noCommand(s))) }

func levelGitHub(severity string) string {
	switch severity {
	case "error", "warning":
		return severity
	}
	return "notice"
}

// escapeData and escapeProperty are the runner's own escapes (actions/runner, ActionCommand.cs); "##[" begins a command of
// its older form anywhere in a line.
func escapeData(s string) string { return dataEscapes.Replace(strings.ToValidUTF8(s, "\ufffd")) }

func escapeProperty(s string) string {
	return propertyEscapes.Replace(strings.ToValidUTF8(s, "\ufffd"))
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", "##[", `##\[`)
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C", "##[", `##\[`)
)
