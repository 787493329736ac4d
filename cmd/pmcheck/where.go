package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/clone"
	"github.com/pmcheck/pmcheck/checks/ghactions"
	"github.com/pmcheck/pmcheck/checks/report"
)

// where fills in what the command line leaves open: before a deploy what is running, else the base from the CI job that the
// program runs in; and with --deepen what a shallow clone lacks.
func (f *changeFlags) where(c *cobra.Command, o *checks.Options) error {
	repo := o.Repo
	if repo == "" {
		repo = "."
	}
	steps := progressOn(c.ErrOrStderr())
	defer steps.done()
	here := clone.At(repo, steps.step)
	event, err := ghactions.Find(os.Getenv)
	if err != nil && o.Base == "" && o.Stage != checks.PreDeploy {
		return err
	}
	if event != nil && !within(repo, event.Workspace) {
		event = nil
	}
	job := circleci.FindJob(os.Getenv)
	if job != nil && !within(repo, job.Directory) {
		job = nil
	}
	deepen := f.deepen || job != nil && !c.Flags().Changed("deepen")
	switch {
	case o.Stage == checks.PreDeploy:
		err = f.running.find(c, here, deepen, o)
	case event != nil:
		err = f.fromActions(c, here, event, o)
	case job != nil:
		err = f.fromCircleCI(c, here, deepen, job, o)
	}
	if err != nil || !deepen {
		return err
	}
	if o.Base == "" {
		return usagef("--deepen: which base to fetch is known in GitHub Actions on pull_request, merge_group and push, and in CircleCI: elsewhere name it with --base")
	}
	head := o.Head
	if head == "" {
		head = "HEAD"
	}
	o.Base, _, err = here.Reach(c.Context(), o.Base, head, o.Stage != checks.PreDeploy)
	if err == nil && o.Stage == checks.PreDeploy { // what lies between is for the report alone
		_, _, _ = here.Reach(c.Context(), o.Base, head, true)
	}
	if err != nil {
		advice := ""
		if event != nil {
			advice = "; give actions/checkout `fetch-depth: 0`, and in a private repository leave `persist-credentials` on"
		}
		return fmt.Errorf("the clone lacks history, and fetching it failed: %w%s", err, advice)
	}
	return nil
}

// fromCircleCI takes the base that a CircleCI job is for.
func (f *changeFlags) fromCircleCI(c *cobra.Command, here *clone.Clone, deepen bool, job *circleci.Job, o *checks.Options) error {
	if !c.Flags().Changed("stage") {
		o.Stage = checks.PullRequest
	}
	o.Number = job.PullRequest
	if o.Base != "" {
		return nil
	}
	head := o.Head
	if head == "" {
		head = "HEAD"
	}
	id, parents, err := here.Commit(c.Context(), head)
	if err != nil {
		return nil // opening the change says it better
	}
	if job.QueueBase != "" {
		o.Base = job.QueueBase
		say(c.ErrOrStderr(), "merge queue, pull request #%d: compared with %.9s, onto which it is merged", job.PullRequest, o.Base)
		return nil
	}
	if token := os.Getenv("GITHUB_TOKEN"); job.PullRequest > 0 && token != "" {
		request, err := job.AskGitHub(c.Context(), token, os.Getenv("GITHUB_API_URL"))
		if err == nil {
			o.Base, o.Title, o.Labels = "origin/"+request.Base, request.Title, request.Labels
			say(c.ErrOrStderr(), "pull request #%d into %s: compared with where it left that", job.PullRequest, request.Base)
			return nil
		}
		say(c.ErrOrStderr(), "the branch that pull request #%d is for is not known (%v): compared with where it left the default branch", job.PullRequest, err)
	}
	repo, err := change.OpenRepo(c.Context(), o.Repo)
	if err != nil {
		return nil
	}
	trunk, name, err := repo.DefaultBranch(c.Context())
	if err != nil {
		return err
	}
	if trunk == "" && deepen {
		if name, err = here.DefaultBranch(c.Context()); err != nil {
			return fmt.Errorf("which branch is the default one is not in the clone, and asking origin failed: %w; name the base with --base", err)
		}
		trunk = "origin/" + name
	}
	switch {
	case name == "":
		return nil
	case job.Branch == name && len(parents) > 0:
		// pipeline.git.base_revision, the commit of the pipeline before, is no variable: a job that has it passes it as --base.
		o.Base = parents[0]
		say(c.ErrOrStderr(), "%s itself at %.9s: compared with the commit before, %.9s", name, id, o.Base)
	default:
		o.Base = trunk
		say(c.ErrOrStderr(), "%s: compared with where it left %s", cmp.Or(job.Branch, job.Tag, "this commit"), trunk)
	}
	return nil
}

// fromActions takes the base and what is known of the pull request from the event.
func (f *changeFlags) fromActions(c *cobra.Command, here *clone.Clone, event *ghactions.Event, o *checks.Options) error {
	o.Number, o.Title, o.Body, o.Labels = event.Number, event.Title, event.Body, event.Labels
	if !c.Flags().Changed("stage") && (event.PullRequest() || event.Name == "merge_group" || event.Name == "push") {
		o.Stage = checks.PullRequest
	}
	if o.Base != "" {
		return nil
	}
	head := o.Head
	if head == "" {
		head = "HEAD"
	}
	id, parents, err := here.Commit(c.Context(), head)
	if err != nil {
		return nil // opening the change says it better
	}
	short := func(id string) string { return id[:min(len(id), 9)] }
	switch {
	case event.Name == "pull_request" && id == event.Commit && len(parents) == 2 && parents[1] == event.Head:
		// GitHub merged the branch into the base branch: what differs from the first parent is the pull request, even when the base
		// branch has moved since the event.
		o.Base = parents[0]
		say(c.ErrOrStderr(), "pull request #%d into %s: %s merges it into %s", event.Number, event.BaseBranch, short(id), short(o.Base))
	case event.Name == "pull_request_target" && id == event.Base:
		return usagef("on pull_request_target actions/checkout checks out the base branch, so there is no change to judge: run the check on pull_request, it needs no secrets")
	case event.Base != "" && (event.PullRequest() || event.Name == "merge_group"):
		o.Base = event.Base
		what := fmt.Sprintf("pull request #%d", event.Number)
		if event.Name == "merge_group" {
			what = "merge group"
		}
		say(c.ErrOrStderr(), "%s into %s: compared with %s", what, event.BaseBranch, short(o.Base))
	case event.Base != "":
		o.Base = event.Base
		say(c.ErrOrStderr(), "push to %s: compared with %s, which was there before", event.BaseBranch, short(o.Base))
	case event.Deleted, event.First:
		o.Base = id
		say(c.ErrOrStderr(), "nothing was there before this push, so there is nothing to compare with")
	case event.BaseBranch != "":
		o.Base = "origin/" + event.BaseBranch
		say(c.ErrOrStderr(), "push of a branch: compared with where it left %s", o.Base)
	default:
		say(c.ErrOrStderr(), "the event %s names no base: compared with the default branch", event.Name)
	}
	return nil
}

// say tells on standard error what was found out, for who reads the log of the job.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "pmcheck: %s\n", report.Printable(fmt.Sprintf(format, args...)))
}

// within tells that a directory is the folder, or in it: what a job says is about the clone that it works on, and not about
// any other on its machine.
func within(dir, folder string) bool {
	if folder == "" {
		return true
	}
	real := func(path string) string {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		if resolved, err := filepath.EvalSymlinks(path); err == nil {
			path = resolved
		}
		return path
	}
	rel, err := filepath.Rel(real(folder), real(dir))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
