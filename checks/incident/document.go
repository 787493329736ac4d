package incident

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// Document is what is known of the incident for its post-mortem: a draft. Moments that run backwards are left out, since
// only a person knows which of them is wrong.
func (s *State) Document(id, introducedBy string) *postmortem.Document {
	began := s.Started
	if began.IsZero() {
		began = s.Opened
	}
	d := &postmortem.Document{ID: id, Title: s.Title, Date: began.Format(time.DateOnly), Status: "draft", Severity: s.Severity, Services: s.Services, IntroducedBy: introducedBy}
	if s.Commit != "" {
		d.Trigger = "deploy of " + short(s.Commit)
	}
	last := time.Time{}
	for _, m := range []struct {
		to *string
		at time.Time
	}{
		{&d.StartedAt, s.Started},
		{&d.DetectedAt, earlier(s.began("detect"), s.Opened)},
		{&d.AcknowledgedAt, s.began("triage")},
		{&d.MitigatedAt, s.began("resolve")}, // what remains is to resolve it
		{&d.ResolvedAt, s.Closed},
	} {
		if m.at.IsZero() || m.at.Before(last) {
			continue
		}
		last = m.at
		*m.to = m.at.Format(time.RFC3339)
	}
	return d
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Draft is the text of a new post-mortem of the incident: the headings of [postmortem.Draft], with what is known filled in,
// and the timeline.
func (s *State) Draft(d *postmortem.Document, rows []postmortem.TimelineRow) ([]byte, error) {
	text, err := postmortem.Draft(d)
	if err != nil {
		return nil, err
	}
	for name, phase := range map[string]string{"Detect": "detect", "Triage": "triage", "Mitigate": "mitigate", "Resolve": "resolve"} {
		at := s.began(phase)
		if phase == "detect" {
			at = earlier(at, s.Opened)
		}
		if !at.IsZero() {
			text = setCell(text, name, at.Format(time.RFC3339))
		}
	}
	if deployed := strings.TrimSpace(short(s.Commit) + " " + s.BuildURL); deployed != "" {
		text = setCell(text, "Workflow and job that deployed it", deployed)
	}
	merged, err := postmortem.MergeTimeline("draft.md", text, rows)
	if err != nil {
		return nil, fmt.Errorf("put the timeline into the draft: %w", err)
	}
	return merged.Text, nil
}

// setCell fills the second cell of the one row of a table that begins with a name.
func setCell(text []byte, name, value string) []byte {
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + ` \|[^|\n]*\|`)
	value = strings.NewReplacer("|", "%7C", "\n", " ", "<", "%3C", ">", "%3E").Replace(line(value, 300))
	if at := row.FindIndex(text); at != nil {
		return bytes.Join([][]byte{text[:at[0]], text[at[1]:]}, []byte("| "+name+" | "+value+" |"))
	}
	return text
}
