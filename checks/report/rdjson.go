package report

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// rdResult is the Reviewdog Diagnostic Format (reviewdog.proto, DiagnosticResult).
// Its columns count bytes, as those of places do.
type rdResult struct {
	Source      rdSource       `json:"source"`
	Severity    string         `json:"severity,omitempty"`
	Diagnostics []rdDiagnostic `json:"diagnostics"`
}

type rdSource struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type rdDiagnostic struct {
	Message  string      `json:"message"`
	Location rdLocation  `json:"location"`
	Severity string      `json:"severity"` // ERROR | WARNING | INFO
	Code     rdCode      `json:"code"`
	Related  []rdRelated `json:"related_locations,omitempty"`
}

type rdCode struct {
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type rdLocation struct {
	Path  string   `json:"path"`
	Range *rdRange `json:"range,omitempty"`
}

type rdRange struct {
	Start rdPosition `json:"start"`
}

type rdPosition struct {
	Line   int `json:"line"`
	Column int `json:"column,omitempty"`
}

type rdRelated struct {
	Message  string     `json:"message"`
	Location rdLocation `json:"location"`
}

// RDJSON writes the Reviewdog Diagnostic Format, the gravest first. A finding about
// code of the base lies at the statement of the head that causes it; the text names
// the base's place. Suppressed findings are left out, and what could not be done is a diagnostic.
func RDJSON(w io.Writer, r *Result) error {
	out := rdResult{Source: rdSource{"pmcheck", homePage}, Diagnostics: []rdDiagnostic{}}
	for _, p := range r.Problems {
		out.Diagnostics = append(out.Diagnostics, rdDiagnostic{
			Message: Printable("could not be done: " + p), Location: rdLocation{Path: problemPath}, Severity: "ERROR", Code: rdCode{Value: "pmcheck"},
		})
	}
	active, _ := r.worstFirst()
	for _, f := range active {
		at, ok := f.inHead()
		if !ok {
			at = facts.Place{Path: f.Location.Path}
		}
		d := rdDiagnostic{Message: strings.TrimSpace(r.explanation(f, at)), Location: locationRD(at), Severity: severityRD(f.Severity), Code: rdCode{Value: f.Rule}}
		if rule, ok := r.rule(f.Rule); ok {
			d.Code.URL = rule.Help
		}
		add := func(p facts.Place, text string) {
			if sideOf(p.Side) == "head" && p != at && p.Path != "" {
				d.Related = append(d.Related, rdRelated{text, locationRD(p)})
			}
		}
		for _, p := range f.CausedBy {
			add(p, "caused by")
		}
		for _, related := range f.Related {
			add(related.Place, "also at: "+clean(onOneLine(related.Text)))
		}
		out.Diagnostics = append(out.Diagnostics, d)
	}
	if len(out.Diagnostics) > 0 {
		out.Severity = out.Diagnostics[0].Severity
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func locationRD(p facts.Place) rdLocation {
	out := rdLocation{Path: clean(p.Path)}
	if p.Line > 0 {
		out.Range = &rdRange{rdPosition{p.Line, p.Column}}
	}
	return out
}

func severityRD(severity string) string {
	switch severity {
	case "error":
		return "ERROR"
	case "warning":
		return "WARNING"
	}
	return "INFO"
}
