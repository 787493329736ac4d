package checks

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// What is read of documents and tests.
const (
	maxDocuments = 200
	maxDocument  = 512 << 10
	maxBody      = 20_000 // of the description of a pull request
)

// runbooks states which runbooks of the head name a migration that the change adds or edits.
func (r *run) runbooks(document *facts.Facts) {
	named := map[string]*regexp.Regexp{}
	for _, m := range document.Migrations {
		if m.Direction == "down" || m.Status != "added" && m.Status != "edited" || named[m.Path] != nil {
			continue
		}
		named[m.Path] = namesOf(m)
	}
	if len(named) == 0 {
		return
	}
	status := map[string]string{}
	for _, f := range r.change.Files {
		status[f.Path] = string(f.Status)
	}
	var paths []string
	for _, e := range r.change.HeadTree().Entries() {
		if e.Kind == change.Regular {
			paths = append(paths, e.Path)
		}
	}
	for i, p := range postmortem.Match(r.config.Runbooks, paths) {
		if i >= maxDocuments {
			r.notes = append(r.notes, "more than 200 runbooks: the rest is not looked at")
			break
		}
		content, err := r.change.HeadTree().Read(p)
		if err != nil || len(content) > maxDocument {
			continue
		}
		book := facts.Runbook{Path: p, Names: []string{}, Status: status[p]}
		for migration, names := range named {
			if names.MatchString(p) || names.Match(content) {
				book.Names = append(book.Names, migration)
			}
		}
		if len(book.Names) > 0 {
			slices.Sort(book.Names)
			document.Runbooks = append(document.Runbooks, book)
		}
	}
}

// namesOf finds the names by which a text may mean a migration: its file, with or
// without folder and extension, and its version where that is no small number, which
// might mean anything.
func namesOf(m facts.Migration) *regexp.Regexp {
	base := path.Base(m.Path)
	stem, _, _ := strings.Cut(base, ".")
	names := []string{regexp.QuoteMeta(base)}
	if slices.Contains([]string{"up", "migration", "down", "index"}, stem) { // prisma's and diesel's name is the folder's
		names = []string{regexp.QuoteMeta(path.Base(path.Dir(m.Path)))}
	} else if len(stem) > 3 {
		names = append(names, regexp.QuoteMeta(stem))
	}
	if len(m.Version) >= 4 {
		names = append(names, regexp.QuoteMeta(m.Version))
	} else if m.Version != "" {
		names = append(names, `(?:migration|version)\s+#?0*`+regexp.QuoteMeta(strings.TrimLeft(m.Version, "0")))
	}
	// No text names a path that is not UTF-8, and no expression may hold one.
	return regexp.MustCompile(strings.ToValidUTF8(`(?i)(?:^|[^\w])(?:`+strings.Join(names, "|")+`)(?:$|[^\w])`, "\ufffd"))
}

// cutAt is at most so many bytes of a text.
func cutAt(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// identifier finds the names in a program's text.
var identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// tested notes which differences of the schema the change's own tests name, in any
// usual spelling: the object itself, or the relation that it belongs to.
func (r *run) tested(document *facts.Facts) {
	differs := slices.ContainsFunc(document.Databases, func(d facts.Database) bool { return len(d.Delta) > 0 })
	if !differs {
		return
	}
	seen := map[string]bool{}
	n := 0
	for _, f := range r.change.Files {
		if f.Status == change.Deleted || f.Kind != change.Regular || r.fileKind(f.Path) != "test" {
			continue
		}
		if n++; n > maxDocuments {
			break
		}
		content, err := r.change.HeadTree().Read(f.Path)
		if err != nil || len(content) > maxDocument {
			continue
		}
		for _, word := range identifier.FindAllString(string(content), -1) {
			seen[spelled(word)] = true
		}
	}
	if len(seen) == 0 {
		return
	}
	names := func(name string) bool {
		s := spelled(name)
		return s != "" && (seen[s] || len(s) > 3 && seen[strings.TrimSuffix(s, "s")])
	}
	for i := range document.Databases {
		delta := document.Databases[i].Delta
		for j := range delta {
			delta[j].Tested = names(delta[j].Name) || names(delta[j].Relation)
		}
	}
}

// judged is what the rules that run after the others see of what those found.
func judged(findings []policy.Finding, failOn string) []facts.Judged {
	out := []facts.Judged{}
	for _, f := range findings {
		j := facts.Judged{Rule: f.Rule, Category: f.Category, Severity: f.Severity, Place: f.Location, CausedBy: f.CausedBy,
			Suppressed: f.Suppressed, Fails: report.Fails(f.Severity, failOn)}
		if j.CausedBy == nil {
			j.CausedBy = []facts.Place{}
		}
		out = append(out, j)
	}
	return out
}
