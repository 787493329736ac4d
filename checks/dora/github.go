package dora

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v62/github"
	"golang.org/x/sync/errgroup"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// GitHub takes each deployment of an environment that succeeded as one, at the time of its first status "success"
// (https://docs.github.com/en/rest/deployments).
type GitHub struct {
	Client      *github.Client
	Owner, Name string
	Environment string
}

// NewGitHub makes a client for the REST API of github.com, or of a server whose API has another address. Without a token public
// repositories can be asked, 60 calls in an hour.
func NewGitHub(address, token string) (*github.Client, error) {
	base, err := url.Parse(strings.TrimSuffix(cmp.Or(address, "https://api.github.com"), "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("the address of GitHub's API: %w", err)
	}
	if !outgoing.MayCarryToken(base) {
		return nil, fmt.Errorf("the address of GitHub's API %q: expected one like https://api.github.com, since a token is sent there", address)
	}
	client := github.NewClient(&http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: outgoing.NoRedirect,
	})
	if token != "" {
		client = client.WithAuthToken(token)
	}
	client.BaseURL = base
	return client, nil
}

const (
	githubPages  = 50 // of 100 deployments
	githubAtOnce = 6  // calls
	// githubLateBy is how long after its making a deployment may still succeed: one that waits for a review waits 30 days at most.
	githubLateBy = 30 * 24 * time.Hour
)

// Runs asks GitHub. Deployments come newest first; those that were made well before the window are read until one of them
// succeeded, so that what ran when it began is known.
func (s GitHub) Runs(ctx context.Context, from, to time.Time) (*Found, error) {
	found := &Found{What: fmt.Sprintf("deployments of %s/%s to %s at GitHub that succeeded", s.Owner, s.Name, s.Environment)}
	options := &github.DeploymentsListOptions{Environment: s.Environment, ListOptions: github.ListOptions{PerPage: 100}}
	known := false
	for page := 1; ; page++ {
		list, answer, err := s.Client.Repositories.ListDeployments(ctx, s.Owner, s.Name, options)
		if err != nil {
			return nil, s.explain(ctx, "the deployments", err)
		}
		runs, err := s.runs(ctx, list, to)
		if err != nil {
			return nil, err
		}
		oldest := to
		for i, r := range runs {
			if made := list[i].GetCreatedAt().Time; made.Before(oldest) {
				oldest = made
			}
			if r.Commit == "" {
				continue // made after the window, or of another environment
			}
			found.Runs = append(found.Runs, r)
			known = known || r.Outcome == Succeeded && r.Ended.Before(from)
		}
		switch {
		case answer.NextPage == 0, known && oldest.Before(from.Add(-githubLateBy)):
			if len(found.Runs) == 0 {
				return nil, fmt.Errorf("GitHub knows no deployment of %s/%s to the environment %q: look at its name, and whether the token may read deployments", s.Owner, s.Name, s.Environment)
			}
			return found, nil
		case page == githubPages:
			found.Gaps = append(found.Gaps, fmt.Sprintf("GitHub has more than %d deployments since then: those made before %s were not looked at; take a shorter time",
				100*githubPages, oldest.UTC().Format("2006-01-02 15:04 UTC")))
			return found, nil
		}
		options.Page = answer.NextPage
	}
}

// runs asks for the statuses of some deployments, and gives a run for each; an empty one for what is not of the window.
func (s GitHub) runs(ctx context.Context, list []*github.Deployment, to time.Time) ([]Run, error) {
	runs := make([]Run, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(githubAtOnce)
	for i, d := range list {
		if d.GetEnvironment() != s.Environment || !d.GetCreatedAt().Before(to) {
			continue
		}
		group.Go(func() error {
			options := &github.ListOptions{PerPage: 100}
			var statuses []*github.DeploymentStatus
			for {
				some, answer, err := s.Client.Repositories.ListDeploymentStatuses(ctx, s.Owner, s.Name, d.GetID(), options)
				if err != nil {
					return s.explain(ctx, fmt.Sprintf("the statuses of deployment %d", d.GetID()), err)
				}
				statuses = append(statuses, some...)
				if answer.NextPage == 0 || answer.NextPage <= options.Page {
					break
				}
				options.Page = answer.NextPage
			}
			runs[i] = githubRun(d, statuses)
			return nil
		})
	}
	return runs, group.Wait()
}

// githubRun is a deployment by its statuses, which stand in any order. "inactive" comes when a later one takes its place.
func githubRun(d *github.Deployment, statuses []*github.DeploymentStatus) Run {
	r := Run{Name: fmt.Sprintf("deployment %d", d.GetID()), Number: d.GetID(), Commit: d.GetSHA(), Started: d.GetCreatedAt().Time, Outcome: Underway}
	slices.SortStableFunc(statuses, func(a, b *github.DeploymentStatus) int { return a.GetCreatedAt().Compare(b.GetCreatedAt().Time) })
	for _, status := range statuses {
		at := status.GetCreatedAt().Time
		if r.URL == "" {
			r.URL = cmp.Or(status.GetLogURL(), status.GetTargetURL())
		}
		switch status.GetState() {
		case "in_progress":
			r.Started = at
		case "success":
			r.Outcome, r.Ended = Succeeded, at
			return r
		case "failure", "error":
			r.Outcome, r.Ended = Failed, at
		case "inactive":
			if r.Outcome == Underway {
				r.Outcome, r.Ended = Failed, at
			}
		}
	}
	return r
}

// explain says what a refusal means.
func (s GitHub) explain(ctx context.Context, about string, err error) error {
	var limited *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var refused *github.ErrorResponse
	var transport *url.Error
	where := fmt.Sprintf("%s of %s/%s", about, s.Owner, s.Name)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("GitHub did not answer about %s in time: %w", where, context.Cause(ctx))
	case errors.As(err, &limited):
		return fmt.Errorf("GitHub limits the rate of calls, asked about %s, until %s: run it again then, with GITHUB_TOKEN set", where, limited.Rate.Reset.UTC().Format("15:04 UTC"))
	case errors.As(err, &abuse):
		return fmt.Errorf("GitHub limits the rate of calls, asked about %s: run it again in some minutes", where)
	case errors.As(err, &refused) && refused.Response.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("GitHub does not accept the token in GITHUB_TOKEN (401)")
	case errors.As(err, &refused) && (refused.Response.StatusCode == http.StatusNotFound || refused.Response.StatusCode == http.StatusForbidden):
		return fmt.Errorf("GitHub does not show %s (%d): GITHUB_TOKEN needs the permission to read deployments there", where, refused.Response.StatusCode)
	case errors.As(err, &refused):
		return fmt.Errorf("GitHub failed to answer about %s (%d)", where, refused.Response.StatusCode)
	case errors.As(err, &transport): // it repeats the address
		return fmt.Errorf("GitHub cannot be reached about %s: %w", where, transport.Err)
	}
	return fmt.Errorf("GitHub's answer about %s was not understood: %w", where, err)
}
