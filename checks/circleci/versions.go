package circleci

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Version is a version of a component that was deployed to an environment, by CircleCI's deploy markers.
type Version struct {
	Deployment
	ProjectID  string
	Namespace  string
	Live       bool
	PipelineID string
	WorkflowID string // of the workflow that deployed it; "" when the marker does not say
	Status     string // of the job that did, "success" ...; "" when that is not known
}

// maxVersions is how many of the versions of a component are looked at, newest deploys first.
const maxVersions = 20

// Versions are the versions of a component that were deployed, the one that was deployed last first. It is ErrNotKnown that there are none.
func (c *Client) Versions(ctx context.Context, q DeployQuery) ([]Version, error) {
	in, err := c.markers(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(in.versions) == 0 {
		return nil, fmt.Errorf("%w: no version of %s was deployed to %s by the deploy markers", ErrNotKnown, in.component, in.environment)
	}
	deployed := func(v version) time.Time {
		at, _ := time.Parse(time.RFC3339, v.LastDeployedAt)
		return at
	}
	slices.SortStableFunc(in.versions, func(a, b version) int { return deployed(b).Compare(deployed(a)) })
	versions := in.versions[:min(len(in.versions), maxVersions)]
	out := make([]Version, len(versions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, v := range versions {
		group.Go(func() error {
			out[i] = Version{
				Deployment: Deployment{Version: v.Name, Component: in.component, Environment: in.environment, At: v.LastDeployedAt},
				ProjectID:  in.project, Namespace: v.Namespace, Live: v.IsLive, PipelineID: v.PipelineID, WorkflowID: v.WorkflowID,
			}
			if v.PipelineID != "" {
				p, err := c.pipeline(ctx, v.PipelineID)
				if err != nil {
					return err
				}
				out[i].Commit, out[i].Pipeline = p.Commit(), p.Number
			}
			if v.WorkflowID == "" || v.JobID == "" {
				return nil
			}
			jobs, err := c.jobs(ctx, workflow{ID: v.WorkflowID, Name: v.WorkflowID})
			if err != nil {
				return err
			}
			for _, j := range jobs {
				if j.ID == v.JobID {
					out[i].Status = j.Status
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}
