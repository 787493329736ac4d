package livedb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/checks/snapshot"
)

// tool is how one migration tool notes what it has run: a table that has these columns.
// Its query gives a version and how it stands, in the order in which they ran: "applied", "failed",
// "up to" (or "failed, up to") for a tool that notes the last one only, "count" for one that notes none. Nothing else of the table is read:
// who ran it, when, and with which output may be data.
type tool struct {
	table   string
	columns []string
	query   string // %s is the table
}

// tools are those whose tables are read; the first one whose table and columns fit is it. Sources: each
// tool's own statement that makes the table.
var tools = []tool{
	{"schema_migrations", []string{"version", "dirty"}, `SELECT version::text, CASE WHEN dirty THEN 'failed, up to' ELSE 'up to' END FROM %s`}, // golang-migrate
	{"schema_migrations", []string{"version"}, `SELECT version::text, 'applied' FROM %s ORDER BY version`},                                     // Rails, dbmate, Ecto, Supabase
	{"goose_db_version", []string{"version_id", "is_applied", "id"},
		`SELECT version_id::text, 'applied' FROM (SELECT DISTINCT ON (version_id) version_id, is_applied FROM %s ORDER BY version_id, id DESC) t WHERE is_applied AND version_id > 0 ORDER BY version_id`},
	{"flyway_schema_history", []string{"version", "success", "type", "installed_rank"},
		`SELECT version, CASE WHEN NOT success THEN 'failed' WHEN type = 'BASELINE' THEN 'up to' ELSE 'applied' END FROM %s WHERE version IS NOT NULL ORDER BY installed_rank`},
	{"_sqlx_migrations", []string{"version", "success"}, `SELECT version::text, CASE WHEN success THEN 'applied' ELSE 'failed' END FROM %s ORDER BY version`},
	{"__diesel_schema_migrations", []string{"version"}, `SELECT version, 'applied' FROM %s ORDER BY version`},
	{"_prisma_migrations", []string{"migration_name", "finished_at", "rolled_back_at"},
		`SELECT migration_name, CASE WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END FROM %s WHERE rolled_back_at IS NULL ORDER BY migration_name`},
	{"__drizzle_migrations", []string{"created_at"}, `SELECT count(*)::text, 'count' FROM %s`},
	{"atlas_schema_revisions", []string{"version", "applied", "total"},
		`SELECT version, CASE WHEN applied < total THEN 'failed' ELSE 'applied' END FROM %s WHERE version NOT LIKE '.%%' ORDER BY version`},
	{"schema_version", []string{"version"}, `SELECT version::text, 'up to' FROM %s`}, // tern
	{"refinery_schema_history", []string{"version"}, `SELECT version::text, 'applied' FROM %s ORDER BY version`},
	{"bun_migrations", []string{"name", "id"}, `SELECT name, 'applied' FROM %s ORDER BY id`},
	{"gorp_migrations", []string{"id"}, `SELECT id, 'applied' FROM %s ORDER BY id`}, // sql-migrate
	{"pgmigrations", []string{"name", "id"}, `SELECT name, 'applied' FROM %s ORDER BY id`},
	{"schema_migration", []string{"version"}, `SELECT version, 'applied' FROM %s ORDER BY version`},                           // pop
	{"db_migrations", []string{"version"}, `SELECT version::text, 'applied' FROM %s ORDER BY version`},                        // morph
	{"changes", []string{"change", "committed_at", "planned_at"}, `SELECT change, 'applied' FROM %s ORDER BY committed_at`},   // sqitch
	{"databasechangelog", []string{"id", "orderexecuted", "exectype"}, `SELECT id, 'applied' FROM %s ORDER BY orderexecuted`}, // Liquibase
}

// maxVersions bounds what is read of one table.
const maxVersions = 20_000

// migrationTables finds the tools' tables, and reads what they have run. A table that the role may not read is left out, and said.
func (s *session) migrationTables(ctx context.Context) ([]snapshot.MigrationTable, error) {
	type found struct {
		name    string // as SQL
		bare    string
		columns []string
	}
	var tables []found
	names := map[string]bool{}
	for _, t := range tools {
		names[t.table] = true
	}
	var wanted []string
	for name := range names {
		wanted = append(wanted, name)
	}
	slices.Sort(wanted)
	err := s.rows(ctx, `SELECT c.oid::regclass::text, lower(relname), (SELECT array_agg(lower(attname)) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
		FROM pg_class c WHERE relkind IN ('r', 'p') AND lower(relname) = ANY ($1) AND `+ours("c", "relnamespace", "pg_class")+` ORDER BY 1`,
		func(r pgx.Rows) error {
			var f found
			if err := r.Scan(&f.name, &f.bare, &f.columns); err != nil {
				return err
			}
			tables = append(tables, f)
			return nil
		}, wanted)
	if err != nil {
		return nil, err
	}
	var out []snapshot.MigrationTable
	for _, f := range tables {
		at := slices.IndexFunc(tools, func(t tool) bool {
			return t.table == f.bare && !slices.ContainsFunc(t.columns, func(c string) bool { return !slices.Contains(f.columns, c) })
		})
		if at < 0 {
			continue // a table of that name, and nobody's that we know
		}
		m := snapshot.MigrationTable{Table: f.name}
		err := s.part(ctx, "which migrations have run, in "+f.name, func(ctx context.Context) error {
			return s.rows(ctx, fmt.Sprintf(tools[at].query, f.name)+fmt.Sprintf(" LIMIT %d", maxVersions), func(r pgx.Rows) error {
				var version, how string
				if err := r.Scan(&version, &how); err != nil {
					return err
				}
				switch how {
				case "applied":
					m.Versions = append(m.Versions, version)
				case "failed":
					m.Failed = append(m.Failed, version)
				case "failed, up to":
					m.Failed, m.UpTo = append(m.Failed, version), version
				case "up to":
					m.UpTo = version
				case "count":
					_, err := fmt.Sscan(version, &m.Count)
					return err
				}
				return nil
			})
		})
		if err != nil {
			return nil, err
		}
		if len(s.leftOut) > 0 && strings.HasPrefix(s.leftOut[len(s.leftOut)-1], "which migrations have run, in "+f.name+":") {
			continue
		}
		out = append(out, m)
	}
	return out, nil
}
