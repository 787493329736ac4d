package code

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// IsCode tells that a path may hold the application's code: of a language that is
// known, and no test, example, documentation, migration or vendored copy. With globs
// it is also one that they select; a glob may be a folder.
func IsCode(name string, globs []string) bool {
	if len(globs) > 0 {
		selected := false
		for _, glob := range globs {
			selected = selected || doublestar.MatchUnvalidated(glob, name) ||
				strings.HasPrefix(name, strings.TrimSuffix(glob, "/")+"/")
		}
		if !selected {
			return false
		}
	}
	return (known[strings.ToLower(path.Ext(name))] || isSQLx(name)) && !IsTest(name) && !aside(name)
}

// known are the endings of the languages that code is written in.
var known = setOf(`.go .py .rb .erb .rake .php .rs .sql .ex .exs .eex .heex .prisma .js .jsx .mjs .cjs .ts .tsx .mts .cts .java .kt .kts .scala .cs
	.swift .c .h .cc .cpp .hpp .dart .groovy .vue .svelte .clj .cljc .fs .vb .pl .pm`)

// isSQLx tells that a path is one of the files in which sqlx keeps the queries of a Rust program.
func isSQLx(name string) bool {
	base := path.Base(name)
	return base == "sqlx-data.json" || strings.HasSuffix(base, ".json") && strings.HasPrefix(base, "query-") && path.Base(path.Dir(name)) == ".sqlx"
}

// asideFolders hold what is not the application.
var asideFolders = setOf(`vendor node_modules third_party docs doc examples example site-packages dist bower_components .git seeds seed
	migrations migrate changelog changelogs`)

func aside(name string) bool {
	for folder := range strings.SplitSeq(path.Dir(name), "/") {
		if asideFolders[folder] {
			return true
		}
	}
	base := path.Base(name)
	return strings.HasSuffix(base, ".min.js") || strings.HasSuffix(base, ".pb.go") || base == "schema.sql" || base == "structure.sql" || base == "schema.rb" ||
		base == "dump.sql" || base == "seed.sql" || base == "seeds.sql" || base == "seeds.rb" || strings.Contains(name, "alembic/versions/")
}

// testFolders hold tests and what they need.
var testFolders = setOf(`test tests spec specs testdata __tests__ __mocks__ fixtures fixture e2e cypress features mocks mock testutil testutils
	testing testhelper testhelpers`)

// IsTest tells that a path belongs to the tests.
func IsTest(name string) bool {
	for folder := range strings.SplitSeq(path.Dir(name), "/") {
		if testFolders[strings.ToLower(folder)] {
			return true
		}
	}
	base := path.Base(name)
	stem := strings.TrimSuffix(base, path.Ext(base))
	return strings.HasSuffix(stem, "_test") || strings.HasPrefix(stem, "test_") || strings.HasSuffix(stem, ".test") ||
		strings.HasSuffix(stem, ".spec") || strings.HasSuffix(stem, ".stories") || strings.HasSuffix(stem, "_spec") || stem == "conftest" ||
		strings.HasSuffix(stem, "Test") || strings.HasSuffix(stem, "Tests") || strings.HasSuffix(stem, "IT") && path.Ext(base) == ".java"
}

// engines are database systems by what paths call them. Those that speak PostgreSQL's
// protocol and SQL are "postgres".
var engines = map[string]string{
	"postgres": "postgres", "postgresql": "postgres", "pgsql": "postgres", "psql": "postgres", "pgx": "postgres", "cockroach": "postgres",
	"cockroachdb": "postgres", "yugabyte": "postgres", "timescale": "postgres", "timescaledb": "postgres",
	"mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "sqlite3": "sqlite", "mssql": "sqlserver", "sqlserver": "sqlserver",
	"cassandra": "cassandra", "scylla": "cassandra", "clickhouse": "clickhouse", "bigquery": "bigquery", "snowflake": "snowflake",
	"duckdb": "duckdb", "spanner": "spanner", "dynamodb": "dynamodb", "mongodb": "mongodb",
}

// Engine is the database system that a path names, the innermost folder or file that
// names one: mysql-persistence/UserDAO.java is mysql's. It is "" when none does.
func Engine(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, path.Ext(name)))
	for name != "" && name != "." {
		segment := path.Base(name)
		for word, engine := range engines {
			if calls(segment, word) {
				return engine
			}
		}
		name = strings.TrimSuffix(strings.TrimSuffix(name, segment), "/")
	}
	return ""
}

// calls tells that a folder or file is called by a word: it begins or ends with it,
// or has it between signs.
func calls(segment, word string) bool {
	for at := 0; ; {
		i := strings.Index(segment[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		if start == 0 || end == len(segment) || !isLetter(segment[start-1]) && !isLetter(segment[end]) {
			return true
		}
		at = end
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || c >= 0x80 }
