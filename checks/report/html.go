package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // page.tmpl and page.css
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// What a page holds at most, so that one of a change with thousands of statements
// opens at once. What is left out is counted on it.
const (
	fullFindings  = 150 // with source, remedy and reasons
	briefFindings = 850 // further ones on a line each
	shownBreaks   = 60  // in each cell of the matrix
	shownFigures  = 30  // migrations with their locks drawn
	shownColumns  = 60  // statements of one of them
	shownInAll    = 600 // statements of all of them
	shownLanes    = 24  // relations of one of them
	shownRows     = 200 // of any other list
	shownBytes    = 1200
)

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var pageStyle string

// PageStyle is the style sheet that the pages of pmcheck share: colours for light and dark, the head, tables, narrow screens.
func PageStyle() string { return pageStyle }

var pageParsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageTemplate))
})

// HTML writes the result as one page that needs nothing else: no script, no font, no
// picture from elsewhere, and a Content-Security-Policy that forbids all but its own
// style sheet.
func HTML(w io.Writer, r *Result) error {
	var b bytes.Buffer
	if err := pageParsed().Execute(&b, newPage(r)); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// page is what page.tmpl shows. Each text in it has been through clean or
// Printable; the template escapes them for where they stand.
type page struct {
	Style  template.CSS
	Policy string

	Title   string
	Verdict string // pass | fail | undone
	Word    string
	Advice  string
	Promise string // what a check that is not complete is good for
	First   *firstFinding
	Subject []labelled
	Found   []countOf
	Undone  [][]string // what could not be done, each in its lines

	Matrix         *matrixView
	Locks          *locksView
	Files          []fileView
	Brief          []briefFinding
	BriefMore      int
	Suppressed     []briefFinding
	SuppressedMore int
	Missed         listView
	Schema         []schemaView
	About          []labelled
	Commits        listView
}

type labelled struct {
	Name, Value, Code string
	Place             link
}

// link is a place in a file, and its address where that is known.
type link struct{ Text, Href string }

func (r *Result) link(p facts.Place) link { return link{clean(where(p)), r.addressOf(p)} }

// countOf is one of the figures in the page's head.
type countOf struct {
	Number int
	What   string
	Class  string
}

// firstFinding is what to look at first.
type firstFinding struct {
	ID, Title, Message string
	Where              link
}

// listView is a list that is cut off.
type listView struct {
	Rows []labelled
	More int
}

func (l *listView) add(row labelled) {
	if len(l.Rows) == shownRows {
		l.More++
		return
	}
	l.Rows = append(l.Rows, row)
}

// style is the page's style sheet, with a class for each least width of a picture:
// the page has no style attributes, so that its policy can name all style that it has.
var style = sync.OnceValue(func() string {
	var b strings.Builder
	b.WriteString(pageStyle)
	for n := range maxWidth + 1 {
		fmt.Fprintf(&b, ".w%d{min-width:%dpx}\n", n, 100*n)
	}
	return b.String()
})

func newPage(r *Result) *page {
	sum := sha256.Sum256([]byte(style()))
	p := &page{
		Style:  template.CSS(style()),
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
	}
	p.head(r)
	p.Matrix = matrixPage(r)
	p.Locks = locksPage(r)
	p.findings(r)
	p.Missed = missedPage(r)
	p.Schema = schemaPage(r)
	p.about(r)
	return p
}

// head is the verdict and what it is about.
func (p *page) head(r *Result) {
	var failing []Finding
	for _, f := range r.Findings {
		if !f.Suppressed && Fails(f.Severity, r.FailOn) {
			failing = append(failing, f)
		}
	}
	before := "before this is merged"
	if r.Change.Stage == "pre-deploy" {
		before = "before this is deployed"
	}
	fix := count(len(failing), "finding") + " to fix " + before
	s := r.Summary()
	switch {
	case r.Verdict == Undone:
		p.Verdict, p.Word, p.Advice = "undone", "Not complete", "Mend what could not be done, and run it again"
		p.Promise = "Until then nothing is promised."
		if len(failing) > 0 {
			p.Promise = "What was found holds: " + fix + "."
		}
	case len(failing) > 0:
		p.Verdict, p.Word, p.Advice = "fail", "Fail", fix
	case r.Touched == 0 && len(r.Findings) == 0 && r.Contained && !r.Change.Dirty:
		p.Verdict, p.Word, p.Advice = "pass", "Pass", "Nothing to compare: the base holds this commit already"
	case r.Touched == 0 && len(r.Findings) == 0:
		p.Verdict, p.Word, p.Advice = "pass", "Pass", "No schema change: no migration is added, edited or removed"
	case s.Warning+s.Info > 0:
		p.Verdict, p.Word, p.Advice = "pass", "Pass", "Nothing here stops a merge"
	default:
		p.Verdict, p.Word, p.Advice = "pass", "Pass", "Nothing to fix"
	}
	for _, problem := range r.Problems {
		var lines []string
		for _, line := range strings.Split(problem, "\n") {
			lines = append(lines, clean(line))
		}
		p.Undone = append(p.Undone, lines)
	}
	p.Subject = subject(r)
	p.Title = fmt.Sprintf("pmcheck: %s, %s", strings.ToLower(p.Word), clean(titleOf(r)))
	for _, c := range []countOf{{s.Error, "error", "error"}, {s.Warning, "warning", "warning"}, {s.Info, "note", "info"}, {s.Suppressed, "suppressed", "quiet"}} {
		if c.Number == 0 && c.Class != "error" && c.Class != "warning" {
			continue
		}
		if c.Number == 0 {
			c.Class = "none"
		}
		if c.Number != 1 && c.Class != "quiet" {
			c.What += "s"
		}
		p.Found = append(p.Found, c)
	}
}

func titleOf(r *Result) string {
	if r.Alone {
		return count(r.Judged, "migration")
	}
	return named(r.HeadName, "", r.Change.Head)
}

// subject says what was judged: the change, the databases, and how much of both was understood.
func subject(r *Result) []labelled {
	var out []labelled
	if r.Alone {
		out = append(out, labelled{Name: "Judged alone", Value: fmt.Sprintf("%s: every table that %s not create is taken to be in use",
			count(r.Judged, "migration"), verb(r.Judged, "it does", "they do"))})
	} else {
		head := named(r.HeadName, "", r.Change.Head)
		if r.Change.Dirty {
			head += ", with what is not committed"
		}
		out = append(out, labelled{Name: "This change", Value: head}, labelled{Name: "Compared with", Value: named(r.BaseName, "", r.Change.Base)})
	}
	for _, note := range r.notes() {
		out = append(out, labelled{Name: "Note", Value: clean(note)})
	}
	var databases []string
	for i, d := range r.Databases {
		if i == 4 {
			databases = append(databases, fmt.Sprintf("%d more", len(r.Databases)-i))
			break
		}
		databases = append(databases, fmt.Sprintf("%s (%s)", clean(d.Name), engine(d)))
	}
	if len(databases) > 0 {
		out = append(out, labelled{Name: verb(len(r.Databases), "Database", "Databases"), Value: strings.Join(databases, ", ")})
	}
	if r.Touched > 0 || r.Judged > 0 {
		judged := fmt.Sprintf("%s, %s", count(r.Judged, "migration"), count(r.Analysed, "statement"))
		if n := len(r.Missed); n > 0 {
			judged += fmt.Sprintf("; %s not understood", count(n, "piece"))
		} else if r.Judged > 0 {
			judged += ", all understood"
		}
		out = append(out, labelled{Name: "Judged", Value: judged})
	}
	if hasMatrix(r) {
		coverage := fmt.Sprintf("Checked %d of %s", r.Matrix.Coverage.Checked, queries(r.Matrix.Coverage.Queries))
		if r.Matrix.Coverage.Queries == 0 {
			coverage = basis(r.Matrix, "")
		}
		out = append(out, labelled{Name: "Coverage", Value: coverage})
	}
	return out
}

func engine(d facts.Database) string {
	name := d.Engine
	if known := map[string]string{"postgres": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite", "unknown": "engine unknown"}[d.Engine]; known != "" {
		name = known
	}
	if d.Engine == "postgres" && d.Version != "" {
		name += " " + d.Version
	}
	return clean(name)
}

// missedPage lists what was not read, not analysed or not understood.
func missedPage(r *Result) listView {
	var l listView
	for _, d := range r.Databases {
		for _, u := range d.Unread {
			l.add(labelled{Place: r.link(u.Place), Name: "migration", Value: clean(fmt.Sprintf("not read (%s): %s", u.Layout, u.Reason))})
		}
	}
	for _, m := range r.Missed {
		l.add(labelled{Place: r.link(m.Place), Name: "statement", Value: clean("not analysed: " + m.Reason)})
	}
	for _, u := range r.Matrix.Coverage.NotUnderstood {
		at := where(u.Place)
		reason := "not understood: " + u.Reason
		if name := ownName(u.Name, at); name != "" {
			reason = name + " is not understood: " + u.Reason
		}
		l.add(labelled{Place: r.link(u.Place), Name: "query", Value: clean(reason)})
	}
	return l
}

// schemaView is how a database's schema differs.
type schemaView struct {
	Database string
	Rows     []deltaRow
	More     int
}

type deltaRow struct {
	Kind, Object, Name, Detail string
	By                         link
}

func schemaPage(r *Result) []schemaView {
	var out []schemaView
	for _, d := range r.Databases {
		if len(d.Delta) == 0 {
			continue
		}
		v := schemaView{Database: clean(d.Name)}
		for i, c := range d.Delta {
			if i == shownRows {
				v.More = len(d.Delta) - i
				break
			}
			row := deltaPage(c)
			if n := len(c.CausedBy); n > 0 {
				row.By = r.link(c.CausedBy[n-1])
			}
			v.Rows = append(v.Rows, row)
		}
		out = append(out, v)
	}
	return out
}

func deltaPage(d facts.Delta) deltaRow {
	row := deltaRow{Kind: clean(d.Kind), Object: clean(strings.ReplaceAll(d.Object, "_", " ")), Name: clean(d.Name)}
	if d.Relation != "" && d.Relation != d.Name {
		row.Name = clean(d.Relation + "." + d.Name)
	}
	var details []string
	switch {
	case d.Kind == "renamed":
		details = append(details, "before "+d.From)
	case d.Attribute != "":
		details = append(details, fmt.Sprintf("%s %s → %s", strings.ReplaceAll(d.Attribute, "_", " "), none(d.From), none(d.To)))
	}
	if d.Required {
		details = append(details, "every INSERT must now name it")
	}
	row.Detail = clean(cutBytes(strings.Join(details, "; "), shownBytes))
	return row
}

// about is for who asks how the check came to what it says.
func (p *page) about(r *Result) {
	for _, d := range r.Databases {
		text := d.Why
		if d.Read > 0 {
			text += fmt.Sprintf(". %s with %s read", count(d.Read, "migration"), count(d.Statement, "statement"))
		}
		p.About = append(p.About, labelled{Name: clean(d.Name), Code: clean(d.Root), Value: clean(text)})
		if len(p.About) == shownRows {
			break
		}
	}
	for i, note := range r.Notes {
		if i == shownRows {
			p.About = append(p.About, labelled{Value: fmt.Sprintf("%d more notes; pmcheck check --verbose prints all", len(r.Notes)-i)})
			break
		}
		p.About = append(p.About, labelled{Value: clean(note)})
	}
	for _, c := range r.Change.Commits {
		p.Commits.add(labelled{Code: clean(short(c.ID)), Value: clean(cutBytes(c.Title, shownBytes))})
	}
}

// cutBytes shortens a text, and shows that it did.
func cutBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + " ..."
}
