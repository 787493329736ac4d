package code

import (
	"cmp"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
	"slices"
	"strconv"
	"strings"
)

// model is a table as an ORM maps it.
type model struct {
	name         string // in the program
	schema       string // "" = the search path's
	table        string
	line, column int // of the model
	endLine      int
	columns      []modelColumn
	readOnly     bool   // nothing is inserted: it is a view, or something else says what is
	partial      string // why it is not known whether these are all columns, or their names; "" when it is
}

// modelColumn is a column that a model maps.
type modelColumn struct {
	name    string
	line    int    // of the field
	omitted bool   // an INSERT leaves it to the database
	cast    string // the type that the ORM casts its values to, "" = none
}

// hand gives the sink what the ORM sends for a model: a SELECT of all columns, and an
// INSERT of all that it does not leave to the database. Each column has its field's line.
func (m model) hand(f *file, s *sink) {
	if m.table == "" || len(m.columns) == 0 {
		return
	}
	q := m.query(f)
	var b strings.Builder
	b.WriteString("SELECT ")
	m.list(&b, &q, m.columns)
	b.WriteString(" FROM ")
	q.lines = append(q.lines, lineMark{b.Len(), m.line})
	b.WriteString(m.relation())
	q.SQL = b.String()
	s.implied(q)
	if !m.readOnly {
		m.insertOnly(f, s)
	}
}

// insertOnly gives the sink the INSERT alone: what is read is said elsewhere.
func (m model) insertOnly(f *file, s *sink) {
	q := m.query(f)
	if m.insert(&q) {
		s.implied(q)
	}
}

// insert makes q the INSERT of all columns that are not left to the database; false: it is not known.
func (m model) insert(q *Query) bool {
	inserted := slices.DeleteFunc(slices.Clone(m.columns), func(c modelColumn) bool { return c.omitted })
	if m.table == "" || len(inserted) == 0 || m.partial != "" { // in part: what else it names is not known
		return false
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + m.relation() + " (")
	m.list(&b, q, inserted)
	q.lines = append(q.lines, lineMark{b.Len(), m.line})
	b.WriteString(") VALUES (")
	for i, c := range inserted {
		if i > 0 {
			b.WriteString(", ")
		}
		value := "$" + strconv.Itoa(i+1)
		if c.cast != "" {
			text := "text"
			if strings.HasSuffix(c.cast, "[]") {
				text = "text[]"
			}
			q.lines = append(q.lines, lineMark{b.Len(), cmp.Or(c.line, m.line)})
			value = "CAST(" + value + "::" + text + " AS " + c.cast + ")"
		}
		b.WriteString(value)
	}
	b.WriteString(")")
	q.SQL = b.String()
	return true
}

func (m model) query(f *file) Query {
	return Query{Name: m.name, Path: f.path, Line: m.line, Column: max(m.column, 1), EndLine: max(m.endLine, m.line), Partial: m.partial}
}

// list writes the names of columns, and where each stands.
func (m model) list(b *strings.Builder, q *Query, columns []modelColumn) {
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.line == 0 {
			c.line = m.line
		}
		q.lines = append(q.lines, lineMark{b.Len(), c.line})
		b.WriteString(quotedName(c.name))
	}
}

func (m model) relation() string {
	if m.schema != "" {
		return quotedName(m.schema) + "." + quotedName(m.table)
	}
	return quotedName(m.table)
}

// quotedName is a name as PostgreSQL reads it exactly.
func quotedName(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// parameters is "$1, $2, ..." up to n.
func parameters(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String()
}

// snake is a name in camelCase as most ORMs put it in the database: HTTPServer is http_server.
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c < 'A' || c > 'Z' {
			b.WriteByte(c)
			continue
		}
		lower := func(j int) bool {
			return j >= 0 && j < len(name) && (name[j] >= 'a' && name[j] <= 'z' || name[j] >= '0' && name[j] <= '9')
		}
		upper := i > 0 && name[i-1] >= 'A' && name[i-1] <= 'Z'
		if i > 0 && name[i-1] != '_' && (lower(i-1) || upper && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z') {
			b.WriteByte('_')
		}
		b.WriteByte(c - 'A' + 'a')
	}
	return b.String()
}

// unknownRelation stands for a relation that is not known: any column may be its.
const unknownRelation = resolve.Hole + "1"
