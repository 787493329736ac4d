// Package policy judges facts: facts in, findings out. The rules are Rego; those
// of package policies are built in, a project adds its own.
//
// A rule sees nothing but the facts: the functions that it may call are an
// allow-list, and its time and memory are bounded.
package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// The severities of a finding, the gravest first. Off switches a rule off.
const (
	Error   = "error"
	Warning = "warning"
	Info    = "info"
	Off     = "off"
)

var severities = []string{Error, Warning, Info, Off}

// Finding is one thing that a rule objects to.
type Finding struct {
	Rule        string
	Category    string
	Severity    string // error | warning | info
	Title       string // of the rule
	Message     string
	Remedy      string // the finding's own, or else the rule's
	Location    facts.Place
	CausedBy    []facts.Place
	Related     []Related // other places that it is about, in the rule's order
	Subject     string    // what it is about; "" = the message says it
	Fingerprint string    // the same for the same finding after lines have moved
	Suppressed  bool      // set by the caller
	Reason      string    // of the suppression
}

// Related is another place that a finding is about, and what stands there.
type Related struct {
	Place facts.Place
	Text  string
}

// Rule is what METADATA says of a rule.
type Rule struct {
	ID          string
	Category    string // the folder of a built-in rule, "own" for a project's
	Title       string
	Description string
	Severity    string // when nothing is configured
	Remedy      string
	On          []string // what a change must have for the rule to run: see [Triggers]
	After       bool     // runs after the others, when it is known what is suppressed
	Since       string   // the version of pmcheck that has it first
	Options     map[string]any
	Sources     []string
	Given       string // the schema that the examples meet
	Bad         string // an example that the rule objects to
	Good        string
	ActionItems []string // items of post-mortems, such as PM-2026-001/AI-1
	Path        string   // of its file: under policies/ when built in, else in the project
	Line        int      // of its package
	Own         bool     // the project's

	needs []string // paths of the modules that it runs with: its own and its libraries
}

// IsAboutStatements tells that a comment above a statement can silence the rule.
func (r Rule) IsAboutStatements() bool {
	return !r.After && r.Category != "pipeline" && r.Category != "postmortem"
}

// Options say which rules there are and how grave they are.
type Options struct {
	// Own holds the project's own Rego files by path, as they are at the base. Tests
	// (..._test.rego) are read for [Engine.Test] alone.
	Own map[string][]byte
	// Severities replaces the rules' default severities, by rule id.
	Severities map[string]string
}

// Engine judges facts. It may be used by several goroutines once it is configured.
type Engine struct {
	rules      []Rule
	severities map[string]string
	modules    map[string]*module // the project's own, by path
	tests      map[string][]byte  // the project's own, by path
	problems   []error            // of the project's own files
	limits     limits

	mu       sync.Mutex
	programs map[string]*program
	judged   judged
}

// Load reads the rules. A file of the project's own that cannot be read as a rule
// is left out, and is an error of every [Engine.Evaluate]: the other rules still judge.
func Load(o Options) (*Engine, error) {
	e := &Engine{rules: builtin(), limits: defaultLimits, programs: map[string]*program{}}
	if err := e.loadOwn(o.Own); err != nil {
		return nil, err
	}
	slices.SortFunc(e.rules, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return e, e.Configure(o.Severities)
}

// Configure replaces the severities that Load was given. A severity of a rule that
// does not exist is ignored.
func (e *Engine) Configure(bySeverity map[string]string) error {
	for _, id := range slices.Sorted(maps.Keys(bySeverity)) {
		if !slices.Contains(severities, bySeverity[id]) {
			return fmt.Errorf("severity %q of rule %s: expected %s", bySeverity[id], id, strings.Join(severities, ", "))
		}
	}
	e.severities = maps.Clone(bySeverity)
	return nil
}

// Rules are all rules, sorted by id, with their default severities. Nothing is compiled.
func (e *Engine) Rules() []Rule { return slices.Clone(e.rules) }

// Severity is the severity that a rule has here: the configured one, or else its own.
func (e *Engine) Severity(r Rule) string {
	if configured, ok := e.severities[r.ID]; ok {
		return configured
	}
	return r.Severity
}
