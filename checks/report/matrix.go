package report

import (
	"fmt"
	"io"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Matrix writes the deploy matrix alone, with every query that breaks in it and why.
func Matrix(w io.Writer, r *Result, o Options) error {
	t := newText(w, r, o)
	t.heading()
	t.matrix()
	if r.Matrix.OldCodeNewSchema.Verdict == "not-applicable" && len(r.Matrix.NewCodeNewSchema.Breaks) == 0 {
		t.gap()
		t.line("no schema change")
	}
	t.breaks("old code on the new schema", r.Matrix.OldCodeNewSchema)
	t.breaks("new code on the old schema", r.Matrix.NewCodeOldSchema)
	t.breaks("new code on the new schema", r.Matrix.NewCodeNewSchema)
	if changed := r.Matrix.OldCodeNewSchema.Changed; len(changed) > 0 {
		t.gap()
		t.line("%s", t.bold("other results on the new schema"))
		for _, c := range changed {
			t.query(c.Query, c.How, c.CausedBy)
		}
	}
	if o.Verbose && len(r.Matrix.Coverage.NotUnderstood) > 0 {
		t.gap()
		t.line("%s", t.bold("not understood"))
		for _, u := range r.Matrix.Coverage.NotUnderstood {
			t.query(facts.Query{Name: u.Name, Place: u.Place}, u.Reason, nil)
		}
	}
	return t.w.Flush()
}

// breaks lists the queries that fail in a cell.
func (t *text) breaks(title string, c facts.Cell) {
	if len(c.Breaks) == 0 {
		return
	}
	t.gap()
	t.line("%s", t.bold(title))
	for _, b := range c.Breaks {
		t.query(b.Query, b.Reason, b.CausedBy)
	}
}

// query prints a query with what is to be said of it.
func (t *text) query(q facts.Query, what string, causes []facts.Place) {
	at := where(q.Place)
	t.line("  %s  %s", clean(at), clean(ownName(q.Name, at)))
	t.wrap("    ", what)
	if n := len(causes); n > 0 {
		t.hang("2", "    caused by ", "      ", fmt.Sprintf("%s%s", where(causes[n-1]), andMore(n-1)))
	}
}

// ownName is a query's name, "" where that is its place.
func ownName(name, at string) string {
	if len(at) >= len(name) && at[:len(name)] == name {
		return ""
	}
	return name
}
