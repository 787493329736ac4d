package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/code"
	"github.com/pmcheck/pmcheck/checks/compat"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// newCode judges the queries that the change brings, whose names no migration of it needs to have touched.
func (m *matrix) newCode(ctx context.Context) error {
	var oldPaths, newPaths []string
	for _, f := range m.change.Files {
		if f.Kind == change.Regular && f.Status != change.Deleted && m.isCode(f.Path) {
			newPaths = append(newPaths, f.Path)
			if f.OldPath != "" {
				oldPaths = append(oldPaths, f.OldPath)
			} else if f.Status != change.Added {
				oldPaths = append(oldPaths, f.Path)
			}
		}
	}
	if len(newPaths) == 0 {
		return nil
	}
	finder := m.finder.For(code.AllNames())
	old, err := finder.Find(ctx, m.change.BaseTree(), oldPaths)
	if err != nil {
		return fmt.Errorf("search the changed code at the base: %w", err)
	}
	fresh, err := finder.Find(ctx, m.change.HeadTree(), newPaths)
	if err != nil {
		return fmt.Errorf("search the changed code at the head: %w", err)
	}
	known := map[string]bool{}
	for _, q := range old.Queries {
		known[q.SQL] = true
	}
	fresh.Queries = slices.DeleteFunc(fresh.Queries, func(q code.Query) bool { return known[q.SQL] || q.Partial != "" })
	if len(fresh.Queries) == 0 {
		return nil
	}
	complete, err := m.replayRest(ctx)
	if err != nil || !complete {
		return err
	}
	for _, q := range fresh.Queries {
		m.fresh(q, fresh.Queries)
	}
	return nil
}

// fresh judges a query that is new at head: it breaks when it works on no schema of any database.
func (m *matrix) fresh(q code.Query, all []code.Query) {
	var failure *resolve.Failure
	for _, d := range m.databases {
		if d.result == nil || !m.sends(d, q.Path) {
			continue
		}
		for _, c := range []*catalog.Catalog{d.result.Head, d.result.Base} {
			v := m.judge.On(q.SQL, c)
			if v.Works() || !isMissing(v, c, all) {
				return
			}
			if failure == nil {
				failure = &v.Home[0]
			}
		}
	}
	if failure == nil {
		return
	}
	cell := &m.document.Matrix.NewCodeNewSchema
	m.breaks(cell, "head", q, []resolve.Failure{*failure}, nil, nil)
	m.document.Matrix.Coverage.Queries++
	m.document.Matrix.Coverage.Checked++
}

// isMissing tells that a query fails for want of something that no migration makes:
// a column of a table that is known, or a table that no query makes itself.
func isMissing(v compat.Verdict, c *catalog.Catalog, all []code.Query) bool {
	f := v.Home[0]
	switch f.SQLState {
	case "42703":
		return slices.ContainsFunc(v.Uses, func(o resolve.Object) bool { return o.Kind == "table" && o.Schema != "pg_catalog" })
	case "42P01":
		return f.Object.Schema == "" && !isBookkeeping(f.Object.Name) && len(c.Relations()) > 0 && !slices.ContainsFunc(all, func(q code.Query) bool {
			return strings.Contains(strings.ToLower(q.SQL), "create") && hasWord(q.SQL, f.Object.Name)
		})
	}
	return false
}

// bookkeeping are the tables in which tools note what has run: they make them themselves.
var bookkeeping = map[string]bool{
	"schema_migrations": true, "_sqlx_migrations": true, "goose_db_version": true, "flyway_schema_history": true, "__drizzle_migrations": true,
	"_prisma_migrations": true, "refinery_schema_history": true, "__diesel_schema_migrations": true, "gorp_migrations": true,
	"atlas_schema_revisions": true, "schema_version": true, "alembic_version": true, "django_migrations": true, "ar_internal_metadata": true,
	"databasechangelog": true, "databasechangeloglock": true, "pgmigrations": true, "knex_migrations": true, "knex_migrations_lock": true,
	"bun_migrations": true, "bun_migration_locks": true, "seaql_migrations": true, "kysely_migration": true, "kysely_migration_lock": true,
	"schema_migration": true, "db_migrations": true, "migrations": true, "_migrations": true,
}

// isBookkeeping tells that a table is a tool's own, also where a program is its own tool: orders_migrations.
func isBookkeeping(table string) bool {
	return bookkeeping[table] || strings.HasSuffix(table, "_migrations")
}

// replayRest replays the databases that the change does not touch. It tells whether
// all that the repository migrates is known.
func (m *matrix) replayRest(ctx context.Context) (complete bool, err error) {
	complete = len(m.databases) > 0
	for _, d := range m.databases {
		engine := d.side().Engine
		if slices.ContainsFunc(d.unread, runs) || d.head == nil || len(d.head.Unread) > 0 || engine != layout.Postgres && engine != "" {
			complete = false
			continue
		}
		if d.result == nil {
			if d.result, err = lint.Judge(ctx, lint.Request{
				Base: d.base, Head: d.head, BaseFiles: m.change.BaseTree(), HeadFiles: m.change.HeadTree(), Version: d.version,
			}); err != nil {
				return false, err
			}
		}
		complete = complete && len(d.result.Gaps) == 0
	}
	return complete, nil
}
