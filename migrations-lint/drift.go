package lint

import (
	"context"
	"slices"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/declared"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

// Replay is the schema that a database's migrations, or its schema files, make on an empty server, and what of them could not be replayed.
func Replay(ctx context.Context, db layout.Database, files Source, version int) (*catalog.Catalog, []Gap, error) {
	db.Baseline = "" // what a dump says is not what the migrations make
	if db.Declared != nil {
		p := &planner{judge: &judge{Request: Request{Base: &db}, result: &Result{}}, lines: map[string]*lines{}}
		schema, err := p.read(ctx, files, &db, true)
		if err != nil {
			return nil, nil, err
		}
		c := schema.Catalog(func(at declared.Span, reason string) {
			p.result.Gaps = append(p.result.Gaps, Gap{p.place(at, false), reason})
		})
		return c, p.result.Gaps, nil
	}
	result, err := Judge(ctx, Request{Base: &db, BaseFiles: files, Version: version})
	if err != nil {
		return nil, nil, err
	}
	return result.Base, result.Gaps, nil
}

// Differences are those between two schemas that are of shape, and not of how an expression is written.
func Differences(one, other *catalog.Catalog) []catalog.Change {
	return slices.DeleteFunc(catalog.Compare(one, other), func(c catalog.Change) bool { return !ofShape(c) })
}

// Remaining are the differences that a plan leaves between what it begins with and what it is to reach. What is dropped counts as dropped.
func Remaining(from, to *declared.Schema, plan *declared.Plan) []catalog.Change {
	ignore := func(declared.Span, string) {}
	c := from.Catalog(ignore)
	for _, step := range plan.Ordered() {
		for _, st := range postgres.Parse(step.SQL).Statements {
			for _, op := range st.Ops {
				_ = carryOut(c, op.Op, op.Conditional)
			}
		}
	}
	c.EndSession()
	return Differences(c, to.Catalog(ignore))
}
