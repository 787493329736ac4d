package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// shownRelated is how many other places a finding lists before it says how many are left.
const shownRelated = 5

// Text writes the report that a person reads.
func Text(w io.Writer, r *Result, o Options) error {
	t := newText(w, r, o)
	t.report()
	return t.w.Flush()
}

func newText(w io.Writer, r *Result, o Options) *text {
	if o.Width <= 0 {
		o.Width = 100
	}
	o.Width = min(o.Width, 240) // nobody reads longer lines
	return &text{w: bufio.NewWriter(w), o: o, r: r, lines: newLineReader(r.Sources), advised: map[string]facts.Place{}, cited: map[ActionItem]bool{}}
}

type text struct {
	w     *bufio.Writer
	o     Options
	r     *Result
	lines *lineReader
	begun bool // something is printed, so that a blank line may follow

	shown   facts.Place            // whose excerpt the finding before began with
	advised map[string]facts.Place // where each remedy was printed
	cited   map[ActionItem]bool    // items whose terms were printed
}

func (t *text) report() {
	if !t.o.Quiet {
		t.heading()
	}
	if t.o.Verbose {
		t.details()
	}
	file := ""
	for _, f := range t.r.Findings {
		if f.Suppressed && !t.o.Verbose || t.o.Quiet && !Fails(f.Severity, t.r.FailOn) {
			continue
		}
		if key := sideOf(f.Location.Side) + "\x00" + f.Location.Path; key != file {
			file = key
			t.gap()
			t.line("%s", t.bold(clean(f.Location.Path))+t.dim(t.sideNote(f.Location.Side, f.Category)))
		} else {
			t.gap()
		}
		t.finding(f)
	}
	if !t.o.Quiet {
		t.suppressed()
		t.matrix()
	}
	t.closing()
}

// heading says what was compared with what.
func (t *text) heading() {
	t.wrap("", "pmcheck: "+t.r.subject(clean))
	if !t.r.Alone {
		t.deploy()
	}
	for _, line := range t.r.LiveLines() {
		t.hang("", "  ", "  ", line)
	}
}

// sideNote is a note behind a path, "" of the head's.
func (t *text) sideNote(side, category string) string {
	note := t.r.sideNote(side, category)
	if note == "" {
		return ""
	}
	return "  " + note
}

func (t *text) finding(f Finding) {
	label := t.severity(f.Severity)
	if f.Suppressed {
		label = t.dim(f.Severity + ", suppressed")
	}
	if at := within(f.Location); at != "" {
		label = at + "  " + label
	}
	t.line("  %s  %s", label, t.bold(f.Rule))
	t.wrap("  ", f.Message)
	if f.Location != t.shown && !wholeFile(f.Location) {
		t.excerpt(f.Location)
	}
	t.shown = f.Location
	shown := map[string]bool{sideOf(f.Location.Side) + where(f.Location): true}
	for _, p := range f.CausedBy {
		if key := sideOf(p.Side) + where(p); !shown[key] {
			shown[key] = true
			note := ""
			if sideOf(p.Side) != sideOf(f.Location.Side) {
				note = t.dim(t.sideNote(p.Side, f.Category))
			}
			t.line("  %s %s%s", t.dim("caused by"), clean(where(p)), note)
			t.excerpt(p)
		}
	}
	t.landed(f)
	for i, related := range f.Related {
		if i == shownRelated && len(f.Related) > shownRelated+1 && !t.o.Verbose {
			t.line("  %s %d more places; --verbose lists them", t.dim("also at"), len(f.Related)-i)
			break
		}
		at := clean(where(related.Place))
		text := strings.TrimSpace(strings.ReplaceAll(related.Text, "\t", " "))
		t.line("  %s %s  %s", t.dim("also at"), at, t.dim(cut(clean(text), t.o.Width-len("  also at   ")-wide(at))))
	}
	if f.Suppressed {
		t.wrap("  ", "Suppressed, because: "+f.Reason)
		return
	}
	t.remedy(f)
	for _, a := range f.ActionItems {
		t.because(a)
	}
}

// remedy says what to do, once for each text.
func (t *text) remedy(f Finding) {
	if f.Remedy == "" {
		return
	}
	t.line("")
	if at, before := t.advised[f.Remedy]; before && wide(f.Remedy) > t.o.Width {
		t.wrap("    ", "What to do: as at "+where(at)+" above.")
		return
	}
	t.advised[f.Remedy] = f.Location
	for _, line := range strings.Split(strings.TrimRight(f.Remedy, "\n"), "\n") {
		if code, isCode := strings.CutPrefix(line, "  "); isCode {
			t.line("      %s", clean(strings.ReplaceAll(code, "\t", "    ")))
		} else {
			t.wrap("    ", line)
		}
	}
}

// because cites the action item that a rule enforces, and at first what was agreed about it.
func (t *text) because(a ActionItem) {
	t.line("")
	t.hang("36", "  why ", "      ", a.because())
	if t.cited[a] {
		return
	}
	t.cited[a] = true
	t.wrap("      ", strings.Join(a.terms(), " · "))
}

// suppressed lists what was silenced, so that it is never forgotten.
func (t *text) suppressed() {
	if t.o.Verbose {
		return // they stand among the findings
	}
	first := true
	for _, f := range t.r.Findings {
		if !f.Suppressed {
			continue
		}
		if first {
			t.gap()
			t.line("%s", t.bold("Suppressed"))
			first = false
		}
		t.line("  %s  %s", clean(where(f.Location)), f.Rule)
		t.wrap("    ", f.Reason)
	}
}

// matrix prints the deploy matrix where there is a schema change.
func (t *text) matrix() {
	m := t.r.Matrix
	if t.r.Alone || m.OldCodeNewSchema.Verdict == "" || m.OldCodeNewSchema.Verdict == "not-applicable" {
		return
	}
	first, second := 31, 24 // columns
	if t.o.Width < 72 {
		second = 17
	}
	t.gap()
	t.line("  %*s%s%s", first, "", t.dim(pad("old schema", second)), t.dim("new schema"))
	t.line("  %s%s%s", t.dim(pad("old code (the running release)", first)), pad("today", second), t.cell(m.OldCodeNewSchema, 0))
	t.line("  %s%s%s", t.dim(pad("new code (this change)", first)), t.cell(m.NewCodeOldSchema, second), t.cell(m.NewCodeNewSchema, 0))
	t.wrap("  ", basis(m, "--verbose lists why"))
}

func queries(n int) string {
	if n == 1 {
		return "1 query"
	}
	return fmt.Sprintf("%d queries", n)
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// cell is a verdict of the matrix, padded to at least so many columns.
func (t *text) cell(c facts.Cell, columns int) string {
	switch c.Verdict {
	case "breaks":
		return t.paint("31;1", "BREAKS") + pad(" ("+queries(len(c.Breaks))+") ", columns-len("BREAKS"))
	case "works":
		return t.paint("32", "works") + pad("", columns-len("works"))
	case "unknown":
		return pad("not judged", columns)
	}
	return pad(c.Verdict, columns)
}

// details are for who asks why.
func (t *text) details() {
	for _, d := range t.r.Databases {
		t.gap()
		t.line("%s  %s %s, %s in %s", t.bold("database "+clean(d.Name)), d.Engine, d.Version, clean(d.Layout), clean(d.Root))
		t.wrap("  ", d.Why)
		if d.Read > 0 {
			t.line("  %s with %s read", count(d.Read, "migration"), count(d.Statement, "statement"))
		}
		for _, c := range d.Delta {
			t.hang("", "  ", "    ", difference(c))
		}
	}
	for _, u := range t.r.Matrix.Coverage.NotUnderstood {
		t.hang("", "  ", "    ", strings.TrimSpace(fmt.Sprintf("not understood: %s %s: %s", where(u.Place), u.Name, u.Reason)))
	}
	for _, note := range t.r.Notes {
		t.hang("", "  ", "    ", note)
	}
	for _, p := range t.r.Missed {
		t.hang("", "  ", "    ", "not analysed: "+clean(where(p.Place))+": "+p.Reason)
	}
}

// difference is one entry of a schema's delta in words.
func difference(d facts.Delta) string {
	name := d.Name
	if d.Relation != "" && d.Relation != d.Name {
		name = d.Relation + "." + d.Name
	}
	s := fmt.Sprintf("%s %s %s", d.Kind, strings.ReplaceAll(d.Object, "_", " "), name)
	switch {
	case d.Kind == "renamed":
		s += ", before " + d.From
	case d.Attribute != "":
		s += fmt.Sprintf(": %s %s -> %s", strings.ReplaceAll(d.Attribute, "_", " "), none(d.From), none(d.To))
	}
	if d.Required {
		s += " (every INSERT must now name it)"
	}
	return s
}

func none(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// closing is the summary and the line that says what to do.
func (t *text) closing() {
	r := t.r
	for i, p := range r.Problems {
		if i == 0 {
			t.gap()
		}
		for _, line := range strings.Split(p, "\n") {
			t.hang("31;1", "could not be done: ", "  ", line)
		}
	}
	t.gap()
	if !t.o.Quiet && !r.Nothing() {
		t.wrap("", r.counts())
	}
	word, advice := r.conclusion()
	t.verdict(verdictColors[word], word, advice)
}

// wholeFile tells that a finding is about a file, and not about a line of it.
func wholeFile(p facts.Place) bool { return p.Line <= 1 && p.Column == 0 && p.EndLine == 0 }

// within is a place in its file.
func within(p facts.Place) string {
	switch {
	case wholeFile(p):
		return ""
	case p.Column == 0:
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

func where(p facts.Place) string {
	switch {
	case p.Line == 0:
		return p.Path
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.Path, p.Line, p.Column)
}

func short(commit string) string { return commit[:min(len(commit), 9)] }

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
