package layout

import "strings"

// sqlx: {version}_{description}.sql, or .up.sql and .down.sql, ordered by version as a number (launchbadge/sqlx
// sqlx-core/src/migrate/source.rs, migration_type.rs). Each file runs in a transaction; a file whose first bytes are
// `-- no-transaction` is sent as one query without (source.rs, no_tx; sqlx-postgres/src/migrate.rs, execute_migration).
var _ = register(framework{
	name: "sqlx",
	claim: func(f *folder) claim {
		if f.has(shapeNumbered) && (f.isHabitual() || f.has(shapeUpDown)) && f.crate("sqlx") {
			return claim{evidence: byDependency, why: "numbered SQL files, and Cargo.toml depends on sqlx"}
		}
		return claim{}
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := numbered(name, "_", ".sql")
		if stem, isDown := strings.CutSuffix(n.title, ".down"); isDown {
			n.title, n.direction = stem, Down
		}
		n.title = strings.TrimSuffix(n.title, ".up")
		return n, ok
	},
	compare:        byNumber,
	transaction:    InFile,
	transactionWhy: "sqlx runs each file in a transaction",
	script: func(b *builder) error {
		const directive = "-- no-transaction"
		if strings.HasPrefix(b.src, directive) {
			b.directive(0, directive, "no transaction")
			b.transaction(Implicit, "-- no-transaction: the file is sent as one query")
		}
		return nil
	},
})
