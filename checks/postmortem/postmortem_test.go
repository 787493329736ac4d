package postmortem

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestParseDocument(t *testing.T) {
	content, err := os.ReadFile("testdata/incident.md")
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{
		Path: "docs/postmortems/2026-001.md", Line: 2,
		ID: "PM-2026-001", Title: "Orders API 500s after deploy 1234", Date: "2026-03-03", Status: "reviewed", Severity: "SEV-2",
		Services:  []string{"orders-api"},
		StartedAt: "2026-03-03T14:05:00Z", DetectedAt: "2026-03-03T14:12:00Z", AcknowledgedAt: "2026-03-03T14:15:00Z",
		MitigatedAt: "2026-03-03T14:30:00+00:00", ResolvedAt: "2026-03-03T14:45:00Z",
		Impact: "25% of requests failed", Trigger: "deploy 1234",
		RootCauses: []string{"column dropped while the old release still read it"},
		ContributingFactors: []string{"migration and code went out in separate deploys",
			"the deploy guidelines said nothing about the order of migrations"},
		IntroducedBy: "4f2c1e0d9b",
		ActionItems: []ActionItem{
			{ID: "AI-1", Action: "Add DB migration check to CI pipeline", Type: "prevent", Priority: "P0", Owner: "DevOps team", Due: "2026-03-17",
				Status: "in_progress", Issue: "https://github.com/acme/orders/issues/812", EnforcedBy: []string{"migration-without-code", "old-code-breaks"}, Line: 23},
			{ID: "AI-2", Action: "Create deploy runbook for DB changes", Type: "process", Priority: "P0", Owner: "Tech lead",
				Status: "open", EnforcedBy: []string{"runbook-missing"}, Line: 32},
			{ID: "AI-3", Action: "Add integration test for DB schema", Type: "detect", Priority: "P1", Status: "cancelled", Line: 39},
		},
	}
	for name, text := range map[string]string{
		"LF":   string(content),
		"CRLF": strings.ReplaceAll(string(content), "\n", "\r\n"),
		"BOM":  "\ufeff" + string(content),
		"dots": strings.Replace(string(content), "\n---\n", "\n...\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := Parse("docs/postmortems/2026-001.md", []byte(text))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			if len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
		})
	}
}

func TestParseBrokenDocument(t *testing.T) {
	content, err := os.ReadFile("testdata/broken.md")
	if err != nil {
		t.Fatal(err)
	}
	document, problems := Parse("broken.md", content)
	golden(t, "testdata/broken.golden", list(problems))
	want := &Document{
		Path: "broken.md", Line: 2, RootCauses: []string{"ok"},
		ActionItems: []ActionItem{
			{ID: "AI-1", Line: 14},
			{Action: "no id here", Line: 20},
			{ID: "AI-1", Action: "the same id", Line: 22},
			{ID: "3", Line: 25},
		},
	}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func list(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		kind := ""
		if p.Hint {
			kind = "hint: "
		}
		fmt.Fprintf(&b, "%s:%d: %s%s\n", p.Path, p.Line, kind, p.Message)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", filepath.Base(file), diff)
	}
}

func TestParseFrontMatter(t *testing.T) {
	long := strings.Repeat("x", maxFrontMatter)
	tests := []struct {
		name, path, in string
		id             string // "-" = no document
		problems       string
	}{
		{name: "blank lines before", in: "\n  \n---\nid: A\n---\n", id: "A"},
		{name: "spaces behind the fences", in: "---  \nid: A\n---\t\ntext", id: "A"},
		{name: "no end of line at the end", in: "---\nid: A\n---", id: "A"},
		{name: "fence inside a block text", in: "---\nimpact: |\n  a\n  ---\n  b\nid: A\n---\n", id: "A"},
		{name: "blank lines inside", in: "---\n\nid: A\n\n# comment\n\ntitle: x\n---\n", id: "A"},
		{name: "empty values", in: "---\nid: A\ndate:\ndue_by_template:\nstatus: ~\nservices:\naction_items:\n---\n", id: "A",
			problems: "f.md:4: hint: \"due_by_template\": not a key of a post-mortem, it is not read\n"},

		{name: "none", in: "# Outage\n", id: "-",
			problems: "f.md:1: no front matter: begin the file with a line \"---\", the keys id, title, date ..., and a line \"---\"\n"},
		{name: "empty file", in: "", id: "-",
			problems: "f.md:1: no front matter: begin the file with a line \"---\", the keys id, title, date ..., and a line \"---\"\n"},
		{name: "empty", in: "---\n---\n", id: "-", problems: "f.md:1: the front matter is empty: begin with id, title and date\n"},
		{name: "a rule of Markdown", in: "\n---\nSome text\n---\n", id: "-",
			problems: "f.md:3: the front matter is \"Some text\", expected keys such as id, title, action_items\n"},
		{name: "a list", in: "---\n- id: A\n---\n", id: "-",
			problems: "f.md:2: the front matter is a list, expected keys such as id, title, action_items\n"},
		{name: "never closed", in: "---\nid: A\ntitle: x\n", id: "A",
			problems: "f.md:1: the front matter is never closed: add a line \"---\" after its last key\n"},
		{name: "never closed, text follows", in: "---\nid: A\n\n# Outage\n\nIt: was: bad\n", id: "A",
			problems: "f.md:1: the front matter is never closed: add a line \"---\" after its last key\n"},
		{name: "only a fence", in: "---", id: "-",
			problems: "f.md:1: the front matter is never closed: add a line \"---\" after its last key\n"},
		{name: "syntax error", in: "---\nid: A\ntitle: deploy: broke\nseverity: S1\n---\n", id: "A",
			problems: "f.md:3: not YAML: mapping values are not allowed in this context: put quotes around a text with a colon in it\n"},
		{name: "tab", in: "---\nid: A\naction_items:\n\t- id: B\n---\n", id: "A",
			problems: "f.md:4: not YAML: a tab indents the line: indent with spaces\n"},
		{name: "NUL and bytes that are not UTF-8", in: "---\nid: A\ntitle: \x00\xff\n---\n", id: "A",
			problems: "f.md:3: the control character U+0000 cannot stand in YAML: remove it\nf.md:3: not valid UTF-8: save the file as UTF-8\n"},
		{name: "too long, closed", in: "---\nid: A\nimpact: " + long + "\n---\n", id: "-",
			problems: "f.md:1: no line \"---\" ends the front matter within 262144 bytes: add it, or move the text below it\n"},
		{name: "no id", in: "---\ntitle: x\n---\n", problems: "f.md:1: id is missing: give the document one, such as PM-2026-001\n"},
		{name: "id without value", in: "---\ntitle: x\nid:\n---\n", problems: "f.md:3: id is missing: give the document one, such as PM-2026-001\n"},
		{name: "items are no list", in: "---\nid: A\naction_items: {AI-1: x}\n---\n", id: "A",
			problems: "f.md:3: action_items is a mapping, expected a list: begin each item with \"- id: AI-1\"\n"},
		{name: "control characters in a key", in: "---\nid: A\n\"\\e[31m\": x\n---\n", id: "A",
			problems: "f.md:3: hint: \"\ufffd[31m\": not a key of a post-mortem, it is not read\n"},

		{name: "README", path: "docs/postmortems/README.md", in: "# How we write them\n", id: "-"},
		{name: "translated README", path: "readme.pt-br.md", in: "text", id: "-"},
		{name: "template", path: "docs/postmortems/_template.md", in: "---\nid: PM-YYYY-NNN\ndate: YYYY-MM-DD\n---\n", id: "-"},
		{name: "numbered template", path: "000-postmortem-template.md", in: "---\ndate: YYYY-MM-DD\n---\n", id: "-"},
		{name: "an outage of a template", path: "2026-03-email-template.md", in: "---\nid: A\n---\n", id: "A"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := test.path
			if path == "" {
				path = "f.md"
			}
			document, problems := Parse(path, []byte(test.in))
			if got := list(problems); got != test.problems {
				t.Errorf("problems are\n%swant\n%s", got, test.problems)
			}
			switch {
			case document == nil && test.id != "-":
				t.Errorf("no document, want id %q", test.id)
			case document != nil && document.ID != test.id:
				t.Errorf("id is %q, want %q", document.ID, test.id)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	read := func(t *testing.T, key, value string, inItem bool) (*Document, []Problem) {
		t.Helper()
		text := fmt.Sprintf("---\nid: A\n%s: %q\n---\n", key, value)
		if inItem {
			text = fmt.Sprintf("---\nid: A\naction_items:\n  - id: B\n    %s: %q\n---\n", key, value)
		}
		document, problems := Parse("f.md", []byte(text))
		if document == nil {
			t.Fatalf("no document of %s", text)
		}
		return document, problems
	}
	tests := []struct {
		key    string
		inItem bool
		get    func(*Document) string
		want   map[string]string // "" = a problem
	}{
		{"status", false, func(d *Document) string { return d.Status }, map[string]string{
			"draft": "draft", "WIP": "draft", "In Review": "in_review", "in-review": "in_review", "Reviewed": "reviewed", "published": "reviewed",
			"Done": "closed", "closed": "closed", "frozen": "", "reviewd": ""}},
		{"status", true, func(d *Document) string { return d.ActionItems[0].Status }, map[string]string{
			"open": "open", "Todo": "open", "To do": "open", "TODO": "open", "to-do": "open", "outstanding": "open",
			"In progress": "in_progress", "in-progress": "in_progress", "IN_PROGRESS": "in_progress", "started": "in_progress",
			"Done": "done", "completed": "done", "Resolved": "done", "closed": "done",
			"wontfix": "cancelled", "Won't fix": "cancelled", "not_doing": "cancelled", "Canceled": "cancelled", "not_planned": "cancelled", "deleted": "cancelled",
			"maybe": "", "don": ""}},
		{"type", true, func(d *Document) string { return d.ActionItems[0].Type }, map[string]string{
			"prevent": "prevent", "Preventative": "prevent", "detective": "detect", "corrective": "mitigate", "mitigation": "mitigate",
			"process": "process", "Other": "other", "magic": ""}},
		{"severity", false, func(d *Document) string { return d.Severity }, map[string]string{
			"SEV-2": "SEV-2", "SEV2": "SEV-2", "sev-2": "SEV-2", "S2": "SEV-2", "Sev 2": "SEV-2", "severity 1": "SEV-1", "2": "SEV-2",
			"critical": "critical", "SEV-12": "SEV-12", "Sx": "Sx"}},
		{"priority", true, func(d *Document) string { return d.ActionItems[0].Priority }, map[string]string{
			"P0": "P0", "p1": "P1", "prio 2": "P2", "Priority-3": "P3", "high": "high", "1": "1"}},
		{"due", true, func(d *Document) string { return d.ActionItems[0].Due }, map[string]string{
			"2026-03-17": "2026-03-17", "2028-02-29": "2028-02-29", "2026-02-29": "", "2026-13-01": "", "17.03.2026": "", "2026-3-7": "",
			"2026-03-17T00:00:00Z": "", "1969-12-31": "", "2201-01-01": ""}},
		{"started_at", false, func(d *Document) string { return d.StartedAt }, map[string]string{
			"2026-03-03T14:05:00Z": "2026-03-03T14:05:00Z", "2026-03-03T14:05:00.25+05:30": "2026-03-03T14:05:00.25+05:30",
			"2026-03-03T14:05Z": "", "2026-03-03 14:05:00": "", "2026-03-03": "", "2026-02-30T14:05:00Z": "", "2999-03-03T14:05:00Z": ""}},
	}
	for _, test := range tests {
		for value, want := range test.want {
			t.Run(test.key+"/"+value, func(t *testing.T) {
				document, problems := read(t, test.key, value, test.inItem)
				if got := test.get(document); got != want {
					t.Errorf("read as %q, want %q", got, want)
				}
				if (len(problems) == 0) != (want != "") {
					t.Errorf("problems are %v", problems)
				}
			})
		}
	}
}

func TestKeysOfOtherTools(t *testing.T) {
	_, problems := Parse("f.md", []byte("---\nincident_id: A\nlayout: post\nRoot Cause: x\nauthors: [dana]\nimpakt: y\naction_items:\n  - id: B\n    deadline: 2026-01-01\n    rules: [x]\n    notes: z\n---\n"))
	want := `f.md:1: id is missing: give the document one, such as PM-2026-001
f.md:2: hint: "incident_id": did you mean id?
f.md:4: hint: "Root Cause": did you mean root_causes?
f.md:6: hint: "impakt": did you mean impact?
f.md:9: hint: "deadline": did you mean due?
f.md:10: hint: "rules": did you mean enforced_by?
`
	if diff := cmp.Diff(want, list(problems)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestCite(t *testing.T) {
	tests := []struct {
		document Document
		item     ActionItem
		want     string
	}{
		{Document{ID: "PM-2026-001", Path: "a.md"}, ActionItem{ID: "AI-1"}, "PM-2026-001/AI-1"},
		{Document{ID: "PM-2026-001", Path: "a.md"}, ActionItem{}, "PM-2026-001"},
		{Document{Path: "a.md"}, ActionItem{ID: "AI-1"}, "a.md/AI-1"},
	}
	for _, test := range tests {
		if got := Cite(&test.document, test.item); got != test.want {
			t.Errorf("Cite = %s, want %s", got, test.want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	got := list(Duplicates([]*Document{{Path: "a.md", ID: "A", Line: 2}, {Path: "b.md", ID: "B", Line: 2}, {Path: "c.md", ID: "A", Line: 3}, {Path: "d.md"}, {Path: "e.md"}}))
	if want := "c.md:3: id A is that of a.md:2 too: give one of them another id\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMatch(t *testing.T) {
	paths := []string{"README.md", "docs/postmortems/1.md", "docs/postmortems/2026/2.md", "docs/postmortems/x.png", "docs/postmortems/OLD.MARKDOWN", "docs/postmortems2/3.md", "odd[1].md"}
	tests := []struct {
		globs []string
		want  []string
	}{
		{nil, nil},
		{[]string{"docs/postmortems/*.md"}, []string{"docs/postmortems/1.md"}},
		{[]string{"docs/postmortems/**/*.md"}, []string{"docs/postmortems/1.md", "docs/postmortems/2026/2.md"}},
		{[]string{"docs/postmortems"}, []string{"docs/postmortems/1.md", "docs/postmortems/2026/2.md", "docs/postmortems/OLD.MARKDOWN"}},
		{[]string{"docs/postmortems/"}, []string{"docs/postmortems/1.md", "docs/postmortems/2026/2.md", "docs/postmortems/OLD.MARKDOWN"}},
		{[]string{"**/2.md", "docs/*/{1,3}.md", "**/1.md"}, []string{"docs/postmortems/1.md", "docs/postmortems/2026/2.md", "docs/postmortems2/3.md"}},
		{[]string{"docs/postmortems/x.png"}, []string{"docs/postmortems/x.png"}},
		{[]string{`odd\[1].md`}, []string{"odd[1].md"}},
		{[]string{"[", "{", "docs/["}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, Match(test.globs, paths)); diff != "" {
			t.Errorf("Match(%q) (-want +got):\n%s", test.globs, diff)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	laughs := "---\nid: A\na: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'l'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	for name, in := range map[string]string{
		"billion laughs": laughs + "---\n",
		"deep":           "---\na: " + strings.Repeat("[", 10_000) + "\n---\n",
		"32 MB":          "---\n" + strings.Repeat("x", 32<<20),
		"32 MB blank":    strings.Repeat("\n", 32<<20),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			document, problems := Parse("f.md", []byte(in))
			if document != nil || len(problems) == 0 {
				t.Errorf("document %v, problems %v: want it refused", document, problems)
			}
			if took := time.Since(start); took > 30*time.Second { // far above what a loaded machine needs
				t.Errorf("took %v", took)
			} else {
				t.Log(took)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/incident.md", "testdata/broken.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte("\ufeff\n---\r\nid: A\r\n...\r\n"))
	f.Add([]byte("---\nid: &a [*a]\n\"\\e\\n\": x\n"))
	f.Add([]byte("---\nid: A\n\n# Text\n\x00\xff\t- b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		document, problems := Parse("f.md", in)
		if document == nil && len(problems) == 0 {
			t.Error("neither a document nor a problem")
		}
		lines := strings.Count(string(in), "\n") + 1
		for _, p := range problems {
			if p.Path != "f.md" || p.Line < 1 || p.Line > lines || p.Message == "" || strings.ContainsAny(p.Message, "\n\x1b\x00") {
				t.Errorf("problem %+v of %d lines", p, lines)
			}
		}
		if document == nil {
			return
		}
		if document.Line < 1 || document.Line > lines {
			t.Errorf("document on line %d of %d", document.Line, lines)
		}
		for _, item := range document.ActionItems {
			if item.Line < 1 || item.Line > lines {
				t.Errorf("item on line %d of %d", item.Line, lines)
			}
			if item.Due != "" {
				if _, err := time.Parse(time.DateOnly, item.Due); err != nil {
					t.Errorf("due: %v", err)
				}
			}
		}
	})
}
