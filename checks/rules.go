package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/report"
)

// rulePages is where the built-in rules' pages are read.
const rulePages = "https://github.com/pmcheck/pmcheck/blob/main/docs/rules/"

// ofChange are the triggers of rules that are about the change as a whole. All others are about its migrations.
var ofChange = []string{"always", "postmortems", "removed", "config", "pipeline"}

// activeRules are the rules that are not switched off, for the report.
func activeRules(engine *policy.Engine) []report.Rule {
	var out []report.Rule
	for _, r := range engine.Rules() {
		severity := engine.Severity(r)
		if severity == policy.Off {
			continue
		}
		rule := report.Rule{
			ID: r.ID, Category: r.Category, Severity: severity, Title: r.Title, Description: r.Description, Remedy: r.Remedy,
			Help:        rulePages + r.ID + ".md",
			OfMigration: slices.ContainsFunc(r.On, func(on string) bool { return !slices.Contains(ofChange, on) }),
		}
		if r.Own {
			rule.Help, rule.Path = "", r.Path
		}
		out = append(out, rule)
	}
	return out
}

// Rules are the rules as they hold at HEAD of a repository: the built-in ones, the
// project's own, and the configured severities. Without a repository they are the
// built-in ones.
func Rules(ctx context.Context, repo string) (*policy.Engine, error) {
	r, err := atHead(ctx, repo)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return policy.Load(policy.Options{})
	}
	defer r.close()
	return r.engine, nil
}

// Reasons are the action items that a rule enforces in a repository, a line each.
func Reasons(ctx context.Context, repo string, rule policy.Rule) []string {
	r, err := atHead(ctx, repo)
	if err != nil || r == nil {
		return nil
	}
	defer r.close()
	document := &facts.Facts{}
	r.guardrails(ctx, document)
	var lines []string
	for _, a := range actionItems(document.Postmortems.Documents, []policy.Rule{rule})[rule.ID] {
		lines = append(lines, fmt.Sprintf("%s/%s %s (%s, %s, %s)\n  %s:%d, %s", a.Postmortem, a.ID, a.Action, a.Priority, a.Owner,
			strings.ReplaceAll(a.Status, "_", " "), a.Path, a.Line, a.PostmortemTitle))
	}
	return lines
}

// atHead looks at HEAD alone; nil where there is no repository and none was named.
func atHead(ctx context.Context, repo string) (*run, error) {
	r, err := open(ctx, Options{Repo: repo, Base: "HEAD", Head: "HEAD"})
	if err != nil && repo == "" && !errors.Is(err, ErrUse) {
		return nil, nil
	}
	return r, err
}
