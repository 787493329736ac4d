package githubapp

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/operations.md anew")

// TestSettingsTable holds the table in the documentation against the options.
func TestSettingsTable(t *testing.T) {
	const path = "../../docs/operations.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("\n\n| key | default | what it is |\n|---|---|---|\n")
	for _, o := range Options() {
		value := "`" + o.Default + "`"
		switch {
		case o.Required:
			value = "required"
		case o.Default == "":
			value = ""
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", o.Key(), value, o.Usage)
	}
	table.WriteString("\n")
	between := regexp.MustCompile(`(?s)(<!-- settings: [^>]*-->).*(<!-- end of settings -->)`)
	if !between.Match(content) {
		t.Fatalf("%s has no place for the table", path)
	}
	want := between.ReplaceAllString(string(content), "${1}"+strings.ReplaceAll(table.String(), "$", "$$")+"${2}")
	if string(content) == want {
		return
	}
	if !*update {
		t.Fatalf("%s has another table of settings: go test ./checks/githubapp -run TestSettingsTable -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
		t.Fatal(err)
	}
}
