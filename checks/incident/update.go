package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// Change is news of an incident. What is empty remains as it was.
type Change struct {
	Phase    string
	Severity string
	Note     string
	At       time.Time // since when; the zero time = now
}

// message is the news as a message in mrkdwn; At is set.
func (c *Change) message() string {
	var parts []string
	if c.Phase != "" {
		parts = append(parts, "*"+c.Phase+"*")
	}
	if c.Severity != "" {
		parts = append(parts, "now *"+slack.Escape(c.Severity, 20)+"*")
	}
	text := strings.TrimSpace(strings.Join(parts, ", ") + " · " + clock(c.At))
	text = strings.TrimPrefix(text, "· ")
	if c.Note != "" {
		text += "\n" + slack.Escape(c.Note, 1000)
	}
	return text
}

// Note puts news into the incident, and not yet into its file. It gives the message for [Desk.Update].
func (s *State) Note(c Change, now time.Time) (string, error) {
	switch {
	case !s.IsOpen():
		return "", fmt.Errorf("%s is closed since %s", s.ID, clock(s.Closed))
	case c.Phase == "" && c.Severity == "" && c.Note == "":
		return "", errors.New("say what is new: a phase, a severity or a note")
	case c.Phase != "" && !slices.Contains(Phases, c.Phase):
		return "", fmt.Errorf("%q is no phase: %s", c.Phase, strings.Join(Phases, ", "))
	}
	if c.At.IsZero() {
		c.At = now
	}
	c.At = c.At.UTC().Truncate(time.Second)
	phase := Phase{Name: cmp.Or(c.Phase, s.Phase()), At: c.At, Severity: c.Severity, Note: c.Note}
	if c.Phase == "" { // a note belongs to the phase of its time
		for _, p := range s.Phases {
			if !p.At.After(c.At) {
				phase.Name = p.Name
			}
		}
	}
	s.Phases = append(s.Phases, phase)
	slices.SortStableFunc(s.Phases, func(a, b Phase) int { return a.At.Compare(b.At) })
	s.Severity = cmp.Or(c.Severity, s.Severity)
	return c.message(), nil
}

// Update keeps the incident, and says the text that [State.Note] gave. The file has the news even where Slack could not be told.
func (d *Desk) Update(ctx context.Context, s *State, text string) error {
	if err := s.save(); err != nil {
		return err
	}
	return d.tell(ctx, s, text)
}

// tell says something in the incident's channel or thread, and brings summary and topic up to date.
func (d *Desk) tell(ctx context.Context, s *State, text string) error {
	if s.Channel.ID == "" || s.Channel.Summary == "" {
		return fmt.Errorf("%s has nowhere to be talked about yet: open it again with the same flags", s.ID)
	}
	m := slack.Message{Channel: s.Channel.ID, Text: text}
	if !s.Channel.Own {
		m.Thread = s.Channel.Summary
	}
	if _, err := d.Client.Send(ctx, m); err != nil {
		return fmt.Errorf("%w. %s has it", err, s.file)
	}
	if _, _, _, err := d.Client.API().UpdateMessageContext(ctx, s.Channel.ID, s.Channel.Summary, slackgo.MsgOptionText(s.Summary(), false)); err != nil {
		d.note("the summary was not brought up to date: %v", err)
	}
	if s.Channel.Own {
		d.topic(ctx, s)
	}
	return s.save()
}
