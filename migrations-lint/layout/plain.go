package layout

import (
	"path"
	"slices"
	"strings"
)

// Plain numbered SQL: files that start with a number or a date, in a folder called migrations, run by a tool that is not recognised. Also
// .up.sql and .down.sql pairs, and folders of up.sql and down.sql, of projects with a runner of their own (V0001.Name.up.sql, 001_name.up.sql).
// A file is a way down if its name ends in down, rollback, undo or revert, or if its folder is called so.
//
// What surrounds a statement depends on the runner. Most send a file's text through a driver as one query; where the files hold psql's own
// commands, psql runs them statement by statement (psql manual, "Meta-Commands", and option -1).
var _ = register(framework{
	name:    "plain",
	claim:   claimPlain,
	parse:   parsePlain,
	compare: comparePlain,
	list:    listPlain,
	adjust: func(l *listing) error {
		for _, f := range l.folders {
			if hits, _ := f.directive(isMetaCommand); hits > 0 {
				for i := range l.migrations {
					l.byDefault(&l.migrations[i], Autocommit, "the files hold commands of psql, which runs each statement on its own")
				}
			}
		}
		return nil
	},
	transaction:    Implicit,
	transactionWhy: "the tool is not known: one that sends a file as one query gets the server's implicit transaction",
	tags:           goTags | dollarTags | psqlTags | commentTags,
})

func claimPlain(f *folder) claim {
	c := claim{evidence: byHabit}
	if name := strings.ToLower(f.last()); downFolders[name] || name == "up" {
		c.root = path.Dir(f.path)
	}
	switch {
	case f.has(shapeNumbered | shapeUpDown):
		c.evidence, c.why = byNames, "numbered .up.sql and .down.sql files, run by no tool that the project names"
	case !f.isHabitual():
		return claim{}
	case f.shapes&shapeNumbered != 0:
		c.why = "numbered SQL files in a folder of migrations"
	case f.shapes&shapeUpDown != 0 && slices.ContainsFunc(f.sql, func(base string) bool { _, ok := parsePlain(base); return ok }):
		c.why = "numbered .up.sql and .down.sql files in a folder of migrations"
	case f.nestedWith("up.sql") != "":
		c.why = "numbered folders with up.sql in a folder of migrations"
	default:
		return claim{}
	}
	return c
}

func isMetaCommand(line string) bool {
	return len(line) > 1 && line[0] == '\\' && (line[1] >= 'a' && line[1] <= 'z' || line[1] == '!')
}

// downEndings are the words at a name's end that make it a way down.
var downEndings = []string{"down", "rollback", "undo", "revert"}

func parsePlain(name string) (n migrationName, ok bool) {
	stem := name
	if i := strings.LastIndexByte(name, '.'); i > 0 && strings.HasSuffix(strings.ToLower(name), "sql") {
		stem = name[:i]
	}
	start := 0
	if len(stem) > 1 && (stem[0] == 'V' || stem[0] == 'v') && digits(stem[1:]) != "" {
		start = 1
	}
	n = migrationName{version: plainVersion(stem[start:]), direction: Up}
	n.title = stem[start+len(n.version):]
	if n.version == "" || n.title != "" && !strings.ContainsRune("_-. ", rune(n.title[0])) {
		return n, false
	}
	n.title = strings.TrimLeft(n.title, "_-. ")
	if i := strings.LastIndexAny(n.title, "_-."); i >= 0 || n.title != "" {
		ending := strings.ToLower(n.title[i+1:])
		switch {
		case slices.Contains(downEndings, ending):
			n.direction = Down
			n.title = n.title[:max(i, 0)]
		case ending == "up":
			n.title = n.title[:max(i, 0)]
		}
	}
	return n, true
}

// plainVersion is the number that a name starts with; of a date such as 2024-05-01-1200 all parts, and of a release such as
// 03.04.00_01 all parts and the number behind it.
func plainVersion(stem string) string {
	version := digits(stem)
	if release := releaseVersion(stem); release != version {
		return release
	}
	if len(version) != 4 || version[:2] != "19" && version[:2] != "20" {
		return version
	}
	for {
		rest := stem[len(version):]
		if rest == "" || rest[0] != '-' && rest[0] != '_' && rest[0] != '.' {
			return version
		}
		part := digits(rest[1:])
		if after := rest[1+len(part):]; part == "" || len(part)%2 != 0 || after != "" && !strings.ContainsRune("_-. ", rune(after[0])) {
			return version
		}
		version += rest[:1+len(part)]
	}
}

// releaseVersion reads 1.2.3 and 1.2.3_04; without a dot it is the leading number alone.
func releaseVersion(stem string) string {
	first := digits(stem)
	version := first
	for rest := stem[len(version):]; first != "" && len(rest) > 1 && rest[0] == '.' && digits(rest[1:]) != ""; rest = stem[len(version):] {
		version += rest[:1+len(digits(rest[1:]))]
	}
	rest := stem[len(version):]
	if version == first || len(rest) < 2 || rest[0] != '_' && rest[0] != '-' {
		return version
	}
	n := digits(rest[1:])
	if after := rest[1+len(n):]; n == "" || after != "" && !strings.ContainsRune("_-. ", rune(after[0])) {
		return version
	}
	return version + rest[:1+len(n)]
}

// comparePlain compares the numbers of versions one after the other; what has no number comes last, by name.
func comparePlain(a, b string) int {
	for first := true; ; first = false {
		da, db := digits(a), digits(b)
		switch {
		case da == "" && db == "" || !first && (da == "" || db == ""):
			return strings.Compare(a, b)
		case da == "":
			return 1
		case db == "":
			return -1
		}
		if n := byNumber(da, db); n != 0 {
			return n
		}
		a, b = a[len(da):], b[len(db):]
		if a == "" || b == "" || a[0] != b[0] {
			return strings.Compare(a, b)
		}
		a, b = a[1:], b[1:]
	}
}

func listPlain(l *listing) error {
	for _, f := range l.folders {
		all := f.wholly()
		down := downFolders[strings.ToLower(f.last())]
		for _, base := range f.sql {
			n, ok := parsePlain(base)
			if !ok && !all {
				continue
			}
			if !ok {
				n = migrationName{version: strings.TrimSuffix(base, path.Ext(base)), direction: Up}
			}
			if down {
				n.direction = Down
			}
			l.migrations = append(l.migrations, l.migration(path.Join(f.path, base), n))
		}
		for _, folder := range f.nested {
			for _, base := range f.sub(folder).sql {
				n, ok := parsePlain(folder)
				if !ok || base != "up.sql" && base != "down.sql" {
					continue
				}
				if base == "down.sql" {
					n.direction = Down
				}
				l.migrations = append(l.migrations, l.migration(path.Join(f.path, folder, base), n))
			}
		}
	}
	l.sort()
	return nil
}

// wholly says whether all SQL of the folder is wanted, numbered or not: where a person named files or a glob, or a folder in which
// nothing is numbered.
func (f *folder) wholly() bool {
	sel, ok := f.survey.chooser.(selection)
	if !ok {
		return false
	}
	return sel.glob || strings.HasSuffix(sel.pattern, ".sql") ||
		!slices.ContainsFunc(f.sql, func(base string) bool { _, ok := parsePlain(base); return ok })
}
