package report

import (
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// The limits of an annotation of a check run (GitHub, "REST API endpoints for check runs").
const (
	annotationTitle   = 255     // characters
	annotationMessage = 64_000  // bytes
	annotationLine    = 1 << 30 // no file has more lines, and a number beyond is refused
)

// An Annotation is a finding at a place of the head, as a check run of GitHub shows it.
type Annotation struct {
	Path               string
	StartLine, EndLine int
	Level              string // failure | warning | notice
	Title              string
	Message            string // plain text of several lines
}

// Annotations are the findings that are not suppressed and have a place in the head, the gravest first. What is
// found in the base's code stands at the statement of the head that causes it; where there is none there is no annotation.
func (r *Result) Annotations() []Annotation {
	active, _ := r.worstFirst()
	var out []Annotation
	for _, f := range active {
		c := r.annotation(f)
		if c.at.Path == "" {
			continue
		}
		a := Annotation{
			Path: clean(c.at.Path), Level: map[string]string{"error": "failure"}[levelGitHub(f.Severity)],
			StartLine: min(max(c.at.Line, 1), annotationLine), Title: OneLine(c.title, annotationTitle-20),
			Message: quiet(cutBytes(strings.TrimSpace(c.text), annotationMessage/2)),
		}
		if a.Level == "" {
			a.Level = levelGitHub(f.Severity)
		}
		a.EndLine = min(max(c.at.EndLine, a.StartLine), annotationLine)
		out = append(out, a)
	}
	return out
}

// annotation is a finding as it stands beside the code.
type annotation struct {
	title string
	at    facts.Place // without a path it is of no file
	text  string
}

func (r *Result) annotation(f Finding) annotation {
	a := annotation{title: f.Rule}
	if f.Title != "" {
		a.title += ": " + onOneLine(clean(f.Title))
	}
	a.at, _ = f.inHead()
	a.text = r.explanation(f, a.at)
	return a
}
