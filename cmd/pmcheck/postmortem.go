package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

func postmortemCommand(now func() time.Time) *cobra.Command {
	var repo string
	c := &cobra.Command{
		Use:     "postmortem",
		Aliases: []string{"pm"},
		Short:   "Write and read post-mortems: what was decided, what became of it, and whether a rule guards it",
		Long: `Post-mortems are Markdown files with YAML front matter (default docs/postmortems/*.md).
These commands read the files on disk, with the configuration and the rules of HEAD.`,
		Example: `  pmcheck postmortem list
  pmcheck postmortem items --overdue
  pmcheck postmortem lint
  pmcheck postmortem replay --all      is each lesson still guarded?
  pmcheck postmortem timeline --from 2026-03-03T14:00:00Z`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&repo, "repo", "", "the repository (default: here)")
	c.AddCommand(newLesson(&repo, now), adoptLesson(&repo, now), listLessons(&repo), showLesson(&repo), itemsOfLessons(&repo, now), lintLessons(&repo), replayLessons(&repo, now), timelineOfLesson(&repo, now))
	return c
}

func listLessons(repo *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the post-mortems, newest first",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := checks.ReadLessons(c.Context(), *repo)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), lessonsJSON(l.Documents))
			}
			if len(l.Documents) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "no post-mortems here; `postmortems:` in .pmcheck.yml says where they are")
				return nil
			}
			return table(c.OutOrStdout(), func(w io.Writer) {
				for _, d := range l.Documents {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", orDash(d.ID), orDash(d.Date), orDash(d.Severity), orDash(words(d.Status)), openItems(d), d.Title)
				}
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func openItems(d *postmortem.Document) string {
	open := 0
	for _, item := range d.ActionItems {
		if item.Open() {
			open++
		}
	}
	return fmt.Sprintf("%d of %d open", open, len(d.ActionItems))
}

func showLesson(repo *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one: when it was noticed and mended, why, and its action items",
		Example: "  pmcheck postmortem show PM-2026-001",
		Args:    oneLesson,
		RunE: func(c *cobra.Command, args []string) error {
			l, d, err := lesson(c, *repo, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), lessonsJSON([]*postmortem.Document{d})[0])
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s  %s\n%s\n\n", orDash(d.ID), d.Title, strings.Join(known(d.Date, d.Severity, words(d.Status), strings.Join(d.Services, ", "), d.Path), " · "))
			for _, s := range d.Spans() {
				if s.Known {
					fmt.Fprintf(&b, "  time to %-12s %s\n", s.Name, inHours(s.Took))
				}
			}
			for _, line := range []struct{ name, text string }{
				{"impact", d.Impact}, {"trigger", d.Trigger}, {"root causes", strings.Join(d.RootCauses, "; ")},
				{"contributing", strings.Join(d.ContributingFactors, "; ")}, {"introduced by", d.IntroducedBy},
			} {
				if line.text != "" {
					fmt.Fprintf(&b, "  %-20s %s\n", line.name, line.text)
				}
			}
			for _, item := range d.ActionItems {
				fmt.Fprintf(&b, "\n  %s  %s\n    %s\n", orDash(item.ID), item.Action, strings.Join(known(words(item.Status), item.Type, item.Priority, item.Owner, due(item), item.Issue), " · "))
				for _, rule := range item.EnforcedBy {
					fmt.Fprintf(&b, "    enforced by %s (%s)\n", rule, severityHere(l, rule))
				}
			}
			io.WriteString(c.OutOrStdout(), report.Printable(b.String()))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func due(item postmortem.ActionItem) string {
	if item.Due == "" {
		return ""
	}
	return "due " + item.Due
}

func severityHere(l *checks.Lessons, id string) string {
	for _, r := range l.Engine.Rules() {
		if r.ID == id {
			return l.Engine.Severity(r)
		}
	}
	return "no such rule"
}

func replayLessons(repo *string, now func() time.Time) *cobra.Command {
	var all, asJSON bool
	c := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Judge the change that caused an incident by today's rules: is the lesson guarded?",
		Long: `Judge the commit that a post-mortem names in introduced_by, compared with what ran before
it, by the rules, the configuration and the post-mortems of HEAD.

A lesson is guarded when a rule that one of its action items names (enforced_by) fails
that change. Exit status 1: one is not guarded. 3: one could not be replayed.`,
		Example: `  pmcheck postmortem replay PM-2026-001
  pmcheck postmortem replay --all      a test suite for your policies`,
		Args: func(c *cobra.Command, args []string) error {
			if all && len(args) > 0 || !all && len(args) != 1 {
				return usagef("name one post-mortem, or say --all")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var documents []*postmortem.Document
			if all {
				l, err := checks.ReadLessons(c.Context(), *repo)
				if err != nil {
					return err
				}
				documents = l.Documents
			} else {
				_, d, err := lesson(c, *repo, args[0])
				if err != nil {
					return err
				}
				documents = append(documents, d)
			}
			var status error
			replays := []replayJSON{}
			for _, d := range documents {
				r := checks.ReplayLesson(c.Context(), *repo, d, now())
				switch {
				case errors.Is(r.Err, checks.ErrNoCommit) && all:
				case r.Err != nil:
					status = errUndone
				case !r.Guarded() && status == nil:
					status = errFindings
				}
				replays = append(replays, replayed(r))
				if !asJSON {
					printReplay(c.OutOrStdout(), r)
				}
			}
			if asJSON {
				if err := printJSON(c.OutOrStdout(), replays); err != nil {
					return err
				}
			}
			return status
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all post-mortems that name a commit")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func printReplay(out io.Writer, r *checks.Replay) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", orDash(r.Document.ID), r.Document.Title)
	switch {
	case r.Err != nil:
		fmt.Fprintf(&b, "  not replayed: %s\n", r.Err)
	case r.Guarded():
		fmt.Fprintf(&b, "  guarded: today's rules fail %s\n", short(r.Document.IntroducedBy, 9))
	case len(r.Caught) > 0:
		fmt.Fprintf(&b, "  caught, but not by a rule that its action items name: say enforced_by in one of them\n")
	default:
		fmt.Fprintf(&b, "  this lesson is not guarded: nothing fails %s today\n", short(r.Document.IntroducedBy, 9))
	}
	for _, f := range r.Caught {
		by := ""
		if items := r.Items(f); len(items) > 0 {
			by = " (" + strings.Join(items, ", ") + ")"
		}
		fmt.Fprintf(&b, "    %s%s  %s:%d  %s\n", f.Rule, by, f.Location.Path, f.Location.Line, f.Message)
	}
	io.WriteString(out, report.Printable(b.String()))
}

func oneLesson(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one post-mortem; `pmcheck postmortem list` lists them")
	}
	return nil
}

// lesson finds the document of an id.
func lesson(c *cobra.Command, repo, id string) (*checks.Lessons, *postmortem.Document, error) {
	l, err := checks.ReadLessons(c.Context(), repo)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, d := range l.Documents {
		if strings.EqualFold(d.ID, id) || d.Path == id {
			return l, d, nil
		}
		ids = append(ids, d.ID)
	}
	if meant := yamltree.Nearest(id, ids); meant != "" {
		return nil, nil, usagef("there is no post-mortem %s, did you mean %s?", yamltree.Quote(id), meant)
	}
	return nil, nil, usagef("there is no post-mortem %s; `pmcheck postmortem list` lists them", yamltree.Quote(id))
}

type lessonJSON struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Date         string     `json:"date"`
	Status       string     `json:"status"`
	Severity     string     `json:"severity"`
	Services     []string   `json:"services"`
	Path         string     `json:"path"`
	IntroducedBy string     `json:"introduced_by"`
	ToDetect     *int64     `json:"seconds_to_detect"` // null where it is not known
	ToAck        *int64     `json:"seconds_to_acknowledge"`
	ToMitigate   *int64     `json:"seconds_to_mitigate"`
	ToResolve    *int64     `json:"seconds_to_resolve"`
	Items        []itemJSON `json:"action_items"`
}

type itemJSON struct {
	Cited      string   `json:"cited"`
	Action     string   `json:"action"`
	Type       string   `json:"type"`
	Priority   string   `json:"priority"`
	Owner      string   `json:"owner"`
	Due        string   `json:"due"`
	Overdue    bool     `json:"overdue"`
	Status     string   `json:"status"`
	Issue      string   `json:"issue"`
	EnforcedBy []string `json:"enforced_by"`
	Path       string   `json:"path"`
	Line       int      `json:"line"`
}

type replayJSON struct {
	Postmortem   string       `json:"postmortem"`
	IntroducedBy string       `json:"introduced_by"`
	Guarded      bool         `json:"guarded"`
	Caught       []caughtJSON `json:"caught"`
	Problem      string       `json:"problem,omitempty"`
}

type caughtJSON struct {
	Rule    string   `json:"rule"`
	Items   []string `json:"action_items"`
	Path    string   `json:"path"`
	Line    int      `json:"line"`
	Message string   `json:"message"`
}

func replayed(r *checks.Replay) replayJSON {
	out := replayJSON{Postmortem: r.Document.ID, IntroducedBy: r.Document.IntroducedBy, Guarded: r.Err == nil && r.Guarded(), Caught: []caughtJSON{}}
	if r.Err != nil {
		out.Problem = r.Err.Error()
	}
	for _, f := range r.Caught {
		out.Caught = append(out.Caught, caughtJSON{f.Rule, append([]string{}, r.Items(f)...), f.Location.Path, f.Location.Line, f.Message})
	}
	return out
}

func lessonsJSON(documents []*postmortem.Document) []lessonJSON {
	out := []lessonJSON{}
	for _, d := range documents {
		j := lessonJSON{ID: d.ID, Title: d.Title, Date: d.Date, Status: d.Status, Severity: d.Severity, Services: append([]string{}, d.Services...),
			Path: d.Path, IntroducedBy: d.IntroducedBy, Items: []itemJSON{}}
		for i, to := range []**int64{&j.ToDetect, &j.ToAck, &j.ToMitigate, &j.ToResolve} {
			if s := d.Spans()[i]; s.Known {
				seconds := int64(s.Took.Seconds())
				*to = &seconds
			}
		}
		for _, item := range d.ActionItems {
			j.Items = append(j.Items, itemOf(d, item, ""))
		}
		out = append(out, j)
	}
	return out
}

func itemOf(d *postmortem.Document, item postmortem.ActionItem, today string) itemJSON {
	return itemJSON{postmortem.Cite(d, item), item.Action, item.Type, item.Priority, item.Owner, item.Due, item.Overdue(today), item.Status,
		item.Issue, append([]string{}, item.EnforcedBy...), d.Path, item.Line}
}

// table prints rows whose cells are separated by tabs, safe for a terminal.
func table(out io.Writer, rows func(io.Writer)) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	rows(w)
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, report.Printable(b.String()))
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// words are a status as people write it.
func words(status string) string { return strings.ReplaceAll(status, "_", " ") }

// known are those of texts that are not empty.
func known(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// inHours is a duration in hours and minutes.
func inHours(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
