// Package rollback brings an earlier version back, after it has asked whether the code of that version works on the schema as
// it is now: a rollback takes back code, and leaves what migrations have done to the database.
package rollback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/running"
)

// The ways in which a version comes back.
const (
	ByPipeline = "pipeline" // a pipeline of CircleCI with parameters
	ByDeploys  = "deploys"  // a rollback of CircleCI's Deploys
	ByRerun    = "rerun"    // the workflow that deployed the version, once more
	ByCommand  = "command"
)

// Ways are the names of the ways.
func Ways() []string { return []string{ByPipeline, ByDeploys, ByRerun, ByCommand} }

// Options say what comes back, and how.
type Options struct {
	Repo    string // a directory in a clone; "" is the current one
	From    string // the revision whose migrations have run, and which is to be left; "" is HEAD
	To      string // the revision or version to come back; "" is the newest that was deployed before
	Skip    []string
	Sources running.Sources // where versions are found
	Getenv  func(string) string

	Config      string // path of pmcheck's configuration at From; "" is the usual one
	Snapshot    string // a snapshot file of the live database, taken now
	DatabaseURL string // the live database

	By         string // one of Ways; "" with DryRun only: nothing is planned then
	Definition string // the id of a pipeline definition
	Branch     string // of the pipeline; "" is the default branch
	Tag        string // that the pipeline checks out in place of the branch; may hold placeholders
	Namespace  string // of the Deploys
	Parameters map[string]any
	Command    []string // program and arguments, run without a shell

	Reason string // for the record, and for CircleCI
	Force  bool   // come back although the answer is no, or is not known
	DryRun bool

	Timeout time.Duration // from the start of the rollback to its end
	Poll    time.Duration // from its start to the first question how far it is

	Fetch func(ctx context.Context, commit string) error // brings a commit into a shallow clone, and the history back to what it has in common with From; nil = nothing is fetched
	Say   func(line string)                              // what is found out and done, line by line
	Out   Output                                         // of the command
	Now   func() time.Time
}

// ErrUse says that the rollback was asked for in a way that cannot be meant.
var ErrUse = errors.New("wrong use")

type useError struct{ error }

func (e useError) Unwrap() []error { return []error{ErrUse, e.error} }

func usef(format string, args ...any) error { return useError{fmt.Errorf(format, args...)} }

// maxAsked is how many other versions are asked about when the one that was to come back does not work.
const maxAsked = 8

// job is one rollback.
type job struct {
	Options
	repo   *change.Repo
	record *Record
	found  running.Earlier
	target running.Version
	plan   *plan
}

// Run finds the version, asks about it, and brings it back. The record says what became of it; it is nil when the error is
// ErrUse. Any other error says why the outcome is [Unknown].
func Run(ctx context.Context, o Options) (*Record, error) {
	j := &job{Options: o, record: &Record{Version: recordVersion, At: o.Now().UTC().Format(time.RFC3339), Reason: o.Reason, DryRun: o.DryRun, By: o.By, Others: []Other{}, Notes: []string{}}}
	err := j.run(ctx)
	if errors.Is(err, ErrUse) || errors.Is(err, checks.ErrUse) {
		return nil, err
	}
	if err != nil {
		j.record.end(Unknown, "%v", err)
	}
	return j.record, err
}

func (j *job) run(ctx context.Context) error {
	if err := j.check(); err != nil {
		return err
	}
	var err error
	if j.repo, err = change.OpenRepo(ctx, j.Repo); err != nil {
		return err
	}
	if err := j.find(ctx); err != nil {
		return err
	}
	if j.plan, err = j.makePlan(ctx); err != nil {
		return err
	}
	answer, err := j.ask(ctx, j.target)
	if err != nil {
		return err
	}
	j.record.Answer = answer
	j.sayAnswer(answer)
	if answer.Verdict != Works {
		j.others(ctx)
		if !j.Force {
			return j.refuse()
		}
		j.record.Forced = true
		j.say("forced: %s", j.Reason)
	}
	return j.carryOut(ctx)
}

func (j *job) say(format string, args ...any) { j.Say(fmt.Sprintf(format, args...)) }

// note says what matters beside the question, and keeps it.
func (j *job) note(text string) {
	j.record.Notes = append(j.record.Notes, text)
	j.say("  note: %s", text)
}

// check refuses what cannot be meant.
func (j *job) check() error {
	switch {
	case j.By == "" && !j.DryRun:
		return usef("how does the version come back? Say --by pipeline, deploys, rerun or command; with --dry-run the question is asked alone")
	case j.By != "" && !slices.Contains(Ways(), j.By):
		return usef("--by %q: expected %s", j.By, strings.Join(Ways(), ", "))
	case (j.By == ByCommand) != (len(j.Command) > 0):
		return usef("--by command takes the command behind --, and nothing else does: pmcheck deploy rollback --by command -- ./deploy.sh {version}")
	case j.Force && strings.TrimSpace(j.Reason) == "":
		return usef("--force needs a --reason: it is kept in the record")
	case j.By != ByPipeline && j.By != ByDeploys && len(j.Parameters) > 0:
		return usef("--parameter is for --by pipeline and --by deploys")
	case j.By != ByPipeline && (j.Definition != "" || j.Tag != "" || j.Branch != ""):
		return usef("--pipeline-definition, --pipeline-branch and --pipeline-tag are for --by pipeline")
	case j.Timeout <= 0 || j.Poll <= 0:
		return usef("--timeout and --poll: expected a time such as 30m and 2s")
	}
	return j.checkPlaceholders()
}

// find chooses the version that comes back.
func (j *job) find(ctx context.Context) error {
	j.From = cmp.Or(j.From, "HEAD")
	from, err := j.repo.Commit(ctx, j.From)
	if err != nil {
		return usef("--from: %w", err)
	}
	j.record.From = Revision{Name: j.From, Commit: from}
	named := j.Sources.Environment != "" || j.Sources.Component != "" || j.Sources.Job != "" || j.Sources.Workflow != "" || j.Sources.Ref != ""
	if named || j.To == "" {
		found, err := running.Before(ctx, j.repo, from, j.Sources, j.Getenv)
		switch {
		case err == nil:
			j.found = found
		case j.To == "" && errors.Is(err, running.ErrNoneEarlier):
			return fmt.Errorf("%w\nName the version with --to REVISION", err)
		case j.To == "":
			return fmt.Errorf("%w; --to REVISION names the version without asking", err)
		case j.By == ByRerun || j.By == ByDeploys: // CircleCI alone knows what these need
			return err
		default:
			j.record.Notes = append(j.record.Notes, err.Error())
		}
	}
	skip := map[string]bool{}
	for _, name := range j.Skip {
		commit, err := j.repo.Commit(ctx, name)
		if err != nil {
			return usef("--skip: %w", err)
		}
		skip[commit] = true
	}
	j.found.Versions = slices.DeleteFunc(j.found.Versions, func(v running.Version) bool { return skip[v.Commit] })
	if err := j.choose(ctx); err != nil {
		return err
	}
	j.record.To = Revision{Name: j.target.Name, Commit: j.target.Commit, Source: j.target.Source, Why: j.target.Reason}
	j.say("roll back from %s to %s", label(j.From, from), label(j.target.Short(), j.target.Commit))
	j.say("  found: %s", j.target.Reason)
	for _, note := range j.record.Notes {
		j.say("  note: %s", note)
	}
	for _, note := range j.found.Notes {
		j.note(note)
	}
	return nil
}

// choose takes the version that is named, or the newest.
func (j *job) choose(ctx context.Context) (err error) {
	from := j.record.From.Commit
	if j.To != "" {
		if j.target, err = j.named(ctx); err == nil && j.target.Commit == from {
			err = usef("--to %s is what is to be left: %.9s", j.To, from)
		}
		return err
	}
	for ; len(j.found.Versions) > 0; j.found.Versions = j.found.Versions[1:] {
		j.target = j.found.Versions[0]
		if j.Fetch == nil {
			return nil
		}
		// Of a commit that a shallow clone lacked it was not known whether it is older.
		if err := j.fetch(ctx, j.target); err != nil {
			return err
		}
		common, err := j.repo.MergeBase(ctx, from, j.target.Commit)
		if err != nil || common != from {
			return err
		}
		j.found.Notes = append(j.found.Notes, fmt.Sprintf("%s is newer, and is left out", j.target.Short()))
	}
	return errors.New("no earlier version is left: name one with --to")
}

func (j *job) fetch(ctx context.Context, v running.Version) error {
	if j.Fetch == nil {
		return nil
	}
	if err := j.Fetch(ctx, v.Commit); err != nil {
		return fmt.Errorf("the clone lacks %s, and fetching it failed: %w", label(v.Short(), v.Commit), err)
	}
	return nil
}

// named is the version that --to means: one that is known by its name or commit, else the revision.
func (j *job) named(ctx context.Context) (running.Version, error) {
	for _, v := range j.found.Versions {
		if v.Name == j.To {
			return v, nil
		}
	}
	commit, err := j.repo.Commit(ctx, j.To)
	if err != nil {
		return running.Version{}, usef("--to: %w; `git fetch --tags origin` brings what origin has", err)
	}
	for _, v := range j.found.Versions {
		if v.Commit == commit {
			return v, nil
		}
	}
	return running.Version{Name: j.To, Commit: commit, Source: "flag", Reason: "named with --to"}, nil
}

// label is a revision with its commit.
func label(name, commit string) string {
	if strings.HasPrefix(commit, name) && name != "" {
		return fmt.Sprintf("%.9s", commit)
	}
	return fmt.Sprintf("%s (%.9s)", name, commit)
}

// others asks about the other versions, the newest first, until one works.
func (j *job) others(ctx context.Context) {
	for i, v := range j.found.Versions {
		if v.Commit == j.target.Commit {
			continue
		}
		if i >= maxAsked {
			j.note(fmt.Sprintf("the %d versions before %s were not asked about", len(j.found.Versions)-i, v.Short()))
			return
		}
		other := Other{Revision: Revision{Name: v.Name, Commit: v.Commit, Source: v.Source, Why: v.Reason}}
		answer, err := j.ask(ctx, v)
		if err != nil {
			other.Verdict, other.Reason = NotKnown, err.Error()
		} else {
			other.Verdict, other.Reason = answer.Verdict, answer.short()
		}
		j.record.Others = append(j.record.Others, other)
		if other.Verdict == Works {
			j.record.NewestThatWorks = &j.record.Others[len(j.record.Others)-1].Revision
			return
		}
	}
}

// refuse ends without a rollback.
func (j *job) refuse() error {
	advice := "no other version is known: --deployed-ref 'v*', --deploy-job or --deploy-environment name where others are found"
	switch newest := j.record.NewestThatWorks; {
	case newest != nil:
		advice = fmt.Sprintf("the newest version that works on this schema is %s: --to %s", label(cmp.Or(newest.short(), newest.Name), newest.Commit), newest.short())
	case len(j.record.Others) > 0:
		advice = fmt.Sprintf("of %d other versions none is known to work on this schema", len(j.record.Others))
	}
	const forward = "or roll forward: revert what is wrong in a new version, and leave the migration in place"
	if j.record.Answer.Verdict == Breaks {
		j.record.end(Refused, "%s", j.record.Answer.short())
		j.say("%s", advice)
		j.say("%s", forward)
		return nil
	}
	j.say("%s", advice)
	return errors.New(j.record.Answer.short())
}
