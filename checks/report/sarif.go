package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// homePage is where pmcheck itself is read about.
const homePage = "https://github.com/pmcheck/pmcheck"

// The limits of GitHub code scanning ("SARIF support for code scanning"): a run may have 25,000 results, of which the first
// 5,000 by severity are kept; a result 1,000 locations, of which 100 are kept; a file 10 MB when packed with gzip.
const (
	sarifResults  = 5000
	sarifRelated  = 100
	sarifPacked   = 10_000_000
	sarifName     = 255  // characters of a rule's id and name
	sarifSentence = 1024 // characters of a rule's descriptions
)

// SARIF writes SARIF 2.1.0 (OASIS, sarif-v2.1.0-errata01) within the limits of
// GitHub code scanning: of more findings than fit, the gravest are kept, and a
// notification says how many are left out.
//
// A finding about code of the base lies at the statement of the head that causes it,
// since code scanning takes every line for one of the head. The base's place is a
// related location that names the line in words and has no region, for the same
// reason, and there are no code flows, which would lead through such lines.
// A region is the first line alone: an alert is shown in a pull request only if each line of it is in the diff.
func SARIF(w io.Writer, r *Result, o Options) error { return sarifWithin(w, r, o, sarifPacked) }

// sarifWithin writes SARIF that has so many bytes at most when packed.
func sarifWithin(w io.Writer, r *Result, o Options, most int) error {
	active, suppressed := r.worstFirst()
	findings := append(active, suppressed...)
	kept := min(len(findings), sarifResults)
	for {
		encoded, packed, err := encodeSARIF(r, o, findings, kept, most)
		if err != nil {
			return err
		}
		if packed <= most || kept == 0 {
			_, err := w.Write(encoded)
			return err
		}
		kept = min(kept-1, int(float64(kept)*0.9*float64(most)/float64(packed)))
	}
}

// encodeSARIF writes the first findings, and tells how many bytes it has when packed, unless unpacked it is small enough.
func encodeSARIF(r *Result, o Options, findings []Finding, kept, most int) (encoded []byte, packed int, err error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sarifOf(r, o, findings, kept)); err != nil {
		return nil, 0, err
	}
	if b.Len() <= most {
		return b.Bytes(), b.Len(), nil
	}
	var count counter
	z := gzip.NewWriter(&count)
	if _, err := z.Write(b.Bytes()); err != nil {
		return nil, 0, err
	}
	if err := z.Close(); err != nil {
		return nil, 0, err
	}
	return b.Bytes(), int(count), nil
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool                `json:"tool"`
	ColumnKind  string                   `json:"columnKind"`
	Bases       map[string]sarifArtifact `json:"originalUriBaseIds"`
	Provenance  []sarifVersion           `json:"versionControlProvenance,omitempty"`
	Invocations []sarifInvocation        `json:"invocations"`
	Results     []sarifResult            `json:"results"`
	Properties  map[string]any           `json:"properties"`
}

type sarifTool struct {
	Driver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Home    string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	} `json:"driver"`
}

type sarifRule struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Short         sarifText      `json:"shortDescription"`
	Full          sarifText      `json:"fullDescription"`
	Help          sarifText      `json:"help"`
	HelpURI       string         `json:"helpUri,omitempty"`
	Configuration sarifLevel     `json:"defaultConfiguration"`
	Properties    map[string]any `json:"properties"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifArtifact struct {
	URI         string     `json:"uri,omitempty"`
	Base        string     `json:"uriBaseId,omitempty"`
	Description *sarifText `json:"description,omitempty"`
}

type sarifVersion struct {
	Repository string        `json:"repositoryUri"`
	Revision   string        `json:"revisionId"`
	MappedTo   sarifArtifact `json:"mappedTo"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Start         string              `json:"startTimeUtc,omitempty"`
	End           string              `json:"endTimeUtc,omitempty"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifResult struct {
	Rule         string             `json:"ruleId"`
	RuleIndex    *int               `json:"ruleIndex,omitempty"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Related      []sarifLocation    `json:"relatedLocations,omitempty"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Properties   map[string]any     `json:"properties,omitempty"`
}

type sarifLocation struct {
	ID       *int          `json:"id,omitempty"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  *sarifText    `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifRegion struct {
	StartLine   int        `json:"startLine"`
	StartColumn int        `json:"startColumn,omitempty"`
	Snippet     *sarifText `json:"snippet,omitempty"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

func sarifOf(r *Result, o Options, findings []Finding, kept int) sarifLog {
	run := sarifRun{
		ColumnKind: "utf16CodeUnits",
		Bases:      map[string]sarifArtifact{headBase: {Description: &sarifText{Text: "the repository as the change leaves it"}}},
		Results:    []sarifResult{},
		Properties: map[string]any{"verdict": r.Verdict, "failOn": r.FailOn, "summary": r.Summary(), "findings": len(findings)},
	}
	d := &run.Tool.Driver
	d.Name, d.Version, d.Home, d.Rules = "pmcheck", o.Version, homePage, []sarifRule{}
	index := map[string]int{}
	for i, rule := range r.Rules {
		index[rule.ID] = i
		d.Rules = append(d.Rules, ruleSARIF(rule))
	}
	if !r.Alone {
		run.Bases[baseBase] = sarifArtifact{Description: &sarifText{Text: "the repository as it was before the change: " + r.Change.Base}}
	}
	if r.Address != "" && r.Change.Head != "" && !r.Change.Dirty {
		run.Provenance = []sarifVersion{{r.Address, r.Change.Head, sarifArtifact{Base: headBase}}}
	}
	invocation := sarifInvocation{Successful: len(r.Problems) == 0}
	if !r.Now.IsZero() {
		invocation.Start, invocation.End = r.Now.UTC().Format(time.RFC3339), r.Now.Add(r.Took).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	for _, p := range r.Problems {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"error", sarifText{Text: sarifProse("could not be done: " + p)}})
	}
	if n := len(findings) - kept; n > 0 {
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"warning", sarifText{
			Text: fmt.Sprintf("%s left out, the least grave of all, to keep to the limits of code scanning; --format json has them", count(n, "finding"))}})
	}
	run.Invocations = []sarifInvocation{invocation}
	lines := newLineReader(r.Sources)
	for _, f := range findings[:kept] {
		result := resultSARIF(r, f, lines)
		if i, ok := index[f.Rule]; ok {
			result.RuleIndex = &i
		}
		run.Results = append(run.Results, result)
	}
	return sarifLog{"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", "2.1.0", []sarifRun{run}}
}

func ruleSARIF(rule Rule) sarifRule {
	help := rule.Description + "\n\nWhat to do: " + rule.Remedy
	explain := "`pmcheck explain " + rule.ID + "`"
	markdown := "**" + markText(rule.Title) + "**\n\n" + markBlock("", rule.Description) + "\n\n**What to do:** " + markBlock("", rule.Remedy) + "\n\n" + explain + " says more."
	if rule.Help != "" {
		markdown = strings.TrimSuffix(markdown, ".") + ", and [its page](" + rule.Help + ")."
	}
	out := sarifRule{
		ID: cutCharacters(rule.ID, sarifName), Name: cutCharacters(camel(rule.ID), sarifName),
		Short: sarifText{Text: cutCharacters(sarifProse(rule.Title), sarifSentence)}, Full: sarifText{Text: cutCharacters(sarifProse(rule.Description), sarifSentence)},
		Help: sarifText{sarifProse(help), markdown}, HelpURI: rule.Help, Configuration: sarifLevel{levelSARIF(rule.Severity)},
		Properties: map[string]any{"tags": []string{"database", "migration", clean(rule.Category)}, "precision": "high", "problem.severity": problemSeverity(rule.Severity)},
	}
	if rule.Path != "" {
		out.Properties["definedIn"] = clean(rule.Path)
	}
	return out
}

func resultSARIF(r *Result, f Finding, lines *lineReader) sarifResult {
	at, inHead := f.inHead()
	if !inHead {
		at = facts.Place{Path: f.Location.Path} // the file alone: its lines are the base's
	}
	out := sarifResult{
		Rule: cutCharacters(f.Rule, sarifName), Level: levelSARIF(f.Severity), Message: sarifText{Text: sarifProse(r.explanation(f, at))},
		Locations: []sarifLocation{{Physical: physicalSARIF(at, lines)}},
		// Code scanning goes by the first alone, and uploaders fill it in where it is missing, from the text of the line.
		Fingerprints: map[string]string{"primaryLocationLineHash": f.Fingerprint, "pmcheck/v1": f.Fingerprint},
	}
	out.Properties = map[string]any{"severity": clean(f.Severity)}
	if items := f.ActionItems; len(items) > 0 {
		var ids []string
		for _, a := range items {
			ids = append(ids, clean(a.Postmortem)+"/"+clean(a.ID))
		}
		out.Properties["actionItems"] = ids
	}
	if f.Suppressed {
		// Code scanning opens an alert for a suppressed result too: it is the least that there is.
		out.Level = "note"
		kind := "inSource"
		if f.Overridden {
			kind = "external"
		}
		out.Suppressions = []sarifSuppression{{kind, "accepted", sarifProse(f.Reason)}}
	}
	listed := map[string]bool{sideOf(at.Side) + where(at): true}
	add := func(p facts.Place, what, text string) {
		if key := sideOf(p.Side) + where(p); !listed[key] && p.Path != "" && len(out.Related) < sarifRelated {
			listed[key] = true
			id := len(out.Related)
			if note := r.sideNote(p.Side, f.Category); note != "" {
				what += " " + clean(where(p)) + ", " + note
			}
			if text != "" {
				what += ": " + text
			}
			out.Related = append(out.Related, sarifLocation{ID: &id, Physical: physicalSARIF(p, lines), Message: &sarifText{Text: sarifProse(what)}})
		}
	}
	if f.Location != at {
		source, _ := lines.line(f.Location)
		add(f.Location, "found at", cutCharacters(onOneLine(string(source)), sarifSentence))
	}
	for _, p := range f.CausedBy {
		add(p, "caused by", "")
	}
	for _, related := range f.Related {
		add(related.Place, "also at", onOneLine(related.Text))
	}
	return out
}

// The names of what paths are relative to (SARIF 3.4.4, uriBaseId).
const (
	headBase = "SRCROOT"
	baseBase = "BASE"
)

// physicalSARIF is a place. One of the base has no region: who does not know base ids would take its line for one of the head.
func physicalSARIF(p facts.Place, lines *lineReader) sarifPhysical {
	out := sarifPhysical{Artifact: sarifArtifact{URI: pathURI(p.Path), Base: headBase}}
	if strings.HasPrefix(out.Artifact.URI, "file:") {
		out.Artifact.Base = ""
	}
	if sideOf(p.Side) == "base" {
		out.Artifact.Base = baseBase
		return out
	}
	if p.Line < 1 {
		return out
	}
	out.Region = &sarifRegion{StartLine: p.Line}
	source, ok := lines.line(p)
	if !ok {
		return out
	}
	if p.Column > 0 && p.Column <= min(len(source), 1<<16)+1 { // nobody looks further along a line
		out.Region.StartColumn = 1 + len(utf16.Encode([]rune(string(source[:p.Column-1]))))
	}
	if snippet := cutCharacters(clean(strings.ReplaceAll(string(source[:min(len(source), 4*sarifSentence)]), "\t", "    ")), sarifSentence); strings.TrimSpace(snippet) != "" {
		out.Region.Snippet = &sarifText{Text: snippet}
	}
	return out
}

// pathURI is a path as a URI reference: relative to the repository, percent-encoded. An absolute path is a file URI.
func pathURI(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A") // a colon would make a scheme of what is before it
	}
	encoded := strings.Join(segments, "/")
	if path.IsAbs(p) {
		return "file://" + encoded
	}
	return encoded
}

// sarifProse is text that is no link: "[a](b)" is one in a plain-text message (SARIF 3.11.6).
func sarifProse(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(Printable(s), "](", "] ("))
}

func levelSARIF(severity string) string {
	switch severity {
	case "error", "warning":
		return severity
	}
	return "note"
}

// problemSeverity is the word that code scanning has for a rule's severity.
func problemSeverity(severity string) string {
	if level := levelSARIF(severity); level != "note" {
		return level
	}
	return "recommendation"
}

// camel is a rule's id as SARIF wants names: IndexNotConcurrent.
func camel(id string) string {
	var b strings.Builder
	for _, word := range strings.Split(id, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// cutCharacters shortens a text to so many characters.
func cutCharacters(s string, most int) string {
	if len(s) <= most {
		return s
	}
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-3]) + "..."
}
