package dora

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	revertsCommit = regexp.MustCompile(`(?i)\bThis reverts commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)\b`)
	revertsPull   = regexp.MustCompile(`(?m)^\s*Reverts ([\w.-]+/[\w.-]+)?#([0-9]{1,9})\b`)
	// fixes is a closing keyword of GitHub's, or "mitigates", before what may be the id of a post-mortem.
	fixes = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|mitigate[sd]?):?\s+([A-Za-z0-9][A-Za-z0-9._-]{0,63})(/)?`)
)

// rework finds the deployments that mend an incident: rollbacks, those that revert what was deployed, and those whose changes
// say so.
func (p *past) rework(ctx context.Context) error {
	g := &p.history
	pulls := map[int]*Deployment{}
	for i, c := range g.commits {
		if c.Number > 0 && g.by[i] != nil {
			pulls[c.Number] = g.by[i]
		}
	}
	known := map[string]string{}
	for _, d := range p.options.Documents {
		if d.ID != "" {
			known[strings.ToLower(d.ID)] = d.ID
		}
	}
	for _, d := range p.all {
		if d.Rollback {
			d.Rework = "it is a rollback"
		} else {
			d.Rework = p.named(d)
		}
	}
	for i, c := range g.commits {
		d := g.by[i]
		if d == nil || d.Rework != "" || d.Unknown {
			continue
		}
		message := c.Title + "\n" + c.Body
		for _, match := range revertsCommit.FindAllStringSubmatch(message, -1) {
			earlier, err := p.deployedBefore(ctx, d, strings.ToLower(match[1]))
			if err != nil {
				return err
			}
			if earlier {
				d.Rework = fmt.Sprintf("%.9s reverts %.9s", c.ID, match[1])
			}
		}
		for _, match := range revertsPull.FindAllStringSubmatch(message, -1) {
			number, _ := strconv.Atoi(match[2])
			if of := match[1]; of != "" && p.options.Repository != "" && !strings.EqualFold(of, p.options.Repository) {
				continue
			}
			// What no deployment here brought was merged, and so deployed, before all of them.
			if by := pulls[number]; by != nil && by.order < d.order || by == nil {
				d.Rework = fmt.Sprintf("%.9s reverts #%d", c.ID, number)
			}
		}
		for _, match := range fixes.FindAllStringSubmatch(message, -1) {
			// An action item, PM-2026-001/AI-1, is planned work.
			if id := known[strings.ToLower(strings.TrimRight(match[1], ".-_"))]; id != "" && match[2] == "" {
				d.Rework = cmp.Or(d.Rework, fmt.Sprintf("%.9s says that it fixes %s", c.ID, id))
			}
		}
	}
	return nil
}

// named is the pattern of the configuration by which a deployment is rework; "" for none.
func (p *past) named(d *Deployment) string {
	for _, pattern := range p.options.Rework {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		matcher := regexp.MustCompile(`(?is)^` + strings.Join(parts, ".*") + `$`)
		if matcher.MatchString(d.Name) {
			return fmt.Sprintf("its name is as %q", pattern)
		}
		for _, c := range d.Changes {
			if matcher.MatchString(c.Title) {
				return fmt.Sprintf("the title of %.9s is as %q", c.Commit, pattern)
			}
		}
	}
	return ""
}

// deployedBefore tells that an earlier deployment brought a commit.
func (p *past) deployedBefore(ctx context.Context, d *Deployment, id string) (bool, error) {
	if at, ok := p.history.at[id]; ok {
		by := p.history.by[at]
		return by != nil && by.order < d.order, nil
	}
	have, err := p.repo.Have(ctx, []string{id})
	if err != nil || !have[id] || !p.have[d.Commit] {
		return false, err
	}
	return p.repo.Contains(ctx, d.Commit, id)
}
