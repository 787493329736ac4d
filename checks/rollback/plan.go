package rollback

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/running"
)

// Output is where a command's own output goes.
type Output struct{ Stdout, Stderr io.Writer }

// plan is how the version comes back.
type plan struct {
	client   *circleci.Client
	order    circleci.Order
	pipeline string   // of a rerun
	command  []string // nil = CircleCI is asked
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// values are what placeholders stand for.
func (j *job) values() map[string]string {
	return map[string]string{
		"{commit}": j.record.To.Commit, "{version}": j.record.To.Name, "{from}": j.record.From.Commit, "{reason}": j.Reason,
	}
}

func (j *job) fill(text string) string {
	values := j.values()
	return placeholder.ReplaceAllStringFunc(text, func(name string) string { return values[name] })
}

// checkPlaceholders refuses a name that stands for nothing, and a pipeline that is not told what to roll back to.
func (j *job) checkPlaceholders() error {
	texts := append(slices.Clone(j.Command), j.Tag)
	for _, name := range slices.Sorted(maps.Keys(j.Parameters)) {
		if text, ok := j.Parameters[name].(string); ok {
			texts = append(texts, text)
		}
	}
	target := false
	for _, text := range texts {
		for _, name := range placeholder.FindAllString(text, -1) {
			if _, ok := (&job{record: &Record{}}).values()[name]; !ok {
				return usef("%s in %q: expected {commit}, {version}, {from} or {reason}", name, text)
			}
			target = target || name == "{commit}" || name == "{version}"
		}
	}
	if j.By == ByPipeline && !target {
		return usef("the rollback pipeline is not told what to roll back to: --parameter NAME={commit}, or --pipeline-tag {version}")
	}
	return nil
}

// makePlan makes the call or the command, and does nothing yet.
func (j *job) makePlan(ctx context.Context) (*plan, error) {
	switch j.By {
	case "":
		return &plan{}, nil
	case ByCommand:
		p := &plan{}
		for _, arg := range j.Command {
			p.command = append(p.command, j.fill(arg))
		}
		if strings.TrimSpace(p.command[0]) == "" {
			return nil, usef("the command behind -- is empty")
		}
		j.record.Command = p.command
		return p, nil
	}
	client, err := j.Sources.Client(j.Getenv)
	if err != nil {
		return nil, err
	}
	p := &plan{client: client}
	switch j.By {
	case ByPipeline:
		p.order, err = j.trigger(ctx)
	case ByDeploys:
		p.order, err = j.deploys()
	case ByRerun:
		if j.target.WorkflowID == "" || j.target.PipelineID == "" {
			return nil, usef("which workflow deployed %s is not known, so it cannot be run again: --deploy-job, --deploy-workflow or --deploy-environment finds versions with their workflows", j.target.Short())
		}
		p.pipeline = j.target.PipelineID
		p.order, err = circleci.Rerun(j.target.WorkflowID, j.target.Workflow)
	}
	if err != nil {
		return nil, err
	}
	method, address, body := client.Show(p.order)
	j.record.Order = &SentOrder{Method: method, URL: address, Body: body}
	return p, nil
}

// parameters are those of the pipeline, with what their placeholders stand for.
func (j *job) parameters() map[string]any {
	out := map[string]any{}
	for name, value := range j.Parameters {
		if text, ok := value.(string); ok {
			value = j.fill(text)
		}
		out[name] = value
	}
	return out
}

func (j *job) trigger(ctx context.Context) (circleci.Order, error) {
	slug, err := running.Project(j.repo, j.Sources, j.Getenv)
	if err != nil {
		return circleci.Order{}, usef("%w", err)
	}
	branch := cmp.Or(j.Branch, j.Sources.Branch)
	if branch == "" {
		if _, branch, err = j.repo.DefaultBranch(ctx); err != nil {
			return circleci.Order{}, err
		}
		if branch == "" {
			return circleci.Order{}, usef("which branch the rollback pipeline runs on is not known: --pipeline-branch names it")
		}
	}
	order, err := circleci.NewPipeline{Project: slug, Definition: j.Definition, Branch: branch, Tag: j.fill(j.Tag), Parameters: j.parameters()}.Order()
	if err != nil {
		return order, usef("%w", err)
	}
	return order, nil
}

func (j *job) deploys() (circleci.Order, error) {
	switch {
	case j.target.Marker == nil:
		return circleci.Order{}, usef("%s is no version that CircleCI's deploy markers know: --deploy-environment and --deploy-component find those", j.target.Short())
	case j.found.Live == nil:
		return circleci.Order{}, fmt.Errorf("no version of %s is live in %s by CircleCI's deploy markers, so its Deploys have nothing to roll back", j.target.Marker.Component, j.target.Marker.Environment)
	case j.found.Live.Version == j.target.Name:
		return circleci.Order{}, usef("version %s is live already by CircleCI's deploy markers: its Deploys roll back from another one; --by pipeline or --by rerun deploys it again", j.target.Name)
	}
	m := j.target.Marker
	order, err := circleci.DeployRollback{
		ProjectID: m.ProjectID, Component: m.Component, Environment: m.Environment, Namespace: cmp.Or(j.Namespace, m.Namespace),
		Current: j.found.Live.Version, Target: m.Version, Reason: j.Reason, Parameters: j.parameters(),
	}.Order()
	if err != nil {
		return order, usef("%w", err)
	}
	return order, nil
}

// carryOut does what is planned, and waits for its end.
func (j *job) carryOut(ctx context.Context) error {
	j.sayPlan()
	if j.DryRun {
		j.record.end(WouldRoll, "%s; a dry run: nothing was sent", label(j.target.Short(), j.target.Commit))
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, j.Timeout, fmt.Errorf("it has not ended within %s (--timeout)", j.Timeout))
	defer cancel()
	if j.By == ByCommand {
		return j.runCommand(ctx)
	}
	before, err := j.before(ctx)
	if err != nil {
		return err
	}
	started, err := j.plan.client.Start(ctx, j.plan.order)
	if errors.Is(err, circleci.ErrMaybeDone) {
		j.record.Order.Sent = true
		return fmt.Errorf("%w: look at the project's pipelines before you ask again", err)
	}
	if err != nil {
		return err
	}
	j.record.Order.Sent = true
	f := circleci.Follow{Pipeline: cmp.Or(started.Pipeline, j.plan.pipeline), First: j.Poll, Longest: max(j.Poll, 15*time.Second), Observe: j.observe()}
	if j.By == ByRerun {
		f.Only = func(id string) bool {
			return id == started.Workflow || started.Workflow == "" && !slices.Contains(before, id)
		}
	}
	if f.Pipeline == "" {
		return fmt.Errorf("CircleCI took the rollback, and a %q carries it out, which cannot be followed from here: the Deploys page shows its end", cmp.Or(started.By, "release agent"))
	}
	if started.Number > 0 {
		j.say("started: pipeline %d", started.Number)
	}
	state, err := j.plan.client.Follow(ctx, f)
	j.record.Pipeline = &state
	switch {
	case errors.Is(err, circleci.ErrNothingRan):
		j.record.end(Failed, "pipeline %d was made, and %v: does the configuration have one for these parameters?", state.Number, err)
		return nil
	case err != nil:
		return fmt.Errorf("the rollback was started, and how it ends is not known: %w", err)
	case state.Succeeded():
		j.record.end(RolledBack, "%s, by %s", label(j.target.Short(), j.target.Commit), inWords(state))
		return nil
	}
	j.record.end(Failed, "%s", inWords(state))
	return nil
}

// before are the workflows that were there before a rerun.
func (j *job) before(ctx context.Context) ([]string, error) {
	if j.By != ByRerun {
		return nil, nil
	}
	return j.plan.client.WorkflowIDs(ctx, j.plan.pipeline)
}

// sayPlan says what will be sent or run.
func (j *job) sayPlan() {
	word := "sending"
	if j.DryRun {
		word = "would send"
	}
	switch {
	case j.record.Order != nil:
		var pretty bytes.Buffer
		if json.Indent(&pretty, j.record.Order.Body, "  ", "  ") != nil {
			pretty.Write(j.record.Order.Body)
		}
		j.say("%s: %s %s", word, j.record.Order.Method, j.record.Order.URL)
		for line := range strings.Lines("  " + pretty.String()) {
			j.say("%s", strings.TrimRight(line, "\n"))
		}
	case j.record.Command != nil:
		if word = "running"; j.DryRun {
			word = "would run"
		}
		j.say("%s: %q", word, j.record.Command)
	default:
		j.say("nothing would be sent: --by names no way")
	}
}

// observe says what changes of workflows and jobs.
func (j *job) observe() func(circleci.PipelineState) {
	seen := map[string]string{}
	changed := func(key, status string) bool {
		was := seen[key]
		seen[key] = status
		return was != status
	}
	return func(s circleci.PipelineState) {
		for _, text := range s.Errors {
			if changed("error "+text, "said") {
				j.say("  pipeline %d: %s", s.Number, text)
			}
		}
		for _, w := range s.Workflows {
			if seen[w.ID] == "" {
				j.say("  workflow %s: %s", w.Name, w.URL)
			}
			for _, job := range w.Jobs {
				if changed(w.ID+" "+job.Name, job.Status) && job.Status != "blocked" {
					j.say("  %s / %s  %s", w.Name, job.Name, job.Status)
				}
			}
			if changed(w.ID, w.Status) {
				j.say("  %s  %s", w.Name, w.Status)
				if w.Status == "on_hold" {
					j.say("  %s waits for somebody to approve it", w.Name)
				}
			}
		}
	}
}

// inWords is how a pipeline ended.
func inWords(s circleci.PipelineState) string {
	if s.State == "errored" {
		return fmt.Sprintf("pipeline %d was not created: %s", s.Number, cmp.Or(strings.Join(s.Errors, "; "), "CircleCI does not say why"))
	}
	var words []string
	for _, w := range s.Workflows {
		text := fmt.Sprintf("workflow %s ended as %s", w.Name, w.Status)
		var bad []string
		for _, job := range w.Jobs {
			if job.Status != "success" && job.Status != "not_run" {
				bad = append(bad, fmt.Sprintf("%s %s", job.Name, job.Status))
			}
		}
		if len(bad) > 0 && w.Status != "success" {
			text += " (" + strings.Join(bad, ", ") + ")"
		}
		words = append(words, text)
	}
	return fmt.Sprintf("pipeline %d: %s", s.Number, strings.Join(words, "; "))
}

// runCommand runs the command, without a shell.
func (j *job) runCommand(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, j.plan.command[0], j.plan.command[1:]...) //nolint:gosec // the caller's own command line
	cmd.Stdout, cmd.Stderr = j.Out.Stdout, j.Out.Stderr
	cmd.Env = append(cmd.Environ(), "PMCHECK_TO="+j.record.To.Name, "PMCHECK_TO_COMMIT="+j.record.To.Commit, "PMCHECK_FROM_COMMIT="+j.record.From.Commit, "PMCHECK_REASON="+j.Reason)
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped, and how far it came is not known: %w", j.plan.command[0], context.Cause(ctx))
	case errors.As(err, &exit):
		status := exit.ExitCode()
		j.record.Exit = &status
		j.record.end(Failed, "%s ended with status %d", j.plan.command[0], status)
		return nil
	case err != nil:
		return err
	}
	status := 0
	j.record.Exit = &status
	j.record.end(RolledBack, "%s, by %s", label(j.target.Short(), j.target.Commit), j.plan.command[0])
	return nil
}
