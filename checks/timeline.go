package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/pipeline"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// TimelineOptions say what a timeline is made of.
type TimelineOptions struct {
	Repo     string // a directory in a clone; "" is the current directory
	Client   *circleci.Client
	Project  string    // the slug at CircleCI, gh/OWNER/NAME
	From, To time.Time // both belong to it

	Branches    []string // of pipelines; none = the clone's default branch. Tags always belong to it.
	AllBranches bool
	Job         string        // that deploys; "" with Workflow "" = what the configuration names, else what is recognised in .circleci
	Workflow    string        // that the job is in, or that deploys as a whole
	AllJobs     bool          // also those that do not deploy and succeed
	Actors      bool          // who did it, and not only in which role
	Before      time.Duration // how old a pipeline may be of which something ran again, see circleci.HistoryQuery

	Progress func(step string) // called before each long step; may be nil
}

// The kinds of events.
const (
	WorkflowStarted = "workflow-started"
	WorkflowEnded   = "workflow-ended"
	DeployStarted   = "deploy-started"
	DeployEnded     = "deploy-ended"
	JobStarted      = "job-started"
	JobEnded        = "job-ended"
	ApprovalAsked   = "approval-asked"
	Approved        = "approved"
)

// Event is one thing that happened. Names in it are text from outside.
type Event struct {
	postmortem.TimelineRow
	Kind     string
	Pipeline int64
	Workflow string
	Job      string        // "" for a workflow as a whole
	Status   string        // as CircleCI has it
	Commit   string        // "" where the pipeline does not say
	Took     time.Duration // of what ended; 0 where it is not known
	Deploy   *DeployRange  // of a deploy that started, where its commits are known
}

// DeployRange is what a deploy changes: the commits between what ran before and what it deploys.
type DeployRange struct {
	From      string // the commit that was deployed before
	To        string
	Brings    []Brought // newest first
	TakesBack []Brought // what ran before and this release lacks
	More      bool      // the lists are not all
}

// Brought is a pull request or a commit in a deploy.
type Brought struct {
	Commit, Label string // Label is "#12" or a commit's beginning
	PullRequest   int    // 0 for none
	Title         string
	Migrations    []string // paths
}

// Timeline is what happened in a time.
type Timeline struct {
	Events   []Event  // in order of time
	Problems []string // what could not be found out, in sentences; the timeline is not whole then
	Notes    []string
}

// Rows are the events as rows of a document.
func (t *Timeline) Rows() []postmortem.TimelineRow {
	rows := make([]postmortem.TimelineRow, len(t.Events))
	for i, e := range t.Events {
		rows[i] = e.TimelineRow
	}
	return rows
}

// ReadTimeline asks CircleCI what a project's pipelines did in a time, and the clone what each deploy brought. The error is
// for when CircleCI answered nothing; what is missing of an answer is in Problems.
func ReadTimeline(ctx context.Context, o TimelineOptions) (*Timeline, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	t := &timeline{TimelineOptions: o, out: &Timeline{}, users: map[string]string{}, last: map[string]string{}}
	t.lookAtClone(ctx)
	branches := t.Branches
	if t.AllBranches {
		branches = nil
	}
	o.Progress("asking CircleCI what ran")
	runs, problems, err := o.Client.History(ctx, circleci.HistoryQuery{Project: o.Project, From: o.From, To: o.To, Branches: branches, Before: o.Before})
	if err != nil {
		return nil, err
	}
	t.out.Problems = append(t.out.Problems, problems...)
	for _, p := range runs {
		for _, w := range p.Workflows {
			t.workflow(ctx, p.Pipeline, w)
		}
	}
	t.ranges(ctx)
	t.out.Events = slices.DeleteFunc(t.out.Events, func(e Event) bool { return e.At.Before(o.From) || e.At.After(o.To) })
	slices.SortStableFunc(t.out.Events, func(a, b Event) int { return a.At.Compare(b.At) })
	return t.out, nil
}

// timeline is one call of ReadTimeline.
type timeline struct {
	TimelineOptions
	out     *Timeline
	clone   bool               // there is one
	deploys map[[2]string]bool // workflow and job, where no one was named
	users   map[string]string  // logins by id
	last    map[string]string  // the commit that was deployed last, by what deploys
	runs    []deployRun
}

// deployRun is a run of what deploys.
type deployRun struct {
	pipeline       circleci.Pipeline
	workflow, job  string
	status         string
	started, ended time.Time // ended is zero while it is underway
}

func (d deployRun) of() string { return d.workflow + "\x00" + d.job }

// lookAtClone finds the default branch and what deploys.
func (t *timeline) lookAtClone(ctx context.Context) {
	r, err := open(ctx, Options{Repo: t.Repo, Base: "HEAD", Head: "HEAD"})
	if err != nil {
		t.problem("which commits and pull requests each deploy brings is not known: %s", err)
		return
	}
	defer r.close()
	t.clone = true
	if len(t.Branches) == 0 && r.change.DefaultBranch != "" {
		t.Branches = []string{r.change.DefaultBranch}
	}
	if t.Job == "" && t.Workflow == "" {
		t.Job, t.Workflow = r.config.Deploy.Job, r.config.Deploy.Workflow
	}
	if t.Job != "" || t.Workflow != "" {
		return
	}
	t.deploys = map[[2]string]bool{}
	var names []string
	for _, w := range provider(pipeline.Read(files{r.change.HeadTree()}, pipelineOptions(r.config)), pipeline.CircleCI).Workflows {
		for _, j := range w.Jobs {
			if j.Deploys() && j.Environment != pipeline.Preview {
				t.deploys[[2]string{w.Name, j.Name}] = true
				names = append(names, fmt.Sprintf("%s of workflow %s", name(j.Name), name(w.Name)))
			}
		}
	}
	if len(names) == 0 {
		t.note("no job of .circleci is known to deploy, so no commits are listed: name it with --deploy-job, or as deploy: {job: NAME} in .pmcheck.yml")
		return
	}
	t.note("taken as deploys: %s; --deploy-job names another", strings.Join(names, ", "))
}

func (t *timeline) problem(format string, args ...any) {
	t.out.Problems = append(t.out.Problems, fmt.Sprintf(format, args...))
}

func (t *timeline) note(format string, args ...any) {
	t.out.Notes = append(t.out.Notes, fmt.Sprintf(format, args...))
}

// isDeploy tells that a job deploys; with job "", that the workflow as a whole does.
func (t *timeline) isDeploy(workflow, job string) bool {
	switch {
	case t.Job != "":
		return job == t.Job && (t.Workflow == "" || workflow == t.Workflow)
	case t.Workflow != "":
		return job == "" && workflow == t.Workflow
	}
	return t.deploys[[2]string{workflow, job}]
}

// name is a name from outside within a sentence.
func name(s string) string { return report.OneLine(s, 80) }

// workflow adds the events of a run of a workflow.
func (t *timeline) workflow(ctx context.Context, p circleci.Pipeline, w circleci.WorkflowRun) {
	base := Event{TimelineRow: postmortem.TimelineRow{Link: w.URL}, Pipeline: p.Number, Workflow: w.Name, Commit: p.Commit()}
	whole := fmt.Sprintf("Workflow %s of pipeline %d", name(w.Name), p.Number)
	deploys := t.isDeploy(w.Name, "")

	started := base
	started.Kind, started.Key, started.At, started.Status = WorkflowStarted, "workflow/"+w.ID+"/started", w.CreatedAt, w.Status
	started.By = t.starter(ctx, p, w)
	started.Event = whole + " " + begun(w) + where(p)
	if w.StoppedAt.IsZero() {
		started.Event += "; " + underway(w.Status)
	}
	if deploys {
		started.Kind = DeployStarted
		started.Event = "Deploy: " + started.Event
		t.runs = append(t.runs, deployRun{p, w.Name, "", w.Status, w.CreatedAt, w.StoppedAt})
	}
	t.add(started)

	for _, j := range w.Jobs {
		if j.Approval {
			t.approval(ctx, base, w, j)
		} else {
			t.job(ctx, base, p, w, j)
		}
	}

	if w.StoppedAt.IsZero() {
		return
	}
	ended := base
	ended.Kind, ended.Key, ended.At, ended.Status, ended.Took = WorkflowEnded, "workflow/"+w.ID+"/ended", w.StoppedAt, w.Status, w.StoppedAt.Sub(w.CreatedAt)
	ended.By = "CircleCI"
	if w.Status == "canceled" && w.CanceledBy != "" {
		ended.By = t.person(ctx, "operator", w.CanceledBy)
	}
	ended.Event = fmt.Sprintf("%s %s after %s%s", whole, outcome(w.Status), took(ended.Took), durations(w.Jobs))
	if deploys {
		ended.Kind = DeployEnded
		ended.Event = "Deploy: " + ended.Event
	}
	t.add(ended)
}

func (t *timeline) add(e Event) {
	if !e.At.IsZero() {
		t.out.Events = append(t.out.Events, e)
	}
}

// job adds when a job began and ended: where it deploys, where it failed, and where all are wanted.
func (t *timeline) job(ctx context.Context, base Event, p circleci.Pipeline, w circleci.WorkflowRun, j circleci.JobRun) {
	deploys := t.isDeploy(w.Name, j.Name)
	if j.StartedAt.IsZero() || waits(j.Status) {
		return
	}
	what, of := "Job", fmt.Sprintf("%s (workflow %s of pipeline %d)", name(j.Name), name(w.Name), p.Number)
	startKind, endKind := JobStarted, JobEnded
	if deploys {
		what, startKind, endKind = "Deploy: job", DeployStarted, DeployEnded
		t.runs = append(t.runs, deployRun{p, w.Name, j.Name, j.Status, j.StartedAt, j.StoppedAt})
	}
	if deploys || t.AllJobs {
		started := base
		started.Kind, started.Key, started.At, started.Job, started.Status, started.By = startKind, "job/"+j.ID+"/started", j.StartedAt, j.Name, j.Status, "CircleCI"
		started.Event = fmt.Sprintf("%s %s started", what, of)
		if deploys {
			started.Event += where(p)
		}
		if j.StoppedAt.IsZero() {
			started.Event += "; " + underway(j.Status)
		}
		t.add(started)
	}
	if j.StoppedAt.IsZero() || !deploys && !t.AllJobs && !failed(j.Status) {
		return
	}
	ended := base
	ended.Kind, ended.Key, ended.At, ended.Job, ended.Status, ended.Took, ended.By = endKind, "job/"+j.ID+"/ended", j.StoppedAt, j.Name, j.Status, j.StoppedAt.Sub(j.StartedAt), "CircleCI"
	if j.Status == "canceled" && j.CanceledBy != "" {
		ended.By = t.person(ctx, "operator", j.CanceledBy)
	}
	ended.Event = fmt.Sprintf("%s %s %s after %s", what, of, outcome(j.Status), took(ended.Took))
	t.add(ended)
}

// approval adds that a job waited for a person, and when one agreed: when the job ended, or else when the first that
// required it began.
func (t *timeline) approval(ctx context.Context, base Event, w circleci.WorkflowRun, j circleci.JobRun) {
	of := fmt.Sprintf("%s (workflow %s of pipeline %d)", name(j.Name), name(w.Name), base.Pipeline)
	base.Job, base.Status = j.Name, j.Status
	switch j.Status {
	case "on_hold":
		base.Kind, base.Key, base.At, base.By = ApprovalAsked, "job/"+j.ID+"/asked", j.StartedAt, "CircleCI"
		base.Event = "Approval asked for: " + of
		t.add(base)
	case "success":
		at := j.StoppedAt
		for _, next := range w.Jobs {
			if j.StoppedAt.IsZero() && slices.Contains(next.Requires, j.ID) && !next.StartedAt.IsZero() && (at.IsZero() || next.StartedAt.Before(at)) {
				at = next.StartedAt
			}
		}
		base.Kind, base.Key, base.At, base.By = Approved, "job/"+j.ID+"/approved", at, t.person(ctx, "approver", j.ApprovedBy)
		base.Event = "Approved: " + of
		if !j.StartedAt.IsZero() && at.After(j.StartedAt) {
			base.Took = at.Sub(j.StartedAt)
			base.Event += ", which had waited for " + took(base.Took)
		}
		t.add(base)
	}
}

// starter is who began a workflow, as a role.
func (t *timeline) starter(ctx context.Context, p circleci.Pipeline, w circleci.WorkflowRun) string {
	switch {
	case w.AutoRerun > 0:
		return "CircleCI"
	case w.Rerun:
		return t.person(ctx, "operator", w.StartedBy)
	}
	role := ""
	switch p.Trigger.Type {
	case "":
		return "CircleCI"
	case "webhook":
		role = "author of the change"
	case "schedule", "scheduled_pipeline":
		return "schedule"
	case "explicit", "manual":
		role = "operator"
	case "api":
		role = "caller of the API"
	default:
		role = name(p.Trigger.Type)
	}
	if t.Actors && p.Trigger.Actor.Login != "" {
		role += " (" + name(p.Trigger.Actor.Login) + ")"
	}
	return role
}

// person is somebody of a role, with the login where that was asked for.
func (t *timeline) person(ctx context.Context, role, id string) string {
	if !t.Actors || id == "" {
		return role
	}
	login, known := t.users[id]
	if !known {
		var err error
		if login, err = t.Client.User(ctx, id); err != nil && !errors.Is(err, circleci.ErrNotKnown) {
			t.problem("who acted as %s is not known: %s", role, err)
		}
		t.users[id] = login
	}
	if login == "" {
		return role
	}
	return role + " (" + name(login) + ")"
}

// begun says how a workflow began.
func begun(w circleci.WorkflowRun) string {
	text := "started"
	if w.Rerun {
		text = "run again"
	}
	if w.FromFailed {
		text += " from what had failed"
	}
	if w.AutoRerun > 0 {
		text += fmt.Sprintf(", by itself for the %s time", ordinal(w.AutoRerun))
	}
	return text
}

func ordinal(n int) string {
	names := []string{"first", "second", "third", "fourth", "fifth"}
	if n <= len(names) {
		return names[n-1]
	}
	return fmt.Sprintf("%dth", n)
}

// where is what a pipeline is for.
func where(p circleci.Pipeline) string {
	text := ""
	switch {
	case p.Tag() != "":
		text = ", tag " + name(p.Tag())
	case p.Branch() != "":
		text = ", " + name(p.Branch())
	}
	if p.Commit() != "" {
		text += " at " + p.Commit()[:9]
	}
	return text
}

func underway(status string) string {
	if status == "on_hold" {
		return "it waits for an approval"
	}
	return "it is not over yet"
}

// waits tells that a job has not run, whatever its times.
func waits(status string) bool {
	switch status {
	case "blocked", "queued", "not_running", "not_run", "on_hold", "unauthorized", "retried":
		return true
	}
	return false
}

func failed(status string) bool {
	switch status {
	case "failed", "error", "timedout", "infrastructure_fail", "terminated-unknown":
		return true
	}
	return false
}

// outcome is how a workflow or job ended, in words.
func outcome(status string) string {
	switch status {
	case "success":
		return "succeeded"
	case "failed":
		return "failed"
	case "canceled":
		return "was cancelled"
	case "error":
		return "ended with an error"
	case "timedout":
		return "ran out of time"
	case "infrastructure_fail":
		return "failed for want of infrastructure"
	case "unauthorized":
		return "was not allowed to run"
	}
	return "ended (" + name(strings.ReplaceAll(status, "_", " ")) + ")"
}

// took is a duration in words.
func took(d time.Duration) string {
	d = max(d.Round(time.Second), 0)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", s)
}

// maxDurations is how many jobs' durations a workflow's row has.
const maxDurations = 6

// durations are what a workflow's jobs took, in the order in which they began.
func durations(jobs []circleci.JobRun) string {
	ran := slices.DeleteFunc(slices.Clone(jobs), func(j circleci.JobRun) bool {
		return j.Approval || waits(j.Status) || j.StartedAt.IsZero() || j.StoppedAt.IsZero()
	})
	if len(ran) == 0 {
		return ""
	}
	slices.SortStableFunc(ran, func(a, b circleci.JobRun) int { return a.StartedAt.Compare(b.StartedAt) })
	var texts []string
	for i, j := range ran {
		if i == maxDurations {
			texts = append(texts, fmt.Sprintf("%d more", len(ran)-i))
			break
		}
		texts = append(texts, name(j.Name)+" "+took(j.StoppedAt.Sub(j.StartedAt)))
	}
	return ": " + strings.Join(texts, ", ")
}
