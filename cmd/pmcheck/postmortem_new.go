package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/postmortem"
)

func newLesson(repo *string, now func() time.Time) *cobra.Command {
	d := &postmortem.Document{Status: "draft"}
	var out string
	var ran timelineFlags
	c := &cobra.Command{
		Use:   "new --title TITLE",
		Short: "Begin a post-mortem: a draft with the next free id, and the headings to fill in",
		Long: `Begin a post-mortem: a draft beside the others, with the next free id of its year and
the headings to fill in. A file that is there is never overwritten.

With --from, CircleCI and git are asked what ran, as "pmcheck postmortem timeline" does:
that fills the timeline, and what the pipeline showed. Exit status 3: something of it could
not be found out; the draft is there, with the rest.`,
		Example: `  pmcheck postmortem new --title "Orders API answered 500" --severity SEV-2 --service orders \
    --started-at 2026-03-03T14:05:00Z --introduced-by 3f2c1ab
  pmcheck postmortem new --title "Orders API answered 500" --started-at 2026-03-03T14:12:00Z --from 2026-03-03T14:00:00Z --to 2026-03-03T14:45:00Z
  pmcheck postmortem new --title "Orders API answered 500" --out -`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if strings.TrimSpace(d.Title) == "" {
				return usagef("say what happened: --title \"Orders API answered 500\"")
			}
			l, err := checks.ReadLessons(c.Context(), *repo)
			if err != nil {
				return err
			}
			began := now().UTC()
			for _, text := range []string{d.StartedAt, d.DetectedAt} {
				if at, err := time.Parse(time.RFC3339, text); err == nil {
					began = at
					break
				}
			}
			d.Date = began.Format(time.DateOnly)
			if d.ID == "" {
				d.ID = postmortem.NextID(began.Year(), taken(l))
			}
			for _, other := range l.Documents {
				if strings.EqualFold(other.ID, d.ID) {
					return usagef("--id %s is that of %s: take another, or leave it out", d.ID, other.Path)
				}
			}
			text, err := postmortem.Draft(d)
			if err != nil {
				return err
			}
			if err := lintDraft(text, d); err != nil {
				return err
			}
			var status error
			switch {
			case ran.from != "":
				if text, status, err = withTimeline(c, &ran, *repo, now(), text, d); err != nil {
					return err
				}
			case ran.to != "" || ran.Project != "":
				return usagef("--project and --to need --from: since when is CircleCI to be asked?")
			}
			if out == "-" {
				if _, err := c.OutOrStdout().Write(text); err != nil {
					return err
				}
				return status
			}
			file, shown := out, out
			if file == "" {
				shown = path.Join(l.Folder(), postmortem.FileName(d))
				file = filepath.Join(l.Root, filepath.FromSlash(shown))
				if len(postmortem.Match(l.Globs, []string{shown})) == 0 {
					return usagef("`postmortems:` of the configuration does not select %s: say --out FILE", shown)
				}
			}
			if err := writeNew(file, text); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", d.ID, shown)
			return status
		},
	}
	ran.add(c)
	f := c.Flags()
	f.StringVar(&d.Title, "title", "", "what happened, in a line")
	f.StringVar(&d.ID, "id", "", "its id (default: the next free one, such as PM-2026-004)")
	f.StringVar(&d.Severity, "severity", "", "such as SEV-2")
	f.StringArrayVar(&d.Services, "service", nil, "a service that was hit; may be given again")
	f.StringVar(&d.StartedAt, "started-at", "", "when it began, such as 2026-03-03T14:05:00Z")
	f.StringVar(&d.DetectedAt, "detected-at", "", "when it was noticed")
	f.StringVar(&d.IntroducedBy, "introduced-by", "", "the commit that caused it")
	f.StringVar(&out, "out", "", "the file to write, - for the standard output (default: beside the other post-mortems)")
	return c
}

// withTimeline fills what CircleCI and git know into a draft. The status is errUndone where something could not be found out.
func withTimeline(c *cobra.Command, f *timelineFlags, repo string, now time.Time, text []byte, d *postmortem.Document) (filled []byte, status, err error) {
	o, err := f.read(c.Context(), repo, now)
	if err != nil {
		return nil, nil, err
	}
	t, err := readTimeline(c, o)
	if err != nil {
		return nil, nil, err
	}
	began, _ := time.Parse(time.RFC3339, d.StartedAt)
	merged, err := postmortem.MergeTimeline("draft.md", postmortem.Show(text, t.Shown(began)), t.Rows())
	if err != nil {
		return nil, nil, fmt.Errorf("put the timeline into the draft: %w", err)
	}
	if len(t.Problems) > 0 {
		status = errUndone
	}
	return merged.Text, status, nil
}

// lintDraft says what `pmcheck postmortem lint` would say of the draft: a flag's fault.
func lintDraft(text []byte, d *postmortem.Document) error {
	read, problems := postmortem.Parse("draft.md", text)
	if len(problems) == 0 && read != nil {
		problems = postmortem.Review(read)
	}
	for _, p := range problems {
		return usagef("%s", p.Message)
	}
	if read == nil || read.ID != d.ID {
		return usagef("--id %s cannot be an id", yamltree.Quote(d.ID))
	}
	return nil
}

// taken are the ids and the file names of all post-mortems, the broken ones' too.
func taken(l *checks.Lessons) []string {
	var names []string
	for _, d := range l.Documents {
		names = append(names, d.ID, path.Base(d.Path))
	}
	for _, p := range l.Problems {
		names = append(names, path.Base(p.Path))
	}
	return names
}

// writeNew writes a file that is not there yet.
func writeNew(file string, text []byte) error {
	if err := os.MkdirAll(cmp.Or(filepath.Dir(file), "."), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s is there already, and is not overwritten: say another --out", file)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
