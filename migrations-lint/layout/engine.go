package layout

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// engine tells a database's engine: a folder's name says it most plainly, then a control file of the framework, then the SQL
// itself, then the drivers that the project requires.
func (s *survey) engine(root string, folders []*folder) (Engine, string) {
	inPath, element := engineInPath(root)
	if inPath == Postgres || inPath == MySQL || inPath == SQLite {
		return inPath, "the folder's name says " + element
	}
	for _, f := range folders {
		if e, why := f.engineInControl(); e != "" {
			return e, why
		}
	}
	for _, f := range folders {
		if e, sign := engineInSQL(f.samples()); e != "" {
			return e, "the SQL holds " + sign
		}
	}
	if inPath != "" {
		return inPath, "the folder's name says " + element
	}
	for _, f := range folders {
		if e, driver := f.engineInManifest(); e != "" {
			return e, "the project requires " + driver
		}
	}
	return "", ""
}

// rank orders engines: those that are read first.
func (e Engine) rank() int {
	if i := slices.Index([]Engine{Postgres, MySQL, SQLite}, e); i >= 0 {
		return i
	}
	return 3
}

// engineInControl reads the settings that name an engine outright.
func (f *folder) engineInControl() (Engine, string) {
	controls := []struct{ file, key string }{
		{"migration_lock.toml", "provider"},
		{"meta/_journal.json", `"dialect"`},
		{"sqitch.conf", "engine"},
	}
	for _, n := range f.nested {
		if f.control(n + "/snapshot.json") {
			controls = append(controls, struct{ file, key string }{n + "/snapshot.json", `"dialect"`})
			break
		}
	}
	for _, c := range controls {
		if !f.control(c.file) {
			continue
		}
		p := path.Join(f.path, c.file)
		if e := engineOf(setting(string(f.survey.content(p)), c.key)); e != "" {
			return e, p + " says " + string(e)
		}
	}
	if f.control("tern.conf") {
		return Postgres, "tern runs on PostgreSQL alone"
	}
	if f.isSupabase() {
		return Postgres, "Supabase is PostgreSQL"
	}
	return "", ""
}

// setting returns the first word that a JSON or an INI file gives to a key.
func setting(text, key string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		_, rest, ok := strings.Cut(line, key)
		if !ok {
			continue
		}
		rest = strings.TrimLeft(rest, " \t:=\"'")
		if i := strings.IndexAny(rest, " \t,\"'}"); i >= 0 {
			rest = rest[:i]
		}
		return rest
	}
	return ""
}

// EngineOf tells the engine that schema files are for, "" where they do not show it.
func EngineOf(contents [][]byte) Engine {
	var heads [][]byte
	for _, c := range contents {
		heads = append(heads, c[:min(len(c), maxHead)])
	}
	e, _ := engineInSQL(heads)
	return e
}

// signs are words, in lower case, that show an engine: strong ones that only its SQL holds, and weak ones that another's may hold.
var signs = []struct {
	engine       Engine
	strong, weak []string
}{
	{Postgres, []string{"serial", "timestamptz", "jsonb", "bytea", "plpgsql", "create extension", "gen_random_uuid", "uuid_generate", "concurrently",
		"pg_catalog", "using gin", "using btree", "text[]", "$$", "::", "alter type", "with time zone"}, []string{"create type", "create sequence", "alter column", "uuid"}},
	{MySQL, []string{"innodb", "myisam", "auto_increment", "unsigned", "utf8mb", "tinyint", "modify column", "datetime(", "longtext", "on update current_timestamp"}, []string{"`"}},
	{"clickhouse", []string{"mergetree", "lowcardinality", "datetime64", " on cluster "}, nil},
	{SQLite, []string{"autoincrement", "pragma ", "without rowid", "datetime('now')", "strftime(", "randomblob("}, []string{"blob", "integer primary key"}},
}

// engineInSQL adds up the signs of each engine, and answers only if one has more than the others.
func engineInSQL(heads [][]byte) (engine Engine, sign string) {
	text := strings.ToLower(string(bytes.Join(heads, []byte("\n"))))
	most, second := 0, 0
	for _, s := range signs {
		sum, first := 0, ""
		for i, word := range append(slices.Clip(s.strong), s.weak...) {
			if !strings.Contains(text, word) {
				continue
			}
			if first == "" {
				first = strings.TrimSpace(word)
			}
			if sum++; i < len(s.strong) {
				sum++
			}
		}
		switch {
		case sum > most:
			engine, sign, most, second = s.engine, first, sum, most
		case sum > second:
			second = sum
		}
	}
	if most == second {
		return "", ""
	}
	return engine, sign
}

// drivers are packages that speak to one engine.
var drivers = []struct {
	engine  Engine
	modules []string // Go
	crates  []string // features or crates that a Cargo.toml names in quotes or as a key
	npm     []string
	java    []string // artifacts of Maven and Gradle
}{
	{Postgres, []string{"github.com/lib/pq", "github.com/jackc/pgx"}, []string{`"postgres"`, `"tokio-postgres"`, "tokio-postgres"}, []string{"pg", "postgres"}, []string{"postgresql"}},
	{MySQL, []string{"github.com/go-sql-driver/mysql"}, []string{`"mysql"`, `"mysql_async"`}, []string{"mysql", "mysql2"}, []string{"mysql-connector", "mariadb-java-client"}},
	{SQLite, []string{"github.com/mattn/go-sqlite3", "modernc.org/sqlite"}, []string{`"sqlite"`, `"rusqlite"`}, []string{"better-sqlite3", "sqlite3"}, []string{"sqlite-jdbc"}},
}

// engineInManifest answers if the project has the drivers of one engine only.
func (f *folder) engineInManifest() (engine Engine, driver string) {
	for _, d := range drivers {
		found := ""
		for _, m := range d.modules {
			if found == "" && f.goModule(m) {
				found = m
			}
		}
		if found == "" {
			found = f.manifestHolds(d.crates, "Cargo.toml")
		}
		if found == "" {
			found = f.manifestHolds(d.java, "pom.xml", "build.gradle", "build.gradle.kts")
		}
		for _, n := range d.npm {
			if _, ok := f.npmVersion(n); ok && found == "" {
				found = n
			}
		}
		if found == "" {
			continue
		}
		if engine != "" {
			return "", ""
		}
		engine, driver = d.engine, found
	}
	return engine, driver
}

// manifestHolds returns the first of some words that stands in one of the named manifests.
func (f *folder) manifestHolds(words []string, manifests ...string) string {
	for _, base := range manifests {
		for _, p := range f.manifests(base) {
			for _, word := range words {
				if bytes.Contains(f.survey.content(p), []byte(word)) {
					return strings.Trim(word, `"`)
				}
			}
		}
	}
	return ""
}
