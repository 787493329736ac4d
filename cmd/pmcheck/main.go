// Command pmcheck judges pull requests that change a database.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/githubapp/child"
	"github.com/pmcheck/pmcheck/checks/report"
)

// The exit statuses.
const (
	exitPass   = 0
	exitFail   = 1 // findings at or above fail_on
	exitUse    = 2 // wrong use or configuration
	exitUndone = 3 // the check could not be done
)

// errFindings says that the report has said it all.
var errFindings = errors.New("findings")

// errUndone says that the report names what could not be done.
var errUndone = errors.New("not all could be checked")

func main() {
	if len(os.Args) == 2 && os.Args[1] == child.Command {
		os.Exit(child.Main(os.Stdin, os.Stdout, os.Stderr))
	}
	tuneMemory()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// tuneMemory is for a process that lives for less than a second: memory that is given back late costs less than
// collecting it often. From 400 MiB on, which takes a migration of a hundred thousand statements, it is the other way round.
func tuneMemory() {
	debug.SetGCPercent(200)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(400 << 20)
	}
}

func run(args []string, stdout, stderr io.Writer) int { return runAt(args, stdout, stderr, time.Now) }

func runAt(args []string, stdout, stderr io.Writer, now func() time.Time) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand(now)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitPass
	case errors.Is(err, errFindings):
		return exitFail
	case errors.Is(err, errUndone):
		return exitUndone
	}
	fmt.Fprintf(stderr, "pmcheck: %s\n", report.Printable(err.Error()))
	var usage *usageError
	if errors.Is(err, checks.ErrUse) || errors.As(err, &usage) {
		return exitUse
	}
	return exitUndone
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func rootCommand(now func() time.Time) *cobra.Command {
	check := checkCommand(now)
	root := &cobra.Command{
		Use:   "pmcheck",
		Short: "Judge a change of a database before it is merged",
		Long: `pmcheck compares old and new code with old and new schema and says what breaks,
which locks stop your service, and which post-mortem asked for the rule.

Without a command it is "pmcheck check": from where this branch left the default
branch to HEAD.`,
		Example: `  pmcheck                              judge this branch
  pmcheck --worktree                   judge it with what is not committed
  pmcheck check --base HEAD~1          judge the last commit
  pmcheck matrix                       old and new code against old and new schema
  pmcheck lint migrations/0042_x.sql   judge a file alone, without git
  pmcheck explain index-not-concurrent
  pmcheck demo                         see what a failing check looks like`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          check.RunE,
		Version:       versionLine(),
	}
	root.Flags().AddFlagSet(check.Flags())
	root.SetVersionTemplate("pmcheck {{.Version}}\n")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; `%s --help` lists the flags", err, c.CommandPath())
	})
	root.AddCommand(check, matrixCommand(now), factsCommand(now), lintCommand(now), schemaCommand(now), snapshotCommand(now), rulesCommand(), explainCommand(), policyCommand(), initCommand(), hookCommand(now), manCommand(), demoCommand(now), appCommand(), doctorCommand(), serveCommand(now), postmortemCommand(now), deployCommand(now), incidentCommand(now), remindCommand(now), doraCommand(now))
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultCompletionCmd()
	return root
}

// helpCommand replaces cobra's, which takes an unknown command for a question about the program.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Say what a command does",
		Example: "  pmcheck help check",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil {
				return usagef("%w", err)
			}
			if err := noArgs(c, rest); err != nil {
				return err
			}
			return c.Help()
		},
	}
}

// noArgs refuses arguments, and guesses what was meant.
func noArgs(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasAvailableSubCommands():
		return usagef("%q: %s takes no arguments; `%s --help` shows what it takes", args[0], c.CommandPath(), c.CommandPath())
	}
	c.SuggestionsMinimumDistance = 2
	if names := c.SuggestionsFor(args[0]); len(names) > 0 {
		return usagef("there is no command %q; did you mean %q?", args[0], names[0])
	}
	return usagef("there is no command %q; `%s --help` lists the commands", args[0], c.CommandPath())
}

// verdict turns a result into the command's outcome.
func verdict(r *report.Result) error {
	switch r.Verdict {
	case report.Fail:
		return errFindings
	case report.Undone:
		return errUndone
	}
	return nil
}
