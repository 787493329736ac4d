// Package remind finds what people have to be reminded of: post-mortems that were not held, drafts that nobody touches, action
// items that are overdue or due this week; and says each of them once. Who sends, and where it is remembered what was said, is the
// caller's: see [Sender] and [Memory].
package remind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/facts"
)

// Options say when people are reminded. What is zero is as said.
type Options struct {
	Calendar
	HeldWithin int       // working days after an incident in which its post-mortem is held; 0 is 3
	StaleAfter int       // days without a change after which a draft, or one in review, is stale; 0 is 14
	Now        time.Time // of the run
	Address    string    // of the repository at GitHub, https://github.com/OWNER/NAME, for links; "" makes none
}

// A Document is a post-mortem. Its items have the statuses that count, such as those of their issues.
type Document struct {
	facts.Postmortem
	Changed time.Time // when its file changed last; zero where that is not known, and it is then never stale
}

// The kinds of reminders, the most urgent first.
const (
	Overdue = "overdue"  // an item that should have been done before today
	Due     = "due"      // an item that is due this week
	NotHeld = "not-held" // a draft, although the incident is some working days ago
	Stale   = "stale"    // a draft, or one in review, that nobody has touched for long
)

var kinds = []string{Overdue, Due, NotHeld, Stale}

// A Reminder is one thing that somebody has to know.
type Reminder struct {
	Kind       string
	Owner      string // of the item, as written; "" = nobody in particular
	Postmortem string // its id, or its path where it has none
	Item       string // its id; "" of a document
	Text       string // what is to be done, or the document's title
	Priority   string // of the item
	Day        string // YYYY-MM-DD: when it is due, of the incident, or of the last change
	Days       int    // NotHeld: working days since the incident. Stale: days since the last change
	Status     string // of a document
	Issue      string // of the item, as written
	Path       string
	Line       int
	URL        string // of that line; "" without Options.Address
}

// Key is the same for the same state: an item is overdue once for each due date and owner.
func (r Reminder) Key() string {
	parts := []string{r.Kind, r.Postmortem, r.Item, r.Day}
	switch r.Kind {
	case Overdue, Due:
		parts = append(parts, fold(r.Owner))
	case Stale:
		parts = append(parts, r.Status)
	}
	return strings.Join(parts, " ")
}

// fold makes two spellings of one owner the same.
func fold(owner string) string { return strings.ToLower(strings.Join(strings.Fields(owner), " ")) }

// Find lists what people have to be reminded of on the day of o.Now, by kind, day and name. It does not ask whether people
// work on that day.
func Find(documents []Document, o Options) []Reminder {
	held, stale := cmp.Or(o.HeldWithin, 3), cmp.Or(o.StaleAfter, 14)
	today := o.day(o.Now)
	text, week := today.Format(time.DateOnly), endOfWeek(today).Format(time.DateOnly)
	var out []Reminder
	for _, d := range documents {
		name := cmp.Or(d.ID, d.Path)
		link := func(line int) string { return address(o.Address, d.Path, line) }
		for _, item := range d.ActionItems {
			if _, dated := parseDay(item.Due); !dated || item.Due > week || item.Status == "done" || item.Status == "cancelled" {
				continue
			}
			r := Reminder{Kind: Due, Owner: item.Owner, Postmortem: name, Item: item.ID, Text: item.Action, Priority: item.Priority, Day: item.Due,
				Issue: item.Issue, Path: d.Path, Line: item.Line, URL: link(item.Line)}
			if item.Due < text {
				r.Kind = Overdue
			}
			out = append(out, r)
		}
		if d.Status != "" && d.Status != "draft" && d.Status != "in_review" {
			continue
		}
		r := Reminder{Postmortem: name, Text: d.Title, Status: cmp.Or(d.Status, "draft"), Path: d.Path, Line: d.Line, URL: link(d.Line)}
		incident, known := parseDay(d.Date)
		touched := o.day(d.Changed)
		switch idle := int(today.Sub(touched).Hours() / 24); {
		case !d.Changed.IsZero() && idle >= stale:
			r.Kind, r.Day, r.Days = Stale, touched.Format(time.DateOnly), idle
		case known && r.Status == "draft" && o.workingDays(incident, today, held) >= held:
			r.Kind, r.Day, r.Days = NotHeld, d.Date, o.workingDays(incident, today, 1000)
		default:
			continue
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Reminder) int {
		return cmp.Or(slices.Index(kinds, a.Kind)-slices.Index(kinds, b.Kind), strings.Compare(a.Day, b.Day), strings.Compare(a.Postmortem, b.Postmortem), strings.Compare(a.Item, b.Item))
	})
	return out
}

// A Message is what one owner is reminded of at once.
type Message struct {
	Owner     string // as the first of its reminders spells it; "" = nobody in particular
	Reminders []Reminder
	More      int // that did not fit, and are said another time
}

// PerMessage is how many reminders one message has at most: a longer one is not read, and Slack cuts it off.
const PerMessage = 12

// A Sender sends a message. An error that wraps ErrUnsure says that it may have been sent.
type Sender interface {
	Send(context.Context, Message) error
}

// ErrUnsure is in the error of a message that may have been sent. It is not sent again.
var ErrUnsure = errors.New("it may have been sent")

// A Memory knows what was said. Two runs at once need one that does not let both say the same.
type Memory interface {
	// Said tells which of the keys were said before.
	Said(ctx context.Context, keys []string) (map[string]bool, error)
	// Remember notes that they were said; none at all asks whether it could.
	Remember(ctx context.Context, keys []string) error
}

// Outcome is what a run did.
type Outcome struct {
	Quiet    bool      // nobody works on that day: nothing was looked for
	Messages []Message // that were sent, or may have been
	Known    int       // reminders that were said before
}

// Run finds what people have to be reminded of, and sends what was not said before: one message for each owner. Nothing is said
// on a day on which nobody works. One message that cannot be sent does not keep back the others; the error joins what went wrong,
// and what was not sent is not remembered.
func Run(ctx context.Context, documents []Document, o Options, sender Sender, memory Memory) (Outcome, error) {
	if !o.Works(o.Now) {
		return Outcome{Quiet: true}, nil
	}
	messages, known, err := pending(ctx, Find(documents, o), memory)
	out := Outcome{Known: known}
	if err != nil || len(messages) == 0 {
		return out, err
	}
	if err := memory.Remember(ctx, nil); err != nil {
		return out, fmt.Errorf("nothing was sent, since it could not be remembered: %w", err)
	}
	var errs []error
	for _, m := range messages {
		if ctx.Err() != nil {
			return out, errors.Join(append(errs, context.Cause(ctx))...)
		}
		err := sender.Send(ctx, m)
		if err != nil {
			errs = append(errs, fmt.Errorf("remind %s: %w", m.whom(), err))
			if !errors.Is(err, ErrUnsure) {
				continue
			}
		}
		out.Messages = append(out.Messages, m)
		// What was sent is remembered even when the run is being stopped.
		if err := memory.Remember(context.WithoutCancel(ctx), m.Keys()); err != nil {
			return out, errors.Join(append(errs, fmt.Errorf("%s was reminded, and that could not be remembered: %w", m.whom(), err))...)
		}
	}
	return out, errors.Join(errs...)
}

// pending are the messages with what was not said before, and how many reminders were.
func pending(ctx context.Context, reminders []Reminder, memory Memory) ([]Message, int, error) {
	var keys []string
	for _, r := range reminders {
		keys = append(keys, r.Key())
	}
	said, err := memory.Said(ctx, keys)
	if err != nil {
		return nil, 0, fmt.Errorf("what was said before is not known: %w", err)
	}
	var messages []Message
	known := 0
	for _, r := range reminders {
		if said[r.Key()] {
			known++
			continue
		}
		at := slices.IndexFunc(messages, func(m Message) bool { return fold(m.Owner) == fold(r.Owner) })
		if at < 0 {
			at = len(messages)
			messages = append(messages, Message{Owner: strings.TrimSpace(r.Owner)})
		}
		if m := &messages[at]; len(m.Reminders) < PerMessage {
			m.Reminders = append(m.Reminders, r)
		} else {
			m.More++
		}
	}
	slices.SortFunc(messages, func(a, b Message) int {
		if (a.Owner == "") != (b.Owner == "") { // without an owner last
			return cmp.Compare(len(b.Owner), len(a.Owner))
		}
		return strings.Compare(fold(a.Owner), fold(b.Owner))
	})
	return messages, known, nil
}

// Keys are the states that the message says, as Memory has them.
func (m Message) Keys() []string {
	var keys []string
	for _, r := range m.Reminders {
		keys = append(keys, r.Key())
	}
	return keys
}

func (m Message) whom() string { return cmp.Or(m.Owner, "everybody") }
