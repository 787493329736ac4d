package checkrun

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// GitHub's limits (https://docs.github.com/rest/checks/runs).
const (
	maxOutput      = 65_535   // characters of a summary, and of a text
	maxTitle       = 255      // characters
	maxMessage     = 64 << 10 // bytes of an annotation's message, and of its raw details
	batch          = 50       // annotations of a request
	maxActions     = 3        // buttons
	maxLabel       = 20       // characters of a button
	maxDescription = 40       // of what it does
	maxIdentifier  = 20       // of its name to us
)

// defaultAnnotations is how many are shown: from about 270 on, pages of a pull request stop loading.
const defaultAnnotations = 100

// RerunIdentifier is the name of the button that asks to judge again.
const RerunIdentifier = "rerun"

// Rerun is that button.
var Rerun = Action{Label: "Re-run", Description: "Judge this commit again", Identifier: RerunIdentifier}

// A Report is a verdict to be shown. What is beyond GitHub's limits is cut, and that is said.
type Report struct {
	Conclusion     string // success, failure, neutral, cancelled, skipped, timed_out, action_required
	Title          string // one line, plain text
	Summary        string // Markdown
	Text           string // Markdown, below the summary; may be empty
	Annotations    []Annotation
	MaxAnnotations int    // the worst are shown; 0: 100
	DetailsURL     string // of the whole report; may be empty
	Actions        []Action
}

// Conclusion is a verdict's: neutral does not block a merge, and is what a team sees while it tries the check out.
func Conclusion(blocks, advisory bool) string {
	switch {
	case !blocks:
		return "success"
	case advisory:
		return "neutral"
	}
	return "failure"
}

// CouldNotCheck is the report of a check that was not done: people see why, and how to
// have it done again. The reason may have words of strangers in it.
func CouldNotCheck(reason string, advisory bool, detailsURL string) Report {
	if reason = strings.TrimSpace(clean(reason)); reason == "" {
		reason = "no reason was given"
	}
	r := Report{
		Conclusion: Conclusion(true, advisory),
		Title:      "could not check: " + reason,
		Summary: "**This commit was not checked.** Nothing is known about it, good or bad. The reason:\n\n" + Fence(cutCharacters(reason, 20_000)) +
			"\n\nTo have it checked again: press **Re-run**, or comment `/pmcheck rerun`, or push a commit.",
		DetailsURL: detailsURL,
		Actions:    []Action{Rerun},
	}
	return r
}

// Fence puts a text into a code block of Markdown that nothing in it can end.
func Fence(text string) string {
	longest, run := 0, 0
	for _, c := range text {
		if c == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	mark := strings.Repeat("`", max(3, longest+1))
	return mark + "text\n" + strings.TrimRight(text, "\n") + "\n" + mark
}

// fitted is a report within the limits.
type fitted struct {
	conclusion  string
	output      Output // without annotations
	annotations []Annotation
	detailsURL  string
	actions     []Action
}

// fit cuts a report to the limits. The same report is always cut the same way, so that
// a later attempt goes on where the one before ended.
func (r Report) fit() fitted {
	shown, leftOut := annotations(r.Annotations, cmp.Or(r.MaxAnnotations, defaultAnnotations))
	notice := ""
	if leftOut > 0 {
		notice = fmt.Sprintf("\n\n%d more annotations are not shown beside the code%s.", leftOut, whole(r.DetailsURL, "; all of them are in "))
	}
	f := fitted{conclusion: r.Conclusion, annotations: shown, detailsURL: r.DetailsURL}
	f.output.Title = cmp.Or(cutCharacters(oneLine(r.Title), maxTitle), r.Conclusion)
	f.output.Summary = cutMarkdown(cmp.Or(strings.TrimSpace(clean(r.Summary)), f.output.Title), maxOutput-len(notice), r.DetailsURL) + notice
	f.output.Text = cutMarkdown(strings.TrimSpace(clean(r.Text)), maxOutput, r.DetailsURL)
	for _, a := range r.Actions[:min(len(r.Actions), maxActions)] {
		a = Action{cutCharacters(oneLine(a.Label), maxLabel), cutCharacters(oneLine(a.Description), maxDescription), cutCharacters(a.Identifier, maxIdentifier)}
		f.actions = append(f.actions, a)
	}
	return f
}

// whole says where the whole report is.
func whole(url, before string) string {
	if url == "" {
		return ""
	}
	return before + "[the whole report](" + strings.NewReplacer("(", "%28", ")", "%29", " ", "%20").Replace(url) + ")"
}

var levels = []string{"failure", "warning", "notice"} // the worst first

// annotations puts the worst first, within the limits of each, and counts those that
// are not among the first so many, or name no file.
func annotations(all []Annotation, most int) (shown []Annotation, leftOut int) {
	for _, a := range all {
		if a, ok := a.fit(); ok {
			shown = append(shown, a)
		}
	}
	slices.SortStableFunc(shown, func(a, b Annotation) int {
		return cmp.Or(
			slices.Index(levels, a.Level)-slices.Index(levels, b.Level),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.StartLine, b.StartLine), cmp.Compare(a.StartColumn, b.StartColumn),
			cmp.Compare(a.Title, b.Title), cmp.Compare(a.Message, b.Message))
	})
	shown = shown[:min(len(shown), max(most, 0))]
	return shown, len(all) - len(shown)
}

// fit makes an annotation one that GitHub takes; ok is false when it names no file of the repository.
func (a Annotation) fit() (_ Annotation, ok bool) {
	a.Path = path.Clean("/" + clean(a.Path))[1:]
	if a.Path == "" {
		return a, false
	}
	if !slices.Contains(levels, a.Level) {
		a.Level = "warning"
	}
	a.StartLine = max(a.StartLine, 1)
	a.EndLine = max(a.EndLine, a.StartLine)
	if a.StartLine != a.EndLine || a.StartColumn < 1 || a.EndColumn != 0 && a.EndColumn < a.StartColumn {
		a.StartColumn, a.EndColumn = 0, 0
	}
	a.Title = cutCharacters(oneLine(a.Title), maxTitle)
	a.Message = cmp.Or(cutBytes(strings.TrimSpace(clean(a.Message)), maxMessage), a.Title, "see the report")
	a.RawDetails = cutBytes(clean(a.RawDetails), maxMessage)
	return a, true
}

// clean takes out what is no text: GitHub refuses some control characters, and shows none.
func clean(s string) string {
	return strings.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
