package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/report"
)

// maxAdopted bounds what is read of a file; the reader refuses what is as long.
const maxAdopted = 2 << 20

func adoptLesson(repo *string, now func() time.Time) *cobra.Command {
	var write bool
	c := &cobra.Command{
		Use:   "adopt FILE",
		Short: "Make front matter out of a post-mortem's headings, labels, tables and lists",
		Long: `Read a post-mortem that was written for people, and print the front matter made of it,
with ids for the document and its action items. What was not found is left out, and
listed on the standard error for review. --write puts the front matter into the file;
its text stays as it is.`,
		Example: `  pmcheck postmortem adopt docs/postmortems/2024-outage.md
  pmcheck postmortem adopt docs/postmortems/2024-outage.md --write`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one file")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			content, err := readBounded(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return usagef("there is no file %s", args[0])
			}
			if err != nil {
				return err
			}
			r, err := postmortem.ReadHeadings(args[0], content)
			if err != nil {
				return usagef("%s", report.Printable(err.Error()))
			}
			l, err := checks.ReadLessons(c.Context(), *repo)
			if err != nil {
				return err
			}
			year := now().UTC().Year()
			if r.Document.Date != "" {
				year, _ = strconv.Atoi(r.Document.Date[:4])
			}
			id := postmortem.NextID(year, taken(l))
			adopted, err := r.Adopt(id)
			if err != nil {
				return usagef("%s: %s", args[0], err)
			}
			var b strings.Builder
			for _, f := range r.Found {
				fmt.Fprintf(&b, "%s:%d: read: %s\n", args[0], f.Line, f.Key)
			}
			for _, p := range r.Missing {
				fmt.Fprintf(&b, "%s:%d: review: %s\n", args[0], p.Line, p.Message)
			}
			io.WriteString(c.ErrOrStderr(), report.Printable(b.String()))
			if !write {
				_, err := c.OutOrStdout().Write(adopted[:len(adopted)-r.BodyLength()])
				return err
			}
			target, err := filepath.EvalSymlinks(args[0]) // a link stays one
			if err != nil {
				return err
			}
			if err := replaceFile(target, adopted); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s  %s\n", id, args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&write, "write", false, "put it into the file")
	return c
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxAdopted))
}
