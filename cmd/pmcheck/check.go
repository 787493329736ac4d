package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/report"
)

// changeFlags choose the change.
type changeFlags struct {
	repo, base, head, stage string
	config, trusted         string
	snapshot, databaseURL   string
	worktree, deepen        bool
	running                 runningFlags
}

var stages = []string{checks.Local, checks.PullRequest, checks.PreDeploy}

func (f *changeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.repo, "repo", "", "a directory in a clone, or a bare repository (default: here)")
	c.Flags().StringVar(&f.base, "base", "", "the revision that is running (default: where HEAD left the default branch; in GitHub Actions and CircleCI what the job is for; before a deploy see --stage)")
	c.Flags().StringVar(&f.head, "head", "", "the revision to judge (default: HEAD)")
	c.Flags().BoolVar(&f.worktree, "worktree", false, "judge the files on disk, with what is not committed")
	c.Flags().StringVar(&f.stage, "stage", checks.Local, "when the check runs: local, pull-request or pre-deploy, which compares with what is running: --base, a --deploy-... flag, --deployed-ref or deploy: in .pmcheck.yml names it; in GitHub Actions and CircleCI pull-request is the default")
	c.Flags().StringVar(&f.config, "config", "", "a path in the repository to read instead of .pmcheck.yml; like that, from the base of the change or --trusted")
	c.Flags().StringVar(&f.trusted, "trusted", "", "the revision that configuration, own rules, post-mortems and the snapshot are read from, such as the default branch where the base is a branch that anybody may push to (default: the base of the change)")
	c.Flags().BoolVar(&f.deepen, "deepen", false, "fetch from origin what a shallow clone lacks of base and head, as far as the comparison needs it (in CircleCI the default)")
	f.running.add(c)
	c.Flags().StringVar(&f.snapshot, "snapshot", "", "a `FILE` that pmcheck snapshot wrote, in place of the base's own .pmcheck/snapshot.json")
	c.Flags().StringVar(&f.databaseURL, "database-url", "", "with --stage pre-deploy: the live database to ask (default then: "+databaseURLVariable+", which others on this machine cannot read)")
	_ = c.RegisterFlagCompletionFunc("stage", cobra.FixedCompletions(stages, cobra.ShellCompDirectiveNoFileComp))
}

func (f *changeFlags) options(c *cobra.Command, now time.Time) (checks.Options, error) {
	o := checks.Options{Repo: f.repo, Base: f.base, Head: f.head, Worktree: f.worktree, Stage: f.stage, Config: f.config, Trusted: f.trusted, Snapshot: f.snapshot, DatabaseURL: f.databaseURL, Now: now}
	switch {
	case !slices.Contains(stages, f.stage):
		return o, usagef("--stage %q: expected local, pull-request or pre-deploy", f.stage)
	case f.databaseURL != "" && f.snapshot != "":
		return o, usagef("--database-url and --snapshot: choose one")
	case f.databaseURL != "" && f.stage != checks.PreDeploy:
		return o, usagef("--database-url asks a database before a deploy: add --stage pre-deploy, or take a snapshot with `pmcheck snapshot` and give it with --snapshot")
	case f.worktree && f.head != "":
		return o, usagef("--worktree judges the files on disk: leave out --head")
	}
	if err := f.where(c, &o); err != nil {
		return o, err
	}
	if o.Stage == checks.PreDeploy && f.snapshot == "" && f.databaseURL == "" {
		o.DatabaseURL = os.Getenv(databaseURLVariable)
	}
	return o, nil
}

func checkCommand(now func() time.Time) *cobra.Command {
	var change changeFlags
	var out outputFlags
	var failOn, reasonFile string
	c := &cobra.Command{
		Use:   "check",
		Short: "Judge a change: exit 0 when nothing stops it, 1 when something does",
		Long: `Judge what lies between two revisions: every migration that the change adds,
edits or deletes, and the running release's code against the new schema.

Exit status: 0 nothing at or above fail_on (default: error), 1 findings,
2 wrong use or configuration, 3 the check could not be done.`,
		Example: `  pmcheck check
  pmcheck check --base origin/main --head my-branch
  pmcheck check --worktree --verbose
  pmcheck check --stage pre-deploy --deploy-job deploy
  pmcheck check --snapshot snapshot.json
  pmcheck check --format json --output report.json
  pmcheck check --format text --format json=report.json
  pmcheck check --format github --format markdown=summary.md --format sarif=pmcheck.sarif`,
		Args: noArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if err := noArgs(c, args); err != nil {
				return err
			}
			write, err := out.writer(c)
			if err != nil {
				return err
			}
			if failOn != "" && !slices.Contains(config.Severities(), failOn) {
				return usagef("--fail-on %q: expected %s", failOn, strings.Join(config.Severities(), ", "))
			}
			r, err := change.check(c, now(), failOn)
			if failed := failureReason(reasonFile, r, err); err == nil {
				err = failed
			}
			if err != nil {
				return err
			}
			if err := write(r); err != nil {
				return err
			}
			return verdict(r)
		},
	}
	change.add(c)
	c.Flags().StringVar(&failOn, "fail-on", "", "the least severity that fails the check: error, warning or info (default: the configuration's fail_on, else error)")
	_ = c.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(config.Severities(), cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&reasonFile, "failure-reason", "", "write why the check fails to this file as FAILURE_REASON='...', for a deploy marker (circleci run release update --failure-reason)")
	out.add(c)
	return c
}

// check judges the change.
func (f *changeFlags) check(c *cobra.Command, now time.Time, failOn string) (*report.Result, error) {
	o, err := f.options(c, now)
	if err != nil {
		return nil, err
	}
	o.FailOn = failOn
	steps := progressOn(c.ErrOrStderr())
	defer steps.done()
	o.Progress = steps.step
	return checks.Check(c.Context(), o)
}

func matrixCommand(now func() time.Time) *cobra.Command {
	var change changeFlags
	out := outputFlags{color: "auto"}
	c := &cobra.Command{
		Use:   "matrix",
		Short: "Print the deploy matrix: old and new code against old and new schema",
		Long: `Print the deploy matrix of a change alone: which queries of the code that runs
fail once the migrations have run, and which of the new code fail without them.
It states what is and judges nothing: the exit status is 0 unless the check could
not be done.`,
		Example: `  pmcheck matrix
  pmcheck matrix --verbose             also what was not understood, and why
  pmcheck matrix --base v1.4 --head main --stage pre-deploy`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := change.options(c, now())
			if err != nil {
				return err
			}
			steps := progressOn(c.ErrOrStderr())
			o.Progress = steps.step
			r, err := checks.Check(c.Context(), o)
			steps.done()
			if err != nil {
				return err
			}
			return report.Matrix(c.OutOrStdout(), r, out.options(c.OutOrStdout(), destination{}))
		},
	}
	change.add(c)
	c.Flags().BoolVarP(&out.verbose, "verbose", "v", false, "also the queries that are not understood, and why")
	return c
}

func factsCommand(now func() time.Time) *cobra.Command {
	var change changeFlags
	c := &cobra.Command{
		Use:   "facts",
		Short: "Print what a change is and does, as the rules see it (JSON)",
		Example: `  pmcheck facts | jq '.migrations[].statements[] | {kind, relation, lock}'
  pmcheck facts > facts.json && opa eval -i facts.json -d .pmcheck/policies data.pmcheck`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := change.options(c, now())
			if err != nil {
				return err
			}
			document, err := checks.Facts(c.Context(), o)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(c.OutOrStdout())
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			return enc.Encode(document)
		},
	}
	change.add(c)
	return c
}

func lintCommand(now func() time.Time) *cobra.Command {
	var out outputFlags
	var postgres string
	c := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Judge migration files alone, without git",
		Long: `Judge migration files as one change, without git: every table that the files do
not create is taken to exist and to be in use. A folder means the .sql files in it.`,
		Example: `  pmcheck lint db/migrations/20261122_add_index.sql
  pmcheck lint db/migrations
  pmcheck lint --postgres 14 --format json 0042_x.up.sql`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the files to judge: pmcheck lint FILE...")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			version, err := checks.ParseVersion(postgres)
			if err != nil {
				return fmt.Errorf("--postgres: %w", err)
			}
			write, err := out.writer(c)
			if err != nil {
				return err
			}
			r, err := checks.Lint(c.Context(), checks.LintOptions{Files: args, Version: version, Now: now()})
			if err != nil {
				return err
			}
			if err := write(r); err != nil {
				return err
			}
			return verdict(r)
		},
	}
	c.Flags().StringVar(&postgres, "postgres", "17", "PostgreSQL's major version, 12 to 18")
	out.add(c)
	return c
}
