package lint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/hazard"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// judge carries one request from the parsed scripts to the result.
type judge struct {
	Request
	scripts scripts
	result  *Result
	old     map[uint32]bool       // relations that exist before the change, by ID
	oldName map[catalog.Name]bool // the same by name, for a head whose history was replayed anew
	anew    bool                  // the head's catalog comes from a replay of its own
	causes  []cause

	// What the merged migrations make, and what is missing in it, where the dump stands for the base; else nothing.
	replayed *catalog.Catalog
	gaps     []Gap

	byName  map[string][]int // causes by the names of the objects that they are about
	dropped *[]Place         // of the causes that remove something, once asked for
}

// replayBase builds the schema before the change from the merged migrations, or
// from the committed dump where the migrations do not give the whole of it.
func (j *judge) replayBase() {
	base := catalog.New()
	if j.Base != nil {
		j.replay(base, j.Base, false, func(gap Gap) { j.result.Gaps = append(j.result.Gaps, gap) })
		for _, u := range j.Base.Unread {
			j.result.Gaps = append(j.result.Gaps, Gap{Place{Path: u.Path, Line: 1}, u.Reason})
		}
		if len(j.result.Gaps) > 0 && j.Base.Baseline != "" {
			if dump, err := j.dump(j.BaseFiles, j.Base.Baseline); err == nil {
				j.replayed, j.gaps = base, j.result.Gaps
				base, j.result.Gaps = dump, nil
			}
		}
	}
	base.EndSession()
	j.setBase(base)
}

// setBase notes the schema before the change, and what exists in it.
func (j *judge) setBase(base *catalog.Catalog) {
	j.result.Base = base
	j.old, j.oldName = map[uint32]bool{}, map[catalog.Name]bool{}
	for _, schema := range base.Schemas {
		for _, r := range schema.Relations {
			j.old[r.ID] = true
			j.oldName[catalog.Name{Schema: r.Schema, Name: r.Name}] = true
		}
	}
}

// script is a parsed migration of the base or of the head.
func (j *judge) script(m layout.Migration, head bool) *script {
	files := j.BaseFiles
	if head {
		files = j.HeadFiles
	}
	return j.scripts[keyOf(files, m, head)]
}

// replay carries out every up migration, without prices. What the server would
// refuse, or nobody can read, is a gap; what it must have met is then assumed.
func (j *judge) replay(c *catalog.Catalog, db *layout.Database, head bool, gap func(Gap)) {
	for _, m := range db.Migrations {
		if m.Direction == layout.Down {
			continue
		}
		s := j.script(m, head)
		if s.failed != "" {
			line, reason := lineOf(m.Path, s.failed)
			gap(Gap{Place{Path: m.Path, Line: line}, reason})
			continue
		}
		var at *lines
		report := func(start, end int, reason string) {
			if at == nil {
				at = newLines(m.Path, s.content)
			}
			gap(Gap{at.place(s.text.Offset(start), s.text.Offset(end)), reason})
		}
		for _, p := range s.parsed.Problems {
			report(p.Offset, p.Offset, p.Reason)
		}
		for _, st := range s.parsed.Statements {
			for _, p := range st.Problems {
				report(p.Offset, st.End, p.Reason)
			}
			for _, op := range st.Ops {
				if err := carryOut(c, op.Op, op.Conditional); err != nil {
					report(op.Start, op.End, err.Error())
				}
			}
		}
		c.EndSession()
	}
}

// lineOf takes the place from the beginning of an error about a file.
func lineOf(path, failed string) (line int, reason string) {
	rest, found := strings.CutPrefix(failed, path+":")
	number, reason, cut := strings.Cut(rest, ": ")
	if line, err := strconv.Atoi(number); found && cut && err == nil {
		return line, reason
	}
	return 1, failed
}

// carryOut applies an operation. Where the server would refuse it for want of an
// object, the object is assumed and the operation applied; the refusal is returned
// all the same. An operation under a condition is meant to be refused at times.
func carryOut(c *catalog.Catalog, op catalog.Op, conditional bool) error {
	return meant(c, op, conditional, c.Apply(op))
}

// meant is the rest of carryOut, once the server's answer is known.
func meant(c *catalog.Catalog, op catalog.Op, conditional bool, refused error) error {
	if refused == nil {
		return nil
	}
	var e *catalog.Error
	if !errors.As(refused, &e) {
		return refused
	}
	if conditional && (exists[e.Code] || missing[e.Code]) {
		return nil
	}
	if missing[e.Code] && c.Assume(op) {
		_ = c.Apply(op) // what is still refused has been said
	}
	return refused
}

// complete tells that the whole schema before the change is known, so that what it
// does not hold does not exist.
func (j *judge) complete() bool { return !j.Unknown && len(j.result.Gaps) == 0 }

// isMissing tells that the server refuses for want of an object.
func isMissing(refused error) bool {
	var e *catalog.Error
	return errors.As(refused, &e) && missing[e.Code]
}

// missing and exists are the SQLSTATEs of objects that should be there, and of
// those that should not (PostgreSQL manual, appendix A).
var (
	missing = map[string]bool{"3F000": true, "42P01": true, "42703": true, "42704": true, "42883": true}
	exists  = map[string]bool{"42P06": true, "42P07": true, "42701": true, "42710": true, "42723": true, "42P16": true}
)

// dump is the schema that a committed dump describes.
func (j *judge) dump(files Source, path string) (*catalog.Catalog, error) {
	content, err := files.Read(path)
	if err != nil {
		return nil, err
	}
	return madeBy(string(content)), nil
}

// madeBy is the schema that a script makes from nothing.
func madeBy(script string) *catalog.Catalog {
	c := catalog.New()
	for _, st := range postgres.Parse(script).Statements {
		for _, op := range st.Ops {
			_ = carryOut(c, op.Op, op.Conditional)
		}
	}
	c.EndSession()
	return c
}

// applyHead carries out what the change adds, statement by statement, on the
// schema that the running database has. A change that edits or deletes what is
// merged makes another history: its schema is replayed from the beginning.
func (j *judge) applyHead() {
	head := j.result.Base.Clone()
	if j.Head == nil {
		j.result.Head = head
		j.deletedMigrations()
		return
	}
	for _, m := range j.Head.Migrations {
		if status := j.Touched[m.Path].Status; status == Edited && m.Direction == layout.Up {
			j.anew = true
		}
	}
	j.deletedMigrations()
	for _, m := range j.result.Migrations {
		j.anew = j.anew || m.Direction == layout.Up
	}
	if j.anew {
		head = catalog.New()
		if j.replayed != nil && !j.makesDump() {
			j.replayed.EndSession()
			j.result.Gaps = j.gaps
			j.setBase(j.replayed)
		}
	}
	for _, m := range j.Head.Migrations {
		s := j.script(m, true)
		if m.Direction != layout.Down && s.parsed != nil {
			j.result.Read++
			j.result.Statements += len(s.parsed.Statements)
		}
		touched := j.Touched[m.Path]
		if touched.Status == Unchanged || touched.Status == Renamed {
			if j.anew && m.Direction != layout.Down {
				j.replay(head, &layout.Database{Migrations: []layout.Migration{m}}, true, func(Gap) {})
			}
			if touched.Status == Unchanged {
				continue
			}
		}
		out := Migration{Migration: m, Status: touched.Status, OldPath: touched.OldPath, Down: j.downOf(m)}
		if touched.Status != Renamed {
			j.migrate(head, s, &out)
		}
		j.result.Migrations = append(j.result.Migrations, out)
	}
	head.EndSession()
	j.result.Head = head
}

// makesDump tells that the head's migrations, from the first on, make all that its dump holds. When they do not, what
// they make can be compared with what the base's make, and not with the base's dump.
func (j *judge) makesDump() bool {
	dump, err := j.dump(j.HeadFiles, cmp.Or(j.Head.Baseline, j.Base.Baseline))
	if err != nil {
		return false
	}
	head := catalog.New()
	j.replay(head, j.Head, true, func(Gap) {})
	for _, schema := range dump.Schemas {
		for _, r := range schema.Relations {
			if made := head.Relation(catalog.Name{Schema: r.Schema, Name: r.Name}); made == nil || made.Assumed {
				return false
			}
		}
	}
	return true
}

// deletedMigrations lists the migrations of the base that the head no longer has.
func (j *judge) deletedMigrations() {
	if j.Base == nil {
		return
	}
	for _, m := range j.Base.Migrations {
		if j.Touched[m.Path].Status == Deleted {
			j.result.Migrations = append(j.result.Migrations, Migration{Migration: m, Status: Deleted})
		}
	}
}

// downOf is the path of the down half of an up migration.
func (j *judge) downOf(m layout.Migration) string {
	if down := j.down(m); down != nil {
		return down.Path
	}
	return ""
}

func (j *judge) down(m layout.Migration) *layout.Migration {
	if m.Direction != layout.Up {
		return nil
	}
	for i, d := range j.Head.Migrations {
		if d.Direction == layout.Down && d.Version == m.Version && d.Name == m.Name {
			if s := j.script(d, true); s != nil && s.text.Absent {
				return nil // the file's format has room for it, and it is not there
			}
			return &j.Head.Migrations[i]
		}
	}
	return nil
}

// migrate judges one migration: its problems, and for an up half its operations.
func (j *judge) migrate(c *catalog.Catalog, s *script, out *Migration) {
	out.Content, out.Text, out.Transaction = s.content, s.text.Text, s.text.Transaction
	if s.failed != "" {
		line, reason := lineOf(out.Path, s.failed)
		out.Problems = append(out.Problems, Problem{Place{Path: out.Path, Line: line, EndLine: line}, "unread", reason, ""})
		return
	}
	at := newLines(out.Path, s.content)
	place := func(start, end int) Place { return at.place(s.text.Offset(start), s.text.Offset(end)) }
	text := func(start, end int) string {
		return string(s.content[s.text.Offset(start):min(len(s.content), s.text.Offset(end))])
	}
	for _, st := range s.parsed.Statements {
		out.Spans = append(out.Spans, place(st.Start, st.End))
		for _, p := range st.Problems {
			out.Problems = append(out.Problems, Problem{place(p.Offset, st.End), string(p.Kind), p.Reason, text(st.Start, st.End)})
		}
	}
	for _, p := range s.parsed.Problems {
		out.Problems = append(out.Problems, Problem{place(p.Offset, p.Offset), string(p.Kind), p.Reason, ""})
	}
	if out.Direction == layout.Down {
		return // a rollback is run by a person who looks; only what cannot be read in it is said
	}
	down := j.down(out.Migration)
	if j.anew {
		down = nil
	}
	var before *catalog.Catalog
	if down != nil {
		before = c.Clone()
	}
	t := newTransaction(out.Transaction, len(s.parsed.Statements), 1)
	pieces := s.pieces()
	for i, st := range s.parsed.Statements {
		sql := text(st.Start, st.End)
		if first := pieces.begins[i]; first != nil {
			// The framework sends the file in pieces.
			t = newTransaction(first.Transaction, pieces.statements[first.Unit], t.number+min(i, 1))
			c.EndTransaction()
		}
		t.statement(c)
		for _, op := range st.Ops {
			if j.Unknown {
				c.Assume(op.Op)
			}
			statement := Statement{Index: i, SQL: sql, Place: place(op.Start, op.End), Conditional: op.Conditional}
			j.operate(c, t, op.Op, &statement, &out.Problems)
			out.Statements = append(out.Statements, statement)
		}
	}
	c.EndSession()
	if down != nil {
		out.DownDiffers = j.reverse(before, c, *down)
	}
}

// operate prices an operation, carries it out, and notes what it does to its transaction. The statement holds where it stands.
func (j *judge) operate(c *catalog.Catalog, t *transaction, op catalog.Op, statement *Statement, problems *[]Problem) {
	at := *statement
	at.LockTimeout, at.StatementTimeout = c.Variables["lock_timeout"], c.Variables["statement_timeout"]
	j.price(c, op, &at)
	refused := c.Apply(op)
	if isMissing(refused) && !j.complete() && c.Assume(op) {
		j.price(c, op, &at)
		refused = c.Apply(op)
	}
	at.InTransaction, at.Transaction = t.open(), t.shared()
	at.Held = slices.Clone(t.held)
	t.after(c, op, &at)
	refuse := func(reason string) { *problems = append(*problems, Problem{at.Place, "refused", reason, at.SQL}) }
	if refused = meant(c, op, at.Conditional, refused); refused != nil && j.complete() {
		refuse(refused.Error())
	} else if at.Cost.Needs > j.Version {
		refuse(fmt.Sprintf("PostgreSQL %d does not know it: it needs %d", j.Version, at.Cost.Needs))
	} else if at.Cost.Fails != "" && j.complete() && !at.Conditional {
		refuse(at.Cost.Fails)
	}
	j.causes = append(j.causes, cause{op, at.Before, at.Place})
	*statement = at
}

// pieces are the transactions in which a framework sends the statements of a script.
type pieces struct {
	begins     map[int]*layout.Span // by the index of the statement that is the first in a transaction
	statements map[int]int          // how many share a transaction, by its number
}

// pieces are none where the text is sent as a whole, or cut at every statement.
func (s *script) pieces() pieces {
	p := pieces{map[int]*layout.Span{}, map[int]int{}}
	unit, at := -1, 0
	for i, st := range s.parsed.Statements {
		for at < len(s.text.Statements) && s.text.Statements[at].End <= st.Start {
			at++
		}
		if at == len(s.text.Statements) || s.text.Statements[at].Start > st.Start {
			continue
		}
		span := &s.text.Statements[at]
		if span.Unit != unit {
			unit = span.Unit
			p.begins[i] = span
		}
		p.statements[unit]++
	}
	return p
}

// reverse says what an up and its down leave changed.
func (j *judge) reverse(before, after *catalog.Catalog, down layout.Migration) []string {
	s := j.script(down, true)
	if s == nil || s.parsed == nil {
		return nil
	}
	back := after.Clone()
	for _, st := range s.parsed.Statements {
		if st.NotAnalysed != "" {
			return nil // nobody can say what it puts back
		}
		for _, op := range st.Ops {
			if err := carryOut(back, op.Op, op.Conditional); err != nil {
				return []string{"the down migration would fail: " + err.Error()}
			}
		}
	}
	var differs []string
	for _, change := range catalog.Compare(before, back) {
		// PostgreSQL has no command that takes a label from an enum.
		if ofShape(change) && (change.Object != "enum_value" || change.Kind != "added") {
			differs = append(differs, describe(change))
		}
	}
	return differs
}

func describe(c catalog.Change) string {
	name := c.Name
	if c.Relation != "" {
		name = c.Relation + "." + c.Name
	}
	parts := []string{c.Object, name, "is", c.Kind}
	if c.Attribute != "" {
		parts = append(parts, "in its", strings.ReplaceAll(c.Attribute, "_", " "))
	}
	if c.From != "" || c.To != "" {
		parts = append(parts, "("+orNone(c.From)+" before, "+orNone(c.To)+" after)")
	}
	return strings.Join(parts, " ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// price fills in an operation's cost on the schema that it meets.
func (j *judge) price(c *catalog.Catalog, op catalog.Op, st *Statement) {
	st.Op, st.Cost, st.NewAlso = op, hazard.Of(op, c, j.Version), map[string]bool{}
	st.Before, st.New, st.ByKey, st.Narrows = Before{}, false, false, false
	target := op.Target()
	if index := c.Index(target); index != nil {
		if r := c.RelationByID(index.Table); r != nil {
			st.Before.IndexTable, st.Before.IndexUnique = catalog.Name{Schema: r.Schema, Name: r.Name}, index.Unique
			st.New = j.isNew(r)
		}
	}
	if r := c.Relation(target); r != nil {
		st.Before.Relation, st.Before.Known, st.Before.Kind = catalog.Name{Schema: r.Schema, Name: r.Name}, true, r.Kind
		st.Before.Partition = r.Bound != ""
		st.New = j.isNew(r)
		if column := columnOf(op); column != "" {
			if col := r.Column(column); col != nil {
				st.Before.ColumnType = col.Type
			}
		}
		st.ByKey = byKey(c, r, op)
	} else if !target.IsZero() && st.Before.IndexTable.IsZero() {
		st.Before.Relation = target
	}
	if change, ok := op.(catalog.AlterColumnType); ok {
		st.Narrows = narrows(c, st.Before.ColumnType, change.Type)
	}
	if create, ok := op.(catalog.CreateTable); ok && c.Relation(create.On) == nil {
		st.New = true
	}
	for _, also := range st.Cost.Also {
		if r := c.Relation(also.Relation); r != nil {
			st.NewAlso[also.Relation.String()] = j.isNew(r)
		} else if i := c.Index(also.Relation); i != nil {
			if r := c.RelationByID(i.Table); r != nil {
				st.NewAlso[also.Relation.String()] = j.isNew(r)
			}
		}
	}
}

// isNew tells that a relation is created by this change and holds no rows that
// anyone could wait for.
func (j *judge) isNew(r *catalog.Relation) bool {
	if r.Temporary {
		return true // nobody else sees it
	}
	if r.Rows == catalog.Many {
		return false
	}
	if j.anew {
		return !j.oldName[catalog.Name{Schema: r.Schema, Name: r.Name}]
	}
	return !j.old[r.ID] && !r.Assumed
}

func columnOf(op catalog.Op) string {
	switch o := op.(type) {
	case catalog.AlterColumnType:
		return o.Column
	case catalog.DropColumn:
		return o.Column
	case catalog.RenameColumn:
		return o.Column
	case catalog.SetNotNull:
		return o.Column
	case catalog.DropNotNull:
		return o.Column
	case catalog.SetDefault:
		return o.Column
	}
	return ""
}

// byKey tells that an UPDATE or DELETE can meet one row at most.
func byKey(c *catalog.Catalog, r *catalog.Relation, op catalog.Op) bool {
	var fixed []string
	switch o := op.(type) {
	case catalog.Update:
		fixed = o.WhereEquals
	case catalog.Delete:
		fixed = o.WhereEquals
	}
	if len(fixed) == 0 {
		return false
	}
	for _, index := range c.Indexes(r) {
		if index.Unique && index.Predicate == nil && !slices.ContainsFunc(index.Elements, func(e catalog.IndexElement) bool {
			return e.Column == "" || !slices.Contains(fixed, e.Column)
		}) {
			return true
		}
	}
	return false
}
