package checks

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/snapshot"
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// stateTables are the tables in which each framework notes what it has run, by their bare names. A framework that is not
// listed, such as a project's own runner, has the table whose versions are those of its files.
var stateTables = map[string]string{
	"atlas": "atlas_schema_revisions", "bun": "bun_migrations", "dbmate": "schema_migrations", "diesel": "__diesel_schema_migrations",
	"drizzle": "__drizzle_migrations", "flyway": "flyway_schema_history", "golang-migrate": "schema_migrations", "goose": "goose_db_version",
	"liquibase": "databasechangelog", "morph": "db_migrations", "node-pg-migrate": "pgmigrations", "pop": "schema_migration",
	"prisma": "_prisma_migrations", "refinery": "refinery_schema_history", "sql-migrate": "gorp_migrations", "sqitch": "changes",
	"sqlx": "_sqlx_migrations", "supabase": "schema_migrations", "tern": "schema_version",
}

// migrationKey tells migrations apart: a file may hold several.
func migrationKey(m layout.Migration) string { return m.Path + "\x00" + m.Version }

// stateOf finds the table that says what a database's migrations have run, and which
// have. It is nil where the snapshot has none, or several that fit as well.
func (l *live) stateOf(d *database) (*snapshot.MigrationTable, map[string]bool) {
	db := d.side()
	if db.Declared != nil {
		return nil, nil // there are no migrations
	}
	var best *snapshot.MigrationTable
	var ran map[string]bool
	tied := false
	for i := range l.Migrations {
		t := &l.Migrations[i]
		expected, listed := stateTables[db.Framework]
		if listed && catalog.ParseName(t.Table).Name != expected {
			continue
		}
		has := ranBy(t, db)
		if !listed && len(has) == 0 {
			continue
		}
		switch {
		case best == nil || len(has) > len(ran):
			best, ran, tied = t, has, false
		case len(has) == len(ran):
			tied = true
		}
	}
	if tied {
		return nil, nil
	}
	return best, ran
}

// ranBy are the migrations of a database that a tool's table says have run.
func ranBy(t *snapshot.MigrationTable, db *layout.Database) map[string]bool {
	ran := map[string]bool{}
	count, upTo := 0, -1
	for i, m := range db.Migrations {
		if m.Direction == layout.Up && t.UpTo != "" && isVersion(m, t.UpTo) {
			upTo = i
		}
	}
	names := map[string]bool{}
	for _, v := range t.Versions {
		names[normal(v)] = true
	}
	for i, m := range db.Migrations {
		if m.Direction != layout.Up {
			continue
		}
		count++
		before := upTo >= i || upTo < 0 && t.UpTo != "" && before(m.Version, t.UpTo)
		listed := slices.ContainsFunc(versionsOf(m), func(v string) bool { return names[v] })
		if (before || listed || count <= t.Count) && !slices.ContainsFunc(t.Failed, func(v string) bool { return isVersion(m, v) }) {
			ran[migrationKey(m)] = true
		}
	}
	return ran
}

// versionsOf are the words by which tools know a migration.
func versionsOf(m layout.Migration) []string {
	file := path.Base(m.Path)
	stem := strings.TrimSuffix(strings.TrimSuffix(file, ".sql"), ".up")
	out := []string{normal(m.Version), normal(file), normal(stem), normal(m.Version + "_" + m.Name)}
	if slices.Contains([]string{"up", "migration", "deploy"}, stem) {
		out = append(out, normal(path.Base(path.Dir(m.Path)))) // a folder for each
	}
	if digits := notDigit.ReplaceAllString(m.Version, ""); digits != "" {
		out = append(out, normal(digits)) // diesel: 2024-01-31-120000 is 20240131120000
	}
	if m.Version == "" {
		out = append(out, normal(m.Name)) // sqitch
	}
	return slices.DeleteFunc(out, func(v string) bool { return v == "" })
}

var notDigit = regexp.MustCompile(`[^0-9]`)

// normal is a version without the leading zeros that a number has none of.
func normal(version string) string {
	version = strings.ToLower(strings.TrimSpace(version))
	if trimmed := strings.TrimLeft(version, "0"); trimmed != "" {
		return trimmed
	}
	return version
}

func isVersion(m layout.Migration, version string) bool {
	return slices.Contains(versionsOf(m), normal(version))
}

// before tells that a version comes before another one, or is it. Both must be numbers.
func before(a, b string) bool {
	a, b = normal(a), normal(b)
	if a == "" || b == "" || notDigit.MatchString(a) || notDigit.MatchString(b) {
		return false
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a <= b
}

// unknown are the versions that a live database has run and no file here has.
func (l *live) unknown(d *database) []string {
	known := map[string]bool{}
	for _, db := range []*layout.Database{d.base, d.head} {
		if db == nil {
			continue
		}
		for _, m := range db.Migrations {
			for _, v := range versionsOf(m) {
				known[v] = true
			}
		}
		for _, u := range db.Unread {
			known[normal(u.Version)] = true
		}
	}
	var out []string
	versions := l.state.Versions
	if l.state.UpTo != "" {
		versions = append(slices.Clone(versions), l.state.UpTo)
	}
	for _, v := range versions {
		if !known[normal(v)] && normal(v) != "0" {
			out = append(out, v)
		}
	}
	return out
}

func (l *live) unmatched(d *database) int { return len(l.unknown(d)) }

// newerUnknown is the newest of those that come after a version, "" for none.
func (l *live) newerUnknown(d *database, version string) string {
	newest := ""
	for _, v := range l.unknown(d) {
		if before(version, v) && (newest == "" || before(newest, v)) {
			newest = v
		}
	}
	return newest
}
