package layout

import (
	"regexp"
	"strings"
)

// Atlas, versioned: {version}_{name}.sql and atlas.sum, in the order of the file names as text (ariga/atlas sql/migrate/dir.go, LocalDir.Files).
// There are no ways down. Each file runs in a transaction by default (--tx-mode file); `-- atlas:txmode none` among the comments at the top, with an
// empty line after them, takes it away from one file (cmd/atlas/internal/cmdapi/migrate.go, txmodeFor; dir.go, LocalFile.comments). Statements
// are sent one by one. atlas.sum may also stand in a folder of another tool's files, which then keep that tool's rules.
var _ = register(framework{
	name: "atlas",
	claim: func(f *folder) claim {
		if f.control("atlas.sum") && f.shapes&(shapeUpDown|shapeVersioned) == 0 && f.shapes&shapeNumbered != 0 {
			return claim{evidence: byControlFile, why: "holds atlas.sum"}
		}
		return claim{}
	},
	parse: func(name string) (migrationName, bool) {
		stem, ok := strings.CutSuffix(name, ".sql")
		version, title, _ := strings.Cut(stem, "_")
		return migrationName{version: version, title: title, direction: Up}, ok && stem != ""
	},
	compare:        strings.Compare,
	transaction:    InFile,
	transactionWhy: "Atlas runs each file in a transaction",
	tags:           goTags,
	script:         atlasScript,
})

var atlasTxMode = regexp.MustCompile(`^[ -~]*atlas:txmode(?: +(.+))?$`)

func atlasScript(b *builder) error {
	type found struct {
		line line
		mode string
	}
	var modes []found
	for l := range lines(b.src) {
		if !strings.HasPrefix(l.text, "#") && !strings.HasPrefix(l.text, "--") {
			if !strings.HasPrefix(strings.TrimLeft(b.src[l.start:], " \t"), "\n") {
				modes = nil // they belong to the statement below; to Atlas, a line of \r\n is not empty
			}
			break
		}
		if m := atlasTxMode.FindStringSubmatch(strings.TrimSpace(l.text)); m != nil {
			modes = append(modes, found{l, strings.TrimSpace(m[1])})
		}
	}
	if len(modes) > 1 {
		return b.errorf(modes[1].line.start, "Atlas refuses a second atlas:txmode")
	}
	for _, f := range modes {
		switch f.mode {
		case "none":
			b.directive(f.line.start, f.line.text, "no transaction")
			b.transaction(Autocommit, "atlas:txmode none")
		case "file":
			b.directive(f.line.start, f.line.text, "a transaction around the file")
			b.transaction(InFile, "atlas:txmode file")
		default:
			return b.errorf(f.line.start, "Atlas refuses atlas:txmode %q in a file: use none or file", f.mode)
		}
	}
	return nil
}
