package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The pages under docs/rules are made from the rules' METADATA.
func TestDocsAreUpToDate(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "rules")
	pages := map[string]string{"README.md": indexPage(builtin())}
	for _, r := range builtin() {
		pages[r.ID+".md"] = rulePage(r)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		generated(t, filepath.Join(dir, name), []byte(text))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if pages[entry.Name()] != "" {
			continue
		}
		if path := filepath.Join(dir, entry.Name()); !*update {
			t.Errorf("%s is no rule's page: run go test ./checks/policy -update", path)
		} else if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

const notice = "<!-- Made from the METADATA of %s by go test ./checks/policy -update. -->\n"

func rulePage(r Rule) string {
	var page strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&page, format+"\n", args...) }
	section := func(title, text string) {
		if text != "" {
			line("\n## %s\n\n%s", title, text)
		}
	}
	line(notice, "policies/"+r.Path)
	line("# %s\n", r.Title)
	line("`%s`, category %s, severity %s when nothing is configured, since %s.\n", r.ID, r.Category, r.Severity, r.Since)
	line("%s\n", r.Description)
	line("**What to do:** %s", r.Remedy)
	section("It objects to", example(r.Given, r.Bad))
	section("It accepts", example(r.Given, r.Good))
	options := ""
	if len(r.Options) > 0 {
		options = "| option | default |\n|---|---|\n"
		for _, name := range slices.Sorted(maps.Keys(r.Options)) {
			value, _ := json.Marshal(r.Options[name])
			options += fmt.Sprintf("| `%s` | `%s` |\n", name, value)
		}
		options = strings.TrimSuffix(options, "\n")
	}
	section("Options", options)
	configuration := fmt.Sprintf("In `.pmcheck.yml`, for the whole project:\n\n```yaml\nrules:\n  %s: {severity: info} # error | warning | info | off\n```", r.ID)
	if r.IsAboutStatements() {
		configuration += fmt.Sprintf("\n\nAbove a statement, for this statement alone; the reason stays in the report:\n\n```sql\n-- pmcheck:ignore %s: reason\n```", r.ID)
	}
	section("Configuration", configuration)
	if len(r.Sources) > 0 {
		section("Sources", "- "+strings.Join(r.Sources, "\n- "))
	}
	return page.String()
}

func example(given, text string) string {
	if text == "" {
		return ""
	}
	if given != "" {
		given = "-- the schema before\n" + given + "\n\n-- the migration\n"
	}
	return "```sql\n" + given + text + "\n```"
}

func indexPage(rules []Rule) string {
	var page strings.Builder
	fmt.Fprintf(&page, notice+"\n# Rules\n\n", "policies")
	page.WriteString("`pmcheck rules` lists them with the severities that they have in a project, `pmcheck explain RULE` shows one.\n")
	categories := map[string]bool{}
	for _, r := range rules {
		categories[r.Category] = true
	}
	for _, category := range slices.Sorted(maps.Keys(categories)) {
		fmt.Fprintf(&page, "\n## %s\n\n| rule | severity | |\n|---|---|---|\n", category)
		for _, r := range rules {
			if r.Category == category {
				fmt.Fprintf(&page, "| [%s](%s.md) | %s | %s |\n", r.ID, r.ID, r.Severity, r.Title)
			}
		}
	}
	return page.String()
}
