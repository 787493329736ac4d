package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
)

// planned are the statements that a tool makes from schema files, by the place that they come from.
type planned map[facts.Place][]facts.Statement

func plannedAt(document *facts.Facts) planned {
	out := planned{}
	for _, m := range document.Migrations {
		for _, s := range m.Statements {
			if s.PlannedBy != "" {
				out[s.Place] = append(out[s.Place], s)
			}
		}
	}
	return out
}

// say is a finding's message, with the SQL that will run where no file holds it.
func (p planned) say(f policy.Finding) string {
	if len(p) == 0 {
		return f.Message
	}
	about := p[f.Location]
	for _, at := range f.CausedBy {
		about = append(slices.Clip(about), p[at]...)
	}
	var sql []string
	tool, needs := "", ""
	for _, s := range about {
		// Another statement may come from the same place: the finding's is the one that it names.
		if f.Subject != "" && len(f.CausedBy) == 0 && len(about) > 1 && !strings.HasPrefix(f.Subject, s.Kind+" ") {
			continue
		}
		line := strings.Join(strings.Fields(s.SQL), " ")
		const most = 300
		if len(line) > most {
			line = strings.ToValidUTF8(line[:most], "") + " ..."
		}
		if !slices.Contains(sql, line) {
			sql = append(sql, line)
		}
		if tool = s.PlannedBy; s.Needs != "" {
			needs = s.Needs
		}
	}
	if len(sql) == 0 {
		return f.Message
	}
	const shown = 3
	if more := len(sql) - shown; more > 0 {
		sql = append(sql[:shown], fmt.Sprintf("and %d more", more))
	}
	said := fmt.Sprintf("%s. %s will run: %s", strings.TrimRight(f.Message, "."), tool, strings.Join(sql, "; "))
	if needs != "" {
		said += fmt.Sprintf(" (with %s only)", needs)
	}
	return said
}
