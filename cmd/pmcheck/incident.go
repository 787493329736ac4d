package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pmcheck/pmcheck/checks/incident"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/slack"
)

func incidentCommand(now func() time.Time) *cobra.Command {
	c := &cobra.Command{
		Use:   "incident",
		Short: "Open a Slack channel for an incident, keep its phases, and begin its post-mortem when it is over",
		Long: `An incident is kept in a small file, .pmcheck/incidents/ID.json below the working
directory, or the one that --file names. Keep it where the next command finds it: a cache,
a workspace, the repository. Commands without --file and --id take the one that is open.

SLACK_BOT_TOKEN is the token of a bot. docs/incidents.md lists the scopes that each
command needs, and what it does without them.

Exit status: 0 done; 2 wrong use; 3 Slack could not be asked, or refused something that
was asked for. What could be done then stands, and is named.`,
		Example: `  pmcheck incident open --title "Orders 500s" --severity SEV-2 --invite on-call=@db-oncall --report gate.json
  pmcheck incident update --phase mitigate --note "rolling back"
  pmcheck incident close`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(incidentOpen(now), incidentUpdate(now), incidentClose(now))
	return c
}

// incidentFlags say which incident is meant.
type incidentFlags struct{ file, id string }

func (f *incidentFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "file", "", "the incident's file (default: "+incident.Folder+"/ID.json)")
	c.Flags().StringVar(&f.id, "id", "", "its id, which is its channel's name too")
}

func (f *incidentFlags) find() (*incident.State, error) {
	var s *incident.State
	var err error
	switch {
	case f.file != "":
		s, err = incident.Load(f.file)
	case f.id != "":
		if err := incident.CheckID(f.id); err != nil {
			return nil, usagef("--id: %w", err)
		}
		s, err = incident.Load(incident.Path(f.id))
	default:
		s, err = incident.Find()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("there is no such incident: %w", err)
	case err != nil:
		return nil, usagef("%w", err)
	case f.id != "" && f.id != s.ID:
		return nil, usagef("%s is %s, and not %s", f.file, s.ID, f.id)
	}
	return s, nil
}

// desk is the way to Slack.
func desk(now func() time.Time) (*incident.Desk, error) {
	client, err := slack.New(os.Getenv(slack.AddressVariable), os.Getenv(slack.TokenVariable))
	if err != nil {
		return nil, usagef("%w", err)
	}
	return &incident.Desk{Client: client, Now: now}, nil
}

// notes says what was asked for and could not be done; then the command has not done all.
func notes(w io.Writer, d *incident.Desk) error {
	for _, note := range d.Notes {
		fmt.Fprintln(w, "pmcheck: "+report.Printable(note))
	}
	if len(d.Notes) > 0 {
		return errUndone
	}
	return nil
}

func incidentOpen(now func() time.Time) *cobra.Command {
	var which incidentFlags
	var deploy deployFlags
	var o incident.Opening
	var invite []string
	var started string
	var dryRun bool
	c := &cobra.Command{
		Use:   "open --title TITLE",
		Short: "Make the incident's channel, say there what is known, and invite people",
		Long: `Makes the channel inc-DAY-WORDS, sets its topic, posts a summary with links to the deploy,
the change and the findings, pins it and invites people. Where Slack does not let the bot
make a channel, the incident gets a thread in --fallback-channel, which says so.

Opening it again goes on where it stopped, and makes no second channel: the incident is
known by its file, and without the file by the name of its channel, which says whose it is.
A channel of that name that is another's gives this one a number.`,
		Example: `  pmcheck incident open --title "Orders 500s" --severity SEV-2 --service orders \
    --invite on-call=alice@acme.example --invite @db-oncall --report gate.json --fallback-channel '#incidents'
  pmcheck incident open --title "Orders 500s" --dry-run`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if strings.TrimSpace(o.Title) == "" {
				return usagef("say what happens: --title \"Orders 500s\"")
			}
			for _, text := range invite {
				i, err := incident.ParseInvitation(text)
				if err != nil {
					return usagef("--invite: %w", err)
				}
				o.Invite = append(o.Invite, i)
			}
			var err error
			if o.Started, err = moment("--started-at", started); err != nil {
				return err
			}
			if o.Deploy, err = deploy.read(); err != nil {
				return err
			}
			o.File, o.ID = which.file, which.id
			s, going, err := o.Plan(now())
			if err != nil {
				return usagef("%w", err)
			}
			out := c.OutOrStdout()
			if dryRun {
				return planned(out, s, &o, going)
			}
			d, err := desk(now)
			if err != nil {
				return err
			}
			word := "opened"
			if going && s.Channel.Summary != "" {
				word = "is open"
			}
			if err := d.Open(c.Context(), s, &o); err != nil {
				return fmt.Errorf("%w. Open it again to go on: %s has what is done", err, s.File())
			}
			fmt.Fprintln(out, report.Printable(fmt.Sprintf("%s %s: #%s, %s", s.ID, word, s.Channel.Name, s.File())))
			if !s.Channel.Own {
				fmt.Fprintln(out, report.Printable("it is a thread there, and has no channel of its own: "+s.Channel.Reason))
			}
			return notes(c.ErrOrStderr(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Title, "title", "", "what happens, in a few words")
	f.StringVar(&o.Severity, "severity", "", "such as SEV-2")
	f.StringArrayVar(&o.Services, "service", nil, "a service that is hit; may be given again")
	f.StringVar(&o.Phase, "phase", "", "detect (default), triage, mitigate or resolve")
	f.StringVar(&started, "started-at", "", "when it began, such as 2026-03-03T14:05:00Z")
	f.StringArrayVar(&invite, "invite", nil, "somebody to invite, `[ROLE=]WHO`: an e-mail address, an id, or a user group as @db-oncall; may be given again")
	f.StringVar(&o.Fallback, "fallback-channel", "", "the channel for a thread where none can be made, its id or #name (default: "+channelVariable+")")
	f.BoolVar(&o.Private, "private", false, "make a private channel")
	f.BoolVar(&dryRun, "dry-run", false, "print what would be done, and ask nobody")
	which.add(c)
	deploy.add(c)
	c.PreRunE = func(*cobra.Command, []string) error {
		if o.Fallback == "" {
			o.Fallback = os.Getenv(channelVariable)
		}
		return checkPhase(o.Phase)
	}
	return c
}

func checkPhase(phase string) error {
	for _, known := range incident.Phases {
		if phase == known || phase == "" {
			return nil
		}
	}
	return usagef("--phase %q: expected %s", phase, strings.Join(incident.Phases, ", "))
}

// moment reads a flag's time; "" is the zero time.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usagef("%s %q is not a time with its zone, such as 2026-03-03T14:05:00Z", flag, text)
	}
	return at.UTC(), nil
}

func planned(w io.Writer, s *incident.State, o *incident.Opening, going bool) error {
	text := fmt.Sprintf("would make #%s, and keep it in %s\n", s.ID, s.File())
	if going {
		text = fmt.Sprintf("%s is open already, in %s; would do what is left\n", s.ID, s.File())
	}
	for _, i := range o.Invite {
		text += "would invite " + i.Who
		if i.Role != "" {
			text += " as " + i.Role
		}
		text += "\n"
	}
	_, err := fmt.Fprintln(w, report.Printable(text+"would post and pin:\n\n"+s.Summary()))
	return err
}

func incidentUpdate(now func() time.Time) *cobra.Command {
	var which incidentFlags
	var change incident.Change
	var at string
	var dryRun bool
	c := &cobra.Command{
		Use:   "update",
		Short: "Say a new phase, severity or note, and bring topic and summary up to date",
		Example: `  pmcheck incident update --phase mitigate --note "rolling back"
  pmcheck incident update --severity SEV-1 --at 2026-03-03T14:12:00Z`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if change.At, err = moment("--at", at); err != nil {
				return err
			}
			if err := checkPhase(change.Phase); err != nil {
				return err
			}
			s, err := which.find()
			if err != nil {
				return err
			}
			if dryRun {
				text, err := s.Note(change, now())
				if err != nil {
					return usagef("%w", err)
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), report.Printable("would say in #"+s.Channel.Name+":\n\n"+text))
				return err
			}
			d, err := desk(now)
			if err != nil {
				return err
			}
			text, err := s.Note(change, now())
			if err != nil {
				return usagef("%w", err)
			}
			if err := d.Update(c.Context(), s, text); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), report.Printable(fmt.Sprintf("%s: %s, said in #%s", s.ID, s.Phase(), s.Channel.Name)))
			return notes(c.ErrOrStderr(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&change.Phase, "phase", "", "the phase that begins: detect, triage, mitigate or resolve")
	f.StringVar(&change.Severity, "severity", "", "the severity from now on")
	f.StringVar(&change.Note, "note", "", "what is new, in a line")
	f.StringVar(&at, "at", "", "since when, such as 2026-03-03T14:12:00Z (default: now)")
	f.BoolVar(&dryRun, "dry-run", false, "print what would be said, and ask nobody")
	which.add(c)
	return c
}

// timelineOf reads what was said, or takes the incident's own rows where that is enough.
func timelineOf(ctx context.Context, d *incident.Desk, s *incident.State, alone bool) (*incident.Timeline, error) {
	if alone {
		return &incident.Timeline{Rows: s.Rows()}, nil
	}
	t, err := d.Read(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%w. Nothing was closed; --without-messages begins the post-mortem of the phases and notes alone", err)
	}
	return t, nil
}
