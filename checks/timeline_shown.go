package checks

import (
	"fmt"
	"slices"
	"time"

	"github.com/pmcheck/pmcheck/checks/postmortem"
)

// Shown is what the pipeline showed of an incident: the deploy that began last before it did, and the first after that
// which took something back. With began zero, the last deploy is meant.
func (t *Timeline) Shown(began time.Time) postmortem.Shown {
	cause := -1
	for i, e := range t.Events {
		if e.Kind == DeployStarted && (began.IsZero() || !e.At.After(began)) {
			cause = i
		}
	}
	if cause < 0 {
		return postmortem.Shown{}
	}
	deploy := t.Events[cause]
	out := postmortem.Shown{Commit: deploy.Commit, Deployed: fmt.Sprintf("workflow %s", name(deploy.Workflow))}
	if deploy.Job != "" {
		out.Deployed += ", job " + name(deploy.Job)
	}
	out.Deployed += fmt.Sprintf(" of pipeline %d%s", deploy.Pipeline, t.ending(cause))
	for i := cause + 1; i < len(t.Events); i++ {
		if e := t.Events[i]; e.Kind == DeployStarted && e.Deploy != nil && len(e.Deploy.TakesBack) > 0 {
			out.Rollback = fmt.Sprintf("pipeline %d, begun by %s at %s%s", e.Pipeline, t.beginner(i), e.At.UTC().Format("2006-01-02 15:04 UTC"), t.ending(i))
			break
		}
	}
	return out
}

// ending is how a deploy that started ended.
func (t *Timeline) ending(started int) string {
	s := t.Events[started]
	i := slices.IndexFunc(t.Events, func(e Event) bool {
		return e.Kind == DeployEnded && e.Pipeline == s.Pipeline && e.Workflow == s.Workflow && e.Job == s.Job && !e.At.Before(s.At)
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("; it %s after %s", outcome(t.Events[i].Status), took(t.Events[i].Took))
}

// beginner is who began the workflow that a deploy is in.
func (t *Timeline) beginner(started int) string {
	for i := started; i >= 0; i-- {
		if e := t.Events[i]; e.Pipeline == t.Events[started].Pipeline && e.Workflow == t.Events[started].Workflow && (e.Kind == WorkflowStarted || e.Job == "" && e.Kind == DeployStarted) {
			return e.By
		}
	}
	return "CircleCI"
}
