package report

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// The limits of a report in Markdown. A comment and the summary of a check run may have 65,535 characters on GitHub
// ("REST API endpoints for check runs"); bytes are counted here, which are never fewer.
const (
	markMost    = 65_535
	markClosing = 1_000 // kept for what folds the sections, and for the line that counts what is left out
	markSection = 8_000 // bytes of a list above the findings
	markMessage = 3_000 // characters of a message
	markRemedy  = 5_000 // characters of a remedy
	markLine    = 160   // columns of a line of code
	markRelated = 100   // characters of what stands at another place
	markBrief   = 160   // characters of a finding on one line
)

// Markdown writes the report for a comment on a pull request, a check run or a job's
// summary, in GitHub's Markdown, which GitLab reads too. It keeps under 65,535 bytes:
// the verdict and the matrix always; then the findings, the gravest first: in full as long as there is room, then a line for
// each, then their number.
func Markdown(w io.Writer, r *Result, o Options) error {
	m := &markdown{r: r, o: o, lines: newLineReader(r.Sources), advised: map[string]facts.Place{}, cited: map[ActionItem]bool{}}
	_, err := io.WriteString(w, m.report())
	return err
}

type markdown struct {
	r       *Result
	o       Options
	lines   *lineReader
	advised map[string]facts.Place // where each remedy stands
	cited   map[ActionItem]bool    // items whose terms stand already
}

func (m *markdown) report() string {
	r := m.r
	active, suppressed := r.worstFirst()
	if m.o.Quiet {
		suppressed = nil
		for i, f := range active {
			if !Fails(f.Severity, r.FailOn) {
				active = active[:i]
				break
			}
		}
	}
	head := m.head()
	tail := m.tail()
	room := markMost - len(head) - len(tail) - markClosing

	brief := make([]string, len(active))
	briefly := 0
	for i, f := range active {
		brief[i] = m.brief(f)
		briefly += len(brief[i])
	}
	// A finding in full takes the room of a dozen lines: a quarter is kept for lines, or what they need.
	var full []string
	used, left := 0, briefly
	for i, f := range active {
		block := m.finding(f)
		rest := left - len(brief[i])
		if used+len(block)+min(rest, room/4) > room {
			break
		}
		full, used, left = append(full, block), used+len(block), rest
	}
	var b strings.Builder
	b.WriteString(head)
	m.sections(&b, active, full)
	rest, at := active[len(full):], len(full)
	used = b.Len() - len(head) // with the lines that fold the sections
	if len(rest) > 0 {
		fmt.Fprintf(&b, "#### %s\n\n", markText(fmt.Sprintf("%s in short", count(len(rest), "more finding"))))
		for ; at < len(active) && used+len(brief[at]) < room; at++ {
			b.WriteString(brief[at])
			used += len(brief[at])
		}
		b.WriteString("\n")
	}
	if out := active[at:]; len(out) > 0 {
		fmt.Fprintf(&b, "**%s left out here** for want of room: %s. `pmcheck check` and `--format json` have all of them.\n\n", count(len(out), "finding"), bySeverity(out))
	}
	b.WriteString(m.suppressed(suppressed, room-used))
	b.WriteString(tail)
	return b.String()
}

// sections writes the findings in full: those that fail the check in the open, the others folded.
func (m *markdown) sections(b *strings.Builder, active []Finding, full []string) {
	open := 0
	for open < len(full) && Fails(active[open].Severity, m.r.FailOn) {
		b.WriteString(full[open])
		open++
	}
	for from := open; from < len(full); {
		to := from
		for to < len(full) && active[to].Severity == active[from].Severity {
			to++
		}
		name := map[string]string{"error": "error", "warning": "warning"}[active[from].Severity]
		title := fmt.Sprintf("%d for information", to-from)
		if name != "" {
			title = count(to-from, name)
		}
		fmt.Fprintf(b, "<details>\n<summary>%s</summary>\n\n%s</details>\n\n", title, strings.Join(full[from:to], ""))
		from = to
	}
}

// head is what always stands: the verdict, what could not be done, and the matrix.
func (m *markdown) head() string {
	r := m.r
	word, advice := r.conclusion()
	var b strings.Builder
	fmt.Fprintf(&b, "### %s pmcheck: %s\n\n", markSigns[word], word)
	fmt.Fprintf(&b, "%s.\n\n%s", markProse(cutCharacters(capital(advice), 4*markBrief)), capital(r.subject(func(name string) string { return markCode(cutCharacters(name, markBrief)) })))
	if !r.Nothing() && !m.o.Quiet {
		fmt.Fprintf(&b, ".\n%s", markText(capital(r.counts())))
	}
	b.WriteString(".\n\n")
	b.WriteString(m.deploy())
	if len(r.Problems) > 0 {
		var items []string
		for _, p := range r.Problems {
			items = append(items, markText(cutCharacters(onOneLine(p), 500)))
		}
		fmt.Fprintf(&b, "**Could not be done:**\n\n%s\n", markList(items))
	}
	b.WriteString(m.matrix())
	return b.String()
}

var markSigns = map[string]string{"PASS": "✅", "FAIL": "❌", "ERROR": "⚠️"}

func (m *markdown) matrix() string {
	x := m.r.Matrix
	if m.r.Alone || x.OldCodeNewSchema.Verdict == "" || x.OldCodeNewSchema.Verdict == "not-applicable" {
		return ""
	}
	cell := func(c facts.Cell) string {
		switch c.Verdict {
		case "breaks":
			return "❌ **BREAKS** (" + queries(len(c.Breaks)) + ")"
		case "works":
			return "✅ works"
		case "unknown":
			return "not judged"
		}
		return markText(c.Verdict)
	}
	return fmt.Sprintf("| | old schema | new schema |\n|---|---|---|\n| **old code** (the running release) | today | %s |\n| **new code** (this change) | %s | %s |\n\n%s\n\n",
		cell(x.OldCodeNewSchema), cell(x.NewCodeOldSchema), cell(x.NewCodeNewSchema), markProse(cutCharacters(basis(x, "`pmcheck matrix --verbose` says why"), 4*markBrief)))
}

// deploy says before a deploy what goes out, over what, and how that is known.
func (m *markdown) deploy() string {
	c := m.r.Change
	var b strings.Builder
	if c.BaseReason != "" {
		fmt.Fprintf(&b, "Base: %s.\n\n", markText(cutCharacters(onOneLine(c.BaseReason), 3*markBrief)))
	}
	if notes := m.r.notes(); len(notes) > 0 {
		var items []string
		for _, note := range notes {
			items = append(items, "note: "+markWithin(cutCharacters(onOneLine(note), 3*markBrief)))
		}
		b.WriteString(markList(items) + "\n")
	}
	if c.Stage != "pre-deploy" || len(c.Landed) == 0 {
		return b.String()
	}
	more := ""
	if c.MoreLanded {
		more = ", and more that is not listed here"
	}
	fmt.Fprintf(&b, "<details>\n<summary>Goes out: %s%s</summary>\n\n", landedCount(c.Landed), more)
	shown := worthShowing(c.Landed)
	var items []string
	for _, l := range shown {
		what := bringing(l)
		if what != "" {
			what = " (" + what + ")"
		}
		items = append(items, m.landed(l)+what)
	}
	if n := len(c.Landed) - len(shown); n > 0 {
		items = append(items, fmt.Sprintf("and %d more", n))
	}
	b.WriteString(markList(items))
	b.WriteString("\n</details>\n\n")
	return b.String()
}

// markList is a list as long as a section may be; what is left out is counted.
func markList(items []string) string {
	var b strings.Builder
	for i, item := range items {
		if b.Len()+len(item) > markSection {
			fmt.Fprintf(&b, "- and %d more\n", len(items)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", item)
	}
	return b.String()
}

// landed is a pull request or a commit that goes out, and a link to its commit where the repository's address is known.
func (m *markdown) landed(l facts.Landed) string {
	name := markCode(cutCharacters(l.Label, markRelated))
	if l.Label == "" {
		name = markCode(short(l.Commit))
	}
	if m.r.Address != "" && plainCommit.MatchString(l.Commit) {
		name = "[" + name + "](" + m.r.Address + "/commit/" + l.Commit + ")"
	}
	return strings.TrimSpace(name + " " + markWithin(cutCharacters(onOneLine(l.Title), markBrief)))
}

var plainCommit = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// tail says how to silence a rule, where a comment in SQL can.
func (m *markdown) tail() string { return m.silencing() + m.details() }

// details links to the whole report.
func (m *markdown) details() string {
	if m.o.Details == "" {
		return ""
	}
	return "\n[The whole report, with the locks drawn on a time line](" + strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "\n", "", "<", "", ">", "").Replace(m.o.Details) + ")\n"
}

func (m *markdown) silencing() string {
	for _, f := range m.r.Findings {
		if at, ok := f.inHead(); ok && !f.Suppressed && Fails(f.Severity, m.r.FailOn) && path.Ext(at.Path) == ".sql" {
			return "<sub>To silence a rule for one statement, with a reason that stays in the report, write <code>-- pmcheck:ignore RULE: reason</code> above it.</sub>\n"
		}
	}
	return ""
}

// finding is a finding in full.
func (m *markdown) finding(f Finding) string {
	var b strings.Builder
	title := f.Rule
	if f.Title != "" {
		title = f.Title
	}
	name := markCode(f.Rule)
	if rule, ok := m.r.rule(f.Rule); ok && rule.Help != "" {
		name = "[" + name + "](" + rule.Help + ")"
	}
	fmt.Fprintf(&b, "#### %s %s\n\n", markSeverities[levelGitHub(f.Severity)], markText(title))
	fmt.Fprintf(&b, "%s %s at %s%s\n\n", markText(f.Severity), name, m.place(f.Location), m.note(f.Location, f.Category))
	fmt.Fprintf(&b, "%s\n\n", markText(cutCharacters(onOneLine(f.Message), markMessage)))
	m.excerpt(&b, f.Location)
	listed := map[string]bool{sideOf(f.Location.Side) + where(f.Location): true}
	for i, p := range f.CausedBy {
		if i == shownRelated {
			fmt.Fprintf(&b, "caused by %d more\n\n", len(f.CausedBy)-i)
			break
		}
		if key := sideOf(p.Side) + where(p); !listed[key] {
			listed[key] = true
			fmt.Fprintf(&b, "caused by %s%s\n\n", m.place(p), m.note(p, f.Category))
			m.excerpt(&b, p)
		}
	}
	for i, l := range f.Landed {
		if i == shownRelated {
			fmt.Fprintf(&b, "- brought by %d more\n", len(f.Landed)-i)
			break
		}
		fmt.Fprintf(&b, "- %s %s\n", landedVerb(l, f), m.landed(l))
	}
	for i, related := range f.Related {
		if i == shownRelated && len(f.Related) > shownRelated+1 {
			fmt.Fprintf(&b, "- and at %d more places\n", len(f.Related)-i)
			break
		}
		fmt.Fprintf(&b, "- also at %s %s\n", m.place(related.Place), markCode(cutCharacters(onOneLine(related.Text), markRelated)))
	}
	if len(f.Landed)+len(f.Related) > 0 {
		b.WriteString("\n")
	}
	m.remedy(&b, f)
	for i, a := range f.ActionItems {
		if i == shownRelated {
			fmt.Fprintf(&b, "> and %d more\n", len(f.ActionItems)-i)
			break
		}
		m.because(&b, a)
	}
	return b.String()
}

var markSeverities = map[string]string{"error": "❌", "warning": "⚠️", "notice": "ℹ️"}

// remedy says what to do, once for each text.
func (m *markdown) remedy(b *strings.Builder, f Finding) {
	if f.Remedy == "" {
		return
	}
	if at, before := m.advised[f.Remedy]; before && len(f.Remedy) > markLine {
		fmt.Fprintf(b, "**What to do:** as at %s above.\n\n", m.place(at))
		return
	}
	m.advised[f.Remedy] = f.Location
	space := " "
	if markStep.MatchString(firstLine(f.Remedy)) || strings.HasPrefix(f.Remedy, "  ") {
		space = "\n\n" // a list or code begins a line
	}
	fmt.Fprintf(b, "**What to do:**%s%s\n\n", space, markBlock(remedyLanguage(f), cutCharacters(f.Remedy, markRemedy)))
}

// remedyLanguage is what the code of a remedy is written in: what is found in a pipeline's configuration is mended there.
func remedyLanguage(f Finding) string {
	switch path.Ext(f.Location.Path) {
	case ".yml", ".yaml":
		return "yaml"
	}
	return "sql"
}

// because cites the action item that a rule enforces.
func (m *markdown) because(b *strings.Builder, a ActionItem) {
	title := ""
	if a.PostmortemTitle != "" {
		title = ", from “" + markText(cutCharacters(onOneLine(a.PostmortemTitle), markBrief)) + "”"
	}
	fmt.Fprintf(b, "> **Why:** %s “%s”%s", markCode(clean(a.Postmortem)+"/"+clean(a.ID)), markText(cutCharacters(onOneLine(a.Action), markMessage)), title)
	if !m.cited[a] {
		m.cited[a] = true
		terms := a.terms()
		at := terms[len(terms)-1:]
		if a.Path == "" {
			at = nil
		} else {
			terms = terms[:len(terms)-1]
		}
		text := markText(strings.Join(terms, " · "))
		if at != nil {
			text = strings.TrimPrefix(text+" · "+m.place(m.r.written(a)), " · ")
		}
		fmt.Fprintf(b, "\\\n> %s", text)
	}
	b.WriteString("\n\n")
}

// brief is a finding on one line.
func (m *markdown) brief(f Finding) string {
	return fmt.Sprintf("- %s %s at %s: %s\n", markSeverities[levelGitHub(f.Severity)], markCode(f.Rule), markCode(cutCharacters(clean(where(f.Location)), markBrief)), markText(cutCharacters(onOneLine(f.Message), markBrief)))
}

// suppressed lists what was silenced, so that it is never forgotten.
func (m *markdown) suppressed(findings []Finding, room int) string {
	if len(findings) == 0 {
		return ""
	}
	var b strings.Builder
	for i, f := range findings {
		line := fmt.Sprintf("- %s at %s: %s\n", markCode(f.Rule), markCode(cutCharacters(clean(where(f.Location)), markBrief)), markText(cutCharacters(onOneLine(f.Reason), markBrief)))
		if b.Len()+len(line)+markClosing > room {
			fmt.Fprintf(&b, "- and %d more\n", len(findings)-i)
			break
		}
		b.WriteString(line)
	}
	return fmt.Sprintf("<details>\n<summary>%d suppressed</summary>\n\n%s\n</details>\n\n", len(findings), b.String())
}

// place is a place as code, and a link to it where the repository's address is known.
func (m *markdown) place(p facts.Place) string {
	text := markCode(cutCharacters(clean(where(p)), markBrief))
	address := m.r.addressOf(p)
	if address == "" {
		return text
	}
	return "[" + text + "](" + strings.NewReplacer("(", "%28", ")", "%29", "@", "%40").Replace(address) + ")"
}

// note says that a place is one of the base.
func (m *markdown) note(p facts.Place, category string) string {
	if note := m.r.sideNote(p.Side, category); note != "" {
		return ", " + markText(note)
	}
	return ""
}

// excerpt shows the line of a place.
func (m *markdown) excerpt(b *strings.Builder, p facts.Place) {
	if wholeFile(p) {
		return
	}
	source, ok := m.lines.line(p)
	if !ok || len(strings.TrimSpace(string(source))) == 0 {
		return
	}
	shown, _ := window(source, p.Column-1, markLine)
	fmt.Fprintf(b, "%s\n\n", markFence(strings.TrimPrefix(path.Ext(p.Path), "."), []string{shown}))
}

// bySeverity counts findings of each severity.
func bySeverity(findings []Finding) string {
	r := Result{Findings: findings}
	s := r.Summary()
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{s.Error, "error"}, {s.Warning, "warning"}} {
		if part.n > 0 {
			parts = append(parts, count(part.n, part.what))
		}
	}
	if s.Info > 0 {
		parts = append(parts, fmt.Sprintf("%d for information", s.Info))
	}
	return strings.Join(parts, ", ")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
