package dora

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v62/github"
	"golang.org/x/sync/errgroup"
)

// Pulls knows pull requests whose commits git no longer has.
type Pulls interface {
	// FirstCommit is the author date of a pull request's first commit; zero where there is no such pull request.
	FirstCommit(ctx context.Context, number int) (time.Time, error)
}

// maxPulls is how many pull requests are asked for at most, a call each.
const maxPulls = 2000

// askPulls finds when squashed changes of the window were begun. What cannot be asked is a gap.
func (p *past) askPulls(ctx context.Context, pulls Pulls) {
	r := p.report
	type asked struct {
		d      *Deployment
		change int
		begun  time.Time
	}
	var list []asked
	for _, d := range p.all {
		if !r.within(d.Ended) {
			continue
		}
		for i, c := range d.Changes {
			if c.Squashed {
				list = append(list, asked{d: d, change: i})
			}
		}
	}
	if len(list) > maxPulls {
		r.gap(fmt.Sprintf("%d pull requests were squashed, of which the first %d were asked for: take a shorter time", len(list), maxPulls), LeadTime)
		list = list[:maxPulls]
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(githubAtOnce)
	for i := range list {
		a := &list[i]
		group.Go(func() (err error) {
			a.begun, err = pulls.FirstCommit(groupCtx, a.d.Changes[a.change].PullRequest)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		r.gap("when squashed pull requests were begun could not be asked: "+err.Error(), LeadTime)
		return
	}
	for _, a := range list {
		if a.begun.IsZero() {
			continue
		}
		c := &a.d.Changes[a.change]
		c.Squashed = false
		if a.begun.Before(c.Begun) {
			c.Begun = a.begun
			c.lead(a.d.Ended)
		}
	}
}

// lead computes the lead time; there is none where the change was begun after the deployment.
func (c *Change) lead(ended time.Time) {
	c.Lead = nil
	if lead := ended.Sub(c.Begun); lead >= 0 {
		seconds := int64(lead / time.Second)
		c.Lead = &seconds
	}
}

// FirstCommit asks GitHub, which lists up to 250 commits of a pull request.
func (s GitHub) FirstCommit(ctx context.Context, number int) (time.Time, error) {
	var first time.Time
	options := &github.ListOptions{PerPage: 100}
	for range 3 {
		commits, answer, err := s.Client.PullRequests.ListCommits(ctx, s.Owner, s.Name, number, options)
		var refused *github.ErrorResponse
		if errors.As(err, &refused) && refused.Response.StatusCode == http.StatusNotFound {
			return time.Time{}, nil
		}
		if err != nil {
			return time.Time{}, s.explain(ctx, fmt.Sprintf("the commits of pull request #%d", number), err)
		}
		for _, c := range commits {
			if at := c.GetCommit().GetAuthor().GetDate().Time; !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		if answer.NextPage == 0 {
			break
		}
		options.Page = answer.NextPage
	}
	return first, nil
}
