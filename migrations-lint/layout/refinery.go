package layout

import "strings"

// refinery: V{version}__{name}.sql or .rs, in sub-folders too; U marks a migration that may run out of order, which is not an undo
// (rust-db/refinery refinery_core/src/util.rs, STEM_RE and find_migration_files; README.md). Ordered by version as a number. There are no
// ways down. Each migration runs in a transaction, or all in one with the runner's set_grouped(true), which the tree of files does
// not show (refinery_core/src/traits/sync.rs, migrate; refinery_core/src/drivers).
var _ = register(framework{
	name: "refinery",
	claim: func(f *folder) claim {
		if f.shapes&shapeVersioned != 0 && f.crate("refinery") {
			return claim{evidence: byDependency, why: "files named V1__name.sql, and Cargo.toml depends on refinery", root: flywayRoot(f.path)}
		}
		return claim{}
	},
	parse: func(name string) (n migrationName, ok bool) {
		stem, ok := strings.CutSuffix(name, ".sql")
		if !ok || stem == "" || stem[0] != 'V' && stem[0] != 'U' {
			return n, false
		}
		version, title, ok := strings.Cut(stem[1:], "__")
		for i := range len(title) {
			ok = ok && isWord(title[i])
		}
		return migrationName{version: version, title: title, direction: Up}, ok && title != "" && digits(version) == version && version != ""
	},
	compare: byNumber,
	adjust: func(l *listing) error {
		l.unreadCode(".rs", "Rust")
		return nil
	},
	transaction:    InFile,
	transactionWhy: "refinery runs each migration in a transaction",
})
