package lint

import (
	"context"

	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Files judges files that stand alone, without history: every table that they do
// not create exists already, with rows in it.
func Files(ctx context.Context, db layout.Database, files Source, version int) (*Result, error) {
	touched := map[string]Touched{}
	for _, m := range db.Migrations {
		touched[m.Path] = Touched{Status: Added}
	}
	return Judge(ctx, Request{Head: &db, HeadFiles: files, Touched: touched, Version: version, Unknown: true})
}
