package checks

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/suppress"
	lint "github.com/pmcheck/pmcheck/migrations-lint"
	"github.com/pmcheck/pmcheck/migrations-lint/layout"
)

// affected tells that the change touches anything that a rule could judge: a
// migration, a schema dump, code that may hold queries, a post-mortem, the pipeline,
// or pmcheck's own configuration.
func (r *run) affected() bool { return r.hasPending() || r.concerns(r.change.Files) }

func (r *run) concerns(files []change.File) bool {
	return slices.ContainsFunc(files, func(f change.File) bool {
		for _, path := range []string{f.Path, f.OldPath} {
			switch r.fileKind(path) {
			case "migration", "schema-dump", "code", "policy", "postmortem", "config", "pipeline":
				return true
			}
		}
		return false
	})
}

// facts states what the change is and does.
func (r *run) facts(ctx context.Context) (*facts.Facts, error) {
	document := r.start()
	if err := r.judgeMigrations(ctx); err != nil {
		return nil, err
	}
	for _, d := range r.databases {
		document.Databases = append(document.Databases, databaseFacts(d))
		document.Migrations = append(document.Migrations, migrationFacts(d, r.live)...)
		document.Suppressions = append(document.Suppressions, suppressionFacts(d)...)
	}
	if r.live != nil {
		document.Live = &r.live.facts
	}
	if err := r.matrix(ctx, document); err != nil {
		return nil, err
	}
	r.tested(document)
	r.guardrails(ctx, document)
	r.pipelines(document)
	r.runbooks(document)
	return document, nil
}

// empty is a document about nothing, with the settings that hold.
func empty(c *config.Config, engine *policy.Engine, now time.Time) *facts.Facts {
	options := map[string]map[string]any{}
	for id, rule := range c.Rules {
		options[id] = map[string]any{}
		for name, value := range rule.Options {
			options[id][name] = value
		}
		if rule.Mode != "" {
			options[id]["mode"] = rule.Mode
		}
	}
	return &facts.Facts{
		Version: facts.Version, Databases: []facts.Database{}, Migrations: []facts.Migration{}, Uses: []facts.Use{},
		Suppressions: []facts.Suppression{}, Runbooks: []facts.Runbook{}, Findings: []facts.Judged{},
		Pipeline:    facts.Pipeline{Providers: []facts.PipelineProvider{}},
		Change:      facts.Change{Labels: []string{}, Commits: []facts.Commit{}, Files: []facts.File{}, Landed: []facts.Landed{}},
		Postmortems: facts.Postmortems{Documents: []facts.Postmortem{}, Changed: []facts.Postmortem{}, Problems: []facts.PostmortemProblem{}, Removed: []facts.RemovedItem{}},
		Config:      facts.ConfigChange{Problems: []facts.Problem{}},
		Settings:    facts.Settings{DeployOrder: c.Deploy.Order, FailOn: c.FailOn, Thresholds: facts.Thresholds(c.Thresholds), Rules: options, KnownRules: ruleIDs(engine)},
		Now:         now.UTC().Format(time.RFC3339),
	}
}

// start is the document before anything is known but the change itself.
func (r *run) start() *facts.Facts {
	document := empty(r.config, r.engine, r.Now)
	if r.FailOn != "" {
		document.Settings.FailOn = r.FailOn
	}
	document.Change = r.changeFacts()
	return document
}

func (r *run) changeFacts() facts.Change {
	c := facts.Change{
		Repository: r.change.Repository, Base: r.change.Base, Head: r.change.Head, Dirty: r.change.Dirty, Stage: r.Stage,
		Number: r.Number, Title: valid(r.Title), Body: cutAt(valid(r.Body), maxBody), Labels: append([]string{}, r.Labels...), Commits: []facts.Commit{}, Files: []facts.File{},
	}
	for _, commit := range r.change.Commits {
		c.Commits = append(c.Commits, facts.Commit{ID: commit.ID, Title: valid(commit.Title), Body: valid(commit.Body)})
	}
	for _, f := range r.change.Files {
		c.Files = append(c.Files, facts.File{Path: f.Path, OldPath: f.OldPath, Status: string(f.Status), Kind: r.fileKind(f.Path)})
	}
	c.BaseSource, c.BaseReason = r.BaseSource, valid(r.BaseReason)
	c.Landed, c.MoreLanded = r.landed(), r.change.MoreLanded
	return c
}

// suppressionFacts are the pmcheck:ignore comments of the migrations that the change adds or edits.
func suppressionFacts(d *database) []facts.Suppression {
	if d.result == nil {
		return nil
	}
	var out []facts.Suppression
	seen := map[string]bool{}
	for _, m := range d.result.Migrations {
		if m.Content == nil || seen[m.Path] {
			continue
		}
		seen[m.Path] = true
		comments := suppress.Find(string(m.Content))
		if len(comments) == 0 {
			continue
		}
		spans := statementSpans(m)
		for i, at := range suppress.Attach(comments, spans) {
			c := comments[i]
			s := facts.Suppression{
				Place: facts.Place{Path: m.Path, Line: c.Line, EndLine: c.EndLine},
				Rules: append([]string{}, c.Rules...), Reason: c.Reason, Problem: c.Problem, Used: []string{},
			}
			switch {
			case c.Scope == suppress.File:
				s.From, s.To = 1, 1<<30
				if len(m.Before) > 0 {
					s.Before = facts.Place{Path: m.Path, Line: 1, EndLine: 1 << 30, Side: "base"}
				}
			case at >= 0:
				s.From, s.To = spans[at].Line, spans[at].EndLine
				if at < len(m.Before) {
					s.Before = placeFacts(m.Before[at])
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// statementSpans are the places of a migration's SQL statements, in order.
func statementSpans(m lint.Migration) []suppress.Span {
	var spans []suppress.Span
	for _, p := range m.Spans {
		spans = append(spans, suppress.Span{Line: p.Line, Column: p.Column, EndLine: p.EndLine})
	}
	return spans
}

// noSchemaChange is the report of a change that no rule could say anything about.
func (r *run) noSchemaChange() *report.Result {
	document := r.start()
	document.Matrix = noMatrix()
	if r.Postmortems {
		document.Postmortems.Documents = documentFacts(r.readDocuments(r.change.TrustedTree(), func(string) bool { return true }))
	}
	if r.live != nil {
		document.Live = &r.live.facts
	}
	for _, d := range r.databases {
		document.Databases = append(document.Databases, databaseFacts(d))
	}
	return r.report(document, nil, nil)
}

func layoutConfigs(c *config.Config) []layout.Config {
	var out []layout.Config
	for _, db := range c.Databases {
		out = append(out, layout.Config{
			Name: db.Name, Engine: layout.Engine(db.Engine), Version: db.Version, Migrations: db.Migrations,
			Framework: db.Framework, Placeholders: db.Placeholders, Schema: db.Schema, Declared: db.Declared, EnableDrop: db.EnableDrop,
		})
	}
	return out
}

// major is the major version of the database that a configuration names.
func major(db config.Database) int {
	v, _ := strconv.Atoi(db.Version)
	return v
}
