package postmortem

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// NextID is the first free id of a year, PM-2026-004 after PM-2026-003. taken are ids and
// file names; whatever stands around a number in them ("2026-003-orders.md") does not matter.
func NextID(year int, taken []string) string {
	highest := 0
	for _, name := range taken {
		match := numbered.FindStringSubmatch(name)
		if match == nil || match[1] != strconv.Itoa(year) {
			continue
		}
		if n, err := strconv.Atoi(match[2]); err == nil {
			highest = max(highest, n)
		}
	}
	return fmt.Sprintf("PM-%04d-%03d", year, highest+1)
}

// numbered is a year and a number of at least three digits: not the month of a date.
var numbered = regexp.MustCompile(`(?i)^(?:pm[-_ ]?)?(\d{4})-(\d{3,6})(?:\D|$)`)

// FileName is the name of a document's file: its id and the words of its title.
func FileName(d *Document) string {
	words := strings.FieldsFunc(strings.ToLower(d.Title), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	name := d.ID
	for _, word := range words {
		if len(name)+len(word) > 70 {
			break
		}
		name += "-" + word
	}
	return name + ".md"
}

// frontMatter writes what of a document is known, between two lines "---", and below it
// the keys of others.
func frontMatter(d *Document, others []*yaml.Node) ([]byte, error) {
	m := &yaml.Node{Kind: yaml.MappingNode}
	add(m, "id", d.ID)
	add(m, "title", d.Title)
	add(m, "date", d.Date)
	add(m, "status", d.Status)
	add(m, "severity", d.Severity)
	addList(m, "services", d.Services)
	add(m, "started_at", d.StartedAt)
	add(m, "detected_at", d.DetectedAt)
	add(m, "acknowledged_at", d.AcknowledgedAt)
	add(m, "mitigated_at", d.MitigatedAt)
	add(m, "resolved_at", d.ResolvedAt)
	add(m, "impact", d.Impact)
	add(m, "trigger", d.Trigger)
	addList(m, "root_causes", d.RootCauses)
	addList(m, "contributing_factors", d.ContributingFactors)
	add(m, "introduced_by", d.IntroducedBy)
	if len(d.ActionItems) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range d.ActionItems {
			i := &yaml.Node{Kind: yaml.MappingNode}
			add(i, "id", item.ID)
			add(i, "action", item.Action)
			add(i, "type", item.Type)
			add(i, "priority", item.Priority)
			add(i, "owner", item.Owner)
			add(i, "due", item.Due)
			add(i, "status", item.Status)
			add(i, "issue", item.Issue)
			addList(i, "enforced_by", item.EnforcedBy)
			list.Content = append(list.Content, i)
		}
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "action_items"}, list)
	}
	m.Content = append(m.Content, others...)
	var b bytes.Buffer
	b.WriteString("---\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("write the front matter: %w", err)
	}
	b.WriteString("---\n")
	return b.Bytes(), nil
}

func add(m *yaml.Node, key, value string) {
	if value = oneLine(value); value != "" {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, scalar(value))
	}
}

func addList(m *yaml.Node, key string, values []string) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, value := range values {
		if value = oneLine(value); value != "" {
			list.Content = append(list.Content, scalar(value))
		}
	}
	if len(list.Content) > 0 {
		m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, list)
	}
}

// scalar writes days and times plain, as people do; the encoder quotes other texts that need it.
func scalar(value string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(value)
	if timeForm.MatchString(value) {
		node.Tag = "!!timestamp"
	}
	return node
}

var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$`)

// oneLine keeps line breaks and what no YAML may hold out of a value.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\ufeff' || c == '\u2028' || c == '\u2029' || c >= '\ufff0' && c <= '\uffff' && c != unicode.ReplacementChar {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

// Draft is the text of a new document: front matter of what is known, and the headings
// that the field's templates ask for (Google's Site Reliability Engineering, appendix D;
// PagerDuty's and Atlassian's templates), to be filled in.
func Draft(d *Document) ([]byte, error) {
	matter, err := frontMatter(d, nil)
	if err != nil {
		return nil, err
	}
	at := func(moment string) string {
		if moment == "" {
			return " "
		}
		return " " + oneLine(moment) + " "
	}
	title := markdownText.Replace(oneLine(d.Title))
	return append(matter, fmt.Sprintf(body, title, at(d.StartedAt), at(d.DetectedAt), at(d.AcknowledgedAt), at(d.MitigatedAt), at(d.ResolvedAt),
		at(d.StartedAt), at(d.DetectedAt), at(d.IntroducedBy))...), nil
}

var markdownText = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "|", `\|`, "&", `\&`, "~", `\~`)

const body = `
# %s

## Summary

<!-- Two or three sentences: what broke, for whom, for how long, what ended it. -->

## Impact

<!-- In figures: requests, users, orders, money. Then say it in one line as impact in the front matter. -->

## Phases

| Phase | From | What was done |
|---|---|---|
| Began |%s| |
| Detect |%s| |
| Triage |%s| |
| Mitigate |%s| |
| Resolve |%s| |
| Follow up | | |

## Timeline

<!-- Times with their zone. Roles, not names: on-call engineer, author of the change. -->

| Time | Event | By (role) |
|---|---|---|
|%s| It began | |
|%s| It was noticed | |

## Five whys

<!-- The last answer is a process or a tool that can be changed, never a person. -->

1. Why did it fail?
2. Why?
3. Why?
4. Why?
5. Why did nothing stop it before?

## What the pipeline showed

| Question | Answer |
|---|---|
| Commit |%s|
| Workflow and job that deployed it | |
| Did a check look at this change, and what did it say? | |
| Health check after the deploy | |
| Canary or gradual rollout | |
| Rollback: who or what began it, how long did it take | |
| Notification: who was told, when | |

## What went well

## What went wrong

## Where we got lucky

## Action items

<!-- They stand in the front matter as action_items, each with id, action, type, owner, due, status. -->
`
