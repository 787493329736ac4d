package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/circleci"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/running"
)

// timelineFlags say which timeline is asked for.
type timelineFlags struct {
	checks.TimelineOptions
	from, to      string
	tokenEnv, url string
}

// timelinePatience is how long CircleCI may be asked, all calls and waits together.
const timelinePatience = 10 * time.Minute

func (f *timelineFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.Project, "project", "", "the project's slug at CircleCI, gh/OWNER/NAME or circleci/ORGANIZATION-ID/PROJECT-ID (default: deploy.project of .pmcheck.yml, else from the clone)")
	flags.StringVar(&f.from, "from", "", "since when, with its zone: 2026-03-03T14:00:00Z, or +01:00 in place of Z")
	flags.StringVar(&f.to, "to", "", "until when (default: now)")
	flags.StringArrayVar(&f.Branches, "branch", nil, "pipelines of this branch and of tags; may be given again (default: the default branch)")
	flags.BoolVar(&f.AllBranches, "all-branches", false, "pipelines of all branches")
	flags.StringVar(&f.Job, "deploy-job", "", "the job that deploys (default: deploy.job of .pmcheck.yml, else what is recognised in .circleci)")
	flags.StringVar(&f.Workflow, "deploy-workflow", "", "the workflow that this job is in; alone: the workflow that deploys")
	flags.BoolVar(&f.AllJobs, "all-jobs", false, "list all jobs, and not only those that deploy or failed")
	flags.BoolVar(&f.Actors, "actors", false, "name who did it, and not only the role")
	flags.DurationVar(&f.Before, "lookback", 72*time.Hour, "how old a pipeline may be, before --from, of which something ran again, as a rollback does")
	flags.StringVar(&f.tokenEnv, "circleci-token-env", "CIRCLE_TOKEN", "the environment variable that holds a personal API token of CircleCI")
	flags.StringVar(&f.url, "circleci-url", "", "where CircleCI's API v2 answers, for a server of your own (default https://circleci.com/api/v2)")
}

// read makes options of the flags.
func (f *timelineFlags) read(ctx context.Context, repo string, now time.Time) (checks.TimelineOptions, error) {
	o := f.TimelineOptions
	o.Repo = repo
	var err error
	if o.From, err = zonedTime("from", f.from); err != nil {
		return o, err
	}
	if o.To = now; f.to != "" {
		if o.To, err = zonedTime("to", f.to); err != nil {
			return o, err
		}
	}
	switch {
	case !o.From.Before(o.To):
		return o, usagef("--from %s does not lie before --to %s", o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
	case o.Before < 0:
		return o, usagef("--lookback %s: expected a time such as 72h", o.Before)
	case o.AllBranches && len(o.Branches) > 0:
		return o, usagef("--branch and --all-branches: give one of them")
	case !variable.MatchString(f.tokenEnv):
		return o, usagef("--circleci-token-env: expected the name of an environment variable, and not the token itself")
	}
	if o.Project == "" {
		if o.Project, err = projectOf(ctx, repo); err != nil {
			return o, err
		}
	}
	if o.Client, err = circleci.New(f.url, os.Getenv(f.tokenEnv), f.tokenEnv); err != nil {
		return o, usagef("%w", err)
	}
	return o, nil
}

func projectOf(ctx context.Context, repo string) (string, error) {
	clone, err := change.OpenRepo(ctx, repo)
	if err != nil {
		return "", usagef("name the project: --project gh/OWNER/NAME (%w)", err)
	}
	sources, err := running.Configured(ctx, clone, "HEAD", checks.ConfigPath, running.Sources{})
	if err != nil {
		return "", usagef("%w", err)
	}
	slug, err := running.Project(clone, sources, os.Getenv)
	if err != nil {
		return "", usagef("%w; or with --project", err)
	}
	return slug, nil
}

// zonedTime reads a time with its zone.
func zonedTime(flag, text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	if text == "" {
		return time.Time{}, usagef("say --%s, such as 2026-03-03T14:00:00Z", flag)
	}
	return time.Time{}, usagef("--%s %q is not a time with its zone, such as 2026-03-03T14:00:00Z", flag, text)
}

func timelineOfLesson(repo *string, now func() time.Time) *cobra.Command {
	var f timelineFlags
	var write, format string
	c := &cobra.Command{
		Use:   "timeline --from TIME",
		Short: "What CircleCI and git know of an incident: workflows, deploys and what they brought, reruns, approvals",
		Long: `Ask CircleCI what a project's pipelines did in a time, and git which pull requests,
commits and migrations each deploy brought or took back, and print it as a timeline.
People are roles ("approver") unless --actors is given.

--write FILE puts the rows into the timeline of a post-mortem, in order of time, with the
columns of its table and in its time zone. What was written by hand is not touched. A row
that was made before is known by a comment that a rendered page does not show: it is
updated, unless somebody has edited it.

Exit status: 0 all was found; 2 wrong use; 3 something could not be found out: what was
found is printed or written all the same, and the standard error says what is missing.`,
		Example: `  pmcheck postmortem timeline --project gh/acme/orders --from 2026-03-03T14:00:00Z --to 2026-03-03T15:00:00Z
  pmcheck postmortem timeline --from 2026-03-03T15:00:00+01:00 --write docs/postmortems/PM-2026-007-orders.md
  pmcheck postmortem timeline --from 2026-03-03T14:00:00Z --format json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return usagef("--format %q: expected text or json", format)
			}
			o, err := f.read(c.Context(), *repo, now())
			if err != nil {
				return err
			}
			var document []byte
			if write != "" {
				if document, err = readDocument(write); err != nil {
					return err
				}
			}
			t, err := readTimeline(c, o)
			if err != nil {
				return err
			}
			var merged postmortem.MergedTimeline
			if write != "" {
				if merged, err = postmortem.MergeTimeline(write, document, t.Rows()); err != nil {
					return usagef("%s: %w", write, err)
				}
				if err := rewrite(write, document, merged.Text); err != nil {
					return err
				}
			}
			switch {
			case format == "json":
				if err := printJSON(c.OutOrStdout(), timelineJSON(o, t)); err != nil {
					return err
				}
			case write != "":
				fmt.Fprintln(c.OutOrStdout(), report.Printable(mergedLine(write, merged)))
			case len(t.Events) == 0:
				fmt.Fprintf(c.OutOrStdout(), "nothing of %s ran between %s and %s\n", report.OneLine(o.Project, 200), o.From.Format(time.RFC3339), o.To.Format(time.RFC3339))
			default:
				io.WriteString(c.OutOrStdout(), report.Printable(postmortem.FormatTimeline(t.Rows(), o.From.Location())))
			}
			if len(t.Problems) > 0 {
				return errUndone
			}
			return nil
		},
	}
	f.add(c)
	c.Flags().StringVar(&write, "write", "", "put the rows into the timeline of this Markdown file")
	c.Flags().StringVar(&format, "format", "text", "text for a table in Markdown, or json")
	return c
}

// readTimeline asks for the timeline and says what is to be said about it.
func readTimeline(c *cobra.Command, o checks.TimelineOptions) (*checks.Timeline, error) {
	ctx, cancel := context.WithTimeoutCause(c.Context(), timelinePatience, fmt.Errorf("all calls together may take %s", timelinePatience))
	defer cancel()
	steps := progressOn(c.ErrOrStderr())
	o.Progress = steps.step
	t, err := checks.ReadTimeline(ctx, o)
	steps.done()
	if err != nil {
		return nil, fmt.Errorf("what ran is not known: %w", err)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(c.ErrOrStderr(), "note: %s\n", report.Printable(note))
	}
	for _, problem := range t.Problems {
		fmt.Fprintf(c.ErrOrStderr(), "not whole: %s\n", report.Printable(problem))
	}
	return t, nil
}

func readDocument(file string) ([]byte, error) {
	content, err := readBounded(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("there is no file %s; `pmcheck postmortem new` begins one", file)
	}
	return content, err
}

// rewrite puts a changed text into a file; a link stays one.
func rewrite(file string, was, is []byte) error {
	if string(was) == string(is) {
		return nil
	}
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	return replaceFile(target, is)
}

func mergedLine(file string, m postmortem.MergedTimeline) string {
	parts := []string{fmt.Sprintf("%d %s added", m.Added, plural(m.Added, "row"))}
	for _, part := range []struct {
		count int
		what  string
	}{{m.Updated, "updated"}, {m.Unchanged, "as before"}, {m.Edited, "edited or moved by hand since, left as they are"}} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.what))
		}
	}
	if m.Made {
		parts = append(parts, "a table was made for them")
	}
	return file + ": " + strings.Join(parts, ", ")
}

type timelineJSONDocument struct {
	Version  int         `json:"version"`
	Project  string      `json:"project"`
	From     time.Time   `json:"from"`
	To       time.Time   `json:"to"`
	Complete bool        `json:"complete"`
	Problems []string    `json:"problems"`
	Notes    []string    `json:"notes"`
	Events   []eventJSON `json:"events"`
}

type eventJSON struct {
	At       time.Time   `json:"at"`
	Kind     string      `json:"kind"`
	Event    string      `json:"event"`
	By       string      `json:"by"`
	URL      string      `json:"url"`
	Pipeline int64       `json:"pipeline"`
	Workflow string      `json:"workflow"`
	Job      string      `json:"job"`
	Status   string      `json:"status"`
	Commit   string      `json:"commit"`
	Seconds  *float64    `json:"seconds"` // null where nothing ended
	Deploy   *deployJSON `json:"deploy"`
}

type deployJSON struct {
	From      string        `json:"from"`
	To        string        `json:"to"`
	Brings    []broughtJSON `json:"brings"`
	TakesBack []broughtJSON `json:"takes_back"`
	More      bool          `json:"more"`
}

type broughtJSON struct {
	Commit      string   `json:"commit"`
	Label       string   `json:"label"`
	PullRequest int      `json:"pull_request"` // 0 = none
	Title       string   `json:"title"`
	Migrations  []string `json:"migrations"`
}

func timelineJSON(o checks.TimelineOptions, t *checks.Timeline) timelineJSONDocument {
	out := timelineJSONDocument{Version: 1, Project: o.Project, From: o.From, To: o.To, Complete: len(t.Problems) == 0,
		Problems: append([]string{}, t.Problems...), Notes: append([]string{}, t.Notes...), Events: []eventJSON{}}
	for _, e := range t.Events {
		j := eventJSON{At: e.At.UTC(), Kind: e.Kind, Event: e.Event, By: e.By, URL: e.Link, Pipeline: e.Pipeline, Workflow: e.Workflow, Job: e.Job, Status: e.Status, Commit: e.Commit}
		switch e.Kind {
		case checks.WorkflowEnded, checks.DeployEnded, checks.JobEnded, checks.Approved:
			seconds := e.Took.Seconds()
			j.Seconds = &seconds
		}
		if e.Deploy != nil {
			j.Deploy = &deployJSON{e.Deploy.From, e.Deploy.To, broughtBy(e.Deploy.Brings), broughtBy(e.Deploy.TakesBack), e.Deploy.More}
		}
		out.Events = append(out.Events, j)
	}
	return out
}

func broughtBy(list []checks.Brought) []broughtJSON {
	out := []broughtJSON{}
	for _, b := range list {
		out = append(out, broughtJSON{b.Commit, b.Label, b.PullRequest, b.Title, append([]string{}, b.Migrations...)})
	}
	return out
}
