package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// JUnit writes JUnit XML as CircleCI ("Collect test data"), GitLab ("Unit test
// reports") and Jenkins read it: a suite for each migration that is judged, with a case for each
// rule about migrations, so that what passes is seen too, and a suite for the change
// as a whole. Names stay the same from run to run, and are given once.
//
// A finding that fails the check is a failure; one that does not is output of a case
// that passes. A suppressed one is skipped, with its reason. When not all could be
// done, that is an error, and no rule without a finding passes: it is skipped.
func JUnit(w io.Writer, r *Result) error {
	j := newJUnit(r)
	for _, f := range r.Findings {
		c := j.caseOf(f)
		c.findings = append(c.findings, f)
	}
	out := junitSuites{Name: "pmcheck"}
	for _, s := range j.suites {
		suite := s.encode(r)
		out.add(suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     junitSeconds `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

func (s *junitSuites) add(suite junitSuite) {
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Time += suite.Time
	s.Suites = append(s.Suites, suite)
}

type junitSuite struct {
	Name      string       `xml:"name,attr"`
	Tests     int          `xml:"tests,attr"`
	Failures  int          `xml:"failures,attr"`
	Errors    int          `xml:"errors,attr"`
	Skipped   int          `xml:"skipped,attr"`
	Time      junitSeconds `xml:"time,attr"`
	Timestamp string       `xml:"timestamp,attr,omitempty"`
	File      string       `xml:"file,attr,omitempty"`
	Cases     []junitCase  `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Time    junitSeconds  `xml:"time,attr"`
	Skipped *junitOutcome `xml:"skipped"`
	Error   *junitOutcome `xml:"error"`
	Failure *junitOutcome `xml:"failure"`
	Out     *junitText    `xml:"system-out"`
}

type junitOutcome struct {
	Type    string `xml:"type,attr,omitempty"`
	Message string `xml:"message,attr"`
	junitText
}

// junitText is text with its lines as they are: the encoder would write each line's end as an entity.
type junitText struct {
	Text string `xml:",innerxml"`
}

func textJUnit(s string) junitText {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return junitText{strings.ReplaceAll(b.String(), "&#xA;", "\n")}
}

// junitSeconds is a time as the format has it: seconds with three decimals.
type junitSeconds time.Duration

func (s junitSeconds) MarshalXMLAttr(name xml.Name) (xml.Attr, error) {
	return xml.Attr{Name: name, Value: fmt.Sprintf("%.3f", time.Duration(s).Seconds())}, nil
}

// junit gathers the findings by migration and rule.
type junit struct {
	suites  []*suite // the change's own is the first
	byPath  map[string]*suite
	touched map[string]bool // paths of migrations; those that are not judged, ways down among them, have a suite only for what is found
}

// suite is a migration, or the change as a whole.
type suite struct {
	path   string // "" is the change
	cases  []*ruleCase
	byRule map[string]*ruleCase
}

type ruleCase struct {
	rule     string
	findings []Finding
}

// theChange names the suite of what is about no migration.
const theChange = "the change"

func newJUnit(r *Result) *junit {
	j := &junit{byPath: map[string]*suite{}, touched: map[string]bool{}}
	j.suite("").judge(r)
	for _, m := range r.Migrations {
		j.touched[m.Path] = true
		if (m.Status == "added" || m.Status == "edited") && m.Direction != "down" {
			j.suite(m.Path).judge(r)
		}
	}
	for _, d := range r.Databases {
		for _, u := range d.Unread {
			j.touched[u.Place.Path] = true
		}
	}
	return j
}

// suite is the suite of a migration, "" for the change.
func (j *junit) suite(path string) *suite {
	s := j.byPath[path]
	if s == nil {
		s = &suite{path: path, byRule: map[string]*ruleCase{}}
		j.byPath[path], j.suites = s, append(j.suites, s)
	}
	return s
}

// judge adds the cases of the rules that judge such a thing.
func (s *suite) judge(r *Result) {
	for _, rule := range r.Rules {
		if rule.OfMigration == (s.path != "") {
			s.of(rule.ID)
		}
	}
}

func (s *suite) of(rule string) *ruleCase {
	c := s.byRule[rule]
	if c == nil {
		c = &ruleCase{rule: rule}
		s.byRule[rule] = c
		s.cases = append(s.cases, c)
	}
	return c
}

// caseOf is the case that a finding belongs to: of the migration that it is at, or else of the first that causes it.
func (j *junit) caseOf(f Finding) *ruleCase {
	for _, p := range append([]facts.Place{f.Location}, f.CausedBy...) {
		if j.touched[p.Path] {
			return j.suite(p.Path).of(f.Rule)
		}
	}
	if len(j.suites) == 2 { // the only migration is what a rule about migrations means
		if c := j.suites[1].byRule[f.Rule]; c != nil {
			return c
		}
	}
	return j.suite("").of(f.Rule)
}

func (s *suite) encode(r *Result) junitSuite {
	out := junitSuite{Name: theChange, File: clean(s.path)}
	if s.path != "" {
		out.Name = clean(s.path)
	} else {
		out.add(completeness(r))
	}
	if !r.Now.IsZero() {
		out.Timestamp = r.Now.UTC().Format("2006-01-02T15:04:05")
	}
	for _, c := range s.cases {
		out.add(c.encode(r, out.Name, s.path))
	}
	return out
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	s.Time += c.Time
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// completeness is the case that all could be done. The time of the whole check is its: what each rule takes of it is not known.
func completeness(r *Result) junitCase {
	c := junitCase{Class: theChange, Name: "the check is complete", Time: junitSeconds(r.Took)}
	if len(r.Problems) > 0 {
		c.Error = &junitOutcome{Type: "could not be done", Message: onOneLine(clean(r.Problems[0])) + moreFindings(len(r.Problems)-1), junitText: textJUnit(Printable(strings.Join(r.Problems, "\n")) + "\n")}
	}
	return c
}

// moreFindings says behind the first of them that there are others.
func moreFindings(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; and %d more", n)
}

func (c *ruleCase) encode(r *Result, class, path string) junitCase {
	out := junitCase{Class: class, Name: c.rule, File: clean(path)}
	var fails, others, reasons []string
	first := ""
	for _, f := range c.findings {
		at, _ := f.inHead()
		text := r.explanation(f, facts.Place{})
		switch {
		case f.Suppressed:
			reasons = append(reasons, onOneLine(clean(f.Reason)))
			others = append(others, text)
			continue
		case Fails(f.Severity, r.FailOn):
			if first == "" {
				first = onOneLine(clean(f.Message))
			}
			fails = append(fails, text)
		default:
			others = append(others, f.Severity+": "+text)
		}
		if out.Line == 0 && at.Path == path {
			out.Line = at.Line
		}
		if path == "" && out.File == "" && at.Path != "" {
			out.File, out.Line = clean(at.Path), at.Line
		}
	}
	if len(others) > 0 {
		text := textJUnit(strings.Join(others, "\n"))
		out.Out = &text
	}
	switch {
	case len(fails) > 0:
		text := strings.Join(fails, "\n")
		if rule, ok := r.rule(c.rule); ok && rule.Help != "" {
			text += rule.Help + "\n"
		}
		out.Failure = &junitOutcome{Type: c.rule, Message: first + moreFindings(len(fails)-1), junitText: textJUnit(text)}
	case len(reasons) > 0 && len(reasons) == len(c.findings):
		out.Skipped = &junitOutcome{Message: "suppressed: " + strings.Join(reasons, "; ")}
	case len(c.findings) == 0 && len(r.Problems) > 0:
		out.Skipped = &junitOutcome{Message: "the check is not complete, so that this is not judged"}
	}
	return out
}
