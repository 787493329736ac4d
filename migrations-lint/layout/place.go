package layout

import (
	"path"
	"strings"
)

// passedOver are folders whose SQL is not a database's own migrations: other people's code, tests, examples, queries and data.
// Detection without configuration passes over everything below them.
var passedOver = map[string]bool{
	"node_modules": true, "vendor": true, "third_party": true, "bower_components": true, "site-packages": true,
	"test": true, "tests": true, "testing": true, "testdata": true, "testfiles": true, "t": true, "__tests__": true, "spec": true, "specs": true, "e2e": true,
	"fixture": true, "fixtures": true, "mocks": true, "stub": true, "stubs": true, "snapshots": true,
	"example": true, "examples": true, "sample": true, "samples": true, "docs": true, "doc": true,
	"query": true, "queries": true, "seed": true, "seeds": true, "seeders": true,
}

// ignoredBy returns the element of a path for which detection passes over it, or "".
func ignoredBy(p string) string {
	for p != "" {
		var element string
		element, p, _ = strings.Cut(p, "/")
		name := strings.ToLower(element)
		if passedOver[name] {
			return element
		}
		if strings.Contains(name, "test") && (strings.HasPrefix(name, "test_") || strings.HasPrefix(name, "test-") ||
			strings.HasSuffix(name, "_test") || strings.HasSuffix(name, "-test") ||
			strings.HasSuffix(name, "_tests") || strings.HasSuffix(name, "-tests") || strings.HasSuffix(name, ".tests")) {
			return element
		}
	}
	return ""
}

// engineNames are the names of engines as they occur in paths and in configuration files.
var engineNames = map[string]Engine{
	"postgres": Postgres, "postgresql": Postgres, "pg": Postgres, "psql": Postgres, "pgsql": Postgres, "pgx": Postgres, "pglite": Postgres,
	"mysql": MySQL, "mysql2": MySQL, "mariadb": MySQL,
	"sqlite": SQLite, "sqlite3": SQLite, "turso": SQLite, "libsql": SQLite, "d1": SQLite,
	"cockroach": "cockroach", "cockroachdb": "cockroach", "crdb": "cockroach", "mssql": "mssql", "sqlserver": "mssql",
	"oracle": "oracle", "hsqldb": "hsqldb", "h2": "h2", "db2": "db2", "clickhouse": "clickhouse", "vertica": "vertica",
	"cassandra": "cassandra", "spanner": "spanner", "snowflake": "snowflake", "ydb": "ydb", "duckdb": "duckdb",
	"firebird": "firebird", "exasol": "exasol", "bigquery": "bigquery", "redshift": "redshift", "singlestore": "singlestore",
}

// engineOf reads an engine's name, "" if it is none.
func engineOf(name string) Engine { return engineNames[strings.ToLower(name)] }

// upwards yields a folder and those above it, down to "." for the top of the tree.
func upwards(dir string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for yield(dir) && dir != "." && dir != "/" {
			dir = path.Dir(dir)
		}
	}
}

// engineInPath returns the engine that a folder's path names, the last one if several, and the element that names it.
func engineInPath(p string) (Engine, string) {
	for dir := range upwards(p) {
		name := path.Base(dir)
		if e := engineOf(name); e != "" {
			return e, name
		}
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
			if part == "pg" {
				return Postgres, name
			}
		}
		for _, word := range []string{"postgres", "mysql", "mariadb", "sqlite"} {
			if strings.Contains(strings.ToLower(name), word) {
				return engineOf(word), name
			}
		}
	}
	return "", ""
}

// sharedNames are folders beside those of the engines whose migrations all engines run.
var sharedNames = map[string]bool{"common": true, "shared": true, "all": true, "generic": true}

// isMigrationFolder says whether a folder's name says that it holds migrations. Those of future_migrations run once they have moved.
func isMigrationFolder(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "migrat") && !strings.Contains(name, "immigrat") && !strings.HasPrefix(name, "future") && !strings.HasPrefix(name, "draft")
}

// isHabitual says whether the folder lies where people keep migrations: it is called migrations, or it is the one of an
// engine, a database or a year right below.
func (f *folder) isHabitual() bool {
	if isMigrationFolder(f.last()) {
		return true
	}
	parent := path.Dir(f.path)
	if parent == "." || !isMigrationFolder(path.Base(parent)) {
		return false
	}
	if engineOf(f.last()) != "" || downFolders[strings.ToLower(f.last())] || strings.EqualFold(f.last(), "up") {
		return true
	}
	// Beside migrations, a folder with another name holds what they use: functions, scripts, data.
	up := f.survey.folders[parent]
	return up == nil || up.shapes&(shapeNumbered|shapeUpDown|shapeVersioned|shapeNested) == 0
}

// downFolders are folders of scripts that undo those beside them.
var downFolders = map[string]bool{"down": true, "rollback": true, "rollbacks": true, "undo": true, "revert": true}
