package layout

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

// Migrations in other languages than SQL are recognised by their place and name, so that none passes silently.
// Sources of the names: the tools' own generators, as their guides show them (Rails "Active Record Migrations"; Django
// "Migrations"; Alembic tutorial; Ecto.Migration; Laravel "Migrations"; Phinx "Writing Migrations"; Doctrine Migrations;
// Yii "Database Migration"; EF Core "Migrations"; SeaORM "Writing Migration"; Knex, Sequelize, TypeORM, MikroORM, db-migrate
// guides; Liquibase "Changelog formats").

// looksLikeCode runs for each path of a tree: a cheap filter before codeTools.
func looksLikeCode(p, base string) bool {
	dot := strings.LastIndexByte(base, '.')
	if dot <= 0 {
		return false
	}
	c := base[0]
	digit := c >= '0' && c <= '9'
	switch base[dot:] {
	case ".rb", ".exs", ".js", ".cjs", ".mjs", ".ts", ".cs", ".go", ".fizz":
		return (digit || strings.HasPrefix(base, "Migration2")) && strings.Contains(strings.ToLower(p), "migrat") && !strings.HasSuffix(base, ".d.ts") && !strings.HasSuffix(base, ".Designer.cs")
	case ".php":
		return (digit || c == 'm' || strings.HasPrefix(base, "Version")) && strings.Contains(strings.ToLower(p), "migrat")
	case ".py":
		return digit && strings.Contains(p, "migrations/") || strings.HasSuffix(p[:len(p)-len(base)], "versions/") && base != "__init__.py"
	case ".rs":
		return (c == 'V' || c == 'U' || c == 'm') && base[1] >= '0' && base[1] <= '9'
	case ".java", ".kt", ".groovy":
		return c == 'V' && base[1] >= '0' && base[1] <= '9' && strings.Contains(base, "__")
	case ".xml", ".yaml", ".yml", ".json":
		return strings.Contains(p, "changelog") || strings.Contains(p, "liquibase")
	}
	return false
}

// codeTool recognises the migrations of one tool.
type codeTool struct {
	name, language string
	matches        func(f *folder, base string) bool
	root           func(f *folder) string // nil: the folder itself
	sign           string                 // a word that one of the folder's first files must hold, "" if the names are enough
}

var codeTools = []codeTool{
	{name: "rails", language: "Ruby", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".rb" && (f.last() == "migrate" || strings.HasSuffix(f.last(), "_migrate"))
	}},
	{name: "django", language: "Python", root: djangoRoot, matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".py" && f.last() == "migrations" && len(digits(base)) == 4 && base[4] == '_'
	}},
	{name: "alembic", language: "Python", root: func(f *folder) string { return path.Dir(f.path) }, matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".py" && f.last() == "versions" && (f.control("../env.py") || f.control("../script.py.mako"))
	}},
	{name: "ecto", language: "Elixir", matches: inMigrations(".exs")},
	{name: "laravel", language: "PHP", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".php" && shaped(base, "dddd_dd_dd_dddddd_")
	}},
	{name: "phinx", language: "PHP", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".php" && len(digits(base)) == 14 && base[14] == '_'
	}},
	{name: "doctrine", language: "PHP", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".php" && shaped(base, "Versiondddddddd")
	}},
	{name: "yii", language: "PHP", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".php" && shaped(base, "mdddddd_dddddd_")
	}},
	{name: "ef-core", language: "C#", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".cs" && len(digits(base)) == 14 && base[14] == '_'
	}},
	{name: "sea-orm", language: "Rust", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".rs" && shaped(base, "mdddddddd_dddddd")
	}},
	{name: "refinery", language: "Rust", matches: func(f *folder, base string) bool {
		return path.Ext(base) == ".rs" && base[0] != 'm' && strings.Contains(base, "__")
	}},
	{name: "flyway", language: "Java or Kotlin", matches: func(f *folder, base string) bool {
		return slices.Contains([]string{".java", ".kt", ".groovy"}, path.Ext(base))
	}},
	{name: "pop", language: "Fizz", matches: inMigrations(".fizz")},
	{name: "goose", language: "Go", sign: "pressly/goose", matches: inMigrations(".go")},
	{name: "bun", language: "Go", sign: "uptrace/bun", matches: inMigrations(".go")},
	{name: "typeorm", language: "TypeScript", sign: "MigrationInterface", matches: inMigrations(".ts", ".js")},
	{name: "mikro-orm", language: "TypeScript", sign: "mikro-orm", matches: inMigrations(".ts", ".js")},
	{name: "sequelize", language: "JavaScript", sign: "queryInterface", matches: inMigrations(".js", ".cjs", ".ts")},
	{name: "knex", language: "JavaScript", sign: "knex", matches: inMigrations(".js", ".cjs", ".mjs", ".ts")},
	{name: "node-pg-migrate", language: "JavaScript", sign: "pgm", matches: inMigrations(".js", ".cjs", ".mjs", ".ts")},
	{name: "db-migrate", language: "JavaScript", sign: "db.", matches: inMigrations(".js")},
	{name: "javascript", language: "JavaScript", matches: inMigrations(".js", ".cjs", ".mjs", ".ts")},
	{name: "liquibase", language: "a changelog of XML, YAML or JSON", sign: "databaseChangeLog", root: liquibaseRoot, matches: func(_ *folder, base string) bool {
		return isChangelog(base)
	}},
}

func isCodeTool(name string) bool {
	return slices.ContainsFunc(codeTools, func(t codeTool) bool { return t.name == name })
}

// inMigrations accepts numbered files with an extension in a folder called migrations.
func inMigrations(extensions ...string) func(*folder, string) bool {
	return func(f *folder, base string) bool {
		return slices.Contains(extensions, path.Ext(base)) && codeVersion(base) != "" && isMigrationFolder(f.last()) &&
			!strings.HasSuffix(base, "_test.go") && !strings.Contains(base, ".test.") && !strings.Contains(base, ".spec.")
	}
}

// shaped compares the beginning of a name with a pattern in which d stands for a digit.
func shaped(name, pattern string) bool {
	if len(name) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] == 'd' {
			if name[i] < '0' || name[i] > '9' {
				return false
			}
		} else if name[i] != pattern[i] {
			return false
		}
	}
	return true
}

// djangoRoot is the project: all apps under one manage.py share a database.
func djangoRoot(f *folder) string {
	for dir := range upwards(f.path) {
		if f.survey.controls[path.Join(dir, "manage.py")] {
			return dir
		}
	}
	return "."
}

// liquibaseRoot is the topmost folder that is called changelog, liquibase or migrations, or that holds a changelog, as changelogs include
// what lies below them.
func liquibaseRoot(f *folder) string {
	root := f.path
	for dir := range upwards(f.path) {
		above := f.survey.folders[dir]
		if isChangelogFolder(path.Base(dir)) || isMigrationFolder(path.Base(dir)) || above != nil && slices.ContainsFunc(above.code, isChangelog) {
			root = dir
		}
	}
	return root
}

func isChangelogFolder(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "changelog") || strings.Contains(name, "liquibase")
}

func isChangelog(base string) bool {
	return slices.Contains([]string{".xml", ".yaml", ".yml", ".json"}, path.Ext(base))
}

// tool returns the tool that the folder's file belongs to.
func (f *folder) tool(base string) *codeTool {
	for i := range codeTools {
		t := &codeTools[i]
		if t.matches(f, base) && (t.sign == "" || f.shows(t.sign)) {
			return t
		}
	}
	return nil
}

// shows says whether one of a few of the folder's files in another language holds a word.
func (f *folder) shows(sign string) bool {
	if found, ok := f.signs[sign]; ok {
		return found
	}
	bases := f.code
	if n := len(bases); n > 3 {
		bases = []string{bases[0], bases[n/2], bases[n-1]}
	}
	found := slices.ContainsFunc(bases, func(base string) bool {
		head := f.survey.content(path.Join(f.path, base))
		return bytes.Contains(head[:min(len(head), maxHead)], []byte(sign))
	})
	if f.signs == nil {
		f.signs = map[string]bool{}
	}
	f.signs[sign] = found
	return found
}

// withCode adds the migrations in other languages to the databases at the same root, and further databases for the others.
func (s *survey) withCode(dbs []Database) []Database {
	listed := map[string]bool{}
	for _, db := range dbs {
		for _, u := range db.Unread {
			listed[u.Path] = true
		}
	}
	for _, f := range s.sorted() {
		if len(f.code) == 0 || !s.chooser.placed() && ignoredBy(f.path) != "" {
			continue
		}
		for _, base := range f.code {
			p := path.Join(f.path, base)
			if listed[p] {
				continue
			}
			t := f.tool(base)
			if t == nil {
				dbs = s.besideSQL(dbs, f, base)
				continue
			}
			if t.name == "liquibase" && !bytes.Contains(s.content(p), []byte("changeSet")) {
				continue // it only includes others
			}
			version := codeVersion(base)
			if t.name == "alembic" {
				version, _, _ = strings.Cut(strings.TrimSuffix(base, ".py"), "_")
			}
			u := Unread{Path: p, Framework: t.name, Version: version, Reason: "written in " + t.language + ": seen, not read yet"}
			dbs = s.attach(dbs, f, t, u)
		}
	}
	return dbs
}

// codeVersion is the number or date that a file's name starts with, after a letter or word such as V, m, Version or Migration.
func codeVersion(base string) string {
	base = strings.TrimPrefix(strings.TrimPrefix(base, "Version"), "Migration")
	base = strings.TrimLeft(base, "VUm")
	if version, _, ok := strings.Cut(base, "__"); ok && strings.Trim(version, "0123456789._") == "" {
		return version
	}
	version := plainVersion(base)
	if rest := base[len(version):]; (len(version) == 6 || len(version) == 8) && shaped(rest, "_dddddd_") {
		return version + rest[:7]
	}
	return version
}

// besideSQL reports a numbered file of an unknown tool if SQL migrations lie in its folder.
func (s *survey) besideSQL(dbs []Database, f *folder, base string) []Database {
	if digits(base) == "" || strings.Contains(base, "_test.") {
		return dbs
	}
	for i := range dbs {
		if dbs[i].Root == f.path {
			dbs[i].Unread = append(dbs[i].Unread, Unread{Path: path.Join(f.path, base), Framework: dbs[i].Framework, Version: codeVersion(base),
				Reason: "not written in SQL: seen, not read yet"})
		}
	}
	return dbs
}

func (s *survey) attach(dbs []Database, f *folder, t *codeTool, u Unread) []Database {
	root := f.path
	if t.root != nil {
		root = t.root(f)
	}
	attached := false
	for i := range dbs {
		if dbs[i].Root == root || s.chooser.placed() || t.name == "flyway" && dbs[i].Framework == "flyway" && sharesPackage(dbs[i].Root, f.path) {
			dbs[i].Unread = append(dbs[i].Unread, u)
			attached = true
		}
	}
	if attached {
		return dbs
	}
	db := Database{Name: root, Root: root, Framework: t.name, Why: t.name + ": holds its migrations, written in " + t.language, Unread: []Unread{u}}
	if e, element := engineInPath(root); e != "" {
		db.Engine, db.EngineWhy = e, "the folder's name says "+element
	}
	db.Baseline = s.baseline(root)
	return append(dbs, db)
}

// sharesPackage says whether a folder of SQL resources and one of Java sources are one package, or the second is above the
// first: Flyway scans both under one location.
func sharesPackage(resources, sources string) bool {
	r, s := afterSourceSet(resources), afterSourceSet(sources)
	return r != "" && s != "" && (r == s || strings.HasPrefix(r, s+"/"))
}

// afterSourceSet cuts a path after Maven's and Gradle's src/main/LANGUAGE.
func afterSourceSet(p string) string {
	_, rest, ok := strings.Cut("/"+p, "/src/main/")
	if !ok {
		return ""
	}
	_, rest, _ = strings.Cut(rest, "/")
	return rest
}

// codeOnly fills a configured database in whose place there is no SQL.
func (s *survey) codeOnly(db *Database) bool {
	for _, found := range s.withCode(nil) {
		db.Unread = append(db.Unread, found.Unread...)
		if db.Framework == "" {
			db.Framework = found.Framework
		}
	}
	return len(db.Unread) > 0
}
