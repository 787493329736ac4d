package dora

import (
	"github.com/pmcheck/pmcheck/checks/change"
)

// graph is the history that went out with the deployments.
type graph struct {
	commits []change.HistoryCommit // each before its parents
	at      map[string]int         // by id
	by      []*Deployment          // the first deployment that brought a commit, beside commits
	cut     bool                   // a shallow clone ends within it
}

func newGraph(commits []change.HistoryCommit) graph {
	g := graph{commits: commits, at: make(map[string]int, len(commits)), by: make([]*Deployment, len(commits))}
	for i, c := range commits {
		g.at[c.ID] = i
		g.cut = g.cut || c.Cut
	}
	return g
}

// descendants are the commits that contain one, itself among them; beside commits.
func (g *graph) descendants(of string) []bool {
	contains := make([]bool, len(g.commits))
	for i := len(g.commits) - 1; i >= 0; i-- { // parents before their children
		c := g.commits[i]
		contains[i] = c.ID == of
		for _, parent := range c.Parents {
			if at, ok := g.at[parent]; ok && contains[at] {
				contains[i] = true
			}
		}
	}
	return contains
}

// has tells that a commit is among those of a set.
func (g *graph) has(set []bool, commit string) bool {
	at, ok := g.at[commit]
	return ok && set[at]
}

// claim gives each deployment the commits that it was the first to bring, as changes; and says which are rollbacks.
func (p *past) claim() {
	r, g := p.report, &p.history
	var live *Deployment
	blind := false // what ran before is not known here, so that nobody can tell what the next one brings
	for _, d := range p.all {
		if d.Outcome != Succeeded {
			continue
		}
		if d.first(r) {
			live, blind = d, !p.have[d.Commit]
			continue
		}
		switch before := live; {
		case !p.have[d.Commit]:
			d.Unknown, blind = true, true
		default:
			claimed := g.take(d)
			d.Unknown = before == nil || blind
			// With nothing new it took commits back; a tag that is set late takes nothing back, and a deployment that was underway
			// while a newer one ended was only slow.
			slow := before != nil && !d.Started.IsZero() && d.Started.Before(before.Ended)
			d.Rollback = len(claimed) == 0 && before != nil && !slow && !blind && !r.tags
			if len(claimed) == 0 && slow && r.within(d.Ended) {
				r.note("%s ended after %s, which is newer and had begun later or beside it: it is no rollback, but older code may have run.", d.Name, before.Name)
			}
			if !d.Unknown {
				d.Changes = g.changes(d, claimed)
			}
			blind = false
			if before == nil {
				r.note("%s is the first deployment that is known: what ran before it is not, so what it brought is left out", d.Name)
			}
		}
		live = d
	}
}

// take marks what no deployment before brought; the newest first.
func (g *graph) take(d *Deployment) []int {
	start, ok := g.at[d.Commit]
	if !ok || g.by[start] != nil {
		return nil
	}
	g.by[start] = d
	claimed := []int{start}
	for next := 0; next < len(claimed); next++ {
		for _, parent := range g.commits[claimed[next]].Parents {
			if at, ok := g.at[parent]; ok && g.by[at] == nil {
				g.by[at] = d
				claimed = append(claimed, at)
			}
		}
	}
	return claimed
}

// changes are the steps of the branch by first parents, the oldest first. What a step merges is its own, unless an older step
// merged it.
func (g *graph) changes(d *Deployment, claimed []int) []Change {
	if len(claimed) == 0 {
		return nil
	}
	var steps []int
	for at := claimed[0]; g.by[at] == d; {
		steps = append(steps, at)
		parents := g.commits[at].Parents
		next, ok := 0, false
		if len(parents) > 0 {
			next, ok = g.at[parents[0]]
		}
		if !ok {
			break
		}
		at = next
	}
	taken := make(map[int]bool, len(claimed))
	changes := make([]Change, 0, len(steps))
	for i := len(steps) - 1; i >= 0; i-- {
		c := g.commits[steps[i]]
		begun, merged := c.Authored, 0
		taken[steps[i]] = true
		queue := []int{steps[i]}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			for _, parent := range g.commits[at].Parents {
				next, ok := g.at[parent]
				if !ok || taken[next] || g.by[next] != d {
					continue
				}
				taken[next] = true
				queue = append(queue, next)
				merged++
				if authored := g.commits[next].Authored; authored.Before(begun) {
					begun = authored
				}
			}
		}
		change := Change{Commit: c.ID, Title: c.Title, PullRequest: c.Number, Begun: begun, Squashed: merged == 0 && c.Number > 0}
		change.lead(d.Ended)
		changes = append(changes, change)
	}
	return changes
}
