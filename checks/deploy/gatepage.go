package deploy

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // gate.tmpl and gate.css
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

//go:embed gate.tmpl
var gateTemplate string

//go:embed gate.css
var gateStyle string

var gateParsed = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("gate").Parse(gateTemplate))
})

// gatePage is what gate.tmpl shows. The texts have been through visible; the template escapes them.
type gatePage struct {
	Style   template.CSS
	Policy  string
	Class   string // pass | fail | undone
	Word    string
	Advice  string
	Reason  string
	Alert   string // traffic that could not be taken back
	Subject []subjectView
	Steps   []stepView
	Charts  []*chart
	From    string
	To      string
}

type (
	subjectView struct{ Name, Value string }
	stepView    struct{ Class, Number, Step, Phase, Took, Message string }
)

// HTML writes the record as one page that needs nothing else: no script, no font, no
// picture from elsewhere, and a Content-Security-Policy that forbids all but its own
// style sheet.
func (r *GateRecord) HTML(w io.Writer) error {
	var b bytes.Buffer
	if err := gateParsed().Execute(&b, newGatePage(r)); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func newGatePage(r *GateRecord) *gatePage {
	sum := sha256.Sum256([]byte(gateStyle))
	p := &gatePage{
		Style:  template.CSS(gateStyle),
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Reason: visible(r.Reason),
		From:   r.StartedAt.Format(time.TimeOnly), To: r.EndedAt.Format(time.TimeOnly),
		Charts: charts(r),
	}
	switch r.Verdict {
	case Passed:
		p.Class, p.Word, p.Advice = "pass", "Pass", "All metrics remained within their limits"
		p.Reason = ""
	case Failed:
		p.Class, p.Word, p.Advice = "fail", "Fail", "The new release is not well"
		for _, s := range r.Steps {
			if s.Phase == FailedPhase && strings.HasPrefix(s.Step, "setWeight ") {
				p.Advice = "Traffic could not be shifted"
			}
		}
	default:
		p.Class, p.Word, p.Advice = "undone", "Not measured", "Neither good nor bad is known: somebody has to look"
	}
	measured := 0
	for _, m := range r.Metrics {
		measured += len(m.Measurements)
	}
	p.Subject = []subjectView{
		{"Began", r.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC")}, {"Took", took(r.StartedAt, r.EndedAt)},
		{"Phase", string(r.Phase)}, {"Measurements", fmt.Sprint(measured)},
	}
	for i, s := range r.Steps {
		p.Steps = append(p.Steps, stepRow(fmt.Sprint(i+1), s))
	}
	if back := r.TakenBack; back != nil {
		p.Steps = append(p.Steps, stepRow("", *back))
		if back.Phase != Successful {
			p.Alert = visible(back.Message)
		}
	}
	return p
}

func stepRow(number string, s StepRecord) stepView {
	v := stepView{Class: phaseClass[s.Phase], Number: number, Step: visible(s.Step), Phase: string(s.Phase), Message: visible(s.Message)}
	if s.StartedAt != nil && s.EndedAt != nil {
		v.Took = took(*s.StartedAt, *s.EndedAt)
	}
	return v
}

func took(from, to time.Time) string {
	d := to.Sub(from)
	if d >= time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}

// visible writes what has no picture of its own, or turns the direction of writing, as its number.
func visible(s string) string {
	var b strings.Builder
	for _, c := range s {
		if unicode.IsGraphic(c) {
			b.WriteRune(c)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}
