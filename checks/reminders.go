package checks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/change"
	"github.com/pmcheck/pmcheck/checks/config"
	"github.com/pmcheck/pmcheck/checks/facts"
	"github.com/pmcheck/pmcheck/checks/ghissues"
	"github.com/pmcheck/pmcheck/checks/remind"
	"github.com/pmcheck/pmcheck/checks/report"
	"github.com/pmcheck/pmcheck/checks/slack"
)

// RemindOptions are what a configuration says of reminders. address is of the repository at GitHub, for links; "" makes none.
func RemindOptions(c config.Reminders, address string, now time.Time) (remind.Options, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return remind.Options{}, fmt.Errorf("the time zone of the reminders: %w", err)
	}
	o := remind.Options{Calendar: remind.Calendar{Zone: zone, Holidays: c.Holidays}, HeldWithin: int(c.HeldWithin), StaleAfter: int(c.StaleAfter), Now: now, Address: address}
	for _, day := range c.WorkingDays {
		o.Working = append(o.Working, time.Weekday(slices.Index(config.Weekdays, day)))
	}
	return o, nil
}

// Unheld are documents with when each one that is not reviewed yet changed last. documents are the Lessons' own, or as
// [Lessons.FollowIssues] gave them. What was never committed changed now.
func (l *Lessons) Unheld(ctx context.Context, documents []facts.Postmortem, now time.Time) ([]remind.Document, error) {
	repo, err := change.OpenRepo(ctx, l.Root)
	if err != nil {
		return nil, err
	}
	var out []remind.Document
	for _, d := range documents {
		document := remind.Document{Postmortem: d}
		if d.Status != "reviewed" && d.Status != "closed" {
			at, found, err := repo.LastChange(ctx, "HEAD", d.Path)
			if err != nil {
				return nil, err
			}
			if document.Changed = at; !found {
				document.Changed = now
			}
		}
		out = append(out, document)
	}
	return out, nil
}

// RemindText writes messages for a terminal, or the log of a job.
func RemindText(w io.Writer) remind.Sender {
	return remindFunc(func(_ context.Context, m remind.Message) error {
		_, err := io.WriteString(w, report.Printable(m.Write(remind.Style{
			Text: oneLine, Link: func(_, label string) string { return oneLine(label, 200) }, Bold: func(text string) string { return text }, Point: "  ",
			Place: func(path string, line int) string { return fmt.Sprintf("%s:%d", oneLine(path, 300), line) },
		})))
		return err
	})
}

// RemindSlack posts messages to a channel; a webhook has its own.
func RemindSlack(to slack.Sender, channel string) remind.Sender {
	return remindFunc(func(ctx context.Context, m remind.Message) error {
		_, err := to.Send(ctx, slack.Message{Channel: channel, Text: m.Write(remind.Style{
			Text: slack.Escape, Link: slack.Link, Bold: func(text string) string { return "*" + text + "*" }, Point: "• ",
		})})
		var refused *slack.Error
		if errors.As(err, &refused) && refused.Unsure {
			err = fmt.Errorf("%w: %w", err, remind.ErrUnsure)
		}
		return err
	})
}

type remindFunc func(context.Context, remind.Message) error

func (f remindFunc) Send(ctx context.Context, m remind.Message) error { return f(ctx, m) }

// IssueReminders writes messages as comments below one issue, and finds in those what was said before: each comment has a
// mark that nobody sees. It is a [remind.Sender] and a [remind.Memory].
type IssueReminders struct {
	Client *ghissues.Client
	Issue  ghissues.Ref
	Now    time.Time
}

// remembered is how far back comments are read. A state that lasted longer is said again.
const remembered = 400 * 24 * time.Hour

// mark holds what a comment says, as hashes of its keys.
var mark = regexp.MustCompile(`<!-- pmcheck remind: ([0-9a-f ]+) -->`)

// ownerMention is an owner who is a person or a team at GitHub, and wants to be told.
var ownerMention = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(/[A-Za-z0-9._-]{1,100})?$`)

// Send writes a comment.
func (i IssueReminders) Send(ctx context.Context, m remind.Message) error {
	text := m.Write(remind.Style{
		Text: report.MarkdownLine,
		Link: func(address, label string) string {
			label = report.MarkdownLine(label, 200)
			if address == "" {
				return label
			}
			return "[" + label + "](" + strings.NewReplacer("(", "%28", ")", "%29", "@", "%40").Replace(address) + ")"
		},
		Owner: func(owner string) string {
			if ownerMention.MatchString(owner) {
				return owner
			}
			return report.MarkdownLine(owner, 60)
		},
		Bold: func(text string) string { return "**" + text + "**" }, Point: "- ", List: "\n",
	})
	var hashes []string
	for _, key := range m.Keys() {
		hashes = append(hashes, hashed(key))
	}
	err := i.Client.Comment(ctx, i.Issue, text+"\n<!-- pmcheck remind: "+strings.Join(hashes, " ")+" -->\n")
	if errors.Is(err, ghissues.ErrUnsure) {
		err = fmt.Errorf("%w: %w", err, remind.ErrUnsure)
	}
	return err
}

func hashed(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:12])
}

// Said reads the comments. What a stranger writes below the issue says nothing.
func (i IssueReminders) Said(ctx context.Context, keys []string) (map[string]bool, error) {
	comments, err := i.Client.Comments(ctx, i.Issue, i.Now.Add(-remembered))
	if err != nil {
		return nil, err
	}
	marks := map[string]bool{}
	for _, c := range comments {
		if c.User.Type != "Bot" && !slices.Contains([]string{"OWNER", "MEMBER", "COLLABORATOR"}, c.Association) {
			continue
		}
		for _, m := range mark.FindAllStringSubmatch(c.Body, -1) {
			for _, hash := range strings.Fields(m[1]) {
				marks[hash] = true
			}
		}
	}
	said := map[string]bool{}
	for _, key := range keys {
		said[key] = marks[hashed(key)]
	}
	return said, nil
}

// Remember does nothing: the comment is the memory.
func (IssueReminders) Remember(context.Context, []string) error { return nil }
