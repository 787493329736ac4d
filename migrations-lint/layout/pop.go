package layout

import (
	"path"
	"slices"
	"strings"
)

// pop (soda, buffalo): {version}_{name}[.{dialect}].{up,down}.{sql,fizz}, in sub-folders too. A file with a dialect runs on that
// database only; versions are compared as text, and at one version a dialect's file comes before that of all (gobuffalo/pop
// match.go, file_migrator.go, migration_info.go). Files are Go templates. Each runs in a transaction (migrator.go, UpTo).
//
// Ory's popx adds `.autocommit` before the direction, for files that run outside of a transaction (ory/hydra issue 3523).
var _ = register(framework{
	name:    "pop",
	claim:   claimPop,
	parse:   parsePop,
	compare: strings.Compare,
	engines: popEngines,
	list:    listPop,
	adjust: func(l *listing) error {
		for i := range l.migrations {
			if m := &l.migrations[i]; strings.Contains(path.Base(m.Path), ".autocommit.") {
				m.Transaction, m.TransactionWhy = Implicit, "autocommit in the file's name: the file is sent as one query without a transaction"
			}
		}
		l.unreadCode(".fizz", "Fizz")
		return nil
	},
	transaction:    InFile,
	transactionWhy: "pop runs each migration in a transaction",
	tags:           goTags | inStrings,
})

func claimPop(f *folder) claim {
	if !f.has(shapeNumbered | shapeUpDown) {
		return claim{}
	}
	if f.goModule("github.com/gobuffalo/pop") || f.goModule("github.com/ory/pop") {
		return claim{evidence: byDependency, why: "numbered .up.sql and .down.sql files, and go.mod requires pop"}
	}
	return claim{}
}

func parsePop(name string) (n migrationName, ok bool) {
	n, ok = parseUpDown(name)
	if ok {
		n.title, _, _ = strings.Cut(n.title, ".")
	}
	return n, ok
}

// popDialect returns the engine that a file is for, "" for all.
func popDialect(base string) Engine {
	for _, part := range strings.Split(base, ".")[1:] {
		if e := engineOf(part); e != "" {
			return e
		}
	}
	return ""
}

// popEngines are the dialects that the file names hold.
func popEngines(folders []*folder) []Engine {
	var engines []Engine
	for _, f := range folders {
		for _, base := range f.sql {
			if e := popDialect(base); e != "" && !slices.Contains(engines, e) {
				engines = append(engines, e)
			}
		}
	}
	return engines
}

// listPop keeps the files of the database's engine and those of all.
func listPop(l *listing) error {
	for _, f := range l.folders {
		for _, base := range f.sql {
			if e := popDialect(base); e == "" || e == l.db.Engine {
				l.add(path.Join(f.path, base), base)
			}
		}
	}
	l.sort() // at one version and name, .postgres.up.sql sorts before .up.sql
	return nil
}
