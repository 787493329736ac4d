package hazard

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/pmcheck/pmcheck/migrations-lint/postgres"
)

const documentPath = "../../docs/locks.md"

// TestDocument holds docs/locks.md to the record, so that no line of it lacks a proof.
func TestDocument(t *testing.T) {
	if *update {
		writeDocument(t)
	}
	want := document(t)
	got, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the record says; run go test -update", documentPath)
	}
}

func writeDocument(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(documentPath, []byte(document(t)), 0o644); err != nil {
		t.Fatal(err)
	}
}

type section struct{ Title, Anchor, Setup, Rows string }

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(recordPath)
	if err != nil {
		t.Fatal(err)
	}
	var recorded record
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	page, err := template.ParseFiles("testdata/locks.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var data struct {
		Versions, Locks, Older  string
		Statements, Comparisons int
		Groups                  []section
	}
	data.Versions = fmt.Sprintf("%d to %d", judged[0], judged[len(judged)-1])
	data.Locks = lockTable()
	older := map[string]int{}
	for _, g := range readGroups(t) {
		s := section{Title: g.title, Setup: strings.TrimSpace(g.setup)}
		if g.from18 {
			s.Title += " (18)"
		}
		s.Anchor = anchor(s.Title)
		var rows strings.Builder
		for _, statement := range g.statements {
			data.Statements++
			for _, v := range recorded[g.title][statement] {
				data.Comparisons += v.To - v.From + 1
				rows.WriteString(row(statement, v))
			}
			needsOlder(t, g, statement, older)
		}
		s.Rows = rows.String()
		data.Groups = append(data.Groups, s)
	}
	var lines []string
	for _, line := range slices.Sorted(maps.Keys(older)) {
		lines = append(lines, "- "+line)
	}
	data.Older = strings.Join(lines, "\n")
	var out strings.Builder
	if err := page.Execute(&out, data); err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

// needsOlder collects the statements that 12 or 13 do not know, though 14 does.
func needsOlder(t *testing.T, g group, statement string, found map[string]int) {
	t.Helper()
	if g.from18 {
		return
	}
	c, err := schemaOf(g, 14)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range postgres.Parse(statement + ";").Statements {
		for _, op := range s.Ops {
			if cost := Of(op.Op, c, 12); cost.Needs == 13 || cost.Needs == 14 {
				found[fmt.Sprintf("%d: %s", cost.Needs, code(statement))]++
			}
		}
	}
}

func lockTable() string {
	yes := func(lock, other Lock) string {
		if lock.conflictsWith(other) {
			return "waits"
		}
		return ""
	}
	var b strings.Builder
	for _, lock := range modes {
		var others []string
		for _, m := range conflicts[lock] {
			others = append(others, string(m))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", lock, yes(lock, AccessShare), yes(lock, RowExclusive), yes(lock, ShareUpdateExclusive), strings.Join(others, ", "))
	}
	return b.String()
}

// row is one line of a group's table.
func row(statement string, v versioned) string {
	versions := fmt.Sprintf("%d to %d", v.From, v.To)
	if v.From == v.To {
		versions = fmt.Sprint(v.From)
	}
	e := v.Effect
	var locks, does []string
	for _, lock := range slices.Backward(modes) {
		var names []string
		for name, held := range e.Locks {
			if held == string(lock) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if len(names) > 0 {
			locks = append(locks, string(lock)+": "+strings.Join(names, ", "))
		}
	}
	if len(e.Rewrites) > 0 {
		does = append(does, "rewrites "+strings.Join(e.Rewrites, ", "))
	}
	scans := slices.DeleteFunc(slices.Clone(e.Scans), func(name string) bool { return slices.Contains(e.Rewrites, name) })
	if len(scans) > 0 {
		does = append(does, "scans "+strings.Join(scans, ", "))
	}
	if len(e.Builds) > 0 {
		does = append(does, "builds "+strings.Join(e.Builds, ", "))
	}
	if e.NotInTransaction {
		does = append(does, "not in a transaction")
	}
	if e.Waits {
		does = append(does, "waits for older transactions")
	}
	if e.Error != "" {
		locks = []string{"refused: " + cell(strings.TrimPrefix(e.Error, "ERROR: "))}
	}
	return fmt.Sprintf("| %s | %s | %s | %s |\n", cell(code(statement)), versions, strings.Join(locks, "<br>"), strings.Join(does, "<br>"))
}

func code(statement string) string { return "`" + strings.Join(strings.Fields(statement), " ") + "`" }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// anchor is the link that a heading gets on GitHub.
func anchor(title string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(title) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	return b.String()
}
