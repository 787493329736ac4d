package resolve_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// FuzzResolve judges any text on a full and on an empty catalog: it must not panic,
// not take long, and a query without a table of the catalog must not depend on it.
func FuzzResolve(f *testing.F) {
	for sql := range strings.Lines(read(f, "testdata/queries.sql")) {
		f.Add(strings.TrimSpace(sql))
	}
	for _, sql := range []string{"", ";", "SELECT pmcheck_hole1 FROM users", "SELECT * FROM pmcheck_hole1 JOIN users USING (pmcheck_hole2)", "INSERT INTO pmcheck_hole1 (a) VALUES ($1)",
		"CREATE TEMP TABLE x (a int); SELECT a FROM x", "BEGIN; COMMIT", "SELECT 1; SELECT 2", "DO $$BEGIN END$$", "COPY users (name) FROM STDIN", "\x00", "\xff",
		strings.Repeat("(", 400) + "SELECT 1" + strings.Repeat(")", 400), "SELECT " + strings.Repeat("1+", 900) + "1", "WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM a"} {
		f.Add(sql)
	}
	full, empty := load(f, read(f, "testdata/schema.sql")), catalog.New()
	f.Fuzz(func(t *testing.T, sql string) {
		watchdog := time.AfterFunc(2*time.Minute, func() { panic(fmt.Sprintf("%q hangs", sql)) })
		defer watchdog.Stop()
		q, err := resolve.Parse(sql)
		if err != nil {
			return
		}
		for _, c := range []*catalog.Catalog{full, empty} {
			r := q.On(c)
			for _, reason := range r.Unclear {
				if reason == "the resolver failed" {
					t.Errorf("%q: a panic", sql)
				}
			}
			for _, failure := range r.Failures {
				if failure.Reason == "" || len(failure.SQLState) != 5 || failure.Offset > len(sql) {
					t.Errorf("%q: %+v", sql, failure)
				}
			}
		}
	})
}

// TestStarsOfStars sees that doubling the columns at each of many levels takes no time.
func TestStarsOfStars(t *testing.T) {
	sql := "SELECT 1 AS a"
	for range 60 {
		sql = "SELECT *, * FROM (" + sql + ") x"
	}
	q, err := resolve.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	if r := q.On(catalog.New()); len(r.Failures) == 0 || r.Failures[0].SQLState != "54011" {
		t.Errorf("failures %v", r.Failures)
	}
}
