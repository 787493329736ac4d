package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/githubapp/setup"
	"github.com/pmcheck/pmcheck/checks/report"
)

func appCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "app",
		Short: "Make the GitHub App that pmcheck serve runs",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(appCreateCommand(openBrowser))
	return c
}

// appCreateCommand makes an App. open shows a page to the person.
func appCreateCommand(open func(ctx context.Context, page string) error) *cobra.Command {
	var creation setup.Creation
	files := setup.Files{}
	var noBrowser bool
	c := &cobra.Command{
		Use:   "create --url URL",
		Short: "Make a GitHub App with exactly the permissions that pmcheck needs",
		Long: `Make a GitHub App: a page on this machine hands GitHub its description, you confirm it
there, and its configuration and secrets are written into files that only you can read.
The App belongs to you or your organization; nobody else has its keys.

--url is where GitHub will reach pmcheck serve. It need not answer yet.`,
		Example: `  pmcheck app create --org acme --url https://pmcheck.acme.dev
  pmcheck app create --url https://pmcheck.acme.dev --github https://github.acme.dev`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := files.Vacant(); err != nil {
				return usagef("%w", err)
			}
			w := c.OutOrStdout()
			creation.Ready = func(page string) {
				fmt.Fprintf(w, "Open %s and confirm the App at GitHub. Ctrl-C ends this.\n", page)
				if noBrowser {
					return
				}
				if err := open(c.Context(), page); err != nil {
					fmt.Fprintf(w, "No browser was opened (%s). From another machine, reach the page with\n`ssh -L PORT:127.0.0.1:PORT` for the port above; --port chooses it.\n", report.Printable(err.Error()))
				}
			}
			creation.Save = func(app setup.App) error { return files.Keep(app, creation.GitHub, creation.Public) }
			app, err := creation.Run(c.Context())
			if errors.Is(err, setup.ErrUse) {
				return usagef("%w", err)
			}
			if err != nil {
				return err
			}
			printCreated(w, app, files)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&creation.Public, "url", "", "`URL` at which GitHub reaches pmcheck serve (required)")
	f.StringVar(&creation.Org, "org", "", "the organization that will own the App (default: you)")
	f.StringVar(&creation.GitHub, "github", "https://github.com", "`URL` of a GitHub Enterprise Server, or of a company's ghe.com")
	f.StringVar(&creation.Name, "name", "", "the App's name, which must be free on all of GitHub (default: pmcheck-ORG); you can change it when you confirm")
	f.StringVar(&files.Config, "out", "pmcheck-app.yml", "`FILE` for the configuration; the secrets are put beside it")
	f.IntVar(&creation.Port, "port", 0, "the port of the page on this machine (default: any that is free)")
	f.BoolVar(&noBrowser, "no-browser", false, "do not open a browser")
	f.BoolVar(&files.Force, "force", false, "replace files that exist")
	return c
}

func printCreated(w io.Writer, app setup.App, files setup.Files) {
	fmt.Fprintf(w, "\nThe App %s of %s is made. Written, for you alone to read:\n", report.Printable(app.Name), report.Printable(app.Owner))
	for _, path := range files.Paths() {
		fmt.Fprintf(w, "  %s\n", report.Printable(path))
	}
	config := report.Printable(files.Config)
	fmt.Fprintf(w, `
Keep them out of git. Next:
  pmcheck serve --config %s    answer GitHub at the address that you gave
  pmcheck doctor --config %s   see whether all is well
  %s   install the App on repositories
Then open a pull request, and make its check required in the branch's rules.
`, config, config, report.Printable(app.InstallURL()))
}

// openBrowser shows a page in the person's browser, if this machine has one with a screen.
func openBrowser(ctx context.Context, page string) error {
	var name string
	args := []string{page}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", page}
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return errors.New("there is no display")
		}
		name = "xdg-open"
	}
	command := exec.CommandContext(ctx, name, args...)
	if err := command.Start(); err != nil {
		return err
	}
	go func() { _ = command.Wait() }() // some browsers live as long as their window
	return nil
}
