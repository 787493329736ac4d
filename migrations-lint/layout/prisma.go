package layout

import (
	"path"
	"strings"
)

// Prisma Migrate: prisma/migrations/{name}/migration.sql, in the order of the folders' names, and migration_lock.toml, which names the
// provider (prisma.io docs, "About migration histories"). There are no ways down, and no directive changes the transaction.
//
// Up to 7.3 the schema engine sends a file as one simple query, so PostgreSQL surrounds several statements with its implicit transaction
// (prisma/orm issue 14456). From 7.4 on, prisma-engines pull request 5767, it sends each statement as its own query; the parser that it cuts
// with does not know DROP INDEX CONCURRENTLY, and with it the whole file goes as one query again (pull request 5847). The nearest package.json
// tells the version.
var _ = register(framework{
	name:   "prisma",
	nested: true,
	claim: func(f *folder) claim {
		if f.nestedFile("migration.sql") == "" {
			return claim{}
		}
		if f.control("migration_lock.toml") {
			return claim{evidence: byControlFile, why: "folders with migration.sql, and migration_lock.toml"}
		}
		if f.control("../schema.prisma") {
			return claim{evidence: byFolder, why: "folders with migration.sql, beside schema.prisma"}
		}
		if f.last() == "migrations" {
			return claim{evidence: byHabit, why: "folders with migration.sql in a folder called migrations"}
		}
		return claim{}
	},
	parse: func(name string) (migrationName, bool) {
		folder, file := path.Split(name)
		folder = strings.TrimSuffix(folder, "/")
		n := migrationName{version: digits(folder), direction: Up}
		n.title = strings.TrimPrefix(folder[len(n.version):], "_")
		if n.version == "" {
			n.version, n.title = folder, ""
		}
		return n, file == "migration.sql"
	},
	compare: strings.Compare,
	adjust: func(l *listing) error {
		version, ok := l.folders[0].npmVersion("prisma")
		if !ok || !atLeast(version, "7", "4") || digits(strings.TrimLeft(version, "^~>=v ")) == "" {
			return nil
		}
		for i := range l.migrations {
			m := &l.migrations[i]
			l.byDefault(m, Autocommit, "Prisma "+version+" sends each statement as its own query")
			m.variant.splits = m.Transaction == Autocommit
		}
		return nil
	},
	transaction:    Implicit,
	transactionWhy: "Prisma sends a file as one query",
	script: func(b *builder) error {
		if !b.m.variant.splits {
			return nil
		}
		b.after = func() {
			for _, st := range statements(b.out.Text, b.m.engine) {
				if strings.HasPrefix(st.words, "DROP INDEX CONCURRENTLY") {
					b.transaction(Implicit, "Prisma sends a file with DROP INDEX CONCURRENTLY as one query")
				}
			}
		}
		return nil
	},
})

// nestedFile returns the first nested migration that holds a file.
func (f *folder) nestedFile(file string) string {
	for _, n := range f.nested {
		if f.sub(n).holds(file) {
			return n
		}
	}
	return ""
}
