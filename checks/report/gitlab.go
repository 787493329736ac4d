package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// gitlabIssue is an entry of a Code Quality report (docs.gitlab.com, "Code Quality
// report format").
type gitlabIssue struct {
	Description string `json:"description"`
	Check       string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"` // info | minor | major | critical | blocker
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// GitLab writes a Code Quality report of GitLab, the gravest first. A finding about
// code of the base lies at the statement of the head that causes it. GitLab shows one
// issue per fingerprint, and knows neither suppressions nor checks that are not
// complete: suppressed findings are left out, and what could not be done is an issue.
func GitLab(w io.Writer, r *Result) error {
	issues := []gitlabIssue{}
	for _, p := range r.Problems {
		sum := sha256.Sum256([]byte("could not be done\x00" + p))
		issues = append(issues, issueGitLab("pmcheck", "blocker", "could not be done: "+onOneLine(clean(p)), hex.EncodeToString(sum[:12]), facts.Place{Path: problemPath}))
	}
	active, _ := r.worstFirst()
	for _, f := range active {
		at, ok := f.inHead()
		if !ok {
			at = facts.Place{Path: f.Location.Path}
		}
		issues = append(issues, issueGitLab(f.Rule, severityGitLab(f.Severity), r.sentence(f), f.Fingerprint, at))
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(issues)
}

// sentence is a finding on one line: what is wrong, where in the base, whose lesson it is, and where more is said.
func (r *Result) sentence(f Finding) string {
	text := onOneLine(clean(f.Message))
	if note := r.sideNote(f.Location.Side, f.Category); note != "" {
		text += fmt.Sprintf(" (%s, %s)", clean(where(f.Location)), note)
	}
	for _, a := range f.ActionItems {
		text += fmt.Sprintf("; %s/%s asked for this rule", clean(a.Postmortem), clean(a.ID))
	}
	return text + fmt.Sprintf("; `pmcheck explain %s` says what to do", clean(f.Rule))
}

// problemPath is where formats that want a file put what could not be done.
const problemPath = ".pmcheck.yml"

func issueGitLab(rule, severity, text, fingerprint string, at facts.Place) gitlabIssue {
	issue := gitlabIssue{Description: text, Check: rule, Fingerprint: fingerprint, Severity: severity}
	issue.Location.Path, issue.Location.Lines.Begin = clean(at.Path), max(at.Line, 1)
	return issue
}

func severityGitLab(severity string) string {
	switch severity {
	case "error":
		return "critical"
	case "warning":
		return "minor"
	}
	return "info"
}
