package report

import (
	"fmt"
	"strings"
	"time"
)

// old is the age from which on a snapshot's is said.
const old = 14 * 24 * time.Hour

// LiveLines says what a live database told the check, for a person: one sentence a
// line. There is none where no database was asked.
func (r *Result) LiveLines() []string {
	l := r.Live
	if l == nil {
		return nil
	}
	var lines []string
	if l.Source == "database" {
		lines = append(lines, fmt.Sprintf("Live database %s (PostgreSQL %s), asked for this check", l.Name, l.ServerVersion))
	} else {
		day, _, _ := strings.Cut(l.TakenAt, "T")
		line := fmt.Sprintf("Live database %s (PostgreSQL %s) as of %s, from %s", l.Name, l.ServerVersion, day, l.Path)
		if taken, err := time.Parse(time.RFC3339, l.TakenAt); err == nil && !r.Now.IsZero() && r.Now.Sub(taken) > old {
			line += fmt.Sprintf(": it is %d days old", int(r.Now.Sub(taken).Hours()/24))
		}
		lines = append(lines, line)
	}
	if r.Change.Stage == "pre-deploy" {
		if l.Known {
			line := fmt.Sprintf("%s says that it has run %d of %s at the head; ", l.StateTable, l.Applied, count(l.Applied+l.Pending, "migration"))
			if l.Pending == 0 {
				line += "this deploy runs none"
			} else {
				line += fmt.Sprintf("this deploy runs %d", l.Pending)
			}
			lines = append(lines, line)
		} else {
			lines = append(lines, "It does not say which migrations have run: those between base and head are taken to be pending")
		}
	}
	for _, m := range r.Migrations {
		if m.MergedBefore {
			lines = append(lines, fmt.Sprintf("%s was merged before, and has not run there yet: it is judged as part of this deploy", m.Path))
		}
	}
	for _, path := range l.AppliedBefore {
		lines = append(lines, fmt.Sprintf("%s of this change has run there already", path))
	}
	for _, what := range l.LeftOut {
		lines = append(lines, "Left out "+what)
	}
	return lines
}
