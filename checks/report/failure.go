package report

import (
	"fmt"
	"strings"
)

// maxReason is how long a failure's reason may be, in characters. CircleCI documents no limit; its page shows a line.
const maxReason = 400

// FailureReason is why a check fails, on one line: the first finding, what brings it, and the post-mortem's item behind the
// rule. It is "" for one that passes.
func FailureReason(r *Result) string {
	var failing []Finding
	for _, f := range r.Findings {
		if !f.Suppressed && Fails(f.Severity, r.FailOn) {
			failing = append(failing, f)
		}
	}
	if len(failing) == 0 {
		if r.Verdict == Undone {
			return UndoneReason(strings.Join(r.Problems, "; "))
		}
		return ""
	}
	f := failing[0]
	for _, other := range failing { // one with a lesson behind it says more
		if len(other.ActionItems) > 0 {
			f = other
			break
		}
	}
	place := f.Location
	if len(f.CausedBy) > 0 {
		place = f.CausedBy[0]
	}
	ending := fmt.Sprintf("(%s)", where(place))
	if len(f.Landed) > 0 && brings(f.Landed[0], f) && f.Landed[0].PullRequest > 0 && !strings.Contains(f.Message, f.Landed[0].Label+" ") {
		ending = fmt.Sprintf("(%s, %s)", f.Landed[0].Label, where(place))
	}
	if len(f.ActionItems) > 0 {
		a := f.ActionItems[0]
		ending += fmt.Sprintf("; %s/%s: %s", a.Postmortem, a.ID, a.Action)
	}
	if n := len(failing) - 1; n > 0 {
		ending += fmt.Sprintf("; and %s", count(n, "more finding"))
	}
	start := fmt.Sprintf("pmcheck: %s: ", f.Rule)
	ending = " " + cut(onALine(ending), maxReason/2)
	return start + cut(onALine(f.Message), maxReason-wide(start)-wide(ending)) + ending
}

// UndoneReason is the reason of a check that could not be done, on one line.
func UndoneReason(problem string) string {
	return cut(onALine("pmcheck: the check could not be done: "+problem), maxReason)
}

// onALine is a text on one line, with nothing in it that a terminal or a page would take for more than text.
func onALine(s string) string {
	return clean(strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " "))
}

// ShellAssignment is a line that sets a variable in a POSIX shell, whatever the value holds: nothing between single quotes
// is expanded, and a single quote ends them for a moment.
func ShellAssignment(name, value string) string {
	return name + "='" + strings.ReplaceAll(strings.ReplaceAll(value, "\x00", ""), "'", `'\''`) + "'\n"
}
