package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// Reminders say when `pmcheck remind` speaks, and of what.
type Reminders struct {
	TimeZone    string   // of the people, as in the IANA data base
	WorkingDays []string // mon ... sun; on others nothing is said
	Holidays    []string // YYYY-MM-DD
	HeldWithin  int64    // working days after an incident in which its post-mortem is held
	StaleAfter  int64    // days without a change after which a draft is stale
}

// Weekdays are the words for the days of a week, Sunday first as in package time.
var Weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (r *reader) reminders(key string, node *yaml.Node, to *Reminders) {
	r.mapping(key, node, []field{
		{"time_zone", r.timeZone(&to.TimeZone)},
		{"working_days", r.days(&to.WorkingDays, "a day of the week: mon, tue, wed, thu, fri, sat or sun", func(text string) (string, bool) {
			text = strings.ToLower(text)
			return text, slices.Contains(Weekdays, text)
		})},
		{"holidays", r.days(&to.Holidays, "a date: write it as YYYY-MM-DD", func(text string) (string, bool) {
			_, err := time.Parse(time.DateOnly, text)
			return text, err == nil
		})},
		{"held_within", r.within(&to.HeldWithin, 1, 60)},
		{"stale_after", r.within(&to.StaleAfter, 1, 365)},
	})
}

// days reads a list of days in the form that is theirs.
func (r *reader) days(to *[]string, expected string, form func(string) (string, bool)) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		if v.Kind != yaml.SequenceNode || len(v.Content) == 0 {
			r.problem(v.Line, "%s: expected a list of days, got %s", key, yamltree.Describe(v))
			return
		}
		var days []string
		for _, node := range v.Content {
			day, ok := form(node.Value)
			if node.Kind != yaml.ScalarNode || !ok {
				r.problem(node.Line, "%s: %s is not %s", key, yamltree.Describe(node), expected)
				continue
			}
			days = append(days, day)
		}
		*to = days
	}
}

// within reads a whole number within limits.
func (r *reader) within(to *int64, least, most int64) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if v.Kind != yaml.ScalarNode || err != nil || n < least || n > most {
			r.problem(v.Line, "%s: expected a number of days from %d to %d, got %s", key, least, most, yamltree.Describe(v))
			return
		}
		*to = n
	}
}
