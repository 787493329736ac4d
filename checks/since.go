package checks

import (
	"context"
	"slices"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/policy"
)

// newer are the files in which findings are wanted.
type newer struct {
	all      bool
	paths    map[string]bool
	affected bool
}

// since finds what differs between the commit Since and the head.
func (r *run) since(ctx context.Context) (newer, error) {
	if r.Since == "" {
		return newer{all: true}, nil
	}
	c, err := change.Open(ctx, change.Options{Repo: r.Repo, Base: r.Since, Head: r.Head, Worktree: r.Worktree})
	if err != nil {
		return newer{}, err
	}
	defer c.Close()
	n := newer{paths: map[string]bool{}, affected: r.concerns(c.Files)}
	for _, f := range c.Files {
		n.paths[f.Path] = true
		if f.OldPath != "" {
			n.paths[f.OldPath] = true
		}
	}
	return n, nil
}

// any tells that a rule could say something about those files.
func (n newer) any() bool { return n.all || n.affected }

// only keeps the findings that are in those files, or are caused by something in them.
func (n newer) only(findings []policy.Finding) []policy.Finding {
	if n.all {
		return findings
	}
	return slices.DeleteFunc(findings, func(f policy.Finding) bool {
		return !n.paths[f.Location.Path] && !slices.ContainsFunc(f.CausedBy, func(p facts.Place) bool { return n.paths[p.Path] })
	})
}
