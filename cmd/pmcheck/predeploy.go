package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/clone"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/running"
)

// runningFlags say how the commit that is running is found before a deploy.
type runningFlags struct{ running.Sources }

func (f *runningFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.Environment, "deploy-environment", "", "pre-deploy: what is live in this environment by CircleCI's deploy markers is running")
	c.Flags().StringVar(&f.Component, "deploy-component", "", "pre-deploy: the component of the deploy markers (default: the project's only one)")
	c.Flags().StringVar(&f.Job, "deploy-job", "", "pre-deploy: the last successful run of this CircleCI job deployed what is running")
	c.Flags().StringVar(&f.Workflow, "deploy-workflow", "", "pre-deploy: the same of a workflow, or the workflow that --deploy-job is in")
	c.Flags().StringVar(&f.Branch, "deploy-branch", "", "pre-deploy: the branch of those runs (default: $CIRCLE_BRANCH, else the default branch)")
	c.Flags().StringVar(&f.Ref, "deployed-ref", "", "pre-deploy: the tag or branch that stands at what is running, or a glob ('v*') whose newest tag does")
	c.Flags().StringVar(&f.Project, "circleci-project", "", "the project's slug at CircleCI, gh/OWNER/NAME (default: from the job's environment)")
	c.Flags().StringVar(&f.TokenEnv, "circleci-token-env", "CIRCLE_TOKEN", "the environment variable that holds a personal API token of CircleCI")
	c.Flags().StringVar(&f.URL, "circleci-url", "", "where CircleCI's API v2 answers, for a server of your own (default https://circleci.com/api/v2)")
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// find takes what is running as the base of a check before a deploy.
func (f *runningFlags) find(c *cobra.Command, here *clone.Clone, deepen bool, o *checks.Options) error {
	if o.Base != "" {
		o.BaseSource, o.BaseReason = "flag", "named with --base"
		return nil
	}
	if !variable.MatchString(f.TokenEnv) {
		return usagef("--circleci-token-env: expected the name of an environment variable, and not the token itself")
	}
	repo, err := change.OpenRepo(c.Context(), o.Repo)
	if err != nil {
		return err
	}
	head := o.Head
	if head == "" {
		head = "HEAD"
	}
	steps := progressOn(c.ErrOrStderr())
	defer steps.done()
	steps.step("finding what is running")
	path := o.Config
	if path == "" {
		path = checks.ConfigPath
	}
	sources, err := running.Configured(c.Context(), repo, head, path, f.Sources)
	var mistakes *config.Error
	switch {
	case errors.As(err, &mistakes):
		return usagef("the configuration at %s has mistakes:\n%w", head, err)
	case errors.Is(err, change.ErrUnknownRevision):
		return usagef("%w", err)
	case err != nil:
		return fmt.Errorf("read the configuration: %w", err)
	}
	if deepen && sources.Ref != "" {
		// What a shallow clone lacks of tags may be what is asked for; when it is not there either, the search says so.
		_ = here.Tags(c.Context(), sources.Ref, head)
	}
	base, err := running.Find(c.Context(), repo, head, sources, os.Getenv)
	if err != nil {
		return err
	}
	o.Base, o.BaseSource, o.BaseReason, o.BaseNotes = base.Revision, base.Source, base.Reason, base.Notes
	return nil
}

// failureReason writes why a check fails to a file that a CircleCI job sources before it marks its deploy as failed
// (configure-deploy-markers, "FAILURE_REASON='...'"). A check that passes takes away what an earlier one left there.
func failureReason(file string, r *report.Result, err error) error {
	if file == "" {
		return nil
	}
	reason := ""
	switch {
	case err != nil:
		reason = report.UndoneReason(err.Error())
	case r != nil:
		reason = report.FailureReason(r)
	}
	if reason == "" {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove an earlier reason of failure: %w", err)
		}
		return nil
	}
	if err := os.WriteFile(file, []byte(report.ShellAssignment("FAILURE_REASON", reason)), 0o666); err != nil {
		return fmt.Errorf("write the reason of failure: %w", err)
	}
	return nil
}
