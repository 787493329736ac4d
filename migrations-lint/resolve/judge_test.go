package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pmcheck/pmcheck/internal/pgtest"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// judges are the servers that the comparisons run on: PostgreSQL 17, or the newest
// before it; all of them when PMCHECK_ALL_VERSIONS=1.
func judges(t *testing.T) []*pgtest.Server {
	servers := pgtest.Servers(t)
	if os.Getenv("PMCHECK_ALL_VERSIONS") == "1" {
		return servers
	}
	for _, s := range slices.Backward(servers) {
		if s.Version <= 17 {
			return []*pgtest.Server{s}
		}
	}
	return servers[:1]
}

// verdict is what a server says of a query.
type verdict struct {
	state, message string
	prepared       bool // it was refused after PREPARE had taken it
	columns        []resolve.Column
}

// ask prepares a query on a server, plans it when that works, and executes it where
// that is asked for; nothing of it stays.
func ask(t testing.TB, conn *pgx.Conn, sql string, execute bool) verdict {
	t.Helper()
	ctx := context.Background()
	pg := conn.PgConn()
	run := func(sql string) error {
		_, err := pg.Exec(ctx, sql).ReadAll()
		return err
	}
	if err := run("BEGIN"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := run("ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}()
	description, err := pg.Prepare(ctx, "", sql, nil)
	if err != nil {
		return refusal(t, sql, err)
	}
	var v verdict
	for _, f := range description.Fields {
		v.columns = append(v.columns, resolve.Column{Name: f.Name, Type: catalog.Type{Name: fmt.Sprintf("%d %d", f.DataTypeOID, f.TypeModifier)}})
	}
	first := strings.ToUpper(strings.Fields(sql)[0])
	planned := slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE"}, first)
	switch {
	case execute:
		err = run(sql)
	case planned && serverVersion(t, conn) >= 16:
		err = run("EXPLAIN (GENERIC_PLAN) " + sql)
	case planned && !strings.Contains(sql, "$"):
		err = run("EXPLAIN " + sql)
	}
	if err != nil {
		v := refusal(t, sql, err)
		v.prepared = true
		return v
	}
	return v
}

func refusal(t testing.TB, sql string, err error) verdict {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v", sql, err)
	}
	return verdict{state: e.Code, message: e.Message}
}

func serverVersion(t testing.TB, conn *pgx.Conn) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscanf(conn.PgConn().ParameterStatus("server_version"), "%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// typeNames asks the server for the names of result types.
func typeNames(t testing.TB, conn *pgx.Conn, list []resolve.Column) []string {
	t.Helper()
	var names []string
	for _, c := range list {
		var oid, mod int64
		if _, err := fmt.Sscan(c.Type.Name, &oid, &mod); err != nil {
			t.Fatal(err)
		}
		var name string
		if err := conn.QueryRow(context.Background(), fmt.Sprintf("SELECT format_type(%d, %d)", oid, mod)).Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Name+" "+name)
	}
	return names
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestQueries compares every line of testdata/queries.sql with a server: whether it
// works, the SQLSTATE and the words of the refusal, the columns and their types.
func TestQueries(t *testing.T) {
	schema := read(t, "testdata/schema.sql")
	for _, server := range judges(t) {
		t.Run(fmt.Sprintf("PostgreSQL %d", server.Version), func(t *testing.T) {
			conn := server.NewDatabase(t)
			if _, err := conn.PgConn().Exec(context.Background(), schema).ReadAll(); err != nil {
				t.Fatal(err)
			}
			c := load(t, schema)
			c.Version = server.Version
			count := map[string]int{}
			for sql := range strings.Lines(read(t, "testdata/queries.sql")) {
				sql = strings.TrimSpace(sql)
				if sql == "" || strings.HasPrefix(sql, "--") || server.Version < 15 && strings.HasPrefix(sql, "MERGE") {
					continue
				}
				count["queries"]++
				compare(t, conn, c, sql, count)
			}
			t.Log(count)
		})
	}
}

// compare judges one query on both sides.
func compare(t testing.TB, conn *pgx.Conn, c *catalog.Catalog, sql string, count map[string]int) {
	t.Helper()
	q, err := resolve.Parse(sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return
	}
	r := q.On(c)
	execution := len(r.Failures) > 0 && r.Failures[0].Level == resolve.AtExecution
	v := ask(t, conn, sql, execution && !strings.Contains(sql, "$"))
	state, reason := "", ""
	if len(r.Failures) > 0 {
		state, reason = r.Failures[0].SQLState, r.Failures[0].Reason
	}
	switch {
	case execution && strings.Contains(sql, "$"):
		count["not asked"]++
	case state == "" && v.prepared && strings.HasPrefix(v.state, "22"):
		count["refused when the planner computes a constant"]++
	case len(r.Unclear) > 0 && (state == "" || execution && v.state != state):
		count["unclear"]++
		t.Logf("unclear %v: %s; the server says %s %s", r.Unclear, sql, v.state, v.message)
	case state != "" && v.state != state && strings.HasPrefix(v.state, "22"):
		count["refused by both, by the server for a literal"]++
	case v.state != state:
		t.Errorf("%s\n\tserver:  %s %s\n\tresolve: %s %s %v", sql, v.state, v.message, state, reason, r.Unclear)
	case state != "" && v.message != reason:
		t.Errorf("%s\n\tserver:  %s %s\n\tresolve: %s %s", sql, v.state, v.message, state, reason)
	case state != "":
		count["refused by both"]++
	default:
		count["works on both"]++
		compareColumns(t, conn, c, sql, v, r, count)
	}
}

func compareColumns(t testing.TB, conn *pgx.Conn, c *catalog.Catalog, sql string, v verdict, r resolve.Result, count map[string]int) {
	t.Helper()
	if len(r.Columns) == 0 && len(v.columns) > 0 {
		count["results not known"]++
		t.Logf("no columns: %s", sql)
		return
	}
	want := typeNames(t, conn, v.columns)
	for i, col := range r.Columns {
		if i >= len(want) {
			t.Errorf("%s: %d columns, the server has %d", sql, len(r.Columns), len(want))
			return
		}
		shown := col.Type // the protocol shows the type under a domain
		for u := c.Type(shown); u != nil && u.Kind == catalog.Domain && shown.Dims == 0; u = c.Type(shown) {
			shown = u.Base
		}
		if shown.Schema == "public" || shown.Schema == "pg_catalog" {
			shown.Schema = ""
		}
		got := col.Name + " " + strings.Replace(shown.String(), "bpchar", "character", 1)
		if shown.IsZero() || shown.Schema == "information_schema" {
			count["types not known"]++
			t.Logf("type not known: %s: %s", want[i], sql)
			got = want[i]
			if name, _, _ := strings.Cut(want[i], " "); col.Name != name && !strings.HasPrefix(want[i], col.Name+" ") {
				got = col.Name
			}
		}
		if want[i] = strings.Replace(want[i], "bpchar", "character", 1); got != want[i] {
			t.Errorf("%s: column %q, the server has %q", sql, got, want[i])
		}
		count["columns"]++
	}
}
