package postmortem

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pmcheck/pmcheck/checks/config/yamltree"
)

// field is a key and what is done with its value.
type field struct {
	key  string
	read func(key string, value *yaml.Node)
}

func (r *reader) document(root *yaml.Node, fenceLine int) *Document {
	d := &Document{Path: r.path, Line: fenceLine}
	hasID := false
	r.mapping(root, documentWords, []field{
		{"id", func(key string, v *yaml.Node) { d.Line, d.ID, hasID = v.Line, r.id(key, v), !null(v) }},
		{"title", r.text(&d.Title)},
		{"date", r.date(&d.Date)},
		{"status", r.oneOf(&d.Status, documentStatuses)},
		{"severity", func(key string, v *yaml.Node) { r.text(&d.Severity)(key, v); d.Severity = severity(d.Severity) }},
		{"services", r.texts(&d.Services)},
		{"started_at", r.timestamp(&d.StartedAt)},
		{"detected_at", r.timestamp(&d.DetectedAt)},
		{"acknowledged_at", r.timestamp(&d.AcknowledgedAt)},
		{"mitigated_at", r.timestamp(&d.MitigatedAt)},
		{"resolved_at", r.timestamp(&d.ResolvedAt)},
		{"impact", r.text(&d.Impact)},
		{"trigger", r.text(&d.Trigger)},
		{"root_causes", r.texts(&d.RootCauses)},
		{"contributing_factors", r.texts(&d.ContributingFactors)},
		{"introduced_by", r.text(&d.IntroducedBy)},
		{"action_items", func(_ string, v *yaml.Node) { d.ActionItems = r.actionItems(v) }},
	})
	if !hasID {
		r.problem(d.Line, "id is missing: give the document one, such as PM-2026-001")
	}
	return d
}

func (r *reader) actionItems(list *yaml.Node) []ActionItem {
	if null(list) {
		return nil
	}
	if list.Kind != yaml.SequenceNode {
		r.problem(list.Line, "action_items is %s, expected a list: begin each item with \"- id: AI-1\"", yamltree.Describe(list))
		return nil
	}
	var items []ActionItem
	lines := map[string]int{}
	for _, node := range list.Content {
		if node.Kind != yaml.MappingNode {
			r.problem(node.Line, "an action item is %s, expected the keys id, action, owner, due, status", yamltree.Describe(node))
			continue
		}
		item := r.actionItem(node)
		switch first := lines[item.ID]; {
		case item.ID == "":
		case first > 0:
			r.problem(item.Line, "action item %s is there twice, first on line %d: give one of them another id", item.ID, first)
		default:
			lines[item.ID] = item.Line
		}
		items = append(items, item)
	}
	return items
}

func (r *reader) actionItem(node *yaml.Node) ActionItem {
	item := ActionItem{Line: node.Line}
	hasID := false
	r.mapping(node, itemWords, []field{
		{"id", func(key string, v *yaml.Node) { item.ID, hasID = r.id(key, v), !null(v) }},
		{"action", r.text(&item.Action)},
		{"type", r.oneOf(&item.Type, itemTypes)},
		{"priority", func(key string, v *yaml.Node) {
			r.text(&item.Priority)(key, v)
			item.Priority = priority(item.Priority)
		}},
		{"owner", r.text(&item.Owner)},
		{"due", r.date(&item.Due)},
		{"status", r.oneOf(&item.Status, itemStatuses)},
		{"issue", r.text(&item.Issue)},
		{"enforced_by", r.texts(&item.EnforcedBy)},
	})
	if !hasID {
		r.problem(item.Line, "an action item has no id: give it one, such as AI-1, so that it can be cited")
	}
	return item
}

// mapping gives each known key's value to its reader. For others it says which key
// was probably meant: words holds, by key, what other tools call it, and under ""
// the keys of other tools that mean nothing here.
func (r *reader) mapping(node *yaml.Node, words map[string][]string, fields []field) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := slices.IndexFunc(fields, func(f field) bool { return f.key == key.Value })
		if at >= 0 {
			fields[at].read(key.Value, value)
			continue
		}
		folded := fold(key.Value)
		if slices.Contains(words[""], folded) {
			continue
		}
		if meant := nearestKey(folded, words, fields); meant != "" {
			r.hint(key.Line, "%s: did you mean %s?", yamltree.Quote(key.Value), meant)
		} else {
			r.hint(key.Line, "%s: not a key of a post-mortem, it is not read", yamltree.Quote(key.Value))
		}
	}
}

func nearestKey(folded string, words map[string][]string, fields []field) string {
	var known []string
	for _, f := range fields {
		if slices.Contains(words[f.key], folded) {
			return f.key
		}
		known = append(known, f.key)
	}
	return yamltree.Nearest(folded, known)
}

// documentWords and itemWords hold what other templates and tools call a key. The
// keys under "" are theirs or a site generator's, and stand in front matter rightly.
var (
	documentWords = map[string][]string{
		"id":            {"incident_id", "postmortem_id", "number"},
		"title":         {"name"},
		"date":          {"incident_date"},
		"services":      {"service", "affected_services", "components"},
		"started_at":    {"start_time", "started", "occurred_at", "start"},
		"detected_at":   {"detection_time", "detected"},
		"mitigated_at":  {"mitigation_time", "mitigated"},
		"resolved_at":   {"resolution_time", "end_time", "resolved", "ended_at"},
		"root_causes":   {"root_cause", "cause", "causes"},
		"introduced_by": {"commit", "caused_by"},
		"action_items":  {"actions", "follow_ups", "followups", "corrective_actions"},
		"": {"author", "authors", "categories", "category", "description", "draft", "incident_url", "keywords", "lang", "layout",
			"lead", "owner", "permalink", "published", "responders", "slug", "summary", "tags", "toc", "url", "weight"},
	}
	itemWords = map[string][]string{
		"action":      {"title", "description", "summary", "task", "what"},
		"type":        {"kind"},
		"owner":       {"assignee", "assigned_to", "who", "team"},
		"due":         {"due_date", "deadline", "due_at"},
		"status":      {"state"},
		"issue":       {"ticket", "bug", "issue_url", "link", "jira"},
		"enforced_by": {"rule", "rules", "enforces", "checked_by"},
		"":            {"notes", "note", "comment"},
	}
)

// choice is a word that is allowed, with the others that are read as it.
type choice struct {
	word    string
	aliases []string
}

var (
	documentStatuses = []choice{
		{"draft", []string{"new", "open", "todo", "wip", "in_progress", "started", "not_started"}},
		{"in_review", []string{"review", "reviewing", "under_review", "ready_for_review", "pending_review"}},
		{"reviewed", []string{"approved", "published", "accepted"}},
		{"closed", []string{"done", "complete", "completed", "final", "finished", "resolved", "archived"}},
	}
	itemStatuses = []choice{
		{"open", []string{"todo", "to_do", "new", "outstanding", "backlog", "unstarted", "not_started", "pending", "planned", "triage", "ready", "reopened"}},
		{"in_progress", []string{"inprogress", "started", "doing", "wip", "active", "ongoing", "in_review", "review"}},
		{"done", []string{"completed", "complete", "closed", "resolved", "fixed", "finished", "shipped", "merged"}},
		{"cancelled", []string{"canceled", "wontfix", "wont_fix", "won't_fix", "wont_do", "won't_do", "not_doing", "not_planned", "deleted", "dropped", "rejected", "duplicate", "obsolete"}},
	}
	itemTypes = []choice{
		{"mitigate", []string{"mitigation", "mitigative", "corrective", "repair"}},
		{"prevent", []string{"prevention", "preventive", "preventative"}},
		{"detect", []string{"detection", "detective", "monitoring", "alerting"}},
		{"process", []string{"processes", "documentation", "training"}},
		{"other", []string{"misc", "task", "follow_up"}},
	}
)

func (r *reader) oneOf(to *string, choices []choice) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		var text string
		r.text(&text)(key, v)
		if text == "" {
			return
		}
		folded := fold(text)
		var words []string
		for _, c := range choices {
			if c.word == folded || slices.Contains(c.aliases, folded) {
				*to = c.word
				return
			}
			words = append(words, c.word)
		}
		r.problem(v.Line, "%s %s is none of %s", key, yamltree.Quote(text), strings.Join(words, ", "))
	}
}

// fold makes "To do", "to-do" and "TO_DO" one word.
func fold(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(c rune) bool { return c == ' ' || c == '-' || c == '_' || c == '\t' }), "_")
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (r *reader) id(key string, v *yaml.Node) string {
	var text string
	r.text(&text)(key, v)
	if text != "" && !idForm.MatchString(text) {
		r.problem(v.Line, "%s %s cannot be cited: use up to 64 letters, digits, \".\", \"_\" and \"-\"", key, yamltree.Quote(text))
		return ""
	}
	return text
}

func (r *reader) text(to *string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		switch {
		case v.Kind != yaml.ScalarNode:
			r.problem(v.Line, "%s: expected text, got %s", key, yamltree.Describe(v))
		case !null(v):
			*to = strings.TrimSpace(v.Value)
		}
	}
}

// texts reads a list, or a text as a list of one.
func (r *reader) texts(to *[]string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		nodes := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			nodes = v.Content
		}
		for _, node := range nodes {
			if node.Kind == yaml.MappingNode && len(node.Content) == 2 {
				r.problem(node.Line, "%s: expected text, got a mapping: put quotes around a text with a colon in it", key)
				continue
			}
			var text string
			if r.text(&text)(key, node); text != "" {
				*to = append(*to, text)
			}
		}
	}
}

// Years that a date may lie in. Beyond them it is a slip, and a time of the later
// ones no longer fits the nanoseconds that policies count in.
const minYear, maxYear = 1970, 2200

func (r *reader) date(to *string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		var text string
		if r.text(&text)(key, v); text == "" {
			return
		}
		day, err := time.Parse(time.DateOnly, text)
		switch {
		case err == nil && day.Year() >= minYear && day.Year() <= maxYear:
			*to = text
		case err == nil:
			r.problem(v.Line, "%s %s lies outside the years %d to %d", key, text, minYear, maxYear)
		case dateForm.MatchString(text):
			r.problem(v.Line, "%s %s is not a day of the calendar", key, text)
		default:
			r.problem(v.Line, "%s %s is not a date: write it as YYYY-MM-DD", key, yamltree.Quote(text))
		}
	}
}

var dateForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

func (r *reader) timestamp(to *string) func(string, *yaml.Node) {
	return func(key string, v *yaml.Node) {
		var text string
		if r.text(&text)(key, v); text == "" {
			return
		}
		moment, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil:
			r.problem(v.Line, "%s %s is not a time with its zone: write it as 2026-03-03T14:05:00Z or 2026-03-03T14:05:00+01:00", key, yamltree.Quote(text))
		case moment.Year() < minYear || moment.Year() > maxYear:
			r.problem(v.Line, "%s %s lies outside the years %d to %d", key, text, minYear, maxYear)
		default:
			*to = text
		}
	}
}

var (
	severityForm = regexp.MustCompile(`(?i)^(?:sev(?:erity)?|s)?[ _-]?([0-9])$`)
	priorityForm = regexp.MustCompile(`(?i)^(?:p(?:rio(?:rity)?)?)[ _-]?([0-9])$`)
)

func severity(text string) string {
	if match := severityForm.FindStringSubmatch(text); match != nil {
		return "SEV-" + match[1]
	}
	return text
}

func priority(text string) string {
	if match := priorityForm.FindStringSubmatch(text); match != nil {
		return "P" + match[1]
	}
	return text
}

func null(v *yaml.Node) bool { return v.Kind == yaml.ScalarNode && v.ShortTag() == "!!null" }
