package lint

import (
	"context"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// Live compares what a database's migrations make with the schema that a live one has.
// schema is a script that makes that one. Nothing is compared where a migration could not be
// replayed: ok is then false. What a live database has beside what the migrations make is its own affair: tables of other tools,
// partitions made at run time, other schemas; so only what belongs to a table or view, or to a type, that the migrations make is compared.
func Live(ctx context.Context, db *layout.Database, files Source, version int, schema string) (drift []catalog.Change, ok bool, err error) {
	built, err := Judge(ctx, Request{Base: db, BaseFiles: files, HeadFiles: files, Version: version})
	if err != nil || len(built.Gaps) > 0 {
		return nil, false, err
	}
	live := madeBy(schema)
	partitions := map[catalog.Name]bool{}
	for _, r := range built.Base.Relations() {
		if r.IsPartition() {
			partitions[r.FullName()] = true
		}
	}
	for _, change := range catalog.Compare(built.Base, live) {
		if !ofShape(change) || !compares(change) {
			continue
		}
		relation := change.Relation
		if relation == "" {
			relation = change.Name
		}
		if partitions[catalog.Name{Schema: change.Schema, Name: relation}] {
			continue // a snapshot has no partitions
		}
		drift = append(drift, change)
	}
	return drift, true, nil
}

// compares tells that a snapshot's schema says enough to tell that an object differs.
func compares(c catalog.Change) bool {
	switch c.Object {
	case "table", "view", "enum", "domain":
		return c.Kind == "removed"
	case "column":
		return c.Attribute == "" || c.Attribute == "type" || c.Attribute == "not_null"
	case "index":
		return c.Attribute == "" || c.Attribute == "unique"
	case "constraint":
		return c.Attribute == ""
	case "enum_value":
		return true
	}
	return false
}
