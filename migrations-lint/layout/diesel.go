package layout

import (
	"path"
	"strings"

	"github.com/BurntSushi/toml"
)

// diesel: {version}_{name}/up.sql and down.sql, ordered by version as text with its dashes taken out (diesel-rs/diesel
// diesel_migrations/migrations_internals/src/lib.rs, version_from_string; diesel_migrations/src/migration_harness.rs). Each migration runs
// in a transaction unless its metadata.toml says run_in_transaction = false, or holds no such key at all: the key's default is false once
// the file is there and is TOML (migrations_internals, TomlMetadata). Without a transaction the file is sent as one query
// (docs.diesel.rs, FileBasedMigrations, "Transactions").
var _ = register(framework{
	name:   "diesel",
	nested: true,
	claim: func(f *folder) claim {
		if f.shapes&shapeNested == 0 || f.nestedWith("up.sql") == "" {
			return claim{}
		}
		switch {
		case f.control("diesel.toml") || f.control("../diesel.toml"):
			return claim{evidence: byControlFile, why: "folders with up.sql, and diesel.toml"}
		case f.crate("diesel") || f.crate("diesel-async"):
			return claim{evidence: byDependency, why: "folders with up.sql, and Cargo.toml depends on diesel"}
		case shaped(f.nestedWith("up.sql"), "dddd-dd-dd-dddddd"):
			return claim{evidence: byNames, why: "folders named YYYY-MM-DD-HHMMSS_name with up.sql"}
		}
		return claim{}
	},
	parse:   parseUpDownFolder,
	compare: strings.Compare,
	adjust: func(l *listing) error {
		for i := range l.migrations {
			m := &l.migrations[i]
			side := path.Join(path.Dir(m.Path), "metadata.toml")
			if !l.survey.controls[side] {
				continue
			}
			var meta struct {
				RunInTransaction bool `toml:"run_in_transaction"`
			}
			if toml.Unmarshal(l.survey.content(side), &meta) == nil && !meta.RunInTransaction {
				m.Transaction, m.TransactionWhy = Implicit, side+" turns the transaction off: the file is sent as one query"
			}
		}
		return nil
	},
	transaction:    InFile,
	transactionWhy: "diesel runs each migration in a transaction",
})

// nestedWith returns the first nested migration that starts with a digit and holds a file.
func (f *folder) nestedWith(file string) string {
	for _, n := range f.nested {
		if digits(n) != "" && f.sub(n).holds(file) {
			return n
		}
	}
	return ""
}

// parseUpDownFolder reads 2025-01-31-120000_title/up.sql.
func parseUpDownFolder(name string) (n migrationName, ok bool) {
	folder, file := path.Split(name)
	folder = strings.TrimSuffix(folder, "/")
	version, title, _ := strings.Cut(folder, "_")
	n = migrationName{version: strings.ReplaceAll(version, "-", ""), title: title, direction: Up}
	if file == "down.sql" {
		n.direction = Down
	}
	return n, digits(folder) != "" && (file == "up.sql" || file == "down.sql")
}
