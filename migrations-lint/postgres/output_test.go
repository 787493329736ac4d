package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
)

// outputSchema is what the expressions of outputExpressions stand on.
const outputSchema = `
	CREATE TYPE pair AS (f int, "G" text);
	CREATE TYPE mood AS ENUM ('sad', 'ok');
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE SCHEMA app;
	CREATE FUNCTION app.twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
	CREATE TABLE t (a int, b text, c numeric(10,2), d date, j jsonb, ts timestamptz, tm timestamp, arr int[], p pair, m mood, n positive, x xml, v varchar(20), "Odd Name" int, ok boolean);
	CREATE TABLE u (a int, w text);
`

// outputExpressions are select lists with one entry each, over t and u. since is
// the first major version that knows the syntax.
var outputExpressions = []struct {
	sql   string
	since int
}{
	{sql: `a`}, {sql: `t.a`}, {sql: `t."Odd Name"`}, {sql: `a AS "Alias"`}, {sql: `a::text`}, {sql: `a::varchar(5)`}, {sql: `'x'::text`}, {sql: `'x'::varchar(3)`},
	{sql: `CAST(a AS bigint)`}, {sql: `1`}, {sql: `1.5`}, {sql: `9999999999`}, {sql: `99999999999999999999`}, {sql: `'literal'`}, {sql: `NULL`}, {sql: `TRUE`, since: 15}, {sql: `NULL::int`},
	{sql: `-1`}, {sql: `a + 1`}, {sql: `a = 1`}, {sql: `a <> 1`}, {sql: `NOT ok`}, {sql: `a = 1 AND ok`}, {sql: `a IS NULL`}, {sql: `ok IS TRUE`}, {sql: `a IN (1, 2)`},
	{sql: `a BETWEEN 1 AND 2`}, {sql: `b LIKE 'x%'`}, {sql: `b ILIKE 'x%'`}, {sql: `b SIMILAR TO 'x'`}, {sql: `b ~ 'x'`}, {sql: `a IS DISTINCT FROM 1`}, {sql: `a = ANY (arr)`},
	{sql: `count(*)`}, {sql: `count(a)`}, {sql: `sum(a)`}, {sql: `max(b)::int`}, {sql: `(max(a))`}, {sql: `app.twice(a)`}, {sql: `pg_catalog.lower(b)`}, {sql: `row_number() OVER ()`},
	{sql: `count(*) FILTER (WHERE ok)`}, {sql: `string_agg(b, ',' ORDER BY a)`}, {sql: `array_agg(a)`}, {sql: `percentile_cont(0.5) WITHIN GROUP (ORDER BY a)`},
	{sql: `COALESCE(a, 1)`}, {sql: `NULLIF(a, 1)`}, {sql: `GREATEST(a, 1)`}, {sql: `LEAST(a, 1)`}, {sql: `COALESCE(a, 1)::text`}, {sql: `(a + 1)::text`},
	{sql: `CASE WHEN ok THEN 1 END`}, {sql: `CASE WHEN ok THEN 1 ELSE a END`}, {sql: `CASE WHEN ok THEN 1 ELSE a + 1 END`}, {sql: `CASE WHEN ok THEN 'x' ELSE lower(b) END`}, {sql: `CASE a WHEN 1 THEN 'x' ELSE 'y'::text END`},
	{sql: `ARRAY[1, 2]`}, {sql: `ARRAY(SELECT a FROM u)`}, {sql: `to_json(ROW(a, b))`}, {sql: `arr[1]`}, {sql: `arr[1:2]`}, {sql: `(p).f`}, {sql: `(p)."G"`}, {sql: `(app.twice(a))`}, {sql: `(ARRAY[1,2])[1]`},
	{sql: `EXISTS (SELECT 1 FROM u)`}, {sql: `(SELECT u.w FROM u LIMIT 1)`}, {sql: `(SELECT max(u.a) FROM u)`}, {sql: `(SELECT 1)`}, {sql: `(SELECT u.a AS q FROM u LIMIT 1)`}, {sql: `(VALUES (1))`},
	{sql: `(SELECT u.w FROM u LIMIT 1)::varchar(4)`}, {sql: `(SELECT a FROM u UNION ALL SELECT 3 LIMIT 1)`}, {sql: `(SELECT count(*) FROM u) + 1`}, {sql: `a IN (SELECT a FROM u)`}, {sql: `a > ALL (SELECT a FROM u)`},
	{sql: `current_date`}, {sql: `current_time`}, {sql: `current_time(2)`}, {sql: `current_timestamp`}, {sql: `current_timestamp(3)`}, {sql: `localtime`}, {sql: `localtimestamp`}, {sql: `localtimestamp(1)`},
	{sql: `current_user`}, {sql: `session_user`}, {sql: `user`}, {sql: `current_role`}, {sql: `current_catalog`}, {sql: `current_schema`}, {sql: `current_schema()`}, {sql: `now()`}, {sql: `now()::date`},
	{sql: `extract(year FROM ts)`, since: 14}, {sql: `date_part('year', ts)`}, {sql: `date_trunc('day', ts)`}, {sql: `ts AT TIME ZONE 'UTC'`}, {sql: `ts::timestamp(3)`}, {sql: `interval '1 day'`}, {sql: `date '2020-01-01'`},
	{sql: `interval '1' year`}, {sql: `'1 day'::interval day to second(3)`}, {sql: `B'101'::bit(3)`}, {sql: `B'101'`}, {sql: `X'1F'`}, {sql: `1::"char"`}, {sql: `'a'::char`}, {sql: `'a'::char(3)`}, {sql: `'a'::bpchar`},
	{sql: `1::numeric`}, {sql: `1::numeric(10)`}, {sql: `1::numeric(10,2)`}, {sql: `1::dec(5,1)`}, {sql: `1::float(24)`}, {sql: `1::float`}, {sql: `1::real`}, {sql: `1::double precision`}, {sql: `1::smallint`},
	{sql: `'{1}'::int[]`}, {sql: `'{1}'::_int4`}, {sql: `'{a}'::varchar(3)[]`}, {sql: `'{1}'::int[][]`}, {sql: `'a'::national character varying(4)`}, {sql: `'10:00'::time(2) with time zone`}, {sql: `'10:00'::timetz(2)`}, {sql: `'2020-01-01'::timestamp(2) with time zone`},
	{sql: `'ok'::mood`}, {sql: `'ok'::public.mood`}, {sql: `'{ok}'::mood[]`}, {sql: `1::positive`},
	{sql: `trim(b)`}, {sql: `trim(leading 'x' from b)`}, {sql: `substring(b from 1 for 2)`}, {sql: `position('a' in b)`}, {sql: `overlay(b placing 'x' from 1)`}, {sql: `b COLLATE "C"`}, {sql: `lower(b) COLLATE "C"`}, {sql: `b || 'x'`},
	{sql: `collation for (b)`}, {sql: `(ts, ts) OVERLAPS (ts, ts)`}, {sql: `b IS NORMALIZED`}, {sql: `normalize(b)`}, {sql: `j -> 'a'`}, {sql: `j ->> 'a'`}, {sql: `j @> '{}'`}, {sql: `j ? 'a'`}, {sql: `(j ->> 'a')::int`}, {sql: `j #>> '{a}'`},
	{sql: `xmlelement(name foo)`}, {sql: `xmlforest(a)`}, {sql: `xmlconcat(x, x)`}, {sql: `xmlparse(document '<a/>')`}, {sql: `xmlpi(name foo)`}, {sql: `xmlroot(x, version no value)`}, {sql: `xmlserialize(content x as text)`}, {sql: `x IS DOCUMENT`}, {sql: `xmlexists('a' passing x)`},
	{sql: `grouping(a)`}, {sql: `jsonb_build_object('a', a)`}, {sql: `to_jsonb(t)`}, {sql: `t`}, {sql: `json_agg(t)`}, {sql: `gen_random_uuid()`},
	{sql: `json_object('a': 1)`, since: 16}, {sql: `json_array(1, 2)`, since: 16}, {sql: `json_array(SELECT a FROM u)`, since: 16}, {sql: `json_objectagg(b: a)`, since: 16}, {sql: `json_arrayagg(a)`, since: 16}, {sql: `b IS JSON`, since: 16},
	{sql: `json('{}')`, since: 17}, {sql: `json_scalar(1)`, since: 17}, {sql: `json_serialize('{}')`, since: 17}, {sql: `json_exists(j, '$.a')`, since: 17}, {sql: `json_value(j, '$.a')`, since: 17}, {sql: `json_query(j, '$.a')`, since: 17},
	{sql: `json_value(j, '$.a' RETURNING int)`, since: 17}, {sql: `generate_series(1, 2)`}, {sql: `unnest(arr)`}, {sql: `set_config('a.b', 'c', true)`}, {sql: `a::regclass`}, {sql: `'t'::regclass`}, {sql: `ctid`}, {sql: `tableoid`}, {sql: `0x1F`, since: 16}, {sql: `1_000_000`, since: 16}, {sql: `1e3`},
	{sql: `(SELECT u FROM u LIMIT 1)`}, {sql: `(CASE WHEN ok THEN a END)::text`}, {sql: `a::text::int`}, {sql: `((a))`}, {sql: `greatest(a, 1)::text`}, {sql: `ok::int`}, {sql: `ok::boolean::text`}, {sql: `+a`},
	{sql: `a % 2 = 0`}, {sql: `ts - ts`}, {sql: `d + 1`}, {sql: `tm::date`}, {sql: `length(b)`}, {sql: `(count(*))::int`}, {sql: `bool_or(ok)`}, {sql: `jsonb_agg(a)`}, {sql: `format('%s', a)`}, {sql: `concat(a, b)`}, {sql: `md5(b)`}, {sql: `to_char(ts, 'YYYY')`},
}

// viewOutput is what the reader says about the only column of a view.
func viewOutput(t *testing.T, sql string) catalog.Output {
	t.Helper()
	script := Parse(sql)
	if len(script.Statements) != 1 || len(script.Statements[0].Ops) != 1 {
		t.Fatalf("%s: %+v", sql, script)
	}
	sel := script.Statements[0].Ops[0].Op.(catalog.CreateView).Query.Select
	if len(sel.Outputs) != 1 {
		t.Fatalf("%s: %d outputs", sql, len(sel.Outputs))
	}
	return sel.Outputs[0]
}

func TestOutputNamesAndTypesAreTheServers(t *testing.T) {
	ctx := context.Background()
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			db := server.NewDatabase(t)
			if _, err := db.Exec(ctx, outputSchema); err != nil {
				t.Fatal(err)
			}
			for i, c := range outputExpressions {
				if c.since > server.Version {
					continue
				}
				sql := fmt.Sprintf("CREATE VIEW v%d AS SELECT %s FROM t", i, c.sql)
				if strings.HasPrefix(c.sql, "grouping") {
					sql += " GROUP BY a"
				}
				if _, err := db.Exec(ctx, sql); err != nil {
					t.Errorf("%s: the server: %v", c.sql, err)
					continue
				}
				var name, typ string
				err := db.QueryRow(ctx, `SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0`, fmt.Sprintf("v%d", i)).Scan(&name, &typ)
				if err != nil {
					t.Fatal(err)
				}
				got := viewOutput(t, sql)
				if got.Name != name {
					t.Errorf("%s: name %q, the server's %q", c.sql, got.Name, name)
				}
				if s := strings.Replace(got.Type.String(), "public.", "", 1); s != "" && s != typ {
					t.Errorf("%s: type %q, the server's %q", c.sql, s, typ)
				}
			}
		})
	}
}

func TestFunctionTypesAreTheServers(t *testing.T) {
	ctx := context.Background()
	for _, server := range pgtest.Servers(t) {
		t.Run(fmt.Sprint(server.Version), func(t *testing.T) {
			db := server.NewDatabase(t)
			for name, typ := range functionTypes {
				rows, err := db.Query(ctx, `SELECT DISTINCT format_type(prorettype, NULL) FROM pg_proc WHERE proname = $1 AND pronamespace = 'pg_catalog'::regnamespace`, name)
				if err != nil {
					t.Fatal(err)
				}
				var types []string
				for rows.Next() {
					var s string
					if err := rows.Scan(&s); err != nil {
						t.Fatal(err)
					}
					types = append(types, s)
				}
				if len(types) != 1 || types[0] != typ.String() {
					t.Errorf("%s: %s here, %v on the server", name, typ, types)
				}
			}
		})
	}
}
