package postmortem

import (
	"regexp"
	"slices"
	"strings"
)

// items reads tables of action items wherever they stand, and the lists under a heading
// that names them.
func (h *headings) items() {
	if len(h.Document.ActionItems) > 0 { // front matter has them
		return
	}
	h.tables()
	tabled := len(h.Document.ActionItems) > 0
	for _, s := range h.sections {
		if !itemsHeading(s.name) {
			continue
		}
		before := len(h.Document.ActionItems)
		h.list(s.lines)
		if len(h.Document.ActionItems) == before && !tabled && len(values(s.lines)) > 0 {
			h.missing(s.line, "%q holds text and no list or table: no action item was read from it", s.name)
		}
	}
}

func itemsHeading(name string) bool {
	return slices.Contains([]string{"action_items", "action_item", "actions", "follow_ups", "follow_up", "followups", "follow_up_items", "follow_up_actions", "corrective_actions",
		"corrective_and_preventative_measures", "preventive_actions", "remediation_items", "next_steps"}, fold(strings.Trim(plain(name), " :?.#0123456789")))
}

var columns = map[string][]string{
	"action":   {"action_item", "action_items", "action", "actions", "task", "corrective_action", "follow_up", "item", "description"},
	"type":     {"type", "kind", "category"},
	"owner":    {"owner", "who", "assignee", "assigned_to", "team", "responsible"},
	"priority": {"priority", "prio"},
	"due":      {"due_date", "due", "deadline", "due_by", "target_date"},
	"status":   {"status", "state"},
	"issue":    {"bug", "bug_#", "ticket", "issue", "jira", "jira_ticket", "tracking", "tracking_issue", "link"},
}

// tables reads each table whose head names an action and one more column of columns.
func (h *headings) tables() {
	for i := 0; i+1 < len(h.text); i++ {
		head := row(h.text[i].text)
		if len(head) < 2 || !delimiter(h.text[i+1].text) || h.text[i+1].number != h.text[i].number+1 {
			continue
		}
		at := map[string]int{}
		for column, cell := range head {
			for key, names := range columns {
				if _, taken := at[key]; !taken && slices.Contains(names, fold(strings.Split(plain(cell), "(")[0])) {
					at[key] = column
				}
			}
		}
		if _, ok := at["action"]; !ok || len(at) < 2 {
			continue
		}
		for i += 2; i < len(h.text); i++ {
			cells := row(h.text[i].text)
			if len(cells) == 0 {
				break
			}
			h.tableItem(h.text[i].number, func(key string) string {
				if column, ok := at[key]; ok && column < len(cells) {
					return clip(plain(cells[column]))
				}
				return ""
			}, at, cells)
		}
	}
}

var doneForm = regexp.MustCompile(`(?i)[ \t]*\b(done|todo|wip|fixed|closed|open|in progress)[ \t]*$`)

func (h *headings) tableItem(line int, cell func(string) string, at map[string]int, cells []string) {
	item := ActionItem{Line: line, Action: cell("action"), Owner: cell("owner"), Priority: priority(cell("priority"))}
	if item.Action == "" {
		return
	}
	if text := cell("type"); text != "" {
		if item.Type = choose(text, itemTypes); item.Type == "" {
			h.missing(line, "type %q is none of mitigate, prevent, detect, process, other", text)
		}
	}
	if text := cell("due"); text != "" {
		if item.Due, _ = dayIn(text); item.Due == "" {
			h.missing(line, "due %q is not a date that can be read", text)
		}
	}
	if text := cell("status"); text != "" {
		if item.Status = choose(text, itemStatuses); item.Status == "" {
			h.missing(line, "status %q is none of open, in_progress, done, cancelled", text)
		}
	}
	issue := cell("issue") // "Bug 5554825 DONE", "n/a DONE"
	if m := doneForm.FindStringSubmatch(issue); m != nil {
		if item.Status == "" {
			item.Status = choose(m[1], itemStatuses)
		}
		issue = strings.TrimSpace(strings.TrimSuffix(issue, m[0]))
	}
	if column, ok := at["issue"]; ok && column < len(cells) {
		if address := addressForm.FindString(cells[column]); address != "" {
			issue = address
		}
	}
	if !slices.Contains([]string{"", "n/a", "-", "none", "tbd"}, strings.ToLower(issue)) {
		item.Issue = issue
	}
	h.item(item)
}

func (h *headings) item(item ActionItem) {
	switch n := len(h.Document.ActionItems); {
	case n == maxItems:
		h.missing(item.Line, "more than %d action items: the rest was not read", maxItems)
		fallthrough
	case n > maxItems:
		return
	}
	h.Document.ActionItems = append(h.Document.ActionItems, item)
	h.found("action_items", item.Line)
}

var (
	listForm    = regexp.MustCompile(`^([ \t]*)(?:[-*+]|\d{1,3}[.)])[ \t]+(.*)$`)
	boxForm     = regexp.MustCompile(`^\[([ xX])\][ \t]+(.*)$`)
	addressForm = regexp.MustCompile(`https?://[^\s<>()"'\]|]+`)
)

// issueForm is the address of an issue, a pull request or a card, not of any page.
var issueForm = regexp.MustCompile(`/(?:issues|pull|merge_requests|browse|c|card|show_bug\.cgi)\b[/?]`)

func listItem(text string) bool { return listForm.MatchString(text) }

// list reads a list's entries as items; an entry below another is its detail and no item.
func (h *headings) list(lines []textLine) {
	for _, e := range entries(lines) {
		text := e.text
		item := ActionItem{Line: e.number}
		if m := boxForm.FindStringSubmatch(text); m != nil {
			text, item.Status = m[2], "open"
			if m[1] != " " {
				item.Status = "done"
			}
		}
		if strings.ContainsAny(text, "✔✅☑") {
			item.Status = "done"
			text = strings.NewReplacer("✔", "", "✅", "", "☑", "", "\ufe0f", "").Replace(text)
		}
		for _, address := range addressForm.FindAllString(text, 20) {
			if issueForm.MatchString(address) {
				item.Issue = strings.TrimRight(address, ".,;")
				break
			}
		}
		item.Action = clip(plain(text))
		if item.Action != "" {
			h.item(item)
		}
	}
}

// entries are a list's outermost entries, with the lines that continue them.
func entries(lines []textLine) []textLine {
	var out []textLine
	outer, open := -1, false
	for _, l := range lines {
		m := listForm.FindStringSubmatch(l.text)
		switch {
		case strings.TrimSpace(l.text) == "", strings.HasPrefix(l.text, "|"):
			open = false
		case m == nil && open:
			out[len(out)-1].text += " " + strings.TrimSpace(l.text)
		case m == nil:
		case outer < 0 || len(m[1]) <= outer+1:
			outer, open = len(m[1]), true
			out = append(out, textLine{l.number, m[2]})
		default:
			open = false
		}
	}
	return out
}

// values are the entries of a section's list, else its first paragraph.
func values(lines []textLine) []string {
	var paragraph []string
	for _, l := range lines {
		text := strings.TrimSpace(l.text)
		switch {
		case text == "" && len(paragraph) == 0, strings.HasPrefix(text, "<!--"):
			continue
		case listItem(l.text) && len(paragraph) == 0:
			var texts []string
			for _, e := range entries(lines) {
				texts = append(texts, e.text)
			}
			return texts[:min(len(texts), 20)]
		case text == "" || listItem(l.text) || strings.HasPrefix(text, "|"):
			if plain(strings.Join(paragraph, " ")) != "" {
				return []string{strings.Join(paragraph, " ")}
			}
			paragraph = nil
			continue
		}
		paragraph = append(paragraph, text)
	}
	if len(paragraph) == 0 {
		return nil
	}
	return []string{strings.Join(paragraph, " ")}
}

// row is a table's cells; nil for a line that is none, or that parts head and body.
func row(text string) []string {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "|") || delimiter(text) {
		return nil
	}
	text = strings.ReplaceAll(text, `\|`, "\x00")
	text = strings.TrimSuffix(strings.TrimPrefix(text, "|"), "|")
	cells := strings.Split(text, "|")
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cell, "\x00", "|"))
	}
	return cells
}

func delimiter(text string) bool {
	return strings.Contains(text, "|") && strings.Contains(text, "-") && strings.Trim(text, "|:- \t") == ""
}

var (
	linkForm = regexp.MustCompile(`!?\[([^\[\]]*)\]\([^()\s]*(?:[ \t]+"[^"]*")?\)`)
	tagForm  = regexp.MustCompile(`</?[A-Za-z][^<>]*>|<!--.*?-->`)
	autoForm = regexp.MustCompile(`<(https?://[^<>\s]+)>`)
)

// plain takes links, emphasis and tags out of a line of Markdown.
func plain(text string) string {
	text = autoForm.ReplaceAllString(text, "$1")
	text = linkForm.ReplaceAllString(text, "$1")
	text = tagForm.ReplaceAllString(text, " ")
	return oneLine(strings.NewReplacer("**", "", "__", "").Replace(text))
}

// clip bounds a value.
func clip(text string) string {
	text = oneLine(text)
	if runes := []rune(text); len(runes) > maxValue {
		return string(runes[:maxValue]) + "…"
	}
	return text
}
