package deploy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The picture of a metric: across in percent, so that it fills the page without a
// script; down in pixels.
const (
	chartTop, chartBottom = 26.0, 186.0
	chartLeft, chartRight = 6.0, 98.5 // percent
	leastLabel            = 9.0       // percent between two labels
	shownPoints           = 400
	shownRows             = 200
)

// chart is all that was measured of one metric.
type chart struct {
	ID, Name, Summary string
	Success, Failure  string // the conditions
	Results           []resultView
	Zones             []zone
	Ticks             []tick
	Limits            []limitLine
	Weights           []weightLine
	Lines             []line
	Points            []point
	Drawn             bool // there is at least one number
	NotDrawn          int  // measurements that are left out of the picture
	Rows              []row
	RowsMore          int
	Open              bool // the table shows without a click
	Steps             bool // the gate has steps

	values        []value
	lowest, above float64
	from, to      time.Time
}

// value is a measurement with its step.
type value struct {
	Measurement
	step, weight int
}

type (
	resultView struct{ Class, Where, Phase, Reason string }
	zone       struct{ Class, Y, Height string }
	tick       struct{ Text, Y, TextY string }
	limitLine  struct{ Class, Text, Y, TextY string }
	weightLine struct{ X, Text string }
	line       struct{ X1, Y1, X2, Y2 string }
	point      struct{ Class, X, Y, Title string }
	row        struct{ Class, Time, Where, Value, Phase, Message string }
)

var phaseClass = map[Phase]string{Successful: "good", FailedPhase: "bad", Inconclusive: "doubt", Error: "none", Running: "idle", Pending: "idle"}

// charts draws the metrics in the order in which they are first measured.
func charts(r *GateRecord) []*chart {
	var all []*chart
	for _, m := range r.Metrics {
		i := slices.IndexFunc(all, func(c *chart) bool { return c.Name == visible(m.Name) })
		if i < 0 {
			i = len(all)
			all = append(all, &chart{ID: fmt.Sprintf("metric-%d", i+1), Name: visible(m.Name), Success: visible(m.SuccessCondition), Failure: visible(m.FailureCondition), Steps: len(r.Steps) > 0, from: r.StartedAt, to: r.EndedAt})
			all[i].scale(r, m)
		}
		all[i].add(m)
	}
	for _, c := range all {
		c.draw(r)
	}
	return all
}

func (c *chart) add(m MetricRecord) {
	where := ""
	if m.Step > 0 {
		where = fmt.Sprintf("step %d, %d %%", m.Step, m.Weight)
	}
	c.Results = append(c.Results, resultView{phaseClass[m.Phase], where, string(m.Phase), visible(m.Reason)})
	for _, measured := range m.Measurements {
		c.values = append(c.values, value{measured, m.Step, m.Weight})
		if len(c.Rows) == shownRows && measured.Phase == Successful { // what is bad always shows: it ends the gate
			c.RowsMore++
			continue
		}
		c.Rows = append(c.Rows, row{phaseClass[measured.Phase], measured.At.Format(time.TimeOnly), where, visible(measured.Value), string(measured.Phase), visible(measured.Message)})
	}
	c.Open = len(c.Rows) <= 12
}

// scale chooses what the picture reaches from and to, and draws the limits.
func (c *chart) scale(r *GateRecord, first MetricRecord) {
	lowest, highest := math.Inf(1), math.Inf(-1)
	see := func(f float64) { lowest, highest = min(lowest, f), max(highest, f) }
	for _, m := range r.Metrics {
		if m.Name != first.Name {
			continue
		}
		for _, measured := range m.Measurements {
			for _, n := range measured.Numbers {
				c.Drawn = true
				see(n)
			}
		}
	}
	// Beyond that a picture has no scale.
	if c.Drawn = c.Drawn && max(-lowest, highest) < math.MaxFloat64/8; !c.Drawn {
		return
	}
	for _, l := range first.Limits {
		see(l.Value)
	}
	if lowest >= 0 {
		lowest = 0
	}
	if highest == lowest {
		highest = lowest + 1
	}
	room := (highest - lowest) * .12
	if lowest < 0 {
		lowest -= room
	}
	c.lowest, c.above = lowest, highest+room-lowest

	step := niceStep(c.above / 4)
	for at := math.Ceil(lowest/step) * step; at < lowest+c.above && len(c.Ticks) < 10; at += step {
		c.Ticks = append(c.Ticks, tick{number(at), pixels(c.y(at)), pixels(c.y(at) - 3)})
	}
	c.zones(first)
	for _, l := range first.Limits {
		class, word := "good", "success"
		if l.Condition == "failureCondition" {
			class, word = "bad", "failure"
		}
		c.Limits = append(c.Limits, limitLine{class, fmt.Sprintf("%s %s %s", word, l.Operator, number(l.Value)), pixels(c.y(l.Value)), pixels(c.y(l.Value) - 4)})
	}
}

// zones shades what is not success, where each condition has one limit: with more it could be on either side.
func (c *chart) zones(m MetricRecord) {
	by := map[string][]Limit{}
	for _, l := range m.Limits {
		by[l.Condition] = append(by[l.Condition], l)
	}
	add := func(class string, above bool, at float64) {
		from, to := c.y(at), chartBottom
		if above {
			from, to = chartTop, c.y(at)
		}
		c.Zones = append(c.Zones, zone{class, pixels(from), pixels(to - from)})
	}
	if success := by["successCondition"]; len(success) == 1 {
		class := "bad"
		if m.FailureCondition != "" {
			class = "doubt"
		}
		add(class, strings.HasPrefix(success[0].Operator, "<"), success[0].Value)
	}
	if failure := by["failureCondition"]; len(failure) == 1 {
		add("bad", strings.HasPrefix(failure[0].Operator, ">"), failure[0].Value)
	}
}

// draw puts the measurements into the picture.
func (c *chart) draw(r *GateRecord) {
	last := math.Inf(-1)
	for _, s := range r.Steps {
		if s.StartedAt == nil || !strings.HasPrefix(s.Step, "setWeight ") {
			continue
		}
		at := c.x(*s.StartedAt)
		w := weightLine{X: percent(at)}
		if at-last >= leastLabel && at < 100-leastLabel {
			w.Text, last = fmt.Sprintf("%d %%", s.Weight), at
		}
		c.Weights = append(c.Weights, w)
	}
	every := max(1, (len(c.values)+shownPoints-1)/shownPoints)
	var before *value
	for i := range c.values {
		v := &c.values[i]
		if i%every != 0 && v.Phase == Successful {
			c.NotDrawn++
			continue
		}
		x := percent(c.x(v.At))
		class := phaseClass[v.Phase]
		title := v.At.Format(time.TimeOnly) + "  " + visible(v.String())
		for _, n := range v.Numbers {
			c.Points = append(c.Points, point{class, x, pixels(c.y(n)), title})
		}
		switch {
		case len(v.Numbers) == 0:
			c.Points = append(c.Points, point{class, x, pixels(chartBottom - 6), title})
		case len(v.Numbers) > 1:
			c.Lines = append(c.Lines, line{x, pixels(c.y(slices.Min(v.Numbers))), x, pixels(c.y(slices.Max(v.Numbers)))})
		case before != nil && before.step == v.step && len(before.Numbers) == 1:
			c.Lines = append(c.Lines, line{percent(c.x(before.At)), pixels(c.y(before.Numbers[0])), x, pixels(c.y(v.Numbers[0]))})
		}
		before = v
	}
	c.Summary = c.summary()
}

// summary is the picture for who cannot see it.
func (c *chart) summary() string {
	counts := map[Phase]int{}
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, v := range c.values {
		counts[v.Phase]++
		for _, n := range v.Numbers {
			lowest, highest = min(lowest, n), max(highest, n)
		}
	}
	parts := []string{fmt.Sprintf("%d measurements", len(c.values))}
	if len(c.values) == 1 {
		parts[0] = "1 measurement"
	}
	if c.Drawn {
		parts[0] += fmt.Sprintf(", values from %s to %s", number(lowest), number(highest))
	}
	for _, p := range []Phase{Successful, FailedPhase, Inconclusive, Error} {
		if counts[p] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[p], strings.ToLower(string(p))))
		}
	}
	for _, l := range c.Limits {
		parts = append(parts, "limit: "+l.Text)
	}
	return strings.Join(parts, "; ") + "."
}

func (c *chart) x(at time.Time) float64 {
	whole := c.to.Sub(c.from)
	share := float64(at.Sub(c.from)) / float64(max(whole, time.Millisecond))
	return chartLeft + (chartRight-chartLeft)*min(max(share, 0), 1)
}

func (c *chart) y(f float64) float64 {
	return chartBottom - (chartBottom-chartTop)*(f-c.lowest)/c.above
}

func percent(f float64) string { return fmt.Sprintf("%.2f%%", f) }
func pixels(f float64) string  { return fmt.Sprintf("%.1f", f) }
func number(f float64) string {
	return strconv.FormatFloat(cmp.Or(f, 0), 'g', 4, 64) // a negative zero is 0
}

// niceStep is the next of 1, 2, 5 times a power of ten.
func niceStep(f float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= f {
			return n * power
		}
	}
	return 10 * power
}
