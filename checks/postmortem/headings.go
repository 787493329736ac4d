package postmortem

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// Bounds of what is read from a document without front matter.
const (
	maxDocument = 1 << 20 // bytes
	maxItems    = 200
	maxValue    = 1000 // runes of an impact, a root cause, an action
)

// Found is one thing that was read from a document's text.
type Found struct {
	Key  string // as in the front matter; "authors" for whoever wrote it
	Line int
}

// Reading is what a document's headings, labels and tables say, see ReadHeadings.
type Reading struct {
	Document *Document // its items without ids
	Authors  []string
	Found    []Found   // in order of lines
	Missing  []Problem // what was not found, or not understood

	bom, body []byte       // the body as it stands
	others    []*yaml.Node // keys of front matter that are not ours, and their values
}

// ReadHeadings reads a post-mortem that was written for people: the headings, bold labels,
// tables and lists of the templates in Google's Site Reliability Engineering (appendix D)
// and of PagerDuty and Atlassian. It fails where the document has front matter with an id
// already, or is larger than a megabyte.
func ReadHeadings(path string, content []byte) (*Reading, error) {
	if len(content) > maxDocument {
		return nil, fmt.Errorf("%s is larger than %d bytes, which no post-mortem is", path, maxDocument)
	}
	h := &headings{reader: &reader{path: path}, Reading: &Reading{Document: &Document{Path: path, Line: 1}}}
	firstLine, err := h.split(content)
	if err != nil {
		return nil, err
	}
	h.lines(h.body, firstLine)
	h.title()
	h.fields()
	h.items()
	h.fileDate()
	h.whatIsMissing()
	slices.SortStableFunc(h.Found, func(a, b Found) int { return a.Line - b.Line })
	return h.Reading, nil
}

// Adopt gives the content with front matter of what was read and ids for the document and
// its items. The body stays as it is byte by byte; front matter's other keys stand below.
func (r *Reading) Adopt(id string) ([]byte, error) {
	d := *r.Document
	d.ID = id
	d.ActionItems = slices.Clone(d.ActionItems)
	for i := range d.ActionItems {
		d.ActionItems[i].ID = fmt.Sprintf("AI-%d", i+1)
	}
	matter, err := frontMatter(&d, r.others)
	if err != nil {
		return nil, err
	}
	if line, _ := cutLine(r.body); bytes.HasSuffix(line, []byte("\r")) {
		matter = bytes.ReplaceAll(matter, []byte("\n"), []byte("\r\n"))
	}
	out := slices.Concat(r.bom, matter, r.body)
	read, problems := Parse("adopted.md", out)
	for _, p := range problems {
		if !p.Hint {
			return nil, fmt.Errorf("line %d of the new front matter: %s", p.Line, p.Message)
		}
	}
	if read == nil {
		return nil, fmt.Errorf("the new front matter cannot be read")
	}
	return out, nil
}

// BodyLength is how many bytes of what Adopt gives are the body, at its end.
func (r *Reading) BodyLength() int { return len(r.body) }

type headings struct {
	*reader
	*Reading
	text     []textLine
	fileDay  string // a day that a site generator's front matter or the file's name says
	sections []section
}

type textLine struct {
	number int
	text   string
}

// section is a heading and the lines up to the next of its level or above.
type section struct {
	level, line int
	name        string
	lines       []textLine
}

// split parts front matter from the body, and reads the keys in it that are ours. What
// stands between two lines "---" and is no mapping belongs to the body.
func (h *headings) split(content []byte) (firstLine int, err error) {
	bom := []byte("\xef\xbb\xbf")
	if bytes.HasPrefix(content, bom) {
		h.bom, content = bom, content[len(bom):]
	}
	h.body = content
	rest, opening, line := content, []byte(nil), 0
	for len(rest) > 0 && len(bytes.TrimSpace(opening)) == 0 {
		opening, rest = cutLine(rest)
		line++
	}
	if !fence(opening, "---") {
		return 1, nil
	}
	matter, first := rest, line+1
	for len(rest) > 0 {
		var text []byte
		before := len(matter) - len(rest)
		text, rest = cutLine(rest)
		line++
		if !fence(text, "---") && !fence(text, "...") {
			continue
		}
		root, problems := yamltree.Parse(matter[:before:before], first, maxFrontMatter)
		if root == nil || root.Kind != yaml.MappingNode || len(problems) > 0 {
			return 1, nil
		}
		h.body = rest
		return line + 1, h.matter(root, first-1)
	}
	return 1, nil
}

func (h *headings) matter(root *yaml.Node, line int) error {
	d := h.document(root, line)
	if d.ID != "" {
		return fmt.Errorf("%s has front matter with the id %s already; `pmcheck postmortem lint` says what it lacks", h.path, d.ID)
	}
	d.Line = 1
	h.Document = d
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value == "author" || key.Value == "authors" {
			h.Authors = append(h.Authors, yamlTexts(value)...)
			h.found("authors", key.Line)
		}
		if !slices.Contains(ownKeys, key.Value) {
			h.others = append(h.others, key, value)
			continue
		}
		if key.Value == "date" && d.Date == "" { // with a time, as site generators want it
			h.fileDay, _ = dayIn(value.Value)
		}
		h.found(key.Value, key.Line)
	}
	for _, p := range h.problems {
		if !p.Hint && !strings.HasPrefix(p.Message, "id is missing") {
			h.Missing = append(h.Missing, p)
		}
	}
	return nil
}

var ownKeys = []string{"id", "title", "date", "status", "severity", "services", "started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at",
	"impact", "trigger", "root_causes", "contributing_factors", "introduced_by", "action_items"}

func yamlTexts(v *yaml.Node) []string {
	if v.Kind == yaml.ScalarNode && !null(v) {
		return []string{v.Value}
	}
	var texts []string
	for _, node := range v.Content {
		if v.Kind == yaml.SequenceNode && node.Kind == yaml.ScalarNode {
			texts = append(texts, node.Value)
		}
	}
	return texts
}

var (
	headingForm     = regexp.MustCompile(`^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$`)
	htmlHeadingForm = regexp.MustCompile(`(?i)^\s*<h([1-6])[^>]*>(.*?)(?:</h[1-6]>)?\s*$`)
	boldHeadingForm = regexp.MustCompile(`^(?:\*\*|__)([^*_]{1,80})(?:\*\*|__)[ \t]*:?$`)
	underlineForm   = regexp.MustCompile(`^ {0,3}(=+|-+)[ \t]*$`)
)

// lines numbers the body's lines outside of code blocks, and finds the headings.
func (h *headings) lines(body []byte, number int) {
	var open []int // sections that still take lines
	fenced := ""
	previous := -1 // the index of a section's line above, for underlined headings
	begin := func(level, line int, name string) {
		open = slices.DeleteFunc(open, func(i int) bool { return h.sections[i].level >= level })
		h.sections = append(h.sections, section{level: level, line: line, name: plain(name)})
		open = append(open, len(h.sections)-1)
		previous = -1
	}
	for ; len(body) > 0; number++ {
		var raw []byte
		raw, body = cutLine(body)
		text := strings.TrimRight(strings.ToValidUTF8(string(raw), "\ufffd"), " \t\r")
		if mark := strings.TrimLeft(text, " "); strings.HasPrefix(mark, "```") || strings.HasPrefix(mark, "~~~") {
			switch {
			case fenced == "":
				fenced = mark[:3]
			case strings.HasPrefix(mark, fenced):
				fenced = ""
			}
			continue
		}
		if fenced != "" {
			continue
		}
		if m := headingForm.FindStringSubmatch(text); m != nil {
			begin(len(m[1]), number, m[2])
			continue
		}
		if m := htmlHeadingForm.FindStringSubmatch(text); m != nil {
			begin(int(m[1][0]-'0'), number, m[2])
			continue
		}
		if m := boldHeadingForm.FindStringSubmatch(text); m != nil {
			begin(7, number, m[1])
			continue
		}
		if m := underlineForm.FindStringSubmatch(text); m != nil && previous >= 0 {
			above := h.text[previous]
			h.text = h.text[:previous]
			for _, i := range open {
				s := &h.sections[i]
				s.lines = s.lines[:len(s.lines)-1]
			}
			begin(map[byte]int{'=': 1, '-': 2}[m[1][0]], above.number, above.text)
			continue
		}
		h.text = append(h.text, textLine{number, text})
		for _, i := range open {
			h.sections[i].lines = append(h.sections[i].lines, textLine{number, text})
		}
		previous = -1
		if strings.TrimSpace(text) != "" && !strings.ContainsAny(text[:1], "-*+|> \t") {
			previous = len(h.text) - 1
		}
	}
}

func (h *headings) found(key string, line int) { h.Found = append(h.Found, Found{key, line}) }

func (h *headings) missing(line int, format string, args ...any) {
	h.Missing = append(h.Missing, Problem{Path: h.path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// title is the first heading of level 1, else the first heading that is no part of a template.
func (h *headings) title() {
	if h.Document.Title != "" {
		return
	}
	best := slices.IndexFunc(h.sections, func(s section) bool { return s.level == 1 && s.name != "" })
	if best < 0 && len(h.sections) > 0 && h.sections[0].level < 7 && keyOf(h.sections[0].name) == "" && !itemsHeading(h.sections[0].name) {
		best = 0
	}
	if best >= 0 && h.sections[best].name != "" {
		h.Document.Title = clip(h.sections[best].name)
		h.found("title", h.sections[best].line)
	}
}

// labels are what the templates call a field, folded by fold.
var labels = map[string][]string{
	"date":                 {"date", "incident_date", "date_of_incident", "date_of_the_incident"},
	"authors":              {"author", "authors", "owner", "post_mortem_owner", "postmortem_owner", "written_by"},
	"status":               {"status", "post_mortem_status", "postmortem_status"},
	"severity":             {"severity", "severity_level", "incident_severity", "sev"},
	"services":             {"services", "service", "affected_services", "services_affected", "affected_service"},
	"impact":               {"impact", "customer_impact", "user_impact", "business_impact", "impact_of_the_incident"},
	"trigger":              {"trigger", "triggers"},
	"root_causes":          {"root_cause", "root_causes", "root_cause(s)", "root_cause_analysis", "cause", "causes", "root_cause_identification"},
	"contributing_factors": {"contributing_factors", "contributing_factor", "contributing_causes"},
	"started_at":           {"start_time", "started_at", "started", "incident_start", "start", "began", "incident_begins", "outage_begins"},
	"detected_at":          {"detection_time", "detected_at", "detected", "time_detected"},
	"acknowledged_at":      {"acknowledged_at", "acknowledged", "acknowledgement_time"},
	"mitigated_at":         {"mitigation_time", "mitigated_at", "mitigated", "time_mitigated"},
	"resolved_at":          {"resolution_time", "resolved_at", "resolved", "end_time", "incident_end", "time_resolved"},
}

func keyOf(name string) string {
	folded := fold(strings.Trim(plain(name), " :?.#0123456789"))
	for key, names := range labels {
		if slices.Contains(names, folded) {
			return key
		}
	}
	return ""
}

var (
	boldLabelForm  = regexp.MustCompile(`^\s*(?:[-*+][ \t]+)?(?:\*\*|__)([^*_:]{1,60}?)[ \t]*(?::[ \t]*(?:\*\*|__)|(?:\*\*|__)[ \t]*:)[ \t]*(.+)$`)
	plainLabelForm = regexp.MustCompile(`^(?:[-*+][ \t]+)?([A-Z][A-Za-z ()-]{2,40}):[ \t]+(\S.*)$`)
)

// fields reads labels ("**Date**: ..."), tables of two columns, and sections. What comes
// first holds, but a label goes before a section.
func (h *headings) fields() {
	for i, l := range h.text {
		m := boldLabelForm.FindStringSubmatch(l.text)
		if m == nil {
			m = plainLabelForm.FindStringSubmatch(l.text)
		}
		if m != nil {
			value := m[2]
			for _, next := range h.text[i+1 : min(i+20, len(h.text))] { // up to the paragraph's end
				if strings.TrimSpace(next.text) == "" || next.number > l.number+20 || listItem(next.text) || boldLabelForm.MatchString(next.text) ||
					plainLabelForm.MatchString(next.text) || strings.HasPrefix(next.text, "|") {
					break
				}
				value += " " + next.text
			}
			h.set(keyOf(m[1]), l.number, []string{value})
			continue
		}
		if cells := row(l.text); len(cells) == 2 {
			h.set(keyOf(cells[0]), l.number, cells[1:])
		}
	}
	for _, s := range h.sections {
		if key := keyOf(s.name); key != "" {
			h.set(key, s.line, values(s.lines))
		}
	}
}

func (h *headings) set(key string, line int, texts []string) {
	var kept []string
	for _, t := range texts {
		if t = clip(plain(t)); t != "" {
			kept = append(kept, t)
		}
	}
	if key == "" || len(kept) == 0 {
		return
	}
	d, first := h.Document, kept[0]
	list := func(to *[]string) {
		if len(*to) == 0 {
			*to = kept
			h.found(key, line)
		}
	}
	one := func(to *string, value, problem string) {
		switch {
		case *to != "":
		case value == "":
			h.missing(line, "%s %s %s", key, yamltree.Quote(first), problem)
		default:
			*to = value
			h.found(key, line)
		}
	}
	switch key {
	case "date":
		day, problem := dayIn(first)
		one(&d.Date, day, problem)
	case "authors":
		list(&h.Authors)
	case "services":
		if len(kept) == 1 {
			kept = strings.FieldsFunc(first, func(c rune) bool { return c == ',' || c == ';' })
		}
		list(&d.Services)
	case "status":
		one(&d.Status, statusOf(first), "is none of draft, in_review, reviewed, closed")
	case "severity":
		one(&d.Severity, severityIn(first), "")
	case "impact":
		one(&d.Impact, first, "")
	case "trigger":
		one(&d.Trigger, first, "")
	case "root_causes":
		list(&d.RootCauses)
	case "contributing_factors":
		list(&d.ContributingFactors)
	default:
		to := map[string]*string{"started_at": &d.StartedAt, "detected_at": &d.DetectedAt, "acknowledged_at": &d.AcknowledgedAt,
			"mitigated_at": &d.MitigatedAt, "resolved_at": &d.ResolvedAt}[key]
		one(to, moment(first), "is not a day and a time with their zone")
	}
}

// severityIn reads "2" and "SEV-2 (major)" as SEV-2, other words as they stand.
func severityIn(text string) string {
	if words := strings.Fields(text); len(words) > 1 {
		if first := severity(words[0]); first != words[0] || strings.HasPrefix(first, "SEV-") {
			return first
		}
	}
	return severity(text)
}

func statusOf(text string) string {
	first, rest, _ := strings.Cut(text, ",")
	status := choose(first, documentStatuses)
	if status == "closed" && strings.Contains(strings.ToLower(rest), "progress") { // "Complete, action items in progress"
		return "reviewed"
	}
	return status
}

func choose(text string, choices []choice) string {
	folded := fold(text)
	for _, c := range choices {
		if c.word == folded || slices.Contains(c.aliases, folded) {
			return c.word
		}
	}
	return ""
}

var (
	dayForms = regexp.MustCompile(`(?i)\b(\d{4}-\d\d-\d\d)\b|\b(\d{1,2}\.\d{1,2}\.\d{4})\b|\b([a-z]{3,9})\.?[ \t]+(\d{1,2})(?:st|nd|rd|th)?,?[ \t]+(\d{4})\b|\b(\d{1,2})(?:st|nd|rd|th|\.)?[ \t]+(?:of[ \t]+)?([a-z]{3,9})\.?,?[ \t]+(\d{4})\b`)
	fileForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:\D|$)`)
)

// dayIn is the first day that a text names, as YYYY-MM-DD. "3/8/2023" is two days, and so none.
func dayIn(text string) (day, problem string) {
	m := dayForms.FindStringSubmatch(text)
	if m == nil {
		return "", "is not a date that can be read: write it as YYYY-MM-DD"
	}
	var at time.Time
	var err error
	switch {
	case m[1] != "":
		at, err = time.Parse(time.DateOnly, m[1])
	case m[2] != "":
		at, err = time.Parse("2.1.2006", m[2])
	default:
		name := cmp.Or(m[3], m[7])
		at, err = time.Parse("Jan 2 2006", name[:3]+" "+cmp.Or(m[4], m[6])+" "+cmp.Or(m[5], m[8]))
	}
	if err != nil || at.Year() < minYear || at.Year() > maxYear {
		return "", "is not a day of the calendar"
	}
	return at.Format(time.DateOnly), ""
}

// moment is a day and a time with their zone, as RFC 3339; "" where one is missing.
func moment(text string) string {
	text = strings.TrimSpace(text)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02 15:04:05 -0700",
		"2006-01-02 15:04 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04 -07:00", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", "2006-01-02, 15:04 UTC"} {
		if at, err := time.Parse(form, text); err == nil && at.Year() >= minYear && at.Year() <= maxYear {
			return at.Format(time.RFC3339)
		}
	}
	return ""
}

// fileDate takes the day of the title, or of the file's name, which is when it was
// published, where no other is known.
func (h *headings) fileDate() {
	if h.Document.Date != "" {
		return
	}
	if day, _ := dayIn(h.Document.Title); day != "" {
		h.Document.Date = day
		for _, f := range h.Found {
			if f.Key == "title" {
				h.found("date", f.Line)
				break
			}
		}
		return
	}
	day := h.fileDay
	if m := fileForm.FindStringSubmatch(path.Base(h.path)); day == "" && m != nil {
		day, _ = dayIn(m[1])
	}
	if day != "" {
		h.Document.Date = day
		h.found("date", 1)
		h.missing(1, "date %s is the day of the file's name or of its site: correct it if the incident was on another", day)
	}
}

func (h *headings) whatIsMissing() {
	d := h.Document
	for _, part := range []struct {
		key   string
		there bool
	}{
		{"title", d.Title != ""}, {"date", d.Date != ""}, {"status", d.Status != ""}, {"severity", d.Severity != ""}, {"services", len(d.Services) > 0},
		{"started_at", d.StartedAt != ""}, {"detected_at", d.DetectedAt != ""}, {"mitigated_at", d.MitigatedAt != ""}, {"resolved_at", d.ResolvedAt != ""},
		{"impact", d.Impact != ""}, {"trigger", d.Trigger != ""}, {"root_causes", len(d.RootCauses) > 0}, {"introduced_by", d.IntroducedBy != ""},
		{"action_items", len(d.ActionItems) > 0},
	} {
		if !part.there {
			h.missing(1, "%s was not found", part.key)
		}
	}
	for i, item := range d.ActionItems {
		var lacks []string
		for _, part := range []struct{ key, value string }{{"type", item.Type}, {"owner", item.Owner}, {"due", item.Due}, {"status", item.Status}} {
			if part.value == "" {
				lacks = append(lacks, part.key)
			}
		}
		if len(lacks) > 0 {
			h.missing(item.Line, "AI-%d has no %s", i+1, strings.Join(lacks, ", "))
		}
	}
}
