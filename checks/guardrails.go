package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// isPostmortem tells that the configuration's globs select a path.
func (r *run) isPostmortem(path string) bool {
	return len(postmortem.Match(r.config.Postmortems, []string{path})) > 0
}

// documents are the post-mortems of one side.
type documents struct {
	byPath   map[string]*postmortem.Document
	problems []postmortem.Problem
}

// broken tells that something of a document was lost in reading it.
func (d documents) broken(path string) bool {
	return slices.ContainsFunc(d.problems, func(p postmortem.Problem) bool { return p.Path == path && !p.Hint })
}

func (r *run) readDocuments(t *change.Tree, only func(path string) bool) documents {
	d := documents{byPath: map[string]*postmortem.Document{}}
	var paths []string
	for _, e := range t.Entries() {
		if e.Kind == change.Regular && only(e.Path) {
			paths = append(paths, e.Path)
		}
	}
	for _, path := range postmortem.Match(r.config.Postmortems, paths) {
		content, err := t.Read(path)
		if err != nil {
			d.problems = append(d.problems, postmortem.Problem{Path: path, Line: 1, Message: err.Error()})
			continue
		}
		document, problems := postmortem.Parse(path, content)
		d.problems = append(d.problems, problems...)
		if document != nil {
			d.byPath[path] = document
		}
	}
	return d
}

// guardrails states the post-mortems of the trusted revision, and which of the guardrails
// that stand on those of the base, or on its configuration, the change takes away.
func (r *run) guardrails(ctx context.Context, document *facts.Facts) {
	touched := map[string]bool{}
	var renamed [][2]string
	for _, f := range r.change.Files {
		touched[f.Path] = true
		if f.OldPath != "" {
			touched[f.OldPath] = true
			renamed = append(renamed, [2]string{f.OldPath, f.Path})
		}
	}
	base := r.readDocuments(r.change.BaseTree(), func(string) bool { return true })
	head := r.readDocuments(r.change.HeadTree(), func(path string) bool { return touched[path] })

	trusted := base
	if r.change.Trusted != r.change.Base {
		trusted = r.readDocuments(r.change.TrustedTree(), func(string) bool { return true })
		for _, p := range trusted.problems { // no change of this pull request could mend it
			r.notes = append(r.notes, fmt.Sprintf("post-mortem at %s: %s:%d: %s", r.change.TrustedRef, p.Path, p.Line, p.Message))
		}
	}
	out := facts.Postmortems{Documents: documentFacts(trusted), Changed: documentFacts(head),
		Problems: []facts.PostmortemProblem{}, Removed: []facts.RemovedItem{}}
	problem := func(p postmortem.Problem, side string) {
		out.Problems = append(out.Problems, facts.PostmortemProblem{Place: facts.Place{Path: p.Path, Line: p.Line, Side: side}, Message: p.Message})
	}
	for _, p := range base.problems {
		if !touched[p.Path] {
			problem(p, "base")
		}
	}
	for _, p := range head.problems {
		problem(p, "head")
	}
	for path, d := range head.byPath {
		if head.broken(path) {
			continue // what it lacks may stand in what could not be read
		}
		for _, p := range postmortem.Review(d) {
			problem(p, "head")
		}
	}
	var lessons []lesson
	at := documents{byPath: maps.Clone(head.byPath)} // all of the head
	for path, was := range base.byPath {
		is := was
		if touched[path] {
			is = follow(head, path, renamed)
			out.Removed = append(out.Removed, removed(was, is)...)
		} else {
			at.byPath[path] = was
		}
		if is != nil && is.ID == was.ID {
			lessons = append(lessons, lesson{was, is})
		}
	}
	out.Removed = append(out.Removed, r.loosened(document, base)...)
	if !r.replaying && r.touchesWhatDecides(base, head) {
		slices.SortFunc(lessons, func(a, b lesson) int { return strings.Compare(a.was.Path, b.was.Path) })
		out.Removed = append(out.Removed, r.forgotten(ctx, lessons, documentFacts(base), documentFacts(at))...)
	}
	slices.SortFunc(out.Removed, func(a, b facts.RemovedItem) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	document.Postmortems = out
}

// follow finds a document where it stands at the head: by id, since it may have moved.
func follow(head documents, path string, renamed [][2]string) *postmortem.Document {
	if d := head.byPath[path]; d != nil {
		return d
	}
	for _, r := range renamed {
		if r[0] == path {
			return head.byPath[r[1]]
		}
	}
	return nil
}

// touchesWhatDecides tells that the change edits the configuration, a rule of the project or a post-mortem.
func (r *run) touchesWhatDecides(base, head documents) bool {
	return slices.ContainsFunc(r.change.Files, func(f change.File) bool {
		return slices.ContainsFunc([]string{f.Path, f.OldPath}, func(path string) bool {
			return path == r.Config || isPolicy(path) || base.byPath[path] != nil || head.byPath[path] != nil
		})
	})
}

// removed lists what a document no longer says.
func removed(was, is *postmortem.Document) []facts.RemovedItem {
	at := func(line int) facts.Place { return facts.Place{Path: was.Path, Line: line, Side: "base"} }
	if is == nil || is.ID != was.ID {
		return []facts.RemovedItem{{What: "document", Postmortem: was.ID, Place: at(was.Line)}}
	}
	var out []facts.RemovedItem
	for _, item := range was.ActionItems {
		i := slices.IndexFunc(is.ActionItems, func(a postmortem.ActionItem) bool { return a.ID == item.ID })
		if i < 0 {
			out = append(out, facts.RemovedItem{What: "item", Postmortem: was.ID, Item: item.ID, Place: at(item.Line)})
			continue
		}
		for _, rule := range item.EnforcedBy {
			if !slices.Contains(is.ActionItems[i].EnforcedBy, rule) {
				out = append(out, facts.RemovedItem{What: "link", Postmortem: was.ID, Item: item.ID, Rule: rule, Place: at(item.Line)})
			}
		}
	}
	return out
}

// loosened compares the configurations and the project's own rules: what is
// switched off, lowered or deleted is stated, and has no effect on this check.
func (r *run) loosened(document *facts.Facts, base documents) []facts.RemovedItem {
	var out []facts.RemovedItem
	for _, f := range r.change.Files {
		old := f.Path
		if f.OldPath != "" {
			old = f.OldPath
		}
		if f.Status != change.Added && isPolicy(old) && (f.Status == change.Deleted || f.Kind != change.Regular || !isPolicy(f.Path)) {
			out = append(out, facts.RemovedItem{What: "policy", Rule: ruleAt(r.change.BaseTree(), old), Place: facts.Place{Path: old, Line: 1, Side: "base"}})
		}
	}
	if !slices.ContainsFunc(r.change.Files, func(f change.File) bool { return f.Path == r.Config || f.OldPath == r.Config }) {
		return out
	}
	document.Config.Path = r.Config
	is, problems := r.configIn(r.change.HeadTree())
	if is == nil {
		document.Config.Problems = append(document.Config.Problems, problems...)
		return out
	}
	was := r.config
	if r.change.Trusted != r.change.Base {
		if was, _ = r.configIn(r.change.BaseTree()); was == nil {
			return out // there was none that could be read, so none is loosened
		}
	}
	for _, rule := range r.engine.Rules() {
		item := facts.RemovedItem{Rule: rule.ID, From: severityIn(was, rule), To: severityIn(is, rule), Place: facts.Place{Path: r.Config, Line: 1}}
		if line := is.Rules[rule.ID].Line; line > 0 {
			item.Place.Line = line
		} else if line := was.Rules[rule.ID].Line; line > 0 {
			item.Place.Line, item.Place.Side = line, "base"
		}
		switch {
		case rank(item.To) >= rank(item.From):
			continue
		case item.To == "off":
			item.What = "rule-off"
		default:
			item.What = "severity-lowered"
		}
		out = append(out, item)
	}
	if rank(is.FailOn) > rank(was.FailOn) {
		out = append(out, facts.RemovedItem{What: "fail-on", From: was.FailOn, To: is.FailOn, Place: facts.Place{Path: r.Config, Line: 1}})
	}
	out = append(out, r.freed(was.Overrides, is.Overrides)...)
	for path, d := range base.byPath {
		if len(postmortem.Match(is.Postmortems, []string{path})) == 0 {
			out = append(out, facts.RemovedItem{What: "unselected", Postmortem: d.ID, Place: facts.Place{Path: r.Config, Line: 1}})
		}
	}
	return out
}

// freed lists whom and what a configuration lets override findings that did not before.
func (r *run) freed(was, is config.Overrides) []facts.RemovedItem {
	place := facts.Place{Path: r.Config, Line: 1}
	if is.Line > 0 {
		place.Line = is.Line
	} else if was.Line > 0 {
		place.Line, place.Side = was.Line, "base"
	}
	var out []facts.RemovedItem
	permissions := []string{"write", "maintain", "admin"}
	if slices.Index(permissions, is.Permission) < slices.Index(permissions, was.Permission) {
		out = append(out, facts.RemovedItem{What: "override-permission", From: was.Permission, To: is.Permission, Place: place})
	}
	for _, rule := range was.Never {
		if !slices.Contains(is.Never, rule) {
			out = append(out, facts.RemovedItem{What: "override-never", Rule: rule, Place: place})
		}
	}
	return out
}

// configIn is the configuration that one side of the change has, or what is wrong with it.
func (r *run) configIn(side *change.Tree) (*config.Config, []facts.Problem) {
	problem := func(line int, reason string) facts.Problem {
		return facts.Problem{Place: facts.Place{Path: r.Config, Line: line}, Kind: "syntax", Reason: reason}
	}
	content, err := side.Read(r.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config.Default(), nil
	case err != nil:
		return nil, []facts.Problem{problem(1, err.Error())}
	}
	names := known(r.engine)
	names.Rules = append(names.Rules, r.rulesIn(side)...)
	is, err := config.Parse(r.Config, content, names)
	var wrong *config.Error
	switch {
	case err == nil:
		return is, nil
	case !errors.As(err, &wrong):
		return nil, []facts.Problem{problem(1, err.Error())}
	}
	var problems []facts.Problem
	for _, p := range wrong.Problems {
		problems = append(problems, problem(p.Line, p.Message))
	}
	return nil, problems
}

// rulePackage finds the id of a rule in its file.
var rulePackage = regexp.MustCompile(`(?m)^package pmcheck\.rules\["([^"]+)"\]`)

// rulesIn are the ids of the project's own rules that one side of the change has.
// They are read, and neither compiled nor run.
func (r *run) rulesIn(side *change.Tree) []string {
	var ids []string
	const most = 500 // files of rules; with more no check runs
	for _, e := range side.Entries() {
		if e.Kind == change.Regular && isPolicy(e.Path) && len(ids) < most {
			if id := ruleAt(side, e.Path); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// ruleAt is the id of the project's rule in a file.
func ruleAt(side *change.Tree, path string) string {
	content, err := side.Read(path)
	if err != nil {
		return ""
	}
	if m := rulePackage.FindSubmatch(content); m != nil {
		return string(m[1])
	}
	return ""
}

func severityIn(c *config.Config, rule policy.Rule) string {
	if s := c.Rules[rule.ID].Severity; s != "" {
		return s
	}
	return rule.Severity
}

// rank orders severities: a higher one is stricter.
func rank(severity string) int {
	return slices.Index([]string{"off", "info", "warning", "error"}, severity)
}

func documentFacts(d documents) []facts.Postmortem {
	out := []facts.Postmortem{}
	for _, document := range d.byPath {
		p := facts.Postmortem{ID: document.ID, Title: document.Title, Severity: document.Severity, Status: document.Status,
			Date: document.Date, Path: document.Path, ActionItems: []facts.ActionItem{}, Line: document.Line,
			Causes: append(append([]string{}, document.RootCauses...), document.ContributingFactors...), Whys: []facts.Why{}}
		for _, w := range document.Whys {
			p.Whys = append(p.Whys, facts.Why{Answer: w.Answer, Line: w.Line})
		}
		for _, item := range document.ActionItems {
			p.ActionItems = append(p.ActionItems, facts.ActionItem{
				ID: item.ID, Action: item.Action, Type: item.Type, Priority: item.Priority, Owner: item.Owner, Due: item.Due,
				Status: item.Status, Issue: item.Issue, EnforcedBy: append([]string{}, item.EnforcedBy...), Line: item.Line,
			})
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b facts.Postmortem) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// actionItems are the reasons why rules exist: the items that name a rule, and
// those that a rule names, by rule.
func actionItems(documents []facts.Postmortem, rules []policy.Rule) map[string][]report.ActionItem {
	byRule := map[string][]report.ActionItem{}
	cited := map[string]report.ActionItem{}
	for _, d := range documents {
		for _, item := range d.ActionItems {
			a := report.ActionItem{Postmortem: d.ID, PostmortemTitle: d.Title, ID: item.ID, Action: item.Action, Priority: item.Priority,
				Owner: item.Owner, Due: item.Due, Status: item.Status, Path: d.Path, Line: item.Line}
			cited[d.ID+"/"+item.ID] = a
			for _, rule := range item.EnforcedBy {
				byRule[rule] = append(byRule[rule], a)
			}
		}
	}
	for _, rule := range rules {
		for _, citation := range rule.ActionItems {
			if a, ok := cited[citation]; ok && !slices.Contains(byRule[rule.ID], a) {
				byRule[rule.ID] = append(byRule[rule.ID], a)
			}
		}
	}
	return byRule
}

// guarded are documents whose items also name the rules that name them.
func guarded(documents []facts.Postmortem, rules []policy.Rule) []facts.Postmortem {
	by := map[string][]string{}
	for _, rule := range rules {
		for _, citation := range rule.ActionItems {
			by[citation] = append(by[citation], rule.ID)
		}
	}
	out := slices.Clone(documents)
	for i := range out {
		out[i].ActionItems = slices.Clone(out[i].ActionItems)
		for j := range out[i].ActionItems {
			item := &out[i].ActionItems[j]
			item.EnforcedBy = slices.Clone(item.EnforcedBy)
			for _, rule := range by[out[i].ID+"/"+item.ID] {
				if !slices.Contains(item.EnforcedBy, rule) {
					item.EnforcedBy = append(item.EnforcedBy, rule)
				}
			}
		}
	}
	return out
}
