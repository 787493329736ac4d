package lint

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/declared"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// sqldef is the tool that plans.
const sqldef = "sqldef"

// planner carries the schema files of one request from the files to the result.
type planner struct {
	*judge
	from, to *declared.Schema
	lines    map[string]*lines // by side and path
	byPath   map[string]*Migration
	order    []string
}

// judgeDeclared judges what sqldef runs to get from the base's schema files to the head's.
func judgeDeclared(ctx context.Context, req Request) (*Result, error) {
	p := &planner{judge: &judge{Request: req, result: &Result{}}, lines: map[string]*lines{}, byPath: map[string]*Migration{}}
	var err error
	if p.from, err = p.read(ctx, req.BaseFiles, req.Base, true); err != nil {
		return nil, err
	}
	if p.to, err = p.read(ctx, req.HeadFiles, req.Head, false); err != nil {
		return nil, err
	}
	base := p.from.Catalog(func(at declared.Span, reason string) {
		p.result.Gaps = append(p.result.Gaps, Gap{p.place(at, true), reason})
	})
	p.setBase(base)
	p.result.Head = base.Clone()
	for _, m := range req.Head.Migrations {
		p.result.Read++
		if req.Touched[m.Path].Status != Unchanged {
			p.migration(m.Path)
		}
	}
	p.result.Statements = p.to.Statements()
	plan, err := declared.Make(ctx, p.from, p.to, declared.Options{Engine: layout.Postgres, Concurrently: req.Head.Declared.Concurrently})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		at := Place{Path: p.firstPath(), Line: 1, EndLine: 1}
		m := p.migration(at.Path)
		m.Problems = append(m.Problems, Problem{at, "unsupported", err.Error(), ""})
	default:
		p.carryOut(plan)
	}
	for _, path := range p.order {
		p.result.Migrations = append(p.result.Migrations, *p.byPath[path])
	}
	p.compare()
	return p.result, nil
}

// read reads one side's schema files.
func (p *planner) read(ctx context.Context, from Source, db *layout.Database, base bool) (*declared.Schema, error) {
	var files []declared.File
	if db != nil && db.Declared != nil {
		var paths []string
		for _, m := range db.Migrations {
			paths = append(paths, m.Path)
		}
		err := from.ReadMany(ctx, paths, func(path string, content []byte, err error) error {
			if err != nil {
				if why := errors.Unwrap(err); why != nil {
					err = why
				}
				at := Place{Path: path, Line: 1, EndLine: 1, Base: base}
				if base {
					p.result.Gaps = append(p.result.Gaps, Gap{at, err.Error()})
				} else {
					m := p.migration(path)
					m.Problems = append(m.Problems, Problem{at, "unread", err.Error(), ""})
				}
				return nil
			}
			files = append(files, declared.File{Path: path, Content: content})
			p.lines[side(base)+path] = newLines(path, content)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the schema files: %w", err)
		}
	}
	return declared.Read(layout.Postgres, files), nil
}

func side(base bool) string {
	if base {
		return "base:"
	}
	return "head:"
}

// place is a span's place in its file.
func (p *planner) place(at declared.Span, base bool) Place {
	l := p.lines[side(base)+at.Path]
	if l == nil {
		return Place{Path: at.Path, Line: 1, EndLine: 1, Base: base}
	}
	place := l.place(at.Start, at.End)
	place.Base = base
	return place
}

// firstPath is the file that something is said of that belongs to no line: one that the change touches.
func (p *planner) firstPath() string {
	if len(p.order) > 0 {
		return p.order[0]
	}
	for _, m := range p.Head.Migrations {
		return m.Path
	}
	return p.Head.Root
}

// migration is what the plan has of one file. A file is not a migration that is merged and then edited: what comes of it is new each time.
func (p *planner) migration(path string) *Migration {
	if m := p.byPath[path]; m != nil {
		return m
	}
	m := &Migration{Status: Added}
	for _, db := range []*layout.Database{p.Head, p.Base} {
		if db == nil || m.Path != "" {
			continue
		}
		if i := slices.IndexFunc(db.Migrations, func(is layout.Migration) bool { return is.Path == path }); i >= 0 {
			m.Migration = db.Migrations[i]
		}
	}
	m.Path = path
	m.Transaction = m.Migration.Transaction
	if p.to != nil {
		for _, f := range p.to.Files {
			if f.Path == path {
				m.Content = f.Content
			}
		}
		for _, d := range p.to.Spans(path) {
			m.Spans = append(m.Spans, p.place(d.Span, false))
			before := Place{}
			if at, ok := p.from.Same(d); ok {
				before = p.place(at, true)
			}
			m.Before = append(m.Before, before)
		}
	}
	p.byPath[path] = m
	p.order = append(p.order, path)
	return m
}

// carryOut prices the plan on the schema that it meets.
func (p *planner) carryOut(plan *declared.Plan) {
	run := p.Head.Declared
	c := p.result.Head
	for _, u := range plan.Unread {
		at := p.place(u.Span, u.Old)
		m := p.migration(u.Path)
		if u.Old {
			u.Reason += "; it stands in the file before this change, and is not compared"
		}
		m.Problems = append(m.Problems, Problem{at, u.Kind, u.Reason, u.SQL})
	}
	if run.LockTimeout != "" {
		_ = c.Apply(catalog.SetVariable{Base: catalog.Base{On: catalog.Name{Name: "lock_timeout"}}, Values: []string{run.LockTimeout}})
	}
	steps := plan.Ordered()
	together := 0
	for _, step := range steps {
		if !step.Alone {
			together++
		}
	}
	mode := layout.InFile
	if run.NoTransaction {
		mode = layout.Autocommit
	}
	t := newTransaction(mode, together, 1)
	for i, step := range steps {
		if step.Alone && t.mode == layout.InFile {
			t = newTransaction(layout.Autocommit, 1, t.number+1)
			c.EndTransaction()
		}
		t.statement(c)
		for _, st := range postgres.Parse(step.SQL).Statements {
			for _, problem := range st.Problems {
				at := Place{Path: p.firstPath(), Line: 1, EndLine: 1}
				m := p.migration(at.Path)
				m.Problems = append(m.Problems, Problem{at, string(problem.Kind), problem.Reason, step.SQL})
			}
			for _, op := range st.Ops {
				p.operation(c, t, i, step, op)
			}
		}
	}
	c.EndSession()
}

// operation carries out one operation of the plan, unless sqldef leaves it out.
func (p *planner) operation(c *catalog.Catalog, t *transaction, index int, step declared.Step, op postgres.Op) {
	span, old := declared.Place(op.Op, p.from, p.to)
	at := p.place(span, old)
	m := p.migration(at.Path)
	run := p.Head.Declared
	if step.Drop && run.Drops == layout.No {
		m.LeftOut = append(m.LeftOut, LeftOut{at, step.SQL, "sqldef drops with --enable-drop only, and " + run.DropsWhy})
		return
	}
	statement := Statement{Index: index, SQL: step.SQL, Place: at, Conditional: op.Conditional, PlannedBy: sqldef}
	if step.Drop && run.Drops == layout.Unknown {
		statement.Needs = "--enable-drop"
	}
	p.operate(c, t, op.Op, &statement, &m.Problems)
	m.Statements = append(m.Statements, statement)
}
