package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/incident"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// channelVariable is the channel that messages go to without --channel, by the name that CircleCI's Slack orb has for it.
const channelVariable = "SLACK_DEFAULT_CHANNEL"

// deployFlags say what is known of a deploy: what the job's environment has, and what flags put in its place.
type deployFlags struct {
	reports []string
	given   incident.Deploy
}

func (f *deployFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.reports, "report", nil, "a JSON `FILE` of check, deploy health, deploy gate or deploy rollback: its findings, what goes out, its verdict; several times for several")
	c.Flags().StringVar(&f.given.Environment, "environment", "", "where it was deployed to, as production")
	c.Flags().StringVar(&f.given.BuildURL, "build-url", "", "the job that deploys (default: this job, in CircleCI and GitHub Actions)")
	c.Flags().StringVar(&f.given.Commit, "commit", "", "the commit that is deployed (default: this job's)")
	c.Flags().StringVar(&f.given.Repository, "repository", "", "the repository's page, as https://github.com/acme/orders, for links (default: this job's)")
}

// read gives the deploy. A file that cannot be read is a fault of the command line.
func (f *deployFlags) read() (incident.Deploy, error) {
	d := incident.FromEnvironment(os.Getenv)
	for _, field := range []struct{ to, given *string }{
		{&d.Environment, &f.given.Environment}, {&d.BuildURL, &f.given.BuildURL}, {&d.Commit, &f.given.Commit}, {&d.Repository, &f.given.Repository}, {&d.Service, &f.given.Service},
	} {
		if *field.given != "" {
			*field.to = *field.given
		}
	}
	if err := d.Check(); err != nil {
		return d, usagef("%w", err)
	}
	for _, file := range f.reports {
		if err := d.ReadReport(file); err != nil {
			return d, usagef("--report: %w", err)
		}
	}
	return d, nil
}

func deployNotify() *cobra.Command {
	var deploy deployFlags
	var outcome, channel, note string
	var dryRun bool
	outcomes := []string{string(incident.Passed), string(incident.Failed), string(incident.RolledBack)}
	c := &cobra.Command{
		Use:   "notify --outcome passed|failed|rolled-back",
		Short: "Say in a Slack channel how a deploy ended, with links to the job, the change and the findings",
		Long: `Posts one message. The job, the workflow, the commit and the branch are those of the job
that it runs in, in CircleCI and GitHub Actions; what goes out, the migrations and the
findings are read from the files that --report names.

It takes the token of a bot from SLACK_BOT_TOKEN (scope chat:write; the bot has to be in
the channel), else an incoming webhook from SLACK_WEBHOOK_URL, which has its own channel.
SLACK_API_URL is the address of the API where that is not https://slack.com/api/.

Exit status: 0 Slack has it; 2 wrong use; 3 Slack could not be asked, or refused.`,
		Example: `  pmcheck deploy notify --outcome failed --report pmcheck.json --report gate.json
  pmcheck deploy notify --outcome rolled-back --channel '#deploys' --note "back to 1233"
  pmcheck deploy notify --outcome passed --dry-run`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains(outcomes, outcome) {
				return usagef("--outcome %q: expected passed, failed or rolled-back", outcome)
			}
			d, err := deploy.read()
			if err != nil {
				return err
			}
			text := d.Message(incident.Outcome(outcome), note)
			if dryRun {
				fmt.Fprintln(c.OutOrStdout(), report.Printable(text))
				return nil
			}
			sender, err := slack.FromEnv(os.Getenv)
			if err != nil {
				return usagef("%w; or an incoming webhook's address as %s", err, slack.WebhookVariable)
			}
			if channel == "" {
				channel = os.Getenv(channelVariable)
			}
			if _, isWebhook := sender.(*slack.Webhook); !isWebhook && channel == "" {
				return usagef("say which channel: --channel '#deploys', or %s in the environment", channelVariable)
			}
			if _, err := sender.Send(c.Context(), slack.Message{Channel: channel, Text: text}); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "Slack has it")
			return nil
		},
	}
	c.Flags().StringVar(&outcome, "outcome", "", "how the deploy ended: passed, failed or rolled-back")
	_ = c.RegisterFlagCompletionFunc("outcome", cobra.FixedCompletions(outcomes, cobra.ShellCompDirectiveNoFileComp))
	c.Flags().StringVar(&channel, "channel", "", "the channel's id or #name (default: "+channelVariable+"); a webhook has its own")
	c.Flags().StringVar(&note, "note", "", "a line of your own")
	c.Flags().StringVar(&deploy.given.Service, "service", "", "what was deployed (default: the repository's name)")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print the message, and ask nobody")
	deploy.add(c)
	return c
}
