package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/checks/report"
)

func itemsOfLessons(repo *string, now func() time.Time) *cobra.Command {
	var owner, format string
	var all, overdue, refresh bool
	within := -1
	c := &cobra.Command{
		Use:   "items",
		Short: "List action items that remain to be done: by owner, overdue, due soon",
		Example: `  pmcheck postmortem items --owner "DevOps team"
  pmcheck postmortem items --due-within 7
  pmcheck postmortem items --format ics > items.ics
  pmcheck postmortem items --refresh   what became of them at GitHub?`,
		Long: `List action items that remain to be done. With --refresh the issues at GitHub that they
name say what became of them: an issue that is closed as completed makes an item done, one
that is closed as not planned makes it cancelled, an open one leaves it as it is written.

Exit status 3: one of the issues could not be asked; its item stands as it is written.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"text", "json", "csv", "ics"}, format) {
				return usagef("--format %s: expected text, json, csv or ics", yamltree.Quote(format))
			}
			l, err := checks.ReadLessons(c.Context(), *repo)
			if err != nil {
				return err
			}
			var status error
			if refresh {
				if _, status, err = follow(c, l, nil); err != nil {
					return err
				}
			}
			today := now().UTC().Format(time.DateOnly)
			limit := now().UTC().AddDate(0, 0, within).Format(time.DateOnly)
			items := []itemJSON{}
			for _, d := range l.Documents {
				for _, item := range d.ActionItems {
					switch {
					case !all && !item.Open(),
						owner != "" && !strings.EqualFold(item.Owner, owner),
						overdue && !item.Overdue(today),
						within >= 0 && (!item.Open() || item.Due == "" || item.Due > limit):
						continue
					}
					items = append(items, itemOf(d, item, today))
				}
			}
			slices.SortStableFunc(items, func(a, b itemJSON) int { return strings.Compare(dueKey(a), dueKey(b)) })
			if err := printItems(c.OutOrStdout(), format, items, now()); err != nil {
				return err
			}
			return status
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "only those of this owner")
	c.Flags().BoolVar(&overdue, "overdue", false, "only those that should have been done before today")
	c.Flags().IntVar(&within, "due-within", -1, "only those due within so many days, and those overdue")
	c.Flags().BoolVar(&all, "all", false, "also those that are done or cancelled")
	c.Flags().BoolVar(&refresh, "refresh", false, refreshUsage)
	c.Flags().StringVar(&format, "format", "text", "text, json, csv, or ics for a calendar")
	return c
}

func printItems(out io.Writer, format string, items []itemJSON, now time.Time) error {
	switch format {
	case "json":
		return printJSON(out, items)
	case "csv":
		return itemsCSV(out, items)
	case "ics":
		return itemsICS(out, items, now)
	}
	if len(items) == 0 {
		fmt.Fprintln(out, "nothing to do")
		return nil
	}
	return table(out, func(w io.Writer) {
		for _, i := range items {
			when := orDash(i.Due)
			if i.Overdue {
				when += " overdue"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.Cited, when, orDash(i.Priority), words(i.Status), orDash(i.Owner), i.Action)
		}
	})
}

const refreshUsage = "ask GitHub what became of the items' issues, with the token in GITHUB_TOKEN"

// follow asks GitHub about the items' issues; known are its answers of before. What could not be asked is said on standard
// error, and is the command's outcome.
func follow(c *cobra.Command, l *checks.Lessons, known map[ghissues.Ref]ghissues.State) (followed checks.Followed, outcome, err error) {
	client, err := ghissues.New(os.Getenv("GITHUB_API_URL"), os.Getenv("GITHUB_TOKEN"))
	if err != nil {
		return followed, nil, usagef("--refresh: %w", err)
	}
	followed = l.FollowIssues(c.Context(), client, gitHubSite(), known)
	for _, u := range followed.Unasked {
		say(c.ErrOrStderr(), "%s stands as it is written: %v", u.Item, u.Err)
		outcome = errUndone
	}
	return followed, outcome, nil
}

// gitHubSite is where people see GitHub: github.com, or what GitHub Actions calls an Enterprise Server.
func gitHubSite() string { return cmp.Or(os.Getenv("GITHUB_SERVER_URL"), "https://github.com") }

// dueKey puts items without a due date last.
func dueKey(i itemJSON) string {
	if i.Due == "" {
		return "9999 " + i.Cited
	}
	return i.Due + " " + i.Cited
}

func lintLessons(repo *string) *cobra.Command {
	var refresh bool
	c := &cobra.Command{
		Use:   "lint",
		Short: "Say what post-mortems lack for their status, and which items nothing enforces",
		Long: `Say what post-mortems lack for their status, which of their causes and whys end in a
person and not in a process (the rule names-a-person), and which items nothing enforces.
With --refresh also where an item and its issue at GitHub say different things.

Exit status: 0 nothing is missing; 1 something is; 3 an issue could not be asked.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := checks.ReadLessons(c.Context(), *repo)
			if err != nil {
				return err
			}
			if err := l.Blame(c.Context()); err != nil {
				return err
			}
			var status error
			if refresh {
				if _, status, err = follow(c, l, nil); err != nil {
					return err
				}
			}
			for _, p := range l.Problems {
				fmt.Fprintln(c.OutOrStdout(), report.Printable(fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Message)))
			}
			if status != nil {
				return status
			}
			if len(l.Problems) > 0 {
				return errFindings
			}
			fmt.Fprintf(c.OutOrStdout(), "%d %s: nothing is missing\n", len(l.Documents), plural(len(l.Documents), "post-mortem"))
			return nil
		},
	}
	c.Flags().BoolVar(&refresh, "refresh", false, refreshUsage)
	return c
}

func itemsCSV(out io.Writer, items []itemJSON) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"item", "action", "type", "priority", "owner", "due", "status", "issue", "path", "line"}}
	for _, i := range items {
		rows = append(rows, []string{i.Cited, i.Action, i.Type, i.Priority, i.Owner, i.Due, i.Status, i.Issue, i.Path, fmt.Sprint(i.Line)})
	}
	for _, row := range rows {
		for i, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 { // a spreadsheet would calculate it
				row[i] = "'" + cell
			}
		}
	}
	return w.WriteAll(rows)
}

// itemsICS are the items with a due date as a calendar's tasks (RFC 5545, VTODO).
func itemsICS(out io.Writer, items []itemJSON, now time.Time) error {
	var b strings.Builder
	line := func(name, value string) {
		text := name + ":" + strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", "", ";", `\;`, ",", `\,`).Replace(value)
		for len(text) > 74 { // a line has at most 75 bytes; no rune is cut
			end := 74
			for end > 0 && text[end]&0xc0 == 0x80 {
				end--
			}
			b.WriteString(text[:end] + "\r\n")
			text = " " + text[end:]
		}
		b.WriteString(text + "\r\n")
	}
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pmcheck//action items//EN\r\n")
	for _, i := range items {
		if i.Due == "" {
			continue
		}
		b.WriteString("BEGIN:VTODO\r\n")
		line("UID", i.Cited+"@pmcheck")
		b.WriteString("DTSTAMP:" + now.UTC().Format("20060102T150405Z") + "\r\n")
		b.WriteString("DUE;VALUE=DATE:" + strings.ReplaceAll(i.Due, "-", "") + "\r\n")
		line("SUMMARY", i.Cited+" "+i.Action)
		line("DESCRIPTION", strings.Join(known(i.Owner, i.Priority, i.Issue), ", "))
		b.WriteString("STATUS:" + map[string]string{"in_progress": "IN-PROCESS", "done": "COMPLETED", "cancelled": "CANCELLED"}[i.Status])
		if !slices.Contains([]string{"in_progress", "done", "cancelled"}, i.Status) {
			b.WriteString("NEEDS-ACTION")
		}
		b.WriteString("\r\nEND:VTODO\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	_, err := io.WriteString(out, b.String())
	return err
}
