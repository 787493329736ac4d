package layout

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// sqldef keeps no migrations: it compares schema files with the database and runs the difference. Its three programs and their
// flags stand in cmd-psqldef.md, cmd-mysqldef.md and cmd-sqlite3def.md of its repository.
//
// psqldef sends what can share a transaction in one, and behind that each statement with CONCURRENTLY on its own (database.RunDDLs);
// mysqldef's statements end the transaction each (MySQL manual, "Statements That Cause an Implicit Commit").
const sqldefName = "sqldef"

// Declared says how a database is run whose truth is a schema file.
type Declared struct {
	// Drops says whether sqldef is told to drop what the files no longer hold (--enable-drop).
	Drops Answer
	// DropsWhy is where that was found, "" when it was not.
	DropsWhy string
	// Concurrently is sqldef's create_index_concurrently; NoTransaction its --disable-ddl-transaction.
	Concurrently, NoTransaction bool
	// LockTimeout is set by --before-apply, "" when it is not.
	LockTimeout string
}

// Answer is yes, no, or unknown.
type Answer int

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

// sqldefPrograms are sqldef's programs, by the engine that each is for.
var sqldefPrograms = map[string]Engine{"psqldef": Postgres, "mysqldef": MySQL, "sqlite3def": SQLite}

// declaredAt makes a database of schema files.
func declaredAt(root string, files []string, engine Engine, cfg *Config, why string, run Declared) Database {
	db := Database{Name: root, Root: root, Engine: engine, Framework: sqldefName, Why: why, Declared: &run}
	transaction, transactionWhy := InFile, "psqldef runs all that can share a transaction in one, and then each CONCURRENTLY on its own"
	switch {
	case engine == MySQL:
		transaction, transactionWhy = Autocommit, "MySQL commits at every statement that changes a table"
	case run.NoTransaction:
		transaction, transactionWhy = Autocommit, "sqldef is told --disable-ddl-transaction"
	}
	for _, f := range files {
		db.Migrations = append(db.Migrations, Migration{
			Path: f, Name: path.Base(f), Direction: Up, Transaction: transaction, TransactionWhy: transactionWhy, engine: engine, values: cfg.Placeholders,
		})
	}
	return db
}

// detectDeclared serves an entry with `declared:`.
func detectDeclared(tree Tree, paths []string, cfg *Config, patterns []string) ([]Database, error) {
	var files []string
	for _, pattern := range patterns {
		if err := checkPattern(pattern); err != nil {
			return nil, err
		}
		sel := newSelection(pattern)
		for _, p := range paths {
			if sel.chooses(p) && strings.HasSuffix(p, ".sql") && !slices.Contains(files, p) {
				files = append(files, p)
			}
		}
	}
	s := newSurvey(tree, paths, everyPath{})
	calls := s.sqldefCalls(paths)
	run := Declared{}
	engine := cfg.Engine
	for _, c := range calls {
		if engine == "" || engine == c.engine {
			engine = c.engine
			run.heed(c)
		}
	}
	if cfg.EnableDrop != nil {
		run.Drops, run.DropsWhy = No, "the configuration says `enable_drop: false`"
		if *cfg.EnableDrop {
			run.Drops, run.DropsWhy = Yes, "the configuration says `enable_drop: true`"
		}
	}
	if len(files) == 0 {
		// No such file on this side of the change: a database without tables.
		root := newSelection(patterns[0]).pattern
		db := Database{Name: root, Root: root, Engine: engine, Framework: sqldefName, Why: "named in the configuration; no schema file lies there yet", Declared: &run}
		cfg.apply(&db)
		return []Database{db}, s.err
	}
	if engine == "" {
		engine, _ = s.engineOfFiles(files)
	}
	db := declaredAt(newSelection(patterns[0]).pattern, files, engine, cfg, "named in the configuration", run)
	cfg.apply(&db)
	return []Database{db}, s.err
}

// declared finds, without configuration, the schema files that are a project's truth: those that a command of sqldef reads; else the one schema.sql, or
// folder called schema, of a repository in which nothing migrates anything.
func (s *survey) declared(paths []string, found []Database) []Database {
	taken := map[string]bool{}
	for _, db := range found {
		for _, m := range db.Migrations {
			taken[m.Path] = true
		}
	}
	var loose []string // SQL files that belong to nothing yet
	for _, p := range paths {
		if strings.HasSuffix(p, ".sql") && !taken[p] && ignoredBy(p) == "" {
			loose = append(loose, p)
		}
	}
	if len(loose) == 0 {
		return nil
	}
	var out []Database
	at := map[string]int{}
	calls := s.sqldefCalls(paths)
	for _, c := range calls {
		root, files := s.filesOf(c, loose)
		if len(files) == 0 {
			continue
		}
		key := strings.Join(files, "\x00")
		if i, ok := at[key]; ok {
			out[i].Declared.heed(c)
			continue
		}
		at[key] = len(out)
		run := Declared{}
		run.heed(c)
		out = append(out, declaredAt(root, files, c.engine, &Config{}, fmt.Sprintf("sqldef: %s runs %s on it", c.path, c.program), run))
	}
	if len(out) > 0 || len(calls) == 0 && len(found) > 0 {
		return out
	}
	root, habitual := habitualSchema(loose)
	if habitual == nil {
		return nil
	}
	run, engine := Declared{}, Engine("")
	why := "sqldef: nothing here migrates a database, and this is the only schema file"
	for _, c := range calls {
		run.heed(c)
		engine, why = c.engine, fmt.Sprintf("sqldef: %s runs %s, and this is the only schema file", c.path, c.program)
	}
	if engine == "" {
		// sqlc's schema and a dump say what is there; who makes it so lives elsewhere.
		if len(found) > 0 || s.hasSqlc(paths) || !s.isWritten(habitual) {
			return nil
		}
		if engine, _ = s.engineOfFiles(habitual); engine != Postgres {
			return nil // a file that nobody reads yet is no reason to stop anyone
		}
	}
	return []Database{declaredAt(root, habitual, engine, &Config{}, why, run)}
}

// habitualSchema is the one file called schema.sql, or what lies in the one folder called schema; nil if there are several or none.
func habitualSchema(loose []string) (root string, files []string) {
	var named []string
	folders := map[string][]string{}
	for _, p := range loose {
		switch {
		case path.Base(p) == "schema.sql":
			named = append(named, p)
		case path.Base(path.Dir(p)) == "schema":
			folders[path.Dir(p)] = append(folders[path.Dir(p)], p)
		}
	}
	switch {
	case len(named) == 1 && len(folders) == 0:
		return named[0], named
	case len(named) == 0 && len(folders) == 1:
		for root, files = range folders {
			return root, files
		}
	}
	return "", nil
}

func (s *survey) hasSqlc(paths []string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		switch path.Base(p) {
		case "sqlc.yaml", "sqlc.yml", "sqlc.json":
			return true
		}
		return false
	})
}

// isWritten tells that people write the files, and no program.
func (s *survey) isWritten(files []string) bool {
	tables := false
	for _, f := range files {
		text := bytes.ToLower(s.content(f))
		for _, sign := range []string{"database dump", "mysql dump", "do not edit", "schema_migrations", "pg_catalog.set_config"} {
			if bytes.Contains(text, []byte(sign)) {
				return false
			}
		}
		tables = tables || bytes.Contains(text, []byte("create table"))
	}
	return tables
}

func (s *survey) engineOfFiles(files []string) (Engine, string) {
	var heads [][]byte
	for _, f := range files {
		content := s.content(f)
		heads = append(heads, content[:min(len(content), maxHead)])
	}
	if e, sign := engineInSQL(heads); e != "" {
		return e, "the SQL holds " + sign
	}
	f := &folder{survey: s, path: path.Dir(files[0])}
	return f.engineInManifest()
}

// sqldefCall is one command line of sqldef in a file that runs commands.
type sqldefCall struct {
	path    string // of the file that holds it
	program string
	engine  Engine
	files   []string // as written
	Declared
	drops bool
	shows bool // --dry-run, --check
}

// heed takes the flags of a call. One that only shows what would be done does not say that the real one leaves a flag out.
func (d *Declared) heed(c sqldefCall) {
	switch {
	case c.drops:
		d.Drops, d.DropsWhy = Yes, c.path+" runs "+c.program+" with --enable-drop"
	case d.Drops == Unknown && !c.shows:
		d.Drops, d.DropsWhy = No, c.path+" runs "+c.program+" without --enable-drop"
	}
	d.Concurrently = d.Concurrently || c.Concurrently
	d.NoTransaction = d.NoTransaction || c.NoTransaction
	if c.LockTimeout != "" {
		d.LockTimeout = c.LockTimeout
	}
}

// Limits of the search for commands.
const (
	maxCommandFiles = 60
	maxCommandBytes = 256 << 10
)

// sqldefCalls are the command lines of sqldef in the files that run commands: make, CI, scripts, containers.
func (s *survey) sqldefCalls(paths []string) []sqldefCall {
	var out []sqldefCall
	read := 0
	for _, p := range paths {
		if !runsCommands(p) || ignoredBy(p) != "" {
			continue
		}
		if read++; read > maxCommandFiles {
			break
		}
		content := s.content(p)
		if len(content) > maxCommandBytes || !bytes.Contains(content, []byte("def")) {
			continue
		}
		out = append(out, s.callsIn(p, string(content))...)
	}
	return out
}

// runsCommands tells that a file is one in which people write down commands.
func runsCommands(p string) bool {
	base := path.Base(p)
	switch base {
	case "Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Taskfile.yml", "Taskfile.yaml", "package.json", ".gitlab-ci.yml", "Procfile", "lefthook.yml":
		return true
	}
	ext := path.Ext(base)
	switch {
	case ext == ".mk", ext == ".sh", strings.HasPrefix(base, "Dockerfile"):
		return true
	case ext == ".yml" || ext == ".yaml":
		return strings.HasPrefix(p, ".github/") || strings.HasPrefix(p, ".circleci/") || strings.Contains(base, "compose") || strings.Contains(base, "cloudbuild") || strings.Contains(base, "buildspec")
	}
	return false
}

var (
	sqldefWord  = regexp.MustCompile(`(?:^|[\s/"'=\x60(@])(psqldef|mysqldef|sqlite3def)(?:[\s"'\\]|$)`)
	lockTimeout = regexp.MustCompile(`(?i)lock_timeout\s*(?:=|to)\s*\\?'?([0-9]+ *[a-z]*)`)
)

func (s *survey) callsIn(p, content string) []sqldefCall {
	var out []sqldefCall
	content = strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\\\n", " ")
	for line := range strings.Lines(content) {
		m := sqldefWord.FindStringSubmatchIndex(line)
		if m == nil || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		program := line[m[2]:m[3]]
		before, after := line[:m[2]], line[m[3]:]
		if i := strings.Index(after, "&&"); i >= 0 {
			after = after[:i]
		}
		c := sqldefCall{path: p, program: program, engine: sqldefPrograms[program]}
		words := shellWords(after)
		for i := 0; i < len(words); i++ {
			w := words[i]
			next := func() string {
				if i++; i < len(words) {
					return words[i]
				}
				return ""
			}
			switch {
			case w == "-f" || w == "--file" || w == "<":
				c.files = append(c.files, strings.Split(next(), ",")...)
			case strings.HasPrefix(w, "--file="):
				c.files = append(c.files, strings.Split(w[len("--file="):], ",")...)
			case strings.HasPrefix(w, "<") && len(w) > 1:
				c.files = append(c.files, w[1:])
			case w == "--enable-drop" || w == "--enable-drop-table":
				c.drops = true
			case w == "--dry-run", w == "--check":
				c.shows = true
			case w == "--disable-ddl-transaction":
				c.NoTransaction = true
			case w == "--config" || w == "--config-inline":
				s.settings(&c, w, next())
			case strings.HasPrefix(w, "--config="), strings.HasPrefix(w, "--config-inline="):
				key, value, _ := strings.Cut(w, "=")
				s.settings(&c, key, value)
			case strings.HasPrefix(w, "--before-apply"):
				_, value, given := strings.Cut(w, "=")
				if !given {
					value = next()
				}
				if found := lockTimeout.FindStringSubmatch(value); found != nil {
					c.LockTimeout = strings.TrimSpace(found[1])
				}
			case w == "--version", w == "--help", w == "--export":
				c.program = ""
			}
		}
		if i := strings.LastIndex(before, "cat "); i >= 0 && strings.Contains(before[i:], "|") {
			given, _, _ := strings.Cut(before[i+len("cat "):], "|")
			c.files = append(c.files, shellWords(given)...)
		}
		// The name alone, as of a package to install, runs nothing.
		if c.program != "" && len(words) > 0 && (len(c.files) > 0 || slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") })) {
			out = append(out, c)
		}
	}
	return out
}

// settings reads what matters here of sqldef's own configuration: a file, or its text.
func (s *survey) settings(c *sqldefCall, flag, value string) {
	text := value
	if flag == "--config" {
		if p, ok := s.resolve(value, c.path, func(p string) bool { _, err := s.tree.Read(p); return err == nil }); ok {
			text = string(s.content(p))
		}
	}
	c.drops = c.drops || setting(text, "enable_drop") == "true"
	c.Concurrently = c.Concurrently || setting(text, "create_index_concurrently") == "true"
	c.NoTransaction = c.NoTransaction || setting(text, "disable_ddl_transaction") == "true"
}

// shellWords cuts a command line at white space outside of quotes, and takes the quotes away.
func shellWords(line string) []string {
	var (
		words []string
		word  strings.Builder
		open  bool
		quote rune
	)
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, open = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n' || r == ';' || r == '|'):
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
			if r == ';' || r == '|' {
				return words
			}
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// resolve finds the file that a command in from means: from the top of the tree, or from the command's own folder.
func (s *survey) resolve(name, from string, exists func(string) bool) (string, bool) {
	name = path.Clean(strings.TrimPrefix(name, "./"))
	for dir := range upwards(path.Dir(from)) {
		if p := path.Join(dir, name); !strings.HasPrefix(p, "..") && exists(p) {
			return p, true
		}
	}
	if exists(name) {
		return name, true
	}
	return "", false
}

// filesOf are the files of the tree that a call reads, in its order, and where the first that it names lies: that file, or the folder of a pattern.
func (s *survey) filesOf(c sqldefCall, loose []string) (root string, out []string) {
	take := func(p, at string) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
		if root == "" {
			root = at
		}
	}
	for _, name := range c.files {
		if name == "" || name == "-" || strings.ContainsAny(name, "$`") {
			continue
		}
		if strings.ContainsAny(name, "*?[") {
			for _, p := range loose {
				for dir := range upwards(path.Dir(c.path)) {
					if ok, err := path.Match(path.Join(dir, name), p); err == nil && ok {
						take(p, newSelection(path.Join(dir, name)).root)
					}
				}
			}
			continue
		}
		if p, ok := s.resolve(name, c.path, func(p string) bool { return slices.Contains(loose, p) }); ok {
			take(p, p)
			continue
		}
		// `cd db && psqldef -f schema.sql`, or a folder that a container sees elsewhere.
		suffix := "/" + path.Base(name)
		var ending []string
		for _, p := range loose {
			if strings.HasSuffix(p, suffix) {
				ending = append(ending, p)
			}
		}
		if len(ending) == 1 {
			take(ending[0], ending[0])
		}
	}
	return root, out
}
