package dora

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // page.tmpl and page.css
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pmcheck/pmcheck/checks/report"
)

//go:embed page.tmpl
var pageTemplate string

//go:embed page.css
var pageOwnStyle string

var pageParsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageTemplate))
})

// shownDeployments is how many deployments a page lists.
const shownDeployments = 200

// page is what page.tmpl shows.
type page struct {
	Style  template.CSS
	Policy string

	Heading      string
	Class        string // pass | fail | undone
	Word, Advice string
	Subject      []labelled
	Missing      []string
	Metrics      []metricView
	Columns      []string
	Weeks        []weekView
	Deployments  []deploymentView
	More         int
	Incidents    []incidentView
	Notes        []string
}

type labelled struct{ Name, Value string }

type metricView struct {
	ID, Name, Value, Basis, Target, Verdict, Class, Definition string
	Nothing                                                    bool
	Plot                                                       *plot
}

type weekView struct {
	From  string
	Whole bool
	Cells []string
}

type deploymentView struct{ At, Name, URL, Commit, Changes, Lead, Failed, Rework string }

type incidentView struct{ ID, Title, Path, Deployment, Because string }

// HTML writes the report as one page that needs nothing else: no script, no font, no picture from elsewhere.
func (r *Report) HTML(w io.Writer) error {
	var b bytes.Buffer
	if err := pageParsed().Execute(&b, r.page()); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func clean(text string) string { return report.Printable(oneLine(text)) }

func (r *Report) page() *page {
	style := report.PageStyle() + pageOwnStyle
	sum := sha256.Sum256([]byte(style))
	word, advice := r.conclusion()
	p := &page{
		Style:   template.CSS(style),
		Policy:  "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Heading: clean(r.heading()), Word: word, Advice: advice,
		Columns: []string{"deployments", "lead time", "failed", "recovery", "rework"},
		Class:   map[string]string{Met: "pass", Missed: "fail", Unknown: "undone"}[r.Verdict],
		Subject: []labelled{{"Repository", clean(r.heading())}, {"Window", r.window() + ", " + r.TimeZone}, {"What counts as a deployment", clean(r.Source)},
			{"Not counted", fmt.Sprintf("%s, %s, %d underway", counted(r.NotCounted.Failed, "run that failed", "runs that failed"),
				counted(r.NotCounted.Reruns, "rerun", "reruns"), r.NotCounted.Underway)}},
	}
	if r.Verdict == Unknown {
		p.Advice = strings.TrimSuffix(advice, " above") + " below"
	}
	for _, text := range r.missing() {
		p.Missing = append(p.Missing, clean(text))
	}
	for _, text := range r.Notes {
		p.Notes = append(p.Notes, clean(text))
	}
	for i := range r.Metrics {
		m := &r.Metrics[i]
		v := metricView{ID: m.ID, Name: m.Name, Value: m.show(m.Value), Basis: clean(m.Basis), Target: m.target(), Definition: m.Definition, Nothing: m.Value == nil,
			Plot: r.plot(m)}
		if m.Verdict != None {
			v.Verdict, v.Class = m.Verdict, m.Verdict
		}
		p.Metrics = append(p.Metrics, v)
	}
	for _, w := range r.Weeks {
		v := weekView{From: day(w.From), Whole: w.Whole, Cells: []string{fmt.Sprint(w.Deployments)}}
		for i, value := range []*float64{w.LeadTime, w.FailureRate, w.Recovery, w.ReworkRate} {
			v.Cells = append(v.Cells, r.Metrics[i+1].cell(value))
		}
		p.Weeks = append(p.Weeks, v)
	}
	for i := len(r.Deployments) - 1; i >= 0; i-- {
		if len(p.Deployments) == shownDeployments {
			p.More = i + 1
			break
		}
		p.Deployments = append(p.Deployments, viewOf(&r.Deployments[i]))
	}
	for _, in := range r.Incidents {
		v := incidentView{clean(in.ID), clean(in.Title), clean(in.Path), clean(in.Deployment), clean(in.Because)}
		if v.Deployment == "" {
			v.Deployment = "none that counts"
		}
		p.Incidents = append(p.Incidents, v)
	}
	return p
}

func viewOf(d *Deployment) deploymentView {
	v := deploymentView{At: d.Ended.Format("2006-01-02 15:04"), Name: clean(d.Name), Commit: d.Commit[:min(9, len(d.Commit))],
		Changes: fmt.Sprint(len(d.Changes)), Lead: "-", Failed: "-", Rework: "-"}
	if strings.HasPrefix(d.URL, "https://") {
		v.URL = d.URL
	}
	if d.Unknown {
		v.Changes = "not known"
	}
	if lead := sampleOf([]Deployment{*d}).lead; lead != nil {
		v.Lead = duration(*lead)
	}
	if d.Failed {
		v.Failed = clean(d.Why)
		if d.Recovery != nil {
			v.Failed += ", well after " + duration(float64(*d.Recovery))
		}
	}
	if d.Rework != "" {
		v.Rework = clean(d.Rework)
	}
	return v
}

// plot is a figure's weeks as columns. Across, places are in percent of the width; down, in pixels, so that its letters keep
// their size on a phone.
type plot struct {
	ID, Title, Summary           string
	Height, Top, Bottom, TopText int
	Labels, NoneY                int
	Max, First, Last             string
	Columns                      []column
	Limit                        *limit
}

type column struct {
	X, W, Says string
	Y, H       string
	None, Part bool
}

type limit struct{ Y, Label string }

const (
	plotTop    = 20 // pixels, as the next
	plotBottom = 116
)

// weekly is a metric in a week; nil = no data.
func (r *Report) weekly(m *Metric, w Week) *float64 {
	switch m.ID {
	case Frequency:
		n := float64(w.Deployments)
		return &n
	case LeadTime:
		return w.LeadTime
	case FailureRate:
		return w.FailureRate
	case Recovery:
		return w.Recovery
	}
	return w.ReworkRate
}

// plot draws a metric; nil where no week has any of it.
func (r *Report) plot(m *Metric) *plot {
	as := *m // a week's figure: deployments are those of the week, whatever the metric is per
	if m.ID == Frequency {
		as.Unit = "deployments per week"
	}
	showsTarget := m.Target != nil && as.Unit == m.Unit
	var values []float64
	for _, w := range r.Weeks {
		if v := r.weekly(m, w); v != nil {
			values = append(values, *v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	highest := slices.Max(values)
	p := &plot{ID: m.ID, Title: m.Name + " by week", Height: plotBottom + 22, Top: plotTop, Bottom: plotBottom, TopText: plotTop - 6, Labels: plotBottom + 17, NoneY: plotBottom - 4}
	p.Summary = fmt.Sprintf("%s, from %s to %s.", counted(len(values), "week", "weeks"), as.show(ptr(slices.Min(values))), as.show(&highest))
	if none := len(r.Weeks) - len(values); none > 0 {
		p.Summary += fmt.Sprintf(" No data in %d more.", none)
	}
	if showsTarget {
		highest = max(highest, *m.Target)
		p.Summary += " The target is " + m.target() + "."
	}
	top := ceiling(&as, highest)
	p.Max = as.show(&top)
	height := func(v float64) float64 { return v / top * (plotBottom - plotTop) }
	step := 100 / float64(len(r.Weeks))
	for i, w := range r.Weeks {
		c := column{X: decimals(float64(i)*step + 0.15*step), W: decimals(0.7 * step), Part: !w.Whole}
		v := r.weekly(m, w)
		c.Says = fmt.Sprintf("week of %s: %s", day(w.From), as.show(v))
		if c.Part {
			c.Says += " (part of the week)"
		}
		if v == nil {
			c.None = true
		} else {
			h := height(*v)
			c.Y, c.H = decimals(plotBottom-h), decimals(h)
		}
		p.Columns = append(p.Columns, c)
	}
	p.First = r.Weeks[0].From.Format("2 Jan 2006")
	if len(r.Weeks) > 1 {
		p.Last = r.Weeks[len(r.Weeks)-1].From.Format("2 Jan 2006")
	}
	if showsTarget {
		p.Limit = &limit{decimals(plotBottom - height(*m.Target)), m.target()}
	}
	return p
}

func ptr(n float64) *float64 { return &n }

func decimals(n float64) string { return fmt.Sprintf("%.2f", n) }

// ceiling is a round figure at or above another, where the scale ends.
func ceiling(m *Metric, highest float64) float64 {
	steps := []float64{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100}
	unit := 1.0
	switch m.Unit {
	case "share of 1":
		unit = 0.01
		if highest > 1 {
			return highest
		}
	case "seconds":
		switch {
		case highest <= time.Hour.Seconds():
			unit, steps = 60, []float64{1, 2, 5, 10, 15, 20, 30, 45, 60}
		case highest <= 48*time.Hour.Seconds():
			unit, steps = 3600, []float64{1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48}
		default:
			unit = 24 * 3600
		}
	}
	for scale := unit; ; scale *= 100 {
		for _, step := range steps {
			if step*scale >= highest {
				return step * scale
			}
		}
		if math.IsInf(scale, 1) {
			return highest
		}
	}
}
