package circleci

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// maxDeployPipelines bounds how many pipelines one question looks at, each of which costs two calls or more.
	maxDeployPipelines = 5000
	// lateBy is how long after its making a pipeline is still expected to deploy: after an approval, or run again as a rollback.
	lateBy = 14 * 24 * time.Hour
	// lookBefore is how long before a time what ran then is looked for.
	lookBefore = 120 * 24 * time.Hour
)

// Deploys are all runs of what deploys that ended from a time on, and those before them back to the last that succeeded, so that
// what ran at that time is known; in no order. Pipelines that were made after to are not looked at, nor are those of forks.
// problems says what could not be read while the rest could. It is ErrNotKnown that nothing of that name ran at all.
func (c *Client) Deploys(ctx context.Context, q Query, from, to time.Time) (runs []Run, problems []string, err error) {
	if q.Job == "" && q.Workflow == "" {
		return nil, nil, errors.New("name the job or the workflow that deploys")
	}
	path, err := slugPath(q.Project)
	if err != nil {
		return nil, nil, err
	}
	query := url.Values{}
	if q.Branch != "" {
		query.Set("branch", q.Branch)
	}
	names := map[string]bool{}
	seen, failures, known := 0, 0, false // known: what ran before from
	for {
		var p page[Pipeline]
		if err := c.get(ctx, "the pipelines of "+q.Project, "/project/"+path+"/pipeline", query, &p); err != nil {
			return nil, nil, err
		}
		oldest := to
		pipelines := slices.DeleteFunc(p.Items, func(p Pipeline) bool {
			if p.CreatedAt.Before(oldest) {
				oldest = p.CreatedAt
			}
			return p.Foreign() || q.Branch != "" && p.Branch() != "" && p.Branch() != q.Branch || !p.CreatedAt.Before(to)
		})
		found, failed := make([]found, len(pipelines)), make([]error, len(pipelines))
		var group errgroup.Group
		group.SetLimit(atOnce)
		for i, p := range pipelines {
			group.Go(func() error {
				found[i], failed[i] = c.runs(ctx, p, q)
				return nil
			})
		}
		_ = group.Wait()
		for i, f := range found {
			seen++
			if failed[i] != nil {
				if failures++; failures == failedPipelines || ctx.Err() != nil {
					return nil, nil, failed[i]
				}
				problems = append(problems, fmt.Sprintf("pipeline %d could not be read: %s", pipelines[i].Number, failed[i]))
			}
			for _, r := range f.runs {
				runs = append(runs, r)
				known = known || succeeded(r) && r.Stopped.Before(from)
			}
			for _, name := range f.names {
				names[name] = true
			}
		}
		switch {
		case p.Next == "", known && oldest.Before(from.Add(-lateBy)), oldest.Before(from.Add(-lookBefore)):
			if len(runs) == 0 {
				return nil, nil, fmt.Errorf("%w: no run of %s in %d pipelines of %s%s", ErrNotKnown, q, seen, q.Project, others(q, names))
			}
			return runs, problems, nil
		case p.Next == query.Get("page-token"):
			return nil, nil, &Error{Status: 200, Message: "CircleCI's list of the pipelines of " + q.Project + " has no end: a page names itself as the next"}
		case seen >= maxDeployPipelines:
			return runs, append(problems, fmt.Sprintf("%s has more than %d pipelines since then: those made before %s were not looked at; take a shorter time, or name a branch",
				q.Project, maxDeployPipelines, oldest.UTC().Format("2006-01-02 15:04 UTC"))), nil
		}
		query.Set("page-token", p.Next)
	}
}
