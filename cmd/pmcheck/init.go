package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/starter"
)

func initCommand() *cobra.Command {
	var repo string
	var dryRun bool
	c := &cobra.Command{
		Use:   "init",
		Short: "Begin with pmcheck: find what is here, write its configuration and a workflow",
		Long: `Look for databases, migration frameworks, the version of PostgreSQL, post-mortems and
CI in the files on disk, and write .pmcheck.yml, a template for post-mortems and, for
GitHub Actions, a workflow. For CI whose configuration is one file, what to add to it
is printed. A file that exists is never overwritten. pmcheck needs none of these
files; they are there to correct what it found, and to run it for everybody.`,
		Example: "  pmcheck init --dry-run     print what would be written\n  pmcheck init",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			found, top, err := checks.Survey(c.Context(), repo)
			if errors.Is(err, change.ErrUnknownRevision) {
				return usagef("there is no commit yet: commit what is here, then run pmcheck init")
			}
			if err != nil {
				return err
			}
			ref := releaseVersion
			if ref == "" {
				ref = "main"
			}
			files, snippets := starter.Files(found, ref)
			w := c.OutOrStdout()
			printFound(w, found)
			if err := writeFiles(w, top, files, dryRun); err != nil {
				return err
			}
			for _, s := range snippets {
				fmt.Fprintf(w, "\nAdd to %s:\n\n%s", s.Path, indent(s.Content))
			}
			if dryRun {
				return nil
			}
			fmt.Fprint(w, "\nNext:\n  pmcheck               judge this branch\n  pmcheck hook install  judge each push before it leaves\n  git add what was written, and correct it where it is wrong\n")
			return nil
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "a directory in a clone (default: here)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be written, and write nothing")
	return c
}

func printFound(w io.Writer, found starter.Found) {
	fmt.Fprintln(w, "Found:")
	for _, d := range found.Databases {
		fmt.Fprintf(w, "  %s\n", d.Describe())
	}
	if len(found.Databases) == 0 {
		fmt.Fprintln(w, "  no migrations")
	}
	for _, ci := range found.CI() {
		fmt.Fprintf(w, "  %s\n", ci)
	}
	if found.Postmortems != "" {
		fmt.Fprintf(w, "  post-mortems in %s\n", report.Printable(found.Postmortems))
	}
}

// writeFiles writes what does not exist. No path leads out of the clone, whatever links it holds.
func writeFiles(w io.Writer, top string, files []starter.File, dryRun bool) error {
	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, file := range files {
		_, err := root.Lstat(file.Path)
		switch {
		case err == nil:
			fmt.Fprintf(w, "\n%s is there already and stays as it is\n", report.Printable(file.Path))
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w", file.Path, err)
		case dryRun:
			fmt.Fprintf(w, "\nWould write %s (%s):\n\n%s", report.Printable(file.Path), file.Why, indent(file.Content))
			continue
		}
		if err := root.MkdirAll(path.Dir(file.Path), 0o777); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
		out, err := root.OpenFile(file.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
		_, err = out.WriteString(file.Content)
		if err := errors.Join(err, out.Close()); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
		fmt.Fprintf(w, "\nWrote %s: %s\n", report.Printable(file.Path), file.Why)
	}
	return nil
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
