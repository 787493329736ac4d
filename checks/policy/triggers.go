package policy

import (
	"maps"
	"regexp"
	"slices"

	"github.com/pmcheck/pmcheck/checks/facts"
)

const (
	always     = "always"
	migrations = "migrations"
)

var statementKind = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// triggers are what a rule can name in custom.on beside kinds of statements.
var triggers = map[string]bool{
	always: true, migrations: true, "matrix": true, "delta": true, "drift": true, "unread": true, "not_analysed": true, "left_out": true,
	"postmortems": true, "removed": true, "suppressions": true, "config": true,
	"pipeline": true, "findings": true, "live": true,
}

// Triggers are the names that custom.on may hold beside kinds of statements.
func Triggers() []string { return slices.Sorted(maps.Keys(triggers)) }

// triggersOf says what a change has that rules can be about.
func triggersOf(f *facts.Facts) map[string]bool {
	on := map[string]bool{always: true}
	set := func(name string, holds bool) {
		if holds {
			on[name] = true
		}
	}
	set(migrations, len(f.Migrations) > 0)
	for i := range f.Migrations {
		m := &f.Migrations[i]
		set("not_analysed", len(m.NotAnalysed) > 0)
		set("left_out", len(m.LeftOut) > 0)
		for j := range m.Statements {
			on[m.Statements[j].Kind] = true
		}
	}
	for i := range f.Databases {
		d := &f.Databases[i]
		set("delta", len(d.Delta) > 0)
		set("drift", len(d.Drift)+len(d.LiveDrift) > 0)
		set("unread", len(d.Unread) > 0)
	}
	for _, cell := range []facts.Cell{f.Matrix.OldCodeNewSchema, f.Matrix.NewCodeOldSchema, f.Matrix.NewCodeNewSchema} {
		set("matrix", len(cell.Breaks)+len(cell.Changed) > 0)
	}
	set("live", f.Live != nil)
	p := f.Postmortems
	set("postmortems", len(p.Documents)+len(p.Changed)+len(p.Problems)+len(p.Removed) > 0)
	set("removed", len(p.Removed) > 0)
	set("pipeline", len(f.Pipeline.Providers) > 0)
	set("findings", len(f.Findings) > 0)
	set("suppressions", len(f.Suppressions) > 0)
	set("config", f.Config.Path != "" || len(f.Config.Problems)+len(f.Settings.Rules) > 0)
	return on
}
