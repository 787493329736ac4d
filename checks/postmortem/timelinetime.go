package postmortem

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clockForm is a time of day: with seconds, am or pm, and what stands behind it, which may be a zone.
var clockForm = regexp.MustCompile(`(?:^|[^0-9:])([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9])(?:[.,][0-9]+)?)?([ \t]*[AaPp]\.?[Mm]\b\.?)?(.*)$`)

// zoneForm is a zone behind a time: Z, an offset, "UTC+2", an abbreviation or a name of the zone database.
var zoneForm = regexp.MustCompile(`^[ \t]*\(?(?:(Z)\b|((?:UTC|GMT)?[+-][0-9]{1,2}(?::?[0-9]{2})?)\b|([A-Z]{2,5})\b|([A-Z][A-Za-z_]+/[A-Z][A-Za-z_/]+))`)

// offsets of abbreviations, in quarters of an hour. Those of several zones (CST, IST) are left out, since a guess would put
// rows into a wrong order.
var offsets = map[string]int{
	"UTC": 0, "GMT": 0, "WET": 0, "WEST": 4, "CET": 4, "CEST": 8, "MEZ": 4, "MESZ": 8, "EET": 8, "EEST": 12, "MSK": 12, "SGT": 32, "JST": 36, "KST": 36,
	"AEST": 40, "AEDT": 44, "NZST": 48, "NZDT": 52, "EST": -20, "EDT": -16, "CDT": -20, "MST": -28, "MDT": -24, "PST": -32, "PDT": -28,
}

// zoneOf is the zone that a word names; nil where none is known by it.
func zoneOf(word string) *time.Location {
	if quarters, ok := offsets[word]; ok {
		return time.FixedZone(word, quarters*15*60)
	}
	if word == "Z" {
		return time.UTC
	}
	if strings.Contains(word, "/") {
		if at, err := time.LoadLocation(word); err == nil {
			return at
		}
		return nil
	}
	digits := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(word, "UTC"), "GMT"), ":", "")
	if len(digits) < 2 || digits[0] != '+' && digits[0] != '-' {
		return nil
	}
	hours, minutes := digits[1:], "0"
	if len(hours) > 2 {
		hours, minutes = hours[:len(hours)-2], hours[len(hours)-2:]
	}
	h, errH := strconv.Atoi(hours)
	m, errM := strconv.Atoi(minutes)
	if errH != nil || errM != nil || h > 14 || m > 59 {
		return nil
	}
	seconds := h*3600 + m*60
	if digits[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(offsetName(seconds), seconds)
}

func offsetName(seconds int) string {
	return time.Unix(0, 0).In(time.FixedZone("", seconds)).Format("-07:00")
}

// zoneWords are the words of a heading that may be a zone.
var zoneWords = regexp.MustCompile(`[A-Z][A-Za-z_]+/[A-Z][A-Za-z_/]+|(?:UTC|GMT)[+-][0-9]{1,2}(?::?[0-9]{2})?\b|[+-][0-9]{2}:[0-9]{2}\b|\b[A-Z]{2,5}\b`)

// zoneIn is the zone that a heading names ("Timeline (times in CEST)", "Time (UTC)"). unclear tells that it seems to name
// one that is not known.
func zoneIn(heading string) (zone *time.Location, unclear bool) {
	inParens := false
	for _, at := range zoneWords.FindAllStringIndex(heading, 10) {
		if zone := zoneOf(heading[at[0]:at[1]]); zone != nil {
			return zone, false
		}
		inParens = inParens || strings.Contains(heading[:at[0]], "(")
	}
	return nil, inParens
}

// cellTime is a time as a cell has it.
type cellTime struct {
	day             string // YYYY-MM-DD; "" when it has none
	hour, min, sec  int
	seconds, joined bool // it has seconds; "T" stands between day and time
	zone            *time.Location
	word            string // the zone as it is written
	unclear         bool   // a zone is written and not known
}

// readCell reads the first time in a cell.
func readCell(cell string) (cellTime, bool) {
	text := strings.ReplaceAll(plain(cell), "`", "")
	m := clockForm.FindStringSubmatchIndex(text)
	if m == nil {
		return cellTime{}, false
	}
	group := func(n int) string {
		if m[2*n] < 0 {
			return ""
		}
		return text[m[2*n]:m[2*n+1]]
	}
	var c cellTime
	before := text[:m[2]]
	c.joined = strings.HasSuffix(before, "T")
	c.day, _ = dayIn(strings.TrimSuffix(before, "T"))
	c.hour, _ = strconv.Atoi(group(1))
	c.min, _ = strconv.Atoi(group(2))
	c.sec, _ = strconv.Atoi(group(3))
	c.seconds = group(3) != ""
	switch half := strings.ToLower(strings.TrimSpace(group(4))); {
	case half == "":
	case c.hour < 1 || c.hour > 12:
		return cellTime{}, false
	case half[0] == 'p':
		c.hour = c.hour%12 + 12
	default:
		c.hour %= 12
	}
	if c.hour > 23 {
		return cellTime{}, false
	}
	rest := group(5)
	if z := zoneForm.FindStringSubmatch(rest); z != nil {
		c.word = z[1] + z[2] + z[3] + z[4]
		// "14:05-14:10" is a range, and "14:05 -05:00" has an offset.
		if strings.HasPrefix(c.word, "-") && (!strings.HasSuffix(c.word, "00") && !strings.HasSuffix(c.word, "30") || c.day == "" && strings.HasPrefix(rest, "-")) {
			c.word = ""
		}
	}
	if c.word != "" {
		c.zone = zoneOf(c.word)
		c.unclear = c.zone == nil
	}
	if c.day == "" {
		if later, _ := dayIn(rest); later != "" { // "14:05 UTC, 3 March 2026"
			c.day = later
		}
	}
	return c, true
}

// on is the moment on a day, in a zone where the cell names none.
func (c cellTime) on(day string, zone *time.Location) (time.Time, bool) {
	if c.day != "" {
		day = c.day
	}
	if c.zone != nil {
		zone = c.zone
	}
	d, err := time.Parse(time.DateOnly, day)
	if err != nil || zone == nil || c.unclear {
		return time.Time{}, false
	}
	return time.Date(d.Year(), d.Month(), d.Day(), c.hour, c.min, c.sec, 0, zone), true
}

// timeStyle is how a table writes its times.
type timeStyle struct {
	zone    *time.Location
	day     string // times alone mean this day; "" = each time has its day
	joined  bool
	seconds bool
	named   bool // each time has its zone
}

func (s timeStyle) write(at time.Time) string {
	at = at.In(s.zone)
	clock := "15:04"
	if s.seconds {
		clock = "15:04:05"
	}
	switch {
	case s.joined:
		return at.Format("2006-01-02T" + clock + "Z07:00")
	case s.day == "" || s.day != at.Format(time.DateOnly):
		clock = "2006-01-02 " + clock
	}
	if !s.named {
		return at.Format(clock)
	}
	name, offset := at.Zone()
	if name == "" || strings.ContainsAny(name, "+-") {
		name = offsetName(offset)
	}
	return fmt.Sprintf("%s %s", at.Format(clock), name)
}
