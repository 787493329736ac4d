package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// maxTopic is Slack's limit of a topic in characters; entities that stand for one count as they are written.
const maxTopic = 250

// Desk does in Slack what an incident needs.
type Desk struct {
	Client *slack.Client
	Now    func() time.Time
	// Notes are what was asked for and could not be done, while the rest was.
	Notes []string

	me string // the bot's user id, once it was asked for
}

// Opening is what an incident begins with.
type Opening struct {
	Title    string
	ID       string // "" = of the title and the day
	File     string // "" = in Folder, by the id
	Severity string
	Services []string
	Phase    string // "" = detect
	Started  time.Time
	Deploy   Deploy
	Invite   []Invitation
	Fallback string // the channel to talk in where none can be made
	Private  bool   // the channel
}

// Invitation is somebody to invite: a person or a user group.
type Invitation struct {
	Role string // as "on-call"; "" = none
	Who  string // an e-mail address, an id (U..., W..., S...), or the @handle of a group
}

var (
	channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{8,20}$`)
	personID  = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)
	groupID   = regexp.MustCompile(`^S[A-Z0-9]{6,20}$`)
	handle    = regexp.MustCompile(`^@[a-z0-9._-]{1,80}$`)
	email     = regexp.MustCompile(`^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$`)
)

// ParseInvitation reads "alice@acme.example", "on-call=U024BE7LH" and "@db-oncall".
func ParseInvitation(text string) (Invitation, error) {
	role, who, named := strings.Cut(text, "=")
	if !named {
		role, who = "", text
	}
	i := Invitation{strings.TrimSpace(role), strings.TrimSpace(who)}
	switch {
	case named && (i.Role == "" || len(i.Role) > 60):
		return i, fmt.Errorf("%q names no role before its =", text)
	case personID.MatchString(i.Who), groupID.MatchString(i.Who), handle.MatchString(i.Who), email.MatchString(i.Who):
		return i, nil
	}
	return i, fmt.Errorf("%q is no e-mail address, id (U..., W..., S...) or @group", text)
}

func (d *Desk) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// Plan is the incident that an opening makes or goes on with, as its file has it; nothing is written and nobody is asked.
// going tells that it is there already.
func (o *Opening) Plan(now time.Time) (s *State, going bool, err error) {
	now = now.UTC().Truncate(time.Second)
	began := now
	if !o.Started.IsZero() {
		began = o.Started.UTC()
	}
	id := cmp.Or(o.ID, ID(began, o.Title))
	if err := CheckID(id); err != nil {
		return nil, false, err
	}
	file := cmp.Or(o.File, Path(id))
	for n := 2; exists(file); n++ {
		s, err := Load(file)
		switch {
		case err != nil:
			return nil, false, err
		case s.IsOpen():
			return s, true, nil
		case o.File != "" || o.ID != "":
			return nil, false, fmt.Errorf("%s is an incident that is closed: name another --file or --id", file)
		}
		numbered := fmt.Sprintf("%s-%d", ID(began, o.Title), n) // another one of that day
		id, file = numbered, Path(numbered)
	}
	s = &State{Version: 1, ID: id, Title: o.Title, Status: opening, Severity: o.Severity, Services: o.Services, Opened: now, Commit: o.Deploy.Commit, BuildURL: o.Deploy.BuildURL,
		Details: o.Deploy.Details(), Roles: map[string]string{}, file: file}
	s.Phases = []Phase{{Name: cmp.Or(o.Phase, Phases[0]), At: now, Severity: o.Severity}}
	if !o.Started.IsZero() {
		s.Started = began
	}
	return s, false, nil
}

// Open makes the channel of an incident, or takes the fallback; it says there what is known, and invites people. What is done
// stands in the file after each step, so that opening it again does what is left, and nothing twice. An error says that the
// incident has no place to talk yet.
func (d *Desk) Open(ctx context.Context, s *State, o *Opening) error {
	again := exists(s.file)
	if err := s.save(); err != nil { // before the first call: a crash after it is seen
		return err
	}
	if s.Channel.ID == "" {
		if err := d.place(ctx, s, o); err != nil {
			return err
		}
		if err := s.save(); err != nil {
			return err
		}
	}
	if s.Channel.Summary == "" {
		posted, err := d.say(ctx, s, s.Summary(), again)
		if err != nil {
			return err
		}
		s.Channel.ID, s.Channel.Summary = posted.Channel, posted.TS
		if err := s.save(); err != nil {
			return err
		}
	}
	if s.Channel.Own {
		d.topic(ctx, s)
		d.pin(ctx, s)
	}
	d.invite(ctx, s, o.Invite)
	s.Status = open
	return s.save()
}

// giveUp are the refusals after which another channel would be refused too.
var giveUp = []string{"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "not_allowed_token_type", "ratelimited"}

// place finds where the incident is talked about.
func (d *Desk) place(ctx context.Context, s *State, o *Opening) error {
	tries := 0
	for n := 1; n <= 20; {
		name := s.ID
		if n > 1 {
			suffix := fmt.Sprintf("-%d", n)
			name = name[:min(len(name), maxName-len(suffix))] + suffix
		}
		made, err := d.Client.API().CreateConversationContext(ctx, slackgo.CreateConversationParams{ChannelName: name, IsPrivate: o.Private})
		if err == nil {
			s.Channel = Channel{ID: made.ID, Name: made.Name, Own: true}
			d.mark(ctx, s)
			return nil
		}
		var refused *slack.Error
		switch {
		case !errors.As(err, &refused):
			return err
		case refused.Unsure, refused.Code == "name_taken":
			found, findErr := d.find(ctx, s, name, o.Private)
			switch {
			case found != nil:
				s.Channel = Channel{ID: found.ID, Name: found.Name, Own: true}
				d.mark(ctx, s)
				return nil
			case refused.Code == "name_taken":
				n++ // another's, or one that the bot may not see
			case findErr != nil || tries == 2:
				return err
			default:
				tries++ // it was not made
			}
		case refused.Code == "" || slices.Contains(giveUp, refused.Code):
			return err
		case o.Fallback == "":
			return fmt.Errorf("%w. Without that, name a channel that the bot is in with --fallback-channel", err)
		default:
			s.Channel = Channel{ID: o.Fallback, Name: strings.TrimPrefix(o.Fallback, "#"), Reason: refused.Message}
			return nil
		}
	}
	return fmt.Errorf("the channels %s to %s-20 are taken: name another id with --id", s.ID, s.ID)
}

func (s *State) mark() string { return "pmcheck incident " + s.ID }

// mark lets a run that has no file know the channel again.
func (d *Desk) mark(ctx context.Context, s *State) {
	if _, err := d.Client.API().SetPurposeOfConversationContext(ctx, s.Channel.ID, s.mark()); err != nil {
		d.note("the channel's purpose was not set: %v", err)
	}
}

// find gives the channel with a name where the bot made it for this incident.
func (d *Desk) find(ctx context.Context, s *State, name string, private bool) (*slackgo.Channel, error) {
	me, err := d.self(ctx)
	if err != nil {
		return nil, err
	}
	c, err := d.lookUp(ctx, name, private)
	if err != nil || c == nil {
		return nil, err
	}
	// Without a purpose it was made a moment ago, by a run that did not come further.
	recent := s.Opened.Sub(time.Unix(int64(c.Created), 0)).Abs() < time.Hour
	if c.Creator == me && (c.Purpose.Value == s.mark() || c.Purpose.Value == "" && recent) {
		return c, nil
	}
	return nil, nil
}

// lookUp gives the channel with a name that is not archived; nil where there is none that the bot sees.
func (d *Desk) lookUp(ctx context.Context, name string, private bool) (*slackgo.Channel, error) {
	ask := &slackgo.GetConversationsParameters{ExcludeArchived: true, Limit: 1000, Types: []string{"public_channel"}}
	if private {
		ask.Types = append(ask.Types, "private_channel")
	}
	for {
		page, next, err := d.Client.API().GetConversationsContext(ctx, ask)
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			if c.Name == name && !c.IsArchived {
				return &c, nil
			}
		}
		if next == "" || next == ask.Cursor {
			return nil, nil
		}
		ask.Cursor = next
	}
}

func (d *Desk) self(ctx context.Context) (string, error) {
	if d.me == "" {
		answer, err := d.Client.API().AuthTestContext(ctx)
		if err != nil {
			return "", err
		}
		d.me = answer.UserID
	}
	return d.me, nil
}

// say posts the summary once: where that may have happened already, it is looked for first.
func (d *Desk) say(ctx context.Context, s *State, text string, look bool) (slack.Posted, error) {
	if look {
		if posted, err := d.said(ctx, s); err == nil && posted.TS != "" {
			return posted, nil
		}
	}
	posted, err := d.Client.Send(ctx, slack.Message{Channel: s.Channel.ID, Text: text})
	var lost *slack.Error
	if errors.As(err, &lost) && lost.Unsure {
		if posted, findErr := d.said(ctx, s); findErr == nil && posted.TS != "" {
			return posted, nil
		}
	}
	return posted, err
}

// said looks for the summary among the channel's last messages.
func (d *Desk) said(ctx context.Context, s *State) (slack.Posted, error) {
	me, err := d.self(ctx)
	if err != nil {
		return slack.Posted{}, err
	}
	id := s.Channel.ID
	if !channelID.MatchString(id) { // a name, which conversations.history does not take
		c, err := d.lookUp(ctx, s.Channel.Name, false)
		if err != nil || c == nil {
			return slack.Posted{}, err
		}
		id = c.ID
	}
	page, err := d.Client.API().GetConversationHistoryContext(ctx, &slackgo.GetConversationHistoryParameters{ChannelID: id, Oldest: timestamp(s.Opened.Add(-time.Minute)), Limit: 200})
	if err != nil {
		return slack.Posted{}, err
	}
	for _, m := range page.Messages {
		if m.User == me && strings.Contains(m.Text, s.tag()) {
			return slack.Posted{Channel: id, TS: m.Timestamp}, nil
		}
	}
	return slack.Posted{}, nil
}

func timestamp(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

func (s *State) tag() string { return "`" + s.ID + "`" }

// Summary is what is known of the incident, as a message in mrkdwn.
func (s *State) Summary() string {
	head := ":rotating_light: *" + s.headline() + "*"
	if !s.IsOpen() {
		head = ":white_check_mark: *" + s.headline() + "*"
	}
	lines := []string{head}
	if s.Channel.Reason != "" {
		lines = append(lines, ":warning: It has no channel of its own ("+slack.Escape(s.Channel.Reason, 300)+"): please talk about it in this thread.")
	}
	facts := []string{"Phase: *" + s.standing() + "*"}
	if !s.Started.IsZero() {
		facts = append(facts, "began "+clock(s.Started))
	}
	facts = append(facts, "opened "+clock(s.Opened))
	if len(s.Services) > 0 {
		facts = append(facts, slack.Escape(strings.Join(s.Services, ", "), 200))
	}
	lines = append(lines, strings.Join(append(facts, s.tag()), " · "))
	return joined(append(lines, s.Details...))
}

func (s *State) headline() string {
	if s.Severity == "" {
		return slack.Escape(s.Title, 150)
	}
	return slack.Escape(s.Severity, 20) + ": " + slack.Escape(s.Title, 150)
}

// standing is the phase and since when.
func (s *State) standing() string {
	if !s.IsOpen() {
		return "closed at " + clock(s.Closed)
	}
	name := s.Phase()
	since := s.Phases[len(s.Phases)-1].At
	for _, p := range slices.Backward(s.Phases) {
		if p.Name != name {
			break
		}
		since = p.At
	}
	return name + " since " + clock(since)
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

func (d *Desk) topic(ctx context.Context, s *State) {
	topic := s.headline() + " · " + s.standing()
	if len([]rune(topic)) > maxTopic {
		topic = slack.Escape(s.Severity, 20) + " " + s.standing() // the entities of a title may fill it
	}
	if topic == s.Channel.Topic {
		return
	}
	if _, err := d.Client.API().SetTopicOfConversationContext(ctx, s.Channel.ID, topic); err != nil {
		d.note("the channel's topic was not set: %v", err)
		return
	}
	s.Channel.Topic = topic
}

func (d *Desk) pin(ctx context.Context, s *State) {
	if s.Channel.Pinned {
		return
	}
	err := d.Client.API().AddPinContext(ctx, s.Channel.ID, slackgo.NewRefToMessage(s.Channel.ID, s.Channel.Summary))
	if err != nil && slack.Code(err) != "already_pinned" {
		d.note("the summary was not pinned: %v", err)
		return
	}
	s.Channel.Pinned = true
}
