package layout

import (
	"strconv"
	"strings"
)

// golang-migrate: {version}_{title}.up.sql and .down.sql, ordered by version as an unsigned 64-bit number
// (golang-migrate/migrate MIGRATIONS.md; source/parse.go, Regex).
//
// Its PostgreSQL drivers send a file as one query (database/pgx/v5/pgx.go, Run and runStatement; database/postgres/README.md), so
// the server's implicit transaction surrounds several statements. Its SQLite driver begins a transaction (database/sqlite3).
// The URL option x-multi-statement=true sends statements one by one; it is not in the tree.
var _ = register(framework{
	name:  "golang-migrate",
	claim: claimGolangMigrate,
	parse: func(name string) (migrationName, bool) {
		n, ok := parseUpDown(name)
		if _, err := strconv.ParseUint(n.version, 10, 64); err != nil {
			return n, false
		}
		return n, ok
	},
	compare: byNumber,
	adjust: func(l *listing) error {
		for i := range l.migrations {
			if m := &l.migrations[i]; m.engine == SQLite {
				l.byDefault(m, InFile, "golang-migrate's SQLite driver runs a file in a transaction")
			}
		}
		l.unreadCode(".go", "Go")
		return nil
	},
	transaction:    Implicit,
	transactionWhy: "golang-migrate sends a file as one query",
	tags:           goTags | dollarTags | psqlTags | commentTags,
})

func claimGolangMigrate(f *folder) claim {
	if !f.has(shapeNumbered | shapeUpDown) {
		return claim{}
	}
	if f.goModule("github.com/golang-migrate/migrate") || f.goModule("github.com/mattes/migrate") {
		return claim{evidence: byDependency, why: "numbered .up.sql and .down.sql files, and go.mod requires golang-migrate"}
	}
	if len(f.manifests("go.mod")) == 0 && !f.crate("sqlx") {
		return claim{evidence: byNames, why: "numbered .up.sql and .down.sql files, as its command line tool runs them"}
	}
	return claim{}
}

// parseUpDown reads 123_title.up.sql.
func parseUpDown(name string) (n migrationName, ok bool) {
	version := digits(name)
	rest, ok := strings.CutPrefix(name[len(version):], "_")
	if version == "" || !ok {
		return n, false
	}
	up, down := strings.LastIndex(rest, ".up."), strings.LastIndex(rest, ".down.")
	n = migrationName{version: version, direction: Up}
	switch {
	case up > down:
		n.title = rest[:up]
	case down >= 0:
		n.title, n.direction = rest[:down], Down
	default:
		return n, false
	}
	return n, true
}
