package layout

import "strings"

// bun: {digits}_{name}.up.sql and .down.sql, or .tx.up.sql and .tx.down.sql, in the order of the names (uptrace/bun migrate/migration.go). Only
// .tx. files run in a transaction. `--bun:split` at the start of a line ends a query; another --bun: directive is an error.
var _ = register(framework{
	name: "bun",
	claim: func(f *folder) claim {
		if !f.has(shapeNumbered|shapeUpDown) || !f.goModule("github.com/uptrace/bun") {
			return claim{}
		}
		for _, base := range f.sql {
			if strings.HasSuffix(base, ".tx.up.sql") || strings.HasSuffix(base, ".tx.down.sql") {
				return claim{evidence: byControlFile, why: "numbered .tx.up.sql files, and go.mod requires bun"}
			}
		}
		return claim{evidence: byDependency, why: "numbered .up.sql files, and go.mod requires bun"}
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := parseUpDown(name)
		n.title = strings.TrimSuffix(n.title, ".tx")
		return n, ok
	},
	compare: strings.Compare,
	adjust: func(l *listing) error {
		for i := range l.migrations {
			if m := &l.migrations[i]; strings.HasSuffix(m.Path, ".tx.up.sql") || strings.HasSuffix(m.Path, ".tx.down.sql") {
				m.Transaction, m.TransactionWhy = InFile, ".tx. in the file's name"
			}
		}
		l.unreadCode(".go", "Go")
		return nil
	},
	transaction:    Implicit,
	transactionWhy: "bun sends a file without .tx. in its name as one query",
	script: func(b *builder) error {
		start := 0
		for l := range lines(b.src) {
			directive, ok := strings.CutPrefix(l.text, "--bun:")
			if !ok {
				continue
			}
			if directive != "split" {
				return b.errorf(l.start, "bun does not know the directive --bun:%s", directive)
			}
			b.directive(l.start, l.text, "one query ends")
			b.span(start, l.start, b.m.Transaction, len(b.out.Statements))
			start = l.next
		}
		if start == 0 {
			return nil
		}
		b.span(start, len(b.src), b.m.Transaction, len(b.out.Statements))
		if b.m.Transaction != Implicit {
			b.spansInFile()
		} else {
			b.transaction(Autocommit, "bun sends the pieces between --bun:split one by one")
		}
		return nil
	},
})
