package githubapp

import (
	"path"
	"slices"
	"strings"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/githubapp/webhook"
)

// A DeployRule says which runs at CircleCI deploy a repository, and what is started when one fails.
type DeployRule struct {
	Project    string   // CircleCI's slug, in the form of [webhook.Slug]
	Repository string   // OWNER/NAME
	Workflows  []string // names, in which * is any text without a slash
	Jobs       []string // where a workflow does more than deploy: the names of the jobs whose failure counts; none: the workflow's counts
	Branches   []string // and tags, of which there is one at least: names with *
	Tags       []string
	Notify     string // Slack channel to tell, "#deploys"; "" for none
	Incident   string // severity of the incident to open, "SEV-2"; "" for none
}

// concerns says why an event is about no deploy of the rule, "" when it is about one.
func (r DeployRule) concerns(e webhook.Event) (why string) {
	switch {
	case r.Project != e.Slug:
		return "no deploy of this project is configured"
	case e.Foreign:
		return "the code is a fork's"
	case e.Tag != "" && !matches(r.Tags, e.Tag), e.Tag == "" && !matches(r.Branches, e.Branch):
		return "no deploy of this branch or tag is configured"
	case e.Workflow != "" && !matches(r.Workflows, e.Workflow):
		return "no deploy by this workflow is configured"
	}
	return ""
}

// event is what an event that concerns the rule says of its deploy; why is set where that is nothing.
func (r DeployRule) event(e webhook.Event) (d job.DeployEvent, why string) {
	workflow, run := e.Workflow, e.WorkflowID
	if e.WorkflowID == "" { // the newer family's jobs do not say
		run = e.JobID
		if len(r.Workflows) == 1 && !strings.ContainsAny(r.Workflows[0], `*?[\`) {
			workflow = r.Workflows[0]
		}
	}
	d.Deploy = job.Deploy{
		Key: e.PipelineID + "/" + workflow, Repository: r.Repository, Project: e.Slug, Pipeline: e.Number, Workflow: workflow,
		Branch: e.Branch, Tag: e.Tag, Commit: e.Commit, URL: e.URL, Happened: e.Happened, Run: run, Notify: r.Notify, Incident: r.Incident,
	}
	failed := e.Status == "failed" || e.Status == "error"
	switch {
	case e.Status == "success" && e.Type == webhook.WorkflowCompleted:
		d.Deploy.State, d.Decides = job.DeploySucceeded, true
	case !failed:
		return d, "nothing has failed"
	case e.Type == webhook.JobCompleted:
		d.Deploy.State, d.Deploy.Jobs = job.DeployFailed, []job.FailedJob{{Run: run, Name: e.Job}}
		d.Decides = slices.Contains(r.Jobs, e.Job)
	case len(r.Jobs) > 0:
		return d, "its jobs decide, not the workflow"
	default:
		d.Deploy.State, d.Decides = job.DeployFailed, true
	}
	return d, ""
}

func matches(patterns []string, name string) bool {
	return name != "" && slices.ContainsFunc(patterns, func(pattern string) bool {
		fits, err := path.Match(pattern, name)
		return err == nil && fits
	})
}
