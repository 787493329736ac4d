package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pmcheck/pmcheck/checks/deploy"
	"github.com/pmcheck/pmcheck/checks/report"
)

func deployCommand(now func() time.Time) *cobra.Command {
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Watch a deploy after the merge: its endpoints, its metrics; say how it ended, and roll it back",
		Long: `These commands run in the job that deploys, after the deploy.

Exit status: 0 passed; 1 failed; 2 wrong use or configuration; 3 could not be
measured. Only 0 means that the deploy is well.`,
		Example: `  pmcheck deploy health --url https://shop.example.com/healthz
  pmcheck deploy gate --config gate.yml
  pmcheck deploy notify --outcome failed --report gate.json
  pmcheck deploy rollback --deploy-job deploy --by rerun --dry-run`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(deployHealth(), deployGate(), deployNotify(), deployRollback(now))
	return c
}

func deployHealth() *cobra.Command {
	var urls []string
	var config string
	var endpoint deploy.EndpointText
	h := &deploy.Health{}
	var out watchOutput
	c := &cobra.Command{
		Use:   "health",
		Short: "Wait until endpoints are healthy, several times in a row",
		Long: `All endpoints are asked side by side, in rounds. It passes when every one of them
was healthy in --stable rounds in a row: a service that answers once may still be
about to fail.

Exit status: 0 passed; 1 an endpoint answered wrongly, or no longer; 2 wrong use;
3 an endpoint never answered (no such host, connection refused, no answer in
time), so that nothing is known of it.`,
		Example: `  pmcheck deploy health --url https://shop.example.com/healthz
  pmcheck deploy health --url https://a.example.com --url https://b.example.com --status 200-299 --stable 10
  pmcheck deploy health --config health.yml --format json=health.json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			if config != "" {
				for _, name := range []string{"url", "method", "status", "body", "header", "timeout", "follow-redirects"} {
					if c.Flags().Changed(name) {
						return usagef("--%s and --config: endpoints stand in the file, or in flags", name)
					}
				}
				read, err := readHealth(config)
				if err != nil {
					return err
				}
				if !c.Flags().Changed("interval") {
					h.Interval = read.Interval
				}
				if !c.Flags().Changed("tries") {
					h.Tries = read.Tries
				}
				if !c.Flags().Changed("stable") {
					h.Stable = read.Stable
				}
				h.Endpoints = read.Endpoints
			} else if len(urls) == 0 {
				return usagef("give --url, or --config with a list of endpoints; `%s --help` has examples", c.CommandPath())
			}
			for _, u := range urls {
				endpoint.URL = u
				e, err := endpoint.Endpoint()
				if err != nil {
					return usagef("--%w", err)
				}
				h.Endpoints = append(h.Endpoints, e)
			}
			if err := h.Check(); err != nil {
				return usagef("%w", err)
			}
			h.Observe = func(change deploy.HealthChange) {
				out.line(change.Changed, "%s  %d/%d  %s  %s", change.Try.At.Format(time.TimeOnly), change.Try.Round, h.Tries, change.Endpoint, change.Try.Message)
			}
			r := h.Run(c.Context())
			return out.end(r.Verdict, r.Reason, r)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&urls, "url", nil, "an endpoint; several times for several")
	f.StringVar(&config, "config", "", "read the endpoints from this YAML file")
	f.StringVar(&endpoint.Method, "method", http.MethodGet, "GET, HEAD, POST or OPTIONS")
	f.StringVar(&endpoint.Status, "status", deploy.DefaultStatus, "the status that is healthy, or a range such as 200-299")
	f.StringVar(&endpoint.Body, "body", "", "a regular expression that the body has to match")
	f.StringArrayVar(&endpoint.Headers, "header", nil, "a header to send, 'Key: value'; secrets belong in --config, as env")
	f.DurationVar(&endpoint.Timeout, "timeout", deploy.DefaultTimeout, "how long an endpoint may take for a whole answer")
	f.BoolVar(&endpoint.FollowRedirects, "follow-redirects", false, "follow redirects, within the same host")
	f.DurationVar(&h.Interval, "interval", deploy.DefaultInterval, "from one round to the next")
	f.IntVar(&h.Tries, "tries", deploy.DefaultTries, "how many rounds at most")
	f.IntVar(&h.Stable, "stable", deploy.DefaultStable, "how many rounds in a row all endpoints have to be healthy")
	out.add(c)
	return c
}

func readHealth(file string) (*deploy.Health, error) {
	content, err := deploy.ReadFile(file)
	if err != nil {
		return nil, usagef("--config: %w", err)
	}
	h, err := deploy.ReadHealth(file, content, os.LookupEnv)
	if err != nil {
		return nil, usagef("%w", err)
	}
	return h, nil
}

func deployGate() *cobra.Command {
	var config string
	out := watchOutput{html: true}
	c := &cobra.Command{
		Use:   "gate",
		Short: "Measure metrics for a while, and fail when they leave their limits",
		Long: `The file lists metrics in the words of Argo Rollouts' analysis: where a value comes
from (Prometheus, Datadog, or JSON over HTTP), how often it is measured, which
conditions it has to meet, and how many bad measurements it may have. The metrics are
measured side by side; the first that does not succeed ends the gate.

With steps (setWeight, pause, analysis) it leads a canary: a command of yours shifts
traffic to each weight, and when the gate does not pass, traffic is taken back.

Exit status: 0 all succeeded; 1 one failed, or traffic could not be shifted; 2 wrong
configuration; 3 one could not be measured, or was inconclusive: no data, not a number,
between its two conditions.`,
		Example: `  pmcheck deploy gate --config gate.yml
  pmcheck deploy gate --config gate.yml --format json=gate.json --format html=gate.html`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := out.check(c); err != nil {
				return err
			}
			if config == "" {
				return usagef("give --config, a YAML file with metrics")
			}
			content, err := deploy.ReadFile(config)
			if err != nil {
				return usagef("--config: %w", err)
			}
			g, err := deploy.ReadGate(config, content, os.LookupEnv)
			if err != nil {
				return usagef("%w", err)
			}
			if err := g.Check(); err != nil {
				return usagef("%s: %w", config, err)
			}
			g.Output = func(line string) { out.line(true, "    %s", line) }
			g.ObserveStep = func(s deploy.StepChange) { out.line(true, "%s  %s", s.At.Format(time.TimeOnly), s) }
			g.Observe = func(m deploy.MetricChange) {
				out.line(m.Changed, "%s  %s  %d/%d  %s", m.Measurement.At.Format(time.TimeOnly), m.Metric, m.Count, m.Of, m.Measurement)
			}
			r := g.Run(c.Context())
			return out.end(r.Verdict, r.Reason, r)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the YAML file with the metrics")
	out.add(c)
	return c
}

// watchOutput says what is measured while it is, and writes the record of it.
type watchOutput struct {
	html    bool // the record can be a page too
	formats []string

	lines   io.Writer // where lines go
	live    bool      // each measurement is a line, not only what changes
	records []string  // files for the record, "" = standard output
	pages   []string  // files for the page
	stdout  io.Writer
}

func (o *watchOutput) add(c *cobra.Command) {
	names, usage := []string{"text", "json"}, "text or json; several times as `FORMAT=FILE` for json (default: text)"
	if o.html {
		names, usage = append(names, "html="), "text or json; several times as `FORMAT=FILE` for json and html (default: text)"
	}
	c.Flags().StringArrayVar(&o.formats, "format", nil, usage)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// check reads the flags. The lines give way to a record on standard output, and go to standard error.
func (o *watchOutput) check(c *cobra.Command) error {
	o.stdout, o.lines = c.OutOrStdout(), c.OutOrStdout()
	for _, value := range o.formats {
		name, file, named := strings.Cut(value, "=")
		switch {
		case value == "text":
		case name == "json" && named == (file != ""):
			o.records = append(o.records, file)
			if file == "" {
				o.lines = c.ErrOrStderr()
			}
		case o.html && name == "html" && file != "":
			o.pages = append(o.pages, file)
		case o.html:
			return usagef("--format %q: expected text, json, json=FILE or html=FILE", value)
		default:
			return usagef("--format %q: expected text, json or json=FILE", value)
		}
	}
	if file, ok := o.lines.(*os.File); ok {
		o.live = term.IsTerminal(int(file.Fd()))
	}
	return nil
}

func (o *watchOutput) line(changed bool, format string, args ...any) {
	if changed || o.live {
		fmt.Fprintln(o.lines, report.Printable(fmt.Sprintf(format, args...)))
	}
}

// end prints the verdict, writes the records, and gives the command's outcome.
func (o *watchOutput) end(v deploy.Verdict, reason string, record any) error {
	word := map[deploy.Verdict]string{deploy.Passed: "PASS", deploy.Failed: "FAIL", deploy.Unmeasured: "NOT MEASURED"}[v]
	return o.endAs(word, v, reason, record)
}

// endAs is end, with a word of its own for the verdict.
func (o *watchOutput) endAs(word string, v deploy.Verdict, reason string, record any) error {
	o.line(true, "%s  %s", word, reason)
	text, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record: %w", err)
	}
	text = append(text, '\n')
	var failed []error
	for _, file := range o.records {
		if file == "" {
			_, err = o.stdout.Write(text)
		} else {
			err = os.WriteFile(file, text, 0o666)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("write the record: %w", err))
		}
	}
	for _, file := range o.pages {
		var page bytes.Buffer
		if err = record.(interface{ HTML(io.Writer) error }).HTML(&page); err == nil {
			err = os.WriteFile(file, page.Bytes(), 0o666)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("write the page: %w", err))
		}
	}
	switch {
	case v == deploy.Failed && len(failed) == 0:
		return errFindings
	case v == deploy.Unmeasured && len(failed) == 0:
		return errUndone
	}
	return errors.Join(failed...)
}
