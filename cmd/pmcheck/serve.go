package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pmcheck/pmcheck/checks/githubapp"
)

func serveCommand(now func() time.Time) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Be the GitHub App: webhooks in, check runs out",
		Long: `Run the GitHub App: GitHub sends its webhooks to URL/webhook, and each pull request
and merge group gets a check run with the verdict of pmcheck check.

Each setting can be given as a flag, in the environment (PMCHECK_ and the flag's
name in capitals, with underscores), or in a YAML file (the name with underscores),
whose paths start from its folder; the first of these that has it counts. Secrets are
read from files.

SIGTERM ends it: checks that run are finished or handed back. Exit status: 0 ended by
a signal, 2 wrong configuration, 3 it could not run.`,
		Example: `  pmcheck serve --config pmcheck-app.yml
  pmcheck serve --app-id 1234 --private-key-file app.pem --webhook-secret-file webhook.secret`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			given := map[string]string{}
			c.Flags().Visit(func(f *pflag.Flag) { given[f.Name] = f.Value.String() })
			config, err := githubapp.Load(file, given, os.Getenv)
			if err != nil {
				return usagef("%w", err)
			}
			config.Version, config.Now = version(), now
			config.Log = slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: config.LogLevel}))
			app, err := githubapp.New(c.Context(), config)
			if err != nil {
				if errors.Is(err, githubapp.ErrConfig) {
					return usagef("%w", err)
				}
				return fmt.Errorf("start the App: %w", err)
			}
			return app.Run(c.Context())
		},
	}
	c.Flags().StringVar(&file, "config", "", "a YAML `FILE` with settings")
	for _, o := range githubapp.Options() {
		c.Flags().Var(&optionFlag{o.Default, o.Value}, o.Name, o.Usage)
	}
	return c
}

// optionFlag is a setting of the App on the command line; githubapp.Load says what is wrong with it.
type optionFlag struct{ value, kind string }

func (f *optionFlag) String() string         { return f.value }
func (f *optionFlag) Set(value string) error { f.value = value; return nil }
func (f *optionFlag) Type() string           { return f.kind }
