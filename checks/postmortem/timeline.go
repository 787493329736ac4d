package postmortem

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TimelineRow is a row of a timeline that a program makes, see MergeTimeline.
type TimelineRow struct {
	Key   string // what it is about, the same each time it is made
	At    time.Time
	Event string // plain text, as By
	By    string // a role
	Link  string // an address, or ""

	Partial bool // not all of it could be found out: such a row that was made before is left as it is
}

// MergedTimeline is a document with the rows in its timeline.
type MergedTimeline struct {
	Text      []byte
	Added     int
	Updated   int // made before, and different now
	Unchanged int
	Edited    int  // made before and edited by hand since, and so left as they are
	Made      bool // the document had no table for them
}

// maxTimelineRows bounds the rows of a table.
const maxTimelineRows = 5000

var errNoMarkdown = errors.New("it is no Markdown: rows are put into .md and .markdown alone")

// MergeTimeline puts rows into the table of a document's timeline: in order of time, with its columns and in its time zone.
// What was written by hand stays byte for byte and in its order; rows of an earlier call are known by a comment at their end,
// and updated unless they were edited since. A document without such a table gets one, under its heading or at its end.
func MergeTimeline(path string, content []byte, rows []TimelineRow) (MergedTimeline, error) {
	switch {
	case !markdown(path):
		return MergedTimeline{}, errNoMarkdown
	case len(content) > maxDocument:
		return MergedTimeline{}, fmt.Errorf("it is larger than %d bytes, which no post-mortem is", maxDocument)
	case len(rows) > maxTimelineRows:
		return MergedTimeline{}, fmt.Errorf("%d rows are more than a timeline holds: take a shorter time", len(rows))
	}
	m := merge{timelineTable: findTimeline(content)}
	began, day := incidentBegan(path, content)
	if !m.found && m.open {
		return MergedTimeline{}, errors.New("a code block or a comment in it is never closed, so that what is put behind it would be a part of that: close it")
	}
	m.out.Made = !m.found
	if !m.found {
		m.at, m.columns = map[string]int{"time": 0, "event": 1, "by": 2}, 3
		m.from, m.to = 0, 0
	}
	m.read()
	m.readStyle(began, day, rows)
	m.put(rows)
	m.write()
	return m.out, nil
}

// FormatTimeline is rows as a table in Markdown, in a time zone.
func FormatTimeline(rows []TimelineRow, zone *time.Location) string {
	m := merge{timelineTable: timelineTable{at: map[string]int{"time": 0, "event": 1, "by": 2}, columns: 3}, style: timeStyle{zone: zone, named: true}}
	var b strings.Builder
	b.WriteString(timelineHead)
	for _, r := range rows {
		b.WriteString(line(m.cells(r)) + "\n")
	}
	return b.String()
}

const timelineHead = "| Time | Event | By (role) |\n|---|---|---|\n"

// incidentBegan is when a document says that its incident began, and the day that it is of; zero and "" where it does not.
func incidentBegan(path string, content []byte) (began time.Time, day string) {
	d, _ := Parse(path, content)
	if d == nil {
		if r, err := ReadHeadings(path, content); err == nil {
			d = r.Document
		}
	}
	if d == nil {
		return time.Time{}, ""
	}
	began, _ = time.Parse(time.RFC3339, d.StartedAt)
	return began, d.Date
}

// merge is one call of MergeTimeline.
type merge struct {
	timelineTable
	hand  []handRow
	made  []madeRow
	taken map[string]bool // keys of rows that are not ours any more
	style timeStyle
	out   MergedTimeline
}

// handRow is a row that was written, or edited, by hand.
type handRow struct {
	text  string // without line break
	end   string // its line break
	cell  cellTime
	timed bool
	at    time.Time // where known is true
	known bool
}

// madeRow is a row of ours.
type madeRow struct {
	key, text string // text as in handRow, and end
	end       string
	at        int64 // Unix seconds
}

// markForm is the comment that a row of ours ends with: its key, what its cells were, when it is of.
var markForm = regexp.MustCompile(`[ \t]*<!-- pmcheck:timeline ([0-9a-f]{12}) ([0-9a-f]{8}) (-?[0-9]{1,12}) -->`)

func hash(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}

// cellsHash tells rows apart by what their cells hold: not by blanks around them, which editors align.
func cellsHash(text string) string {
	cells := cellsOf(markForm.ReplaceAllString(text, ""))
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return hash(strings.Join(cells, "|"), 8)
}

// read parts the rows that are there into those by hand and ours. A row of ours that was edited, copied or moved to another
// place is not ours any more.
func (m *merge) read() {
	m.taken = map[string]bool{}
	once := map[string]bool{}
	for i, whole := range m.lines {
		text, _ := cutBreak(whole)
		marks := markForm.FindAllStringSubmatch(text, -1)
		for _, mark := range marks {
			key := mark[1]
			m.taken[key] = m.taken[key] || i < m.from || i >= m.to || len(marks) > 1 || mark[2] != cellsHash(text) || once[key]
			once[key] = true
		}
	}
	for _, whole := range m.lines[m.from:m.to] {
		text, end := cutBreak(whole)
		if mark := markForm.FindStringSubmatch(text); mark != nil && !m.taken[mark[1]] {
			at, _ := strconv.ParseInt(mark[3], 10, 64)
			m.made = append(m.made, madeRow{mark[1], text, end, at})
			continue
		}
		h := handRow{text: text, end: end}
		if cells := row(text); m.at["time"] < len(cells) {
			h.cell, h.timed = readCell(cells[m.at["time"]])
		}
		m.hand = append(m.hand, h)
	}
}

// readStyle finds out when the rows by hand are of, and how they write times. Times without a zone are in that of the table's
// head or of its heading, of another row, or of when the incident began; those without a day are of the day on which it began,
// and of the next where the clock goes back by hours.
func (m *merge) readStyle(began time.Time, day string, rows []TimelineRow) {
	zone := m.zone
	if !m.unclear {
		for _, h := range m.hand {
			if zone == nil {
				zone = h.cell.zone
			}
		}
		if zone == nil && !began.IsZero() {
			zone = time.UTC
			if _, offset := began.Zone(); offset != 0 {
				zone = time.FixedZone(offsetName(offset), offset)
			}
		}
		if zone == nil {
			zone = time.UTC
		}
	}
	m.style = timeStyle{zone: zone, named: m.zone == nil}
	if zone == nil {
		m.style.zone = time.UTC
	}
	switch {
	case !began.IsZero():
		day = began.In(m.style.zone).Format(time.DateOnly)
	case day == "":
		day = m.earliest(rows).In(m.style.zone).Format(time.DateOnly)
	}
	base, last, styled := day, -1, false
	for i := range m.hand {
		h := &m.hand[i]
		if !h.timed {
			continue
		}
		minute := h.cell.hour*60 + h.cell.min
		switch {
		case h.cell.day != "":
			day = h.cell.day
		case last >= 0 && minute < last-6*60:
			day = nextDay(day, 1)
		case last < 0 && !began.IsZero() && minute > began.In(m.style.zone).Hour()*60+12*60: // it begins before midnight
			day = nextDay(day, -1)
		}
		last = minute
		h.at, h.known = h.cell.on(day, zone)
		if !styled && !h.cell.unclear {
			styled = true
			m.style.seconds, m.style.named = h.cell.seconds, h.cell.word != "" || zone == nil
			m.style.joined = h.cell.joined && h.cell.day != "" && h.cell.word != ""
			if h.cell.day == "" && zone != nil {
				m.style.day = base
			}
		}
	}
}

func nextDay(day string, days int) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	return at.AddDate(0, 0, days).Format(time.DateOnly)
}

// earliest is when the first of our rows is of, those that are there already too.
func (m *merge) earliest(rows []TimelineRow) time.Time {
	var first time.Time
	take := func(at time.Time) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for _, r := range rows {
		take(r.At)
	}
	for _, r := range m.made {
		take(time.Unix(r.at, 0))
	}
	return first
}

// put makes the rows, or keeps those that say the same already.
func (m *merge) put(rows []TimelineRow) {
	seen := map[string]bool{}
	for _, r := range rows {
		key := hash(r.Key, 12)
		if seen[key] {
			continue
		}
		seen[key] = true
		if m.taken[key] {
			m.out.Edited++
			continue
		}
		text := line(m.cells(r))
		now := madeRow{key: key, at: r.At.Unix()}
		now.text = fmt.Sprintf("%s <!-- pmcheck:timeline %s %s %d --> |", strings.TrimSuffix(text, " |"), key, cellsHash(text), now.at)
		i := slices.IndexFunc(m.made, func(old madeRow) bool { return old.key == key })
		switch {
		case i < 0:
			m.made = append(m.made, now)
			m.out.Added++
		case r.Partial || cellsHash(m.made[i].text) == cellsHash(now.text) && m.made[i].at == now.at:
			m.out.Unchanged++
		default:
			now.end = m.made[i].end
			m.made[i] = now
			m.out.Updated++
		}
	}
	slices.SortStableFunc(m.made, func(a, b madeRow) int { return cmp.Compare(a.at, b.at) })
}

// cells are what a row has in the table's columns.
func (m *merge) cells(r TimelineRow) []string {
	text := func(s string) string { return markdownText.Replace(clip(s)) }
	cells := make([]string, m.columns)
	link := ""
	if linkable.MatchString(r.Link) {
		link = "[" + linkName(r.Link) + "](" + r.Link + ")"
	}
	event := text(r.Event)
	for key, value := range map[string]string{"by": text(r.By), "link": link} {
		column, ok := m.at[key]
		switch {
		case value == "":
		case ok:
			cells[column] = value
		case key == "by":
			event += " \u2013 " + value
		}
	}
	if _, ok := m.at["link"]; !ok && link != "" {
		event += " (" + link + ")"
	}
	cells[m.at["event"]] = event
	cells[m.at["time"]] = m.style.write(r.At)
	return cells
}

// linkable is an address that needs no escaping where Markdown wants one.
var linkable = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/?#@!$&+,;=%-]+$`)

// cutBreak parts a line from its line break.
func cutBreak(line string) (text, end string) {
	text, ok := strings.CutSuffix(line, "\n")
	if !ok {
		return line, ""
	}
	text = strings.TrimSuffix(text, "\r")
	return text, line[len(text):]
}

// linkName is what the text of a link says.
func linkName(link string) string {
	if u, err := url.Parse(link); err == nil && strings.HasSuffix(u.Hostname(), "circleci.com") {
		return "CircleCI"
	}
	return "link"
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// write puts the document together.
func (m *merge) write() {
	type piece struct{ text, end string }
	var pieces []piece
	whole := func(lines []string) {
		for _, l := range lines {
			text, end := cutBreak(l)
			pieces = append(pieces, piece{text, end})
		}
	}
	lineBreak := "\n"
	if len(m.lines) > 0 && strings.HasSuffix(m.lines[max(m.from-1, 0)], "\r\n") {
		lineBreak = "\r\n"
	}
	ends := len(m.lines) == 0 || strings.HasSuffix(m.lines[len(m.lines)-1], "\n")
	before, after := m.lines[:m.from], m.lines[m.to:]
	if !m.found {
		if len(m.made) == 0 {
			m.out.Text, m.out.Made = []byte(strings.Join(m.lines, "")), false
			return
		}
		at := m.section
		if at < 0 {
			at = len(m.lines)
		}
		blank := at
		for blank > 0 && strings.TrimSpace(m.lines[blank-1]) == "" {
			blank--
		}
		before, after = m.lines[:blank], m.lines[blank:]
		if len(after) > 0 && strings.TrimSpace(after[0]) != "" {
			after = slices.Concat([]string{lineBreak}, after)
		}
	}
	whole(before)
	if !m.found {
		head := timelineHead
		if m.section < 0 {
			head = "## Timeline\n\n" + head
		}
		if len(pieces) > 0 {
			head = "\n" + head
		}
		for l := range strings.Lines(head) {
			pieces = append(pieces, piece{strings.TrimSuffix(l, "\n"), lineBreak})
		}
	}
	made := m.made
	for _, h := range m.hand {
		for h.known && len(made) > 0 && made[0].at < h.at.Unix() {
			pieces = append(pieces, piece{made[0].text, made[0].end})
			made = made[1:]
		}
		pieces = append(pieces, piece{h.text, h.end})
	}
	for _, r := range made {
		pieces = append(pieces, piece{r.text, r.end})
	}
	whole(after)
	var b strings.Builder
	for i, p := range pieces {
		b.WriteString(p.text)
		switch {
		case i == len(pieces)-1 && !ends:
		case p.end == "":
			b.WriteString(lineBreak)
		default:
			b.WriteString(p.end)
		}
	}
	m.out.Text = []byte(b.String())
}
