package lint

import (
	"github.com/pmcheck/pmcheck/migrations-lint/catalog"
	"github.com/pmcheck/pmcheck/migrations-lint/hazard"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// transaction follows what really surrounds each statement of a migration, and
// which locks are still held there.
type transaction struct {
	mode     layout.Transaction
	around   bool // by the framework, or the server's implicit one of a multi-statement query
	explicit bool // by BEGIN in the script
	number   int  // of the transaction in its migration, from 1
	held     []Held
}

// newTransaction begins a script, or the piece of one that is sent for itself, with the number of its transaction.
func newTransaction(mode layout.Transaction, statements, number int) *transaction {
	t := &transaction{mode: mode, number: number}
	switch mode {
	case layout.InFile, layout.InAll:
		t.around = true
	case layout.Implicit:
		// One statement alone gets a transaction of its own, and may be CONCURRENTLY
		// (PostgreSQL manual, 55.2.2.1 Multiple Statements in a Simple Query).
		t.around = statements > 1
	}
	return t
}

func (t *transaction) open() bool { return t.around || t.explicit }

// shared is the number of the transaction underway, 0 outside of one.
func (t *transaction) shared() int {
	if !t.open() {
		return 0
	}
	return t.number
}

// statement begins a statement: outside of a transaction the last one's locks are
// gone, and what it SET LOCAL never was.
func (t *transaction) statement(c *catalog.Catalog) {
	if !t.open() {
		t.held = nil
		c.EndTransaction()
	}
}

// after notes what an operation does to the transaction and which locks it leaves held.
func (t *transaction) after(c *catalog.Catalog, op catalog.Op, st *Statement) {
	if tx, ok := op.(catalog.Transaction); ok {
		switch tx.Action {
		case "begin":
			t.explicit = true
		case "commit", "rollback", "prepare":
			// A COMMIT in the script ends the framework's transaction too. Within one query
			// the server opens the next implicit one for the rest of it.
			t.explicit, t.around = tx.Chain, t.around && t.mode == layout.Implicit
			t.number++
			t.held = nil
			c.EndTransaction()
		}
		return
	}
	if st.Cost.Lock != "" && !st.New {
		t.hold(st.Cost.RelationLock, st.Place.Line)
	}
	for _, also := range st.Cost.Also {
		if !st.NewAlso[also.Relation.String()] {
			t.hold(also, st.Place.Line)
		}
	}
}

// hold keeps the locks that make others wait; a lock only grows.
func (t *transaction) hold(on hazard.RelationLock, line int) {
	relation, blocks := plain(on.Relation), on.Lock.Blocks()
	if len(blocks) == 0 || len(blocks) == 1 && blocks[0] == "ddl" {
		return
	}
	for _, h := range t.held {
		if h.Relation == relation && len(h.Lock.Blocks()) >= len(blocks) {
			return
		}
	}
	t.held = append(t.held, Held{relation, on.Kind, on.Lock, line})
}

// plain is a relation's name without the schema public, which everybody leaves out.
func plain(n catalog.Name) string {
	if n.Schema == "public" {
		n.Schema = ""
	}
	return n.String()
}
