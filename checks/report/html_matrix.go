package report

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// matrixView is the deploy matrix, and what breaks in it.
type matrixView struct {
	OldNew, NewOld, NewNew cellView
	Basis                  string
	Breaks                 []breakGroup
	Changed                []causeGroup
	ChangedMore            int
}

// cellView is one cell.
type cellView struct {
	Class, Word, Queries, Anchor string
	Mild                         bool // no finding that fails the check is about it
}

// breakGroup is what breaks in one cell.
type breakGroup struct {
	ID, Title, About string
	Count            string
	Mild             bool
	Causes           []causeGroup
	More             int
}

// causeGroup is a statement with the queries that fail because of it.
type causeGroup struct {
	Cause   *statementView
	Queries []queryView
}

type statementView struct {
	Where link
	SQL   []segment
	Also  int // other statements that have a part in it
}

type queryView struct {
	Name, From, Reason, State string
	Where                     link
	Next                      string    // what it would fail on next
	SQL                       []segment // cut to what the matter is about
	Whole                     []segment // where it was cut
}

// segment is a piece of SQL, marked where it is what the matter is about.
type segment struct {
	Text string
	Mark bool
}

func hasMatrix(r *Result) bool {
	verdict := r.Matrix.OldCodeNewSchema.Verdict
	return !r.Alone && (verdict != "" && verdict != "not-applicable" || len(r.Matrix.NewCodeNewSchema.Breaks) > 0)
}

func matrixPage(r *Result) *matrixView {
	if !hasMatrix(r) {
		return nil
	}
	m := r.Matrix
	fails := failingPlaces(r)
	v := &matrixView{
		OldNew: cellPage(m.OldCodeNewSchema, "old-code-new-schema", fails), NewOld: cellPage(m.NewCodeOldSchema, "new-code-old-schema", fails),
		NewNew: cellPage(m.NewCodeNewSchema, "new-code-new-schema", fails),
		Basis:  basis(m, ""),
	}
	statements := statementsByPlace(r)
	for _, cell := range []struct {
		id, title, about string
		cell             facts.Cell
	}{
		{"old-code-new-schema", "Old code on the new schema", "These queries of the running release work today and fail once the migration has run.", m.OldCodeNewSchema},
		{"new-code-old-schema", "New code on the old schema", "These queries of the change work with its migration and fail before it has run, or after it is rolled back.", m.NewCodeOldSchema},
		{"new-code-new-schema", "New code on the new schema", "These queries fail when everything is deployed.", m.NewCodeNewSchema},
	} {
		if len(cell.cell.Breaks) == 0 {
			continue
		}
		g := breakGroup{ID: cell.id, Title: cell.title, About: cell.about, Count: queries(len(cell.cell.Breaks)) + verb(len(cell.cell.Breaks), " breaks", " break"), Mild: mild(cell.cell, fails)}
		at := map[string]int{}
		for i, b := range cell.cell.Breaks {
			if i == shownBreaks {
				g.More = len(cell.cell.Breaks) - i
				break
			}
			names, next := []string{b.Delta.Name}, []string{}
			for _, d := range b.Also {
				names = append(names, d.Name)
				if len(next) < 12 {
					next = append(next, deltaPage(d).Name)
				}
			}
			q := r.queryPage(b.Query, names...)
			q.Reason, q.State, q.Next = clean(b.Reason), clean(b.SQLState), strings.Join(next, ", ")+andMore(len(b.Also)-len(next))
			r.group(&g.Causes, at, b.CausedBy, q, statements, names...)
		}
		v.Breaks = append(v.Breaks, g)
	}
	at := map[string]int{}
	for i, c := range m.OldCodeNewSchema.Changed {
		if i == shownBreaks {
			v.ChangedMore = len(m.OldCodeNewSchema.Changed) - i
			break
		}
		q := r.queryPage(c.Query)
		q.Reason = clean(c.How)
		r.group(&v.Changed, at, c.CausedBy, q, statements)
	}
	return v
}

// failingPlaces are the places that findings that fail the check are about.
func failingPlaces(r *Result) map[string]bool {
	out := map[string]bool{}
	add := func(p facts.Place) { out[fmt.Sprintf("%s\x00%s\x00%d", sideOf(p.Side), p.Path, p.Line)] = true }
	for _, f := range r.Findings {
		if f.Suppressed || !Fails(f.Severity, r.FailOn) {
			continue
		}
		add(f.Location)
		for _, related := range f.Related {
			add(related.Place)
		}
	}
	return out
}

// mild tells that nothing that breaks in a cell fails the check: the order in which
// this project deploys does not come there.
func mild(c facts.Cell, fails map[string]bool) bool {
	for _, b := range c.Breaks {
		if p := b.Query.Place; fails[fmt.Sprintf("%s\x00%s\x00%d", sideOf(p.Side), p.Path, p.Line)] {
			return false
		}
	}
	return true
}

func cellPage(c facts.Cell, anchor string, fails map[string]bool) cellView {
	switch c.Verdict {
	case "works":
		return cellView{Class: "works", Word: "works"}
	case "breaks":
		return cellView{Class: "breaks", Word: "breaks", Queries: queries(len(c.Breaks)), Anchor: anchor, Mild: mild(c, fails)}
	case "unknown":
		return cellView{Class: "unknown", Word: "not judged"}
	}
	return cellView{Class: "unknown", Word: clean(strings.ReplaceAll(none(c.Verdict), "-", " "))}
}

// group puts a query beside the statement that breaks it.
func (r *Result) group(groups *[]causeGroup, at map[string]int, causes []facts.Place, q queryView, statements map[string]facts.Statement, names ...string) {
	key := ""
	var last facts.Place
	if n := len(causes); n > 0 {
		last = causes[n-1]
		key = sideOf(last.Side) + where(last)
	}
	i, known := at[key]
	if !known {
		i = len(*groups)
		at[key] = i
		g := causeGroup{}
		if key != "" {
			g.Cause = &statementView{Where: r.link(last), Also: len(causes) - 1}
			if s, ok := statements[where(last)]; ok {
				g.Cause.SQL = marked(s.SQL, names...)
			}
		}
		*groups = append(*groups, g)
	}
	(*groups)[i].Queries = append((*groups)[i].Queries, q)
}

// statementsByPlace finds the migrations' statements.
func statementsByPlace(r *Result) map[string]facts.Statement {
	out := map[string]facts.Statement{}
	for _, m := range r.Migrations {
		for _, s := range m.Statements {
			if _, known := out[where(s.Place)]; !known {
				out[where(s.Place)] = s
			}
		}
	}
	return out
}

func (r *Result) queryPage(q facts.Query, names ...string) queryView {
	at := where(q.Place)
	v := queryView{Name: clean(ownName(q.Name, at)), Where: r.link(q.Place), SQL: marked(q.SQL, names...)}
	if len(q.SQL) > shownSQL {
		v.Whole, v.SQL = v.SQL, gist(v.SQL)
	}
	if q.Implied {
		v.From = "what the ORM sends for this model"
	}
	return v
}

// marked cuts SQL at names, where they stand as words of their own.
func marked(sql string, names ...string) []segment {
	sql = cutBytes(sql, shownBytes)
	var words []string
	for _, name := range names {
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			name = name[dot+1:]
		}
		if name = strings.Trim(name, `"`); name != "" {
			words = append(words, regexp.QuoteMeta(name))
		}
	}
	word, err := regexp.Compile(`(?i)(^|[^\pL\pN_$])(` + strings.Join(words, "|") + `)($|[^\pL\pN_$])`)
	if err != nil || len(words) == 0 || !word.MatchString(sql) {
		return []segment{{Text: Printable(sql)}}
	}
	var out []segment
	for {
		found := word.FindStringSubmatchIndex(sql)
		if found == nil {
			break
		}
		if found[4] > 0 {
			out = append(out, segment{Text: Printable(sql[:found[4]])})
		}
		out = append(out, segment{Text: Printable(sql[found[4]:found[5]]), Mark: true})
		sql = sql[found[5]:]
	}
	if sql != "" {
		out = append(out, segment{Text: Printable(sql)})
	}
	return out
}

// shownSQL is how many bytes of a query show without a click.
const shownSQL = 360

// gist is a long query's beginning, and what stands around the first mark.
func gist(sql []segment) []segment {
	const gap = " ... "
	if len(sql) == 1 {
		return []segment{{Text: cutBytes(sql[0].Text, shownSQL)}}
	}
	var out []segment
	before := ""
	if !sql[0].Mark {
		before = sql[0].Text
		if at := len(before) - shownSQL/3; at > shownSQL/2 {
			before = strings.ToValidUTF8(before[:shownSQL/3], "") + gap + strings.ToValidUTF8(before[at:], "")
		}
		out, sql = append(out, segment{Text: before}), sql[1:]
	}
	room := max(shownSQL-len(before), shownSQL/3)
	for _, s := range sql {
		if room -= len(s.Text); room < 0 {
			if keep := len(s.Text) + room; !s.Mark && keep > 0 {
				s.Text = s.Text[:keep]
				out = append(out, segment{Text: strings.ToValidUTF8(s.Text, "")})
			}
			return append(out, segment{Text: gap})
		}
		out = append(out, s)
	}
	return out
}

// oneLine is SQL without its line breaks and indentation, cut.
func oneLine(sql string, limit int) string {
	return clean(cutBytes(strings.Join(strings.Fields(cutBytes(sql, 4*limit)), " "), limit))
}
