package main

import (
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/example"
)

func demoCommand(now func() time.Time) *cobra.Command {
	var keep bool
	var out outputFlags
	c := &cobra.Command{
		Use:   "demo",
		Short: "Replay the incident that pmcheck comes from, in a temporary repository",
		Long: `Write a small service, its database migrations and the post-mortem of an incident
into a temporary git repository, make the pull request that would cause the
incident again, and run the real check on it. Exit status 1, as the check says.`,
		Example: `  pmcheck demo
  pmcheck demo --keep    then look around in the repository`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			write, err := out.writer(c)
			if err != nil {
				return err
			}
			if _, err := exec.LookPath("git"); err != nil {
				return fmt.Errorf("git is needed and was not found in PATH: install it, then run this again")
			}
			dir, err := os.MkdirTemp("", "pmcheck-demo-")
			if err != nil {
				return err
			}
			if !keep {
				defer os.RemoveAll(dir)
			}
			repo, err := example.Write(c.Context(), example.Incident(), dir)
			if err != nil {
				return fmt.Errorf("make the demo's repository: %w", err)
			}
			w := c.OutOrStdout()
			asText := out.asText()
			if asText {
				fmt.Fprintf(w, "An orders service reads customers.legacy_name. A pull request drops that column and\n"+
					"changes the code in one go, which looks safe. This is what pmcheck says of it:\n\n")
			}
			r, err := checks.Check(c.Context(), checks.Options{Repo: repo.Dir, Base: repo.Base, Head: repo.Head, Now: now()})
			if err != nil {
				return err
			}
			if err := write(r); err != nil {
				return err
			}
			if asText {
				fmt.Fprintf(w, "\nNow on your own repository, on the branch of a change:\n\n  cd your-repository && pmcheck\n"+
					"  pmcheck check --format html=report.html    # the same as a page, with the locks drawn\n")
				if keep {
					fmt.Fprintf(w, "\nThe demo's repository is kept in %s\n", dir)
				}
			}
			return verdict(r)
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "keep the repository, and say where it is")
	out.add(c)
	return c
}
