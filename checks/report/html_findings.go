package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// fileView is a file with its findings.
type fileView struct {
	Path, Side string
	Open       bool
	Counts     []countOf
	Findings   []findingView
}

type findingView struct {
	ID, Severity, Title, Rule, Message, At string
	Fails                                  bool
	Help                                   string // the address of the rule's page
	Excerpt                                *excerptView
	Causes                                 []excerptView
	Related                                []relatedView
	RelatedMore                            int
	Remedy                                 []remedyPart
	RemedyAt                               string // the finding that has the same remedy
	Items                                  []itemView
}

type excerptView struct {
	Title string
	Where link
	Lines []sourceLine
}

// sourceLine is a line of a file; what is marked stands between Before and After.
type sourceLine struct {
	Number              int
	Here                bool
	Before, Mark, After string
}

type relatedView struct {
	Where link
	Text  string
}

// remedyPart is prose, or SQL that is ready to paste.
type remedyPart struct {
	Text   string
	Code   bool
	Pieces []segment // of prose: what stands between backquotes is marked
}

// itemView is a post-mortem's action item; Full the first time that it is cited.
type itemView struct {
	ID, Title, Action, Anchor string
	Where                     link
	Terms                     []labelled
	Full                      bool
}

// briefFinding is a finding on a line.
type briefFinding struct {
	Severity, Rule, Message string
	Where                   link
}

const (
	contextLines   = 2
	shownColumnsOf = 300 // columns of a source line
	shownPlaces    = 40  // related places of a finding
)

// findings puts them by file, the worst first.
func (p *page) findings(r *Result) {
	var open []Finding
	for _, f := range r.Findings {
		if !f.Suppressed {
			open = append(open, f)
		} else if len(p.Suppressed) < shownRows {
			b := r.brief(f)
			b.Message = clean(cutBytes(f.Reason, shownBytes))
			p.Suppressed = append(p.Suppressed, b)
		} else {
			p.SuppressedMore++
		}
	}
	worst := map[string]int{}
	file := func(f Finding) string { return sideOf(f.Location.Side) + "\x00" + f.Location.Path }
	rank := func(f Finding) int { return slices.Index(severities, f.Severity) & 3 }
	for _, f := range open {
		if at, known := worst[file(f)]; !known || rank(f) < at {
			worst[file(f)] = rank(f)
		}
	}
	// Stable: within a file and severity they stay in the order of their lines.
	slices.SortStableFunc(open, func(a, b Finding) int {
		if file(a) == file(b) {
			return rank(a) - rank(b)
		}
		if by := worst[file(a)] - worst[file(b)]; by != 0 {
			return by
		}
		return strings.Compare(a.Location.Path+"\x00"+sideOf(a.Location.Side), b.Location.Path+"\x00"+sideOf(b.Location.Side))
	})
	v := findingsPage{r: r, lines: newLineReader(r.Sources), remedies: map[string]string{}, cited: map[string]string{}}
	last := ""
	for i, f := range open {
		if i >= fullFindings {
			if i >= fullFindings+briefFindings {
				p.BriefMore = len(open) - i
				break
			}
			p.Brief = append(p.Brief, r.brief(f))
			continue
		}
		if key := file(f); key != last || len(p.Files) == 0 {
			last = key
			p.Files = append(p.Files, fileView{Path: clean(f.Location.Path), Side: r.sideNote(f.Location.Side, f.Category), Open: i < 20 || f.Severity == "error"})
		}
		group := &p.Files[len(p.Files)-1]
		shown := v.finding(f, i+1)
		group.Findings = append(group.Findings, shown)
		group.count(f.Severity)
		if p.First == nil && shown.Fails {
			p.First = &firstFinding{ID: shown.ID, Title: shown.Title, Message: shown.Message, Where: r.link(f.Location)}
		}
	}
}

func (f *fileView) count(severity string) {
	what := map[string]string{"error": "error", "warning": "warning"}[severity]
	class := what
	if what == "" {
		what, class = "note", "info"
	}
	for i := range f.Counts {
		if c := &f.Counts[i]; c.Class == class {
			c.Number++
			c.What = what + "s"
			return
		}
	}
	f.Counts = append(f.Counts, countOf{1, what, class})
}

func (r *Result) brief(f Finding) briefFinding {
	return briefFinding{Severity: clean(f.Severity), Rule: clean(f.Rule), Where: r.link(f.Location), Message: oneLine(f.Message, 240)}
}

// findingsPage makes the views of findings one after the other.
type findingsPage struct {
	r        *Result
	lines    *lineReader
	remedies map[string]string // the finding that first had a remedy
	cited    map[string]string // the finding that first cited an item
}

func (v *findingsPage) finding(f Finding, number int) findingView {
	out := findingView{
		ID: fmt.Sprintf("finding-%d", number), Severity: clean(f.Severity), Title: clean(f.Title), Rule: clean(f.Rule), Message: clean(onOneLine(cutBytes(f.Message, 4*shownBytes))),
		At: within(f.Location), Fails: Fails(f.Severity, v.r.FailOn),
	}
	if out.Title == "" {
		out.Title = out.Rule
	}
	if i := slices.IndexFunc(v.r.Rules, func(rule Rule) bool { return rule.ID == f.Rule }); i >= 0 && strings.HasPrefix(v.r.Rules[i].Help, "https://") {
		out.Help = v.r.Rules[i].Help
	}
	if !wholeFile(f.Location) {
		if out.Excerpt = v.excerpt(f.Location); out.Excerpt != nil {
			out.Excerpt.Title = v.sideTitle(f.Location.Side, f.Category)
		}
	}
	shown := map[string]bool{sideOf(f.Location.Side) + where(f.Location): true}
	for _, p := range f.CausedBy {
		if key := sideOf(p.Side) + where(p); !shown[key] && len(out.Causes) < 6 {
			shown[key] = true
			e := v.excerpt(p)
			if e == nil {
				e = &excerptView{Where: v.r.link(p)}
			}
			e.Title = "Caused by"
			if sideOf(p.Side) == "base" {
				e.Title += ", before this change"
			}
			out.Causes = append(out.Causes, *e)
		}
	}
	for i, related := range f.Related {
		if i == shownPlaces {
			out.RelatedMore = len(f.Related) - i
			break
		}
		out.Related = append(out.Related, relatedView{v.r.link(related.Place), oneLine(related.Text, 400)})
	}
	if at, before := v.remedies[f.Remedy]; before && len(f.Remedy) > 240 {
		out.RemedyAt = at
	} else if f.Remedy != "" {
		v.remedies[f.Remedy] = out.ID
		out.Remedy = remedyParts(f.Remedy)
	}
	for i, a := range f.ActionItems {
		if i < 12 {
			out.Items = append(out.Items, v.item(a, out.ID, i))
		}
	}
	return out
}

// remedyParts cuts a remedy at the lines that are indented: those are SQL.
func remedyParts(remedy string) []remedyPart {
	var out []remedyPart
	for _, line := range strings.Split(strings.TrimRight(cutBytes(remedy, 8*shownBytes), "\n"), "\n") {
		code, isCode := strings.CutPrefix(line, "  ")
		text := clean(strings.ReplaceAll(code, "\t", "    "))
		if n := len(out) - 1; isCode && n >= 0 && out[n].Code {
			out[n].Text += "\n" + text
			continue
		}
		if strings.TrimSpace(text) != "" {
			out = append(out, remedyPart{Text: text, Code: isCode, Pieces: quoted(text)})
		}
	}
	return out
}

// quoted cuts prose at its backquotes.
func quoted(prose string) []segment {
	pieces := strings.Split(prose, "`")
	if len(pieces)%2 == 0 {
		return []segment{{Text: prose}}
	}
	var out []segment
	for i, text := range pieces {
		if text != "" {
			out = append(out, segment{text, i%2 == 1})
		}
	}
	return out
}

func (v *findingsPage) item(a ActionItem, finding string, number int) itemView {
	id := a.Postmortem + "/" + a.ID
	out := itemView{
		ID: clean(id), Title: clean(cutBytes(a.PostmortemTitle, shownBytes)), Action: clean(cutBytes(a.Action, shownBytes)), Where: v.r.link(v.r.written(a)),
	}
	if at, before := v.cited[id]; before {
		out.Anchor = at
		return out
	}
	out.Full, out.Anchor = true, fmt.Sprintf("%s-item-%d", finding, number+1)
	v.cited[id] = out.Anchor
	for _, term := range []labelled{
		{Name: "Priority", Value: a.Priority}, {Name: "Owner", Value: a.Owner}, {Name: "Due", Value: a.Due}, {Name: "Status", Value: strings.ReplaceAll(a.Status, "_", " ")},
	} {
		if term.Value != "" {
			term.Value = clean(cutBytes(term.Value, 200))
			out.Terms = append(out.Terms, term)
		}
	}
	return out
}

// sideTitle says that a file is shown as it was before the change.
func (v *findingsPage) sideTitle(side, category string) string {
	switch {
	case side != "base":
		return ""
	case category == "compat":
		return "The running release"
	}
	return "Before this change"
}

// excerpt is a place's line with those around it; nil where the file is not held.
func (v *findingsPage) excerpt(p facts.Place) *excerptView {
	around := v.lines.around(p, contextLines)
	if around == nil {
		return nil
	}
	out := &excerptView{Where: v.r.link(p)}
	indent := -1
	for _, line := range around {
		if text := bytes.TrimLeft(line.text, " \t"); len(text) > 0 && (indent < 0 || len(line.text)-len(text) < indent) {
			indent = len(line.text) - len(text)
		}
	}
	for _, line := range around {
		text, at, length := line.text, 0, 0
		here := line.number == p.Line
		if here {
			at, length = markAt(text, p.Column-1)
		}
		if rest, found := bytes.CutPrefix(text, []byte("\ufeff")); found && line.number == 1 {
			text, at = rest, max(at-len("\ufeff"), 0)
		}
		left := min(max(indent, 0), len(text))
		if here {
			left = min(left, at)
		}
		text, at = text[left:], max(at-left, 0)
		l := sourceLine{Number: line.number, Here: here}
		l.Before, l.Mark, l.After = pieces(text, at, length)
		out.Lines = append(out.Lines, l)
	}
	return out
}

// markAt is the word that begins at a byte of a line, or the character where there is none.
func markAt(line []byte, at int) (from, length int) {
	if at < 0 || at >= len(line) {
		return max(0, min(at, len(line))), 0
	}
	for end := at; end < len(line); {
		c, size := utf8.DecodeRune(line[end:])
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' {
			if end == at {
				return at, size
			}
			return at, end - at
		}
		end += size
	}
	return at, len(line) - at
}

// pieces are a line's text before, in and after what is marked, as it is printed and no more of it than can be read.
func pieces(line []byte, at, length int) (before, mark, after string) {
	const gap = "..."
	from := 0
	if at > shownColumnsOf {
		from = at - shownColumnsOf
		for from < at && !utf8.RuneStart(line[from]) {
			from++
		}
		before = gap
	}
	length = min(length, shownColumnsOf)
	to := min(len(line), at+length+shownColumnsOf)
	before += strings.Join(printed(line[from:at]), "")
	mark = strings.Join(printed(line[at:at+length]), "")
	after = strings.Join(printed(line[at+length:to]), "")
	if to < len(line) {
		after += gap
	}
	return before, mark, after
}
