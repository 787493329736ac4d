package incident

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/checks/postmortem"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// maxMessages bounds what is read of a channel.
const maxMessages = 20_000

// Timeline is what was said about an incident, with its phases among it, in the order of time.
type Timeline struct {
	Rows       []postmortem.TimelineRow
	Messages   int // that were read
	Responders int // people who said something, or were spoken to
	Unnamed    int // of those, whose names Slack did not tell, so that they could not be looked for in the texts
}

// quiet are the kinds of messages that Slack writes itself, or that say nothing
// (https://docs.slack.dev/reference/events/message/#subtypes).
var quiet = []string{
	"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive", "channel_unarchive", "channel_posting_permissions",
	"group_join", "group_leave", "group_topic", "group_purpose", "group_name", "group_archive", "group_unarchive",
	"bot_add", "bot_remove", "pinned_item", "unpinned_item", "reminder_add", "tombstone", "ekm_access_denied", "channel_convert_to_private", "huddle_thread",
}

// Read reads what was said in the incident's channel, replies too, or in its thread. People become what they do: the roles of
// the incident, else "responder 1" and so on in the order in which they spoke. The error says that not all could be read.
func (d *Desk) Read(ctx context.Context, s *State) (*Timeline, error) {
	me, err := d.self(ctx)
	if err != nil {
		return nil, err
	}
	messages, err := d.messages(ctx, s)
	if err != nil {
		return nil, err
	}
	messages = slices.DeleteFunc(messages, func(m slackgo.Message) bool { return m.User == me || slices.Contains(quiet, m.SubType) })
	t := &Timeline{Messages: len(messages)}
	people := newCast(s.Roles)
	for _, m := range messages {
		people.meet(m.User)
		for _, id := range mentioned(said(m)) {
			people.meet(id)
		}
	}
	t.Responders = len(people.order)
	for _, id := range slices.Concat(slices.Sorted(maps.Keys(s.Roles)), s.Invited) { // others may name them
		people.meet(id)
	}
	people.names(ctx, d.Client.API())
	t.Unnamed = people.unnamed
	for _, m := range messages {
		text := people.plain(said(m))
		if text == "" {
			continue
		}
		t.Rows = append(t.Rows, postmortem.TimelineRow{Key: "slack " + s.Channel.ID + " " + m.Timestamp, At: moment(m.Timestamp), Event: text, By: people.speaker(m)})
	}
	for _, row := range s.Rows() {
		row.Event = line(people.named(row.Event), maxEvent)
		t.Rows = append(t.Rows, row)
	}
	slices.SortStableFunc(t.Rows, func(a, b postmortem.TimelineRow) int { return a.At.Compare(b.At) })
	return t, nil
}

// Rows are the incident's own rows of the timeline: its phases and notes, its end. That it began and was noticed stands in a
// draft by itself.
func (s *State) Rows() []postmortem.TimelineRow {
	var rows []postmortem.TimelineRow
	add := func(at time.Time, event string) {
		rows = append(rows, postmortem.TimelineRow{Key: fmt.Sprintf("incident %s %d %d", s.ID, at.Unix(), len(rows)), At: at, Event: event, By: "incident"})
	}
	last := ""
	for _, p := range s.Phases {
		var parts []string
		if p.Name != last {
			parts = append(parts, "phase "+p.Name)
		}
		if p.Severity != "" {
			parts = append(parts, p.Severity)
		}
		event := strings.Join(parts, ", ")
		if p.Note != "" {
			event = strings.TrimPrefix(event+": "+redact(p.Note), ": ")
		}
		if last = p.Name; event != "" {
			add(p.At, line(event, maxEvent))
		}
	}
	if !s.Closed.IsZero() {
		add(s.Closed, "resolved, incident closed")
	}
	return rows
}

// messages are all of the channel with their replies, or those of the thread, the oldest first.
func (d *Desk) messages(ctx context.Context, s *State) ([]slackgo.Message, error) {
	if !s.Channel.Own {
		return d.replies(ctx, s.Channel.ID, s.Channel.Summary)
	}
	var all []slackgo.Message
	seen := map[string]bool{}
	add := func(messages []slackgo.Message) error {
		for _, m := range messages {
			if !seen[m.Timestamp] { // a reply that was sent to the channel too comes twice
				seen[m.Timestamp] = true
				all = append(all, m)
			}
		}
		if len(all) > maxMessages {
			return fmt.Errorf("there are more than %d messages in #%s", maxMessages, s.Channel.Name)
		}
		return nil
	}
	ask := &slackgo.GetConversationHistoryParameters{ChannelID: s.Channel.ID, Limit: 200}
	for {
		page, err := d.Client.API().GetConversationHistoryContext(ctx, ask)
		if err != nil {
			return nil, err
		}
		if err := add(page.Messages); err != nil {
			return nil, err
		}
		for _, m := range page.Messages {
			if m.ReplyCount == 0 {
				continue
			}
			replies, err := d.replies(ctx, s.Channel.ID, m.Timestamp)
			if err != nil {
				return nil, err
			}
			if err := add(replies); err != nil {
				return nil, err
			}
		}
		next := page.ResponseMetaData.NextCursor
		switch {
		case next == "" && page.HasMore:
			return nil, fmt.Errorf("there are more messages in #%s, and Slack does not say where", s.Channel.Name)
		case next == "":
			slices.SortStableFunc(all, byTime)
			return all, nil
		case next == ask.Cursor:
			return nil, fmt.Errorf("the same page of #%s comes again and again from Slack", s.Channel.Name)
		}
		ask.Cursor = next
	}
}

func (d *Desk) replies(ctx context.Context, channel, thread string) ([]slackgo.Message, error) {
	var all []slackgo.Message
	ask := &slackgo.GetConversationRepliesParameters{ChannelID: channel, Timestamp: thread, Limit: 200}
	for {
		page, more, next, err := d.Client.API().GetConversationRepliesContext(ctx, ask)
		if err != nil {
			return nil, err
		}
		for _, m := range page { // each page begins with the thread's first message
			if !slices.ContainsFunc(all[:min(len(all), 1)], func(first slackgo.Message) bool { return first.Timestamp == m.Timestamp }) {
				all = append(all, m)
			}
		}
		switch {
		case len(all) > maxMessages:
			return nil, fmt.Errorf("there are more than %d messages in the thread", maxMessages)
		case next == "" && more, next != "" && next == ask.Cursor:
			return nil, errors.New("there are more replies in the thread, and Slack does not say where")
		case next == "":
			slices.SortStableFunc(all, byTime)
			return all, nil
		}
		ask.Cursor = next
	}
}

func byTime(a, b slackgo.Message) int { return moment(a.Timestamp).Compare(moment(b.Timestamp)) }

// moment is the time of a message's timestamp, seconds and microseconds since 1970.
func moment(ts string) time.Time {
	whole, part, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}
	}
	micro, _ := strconv.ParseInt((part + "000000")[:6], 10, 64)
	return time.Unix(seconds, micro*1000).UTC()
}

// said is the text of a message; of a bot's that has none, that of its attachments.
func said(m slackgo.Message) string {
	text := m.Text
	if strings.TrimSpace(text) == "" {
		var parts []string
		for _, a := range m.Attachments {
			parts = append(parts, cmp.Or(a.Fallback, strings.TrimSpace(a.Title+" "+a.Text)))
		}
		text = strings.Join(parts, " ")
	}
	if len(m.Files) > 0 {
		text = strings.TrimSpace(text + " (" + count(len(m.Files), "file") + ")")
	}
	return text
}

// End says that the incident is over since a moment; its file does not have it before [State.Keep].
func (s *State) End(at time.Time) { s.Status, s.Closed = closed, at.UTC().Truncate(time.Second) }

// Keep keeps the incident in its file, with the post-mortem that was begun of it; "" or "-" for none.
func (s *State) Keep(document string) error {
	if document != "" && document != "-" {
		s.Written = document
	}
	return s.save()
}

// Assign gives people roles. Who is not found is a note.
func (d *Desk) Assign(ctx context.Context, s *State, all []Invitation) {
	for _, i := range all {
		ids, err := d.resolve(ctx, i.Who)
		if err != nil {
			d.note("%s has no role: %v", i.Who, err)
			continue
		}
		for _, id := range ids {
			s.assign(id, i.Role)
		}
	}
}

func (s *State) assign(id, role string) {
	if s.Roles == nil {
		s.Roles = map[string]string{}
	}
	s.Roles[id] = role
}

// Farewell says that the incident is closed, and archives its channel on request. A channel that is not the incident's own is
// never archived.
func (d *Desk) Farewell(ctx context.Context, s *State, note string, archive bool) error {
	text := ":white_check_mark: *closed* · " + clock(s.Closed)
	if s.Written != "" {
		text += "\nThe draft of the post-mortem: " + slack.Escape(s.Written, 200)
	}
	if note != "" {
		text += "\n" + slack.Escape(note, 1000)
	}
	if err := d.tell(ctx, s, text); err != nil || !archive {
		return err
	}
	return d.Archive(ctx, s)
}

// Archive archives the incident's channel. That it could not be is a note.
func (d *Desk) Archive(ctx context.Context, s *State) error {
	if s.Channel.Archived {
		return nil
	}
	if !s.Channel.Own {
		d.note("#%s was not archived: it is not the incident's own", s.Channel.Name)
		return nil
	}
	if err := d.Client.API().ArchiveConversationContext(ctx, s.Channel.ID); err != nil && slack.Code(err) != "already_archived" {
		d.note("the channel was not archived: %v", err)
		return nil
	}
	s.Channel.Archived = true
	return s.save()
}
