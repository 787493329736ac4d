package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/dora"
	"github.com/pmcheck/pmcheck/checks/running"
)

// doraFlags are the flags of `pmcheck dora`.
type doraFlags struct {
	repo, config       string
	from, to, timeZone string
	deploys            config.Deploys
	circleciURL        string
	circleciTokenEnv   string
	githubRepository   string
	githubPulls        bool
	formats            []string
}

func doraCommand(now func() time.Time) *cobra.Command {
	var f doraFlags
	c := &cobra.Command{
		Use:   "dora",
		Short: "Measure how a project delivers: the five DORA metrics, against its targets",
		Long: `Deployment frequency, lead time for changes, change failure rate, failed deployment
recovery time and deployment rework rate, of a window of time: from the deployments
of the past, the history in git, and the post-mortems on disk. Each figure is printed
with its definition; medians, never means; "no data" where there is nothing.

Deployments are found in CircleCI (--deploy-job, --deploy-workflow), in GitHub's
deployments (--github-environment; $GITHUB_TOKEN, $GITHUB_API_URL), or are tags
(--tags). What no flag names is taken from .pmcheck.yml: dora: deploys:, else deploy:.

Targets stand in .pmcheck.yml, under dora: targets:. It is read at HEAD.

Exit status: 0 no target is missed, or none is set; 1 one is missed; 2 wrong use or
configuration; 3 deployments could not be asked for, or what is missing leaves open
whether a target is met.`,
		Example: `  pmcheck dora --tags 'v*' --tags '!*-rc*'
  pmcheck dora --deploy-job deploy --deploy-branch main
  pmcheck dora --from 2026-09-01 --to 2026-11-30 --time-zone Europe/Berlin
  pmcheck dora --format text --format html=dora.html --format json=dora.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, now()) },
	}
	flags := c.Flags()
	flags.StringVar(&f.repo, "repo", ".", "the clone whose history went out, and whose post-mortems are read")
	flags.StringVar(&f.config, "config", checks.ConfigPath, "the configuration's path in the repository")
	flags.StringVar(&f.from, "from", "", "the first day, YYYY-MM-DD, or a time (default: the Monday twelve weeks before --to)")
	flags.StringVar(&f.to, "to", "", "the last day, YYYY-MM-DD, which belongs to the window, or a time, which does not (default: now)")
	flags.StringVar(&f.timeZone, "time-zone", "", "the zone whose days and weeks are counted, as Europe/Berlin (default: that of the configuration, else UTC)")
	flags.StringVar(&f.deploys.Job, "deploy-job", "", "successful runs of this CircleCI job are deployments")
	flags.StringVar(&f.deploys.Workflow, "deploy-workflow", "", "the same of a workflow, or the workflow that --deploy-job is in")
	flags.StringVar(&f.deploys.Branch, "deploy-branch", "", "the branch of those runs, '*' for all branches and tags (default: the default branch)")
	flags.StringVar(&f.deploys.Project, "circleci-project", "", "the project's slug at CircleCI, gh/OWNER/NAME (default: from the job's environment, else of the remote)")
	flags.StringVar(&f.circleciTokenEnv, "circleci-token-env", "CIRCLE_TOKEN", "the environment variable that holds a personal API token of CircleCI")
	flags.StringVar(&f.circleciURL, "circleci-url", "", "where CircleCI's API v2 answers, for a server of your own (default https://circleci.com/api/v2)")
	flags.StringVar(&f.deploys.Environment, "github-environment", "", "deployments to this environment at GitHub that succeeded are deployments")
	flags.StringVar(&f.githubRepository, "github-repository", "", "the repository at GitHub, OWNER/NAME (default: of the remote)")
	flags.BoolVar(&f.githubPulls, "github-pulls", false, "ask GitHub when the first commit of each squashed pull request was made, a call each")
	flags.StringArrayVar(&f.deploys.Tags, "tags", nil, "take tags of this pattern ('v*') for deployments; several times for several; '!*-rc*' takes some out")
	flags.StringArrayVar(&f.formats, "format", nil, "text, json or html; several times as `FORMAT=FILE` (default: text)")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json", "html"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (f *doraFlags) run(c *cobra.Command, now time.Time) error {
	ctx := c.Context()
	outputs, err := f.outputs()
	if err != nil {
		return err
	}
	if !variable.MatchString(f.circleciTokenEnv) {
		return usagef("--circleci-token-env: expected the name of an environment variable, and not the token itself")
	}
	repo, err := change.OpenRepo(ctx, f.repo)
	if err != nil {
		return err
	}
	settings, err := f.settings(c, repo)
	if err != nil {
		return err
	}
	o := dora.Options{Targets: settings.Dora.Targets, Repository: repo.Repository()}
	if o.Zone, o.From, o.To, err = f.window(cmp.Or(f.timeZone, settings.Dora.TimeZone), now); err != nil {
		return err
	}
	for _, pattern := range f.deploys.Tags {
		if err := config.CheckTagPattern(pattern); err != nil {
			return usagef("--tags: %w", err)
		}
	}
	deploys, err := dora.Configured(f.deploys, settings)
	if err != nil {
		return usagef("%w", err)
	}
	o.Rework = deploys.Rework
	steps := progressOn(c.ErrOrStderr())
	defer steps.done()
	steps.step("reading the post-mortems")
	lessons, err := checks.ReadLessons(ctx, f.repo)
	if err != nil {
		return err
	}
	o.Documents = lessons.Documents
	for _, p := range lessons.Unread {
		o.Unread = append(o.Unread, fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Message))
	}
	source, err := f.source(ctx, repo, deploys)
	if err != nil {
		return err
	}
	if f.githubPulls {
		if o.Pulls, err = f.github(repo); err != nil {
			return err
		}
	}
	steps.step("finding the deployments")
	r, err := dora.Measure(ctx, repo, source, o)
	if err != nil {
		return fmt.Errorf("nothing was measured: %w", err)
	}
	steps.done()
	if err := f.write(c, r, outputs); err != nil {
		return err
	}
	switch r.Verdict {
	case dora.Missed:
		return errFindings
	case dora.Unknown:
		return errUndone
	}
	return nil
}

// settings are those of the configuration at HEAD, which what is measured has no part in.
func (f *doraFlags) settings(c *cobra.Command, repo *change.Repo) (*config.Config, error) {
	content, err := repo.ReadFile(c.Context(), "HEAD", f.config, 1<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Flags().Changed("config"):
		return nil, usagef("--config: there is no %s at HEAD", f.config)
	case errors.Is(err, fs.ErrNotExist):
		return config.Default(), nil
	case errors.Is(err, change.ErrUnknownRevision):
		return nil, usagef("HEAD names no commit: nothing was ever deployed from here")
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	settings, err := config.Parse(f.config, content, config.Known{})
	if err != nil {
		return nil, usagef("the configuration at HEAD has mistakes:\n%w", err)
	}
	return settings, nil
}

// window reads the zone and both ends. What has not been yet is not measured.
func (f *doraFlags) window(name string, now time.Time) (zone *time.Location, from, to time.Time, err error) {
	zone, ok := config.TimeZone(name)
	if !ok {
		return nil, from, to, usagef("--time-zone: there is no time zone %q: write one as Europe/Berlin, or UTC", name)
	}
	to, err = dayOrMoment("--to", f.to, zone, 1)
	if err != nil {
		return nil, from, to, err
	}
	if f.to == "" || to.After(now) {
		to = now.In(zone)
	}
	from, err = dayOrMoment("--from", f.from, zone, 0)
	if err != nil {
		return nil, from, to, err
	}
	if f.from == "" {
		day := time.Date(to.Year(), to.Month(), to.Day(), 0, 0, 0, 0, zone)
		from = day.AddDate(0, 0, -(int(day.Weekday())+6)%7-12*7)
	}
	if !from.Before(to) {
		return nil, from, to, usagef("--from %s is not before --to %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	if to.Sub(from) > 5*366*24*time.Hour {
		return nil, from, to, usagef("--from %s: at most five years are measured at once", f.from)
	}
	return zone, from, to, nil
}

// dayOrMoment reads a day as the midnight at its beginning, days later, or a time with its zone.
func dayOrMoment(flag, text string, zone *time.Location, days int) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day.AddDate(0, 0, days), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usagef("%s %q: expected a day such as 2026-11-30, or a time such as 2026-11-30T12:00:00Z", flag, text)
	}
	return at.In(zone), nil
}

// source is where the deployments are found.
func (f *doraFlags) source(ctx context.Context, repo *change.Repo, d config.Deploys) (dora.Source, error) {
	switch d.From {
	case "circleci":
		slug, err := running.Project(repo, running.Sources{Deploy: config.Deploy{Project: d.Project}}, os.Getenv)
		if err != nil {
			return nil, usagef("%w", err)
		}
		client, err := circleci.New(f.circleciURL, os.Getenv(f.circleciTokenEnv), f.circleciTokenEnv)
		if err != nil {
			return nil, usagef("%w", err)
		}
		q := circleci.Query{Project: slug, Job: d.Job, Workflow: d.Workflow, Branch: d.Branch}
		switch d.Branch {
		case "*":
			q.Branch = ""
		case "":
			if _, q.Branch, err = repo.DefaultBranch(ctx); err != nil {
				return nil, err
			}
		}
		return dora.CircleCI{Client: client, Query: q}, nil
	case "github":
		gitHub, err := f.github(repo)
		gitHub.Environment = d.Environment
		return gitHub, err
	}
	return dora.Tags{Repo: repo, Patterns: d.Tags}, nil
}

func (f *doraFlags) github(repo *change.Repo) (dora.GitHub, error) {
	of := cmp.Or(f.githubRepository, repo.Repository(), os.Getenv("GITHUB_REPOSITORY"))
	owner, name, ok := strings.Cut(of, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(name, "/?#%") {
		return dora.GitHub{}, usagef("which repository at GitHub this is cannot be told: name it with --github-repository OWNER/NAME")
	}
	client, err := dora.NewGitHub(os.Getenv("GITHUB_API_URL"), os.Getenv("GITHUB_TOKEN"))
	if err != nil {
		return dora.GitHub{}, usagef("%w", err)
	}
	return dora.GitHub{Client: client, Owner: owner, Name: name}, nil
}

// doraOutput is a form of the report, and the file that it goes to; "" is standard output.
type doraOutput struct{ format, file string }

func (f *doraFlags) outputs() ([]doraOutput, error) {
	var out []doraOutput
	for _, value := range f.formats {
		format, file, named := strings.Cut(value, "=")
		if !slices.Contains([]string{"text", "json", "html"}, format) || named != (file != "") {
			return nil, usagef("--format %q: expected text, json or html, or one of them as FORMAT=FILE", value)
		}
		if slices.ContainsFunc(out, func(o doraOutput) bool { return o.file == file }) {
			return nil, usagef("--format: two formats go to %s: name another file for one", cmp.Or(file, "standard output"))
		}
		out = append(out, doraOutput{format, file})
	}
	if out == nil {
		out = []doraOutput{{format: "text"}}
	}
	return out, nil
}

func (f *doraFlags) write(c *cobra.Command, r *dora.Report, outputs []doraOutput) error {
	for _, o := range outputs {
		var b bytes.Buffer
		var err error
		switch o.format {
		case "json":
			err = printJSON(&b, r)
		case "html":
			err = r.HTML(&b)
		default:
			b.WriteString(r.Text())
		}
		switch {
		case err != nil:
		case o.file == "":
			_, err = c.OutOrStdout().Write(b.Bytes())
		default:
			err = os.WriteFile(o.file, b.Bytes(), 0o666)
		}
		if err != nil {
			return fmt.Errorf("write the figures: %w", err)
		}
	}
	return nil
}
