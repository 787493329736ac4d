package resolve_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pmcheck/pmcheck/internal/pgtest"
)

var update = flag.Bool("update", false, "write builtins.txt from the servers; give all of PostgreSQL 14, 16, 17 and 18")

// builtinQueries print the lines of builtins.txt; builtin.go says what they mean.
var builtinQueries = []string{
	`WITH coercible AS (
		SELECT oid AS source, oid AS target FROM pg_type
		UNION SELECT castsource, casttarget FROM pg_cast WHERE castmethod = 'b' AND castcontext = 'i')
	SELECT 'T ' || typname || ' ' || typcategory::text || typtype::text || CASE WHEN typispreferred THEN 'p' ELSE '' END
		|| CASE WHEN EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = opcmethod JOIN coercible ON target = opcintype WHERE source = t.oid AND opcdefault AND amname = 'btree') THEN 'o' ELSE '' END
		|| CASE WHEN EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = opcmethod JOIN coercible ON target = opcintype WHERE source = t.oid AND opcdefault AND amname = 'hash') THEN 'h' ELSE '' END
		|| coalesce((SELECT ' ' || NAME(rngsubtype) || ' ' || NAME(rngmultitypid) FROM pg_range WHERE rngtypid = t.oid), '')
	FROM pg_type t WHERE typnamespace = 'pg_catalog'::regnamespace AND typrelid = 0 AND NOT (typcategory = 'A' AND typelem <> 0 AND typtype = 'b' AND typname LIKE '\_%')`,
	`SELECT 'C ' || NAME(castsource) || ' ' || NAME(casttarget) || ' ' || castcontext::text FROM pg_cast WHERE oid < 16384`,
	`SELECT 'O ' || oprname::text || ' ' || CASE WHEN oprleft = 0 THEN '-' ELSE NAME(oprleft) END || ' ' || NAME(oprright) || ' ' || NAME(oprresult)
	FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprright <> 0`,
	`SELECT 'F ' || proname || ' ' || prokind::text || CASE WHEN proretset THEN 's' ELSE '' END || pronargdefaults || ' ' || NAME(prorettype) || ' '
		|| coalesce(nullif((SELECT string_agg(NAME(a) || CASE WHEN provariadic <> 0 AND n = pronargs THEN '...' ELSE '' END, ',' ORDER BY n) FROM unnest(proargtypes) WITH ORDINALITY AS u (a, n)), ''), '-')
		|| coalesce(' in=' || (SELECT string_agg(coalesce(nullif(proargnames[n], ''), '-'), ',' ORDER BY n) FROM generate_series(1, pronargs) n
			WHERE pronargdefaults > 0 AND proargmodes IS NULL), '')
		|| coalesce(' out=' || (SELECT string_agg(coalesce(nullif(name, ''), '-') || ':' || NAME(a), ',' ORDER BY n)
			FROM unnest(proallargtypes, proargmodes::text[], proargnames) WITH ORDINALITY AS u (a, mode, name, n) WHERE mode IN ('o', 'b', 't')), '')
	FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'p'
		AND prorettype NOT IN (SELECT oid FROM pg_type WHERE typname IN ('internal', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler'))
		AND NOT EXISTS (SELECT FROM unnest(proargtypes) AS u (a) JOIN pg_type t ON t.oid = a WHERE typname IN ('internal', 'cstring'))`,
	`SELECT DISTINCT 'N ' || proname FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace
		AND (prokind = 'p' OR prorettype IN (SELECT oid FROM pg_type WHERE typname IN ('internal', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler'))
		OR EXISTS (SELECT FROM unnest(proargtypes) AS u (a) JOIN pg_type t ON t.oid = a WHERE typname IN ('internal', 'cstring')))`,
}

// extensionQuery prints what an extension defines that a query can name.
const extensionQuery = `SELECT 'X ' || extname || coalesce((SELECT string_agg(DISTINCT ' ' || CASE WHEN p.oid IS NOT NULL THEN 'f:' || proname ELSE 'o:' || oprname END, '' ORDER BY
		' ' || CASE WHEN p.oid IS NOT NULL THEN 'f:' || proname ELSE 'o:' || oprname END)
	FROM pg_depend d LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid LEFT JOIN pg_operator o ON d.classid = 'pg_operator'::regclass AND o.oid = d.objid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' AND (p.oid IS NOT NULL OR o.oid IS NOT NULL)), '') FROM pg_extension e WHERE extname <> 'plpgsql'`

// extensionLines are those of every extension that a server has at hand and that can be installed.
func extensionLines(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	ctx := context.Background()
	rows, err := conn.Query(ctx, "SELECT name FROM pg_available_extensions ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE"); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
	rows, err = conn.Query(ctx, extensionQuery)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// expandNames replaces NAME(oid): a type's internal name, "int4[]" for an array.
func expandNames(sql string) string {
	for {
		i := strings.Index(sql, "NAME(")
		if i < 0 {
			return sql
		}
		j := i + strings.IndexByte(sql[i:], ')')
		oid := sql[i+len("NAME(") : j]
		sql = sql[:i] + "(SELECT CASE WHEN x.typcategory = 'A' AND x.typelem <> 0 AND x.typname LIKE '\\_%' THEN (SELECT typname FROM pg_type y WHERE y.oid = x.typelem) || '[]' ELSE x.typname::text END FROM pg_type x WHERE x.oid = " + oid + ")" + sql[j+1:]
	}
}

func builtinLines(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var lines []string
	for _, q := range builtinQueries {
		rows, err := conn.Query(context.Background(), expandNames(q))
		if err != nil {
			t.Fatalf("%v\n%s", err, expandNames(q))
		}
		for rows.Next() {
			var line *string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			if line != nil {
				lines = append(lines, *line)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

// TestBuiltins compares builtins.txt with what servers have: nothing of a server may
// be missing in it. With -update it writes the file.
func TestBuiltins(t *testing.T) {
	servers := pgtest.Servers(t)
	versions := map[string][]int{}
	for _, s := range servers {
		conn := s.NewDatabase(t)
		for _, line := range builtinLines(t, conn) {
			versions[line] = append(versions[line], s.Version)
		}
		for _, line := range extensionLines(t, conn) {
			f := strings.Fields(line)
			for _, member := range f[2:] {
				line := "X " + f[1] + " " + member
				versions[line] = append(versions[line], s.Version)
			}
			versions["X "+f[1]] = append(versions["X "+f[1]], s.Version)
		}
	}
	if *update {
		if len(servers) < 4 {
			t.Fatal("all of PostgreSQL 14, 16, 17 and 18 are needed")
		}
		var out []string
		for line, in := range versions {
			first, last := 0, 99
			for i, s := range servers {
				switch {
				case i > 0 && s.Version == slices.Min(in):
					first = servers[i-1].Version + 1 // a version between the two may have it
				case i < len(servers)-1 && s.Version == slices.Max(in):
					last = servers[i+1].Version - 1
				}
			}
			if len(in) < len(servers) {
				line += fmt.Sprintf("\t%d-%d", first, last)
			}
			out = append(out, line)
		}
		slices.Sort(out)
		out = joinExtensions(out)
		if err := os.WriteFile("builtins.txt", []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("builtins.txt")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		have[line] = true
		if f := strings.Fields(line); f[0] == "X" {
			have["X "+f[1]] = true
			for _, member := range f[2:] {
				have["X "+f[1]+" "+member] = true
			}
		}
	}
	for line := range versions {
		if !have[line] {
			t.Errorf("builtins.txt lacks %q: run the test with -update", line)
		}
	}
}

// joinExtensions makes one line of all that an extension has in any version.
func joinExtensions(lines []string) []string {
	var out []string
	for _, line := range lines {
		f := strings.Fields(line)
		if f[0] != "X" {
			out = append(out, line)
			continue
		}
		if last := len(out) - 1; last >= 0 && strings.HasPrefix(out[last]+" ", "X "+f[1]+" ") {
			if len(f) > 2 && strings.Contains(f[2], ":") {
				out[last] += " " + f[2]
			}
			continue
		}
		out = append(out, "X "+f[1])
		if len(f) > 2 && strings.Contains(f[2], ":") {
			out[len(out)-1] += " " + f[2]
		}
	}
	return out
}
