package remind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pmcheck/pmcheck/checks/facts"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("this machine knows no time zones: %v", err)
	}
	return z
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestCalendar(t *testing.T) {
	berlin := Calendar{Zone: zone(t, "Europe/Berlin"), Holidays: []string{"2026-04-06"}} // Easter Monday
	cairo := Calendar{Working: []time.Weekday{time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday}}
	for _, c := range []struct {
		name  string
		in    Calendar
		now   string
		today string
		works bool
	}{
		{"a Wednesday", Calendar{}, "2026-03-04T12:00:00Z", "2026-03-04", true},
		{"a Saturday", Calendar{}, "2026-03-07T12:00:00Z", "2026-03-07", false},
		{"Sunday night is Monday in Berlin", berlin, "2026-03-08T23:30:00Z", "2026-03-09", true},
		{"Friday night is Saturday in Berlin", berlin, "2026-03-06T23:30:00Z", "2026-03-07", false},
		{"a holiday", berlin, "2026-04-06T10:00:00Z", "2026-04-06", false},
		{"the night in which clocks go forward", berlin, "2026-03-29T22:30:00Z", "2026-03-30", true},
		{"Sunday in Cairo", cairo, "2026-03-08T10:00:00Z", "2026-03-08", true},
		{"Friday in Cairo", cairo, "2026-03-06T10:00:00Z", "2026-03-06", false},
	} {
		if today, works := c.in.Today(moment(t, c.now)), c.in.Works(moment(t, c.now)); today != c.today || works != c.works {
			t.Errorf("%s: %s, works %t", c.name, today, works)
		}
	}
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"2026-03-03", "2026-03-03", 0}, {"2026-03-03", "2026-03-06", 3}, {"2026-03-06", "2026-03-09", 1}, {"2026-03-07", "2026-03-09", 1},
		{"2026-04-02", "2026-04-07", 2}, {"2026-03-28", "2026-03-30", 1}, {"2026-03-06", "2026-03-03", 0}, {"1970-01-01", "2026-03-03", 100},
	} {
		from, _ := parseDay(c.from)
		to, _ := parseDay(c.to)
		if got := berlin.workingDays(from, to, 100); got != c.want {
			t.Errorf("%s to %s: %d working days, want %d", c.from, c.to, got, c.want)
		}
	}
}

func item(id, owner, due, status string) facts.ActionItem {
	return facts.ActionItem{ID: id, Action: "Do " + id, Owner: owner, Due: due, Status: status, Line: 9}
}

func TestFind(t *testing.T) {
	// Wednesday, 4 March 2026. The week ends on Sunday, the 8th.
	document := func(id, date, status, changed string, items ...facts.ActionItem) Document {
		d := Document{Postmortem: facts.Postmortem{ID: id, Title: "About " + id, Date: date, Status: status, Path: "docs/" + id + ".md", Line: 2, ActionItems: items}}
		if changed != "" {
			d.Changed = moment(t, changed)
		}
		return d
	}
	for _, c := range []struct {
		name      string
		documents []Document
		options   Options
		now       string
		want      []string // kind, name, day, days
	}{
		{"items by their day", []Document{document("PM-1", "2026-01-05", "reviewed", "",
			item("late", "a", "2026-03-03", "open"), item("today", "a", "2026-03-04", "in_progress"), item("sunday", "a", "2026-03-08", ""), item("next", "a", "2026-03-09", "open"),
			item("done", "a", "2026-03-01", "done"), item("cancelled", "a", "2026-03-01", "cancelled"), item("undated", "a", "", "open"), item("odd", "a", "2026-3-1", "open"))},
			Options{}, "2026-03-04T12:00:00Z",
			[]string{"overdue PM-1/late 2026-03-03 0", "due PM-1/today 2026-03-04 0", "due PM-1/sunday 2026-03-08 0"}},
		{"overdue where the people are", []Document{document("PM-1", "2026-01-05", "closed", "", item("x", "a", "2026-03-04", "open"))},
			Options{Calendar: Calendar{Zone: zone(t, "Europe/Berlin")}}, "2026-03-04T23:30:00Z", []string{"overdue PM-1/x 2026-03-04 0"}},
		{"on Sunday the week is nearly over", []Document{document("PM-1", "2026-01-05", "closed", "", item("x", "a", "2026-03-08", "open"), item("y", "a", "2026-03-09", "open"))},
			Options{}, "2026-03-08T12:00:00Z", []string{"due PM-1/x 2026-03-08 0"}},
		{"not held in time", []Document{
			document("PM-1", "2026-02-27", "draft", ""), // Friday: Monday, Tuesday, Wednesday
			document("PM-2", "2026-03-02", "draft", ""), // Monday: two days
			document("PM-3", "2026-02-27", "in_review", ""), document("PM-4", "2026-02-27", "reviewed", ""),
			document("PM-5", "2026-02-26", "", ""), document("PM-6", "", "draft", "")},
			Options{}, "2026-03-04T12:00:00Z", []string{"not-held PM-5 2026-02-26 4", "not-held PM-1 2026-02-27 3"}},
		{"held within", []Document{document("PM-1", "2026-02-27", "draft", "")}, Options{HeldWithin: 4}, "2026-03-04T12:00:00Z", nil},
		{"stale", []Document{
			document("PM-1", "2026-01-05", "draft", "2026-02-18T09:00:00Z"), document("PM-2", "2026-01-05", "in_review", "2026-02-01T09:00:00Z"),
			document("PM-3", "2026-01-05", "in_review", "2026-02-19T09:00:00Z"), document("PM-4", "2026-01-05", "reviewed", "2026-01-06T09:00:00Z"),
			document("PM-5", "2025-12-01", "in_review", ""), document("PM-6", "2026-01-05", "draft", "2026-03-03T09:00:00Z")},
			Options{}, "2026-03-04T12:00:00Z",
			[]string{"not-held PM-6 2026-01-05 42", "stale PM-2 2026-02-01 31", "stale PM-1 2026-02-18 14"}},
		{"stale after", []Document{document("PM-1", "2026-01-05", "in_review", "2026-02-18T09:00:00Z")}, Options{StaleAfter: 15}, "2026-03-04T12:00:00Z", nil},
		{"without an id", []Document{document("", "2026-02-20", "draft", "2026-03-03T12:00:00Z")}, Options{}, "2026-03-04T12:00:00Z", []string{"not-held docs/.md 2026-02-20 8"}},
	} {
		c.options.Now = moment(t, c.now)
		var got []string
		for _, r := range Find(c.documents, c.options) {
			name := r.Postmortem
			if r.Item != "" {
				name += "/" + r.Item
			}
			got = append(got, fmt.Sprintf("%s %s %s %d", r.Kind, name, r.Day, r.Days))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// sent notes what is sent, as "owner: names".
type sent struct {
	lines []string
	fail  map[string]error // by owner
}

func (s *sent) Send(_ context.Context, m Message) error {
	if err := s.fail[m.Owner]; err != nil && !errors.Is(err, ErrUnsure) {
		return err
	}
	line := m.Owner + ":"
	for _, r := range m.Reminders {
		line += " " + r.Kind + "=" + r.Postmortem + "/" + r.Item
	}
	if m.More > 0 {
		line += fmt.Sprintf(" +%d", m.More)
	}
	s.lines = append(s.lines, line)
	return s.fail[m.Owner]
}

func lessons() []Document {
	return []Document{{Postmortem: facts.Postmortem{ID: "PM-1", Date: "2026-02-20", Status: "closed", ActionItems: []facts.ActionItem{
		item("A", "Web team", "2026-03-02", "open"), item("B", "db", "2026-03-06", "open"), item("C", "web  TEAM", "2026-03-05", "open"), item("D", "", "2026-03-01", "open"),
	}}}}
}

func TestRunSaysEachStateOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "said.json")
	run := func(documents []Document, now string, s *sent) (Outcome, error) {
		t.Helper()
		memory, err := OpenFile(path, moment(t, now))
		if err != nil {
			t.Fatal(err)
		}
		return Run(t.Context(), documents, Options{Now: moment(t, now)}, s, memory)
	}
	expect := func(s *sent, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, s.lines); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		s.lines = nil
	}
	s := &sent{}
	documents := lessons()
	if out, err := run(documents, "2026-03-01T12:00:00Z", s); err != nil || !out.Quiet { // a Sunday
		t.Errorf("%+v, %v", out, err)
	}
	expect(s)
	if _, err := os.Stat(path); err == nil {
		t.Error("a quiet day leaves a file")
	}
	if _, err := run(documents, "2026-03-04T12:00:00Z", s); err != nil {
		t.Error(err)
	}
	expect(s, "db: due=PM-1/B", "Web team: overdue=PM-1/A due=PM-1/C", ": overdue=PM-1/D")
	if out, err := run(documents, "2026-03-04T15:00:00Z", s); err != nil || out.Known != 4 || len(out.Messages) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	expect(s)
	if _, err := run(documents, "2026-03-06T12:00:00Z", s); err != nil { // C is overdue now, B due today
		t.Error(err)
	}
	expect(s, "web  TEAM: overdue=PM-1/C")
	documents[0].ActionItems[0].Due = "2026-03-05"     // put off, and overdue again
	documents[0].ActionItems[1].Owner = "web team"     // another owner
	documents[0].ActionItems[3].Status = "in_progress" // said already
	if _, err := run(documents, "2026-03-06T12:00:00Z", s); err != nil {
		t.Error(err)
	}
	expect(s, "Web team: overdue=PM-1/A due=PM-1/B")
	s.fail = map[string]error{"Web team": errors.New("no such channel"), "db": fmt.Errorf("answer lost: %w", ErrUnsure)}
	documents = lessons()
	documents[0].ID = "PM-2"
	out, err := run(documents, "2026-03-04T12:00:00Z", s)
	if err == nil || !strings.Contains(err.Error(), "remind Web team: no such channel") || !strings.Contains(err.Error(), "remind db: answer lost") || len(out.Messages) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	expect(s, "db: due=PM-2/B", ": overdue=PM-2/D")
	s.fail = nil
	if _, err := run(documents, "2026-03-04T12:00:00Z", s); err != nil {
		t.Error(err)
	}
	expect(s, "Web team: overdue=PM-2/A due=PM-2/C")
}

// broken is a memory that works so many times.
type broken struct {
	Forgetful
	left int
}

func (b *broken) Remember(context.Context, []string) error {
	b.left--
	if b.left < 0 {
		return errors.New("disk full")
	}
	return nil
}

func TestRunSendsNothingThatItCannotRemember(t *testing.T) {
	s := &sent{}
	o := Options{Now: moment(t, "2026-03-04T12:00:00Z")}
	if _, err := Run(t.Context(), lessons(), o, s, &broken{}); err == nil || len(s.lines) != 0 {
		t.Errorf("sent %v, %v", s.lines, err)
	}
	if _, err := Run(t.Context(), lessons(), o, s, &broken{left: 1}); err == nil || len(s.lines) != 1 {
		t.Errorf("sent %v, %v", s.lines, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.lines = nil
	if _, err := Run(ctx, lessons(), o, s, Forgetful{}); !errors.Is(err, context.Canceled) || len(s.lines) != 0 {
		t.Errorf("sent %v, %v", s.lines, err)
	}
}

func TestLongMessagesGoOnAnotherTime(t *testing.T) {
	d := lessons()[:1]
	d[0].ActionItems = nil
	for i := range PerMessage + 3 {
		d[0].ActionItems = append(d[0].ActionItems, item(fmt.Sprintf("A%02d", i), "web", "2026-03-02", "open"))
	}
	memory, err := OpenFile(filepath.Join(t.TempDir(), "said.json"), moment(t, "2026-03-04T12:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	s := &sent{}
	for range 3 {
		if _, err := Run(t.Context(), d, Options{Now: moment(t, "2026-03-04T12:00:00Z")}, s, memory); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.lines) != 2 || !strings.HasSuffix(s.lines[0], "=PM-1/A11 +3") || s.lines[1] != "web: overdue=PM-1/A12 overdue=PM-1/A13 overdue=PM-1/A14" {
		t.Errorf("%q", s.lines)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "said.json")
	for _, text := range []string{"", "[]", `{"version": 2}`, "{"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenFile(path, time.Now()); !errors.Is(err, ErrFile) {
			t.Errorf("%q: %v", text, err)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%q became %q", text, after)
		}
	}
	os.Remove(path)
	at := moment(t, "2026-03-04T12:00:00Z")
	f, err := OpenFile(path, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Remember(t.Context(), []string{"a", "b"}), f.KeepIssues(map[string]int{"x": 1})); err != nil {
		t.Fatal(err)
	}
	f, err = OpenFile(path, at.AddDate(2, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	said, err := f.Said(t.Context(), []string{"b", "c"})
	if err != nil || !said["b"] || said["c"] {
		t.Errorf("%v, %v", said, err)
	}
	issues := map[string]int{}
	if err := errors.Join(f.Remember(t.Context(), []string{"c"}), f.Issues(&issues)); err != nil || issues["x"] != 1 {
		t.Errorf("%v, %v", issues, err)
	}
	var kept []string
	for key := range f.state.Said {
		kept = append(kept, key)
	}
	slices.Sort(kept)
	if !slices.Equal(kept, []string{"b", "c"}) { // a was said two years ago, and is no longer so
		t.Errorf("kept %v", kept)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if len(left)+len(hidden) != 1 {
		t.Errorf("files left: %v %v", left, hidden)
	}
}

func TestWrite(t *testing.T) {
	plain := Style{Text: func(s string, most int) string { return s[:min(len(s), most)] }, Link: func(a, l string) string { return l + "@" + a }, Bold: strings.ToUpper, Point: "- "}
	m := Message{Owner: "web", More: 2, Reminders: []Reminder{
		{Kind: Overdue, Postmortem: "PM-1", Item: "A", Text: "Do A", Priority: "P0", Day: "2026-03-02", URL: address("https://github.com/a/b", "docs/a b#.md", 3)},
		{Kind: Due, Postmortem: "PM-1", Item: "B", Day: "2026-03-06"},
		{Kind: NotHeld, Postmortem: "PM-2", Text: "Orders", Day: "2026-03-02", Days: 3},
		{Kind: Stale, Postmortem: "PM-3", Text: "Orders", Status: "in_review", Days: 20},
	}}
	want := `WEB: 4 reminders
- PM-1/A@https://github.com/a/b/blob/HEAD/docs/a%20b%23.md?plain=1#L3 was due on Monday 2026-03-02 (P0): Do A
- PM-1/B@ is due on Friday 2026-03-06
- PM-2@ is still a draft, 3 working days after the incident of Monday 2026-03-02: hold the post-mortem: Orders
- PM-3@ is in review, and nobody has touched it for 20 days: Orders
- 2 more will follow; pmcheck postmortem items lists all
`
	if diff := cmp.Diff(want, m.Write(plain)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	plain.Place = func(path string, line int) string { return fmt.Sprintf("%s:%d", path, line) }
	if got := (Message{Reminders: []Reminder{{Kind: Due, Postmortem: "PM-1", Day: "2026-03-06", Path: "x.md", Line: 7}}}).Write(plain); got != "POST-MORTEMS AND ITEMS THAT NOBODY OWNS: 1 reminder\n- PM-1@ is due on Friday 2026-03-06  x.md:7\n" {
		t.Errorf("%q", got)
	}
}
