// Package report prints what a check found: findings in, a report out. Every
// format prints the same [Result]; [Formats] lists them.
package report

import (
	"slices"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Version is the version of the JSON form of a Result.
const Version = 1

// The verdicts of a check.
const (
	Pass = "pass"
	Fail = "fail"
	// Undone: the check, or a part of it, could not be done; nothing may be concluded.
	Undone = "error"
)

// Result is what a check found.
type Result struct {
	Verdict   string
	FailOn    string // findings of this severity or above fail the check
	Change    facts.Change
	BaseName  string   // the base as the user knows it: "origin/main"
	BaseNotes []string // what is to be said about the base
	Missing   []string // ids of commits that the repository lacks, for post-mortems to be replayed; it may be shallow

	Trusted     string // the commit that configuration, own rules and post-mortems are of, where that is not the base
	TrustedName string // as the user knows it

	Postmortems []facts.Postmortem // of the trusted revision; nil where no rule needed them and nobody asked

	Overrides  []Override // of the rules of this check
	Overriding Overriding

	HeadName   string
	Address    string // of the repository for a browser, "" when it is not known
	Databases  []facts.Database
	Migrations []facts.Migration // those that the change touches, with the cost of each statement
	Matrix     facts.Matrix
	Findings   []Finding       // in order of path, line and rule; suppressed ones too
	Rules      []Rule          // those that judged, by id
	Touched    int             // migrations, and halves of them, that the change adds, edits, renames or deletes
	Judged     int             // those of them that are added or edited, and no way down
	Analysed   int             // statements in them that were analysed
	Missed     []facts.Problem // statements in them that were not
	Problems   []string        // what could not be done
	Alone      bool            // files were judged alone, without a change around them
	Contained  bool            // the base's branch holds the head already, so that there was nothing to compare
	Sources    Sources         // the text of the files that findings point to
	Live       *facts.Live     // what a live database said; nil where none was asked
	Notes      []string        // for --verbose: why files were taken as migrations ...
	Now        time.Time       // of the check
	Took       time.Duration   // the check
}

// Rule is what is said of a rule once, and not with each of its findings.
type Rule struct {
	ID          string
	Category    string
	Severity    string // that it has here: error | warning | info
	Title       string
	Description string
	Remedy      string
	Help        string // the address of its page; "" for a project's own
	Path        string // of the file of a project's own, in its repository
	OfMigration bool   // it is about what a migration does or is, not about the change as a whole
}

// Finding is a rule's finding, with the reason why the rule exists.
type Finding struct {
	Rule        string
	Category    string
	Severity    string // error | warning | info
	Title       string
	Message     string
	Remedy      string
	Location    facts.Place
	CausedBy    []facts.Place
	Related     []Related
	Fingerprint string
	Suppressed  bool
	Reason      string // of the suppression
	Overridden  bool   // it is an override that suppresses the finding, and no comment
	ActionItems []ActionItem
	Landed      []facts.Landed // before a deploy: what brings its places, newest first
}

// Related is another place that a finding is about.
type Related struct {
	Place facts.Place
	Text  string
}

// ActionItem is the action item of a post-mortem that a rule enforces.
type ActionItem struct {
	Postmortem      string // id
	PostmortemTitle string
	ID              string
	Action          string
	Priority        string
	Owner           string
	Due             string
	Status          string
	Path            string
	Line            int
}

// Sources holds files' contents by side ("base", "head") and path.
type Sources map[string][]byte

// Put keeps a file's content.
func (s Sources) Put(side, path string, content []byte) { s[sideOf(side)+"\x00"+path] = content }

// Has tells that the file of a place is held.
func (s Sources) Has(p facts.Place) bool {
	_, ok := s[sideOf(p.Side)+"\x00"+p.Path]
	return ok
}

func sideOf(side string) string {
	if side == "base" {
		return "base"
	}
	return "head"
}

// Summary counts findings by severity. Suppressed ones count only as such.
type Summary struct {
	Error      int `json:"error"`
	Warning    int `json:"warning"`
	Info       int `json:"info"`
	Suppressed int `json:"suppressed"`
}

// Summary counts the findings.
func (r *Result) Summary() Summary {
	var s Summary
	for _, f := range r.Findings {
		switch {
		case f.Suppressed:
			s.Suppressed++
		case f.Severity == "error":
			s.Error++
		case f.Severity == "warning":
			s.Warning++
		default:
			s.Info++
		}
	}
	return s
}

// worstFirst are the findings that are not suppressed, the gravest first and else in
// their order, and the suppressed ones.
func (r *Result) worstFirst() (active, suppressed []Finding) {
	for _, f := range r.Findings {
		if f.Suppressed {
			suppressed = append(suppressed, f)
		} else {
			active = append(active, f)
		}
	}
	slices.SortStableFunc(active, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
	return active, suppressed
}

// rank is a severity's place in severities; one that is not known is the last.
func rank(severity string) int {
	if i := slices.Index(severities, severity); i >= 0 {
		return i
	}
	return len(severities)
}

// inHead is where a reader of the new code meets a finding: its place, or, where that
// is one of the base, the statement of the head that causes it. A line of the base
// is not a line of the head. ok is false where no line of the head has to do with it.
func (f Finding) inHead() (p facts.Place, ok bool) {
	if sideOf(f.Location.Side) == "head" {
		return f.Location, true
	}
	for _, cause := range f.CausedBy {
		if sideOf(cause.Side) == "head" {
			return cause, true
		}
	}
	return facts.Place{}, false
}

// rule is what is known of a rule by its id.
func (r *Result) rule(id string) (Rule, bool) {
	i := slices.IndexFunc(r.Rules, func(rule Rule) bool { return rule.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return r.Rules[i], true
}

// Nothing tells that the change has nothing that a rule could be about.
func (r *Result) Nothing() bool {
	return r.Touched == 0 && len(r.Findings) == 0 && len(r.Problems) == 0
}

// severities from the worst down.
var severities = []string{"error", "warning", "info"}

// Fails tells that a finding of this severity fails a check with this threshold.
func Fails(severity, failOn string) bool {
	at, limit := slices.Index(severities, severity), slices.Index(severities, failOn)
	return at >= 0 && limit >= 0 && at <= limit
}
