package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/hook"
	"github.com/pmcheck/pmcheck/checks/report"
)

func hookCommand(now func() time.Time) *cobra.Command {
	c := &cobra.Command{
		Use:   "hook",
		Short: "Judge what is pushed, before it is pushed",
		Example: `  pmcheck hook install
  pmcheck hook uninstall`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(hookInstallCommand(), hookUninstallCommand(), hookRunCommand(now))
	return c
}

func hookInstallCommand() *cobra.Command {
	var repo string
	var chain bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Have git run pmcheck before each push from this clone",
		Long: `Write the pre-push hook of this clone; its worktrees share it. core.hooksPath is
heeded. A hook that is there already is never overwritten: --chain keeps it, and
runs it first.`,
		Example: "  pmcheck hook install\n  pmcheck hook install --chain",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			path, err := hook.Install(c.Context(), repo, program, chain)
			switch {
			case errors.Is(err, hook.ErrOther) && !chain:
				return usagef("%w: it stays as it is; `pmcheck hook install --chain` keeps it and runs it first, or add to it the line `%s`", err, hook.Line)
			case errors.Is(err, hook.ErrOther):
				return usagef("%w", err)
			case errors.Is(err, hook.ErrShared):
				return usagef("%w; add there the line `%s`, or give this clone hooks of its own: git config core.hooksPath .git/hooks", err, hook.Line)
			case err != nil:
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "git push now runs pmcheck first: %s\nTo push all the same, once: git push --no-verify\n", report.Printable(path))
			return nil
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "a directory in a clone (default: here)")
	c.Flags().BoolVar(&chain, "chain", false, "keep a pre-push hook that is there already, and run it first")
	return c
}

func hookUninstallCommand() *cobra.Command {
	var repo string
	c := &cobra.Command{
		Use:     "uninstall",
		Short:   "Take the hook away, and put back the one that was there before",
		Example: "  pmcheck hook uninstall",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, restored, err := hook.Uninstall(c.Context(), repo)
			switch {
			case errors.Is(err, hook.ErrNone), errors.Is(err, hook.ErrShared):
				return usagef("%w", err)
			case err != nil:
				return err
			case restored:
				fmt.Fprintf(c.OutOrStdout(), "%s is what it was before pmcheck\n", report.Printable(path))
			default:
				fmt.Fprintf(c.OutOrStdout(), "%s is removed\n", report.Printable(path))
			}
			return nil
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "a directory in a clone (default: here)")
	return c
}

func hookRunCommand(now func() time.Time) *cobra.Command {
	var repo string
	c := &cobra.Command{
		Use:   "run pre-push [REMOTE [URL]]",
		Short: "Be the hook: judge the refs that git names on standard input",
		Long: `Judge what a push brings to the remote: each branch and tag is compared with where
it left the remote's default branch, and findings in what this push brings are
reported. Deleted refs, and what the remote has already, are left out.

The refs are read from standard input, as git gives them to a pre-push hook, or from
the environment that pre-commit sets. Exit status: as pmcheck check.`,
		Example: `  pmcheck hook run pre-push origin      in .git/hooks/pre-push, with "$@" for origin`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] != hook.PrePush || len(args) > 3 {
				return usagef("name the hook, and what git gives to it: pmcheck hook run pre-push [REMOTE [URL]]")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			remote := ""
			if len(args) > 1 {
				remote = args[1]
			}
			updates, fromPreCommit := hook.FromPreCommit(os.Getenv)
			if fromPreCommit {
				remote = os.Getenv("PRE_COMMIT_REMOTE_NAME")
			} else {
				if file, ok := c.InOrStdin().(*os.File); ok && term.IsTerminal(int(file.Fd())) {
					return usagef("this is what git runs before a push, with the refs on standard input: `pmcheck hook install` arranges it, and plain `pmcheck` judges this branch")
				}
				var err error
				if updates, err = hook.ReadUpdates(c.InOrStdin()); err != nil {
					return usagef("%w", err)
				}
			}
			return prePush(c, repo, remote, updates, now())
		},
	}
	c.Flags().StringVar(&repo, "repo", "", "a directory in a clone (default: here)")
	return c
}

// prePush judges a push; it says nothing when nothing of it concerns a database.
func prePush(c *cobra.Command, dir, remote string, updates []hook.Update, now time.Time) error {
	w := c.ErrOrStderr()
	if len(updates) == 0 {
		return nil
	}
	repo, err := change.OpenRepo(c.Context(), dir)
	if err != nil {
		return err
	}
	pushes, notes, err := hook.Pushes(c.Context(), repo, remote, updates)
	if err != nil {
		return err
	}
	for _, note := range notes {
		say(w, "%s", note)
	}
	var worst error
	for _, push := range pushes {
		err := judgePush(c.Context(), w, dir, push, now)
		if worst == nil || errors.Is(worst, errFindings) && err != nil {
			worst = err // what could not be done counts more than findings
		}
	}
	if worst != nil {
		if !errors.Is(worst, errFindings) && !errors.Is(worst, errUndone) {
			say(w, "%s", worst)
			worst = fmt.Errorf("the push was not judged")
		}
		fmt.Fprintln(w, "To push all the same, once: git push --no-verify")
	}
	return worst
}

func judgePush(ctx context.Context, w io.Writer, dir string, push hook.Push, now time.Time) error {
	steps := progressOn(w)
	r, err := checks.Check(ctx, checks.Options{Repo: dir, Base: push.Base, Head: push.Head, Since: push.Since, Now: now, Progress: steps.step})
	steps.done()
	if err != nil {
		return fmt.Errorf("%s: %w", push.Name, err)
	}
	r.HeadName = push.Name
	outcome := verdict(r)
	if outcome != nil {
		o := report.Options{Quiet: true}
		if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
			o.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		}
		var b bytes.Buffer
		if err := report.Text(&b, r, o); err != nil {
			return err
		}
		fmt.Fprintf(w, "pmcheck: %s, which is being pushed, compared with %s\n\n%s", report.Printable(push.Name), report.Printable(push.Base), strings.TrimLeft(b.String(), "\n"))
		return outcome
	}
	if r.Judged > 0 {
		s := r.Summary()
		said := ""
		if s.Warning > 0 {
			said = fmt.Sprintf(", %d %s: run `pmcheck` to read them", s.Warning, plural(s.Warning, "warning"))
		}
		say(w, "%s: nothing in %d %s stops this push%s", push.Name, r.Judged, plural(r.Judged, "migration"), said)
	}
	return nil
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
