package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// op is a statement that takes a lock.
func op(index, transaction int, relation, lock string, change ...func(*facts.Statement)) facts.Statement {
	s := facts.Statement{Index: index, Transaction: transaction, InTransaction: transaction > 0, Kind: "alter_table", SQL: fmt.Sprintf("ALTER TABLE %s", relation), Object: "table", Relation: relation, Lock: lock,
		Blocks: map[string][]string{"ACCESS EXCLUSIVE": {"reads", "writes", "ddl"}, "SHARE": {"writes", "ddl"}, "SHARE ROW EXCLUSIVE": {"writes", "ddl"}, "SHARE UPDATE EXCLUSIVE": {"ddl"}}[lock],
		Place:  facts.Place{Path: "m/1.sql", Line: index + 1, Column: 1}}
	for _, f := range change {
		f(&s)
	}
	return s
}

func scans(s *facts.Statement)    { s.Scans = true }
func rewrites(s *facts.Statement) { s.Rewrites, s.Scans = true, true }
func builds(s *facts.Statement)   { s.BuildsIndex, s.Scans = true, true }
func fresh(s *facts.Statement)    { s.OnNewRelation = true }
func kind(k string) func(*facts.Statement) {
	return func(s *facts.Statement) { s.Kind = k }
}
func rows(rows, bytes int64) func(*facts.Statement) {
	return func(s *facts.Statement) { s.TableStats = &facts.TableStats{Rows: rows, Bytes: bytes} }
}
func also(relation, lock string) func(*facts.Statement) {
	return func(s *facts.Statement) {
		o := op(0, 0, relation, lock)
		s.AlsoLocks = append(s.AlsoLocks, facts.RelationLock{Relation: relation, Object: "table", Lock: lock, Blocks: o.Blocks})
	}
}

func migration(transaction string, statements ...facts.Statement) facts.Migration {
	return facts.Migration{Database: "main", Path: "m/1.sql", Status: "added", Direction: "up", Transaction: transaction, Statements: statements}
}

// busyMigrations have a bit of everything.
func busyMigrations() []facts.Migration {
	return []facts.Migration{
		migration("file", op(0, 1, "refunds", "", fresh), op(1, 1, "orders", "ACCESS EXCLUSIVE"), op(2, 1, "orders", "SHARE", builds), op(3, 1, "customers", "ACCESS EXCLUSIVE", rewrites, rows(14_200_000, 1<<30)),
			op(4, 1, "invoices", "SHARE ROW EXCLUSIVE", also("orders", "SHARE ROW EXCLUSIVE"))),
		migration("none", op(0, 0, "orders", "SHARE UPDATE EXCLUSIVE", builds)),
		migration("none", op(0, 0, "seed", "", fresh)),
	}
}

// Each lane as "relation lock: from-to work|held blocks", in units, and each bracket of several statements.
func TestLocks(t *testing.T) {
	tests := []struct {
		name       string
		migrations []facts.Migration
		want       string
	}{
		{"one statement", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE"))}, "a ACCESS EXCLUSIVE: 0-1 work all"},
		{"a lock is held to the end of the transaction", []facts.Migration{migration("file", op(0, 1, "a", "ACCESS EXCLUSIVE"), op(1, 1, "b", "ACCESS EXCLUSIVE"))},
			"a ACCESS EXCLUSIVE: 0-1 work all, 1-2 held all\nb ACCESS EXCLUSIVE: 1-2 work all\ntransaction 0-2"},
		{"statements of their own let go", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE"), op(1, 0, "b", "ACCESS EXCLUSIVE"))},
			"a ACCESS EXCLUSIVE: 0-1 work all\nb ACCESS EXCLUSIVE: 1-2 work all"},
		{"two transactions, and BEGIN and COMMIT take no room", []facts.Migration{migration("none",
			op(0, 0, "", "", kind("begin")), op(1, 1, "a", "ACCESS EXCLUSIVE"), op(2, 1, "b", "ACCESS EXCLUSIVE"), op(3, 1, "", "", kind("commit")), op(4, 2, "c", "ACCESS EXCLUSIVE"), op(5, 2, "d", "ACCESS EXCLUSIVE"))},
			"a ACCESS EXCLUSIVE: 0-1 work all, 1-2 held all\nb ACCESS EXCLUSIVE: 1-2 work all\nc ACCESS EXCLUSIVE: 2-3 work all, 3-4 held all\nd ACCESS EXCLUSIVE: 3-4 work all\ntransaction 0-2\ntransaction 2-4"},
		{"a rewrite takes longer than an index build, and that longer than a scan", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE", scans), op(1, 0, "b", "SHARE", builds), op(2, 0, "c", "ACCESS EXCLUSIVE", rewrites))},
			"a ACCESS EXCLUSIVE: 0-4 work all grows\nb SHARE: 4-10 work writes grows\nc ACCESS EXCLUSIVE: 10-19 work all grows"},
		{"a size is drawn where it is known", []facts.Migration{migration("none", op(0, 0, "small", "ACCESS EXCLUSIVE", rewrites, rows(40, 8192)), op(1, 0, "gigabyte", "ACCESS EXCLUSIVE", rewrites, rows(1e7, 1<<30)), op(2, 0, "terabyte", "ACCESS EXCLUSIVE", rewrites, rows(1e10, 1<<40)))},
			"small ACCESS EXCLUSIVE: 0-1.009 work all\ngigabyte ACCESS EXCLUSIVE: 1.009-10.01 work all\nterabyte ACCESS EXCLUSIVE: 10.01-27.01 work all"},
		{"an ALTER TABLE of three parts is one statement", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE"), op(0, 0, "a", "ACCESS EXCLUSIVE", scans), op(0, 0, "a", "SHARE UPDATE EXCLUSIVE"))},
			"a ACCESS EXCLUSIVE: 0-4 work all grows"},
		{"the referenced table is locked for as long as the statement runs", []facts.Migration{migration("none", op(0, 0, "a", "SHARE ROW EXCLUSIVE", scans, also("b", "SHARE ROW EXCLUSIVE")))},
			"a SHARE ROW EXCLUSIVE: 0-4 work writes grows\nb SHARE ROW EXCLUSIVE: 0-4 work writes"},
		{"a weaker lock changes nothing on one that is held", []facts.Migration{migration("file", op(0, 1, "a", "ACCESS EXCLUSIVE"), op(1, 1, "a", "SHARE UPDATE EXCLUSIVE"), op(2, 1, "a", "SHARE", builds))},
			"a up to ACCESS EXCLUSIVE: 0-1 work all, 1-2 held all, 2-8 work all grows\ntransaction 0-8"},
		{"new tables lock nothing that others wait for", []facts.Migration{migration("file", op(0, 1, "n", "ACCESS EXCLUSIVE", fresh), op(1, 1, "n", "SHARE", fresh, builds), op(2, 1, "n", "ROW EXCLUSIVE", fresh), op(3, 1, "a", "SHARE", builds))},
			"a SHARE: 1-7 work writes grows\ntransaction 0-7"},
		{"an index and a sequence are not shown beside their table", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE", func(s *facts.Statement) {
			s.Kind, s.Name = "drop_index", "i"
			s.AlsoLocks = []facts.RelationLock{{Relation: "a", Object: "table", Lock: "ACCESS EXCLUSIVE", Blocks: s.Blocks}}
		}))}, "a ACCESS EXCLUSIVE: 0-1 work all"},
		{"an index alone", []facts.Migration{migration("none", op(0, 0, "a", "ACCESS EXCLUSIVE", func(s *facts.Statement) { s.Kind, s.Name = "drop_index", "i" }))}, "index i ACCESS EXCLUSIVE: 0-1 work all"},
		{"all migrations in one transaction are one picture", []facts.Migration{migration("all", op(0, 1, "a", "ACCESS EXCLUSIVE")), migration("all", op(0, 1, "b", "ACCESS EXCLUSIVE"))},
			"a ACCESS EXCLUSIVE: 0-1 work all, 1-2 held all\nb ACCESS EXCLUSIVE: 1-2 work all\ntransaction 0-2"},
		{"a way down and what is only renamed are not judged", []facts.Migration{
			{Status: "added", Direction: "down", Statements: []facts.Statement{op(0, 0, "a", "ACCESS EXCLUSIVE")}}, {Status: "renamed", Direction: "up", Statements: []facts.Statement{op(0, 0, "a", "ACCESS EXCLUSIVE")}}}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := locksPage(&Result{Migrations: tt.migrations})
			if diff := cmp.Diff(tt.want, drawn(v)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// drawn is what a reader sees of the pictures, in words.
func drawn(v *locksView) string {
	if v == nil {
		return ""
	}
	var lines []string
	for _, f := range v.Figures {
		for _, l := range f.Lanes {
			var segments []string
			for _, s := range l.Segments {
				text := fmt.Sprintf("%.4g-%.4g %s %s", s.from, s.to, map[bool]string{true: "work", false: "held"}[s.Work], strings.TrimPrefix(s.Class, "blocks-"))
				if s.Grows {
					text += " grows"
				}
				segments = append(segments, text)
			}
			lines = append(lines, fmt.Sprintf("%s %s: %s", l.Name, l.Lock, strings.Join(segments, ", ")))
		}
		for _, b := range f.Brackets {
			if b.Shared {
				lines = append(lines, fmt.Sprintf("transaction %.4g-%.4g", b.from, b.to))
			}
		}
	}
	return strings.Join(lines, "\n")
}

// What a statement waits for, and until when it holds what it got.
func TestLocksInWords(t *testing.T) {
	held := func(h ...facts.HeldLock) func(*facts.Statement) {
		return func(s *facts.Statement) { s.HeldLocks = h }
	}
	all := []string{"reads", "writes", "ddl"}
	timeout := func(s *facts.Statement) { s.LockTimeout = "5s" }
	refused := func(s *facts.Statement) { s.NotInTransaction = true }
	v := locksPage(&Result{Migrations: []facts.Migration{migration("file",
		op(0, 1, "a", "SHARE", builds), op(1, 1, "a", "SHARE", held(facts.HeldLock{Relation: "a", Lock: "SHARE", Blocks: []string{"writes", "ddl"}})),
		op(2, 1, "a", "ACCESS EXCLUSIVE", held(facts.HeldLock{Relation: "a", Lock: "SHARE", Blocks: []string{"writes", "ddl"}}), timeout),
		op(3, 1, "a", "SHARE", held(facts.HeldLock{Relation: "a", Lock: "ACCESS EXCLUSIVE", Blocks: all})), op(4, 1, "a", "SHARE UPDATE EXCLUSIVE", refused), op(5, 0, "n", "", fresh),
	)}})
	want := []string{
		"Waits for the lock without a limit, and others wait behind it. Holds it to the end of statement 5, when the transaction ends.",
		"Has the lock already, from a statement before it. Holds it to the end of statement 5, when the transaction ends.",
		"Waits for the lock 5s at most. Holds it to the end of statement 5, when the transaction ends.",
		"Has the lock already, from a statement before it. Holds it to the end of statement 5, when the transaction ends.",
		"Lets go when it is done: it is the last of its transaction. The server refuses this inside a transaction.",
		"",
	}
	var got []string
	for _, c := range v.Figures[0].Columns {
		got = append(got, onOneLine(c.Wait+" "+c.Held+" "+c.Note))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTableSizeInWords(t *testing.T) {
	for _, tt := range []struct {
		rows, bytes int64
		want        string
	}{
		{1, 0, "1 row, 0 bytes"}, {40, 8192, "40 rows, 8 kB"}, {12_345, 3 << 20, "12,345 rows, 3 MB"}, {14_200_000, 5<<30 + 1<<29, "14.2 million rows, 5.5 GB"}, {3_000_000_000, 1 << 40, "3.0 billion rows, 1 TB"}, {-1, 8192, "rows not counted, 8 kB"},
	} {
		if got := size(&facts.TableStats{Rows: tt.rows, Bytes: tt.bytes}); got != tt.want {
			t.Errorf("%d rows of %d bytes are %q, want %q", tt.rows, tt.bytes, got, tt.want)
		}
	}
}
