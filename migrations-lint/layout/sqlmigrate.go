package layout

import (
	"cmp"
	"strings"
)

// sql-migrate: all *.sql of a folder. Names that start with digits come first, by that number, then the others by name
// (rubenv/sql-migrate migrate.go, Migration.Less). One file holds `-- +migrate Up` and `-- +migrate Down`; a statement ends at a line whose
// last word ends in a semicolon, or at `-- +migrate StatementEnd`, and is sent as its own query (sqlparse/sqlparse.go). Each migration
// runs in a transaction; `notransaction` on the Up or Down line takes it away from that direction (README.md).
var _ = register(framework{
	name: "sql-migrate",
	claim: func(f *folder) claim {
		return f.claimDirective(func(line string) bool {
			command, _ := sqlMigrateCommand(line)
			return command == "Up"
		}, "-- +migrate Up")
	},
	parse: func(name string) (n migrationName, ok bool) {
		stem, ok := strings.CutSuffix(name, ".sql")
		n = migrationName{version: digits(stem), title: strings.TrimLeft(stem[len(digits(stem)):], "_-. "), direction: Up}
		if n.version == "" {
			n.version = stem
		}
		return n, ok
	},
	compare: func(a, b string) int {
		numA, numB := digits(a) != "", digits(b) != ""
		switch {
		case numA && numB:
			return byNumber(a, b)
		case numA:
			return -1
		case numB:
			return 1
		}
		return cmp.Compare(a, b)
	},
	halves:         true,
	transaction:    InFile,
	transactionWhy: "sql-migrate runs each migration in a transaction",
	script:         sqlMigrateScript,
})

// sqlMigrateCommand reads `-- +migrate Command options`.
func sqlMigrateCommand(line string) (command string, options []string) {
	rest, ok := strings.CutPrefix(line, "-- +migrate ")
	if !ok {
		return "", nil
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return "", nil
	}
	return fields[0], fields[1:]
}

func sqlMigrateScript(b *builder) error {
	var (
		half       Direction
		seen, any  bool
		block      bool
		blockAt    int
		from, last = -1, 0
		finish     = func() {
			if from >= 0 {
				b.span(from, last, "", 0)
			}
			from = -1
		}
		unended = func() error {
			return b.errorf(from, "sql-migrate refuses this statement: no line of it ends in a semicolon")
		}
	)
	for l := range lines(b.src) {
		command, options := sqlMigrateCommand(l.text)
		if command != "" {
			b.blank(l.start, l.end)
			effect := ""
			switch command {
			case "Up", "Down":
				if from >= 0 {
					return unended()
				}
				half, any = Direction(strings.ToLower(command)), true
				effect = "the way " + string(half) + " starts"
				for _, option := range options {
					if option == "notransaction" && half == b.m.Direction {
						effect += ", without a transaction"
						b.transaction(Autocommit, "notransaction")
					}
				}
				seen = seen || half == b.m.Direction
			case "StatementBegin":
				block, blockAt, effect = half != "", l.start, "one query starts"
			case "StatementEnd":
				if block && half == b.m.Direction {
					finish()
				}
				block, effect = false, "one query ends"
			}
			if half == b.m.Direction {
				b.directive(l.start, l.text, effect)
			}
			continue
		}
		comment := strings.HasPrefix(l.text, "-- ")
		if half != b.m.Direction {
			if half != "" || b.m.Direction != Up || !comment {
				b.blank(l.start, l.end)
			}
			continue
		}
		if comment || from < 0 && strings.TrimSpace(l.text) == "" {
			continue
		}
		if from < 0 {
			from = l.start
		}
		last = l.end
		if !block && endsStatement(l.text) {
			finish()
		}
	}
	switch {
	case !any:
		return b.errorf(0, "sql-migrate refuses a file without `-- +migrate Up`")
	case block:
		return b.errorf(blockAt, "sql-migrate refuses `-- +migrate StatementBegin` without `-- +migrate StatementEnd`")
	case from >= 0 && strings.TrimSpace(string(b.text[from:last])) != "" && !strings.HasPrefix(strings.TrimSpace(string(b.text[from:last])), "--"):
		return unended()
	}
	b.out.Absent = !seen
	b.spansInFile()
	return nil
}
