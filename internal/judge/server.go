package judge

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
)

// queries describe a database: each returns kind, name, and then pairs of an
// attribute's name and value. Objects of extensions are left out, and names are
// shown with their schema because nothing is on the search path.
var queries = []struct {
	name, sql string
}{
	{"schemas", `SELECT 'schema', nspname, ARRAY[]::text[] FROM pg_namespace n
		WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'`},
	{"extensions", `SELECT 'extension', extname, ARRAY['schema', extnamespace::regnamespace::text] FROM pg_extension`},
	{"relations", `SELECT 'relation', c.oid::regclass::text, ARRAY[
			'kind', CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END,
			'unlogged', CASE relpersistence WHEN 'u' THEN 'yes' ELSE 'no' END,
			'parents', coalesce((SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid), ''),
			'partition', CASE WHEN relpartbound IS NULL THEN 'no' WHEN pg_get_expr(relpartbound, c.oid) = 'DEFAULT' THEN 'default' ELSE 'yes' END,
			'partition_by', coalesce((SELECT CASE partstrat WHEN 'r' THEN 'RANGE' WHEN 'l' THEN 'LIST' ELSE 'HASH' END FROM pg_partitioned_table WHERE partrelid = c.oid), ''),
			'row_security', CASE WHEN relrowsecurity THEN 'yes' ELSE 'no' END,
			'populated', CASE WHEN relkind = 'm' THEN relispopulated::text ELSE '' END,
			'rules', coalesce((SELECT string_agg(rulename, ',' ORDER BY rulename) FROM pg_rewrite WHERE ev_class = c.oid AND rulename <> '_RETURN'), ''),
			'policies', coalesce((SELECT string_agg(polname, ',' ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid), ''),
			'uses', coalesce((SELECT string_agg(DISTINCT refobjid::regclass || '.' || attname, ',' ORDER BY refobjid::regclass || '.' || attname)
				FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
				JOIN pg_attribute a ON a.attrelid = refobjid AND a.attnum = refobjsubid
				JOIN pg_class used ON used.oid = refobjid
				WHERE ev_class = c.oid AND rulename = '_RETURN' AND refobjid <> c.oid AND used.relkind <> 'c' AND OURS(used, relnamespace, 'pg_class')), '')]
		FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND OURS(c, relnamespace, 'pg_class')`},
	{"columns", `SELECT 'column', c.oid::regclass::text || '.' || attname, ARRAY[
			'position', (SELECT count(*)::text FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped),
			'type', format_type(atttypid, atttypmod),
			'not_null', CASE WHEN attnotnull THEN 'yes' ELSE 'no' END,
			'default', CASE WHEN atthasdef AND attgenerated = '' THEN 'yes' ELSE 'no' END,
			'identity', CASE attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END,
			'generated', CASE attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' ELSE '' END,
			'inherited', CASE WHEN attinhcount > 0 THEN 'yes' ELSE 'no' END,
			'local', CASE WHEN attislocal THEN 'yes' ELSE 'no' END]
		FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'v', 'm', 'f') AND OURS(c, relnamespace, 'pg_class')`},
	{"indexes", `SELECT 'index', c.oid::regclass::text, ARRAY[
			'table', indrelid::regclass::text,
			'unique', CASE WHEN indisunique THEN 'yes' ELSE 'no' END,
			'primary', CASE WHEN indisprimary THEN 'yes' ELSE 'no' END,
			'valid', CASE WHEN indisvalid THEN 'yes' ELSE 'no' END,
			'method', amname,
			'predicate', CASE WHEN indpred IS NULL THEN 'no' ELSE 'yes' END,
			'nulls_not_distinct', CASE WHEN coalesce((to_jsonb(i)->>'indnullsnotdistinct')::bool, false) THEN 'yes' ELSE 'no' END,
			'parent', coalesce((SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = c.oid), ''),
			'columns', (SELECT string_agg(coalesce(attname, '()') || CASE WHEN n > indnkeyatts THEN '' ELSE CASE WHEN indoption[n-1] & 1 = 1 THEN ' desc' ELSE '' END END, ',' ORDER BY n)
				FROM unnest(indkey::int2[]) WITH ORDINALITY AS k (attnum, n) LEFT JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = k.attnum AND k.attnum <> 0),
			'include', (indnatts - indnkeyatts)::text]
		FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam JOIN pg_class t ON t.oid = indrelid
		WHERE OURS(t, relnamespace, 'pg_class')`},
	{"constraints", `SELECT 'constraint', conname || ' on ' || CASE WHEN conrelid <> 0 THEN conrelid::regclass::text ELSE contypid::regtype::text END, ARRAY[
			'type', CASE contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' WHEN 'x' THEN 'EXCLUDE' WHEN 'n' THEN 'NOT NULL' END,
			'columns', CASE WHEN contype = 'x' THEN '' ELSE coalesce((SELECT string_agg(attname, ',' ORDER BY CASE WHEN contype = 'c' THEN attname::text ELSE to_char(n, '000') END)
				FROM unnest(conkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum), '') END,
			'valid', CASE WHEN convalidated THEN 'yes' ELSE 'no' END,
			'references', CASE WHEN confrelid <> 0 THEN confrelid::regclass::text ELSE '' END,
			'ref_columns', coalesce((SELECT string_agg(attname, ',' ORDER BY n) FROM unnest(confkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum), ''),
			'on_delete', CASE confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE '' END,
			'on_update', CASE confupdtype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE '' END,
			'deferrable', CASE WHEN condeferred THEN 'deferred' WHEN condeferrable THEN 'yes' ELSE 'no' END,
			'inherited', CASE WHEN coninhcount > 0 THEN 'yes' ELSE 'no' END,
			'local', CASE WHEN conislocal THEN 'yes' ELSE 'no' END]
		FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = conrelid
		WHERE contype <> 't' AND (conrelid = 0 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = contypid AND d.deptype = 'e') AND connamespace >= 2200 AND connamespace <> 'information_schema'::regnamespace
			OR conrelid <> 0 AND relkind IN ('r', 'p', 'f') AND OURS(c, relnamespace, 'pg_class'))
		AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)`},
	{"sequences", `SELECT 'sequence', c.oid::regclass::text, ARRAY['type', format_type(seqtypid, NULL),
			'owner', coalesce((SELECT refobjid::regclass || '.' || attname FROM pg_depend d JOIN pg_attribute a ON a.attrelid = refobjid AND a.attnum = refobjsubid
				WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND refobjsubid > 0), '')]
		FROM pg_class c JOIN pg_sequence s ON seqrelid = c.oid WHERE OURS(c, relnamespace, 'pg_class')`},
	{"types", `SELECT 'type', t.oid::regtype::text, ARRAY[
			'kind', CASE typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'base' END,
			'labels', coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), ''),
			'base', CASE WHEN typtype = 'd' THEN format_type(typbasetype, typtypmod) WHEN typtype = 'r' THEN (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = t.oid) ELSE '' END,
			'not_null', CASE WHEN typnotnull THEN 'yes' ELSE 'no' END,
			'default', CASE WHEN typdefault IS NULL THEN 'no' ELSE 'yes' END,
			'columns', coalesce((SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped), '')]
		FROM pg_type t WHERE typtype IN ('e', 'd', 'c', 'r', 'b') AND (typtype <> 'b' OR typelem = 0)
			AND (typrelid = 0 OR (SELECT relkind = 'c' FROM pg_class c WHERE c.oid = typrelid)) AND OURS(t, typnamespace, 'pg_type')`},
	{"functions", `SELECT 'function', p.oid::regprocedure::text, ARRAY[
			'kind', CASE prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE prokind::text END,
			'returns', CASE prokind WHEN 'a' THEN '' WHEN 'p' THEN '' ELSE format_type(prorettype, NULL) END,
			'set', CASE WHEN proretset THEN 'yes' ELSE 'no' END,
			'defaults', pronargdefaults::text]
		FROM pg_proc p WHERE OURS(p, pronamespace, 'pg_proc')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')`},
	{"triggers", `SELECT 'trigger', tgname || ' on ' || tgrelid::regclass::text, ARRAY[
			'function', p.pronamespace::regnamespace || '.' || proname,
			'enabled', CASE WHEN tgenabled = 'D' THEN 'no' ELSE 'yes' END,
			'cloned', CASE WHEN tgparentid <> 0 THEN 'yes' ELSE 'no' END]
		FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid WHERE (NOT tgisinternal
			OR tgparentid <> 0 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = tgconstraint AND contype <> 't')) AND OURS(c, relnamespace, 'pg_class')`},
}

var ours = regexp.MustCompile(`OURS\((\w+), (\w+), ('\w+')\)`)

// expand replaces OURS(alias, namespace column, catalog): what the scripts have made.
func expand(sql string) string {
	return ours.ReplaceAllString(sql, `$1.$2 NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)
		AND $1.$2::regnamespace::text NOT LIKE 'pg\_temp%' AND $1.$2::regnamespace::text NOT LIKE 'pg\_toast\_temp%'
		AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = $3::regclass AND e.objid = $1.oid AND e.deptype = 'e')`)
}

// OfServer describes the database behind a connection.
func OfServer(ctx context.Context, conn *pgx.Conn) (Description, error) {
	out := Description{}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("describe the database: %w", err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // it has only read
	if _, err := tx.Exec(ctx, "SET LOCAL search_path = pg_catalog"); err != nil {
		return nil, fmt.Errorf("describe the database: %w", err)
	}
	for _, q := range queries {
		rows, err := tx.Query(ctx, expand(q.sql), pgx.QueryExecModeExec) // the session's prepared statements may be gone
		if err != nil {
			return nil, fmt.Errorf("describe the %s: %w", q.name, err)
		}
		for rows.Next() {
			var kind, name string
			var pairs []*string
			if err := rows.Scan(&kind, &name, &pairs); err != nil {
				rows.Close()
				return nil, fmt.Errorf("describe the %s: %w", q.name, err)
			}
			a := Attributes{}
			for i := 0; i+1 < len(pairs); i += 2 {
				value := ""
				if pairs[i+1] != nil {
					value = *pairs[i+1]
				}
				a[*pairs[i]] = value
			}
			out[kind+" "+name] = a
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("describe the %s: %w", q.name, err)
		}
	}
	return out, nil
}
