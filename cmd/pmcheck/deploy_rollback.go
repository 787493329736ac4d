package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/clone"
	"github.com/pmcheck/pmcheck/checks/deploy"
	"github.com/pmcheck/pmcheck/checks/rollback"
)

func deployRollback(now func() time.Time) *cobra.Command {
	o := rollback.Options{Getenv: os.Getenv, Now: now}
	var parameters []string
	var deepen bool
	var out watchOutput
	c := &cobra.Command{
		Use:   "rollback [-- COMMAND ARG...]",
		Short: "Bring the last good version back, if its code works on the schema as it is now",
		Long: `A rollback takes back code and leaves what migrations have done to the database.
So this asks first: does the code of that version work on the schema as it is now?
If a migration since then broke it, it says which query and which migration, and
which is the newest version that still works, and rolls nothing back.

The version is --to, or else the newest that was deployed before --from, found as
the check before a deploy finds what is running: by CircleCI's deploy markers, by
the successful runs of a job or workflow, or by tags; these flags, or deploy: in
.pmcheck.yml, name where.

It comes back --by
  pipeline  a new pipeline with --parameter NAME={commit} or --pipeline-tag {version}
  deploys   a rollback of CircleCI's Deploys
  rerun     the workflow that deployed that version, run again
  command   the command behind --, without a shell
{commit}, {version}, {from} and {reason} stand for their values.

Exit status: 0 rolled back; 1 refused, or the rollback failed; 2 wrong use or
configuration; 3 it could not be asked, or how it ends is not known.`,
		Example: `  pmcheck deploy rollback --deploy-job deploy --by rerun --dry-run
  pmcheck deploy rollback --deployed-ref 'v*' --by pipeline --parameter rollback_to={commit}
  pmcheck deploy rollback --deploy-environment production --by deploys --reason 'errors since 14:12'
  pmcheck deploy rollback --to v1.4 --by command -- ./deploy.sh {version}`,
		Args: func(c *cobra.Command, args []string) error {
			if at := c.ArgsLenAtDash(); len(args) > 0 && at != 0 {
				return usagef("%q: a command stands behind --; `%s --help` shows what else there is", args[0], c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			if o.Snapshot != "" && o.DatabaseURL != "" {
				return usagef("--database-url and --snapshot: choose one")
			}
			if !variable.MatchString(o.Sources.TokenEnv) {
				return usagef("--circleci-token-env: expected the name of an environment variable, and not the token itself")
			}
			if o.Snapshot == "" && o.DatabaseURL == "" {
				o.DatabaseURL = os.Getenv(databaseURLVariable)
			}
			o.Command = args
			if err := readParameters(parameters, &o); err != nil {
				return err
			}
			o, err := rollback.Configured(c.Context(), o)
			if err != nil {
				return rollbackUse(err)
			}
			rollbackFetch(c, &o, deepen)
			o.Say = func(line string) { out.line(true, "%s", line) }
			o.Out = rollback.Output{Stdout: out.lines, Stderr: c.ErrOrStderr()}
			r, err := rollback.Run(c.Context(), o)
			if r == nil {
				return rollbackUse(err)
			}
			return out.endRollback(r)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Repo, "repo", "", "a directory in a clone (default: here)")
	f.StringVar(&o.To, "to", "", "the version to come back: a revision, or the name that deploy markers have (default: the newest before --from)")
	f.StringVar(&o.From, "from", "HEAD", "the revision that is to be left, whose migrations have run")
	f.StringArrayVar(&o.Skip, "skip", nil, "a revision that is no good version either; several times for several")
	f.StringVar(&o.Sources.Environment, "deploy-environment", "", "versions were deployed to this environment, by CircleCI's deploy markers")
	f.StringVar(&o.Sources.Component, "deploy-component", "", "the component of the deploy markers (default: the project's only one)")
	f.StringVar(&o.Sources.Job, "deploy-job", "", "versions were deployed by the successful runs of this CircleCI job")
	f.StringVar(&o.Sources.Workflow, "deploy-workflow", "", "the same of a workflow, or the workflow that --deploy-job is in")
	f.StringVar(&o.Sources.Branch, "deploy-branch", "", "the branch of those runs (default: $CIRCLE_BRANCH, else the default branch)")
	f.StringVar(&o.Sources.Ref, "deployed-ref", "", "versions are the tags of this glob ('v*')")
	f.StringVar(&o.Sources.Project, "circleci-project", "", "the project's slug at CircleCI, gh/OWNER/NAME (default: from the job's environment)")
	f.StringVar(&o.Sources.TokenEnv, "circleci-token-env", "CIRCLE_TOKEN", "the environment variable that holds a personal API token of CircleCI")
	f.StringVar(&o.Sources.URL, "circleci-url", "", "where CircleCI's API v2 answers, for a server of your own (default https://circleci.com/api/v2)")
	f.StringVar(&o.Config, "config", "", "a path in the repository to read instead of .pmcheck.yml, at --from")
	f.StringVar(&o.Snapshot, "snapshot", "", "what the live database is like now: a `FILE` that pmcheck snapshot wrote")
	f.StringVar(&o.DatabaseURL, "database-url", "", "the live database to ask which migrations it has run (default: "+databaseURLVariable+", which others on this machine cannot read)")
	f.StringVar(&o.By, "by", "", "how the version comes back: pipeline, deploys, rerun or command (default: what deploy: rollback: in .pmcheck.yml says)")
	f.StringVar(&o.Definition, "pipeline-definition", "", "with --by pipeline: the id of the pipeline definition, for projects through the GitHub App")
	f.StringVar(&o.Branch, "pipeline-branch", "", "with --by pipeline: the branch that it runs on (default: --deploy-branch, else the default branch)")
	f.StringVar(&o.Tag, "pipeline-tag", "", "with --by pipeline: the tag that it checks out, such as {version}")
	f.StringArrayVar(&parameters, "parameter", nil, "a pipeline parameter: `NAME=TEXT`, or NAME:=VALUE for a boolean or an integer; several times for several")
	f.StringVar(&o.Namespace, "deploy-namespace", "", "with --by deploys: the namespace (default: that of the version's deploy marker)")
	f.StringVar(&o.Reason, "reason", "", "why; for the record and for CircleCI's Deploys")
	f.BoolVar(&o.Force, "force", false, "roll back although the code does not work on the schema, or nobody knows; needs --reason")
	f.BoolVar(&o.DryRun, "dry-run", false, "find, ask, and print what would be sent or run; send and run nothing")
	f.DurationVar(&o.Timeout, "timeout", 30*time.Minute, "how long the rollback may take once it has begun")
	f.DurationVar(&o.Poll, "poll", 2*time.Second, "how long to wait until CircleCI is asked first how far it is; then longer, up to 15s")
	f.BoolVar(&deepen, "deepen", false, "fetch from origin the versions that a shallow clone lacks (in CircleCI the default)")
	_ = c.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(rollback.Ways(), cobra.ShellCompDirectiveNoFileComp))
	out.add(c)
	return c
}

func rollbackUse(err error) error {
	if errors.Is(err, rollback.ErrUse) {
		return usagef("%w", err)
	}
	return err
}

// readParameters reads NAME=TEXT and NAME:=VALUE.
func readParameters(flags []string, o *rollback.Options) error {
	o.Parameters = map[string]any{}
	for _, flag := range flags {
		name, value, ok := strings.Cut(flag, "=")
		typed := strings.HasSuffix(name, ":")
		name = strings.TrimSuffix(name, ":")
		if !ok || name == "" {
			return usagef("--parameter %q: expected NAME=TEXT, or NAME:=VALUE for a boolean or an integer", flag)
		}
		if _, twice := o.Parameters[name]; twice {
			return usagef("--parameter %s is given twice", name)
		}
		if !typed {
			o.Parameters[name] = value
			continue
		}
		var truth bool
		var number int64
		switch {
		case json.Unmarshal([]byte(value), &truth) == nil && value != "null":
			o.Parameters[name] = truth
		case json.Unmarshal([]byte(value), &number) == nil && value != "null":
			o.Parameters[name] = number
		default:
			return usagef("--parameter %s:=%s: expected true, false or an integer", name, value)
		}
	}
	return nil
}

// rollbackFetch says how a shallow clone gets the versions that it lacks.
func rollbackFetch(c *cobra.Command, o *rollback.Options, deepen bool) {
	dir := o.Repo
	if dir == "" {
		dir = "."
	}
	job := circleci.FindJob(os.Getenv)
	if job != nil && !within(dir, job.Directory) {
		job = nil
	}
	if !deepen && (job == nil || c.Flags().Changed("deepen")) {
		return
	}
	steps := progressOn(c.ErrOrStderr())
	defer steps.done()
	here := clone.At(dir, steps.step)
	if o.Sources.Ref != "" {
		// When the tags are not there either, the search says so.
		_ = here.Tags(c.Context(), o.Sources.Ref, o.From)
	}
	from := o.From
	if o.To != "" {
		if _, _, err := here.Commit(c.Context(), o.To); err != nil {
			_ = here.Tags(c.Context(), o.To, from) // a name that is not there is refused later, with what to do
		}
	}
	o.Fetch = func(ctx context.Context, commit string) error {
		_, _, err := here.Reach(ctx, commit, from, true)
		return err
	}
}

// endRollback prints the outcome, writes the records, and gives the command's outcome.
func (o *watchOutput) endRollback(r *rollback.Record) error {
	outcome := map[string]struct {
		word    string
		verdict deploy.Verdict
	}{
		rollback.RolledBack: {"ROLLED BACK", deploy.Passed},
		rollback.WouldRoll:  {"WOULD ROLL BACK", deploy.Passed},
		rollback.Refused:    {"REFUSED", deploy.Failed},
		rollback.Failed:     {"FAILED", deploy.Failed},
		rollback.Unknown:    {"NOT KNOWN", deploy.Unmeasured},
	}[r.Outcome]
	return o.endAs(outcome.word, outcome.verdict, r.Why, r)
}
