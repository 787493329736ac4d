package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/report"
)

func schemaCommand(now func() time.Time) *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Plan the way between two schemas, and find where descriptions of one drift apart",
		Example: `  pmcheck schema plan --base main
  pmcheck schema drift`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(schemaPlanCommand(now), schemaDriftCommand(now))
	return c
}

var engines = []string{"postgres", "mysql", "sqlite"}

// schemaFlags choose the two schemas.
type schemaFlags struct {
	from, to                  []string
	engine, database, against string
	format, repo, base, head  string
	worktree                  bool
}

func (f *schemaFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.repo, "repo", "", "a directory in a clone, or a bare repository (default: here)")
	c.Flags().StringVar(&f.head, "head", "", "the revision that is looked at (default: HEAD)")
	c.Flags().BoolVar(&f.worktree, "worktree", false, "look at the files on disk, with what is not committed")
	c.Flags().StringArrayVar(&f.from, "from", nil, "a schema file or a folder of them, in the place of a revision; may be given several times")
	c.Flags().StringArrayVar(&f.to, "to", nil, "the schema file or folder that --from is compared with")
	c.Flags().StringVar(&f.engine, "engine", "", "postgres, mysql or sqlite (default: what the files show)")
	c.Flags().StringVar(&f.database, "database", "", "of several databases the one with this name")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	_ = c.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(engines, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *schemaFlags) options(now time.Time) (checks.SchemaOptions, error) {
	o := checks.SchemaOptions{
		Options: checks.Options{Repo: f.repo, Base: f.base, Head: f.head, Worktree: f.worktree, Now: now},
		From:    f.from, To: f.to, Database: f.database, Engine: f.engine, Against: f.against,
	}
	switch {
	case f.engine != "" && !slices.Contains(engines, f.engine):
		return o, usagef("--engine %q: expected one of %s", f.engine, strings.Join(engines, ", "))
	case f.format != "text" && f.format != "json":
		return o, usagef("--format %q: expected text or json", f.format)
	case f.worktree && f.head != "":
		return o, usagef("--worktree looks at the files on disk: leave out --head")
	case len(f.from)+len(f.to) > 0 && (f.head != "" || f.base != "" || f.worktree || f.against != ""):
		return o, usagef("--from and --to name files on disk: leave out --base, --head, --worktree and --against")
	}
	return o, nil
}

func schemaPlanCommand(now func() time.Time) *cobra.Command {
	var f schemaFlags
	c := &cobra.Command{
		Use:   "plan",
		Short: "Print the statements that lead from one schema to another, and back",
		Long: `Print what sqldef runs to get from the schema files of one revision to those of
another, and the way back. Without schema files the committed dump is compared.
It reads files and no database, and runs nothing. Read the way before you run it: a
renamed column is a drop and an add unless its line says "-- @renamed from=old_name".

What sqldef does not read is named, and the rest is planned without it.`,
		Example: `  pmcheck schema plan
  pmcheck schema plan --base v1.4 --head main
  pmcheck schema plan --from old.sql --to new.sql --engine mysql`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options(now())
			if err != nil {
				return err
			}
			plans, err := checks.PlanSchema(c.Context(), o)
			if err != nil {
				return err
			}
			if f.format == "json" {
				return printJSON(c.OutOrStdout(), plans)
			}
			for i, p := range plans {
				if i > 0 {
					fmt.Fprintln(c.OutOrStdout())
				}
				printPlan(c.OutOrStdout(), p)
			}
			return nil
		},
	}
	c.Flags().StringVar(&f.base, "base", "", "the revision that the way begins at (default: where HEAD left the default branch)")
	f.add(c)
	return c
}

func printJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// printPlan prints a plan as SQL, with what is no SQL in comments.
func printPlan(w io.Writer, p checks.SchemaPlan) {
	title := p.Engine + ", " + p.FromName + " to " + p.ToName
	if p.Database != "" {
		title = p.Database + ", " + title
	}
	comment(w, "Forward: %s", title)
	printSteps(w, p.Engine, p.Forward)
	fmt.Fprintln(w)
	comment(w, "Back: %s to %s", p.ToName, p.FromName)
	printSteps(w, p.Engine, p.Back)
	if len(p.NotPlanned) > 0 {
		fmt.Fprintln(w)
		comment(w, "Not planned:")
		for _, u := range p.NotPlanned {
			comment(w, "  %s: %s: %s", at(u.Place.Path, u.Place.Line, u.Place.Side), u.Reason, firstWords(u.SQL))
		}
	}
	if len(p.StillDifferent) > 0 {
		fmt.Fprintln(w)
		comment(w, "Still different from %s behind the way forward:", p.ToName)
		for _, d := range p.StillDifferent {
			comment(w, "  %s", d)
		}
	}
}

func printSteps(w io.Writer, engine string, steps []checks.SchemaStep) {
	if len(steps) == 0 {
		comment(w, "nothing to do")
		return
	}
	// MySQL commits at every statement that changes a table.
	transaction := engine != "mysql" && !steps[0].Alone
	if transaction {
		fmt.Fprintln(w, "BEGIN;")
	}
	for i, s := range steps {
		if transaction && s.Alone {
			fmt.Fprintln(w, "COMMIT;")
			transaction = false
		}
		var about []string
		if s.Place.Path != "" {
			about = append(about, at(s.Place.Path, s.Place.Line, s.Place.Side))
		}
		if s.Drop {
			about = append(about, "sqldef runs it with --enable-drop only")
		}
		if len(about) > 0 {
			comment(w, "%s", strings.Join(about, "; "))
		}
		fmt.Fprintf(w, "%s;\n", report.Printable(s.SQL))
		if transaction && i == len(steps)-1 {
			fmt.Fprintln(w, "COMMIT;")
		}
	}
}

func at(path string, line int, side string) string {
	if side == "base" {
		return fmt.Sprintf("%s:%d before the change", path, line)
	}
	return fmt.Sprintf("%s:%d", path, line)
}

// comment prints one line of SQL comment, whatever the text holds.
func comment(w io.Writer, format string, args ...any) {
	text := report.Printable(strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	indent := len(format) - len(strings.TrimLeft(format, " "))
	fmt.Fprintf(w, "-- %s%s\n", strings.Repeat(" ", indent), text)
}

func firstWords(sql string) string {
	words := strings.Fields(sql)
	text := strings.Join(words[:min(len(words), 8)], " ")
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}

func schemaDriftCommand(now func() time.Time) *cobra.Command {
	var f schemaFlags
	c := &cobra.Command{
		Use:   "drift",
		Short: "Compare what the migrations make with a dump, a schema file or a snapshot",
		Long: `Compare the schema that the migrations of a revision make, or its schema files, with
what says what it is: --against FILE, else the committed dump, else .pmcheck/snapshot.json.
For MySQL and SQLite two schema files are compared; migrations are replayed for PostgreSQL.

Exit status: 0 they are the same, 1 they differ, 2 wrong use, 3 something could not be
read, so that nobody knows.`,
		Example: `  pmcheck schema drift
  pmcheck schema drift --against db/structure.sql
  pmcheck schema drift --from schema.sql --to dump.sql --engine sqlite`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options(now())
			if err != nil {
				return err
			}
			drifts, err := checks.DriftOf(c.Context(), o)
			if err != nil {
				return err
			}
			if f.format == "json" {
				err = printJSON(c.OutOrStdout(), drifts)
			} else {
				printDrift(c.OutOrStdout(), drifts)
			}
			if err != nil {
				return err
			}
			gaps, differs := 0, 0
			for _, d := range drifts {
				gaps, differs = gaps+len(d.Gaps), differs+len(d.Differs)
			}
			switch {
			case differs > 0:
				return errFindings
			case gaps > 0:
				return errUndone
			}
			return nil
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.against, "against", "", "a dump, schema file or snapshot in the repository")
	return c
}

func printDrift(w io.Writer, drifts []checks.SchemaDrift) {
	for i, d := range drifts {
		if i > 0 {
			fmt.Fprintln(w)
		}
		name, against := report.Printable(d.Name), report.Printable(d.Against)
		if len(d.Differs) == 0 && len(d.Gaps) == 0 {
			fmt.Fprintf(w, "%s and %s make the same schema\n", name, against)
		}
		if len(d.Differs) > 0 {
			fmt.Fprintf(w, "%s and %s make different schemas. \"There\" is in %s:\n", name, against, against)
		}
		for _, line := range d.Differs {
			fmt.Fprintf(w, "  %s\n", report.Printable(line))
		}
		if len(d.Gaps) > 0 {
			fmt.Fprintln(w, "Not read, so that nothing is known of it:")
		}
		for _, line := range d.Gaps {
			fmt.Fprintf(w, "  %s\n", report.Printable(line))
		}
	}
}
