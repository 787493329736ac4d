package githubapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/store"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
	"github.com/pmcheck/pmcheck/checks/report"
)

// A Starter starts what a failed deploy asks for: somebody is told, an incident is opened.
type Starter interface {
	// Start brings what was started for a deploy up to its state: it begins it at the first failure, and says there that a
	// rerun failed or succeeded. begun is what keep kept last, "" at first. It is called again after an error, and after the
	// process was killed at any moment: what may have been done and not been kept, it looks for before it does it again.
	Start(ctx context.Context, d job.Deploy, begun string, keep func(begun string) error) error
}

const (
	// oldDeploy is how old an event may be and start something. Ids of deliveries are kept for longer: one that was recorded
	// on its way cannot be played back.
	oldDeploy = 24 * time.Hour

	// followTime bounds one try, followLease is how long nobody else tries meanwhile.
	followTime  = time.Minute
	followLease = 90 * time.Second

	// followTries ends what never succeeds: after about a day.
	followTries = 150
)

// acceptCircleCI keeps what an event of CircleCI says of the deploys that are configured.
func (a *App) acceptCircleCI(ctx context.Context, d job.Delivery, e webhook.Event) (fresh bool, ignored string, err error) {
	if a.now().Sub(e.Happened) > oldDeploy {
		return false, "it happened more than a day ago", nil
	}
	var events []job.DeployEvent
	nearest := false
	for _, rule := range a.config.Deploys {
		why := rule.concerns(e)
		concerned := why == ""
		var event job.DeployEvent
		if concerned {
			if event, why = rule.event(e); why == "" {
				events = append(events, event)
				continue
			}
		}
		if ignored == "" || concerned || rule.Project == e.Slug && !nearest {
			ignored, nearest = why, concerned
		}
	}
	if len(events) == 0 {
		return false, ignored, nil
	}
	fresh, notice, err := a.store.AcceptDeploys(ctx, d, events)
	if err == nil && notice {
		select {
		case a.deployed <- struct{}{}:
		default: // it is asked already
		}
	}
	return fresh, "", err
}

// followDeploys starts what failed deploys ask for, until ctx ends.
func (a *App) followDeploys(ctx context.Context) {
	tick := time.NewTicker(a.followEvery())
	defer tick.Stop()
	for {
		for ctx.Err() == nil && a.followDeploy(ctx) {
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C: // for those that are due again, and those that another process left
		case <-a.deployed:
		}
	}
}

func (a *App) followEvery() time.Duration {
	if a.config.Store.Poll > 0 {
		return a.config.Store.Poll
	}
	return 5 * time.Second
}

// followDeploy follows one deploy, and returns false when there was none.
func (a *App) followDeploy(ctx context.Context) bool {
	f, err := a.store.FollowDeploy(ctx, followLease)
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "no look at failed deploys; the next one tries again", "error", err)
	}
	if err != nil || f == nil {
		return false
	}
	log := a.log.With("deploy", f.Deploy.Key, "repository", f.Deploy.Repository, "workflow", f.Deploy.Workflow, "state", f.Deploy.State, "attempt", f.Attempt)
	// What goes on elsewhere is not broken off when the process is to stop: it takes seconds.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), followTime)
	defer cancel()
	if f.Deploy.State == job.DeployRecovered && f.Begun == "" {
		log.InfoContext(ctx, "a failed deploy recovered before anybody was told")
	} else if err = a.start(limited, f); err != nil {
		wait := a.backoff(f.Attempt)
		if f.Attempt < followTries {
			log.WarnContext(ctx, "what a failed deploy asks for was not started; it is tried again", "after", wait, "error", err)
			if err := a.store.PostponeDeploy(limited, f, errors.New(report.OneLine(err.Error(), 500)), wait); err != nil {
				log.ErrorContext(ctx, "it was not kept that a deploy is to be followed later", "error", err)
			}
			return true
		}
		log.ErrorContext(ctx, "what a failed deploy asks for could not be started, and is given up", "waited", a.now().Sub(f.Waits), "error", err)
	} else {
		log.InfoContext(ctx, "followed a deploy", "waited", a.now().Sub(f.Waits))
	}
	if err := a.store.FollowedDeploy(limited, f); err != nil {
		log.ErrorContext(ctx, "it was not kept that a deploy was followed", "error", err)
	}
	return true
}

// start calls the starter, and makes an error of a panic.
func (a *App) start(ctx context.Context, f *store.Following) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return a.starter.Start(ctx, f.Deploy, f.Begun, func(begun string) error { return a.store.BegunDeploy(ctx, f, begun) })
}

// backoff is 5 s, 10 s, 20 s ... up to 10 minutes.
func (a *App) backoff(attempt int) time.Duration {
	if a.config.Store.Backoff != nil {
		return a.config.Store.Backoff(attempt)
	}
	return min(10*time.Minute, 5*time.Second<<min(attempt-1, 10))
}
