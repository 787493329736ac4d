package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/checks/remind"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// remindFlags are the flags of `pmcheck remind`.
type remindFlags struct {
	repo, state, slack, issue string
	refresh, dry              bool
}

func remindCommand(now func() time.Time) *cobra.Command {
	var f remindFlags
	c := &cobra.Command{
		Use:   "remind",
		Short: "Remind people of post-mortems that were not held and of action items that are due",
		Long: `Say once what people have to know: a post-mortem that is still a draft three working days
after the incident, a draft that nobody has touched for two weeks, action items that are
overdue or due this week. Each owner gets one message; nothing is said twice for the same
state, and nothing at all on a day on which nobody works (reminders: in .pmcheck.yml).

Without --slack or --issue the messages go to standard output. What was said is kept in the
file that --state names; below an issue the comments themselves remember it.

Exit status: 0 all was said, or there was nothing to say; 2 wrong use; 3 something could not
be said or asked, and is tried again by the next run.`,
		Example: `  pmcheck remind                                  what there is to say, each time
  pmcheck remind --slack '#orders' --state said.json   with SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL
  pmcheck remind --issue acme/orders#12 --refresh      with GITHUB_TOKEN
  pmcheck remind --slack '#orders' --state said.json --dry-run`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, now()) },
	}
	c.Flags().StringVar(&f.repo, "repo", "", "the repository (default: here)")
	c.Flags().StringVar(&f.slack, "slack", "", "send to this channel of Slack, by the token in SLACK_BOT_TOKEN; or by SLACK_WEBHOOK_URL, which has a channel of its own")
	c.Flags().StringVar(&f.issue, "issue", "", "comment on this issue of GitHub, `OWNER/NAME#NUMBER`, by the token in GITHUB_TOKEN")
	c.Flags().StringVar(&f.state, "state", "", "the file that keeps what was said; it is made by the first run")
	c.Flags().BoolVar(&f.refresh, "refresh", false, refreshUsage)
	c.Flags().BoolVar(&f.dry, "dry-run", false, "print what would be sent, and keep nothing")
	return c
}

func (f *remindFlags) run(c *cobra.Command, now time.Time) error {
	switch {
	case f.slack != "" && f.issue != "":
		return usagef("--slack and --issue: choose one, and run the command twice for both")
	case f.slack != "" && f.state == "":
		return usagef("--slack needs --state FILE, which keeps what was said: without it the same would be said each time")
	}
	l, err := checks.ReadLessons(c.Context(), f.repo)
	if err != nil {
		return err
	}
	address := ""
	if strings.HasPrefix(l.Address, gitHubSite()+"/") {
		address = l.Address
	}
	o, err := checks.RemindOptions(l.Reminders, address, now)
	if err != nil {
		return err
	}
	sender, memory, file, err := f.parties(c, l, now)
	if err != nil {
		return err
	}
	if !o.Works(now) {
		say(c.ErrOrStderr(), "%s is not a working day in %s: nothing is said", o.Today(now), l.Reminders.TimeZone)
		return nil
	}
	found, outcome := l.Facts(), error(nil)
	if f.refresh {
		if found, outcome, err = f.follow(c, l, file); err != nil {
			return err
		}
	}
	documents, err := l.Unheld(c.Context(), found, now)
	if err != nil {
		return err
	}
	did, err := remind.Run(c.Context(), documents, o, sender, memory)
	f.tell(c, did)
	if err != nil {
		return err
	}
	return outcome
}

// parties are who sends and who remembers; file is that of --state, nil without.
func (f *remindFlags) parties(c *cobra.Command, l *checks.Lessons, now time.Time) (sender remind.Sender, memory remind.Memory, file *remind.File, err error) {
	sender, memory = checks.RemindText(c.OutOrStdout()), remind.Forgetful{}
	if f.state != "" {
		if file, err = remind.OpenFile(f.state, now); err != nil {
			if errors.Is(err, remind.ErrFile) {
				err = usagef("--state: %w", err)
			}
			return nil, nil, nil, err
		}
		memory = file
	}
	switch {
	case f.slack != "":
		to, err := slack.FromEnv(os.Getenv)
		if err != nil {
			return nil, nil, nil, usagef("--slack: %w", err)
		}
		sender = checks.RemindSlack(to, f.slack)
	case f.issue != "":
		ref, ok := ghissues.ParseRef(f.issue, gitHubSite(), l.Repository)
		if !ok {
			return nil, nil, nil, usagef("--issue %q: expected OWNER/NAME#NUMBER, or the address of an issue at %s", f.issue, gitHubSite())
		}
		client, err := ghissues.New(os.Getenv("GITHUB_API_URL"), os.Getenv("GITHUB_TOKEN"))
		if err != nil {
			return nil, nil, nil, usagef("--issue: %w", err)
		}
		comments := checks.IssueReminders{Client: client, Issue: ref, Now: now}
		sender, memory = comments, comments
	}
	if f.dry {
		sender, memory = checks.RemindText(c.OutOrStdout()), onlyRead{memory}
	}
	return sender, memory, file, nil
}

// onlyRead is a memory that a dry run leaves as it is.
type onlyRead struct{ remind.Memory }

func (onlyRead) Remember(context.Context, []string) error { return nil }

// follow asks GitHub about the items' issues. What it answered is kept in the file for the next run, which then asks for changes.
func (f *remindFlags) follow(c *cobra.Command, l *checks.Lessons, file *remind.File) (documents []facts.Postmortem, outcome, err error) {
	known := map[string]ghissues.State{} // by owner/name#number
	if file != nil {
		if err := file.Issues(&known); err != nil {
			return nil, nil, usagef("--state: %w", err)
		}
	}
	before := map[ghissues.Ref]ghissues.State{}
	for name, state := range known {
		if r, ok := ghissues.ParseRef(name, gitHubSite(), ""); ok {
			before[r] = state
		}
	}
	followed, outcome, err := follow(c, l, before)
	if err != nil || file == nil || f.dry {
		return followed.Documents, outcome, err
	}
	after := map[string]ghissues.State{}
	for r, state := range followed.States {
		after[r.String()] = state
	}
	return followed.Documents, outcome, file.KeepIssues(after)
}

// tell says what was done.
func (f *remindFlags) tell(c *cobra.Command, did remind.Outcome) {
	before := ""
	if did.Known > 0 {
		before = fmt.Sprintf("; %d %s of before not repeated", did.Known, plural(did.Known, "reminder"))
	}
	n := len(did.Messages)
	switch {
	case n == 0:
		say(c.ErrOrStderr(), "nothing to say%s", before)
	case f.dry:
		say(c.ErrOrStderr(), "%d %s would be sent%s", n, plural(n, "message"), before)
	case f.slack != "" || f.issue != "":
		say(c.ErrOrStderr(), "%d %s sent%s", n, plural(n, "message"), before)
	case before != "":
		say(c.ErrOrStderr(), "%s", strings.TrimPrefix(before, "; "))
	}
}
