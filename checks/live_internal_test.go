package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/pmcheck/pmcheck/checks/snapshot"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

func TestSizesInWords(t *testing.T) {
	for want, size := range map[string][2]int64{
		"no rows":                        {0, 8192},
		"1 row":                          {1, 8192},
		"999 rows (64 kB)":               {999, 65536},
		"about 1,000 rows (64 kB)":       {1000, 65536},
		"about 12,000 rows (1 MB)":       {12_345, 1 << 20},
		"about 990,000 rows (1 MB)":      {990_000, 1 << 20},
		"about 1 million rows (347 MB)":  {999_999, 364_093_440},
		"about 12 million rows (9.4 GB)": {12_034_567, 10_093_173_145},
		"about 1.2 billion rows (2 TB)":  {1_234_567_890, 2 << 40},
		"9.4 GB":                         {snapshot.Unknown, 10_093_173_145},
	} {
		if got := sizeInWords(size[0], size[1]); got != want {
			t.Errorf("%d rows and %d bytes are %q, want %q", size[0], size[1], got, want)
		}
	}
	for want, d := range map[string]time.Duration{"1 second": time.Second, "59 seconds": 59 * time.Second, "42 minutes": 42 * time.Minute, "3 hours": 3 * time.Hour, "2 days": 49 * time.Hour} {
		if got := timeInWords(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

// Which migrations have run, by the words of each tool.
func TestRanBy(t *testing.T) {
	up := func(path, version, name string) layout.Migration {
		return layout.Migration{Path: path, Version: version, Name: name, Direction: layout.Up}
	}
	numbered := []layout.Migration{up("m/001_a.up.sql", "001", "a"), up("m/002_b.up.sql", "002", "b"), up("m/010_c.up.sql", "010", "c")}
	for name, test := range map[string]struct {
		table      snapshot.MigrationTable
		migrations []layout.Migration
		want       string
	}{
		"golang-migrate":       {snapshot.MigrationTable{UpTo: "2"}, numbered, "001 002"},
		"golang-migrate dirty": {snapshot.MigrationTable{UpTo: "2", Failed: []string{"2"}}, numbered, "001"},
		"of a version between": {snapshot.MigrationTable{UpTo: "7"}, numbered, "001 002"},
		"listed":               {snapshot.MigrationTable{Versions: []string{"1", "10"}}, numbered, "001 010"},
		"none":                 {snapshot.MigrationTable{}, numbered, ""},
		"drizzle":              {snapshot.MigrationTable{Count: 2}, numbered, "001 002"},
		"flyway's baseline":    {snapshot.MigrationTable{UpTo: "2", Versions: []string{"10"}}, numbered, "001 002 010"},
		"prisma": {snapshot.MigrationTable{Versions: []string{"20240101000000_init"}},
			[]layout.Migration{up("p/20240101000000_init/migration.sql", "20240101000000", "init"), up("p/20240102000000_b/migration.sql", "20240102000000", "b")}, "20240101000000"},
		"diesel": {snapshot.MigrationTable{Versions: []string{"20240101120000"}},
			[]layout.Migration{up("d/2024-01-01-120000_a/up.sql", "2024-01-01-120000", "a"), up("d/2024-01-02-120000_b/up.sql", "2024-01-02-120000", "b")}, "2024-01-01-120000"},
		"sql-migrate": {snapshot.MigrationTable{Versions: []string{"2-b.sql"}}, []layout.Migration{up("m/1-a.sql", "1", "a"), up("m/2-b.sql", "2", "b")}, "2"},
	} {
		ran := ranBy(&test.table, &layout.Database{Migrations: test.migrations})
		var got []string
		for _, m := range test.migrations {
			if ran[migrationKey(m)] {
				got = append(got, m.Version)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %q have run, want %s", name, got, test.want)
		}
	}
}
