package layout

import "strings"

// dbmate: {digits}{anything}.sql in db/migrations, ordered by file name as text; db/schema.sql is its dump (amacneil/dbmate
// pkg/dbmate/db.go, migrationFileRegexp and FindMigrations). One file holds `-- migrate:up` and `-- migrate:down` blocks, several pairs
// in newer versions; options follow on the line (pkg/dbmate/migration.go). Each block is sent as one query, in a transaction unless
// the line says transaction:false. A block without the other is refused, so a directive that does not start its line is an error.
var _ = register(framework{
	name: "dbmate",
	claim: func(f *folder) claim {
		return f.claimDirective(func(line string) bool {
			_, _, ok := dbmateBlock(line, "up")
			return ok
		}, "-- migrate:up")
	},
	parse: func(name string) (migrationName, bool) {
		n, ok := numbered(name, "", ".sql")
		n.title = strings.TrimLeft(n.title, "_-. ")
		return n, ok
	},
	// By text; two numbers of unlike length are ordered as dbmate orders them.
	compare:        strings.Compare,
	halves:         true,
	transaction:    InFile,
	transactionWhy: "dbmate runs each block in a transaction",
	script:         dbmateScript,
})

// dbmateBlock reads a line that opens a block: `--` at its start, spaces or none, `migrate:up`, and options.
func dbmateBlock(line, direction string) (options string, noTx, ok bool) {
	rest, ok := strings.CutPrefix(line, "--")
	if !ok {
		return "", false, false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "migrate:"+direction)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false, false
	}
	for option := range strings.FieldsSeq(rest) {
		if option == "transaction:false" {
			noTx = true
		}
	}
	return strings.TrimSpace(rest), noTx, true
}

func dbmateScript(b *builder) error {
	var (
		half    Direction
		seenUp  bool
		upAt    int // the last `-- migrate:up`
		open    Span
		blocks  []Span
		opened  bool
		closeAt = func(end int) {
			if opened {
				open.End = end
				blocks = append(blocks, open)
			}
			opened = false
		}
	)
	for l := range lines(b.src) {
		_, upNoTx, up := dbmateBlock(l.text, "up")
		_, downNoTx, down := dbmateBlock(l.text, "down")
		switch {
		case up:
			if half == Up {
				return b.errorf(l.start, "dbmate refuses `-- migrate:up` twice without `-- migrate:down` between: it must start its line")
			}
			closeAt(l.start)
			half, seenUp, upAt = Up, true, l.start
		case down:
			if half != Up {
				return b.errorf(l.start, "dbmate refuses `-- migrate:down` without `-- migrate:up` before it")
			}
			closeAt(l.start)
			half = Down
		default:
			text := strings.TrimSpace(l.text)
			if half == "" && text != "" && !strings.HasPrefix(text, "--") {
				return b.errorf(l.start, "dbmate refuses SQL before `-- migrate:up`")
			}
			if half != "" && half != b.m.Direction || half == "" && b.m.Direction != Up {
				b.blank(l.start, l.end)
			}
			continue
		}
		b.blank(l.start, l.end)
		if half != b.m.Direction {
			continue
		}
		opened, open = true, Span{Start: l.next, Transaction: b.m.Transaction, Unit: len(blocks)}
		effect := "the way " + string(half) + " starts"
		if upNoTx || downNoTx {
			open.Transaction = Implicit
			effect += ", without a transaction"
		}
		b.directive(l.start, l.text, effect)
	}
	closeAt(len(b.src))
	if !seenUp {
		return b.errorf(0, "dbmate refuses a file without `-- migrate:up`")
	}
	if half == Up {
		return b.errorf(upAt, "dbmate refuses `-- migrate:up` without a `-- migrate:down` after it, which must start its line")
	}
	for i, block := range blocks {
		if i == 0 || block.Transaction != Implicit {
			why := b.m.TransactionWhy
			if block.Transaction != b.m.Transaction {
				why = "transaction:false: the block is sent as one query without a transaction"
			}
			b.transaction(block.Transaction, why)
		}
	}
	if len(blocks) > 1 {
		b.out.Statements = blocks
	}
	return nil
}
