package postmortem

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"time"
)

// timelineColumns are what templates call the columns of a timeline, folded by fold.
var timelineColumns = map[string][]string{
	"time":  {"time", "times", "when", "timestamp", "date", "date_time", "datetime", "date/time", "at", "date_and_time", "time_of_day", "start_time"},
	"event": {"event", "events", "what", "what_happened", "description", "details", "action", "action_taken", "entry", "update", "message", "status"},
	"by":    {"by", "who", "actor", "role", "owner", "responder", "person"},
	"link":  {"link", "links", "data_link", "evidence", "source", "seen_in", "where", "reference"},
}

// timelineTable is where the rows of a document's timeline stand.
type timelineTable struct {
	lines   []string // of the document, each with its line break
	from    int      // the first row, an index of lines
	to      int      // behind the last one
	columns int
	at      map[string]int // columns by key of timelineColumns, "time" and "event" always
	zone    *time.Location // that the head or the heading names; nil where none does
	unclear bool           // a zone seems to be named and is not known
	found   bool
	open    bool // a code block or a comment is never closed
	section int  // where a table would have to be put: behind this many lines; -1 = at the end, with a heading
}

var timelineHeading = regexp.MustCompile(`(?i)\b(timeline|time line|chronology)\b`)

// findTimeline finds the first table with a column of times under a heading that says timeline.
func findTimeline(content []byte) timelineTable {
	t := timelineTable{section: -1}
	for len(content) > 0 {
		end := bytes.IndexByte(content, '\n') + 1
		if end == 0 {
			end = len(content)
		}
		t.lines = append(t.lines, string(content[:end]))
		content = content[end:]
	}
	level, heading := 0, ""
	hidden, open := hiddenLines(t.lines)
	t.open = open
	for i, line := range t.lines {
		if hidden[i] {
			continue
		}
		text := strings.TrimRight(line, " \t\r\n")
		if n, name := headingOf(text, t.lines, i); n > 0 {
			switch {
			case t.section < 0 && level == 0 && timelineHeading.MatchString(name):
				level, heading = n, name
			case level > 0 && n <= level:
				t.section, level = i, 0
				if i > 0 && setext(text) { // the line above is the heading's text
					t.section--
				}
			}
			continue
		}
		if level == 0 || i+1 >= len(t.lines) || hidden[i+1] || t.found {
			continue
		}
		t.table(i, heading, hidden)
	}
	if t.section < 0 && level > 0 {
		t.section = len(t.lines)
	}
	if !t.found {
		t.zone, t.unclear = zoneIn(heading)
	}
	return t
}

// table takes the table that begins at a line as the timeline's, if there is one.
func (t *timelineTable) table(i int, heading string, hidden []bool) {
	head, under := strings.TrimRight(t.lines[i], " \t\r\n"), strings.TrimRight(t.lines[i+1], " \t\r\n")
	cells := row(head)
	if len(cells) < 2 || strings.HasPrefix(strings.TrimSpace(head), ">") || !delimiter(under) || len(cellsOf(under)) != len(cells) {
		return
	}
	at := map[string]int{}
	var zone *time.Location
	unclear := false
	for column, cell := range cells {
		name := fold(strings.Trim(strings.Split(plain(cell), "(")[0], " :"))
		if known, _ := zoneIn(plain(cell)); known != nil {
			for _, word := range zoneWords.FindAllString(plain(cell), 10) {
				name = strings.Trim(strings.ReplaceAll(name, fold(word), ""), "_")
			}
			if name == "" { // "| UTC | Event |"
				name = "time"
			}
		}
		for key, names := range timelineColumns {
			if _, taken := at[key]; taken || !slices.Contains(names, name) {
				continue
			}
			at[key] = column
			if key == "time" {
				zone, unclear = zoneIn(plain(cell))
			}
		}
	}
	if _, ok := at["time"]; !ok {
		return
	}
	if _, ok := at["event"]; !ok {
		for column := range cells {
			if !slices.Contains([]int{at["time"], at["by"], at["link"]}, column) {
				at["event"] = column
				break
			}
		}
		if _, ok := at["event"]; !ok {
			return
		}
	}
	if zone == nil && !unclear {
		zone, unclear = zoneIn(heading)
	}
	t.found, t.columns, t.at, t.zone, t.unclear, t.from = true, len(cells), at, zone, unclear, i+2
	for t.to = t.from; t.to < len(t.lines) && !hidden[t.to] && bodyRow(t.lines[t.to]); t.to++ {
	}
}

// bodyRow tells that a line goes on with a table.
func bodyRow(line string) bool {
	text := strings.TrimSpace(line)
	return strings.Contains(text, "|") && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, ">") && !strings.HasPrefix(text, "<!--")
}

// cellsOf are the cells of any line of a table, the one under its head too.
func cellsOf(text string) []string {
	text = strings.ReplaceAll(strings.TrimSpace(text), `\|`, "\x00")
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "|"), "|"), "|")
}

// headingOf is the level and the text of the heading that ends at a line; level 0 for none.
func headingOf(text string, lines []string, i int) (level int, name string) {
	if m := headingForm.FindStringSubmatch(text); m != nil {
		return len(m[1]), plain(m[2])
	}
	if m := boldHeadingForm.FindStringSubmatch(text); m != nil {
		return 7, plain(m[1])
	}
	if i > 0 && setext(text) && !delimiter(text) {
		above := strings.TrimSpace(lines[i-1])
		if above != "" && !strings.ContainsAny(above[:1], "-*+|>#") {
			return map[byte]int{'=': 1, '-': 2}[strings.TrimSpace(text)[0]], plain(above)
		}
	}
	return 0, ""
}

func setext(text string) bool { return underlineForm.MatchString(text) }

// hiddenLines are those of front matter, code blocks and comments of several lines. open tells that the last is not closed.
func hiddenLines(lines []string) (hidden []bool, open bool) {
	hidden = make([]bool, len(lines))
	fenced, comment := "", false
	i := 0
	for i < len(lines) && strings.TrimSpace(strings.TrimPrefix(lines[i], "\ufeff")) == "" {
		i++
	}
	if i < len(lines) && fence([]byte(strings.TrimRight(strings.TrimPrefix(lines[i], "\ufeff"), "\n")), "---") {
		for end := i + 1; end < len(lines); end++ {
			text := []byte(strings.TrimRight(lines[end], "\n"))
			if fence(text, "---") || fence(text, "...") {
				for ; i <= end; i++ {
					hidden[i] = true
				}
				break
			}
		}
	}
	for ; i < len(lines); i++ {
		mark := strings.TrimLeft(lines[i], " ")
		switch {
		case comment:
			hidden[i] = true
			comment = !strings.Contains(lines[i], "-->")
		case fenced != "":
			hidden[i] = true
			if strings.HasPrefix(mark, fenced) {
				fenced = ""
			}
		case strings.HasPrefix(mark, "```") || strings.HasPrefix(mark, "~~~"):
			hidden[i], fenced = true, mark[:3]
		default:
			open := strings.LastIndex(lines[i], "<!--")
			comment = open >= 0 && !strings.Contains(lines[i][open:], "-->")
			hidden[i] = comment
		}
	}
	return hidden, comment || fenced != ""
}
