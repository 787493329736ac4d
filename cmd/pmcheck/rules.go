package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/config/yamltree"
	"github.com/pmcheck/pmcheck/checks/policy"
	"github.com/pmcheck/pmcheck/checks/report"
)

func rulesCommand() *cobra.Command {
	var asJSON bool
	var repo string
	c := &cobra.Command{
		Use:     "rules",
		Short:   "List the rules, with the project's own, and their severities here",
		Example: "  pmcheck rules\n  pmcheck rules --json | jq -r '.[].id'",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			engine, err := checks.Rules(c.Context(), repo)
			if err != nil {
				return err
			}
			if asJSON {
				return rulesJSON(c.OutOrStdout(), engine)
			}
			w := c.OutOrStdout()
			category := ""
			for _, category = range categories(engine) {
				fmt.Fprintf(w, "%s\n", category)
				for _, r := range engine.Rules() {
					if r.Category == category {
						fmt.Fprintf(w, "  %-8s %-30s %s\n", engine.Severity(r), r.ID, report.Printable(r.Title))
					}
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().StringVar(&repo, "repo", "", "the repository whose configuration and rules count (default: here)")
	return c
}

// categories are the rules' categories, in the order in which they are met.
func categories(engine *policy.Engine) []string {
	var names []string
	seen := map[string]bool{}
	for _, name := range []string{"compat", "locks", "data", "history", "postmortem", "process", "advice"} {
		for _, r := range engine.Rules() {
			if r.Category == name && !seen[name] {
				names, seen[name] = append(names, name), true
			}
		}
	}
	for _, r := range engine.Rules() {
		if !seen[r.Category] {
			names, seen[r.Category] = append(names, r.Category), true
		}
	}
	return names
}

type jsonRule struct {
	ID          string         `json:"id"`
	Category    string         `json:"category"`
	Severity    string         `json:"severity"`
	Default     string         `json:"default_severity"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Remedy      string         `json:"remedy"`
	Options     map[string]any `json:"options"`
	Own         bool           `json:"own"`
}

func rulesJSON(w io.Writer, engine *policy.Engine) error {
	list := []jsonRule{}
	for _, r := range engine.Rules() {
		options := r.Options
		if options == nil {
			options = map[string]any{}
		}
		list = append(list, jsonRule{r.ID, r.Category, engine.Severity(r), r.Severity, r.Title, r.Description, r.Remedy, options, r.Own})
	}
	return printJSON(w, list)
}

func explainCommand() *cobra.Command {
	var repo string
	c := &cobra.Command{
		Use:     "explain RULE",
		Short:   "Say what a rule is about, what to do instead, and which post-mortem asked for it",
		Example: "  pmcheck explain old-code-breaks",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one rule: pmcheck explain RULE; `pmcheck rules` lists them")
			}
			return nil
		},
		ValidArgsFunction: func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			engine, err := policy.Load(policy.Options{})
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			var ids []string
			for _, r := range engine.Rules() {
				ids = append(ids, r.ID+"\t"+r.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			engine, err := checks.Rules(c.Context(), repo)
			if err != nil {
				return err
			}
			for _, r := range engine.Rules() {
				if r.ID == args[0] {
					explain(c.OutOrStdout(), engine, r, checks.Reasons(c.Context(), repo, r))
					return nil
				}
			}
			if meant := yamltree.Nearest(args[0], ruleIDs(engine)); meant != "" {
				return usagef("there is no rule %q, did you mean %s?", args[0], meant)
			}
			return usagef("there is no rule %q; `pmcheck rules` lists them", args[0])
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "the repository whose configuration, rules and post-mortems count (default: here)")
	return c
}

func ruleIDs(engine *policy.Engine) []string {
	var ids []string
	for _, r := range engine.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

func explain(out io.Writer, engine *policy.Engine, r policy.Rule, reasons []string) {
	var b strings.Builder
	w := &b
	fmt.Fprintf(w, "%s (%s, %s)\n%s\n\n", r.ID, r.Category, engine.Severity(r), r.Title)
	fmt.Fprintf(w, "%s\n\n", strings.TrimSpace(r.Description))
	if r.Remedy != "" {
		fmt.Fprintf(w, "What to do: %s\n", strings.TrimSpace(r.Remedy))
	}
	block := func(title, text string) {
		if text == "" {
			return
		}
		fmt.Fprintf(w, "\n%s\n", title)
		for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	block("It objects to", r.Bad)
	block("It accepts", r.Good)
	if len(r.Options) > 0 {
		encoded, _ := json.MarshalIndent(r.Options, "  ", "  ")
		block("Options, with their defaults", "  "+string(encoded))
	}
	block("Sources", strings.Join(r.Sources, "\n"))
	block("Why this project has it", strings.Join(reasons, "\n"))
	if r.IsAboutStatements() {
		fmt.Fprintf(w, "\nTo silence it for one statement, with a reason that stays in the report:\n  -- pmcheck:ignore %s: reason\n", r.ID)
	} else {
		fmt.Fprintf(w, "\nTo switch it off, in .pmcheck.yml:\n  rules: {%s: {severity: off}}\n", r.ID)
	}
	io.WriteString(out, report.Printable(b.String()))
}
