package githubapp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/checks/incident"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// slackStarter tells a Slack channel of a failed deploy, and opens an incident; what follows goes to the same places.
type slackStarter struct {
	client *slack.Client
	folder string // of the incidents' files
	site   string // of GitHub
	now    func() time.Time
	log    *slog.Logger
}

// begunDeploy is what was started for a deploy, as the store keeps it.
type begunDeploy struct {
	Message slack.Posted `json:"message,omitzero"`  // the one that tells of the failure
	Sending bool         `json:"sending,omitempty"` // it may stand there, although Message does not say so
	Told    string       `json:"told,omitempty"`    // the newest state that the channel was told of

	Incident json.RawMessage `json:"incident,omitempty"` // its file
	Opened   bool            `json:"opened,omitempty"`
	Noted    string          `json:"noted,omitempty"` // the newest state that the incident was told of
}

// following is one call of Start.
type following struct {
	*slackStarter
	deploy job.Deploy
	begun  begunDeploy
	keep   func(string) error
}

// Start tells the channel and brings the incident up to date. A message that may have been sent and was not kept is looked
// for first; one about a rerun is rather lost than said twice.
func (s *slackStarter) Start(ctx context.Context, d job.Deploy, begun string, keep func(string) error) error {
	f := &following{slackStarter: s, deploy: d, keep: keep}
	if begun != "" {
		if err := json.Unmarshal([]byte(begun), &f.begun); err != nil {
			return fmt.Errorf("what was begun cannot be read: %w", err)
		}
	}
	var problems []error
	if d.Notify != "" {
		problems = append(problems, f.notify(ctx))
	}
	if d.Incident != "" {
		problems = append(problems, f.incident(ctx))
	}
	return errors.Join(problems...)
}

func (f *following) save() error {
	text, err := json.Marshal(f.begun)
	if err != nil {
		return err
	}
	return f.keep(string(text))
}

// state tells one state of a deploy from the one before.
func (f *following) state() string {
	return fmt.Sprintf("%s %d %s", f.deploy.State, f.deploy.Failures, strings.Join(f.deploy.FailedJobs(), " "))
}

// news says in a sentence what has happened since.
func (f *following) news() string {
	d := f.deploy
	if d.State == job.DeployRecovered {
		return "A rerun of the deploy succeeded."
	}
	what := "The deploy failed"
	if d.Failures > 1 {
		what = fmt.Sprintf("The deploy failed again, for the %s time", ordinal(d.Failures))
	}
	if jobs := d.FailedJobs(); len(jobs) > 0 {
		what += ", in " + strings.Join(jobs, ", ")
	}
	return what + "."
}

func ordinal(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2 && n%100 != 12:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3 && n%100 != 13:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// details are the deploy in the words of package incident.
func (f *following) details() incident.Deploy {
	d := f.deploy
	_, name, _ := strings.Cut(d.Repository, "/")
	ref := d.Branch
	if d.Tag != "" {
		ref = d.Tag
	}
	return incident.Deploy{Service: name, WorkflowURL: d.URL, Commit: d.Commit, Ref: ref, Repository: strings.TrimSuffix(f.site, "/") + "/" + d.Repository}
}

// tag is how a message is known again.
func (f *following) tag() string {
	sum := sha256.Sum256([]byte(f.deploy.Key))
	return fmt.Sprintf("`pipeline %d %s`", f.deploy.Pipeline, hex.EncodeToString(sum[:5]))
}

// notify tells the channel: a message at the first failure, and replies to it.
func (f *following) notify(ctx context.Context) error {
	state := f.state()
	switch {
	case f.begun.Message.TS == "":
		if f.begun.Sending {
			f.begun.Message = f.sent(ctx)
		}
		if f.begun.Message.TS == "" {
			if err := f.first(ctx); err != nil {
				return err
			}
		}
		f.begun.Sending, f.begun.Told = false, state
		return f.save()
	case f.begun.Told == state:
		return nil
	}
	before := f.begun.Told
	f.begun.Told = state
	if err := f.save(); err != nil {
		f.begun.Told = before
		return err
	}
	text := slack.Escape(f.news(), 500)
	if f.deploy.URL != "" {
		text += " " + slack.Link(f.deploy.URL, "workflow")
	}
	_, err := f.client.Send(ctx, slack.Message{Channel: f.begun.Message.Channel, Thread: f.begun.Message.TS, Text: text})
	if err != nil && !unsure(err) {
		f.begun.Told = before
		return errors.Join(err, f.save())
	}
	return nil
}

// first sends the message that tells of the failure.
func (f *following) first(ctx context.Context) error {
	f.begun.Sending = true
	if err := f.save(); err != nil {
		return err
	}
	details := f.details()
	note := ""
	if jobs := f.deploy.FailedJobs(); len(jobs) > 0 {
		note = "It ended in " + strings.Join(jobs, ", ") + "."
	}
	text := details.Message(incident.Failed, note) + "\n" + f.tag()
	posted, err := f.client.Send(ctx, slack.Message{Channel: f.deploy.Notify, Text: text})
	if unsure(err) {
		if posted = f.sent(ctx); posted.TS != "" {
			err = nil
		}
	}
	if err != nil && !unsure(err) {
		f.begun.Sending = false
		return errors.Join(err, f.save())
	}
	f.begun.Message = posted
	return err
}

func unsure(err error) bool {
	var e *slack.Error
	return errors.As(err, &e) && e.Unsure
}

// sent looks for the message among the channel's newest. Where that is not allowed, it counts as not sent.
func (f *following) sent(ctx context.Context) slack.Posted {
	channel := f.deploy.Notify
	if name, isName := strings.CutPrefix(channel, "#"); isName {
		channel = f.channel(ctx, name)
	}
	if channel == "" {
		return slack.Posted{}
	}
	page, err := f.client.API().GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{ChannelID: channel, Limit: 200})
	if err != nil {
		f.log.WarnContext(ctx, "whether Slack has the message about a failed deploy could not be seen", "channel", channel, "error", err)
		return slack.Posted{}
	}
	for _, m := range page.Messages {
		if m.BotID != "" && strings.Contains(m.Text, f.tag()) {
			return slack.Posted{Channel: channel, TS: m.Timestamp}
		}
	}
	return slack.Posted{}
}

// channel is the id of a channel, "" where it is not found.
func (f *following) channel(ctx context.Context, name string) string {
	ask := &slackgo.GetConversationsParameters{ExcludeArchived: true, Limit: 1000, Types: []string{"public_channel"}}
	for {
		page, next, err := f.client.API().GetConversationsContext(ctx, ask)
		if err != nil {
			f.log.WarnContext(ctx, "Slack's channels could not be listed", "error", err)
			return ""
		}
		for _, c := range page {
			if c.Name == name {
				return c.ID
			}
		}
		if next == "" || next == ask.Cursor {
			return ""
		}
		ask.Cursor = next
	}
}

// incident opens the incident, or says in it what is new. Its file is where `pmcheck incident` finds it too; the store has a
// copy, for a process that runs elsewhere.
func (f *following) incident(ctx context.Context) error {
	title := strings.Join(strings.Fields(fmt.Sprintf("%s %s %d failed", f.details().Service, f.deploy.Workflow, f.deploy.Pipeline)), " ")
	id := incident.ID(f.deploy.Failed, title)
	file := filepath.Join(f.folder, id+".json")
	if err := f.restore(file); err != nil {
		return err
	}
	if s, err := incident.Load(file); err == nil && !s.IsOpen() {
		return nil // somebody has closed it
	}
	o := incident.Opening{
		Title: title, ID: id, File: file, Severity: f.deploy.Incident, Services: []string{f.details().Service}, Started: f.deploy.Failed,
		Deploy: f.details(), Fallback: f.deploy.Notify,
	}
	s, _, err := o.Plan(f.now())
	if err != nil {
		return err
	}
	desk := &incident.Desk{Client: f.client, Now: f.now}
	defer func() {
		for _, note := range desk.Notes {
			f.log.WarnContext(ctx, "a part of an incident could not be done", "incident", id, "note", note)
		}
	}()
	state := f.state()
	switch {
	case !f.begun.Opened:
		opened := desk.Open(ctx, s, &o)
		f.begun.Opened, f.begun.Noted = opened == nil, state
		if opened == nil {
			f.log.InfoContext(ctx, "an incident was opened", "incident", id, "channel", s.Channel.Name)
		}
		return errors.Join(opened, f.copy(file))
	case f.begun.Noted == state:
		return nil
	}
	before := f.begun.Noted
	text, err := s.Note(incident.Change{Note: f.news()}, f.now())
	if err != nil {
		return err
	}
	f.begun.Noted = state
	if err := f.save(); err != nil {
		f.begun.Noted = before
		return err
	}
	if err := desk.Update(ctx, s, text); err != nil {
		if !unsure(err) {
			f.begun.Noted = before
		}
		return errors.Join(err, f.copy(file))
	}
	return f.copy(file)
}

// copy keeps the incident's file in the store.
func (f *following) copy(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f.begun.Incident = content
	return f.save()
}

// restore writes the incident's file where only the store has it.
func (f *following) restore(file string) error {
	if len(f.begun.Incident) == 0 {
		return nil
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, f.begun.Incident, 0o600)
}
