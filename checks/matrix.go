package checks

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/code"
	"github.com/pmcheck/pmcheck/checks/compat"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// matrix judges the queries of old and new code on old and new schema.
type matrix struct {
	*run
	document   *facts.Facts
	judge      compat.Judge
	finder     *code.Finder
	base, head *code.Found // queries that name what differs between the schemas
}

// matrix fills in the deploy matrix, and which code uses what differs.
func (r *run) matrix(ctx context.Context, document *facts.Facts) error {
	m := &matrix{run: r, document: document, finder: code.NewFinder(code.AllNames())}
	document.Uses = []facts.Use{}
	document.Matrix = noMatrix()
	if err := m.schemaChange(ctx); err != nil {
		return err
	}
	return m.newCode(ctx)
}

// noMatrix is the matrix of a change that leaves the schema alone.
func noMatrix() facts.Matrix {
	none := facts.Cell{Verdict: "not-applicable", Breaks: []facts.Break{}, Changed: []facts.OtherResult{}}
	return facts.Matrix{
		OldCodeNewSchema: none, NewCodeOldSchema: none, NewCodeNewSchema: none,
		Coverage: facts.Coverage{NotUnderstood: []facts.Unclear{}},
	}
}

// schemaChange judges the queries that name what differs between the schemas.
func (m *matrix) schemaChange(ctx context.Context) error {
	differs, unknown := false, false
	for _, d := range m.databases {
		unknown = unknown || slices.ContainsFunc(d.unread, runs)
		if d.result == nil {
			continue
		}
		differs = differs || len(d.result.Delta) > 0
		for _, mig := range d.result.Migrations {
			unknown = unknown || len(mig.Problems) > 0
		}
	}
	if !differs && !unknown {
		return nil
	}
	cells := &m.document.Matrix
	for _, c := range []*facts.Cell{&cells.OldCodeNewSchema, &cells.NewCodeOldSchema, &cells.NewCodeNewSchema} {
		c.Verdict = "works"
		if unknown {
			c.Verdict = "unknown"
		}
	}
	if !differs {
		cells.Coverage.Files = len(m.codePaths(m.change.BaseTree()))
		return nil
	}
	m.Progress("finding the queries of the code")
	names := code.NewNames(m.names())
	finder := m.finder.For(names)
	var err error
	if m.base, err = finder.Find(ctx, m.change.BaseTree(), m.codePaths(m.change.BaseTree())); err != nil {
		return fmt.Errorf("search the code at the base: %w", err)
	}
	if m.head, err = finder.Find(ctx, m.change.HeadTree(), m.codePaths(m.change.HeadTree())); err != nil {
		return fmt.Errorf("search the code at the head: %w", err)
	}
	m.snapshot(names)
	m.Progress("judging the queries")
	for _, d := range m.databases {
		if d.result != nil && len(d.result.Delta) > 0 {
			if err := m.database(ctx, d); err != nil {
				return err
			}
		}
	}
	m.named()
	m.coverage()
	return nil
}

func runs(u facts.Unread) bool { return !u.NotRun }

// snapshot adds to the running release's queries those that a live database saw.
func (m *matrix) snapshot(names *code.Names) {
	if m.snapshotProblem != "" {
		m.base.Unread = append(m.base.Unread, m.snapshotProblem)
	}
	if m.live == nil || len(m.live.Queries) == 0 || m.Stage == Rollback { // before a rollback they are the newer release's
		return
	}
	found := code.Observed(m.live.Snapshot, m.live.path, names)
	m.base.Queries = append(m.base.Queries, found.Queries...)
	m.base.Unread = append(m.base.Unread, found.Unread...)
	m.base.Files++
}

// database judges the queries on one database whose schema differs.
func (m *matrix) database(ctx context.Context, d *database) error {
	deltas := deltasOf(m.document, d)
	base, head := d.result.Base, d.result.Head
	sent := texts(m.base.Queries)
	for i, q := range m.base.Queries {
		if q.AllColumns {
			sent[i] = insertOfAll(q, base)
		}
	}
	old, err := m.judge.Between(ctx, sent, base, head)
	if err != nil {
		return err
	}
	back, err := m.judge.Between(ctx, texts(m.head.Queries), head, base)
	if err != nil {
		return err
	}
	cells := &m.document.Matrix
	for i, v := range old {
		q := m.base.Queries[i]
		if !m.sends(d, q.Path) {
			continue
		}
		m.uses("base", q, v, deltas)
		if v.Breaks() {
			m.breaks(&cells.OldCodeNewSchema, "base", q, v.Other, v.Uses, deltas)
		}
		if v.Result != "" {
			cells.OldCodeNewSchema.Changed = append(cells.OldCodeNewSchema.Changed, facts.OtherResult{
				Query: queryFacts("base", q), How: v.Result, CausedBy: causes(deltas, v.Uses),
			})
		}
	}
	for i, v := range back {
		q := m.head.Queries[i]
		if !m.sends(d, q.Path) {
			continue
		}
		m.uses("head", q, v, deltas)
		switch {
		case v.Breaks():
			m.breaks(&cells.NewCodeOldSchema, "head", q, v.Other, v.Uses, deltas)
		case !v.Works() && len(v.Other) == 0:
			m.breaks(&cells.NewCodeNewSchema, "head", q, v.Home, v.Uses, deltas)
			last := &cells.NewCodeNewSchema.Breaks[len(cells.NewCodeNewSchema.Breaks)-1]
			last.WorkedBefore = true
		}
	}
	m.mentions("base", m.base, old, d.result.Base, deltas)
	m.mentions("head", m.head, back, d.result.Base, deltas)
	return nil
}

// insertOfAll is the INSERT of an ORM that learned a table's columns when the program
// started, and names them all.
func insertOfAll(q code.Query, c *catalog.Catalog) string {
	relation := strings.TrimPrefix(q.SQL, "SELECT * FROM ")
	r := c.Relation(catalog.ParseName(relation))
	if r == nil {
		return q.SQL
	}
	var columns, values []string
	for _, col := range r.Columns {
		if col.Generated != nil || col.Identity == "always" || slices.Contains(q.Except, col.Name) {
			continue
		}
		columns = append(columns, catalog.QuoteIdent(col.Name))
		values = append(values, fmt.Sprintf("$%d", len(columns)))
	}
	if len(columns) == 0 || r.Kind == catalog.View || r.Kind == catalog.MaterializedView {
		return q.SQL
	}
	return "INSERT INTO " + relation + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")"
}

func texts(queries []code.Query) []string {
	out := make([]string, len(queries))
	for i, q := range queries {
		out[i] = q.SQL
	}
	return out
}

// sends tells that code in a file may send its queries to a database.
func (m *matrix) sends(d *database, path string) bool {
	for _, c := range m.config.Databases {
		if c.Name == d.side().Name && len(c.Code) > 0 && (m.live == nil || path != m.live.path) {
			return code.IsCode(path, c.Code)
		}
	}
	return true
}

// breaks adds a query that fails in a cell; the first failure is what the server says.
func (m *matrix) breaks(cell *facts.Cell, side string, q code.Query, failures []resolve.Failure, uses []resolve.Object, deltas []facts.Delta) {
	f := failures[0]
	b := facts.Break{
		Query: queryFacts(side, q), Reason: f.Reason, SQLState: f.SQLState, Level: string(f.Level), CausedBy: []facts.Place{},
		Delta: facts.Delta{CausedBy: []facts.Place{}}, Also: []facts.Delta{},
	}
	m.pointAt(&b.Query.Place, q, f.Offset)
	first := behind(deltas, f.Object, uses)
	if first >= 0 {
		b.Delta, b.CausedBy = deltas[first], deltas[first].CausedBy
	} else {
		b.CausedBy = causes(deltas, uses)
	}
	noted := []int{first}
	for _, f := range failures[1:] {
		if i := behind(deltas, f.Object, uses); i >= 0 && concerns(deltas[i], f.Object) >= sameObject && !slices.Contains(noted, i) {
			noted = append(noted, i)
			b.Also = append(b.Also, deltas[i])
		}
	}
	cell.Verdict = "breaks"
	cell.Breaks = append(cell.Breaks, b)
}

// pointAt moves a query's place to the word of it at an offset, as far as its source shows it.
func (m *matrix) pointAt(p *facts.Place, q code.Query, offset int) {
	line := q.LineAt(offset)
	if line != p.Line {
		p.Line, p.Column = line, 0
	}
	word := wordAt(q.SQL, offset)
	content, err := m.read(*p)
	if err != nil || word == "" {
		return
	}
	for ; line > 1; line-- {
		_, content, _ = bytes.Cut(content, []byte("\n"))
	}
	text, _, _ := bytes.Cut(content, []byte("\n"))
	from := 0
	if p.Column > 0 && p.Column <= len(text) {
		from = p.Column - 1 // what stands before the query on its line is none of it
	}
	if i := indexWord(strings.ToLower(string(text[from:])), strings.ToLower(word)); i >= 0 {
		p.Column = from + i + 1
	}
}

// behind is the difference that takes away, or asks for, what a query fails on; -1 for none. A column that the
// server names without its relation is one of those that the query uses.
func behind(deltas []facts.Delta, o resolve.Object, uses []resolve.Object) int {
	best, score := -1, 0
	for i, d := range deltas {
		n := 2 * concerns(d, o)
		if n > 0 && o.Relation == "" && slices.ContainsFunc(uses, func(u resolve.Object) bool { return u.Kind == "table" && u.Name == bare(d.Relation) }) {
			n++
		}
		if n > score {
			best, score = i, n
		}
	}
	return best
}

// sameObject is how well a difference that is about an object itself explains a failure on it.
const sameObject = 4

// concerns tells how well a difference explains a failure on an object: 0 is not at all.
func concerns(d facts.Delta, o resolve.Object) int {
	relation, name := bare(d.Relation), bare(d.Name)
	was := name
	if d.Kind == "renamed" {
		was = bare(d.From)
	}
	sameKind := d.Object == o.Kind || o.Kind == "index" && d.Object == "constraint" || o.Kind == "constraint" && d.Object == "index" || o.Kind == "table" && (d.Object == "view" || d.Object == "materialized_view") ||
		o.Kind == "column" && d.Object == "view_column" || o.Kind == "type" && (d.Object == "enum" || d.Object == "domain")
	named := o.Name == name || o.Name == was
	switch {
	case sameKind && named && relation == o.Relation:
		return 5
	case sameKind && named && (relation == "" || o.Relation == ""):
		return sameObject
	case o.Relation != "" && d.Relation == "" && (name == o.Relation || was == o.Relation):
		return 3 // the table, view or enum that it belongs to
	case sameKind && relation == o.Relation && relation != "":
		return 2
	}
	return 0
}

// causes are the statements that change what a query uses.
func causes(deltas []facts.Delta, uses []resolve.Object) []facts.Place {
	places := []facts.Place{}
	for _, o := range uses {
		if o.Kind != "table" {
			continue
		}
		for _, d := range deltas {
			if bare(d.Relation) != o.Name && (d.Relation != "" || bare(d.Name) != o.Name) {
				continue
			}
			for _, p := range d.CausedBy {
				if !slices.Contains(places, p) {
					places = append(places, p)
				}
			}
		}
	}
	return places
}

// coverage counts what the matrix stands on.
func (m *matrix) coverage() {
	c := &m.document.Matrix.Coverage
	c.Files = m.base.Files
	seen := map[string]bool{}
	for _, side := range []struct {
		name  string
		found *code.Found
	}{{"base", m.base}, {"head", m.head}} {
		for _, q := range side.found.Queries {
			key := q.Path + "\x00" + q.Name + "\x00" + q.SQL
			if seen[key] {
				continue // the same at base and at head
			}
			seen[key] = true
			c.Queries++
			if why := m.unclear(q); why != "" {
				c.NotUnderstood = append(c.NotUnderstood, facts.Unclear{Place: queryFacts(side.name, q).Place, Name: q.Name, Reason: why})
			} else {
				c.Checked++
			}
		}
		for _, unread := range side.found.Unread {
			path, reason, _ := strings.Cut(unread, ": ")
			if !seen[unread] {
				seen[unread] = true
				c.NotUnderstood = append(c.NotUnderstood, facts.Unclear{Place: facts.Place{Path: path, Line: 1, Side: side.name}, Reason: reason})
			}
		}
	}
	cells := &m.document.Matrix
	if cells.OldCodeNewSchema.Verdict == "works" && unproved(m.document) {
		cells.OldCodeNewSchema.Verdict = "unknown"
	}
	for _, cell := range []*facts.Cell{&cells.OldCodeNewSchema, &cells.NewCodeOldSchema, &cells.NewCodeNewSchema} {
		if cell.Verdict == "works" && takesAway(m.document.Databases) && (c.Files == 0 || c.Queries > 0 && c.Checked == 0) {
			cell.Verdict = "unknown" // the code may be in another repository
		}
	}
}

// unproved tells that something goes which code may use, as far as anybody can tell.
func unproved(document *facts.Facts) bool {
	return slices.ContainsFunc(document.Uses, func(u facts.Use) bool {
		return u.Side == "base" && u.How != "query" && slices.ContainsFunc(document.Databases, func(db facts.Database) bool {
			return slices.ContainsFunc(db.Delta, func(d facts.Delta) bool {
				return (d.Kind == "removed" || d.Kind == "renamed") && d.Relation == u.Relation && named(d, "base") == u.Name
			})
		})
	})
}

// takesAway tells that something is no longer what code may count on.
func takesAway(databases []facts.Database) bool {
	for _, db := range databases {
		for _, d := range db.Delta {
			if d.Kind != "added" || d.Required {
				return true
			}
		}
	}
	return false
}

// unclear is why a query is not understood, or is not this repository's databases'; "" when it is.
func (m *matrix) unclear(q code.Query) string {
	if q.Partial != "" {
		return q.Partial
	}
	why := ""
	for _, d := range m.databases {
		if d.result == nil || !m.sends(d, q.Path) {
			continue
		}
		for _, c := range []*catalog.Catalog{d.result.Base, d.result.Head} {
			v := m.judge.On(q.SQL, c)
			switch {
			case len(v.Unclear) > 0:
				why = v.Unclear[0]
			case len(v.Home) > 0:
				if why == "" {
					why = "it works on no schema: " + v.Home[0].Reason
				}
			default:
				return ""
			}
		}
	}
	return why
}

// deltasOf are the differences of a database, as the document has them.
func deltasOf(document *facts.Facts, d *database) []facts.Delta {
	for _, db := range document.Databases {
		if db.Name == d.side().Name && db.Root == d.side().Root {
			return db.Delta
		}
	}
	return nil
}

// queryFacts states a query of one side.
func queryFacts(side string, q code.Query) facts.Query {
	f := facts.Query{
		Name: q.Name, SQL: oneLine(q.SQL, 1000), Source: q.Source, Implied: q.Implied, Calls: q.Calls, Users: q.Users,
		Place: facts.Place{Path: q.Path, Line: q.Line, Column: q.Column, EndLine: q.EndLine, Side: side},
	}
	if f.Name == "" {
		f.Name = fmt.Sprintf("%s:%d", q.Path, q.Line)
	}
	return f
}

// codePaths are the files of a tree that may hold the application's code.
func (m *matrix) codePaths(t *change.Tree) []string {
	var paths []string
	for _, e := range t.Entries() {
		if e.Kind == change.Regular && m.isCode(e.Path) {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// isCode tells that a file may hold the application's code.
func (r *run) isCode(path string) bool {
	if r.isDatabase(path) {
		return false
	}
	var include []string
	for _, db := range r.config.Databases {
		if len(db.Code) == 0 {
			include = nil
			break
		}
		include = append(include, db.Code...)
	}
	if engine := code.Engine(path); len(include) == 0 && engine != "" && engine != string(layout.Postgres) {
		return false // it speaks to a database that is not judged
	}
	return code.IsCode(path, include)
}

// codeKind is a changed file's kind as far as its name tells.
func codeKind(path string) string {
	switch {
	case code.IsCode(path, nil):
		return "code"
	case code.IsTest(path):
		return "test"
	}
	return "other"
}
