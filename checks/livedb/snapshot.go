package livedb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/checks/snapshot"
)

// The queries that a snapshot holds: those with the most calls.
const (
	maxQueries = 5000
	maxQuery   = 100_000 // bytes
)

// Snapshot asks a database for a snapshot. now is the time that it notes. The error is
// an [*Error], and never holds the password; what the role may not see is no error: the
// snapshot says what it lacks.
func Snapshot(ctx context.Context, url string, now time.Time) (*snapshot.Snapshot, error) {
	var taken *snapshot.Snapshot
	err := visit(ctx, url, func(ctx context.Context, s *session) (err error) {
		taken, err = s.snapshot(ctx, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func (s *session) snapshot(ctx context.Context, now time.Time) (*snapshot.Snapshot, error) {
	out := &snapshot.Snapshot{
		Version: snapshot.Version, TakenAt: now.UTC().Truncate(time.Second), Engine: "postgres",
		ServerVersion: s.full, Database: s.database, Queries: []snapshot.Query{},
	}
	parts := []struct {
		what string
		ask  func(context.Context) error
	}{
		{"the schema", func(ctx context.Context) (err error) { out.Schema, err = s.schema(ctx); return err }},
		{"the sizes of the tables", func(ctx context.Context) (err error) { out.Tables, err = s.tables(ctx); return err }},
		{"the queries", func(ctx context.Context) (err error) { out.Queries, err = s.queries(ctx); return err }},
	}
	for _, p := range parts {
		if err := s.part(ctx, p.what, p.ask); err != nil {
			return nil, err
		}
	}
	var err error
	if out.Migrations, err = s.migrationTables(ctx); err != nil {
		return nil, err
	}
	out.LeftOut = s.leftOut
	out.Sort()
	return out, nil
}

// tables asks for sizes. Rows are estimated as the planner does it: by what the last
// ANALYZE found, and how the table has grown since (PostgreSQL source,
// estimate_rel_size); where there was none, by the counters of the statistics.
func (s *session) tables(ctx context.Context) ([]snapshot.Table, error) {
	var out []snapshot.Table
	err := s.rows(ctx, `
		WITH heap AS (
			SELECT c.oid AS root, l.oid, l.relkind, l.relpages, l.reltuples, pg_relation_size(l.oid) AS main, pg_total_relation_size(l.oid) AS total
			FROM pg_class c CROSS JOIN LATERAL (
				SELECT relid FROM pg_partition_tree(c.oid) WHERE isleaf AND c.relkind = 'p' UNION ALL SELECT c.oid WHERE c.relkind <> 'p') AS p (relid)
				JOIN pg_class l ON l.oid = p.relid
			WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND `+ours("c", "relnamespace", "pg_class")+`
		), counted AS (
			SELECT *, CASE WHEN relpages > 0 AND reltuples >= 0 THEN reltuples::float8 / relpages * main / current_setting('block_size')::int
				WHEN main = 0 THEN 0
				WHEN pg_stat_get_live_tuples(oid) > 0 THEN pg_stat_get_live_tuples(oid) END AS tuples
			FROM heap
		)
		SELECT c.oid::regclass::text, coalesce(round(sum(tuples)), CASE WHEN count(h.oid) = 0 THEN 0 ELSE -1 END)::bigint, coalesce(sum(total), 0)::bigint,
			CASE WHEN c.relkind = 'p' THEN count(h.oid) ELSE 0 END::int,
			coalesce((SELECT array_agg(quote_ident(x.relname) ORDER BY x.relname) FROM pg_index i JOIN pg_class x ON x.oid = indexrelid WHERE indrelid = c.oid AND NOT indisvalid), '{}')
		FROM pg_class c LEFT JOIN counted h ON h.root = c.oid
		WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND `+ours("c", "relnamespace", "pg_class")+`
		GROUP BY c.oid, c.relkind ORDER BY 1`,
		func(r pgx.Rows) error {
			var t snapshot.Table
			if err := r.Scan(&t.Name, &t.Rows, &t.Bytes, &t.Partitions, &t.InvalidIndexes); err != nil {
				return err
			}
			if len(t.InvalidIndexes) == 0 {
				t.InvalidIndexes = nil
			}
			out = append(out, t)
			return nil
		})
	return out, err
}

// queries asks pg_stat_statements, of this database alone.
func (s *session) queries(ctx context.Context) ([]snapshot.Query, error) {
	out := []snapshot.Query{}
	var view string
	err := s.tx.QueryRow(ctx, mark+`SELECT quote_ident(nspname) || '.pg_stat_statements' FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_stat_statements'`).Scan(&view)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return out, errRefused{"pg_stat_statements is not installed in this database (CREATE EXTENSION pg_stat_statements)"}
	case err != nil:
		return out, err
	}
	hidden, unread, total := int64(0), 0, 0
	seen := map[string]int{}
	err = s.rows(ctx, `
		SELECT query, sum(calls)::bigint, array_agg(DISTINCT coalesce(rolname, userid::text) ORDER BY coalesce(rolname, userid::text))
		FROM `+view+` LEFT JOIN pg_roles r ON r.oid = userid
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query IS NOT NULL AND query NOT LIKE $1 || '%'
		GROUP BY query ORDER BY 2 DESC, 1 LIMIT $2`,
		func(r pgx.Rows) error {
			var q snapshot.Query
			if err := r.Scan(&q.Query, &q.Calls, &q.Users); err != nil {
				return err
			}
			if q.Query == "<insufficient privilege>" {
				hidden = q.Calls
				return nil
			}
			if total++; total > maxQueries {
				return nil
			}
			text, ok := normalized(q.Query)
			if !ok {
				if !isUtility(q.Query) {
					unread++
				}
				return nil
			}
			q.Query = text
			if i, twice := seen[text]; twice {
				out[i].Calls += q.Calls
				out[i].Users = merge(out[i].Users, q.Users)
				return nil
			}
			seen[text] = len(out)
			out = append(out, q)
			return nil
		}, strings.TrimSpace(mark), maxQueries+2)
	if err != nil {
		return []snapshot.Query{}, err
	}
	if hidden > 0 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("the queries of other roles (%d calls): role %s may not read them (GRANT pg_read_all_stats TO %[2]s)", hidden, s.role))
	}
	if total > maxQueries {
		s.leftOut = append(s.leftOut, fmt.Sprintf("queries beyond the %d with the most calls", maxQueries))
	}
	if unread > 0 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("%d queries whose text cannot be read, and so might hold data", unread))
	}
	return out, nil
}
