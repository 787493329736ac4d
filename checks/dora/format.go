package dora

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/report"
)

// oneLine is a text from elsewhere as a line that is not endless.
func oneLine(text string) string {
	const longest = 400
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + " ..."
	}
	return text
}

// show is a figure as people write it; "no data" of none.
func (m *Metric) show(value *float64) string {
	if value == nil {
		return "no data"
	}
	switch m.Unit {
	case "seconds":
		return duration(*value)
	case "share of 1":
		return percent(*value)
	}
	return number(*value) + " a " + strings.TrimPrefix(m.Unit, "deployments per ")
}

// target is what is wanted, "" where nothing is.
func (m *Metric) target() string {
	switch {
	case m.Target == nil:
		return ""
	case m.AtLeast:
		return "at least " + m.show(m.Target)
	}
	return "at most " + m.show(m.Target)
}

func number(n float64) string { return strconv.FormatFloat(math.Round(n*10)/10, 'f', -1, 64) }

func percent(n float64) string {
	return strconv.FormatFloat(math.Round(n*1000)/10, 'f', -1, 64) + "%"
}

// duration is a time in its two largest units.
func duration(seconds float64) string {
	if minutes := int64(math.Round(seconds / 60)); minutes < 48*60 {
		switch {
		case seconds > 0 && seconds < 60:
			return fmt.Sprintf("%d s", int64(seconds))
		case minutes < 60:
			return fmt.Sprintf("%d min", minutes)
		case minutes%60 == 0:
			return fmt.Sprintf("%d h", minutes/60)
		}
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
	hours := int64(math.Round(seconds / 3600))
	if hours%24 == 0 {
		return fmt.Sprintf("%d d", hours/24)
	}
	return fmt.Sprintf("%d d %d h", hours/24, hours%24)
}

// window is the time that was measured; its last day is in it.
func (r *Report) window() string {
	return fmt.Sprintf("%s to %s", day(r.From), day(r.To.Add(-time.Nanosecond)))
}

func day(t time.Time) string { return t.Format("2 January 2006") }

// heading names what was measured.
func (r *Report) heading() string {
	if r.Repository == "" {
		return "this repository"
	}
	return r.Repository
}

// conclusion is the verdict as a word, and what it means.
func (r *Report) conclusion() (word, advice string) {
	var missed, unknown []string
	for _, m := range r.Metrics {
		switch m.Verdict {
		case Missed:
			missed = append(missed, m.Name)
		case Unknown:
			unknown = append(unknown, m.Name)
		}
	}
	switch r.Verdict {
	case Missed:
		return "MISSED", strings.Join(missed, ", ")
	case Unknown:
		return "NOT KNOWN", strings.Join(unknown, ", ") + ": what is missing stands above"
	case Met:
		return "MET", "no target is missed"
	}
	return "MEASURED", "no targets are set; .pmcheck.yml takes them under dora: targets:"
}

// shownWeeks is how many weeks a text lists, the last ones.
const shownWeeks = 26

// Text is the report for a terminal or a log.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "DORA metrics of %s\n%s (%s)\ndeployments: %s\n\n", r.heading(), r.window(), r.TimeZone, r.Source)
	for i := range r.Metrics {
		m := &r.Metrics[i]
		line := fmt.Sprintf("%-32s %-16s", m.Name, m.show(m.Value))
		if target := m.target(); target != "" {
			line += fmt.Sprintf(" %-20s %s", target, m.Verdict)
		}
		fmt.Fprintf(&b, "%s\n    %s\n", strings.TrimRight(line, " "), m.Basis)
	}
	if n := r.NotCounted; n != (NotCounted{}) {
		fmt.Fprintf(&b, "\nnot counted: %d failed, %d of what was there already, %d underway\n", n.Failed, n.Reruns, n.Underway)
	}

	b.WriteString("\nby week\n")
	fmt.Fprintf(&b, "  %-12s %11s  %-12s %8s  %-12s %8s\n", "from", "deployments", "lead time", "failed", "recovery", "rework")
	cut := false
	weeks := r.Weeks
	if more := len(weeks) - shownWeeks; more > 0 {
		weeks = weeks[more:]
		fmt.Fprintf(&b, "  %s before, in --format json and html\n", counted(more, "week", "weeks"))
	}
	for _, w := range weeks {
		mark := ""
		if !w.Whole {
			mark, cut = "*", true
		}
		fmt.Fprintf(&b, "  %-12s %11d  %-12s %8s  %-12s %8s\n", w.From.Format(time.DateOnly)+mark, w.Deployments, r.Metrics[1].cell(w.LeadTime),
			r.Metrics[2].cell(w.FailureRate), r.Metrics[3].cell(w.Recovery), r.Metrics[4].cell(w.ReworkRate))
	}
	if cut {
		b.WriteString("  * not a whole week\n")
	}

	if len(r.Incidents) > 0 {
		b.WriteString("\nincidents\n")
		for _, in := range r.Incidents {
			caused := "not counted: " + in.Because
			if in.Deployment != "" {
				caused = in.Deployment + ": " + in.Because
			}
			fmt.Fprintf(&b, "  %s  %s\n    %s\n", in.ID, oneLine(in.Title), oneLine(caused))
		}
	}
	for _, list := range []struct {
		name string
		of   []string
	}{{"missing", r.missing()}, {"to know", r.Notes}} {
		if len(list.of) > 0 {
			fmt.Fprintf(&b, "\n%s\n", list.name)
			for _, text := range list.of {
				fmt.Fprintf(&b, "  - %s\n", oneLine(text))
			}
		}
	}
	b.WriteString("\nhow it is computed\n")
	for _, m := range r.Metrics {
		fmt.Fprintf(&b, "  %s: %s\n", m.Name, m.Definition)
	}
	word, advice := r.conclusion()
	fmt.Fprintf(&b, "\n%s  %s\n", word, advice)
	return report.Printable(b.String())
}

// cell is show with a dash for no data.
func (m *Metric) cell(value *float64) string {
	if value == nil {
		return "-"
	}
	return m.show(value)
}

// missing are the gaps, each with the metrics that are not of the whole for it.
func (r *Report) missing() []string {
	var out []string
	for _, gap := range r.Gaps {
		var names []string
		for _, m := range r.Metrics {
			for _, id := range gap.Affects {
				if id == m.ID {
					names = append(names, m.Name)
				}
			}
		}
		about := strings.Join(names, ", ")
		if len(names) == len(r.Metrics) {
			about = "all figures"
		}
		out = append(out, fmt.Sprintf("%s (%s)", gap.Text, about))
	}
	return out
}
