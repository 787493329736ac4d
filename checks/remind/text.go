package remind

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A Style writes the pieces of a message in a place's own way. Each escapes what it is given.
type Style struct {
	Text  func(text string, most int) string // a text from outside, in one line of at most so many characters
	Link  func(address, label string) string // "" as address is the label alone
	Bold  func(text string) string           // of what Text gave
	Point string                             // what begins a line of a list
	List  string                             // what stands before a list

	Owner func(owner string) string          // an owner; nil writes it as Text does
	Place func(path string, line int) string // where a reminder stands, of a style that has no links; nil says nothing
}

// Write is a message in a style: a line that says whom it is for, and one for each reminder.
func (m Message) Write(s Style) string {
	var b strings.Builder
	whom := "Post-mortems and items that nobody owns"
	switch {
	case m.Owner != "" && s.Owner != nil:
		whom = s.Owner(m.Owner)
	case m.Owner != "":
		whom = s.Text(m.Owner, 60)
	}
	fmt.Fprintf(&b, "%s: %s\n%s", s.Bold(whom), counted(len(m.Reminders)), s.List)
	for _, r := range m.Reminders {
		line := r.write(s)
		if s.Place != nil {
			line += "  " + s.Place(r.Path, r.Line)
		}
		fmt.Fprintf(&b, "%s%s\n", s.Point, line)
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "%s%d more will follow; pmcheck postmortem items lists all\n", s.Point, m.More)
	}
	return b.String()
}

func counted(n int) string {
	if n == 1 {
		return "1 reminder"
	}
	return fmt.Sprintf("%d reminders", n)
}

func (r Reminder) write(s Style) string {
	name := r.Postmortem
	if r.Item != "" {
		name += "/" + r.Item
	}
	name = s.Link(r.URL, name)
	text := s.Text(r.Text, 100)
	if text != "" {
		text = ": " + text
	}
	if r.Priority != "" {
		text = " (" + s.Text(r.Priority, 20) + ")" + text
	}
	switch r.Kind {
	case Overdue:
		return fmt.Sprintf("%s was due on %s%s", name, day(r.Day), text)
	case Due:
		return fmt.Sprintf("%s is due on %s%s", name, day(r.Day), text)
	case NotHeld:
		return fmt.Sprintf("%s is still a draft, %d working days after the incident of %s: hold the post-mortem%s", name, r.Days, day(r.Day), text)
	default:
		status := "a draft"
		if r.Status == "in_review" {
			status = "in review"
		}
		return fmt.Sprintf("%s is %s, and nobody has touched it for %d days%s", name, status, r.Days, text)
	}
}

// day is a date with its weekday, since people plan in weeks.
func day(text string) string {
	if at, ok := parseDay(text); ok {
		return at.Weekday().String() + " " + at.Format(time.DateOnly)
	}
	return text
}

// address is where GitHub shows a line of a file; "" without the address of a repository.
func address(repository, path string, line int) string {
	if repository == "" || path == "" {
		return ""
	}
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		parts = append(parts, url.PathEscape(part))
	}
	return fmt.Sprintf("%s/blob/HEAD/%s?plain=1#L%d", strings.TrimSuffix(repository, "/"), strings.Join(parts, "/"), max(line, 1))
}
