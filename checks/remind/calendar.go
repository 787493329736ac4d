package remind

import (
	"time"
)

// A Calendar says on which days people work.
type Calendar struct {
	Zone     *time.Location // nil is UTC
	Working  []time.Weekday // none is Monday to Friday
	Holidays []string       // YYYY-MM-DD
}

// Today is the day that a moment lies in where the people are, YYYY-MM-DD.
func (c Calendar) Today(now time.Time) string { return c.day(now).Format(time.DateOnly) }

// day is the day that a moment lies in, as noon in UTC: a time to count days from, in which no clock is put forward.
func (c Calendar) day(now time.Time) time.Time {
	zone := c.Zone
	if zone == nil {
		zone = time.UTC
	}
	year, month, day := now.In(zone).Date()
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// parseDay is a day as day gives it; false where the text is none.
func parseDay(text string) (time.Time, bool) {
	day, err := time.Parse(time.DateOnly, text)
	return day.Add(12 * time.Hour), err == nil
}

// Works tells that people work on the day of a moment.
func (c Calendar) Works(now time.Time) bool { return c.works(c.day(now)) }

func (c Calendar) works(day time.Time) bool {
	text := day.Format(time.DateOnly)
	for _, holiday := range c.Holidays {
		if holiday == text {
			return false
		}
	}
	if len(c.Working) == 0 {
		return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
	}
	for _, w := range c.Working {
		if w == day.Weekday() {
			return true
		}
	}
	return false
}

// workingDays counts the working days after one day up to and with another, at most so many.
func (c Calendar) workingDays(from, to time.Time, most int) int {
	if to.Sub(from) > time.Duration(most+30)*7*24*time.Hour { // no calendar has so few working days that it matters
		return most
	}
	n := 0
	for day := from.AddDate(0, 0, 1); !day.After(to) && n < most; day = day.AddDate(0, 0, 1) {
		if c.works(day) {
			n++
		}
	}
	return n
}

// endOfWeek is the Sunday of a day's week.
func endOfWeek(day time.Time) time.Time {
	return day.AddDate(0, 0, (7-int(day.Weekday()))%7)
}
