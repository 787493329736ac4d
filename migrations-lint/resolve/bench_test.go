package resolve_test

import (
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/migrations-lint/resolve"
)

// BenchmarkOn judges the queries of testdata on a catalog.
func BenchmarkOn(b *testing.B) {
	c := load(b, read(b, "testdata/schema.sql"))
	var queries []*resolve.Query
	for sql := range strings.Lines(read(b, "testdata/queries.sql")) {
		q, err := resolve.Parse(strings.TrimSpace(sql))
		if err != nil {
			b.Fatal(err)
		}
		queries = append(queries, q)
	}
	n := 0
	for b.Loop() {
		queries[n%len(queries)].On(c)
		n++
	}
}
