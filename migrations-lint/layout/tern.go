package layout

import (
	"path"
	"strings"
)

// tern: {number}_{name}.sql, numbers from 1 without gaps or duplicates, and tern.conf (jackc/tern migrate/migrate.go, migrationPattern and
// FindMigrations). `---- create above / drop below ----` ends the way up; without it there is no way down. Files are Go templates
// and may include others from sub-folders by {{ template "folder/file.sql" . }} (LoadMigrations). Each half runs in a transaction; a line that is
// `---- tern: disable-tx ----` and nothing else takes it away from its half, and then statements are sent one by one (disableTxPattern, doSQLMigration).
var _ = register(framework{
	name: "tern",
	claim: func(f *folder) claim {
		switch {
		case f.shapes&shapeNumbered == 0 || f.shapes&shapeUpDown != 0:
			return claim{}
		case f.control("tern.conf"):
			return claim{evidence: byControlFile, why: "holds tern.conf"}
		case f.isHabitual() && f.goModule("github.com/jackc/tern"):
			return claim{evidence: byDependency, why: "numbered SQL files, and go.mod requires tern"}
		}
		return f.claimDirective(func(line string) bool { return line == ternSeparator }, ternSeparator)
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := numbered(name, "_", ".sql")
		return n, ok && n.title != ""
	},
	compare: byNumber,
	halves:  true,
	adjust: func(l *listing) error {
		includes := map[string]string{}
		for _, f := range l.folders {
			for _, sub := range l.survey.sorted() {
				if !strings.HasPrefix(sub.path, f.path+"/") {
					continue
				}
				for _, base := range sub.sql {
					p := path.Join(sub.path, base)
					includes[strings.TrimPrefix(p, f.path+"/")] = string(l.survey.content(p))
				}
			}
		}
		for i := range l.migrations {
			l.migrations[i].includes = includes
		}
		return nil
	},
	transaction:    InFile,
	transactionWhy: "tern runs each migration in a transaction",
	tags:           goTags | inStrings,
	script:         ternScript,
})

const (
	ternSeparator = "---- create above / drop below ----"
	ternDisableTx = "---- tern: disable-tx ----"
)

func ternScript(b *builder) error {
	at := strings.Index(b.src, ternSeparator)
	switch {
	case at >= 0:
		b.directive(at, ternSeparator, "the way up ends, the way down starts")
		b.blank(at, at+len(ternSeparator))
		if b.m.Direction == Down {
			b.blank(0, at)
		} else {
			b.blank(at, len(b.src))
		}
	case b.m.Direction == Down:
		b.absent()
	}
	for l := range lines(b.src) {
		// With \r\n the line is not the directive: tern's pattern ends at \n.
		if b.src[l.start:l.next] == ternDisableTx+"\n" || b.src[l.start:] == ternDisableTx {
			if b.text[l.start] == '-' {
				b.directive(l.start, ternDisableTx, "no transaction")
				b.transaction(Autocommit, "tern: disable-tx")
			}
		}
	}
	return nil
}
