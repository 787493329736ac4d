package layout

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Drizzle: {out}/{tag}.sql in the order of meta/_journal.json (drizzle-team/drizzle-orm drizzle-orm/src/migrator.ts, readMigrationFiles); from
// version 1 on {out}/{YYYYMMDDHHMMSS}_{name}/migration.sql beside snapshot.json, in the order of the folders' names (the same file on the branch
// beta). There are no ways down. A file is cut at `--> statement-breakpoint` and each piece is one query; on PostgreSQL and MySQL all pending
// migrations run in one transaction (drizzle-orm/src/pg-core/dialect.ts and mysql-core/dialect.ts, migrate). Only neon-http has none.
const drizzleBreakpoint = "--> statement-breakpoint"

var _ = register(framework{
	name: "drizzle",
	claim: func(f *folder) claim {
		// Supabase's own tool runs what drizzle-kit generates there.
		if f.isSupabase() {
			return claim{}
		}
		if f.control("meta/_journal.json") {
			return claim{evidence: byControlFile, why: "holds meta/_journal.json"}
		}
		for _, n := range f.nested {
			if shaped(n, "dddddddddddddd_") && f.control(n+"/snapshot.json") {
				return claim{evidence: byControlFile, why: "folders with migration.sql and snapshot.json"}
			}
		}
		return claim{}
	},
	parse: func(name string) (migrationName, bool) {
		stem := strings.TrimSuffix(strings.TrimSuffix(name, "/migration.sql"), ".sql")
		n := migrationName{version: digits(stem), direction: Up}
		n.title = strings.TrimPrefix(stem[len(n.version):], "_")
		return n, n.version != "" && stem != name
	},
	compare:        strings.Compare,
	list:           listDrizzle,
	transaction:    InAll,
	transactionWhy: "Drizzle runs all pending migrations in one transaction",
	script: func(b *builder) error {
		start := 0
		for start < len(b.src) {
			end, next := len(b.src), len(b.src)
			if i := strings.Index(b.src[start:], drizzleBreakpoint); i >= 0 {
				end, next = start+i, start+i+len(drizzleBreakpoint)
				b.blank(end, next)
				b.directive(end, drizzleBreakpoint, "one query ends")
			}
			if strings.TrimSpace(b.src[start:end]) != "" {
				b.span(start, end, "", 0)
			}
			start = next
		}
		if len(b.out.Directives) == 0 {
			b.out.Statements = nil
			return nil
		}
		b.spansInFile()
		return nil
	},
})

func listDrizzle(l *listing) error {
	for _, f := range l.folders {
		journal := path.Join(f.path, "meta/_journal.json")
		if !l.survey.controls[journal] {
			for _, n := range f.nested {
				name := n + "/migration.sql"
				if f.sub(n).holds("migration.sql") {
					l.add(path.Join(f.path, name), name)
				}
			}
			l.sort()
			continue
		}
		if err := l.journal(f, journal); err != nil {
			return err
		}
	}
	return nil
}

// journal lists the files that Drizzle's journal names, in its order; a file that it does not name is never run.
func (l *listing) journal(f *folder, p string) error {
	var journal struct {
		Entries []struct {
			Tag string `json:"tag"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(l.survey.content(p), &journal); err != nil {
		return fmt.Errorf("%s: is not Drizzle's journal: %w", p, err)
	}
	named := map[string]bool{}
	for _, e := range journal.Entries {
		base := e.Tag + ".sql"
		named[base] = true
		file := path.Join(f.path, base)
		n, ok := l.framework.parse(base)
		if !ok {
			n = migrationName{version: e.Tag, direction: Up}
		}
		if !f.holds(base) {
			l.unread(file, n.version, "%s names this file, and it is not there: Drizzle refuses to run", p)
			continue
		}
		l.migrations = append(l.migrations, l.migration(file, n))
	}
	for _, base := range f.sql {
		if n, ok := l.framework.parse(base); ok && !named[base] {
			l.unread(path.Join(f.path, base), n.version, "%s does not name this file: Drizzle does not run it", p)
			l.db.Unread[len(l.db.Unread)-1].NotRun = true
		}
	}
	return nil
}
