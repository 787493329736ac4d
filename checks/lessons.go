package checks

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// Lessons are the post-mortems of a repository, as the files on disk have them.
type Lessons struct {
	Documents []*postmortem.Document // newest first
	Problems  []postmortem.Problem   // of reading them, and of what they lack; in order of path and line
	Unread    []postmortem.Problem   // those of Problems for which something of a document is lost
	Engine    *policy.Engine         // the rules as they hold at HEAD
	Root      string                 // the repository's top folder
	Globs     []string               // what selects them, see postmortem.Match

	Repository, Address string // of the remote origin, as change.Change has them
	Reminders           config.Reminders

	facts *facts.Facts // of the documents alone
}

// Folder is where the next post-mortem belongs, from Root with slashes: beside the newest,
// or where the configuration's first glob begins.
func (l *Lessons) Folder() string {
	if len(l.Documents) > 0 {
		return path.Dir(l.Documents[0].Path)
	}
	for _, glob := range l.Globs {
		fixed := glob
		if at := strings.IndexAny(glob, `*?[{\`); at >= 0 {
			fixed = glob[:strings.LastIndex(glob[:at], "/")+1]
		} else if ext := path.Ext(glob); ext != "" { // one file
			continue
		}
		return path.Clean(fixed)
	}
	return "docs/postmortems"
}

// Blame adds to the problems the causes and last whys that end in a person, as the rule names-a-person finds them.
func (l *Lessons) Blame(ctx context.Context) error {
	findings, err := l.Engine.Evaluate(ctx, l.facts)
	if err != nil {
		return err
	}
	for _, f := range findings {
		if f.Rule == "names-a-person" {
			l.Problems = append(l.Problems, postmortem.Problem{Path: f.Location.Path, Line: f.Location.Line, Message: f.Message + ". " + f.Remedy})
		}
	}
	sortProblems(l.Problems)
	return nil
}

// ReadLessons reads the post-mortems that the configuration selects. Without a
// repository around it the error says so.
func ReadLessons(ctx context.Context, repo string) (*Lessons, error) {
	r, err := open(ctx, Options{Repo: repo, Base: "HEAD", Worktree: true})
	if err != nil {
		return nil, err
	}
	defer r.close()
	read := r.readDocuments(r.change.HeadTree(), func(string) bool { return true })
	l := &Lessons{Problems: read.problems, Engine: r.engine, Globs: r.config.Postmortems, Root: r.change.HeadTree().Folder(),
		Repository: r.change.Repository, Address: r.change.Address, Reminders: r.config.Reminders, facts: empty(r.config, r.engine, r.Now)}
	l.facts.Postmortems.Changed = documentFacts(read)
	for _, d := range read.byPath {
		l.Documents = append(l.Documents, d)
		if !read.broken(d.Path) {
			l.Problems = append(l.Problems, postmortem.Review(d)...)
		}
		l.Problems = append(l.Problems, unguarded(d, r.engine)...)
	}
	slices.SortFunc(l.Documents, func(a, b *postmortem.Document) int {
		return cmp.Or(cmp.Compare(b.Date, a.Date), cmp.Compare(a.Path, b.Path))
	})
	l.Problems = append(l.Problems, postmortem.Duplicates(l.Documents)...)
	sortProblems(l.Problems)
	for _, p := range read.problems {
		if !p.Hint {
			l.Unread = append(l.Unread, p)
		}
	}
	return l, nil
}

func sortProblems(problems []postmortem.Problem) {
	slices.SortStableFunc(problems, func(a, b postmortem.Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), a.Line-b.Line)
	})
}

// unguarded are the items that say that a rule enforces them where none does.
func unguarded(d *postmortem.Document, engine *policy.Engine) []postmortem.Problem {
	severities := map[string]string{}
	for _, rule := range engine.Rules() {
		severities[rule.ID] = engine.Severity(rule)
	}
	var problems []postmortem.Problem
	for _, item := range d.ActionItems {
		for _, rule := range item.EnforcedBy {
			cited := postmortem.Cite(d, item)
			switch severity, known := severities[rule]; {
			case !known:
				problems = append(problems, postmortem.Problem{Path: d.Path, Line: item.Line,
					Message: cited + " is enforced by " + rule + ", and there is no such rule; `pmcheck rules` lists them"})
			case severity == policy.Off && item.Status != "cancelled":
				problems = append(problems, postmortem.Problem{Path: d.Path, Line: item.Line,
					Message: cited + " is enforced by " + rule + ", and that rule is off here: switch it on, or say what else enforces the item"})
			}
		}
	}
	return problems
}

// A Replay is the change that caused an incident, judged by what decides today.
type Replay struct {
	Document *postmortem.Document
	Result   *report.Result   // nil where it could not be judged
	Caught   []report.Finding // those that fail it today
	Err      error            // why it could not be judged
}

// ErrNoCommit says that a post-mortem does not name the commit that introduced what it is about.
var ErrNoCommit = errors.New("it names no commit: say introduced_by, and the change can be replayed")

// Guarded tells that a rule which one of the document's own items names fails the change.
func (r *Replay) Guarded() bool {
	return slices.ContainsFunc(r.Caught, func(f report.Finding) bool { return len(r.Items(f)) > 0 })
}

// Items are the ids of the document's items that a finding's rule enforces.
func (r *Replay) Items(f report.Finding) []string {
	var ids []string
	for _, a := range f.ActionItems {
		if a.Postmortem == r.Document.ID {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// ReplayLesson judges the commit that a post-mortem names, compared with what ran before
// it, by the rules, configuration and post-mortems of HEAD.
func ReplayLesson(ctx context.Context, repo string, d *postmortem.Document, now time.Time) *Replay {
	r := &Replay{Document: d}
	if d.IntroducedBy == "" {
		r.Err = ErrNoCommit
		return r
	}
	r.Result, r.Err = Check(ctx, Options{
		Repo: repo, Base: d.IntroducedBy + "^1", Head: d.IntroducedBy, Trusted: "HEAD", Stage: PullRequest, Now: now, replaying: true,
		BaseSource: "replay", BaseReason: "what ran before " + d.IntroducedBy,
	})
	if r.Err != nil {
		return r
	}
	for _, f := range r.Result.Findings {
		if failsLesson(f.Category, f.Severity, f.Suppressed, r.Result.FailOn) {
			r.Caught = append(r.Caught, f)
		}
	}
	return r
}

// aboutDocuments are the categories of rules that no incident's change is caught by.
var aboutDocuments = []string{"postmortem"}
