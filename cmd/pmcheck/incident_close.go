package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
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
			draft, err := how.draft(c, s, t)
			if err != nil {
				return err
			}
			if dryRun {
				_, err := c.OutOrStdout().Write(draft.text)
				return err
			}
			if err := draft.put(c.OutOrStdout()); err != nil {
				return err
			}
			if err := s.Keep(draft.shown); err != nil {
				return err
			}
			fmt.Fprintln(c.ErrOrStderr(), report.Printable(draft.said))
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

// draftFile is a post-mortem that is to be written.
type draftFile struct {
	text   []byte
	file   string // - for the standard output
	shown  string // the same, as people are told: without the folders of this machine
	merged bool   // the file is there, and the text is all of it with rows added
	said   string // what was done
}

// draft makes the post-mortem, or puts the rows into one that is there.
func (h *closing) draft(c *cobra.Command, s *incident.State, t *incident.Timeline) (*draftFile, error) {
	if h.write != "" && h.write != "-" {
		before, err := os.ReadFile(h.write)
		switch {
		case err == nil:
			merged, err := postmortem.MergeTimeline(h.write, before, t.Rows)
			if err != nil {
				return nil, usagef("%s: %w", h.write, err)
			}
			said := fmt.Sprintf("%s: %d rows added to the timeline, %d there already, %d edited by hand and left", h.write, merged.Added, merged.Unchanged+merged.Updated, merged.Edited)
			return &draftFile{text: merged.Text, file: h.write, shown: h.write, merged: true, said: said}, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, usagef("--write: %w", err)
		}
	}
	l, err := checks.ReadLessons(c.Context(), h.repo)
	if err != nil && (h.write == "" || h.id == "") {
		return nil, usagef("%w: say --repo, or both --write and --postmortem-id", err)
	}
	d := s.Document(h.id, h.introduced)
	if l != nil {
		if d.ID == "" {
			day, _ := time.Parse(time.DateOnly, d.Date)
			d.ID = postmortem.NextID(day.Year(), taken(l))
		}
		for _, other := range l.Documents {
			if strings.EqualFold(other.ID, d.ID) {
				return nil, usagef("--postmortem-id %s is that of %s: take another, or leave it out", d.ID, other.Path)
			}
		}
	}
	out := &draftFile{file: h.write, shown: h.write}
	if out.text, err = s.Draft(d, t.Rows); err != nil {
		return nil, err
	}
	if err := lintDraft(out.text, d); err != nil {
		return nil, err
	}
	if h.write == "" {
		out.shown = path.Join(l.Folder(), postmortem.FileName(d))
		out.file = filepath.Join(l.Root, filepath.FromSlash(out.shown))
		if len(postmortem.Match(l.Globs, []string{out.shown})) == 0 {
			return nil, usagef("`postmortems:` of the configuration does not select %s: say --write FILE", out.shown)
		}
	}
	people := fmt.Sprintf("%d people", t.Responders)
	if t.Responders == 1 {
		people = "1 person"
	}
	out.said = fmt.Sprintf("%s: a draft with %d %s of %s in its timeline", d.ID, t.Messages, plural(t.Messages, "message"), people)
	if h.withoutMessages {
		out.said = d.ID + ": a draft with the phases and notes in its timeline"
	}
	return out, nil
}

func (d *draftFile) put(stdout io.Writer) error {
	switch {
	case d.file == "-":
		_, err := stdout.Write(d.text)
		return err
	case d.merged:
		if err := os.WriteFile(d.file, d.text, 0o666); err != nil {
			return err
		}
	default:
		if err := writeNew(d.file, d.text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(stdout, report.Printable(d.shown))
	return err
}
