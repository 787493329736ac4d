package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/policy"
)

func policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Write and test the project's own rules",
		Example: `  pmcheck policy new no-enum-types
  pmcheck policy test`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(policyTestCommand(), policyNewCommand())
	return c
}

func policyTestCommand() *cobra.Command {
	var dir, match string
	var verbose bool
	c := &cobra.Command{
		Use:     "test",
		Short:   "Run the tests of the project's own rules, as they are on disk",
		Example: "  pmcheck policy test\n  pmcheck policy test --run no-enum-types",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			own, err := ownPolicies(dir)
			if err != nil {
				return err
			}
			engine, err := policy.Load(policy.Options{Own: own})
			if err != nil {
				return err
			}
			results, err := engine.Test(c.Context(), match)
			if err != nil {
				return usagef("%w", err)
			}
			w := c.OutOrStdout()
			var passed, failed, skipped int
			for _, r := range results {
				switch {
				case r.Skipped:
					skipped++
				case r.Passed:
					passed++
				default:
					failed++
					fmt.Fprintf(w, "%s:%d: %s: %s\n", r.Place.Path, r.Place.Line, r.Name, r.Failure)
				}
				if verbose && r.Passed {
					fmt.Fprintf(w, "%s:%d: %s passed in %s\n", r.Place.Path, r.Place.Line, r.Name, r.Duration.Round(10_000))
				}
				if verbose || !r.Passed {
					for _, line := range r.Output {
						fmt.Fprintf(w, "    %s\n", line)
					}
				}
			}
			if len(results) == 0 {
				return usagef("no test was run: tests are rules named test_... in %s/*/*_test.rego; `pmcheck policy new ID` makes a rule with tests", policy.Dir)
			}
			fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
			if failed > 0 {
				return errFindings
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "repo", ".", "the project's directory")
	c.Flags().StringVar(&match, "run", "", "only the tests whose package.name matches this regular expression")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "also what passed, and what tests printed")
	return c
}

func policyNewCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:     "new ID",
		Short:   "Begin a rule of the project's own, with tests that pass",
		Example: "  pmcheck policy new no-enum-types",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name the rule: pmcheck policy new ID, such as no-enum-types")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			paths, err := policy.New(dir, args[0])
			if err != nil {
				return usagef("%w", err)
			}
			w := c.OutOrStdout()
			for _, path := range paths {
				fmt.Fprintf(w, "wrote %s\n", path)
			}
			fmt.Fprintf(w, "\nNext: say in %s what the rule objects to, then `pmcheck policy test`.\nThe rule judges changes once it is merged: a change is judged by the rules of its base.\n", paths[0])
			return nil
		},
	}
	c.Flags().StringVar(&dir, "repo", ".", "the project's directory")
	return c
}

// ownPolicies reads the Rego files of a project from disk.
func ownPolicies(dir string) (map[string][]byte, error) {
	own := map[string][]byte{}
	root := filepath.Join(dir, filepath.FromSlash(policy.Dir))
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.HasSuffix(path, ".rego") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		own[filepath.ToSlash(name)] = content
		return err
	})
	if err != nil {
		return nil, usagef("%w; `pmcheck policy new ID` makes the first rule", err)
	}
	return own, nil
}
