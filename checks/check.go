// Package checks judges a change: a change in, a report out. Its pipeline stands in
// [Check] and reads from top to bottom; every front end calls it and none
// re-implements a step.
package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/snapshot"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// ConfigPath is where a repository keeps its configuration.
const ConfigPath = ".pmcheck.yml"

// Options say what is judged.
type Options struct {
	Repo     string   // a directory in a clone, or a bare repository; "" is the current directory
	Base     string   // a revision; "" is the merge base with the default branch
	Head     string   // a revision; "" is HEAD
	Worktree bool     // judge the files on disk, with what is not committed
	Stage    string   // local | pull-request | pre-deploy | rollback; "" is local
	Config   string   // path of the configuration at the trusted revision; "" is ConfigPath
	Trusted  string   // a revision: configuration, the project's own rules, post-mortems and the snapshot are read from it; "" is the base
	Since    string   // a commit, or "" for all: only findings in files that differ between it and Head are reported
	Number   int      // of the pull request; 0 when there is none, or none is known
	Title    string   // of the pull request
	Body     string   // its description
	Labels   []string // of the pull request
	FailOn   string   // error | warning | info, in place of the configuration's fail_on; "" leaves that

	Overrides []report.Override // rules whose findings do not fail this check, each with who said so and why; Findings and Problem are filled in here

	Postmortems bool // have the Result's Postmortems also where the change is nothing that a rule could be about

	Repository string // OWNER/NAME, in place of what the remote origin tells
	Address    string // of the repository for a browser, in place of what the remote origin tells

	Snapshot    string // a snapshot file on disk, in place of the base's own; "" is that one, if there is one
	DatabaseURL string // before a deploy or rollback: the live database, asked for this check; "" asks none

	Now      time.Time
	Progress func(step string) // called before each long step; may be nil

	BaseSource, BaseReason string   // how Base was found, as facts.Change has it
	BaseNotes              []string // what else is to be said about it

	replaying bool // it is a replay itself, and replays nothing
}

// The stages at which a check runs.
const (
	Local       = "local"
	PullRequest = "pull-request"
	PreDeploy   = "pre-deploy"
	Rollback    = "rollback" // the base is the release that comes back, and the head's migrations have run: of these a live database knows better
)

// ErrUse says that the check was asked for in a way that cannot be answered: an
// unknown revision, a configuration with mistakes. It is the caller's to mend.
var ErrUse = errors.New("wrong use or configuration")

// useError is an error that is ErrUse, and says what is wrong and nothing else.
type useError struct{ error }

func (e useError) Unwrap() []error { return []error{ErrUse, e.error} }

func usef(format string, args ...any) error { return useError{fmt.Errorf(format, args...)} }

// Check judges a change. The error wraps ErrUse where the question was wrong; any
// other says that the check could not be done. What could be done is in the Result.
func Check(ctx context.Context, o Options) (*report.Result, error) {
	began := time.Now()
	r, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.detect(); err != nil {
		return nil, err
	}
	if err := r.observe(ctx); err != nil {
		return nil, err
	}
	newer, err := r.since(ctx)
	if err != nil {
		return nil, err
	}
	if !r.affected() || !newer.any() {
		return timed(r.noSchemaChange(), o.Now, began), nil
	}
	document, err := r.facts(ctx)
	if err != nil {
		return nil, err
	}
	r.Progress("judging by the rules")
	findings, problems := judge(ctx, r.engine, document)
	findings = newer.only(findings)
	return timed(r.report(document, findings, problems), o.Now, began), nil
}

// timed notes in a result when its check was and how long it took.
func timed(r *report.Result, now, began time.Time) *report.Result {
	r.Now, r.Took = now, time.Since(began)
	return r
}

// Facts states what a change is and does, without judging it.
func Facts(ctx context.Context, o Options) (*facts.Facts, error) {
	r, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.detect(); err != nil {
		return nil, err
	}
	if err := r.observe(ctx); err != nil {
		return nil, err
	}
	return r.facts(ctx)
}

// normalize fills in what is left out, and refuses what cannot be meant.
func (o *Options) normalize() error {
	if o.Config == "" {
		o.Config = ConfigPath
	}
	clean := path.Clean(filepath.ToSlash(o.Config))
	if path.IsAbs(clean) || filepath.IsAbs(o.Config) || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		return usef("the configuration %q is not a file of the repository: write its path from the repository's root; it is read from the base of the change", o.Config)
	}
	o.Config = clean
	if o.FailOn != "" && !slices.Contains(config.Severities(), o.FailOn) {
		return usef("fail on %q: expected %s", o.FailOn, strings.Join(config.Severities(), ", "))
	}
	return nil
}

// run is one check underway.
type run struct {
	Options
	change    *change.Change
	config    *config.Config // of the trusted revision: nothing from the head decides about the head
	engine    *policy.Engine
	databases []*database
	kinds     map[string]string // of the files that belong to databases
	notes     []string
	unplayed  []string // lessons that were not replayed, and why
	missing   []string // commits that some of those are about

	live            *live  // nil where no live database said anything
	snapshotProblem string // why the base's snapshot cannot be read
}

func open(ctx context.Context, o Options) (*run, error) {
	if o.Stage == "" {
		o.Stage = Local
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := o.normalize(); err != nil {
		return nil, err
	}
	o.Progress("reading the change")
	c, err := openChange(ctx, o)
	if err != nil {
		if errors.Is(err, change.ErrUnknownRevision) || errors.Is(err, change.ErrNoDefaultBranch) {
			return nil, useError{err}
		}
		return nil, err
	}
	if o.Repository != "" {
		c.Repository = o.Repository
	}
	if o.Address != "" {
		c.Address = o.Address
	}
	r := &run{Options: o, change: c}
	if err := r.configure(); err != nil {
		c.Close()
		return nil, err
	}
	return r, nil
}

// openChange compares head with base. Before a deploy the base is what runs, before a
// rollback what comes back; else it is where the head left the base's branch, since what
// others merged meanwhile is not this change's doing.
func openChange(ctx context.Context, o Options) (*change.Change, error) {
	whole := o.Stage == PreDeploy || o.Stage == Rollback
	return change.Open(ctx, change.Options{
		Repo: o.Repo, Base: o.Base, Head: o.Head, Trusted: o.Trusted, Worktree: o.Worktree, FromMergeBase: !whole, Landed: whole,
	})
}

func (r *run) close() { r.change.Close() }

// configure reads the configuration and the project's own rules from the trusted revision.
func (r *run) configure() error {
	own, err := ownRules(r.change.TrustedTree())
	if err != nil {
		return err
	}
	engine, err := policy.Load(policy.Options{Own: own})
	if err != nil {
		return useError{err}
	}
	r.engine = engine
	content, err := r.change.TrustedTree().Read(r.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.config = config.Default()
		return r.configAbsent()
	case errors.Is(err, change.ErrNotRegular), errors.Is(err, change.ErrTooLarge):
		return usef("the configuration at %s is not read: %w", r.trustedName(), err)
	case err != nil:
		return fmt.Errorf("read the configuration: %w", err)
	}
	if r.config, err = config.Parse(r.Config, content, known(engine)); err != nil {
		return usef("the configuration at %s has mistakes:\n%w", r.trustedName(), err)
	}
	if err := engine.Configure(severities(r.config)); err != nil {
		return useError{err}
	}
	return nil
}

// ownRules are the files of a tree that hold the project's own rules, by path.
func ownRules(t *change.Tree) (map[string][]byte, error) {
	own := map[string][]byte{}
	for _, e := range t.Entries() {
		if isPolicy(e.Path) && e.Kind == change.Regular {
			content, err := t.Read(e.Path)
			if err != nil {
				return nil, fmt.Errorf("read the project's rule: %w", err)
			}
			own[e.Path] = content
		}
	}
	return own, nil
}

// decidedElsewhere tells that the trusted revision is not the base, and has other rules,
// configuration or post-mortems.
func (r *run) decidedElsewhere() bool {
	if r.change.Trusted == r.change.Base {
		return false
	}
	deciding := func(t *change.Tree) map[string]string {
		blobs := map[string]string{}
		for _, e := range t.Entries() {
			if e.Path == r.Config || isPolicy(e.Path) || e.Path == snapshot.Path || r.isPostmortem(e.Path) {
				blobs[e.Path] = e.BlobID
			}
		}
		return blobs
	}
	return !maps.Equal(deciding(r.change.BaseTree()), deciding(r.change.TrustedTree()))
}

// trustedName is where configuration and rules are read from.
func (r *run) trustedName() string {
	if r.change.Trusted == r.change.Base {
		return "the base (" + r.change.BaseRef + ")"
	}
	return r.change.TrustedRef
}

// configAbsent accepts that there is no configuration: unless one was asked for
// by another name than the usual one, and this change does not bring it either.
func (r *run) configAbsent() error {
	if r.Config == ConfigPath {
		return nil
	}
	if _, err := r.change.HeadTree().Read(r.Config); errors.Is(err, fs.ErrNotExist) {
		return usef("there is no configuration %s, neither at %s nor at the head: write its path from the repository's root", r.Config, r.trustedName())
	}
	r.notes = append(r.notes, fmt.Sprintf("configuration: %s is new and holds from the next change on; this one is judged without a configuration", r.Config))
	return nil
}

// known are the names that a configuration may refer to.
func known(engine *policy.Engine) config.Known {
	return config.Known{Rules: ruleIDs(engine), Frameworks: layout.Frameworks()}
}

func ruleIDs(engine *policy.Engine) []string {
	var ids []string
	for _, rule := range engine.Rules() {
		ids = append(ids, rule.ID)
	}
	return ids
}

func severities(c *config.Config) map[string]string {
	out := map[string]string{}
	for id, rule := range c.Rules {
		if rule.Severity != "" {
			out[id] = rule.Severity
		}
	}
	return out
}

func isPolicy(path string) bool {
	return strings.HasPrefix(path, policy.Dir+"/") && strings.HasSuffix(path, ".rego") && !strings.HasSuffix(path, "_test.rego")
}

// judge has the rules look at the facts, silences what is suppressed with a
// reason, and then asks the rules about suppressions.
func judge(ctx context.Context, engine *policy.Engine, document *facts.Facts) (findings []policy.Finding, problems []string) {
	findings, err := engine.Evaluate(ctx, document)
	if err != nil {
		problems = append(problems, err.Error())
	}
	silence(document, findings)
	document.Findings = judged(findings, document.Settings.FailOn)
	after, err := engine.EvaluateAfter(ctx, document)
	if err != nil {
		problems = append(problems, err.Error())
	}
	return append(findings, after...), problems
}

// report joins findings with the reasons for their rules.
func (r *run) report(document *facts.Facts, findings []policy.Finding, problems []string) *report.Result {
	out := result(document, r.engine, findings, problems)
	out.Analysed = analysed(r.databases)
	out.Live = document.Live
	out.BaseName, out.HeadName = r.change.BaseRef, r.change.HeadRef
	out.Notes, out.Contained, out.Address = r.notes, r.change.NothingAhead, r.change.Address
	out.BaseNotes, out.Missing = r.baseNotes(), r.missing
	if r.decidedElsewhere() {
		out.Trusted, out.TrustedName = r.change.Trusted, r.change.TrustedRef
	}
	out.Postmortems = guarded(document.Postmortems.Documents, r.engine.Rules())
	out.Overriding = report.Overriding{Permission: r.config.Overrides.Permission, Never: r.config.Overrides.Never}
	override(out, r.Overrides, ruleIDs(r.engine))
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Landed = landedBy(*f, document.Change.Landed)
		f.Message += bringing(*f, document.Change)
	}
	for _, f := range out.Findings {
		r.source(out.Sources, f.Location)
		for _, p := range f.CausedBy {
			r.source(out.Sources, p)
		}
	}
	return out
}

// source keeps the text that a finding points to, for the report.
func (r *run) source(sources report.Sources, p facts.Place) {
	if sources.Has(p) {
		return
	}
	if content, err := r.read(p); err == nil {
		sources.Put(p.Side, p.Path, content)
	}
}

// read gives the text that a place points into.
func (r *run) read(p facts.Place) ([]byte, error) {
	if r.live != nil && p.Path == r.live.path {
		return r.live.text, nil
	}
	if p.Side == "base" {
		return r.change.BaseTree().Read(p.Path)
	}
	return r.change.HeadTree().Read(p.Path)
}

// result is what every front end reports of judged facts.
func result(document *facts.Facts, engine *policy.Engine, findings []policy.Finding, problems []string) *report.Result {
	out := &report.Result{
		FailOn: document.Settings.FailOn, Change: document.Change, Databases: document.Databases, Migrations: document.Migrations, Matrix: document.Matrix,
		Problems: problems, Sources: report.Sources{},
	}
	out.Touched = len(document.Migrations)
	for _, d := range document.Databases {
		out.Touched += len(d.Unread)
	}
	for _, m := range document.Migrations {
		if (m.Status == "added" || m.Status == "edited") && m.Direction != "down" {
			out.Judged++
		}
		out.Missed = append(out.Missed, m.NotAnalysed...)
	}
	out.Rules = activeRules(engine)
	items := actionItems(document.Postmortems.Documents, engine.Rules())
	planned := plannedAt(document)
	for _, f := range findings {
		out.Findings = append(out.Findings, report.Finding{
			Rule: f.Rule, Category: f.Category, Severity: f.Severity, Title: f.Title, Message: planned.say(f), Remedy: f.Remedy,
			Location: f.Location, CausedBy: f.CausedBy, Related: related(f), Fingerprint: f.Fingerprint,
			Suppressed: f.Suppressed, Reason: f.Reason, ActionItems: items[f.Rule],
		})
	}
	slices.SortStableFunc(out.Findings, func(a, b report.Finding) int { return compareFindings(a, b) })
	out.Verdict = verdict(out)
	return out
}

func verdict(r *report.Result) string {
	switch {
	case len(r.Problems) > 0:
		return report.Undone
	case slices.ContainsFunc(r.Findings, func(f report.Finding) bool { return !f.Suppressed && report.Fails(f.Severity, r.FailOn) }):
		return report.Fail
	}
	return report.Pass
}

func compareFindings(a, b report.Finding) int {
	return cmp.Or(strings.Compare(a.Location.Path, b.Location.Path), strings.Compare(a.Location.Side, b.Location.Side), a.Location.Line-b.Location.Line,
		a.Location.Column-b.Location.Column, strings.Compare(a.Rule, b.Rule), strings.Compare(a.Message, b.Message))
}

// related are the other places of a finding.
func related(f policy.Finding) []report.Related {
	var out []report.Related
	for _, r := range f.Related {
		out = append(out, report.Related{Place: r.Place, Text: r.Text})
	}
	return out
}
