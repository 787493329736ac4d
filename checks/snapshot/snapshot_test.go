package snapshot

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func full() *Snapshot {
	return &Snapshot{
		Version: 1, TakenAt: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Engine: "postgres", ServerVersion: "17.2", Database: "main",
		LeftOut:    []string{"the queries: pg_stat_statements is not installed"},
		Migrations: []MigrationTable{{Table: "public.schema_migrations", UpTo: "2", Failed: []string{"2"}}},
		Tables:     []Table{{Name: "public.orders", Rows: 12, Bytes: 8192, Partitions: 3, InvalidIndexes: []string{"a_idx"}}, {Name: "public.users", Rows: Unknown}},
		Schema:     []string{"CREATE TABLE public.orders (", "    id bigint", ");"},
		Queries:    []Query{{Query: "SELECT a < $1 FROM orders", Calls: 3, Users: []string{"app"}}, {Query: "SELECT 'é\n'", Truncated: true}},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, s := range map[string]*Snapshot{"full": full(), "empty": {Version: 1, Engine: "postgres", Queries: []Query{}}} {
		content := s.Encode()
		back, err := Read(content)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, content)
		}
		if diff := cmp.Diff(s, back, cmpopts.IgnoreUnexported(Snapshot{})); diff != "" {
			t.Errorf("%s changes on the way (-written +read):\n%s", name, diff)
		}
		for i, q := range back.Queries {
			if line := strings.Split(string(content), "\n")[back.QueryLine(i)-1]; !strings.Contains(line, string(encoded(q.Query))) {
				t.Errorf("query %d stands in line %d, says the reader: %s", i, back.QueryLine(i), line)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for content, want := range map[string]string{
		"":                                  "not a snapshot",
		"[]":                                "not a snapshot",
		`{"version": 2}`:                    "has version 2, and this pmcheck reads version 1",
		`{"version": 2, "more": 1}`:         "use a newer pmcheck",
		`{"version": 1, "engine": "mysql"}`: `engine "mysql"`,
		`{"version": 1, "engine": "postgres"} {}`:                                                        "more follows",
		`{"version": 1, "engine": "postgres", "x":1}`:                                                    `unknown field "x"`,
		strings.Repeat(" ", MaxBytes+1):                                                                  "more than 32 MiB",
		`{"version": 1, "engine": "postgres", "queries": [` + strings.Repeat(`{},`, maxQueries) + `{}]}`: "50001 queries",
	} {
		if _, err := Read([]byte(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", content, err, want)
		}
	}
}

// What is read and written again is the same.
func FuzzRead(f *testing.F) {
	f.Add(full().Encode())
	f.Add([]byte(`{"version": 1, "engine": "postgres", "queries": [{"query": "\u0000", "calls": -1}]}`))
	f.Add([]byte(`{"version":1,"engine":"postgres","tables":[{"name":"","rows":1e3}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := Read(content)
		if err != nil {
			return
		}
		once := s.Encode()
		again, err := Read(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, once)
		}
		if !bytes.Equal(once, again.Encode()) {
			t.Fatalf("another file:\n%s\n%s", once, again.Encode())
		}
	})
}
