package githubapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// State asks what became of an issue or a pull request, as [ghissues.Asker] wants it. An App without the permission issues
// sees those of public repositories alone, and pull requests.
func (c *Client) State(ctx context.Context, r ghissues.Ref, known ghissues.State) (ghissues.State, error) {
	if err := checkNames(r.Owner, r.Name); err != nil {
		return ghissues.State{}, err
	}
	req, err := c.client.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/issues/%d", r.Owner, r.Name, r.Number), nil)
	if err != nil {
		return ghissues.State{}, err
	}
	if known.ETag != "" {
		req.Header.Set("If-None-Match", known.ETag)
	}
	var issue ghissues.Issue
	resp, err := c.client.Do(withCall(ctx, call{route: "/repos/{owner}/{repo}/issues/{issue_number}"}), req, &issue)
	if err != nil {
		return unchanged(r, known, explain(ctx, err))
	}
	means, err := issue.Means()
	if err != nil {
		return ghissues.State{}, fmt.Errorf("%s: %w", r, err)
	}
	return ghissues.State{Means: means, ETag: resp.Header.Get("ETag")}, nil
}

// unchanged is the answer known before where the error is a 304, else the error in ghissues' words.
func unchanged(r ghissues.Ref, known ghissues.State, err error) (ghissues.State, error) {
	var refused *Error
	var later *job.RetryAfter
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotModified && known.Means != "":
		return known, nil
	case errors.Is(err, ErrNotFound):
		return ghissues.State{}, fmt.Errorf("%s: %w: %w", r, ghissues.ErrNotFound, err)
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		return ghissues.State{}, fmt.Errorf("%s: %w: %w", r, ghissues.ErrForbidden, err)
	case errors.As(err, &later):
		return ghissues.State{}, fmt.Errorf("%s: %w: %w", r, ghissues.ErrLimit, err)
	}
	return ghissues.State{}, fmt.Errorf("%s: %w", r, err)
}
