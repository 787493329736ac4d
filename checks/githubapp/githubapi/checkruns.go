package githubapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/checkrun"
	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// lostAnswer is how long GitHub is given to show what it did although it did not answer.
const lostAnswer = 2 * time.Second

var _ checkrun.API = (*Client)(nil)

// CheckRuns lists the App's check runs of that name at a commit, newest first, at most 100.
func (c *Client) CheckRuns(ctx context.Context, owner, name, sha, checkName string) ([]checkrun.Run, error) {
	if err := checkNames(owner, name); err != nil {
		return nil, err
	}
	query := url.Values{
		"check_name": {checkName},
		"app_id":     {strconv.FormatInt(c.g.options.AppID, 10)},
		"filter":     {"all"}, // the latest alone would hide those of another pull request with the same head
		"per_page":   {"100"},
	}
	var answer struct {
		CheckRuns []checkrun.Run `json:"check_runs"`
	}
	path := fmt.Sprintf("repos/%s/%s/commits/%s/check-runs?%s", owner, name, url.PathEscape(sha), query.Encode())
	if err := c.do(ctx, http.MethodGet, path, call{route: "/repos/{owner}/{repo}/commits/{ref}/check-runs"}, nil, &answer); err != nil {
		return nil, fmt.Errorf("check runs of %s in %s/%s: %w", sha, owner, name, err)
	}
	runs := answer.CheckRuns
	slices.SortStableFunc(runs, func(a, b checkrun.Run) int { return cmp.Compare(b.ID, a.ID) })
	return runs, nil
}

// FindCheckRun is the newest of the App's check runs at that commit with that external id.
func (c *Client) FindCheckRun(ctx context.Context, owner, name, sha, checkName, externalID string) (run checkrun.Run, found bool, err error) {
	runs, err := c.CheckRuns(ctx, owner, name, sha, checkName)
	for _, r := range runs {
		if r.ExternalID == externalID {
			return r, true, nil
		}
	}
	return checkrun.Run{}, false, err
}

// CheckRun is a check run as it is now.
func (c *Client) CheckRun(ctx context.Context, owner, name string, id int64) (run checkrun.Run, err error) {
	if err := checkNames(owner, name); err != nil {
		return run, err
	}
	path := fmt.Sprintf("repos/%s/%s/check-runs/%d", owner, name, id)
	if err := c.do(ctx, http.MethodGet, path, call{route: "/repos/{owner}/{repo}/check-runs/{check_run_id}"}, nil, &run); err != nil {
		return run, fmt.Errorf("check run %d of %s/%s: %w", id, owner, name, err)
	}
	return run, nil
}

// CreateCheckRun makes a check run. When the answer is lost, it looks whether GitHub has
// it (by ExternalID); if not, the error is a *job.RetryAfter, and whoever comes again
// looks first: it is never sent twice.
func (c *Client) CreateCheckRun(ctx context.Context, owner, name string, r checkrun.Request) (run checkrun.Run, err error) {
	if err := checkNames(owner, name); err != nil {
		return run, err
	}
	err = c.do(ctx, http.MethodPost, fmt.Sprintf("repos/%s/%s/check-runs", owner, name), call{route: "/repos/{owner}/{repo}/check-runs"}, r, &run)
	if errors.Is(err, errUnanswered) && r.ExternalID != "" {
		if err := c.g.sleep(ctx, lostAnswer); err != nil {
			return run, err
		}
		found, ok, lookErr := c.FindCheckRun(ctx, owner, name, r.HeadSHA, r.Name, r.ExternalID)
		if ok && found.Status == r.Status {
			return found, nil
		}
		err = latest(err, lookErr)
	}
	if err != nil {
		return run, fmt.Errorf("check run for %s in %s/%s: %w", r.HeadSHA, owner, name, refused(err))
	}
	return run, nil
}

// UpdateCheckRun changes a check run. An update without annotations is repeated as often
// as it takes; with annotations, which are added, a lost answer makes it look whether
// GitHub has carried it out, and the error is a *job.RetryAfter if that cannot be seen.
func (c *Client) UpdateCheckRun(ctx context.Context, owner, name string, id int64, r checkrun.Request) (run checkrun.Run, err error) {
	if err := checkNames(owner, name); err != nil {
		return run, err
	}
	added := 0
	if r.Output != nil {
		added = len(r.Output.Annotations)
	}
	// A run that was made a moment ago may not be found yet.
	what := call{route: "/repos/{owner}/{repo}/check-runs/{check_run_id}", repeat: added == 0, fresh: true}
	err = c.do(ctx, http.MethodPatch, fmt.Sprintf("repos/%s/%s/check-runs/%d", owner, name, id), what, r, &run)
	if errors.Is(err, errUnanswered) {
		if err := c.g.sleep(ctx, lostAnswer); err != nil {
			return run, err
		}
		now, lookErr := c.CheckRun(ctx, owner, name, id)
		err = latest(err, lookErr)
		if lookErr == nil && now.Output.AnnotationsCount >= r.AnnotatedBefore+added && now.Status == r.Status && now.Conclusion == r.Conclusion {
			return now, nil
		}
	}
	if err != nil {
		return run, fmt.Errorf("check run %d of %s/%s: %w", id, owner, name, refused(err))
	}
	return run, nil
}

// latest is err, or the error of looking what became of it when GitHub is to be left alone for longer.
func latest(err, looking error) error {
	var a, b *job.RetryAfter
	if errors.As(err, &a) && errors.As(looking, &b) && b.At.After(a.At) {
		return fmt.Errorf("%w; and then: %w", &job.RetryAfter{At: b.At, Err: a.Err}, looking)
	}
	return err
}

// refused marks a 422 as one that the same request will get again.
func refused(err error) error {
	var e *Error
	var later *job.RetryAfter
	if errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity && !errors.As(err, &later) {
		return fmt.Errorf("%w: %w", checkrun.ErrRefused, err)
	}
	return err
}
