package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/checks/githubapp/setup"
	"github.com/pmcheck/pmcheck/checks/report"
)

func doctorCommand() *cobra.Command {
	var config, format string
	c := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Say whether pmcheck serve has all that it needs, and what to do if not",
		Long: `Look at everything that pmcheck serve needs, and change nothing: its configuration, git,
the data folder, the database, the clock, the App's key, permissions, events and
webhook, what became of recent deliveries, the public address and its certificate,
the installations, whether the check is required, and the calls that are left.

What cannot be known from here is said to be unknown.

Exit status: 0 all is well, or no more than a warning; 1 something is wrong;
2 wrong use; 3 somebody who had to be asked did not answer.`,
		Example: "  pmcheck doctor --config pmcheck-app.yml\n  pmcheck doctor --config pmcheck-app.yml --format json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains([]string{"text", "json"}, format) {
				return usagef("--format %q: expected text or json", format)
			}
			if config != "" {
				if _, err := os.Stat(config); err != nil {
					return usagef("--config: %w", err)
				}
			}
			w := c.OutOrStdout()
			var found []setup.Finding
			doctor := setup.Doctor{Report: func(f setup.Finding) {
				found = append(found, f)
				if format == "text" {
					printFinding(w, f)
				}
			}}
			worst := doctor.Run(c.Context(), func() (githubapp.Config, error) { return githubapp.Load(config, nil, os.Getenv) })
			if format == "json" {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				e.SetEscapeHTML(false)
				if err := e.Encode(struct {
					Version  int             `json:"version"`
					Status   setup.Status    `json:"status"`
					Findings []setup.Finding `json:"findings"`
				}{1, worst, found}); err != nil {
					return err
				}
			}
			switch worst {
			case setup.Wrong:
				return errFindings
			case setup.Unasked:
				return errUndone
			}
			return nil
		},
	}
	c.Flags().StringVar(&config, "config", "", "the `FILE` that pmcheck serve is given (default: the environment alone)")
	c.Flags().StringVar(&format, "format", "text", "text or json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func printFinding(w io.Writer, f setup.Finding) {
	fmt.Fprintf(w, "%-8s %s: %s\n", f.Status, f.Check, report.Printable(f.Message))
	if f.Remedy != "" {
		fmt.Fprintf(w, "         %s\n", report.Printable(f.Remedy))
	}
}
