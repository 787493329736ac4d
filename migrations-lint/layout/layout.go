// Package layout tells which files of a tree are database migrations, in which order their tool runs them,
// which half of a file is the way up and which the way down, and what transaction surrounds a statement.
//
// It knows trees of files, nothing of git, of pull requests or of what the SQL means. One file of this package
// holds one migration tool; its comment says where the facts come from.
package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Tree is the files of one revision.
type Tree interface {
	// Paths returns all regular files, slash separated, sorted bytewise.
	Paths() []string
	// Read returns one file's content.
	Read(path string) ([]byte, error)
}

// Engine is a database server's kind: Postgres, MySQL, SQLite, another server's lower-case name
// ("oracle", "clickhouse"), or "" when it is unknown.
type Engine string

// The engines that have a parser in this project.
const (
	Postgres Engine = "postgres"
	MySQL    Engine = "mysql" // and MariaDB
	SQLite   Engine = "sqlite"
)

// Config is one entry of `databases:` in .pmcheck.yml. The zero value detects everything.
type Config struct {
	Name    string
	Engine  Engine
	Version string // the server's; carried for the caller

	// Migrations are folders, files or globs (`*`, `?`, `[a-z]` within a path element, `**` across them).
	Migrations []string
	// Framework forces a tool, by one of the names that Frameworks returns.
	Framework string
	// Transaction overrules the tool's default, for a project whose own runner does otherwise.
	// A directive in a file still wins.
	Transaction Transaction
	// Placeholders are the values of `${name}`, `{{ .name }}`, `:name` and the like, without their brackets.
	Placeholders map[string]string
	// Schema is the path of a dump that holds the schema from before the first migration.
	Schema string
	// Declared are the schema files, folders or globs of a project that keeps those instead of migrations, for sqldef.
	Declared []string
	// EnableDrop says whether sqldef is run with --enable-drop; nil looks for its command lines.
	EnableDrop *bool
}

// Database is one sequence of migrations. Name and Root are its identity: a function of where the files lie and never
// of how many there are, so they stay the same while migrations are added and removed.
type Database struct {
	Name      string // the configured name, otherwise Root; where one folder holds copies for several engines, ROOT:ENGINE for all but the first
	Engine    Engine
	EngineWhy string
	Root      string // the folder of the migrations; "." for the top of the tree
	Framework string
	Why       string // one sentence: why these files were taken as migrations
	// Migrations is in the order in which the framework runs them upwards. Right after each way up stands its way
	// down, if its file or its format has one. Two with one version both stay in the list.
	Migrations []Migration
	Baseline   string // a dump of the schema that belongs to this database, "" if there is none
	// Unread are files that are migrations, but not in SQL, or that the framework would not run.
	Unread []Unread
	// Declared is set where Migrations are the schema files themselves, which sqldef turns into statements.
	Declared *Declared
}

// Unread is a file that was recognised and not read.
type Unread struct {
	Path      string
	Framework string
	Version   string // as in Migration; "" where the file's name holds none
	Reason    string
	NotRun    bool // the framework passes over it
}

// Direction is which way a migration goes.
type Direction string

// The directions.
const (
	Up         Direction = "up"
	Down       Direction = "down"
	Repeatable Direction = "repeatable" // run again whenever the file changes
)

// Transaction is what surrounds a statement while the framework runs it.
type Transaction string

const (
	// InFile is one transaction around this migration.
	InFile Transaction = "file"
	// InAll is one transaction around all pending migrations.
	InAll Transaction = "all"
	// Implicit is the server's own transaction around a query of several statements (PostgreSQL manual, "Message
	// Flow", "Multiple Statements in a Simple Query"). A query of a single statement has none.
	Implicit Transaction = "implicit"
	// Autocommit is no transaction: each statement is on its own.
	Autocommit Transaction = "none"
)

// Migration is one file, or one half of a file, that a framework runs.
type Migration struct {
	Path           string
	Version        string // as the file's name has it, leading zeros and all
	Name           string
	Direction      Direction
	Transaction    Transaction // by default and by side files; a directive in the file itself shows in Script
	TransactionWhy string

	framework *framework
	engine    Engine
	values    values
	includes  map[string]string // templates that the file may include, by name (tern)
	variant   variant
}

// variant holds what a framework found out about its own version or settings while the files were listed.
type variant struct {
	splits     bool // sends each statement as its own query
	standalone bool // sends what cannot run in a transaction as its own query
	literal    bool // placeholders are not replaced in this file
}

// Frameworks returns the names of the frameworks whose SQL can be read, sorted.
func Frameworks() []string {
	var names []string
	for _, fw := range frameworks() {
		names = append(names, fw.name)
	}
	names = append(names, sqldefName)
	slices.Sort(names)
	return names
}

// Detect finds the databases of a tree, sorted by Root. Without configs it finds all that it can be sure of; with
// configs it returns those only. An error is about the configuration or about a file that could not be read.
func Detect(tree Tree, configs []Config) ([]Database, error) {
	paths := tree.Paths()
	if len(configs) == 0 {
		return detectAll(tree, paths, Config{})
	}
	var out []Database
	for i := range configs {
		cfg := configs[i]
		if e := engineOf(string(cfg.Engine)); e != "" {
			cfg.Engine = e // postgresql, mariadb
		}
		var (
			found []Database
			err   error
		)
		switch {
		case len(cfg.Declared) > 0:
			found, err = detectDeclared(tree, paths, &cfg, cfg.Declared)
		case cfg.Framework == sqldefName && len(cfg.Migrations) > 0:
			found, err = detectDeclared(tree, paths, &cfg, cfg.Migrations)
		case len(cfg.Migrations) == 0:
			found, err = detectUnplaced(tree, paths, &cfg, configs)
		default:
			found, err = detectPlaced(tree, paths, &cfg)
		}
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", label(&cfg, i), err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func label(cfg *Config, i int) string {
	if cfg.Name != "" {
		return cfg.Name
	}
	return fmt.Sprintf("number %d", i+1)
}

func detectAll(tree Tree, paths []string, cfg Config) ([]Database, error) {
	s := newSurvey(tree, paths, everyPath{})
	found, err := s.databases(&cfg, s.finds())
	if err != nil {
		return nil, err
	}
	if declared := s.declared(paths, found); len(declared) > 0 {
		found = append(found, declared...)
		slices.SortStableFunc(found, func(a, b Database) int { return strings.Compare(a.Root, b.Root) })
	}
	return found, s.err
}

// detectUnplaced serves an entry without `migrations:`: it names the one database that detection finds.
func detectUnplaced(tree Tree, paths []string, cfg *Config, configs []Config) ([]Database, error) {
	found, err := detectAll(tree, paths, *cfg)
	if err != nil {
		return nil, err
	}
	taken := func(db Database) bool {
		for i := range configs {
			for _, pattern := range configs[i].Migrations {
				if newSelection(pattern).covers(db.Root) {
					return true
				}
			}
		}
		return false
	}
	found = slices.DeleteFunc(found, func(db Database) bool {
		return taken(db) ||
			cfg.Engine != "" && db.Engine != "" && db.Engine != cfg.Engine ||
			cfg.Framework != "" && db.Framework != cfg.Framework
	})
	if len(found) > 1 {
		return nil, fmt.Errorf("migrations were found in %d folders (%s): name one with `migrations:`", len(found), rootsOf(found))
	}
	for i := range found {
		cfg.apply(&found[i])
	}
	return found, nil
}

// detectPlaced serves an entry with `migrations:`. It returns a database even when the tree has no such file yet.
func detectPlaced(tree Tree, paths []string, cfg *Config) ([]Database, error) {
	var fw *framework
	if cfg.Framework != "" {
		if fw = frameworkNamed(cfg.Framework); fw == nil && !isCodeTool(cfg.Framework) {
			return nil, fmt.Errorf("unknown framework %q: use one of %s", cfg.Framework, strings.Join(Frameworks(), ", "))
		}
	}
	var (
		places selections
		merged find
	)
	for _, pattern := range cfg.Migrations {
		if err := checkPattern(pattern); err != nil {
			return nil, err
		}
		sel := newSelection(pattern)
		places = append(places, sel)
		s := newSurvey(tree, paths, sel)
		found := s.placedFinds(fw, cfg.Engine)
		if s.err != nil {
			return nil, s.err
		}
		if !sel.glob && len(found) > 1 {
			return nil, fmt.Errorf("`migrations: %s` holds %d folders of migrations (%s): name one, or set `engine:` or `framework:`",
				pattern, len(found), describeFinds(found))
		}
		for _, f := range found {
			if merged.framework == nil {
				merged = f
				continue
			}
			if f.framework != merged.framework {
				return nil, fmt.Errorf("`migrations:` mixes %s: give each its own entry", describeFinds([]find{merged, f}))
			}
			merged.folders = append(merged.folders, f.folders...)
		}
	}
	s := newSurvey(tree, paths, places)
	root := places[0].root
	if merged.framework == nil {
		db := Database{Name: root, Root: root, Framework: cfg.Framework, Why: "named in the configuration; no migration lies there yet", Baseline: s.baseline(root)}
		if s.codeOnly(&db) {
			db.Why = "named in the configuration"
		}
		cfg.apply(&db)
		return []Database{db}, s.err
	}
	merged.root = root
	dbs, err := s.databases(cfg, []find{merged})
	if err != nil {
		return nil, err
	}
	for i := range dbs {
		cfg.apply(&dbs[i])
	}
	return dbs, nil
}

func describeFinds(finds []find) string {
	var out []string
	for _, f := range finds {
		out = append(out, f.root+" ("+f.framework.name+")")
	}
	return strings.Join(out, ", ")
}

func (cfg *Config) apply(db *Database) {
	if cfg.Name != "" {
		db.Name = cfg.Name
	}
	if cfg.Engine != "" {
		db.Engine, db.EngineWhy = cfg.Engine, "named in the configuration"
	}
	if cfg.Schema != "" {
		db.Baseline = path.Clean(cfg.Schema)
	}
}

func rootsOf(dbs []Database) string {
	var roots []string
	for _, db := range dbs {
		roots = append(roots, db.Root)
	}
	return strings.Join(roots, ", ")
}
