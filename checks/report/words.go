package report

import (
	"fmt"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// What all formats say in the same words.

// subject says what was compared with what; names of revisions are as quote has them.
func (r *Result) subject(quote func(name string) string) string {
	if r.Alone {
		return fmt.Sprintf("%s judged alone: every table that %s not create is taken to be in use",
			count(r.Judged, "migration"), verb(r.Judged, "it does", "they do"))
	}
	head := namedAs(quote, r.HeadName, "HEAD", r.Change.Head)
	if r.Change.Dirty {
		head += " and what is not committed"
	}
	return fmt.Sprintf("%s compared with %s", head, namedAs(quote, r.BaseName, "", r.Change.Base))
}

// named is a revision as the user knows it, with its commit unless it is one itself or goes without saying.
func named(name, silent, commit string) string { return namedAs(clean, name, silent, commit) }

// namedAs is named with the name as quote has it.
func namedAs(quote func(string) string, name, silent, commit string) string {
	if name == "" || name == silent || strings.HasPrefix(commit, name) {
		return short(commit)
	}
	return quote(name) + " (" + short(commit) + ")"
}

// sideNote says that a file is shown as it was before the change; "" of one that is not.
func (r *Result) sideNote(side, category string) string {
	switch {
	case side != "base":
		return ""
	case category == "compat":
		return "as the running release has it (" + short(r.Change.Base) + ")"
	}
	return "before this change (" + short(r.Change.Base) + ")"
}

// addressOf is where a place is read with a browser, "" where that is not known.
func (r *Result) addressOf(p facts.Place) string {
	commit := r.Change.Head
	switch {
	case sideOf(p.Side) == "base":
		commit = r.Change.Base
	case p.Side == trusted:
		commit = r.Trusted
	}
	if r.Address == "" || commit == "" || r.Change.Dirty || p.Path == "" {
		return ""
	}
	line := ""
	if p.Line > 0 {
		line = fmt.Sprintf("#L%d", p.Line)
	}
	return r.Address + "/blob/" + commit + "/" + pathURI(p.Path) + line
}

// trusted is the side of places in the revision that post-mortems are read from, where that is not the base.
const trusted = "trusted"

// written is where an action item stands.
func (r *Result) written(a ActionItem) facts.Place {
	p := facts.Place{Path: a.Path, Line: a.Line, Side: "base"}
	if r.Trusted != "" {
		p.Side = trusted
	}
	return p
}

// because cites the action item that a rule enforces.
func (a ActionItem) because() string {
	title := ""
	if a.PostmortemTitle != "" {
		title = fmt.Sprintf(", from %q", a.PostmortemTitle)
	}
	return fmt.Sprintf("%s/%s %q%s", clean(a.Postmortem), clean(a.ID), a.Action, title)
}

// terms are what was agreed about an action item, and where it is written.
func (a ActionItem) terms() []string {
	due := ""
	if a.Due != "" {
		due = "due " + a.Due
	}
	var terms []string
	for _, term := range []string{a.Priority, a.Owner, due, strings.ReplaceAll(a.Status, "_", " "), where(facts.Place{Path: a.Path, Line: a.Line})} {
		if term != "" {
			terms = append(terms, clean(term))
		}
	}
	return terms
}

// conclusion is the verdict as a word, PASS, FAIL or ERROR, and what to do.
func (r *Result) conclusion() (word, advice string) {
	if r.Nothing() {
		if r.Contained && !r.Change.Dirty {
			return "PASS", fmt.Sprintf("nothing to compare: %s holds this commit already. "+
				"`--base HEAD~1` judges the last commit, `--worktree` what is not committed", none(r.BaseName))
		}
		if r.Change.Stage == "pre-deploy" && r.Change.Base == r.Change.Head {
			return "PASS", "nothing goes out: this commit is what is running"
		}
		if len(r.Databases) == 0 {
			return "PASS", "no schema change: no migrations were found in this repository " +
				"(if it has some, name their folder under `databases` in .pmcheck.yml)"
		}
		return "PASS", "no schema change: no migration is added, edited or removed"
	}
	failing, first := 0, ""
	for _, f := range r.Findings {
		if !f.Suppressed && Fails(f.Severity, r.FailOn) {
			if failing++; first == "" {
				first = f.Rule
			}
		}
	}
	before, what := "merged", "a merge"
	if r.Change.Stage == "pre-deploy" {
		before, what = "deployed", "a deploy"
	}
	fix := fmt.Sprintf("%s to fix before this is %s; see `pmcheck explain %s`", count(failing, "finding"), before, first)
	switch s := r.Summary(); {
	case r.Verdict == Undone && failing > 0:
		return "ERROR", "the check is not complete: mend what could not be done and run it again. What it found holds: " + fix
	case r.Verdict == Undone:
		return "ERROR", "the check is not complete, so nothing is promised: mend what could not be done and run it again"
	case failing > 0:
		return "FAIL", fix
	case s.Warning+s.Info > 0:
		return "PASS", "nothing here stops " + what
	}
	return "PASS", "nothing to fix"
}

// counts says how much was found, and in how much.
func (r *Result) counts() string {
	s := r.Summary()
	found := []string{count(s.Error, "error"), count(s.Warning, "warning")}
	if s.Info > 0 {
		found = append(found, fmt.Sprintf("%d for information", s.Info))
	}
	if s.Suppressed > 0 {
		found = append(found, fmt.Sprintf("%d suppressed", s.Suppressed))
	}
	judged := fmt.Sprintf("%s with %s judged", count(r.Judged, "migration"), count(r.Analysed, "statement"))
	if n := len(r.Missed); n > 0 {
		judged += fmt.Sprintf(", %s not understood", count(n, "piece"))
	} else if r.Judged > 0 {
		judged += ", all of it understood"
	}
	return strings.Join(found, ", ") + "; " + judged
}

// basis says what the matrix stands on, and how to learn more of it.
func basis(m facts.Matrix, more string) string {
	c := m.Coverage
	switch {
	case c.Files == 0:
		return "There is no code here that could use the schema; what does may live in another repository."
	case c.Queries == 0 && len(c.NotUnderstood) == 0 && m.OldCodeNewSchema.Verdict == "unknown":
		return fmt.Sprintf("No query of %s names what is known to differ.", count(c.Files, "code file"))
	case c.Queries == 0 && len(c.NotUnderstood) == 0:
		return fmt.Sprintf("No query of %s names what differs.", count(c.Files, "code file"))
	}
	name := "name"
	if c.Queries == 1 {
		name = "names"
	}
	text := fmt.Sprintf("Checked %d of %s that %s what differs, in %s.", c.Checked, queries(c.Queries), name, count(c.Files, "code file"))
	if n := len(c.NotUnderstood); n > 0 {
		text += fmt.Sprintf(" Not understood: %s", clean(where(c.NotUnderstood[0].Place))) + andMore(n-1)
		if more != "" {
			text += "; " + more
		}
		text += "."
	}
	return text
}

// explanation is a finding in plain, clean lines, for forms that have room for one text: what is wrong, what of it is not
// where the form says that it is, what to do, and why the rule exists. The place is where the form says that it is.
func (r *Result) explanation(f Finding, at facts.Place) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(Printable(fmt.Sprintf(format, args...)) + "\n") }
	line("%s", onOneLine(f.Message))
	listed := map[string]bool{sideOf(at.Side) + where(at): true}
	list := func(what string, p facts.Place, note string) {
		if key := sideOf(p.Side) + where(p); !listed[key] {
			listed[key] = true
			line("%s %s%s", what, clean(where(p)), note)
		}
	}
	note := func(p facts.Place) string {
		if s := r.sideNote(p.Side, f.Category); s != "" {
			return ", " + s
		}
		return ""
	}
	list("At", f.Location, note(f.Location))
	for _, p := range f.CausedBy {
		list("Caused by", p, note(p))
	}
	for i, l := range f.Landed {
		if i == shownRelated {
			line("Brought by %d more", len(f.Landed)-i)
			break
		}
		line("%s %s", capital(landedVerb(l, f)), onALine(landedName(l)))
	}
	for i, related := range f.Related {
		if i == shownRelated && len(f.Related) > shownRelated+1 {
			line("And at %d more places", len(f.Related)-i)
			break
		}
		list("Also at", related.Place, "")
	}
	if f.Suppressed {
		line("Suppressed, because: %s", onOneLine(f.Reason))
		return b.String()
	}
	if f.Remedy != "" {
		line("What to do: %s", strings.TrimRight(f.Remedy, "\n"))
	}
	for _, a := range f.ActionItems {
		line("Why: %s (%s)", onOneLine(a.because()), onOneLine(strings.Join(a.terms(), " · ")))
	}
	return b.String()
}

// onOneLine is a text with all its white space as single spaces.
func onOneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// capital begins a sentence.
func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
