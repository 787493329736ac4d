package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/incident"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// closing is what a close was told.
type closing struct {
	repo, write, id  string
	note, introduced string
	archive          bool
	withoutMessages  bool
	merged           bool // the rows went into a file that is there, of which the text holds all
}

func incidentClose(now func() time.Time) *cobra.Command {
	var which incidentFlags
	var how closing
	var roles []string
	var at string
	var dryRun bool
	c := &cobra.Command{
		Use:   "close",
		Short: "End the incident: what was said becomes the timeline of a draft post-mortem",
		Long: `Reads what was said in the incident's channel, replies too, and begins a post-mortem beside
the others, ready for a pull request: what is known in its front matter, and the messages in
its timeline. Nothing of it is judged: a person reads it before it is merged.

People stand in it by what they do: the roles of --invite and --role, else "responder 1" and
so on. Names of those who took part are looked for in the texts; e-mail addresses and what
looks like a token are taken out.

Into a file that is there only the rows of the timeline are put, among those that were
written by hand, which remain as they are.`,
		Example: `  pmcheck incident close --introduced-by 3f2c1ab --archive
  pmcheck incident close --role scribe=U024BE7LH --write docs/postmortems/PM-2026-004-orders.md
  pmcheck incident close --dry-run`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			closed, err := moment("--resolved-at", at)
			if err != nil {
				return err
			}
			var cast []incident.Invitation
			for _, text := range roles {
				i, err := incident.ParseInvitation(text)
				if err != nil || i.Role == "" {
					return usagef("--role %q: expected ROLE=WHO, WHO being an e-mail address or an id", text)
				}
				cast = append(cast, i)
			}
			s, err := which.find()
			if err != nil {
				return err
			}
			d, err := desk(now)
			if err != nil && !(dryRun && how.withoutMessages) {
				return err
			}
			if !s.IsOpen() {
				return closedAlready(c, d, s, how.archive, dryRun)
			}
			if closed.IsZero() {
				closed = now()
			}
			if !how.withoutMessages {
				d.Assign(c.Context(), s, cast)
			}
			s.End(closed)
			t, err := timelineOf(c.Context(), d, s, how.withoutMessages)
			if err != nil {
				return err
			}
			text, file, said, err := how.document(c, s, t)
			if err != nil {
				return err
			}
			if dryRun {
				_, err := c.OutOrStdout().Write(text)
				return err
			}
			if err := how.put(c.OutOrStdout(), file, text); err != nil {
				return err
			}
			if err := s.Keep(file); err != nil {
				return err
			}
			fmt.Fprintln(c.ErrOrStderr(), report.Printable(said))
			if t.Unnamed > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "pmcheck: Slack does not tell the names of %d people (scope users:read), so that they were not looked for in the texts\n", t.Unnamed)
			}
			if err := d.Farewell(c.Context(), s, how.note, how.archive); err != nil {
				return fmt.Errorf("the incident is closed, and Slack was not told: %w", err)
			}
			return notes(c.ErrOrStderr(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&how.write, "write", "", "the post-mortem's file, - for the standard output (default: a new one beside the others)")
	f.StringVar(&how.repo, "repo", "", "the repository of the post-mortems (default: here)")
	f.StringVar(&how.id, "postmortem-id", "", "the post-mortem's id (default: the next free one, such as PM-2026-004)")
	f.StringVar(&how.introduced, "introduced-by", "", "the commit that caused it")
	f.StringVar(&how.note, "note", "", "a last line for the channel")
	f.StringVar(&at, "resolved-at", "", "when it was over, such as 2026-03-03T14:45:00Z (default: now)")
	f.StringArrayVar(&roles, "role", nil, "what somebody does, `ROLE=WHO`: on-call=alice@acme.example; may be given again")
	f.BoolVar(&how.archive, "archive", false, "archive the incident's channel; another channel never is")
	f.BoolVar(&how.withoutMessages, "without-messages", false, "make the timeline of the phases and notes alone")
	f.BoolVar(&dryRun, "dry-run", false, "read the messages, print the document, and change nothing")
	which.add(c)
	return c
}

func closedAlready(c *cobra.Command, d *incident.Desk, s *incident.State, archive, dryRun bool) error {
	fmt.Fprintln(c.OutOrStdout(), report.Printable(fmt.Sprintf("%s is closed since %s; its post-mortem: %s", s.ID, s.Closed.Format(time.RFC3339), orDash(s.Written))))
	if dryRun || !archive {
		return nil
	}
	if err := d.Archive(c.Context(), s); err != nil {
		return err
	}
	return notes(c.ErrOrStderr(), d)
}

// document makes the text, and says where it belongs and what it holds.
func (h *closing) document(c *cobra.Command, s *incident.State, t *incident.Timeline) (text []byte, file, said string, err error) {
	if h.write != "" && h.write != "-" {
		before, err := os.ReadFile(h.write)
		switch {
		case err == nil:
			merged, err := postmortem.MergeTimeline(h.write, before, t.Rows)
			if err != nil {
				return nil, "", "", usagef("%s: %w", h.write, err)
			}
			h.merged = true
			return merged.Text, h.write, fmt.Sprintf("%s: %d rows added to the timeline, %d there already, %d edited by hand and left", h.write, merged.Added, merged.Unchanged+merged.Updated, merged.Edited), nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, "", "", usagef("--write: %w", err)
		}
	}
	l, err := checks.ReadLessons(c.Context(), h.repo)
	if err != nil && (h.write == "" || h.id == "") {
		return nil, "", "", usagef("%w: say --repo, or both --write and --postmortem-id", err)
	}
	d := s.Document(h.id, h.introduced)
	if l != nil {
		if d.ID == "" {
			day, _ := time.Parse(time.DateOnly, d.Date)
			d.ID = postmortem.NextID(day.Year(), taken(l))
		}
		for _, other := range l.Documents {
			if other.ID == d.ID {
				return nil, "", "", usagef("--postmortem-id %s is that of %s: take another, or leave it out", d.ID, other.Path)
			}
		}
	}
	if text, err = s.Draft(d, t.Rows); err != nil {
		return nil, "", "", err
	}
	if err := lintDraft(text, d); err != nil {
		return nil, "", "", err
	}
	file = h.write
	if file == "" {
		shown := path.Join(l.Folder(), postmortem.FileName(d))
		file = filepath.Join(l.Root, filepath.FromSlash(shown))
		if len(postmortem.Match(l.Globs, []string{shown})) == 0 {
			return nil, "", "", usagef("`postmortems:` of the configuration does not select %s: say --write FILE", shown)
		}
	}
	said = fmt.Sprintf("%s: a draft with %s of %d people in its timeline", d.ID, messages(t.Messages), t.Responders)
	if h.withoutMessages {
		said = d.ID + ": a draft with the phases and notes in its timeline"
	}
	return text, file, said, nil
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

// put writes the document: a new file, or one that is there with rows added.
func (h *closing) put(stdout io.Writer, file string, text []byte) error {
	switch {
	case file == "-":
		_, err := stdout.Write(text)
		return err
	case h.merged:
		if err := os.WriteFile(file, text, 0o666); err != nil {
			return err
		}
	default:
		if err := writeNew(file, text); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, report.Printable(file))
	return nil
}
